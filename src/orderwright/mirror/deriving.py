"""What is derived from a mirror's tables and kept beside them, by a function that the mirror is given.

Deriving is one transaction after those of the batches, with a mark of its own for each book: how far what is derived
has come. Where it did not come to its end, the next refresh does it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

Derive = Callable[["duckdb.DuckDBPyConnection"], None]
"""Brings a table of its own up to date with the mirror's: for the books that `mirror_behind` names (book, after), with
their rows after that sequence. What it writes is kept whole or not at all."""

MARKS = """
CREATE TABLE mirror_derived (book VARCHAR PRIMARY KEY, sequence BIGINT NOT NULL);
CREATE VIEW mirror_behind AS
SELECT book, coalesce(derived.sequence, 0) AS after
FROM mirror_books AS books LEFT JOIN mirror_derived AS derived USING (book)
WHERE derived.sequence IS DISTINCT FROM books.sequence;
"""


def bring_up(connection: duckdb.DuckDBPyConnection, derive: Derive | None) -> None:
    """Bring what is derived up to date, where something is new."""
    if derive is None or not is_behind(connection):
        return
    connection.execute("BEGIN")
    try:
        derive(connection)
        connection.execute("INSERT OR REPLACE INTO mirror_derived SELECT book, sequence FROM mirror_books")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def is_behind(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the mirror has rows that what is derived does not know of."""
    return bool(connection.execute("SELECT 1 FROM mirror_behind LIMIT 1").fetchall())
