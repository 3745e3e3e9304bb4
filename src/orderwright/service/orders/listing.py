"""Lists of orders, page by page, and the story of one."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

from msgspec import Meta, Struct

from orderwright.analytics.questions import MOST_DIGITS, STATUSES, statuses_of, unknown_status
from orderwright.core.model import STATUS_GROUPS, OrderSide, Source
from orderwright.errors import InputError
from orderwright.executors.words import order_type_of, time_of, word_of
from orderwright.journal.reading import LogReader
from orderwright.market.symbols import parse_symbol
from orderwright.ports import Row
from orderwright.service.parts import Call, Principal, Problem, Service
from orderwright.service.views import OrderView, iso, plain, view_of_row
from orderwright.service.wanted import Short

DEFAULT, MOST = 100, 1_000
MOST_ROWS = 5_000


class ListOrders(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """status: a group (pending, open, cancelled, closed) or a status, in any case; a word that is both means the group.
    exact_status: always one status. start, end: when the order came in, both included. cursor: `next` of the page
    before."""

    user_id: Short = ""
    book: Short = ""
    exchange: Short = ""
    account: Short = ""
    symbol: Short = ""
    status: Short = ""
    exact_status: Short = ""
    side: Short = ""
    order_type: Short = ""
    strategy: Short = ""
    episode: Short = ""
    source: Short = ""
    signal_id: Short = ""
    parent_id: Short = ""
    idempotency_key: Short = ""
    start: Short = ""
    end: Short = ""
    cursor: Short = ""
    limit: Annotated[int, Meta(ge=1, le=MOST)] = DEFAULT


class OrderList(Struct, frozen=True, kw_only=True):
    """The newest first. next: the cursor of the page after this one, None where there is none."""

    orders: list[OrderView]
    next: str | None


class OrderStory(Struct, frozen=True, kw_only=True):
    """Every row of an order, oldest first: the order as it stood after each event, and what the event said of why."""

    order_id: str
    id: int | None
    events: list[dict[str, Any]]


async def list_orders(call: Call[None, ListOrders]) -> OrderList:
    """Orders that are picked by what the query names, the newest first."""
    asked, principal = call.query, call.principal
    books = books_asked(call.service, principal, asked.user_id, asked.book)
    where = where_of(call.service, asked)
    before, start, end = _key_of(asked.cursor), _time(asked.start, "start"), _time(asked.end, "end")
    if start is not None and end is not None and end < start:
        raise InputError("is before the start", field="end", value=asked.end, nearest=asked.start)

    def question(journal: LogReader) -> list[Row]:
        return journal.orders_page(books=books, where=where, limit=asked.limit + 1, before=before, start=start, end=end)

    rows = await call.service.reads.ask(question)
    page = rows[: asked.limit]
    following = _cursor(page[-1]["id"]) if len(rows) > asked.limit else None
    return OrderList(orders=[view_of_row(row) for row in page], next=following)


def books_asked(service: Service, principal: Principal, user: str, book: str) -> frozenset[str] | None:
    """The books in which is looked: those that the caller sees, or the one that is named; None for all. A user's name
    alone only picks rows. Raises Problem for another's."""
    if user and user != principal.user and principal.books is not None:
        raise Problem(403, "not_yours", "another user's", field="user_id", value=user, nearest=principal.user)
    named = service.door.named_book(principal, "", book)
    return frozenset({named}) if named is not None else principal.books


def where_of(service: Service, asked: Any) -> dict[str, object]:
    """What picks the rows: columns of the orders table. Raises InputError."""
    found: dict[str, object] = {}
    for name in ("user_id", "account", "strategy", "episode", "parent_id", "idempotency_key"):
        if value := getattr(asked, name, ""):
            found[name] = value
    if asked.symbol:
        found["symbol"] = _symbol(service, asked.symbol)
    if asked.exchange:
        found["exchange"] = asked.exchange
    if getattr(asked, "signal_id", ""):
        found["source_signal_id"] = asked.signal_id
    if asked.side:
        found["side"] = word_of(asked.side, "side", OrderSide).value
    if asked.order_type:
        found["order_type"] = order_type_of(asked.order_type).value
    if getattr(asked, "source", ""):
        found["source"] = word_of(asked.source, "source", Source).value
    statuses = _statuses(asked.status, asked.exact_status)
    if statuses is not None:
        found["status"] = statuses
    return found


def _symbol(service: Service, text: str) -> str:
    """A symbol as an exchange lists it; one that none lists as it is usually written."""
    try:
        return service.door.books.symbol_of(text, "", "")
    except InputError:
        return parse_symbol(text)


def _statuses(status: str, exact: str) -> frozenset[str] | None:
    found = statuses_of(status.strip()) if status else None
    if not exact:
        return found
    word = exact.strip().lower()
    if word not in STATUSES:
        if word in STATUS_GROUPS:
            members = ", ".join(sorted(STATUS_GROUPS[word]))
            raise InputError(f"{exact} is a group ({members}): ask for it by status", field="exact_status", value=exact)
        raise unknown_status(exact, "exact_status", STATUSES)
    if found is not None and word not in found:
        message = f"no order that is {word} is among those of status={status}"
        raise InputError(message, field="exact_status", value=exact, nearest=min(found))
    return frozenset({word})


def _time(text: str, field: str) -> int | None:
    return time_of(text, field) if text else None


def _cursor(key: int) -> str:
    return base64.urlsafe_b64encode(f"o{key}".encode()).decode().rstrip("=")


def _key_of(cursor: str) -> int | None:
    """The key of a cursor. Raises InputError for what is none of ours."""
    if not cursor:
        return None
    try:
        said = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        said = ""
    if not said.startswith("o") or not said[1:].isdecimal() or len(said) > MOST_DIGITS:
        raise InputError("not a cursor of ours: take `next` of the page before", field="cursor", value=cursor)
    return int(said[1:])


async def history(call: Call[None, None]) -> OrderStory:
    """An order's rows, at most MOST_ROWS of them, the newest."""
    book, order_id = call.service.door.locate(call.principal, call.path["order_id"])
    where = {"book": book, "client_order_id": order_id}
    rows = await call.service.reads.ask(lambda journal: journal.history("story", where=where, limit=MOST_ROWS))
    events = [{**_step(row), "rule": row["rule"], "detail": row["detail"]} for row in rows]
    return OrderStory(order_id=order_id, id=rows[0]["id"] if rows else None, events=events)


_LASTING = frozenset({"id", "client_order_id", "metadata", "book", "rule", "detail"})


def _step(row: Row) -> dict[str, Any]:
    """One row, without what never changes."""
    said = {name: plain(value) for name, value in row.items() if name not in _LASTING}
    for name in ("time", "created_at", "updated_at", "filled_at"):
        said[name] = None if row[name] is None else iso(row[name])
    return said


__all__ = ["ListOrders", "OrderList", "OrderStory", "books_asked", "history", "list_orders", "where_of"]
