"""Bringing a mirror up to date with its log: what is new is appended, or all of it is made anew.

A mirror belongs to one log. That the log still has the row that the mirror has reached, with the same digest, is
checked for every book before anything is appended; so a mirror of another log, or of this one before it was restored
from a backup, is refused and not mixed up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct

from orderwright.errors import LogError
from orderwright.journal.reading import LogReader
from orderwright.mirror import source
from orderwright.mirror.keeping import REBUILD
from orderwright.ports import Batch, Mirror, Reached


class Refreshed(Struct, frozen=True):
    """What a refresh did. rows: how many were added, of all tables. books: how far each is mirrored now."""

    rows: int
    books: dict[str, int]


def refresh(journal: LogReader, mirror: Mirror) -> Refreshed:
    """Append what the log has gained since; a second time changes nothing. The log may be being written.

    A journal that keeps only the newest (`MemoryJournal(keep=N)`) is mirrored anew each time. Raises LogError for a
    mirror of another log, LogLocked while another process has it open.
    """
    if not journal.whole:
        return rebuild(journal, mirror)
    log = source.source_of(journal)
    heads, reached = source.heads(log), mirror.reached()
    _check_same(log, heads, reached)
    rows = mirror.append(_ahead(source.batches(log, heads, reached)))
    return _done(rows, heads)


def rebuild(journal: LogReader, mirror: Mirror) -> Refreshed:
    """Make the mirror anew from the whole log, beside the old one, and put it in that one's place in one step."""
    log = source.source_of(journal)
    heads = source.heads(log)
    with mirror.anew() as fresh:
        rows = fresh.append(_ahead(source.batches(log, heads, {})))
    return _done(rows, heads)


def _done(rows: int, heads: Mapping[str, source.Head]) -> Refreshed:
    return Refreshed(rows, {book: head.sequence for book, head in heads.items()})


def _check_same(log: LogReader, heads: Mapping[str, source.Head], reached: Mapping[str, Reached]) -> None:
    for book, mark in reached.items():
        head = heads.get(book)
        if head is None:
            raise LogError(
                f"the mirror has a book {book!r} and the log has none: it is a mirror of another log. {_HELP}"
            )
        if mark.sequence > head.sequence:
            raise LogError(
                f"book {book!r}: the mirror has rows up to {mark.sequence} and the log only up to {head.sequence}: "
                f"the log was restored from a backup, or the mirror is another log's. {_HELP}"
            )
        if source.digest_at(log, head.number, mark.sequence) != mark.digest:
            raise LogError(
                f"book {book!r}: row {mark.sequence} of the log is not the one that was mirrored: the mirror is of "
                f"another log, or this one was restored from a backup. {_HELP}"
            )


_HELP = f"Name the mirror of this log, or {REBUILD}"


def _ahead(batches: Iterable[Batch]) -> Iterator[Batch]:
    """The next batch is read on a thread while this one is appended; both spend their time outside the interpreter."""
    coming = iter(batches)
    with ThreadPoolExecutor(1, thread_name_prefix="mirror") as thread:
        waiting = thread.submit(next, coming, None)
        while (batch := waiting.result()) is not None:
            waiting = thread.submit(next, coming, None)
            yield batch
