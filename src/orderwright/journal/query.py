"""Questions to the read models: the latest of each group, as of any time, and the history.

"The latest of each group" is one function for every table: rows up to the moment asked about, those that `where`
picks by columns that never change, the newest of each group, and of these the ones that `where` picks by columns that
do. So an order that was open and is filled is not found among the open ones. It has five ways to be quick, each for
its default group:

- orders now: `orders` points to the newest row; the unfinished have an index of their own;
- orders as of a moment, among open statuses: lives as intervals (schema.py), then each order's last row before it;
- tables that keep every value under (series, sequence): one look-up in each series;
- fills and signals: a row is the newest unless a later one takes it back; an account's fills are found through its
  positions, which each of them has changed;
- accounts, instruments, settings: `controls` points to the newest definition of each. As of a moment before one was
  defined again, the log is walked.

Everything else ranks the rows (`row_number`). Sequences are a book's own, so books are asked one after the other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from orderwright.journal.filters import UNFINISHED, Filter, check_column, marks
from orderwright.journal.schema import BOOK_SHIFT, SEQUENCE_MASK
from orderwright.journal.tables import Row, RowMaker, Table, of_one_book, table_of

ROWS_OF_ONE = 16
"""More than any one event adds to a read model."""

Values = tuple[Any, ...]


class Question(Struct, frozen=True):
    """`latest` by a table's default group, of one book. now: not as of a moment. parameters: see `_bounds`."""

    connection: sqlite3.Connection
    table: Table
    picked: Filter
    now: bool
    parameters: dict[str, Any]


def latest(
    connection: sqlite3.Connection,
    name: str,
    by: Sequence[str] | None = None,
    where: Mapping[str, object] | None = None,
    as_of: int | None = None,
    *,
    whole: bool = True,
) -> list[Row]:
    """See the port. Rows come in the order in which they were written. whole: whether the read models have all that
    ever happened."""
    table = table_of(name)
    picked = Filter(table, where, whole)
    group = tuple(by) if by is not None else table.group
    for column in group:
        check_column(table, column)
    found: list[Values] = []
    if set(group) - {"book"} == set(table.group):
        ask, own = _quick(table), of_one_book(table)
        picked = Filter(own, where, whole)
        for book in _books(connection, picked):
            found += ask(Question(connection, own, picked, as_of is None, _bounds(connection, picked, book, as_of)))
    else:
        found = _ranked(connection, table, picked, group, as_of)
    return _rows(table, found)


def history(
    connection: sqlite3.Connection,
    name: str,
    where: Mapping[str, object] | None = None,
    limit: int | None = None,
    since: int | None = None,
    as_of: int | None = None,
    *,
    whole: bool = True,
) -> list[Row]:
    """The rows of a table from `since` to `as_of`, both included, oldest first; of too many, the newest `limit`."""
    table = of_one_book(table_of(name))
    picked = Filter(table, where, whole)
    found: list[Values] = []
    for book in _books(connection, picked):
        bounds = _bounds(connection, picked, book, as_of)
        if since is not None:
            bounds["low"] = position_at(connection, book[0], since - 1) + 1
        found += (
            _newest_of_series(connection, table, picked, bounds, limit)
            if table.model
            else _newest_of_log(connection, table, picked, bounds, limit)
        )
    rows = _rows(table, found)
    return rows if limit is None else rows[max(0, len(rows) - limit) :]


def _newest_of_log(
    connection: sqlite3.Connection, table: Table, picked: Filter, bounds: dict[str, Any], limit: int | None
) -> Iterator[Values]:
    """Backwards through the log; some more than asked for, since a position may have several rows."""
    sql = (
        f"SELECT {table.selected} FROM {picked.source} WHERE {picked.named} AND {table.condition} "
        f"AND {picked.within(table)} AND {picked.sql(stable=None)} ORDER BY {table.position} DESC LIMIT :limit"
    )
    yield from connection.execute(sql, {**bounds, "limit": -1 if limit is None else limit + ROWS_OF_ONE})


def _newest_of_series(
    connection: sqlite3.Connection, table: Table, picked: Filter, bounds: dict[str, Any], limit: int | None
) -> Iterator[Values]:
    """Backwards through each series that is asked for: the newest rows of all are among the newest of each."""
    sql = (
        f"SELECT {table.selected} FROM {table.source} WHERE {table.condition} AND series.id = :series "
        f"AND {picked.within(table)} AND {picked.sql(stable=None)} ORDER BY l.sequence DESC LIMIT :limit"
    )
    wanted = f"series.book = :number AND {table.condition} AND {picked.sql(stable=True)}"
    every = f"SELECT series.id FROM series WHERE {wanted}"
    rows = -1 if limit is None else limit + ROWS_OF_ONE
    for (series,) in connection.execute(every, bounds).fetchall():
        yield from connection.execute(sql, {**bounds, "series": series, "limit": rows})


def position_at(connection: sqlite3.Connection, number: int, as_of: int | None) -> int:
    """The last position of a book whose row is not later than a time. Time never goes back in a book: a binary
    search."""
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


def _newest(asked: Question) -> Iterator[Values]:
    """The newest rows where a row can say itself whether it has been superseded."""
    table, picked = asked.table, asked.picked
    sql = (
        f"SELECT {table.selected} FROM {picked.source} WHERE {picked.named} AND {table.condition} "
        f"AND {picked.within(table)} AND {picked.sql(stable=None)} AND NOT ({table.superseded})"
    )
    yield from asked.connection.execute(sql, asked.parameters)


def _ranked(
    connection: sqlite3.Connection, table: Table, picked: Filter, group: Sequence[str], as_of: int | None
) -> list[Values]:
    """The newest rows of any group, over all books."""
    own = ", ".join(table.columns[column] for column in group) or "1"
    newest = f"now.time DESC, {table.position} DESC, {table.second} DESC"
    until = "1" if as_of is None else "now.time <= :as_of"
    ranked = (
        f"SELECT {table.selected}, row_number() OVER (PARTITION BY {own} ORDER BY {newest}) AS rank_ "
        f"FROM {picked.source} WHERE {picked.named} AND {table.condition} AND {until} AND {picked.sql(stable=True)}"
    )
    names = ", ".join(("position_", "second_", *table.columns))
    sql = f"SELECT {names} FROM ({ranked}) WHERE rank_ = 1 AND {picked.sql(stable=False, named=True)}"
    return connection.execute(sql, {**picked.parameters, "as_of": as_of}).fetchall()


def _of_series(asked: Question) -> Iterator[Values]:
    """The newest row of each series: one look-up in its primary key."""
    table, picked = asked.table, asked.picked
    upto = f"k.sequence <= (:high & {SEQUENCE_MASK})"
    same = f"l.sequence = (SELECT max(k.sequence) FROM {table.model} AS k WHERE k.series = series.id AND {upto})"
    if table.second == "l.n":
        own = "k.series = series.id AND k.sequence = l.sequence"
        same += f" AND l.n = (SELECT max(k.n) FROM {table.model} AS k WHERE {own})"
    sql = (
        f"SELECT {table.selected} FROM {table.source} WHERE {table.condition} AND series.book = :number AND {same} "
        f"AND {picked.sql(stable=None)}"
    )
    yield from asked.connection.execute(sql, asked.parameters)


def _of_controls(asked: Question) -> Iterator[Values]:
    """The newest definition of each name: where `controls` points to, unless one was defined again since."""
    table, picked = asked.table, asked.picked
    past_it = table.control[:-1] + chr(ord(table.control[-1]) + 1)
    names = f"book = :number AND name >= '{table.control}' AND name < '{past_it}'"
    newer = f"SELECT 1 FROM controls WHERE {names} AND position > :high LIMIT 1"
    newest = f"SELECT position FROM controls WHERE {names}"
    if asked.connection.execute(newer, asked.parameters).fetchone() is not None:
        own = "".join(f" GROUP BY {', '.join(table.columns[name] for name in table.group)}" for _ in table.group[:1])
        places = picked.within(table)
        newest = f"SELECT max({table.position}) FROM {table.source} WHERE {table.condition} AND {places}{own}"
    found = f"{table.position} IN ({newest}) AND {picked.sql(stable=None)}"
    sql = f"SELECT {table.selected} FROM {table.source} WHERE {found}"
    yield from asked.connection.execute(sql, asked.parameters)


_JOINED = "CROSS JOIN log AS first ON first.position = o.first"
_LIVES = """
    SELECT id FROM orders WHERE closed IS NULL AND book = :number AND first <= :high
    UNION ALL
    SELECT o.id FROM levels CROSS JOIN orders AS o INDEXED BY orders_life
    ON o.level = levels.level AND o.first > :high - (1 << levels.level) AND o.first <= :high
    WHERE o.closed IS NOT NULL AND o.closed > :high AND o.book = :number
"""
_LEVELS = f"levels (level) AS (VALUES {', '.join(f'({level})' for level in range(BOOK_SHIFT + 1))})"


def _orders(asked: Question) -> Iterator[Values]:
    """The newest row of each order, now or as of a position."""
    table, picked = asked.table, asked.picked
    head, source, last = "", "orders AS o", "o.last"
    conditions = ["o.book = :number"]
    if asked.now:
        conditions += ["o.closed IS NULL"] if picked.open_only() else []
        conditions += [f"o.status IN ({marks(picked, 'status')})"] if picked.only("status") else []
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
    yield from asked.connection.execute(sql, asked.parameters)


def _quick(table: Table) -> Callable[..., Iterator[Values]]:
    """The way of a table's default group."""
    if table.name in ("orders", "story"):
        return _orders
    if table.control:
        return _of_controls
    return _of_series if table.model else _newest


def _books(connection: sqlite3.Connection, picked: Filter) -> list[tuple[int, str]]:
    books = connection.execute("SELECT number, name FROM books ORDER BY number").fetchall()
    wanted = picked.wanted.get("book")
    return [(number, name) for number, name in books if wanted is None or name in wanted]


def _bounds(connection: sqlite3.Connection, picked: Filter, book: tuple[int, str], as_of: int | None) -> dict[str, Any]:
    """The parameters of a question to one book."""
    number, name = book
    high = position_at(connection, number, as_of)
    return {**picked.parameters, "number": number, "book": name, "low": number << BOOK_SHIFT, "high": high}


def _rows(table: Table, found: list[Values]) -> list[Row]:
    """As rows, in the order in which they were written."""
    time = 2 + list(table.columns).index("time")
    found.sort(key=lambda values: (values[time], values[0], values[1]))
    make = RowMaker(table)
    return [make(values[2:]) for values in found]


__all__ = ["UNFINISHED", "history", "latest", "position_at"]
