"""How well orders were executed: the execution report, the drift of the simulation from the real market, the figures
so far, and what a book amounts to.

The report and the drift read a mirror of the log in memory, which grows with it. It is made when it is first asked for
(DuckDB and its helpers are imported only then), on a thread of its own: one question at a time, a few may wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, cast

from msgspec import Meta, Struct

from orderwright.errors import InputError, UnknownName
from orderwright.executors.words import order_type_of
from orderwright.live.desk import Busy
from orderwright.market.symbols import parse_symbol
from orderwright.service.orders.listing import books_asked
from orderwright.service.parts import Call, Problem
from orderwright.service.questions.asking import check_order, moment, question
from orderwright.service.views import plain
from orderwright.service.wanted import Short

if TYPE_CHECKING:
    from orderwright.analytics.running import Running, RunningExecution, RunningFigures
    from orderwright.journal.memory import MemoryJournal
    from orderwright.journal.reading import LogReader
    from orderwright.ports import Journal

T = TypeVar("T")
MOST_WAITING = 4
SECONDS = 120.0
MOST_RUNNING = 64


class AskBook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one book; yours where none is named."""

    book: Short = ""


class AskStats(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of the orders that were created in a window back from now (90s, 15m, 4h, 1d, 2w), or from start up to end."""

    book: Short = ""
    user_id: Short = ""
    exchange: Short = ""
    symbol: Short = ""
    strategy: Short = ""
    order_type: Short = ""
    account: Short = ""
    episode: Short = ""
    window: Short = ""
    start: Short = ""
    end: Short = ""
    currency: Annotated[str, Meta(max_length=20)] = ""
    worst: Annotated[int, Meta(ge=0, le=100)] = 10


class AskDrift(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two groups of a book's orders: by exchange, strategy, account or order type; live less simulated."""

    live: Short
    simulated: Short
    by: Literal["exchange", "strategy", "account", "order_type"] = "exchange"
    book: Short = ""


class RunningAnswer(Struct, frozen=True, kw_only=True):
    """figures: by kind (all, exchange, symbol, strategy, order_type), then by name. sequence: the book's newest row
    that is in them."""

    book: str
    sequence: int
    figures: dict[str, dict[str, dict[str, Any]]]


class Execution:
    """The mirror and the figures so far, kept by the service from question to question."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="analytics")
        self._waiting = 0
        self._mirror: Any = None
        self._reader: LogReader | None = None
        self._running: dict[str, RunningExecution] = {}

    async def ask(self, question: Callable[[], T], settled: Callable[[], Any]) -> T:
        """Run a question when those before it have been answered. Raises Busy, Problem (503) for one that takes too
        long, and what it raises."""
        if self._waiting >= MOST_WAITING:
            raise Busy("other analytics are being worked on; try again", retry_after=5)
        if self._in_memory:
            await settled()
            return question()
        self._waiting += 1
        future = self._thread.submit(question)
        future.add_done_callback(lambda _: self._done())
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), SECONDS)
        except TimeoutError:
            message = f"no answer within {SECONDS:g} s: ask for a shorter window"
            raise Problem(503, "too_slow", message, headers={"Retry-After": "60"}) from None

    def _done(self) -> None:
        self._waiting -= 1

    @property
    def _in_memory(self) -> bool:
        if self._reader is None:
            self._reader = cast("LogReader | None", self._journal.reader())
        return self._reader is None

    @property
    def log(self) -> LogReader:
        """The log, as this thread may read it."""
        return self._reader if self._reader is not None else cast("LogReader", self._journal)

    def mirror(self) -> Any:
        """The mirror, brought up to date."""
        from orderwright.analytics.measuring import measure
        from orderwright.mirror import MemoryMirror, refresh

        if self._mirror is None:
            self._mirror = MemoryMirror(derive=measure)
        if self._in_memory:
            cast("MemoryJournal", self._journal).fold()
        refresh(self.log, self._mirror)
        return self._mirror

    def running(self, book: str) -> RunningExecution:
        """A book's figures so far; of the books asked about last, at most MOST_RUNNING are kept."""
        from orderwright.analytics.running import RunningExecution

        found = self._running.pop(book, None) or RunningExecution()
        self._running[book] = found
        while len(self._running) > MOST_RUNNING:
            del self._running[next(iter(self._running))]
        found.catch_up(cast("Journal", self.log), book)
        return found

    def close(self) -> None:
        """Answer nothing more; what is being worked on is waited for."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        if self._mirror is not None:
            self._mirror.close()
        if self._reader is not None:
            self._reader.close()


async def stats(call: Call[None, AskStats]) -> dict[str, Any]:
    """The execution report: counts, slippage, time to fill, costs, the worst orders."""
    asked, execution = call.query, call.service.execution
    book = _book_or_all(call, asked.book, asked.user_id)
    start, end = _window(call, asked)
    names: dict[str, Any] = {
        "exchange": asked.exchange or None,
        "symbol": parse_symbol(asked.symbol) if asked.symbol else None,
        "strategy": asked.strategy or None,
        "user": asked.user_id or None,
        "order_type": order_type_of(asked.order_type).value if asked.order_type else None,
        "account": asked.account or None,
        "episode": asked.episode or None,
    }

    def question() -> Any:
        from orderwright.analytics.execution import execution_report
        from orderwright.analytics.questions import settings_of

        mirror, settings = execution.mirror(), settings_of(cast("Journal", execution.log), book)
        currency = asked.currency.upper() or settings.currency
        scope: dict[str, Any] = {
            "currency": currency,
            "parity": settings.parity,
            "worst": asked.worst,
            "start": start,
            "end": end,
        }
        with mirror.reading() as connection:
            if not _has_orders(connection, book):
                return execution_report(connection, **{**scope, "start": 0, "end": 0})
            return execution_report(connection, book=book, **names, **scope)

    found: dict[str, Any] = plain(await _ask(call, question))
    return found


async def drift(call: Call[None, AskDrift]) -> dict[str, Any]:
    """Slippage of one group of orders less that of another, and a model of the first."""
    asked, execution = call.query, call.service.execution
    book = _book_or_all(call, asked.book, "")

    def question() -> Any:
        from orderwright.analytics.drift import OrdersOf, slippage_drift

        live, simulated = (OrdersOf(**{asked.by: name, "book": book}) for name in (asked.live, asked.simulated))
        with execution.mirror().reading() as connection:
            return slippage_drift(connection, live, simulated)

    found: dict[str, Any] = plain(await _ask(call, question))
    return found


async def running(call: Call[None, AskBook]) -> RunningAnswer:
    """A book's execution figures so far, kept online: orders that have ended since the log began."""
    execution = call.service.execution
    book = _book_of(call, call.query.book, "")

    def question() -> RunningAnswer:
        found = execution.running(book)
        figures = {
            str(kind): {name: _figures(one) for name, one in groups.items()} for kind, groups in found.figures.items()
        }
        return RunningAnswer(book=book, sequence=found.reached(book), figures=figures)

    return await _ask(call, question)


async def summary(call: Call[None, AskBook]) -> dict[str, Any]:
    """Orders by status, refusals, fills, fees, profit, equity, slippage and time to fill of a book."""
    from orderwright.analytics.summary import summarise

    book = _book_of(call, call.query.book, "")
    found: dict[str, Any] = plain(
        await call.service.reads.ask(lambda journal: summarise(cast("Journal", journal), book))
    )
    return found


async def _ask(call: Call[Any, Any], question: Callable[[], T]) -> T:
    """What a question finds. Which names there are in other books, an error does not tell."""
    try:
        return await call.service.execution.ask(question, call.service.loop.settled)
    except UnknownName as error:
        if call.principal.books is None:
            raise
        message = f"no order of yours has the {error.field} {error.value!r}"
        raise InputError(message, field=error.field, value=error.value) from None


def _book_of(call: Call[Any, Any], book: str, user: str) -> str:
    """The book that is named, or that of the user, or the caller's own. Raises Problem."""
    books_asked(call.service, call.principal, user, book)
    found = call.service.door.named_book(call.principal, user, book)
    return found if found is not None else call.service.door.books.default_book(call.principal.user)


def _book_or_all(call: Call[Any, Any], book: str, user: str) -> str | None:
    """The same; all of them for who sees all and names none."""
    return None if call.principal.books is None and not (book or user) else _book_of(call, book, user)


def _window(call: Call[None, AskStats], asked: AskStats) -> tuple[int | None, int | None]:
    from orderwright.analytics.windows import parse_window

    start, end = moment(asked.start, "start"), moment(asked.end, "end")
    check_order(start, end)
    if not asked.window:
        return start, end
    if start is not None or end is not None:
        raise InputError("give a window, or start and end", field="window", value=asked.window)
    now = call.service.door.clock.now()
    return now - parse_window(asked.window), now + 1


def _has_orders(connection: Any, book: str | None) -> bool:
    sql = "SELECT 1 FROM orders WHERE ? IS NULL OR book = ? LIMIT 1"
    return connection.execute(sql, [book, book]).fetchone() is not None


def _figures(one: RunningFigures) -> dict[str, Any]:
    return {
        "orders": one.orders,
        "filled": one.filled,
        "rejected": one.rejected,
        "cancelled": one.cancelled,
        "fees": plain(one.fees),
        "slippage_bps": _running(one.slippage),
        "fill_time_ms": _running(one.fill_time),
        "ack_time_ms": _running(one.ack_time),
    }


def _running(one: Running) -> dict[str, Any]:
    return {"mean": plain(one.estimate()), "quantiles": plain(one.quantiles())}


_route = partial(question, tag="analytics")
ROUTES = [
    _route("/api/execution/stats", stats, AskStats, dict[str, Any], "How well orders were executed"),
    _route("/api/execution/running", running, AskBook, RunningAnswer, "Execution figures so far"),
    _route("/api/execution/drift", drift, AskDrift, dict[str, Any], "Live slippage less simulated"),
    _route("/api/execution/summary", summary, AskBook, dict[str, Any], "What a book amounts to"),
]

__all__ = ["ROUTES", "Execution"]
