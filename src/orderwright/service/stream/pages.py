"""The log in pages, as what is sent: each row rendered once, by one function, for who reads now and who resumes.

A long way back is read on a thread of its own, by a reader of its own, so that it holds up neither orders nor other
readers. What has just been committed is read at once, on the event loop's thread, in pages of a few milliseconds:
SQLite lets go of the interpreter at every row, and beside a busy loop a thread waits for it as often (measured: a third
of the events a second, and a third of the orders).
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import msgspec
from msgspec import Struct

from orderwright.errors import LogError
from orderwright.ports import Journal, LoggedRow, RowReader
from orderwright.service.stream.words import Event
from orderwright.service.views import iso, plain, view_of_row

PAGE, PAGE_AT_ONCE = 128, 64


class Gone(LogError):
    """The log does not have the rows after this sequence (any more)."""

    def __init__(self, book: str, after: int) -> None:
        self.book, self.after = book, after
        super().__init__(f"book {book!r}: the log does not have the rows after sequence {after}")


class Line(Struct, frozen=True, gc=False):
    """A row as it is sent. words: its kind and groups, by which it is picked."""

    book: str
    sequence: int
    words: frozenset[str]
    text: str


class Pages:
    """Reads pages of a journal's books."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._reader: RowReader | None = journal.reader()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="stream") if self._reader is not None else None
        self._words: dict[tuple[str, int], frozenset[str]] = {}

    async def read(self, book: str, after: int, upto: int) -> tuple[list[Line], int]:
        """The next rows of a book, at most PAGE, and the sequence up to which that is all there are. Raises Gone where
        the log does not have them; one that keeps only the newest (in memory) leaves out what it dropped."""
        if self._thread is None:
            return self._page(self._journal, book, after, upto, PAGE)
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, self._page, self._reader or self._journal, book, after, upto, PAGE
        )

    def read_at_once(self, book: str, after: int, upto: int) -> tuple[list[Line], int]:
        """The same of what is new, at most PAGE_AT_ONCE rows, without waiting."""
        return self._page(self._journal, book, after, upto, PAGE_AT_ONCE)

    def close(self) -> None:
        """End the thread and give up the reader."""
        if self._thread is not None and self._reader is not None:
            self._thread.shutdown()
            self._reader.close()

    def _page(self, reader: RowReader, book: str, after: int, upto: int, limit: int) -> tuple[list[Line], int]:
        rows, covered = page_of(reader, book, after, upto, limit)
        return [self._line(book, row) for row in rows], covered

    def _line(self, book: str, row: LoggedRow) -> Line:
        return Line(book, row.sequence, self._words_of(row), line_of(book, row).decode())

    def _words_of(self, row: LoggedRow) -> frozenset[str]:
        has = (row.order is not None, bool(row.fills), bool(row.balances), bool(row.positions))
        key = (row.kind, sum(flag << at for at, flag in enumerate(has)))
        found = self._words.get(key)
        if found is None:
            groups = ("orders", "fills", "balances", "positions")
            named = {name for name, flag in zip(groups, has, strict=True) if flag}
            found = self._words[key] = frozenset({row.kind, *named})
        return found


def page_of(reader: RowReader, book: str, after: int, upto: int, limit: int) -> tuple[list[LoggedRow], int]:
    """The next rows of a book, and the sequence up to which that is all there are. Raises Gone."""
    rows = reader.rows(book, after, upto=upto, limit=limit)
    if getattr(reader, "whole", True):
        if after < upto and (not rows or rows[-1].sequence != after + len(rows)):
            raise Gone(book, after)
        return rows, rows[-1].sequence if rows else after
    return rows, rows[-1].sequence if len(rows) == limit else upto


def line_of(book: str, row: LoggedRow) -> bytes:
    """A row of the log as it is sent, JSON."""
    said = Event(
        book=book,
        sequence=row.sequence,
        time=iso(row.time),
        kind=row.kind,
        order=None if row.order is None else view_of_row(row.order),
        fills=[plain(one) for one in row.fills],
        balances=[plain(one) for one in row.balances],
        positions=[plain(one) for one in row.positions],
        event=msgspec.Raw(row.body.encode()),
    )
    return msgspec.json.encode(said)
