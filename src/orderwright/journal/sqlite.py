"""The journal on SQLite: the embedded default.

One connection writes (WAL, a full sync at every commit), another reads what is committed, so that a question never
waits for a commit that another thread is making. A write that fails for whatever reason ends the journal: what was
committed is whole, what came after is gone, and every later call says so.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from orderwright.core.evolve import Changes
from orderwright.core.messages import AnyEvent
from orderwright.errors import CommitFailed, LogError, LogFenced
from orderwright.journal import opening
from orderwright.journal.lease import Lease
from orderwright.journal.reading import LogReader
from orderwright.journal.seal import sealer
from orderwright.journal.writing import LogWriter


def _wall_clock() -> int:
    return time.time_ns() // 1_000


def open_log(
    path: str | Path,
    *,
    book: str | None = None,
    read_only: bool = False,
    take_over: bool = False,
    key: bytes | None = None,
    clock: Callable[[], int] = _wall_clock,
) -> SqliteJournal:
    """Open a log, or begin one. The file is made if it does not exist, unless read_only.

    book: checked to exist where a reader names one. key: what the digests are keyed with, for a log begun with one.
    clock: microseconds, for the lease. Raises LogLocked while another process writes it (take_over fences that one
    off), LogDamaged, LogNewer, or LogError for a missing file or a wrong key.
    """
    return SqliteJournal(Path(path), book=book, read_only=read_only, take_over=take_over, key=key, clock=clock)


class SqliteJournal(LogReader):
    """The `Journal` port on one SQLite file; see open_log."""

    def __init__(
        self,
        path: Path,
        *,
        book: str | None = None,
        read_only: bool = False,
        take_over: bool = False,
        key: bytes | None = None,
        clock: Callable[[], int] = _wall_clock,
    ) -> None:
        self.path, self._clock = path, clock
        self._writer: LogWriter | None = None
        self._connection: sqlite3.Connection | None = None
        self._lease: Lease | None = None
        self._begun = False
        self._failure: LogError | None = None
        if not read_only:
            self._connection = opening.open_for_writing(path, key)
            try:
                self._lease = Lease(self._connection, str(path), clock(), take_over=take_over)
            except BaseException:
                self._connection.close()
                raise
        try:
            super().__init__(opening.open_for_reading(path))
            opening.check(self.connection, path, key)
            if book is not None and read_only:
                self.number_of(book)
            if self._connection is not None:
                self._writer = LogWriter(self.connection, sealer(key))
        except BaseException:
            self.close()
            raise

    @property
    def epoch(self) -> int:
        """How many times the log has been opened for writing: this opening's number; 0 for a reader."""
        return 0 if self._lease is None else self._lease.epoch

    @property
    def holder(self) -> str:
        """This process, as others are told that it writes the log: its number and host."""
        return "" if self._lease is None else self._lease.holder

    @property
    def taken_from(self) -> str:
        """The process that the log was taken from, where that one may still be there and send; else ""."""
        return "" if self._lease is None else self._lease.taken_from

    @property
    def taken_over_at(self) -> int:
        """The number of the last opening, this one or an earlier one, that took the log from a process that may still
        have been there; 0 where none did. A book that has not begun that epoch or a later one has yet to."""
        return 0 if self._lease is None else self._lease.taken

    def reader(self) -> LogReader:
        return LogReader(opening.open_for_reading(self.path))

    def order_key(self, book: str, order_id: str) -> int | None:
        """The key of an order whose rows may still wait to be written."""
        found = self._writer.key_of(book, order_id) if self._writer is not None else None
        return found if found is not None else super().order_key(book, order_id)

    def append(self, book: str, sequence: int, event: AnyEvent, changes: Changes) -> None:
        if self._writer is None or self._failure is not None:
            raise self._refusal()
        self._writer.append(book, sequence, event, changes)

    def write(self) -> None:
        connection, writer, lease = self._connection, self._writer, self._lease
        if connection is None or writer is None or lease is None or self._failure is not None:
            raise self._refusal()
        if not self._begun and not writer.waiting and not lease.due(self._clock()):
            return
        try:
            if not self._begun:
                writer.settled()
                connection.execute("BEGIN IMMEDIATE")
                self._begun = True
            lease.check(self._clock())
            writer.flush(connection)
        except (sqlite3.Error, LogFenced) as error:
            raise self._fail(error) from error

    def commit(self) -> None:
        if self._connection is None or self._failure is not None:
            raise self._refusal()
        if not self._begun:
            return
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._fail(error) from error
        self._begun = False

    def renew(self) -> None:
        """Keep the lease while there is nothing to do; to be called every few seconds. A turn's `write` does it too."""
        self.write()
        self.commit()

    def close(self) -> None:
        connection, self._connection, self._writer = self._connection, None, None
        reader = self.__dict__.pop("connection", None)
        if reader is not None:
            reader.close()
        if connection is None:
            return
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if self._lease is not None:
            self._lease.give_up()
        connection.close()

    def _fail(self, error: Exception) -> LogError:
        """Take the transaction back and refuse everything from now on."""
        if self._connection is not None and self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error as second:
                error.add_note(f"and the rollback: {second}")
        if isinstance(error, LogFenced):
            self._failure = error
        elif isinstance(error, sqlite3.IntegrityError) and "log.position" in str(error):
            self._failure = LogFenced(f"{self.path}: another process has written to the book since; stop this one")
        else:
            twice = " (an order was received that the log has already)" * ("orders.order_id" in str(error))
            self._failure = CommitFailed(
                f"{self.path}: {error}{twice}. What was committed before is whole; nothing after it is in the log"
            )
        return self._failure

    def _refusal(self) -> LogError:
        if self._failure is None:
            return LogError(f"{self.path}: the log is closed, or open for reading only")
        if isinstance(self._failure, LogFenced):
            return LogFenced(str(self._failure))
        return CommitFailed(f"an earlier write failed, so nothing more goes in: {self._failure}")
