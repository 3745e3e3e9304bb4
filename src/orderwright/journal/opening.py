"""Opening a log file: is it one, can this program read it, and do its newest rows hang together?"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from orderwright.errors import LogDamaged, LogError, LogLocked
from orderwright.journal import schema
from orderwright.journal.migrations import migrate
from orderwright.journal.seal import CHAIN, KEYED_CHAIN, genesis, sealed, sealer

CHECKED_ROWS = 16
_HELP = "If it was a log: `orderwright log restore BACKUP` brings back a good copy"


def open_for_writing(path: Path, key: bytes | None) -> sqlite3.Connection:
    """The connection that writes. Makes the file where there is none, brings an older schema up to date."""
    _check_place(path)
    connection = _connect(path, "rwc")
    with _closed_on_failure(connection, path):
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            connection.execute("PRAGMA journal_mode = WAL")
            schema.create(connection, CHAIN if key is None else KEYED_CHAIN)
        _check_application(connection, path)
        migrate(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        connection.execute("PRAGMA cache_size = -16000")
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that sees what is committed and can change nothing."""
    if not path.is_file():
        raise LogError(f"{path}: there is no such log")
    _check_place(path)
    connection = _connect(path, "ro")
    with _closed_on_failure(connection, path):
        _check_application(connection, path)
        schema.version_of(connection)
        connection.execute("PRAGMA cache_size = -128000")  # holds what one user has done in a large log
        connection.execute("PRAGMA query_only = ON")
    return connection


@contextlib.contextmanager
def _closed_on_failure(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """A connection that is of no use is not left open; what SQLite cannot read is a damaged log."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        connection.close()
        if "not a database" in str(error):
            _check_header(path)
        raise damaged(path, error) from error
    except BaseException:
        connection.close()
        raise


def check(connection: sqlite3.Connection, path: Path, key: bytes | None) -> None:
    """The key is the log's, and the newest rows of each book follow from one another. Cheap: a few rows of each
    book."""
    try:
        check_key(connection, path, key)
        for number, name in connection.execute("SELECT number, name FROM books").fetchall():
            _check_tail(connection, path, number, name, key)
    except sqlite3.DatabaseError as error:
        raise damaged(path, error) from error


def check_key(connection: sqlite3.Connection, path: Path, key: bytes | None) -> None:
    row = connection.execute("SELECT value FROM meta WHERE name = 'chain'").fetchone()
    if row is None or row[0] not in (CHAIN, KEYED_CHAIN):
        raise damaged(path, "it does not say how its rows are chained")
    if (row[0] == KEYED_CHAIN) != (key is not None):
        need = "is chained with a key: open it with that key" if key is None else "is chained without a key: name none"
        raise LogError(f"{path}: the log {need}")


def _check_tail(connection: sqlite3.Connection, path: Path, number: int, name: str, key: bytes | None) -> None:
    base, seal, before = number << schema.BOOK_SHIFT, sealer(key), None
    newest = connection.execute(
        "SELECT position, time, kind, schema, body, digest FROM log WHERE position BETWEEN ? AND ? "
        "ORDER BY position DESC LIMIT ?",
        (base, base + schema.SEQUENCE_MASK, CHECKED_ROWS),
    ).fetchall()
    for position, time, kind, number_, body, digest in reversed(newest):
        if position == base + 1:
            before = (base, genesis(name))
        if before is not None:
            sequence = position - base
            if before[0] != position - 1:
                raise damaged(path, f"book {name!r}: the row before sequence {sequence} is missing")
            if seal(sealed(before[1], position, time, kind, number_, body.encode())) != digest:
                hint = " or the key is another one" if key is not None else ""
                raise damaged(path, f"book {name!r}: sequence {sequence} is not what was written{hint}")
        before = (position, digest)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode={mode}"
    try:
        return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=5.0)
    except sqlite3.OperationalError as error:
        raise LogError(f"{path}: {error}") from error


def _check_place(path: Path) -> None:
    if path.is_dir():
        raise LogError(f"{path} is a folder, not a log")


def _check_header(path: Path) -> None:
    """Only of a file that SQLite has refused: on POSIX, closing any descriptor of a file drops every lock that the
    process has on it (sqlite.org/howtocorrupt.html, 2.2), and the next process to close the log would then delete the
    write-ahead log under a connection that still writes it."""
    with path.open("rb") as file:
        start = file.read(16)
    if start != b"SQLite format 3\0":
        raise LogDamaged(f"{path} is not a log: it begins with {start!r}, a log with b'SQLite format 3'. {_HELP}")


def _check_application(connection: sqlite3.Connection, path: Path) -> None:
    found = connection.execute("PRAGMA application_id").fetchone()[0]
    if found != schema.APPLICATION_ID:
        raise LogDamaged(f"{path} is a SQLite database but not a log (its application id is {found:#x}). {_HELP}")


def damaged(path: Path, found: object) -> LogError:
    if isinstance(found, sqlite3.OperationalError) and "locked" in str(found):
        return LogLocked(f"{path}: another process is in the middle of a write ({found}); if it hangs, end it")
    if isinstance(found, sqlite3.OperationalError) and ("disk" in str(found) or "unable" in str(found)):
        return LogError(f"{path}: {found}")
    return LogDamaged(f"{path} is damaged: {found}. Bring back a good copy: `orderwright log restore BACKUP`")
