"""Books followed as they go on: one tail a book, for as long as somebody listens.

A tail is told by the desk that its book is durable up to a sequence, reads the rows that are new from the log, and
hands each to all who follow. Whoever joins has everything up to where the tail is, or further; a row that it has
already is not told again. So nobody misses a row and nobody gets one twice, whenever they come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from orderwright.core import messages as m
from orderwright.core.evolve import Changes
from orderwright.live.desk import Desk
from orderwright.service.stream.pages import Line, Pages


class Follower(Protocol):
    """Who follows a book. at: the sequence up to which it has been told."""

    at: int

    def take(self, lines: Sequence[Line], covered: int) -> None:
        """The next rows, all there are up to `covered`; those up to `at` are known already. Never waits: who cannot
        take them is cut."""

    def fail(self, error: BaseException) -> None:
        """The log cannot be read on."""


class Tail:
    """One book's. at: the sequence up to which all who follow have been told."""

    def __init__(self, book: str, reached: int, pages: Pages) -> None:
        self.book, self.at, self.reached = book, reached, reached
        self.followers: set[Follower] = set()
        self._pages, self._moved = pages, asyncio.Event()

    def move(self, reached: int) -> None:
        """The book is durable up to here."""
        self.reached = reached
        self._moved.set()

    async def run(self) -> None:
        """Hand on what comes, until cancelled."""
        while True:
            await self._moved.wait()
            self._moved.clear()
            while self.at < self.reached:
                if not self.followers:  # whoever is on the way reads up to here on their own
                    self.at = self.reached
                    break
                try:
                    lines, covered = self._pages.read_at_once(self.book, self.at, self.reached)
                except Exception as error:  # noqa: BLE001  # whatever it is, who follows must know that it ended here
                    self._fail(error)
                    return
                self.at = covered
                for follower in tuple(self.followers):
                    follower.take(lines, covered)
                await asyncio.sleep(0)

    def _fail(self, error: BaseException) -> None:
        for follower in tuple(self.followers):
            follower.fail(error)
        self.followers.clear()


class Tails:
    """All of them: a `Watcher` of the desk."""

    def __init__(self, desk: Desk, pages: Pages) -> None:
        self._desk, self._pages = desk, pages
        self._tails: dict[str, tuple[Tail, asyncio.Task[None]]] = {}

    def of(self, book: str) -> Tail:
        """The tail of a book, begun where the book is now if nobody has followed it so far. Whoever asks joins it, or
        asks again, before it waits for anything: a tail that nobody follows ends."""
        found = self._tails.get(book)
        if found is None or found[1].done():
            tail = Tail(book, self._desk.reached.get(book, 0), self._pages)
            found = self._tails[book] = (tail, asyncio.create_task(tail.run(), name=f"tail of {book}"))
        return found[0]

    def join(self, tail: Tail, follower: Follower) -> None:
        """From here on the tail tells it."""
        assert follower.at >= tail.at
        tail.followers.add(follower)

    def leave(self, book: str, follower: Follower) -> None:
        """It is told no more; the last one to go ends the tail."""
        found = self._tails.get(book)
        if found is None:
            return
        tail, task = found
        tail.followers.discard(follower)
        if not tail.followers:
            del self._tails[book]
            task.cancel()

    def close(self) -> None:
        """End all of them."""
        for _, task in self._tails.values():
            task.cancel()
        self._tails.clear()

    # What the desk tells a watcher

    def seen(self, book: str, sequence: int, event: m.AnyEvent, changes: Changes) -> None:
        """Not durable yet: not told."""

    def committed(self, reached: dict[str, int], rows: int, seconds: float) -> None:  # noqa: ARG002  # as the desk says it
        """Wake the tails whose books have moved."""
        for book, sequence in reached.items():
            found = self._tails.get(book)
            if found is not None:
                found[0].move(sequence)

    def acted(self) -> None:
        """Of no interest here."""
