"""What the questions share: whose and of when (`Scope`), how a record is shown, and what is too much."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar

from msgspec import Meta, Struct

from orderwright.errors import InputError
from orderwright.executors.words import time_of
from orderwright.ports import Journal
from orderwright.service.orders.listing import books_asked
from orderwright.service.parts import Call
from orderwright.service.questions.reads import seen_by
from orderwright.service.routing import Route
from orderwright.service.views import plain
from orderwright.service.wanted import Short

T = TypeVar("T")
Limit = Annotated[int, Meta(ge=1, le=1_000)]
Rows = list[dict[str, Any]]
Currency = Annotated[str, Meta(min_length=1, max_length=20)]


class Scope(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose: everything that the key sees, or of one user, book, exchange or account. as_of: as it stood then."""

    user_id: Short = ""
    book: Short = ""
    exchange: Short = ""
    account: Short = ""
    as_of: Short = ""


async def ask(call: Call[Any, Any], look: Callable[[Journal], T]) -> T:
    """What a question finds in the books that the caller sees, or in the one that the query names."""
    asked, principal = call.query, call.principal
    books_asked(call.service, principal, getattr(asked, "user_id", ""), asked.book)
    book = asked.book or None
    return await call.service.reads.ask(lambda journal: look(seen_by(principal, journal, book)))


def question(path: str, handler: Any, query: type[Struct], answer: Any, summary: str, *, tag: str) -> Route:
    """The route of a question: it only reads, and says what every question may be answered with."""
    answers = {200: answer, 403: None, 422: None, 503: None}
    return Route("GET", path, handler, query=query, answers=answers, summary=summary, tag=tag)


def scope_words(asked: Any) -> dict[str, Any]:
    """user, exchange, account and as_of as the portfolio questions take them."""
    return {
        "user": asked.user_id or None,
        "exchange": asked.exchange or None,
        "account": asked.account or None,
        "as_of": moment(asked.as_of, "as_of"),
    }


def moment(text: str, field: str) -> int | None:
    """Microseconds of a time; None for none."""
    return time_of(text, field) if text else None


def check_order(start: int | None, end: int | None) -> None:
    """Raises InputError for an end before the start."""
    if start is not None and end is not None and end < start:
        raise InputError("is before the start", field="end", value=str(end), nearest=str(start))


def shown(records: Iterable[Any]) -> Rows:
    """Records as JSON people read."""
    return [plain(one) for one in records]


__all__ = ["Currency", "Limit", "Rows", "Scope", "ask", "check_order", "moment", "question", "scope_words", "shown"]
