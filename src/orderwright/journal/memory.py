"""The journal in memory: for backtests, RL and tests, where nothing has to outlive the process.

Appending only puts the event away, so that it costs the core's callers next to nothing. When a question about the
read models is asked, what was not folded yet is folded through `evolve` into an in-memory SQLite of the same tables,
by the same writer, and that is asked: the answers are those of the SQLite journal.

`MemoryJournal(keep=N)` has bounded memory: it keeps the orders that live and the newest N that have finished, the
newest value of each balance, position and price, the newest event of each control, and the newest N of the other
events. Questions are then answered from what is kept: the present is whole, the past is not.
"""

from __future__ import annotations

import decimal
import sqlite3
from collections import OrderedDict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from orderwright.core import messages as m
from orderwright.core.evolve import Changes, key_of
from orderwright.core.lifecycle import apply, received
from orderwright.core.model import DONE, Order
from orderwright.core.numbers import EXACT
from orderwright.core.state import KEEP_KEYS, remember
from orderwright.errors import LogError, LogFenced
from orderwright.journal import schema
from orderwright.journal.reading import LogReader
from orderwright.journal.replay import Replay
from orderwright.journal.rows import control_of
from orderwright.journal.seal import CHAIN, sealer
from orderwright.journal.writing import LogWriter, received_twice
from orderwright.ports import LoggedRow, OpenState, Row

Numbered = tuple[int, m.AnyEvent]
_KEYED = frozenset({m.SignalReceived, m.AlertReceived, m.OrderReceived, m.CashMoved})
_FLUSH_EVERY = 5_000


class MemoryJournal(LogReader):
    """The `Journal` port in memory. keep: how many finished orders stay (None: all there ever were)."""

    def __init__(self, keep: int | None = None) -> None:
        self._keep, self.whole = keep, keep is None
        self._keys = _Keys()
        self._books: dict[str, _Everything | _Newest] = {}
        self._stale = False
        self._tables: LogWriter | None = None

    def append(self, book: str, sequence: int, event: m.AnyEvent, changes: Changes) -> None:
        kept = self._books.get(book)
        if kept is None:
            if self._keep is None:
                kept = _Everything(book, self._keys)
            else:
                kept = _Newest(book, self._keys, self._keep)
            self._books[book] = kept
        if sequence != kept.sequence + 1:
            raise LogFenced(f"book {book!r}: the log is at {kept.sequence}, so its next row is not {sequence}")
        if type(event) is m.OrderReceived and event.order_id in kept.orders:
            raise LogError(received_twice(event.order_id))
        kept.sequence = sequence
        kept.add(event, changes)
        self._stale = True

    def write(self) -> None:
        """Nothing to do: there is no engine."""

    def commit(self) -> None:
        """Nothing to do: there is no disk."""

    def recall_order(self, book: str, order_id: str) -> list[m.AnyOrderEvent]:
        kept = self._books.get(book)
        return [] if kept is None else [event for _, event in kept.orders.get(order_id, ())]  # type: ignore[misc]

    def recall_key(self, book: str, key: str) -> str | None:
        kept = self._books.get(book)
        return None if kept is None else kept.keys.get(key)

    def order_key(self, book: str, order_id: str) -> int | None:
        kept = self._books.get(book)
        return None if kept is None else kept.numbers.get(order_id)

    def order_place(self, key: int) -> tuple[str, str] | None:
        return self._keys.places.get(key)

    def events(self, book: str, after: int = 0) -> Iterator[Numbered]:
        kept = self._books.get(book)
        return iter(()) if kept is None else kept.events(after)

    def rows(self, book: str, after: int = 0, *, upto: int, limit: int) -> list[LoggedRow]:
        self._refresh()
        return super().rows(book, after, upto=upto, limit=limit)

    def order_rows(self, book: str, order_id: str) -> list[tuple[int, str]]:
        self._refresh()
        return super().order_rows(book, order_id)

    def reader(self) -> None:
        """None: memory is read where it is written."""
        return None

    def open_state(self, book: str) -> OpenState:
        if book not in self._books:  # a new book asks nothing of the tables
            return OpenState(0, 0, [], {}, {}, [], {})
        self._refresh()
        return super().open_state(book)

    def latest(
        self,
        table: str,
        *,
        by: Sequence[str] | None = None,
        where: Mapping[str, object] | None = None,
        as_of: int | None = None,
    ) -> list[Row]:
        self._refresh()
        return super().latest(table, by=by, where=where, as_of=as_of)

    def history(
        self,
        table: str,
        *,
        where: Mapping[str, object] | None = None,
        limit: int | None = None,
        since: int | None = None,
        as_of: int | None = None,
    ) -> list[Row]:
        self._refresh()
        return super().history(table, where=where, limit=limit, since=since, as_of=as_of)

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
        self._refresh()
        return super().orders_page(books=books, where=where, limit=limit, before=before, start=start, end=end)

    def books(self) -> list[str]:
        return list(self._books)

    def forget(self, book: str) -> None:
        """Drop a whole book, where memory is bounded (`keep`): a training run has more episodes than memory."""
        if self._keep is None:
            raise LogError("a log that keeps everything forgets no book")
        kept = self._books.pop(book, None)
        if kept is not None:
            self._stale = True
            for key in kept.numbers.values():
                del self._keys.places[key]

    def fold(self) -> None:
        """Bring the tables behind `connection` up to date, for who reads them without asking a question."""
        self._refresh()

    def close(self) -> None:
        if self._tables is not None:
            self.connection.close()
            self._tables = None
        self._books.clear()

    def _refresh(self) -> None:
        """Bring the tables up to date with what was appended."""
        if self._tables is None or (self._stale and self._keep is not None):
            self._begin()
        tables = self._tables
        if not self._stale or tables is None:
            return
        with decimal.localcontext(EXACT):
            for book, kept in self._books.items():
                kept.fill(tables, book, self.connection)
        tables.flush(self.connection)
        tables.settled()
        self._stale = False

    def _begin(self) -> None:
        if self._tables is not None:
            self.connection.close()
        super().__init__(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False))
        schema.create(self.connection, CHAIN)
        self._tables = LogWriter(self.connection, sealer(None))
        self._stale = True


class _Keys:
    """The keys of orders, of all books: given once, in the order in which they came in."""

    def __init__(self) -> None:
        self._next = 1
        self.places: dict[int, tuple[str, str]] = {}

    def give(self, book: str, order_id: str) -> int:
        """The next key, to an order."""
        key = self._next
        self._next = key + 1
        self.places[key] = (book, order_id)
        return key


class _Everything:
    """A book's events, all of them. numbers: the key of each order."""

    def __init__(self, book: str, keys: _Keys) -> None:
        self.sequence = 0
        self.orders: dict[str, list[Numbered]] = {}
        self.numbers: dict[str, int] = {}
        self._book, self._given = book, keys
        self.keys: dict[str, str] = {}
        self._events: list[m.AnyEvent] = []
        self._folded = 0
        self._replay = Replay(book, self._before)

    def add(self, event: m.AnyEvent, _: Changes) -> None:
        self._events.append(event)
        if isinstance(event, m.OrderEvent):
            rows = self.orders.get(event.order_id)
            if rows is None:
                rows = self.orders[event.order_id] = []
                self.numbers[event.order_id] = self._given.give(self._book, event.order_id)
            rows.append((self.sequence, event))
        if type(event) in _KEYED:
            keyed = key_of(event)
            if keyed is not None:
                self.keys[keyed[0]] = keyed[1]

    def events(self, after: int) -> Iterator[Numbered]:
        return enumerate(self._events[after:], start=after + 1)

    def fill(self, tables: LogWriter, book: str, connection: sqlite3.Connection) -> None:
        for event in self._events[self._folded :]:
            self._folded += 1
            key = self.numbers[event.order_id] if isinstance(event, m.OrderEvent) else None
            tables.append(book, self._folded, event, self._replay.apply(event), key)
            if self._folded % _FLUSH_EVERY == 0:
                tables.flush(connection)

    def _before(self, order_id: str, sequence: int) -> list[m.AnyOrderEvent]:
        return [event for at, event in self.orders.get(order_id, ()) if at < sequence]  # type: ignore[misc]


class _Newest:
    """A book's present, and as much of its past as `keep` says. numbers: the key of each order that is kept."""

    def __init__(self, book: str, keys: _Keys, keep: int) -> None:
        self.sequence = 0
        self.orders: dict[str, list[Numbered]] = {}
        self.numbers: dict[str, int] = {}
        self._book, self._given = book, keys
        self.keys: OrderedDict[str, str] = OrderedDict()
        self._keep = keep
        self._finished: OrderedDict[str, None] = OrderedDict()
        self._others: deque[Numbered] = deque(maxlen=keep)
        self._controls: dict[str, Numbered] = {}
        self._wallets: dict[tuple[str, str], tuple[int, m.AnyEvent, Any]] = {}
        self._holdings: dict[tuple[str, str], tuple[int, m.AnyEvent, Any]] = {}

    def add(self, event: m.AnyEvent, changes: Changes) -> None:
        sequence = self.sequence
        order = changes.order
        if order is not None:
            self._add_order(sequence, event, order)
        else:
            self._add_other(sequence, event)
        ledger, position = changes.ledger, changes.position
        if ledger is not None:
            wallets = self._wallets
            for row in ledger:
                wallets[row[:2]] = (sequence, event, row)
        if position is not None:
            self._holdings[position[:2]] = (sequence, event, position)

    def _add_other(self, sequence: int, event: m.AnyEvent) -> None:
        name = control_of(event)
        if name is not None:
            self._controls[name] = (sequence, event)
        else:
            self._others.append((sequence, event))
        self._remember_key(event)

    def _remember_key(self, event: m.AnyEvent) -> None:
        if type(event) in _KEYED:
            keyed = key_of(event)
            if keyed is not None:
                remember(self.keys, *keyed, max(KEEP_KEYS, self._keep))

    def _add_order(self, sequence: int, event: Any, order: Order) -> None:
        order_id = event.order_id
        kind = type(event)
        rows = self.orders.get(order_id)
        if rows is not None:
            rows.append((sequence, event))
        elif kind is m.OrderReceived:
            self.orders[order_id] = [(sequence, event)]
            self.numbers[order_id] = self._given.give(self._book, order_id)
            if event.instruction.idempotency_key:
                self._remember_key(event)
        else:  # it was dropped when it had finished
            self._others.append((sequence, event))
            return
        if (kind is m.OrderReceived or kind is m.RequestSubmitted) and event.today is not None:
            self._controls["order"] = (sequence, event)
        if order.status in DONE:
            finished = self._finished
            finished[order_id] = None
            if len(finished) > self._keep:
                dropped = finished.popitem(last=False)[0]
                del self.orders[dropped], self._given.places[self.numbers.pop(dropped)]
        elif order_id in self._finished:
            del self._finished[order_id]

    def events(self, after: int) -> Iterator[Numbered]:
        kept = self._kept()
        return ((sequence, kept[sequence]) for sequence in sorted(kept) if sequence > after)

    def fill(self, tables: LogWriter, book: str, connection: sqlite3.Connection) -> None:
        ledger: dict[int, list[Any]] = {}
        for sequence, _event, row in self._wallets.values():
            ledger.setdefault(sequence, []).append(row)
        positions = {sequence: row for sequence, _event, row in self._holdings.values()}
        folded: dict[str, Order] = {}
        kept = self._kept()
        for sequence in sorted(kept):
            event = kept[sequence]
            order = self._fold(folded, event)
            tables.head(book).sequence = sequence - 1
            key = None if order is None else self.numbers.get(order.order_id)
            tables.append(book, sequence, event, Changes(order, ledger.get(sequence), positions.get(sequence)), key)
        tables.flush(connection)

    def _fold(self, folded: dict[str, Order], event: Any) -> Order | None:
        if not isinstance(event, m.OrderEvent) or event.order_id not in self.orders:
            return None
        if isinstance(event, m.OrderReceived):
            folded[event.order_id] = received(event)
        else:
            apply(folded[event.order_id], event)  # type: ignore[arg-type]  # it is an order's event and not its first
        return folded[event.order_id]

    def _kept(self) -> dict[int, m.AnyEvent]:
        found: dict[int, m.AnyEvent] = dict(self._others)
        several: tuple[Iterable[Numbered], ...] = (self._controls.values(), *self.orders.values())
        for rows in several:
            found.update(rows)
        for values in (self._wallets, self._holdings):
            found.update((sequence, event) for sequence, event, _ in values.values())
        return found
