"""The floor of free disk space: below it every book that trades is set REDUCING, by a logged command with its cause.

A log that cannot be written ends the process, at a moment nobody has chosen; so trading ends before that, while cancels
and closes can still be written down. The guard looks at the level, not at the change: a book that is opened, or set
ACTIVE by hand, while space is short is set back too. When there is a quarter more than the floor again, the books that
it had set go back to ACTIVE, and no others: the log tells them by their cause, after a restart too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from orderwright.core import messages as m
from orderwright.core.model import TradingState
from orderwright.live.book import LiveBook
from orderwright.live.desk import Desk

CAUSE = "free disk space is below its floor"
BACK = "there is disk space again"


class SpaceGuard:
    """free_bytes: how much is free where the log lies. floor: bytes. alert: takes what people should know, as of
    `book`; said once for each time that space becomes short, and once when it is back."""

    def __init__(
        self,
        free_bytes: Callable[[], int],
        floor: int,
        *,
        alert: Callable[[str, m.RaiseAlert], None] | None = None,
        book: str = "system",
    ) -> None:
        self._free_bytes, self._floor, self._alert, self._book = free_bytes, floor, alert, book
        self._is_short: bool | None = None
        self._asked: set[str] = set()

    @property
    def is_short(self) -> bool:
        """Whether there is too little space, as of the last look."""
        return bool(self._is_short)

    def look(self, desk: Desk) -> None:
        """Look at the disk, and put what follows of it to the books. A disk that cannot be asked changes nothing."""
        try:
            free = self._free_bytes()
        except OSError:
            return
        was = self._was_short(desk)
        self._is_short = free < (self._floor * 5 // 4 if was else self._floor)
        if self._is_short != was:
            self._tell(free)
        if self._is_short or was:
            for book, command in list(self._wanted(desk)):
                self._put(desk, book, command)

    def _was_short(self, desk: Desk) -> bool:
        """As of the last look; at the first one, as the log has it."""
        if self._is_short is None:
            self._is_short = any(_is_ours(book) for book in desk.books.values())
        return self._is_short

    def _wanted(self, desk: Desk) -> Iterator[tuple[LiveBook, m.SetTradingState]]:
        for book in desk.books.values():
            if book.name in self._asked or not book.state.accounts:
                continue
            if self._is_short and book.state.controls.trading is TradingState.ACTIVE:
                yield book, m.SetTradingState(state=TradingState.REDUCING, cause=CAUSE)
            elif not self._is_short and _is_ours(book):
                yield book, m.SetTradingState(state=TradingState.ACTIVE, cause=BACK)

    def _put(self, desk: Desk, book: LiveBook, command: m.SetTradingState) -> None:
        self._asked.add(book.name)
        desk.put(book.name, command, lambda _: self._asked.discard(book.name), own=True)

    def _tell(self, free: int) -> None:
        if self._alert is None:
            return
        words = f"{free // 2**20} MiB of disk space are free; the floor is {self._floor // 2**20} MiB: "
        words += "every book is set REDUCING" if self._is_short else "the books that were set REDUCING are ACTIVE again"
        self._alert(self._book, m.RaiseAlert(topic="disk_space", text=words))


def _is_ours(book: LiveBook) -> bool:
    controls = book.state.controls
    return controls.trading is TradingState.REDUCING and controls.cause == CAUSE and not controls.by


__all__ = ["CAUSE", "SpaceGuard"]
