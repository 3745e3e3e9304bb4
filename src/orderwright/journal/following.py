"""The log of a book row by row, each with what it changed: for who follows a book as it goes on.

A page is read in two steps: the rows of the log with their orders, then the balances and positions of the accounts
that these rows are about. What it costs follows from the rows in it, whatever else the log holds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from orderwright.journal.schema import BOOK_SHIFT
from orderwright.journal.tables import BALANCES, FILLS, ORDERS, POSITIONS, Row, RowMaker, Table, of_one_book
from orderwright.ports import LoggedRow

_ORDER, _FILL = of_one_book(ORDERS), of_one_book(FILLS)
_ROWS = (
    "SELECT now.position, now.time, now.kind, now.body, now.order_key, ifnull(o.account, now.account), "
    f"now.execution_id, now.voids, {', '.join(_ORDER.columns.values())} FROM log AS now "
    "LEFT JOIN orders AS o ON o.id = now.order_key LEFT JOIN log AS first ON first.position = o.first "
    "WHERE now.position > :low AND now.position <= :high ORDER BY now.position LIMIT :limit"
)
_HEAD = 8
_FILLS = (
    f"SELECT {_FILL.selected} FROM {_FILL.source} WHERE {_FILL.condition} AND now.position = :position "
    "ORDER BY f.standing"
)


def rows_after(
    connection: sqlite3.Connection, number: int, book: str, after: int, upto: int, limit: int
) -> list[LoggedRow]:
    """The rows of a book from the one after `after` up to `upto`, at most `limit` of them."""
    base = number << BOOK_SHIFT
    bounds = {"low": base + after, "high": base + upto, "limit": limit, "book": book}
    found = connection.execute(_ROWS, bounds).fetchall()
    if not found:
        return []
    accounts = sorted({row[5] for row in found if row[5]})
    span = (number, book, found[0][0] - base, found[-1][0] - base)
    balances = _changed(connection, of_one_book(BALANCES), accounts, span)
    positions = _changed(connection, of_one_book(POSITIONS), accounts, span)
    order_of, fill_of = RowMaker(_ORDER), RowMaker(_FILL)
    return [
        LoggedRow(
            sequence=position - base,
            time=time,
            kind=kind,
            body=body,
            order=None if key is None else order_of(columns),
            fills=_fills(connection, fill_of, position, book) if execution or voids else (),
            balances=balances.get(position, ()),
            positions=positions.get(position, ()),
        )
        for position, time, kind, body, key, _, execution, voids, *columns in found
    ]


def _fills(connection: sqlite3.Connection, fill_of: RowMaker, position: int, book: str) -> list[Row]:
    """One booked, one taken back, or (a correction) both, what is taken back first."""
    return [fill_of(row[2:]) for row in connection.execute(_FILLS, {"position": position, "book": book})]


def _changed(
    connection: sqlite3.Connection,
    table: Table,
    accounts: Sequence[str],
    span: tuple[int, str, int, int],
) -> dict[int, list[Row]]:
    """The values that a read model took on between two sequences, by position."""
    number, book, low, high = span
    sql = (
        f"SELECT {table.selected} FROM {table.source} WHERE {table.condition} AND series.book = :number "
        f"AND series.one = :account AND l.sequence BETWEEN :low AND :high ORDER BY position_, second_"
    )
    made, found = RowMaker(table), dict[int, list[Row]]()
    for account in accounts:
        bounds: dict[str, Any] = {"number": number, "book": book, "account": account, "low": low, "high": high}
        for position, _, *columns in connection.execute(sql, bounds):
            found.setdefault(position, []).append(made(tuple(columns)))
    return found


__all__ = ["rows_after"]
