"""`orderwright stats` and `orderwright report`: what a book amounts to, and how well its orders were executed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderwright.commands.options import (
    AsJson,
    Book,
    Exchange,
    Log,
    OnlyBook,
    Since,
    Strategy,
    Symbol,
    Until,
    User,
    book_of,
    moment_of,
    reading,
    summary_of,
    symbol_of,
)
from orderwright.errors import InputError, UnknownName

if TYPE_CHECKING:
    from orderwright.analytics.records import ExecutionReport

app = typer.Typer()

Window = Annotated[str | None, typer.Option("--window", help="Back from the log's newest row: 90s, 15m, 4h, 1d, 2w.")]
FromMirror = Annotated[
    str | None, typer.Option("--mirror", help="Read this mirror, brought up to date. [default: one in memory]")
]
CandlesOf = Annotated[
    Path | None, typer.Option("--candles", help="The market's candles (of --symbol), for VWAP and closer mark-outs.")
]
ReportCurrency = Annotated[
    str | None, typer.Option("--currency", help="In which currency to count. [default: the book's own]")
]
Live = Annotated[str | None, typer.Option("--live", help="With --simulated: the exchange of the real slippage.")]
Simulated = Annotated[str | None, typer.Option("--simulated", help="With --live: the exchange that stands in for it.")]
GROUPS = ("exchange", "symbol", "strategy", "order_type", "hour", "day")


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which orders are asked about, and what they are held against."""

    log: Path
    book: str | None = None
    user: str | None = None
    exchange: str | None = None
    symbol: str | None = None
    strategy: str | None = None
    window: str | None = None
    since: str | None = None
    until: str | None = None
    currency: str | None = None
    title: str = "How well orders were executed"
    mirror: str | None = None
    candles: Path | None = None
    drift: tuple[str, str] | None = None


@app.command()
def stats(
    log: Log,
    by: Annotated[str, typer.Option(help="Grouped by exchange, symbol, strategy, order_type, hour or day.")] = "symbol",
    window: Window = None,
    since: Since = None,
    until: Until = None,
    book: OnlyBook = None,
    user: User = None,
    exchange: Exchange = None,
    symbol: Symbol = None,
    strategy: Strategy = None,
    currency: ReportCurrency = None,
    mirror: FromMirror = None,
    candles: CandlesOf = None,
    json: AsJson = False,
) -> None:
    """How well orders were executed: slippage, time to fill, costs, rates."""
    from orderwright.screen import print_json, show_execution

    if by not in GROUPS:
        raise UnknownName("group", by, GROUPS, field="by")
    asked = Question(
        log=log,
        book=book,
        user=user,
        exchange=exchange,
        symbol=symbol_of(symbol),
        strategy=strategy,
        window=window,
        since=since,
        until=until,
        currency=currency and currency.upper(),
        mirror=mirror,
        candles=candles,
    )
    found = _execution(asked)
    if json:
        print_json(found)
        return
    show_execution(found, by)


@app.command()
def report(
    log: Log,
    book: Book = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write how well it was executed as one page.")] = None,
    window: Window = None,
    since: Since = None,
    until: Until = None,
    user: User = None,
    exchange: Exchange = None,
    symbol: Symbol = None,
    strategy: Strategy = None,
    currency: ReportCurrency = None,
    mirror: FromMirror = None,
    candles: CandlesOf = None,
    live: Live = None,
    simulated: Simulated = None,
    json: AsJson = False,
) -> None:
    """What a book amounts to, in one table; with --html how well its orders were executed, as a page."""
    from orderwright.screen import counted, show_summary

    if html is None:
        asked = (window, since, until, user, exchange, symbol, strategy, mirror, candles, live, simulated)
        if any(value is not None for value in asked):
            message = "the plain report is of the whole book: add --html, or ask `orderwright stats`"
            raise InputError(message, field="html")
        show_summary(summary_of(log, book_of(log, book)), as_json=json)
        return
    from orderwright.analytics.page import write_page

    name = book_of(log, book)
    question = Question(
        log=log,
        book=name,
        user=user,
        exchange=exchange,
        symbol=symbol_of(symbol),
        strategy=strategy,
        window=window,
        since=since,
        until=until,
        currency=currency and currency.upper(),
        title=f"Book {name}: how well orders were executed",
        mirror=mirror,
        candles=candles,
        drift=_drift_of(live, simulated),
    )
    found = _execution(question)
    write_page(found, html, found.last_time)
    print(f"{html}: {counted(found.totals.orders, 'order')}")


def _drift_of(live: str | None, simulated: str | None) -> tuple[str, str] | None:
    if (live is None) is not (simulated is None):
        missing = "simulated" if simulated is None else "live"
        raise InputError("two exchanges are compared: name both", field=missing)
    return None if live is None or simulated is None else (live, simulated)


def _execution(asked: Question) -> ExecutionReport:
    """The execution report of a log, over a mirror that is brought up to date first."""
    from msgspec.structs import replace

    from orderwright import mirror as mirrors
    from orderwright.analytics.drift import OrdersOf, slippage_drift
    from orderwright.analytics.execution import execution_report
    from orderwright.analytics.measuring import measure
    from orderwright.analytics.portfolio.views import views
    from orderwright.analytics.questions import settings_of

    bars = _bars(asked)
    place = mirrors.MemoryMirror() if asked.mirror is None else mirrors.open_mirror(asked.mirror, views(), measure)
    with reading(asked.log, asked.book) as journal:
        mirrors.refresh(journal, place)
        start, end = _period(journal, asked)
        settings = settings_of(journal, asked.book)
    with place.reading() as connection:
        found = execution_report(
            connection,
            start=start,
            end=end,
            book=asked.book,
            user=asked.user,
            exchange=asked.exchange,
            symbol=asked.symbol,
            strategy=asked.strategy,
            currency=asked.currency or settings.currency,
            parity=settings.parity,
            title=asked.title,
            bars=bars,
        )
        if asked.drift is not None:
            live, simulated = (OrdersOf(exchange=name) for name in asked.drift)
            found = replace(found, drift=slippage_drift(connection, live, simulated, bars=bars))
    return found


def _period(journal: Any, asked: Question) -> tuple[int | None, int | None]:
    """Start and end in microseconds; a window goes back from the newest row."""
    from orderwright.analytics.windows import parse_window

    if asked.window is None:
        return moment_of(asked.since, "since"), moment_of(asked.until, "until")
    if asked.since is not None or asked.until is not None:
        raise InputError("give a window, or since and until", field="window", value=asked.window)
    length = parse_window(asked.window)
    time = journal.newest_time(asked.book)
    return None if time is None else time - length + 1, None


def _bars(asked: Question) -> Any:
    """Candles of the market as the report takes them."""
    if asked.candles is None:
        return None
    from msgspec.structs import replace

    from orderwright.analytics.bars import bars_of
    from orderwright.market.files import load_candles
    from orderwright.market.instruments import default_instrument

    if asked.symbol is None:
        raise InputError("of which symbol the candles are has to be said", field="symbol")
    instrument = default_instrument(asked.symbol)
    if asked.exchange is not None:
        instrument = replace(instrument, exchange=asked.exchange)
    return bars_of(load_candles(asked.candles, asked.symbol, instrument))
