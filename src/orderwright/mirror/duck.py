"""The mirror in DuckDB: one file, or in memory.

- DuckDB lets one process write a file or several read it. So the file is open for writing only while it is refreshed,
  and where nothing is new not even then.
- A batch is one transaction: its rows and how far the book has come. A crash leaves the batches before it.
- Besides the tables of `schema` the file has `mirror` (what it is, its version), `mirror_books` (how far each book is
  mirrored, with the digest of that row) and `mirror_derived` (see `deriving`).
"""

from __future__ import annotations

import contextlib
import itertools
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from orderwright.errors import LogDamaged, LogError, LogLocked
from orderwright.mirror.deriving import MARKS, Derive, bring_up, is_behind
from orderwright.mirror.keeping import REBUILD, check_version, damaged, new_rows, no_mirror, sync
from orderwright.mirror.schema import TABLES, VERSION
from orderwright.mirror.views import digest_of, empty_table, statements
from orderwright.ports import Batch, Reached

if TYPE_CHECKING:
    import duckdb

_APPLICATION = "orderwright"
_POLL_S = 0.05
_WRITING_MEMORY = "1GB"  # DuckDB would take most of the machine's, to keep what it has just written
_MAGIC = slice(8, 12)  # where a DuckDB file says "DUCK"


class MemoryMirror:
    """The `Mirror` port in memory. views: SELECTs by name, made after the mirror's own and upon them if they like.
    derive: keeps a table of its own beside them, brought up to date after each refresh."""

    def __init__(self, views: Mapping[str, str] | None = None, derive: Derive | None = None) -> None:
        import duckdb

        self._views, self._derive = dict(views or {}), derive
        self._connection = duckdb.connect()
        _create(self._connection, self._views)

    def reached(self) -> dict[str, Reached]:
        return _reached(self._connection)

    def append(self, batches: Iterable[Batch]) -> int:
        rows = sum(_take_in(self._connection, batch) for batch in batches)
        bring_up(self._connection, self._derive)
        return rows

    @contextlib.contextmanager
    def anew(self) -> Iterator[MemoryMirror]:
        fresh = MemoryMirror(self._views, self._derive)
        try:
            yield fresh
        except BaseException:
            fresh.close()
            raise
        self._connection.close()
        self._connection = fresh._connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._connection.cursor() as cursor:
            yield cursor

    def close(self) -> None:
        """Give its memory back."""
        self._connection.close()


class DuckMirror:
    """The `Mirror` port on one DuckDB file, made when first appended to.

    views, derive: as for MemoryMirror. patience_ms: how long to wait while another process has the file open; then
    LogLocked. pause: waits for some seconds.
    """

    def __init__(
        self,
        path: str | Path,
        views: Mapping[str, str] | None = None,
        derive: Derive | None = None,
        *,
        patience_ms: int = 2_000,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.path, self._views, self._derive = Path(path), dict(views or {}), derive
        self._patience_ms, self._pause = patience_ms, pause

    def reached(self) -> dict[str, Reached]:
        if not self.path.exists():
            return {}
        with self._open(read_only=True) as connection:
            return _reached(connection)

    def append(self, batches: Iterable[Batch]) -> int:
        import duckdb

        coming = iter(batches)
        first = next(coming, None)
        if first is None and self._is_current():
            return 0
        waiting = coming if first is None else itertools.chain([first], coming)
        with self._open(read_only=False) as connection:
            try:
                rows = sum(_take_in(connection, batch) for batch in waiting)
                bring_up(connection, self._derive)
                return rows
            except duckdb.Error as error:
                raise LogError(
                    f"{self.path}: {error}. What was mirrored before is whole: try again, or {REBUILD}"
                ) from error

    @contextlib.contextmanager
    def anew(self) -> Iterator[DuckMirror]:
        """A file that is no mirror is not replaced."""
        self._check_ours()
        beside = self.path.with_name(f"{self.path.name}.rebuilding")
        fresh = DuckMirror(beside, self._views, self._derive, patience_ms=0, pause=self._pause)
        fresh._clear()
        try:
            yield fresh
            fresh.append(())  # so that there is a file where the log is empty
        except BaseException:
            fresh._clear()
            raise
        _wal(self.path).unlink(missing_ok=True)  # of the file that goes: not to be replayed into the one that comes
        fresh.path.replace(self.path)
        sync(self.path.parent)

    @contextlib.contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        if not self.path.exists():
            raise no_mirror(self.path)
        with self._open(read_only=True) as connection:
            yield connection

    @contextlib.contextmanager
    def _open(self, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to a file that is a mirror; one that is to be written is made, and its views brought up to
        date."""
        connection = self._connect(read_only)
        try:
            if not read_only:
                connection.execute(f"SET memory_limit = '{_WRITING_MEMORY}'")
            self._check(connection, read_only)
            yield connection
        finally:
            connection.close()

    def _check(self, connection: duckdb.DuckDBPyConnection, read_only: bool) -> None:
        import duckdb

        try:
            if not _tables(connection):  # the process that made the file got no further
                if read_only:
                    raise damaged(self.path, "there is nothing in it")
                _create(connection, self._views)
                return
            told = _told(connection)
            if told.get("application") != _APPLICATION:
                raise _foreign(self.path)
            check_version(self.path, int(told["version"]))
            if not read_only and told["views"] != digest_of(self._views):
                _make_views(connection, self._views)
        except (duckdb.Error, ValueError, KeyError) as error:
            raise damaged(self.path, error) from error

    def _connect(self, read_only: bool) -> duckdb.DuckDBPyConnection:
        import duckdb

        if self.path.is_dir() or not self.path.parent.is_dir():
            what = "is a folder, not a DuckDB file" if self.path.is_dir() else f"there is no folder {self.path.parent}"
            raise LogError(f"{self.path}: {what}")
        waited_s = 0.0
        while True:
            try:
                return duckdb.connect(self.path, read_only=read_only)
            except duckdb.Error as error:
                if not _is_locked(error):
                    raise self._unreadable(error) from error
                if waited_s * 1_000 >= self._patience_ms:
                    raise _locked(self.path, error) from error
            self._pause(_POLL_S)
            waited_s += _POLL_S

    def _unreadable(self, error: Exception) -> LogDamaged:
        return damaged(self.path, error) if _has_magic(self.path) else _foreign(self.path)

    def _is_current(self) -> bool:
        if not self.path.exists():
            return False
        with self._open(read_only=True) as connection:
            shown = _told(connection).get("views") == digest_of(self._views)
            return shown and (self._derive is None or not is_behind(connection))

    def _check_ours(self) -> None:
        """Raises for a file that must not be replaced; a damaged mirror, or one of another version, may be."""
        if not self.path.exists():
            return
        if not self.path.is_file() or not _has_magic(self.path):
            raise _foreign(self.path)
        try:
            with self._connect(read_only=True) as connection:
                if _tables(connection) and _told(connection).get("application") != _APPLICATION:
                    raise _foreign(self.path)
        except LogDamaged as error:
            if "not a mirror" in str(error):
                raise

    def _clear(self) -> None:
        if self.path.exists():
            with contextlib.suppress(LogDamaged):
                self._connect(read_only=False).close()  # LogLocked: another process is rebuilding
        for path in (self.path, _wal(self.path)):
            path.unlink(missing_ok=True)


def _create(connection: duckdb.DuckDBPyConnection, views: Mapping[str, str]) -> None:
    tables = ";\n".join(empty_table(table) for table in TABLES)
    connection.execute("BEGIN")
    connection.execute(tables)
    connection.execute("CREATE TABLE mirror (name VARCHAR PRIMARY KEY, value VARCHAR NOT NULL)")
    connection.execute(
        "CREATE TABLE mirror_books (book VARCHAR PRIMARY KEY, sequence BIGINT NOT NULL, digest VARCHAR NOT NULL)"
    )
    connection.execute(MARKS)
    told = {"application": _APPLICATION, "version": str(VERSION), "views": ""}
    connection.executemany("INSERT INTO mirror VALUES (?, ?)", list(told.items()))
    connection.execute("COMMIT")
    _make_views(connection, views)


def _make_views(connection: duckdb.DuckDBPyConnection, views: Mapping[str, str]) -> None:
    connection.execute("BEGIN")
    connection.execute(statements(views))
    connection.execute("UPDATE mirror SET value = ? WHERE name = 'views'", [digest_of(views)])
    connection.execute("COMMIT")


def _take_in(connection: duckdb.DuckDBPyConnection, batch: Batch) -> int:
    """One batch, in one transaction; returns how many rows were new."""
    have = _reached(connection).get(batch.book)
    tables = new_rows(batch, 0 if have is None else have.sequence)
    if have is not None and batch.reached.sequence <= have.sequence:
        return 0
    connection.execute("BEGIN")
    try:
        for name, rows in tables.items():
            connection.register("incoming", rows)
            connection.execute(f"INSERT INTO {name} SELECT * FROM incoming")
            connection.unregister("incoming")
        reached = batch.reached
        connection.execute(
            "INSERT OR REPLACE INTO mirror_books VALUES (?, ?, ?)", [batch.book, reached.sequence, reached.digest]
        )
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return sum(rows.num_rows for rows in tables.values())


def _reached(connection: duckdb.DuckDBPyConnection) -> dict[str, Reached]:
    rows = connection.execute("SELECT book, sequence, digest FROM mirror_books ORDER BY book").fetchall()
    return {book: Reached(sequence, digest) for book, sequence, digest in rows}


def _tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}


def _told(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """What the file says of itself; nothing where it is another's."""
    if not {"mirror", "mirror_books"} <= _tables(connection):
        return {}
    return dict(connection.execute("SELECT name, value FROM mirror").fetchall())


def _is_locked(error: Exception) -> bool:
    return "Could not set lock" in str(error) or "different configuration" in str(error)


def _locked(path: Path, error: Exception) -> LogLocked:
    found = re.search(r"PID (\d+)", str(error))
    holder = f"process {found[1]}" if found else "this process, or another,"
    return LogLocked(
        f"{path}: {holder} has the mirror open, and DuckDB lets one process write it or several read it. Close it "
        "there (or wait for its refresh to end), then try again; the log itself is never touched"
    )


def _foreign(path: Path) -> LogDamaged:
    return LogDamaged(f"{path} is not a mirror of a log, and is left as it is: name another path, or remove it first")


def _has_magic(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(12)[_MAGIC] == b"DUCK"


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")
