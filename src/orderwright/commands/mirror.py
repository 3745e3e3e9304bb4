"""`orderwright mirror`: the columnar copy of a log that analytics read, a DuckDB file or a folder of Parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orderwright.commands.options import Log, reading

app = typer.Typer(no_args_is_help=True, help="Copy a log into DuckDB or Parquet, for analytics.")

Place = Annotated[
    str, typer.Argument(metavar="MIRROR", help="A DuckDB file (log.duckdb) or, ending in /, a folder of Parquet files.")
]


@app.command("build")
def mirror_build(mirror: Place, log: Log) -> None:
    """Append what the log has gained; make the mirror where there is none."""
    _run(mirror, log, anew=False)


@app.command("rebuild")
def mirror_rebuild(mirror: Place, log: Log) -> None:
    """Make the mirror anew from the whole log, in the place of the old one."""
    _run(mirror, log, anew=True)


def _run(mirror: str, log: Path, *, anew: bool) -> None:
    from orderwright import mirror as mirrors
    from orderwright.analytics.measuring import measure
    from orderwright.analytics.portfolio.views import views
    from orderwright.bootstrap import check_parent

    place = mirrors.open_mirror(mirror, views(), measure)
    check_parent(Path(mirror), "mirror")
    with reading(log) as journal:
        done = mirrors.rebuild(journal, place) if anew else mirrors.refresh(journal, place)
    books = ", ".join(f"{book} up to row {sequence:,}" for book, sequence in done.books.items()) or "no books yet"
    print(f"{mirror}: {done.rows:,} new rows; {books}")
