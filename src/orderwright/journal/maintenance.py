"""Looking after a log file: heads, rebuilding the read models, backup and restore."""

from __future__ import annotations

import contextlib
import decimal
import os
import sqlite3
import time
from pathlib import Path

from orderwright.core.numbers import EXACT
from orderwright.errors import LogDamaged, LogError
from orderwright.journal import opening, schema
from orderwright.journal.lease import Lease
from orderwright.journal.reading import LogReader
from orderwright.journal.replay import Replay
from orderwright.journal.schema import BOOK_SHIFT, SEQUENCE_MASK
from orderwright.journal.verify import Problem, Report, head_text, recall_from, verify
from orderwright.journal.writing import LogWriter

_FLUSH_EVERY = 5_000


def head(path: str | Path) -> str:
    """The heads of the log's books as one text, book:sequence:digest with commas between: to be kept elsewhere."""
    connection = opening.open_for_reading(Path(path))
    try:
        heads: dict[str, tuple[int, str]] = {}
        for number, book in connection.execute("SELECT number, name FROM books ORDER BY number").fetchall():
            base = number << BOOK_SHIFT
            row = connection.execute(
                "SELECT position, digest FROM log WHERE position BETWEEN ? AND ? ORDER BY position DESC LIMIT 1",
                (base, base + SEQUENCE_MASK),
            ).fetchone()
            if row is not None:
                heads[book] = (row[0] - base, row[1].hex())
        return head_text(heads)
    except sqlite3.DatabaseError as error:
        raise opening.damaged(Path(path), error) from error
    finally:
        connection.close()


def rebuild(path: str | Path, *, key: bytes | None = None) -> int:
    """Write the read models anew from the log, in one transaction; returns how many events were replayed.

    Raises LogLocked while the log is being written, LogDamaged if the log itself cannot be followed.
    """
    path = Path(path)
    connection = opening.open_for_writing(path, key)
    try:
        opening.check_key(connection, path, key)
        lease = Lease(connection, str(path), time.time_ns() // 1_000)
        connection.execute("BEGIN IMMEDIATE")
        replayed = _replay_models(connection, path)
        connection.execute("COMMIT")
        lease.give_up()
        return replayed
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.close()


def _replay_models(connection: sqlite3.Connection, path: Path) -> int:
    for model in schema.MODELS:
        connection.execute(f"DELETE FROM {model}")
    writer = LogWriter(connection, lambda _: b"", models_only=True)
    replayed = 0
    for number, book in connection.execute("SELECT number, name FROM books ORDER BY number").fetchall():
        replay, base = Replay(book, recall_from(connection, number)), number << BOOK_SHIFT
        keys = connection.execute(
            "SELECT order_key FROM log WHERE position BETWEEN ? AND ? ORDER BY position", (base, base + SEQUENCE_MASK)
        )
        for (sequence, event), (order_key,) in zip(LogReader(connection).events(book), keys, strict=True):
            with decimal.localcontext(EXACT):
                try:
                    writer.append(book, sequence, event, replay.apply(event), order_key)
                except (KeyError, IndexError, LogError) as error:
                    raise LogDamaged(
                        f"{path}: book {book!r} cannot be followed at sequence {sequence}: {error}"
                    ) from error
            replayed += 1
            if replayed % _FLUSH_EVERY == 0:
                writer.flush(connection)
                writer.settled()
        writer.flush(connection)
        writer.settled()
    return replayed


def backup(path: str | Path, target: str | Path, *, key: bytes | None = None) -> Report:
    """Copy a log, even while it is being written, into one file, and verify the copy. Never overwrites.

    Raises LogError if the target exists, LogDamaged (and leaves no copy) if the copy does not verify.
    """
    target = Path(target)
    if target.exists():
        raise LogError(f"{target} exists already: a backup never overwrites; name another file")
    return _copy(Path(path), target, key)


def restore(backup: str | Path, path: str | Path, *, overwrite: bool = False, key: bytes | None = None) -> Report:
    """Put a backup in a log's place. The backup is verified before, the copy after; then it takes its place in one
    step.

    Raises LogError if there is a log already and overwrite was not said, LogLocked if that one is being written,
    LogDamaged if the backup does not verify: then nothing has changed.
    """
    backup, path = Path(backup), Path(path)
    if path.exists() and not overwrite:
        raise LogError(f"{path} exists already: say overwrite to put the backup in its place")
    _verified(backup, key)
    fresh = path.with_name(path.name + ".restoring")
    _remove(fresh)
    report = _copy(backup, fresh, key)
    if path.exists():
        _free(path)
    for suffix in ("-wal", "-shm"):  # of the log that goes: they must not be replayed into the one that comes
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    fresh.replace(path)
    _sync(path.parent)
    return report


def _free(path: Path) -> None:
    """Make sure that nobody writes the log that is to be replaced. One that cannot be read at all is nobody's."""
    try:
        connection = opening.open_for_writing(path, None)
    except LogDamaged:
        return
    try:
        Lease(connection, str(path), time.time_ns() // 1_000).give_up()
    finally:
        connection.close()


def _copy(source: Path, target: Path, key: bytes | None) -> Report:
    """An online copy without a lease, in one file, synced and verified."""
    if not target.parent.is_dir():
        raise LogError(f"{target}: there is no folder {target.parent}")
    reader = opening.open_for_reading(source)
    try:
        with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as copy:
            reader.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
            copy.execute("PRAGMA synchronous = FULL")
            copy.execute("DELETE FROM lease")
        _sync(target)
        return _verified(target, key)
    except BaseException as error:
        _remove(target)
        if isinstance(error, sqlite3.DatabaseError):
            raise opening.damaged(source, error) from error
        raise
    finally:
        reader.close()


def _verified(path: Path, key: bytes | None) -> Report:
    report = verify(path, key=key)
    if not report.ok:
        raise LogDamaged(f"{path} does not verify: {report.problems[0]}")
    return report


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


__all__ = ["Problem", "Report", "backup", "head", "rebuild", "restore", "verify"]
