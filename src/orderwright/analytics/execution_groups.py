"""From the figures of every order to the figures of groups of them.

Orders that are alike in everything a report groups by (exchange, symbol, strategy, type, day and hour, UTC) make a
cell. What can be added up is added up once, by cell; each grouping then adds up cells. So groups of any kind add up to
the totals, money to the last digit. Quantiles cannot be added up and are taken of the orders themselves.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from orderwright.analytics import execution_sums as added
from orderwright.analytics.execution_arrays import LAST_FINAL, STATUS, Quality
from orderwright.analytics.execution_facts import Facts, Floats, Ints
from orderwright.analytics.records import MARK_OUTS, Estimate, Figures, Shortfall
from orderwright.analytics.statistics import mean, ratio
from orderwright.core.model import DAY
from orderwright.core.numbers import EXACT, ZERO, divided, rounded

KINDS = ("exchange", "symbol", "strategy", "order_type", "hour", "day")
HOUR = 3_600_000_000
MOST_CELLS = 4_000_000
PARTS = ("paper", "delay", "impact", "opportunity")
_MEANS = ("slippage", "fill_time", "fill_ratio", "effective_spread", "improvement")


@dataclass(slots=True)
class Cells:
    """of: int[n], each order's cell. codes: per kind, the cell's group. names: per kind, the groups' names. quote: the
    cell's quote asset, by its place in quotes. plain: float[cells] by name; money: limbs by name. shift: what was taken
    off each value before it was squared, so that no digits are lost."""

    of: Ints
    codes: dict[str, Ints]
    names: dict[str, list[str]]
    quote: Ints
    quotes: list[str]
    plain: dict[str, Floats]
    money: dict[str, Floats]
    shift: dict[str, float]


def cells(facts: Facts, figures: Quality) -> Cells:
    """Every order in its cell, and what the cells add up to."""
    per_order, names = _codes(facts)
    of, codes = _numbered([per_order[kind] for kind in KINDS], [len(names[kind]) for kind in KINDS])
    count = len(codes[0])
    quote, quotes = _quotes(facts, of, count)
    made = Cells(of, dict(zip(KINDS, codes, strict=True)), names, quote, quotes, {}, {}, {})
    _count(made, figures, count)
    _add(made, figures, count)
    return made


def _codes(facts: Facts) -> tuple[dict[str, Ints], dict[str, list[str]]]:
    orders, named = facts.orders, facts.names
    codes = {kind: np.maximum(orders[kind], 0).astype(np.int64) for kind in KINDS[:4]}
    names = {kind: ["", *named[kind]] for kind in KINDS[:4]}
    time = orders["time"]
    day = time // DAY
    first, last = (int(day.min()), int(day.max())) if len(day) else (0, -1)
    codes |= {"hour": time % DAY // HOUR, "day": day - first}
    days = [(dt.date(1970, 1, 1) + dt.timedelta(days=number)).isoformat() for number in range(first, last + 1)]
    return codes, names | {"hour": [f"{hour:02d}" for hour in range(24)], "day": days}


def _numbered(codes: list[Ints], sizes: list[int]) -> tuple[Ints, list[Ints]]:
    """The cell of each order, and of each cell that has orders its codes."""
    whole = codes[0]
    for code, size in zip(codes[1:], sizes[1:], strict=True):
        whole = whole * size + code
    possible = int(np.prod([float(size) for size in sizes]))
    if possible <= MOST_CELLS:
        used = np.flatnonzero(np.bincount(whole, minlength=max(possible, 1)))
        places = np.zeros(max(possible, 1), np.int64)
        places[used] = np.arange(len(used))
        of = places[whole]
    else:
        used, of = np.unique(whole, return_inverse=True)
    split = []
    rest = used
    for size in reversed(sizes):
        split.append(rest % max(size, 1))
        rest = rest // max(size, 1)
    return of, split[::-1]


def _quotes(facts: Facts, of: Ints, count: int) -> tuple[Ints, list[str]]:
    market = np.full(count, -1, np.int64)
    market[of] = facts.orders["market"]
    symbol = np.zeros(count, np.int64)
    symbol[of] = np.maximum(facts.orders["symbol"], 0)
    names = ["", *facts.names["symbol"]]
    assets = [
        facts.quotes[one] if one >= 0 else names[other].partition("/")[2]
        for one, other in zip(market.tolist(), symbol.tolist(), strict=True)
    ]
    quotes = sorted(set(assets))
    place = {asset: number for number, asset in enumerate(quotes)}
    return np.array([place[asset] for asset in assets], np.int64), quotes


def _count(made: Cells, figures: Quality, count: int) -> None:
    of, status, plain = made.of, figures.status, made.plain
    for name, rows in {
        "orders": np.ones(len(of), np.bool_),
        "filled": status == STATUS["filled"],
        "over": status <= LAST_FINAL,
        "rejected": (status == STATUS["rejected"]) | (status == STATUS["denied"]),
        "cancelled": (status == STATUS["cancelled"]) | (status == STATUS["expired"]),
    }.items():
        plain[name] = np.bincount(of[rows], minlength=count).astype(np.float64)
    values = {
        "maker": figures.maker,
        "value": figures.value,
        "retries": figures.retries.astype(np.float64),
        "unknown": figures.unknown,
    }
    for name, value in values.items():
        plain[name] = added.sums(of, count, value)
    for name in _MEANS:
        value = getattr(figures, name)
        centre = float(np.nanmean(value)) if not np.isnan(value).all() else 0.0
        made.shift[name] = centre
        plain[f"{name} n"] = added.known(of, count, value)
        plain[f"{name} 1"] = added.sums(of, count, value - centre)
        plain[f"{name} 2"] = added.sums(of, count, (value - centre) ** 2)
    at = of[figures.mark_at]
    for name, value in figures.marks.items():
        plain[f"mark {name}"] = added.sums(at, count, value * figures.mark_value)
        plain[f"weight {name}"] = added.sums(at, count, np.where(np.isnan(value), np.nan, figures.mark_value))


def _add(made: Cells, figures: Quality, count: int) -> None:
    of, money = made.of, made.money
    exact = figures.fee_exact
    money["traded"] = added.money_limbs(of, count, figures.traded)
    money["fees"] = added.money_limbs(of[exact["at"]], count, exact["fee"])
    money["fees converted"] = added.rounded_limbs(of, count, figures.fees)
    money["paid"] = added.rounded_limbs(of, count, figures.paid)
    money["arrival value"] = added.rounded_limbs(of, count, figures.arrival_value)
    priced = ~np.isnan(figures.paid)
    money["fees of paid"] = added.money_limbs(of[exact["at"]], count, exact["fee"].take(slice(None)))
    without = ~priced[exact["at"]]
    if without.any():  # traded before there was a price to hold it to: no cost, whatever the fees
        money["fees of paid"] = money["fees of paid"] - added.money_limbs(
            of[exact["at"]][without], count, exact["fee"].take(without)
        )
    money["converted of paid"] = added.rounded_limbs(of, count, np.where(priced, figures.fees, 0.0))
    whole = ~np.isnan(figures.opportunity + figures.delay + figures.impact + figures.paper)
    made.plain["shortfall"] = np.bincount(of[whole], minlength=count).astype(np.float64)
    for name in PARTS:
        money[name] = added.rounded_limbs(of, count, np.where(whole, getattr(figures, name), 0.0))
    kept = whole[exact["at"]]
    money["fees of shortfall"] = added.money_limbs(of[exact["at"]][kept], count, exact["fee"].take(kept))
    money["converted of shortfall"] = added.rounded_limbs(of, count, np.where(whole, figures.fees, 0.0))


@dataclass(slots=True)
class Sums:
    """The sums of each group of one grouping. rates: what a unit of each quote asset is worth, None where not known."""

    plain: dict[str, Floats]
    money: dict[str, Floats]  # [limbs, group x quote]
    quotes: int
    rates: list[Decimal | None]
    shift: dict[str, float]

    def total(self, name: str, group: int) -> Decimal:
        """A group's money in the report's currency; what is in a quote asset without a price is left out."""
        whole = ZERO
        limbs = self.money[name]
        make: Any = added.from_limbs if len(limbs) == 4 else added.from_rounded
        for quote, rate in enumerate(self.rates):
            column = limbs[:, group * self.quotes + quote]
            if rate is not None and column.any():
                amount = make(column)
                whole = EXACT.add(whole, amount if rate == 1 else rounded(EXACT.multiply(amount, rate)))
        return whole

    def estimate(self, name: str, group: int) -> Estimate:
        count, one, two = (float(self.plain[f"{name} {part}"][group]) for part in ("n", "1", "2"))
        if not count:
            return Estimate()
        variance = (two - one * one / count) / (count - 1) if count > 1 else 0.0
        return mean(int(count), one / count + self.shift[name], variance)


def sums_by(made: Cells, groups: Ints, count: int, rates: list[Decimal | None]) -> Sums:
    """Cells added up by group. groups: int[cells]."""
    plain = {name: added.tally(groups, count, cell) for name, cell in made.plain.items()}
    quotes = len(made.quotes)
    both = groups * quotes + made.quote
    money = {
        name: np.stack([added.tally(both, count * quotes, limb) for limb in limbs])
        for name, limbs in made.money.items()
    }
    return Sums(plain, money, quotes, rates, made.shift)


def figures_of(sums: Sums, group: int, name: str, **quantiles: Any) -> Figures:
    """The figures of one group. quantiles: the fields that hold them."""
    plain = {key: float(values[group]) for key, values in sums.plain.items()}
    counts = {key: int(plain[key]) for key in ("orders", "filled", "over", "rejected", "cancelled")}
    fees = sums.total("fees", group) + sums.total("fees converted", group)
    value = sums.total("arrival value", group)
    cost = None
    if value:
        parts = ("paid", "fees of paid", "converted of paid")
        cost = sum((sums.total(part, group) for part in parts), ZERO)
    marks = {key: _over(plain[f"mark {key}"], plain[f"weight {key}"]) for key in MARK_OUTS}
    return Figures(
        name=name,
        orders=counts["orders"],
        filled=counts["filled"],
        traded=sums.total("traded", group),
        fees=fees,
        cost=cost,
        cost_bps=None if cost is None else float(divided(cost * 10_000, value)),
        success=ratio(counts["filled"], counts["over"]),
        rejected=ratio(counts["rejected"], counts["over"]),
        cancelled=ratio(counts["cancelled"], counts["over"]),
        fill_ratio=sums.estimate("fill_ratio", group),
        slippage=sums.estimate("slippage", group),
        fill_time=sums.estimate("fill_time", group),
        effective_spread_bps=sums.estimate("effective_spread", group).value,
        improvement_bps=sums.estimate("improvement", group).value,
        maker_share=_over(plain["maker"], plain["value"]),
        mark_outs=marks,
        retries=int(plain["retries"]),
        unknown_ms=plain["unknown"],
        **quantiles,
    )


def _over(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def shortfall_of(sums: Sums) -> Shortfall:
    """The shortfall of all orders of the first group that have ended and could be priced."""
    paper, delay, impact, opportunity = (sums.total(name, 0) for name in PARTS)
    fees = sums.total("fees of shortfall", 0) + sums.total("converted of shortfall", 0)
    total = delay + impact + fees + opportunity
    return Shortfall(
        paper=paper,
        total=total,
        delay=delay,
        impact=impact,
        fees=fees,
        opportunity=opportunity,
        total_bps=float(divided(total * 10_000, paper)) if paper else None,
        orders=int(sums.plain["shortfall"][0]),
    )
