"""Columnar copies of a log for analytics: DuckDB file or Parquet folder, appended to by (book, sequence)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from orderwright.errors import InputError
from orderwright.mirror.deriving import Derive
from orderwright.mirror.duck import DuckMirror, MemoryMirror
from orderwright.mirror.parquet import ParquetMirror
from orderwright.mirror.refreshing import Refreshed, rebuild, refresh
from orderwright.mirror.sealing import Month, seal, verify_sealed


def open_mirror(
    path: str | Path, views: Mapping[str, str] | None = None, derive: Derive | None = None
) -> DuckMirror | ParquetMirror:
    """The mirror at a path: a folder, or a name that ends in /, is one of Parquet files; a file, or a name with a
    suffix, is DuckDB's, and keeps what `derive` makes. It need not be there yet. Raises InputError for a name that
    could be either."""
    place = Path(path)
    if place.is_dir() or str(path).endswith("/"):
        return ParquetMirror(place, views)
    if place.is_file() or place.suffix:
        return DuckMirror(place, views, derive)
    raise InputError(
        f"{place} could be a DuckDB file or a folder of Parquet files: name it {place}.duckdb or {place}/",
        field="mirror",
        value=str(path),
        nearest=f"{place}.duckdb",
    )


__all__ = [
    "Derive",
    "DuckMirror",
    "MemoryMirror",
    "Month",
    "ParquetMirror",
    "Refreshed",
    "open_mirror",
    "rebuild",
    "refresh",
    "seal",
    "verify_sealed",
]
