"""What several commands share: options, and opening a log to read it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from orderwright.errors import InputError

Log = Annotated[Path, typer.Option("--log", help="The log: a SQLite file.")]
Book = Annotated[str, typer.Option("--book", help="The book: one owner's money.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="As of a past moment, such as 2024-08-05T12:00:00Z.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="At most so many rows, the newest.")]
Symbol = Annotated[str | None, typer.Option("--symbol", help="Only this symbol.")]
DEFAULT_LOG = Path("orderwright.sqlite")


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


def symbol_of(text: str | None) -> str | None:
    """A symbol in any of its spellings, as the log has it."""
    from orderwright.market.symbols import parse_symbol

    return None if text is None else parse_symbol(text)


def summary_of(log: Path, book: str) -> Any:
    from orderwright.analytics.summary import summarise

    with reading(log, book) as journal:
        return summarise(journal, book)
