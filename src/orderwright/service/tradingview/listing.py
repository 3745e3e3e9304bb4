"""Stored alerts: the newest first, page by page; and one of them, to be played again by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from orderwright.alerts import parse_time
from orderwright.core.model import Alert
from orderwright.errors import InputError, UnknownName
from orderwright.ports import Journal, Row
from orderwright.service.views import iso

MOST = 500
VERDICTS = ("accepted", "denied", "nothing", "duplicate", "refused")


class AlertQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which alerts. since and until: times, both included. cursor: of the page before."""

    book: str | None = None
    strategy: str | None = None
    ticker: str | None = None
    verdict: str | None = None
    alert_id: str | None = None
    since: str | None = None
    until: str | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST)] = 100
    cursor: str | None = None


class AlertView(Struct, frozen=True, kw_only=True):
    """A stored alert. alert: our own id of it. body: as it was sent, secrets as ***. verdict: accepted,
    denied (its order was), nothing (there was nothing to do), duplicate (of duplicate_of) or refused; reason and detail
    say why. order_id: the order it became. notes: what it said that was not used, or not as it says."""

    alert: str
    time: str
    book: str
    sequence: int
    verdict: str
    strategy: str | None
    user_id: str | None
    ticker: str | None
    action: str | None
    alert_id: str | None
    order_id: str | None
    duplicate_of: str | None
    reason: str | None
    detail: str | None
    notes: str | None
    sender: str | None
    replay_of: str | None
    body: str


class AlertPage(Struct, frozen=True, kw_only=True):
    """cursor: of the page after this one; null at the end."""

    alerts: tuple[AlertView, ...]
    cursor: str | None = None


def page(
    journal: Journal, query: AlertQuery, books: frozenset[str] | None, *, tickers: Sequence[str] | None = None
) -> AlertPage:
    """The alerts of these books (None: all), newest first. tickers: how the query's may be written. Raises InputError
    for a verdict, a cursor or a time that is none."""
    if query.verdict is not None and query.verdict not in VERDICTS:
        raise UnknownName("verdict", query.verdict, VERDICTS, field="verdict")
    where: dict[str, object] = {
        name: value
        for name in ("strategy", "ticker", "verdict", "alert_id")
        if (value := getattr(query, name)) is not None
    }
    if tickers is not None:
        where["ticker"] = list(tickers)
    if query.book is not None:
        where["book"] = query.book
    elif books is not None:
        where["book"] = sorted(books)
    since, until = parse_time(query.since, "since"), parse_time(query.until, "until")
    after = _cursor(query.cursor)
    rows, more = _before(journal, where, query.limit, since, until, after)
    found = tuple(view_of(row) for row in rows)
    last = rows[-1] if more and rows else None
    return AlertPage(alerts=found, cursor=None if last is None else _cursor_of(last))


def _before(
    journal: Journal,
    where: Mapping[str, object],
    limit: int,
    since: int | None,
    until: int | None,
    after: tuple[int, str, int] | None,
) -> tuple[list[Row], bool]:
    """(the newest rows before a cursor, newest first; whether there are more). Many may be of one time."""
    until = until if after is None else min(after[0], until if until is not None else after[0])
    asked = limit + 1
    while True:
        rows = journal.history("alerts", where=where, limit=asked, since=since, as_of=until)
        older = rows[::-1]
        if after is not None:
            places = [(row["time"], row["book"], row["sequence"]) for row in older]
            if after in places:
                older = older[places.index(after) + 1 :]
            elif places and places[-1][0] == after[0] and len(rows) == asked:
                older = []
            else:
                older = [row for row in older if row["time"] < after[0]]
        if len(older) > limit or len(rows) < asked:
            return older[:limit], len(older) > limit
        asked *= 4


def _cursor_of(row: Row) -> str:
    return f"{row['time']}.{row['sequence']}.{row['book']}"


def _cursor(given: str | None) -> tuple[int, str, int] | None:
    if given is None:
        return None
    time, _, rest = given.partition(".")
    sequence, _, book = rest.partition(".")
    if not (time.isdecimal() and sequence.isdecimal() and book and len(time) < 20 and len(sequence) < 20):
        raise InputError("not a cursor of this list", field="cursor", value=given[:80])
    return int(time), book, int(sequence)


def view_of(row: Mapping[str, Any]) -> AlertView:
    """A row of the log's read model for people."""
    shared = {name: row[name] for name in AlertView.__struct_fields__ if name != "time"}
    return AlertView(time=iso(row["time"]), **shared)


def stored(journal: Journal, alert: str, books: frozenset[str] | None) -> tuple[Alert, str, AlertView] | None:
    """(the alert, its book, as it is shown) of an id; None where these books have none of it."""
    where: dict[str, object] = {"alert": alert}
    if books is not None:
        where["book"] = sorted(books)
    rows = journal.latest("alerts", where=where)
    if not rows:
        return None
    row = rows[0]
    texts = ("strategy", "ticker", "action", "alert_id", "sender", "replay_of")
    kept: dict[str, Any] = {name: row[name] or "" for name in texts}
    found = Alert(alert=row["alert"], body=row["body"], digest=row["digest"], user=row["user_id"] or "", **kept)
    return found, row["book"], view_of(row)


__all__ = ["MOST", "AlertPage", "AlertQuery", "AlertView", "page", "stored", "view_of"]
