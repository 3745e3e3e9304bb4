"""Every book of one log, decided together and committed together.

A turn of the desk, as of each driver (orderwright/driver.py):

    decide    every book that has something to do takes it in: rows wait, nothing is visible
    write     the rows of all books go to the log's engine, on the caller's thread
    commit    one full sync for all of them, on a thread if the committer has one
    perform   only now are requests sent and commands answered

While one turn is committed the next is decided, up to MAX_TURN commands: what is not durable is always in memory, so
that recall finds it there. If a commit fails, nothing of it is ever performed, nothing more goes in, and every book is
over: whoever runs the desk stops the process.

The desk knows no asyncio. `live/loop.py` runs it by a clock; a test can turn it by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Any, Protocol

from orderwright.core import messages as m
from orderwright.core.evolve import Changes
from orderwright.driver import MAX_TURN
from orderwright.errors import OrderwrightError, UnknownName
from orderwright.live.book import LiveBook, Told
from orderwright.ports import Journal


class Busy(OrderwrightError):
    """The queue is full: nothing was taken. retry_after: seconds."""

    def __init__(self, message: str, retry_after: int = 1) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class Stopping(OrderwrightError):
    """The service is stopping: nothing was taken."""


class Watcher(Protocol):
    """Who wants to know what happens on a desk. Neither may raise, wait, or keep what it is handed: records change."""

    def seen(self, book: str, sequence: int, event: m.AnyEvent, changes: Changes) -> None:
        """An event was decided. It is not durable yet: nothing of it may leave the process."""

    def committed(self, reached: dict[str, int], rows: int, seconds: float) -> None:
        """Books are durable up to these sequences: so many rows, in so many seconds of writing and committing."""

    def acted(self) -> None:
        """What that commit has made safe was done: requests are with the connectors, commands are answered."""


class Desk:
    """journal: the log, whose books are opened with `heard` around it. most_waiting: commands that may wait, of all
    books; one more is refused (`Busy`)."""

    def __init__(self, journal: Journal, *, most_waiting: int = 10_000, watchers: Iterable[Watcher] = ()) -> None:
        self.journal = _Heard(journal, self)
        self.books: dict[str, LiveBook] = {}
        self.watchers = list(watchers)
        self.most_waiting = most_waiting
        self.waiting = 0
        self.failure: BaseException | None = None
        self.reached: dict[str, int] = {}
        """The newest row of each book that is durable."""
        self.rows = 0
        self._ahead: dict[str, int] = {}
        self._committing: dict[str, int] = {}
        self._committing_rows = 0
        self._asked: set[str] = set()
        self._undecided = 0
        self._turn: set[str] = set()
        self._written: set[str] = set()
        self._times: list[tuple[int, str]] = []
        self._wanted: dict[str, int] = {}

    def open(self, book: LiveBook) -> LiveBook:
        """Take a book in; it is looked at with the next turn."""
        self.books[book.name] = book
        self.reached.setdefault(book.name, book.state.sequence)
        self._asked.add(book.name)
        return book

    def put(self, book: str, said: m.Input, told: Told | None = None) -> None:
        """Let a command wait for the next turn; `told` is called with its Answer when that is durable, or with what has
        ended the desk. Raises Busy where too many wait, UnknownName for a book that is not open."""
        if self.failure is not None:
            raise self.failure
        if self.waiting >= self.most_waiting:
            raise Busy(f"{self.waiting} commands wait already; try again")
        found = self.books.get(book)
        if found is None:
            raise UnknownName("book", book, self.books, field="book")
        found.waiting.append((said, told))
        self.waiting += 1
        self._asked.add(book)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits: no command, no row, no action."""
        return not (self.waiting or self._turn or self._committing or self._ahead)

    def wants(self, now: int) -> bool:
        """Whether a book has something to do now."""
        return bool(self._asked) or bool(self._times and self._times[0][0] <= now)

    def next_time(self) -> int | None:
        """When the next book wants to be looked at though nobody asks, microseconds."""
        return self._times[0][0] if self._times else None

    def decide(self, now: int) -> bool:
        """Decide what is there, up to MAX_TURN commands before the next `write`; whether anything was looked at."""
        if self.failure is not None:
            raise self.failure
        due, self._asked = self._asked, set()
        while self._times and self._times[0][0] <= now:
            time, name = heappop(self._times)
            if self._wanted.get(name) == time:
                del self._wanted[name]
                due.add(name)
        for name in sorted(due) if len(due) > 1 else due:
            room = MAX_TURN - self._undecided
            if room <= 0:
                self._asked.add(name)
                continue
            book = self.books[name]
            taken = book.decide(now, room)
            self.waiting -= taken
            self._undecided += taken
            self._turn.add(name)
            if book.waiting:
                self._asked.add(name)
            self._plan(book, now)
        return bool(due)

    def look_at(self, book: str) -> None:
        """Look at a book with the next turn: its exchange has something to say."""
        self._asked.add(book)

    @property
    def is_full(self) -> bool:
        """Whether no more commands are taken in before the next `write`."""
        return self._undecided >= MAX_TURN

    @property
    def has_decided(self) -> bool:
        """Whether there is something to commit, or to do that only waits for the commit before it."""
        return bool(self._ahead) or any(self.books[name].has_decided for name in self._turn)

    def write(self) -> None:
        """Hand the rows of this turn to the log. Nothing is being committed meanwhile."""
        assert not self._committing
        self.journal.write()
        self._committing, self._ahead = self._ahead, {}
        self._committing_rows, self.rows = self.rows, 0
        self._written, self._turn = self._turn, set()
        self._undecided = 0
        for name in self._written:
            self.books[name].written()

    def perform(self, seconds: float = 0.0) -> None:
        """What was written is committed: act on it. seconds: what writing and committing took."""
        reached, self._committing = self._committing, {}
        self.reached.update(reached)
        if reached:
            for watcher in self.watchers:
                watcher.committed(reached, self._committing_rows, seconds)
        for name in sorted(self._written):
            book = self.books[name]
            book.perform()
            self._asked.add(name)  # what it has sent may be answered at once
        self._written = set()
        for watcher in self.watchers:
            watcher.acted()

    def fail(self, error: BaseException) -> None:
        """The log could not be written: nothing more is sent, by any book."""
        if self.failure is None:
            self.failure = error
            for book in self.books.values():
                book.fail(error)

    def _plan(self, book: LiveBook, now: int) -> None:
        time = book.next_time(now)
        if time is None or self._wanted.get(book.name, time + 1) <= time:
            return
        self._wanted[book.name] = time
        heappush(self._times, (time, book.name))


class _Heard:
    """The log as the books are given it: each row they append is counted, and shown to who watches."""

    def __init__(self, journal: Journal, desk: Desk) -> None:
        self._journal, self._append, self._desk = journal, journal.append, desk
        self.write: Callable[[], None] = journal.write
        self.commit: Callable[[], None] = journal.commit

    def append(self, book: str, sequence: int, event: m.AnyEvent, changes: Changes) -> None:
        self._append(book, sequence, event, changes)
        desk = self._desk
        desk._ahead[book] = sequence
        desk.rows += 1
        for watcher in desk.watchers:
            watcher.seen(book, sequence, event, changes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


__all__ = ["Busy", "Desk", "Stopping", "Watcher"]
