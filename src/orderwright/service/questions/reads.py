"""Questions to the log, off the event loop: a few threads, each with a reading connection of its own, which sees what
is committed and nothing else.

At most so many questions wait (`Busy`); one that takes too long is interrupted and answered with a 503. A log in memory
has no second connection: it is asked at once, on the loop's own thread, after all that was decided is settled.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar, cast

from orderwright.journal.reading import LogReader
from orderwright.live.desk import Busy
from orderwright.ports import Journal, Row
from orderwright.service.parts import Principal, Problem

if TYPE_CHECKING:
    from orderwright.live.loop import LiveLoop

T = TypeVar("T")
THREADS = 2
MOST = 64
SECONDS = 15.0
CACHE_KIB = 32_000
SYSTEM = "system"


class Reads:
    """journal: the log as the desk has it. most: questions that may wait; seconds: how long one may take."""

    def __init__(
        self, loop: LiveLoop, journal: Journal, *, threads: int = THREADS, most: int = MOST, seconds: float = SECONDS
    ) -> None:
        self._loop, self._journal, self._most, self._seconds = loop, journal, most, seconds
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="reads")
        self._own = threading.local()
        self._opened: list[LogReader] = []
        self.waiting = 0
        self._in_memory: bool | None = None

    async def ask(self, question: Callable[[LogReader], T]) -> T:
        """What a question finds in what is committed. Raises Busy, Problem (503) for one that takes too long, and what
        the question raises."""
        if self._in_memory is None:
            first = self._journal.reader()
            self._in_memory = first is None
            if first is not None:
                first.close()
        if self._in_memory:
            await self._loop.settled()
            return question(cast("LogReader", self._journal))
        if self.waiting >= self._most:
            raise Busy(f"{self.waiting} questions wait already; try again")
        return await self._on_thread(question)

    async def _on_thread(self, question: Callable[[LogReader], T]) -> T:
        asked = _Asked()
        self.waiting += 1
        future = self._threads.submit(self._run, question, asked)
        future.add_done_callback(lambda _: self._done())
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._seconds)
        except TimeoutError:
            asked.give_up()
            raise Problem(
                503,
                "too_slow",
                f"no answer within {self._seconds:g} s: ask for less, or use a mirror",
                headers={"Retry-After": "10"},
            ) from None

    def _done(self) -> None:
        self.waiting -= 1

    def _run(self, question: Callable[[LogReader], T], asked: _Asked) -> T:
        reader = getattr(self._own, "reader", None)
        if reader is None:
            reader = self._own.reader = cast("LogReader", self._journal.reader())
            reader.connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            self._opened.append(reader)
        with asked.of(reader.connection):
            return question(reader)

    def close(self) -> None:
        """Ask nothing more; what is being asked is interrupted."""
        for reader in self._opened:
            reader.connection.interrupt()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for reader in self._opened:
            reader.close()
        self._opened.clear()


class _Asked:
    """One question on its thread: interrupted only while it is the one that runs there."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._given_up = False

    def of(self, connection: sqlite3.Connection) -> _Asked:
        self._connection = connection
        return self

    def __enter__(self) -> None:
        with self._lock:
            if self._given_up:
                raise Busy("the question was given up")

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._connection = None

    def give_up(self) -> None:
        with self._lock:
            self._given_up = True
            if self._connection is not None:
                self._connection.interrupt()


class OfBooks:
    """A log seen through some of its books: rows of other books are not there."""

    def __init__(self, journal: LogReader, books: frozenset[str]) -> None:
        self._journal, self._books = journal, books

    def latest(
        self,
        table: str,
        *,
        by: Sequence[str] | None = None,
        where: Mapping[str, object] | None = None,
        as_of: int | None = None,
    ) -> list[Row]:
        return self._journal.latest(table, by=by, where=self._within(where), as_of=as_of)

    def history(
        self,
        table: str,
        *,
        where: Mapping[str, object] | None = None,
        limit: int | None = None,
        since: int | None = None,
        as_of: int | None = None,
    ) -> list[Row]:
        return self._journal.history(table, where=self._within(where), limit=limit, since=since, as_of=as_of)

    def books(self) -> list[str]:
        """The books that are seen."""
        return [name for name in self._journal.books() if name in self._books]

    def newest_time(self, book: str | None = None) -> int | None:
        """Of one book, or of all that are seen."""
        names = self.books() if book is None else [name for name in [book] if name in self._books]
        times = [time for time in map(self._journal.newest_time, names) if time is not None]
        return max(times, default=None)

    def _within(self, where: Mapping[str, object] | None) -> dict[str, object]:
        asked = dict(where or {})
        named = asked.get("book")
        if named is None:
            asked["book"] = sorted(self._books)
        else:
            several = named if isinstance(named, list | tuple | set | frozenset) else [named]
            asked["book"] = sorted(self._books.intersection(cast("Sequence[str]", several)))
        return asked

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


def seen_by(principal: Principal, journal: LogReader, book: str | None = None) -> Journal:
    """The log as a caller may see it; one book of it where one is named."""
    books = frozenset(journal.books()) - {SYSTEM} if principal.books is None else principal.books
    if book is not None:
        books &= {book}
    return cast("Journal", OfBooks(journal, books))  # what it does not change it hands on


__all__ = ["OfBooks", "Reads", "seen_by"]
