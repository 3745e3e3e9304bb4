"""The tables of the report page: exchanges compared, groups of orders, rates, mark-outs, reasons, shortfall."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal

from msgspec import Struct

from orderwright.analytics.page.charts import HORIZONS, PARTS, of_paper
from orderwright.analytics.page.html import Column, Html, escaped, joined, table, tag
from orderwright.analytics.page.text import (
    NONE,
    between,
    bps,
    cell,
    count,
    finite,
    interval,
    money,
    number,
    places_for,
    share,
    span,
)
from orderwright.analytics.records import MARK_OUTS, Estimate, Figures, ReasonCount, Shortfall

MOST_ROWS = 50
MOST_EXCHANGES = 6
KINDS = {
    "exchange": "Exchange",
    "symbol": "Symbol",
    "strategy": "Strategy",
    "order_type": "Order type",
    "hour": "Hour, UTC",
    "day": "Day",
}
_RATES: dict[str, Callable[[Figures], Estimate]] = {
    "Filled whole": lambda one: one.success,
    "Rejected or denied": lambda one: one.rejected,
    "Cancelled or expired": lambda one: one.cancelled,
    "Fill ratio": lambda one: one.fill_ratio,
}
_MEANING = {
    "delay": "from the decision until the order was sent",
    "impact": "from sending until the fills",
    "fees": "what the exchange took",
    "opportunity": "what never filled, at the last price",
    "total": "what was paid above the decision price",
}


class _Measure(Struct, frozen=True):
    """A column of figures: how it looks for one group, and whether the group has it at all."""

    column: Column
    show: Callable[[Figures], str]


def _measures(rows: Sequence[Figures], currency: str) -> list[_Measure]:
    """What is shown of any group."""
    traded, fees = places_for(one.traded for one in rows), places_for(one.fees for one in rows)
    return [
        _measure("Orders", None, lambda one: f"{one.orders:,}"),
        _measure("Filled", "filled whole, of those that ended", lambda one: cell(one.success.value, share)),
        _measure(f"Traded, {currency}", "value of the fills", lambda one: money(one.traded, places=traded)),
        _measure("Cost, bps", "against arrival, fees included", lambda one: cell(one.cost_bps, number)),
        _measure("Slippage, bps", "mean against arrival, each order alike", lambda one: _estimated(one.slippage)),
        _measure("Median", "of the slippage, bps", lambda one: cell(one.slippage_quantiles.p50, number)),
        _measure(f"Fees, {currency}", None, lambda one: money(one.fees, places=fees)),
        _measure("Fill time", "median, to the last fill", lambda one: cell(one.fill_time_quantiles.p50, span)),
        _measure("95 of 100", "were filled within", lambda one: cell(one.fill_time_quantiles.p95, span)),
        _measure("Rejected", "rejected or denied", lambda one: cell(one.rejected.value, share)),
        _measure("Maker", "share of what was traded", lambda one: cell(one.maker_share, share)),
    ]


def _exchange_measures(rows: Sequence[Figures], currency: str) -> list[_Measure]:
    """What is shown of an exchange; how its orders ended stands with the rates."""
    traded = places_for(one.traded for one in rows)
    return [
        _measure("Orders", None, lambda one: f"{one.orders:,}"),
        _measure(f"Traded, {currency}", "value of the fills", lambda one: money(one.traded, places=traded)),
        _measure("Cost, bps", "against arrival, fees included", lambda one: cell(one.cost_bps, number)),
        _measure("Slippage, bps", "mean and 95 % interval", lambda one: _estimated(one.slippage, below=True)),
        _measure("Spread, bps", "effective spread", lambda one: cell(one.effective_spread_bps, number)),
        _measure("Improved, bps", "price improvement", lambda one: cell(one.improvement_bps, _plus)),
        _measure("Maker", "share of what was traded", lambda one: cell(one.maker_share, share)),
        _measure("Ack", "median, sending to acknowledgement", lambda one: cell(one.ack_time_quantiles.p50, span)),
        _measure("Fill time", "median, to the last fill", lambda one: cell(one.fill_time_quantiles.p50, span)),
        _measure("95 of 100", "were filled within", lambda one: cell(one.fill_time_quantiles.p95, span)),
        _measure("Retries", None, lambda one: f"{one.retries:,}"),
        _measure("Unknown", "time that orders spent UNKNOWN", lambda one: span(one.unknown_ms)),
    ]


def league(exchanges: Sequence[Figures], currency: str) -> Html:
    """The exchanges, the cheapest first; one whose cost is not known comes last."""
    ranked = sorted(exchanges, key=lambda one: (finite(one.cost_bps) is None, finite(one.cost_bps) or 0.0, one.name))
    return _figures("Exchanges, the cheapest first", KINDS["exchange"], ranked, _exchange_measures(ranked, currency))


def groups(kind: str, rows: Sequence[Figures], currency: str) -> Html:
    """One kind of group, in the order in which the report has them."""
    title = KINDS.get(kind, kind.replace("_", " ").capitalize())
    return _figures(f"By {kind.replace('_', ' ')}", title, rows, _measures(rows, currency))


def mark_outs(totals: Figures, exchanges: Sequence[Figures]) -> Html:
    """Mark-outs of all fills and of each exchange, by horizon."""
    several = exchanges[:MOST_EXCHANGES] if len(exchanges) > 1 else []
    rows = [
        [name, *(cell(one.mark_outs.get(horizon), _plus) for horizon in MARK_OUTS)]
        for name, one in [("All", totals), *((one.name, one) for one in several)]
    ]
    heads = [Column(head="bps in our favour", number=False), *(Column(head=HORIZONS[name]) for name in MARK_OUTS)]
    return table("Mark-outs by exchange", heads, rows)


def rates(totals: Figures, exchanges: Sequence[Figures]) -> Html:
    """The rates of all orders and of each exchange. Each column has a scale of its own, named in its head, on which
    the interval is drawn."""
    several = exchanges[:MOST_EXCHANGES] if len(exchanges) > 1 else []
    named = [("All", totals), *((one.name, one) for one in several)]
    heads, columns = [Column(head="Exchange", number=False)], []
    for head, rate in _RATES.items():
        found = [rate(one) for _, one in named]
        low, high = _scale(found)
        drawn = tag("small", f"drawn from {low * 100:.0f} to {high * 100:.0f}\u00a0%")
        heads.append(Column(head=joined([head, " ", drawn]), number=False))
        columns.append([_rate(one, low, high) for one in found])
    rows = [[name, *cells] for (name, _), *cells in zip(named, *columns, strict=True)]
    return table("Rates with their confidence intervals", heads, rows)


def reasons(found: Sequence[ReasonCount]) -> Html:
    """Why orders did not fill, the most frequent first."""
    ranked = sorted(found, key=lambda one: -one.count)
    shown, whole = ranked[:MOST_ROWS], sum(one.count for one in found)
    rows = [
        [
            joined([tag("span", one.code or "no reason given", class_="code"), tag("small", one.status)]),
            joined([f"{one.count:,}", _bar(one.count / (ranked[0].count or 1))]),
            share(one.count / whole if whole else None),
            tag("span", one.example, class_="example") if one.example else NONE,
        ]
        for one in shown
    ]
    heads = [
        Column(head="Reason", number=False),
        Column(head="Orders"),
        Column(head="Share"),
        Column(head="For example", number=False),
    ]
    return joined([table("Why orders did not fill", heads, rows), _left_out(len(ranked), "reason")])


def parts(shortfall: Shortfall, currency: str) -> Html:
    """The shortfall's parts and their sum, in money and in bps of the paper value."""
    places = places_for(getattr(shortfall, name) for name in (*PARTS, "total"))
    heads = [
        Column(head="Part", number=False),
        Column(head=currency),
        Column(head="bps", hint="of the paper value"),
    ]
    rows = [
        [
            joined([name.capitalize(), tag("small", _MEANING[name], class_="below")]),
            money(getattr(shortfall, name), places=places),
            cell(_part_bps(shortfall, name), number),
        ]
        for name in (*PARTS, "total")
    ]
    return table("The shortfall and its parts", heads, rows)


def _part_bps(shortfall: Shortfall, name: str) -> float | None:
    if name == "total" and shortfall.total_bps is not None:
        return shortfall.total_bps
    part: Decimal = getattr(shortfall, name)
    return of_paper(part, shortfall)


def _figures(caption: str, first: str, rows: Sequence[Figures], measures: Sequence[_Measure]) -> Html:
    """A row for each group; a column that no group has anything in is left out."""
    cells = [[measure.show(one) for one in rows[:MOST_ROWS]] for measure in measures]
    kept = [at for at, column in enumerate(cells) if any(shown != NONE for shown in column)]
    heads = [Column(head=first, number=False), *(measures[at].column for at in kept)]
    body = [[one.name or "(none)", *(cells[at][row] for at in kept)] for row, one in enumerate(rows[:MOST_ROWS])]
    return joined([table(caption, heads, body), _left_out(len(rows), "row")])


def _left_out(whole: int, what: str) -> Html:
    over = whole - MOST_ROWS
    return tag("p", f"{count(over, 'more ' + what)} not shown.", class_="aside") if over > 0 else Html("")


def _estimated(one: Estimate, *, below: bool = False) -> Html:
    """A mean with its interval, on hover or below it."""
    if finite(one.value) is None:
        return NONE
    words = tag("span", number(one.value), title=f"{between(one, bps)}, {count(one.count, 'order')}")
    if below and finite(one.low) is not None and finite(one.high) is not None:
        return joined([words, tag("small", f"{number(one.low)} to {number(one.high)}", class_="below")])
    return words


def _scale(found: Sequence[Estimate]) -> tuple[float, float]:
    """From where to where a column is drawn: around all of its intervals, in steps of five percent."""
    bounds = [
        value for one in found for bound in (one.low, one.value, one.high) if (value := finite(bound)) is not None
    ]
    if not bounds:
        return 0.0, 1.0
    low, high = math.floor(min(bounds) * 20) / 20, math.ceil(max(bounds) * 20) / 20
    return (low, high) if high > low else (max(0.0, low - 0.05), min(1.0, high + 0.05))


def _rate(one: Estimate, low: float, high: float) -> Html:
    """A rate in words and on its line."""
    value = finite(one.value)
    if value is None:
        return NONE
    words = [tag("strong", share(value)), " ", tag("small", interval(one, share) or "too few for an interval")]
    return joined([tag("span", *words, class_="rate"), _line(one, value, low, high)])


def _line(one: Estimate, value: float, low: float, high: float) -> Html:
    """The value as a dot and its interval as a band, on a line from low to high."""

    def place(at: float) -> float:
        return min(max((at - low) / (high - low), 0.0), 1.0) * 100

    parts_of_it = [tag("b", style=f"left:{place(value):.1f}%")]
    left, right = finite(one.low), finite(one.high)
    if left is not None and right is not None:
        parts_of_it.insert(0, tag("i", style=f"left:{place(left):.1f}%;width:{place(right) - place(left):.1f}%"))
    return tag("span", *parts_of_it, class_="whisker", aria_hidden="true")


def _bar(part: float) -> Html:
    return tag("span", tag("i", style=f"width:{part * 100:.1f}%"), class_="bar", aria_hidden="true")


def _measure(head: str, hint: str | None, show: Callable[[Figures], str]) -> _Measure:
    return _Measure(Column(head=head, hint=hint), lambda one: escaped(show(one)))


def _plus(value: float | None) -> str:
    return number(value, sign=True)
