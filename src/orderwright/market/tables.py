"""Any file of rows as named columns: CSV (also .gz, .zip), feather, Parquet, JSON.

Nothing is interpreted here but the form: `files.py` looks for its columns by name. A column is a NumPy array (numbers;
datetime64[us] for timestamps, in UTC) or, where it is anything else, a list. Rows keep the number that an editor shows:
a bad value in a CSV is named by its line, in other files by its row.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from orderwright.errors import InputError
from orderwright.market.grid import Floats, Source

Column = NDArray[Any] | list[Any]

KLINE = ("open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "trades")


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length, by position: names may repeat in a file."""

    names: list[str]
    columns: list[Column]
    source: Source

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0


def read_table(path: Path) -> Table:
    """The rows of a file. Raises InputError for one that is missing, empty, of an unknown type or damaged."""
    name = str(path)
    try:
        body, suffix = _unpacked(path)
        if not body.strip():
            raise InputError("the file is empty")
        if suffix not in _READERS:
            known = ", ".join([*_READERS, ".csv.gz", ".zip"])
            raise InputError(f"{suffix or 'a name without an ending'} is not a file type read here: {known}")
        table = _READERS[suffix](body, name)
    except InputError as error:
        raise error if error.where else error.at(name) from None
    if not len(table):
        raise InputError("the file has no rows", where=name)
    return table


def floats(column: Column, field: str, source: Source) -> Floats:
    """A column as float64 (float32 stays, so that its precision is known). Missing values are NaN.

    Raises InputError for the first that is not a number.
    """
    if isinstance(column, np.ndarray) and column.dtype.kind in "iuf":
        return column if column.dtype == np.float32 else column.astype(np.float64)
    values = np.empty(len(column), dtype=np.float64)
    for at, value in enumerate(column):
        try:
            values[at] = np.nan if value is None or isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            message = f"{value!r} is not a number"
            raise InputError(message, field=field, value=value, where=source.at(at)) from None
    return values


def _unpacked(path: Path) -> tuple[bytes, str]:
    """(contents, suffix) with .gz and .zip taken off."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    try:
        body = path.read_bytes()
        if suffixes[-1:] == [".gz"]:
            return gzip.decompress(body) if body else body, suffixes[-2] if len(suffixes) > 1 else ""
        if suffixes[-1:] == [".zip"]:
            return _only_member(body)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise InputError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return body, suffixes[-1] if suffixes else ""


def _only_member(body: bytes) -> tuple[bytes, str]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) != 1:
            raise InputError(f"the archive holds {len(members)} files; one was expected")
        return archive.read(members[0]), Path(members[0].filename).suffix.lower()


# --- CSV ---


def _read_csv(body: bytes, name: str) -> Table:
    import pyarrow as pa
    from pyarrow import csv

    body = body.removeprefix(b"\xef\xbb\xbf")
    text = _Text(body)
    bad: list[str] = []

    def note(row: Any) -> str:
        bad.append(row.text)
        return "error"

    try:
        table = csv.read_csv(
            io.BytesIO(body),
            read_options=csv.ReadOptions(autogenerate_column_names=text.headless, block_size=_one_block(body)),
            parse_options=csv.ParseOptions(delimiter=text.delimiter, invalid_row_handler=note),
        )
    except pa.ArrowInvalid as error:
        raise _bad_csv(text, bad, name, str(error)) from None
    names = [text.name(at, named) for at, named in enumerate(table.column_names)]
    return Table(names, _from_arrow(table), Source(name, "line", text.line_of))


def _one_block(body: bytes) -> int:
    """Types are guessed from the first block alone, so the file is one: 100, then 100.5 a megabyte on, is fine."""
    return min(len(body) + 1, 2**31 - 1)


def _bad_csv(text: _Text, rows: list[str], name: str, problem: str) -> InputError:
    if not rows:
        empty = problem.startswith("CSV parse error: Empty CSV")
        return InputError("the file has no rows" if empty else f"not valid CSV: {problem}", where=name)
    line = next((number for number, line in text.lines if line == rows[0]), None)
    cells, wanted = rows[0].count(text.delimiter) + 1, len(text.cells)
    where = name if line is None else f"{name}, line {line}"
    return InputError(f"the row has {cells} columns, the first one has {wanted}", value=rows[0], where=where)


@dataclass(frozen=True)
class _Text:
    """A CSV as an editor shows it, looked at only where the parsed columns do not tell."""

    body: bytes

    @cached_property
    def lines(self) -> list[tuple[int, str]]:
        """(1-based number, text) of each line that is not empty."""
        lines = self.body.decode("utf-8", "replace").splitlines()
        return [(number, line) for number, line in enumerate(lines, start=1) if line]

    @cached_property
    def head(self) -> str:
        return self.body.lstrip(b"\r\n").split(b"\n", 1)[0].decode("utf-8", "replace").rstrip("\r")

    @cached_property
    def delimiter(self) -> str:
        return max(",;\t", key=self.head.count)

    @cached_property
    def cells(self) -> list[str]:
        return self.head.split(self.delimiter)

    @cached_property
    def headless(self) -> bool:
        """Binance's own dumps have no header: the second to the sixth column of the first line are numbers."""
        return len(self.cells) >= 6 and all(_is_number(cell) for cell in self.cells[1:6])

    def name(self, position: int, named: str) -> str:
        if not self.headless:
            return named.strip()
        return KLINE[position] if position < len(KLINE) else named

    def line_of(self, index: int) -> int:
        """The line of a data row."""
        return self.lines[index + (0 if self.headless else 1)][0]


def _is_number(cell: str) -> bool:
    try:
        float(cell.strip('"'))
    except ValueError:
        return False
    return True


# --- feather and Parquet ---


def _read_feather(body: bytes, name: str) -> Table:
    from pyarrow import feather

    return _read_arrow(lambda: feather.read_table(io.BytesIO(body)), "feather", name)


def _read_parquet(body: bytes, name: str) -> Table:
    from pyarrow import parquet

    return _read_arrow(lambda: parquet.read_table(io.BytesIO(body)), "Parquet", name)


def _read_arrow(read: Callable[[], Any], kind: str, name: str) -> Table:
    import pyarrow as pa

    try:
        table = read()
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"not a {kind} file: {error}", where=name) from None
    return Table(list(table.column_names), _from_arrow(table), Source(name))


def _from_arrow(table: Any) -> list[Column]:
    return [_column(table.column(at)) for at in range(table.num_columns)]


def _column(column: Any) -> Column:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        moments = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
        return _array(moments, np.int64, np.iinfo(np.int64).min).view("datetime64[us]")
    if pa.types.is_integer(kind) and not column.null_count:
        return _array(column.cast(pa.int64(), safe=False), np.int64, 0)
    if pa.types.is_float32(kind):
        return _array(column, np.float32, np.nan)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _array(column.cast(pa.float64(), safe=False), np.float64, np.nan)
    return list(column.to_pylist())


def _array(column: Any, dtype: type[np.generic], missing: float) -> NDArray[Any]:
    """Arrow's own `to_numpy` imports pandas, a second of it; the buffers hold the same numbers."""
    chunks = (column.fill_null(missing) if column.null_count else column).chunks
    parts = [np.frombuffer(chunk.buffers()[1], dtype)[chunk.offset :][: len(chunk)] for chunk in chunks if len(chunk)]
    return np.concatenate(parts) if parts else np.empty(0, dtype)


# --- JSON ---


def _read_json(body: bytes, name: str) -> Table:
    try:
        payload = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise InputError(f"not valid JSON: {error}", where=name) from None
    source = Source(name)
    if isinstance(payload, dict):
        return _table([str(key) for key in payload], [_values(value, name) for value in payload.values()], source)
    if isinstance(payload, list) and all(isinstance(row, dict) for row in payload):
        names = list(dict.fromkeys(key for row in payload for key in row))
        return _table(names, [[row.get(key) for row in payload] for key in names], source)
    if isinstance(payload, list) and all(isinstance(row, list) for row in payload):
        return _from_klines(payload, source)
    raise InputError("expected a list of rows or an object of columns", where=name)


def _from_klines(rows: list[list[Any]], source: Source) -> Table:
    """Rows by position: Binance's klines and freqtrade's and ccxt's candles begin alike, as `KLINE` does."""
    for at, row in enumerate(rows):
        if len(row) < 6 or len(row) != len(rows[0]):
            message = (
                f"{len(row)} values; expected {max(6, len(rows[0]))}, beginning time, open, high, low, close, volume"
            )
            raise InputError(message, where=source.at(at))
    names = [KLINE[at] if at < len(KLINE) else str(at + 1) for at in range(len(rows[0]) if rows else 0)]
    return _table(names, [list(column) for column in zip(*rows, strict=True)], source)


def _values(column: Any, name: str) -> list[Any]:
    """A column of a column-oriented object: a list, or pandas' {row: value}."""
    if isinstance(column, dict):
        return list(column.values())
    if isinstance(column, list):
        return column
    raise InputError("expected a list of rows or an object of columns", where=name)


def _table(names: list[str], columns: list[list[Any]], source: Source) -> Table:
    lengths = {len(column) for column in columns}
    if len(lengths) > 1:
        shown = ", ".join(f"{name} {len(column)}" for name, column in zip(names, columns, strict=True))
        raise InputError(f"the columns differ in length: {shown}", where=source.name)
    return Table(names, [_plain(column) for column in columns], source)


def _plain(column: list[Any]) -> Column:
    """Whole numbers and floats as an array; the rest stays a list."""
    kinds = set(map(type, column))
    return np.array(column) if kinds and kinds <= {int, float} else column


_READERS: dict[str, Callable[[bytes, str], Table]] = {
    ".csv": _read_csv,
    ".txt": _read_csv,
    ".tsv": _read_csv,
    ".json": _read_json,
    ".feather": _read_feather,
    ".arrow": _read_feather,
    ".parquet": _read_parquet,
    ".pq": _read_parquet,
}
