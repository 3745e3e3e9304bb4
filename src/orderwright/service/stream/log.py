"""The log over REST, for programs: what `Broker(url=...)` stands on.

- /api/log/events: a book's rows after a sequence, each exactly as the stream sends it: resuming without a WebSocket.
- /api/log/rows: the two questions of the log (the latest row of each group, the history), of any read model, for the
  key's books. The columns are those of docs/analytics; times are microseconds here, money is text.
- /api/log/orders: every event of some orders, by which each is put together as it stood.

A history that is long comes in portions (portions.py): `earlier` is the as_of to ask for the rest with.

Questions run beside the event loop, and one that takes too long is interrupted (questions/reads.py).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Raw, Struct

from orderwright.errors import InputError, UnknownName
from orderwright.journal.reading import LogReader
from orderwright.journal.tables import TABLES
from orderwright.service.parts import Call, Principal, Service
from orderwright.service.questions.reads import SYSTEM, seen_by
from orderwright.service.routing import Route
from orderwright.service.stream.pages import line_of, page_of
from orderwright.service.stream.portions import MOST_ROWS_AT_ONCE, portion, whole
from orderwright.service.wanted import Short

MOST_ORDERS = 500
MOST_EVENTS = 1_000
MOST_VALUES = 1_000
Whole = Annotated[int, Meta(ge=-(2**62), le=2**62)]
Value = Short | Whole | bool | None


class LogBooks(Struct, frozen=True, kw_only=True):
    """The key's books, each with its newest durable sequence. default: the one that orders go to which name none. now:
    microseconds."""

    user: str
    scope: str
    default: str | None
    books: dict[str, int]
    exchanges: list[str]
    now: int


class AskEvents(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rows of a book after a sequence."""

    book: Short
    after: Annotated[int, Meta(ge=0, le=2**40)] = 0
    limit: Annotated[int, Meta(ge=1, le=MOST_EVENTS)] = 200


class LogEvents(Struct, frozen=True, kw_only=True):
    """events: as on the stream. next: ask after this for what follows. reached: the book's newest durable row."""

    events: list[Raw]
    next: int
    reached: int


class AskRows(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """ask: the latest row of each group (`by`: columns; the table's own where None), or the history. where: values, or
    lists of values, by column. since, as_of: microseconds, both included; since and limit are of a history."""

    ask: Literal["latest", "history"]
    table: Short
    by: Annotated[list[Short], Meta(max_length=16)] | None = None
    where: dict[Short, Value | Annotated[list[Value], Meta(max_length=MOST_VALUES)]] = {}
    since: Whole | None = None
    as_of: Whole | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST_ROWS_AT_ONCE)] | None = None


class LogRows(Struct, frozen=True, kw_only=True):
    """earlier: of a history that does not fit into one answer, the `as_of` to ask for the rest with; the rows here are
    its newest."""

    rows: list[dict[str, Any]]
    earlier: int | None = None


class _Told(Struct, frozen=True, kw_only=True):
    """LogRows, encoded row by row where they were read."""

    rows: list[Raw]
    earlier: int | None = None


class AskOrders(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which orders of a book, by order id or by their idempotency key."""

    book: Short
    orders: Annotated[list[Short], Meta(max_length=MOST_ORDERS)] = []
    idempotency_key: Annotated[str, Meta(max_length=128)] = ""


class LogOrders(Struct, frozen=True, kw_only=True):
    """By order id: [sequence, event], oldest first; what the book does not have is left out."""

    orders: dict[str, list[tuple[int, Raw]]]


async def books(call: Call[None, None]) -> LogBooks:
    """The key's books, and how far each has got."""
    service, who = call.service, call.principal
    names = [name for name in service.desk.books if who.sees(name) and name != SYSTEM]
    reached = service.desk.reached
    return LogBooks(
        user=who.user,
        scope=who.scope,
        default=_default(service, who, names),
        books={name: reached.get(name, 0) for name in names},
        exchanges=service.books.exchanges(),
        now=service.clock.now(),
    )


async def events(call: Call[None, AskEvents]) -> LogEvents:
    """A page of a book's rows."""
    asked = call.query
    reached = call.service.desk.reached.get(_seen(call, asked.book), 0)
    if asked.after > reached:
        message = f"book {asked.book!r} has rows 1 to {reached}"
        raise InputError(message, field="after", value=asked.after, nearest=reached)

    def page(log: LogReader) -> tuple[list[Raw], int]:
        rows, covered = page_of(log, asked.book, asked.after, reached, asked.limit)
        return [Raw(line_of(asked.book, row)) for row in rows], covered

    found, covered = await call.service.reads.ask(page)
    return LogEvents(events=found, next=covered, reached=reached)


async def rows(call: Call[AskRows, None]) -> _Told:
    """One question to the log."""
    asked, who = call.body, call.principal
    if asked.table not in TABLES:
        raise UnknownName("table", asked.table, TABLES, field="table")

    def question(log: LogReader) -> _Told:
        seen = seen_by(who, log)
        if asked.ask == "latest":
            return _Told(rows=whole(seen.latest(asked.table, by=asked.by, where=asked.where, as_of=asked.as_of)))

        def newest(most: int) -> list[dict[str, Any]]:
            return seen.history(asked.table, where=asked.where, limit=most, since=asked.since, as_of=asked.as_of)

        told, earlier = portion(newest, asked.limit, asked.since)
        return _Told(rows=told, earlier=earlier)

    return await call.service.reads.ask(question)


async def orders(call: Call[AskOrders, None]) -> LogOrders:
    """Every event of some orders."""
    asked, book = call.body, _seen(call, call.body.book)

    def question(log: LogReader) -> dict[str, list[tuple[int, Raw]]]:
        wanted = list(asked.orders)
        if asked.idempotency_key:
            order_id = log.recall_key(book, f"order|{asked.idempotency_key}")
            wanted += [order_id] if order_id else []
        found = {order_id: log.order_rows(book, order_id) for order_id in wanted}
        return {
            order_id: [(sequence, Raw(body.encode())) for sequence, body in events]
            for order_id, events in found.items()
            if events
        }

    return LogOrders(orders=await call.service.reads.ask(question))


def _seen(call: Call[Any, Any], book: str) -> str:
    """The book, if it is one of the key's. Raises UnknownName."""
    if not call.principal.sees(book) or book not in call.service.desk.books or book == SYSTEM:
        own = [name for name in call.service.desk.books if call.principal.sees(name) and name != SYSTEM]
        raise UnknownName("book", book, own, field="book")
    return book


def _default(service: Service, who: Principal, names: list[str]) -> str | None:
    try:
        found = service.books.default_book(who.user)
    except InputError:  # the operator, among several books
        found = ""
    return found if found in names else min(names, default=None)


ROUTES = [
    Route(
        "GET", "/api/log/books", books, answers={200: LogBooks}, summary="Your books, and how far each is", tag="log"
    ),
    Route(
        "GET",
        "/api/log/events",
        events,
        query=AskEvents,
        answers={200: LogEvents, 422: None},
        summary="A book's rows after a sequence, as the stream sends them",
        example={"book": "main", "after": 0},
        tag="log",
    ),
    Route(
        "POST",
        "/api/log/rows",
        rows,
        body=AskRows,
        answers={200: LogRows, 422: None},
        summary="The latest of each group, or the history, of any read model",
        example={"ask": "latest", "table": "orders", "where": {"symbol": "BTC/USDT", "status": ["open"]}},
        tag="log",
    ),
    Route(
        "POST",
        "/api/log/orders",
        orders,
        body=AskOrders,
        answers={200: LogOrders, 422: None},
        summary="Every event of some orders",
        example={"book": "main", "orders": []},
        tag="log",
    ),
]

__all__ = ["ROUTES"]
