"""The page's tables: all figures in groups, how trades ended, the best and the worst of them, the rules."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from msgspec import structs

from orderwright.analytics.page.html import Column, Html, joined, table, tag
from orderwright.analytics.page.text import moment, number, span
from orderwright.backtest.outcome import REASONS
from orderwright.backtest.report.subject import Run
from orderwright.backtest.report.words import Line, groups, money, percent
from orderwright.backtest.rules import (
    FixedQuantity,
    PercentOfEquity,
    Rules,
    TargetPosition,
    VolatilityRisk,
)
from orderwright.backtest.trades import RoundTrip
from orderwright.core.numbers import text

MOST_TRADES = 8


def figures(result: Run) -> Html:
    """Every figure, in its group, with what it means on hover."""
    return tag("div", *(_group(one.name, one.lines) for one in groups(result)), class_="figures")


def _group(name: str, lines: Sequence[Line]) -> Html:
    rows = (tag("div", tag("dt", one.name, title=one.hint or None), tag("dd", one.shown)) for one in lines)
    return tag("div", tag("h3", name), tag("dl", *rows))


def ends(result: Run) -> Html:
    """The trades by what closed them, and each kind's figures."""
    kinds: dict[str, list[RoundTrip]] = {}
    for one in result.trades:
        kinds.setdefault(f"{one.side}, {ended(one)}", []).append(one)
    heads = [
        Column(head="Closed by", number=False),
        Column(head="Trades"),
        Column(head="Won"),
        Column(head="Average", hint="return of a trade, of the value of its entry"),
        Column(head=f"Profit, {result.quote}"),
        Column(head="Held", hint="mean, in bars"),
    ]
    rows = [
        [
            name[0].upper() + name[1:],
            f"{len(some):,}",
            percent(sum(one.profit > 0 for one in some) / len(some), places=1),
            percent(sum(one.return_pct for one in some) / len(some) / 100, sign=True),
            money(sum(one.profit for one in some), sign=True),
            number(sum(one.bars for one in some) / len(some), places=1),
        ]
        for name, some in sorted(kinds.items(), key=lambda kind: -len(kind[1]))
    ]
    return table("Trades by what closed them", heads, rows)


def extremes(result: Run) -> list[Html]:
    """The best and the worst trades; one table of all where there are few."""
    ranked = sorted(enumerate(result.trades, start=1), key=lambda one: -one[1].return_pct)
    if len(ranked) <= 2 * MOST_TRADES:
        return [_trades(result, "All trades, the best first", ranked)]
    best, worst = ranked[:MOST_TRADES], ranked[: -MOST_TRADES - 1 : -1]
    return [
        tag("h3", "Best"),
        _trades(result, "The best trades", best),
        tag("h3", "Worst"),
        _trades(result, "The worst trades", worst),
    ]


def ended(trade: RoundTrip) -> str:
    """What closed it: signal, stop loss."""
    return (trade.exit_reason or "open").replace("_", " ")


def _trades(result: Run, caption: str, ranked: Sequence[tuple[int, RoundTrip]]) -> Html:
    several = len(result.symbols) > 1
    heads = [
        Column(head="Trade", number=False, hint="press it to see it in the chart"),
        *([Column(head="Symbol", number=False)] if several else []),
        Column(head="Entry, UTC", number=False),
        Column(head="At"),
        Column(head="Exit, UTC", number=False),
        Column(head="At"),
        Column(head="Closed by", number=False),
        Column(head="Held"),
        Column(head="Return"),
        Column(head=f"Profit, {result.quote}"),
    ]
    rows = [
        [
            _button(result, place, one),
            *([one.symbol] if several else []),
            moment(_microseconds(one.entry_time)),
            _price(result, one, one.entry_price),
            moment(_microseconds(one.exit_time)) if one.exit_time else "–",
            _price(result, one, one.exit_price),
            ended(one),
            _held(one),
            tag("span", percent(one.return_pct / 100, sign=True), class_="good" if one.profit > 0 else "bad"),
            money(one.profit, sign=True),
        ]
        for place, one in ranked
    ]
    return table(caption, heads, rows)


def _button(result: Run, place: int, one: RoundTrip) -> Html:
    words = f"{one.side.capitalize()} #{place:,}"
    end = one.exit_time or one.entry_time
    return tag(
        "button",
        words,
        class_="go",
        type="button",
        data_from=round(one.entry_time.timestamp() * 1_000),
        data_to=round(end.timestamp() * 1_000),
        data_market=result.symbols.index(one.symbol),
    )


def _microseconds(time: dt.datetime) -> int:
    return round(time.timestamp() * 1_000_000)


def _held(one: RoundTrip) -> Html:
    bars = tag("small", f" {one.bars:,} bar{'' if one.bars == 1 else 's'}")
    took = (one.exit_time or one.entry_time) - one.entry_time
    return joined([span(took.total_seconds() * 1_000), bars])


def _price(result: Run, one: RoundTrip, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.{result.places_of(one.symbol)}f}"


def rules(result: Run) -> Html:
    """What the run traded by; what is off is left out."""
    rows = (tag("div", tag("dt", name), tag("dd", shown)) for name, shown in rule_words(result))
    return tag("dl", *rows, class_="rules")


def rule_words(result: Run) -> list[tuple[str, str]]:
    """(name, value) of everything that the run was told."""
    told = result.rules
    at = {"next_open": "the next bar's open", "this_close": "the close of the signal's bar"}[told.fill_at]
    words = [
        ("Strategy", result.strategy),
        *((name.replace("_", " "), str(value)) for name, value in result.parameters.items()),
        ("Engine", {"kernel": "kernel, over arrays", "orders": "orders, the full order engine"}[result.engine]),
        ("Initial balance", f"{text(told.initial_balance)} {result.quote}"),
        ("Commission", _rate(told.commission)),
        ("Slippage of a taker", _rate(told.slippage)),
        ("Market orders fill at", at),
        ("Shorts", "allowed" if told.allow_short else "off"),
    ]
    if len(result.fills) and (result.fills.reason == REASONS.index("order")).all():
        words.append(("Size", "the strategy's own orders"))
        told = structs.replace(told, stop_loss=None, take_profit=None, trailing_stop=None, limit_entry=None)
    else:
        words.append(("Size", _size(told)))
    exits = {"Stop loss": told.stop_loss, "Take profit": told.take_profit, "Trailing stop": told.trailing_stop}
    words += [(name, f"{_rate(value)} of the entry") for name, value in exits.items() if value is not None]
    if told.limit_entry is not None:
        waits = f"for {told.limit_bars} bar{'' if told.limit_bars == 1 else 's'}"
        words.append(("Entries", f"limits, {_rate(told.limit_entry)} from the close, {waits}"))
    words.append(("Way within a bar", told.path.replace("_", " ")))
    if result.warm_up:
        words.append(("Warm-up", f"{result.warm_up:,} bars"))
    words.append(("Bars a year", f"{result.bars_per_year:,.1f}".removesuffix(".0")))
    return words


def _rate(fraction: Decimal) -> str:
    return f"{text(fraction * 100)}\u00a0%"


def _size(told: Rules) -> str:
    match told.sizing:
        case PercentOfEquity(percent=share):
            return f"{text(share)}\u00a0% of the balance"
        case FixedQuantity(quantity=quantity):
            return f"{text(quantity)} an entry"
        case TargetPosition(percent=share):
            return f"a position of {text(share)}\u00a0% of equity"
        case VolatilityRisk(percent=share, window=window):
            return f"{text(share)}\u00a0% of the balance at risk on one ATR of {window} bars"
