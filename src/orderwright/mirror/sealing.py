"""Closed months of a log as Parquet files, whole, each provable by itself.

- A book's month (UTC) is closed when the book has a row of a later one, or `now` is in a later one. It becomes one
  file: every column that a row's digest covers, and the digest. `sealed.json` says of each file which rows it has and
  with which digests it begins and ends.
- A row's digest covers the one before it (`orderwright.journal.seal`), so a file's rows are proven by themselves once
  the digest before them is known, and each month is joined to the next by it.
- Nothing sealed is ever overwritten: sealing again checks that the log still ends each month with the digest that was
  sealed. A crash leaves a file that the manifest does not name; it is taken over where it holds what the log holds.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from msgspec import Struct, field

from orderwright.errors import InputError, LogDamaged, LogError
from orderwright.journal.query import position_at
from orderwright.journal.reading import LogReader
from orderwright.journal.schema import BOOK_SHIFT, SEQUENCE_MASK
from orderwright.journal.seal import genesis, sealed, sealer
from orderwright.journal.verify import Problem, Report
from orderwright.mirror.keeping import sync
from orderwright.mirror.source import digest_at, heads, source_of

if TYPE_CHECKING:
    import pyarrow

_PAGE = 20_000
_COLUMNS = ("position", "time", "kind", "schema", "body", "digest")


class Month(Struct, frozen=True, kw_only=True):
    """One sealed file. month: 2026-01. first and last: sequences. before: the digest of the row before the first, or
    the book's own where it begins. sha256: of the file."""

    book: str
    month: str
    file: str
    rows: int
    first: int
    last: int
    before: str
    first_digest: str
    last_digest: str
    sha256: str


class _Manifest(Struct, kw_only=True):
    application: str = "orderwright sealed months"
    version: int = 1
    months: list[Month] = field(default_factory=list)


def seal(journal: LogReader, folder: str | Path, *, now: int | None = None, key: bytes | None = None) -> list[Month]:
    """Write each closed month that is not sealed yet; returns these. now: microseconds, where the clock is to say what
    is closed and not the log. key: what the log's digests are keyed with.

    Raises LogDamaged where the log's rows do not follow from one another, or are not those that were sealed before.
    """
    if not journal.whole:
        raise InputError("a journal that keeps only the newest has no whole months to seal", field="journal")
    log, folder = source_of(journal), Path(folder)
    manifest, made = _manifest(folder), []
    for book, head in heads(log).items():
        have = [month for month in manifest.months if month.book == book]
        _check_sealed(log, folder, head.number, have)
        for name, first, last in _closed(log, head.number, have[-1].last if have else 0, head.sequence, now):
            before = have[-1].last_digest if have else genesis(book).hex()
            month = _write(log, folder, book, head.number, name, first, last, before, key)
            have.append(month)
            made.append(month)
            manifest.months.append(month)
            _keep(folder, manifest)
    return made


def verify_sealed(folder: str | Path, *, key: bytes | None = None) -> Report:
    """Read every sealed file again: each row follows from the one before it, and each month from the one before.

    Raises LogError where there is nothing sealed, LogDamaged where the manifest cannot be read.
    """
    folder, report = Path(folder), Report()
    if not (folder / _NAME).is_file():
        raise LogError(f"{folder}: no months are sealed here (there is no {_NAME})")
    expected: dict[str, tuple[int, str]] = {}
    for month in _manifest(folder).months:
        first, before = expected.get(month.book, (1, genesis(month.book).hex()))
        if (month.first, month.before) != (first, before):
            report.problems.append(
                Problem(f"{month.month} does not follow the month before it", month.book, month.first)
            )
        problem = _check_file(folder, month, sealer(key))
        if problem is None:
            report.rows += month.rows
            report.heads[month.book] = (month.last, month.last_digest)
        else:
            report.problems.append(problem)
        expected[month.book] = (month.last + 1, month.last_digest)
    return report


_NAME = "sealed.json"


def _closed(log: LogReader, number: int, done: int, newest: int, now: int | None) -> Iterator[tuple[str, int, int]]:
    """(month, first sequence, last sequence) of each closed month after sequence `done`."""
    base, first = number << BOOK_SHIFT, done + 1
    until = max(_time(log, base + newest), now or 0)
    while first <= newest:
        begin, end = _month_of(_time(log, base + first))
        if end > until:
            return
        last = position_at(log.connection, number, end - 1) - base
        yield begin, first, last
        first = last + 1


def _time(log: LogReader, position: int) -> int:
    row = log.connection.execute("SELECT time FROM log WHERE position = ?", (position,)).fetchone()
    return int(row[0])


def _month_of(time: int) -> tuple[str, int]:
    """The month of a time, and the microsecond at which the next one begins."""
    day = dt.datetime.fromtimestamp(time // 1_000_000, dt.UTC).date().replace(day=1)
    following = (day + dt.timedelta(days=31)).replace(day=1)
    end = dt.datetime(following.year, following.month, 1, tzinfo=dt.UTC)
    return f"{day:%Y-%m}", int(end.timestamp()) * 1_000_000


def _check_sealed(log: LogReader, folder: Path, number: int, have: list[Month]) -> None:
    for month in have:
        if digest_at(log, number, month.last) != month.last_digest:
            raise LogDamaged(
                f"{folder}: row {month.last} of book {month.book!r}, the last of {month.month}, is not in the log as "
                "it was sealed: the log is another one, or it was changed. Nothing was overwritten"
            )
        if not (folder / month.file).is_file():
            raise LogDamaged(f"{folder / month.file} was sealed and is missing: bring it back from a copy")
        if _sha256(folder / month.file) != month.sha256:
            raise LogDamaged(f"{folder / month.file} is not the file that was sealed: bring it back from a copy")


def _write(
    log: LogReader,
    folder: Path,
    book: str,
    number: int,
    name: str,
    first: int,
    last: int,
    before: str,
    key: bytes | None,
) -> Month:
    from pyarrow import parquet

    path = folder / quote(book, safe="") / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished, digests = path.with_suffix(".writing"), _Chain(bytes.fromhex(before), sealer(key))
    with parquet.ParquetWriter(unfinished, _schema(), compression="zstd") as file:
        for page in _pages(log, number, first, last):
            wrong = digests.follow(page, number)
            if wrong is not None:
                unfinished.unlink()
                raise LogDamaged(f"book {book!r}, {wrong}: `orderwright log verify` says more. Nothing was sealed")
            file.write_table(page)
    month = Month(
        book=book,
        month=name,
        file=f"{path.parent.name}/{path.name}",
        rows=digests.rows,
        first=first,
        last=last,
        before=before,
        first_digest=digests.first,
        last_digest=digests.digest.hex(),
        sha256=_sha256(unfinished),
    )
    if path.exists() and _sha256(path) != month.sha256:
        unfinished.unlink()
        raise LogDamaged(f"{path} is there already and holds something else: it is not overwritten; move it away first")
    sync(unfinished)
    unfinished.replace(path)
    sync(path.parent)
    return month


class _Chain:
    """Follows rows from the digest before them."""

    def __init__(self, before: bytes, seal: Any) -> None:
        self.digest, self.first, self.rows = before, "", 0
        self._seal, self._position = seal, 0

    def follow(self, page: pyarrow.Table, number: int) -> str | None:
        """What is wrong with the first bad row, or None."""
        for position, time, kind, schema, body, digest in zip(
            *(page[name].to_pylist() for name in _COLUMNS), strict=True
        ):
            sequence = position & SEQUENCE_MASK
            if position >> BOOK_SHIFT != number or (self._position and position != self._position + 1):
                return f"sequence {sequence}: rows before it are missing, or it is another book's"
            if self._seal(sealed(self.digest, position, time, kind, schema, body.encode())) != digest:
                return f"sequence {sequence}: the row is not what was written, or the key is another one"
            self.digest, self._position = digest, position
            self.first = self.first or digest.hex()
            self.rows += 1
        return None


def _check_file(folder: Path, month: Month, seal: Any) -> Problem | None:
    import pyarrow
    from pyarrow import parquet

    path = folder / month.file
    chain, number = _Chain(bytes.fromhex(month.before), seal), 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(_PAGE):
                page = pyarrow.Table.from_batches([batch])
                number = number or page["position"][0].as_py() >> BOOK_SHIFT
                wrong = chain.follow(page, number)
                if wrong is not None:
                    return Problem(f"{month.file}: {wrong}", month.book, month.first + chain.rows)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        return Problem(f"{month.file} cannot be read: {error}", month.book, month.first)
    found = (chain.rows, chain.first, chain.digest.hex())
    if found != (month.last - month.first + 1, month.first_digest, month.last_digest) or chain.rows != month.rows:
        return Problem(f"{month.file} has not the rows that were sealed", month.book, month.first)
    if _sha256(path) != month.sha256:
        return Problem(f"{month.file} has the rows that were sealed, but is another file", month.book, month.first)
    return None


def _pages(log: LogReader, number: int, first: int, last: int) -> Iterator[pyarrow.Table]:
    import pyarrow

    base, schema = number << BOOK_SHIFT, _schema()
    sql = f"SELECT {', '.join(_COLUMNS)} FROM log WHERE position BETWEEN ? AND ? ORDER BY position"
    for low in range(first, last + 1, _PAGE):
        rows = log.connection.execute(sql, (base + low, base + min(low + _PAGE - 1, last))).fetchall()
        columns = [pyarrow.array(column, schema.field(at).type) for at, column in enumerate(zip(*rows, strict=True))]
        yield pyarrow.Table.from_arrays(columns, schema=schema)


def _schema() -> pyarrow.Schema:
    import pyarrow

    whole, text = pyarrow.int64(), pyarrow.string()
    types = (whole, whole, text, pyarrow.int32(), text, pyarrow.binary())
    return pyarrow.schema([(name, kind) for name, kind in zip(_COLUMNS, types, strict=True)])


def _manifest(folder: Path) -> _Manifest:
    path = folder / _NAME
    if not path.exists():
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is a file, not a folder", field="folder", value=str(folder))
        return _Manifest()
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=_Manifest)
    except msgspec.MsgspecError as error:
        raise LogDamaged(f"{path} cannot be read ({error}): bring it back from a copy") from error
    if manifest.application != _Manifest().application or manifest.version != 1:
        raise LogDamaged(f"{path} is not a manifest of sealed months that this program knows: update orderwright")
    return manifest


def _keep(folder: Path, manifest: _Manifest) -> None:
    unfinished = folder / f"{_NAME}.writing"
    unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    sync(unfinished)
    unfinished.replace(folder / _NAME)
    sync(folder)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
