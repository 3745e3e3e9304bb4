"""A log as a URL: sqlite:///orders.sqlite, sqlite:////var/lib/orders.sqlite (absolute), sqlite:// (memory)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from orderwright.errors import InputError, UnknownName

LATER = {"postgresql": "PostgreSQL", "postgres": "PostgreSQL", "duckdb": "DuckDB", "bigquery": "BigQuery"}


def scheme_of(url: str) -> str:
    """What kind of log a URL names: sqlite of sqlite+pysqlite:///orders.sqlite."""
    return _split(url).scheme.partition("+")[0]


def path_of_url(url: str) -> Path | None:
    """The file of a log's URL; None for memory. Raises InputError for one that cannot hold a log."""
    parts, scheme = _split(url), scheme_of(url)
    if scheme in LATER:
        message = f"a log on {LATER[scheme]} comes later; today a log is a SQLite file"
        raise InputError(message, field="log", value=without_password(url), nearest="sqlite:///orders.sqlite")
    if scheme != "sqlite":
        raise UnknownName("kind of log", parts.scheme, ["sqlite"], field="log")
    if parts.netloc:
        message = "a file's URL has three slashes, four where the path is absolute"
        nearest = f"sqlite:///{parts.netloc.rpartition('@')[2]}{parts.path}"
        raise InputError(message, field="log", value=without_password(url), nearest=nearest)
    name = unquote(parts.path[1:])
    return None if name in ("", ":memory:") else Path(name)


def path_of(log: str) -> Path | None:
    """The file of a log's URL or path; None for memory. Raises InputError."""
    return path_of_url(log) if "://" in log else Path(log)


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        raise InputError("not a URL", field="log", nearest="sqlite:///orders.sqlite") from None


def without_password(url: str) -> str:
    """A URL as it may be told."""
    parts = urlsplit(url)
    return url if parts.password is None else url.replace(f":{parts.password}@", ":...@")


__all__ = ["LATER", "path_of", "path_of_url", "scheme_of", "without_password"]
