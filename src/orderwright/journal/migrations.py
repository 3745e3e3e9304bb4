"""Older logs: what brings each schema version to the next. Rows of `log` stay as they are, for they are digested."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from orderwright.journal.rows import control_of
from orderwright.journal.schema import BOOK_SHIFT, MODELS, VERSION, version_of
from orderwright.journal.seal import decode


def migrate(connection: sqlite3.Connection) -> None:
    """Bring an older log up to date, in one transaction."""
    version = version_of(connection)
    if version == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in range(version, VERSION):
            _MIGRATIONS[step](connection)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _add_controls(connection: sqlite3.Connection) -> None:
    """1 to 2: `controls`. Version 1 read the whole log to find the newest of each."""
    connection.execute(MODELS["controls"])
    newest: dict[tuple[int, str], int] = {}
    for position, body in connection.execute("SELECT position, body FROM log ORDER BY position"):
        name = control_of(decode(body))
        if name is not None:
            newest[position >> BOOK_SHIFT, name] = position
    connection.executemany(
        "INSERT INTO controls VALUES (?, ?, ?)", [(book, name, position) for (book, name), position in newest.items()]
    )


def _add_service(connection: sqlite3.Connection) -> None:
    """2 to 3: `alerts`, which version 2 did not receive; the slippage that an order was expected to have, which it did
    not estimate; when the log was last taken over, which it did not note."""
    connection.execute(MODELS["alerts"])
    connection.execute("ALTER TABLE log ADD COLUMN estimated_slippage TEXT")
    connection.execute("ALTER TABLE lease ADD COLUMN taken INTEGER NOT NULL DEFAULT 0")


_MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {1: _add_controls, 2: _add_service}
