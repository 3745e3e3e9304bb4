"""How well each order was executed, as arrays: `order_quality` for millions of orders at once.

Every formula stands in `order_quality` in words that an engine runs one row at a time; here it is again, one array at
a time, and a test holds the two to one another. NaN is null. Rows are the orders of `Facts`, in order of id.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from orderwright.analytics.execution_facts import KINDS, STATUSES, Bools, Facts, Floats, Ints, Money
from orderwright.analytics.execution_sums import tally
from orderwright.analytics.expressions import BPS, FINAL
from orderwright.analytics.order_fills import MAX_AGE
from orderwright.analytics.records import MARK_OUTS

KIND = {name: number for number, name in enumerate(KINDS, start=1)}
STATUS = {name: number for number, name in enumerate(STATUSES, start=1)}
LAST_FINAL = len(FINAL)  # the statuses up to here are final, the first of them is filled
NEVER = np.int64(-1)
CORES = min(os.cpu_count() or 1, 8)


@dataclass(slots=True)
class Quality:
    """float64[n] unless said otherwise; times are milliseconds. status: int8[n], 1 + its place in STATUSES. money: what
    each order traded, exactly. by_fill: the mark-outs of each fill, by horizon, and its value and order."""

    status: Any
    created: Ints
    size: Floats
    filled: Floats
    traded: Money
    value: Floats
    arrival_value: Floats
    paid: Floats  # above arrival, fees left out
    fees: Floats  # converted: those in the quote asset are in fee_exact
    fee_exact: dict[str, Any]
    left_out: dict[int, int]
    slippage: Floats
    effective_spread: Floats
    improvement: Floats
    ack: Floats
    fill_time: Floats
    fill_ratio: Floats
    maker: Floats
    retries: Ints
    unknown: Floats
    paper: Floats
    delay: Floats
    impact: Floats
    opportunity: Floats
    marks: dict[str, Floats]
    mark_value: Floats
    mark_at: Ints

    @property
    def over(self) -> Bools:
        return np.asarray(self.status <= LAST_FINAL)


def quality(facts: Facts) -> Quality:
    """The figures of every order in `facts`."""
    count, orders, fills = len(facts), facts.orders, facts.fills
    sign = np.where(orders["buy"], 1.0, -1.0)
    status = _status(facts)
    arrival, touch = orders["arrival"].doubles(), orders["touch"].doubles()
    decision = orders["decision"].doubles()
    decision = np.where(np.isnan(decision), arrival, decision)
    size, send, sent, end = _asked(facts, status, arrival)
    filled, value, traded = _filled(facts)
    bought, over = filled > 0, status <= LAST_FINAL
    average = np.divide(value, filled, out=np.full(count, np.nan), where=bought)
    price, shares = fills["price"].doubles(), fills["quantity"].doubles()
    fees, exact, left_out = _fees(facts, price)
    created, last_fill = orders["time"], _latest(count, fills["at"], fills["time"])
    acked = _earliest(count, *_of_kind(facts, "order_accepted"))
    whole = filled >= size
    missed = np.where(whole, 0.0, sign * (end - decision) * (size - filled))
    maker = tally(fills["at"], count, price * shares * fills["maker"])
    return Quality(
        status=status,
        created=created,
        size=size,
        filled=filled,
        traded=traded,
        value=value,
        arrival_value=np.where(bought, arrival * filled, np.nan),
        paid=np.where(bought, sign * (value - arrival * filled), np.nan),
        fees=fees,
        fee_exact=exact,
        left_out=left_out,
        slippage=BPS * sign * (average - arrival) / arrival,
        effective_spread=2 * BPS * np.abs(average - arrival) / arrival,
        improvement=BPS * sign * (touch - average) / touch,
        ack=_milliseconds(acked, sent),
        fill_time=_milliseconds(last_fill, created),
        fill_ratio=filled / size,
        maker=maker,
        retries=_retries(facts),
        unknown=_unknown(facts),
        paper=decision * size,
        delay=np.where(bought, sign * (send - decision) * filled, 0.0),
        impact=np.where(bought, sign * (value - send * filled), 0.0),
        opportunity=np.where(over, missed, np.nan),
        marks=_marks(facts, sign, price),
        mark_value=price * shares,
        mark_at=fills["at"],
    )


def _newest(out: Any, at: Ints, values: Any) -> Any:
    """Put each order's last value in its place: rows are in the log's order, and of several the last one stays."""
    out[at] = values
    return out


def _latest(count: int, at: Ints, times: Ints) -> Ints:
    return np.asarray(_newest(np.full(count, NEVER), at, times))


def _earliest(count: int, at: Ints, times: Ints) -> Ints:
    return np.asarray(_newest(np.full(count, NEVER), at[::-1], times[::-1]))


def _milliseconds(until: Ints, since: Ints) -> Floats:
    return np.asarray(np.where((until == NEVER) | (since == NEVER), np.nan, (until - since) / 1_000))


def _of_kind(facts: Facts, kind: str, more: Bools | None = None) -> tuple[Ints, Ints]:
    steps = facts.steps
    rows = steps["kind"] == KIND[kind]
    rows = rows if more is None else rows & more
    return steps["at"][rows], steps["time"][rows]


def _status(facts: Facts) -> Any:
    waits = np.where(facts.orders["waited"], STATUS["pending"], STATUS["submitted"]).astype(np.int8)
    return _newest(waits, facts.steps["at"], facts.steps["status"])


def _asked(facts: Facts, status: Any, arrival: Floats) -> tuple[Floats, Floats, Ints, Floats]:
    """Quantity as it came to be, the price and the time of sending, and the price at the end."""
    orders, changes, count = facts.orders, facts.changes, len(facts)
    size = _newest(orders["quantity"].doubles(), changes["at"], changes["quantity"].doubles())
    mids, waited, sends = changes["mid"].doubles(), orders["waited"], changes["sends"]
    send = np.where(waited, np.nan, arrival)
    waiting = sends & waited[changes["at"]]
    _newest(send, changes["at"][waiting], mids[waiting])
    sent = np.where(waited, NEVER, orders["time"])
    at, times = _of_kind(facts, "request_submitted", facts.steps["number"] == 0)
    _newest(sent, at, times)
    end = np.full(count, np.nan)
    ended = ~sends & changes["mid"].known
    _newest(end, changes["at"][ended], mids[ended])
    end[(status > LAST_FINAL) | (status == STATUS["filled"])] = np.nan
    return size, send, sent, end


def _filled(facts: Facts) -> tuple[Floats, Floats, Money]:
    """What each order has filled, and for how much: after its newest execution, correction or bust."""
    traded, count = facts.traded, len(facts)
    newest = np.full(count, -1, np.int64)
    newest[traded["at"]] = np.arange(len(traded["at"]))
    none = newest < 0
    rows = np.where(none, 0, newest)
    if none.all():
        nothing = np.zeros(count, np.int64)
        zero = Money(nothing.astype(np.uint64), nothing, np.ones(count, np.bool_))
        return np.zeros(count), np.zeros(count), zero
    amounts = []
    for name in ("filled_quantity", "filled_quote"):
        money = traded[name].take(rows)
        amounts.append(Money(np.where(none, np.uint64(0), money.low), np.where(none, 0, money.high), ~none | True))
    return amounts[0].doubles(), amounts[1].doubles(), amounts[1]


def _fees(facts: Facts, price: Floats) -> tuple[Floats, dict[str, Any], dict[int, int]]:
    """Each order's fees in other assets, converted; those in the quote asset, exact and by fill; and of which asset how
    many fees had no price."""
    fills, names = facts.fills, facts.names["fee_asset"]
    place = {name: number for number, name in enumerate(names, start=1)}
    market = facts.orders["market"][fills["at"]]
    quote, base = (np.array([place.get(name, -2) for name in some] + [-2]) for some in (facts.quotes, facts.bases))
    asset, fee = fills["fee_asset"], fills["fee"]
    in_quote = asset == quote[market]
    exact = {"at": fills["at"], "fee": fee}
    other = ~in_quote & ((fee.low != 0) | (fee.high != 0))
    if in_quote.all() or not other.any():
        if not in_quote.all():
            exact = {"at": fills["at"][in_quote], "fee": fee.take(in_quote)}
        return np.zeros(len(facts)), exact, {}
    rates = _rates(facts)[np.maximum(market, -1), np.maximum(asset, 0)]
    rates = np.where(asset == base[market], price, rates)
    left = other & np.isnan(rates)
    worth = np.where(other & ~left, fee.doubles() * np.nan_to_num(rates), 0.0)
    exact = {"at": fills["at"][in_quote], "fee": fee.take(in_quote)}
    missing = {int(number): int(many) for number, many in zip(*np.unique(asset[left], return_counts=True), strict=True)}
    return tally(fills["at"], len(facts), worth), exact, missing


def latest_prices(facts: Facts) -> dict[tuple[str, str, str], float]:
    """(exchange, base, quote) -> its newest logged price."""
    prices = facts.prices
    found: dict[tuple[str, str, str], float] = {}
    for number in np.unique(prices["market"]):
        if number >= 0:
            last = int(np.searchsorted(prices["market"], number, side="right")) - 1
            found[facts.exchanges[number], facts.bases[number], facts.quotes[number]] = float(prices["mid"][last])
    return found


def _rates(facts: Facts) -> Floats:
    """[market, asset]: what a unit of an asset is worth in the market's quote asset, by the newest price; else NaN."""
    prices, names = latest_prices(facts), facts.names["fee_asset"]
    rates = np.full((len(facts.quotes) + 1, len(names) + 1), np.nan)
    for market, (exchange, quote) in enumerate(zip(facts.exchanges, facts.quotes, strict=True)):
        for number, asset in enumerate(names, start=1):
            rates[market, number] = prices.get((exchange, asset, quote), np.nan)
    return rates


def _retries(facts: Facts) -> Ints:
    """Replaces, and cancels after the first."""
    steps, count = facts.steps, len(facts)
    later = np.flatnonzero(steps["number"] > 0)
    later = later[steps["kind"][later] == KIND["request_submitted"]]
    at, request = steps["at"][later], steps["request"][later]
    replaces, cancels = (np.bincount(at[request == kind], minlength=count) for kind in (2, 3))
    return np.asarray(replaces + np.maximum(cancels - 1, 0))


def _unknown(facts: Facts) -> Floats:
    """From the first word lost to the first step that tells the outcome; while none has, to the order's last step."""
    steps, spent = facts.steps, np.zeros(len(facts))
    lost = np.flatnonzero(steps["kind"] == KIND["request_unknown"])
    lost = lost[steps["number"][lost] == 0]
    began = np.full(len(facts), len(steps["at"]))
    began[steps["at"][lost][::-1]] = lost[::-1]
    rows = np.flatnonzero((began < len(steps["at"]))[steps["at"]])
    rows = rows[rows > began[steps["at"][rows]]]
    at, kind, time = steps["at"][rows], steps["kind"][rows], steps["time"][rows]
    told = (kind <= KIND["request_dead"]) & (kind > 0) & ((kind != KIND["request_dead"]) | (steps["number"][rows] == 0))
    until = _latest(len(facts), at, time)
    _newest(until, at[told][::-1], time[told][::-1])
    orders = np.unique(steps["at"][lost])
    spent[orders] = np.maximum(until[orders] - steps["time"][began[orders]], 0) / 1_000
    return spent


def _marks(facts: Facts, sign: Floats, price: Floats) -> dict[str, Floats]:
    """Each fill's mark-outs. Prices are sorted by market and time, so each market is a stretch to search in, and the
    searches are done on every core."""
    market, prices = facts.orders["market"][facts.fills["at"]], facts.prices
    found = {name: np.full(len(market), np.nan) for name in MARK_OUTS}
    order = np.argsort(market, kind="stable")
    numbers, starts = np.unique(market[order], return_index=True)
    stretches = [order[start:end] for start, end in pairwise([*starts, len(market)])]

    def mark(number: int, rows: Ints) -> None:
        low, high = (int(at) for at in np.searchsorted(prices["market"], [number, number + 1]))
        if number >= 0 and low < high:
            part = {name: prices[name][low:high] for name in ("time", "mid", "sequence")}
            _mark(facts.fills, rows, part, sign, price, found)

    with ThreadPoolExecutor(CORES) as threads:
        list(threads.map(mark, (int(number) for number in numbers), stretches))
    return found


def _mark(
    fills: dict[str, Any], rows: Ints, prices: dict[str, Any], sign: Floats, price: Floats, found: dict[str, Floats]
) -> None:
    """The mark-outs of the fills of one market."""
    time, place, paid = fills["time"][rows], fills["sequence"][rows], price[rows]
    per_price = BPS * sign[fills["at"][rows]] / paid
    for name, horizon in MARK_OUTS.items():
        at = np.searchsorted(prices["time"], time + horizon, side="right") - 1
        then = prices["time"][at]
        later = (then > time) | ((then == time) & (prices["sequence"][at] > place))
        known = (at >= 0) & later & (then >= time + horizon - min(horizon, MAX_AGE))
        found[name][rows] = np.where(known, per_price * (prices["mid"][at] - paid), np.nan)
