"""What several commands share: options, and opening a log to read it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from orderwright.errors import InputError

DEFAULT_LOG = Path("orderwright.sqlite")
SERVICE_LOG = Path("data/orderwright.sqlite")
"""Where the service has its log unless it is told otherwise."""
SYSTEM = "system"
"""The service's own book, which never trades."""


def default_log() -> Path:
    """./orderwright.sqlite, or the service's log where that one alone is there."""
    return SERVICE_LOG if SERVICE_LOG.is_file() and not DEFAULT_LOG.exists() else DEFAULT_LOG


Log = Annotated[
    Path,
    typer.Option(
        "--log",
        default_factory=default_log,
        show_default="orderwright.sqlite, or data/orderwright.sqlite",
        help="The log: a SQLite file.",
    ),
]
Book = Annotated[
    str | None, typer.Option("--book", help="The book: one owner's money. [default: main, or the only one there is]")
]
OnlyBook = Annotated[str | None, typer.Option("--book", help="Only this book.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="As of a past moment, such as 2024-08-05T12:00:00Z.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="At most so many rows, the newest.")]
Symbol = Annotated[str | None, typer.Option("--symbol", help="Only this symbol.")]
User = Annotated[str | None, typer.Option("--user", help="Whose. [default: everybody's]")]
Exchange = Annotated[str | None, typer.Option("--exchange", help="On which exchange. [default: on every one]")]
Strategy = Annotated[str | None, typer.Option("--strategy", help="Only this strategy's.")]
Currency = Annotated[str, typer.Option("--currency", help="In which currency to count, such as EUR or BTC.")]
Since = Annotated[str | None, typer.Option("--since", help="From when on, such as 2024-08-01T00:00:00Z.")]
Until = Annotated[str | None, typer.Option("--until", help="Up to when (not included).")]
MAIN = "main"

_ZONE = re.compile(r"(Z|[+-]\d{2}(:?\d{2})?)$", re.IGNORECASE)


def existing(log: Path) -> Path:
    """The path of a log that is there; the user's mistake where it is not."""
    if not log.is_file():
        what = "is a folder, not a log" if log.is_dir() else "there is no such file"
        raise InputError(what, field="log", value=str(log), where=str(log))
    return log


def reading(log: Path, book: str | None = None) -> Any:
    """The log, open for reading, as a context manager."""
    from orderwright.bootstrap import opened

    return opened(existing(log), book=book, read_only=True)


def book_of(log: Path, named: str | None) -> str:
    """The book of a log that is meant where none is named: main, or the only one that trades. Raises InputError where
    it has several others."""
    if named is not None:
        return named
    with reading(log) as journal:
        books = [book for book in journal.books() if book != SYSTEM]
    if MAIN in books or not books:
        return MAIN
    if len(books) > 1:
        message = f"the log has {len(books)} books: name one of {', '.join(books)}"
        raise InputError(message, field="book", nearest=books[0])
    return str(books[0])


def symbol_of(text: str | None) -> str | None:
    """A symbol in any of its spellings, as the log has it."""
    from orderwright.market.symbols import parse_symbol

    return None if text is None else parse_symbol(text)


def summary_of(log: Path, book: str) -> Any:
    from orderwright.analytics.summary import summarise

    with reading(log, book) as journal:
        return summarise(journal, book)


def moment_of(value: str | None, field: str) -> int | None:
    """Microseconds of a time with its zone, or of seconds, milliseconds or microseconds since 1970; None for none.

    Raises InputError for what is no time, and for one without a zone.
    """
    from orderwright.alerts import parse_time

    found = parse_time(value, field)
    if value is None or value.isdecimal() or _ZONE.search(value[10:]):
        return found
    nearest = f"{value[:10]}T{value[11:] or '00:00:00'}Z"
    raise InputError(f"a time zone is missing: {value}", field=field, value=value, nearest=nearest)


def step_of(value: str) -> int:
    """Microseconds of a step like 1h or 1d. Raises InputError."""
    from orderwright.analytics.windows import parse_length

    return parse_length(value, "every")
