"""What is read back from a log: the events of a book, of an order, of a key, and the open state."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from orderwright.core import messages as m
from orderwright.core.model import Balance, Position
from orderwright.core.numbers import EXACT, ZERO
from orderwright.errors import UnknownName
from orderwright.journal import pages, query
from orderwright.journal.following import rows_after
from orderwright.journal.schema import BOOK_SHIFT, SEQUENCE_MASK
from orderwright.journal.seal import decode
from orderwright.ports import LoggedRow, OpenState, Row

_PAGE = 2_000


class LogReader:
    """The reading half of the `Journal` port, over any connection to a log. Sees what is committed."""

    whole = True
    """Whether the read models have all that ever happened."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def recall_order(self, book: str, order_id: str) -> list[m.AnyOrderEvent]:
        sql = (
            "SELECT log.body FROM books CROSS JOIN orders ON orders.book = books.number AND orders.order_id = ? "
            "CROSS JOIN log ON log.order_key = orders.id WHERE books.name = ? ORDER BY log.position"
        )
        return [decode(body) for (body,) in self.connection.execute(sql, (order_id, book))]  # type: ignore[misc]

    def order_rows(self, book: str, order_id: str) -> list[tuple[int, str]]:
        """(sequence, event as JSON) of everything that has happened to an order, oldest first."""
        sql = (
            "SELECT log.position, log.body FROM books CROSS JOIN orders ON orders.book = books.number "
            "AND orders.order_id = ? CROSS JOIN log ON log.order_key = orders.id WHERE books.name = ? "
            "ORDER BY log.position"
        )
        found = self.connection.execute(sql, (order_id, book))
        return [(position & SEQUENCE_MASK, body) for position, body in found]

    def recall_key(self, book: str, key: str) -> str | None:
        sql = "SELECT order_id FROM keys WHERE book = (SELECT number FROM books WHERE name = ?) AND key = ?"
        row = self.connection.execute(sql, (book, key)).fetchone()
        return None if row is None else row[0]

    def order_key(self, book: str, order_id: str) -> int | None:
        sql = "SELECT id FROM orders WHERE book = (SELECT number FROM books WHERE name = ?) AND order_id = ?"
        row = self.connection.execute(sql, (book, order_id)).fetchone()
        return None if row is None else row[0]

    def order_place(self, key: int) -> tuple[str, str] | None:
        sql = "SELECT books.name, order_id FROM orders CROSS JOIN books ON books.number = orders.book WHERE id = ?"
        row = self.connection.execute(sql, (key,)).fetchone()
        return None if row is None else (row[0], row[1])

    def events(self, book: str, after: int = 0) -> Iterator[tuple[int, m.AnyEvent]]:
        """In pages, so that no read transaction stays open while the caller works."""
        number = self._number(book)
        if number is None:
            return
        base = number << BOOK_SHIFT
        sql = "SELECT position, body FROM log WHERE position > ? AND position <= ? ORDER BY position LIMIT ?"
        while page := self.connection.execute(sql, (base + after, base + SEQUENCE_MASK, _PAGE)).fetchall():
            for position, body in page:
                yield position - base, decode(body)
            after = page[-1][0] - base

    def rows(self, book: str, after: int = 0, *, upto: int, limit: int) -> list[LoggedRow]:
        number = self._number(book)
        return [] if number is None else rows_after(self.connection, number, book, after, upto, limit)

    def open_state(self, book: str) -> OpenState:
        number = self._number(book)
        if number is None:
            return OpenState(0, 0, [], {}, {}, [], {})
        base = number << BOOK_SHIFT
        head = self._one(
            "SELECT position, time FROM log WHERE position BETWEEN ? AND ? ORDER BY position DESC LIMIT 1",
            (base, base + SEQUENCE_MASK),
        )
        where = {"book": book}
        balances = {
            (row["account"], row["asset"]): Balance(row["total"], row["locked"])
            for row in query.latest(self.connection, "ledger", where=where)
        }
        positions = {
            (row["account"], row["symbol"]): Position(row["size"], row["cost"], row["realised"])
            for row in query.latest(self.connection, "positions", where=where)
        }
        last = self._one("SELECT max(order_id) FROM orders WHERE book = ?", (number,))
        return OpenState(
            sequence=head[0] - base if head else 0,
            time=head[1] if head else 0,
            orders=self._open_orders(number),
            balances=balances,
            positions=positions,
            controls=self._controls(number),
            moved=self._moved(number),
            last_order_id=(last[0] if last else None) or "",
        )

    def latest(
        self,
        table: str,
        *,
        by: Sequence[str] | None = None,
        where: Mapping[str, object] | None = None,
        as_of: int | None = None,
    ) -> list[Row]:
        return query.latest(self.connection, table, by, where, as_of, whole=self.whole)

    def history(
        self,
        table: str,
        *,
        where: Mapping[str, object] | None = None,
        limit: int | None = None,
        since: int | None = None,
        as_of: int | None = None,
    ) -> list[Row]:
        return query.history(self.connection, table, where, limit, since, as_of, whole=self.whole)

    def orders_page(
        self,
        *,
        books: Collection[str] | None,
        where: Mapping[str, object],
        limit: int,
        before: int | None = None,
        start: int | None = None,
        end: int | None = None,
    ) -> list[Row]:
        """See journal/pages.py."""
        return pages.orders_page(
            self.connection, books=books, where=where, limit=limit, before=before, start=start, end=end
        )

    def books(self) -> list[str]:
        """The names of the books in the log, oldest first."""
        return [name for (name,) in self.connection.execute("SELECT name FROM books ORDER BY number")]

    def newest_time(self, book: str | None = None) -> int | None:
        """The time of the newest row, of one book or of all, in microseconds; None where there are no rows."""
        newest = "SELECT time FROM log WHERE position BETWEEN ? AND ? ORDER BY position DESC LIMIT 1"
        bases = [self.number_of(name) << BOOK_SHIFT for name in ([book] if book is not None else self.books())]
        rows = [self._one(newest, (base, base + SEQUENCE_MASK)) for base in bases]
        return max((row[0] for row in rows if row is not None), default=None)

    def close(self) -> None:
        self.connection.close()

    def number_of(self, book: str) -> int:
        """The book's number. Raises UnknownName."""
        number = self._number(book)
        if number is None:
            raise UnknownName("book", book, self.books(), field="book")
        return number

    def _open_orders(self, number: int) -> list[list[m.AnyOrderEvent]]:
        sql = (
            "SELECT orders.id, log.body FROM orders CROSS JOIN log ON log.order_key = orders.id "
            "WHERE orders.book = ? AND orders.closed IS NULL ORDER BY orders.id, log.position"
        )
        found: dict[int, list[m.AnyOrderEvent]] = {}
        for key, body in self.connection.execute(sql, (number,)):
            found.setdefault(key, []).append(decode(body))  # type: ignore[arg-type]  # an order's rows are its events
        return list(found.values())

    def _controls(self, number: int) -> list[m.AnyEvent]:
        sql = (
            "SELECT log.body FROM controls CROSS JOIN log ON log.position = controls.position "
            "WHERE controls.book = ? ORDER BY controls.position"
        )
        return [decode(body) for (body,) in self.connection.execute(sql, (number,))]

    def _moved(self, number: int) -> dict[tuple[str, str], Decimal]:
        """Cash moved since the newest DayStarted; nothing where no day has started."""
        day = self._one("SELECT position FROM controls WHERE book = ? AND name = 'day'", (number,))
        moved: dict[tuple[str, str], Decimal] = {}
        if day is None:
            return moved
        sql = "SELECT account, asset, amount FROM cash WHERE position > ? AND position <= ?"
        for account, asset, amount in self.connection.execute(sql, (day[0], (number << BOOK_SHIFT) + SEQUENCE_MASK)):
            moved[account, asset] = EXACT.add(moved.get((account, asset), ZERO), Decimal(amount))
        return moved

    def _number(self, book: str) -> int | None:
        row = self._one("SELECT number FROM books WHERE name = ?", (book,))
        return None if row is None else row[0]

    def _one(self, sql: str, parameters: tuple[Any, ...]) -> Any:
        return self.connection.execute(sql, parameters).fetchone()
