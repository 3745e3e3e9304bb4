"""One connection's books: each is read from where it was asked for until it is where its tail is, and told by the tail
from there on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from orderwright.service.stream.outgoing import Outgoing
from orderwright.service.stream.pages import Gone, Line, Pages
from orderwright.service.stream.tails import Tails
from orderwright.service.stream.words import FAULT, GONE, TOO_SLOW

Cut = Callable[[int, str], None]


class Following:
    """One book of one connection. at: the sequence up to which it was read. wanted: words, one of which a row must
    have; None: all rows. cut: ends the connection, with a code and a reason. allowed: whether its reader may still be
    told; cuts it where not."""

    def __init__(
        self,
        book: str,
        after: int,
        wanted: frozenset[str] | None,
        out: Outgoing,
        tails: Tails,
        pages: Pages,
        cut: Cut,
        allowed: Callable[[], bool],
    ) -> None:
        self.book, self.at, self._wanted = book, after, wanted
        self._out, self._tails, self._pages, self._cut, self._allowed = out, tails, pages, cut, allowed
        self._task = asyncio.create_task(self._catch_up(), name=f"catch up on {book}")

    def take(self, lines: Sequence[Line], covered: int) -> None:
        """What the tail tells; see `Follower`."""
        if not self._allowed():
            self._tails.leave(self.book, self)
            return
        for line in lines:
            if line.sequence <= self.at:
                continue
            if self._wants(line) and not self._out.put(line.text, line.book, line.sequence):
                self._tails.leave(self.book, self)
                self._cut(TOO_SLOW, "you read too slowly")
                return
            self.at = line.sequence
        self.at = max(self.at, covered)

    def fail(self, error: BaseException) -> None:
        """See `Follower`."""
        if isinstance(error, Gone):
            self._cut(GONE, f"the log has nothing after {error.after} of {error.book} any more")
        else:
            self._cut(FAULT, "the log cannot be read now")

    def end(self) -> None:
        """Tell no more of it."""
        self._task.cancel()
        self._tails.leave(self.book, self)

    async def _catch_up(self) -> None:
        """Read on until the tail is reached, as fast as the connection takes it, and join it there. Between the last
        look and the joining nothing is waited for, so nothing is missed."""
        while True:
            tail = self._tails.of(self.book)
            if self.at >= tail.at:
                self._tails.join(tail, self)
                return
            try:
                lines, covered = await self._pages.read(self.book, self.at, tail.at)
            except Exception as error:  # noqa: BLE001  # whatever it is, the reader must know that it ended here
                self.fail(error)
                return
            for line in lines:
                await self._out.room()
                if not self._allowed():
                    return
                if self._wants(line) and not self._out.put(line.text, line.book, line.sequence):
                    self._cut(TOO_SLOW, "you read too slowly")
                    return
                self.at = line.sequence
            self.at = covered

    def _wants(self, line: Line) -> bool:
        return self._wanted is None or not self._wanted.isdisjoint(line.words)
