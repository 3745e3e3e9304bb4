"""The mirror as a folder of Parquet files, for whatever reads Parquet.

- `manifest.json` says which files are part of the mirror and how far each book is mirrored; it is replaced in one step
  after the files of a batch are there whole. So a crash leaves the batches before it, and a file that the manifest
  does not name is none of the mirror's: it is ignored, and overwritten when its turn comes.
- A table is a folder, in it one for each generation (a rebuild begins the next), and a file there is some of one
  book's rows: <book>-<first>-<last>.parquet.
- A new file takes in those before it that have no more rows than it has come to, up to MAX_ROWS. So many small
  refreshes leave few files, and a row is rewritten seldom.
- A file that was replaced stays until the next change of the manifest, for those who are reading it.
- One process writes at a time: it holds a lock on `manifest.lock`, which ends with it.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec
from msgspec import Struct, field

from orderwright.errors import LogDamaged, LogError, LogLocked
from orderwright.mirror.keeping import REBUILD, check_version, damaged, new_rows, no_mirror, sync
from orderwright.mirror.schema import TABLES, VERSION
from orderwright.mirror.views import columns_of, empty_table, statements
from orderwright.ports import Batch, Reached

if TYPE_CHECKING:
    import duckdb
    import pyarrow

MAX_ROWS = 2_000_000
_SMALL = frozenset({"settings"})
"""Read at once: DuckDB binds no macro whose parameter (`currency`) is the name of a column of a view below it."""


class File(Struct, frozen=True, kw_only=True):
    """Some rows of one book of one table. first and last: the sequences that it answers for. name: below the
    mirror's folder."""

    name: str
    table: str
    book: str
    first: int
    last: int
    rows: int
    bytes: int


class Manifest(Struct, kw_only=True):
    """What the mirror consists of. replaced: files that are to be removed at the next change."""

    application: str
    version: int
    generation: int = 1
    books: dict[str, Reached] = field(default_factory=dict)
    files: list[File] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)


class ParquetMirror:
    """The `Mirror` port on a folder, made when first appended to. views: as for MemoryMirror."""

    def __init__(self, folder: str | Path, views: Mapping[str, str] | None = None) -> None:
        self.folder, self._views = Path(folder), dict(views or {})
        self._manifest_path = self.folder / "manifest.json"

    def reached(self) -> dict[str, Reached]:
        return dict(self._manifest().books)

    def append(self, batches: Iterable[Batch]) -> int:
        self._check_ours()
        with self._alone():
            manifest, rows = self._manifest(), 0
            try:
                for batch in batches:
                    rows += self._take_in(manifest, batch)
                if not self._manifest_path.exists():
                    self._keep(manifest)
            except OSError as error:
                told = f"{self.folder}: {error}. What was mirrored before is whole: try again, or {REBUILD}"
                raise LogError(told) from error
            return rows

    @contextlib.contextmanager
    def anew(self) -> Iterator[ParquetMirror]:
        """The next generation of files; the manifest of the old one stands until the block has ended."""
        self._check_ours()
        fresh = ParquetMirror(self.folder, self._views)
        fresh._manifest_path = self.folder / "manifest.rebuilding.json"
        with self._alone():
            old, begun = self._replaceable(), _new()
            begun.generation = old.generation + 1
            fresh._keep(begun)
            try:
                yield fresh
                whole = fresh._manifest()
                whole.replaced += [*(file.name for file in old.files), *old.replaced]
                self._keep(whole)
            finally:
                for suffix in (".json", ".lock"):
                    fresh._manifest_path.with_suffix(suffix).unlink(missing_ok=True)

    def _replaceable(self) -> Manifest:
        """The manifest of what a rebuild replaces. Of one that is damaged, or of another version, the files are not
        known; they are in nobody's way."""
        try:
            return self._manifest()
        except LogError:
            unknown = _new()
            unknown.generation = max((int(path.name) for path in self.folder.glob("*/[0-9]*")), default=0)
            return unknown

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """The right to write, which one process has at a time."""
        self.folder.mkdir(exist_ok=True)
        with self._manifest_path.with_suffix(".lock").open("w") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise LogLocked(
                    f"{self.folder}: another process is writing this mirror: try again when it has ended"
                ) from error
            yield

    @contextlib.contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        if not self._manifest_path.exists():
            self._check_ours()
            raise no_mirror(self.folder)
        import duckdb

        manifest = self._manifest()
        with duckdb.connect() as connection:
            for table in TABLES:
                connection.execute(self._view(manifest, table))
            connection.execute(statements(self._views))
            yield connection

    def _view(self, manifest: Manifest, table: str) -> str:
        files = [file for file in manifest.files if file.table == table]
        for file in files:
            if not self._has(file.name) or (self.folder / file.name).stat().st_size != file.bytes:
                raise damaged(self.folder, f"{file.name} is missing, or not the file that was written")
        if not files:
            return empty_table(table)
        names = ", ".join("'" + str(self.folder / file.name).replace("'", "''") + "'" for file in files)
        kind = "TABLE" if table in _SMALL else "VIEW"
        return f"CREATE {kind} {table} AS SELECT {', '.join(columns_of(table))} FROM read_parquet([{names}])"

    def _take_in(self, manifest: Manifest, batch: Batch) -> int:
        """The new rows of a batch into files, and then all of them at once into the mirror; returns how many."""
        have = manifest.books.get(batch.book, _NOTHING).sequence
        tables = new_rows(batch, have)
        if batch.reached.sequence <= have:
            return 0
        for name in manifest.replaced:
            (self.folder / name).unlink(missing_ok=True)
        manifest.replaced = []
        for table, rows in tables.items():
            self._add(manifest, table, batch.book, have + 1, batch.reached.sequence, rows)
        manifest.books[batch.book] = batch.reached
        self._keep(manifest)
        return sum(rows.num_rows for rows in tables.values())

    def _add(self, manifest: Manifest, table: str, book: str, first: int, last: int, rows: pyarrow.Table) -> None:
        import pyarrow
        from pyarrow import parquet

        before = [file for file in manifest.files if (file.table, file.book) == (table, book)]
        while before and before[-1].rows <= rows.num_rows and before[-1].rows + rows.num_rows <= MAX_ROWS:
            joined = before.pop()
            rows = pyarrow.concat_tables([self._read(joined), rows])
            first = joined.first
            manifest.files.remove(joined)
            manifest.replaced.append(joined.name)
        name = f"{table}/{manifest.generation}/{quote(book, safe='')}-{first}-{last}.parquet"
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".writing")
        parquet.write_table(rows, unfinished, compression="zstd", store_decimal_as_integer=True)
        sync(unfinished)
        unfinished.replace(path)
        sync(path.parent)
        size = path.stat().st_size
        manifest.files.append(
            File(name=name, table=table, book=book, first=first, last=last, rows=rows.num_rows, bytes=size)
        )

    def _read(self, file: File) -> pyarrow.Table:
        import pyarrow
        from pyarrow import parquet

        try:
            return parquet.read_table(self.folder / file.name, partitioning=None)
        except (pyarrow.ArrowException, OSError) as error:
            raise damaged(self.folder, f"{file.name}: {error}") from error

    def _manifest(self) -> Manifest:
        if not self._manifest_path.exists():
            self._check_ours()
            return _new()
        try:
            manifest = msgspec.json.decode(self._manifest_path.read_bytes(), type=Manifest)
        except (msgspec.MsgspecError, OSError) as error:
            raise damaged(self.folder, f"{self._manifest_path.name}: {error}") from error
        if manifest.application != _APPLICATION:
            raise _foreign(self.folder)
        check_version(self.folder, manifest.version)
        return manifest

    def _keep(self, manifest: Manifest) -> None:
        unfinished = self._manifest_path.with_suffix(".writing")
        unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
        sync(unfinished)
        unfinished.replace(self._manifest_path)
        sync(self.folder)

    def _check_ours(self) -> None:
        """Raises for a folder that has something else in it, or a place where there can be none."""
        if self.folder.exists() and not self.folder.is_dir():
            raise _foreign(self.folder)
        if not self.folder.parent.is_dir():
            raise LogError(f"{self.folder}: there is no folder {self.folder.parent}")
        if not self.folder.is_dir():
            return
        names = {path.name for path in self.folder.iterdir()}
        if not all(name in TABLES or name.startswith("manifest.") for name in names):
            raise _foreign(self.folder)

    def _has(self, name: str) -> bool:
        return (self.folder / name).is_file()


_APPLICATION, _NOTHING = "orderwright mirror", Reached(0, "")


def _new() -> Manifest:
    return Manifest(application=_APPLICATION, version=VERSION)


def _foreign(folder: Path) -> LogDamaged:
    return LogDamaged(
        f"{folder} is not a mirror of a log, and is left as it is: name an empty folder, or one that is not there yet"
    )
