"""Questions to the read models: the latest of each group, as of any time, and the history.

"The latest of each group" is one function for every table: rows up to the moment asked about, those that `where` picks by
columns that never change, the newest of each group, and of these the ones that `where` picks by columns that do. So an order
that was open and is filled is not found among the open ones. It has four ways to be quick, each for its default group:

- orders now: `orders` points to the newest row; the unfinished have an index of their own;
- orders as of a moment, among open statuses: lives as intervals (schema.py), then each order's last row before it;
- tables that keep every value under (series, sequence): one look-up in each series;
- fills and signals: a row is the newest unless a later one takes it back.

Everything else ranks the rows (`row_number`). Sequences are a book's own, so books are asked one after the other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from orderwright.core.model import DONE, OrderStatus
from orderwright.core.numbers import text
from orderwright.errors import InputError, UnknownName
from orderwright.journal.schema import BOOK_SHIFT, SEQUENCE_MASK
from orderwright.journal.tables import Row, RowMaker, Table, table_of

UNFINISHED = frozenset(status.value for status in OrderStatus if status not in DONE)
Values = tuple[Any, ...]


class Filter:
    """A checked `where`: its SQL, before and after the newest row of a group is taken."""

    def __init__(self, table: Table, where: Mapping[str, object] | None) -> None:
        self.wanted: dict[str, list[Any]] = {}
        for name, value in (where or {}).items():
            _check_column(table, name)
            self.wanted[name] = _values(value)
        self._table = table
        self.parameters = {
            f"w{at}_{n}": value for at, values in enumerate(self.wanted.values()) for n, value in enumerate(values)
        }

    def sql(self, *, stable: bool | None, named: bool = False) -> str:
        """The condition on stable columns, on the others, or on all; on column names where the rows are a subquery's."""
        parts = ["1"]
        for at, (name, values) in enumerate(self.wanted.items()):
            if name == "book" or (stable is not None and (name in self._table.stable) != stable):
                continue
            expression = name if named else self._table.columns[name]
            marks = ", ".join(f":w{at}_{n}" for n, value in enumerate(values) if value is not None)
            condition = f"{expression} IN ({marks})"
            parts.append(f"({condition} OR {expression} IS NULL)" if None in values else condition)
        return " AND ".join(parts)

    def open_only(self) -> bool:
        """Whether only unfinished orders are asked for."""
        return "status" in self.wanted and UNFINISHED.issuperset(self.wanted["status"])

    def only(self, name: str) -> Any:
        """The one value asked for in a column, or None."""
        values = self.wanted.get(name, ())
        return values[0] if len(values) == 1 else None


def latest(
    connection: sqlite3.Connection,
    name: str,
    by: Sequence[str] | None = None,
    where: Mapping[str, object] | None = None,
    as_of: int | None = None,
) -> list[Row]:
    """See the port. Rows come in the order in which they were written."""
    table = table_of(name)
    picked = Filter(table, where)
    group = tuple(by) if by is not None else table.group
    for column in group:
        _check_column(table, column)
    found: list[tuple[Values, str]] = []
    for number, book in _books(connection, picked):
        high = position_at(connection, number, as_of)
        bounds = {"number": number, "book": book, "low": number << BOOK_SHIFT, "high": high}
        ask = _ranked if set(group) - {"book"} != set(table.group) else _quick(table)
        parameters = {**picked.parameters, **bounds}
        found += [(values, book) for values in ask(connection, table, picked, parameters, group, as_of is None)]
    make = RowMaker(table)
    if group != table.group and "book" not in group:
        found = _newest_across_books(table, group, found)
    time = 2 + list(table.columns).index("updated_at" if name == "orders" else "time")
    found.sort(key=lambda item: (item[0][time], item[0][0], item[0][1]))
    return [make(values[2:]) for values, _ in found]


def history(
    connection: sqlite3.Connection, name: str, where: Mapping[str, object] | None = None, limit: int | None = None
) -> list[Row]:
    """The rows of a table, oldest first; of too many, the newest `limit`."""
    table = table_of(name)
    picked = Filter(table, where)
    found: list[Values] = []
    for number, book in _books(connection, picked):
        low = number << BOOK_SHIFT
        parameters = {**picked.parameters, "number": number, "book": book, "low": low, "high": low + SEQUENCE_MASK}
        sql = (
            f"SELECT {table.selected} FROM {table.source} WHERE {table.condition} AND {_within(table)} "
            f"AND {picked.sql(stable=None)} ORDER BY position_ DESC, second_ DESC LIMIT :limit"
        )
        found += connection.execute(sql, {**parameters, "limit": -1 if limit is None else limit})
    time = 2 + list(table.columns).index("time")
    found.sort(key=lambda values: (values[time], values[0], values[1]))
    make = RowMaker(table)
    return [make(values[2:]) for values in (found if limit is None else found[len(found) - min(limit, len(found)) :])]


def position_at(connection: sqlite3.Connection, number: int, as_of: int | None) -> int:
    """The last position of a book whose row is not later than a time. Time never goes back in a book: a binary search."""
    base = number << BOOK_SHIFT
    newest = connection.execute(
        "SELECT max(position) FROM log WHERE position BETWEEN ? AND ?", (base, base + SEQUENCE_MASK)
    ).fetchone()[0]
    low, high = base, newest or base
    if as_of is None:
        return high
    while low < high:
        middle = (low + high + 1) // 2
        if connection.execute("SELECT time FROM log WHERE position = ?", (middle,)).fetchone()[0] <= as_of:
            low = middle
        else:
            high = middle - 1
    return low


def _newest(
    connection: sqlite3.Connection, table: Table, picked: Filter, parameters: Row, group: Sequence[str], now: bool
) -> Iterator[Values]:
    """The newest rows where a row can say itself whether it has been superseded."""
    sql = (
        f"SELECT {table.selected} FROM {table.source} WHERE {table.condition} AND {_within(table)} "
        f"AND {picked.sql(stable=None)} AND NOT ({table.superseded})"
    )
    yield from connection.execute(sql, parameters)


def _ranked(
    connection: sqlite3.Connection, table: Table, picked: Filter, parameters: Row, group: Sequence[str], now: bool
) -> Iterator[Values]:
    """The newest rows of any group."""
    own = ", ".join(table.columns[column] for column in group if column != "book") or "1"
    names = ", ".join(("position_", "second_", *table.columns))
    ranked = (
        f"SELECT {table.selected}, row_number() OVER (PARTITION BY {own} ORDER BY {table.position} DESC, {table.second} DESC) "
        f"AS rank_ FROM {table.source} WHERE {table.condition} AND {_within(table)} AND {picked.sql(stable=True)}"
    )
    sql = f"SELECT {names} FROM ({ranked}) WHERE rank_ = 1 AND {picked.sql(stable=False, named=True)}"
    yield from connection.execute(sql, parameters)


def _of_series(
    connection: sqlite3.Connection, table: Table, picked: Filter, parameters: Row, group: Sequence[str], now: bool
) -> Iterator[Values]:
    """The newest row of each series: one look-up in its primary key."""
    upto = f"k.sequence <= (:high & {SEQUENCE_MASK})"
    same = f"l.sequence = (SELECT max(k.sequence) FROM {table.model} AS k WHERE k.series = series.id AND {upto})"
    if table.second == "l.n":
        own = "k.series = series.id AND k.sequence = l.sequence"
        same += f" AND l.n = (SELECT max(k.n) FROM {table.model} AS k WHERE {own})"
    sql = (
        f"SELECT {table.selected} FROM {table.source} WHERE {table.condition} AND {same} AND {picked.sql(stable=None)}"
    )
    yield from connection.execute(sql, parameters)


_JOINED = "CROSS JOIN log AS first ON first.position = o.first"
_LIVES = """
    SELECT id FROM orders WHERE closed IS NULL AND book = :number AND first <= :high
    UNION ALL
    SELECT o.id FROM levels CROSS JOIN orders AS o INDEXED BY orders_life
    ON o.level = levels.level AND o.first > :high - (1 << levels.level) AND o.first <= :high
    WHERE o.closed IS NOT NULL AND o.closed > :high AND o.book = :number
"""
_LEVELS = f"levels (level) AS (VALUES {', '.join(f'({level})' for level in range(BOOK_SHIFT + 1))})"


def _orders(
    connection: sqlite3.Connection, table: Table, picked: Filter, parameters: Row, group: Sequence[str], now: bool
) -> Iterator[Values]:
    """The newest row of each order, now or as of a position."""
    head, source, last = "", "orders AS o", "o.last"
    conditions = ["o.book = :number"]
    if now:
        conditions += ["o.closed IS NULL"] if picked.open_only() else []
        conditions += [f"o.status IN ({_marks(picked, 'status')})"] if picked.only("status") else []
    else:
        last = "(SELECT max(position) FROM log WHERE order_key = o.id AND position <= :high)"
        if picked.open_only():
            head = f"WITH {_LEVELS}, lives (id) AS ({_LIVES})"
            source = "lives CROSS JOIN orders AS o ON o.id = lives.id"
        else:
            conditions += ["o.first <= :high"]
    sql = (
        f"{head} SELECT {table.selected} FROM {source} CROSS JOIN log AS now ON now.position = {last} {_JOINED} "
        f"WHERE {' AND '.join(conditions)} AND {picked.sql(stable=None)}"
    )
    yield from connection.execute(sql, parameters)


def _quick(table: Table) -> Callable[..., Iterator[Values]]:
    """The way of a table's default group."""
    if table.name == "orders":
        return _orders
    return _of_series if table.model else _newest


def _marks(picked: Filter, name: str) -> str:
    at = list(picked.wanted).index(name)
    return ", ".join(f":w{at}_{n}" for n in range(len(picked.wanted[name])))


def _within(table: Table) -> str:
    return f"{table.position} BETWEEN :low AND :high"


def _books(connection: sqlite3.Connection, picked: Filter) -> list[tuple[int, str]]:
    books = connection.execute("SELECT number, name FROM books ORDER BY number").fetchall()
    wanted = picked.wanted.get("book")
    return [(number, name) for number, name in books if wanted is None or name in wanted]


def _newest_across_books(table: Table, group: Sequence[str], found: list[tuple[Values, str]]) -> list[tuple[Values, str]]:
    """Of the groups that several books have, the newest row: by time, then by position."""
    at = [2 + list(table.columns).index(column) for column in group]
    time = 2 + list(table.columns).index("time")
    newest: dict[Values, tuple[Values, str]] = {}
    for values, book in found:
        key = tuple(values[index] for index in at)
        other = newest.get(key)
        if other is None or (other[0][time], other[0][0]) < (values[time], values[0]):
            newest[key] = (values, book)
    return list(newest.values())


def _check_column(table: Table, name: str) -> None:
    if name not in table.columns:
        raise UnknownName(f"column of {table.name}", name, table.columns, field=name)


def _values(value: object) -> list[Any]:
    """The values that a column may have, as they are stored."""
    several = value if isinstance(value, list | tuple | set | frozenset) else [value]
    return [_stored(one) for one in several]


def _stored(value: object) -> Any:
    if value is None or isinstance(value, bool):
        return value if value is None else int(value)
    if isinstance(value, Decimal):
        return text(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return value
    raise InputError(f"{value!r} is no value of a column: text, a number, a Decimal, or a list of them", value=value)


__all__ = ["UNFINISHED", "history", "latest", "position_at"]
