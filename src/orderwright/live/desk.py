"""Every book of one log, decided together and committed together.

A turn of the desk, as of each driver (orderwright/driver.py):

    decide    every book that has something to do takes it in: rows wait, nothing is visible
    write     the rows of all books go to the log's engine, on the caller's thread
    commit    one full sync for all of them, on a thread if the committer has one
    perform   only now are requests sent and commands answered

While one turn is committed the next is decided. What waits for its commit is bounded (MAX_TURN commands in a turn,
MOST_ROWS rows in two), so that what is not durable is always in memory and recall finds it there. Books take turns:
what one has to do is cut into slices, and it goes behind the others with the rest. If a commit fails, nothing of it is
ever performed, nothing more goes in, and every book is over: whoever runs the desk stops the process.

The desk knows no asyncio. `live/loop.py` runs it by a clock; a test can turn it by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import localcontext
from heapq import heapify, heappop, heappush
from typing import Any, Protocol

from orderwright.core import messages as m
from orderwright.core.evolve import Changes
from orderwright.core.model import Order
from orderwright.core.numbers import EXACT
from orderwright.core.recovery import order_from
from orderwright.driver import MAX_TURN
from orderwright.errors import InputError, OrderwrightError, UnknownName
from orderwright.live.book import LiveBook, Told
from orderwright.ports import Journal

SLICE = 64
"""Commands that are decided before the caller may look at something else, such as a commit that has ended."""
LEAST = 8
"""Commands a book may have decided in a slice, however many books share it."""
MOST_ROWS = 4_000
"""Rows that may wait for a commit before nothing more is decided: less than half of the finished orders in memory."""
SPARE = 10
"""A full queue has a place more, for every SPARE it has, for what makes risk smaller."""
_LOWERS_RISK = (m.SetTradingState, m.CancelOrder, m.CancelAll, m.DenyOrder)


class Busy(OrderwrightError):
    """The queue is full: nothing was taken. retry_after: seconds."""

    def __init__(self, message: str, retry_after: int = 1) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class Stopping(OrderwrightError):
    """The service is stopping: nothing was taken, or what was taken was not decided and is dropped."""


class Watcher(Protocol):
    """Who wants to know what happens on a desk. Neither may raise, wait, or keep what it is handed: records change."""

    def seen(self, book: str, sequence: int, event: m.AnyEvent, changes: Changes) -> None:
        """An event was decided. It is not durable yet: nothing of it may leave the process."""

    def committed(self, reached: dict[str, int], rows: int, seconds: float) -> None:
        """Books are durable up to these sequences: so many rows, in so many seconds of writing and committing."""

    def acted(self) -> None:
        """What that commit has made safe was done: requests are with the connectors, commands are answered."""


class Desk:
    """journal: the log; the books are opened on `desk.journal`. most_waiting: commands that may wait, of all books; one
    more is refused (`Busy`), but cancels and trading states have a few places more."""

    def __init__(self, journal: Journal, *, most_waiting: int = 10_000, watchers: Iterable[Watcher] = ()) -> None:
        self.journal = _Heard(journal, self)
        self.books: dict[str, LiveBook] = {}
        self.watchers = list(watchers)
        self.most_waiting = most_waiting
        self.waiting = 0
        self.failure: BaseException | None = None
        self.wake: Callable[[], None] = _nobody
        """Called when there is something to do: set by who runs the desk."""
        self.reached: dict[str, int] = {}
        """The newest row of each book that is durable."""
        self.rows = 0
        """Rows that were decided and not written yet."""
        self.is_committing = False
        self._journal = journal
        self._ahead: dict[str, int] = {}
        self._committing: dict[str, int] = {}
        self._committing_rows = 0
        self._asked: dict[str, None] = {}
        self._undecided = 0
        self._turn: dict[str, None] = {}
        self._written: dict[str, None] = {}
        self._times: list[tuple[int, str]] = []
        self._wanted: dict[str, int] = {}

    def open(self, book: LiveBook) -> LiveBook:
        """Take a book in; it is looked at with the next turn. Raises InputError for one that is open already."""
        if self.failure is not None:
            raise self.failure
        if book.name in self.books:
            raise InputError(f"book {book.name!r} is open already", field="book", value=book.name)
        if book.state.sequence and book.state.controls.epoch < getattr(self._journal, "taken_over_at", 0):
            log: Any = self._journal
            book.begin(m.BeginEpoch(epoch=log.epoch, by=log.holder))
        self.books[book.name] = book
        self.reached.setdefault(book.name, book.state.sequence)
        self.look_at(book.name)
        return book

    def put(self, book: str, said: m.Input, told: Told | None = None, *, own: bool = False) -> None:
        """Let a command wait for the next turn; `told` is called with its Answer when that is durable, or with what has
        ended the desk. Raises Busy where too many wait (the service's own may always), UnknownName for a book that is
        not open."""
        if self.failure is not None:
            raise self.failure
        if self.waiting >= self.most_waiting and not own and not self._has_room_for(said):
            raise Busy(f"{self.waiting} commands wait already; try again")
        found = self.books.get(book)
        if found is None:
            raise UnknownName("book", book, self.books, field="book")
        found.waiting.append((said, told))
        self.waiting += 1
        self.look_at(book)

    def look_at(self, book: str) -> None:
        """Look at a book with the next turn: something was asked of it, or its exchange has something to say."""
        self._asked[book] = None
        self.wake()

    def _has_room_for(self, said: m.Input) -> bool:
        return isinstance(said, _LOWERS_RISK) and self.waiting < self.most_waiting + self.most_waiting // SPARE + 1

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits: no command, no row, no action."""
        return not (self.waiting or self.is_committing or self.has_decided)

    def wants(self, now: int) -> bool:
        """Whether a book has something to do now."""
        return bool(self._asked) or bool(self._times and self._times[0][0] <= now)

    def next_time(self) -> int | None:
        """When the next book wants to be looked at though nobody asks, microseconds."""
        return self._times[0][0] if self._times else None

    # A turn

    def recover(self, now: int) -> None:
        """Look at every book and take no command: what is to be known or done first comes first."""
        self._asked.clear()
        for book in self.books.values():
            self._decide(book, now, 0, MOST_ROWS)

    def decide(self, now: int, most: int = SLICE) -> None:
        """Decide what is there: about so many commands in all, of each book that wants something a share."""
        if self.failure is not None:
            raise self.failure
        due = self._due(now)
        share, left = max(LEAST, most // max(len(due), 1)), most
        for name in due:
            room = MOST_ROWS - self.rows - self._committing_rows
            if left <= 0 or room <= 0 or self._undecided >= MAX_TURN:
                self._asked[name] = None
                continue
            left -= 1 + self._decide(self.books[name], now, min(share, MAX_TURN - self._undecided), room)

    def _due(self, now: int) -> dict[str, None]:
        """The books to be looked at now, those that have waited longest first."""
        due, self._asked = self._asked, {}
        times = self._times
        while times and times[0][0] <= now:
            time, name = heappop(times)
            if self._wanted.get(name) == time:
                del self._wanted[name]
                due[name] = None
        return due

    def _decide(self, book: LiveBook, now: int, commands: int, room: int) -> int:
        taken = book.decide(now, commands, reports=max(4 * commands, SLICE), rows=room)
        self.waiting -= taken
        self._undecided += taken
        if book.has_decided:
            self._turn[book.name] = None
        if book.is_behind:
            self._asked[book.name] = None
        self._plan(book, now)
        return taken

    @property
    def is_full(self) -> bool:
        """Whether nothing more is decided before a commit has ended."""
        return self._undecided >= MAX_TURN or self.rows + self._committing_rows >= MOST_ROWS

    @property
    def has_decided(self) -> bool:
        """Whether there is something to commit, or to do that only waits for the commit before it."""
        return bool(self._ahead or self._turn)

    @property
    def has_rows(self) -> bool:
        """Whether something was decided that is not written."""
        return bool(self._ahead)

    def write(self) -> None:
        """Hand the rows of this turn to the log; with none, its lease is kept. Nothing is being committed meanwhile."""
        assert not self.is_committing
        self._journal.write()
        self.is_committing = True
        self._committing, self._ahead = self._ahead, {}
        self._committing_rows, self.rows = self.rows, 0
        self._written, self._turn = self._turn, {}
        self._undecided = 0
        for name in self._written:
            self.books[name].written()

    def commit(self) -> None:
        """Make what was written durable; may run on another thread."""
        self._journal.commit()

    def perform(self, seconds: float = 0.0) -> None:
        """What was written is committed: act on it. seconds: what writing and committing took."""
        self.is_committing = False
        reached, self._committing = self._committing, {}
        rows, self._committing_rows = self._committing_rows, 0
        self.reached.update(reached)
        if reached:
            for watcher in self.watchers:
                watcher.committed(reached, rows, seconds)
        written, self._written = self._written, {}
        for name in written:
            self.books[name].perform()
            self._asked[name] = None  # what it has sent may be answered at once
        for watcher in self.watchers:
            watcher.acted()

    def fail(self, error: BaseException) -> None:
        """The log could not be written: nothing more is sent, by any book."""
        if self.failure is None:
            self.failure = error
            for book in self.books.values():
                book.fail(error)
            self.waiting = 0

    def drop_waiting(self, error: BaseException) -> None:
        """Tell whoever waits to be decided that it will not be."""
        self.waiting = 0
        for book in self.books.values():
            book.drop_waiting(error)

    def _plan(self, book: LiveBook, now: int) -> None:
        """Note when a book wants to be looked at next. The heap also holds times that are not wanted any more: when
        they are most of it, it is made anew."""
        time, wanted = book.next_time(now), self._wanted
        if time is None or wanted.get(book.name, time + 1) <= time:
            return
        wanted[book.name] = time
        heappush(self._times, (time, book.name))
        if len(self._times) > 2 * len(wanted) + SLICE:
            self._times = [(time, name) for name, time in wanted.items()]
            heapify(self._times)

    # What the log answers

    def order(self, book: str, order_id: str, now: int) -> Order | None:
        """An order from memory, while that answers for it, else from the log; None where the book has none of that id.
        It may be ahead of the log: `LiveLoop.order` waits until that has caught up."""
        return self.remembered(book, order_id, now) or self.recorded(book, order_id)

    def remembered(self, book: str, order_id: str, now: int) -> Order | None:
        """An order from memory: while it lives, and for a time after. Raises UnknownName for a book that is not
        open."""
        return self._book(book).remembered(order_id, now)

    def recorded(self, book: str, order_id: str) -> Order | None:
        """An order as the log has it."""
        events = self._journal.recall_order(book, order_id)
        with localcontext(EXACT):
            return order_from(events) if events else None

    def id_of_key(self, book: str, key: str) -> str | None:
        """The id of the order that came under a caller's own key; None where none did."""
        return self._book(book).engine.find_key(key)

    def id_of_number(self, number: int) -> tuple[str, str] | None:
        """(book, order id) of the order with this integer id, as the log has it; None where there is none."""
        rows = self._journal.latest("orders", where={"id": number})
        return (rows[0]["book"], rows[0]["client_order_id"]) if rows else None

    def _book(self, name: str) -> LiveBook:
        found = self.books.get(name)
        if found is None:
            raise UnknownName("book", name, self.books, field="book")
        return found


def _nobody() -> None:
    """Nobody runs the desk by a clock."""


class _Heard:
    """The log as the books are given it: each row they append is counted, and shown to who watches. Only the desk
    writes and commits while it does so; before it begins, a book may be set up by its own engine."""

    def __init__(self, journal: Journal, desk: Desk) -> None:
        self._journal, self._append, self._desk = journal, journal.append, desk

    def append(self, book: str, sequence: int, event: m.AnyEvent, changes: Changes) -> None:
        self._append(book, sequence, event, changes)
        desk = self._desk
        desk._ahead[book] = sequence
        desk.rows += 1
        for watcher in desk.watchers:
            watcher.seen(book, sequence, event, changes)

    def write(self) -> None:
        self._check()
        self._journal.write()

    def commit(self) -> None:
        self._check()
        self._journal.commit()

    def _check(self) -> None:
        if self._desk.is_committing:
            raise AssertionError("the desk is committing: put commands to it, not to a book's own engine")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


__all__ = ["Busy", "Desk", "Stopping", "Watcher"]
