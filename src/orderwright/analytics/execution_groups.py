"""From the rows of every order to the figures of groups of them.

Orders that are alike in everything a report groups by (exchange, symbol, strategy, type, quote asset and hour) make a
cell. What can be added up is added up once, by cell; each grouping then adds up cells. Money is added up as DECIMAL,
so groups of any kind add up to the totals, to the last digit. Squares are taken of what is left when a value near the
mean is taken off, so that no digits are lost. Quantiles cannot be added up: `execution_sums` takes them of the orders.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from orderwright.analytics.expressions import FINAL, as_double, sql
from orderwright.analytics.records import MARK_OUTS, Estimate, Figures, Shortfall
from orderwright.analytics.statistics import mean, ratio, within
from orderwright.core.model import DAY
from orderwright.core.numbers import EXACT, ZERO, divided, rounded

if TYPE_CHECKING:
    import duckdb
    from ibis.expr.types import Table

    from orderwright.analytics.expressions import Ints

KINDS = ("exchange", "symbol", "strategy", "order_type", "hour", "day")
PARTS = ("paper", "delay", "impact", "opportunity")
MEANS = {
    "slippage": "slippage_bps",
    "fill_time": "last_fill_ms",
    "fill_ratio": "fill_ratio",
}
_AVERAGES = {"effective_spread": "effective_spread_bps", "improvement": "improvement_bps"}
HOUR = 3_600_000_000
_COUNTED = {
    "filled": ("filled",),
    "over": FINAL,
    "rejected": ("rejected", "denied"),
    "cancelled": ("cancelled", "expired"),
}
_ALIKE = ("exchange", "symbol", "strategy", "order_type", "quote", "hours")


class Group(Struct, frozen=True):
    """What a group adds up to. sums: by quote asset, by name. rates: what a unit of a quote asset is worth in the
    report's currency, None where not known. shift: what was taken off the values of each mean."""

    name: Any
    sums: Mapping[str, Mapping[str, Any]]
    rates: Mapping[str, Decimal | None]
    shift: Mapping[str, float]

    def plain(self, name: str) -> Any:
        """A sum of counts or of doubles."""
        return sum(sums[name] or 0 for sums in self.sums.values())

    def money(self, name: str) -> Decimal:
        """A sum in the report's currency; what is in a quote asset without a price is left out."""
        whole = ZERO
        for quote, sums in self.sums.items():
            rate, amount = self.rates[quote], sums[name]
            if rate is not None and amount:
                whole = EXACT.add(whole, amount if rate == 1 else rounded(EXACT.multiply(amount, rate)))
        return whole

    def estimate(self, name: str) -> Estimate:
        count, one, two = (self.plain(f"{name}_{part}") for part in ("n", "one", "two"))
        if not count:
            return Estimate()
        variance = (two - one * one / count) / (count - 1) if count > 1 else 0.0
        return mean(count, one / count + self.shift[name], variance)


@contextmanager
def cells(connection: duckdb.DuckDBPyConnection, orders: Table) -> Iterator[dict[str, float]]:
    """For the time of a report the table `execution_cells`; gives what was taken off the values of each mean."""
    means = connection.execute(sql(orders.agg(**{name: orders[column].mean() for name, column in MEANS.items()})))
    shift = {name: value or 0.0 for name, value in zip(MEANS, means.fetchall()[0], strict=True)}
    connection.execute(f"CREATE OR REPLACE TEMP TABLE execution_cells AS {sql(_cells(orders, shift))}")
    try:
        yield shift
    finally:
        connection.execute("DROP TABLE execution_cells")


def alike(orders: Table) -> Table:
    """The orders with what those of a cell have in common; nothing is ""."""
    named = {name: orders[name].fill_null("") for name in _ALIKE[:4]}
    quote = orders.quote.fill_null(orders.symbol.split("/")[1]).fill_null("")
    return orders.mutate(**named, quote=quote, hours=orders.created // HOUR)


def in_cells(orders: Table, *columns: str) -> Table:
    """Columns of the orders, with the number of each one's cell."""
    import ibis

    made = ibis.table(dict.fromkeys(_ALIKE[:5], "string") | {"hours": "int64", "cell": "int64"}, name="execution_cells")
    rows = alike(orders)
    return rows.inner_join(made, list(_ALIKE)).select("cell", *columns)


def _cells(orders: Table, shift: Mapping[str, float]) -> Table:
    import ibis

    rows = alike(orders).mutate(
        value=as_double(orders.filled_quote), whole=orders.shortfall.notnull() & orders.paper.notnull()
    )
    sums: dict[str, Any] = {"orders": rows.count(), "maker": (rows.maker_share * rows.value).sum()}
    sums |= {name: rows.status.isin(states).sum() for name, states in _COUNTED.items()}
    sums |= {name: rows[name].sum() for name in ("value", "retries", "unknown_ms", "fees", "arrival_value")}
    sums |= {"traded": rows.filled_quote.sum(), "cost": rows.arrival_cost.sum(), "whole": rows.whole.sum()}
    sums |= {part: _where(rows.whole, rows[part]).sum() for part in PARTS}
    sums["fees_of_shortfall"] = _where(rows.whole, rows.fees).sum()
    for name, column in MEANS.items():
        apart = rows[column] - shift[name]
        sums |= {f"{name}_n": rows[column].count(), f"{name}_one": apart.sum(), f"{name}_two": (apart * apart).sum()}
    for name, column in _AVERAGES.items():
        sums |= {name: rows[column].sum(), f"{name}_n": rows[column].count()}
    for name in MARK_OUTS:
        mark = rows[f"mark_out_{name}"]
        sums |= {f"mark_{name}": (mark * rows.value).sum(), f"weight_{name}": _where(mark.notnull(), rows.value).sum()}
        sums["marked"] = sums.get("marked", 0) + mark.count()
    sums["left_out"] = rows.fees_left_out.count()
    bought = rows.filled_quantity > 0
    sums |= {"bought": bought.sum(), "unpriced": (bought & rows.slippage_bps.isnull()).sum()}
    sums |= {"first_time": rows.created.min(), "last_time": rows.created.max()}
    made = rows.group_by(*_ALIKE).agg(**sums)
    return made.mutate(cell=ibis.row_number(), hour=made.hours % 24, day=made.hours // (DAY // HOUR))


def _where(condition: Any, value: Any) -> Any:
    """The value where the condition holds, else null. Quicker to add up than a sum with a filter."""
    import ibis

    return condition.ifelse(value, ibis.null(value.type()))


def groups(
    connection: duckdb.DuckDBPyConnection,
    kinds: tuple[str, ...],
    rates: Mapping[str, Decimal | None],
    shift: Mapping[str, float],
) -> list[Group]:
    """The cells of the connection added up by all of some kinds; a group's name is what it has of each kind."""
    columns = [row[0] for row in connection.execute("DESCRIBE execution_cells").fetchall()]
    added = [name for name in columns if name not in (*_ALIKE, *KINDS, "cell", "first_time", "last_time")]
    sums = ", ".join(f'sum("{name}")' for name in added)
    keys = ", ".join((*kinds, "quote"))
    rows = connection.execute(f"SELECT {keys}, {sums} FROM execution_cells GROUP BY {keys} ORDER BY {keys}").fetchall()
    found: dict[tuple[Any, ...], dict[str, dict[str, Any]]] = {}
    for row in rows:
        name, quote, values = row[: len(kinds)], row[len(kinds)], row[len(kinds) + 1 :]
        found.setdefault(name, {})[quote] = dict(zip(added, values, strict=True))
    return [Group(name, by_quote, rates, shift) for name, by_quote in found.items()]


def places(connection: duckdb.DuckDBPyConnection, kind: str) -> Ints:
    """The place of each cell's group among the `groups` of one kind, in order of the cells' numbers."""
    place = f"SELECT dense_rank() OVER (ORDER BY {kind}) - 1 AS place FROM execution_cells ORDER BY cell"
    return connection.execute(place).fetchnumpy()["place"]


def cost_bps_of(group: Group) -> float | None:
    """What the orders of a group cost, in bps of what they would have cost at arrival."""
    value = group.money("arrival_value")
    return float(divided(group.money("cost") * 10_000, value)) if value else None


def figures_of(group: Group, name: str, quantiles: Mapping[str, Any]) -> Figures:
    """The figures of a group. quantiles: the fields that hold them."""
    over = group.plain("over")
    cost_bps = cost_bps_of(group)
    return Figures(
        name=name,
        orders=group.plain("orders"),
        filled=group.plain("filled"),
        traded=group.money("traded"),
        fees=group.money("fees"),
        cost=None if cost_bps is None else group.money("cost"),
        cost_bps=cost_bps,
        success=ratio(group.plain("filled"), over),
        rejected=ratio(group.plain("rejected"), over),
        cancelled=ratio(group.plain("cancelled"), over),
        fill_ratio=within(group.estimate("fill_ratio"), 0.0, 1.0),
        slippage=group.estimate("slippage"),
        fill_time=group.estimate("fill_time"),
        effective_spread_bps=_over(group.plain("effective_spread"), group.plain("effective_spread_n")),
        improvement_bps=_over(group.plain("improvement"), group.plain("improvement_n")),
        maker_share=_over(group.plain("maker"), group.plain("value")),
        mark_outs={key: _over(group.plain(f"mark_{key}"), group.plain(f"weight_{key}")) for key in MARK_OUTS},
        retries=group.plain("retries"),
        unknown_ms=group.plain("unknown_ms"),
        **quantiles,
    )


def _over(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def shortfall_of(group: Group) -> Shortfall:
    """The shortfall of the orders of a group that have ended and could be priced."""
    paper, delay, impact, opportunity = (group.money(name) for name in PARTS)
    fees = group.money("fees_of_shortfall")
    total = delay + impact + fees + opportunity
    return Shortfall(
        paper=paper,
        total=total,
        delay=delay,
        impact=impact,
        fees=fees,
        opportunity=opportunity,
        total_bps=float(divided(total * 10_000, paper)) if paper else None,
        orders=group.plain("whole"),
    )
