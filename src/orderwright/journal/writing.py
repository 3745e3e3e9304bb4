"""Writing the log: the heads of its books, the rows that wait, and the statements that insert them.

`LogWriter` is shared by everything that writes: the SQLite journal, the in-memory one when it is asked a question,
and a rebuild of the read models. It begins and ends no transaction: that is its owner's affair.
"""

from __future__ import annotations

import sqlite3
from functools import partial

from orderwright.core import messages as m
from orderwright.core.evolve import Changes
from orderwright.core.model import DONE, Order
from orderwright.errors import LogError, LogFenced
from orderwright.journal import rows as r
from orderwright.journal.schema import BOOK_SHIFT, SEQUENCE_MASK, SERIES_SHIFT
from orderwright.journal.seal import SCHEMA, Sealer, encode, genesis


class LogWriter:
    """Takes events in (`append`) and inserts their rows (`flush`). Heads and pointers are read from `reader`."""

    def __init__(self, reader: sqlite3.Connection, seal: Sealer, *, models_only: bool = False) -> None:
        self._reader, self._seal, self._models_only = reader, seal, models_only
        self._heads: dict[str, r.Head] = {}
        self._ended: list[tuple[r.Head, r.Pointer]] = []
        self._flushed: list[tuple[r.Head, r.Pointer]] = []
        self._next_book = 1 + (reader.execute("SELECT max(number) FROM books").fetchone()[0] or 0)
        self._series: dict[int, dict[str, dict[tuple[str, str], int]]] = {}
        self._next_key = 1 + (reader.execute("SELECT max(id) FROM orders").fetchone()[0] or 0)
        self.rows = r.Rows()

    def append(self, book: str, sequence: int, event: m.AnyEvent, changes: Changes, key: int | None = None) -> None:
        """Take in one event. key: the order key that the log has for it, where the log is only read again."""
        head = self._heads.get(book) or self._open(book)
        if sequence != head.sequence + 1:
            raise LogFenced(
                f"book {book!r}: the log is at {head.sequence}, so its next row is not {sequence}: another "
                "process has written to the book since; stop this one"
            )
        time = event.time
        if time < head.time:
            raise LogError(f"book {book!r}, sequence {sequence}: time went back from {head.time} to {time}")
        position = head.base + sequence
        kind = r.KIND_OF(type(event))
        body = encode(event)
        order = changes.order
        if order is None:
            statement, row = r.other_row(position, event, kind, body.decode())
        else:
            pointer = self._point(head, position, event, order, key)
            statement, row = r.log_row(position, event, kind, pointer, order, body.decode())
        digest = self._seal(b"%b%d|%d|%b|%d|%b" % (head.digest, position, time, kind.encode(), SCHEMA, body))
        rows = self.rows
        if statement in rows.log:
            rows.log[statement].append((*row, digest))
        else:
            rows.log[statement] = [(*row, digest)]
        r.model_rows(rows, head, position, sequence, event, changes)
        head.sequence, head.digest, head.time = sequence, digest, time

    def flush(self, connection: sqlite3.Connection) -> None:
        """Insert what waits, in the transaction that is open."""
        rows, self.rows = self.rows, r.Rows()
        insert = connection.executemany
        if not self._models_only:
            insert("INSERT INTO books VALUES (?, ?)", rows.books)
            for statement, log in rows.log.items():
                insert(statement, log)
        pointers = rows.orders.values()
        new = [pointer.row() for pointer in pointers if pointer.new]
        if new:
            insert("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", new)
        if len(new) < len(pointers):
            moved = [pointer.update() for pointer in pointers if not pointer.new]
            insert("UPDATE orders SET last = ?, status = ?, closed = ?, level = ? WHERE id = ?", moved)
        for statement, waiting in (
            ("INSERT INTO series VALUES (?, ?, ?, ?, ?)", rows.series),
            ("INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?)", rows.ledger),
            ("INSERT INTO positions VALUES (?, ?, ?, ?, ?)", rows.positions),
            ("INSERT INTO prices VALUES (?, ?, ?, ?, ?, ?)", rows.prices),
            ("INSERT INTO cash VALUES (?, ?, ?, ?, ?, ?)", rows.cash),
            (f"INSERT INTO signals VALUES ({', '.join('?' * 14)})", rows.signals),
            (f"INSERT INTO alerts VALUES ({', '.join('?' * 17)})", rows.alerts),
            ("INSERT INTO keys VALUES (?, ?, ?)", rows.keys),
            ("INSERT OR REPLACE INTO keys VALUES (?, ?, ?)", rows.recent),
        ):
            if waiting:
                insert(statement, waiting)
        if rows.controls:
            controls = [(book, name, position) for (book, name), position in rows.controls.items()]
            insert("INSERT OR REPLACE INTO controls VALUES (?, ?, ?)", controls)
        for pointer in pointers:
            pointer.new = False
        self._flushed += self._ended
        self._ended = []

    @property
    def waiting(self) -> bool:
        """Whether anything was appended since the last flush."""
        return bool(self.rows.log)

    def head(self, book: str) -> r.Head:
        """The book's head, rows that wait included."""
        return self._heads.get(book) or self._open(book)

    def key_of(self, book: str, order_id: str) -> int | None:
        """The number in `orders` of an order that is at hand."""
        head = self._heads.get(book)
        pointer = head.pointers.get(order_id) if head is not None else None
        return None if pointer is None else pointer.id

    def _open(self, book: str) -> r.Head:
        row = self._reader.execute("SELECT number FROM books WHERE name = ?", (book,)).fetchone()
        if row is None:
            number = self._next_book
            self._next_book += 1
            self.rows.books.append((number, book))
        else:
            number = row[0]
        base = number << BOOK_SHIFT
        last = (None if row is None or self._models_only else self._last(base)) or (0, genesis(book), 0)
        head = r.Head(number, base, *last, begin=partial(self._begin_series, number))
        self._heads[book] = head
        by_model = {"ledger": head.wallets, "positions": head.holdings, "prices": head.markets}
        found = self._reader.execute("SELECT model, one, two, id FROM series WHERE book = ?", (number,))
        for model, one, two, series in found:
            by_model[model][one, two] = series
        self._series[number] = by_model
        return head

    def _last(self, base: int) -> tuple[int, bytes, int] | None:
        """Sequence, digest and time of a book's newest row, if it has one."""
        row = self._reader.execute(
            "SELECT position, digest, time FROM log WHERE position BETWEEN ? AND ? ORDER BY position DESC LIMIT 1",
            (base, base + SEQUENCE_MASK),
        ).fetchone()
        return None if row is None else (row[0] & SEQUENCE_MASK, row[1], row[2])

    def _begin_series(self, number: int, model: str, one: str, two: str) -> int:
        """Numbered within the book, so that a replay of the book alone gives the same number."""
        by_model = self._series[number]
        series = (number << SERIES_SHIFT) + 1 + sum(map(len, by_model.values()))
        by_model[model][one, two] = series
        self.rows.series.append((series, model, number, one, two))
        return series

    def settled(self) -> None:
        """Everything flushed so far is committed: an order that had ended by then can be looked up again when
        needed."""
        for head, pointer in self._flushed:
            if pointer.closed:
                head.pointers.pop(pointer.order_id, None)
        self._flushed.clear()

    def _point(self, head: r.Head, position: int, event: m.Event, order: Order, key: int | None) -> r.Pointer:
        """The order's pointer, moved to this row."""
        order_id = order.instruction.order_id
        pointer = head.pointers.get(order_id)
        if pointer is None:
            found = None if type(event) is m.OrderReceived else self._find(head.number, order_id)
            pointer = head.pointers[order_id] = found or self._begin(head.number, position, order, key)
        elif type(event) is m.OrderReceived:
            raise LogError(received_twice(order_id))
        pointer.last, pointer.status = position, order.status._value_
        if order.status not in DONE:
            pointer.closed = 0
        elif not pointer.closed:
            pointer.closed = position
            self._ended.append((head, pointer))
        self.rows.orders[pointer.id] = pointer
        return pointer

    def _begin(self, number: int, position: int, order: Order, key: int | None) -> r.Pointer:
        if key is None:
            key = self._next_key
            self._next_key += 1
        instruction, status = order.instruction, order.status._value_
        return r.Pointer(key, instruction.order_id, number, instruction.account, position, position, status, new=True)

    def _find(self, number: int, order_id: str) -> r.Pointer | None:
        row = self._reader.execute(
            "SELECT id, order_id, book, account, first, last, status, ifnull(closed, 0) FROM orders "
            "WHERE book = ? AND order_id = ?",
            (number, order_id),
        ).fetchone()
        return None if row is None else r.Pointer(*row)


def received_twice(order_id: str) -> str:
    """What is wrong where an order that the log has already is received."""
    return f"order {order_id!r} was received before: the log has it, and an order begins once"
