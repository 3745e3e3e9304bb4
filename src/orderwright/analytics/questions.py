"""What people ask of a log: orders by status, fills, one order's story, positions. It is all `latest` and `history`."""

from __future__ import annotations

from collections.abc import Iterable

from orderwright.core.model import STATUS_GROUPS, OrderStatus, Settings
from orderwright.errors import InputError, nearest_name
from orderwright.ports import Journal, Row

MOST_DIGITS = 18  # of an order's number: what SQLite's integers hold


STATUSES = tuple(status.value for status in OrderStatus)


def statuses_of(word: object, field: str = "status") -> frozenset[str]:
    """The statuses that a word means, in any case: a group (open, pending, closed, cancelled) or one status.

    A word that is both means the group. Raises InputError, with the nearest and every valid word, for any other.
    """
    lowered = word.lower() if isinstance(word, str) else ""
    if lowered in STATUS_GROUPS:
        return frozenset(status.value for status in STATUS_GROUPS[lowered])
    if lowered in STATUSES:
        return frozenset({lowered})
    raise unknown_status(word, field, [*STATUS_GROUPS, *STATUSES])


def unknown_status(word: object, field: str, known: Iterable[str]) -> InputError:
    """The error for a word that is no status: the one that may be meant, and all that there are."""
    words = list(dict.fromkeys(known))
    nearest = nearest_name(str(word), words)
    meant = f": did you mean {nearest.upper()}?" if nearest is not None else ","
    message = f"unknown status {word!r}{meant} known are {', '.join(words).upper()}"
    return InputError(message, field=field, value=word, nearest=nearest)


def find_orders(
    journal: Journal,
    *,
    status: str | None = None,
    symbol: str | None = None,
    book: str | None = None,
    as_of: int | None = None,
) -> list[Row]:
    """Each order's newest row, oldest order first; of one status or group, of one symbol, of one book, as of a time in
    microseconds."""
    where = _where(symbol=symbol, book=book)
    if status is not None:
        where["status"] = statuses_of(status)
    return sorted(journal.latest("orders", where=where, as_of=as_of), key=lambda row: (row["created_at"], row["id"]))


def find_fills(journal: Journal, *, symbol: str | None = None, book: str | None = None) -> list[Row]:
    """The fills that stand (neither corrected nor busted), oldest first."""
    rows = journal.latest("fills", where=_where(symbol=symbol, book=book))
    return sorted((row for row in rows if row["standing"]), key=lambda row: (row["book"], row["sequence"]))


def order_history(journal: Journal, order: str) -> list[Row]:
    """Every row of one order, named by its id or its number, oldest first. Raises InputError for one that is not
    there."""
    by_number = order.isascii() and order.isdigit() and len(order) <= MOST_DIGITS
    rows = journal.history("story", where={"id": int(order)} if by_number else {"client_order_id": order})
    if not rows:
        raise InputError(f"no order {order!r} in this log (see `orderwright orders`)", field="order", value=order)
    return rows


def find_positions(journal: Journal, *, book: str | None = None, as_of: int | None = None) -> list[Row]:
    """The newest row of each position, as of a time in microseconds."""
    return journal.latest("positions", where=_where(book=book), as_of=as_of)


def _where(**asked: str | None) -> dict[str, object]:
    return {name: value for name, value in asked.items() if value is not None}


def settings_of(journal: Journal, book: str | None) -> Settings:
    """What a book counts in, of its settings: currency and parity. Of several books (None) the first one's."""
    rows = journal.latest("settings", where=None if book is None else {"book": book})
    if not rows:
        return Settings()
    return Settings(currency=rows[0]["currency"], parity=rows[0]["parity"])
