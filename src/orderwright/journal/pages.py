"""Orders page by page, the newest first, by their key in the orders read model.

A key is given with an order's first row and never changes, so a page that begins below the last key of the one before
has neither a row twice nor a row left out, however many orders come in between.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from typing import Any

from orderwright.core.evolve import order_key
from orderwright.journal.filters import UNFINISHED, Filter, marks
from orderwright.journal.query import position_at
from orderwright.journal.schema import BOOK_SHIFT
from orderwright.journal.tables import ORDERS, Row, RowMaker

MOST_RANGES = 32


def orders_page(
    connection: sqlite3.Connection,
    *,
    books: Collection[str] | None,
    where: Mapping[str, object],
    limit: int,
    before: int | None = None,
    start: int | None = None,
    end: int | None = None,
) -> list[Row]:
    """The newest `limit` orders, each as its newest row says, with keys below `before`. books: None for all of them.
    where: by columns of the orders table. start, end: microseconds, when they came in, both included."""
    picked = Filter(ORDERS, where)
    parameters: dict[str, Any] = {**picked.parameters, "limit": limit, "before": before, "start": start, "end": end}
    conditions, indexed = [picked.sql(stable=None)], False
    if "client_order_id" in picked.wanted:
        conditions.append(f"o.order_id IN ({marks(picked, 'client_order_id')})")
        indexed = True
    if "idempotency_key" in picked.wanted:
        wanted = {f"k{n}": order_key(str(key)) for n, key in enumerate(picked.wanted["idempotency_key"])}
        keys = ", ".join(f":{name}" for name in wanted)
        conditions.append(
            f"o.order_id IN (SELECT order_id FROM keys WHERE book IN (SELECT number FROM books) AND key IN ({keys}))"
        )
        parameters |= wanted
        indexed = True
    if "status" in picked.wanted:
        conditions.append(f"o.status IN ({marks(picked, 'status')})")
        if UNFINISHED.issuperset(picked.wanted["status"]):
            conditions.append("o.closed IS NULL")
            indexed = True
    if before is not None:
        conditions.append("o.id < :before" if not indexed else "+o.id < :before")
    conditions += [_within(connection, books, indexed)]
    conditions += ["first.time >= :start"] if start is not None else []
    conditions += ["first.time <= :end"] if end is not None else []
    if start is not None or end is not None:
        conditions.append(_came_between(connection, start, end))
    sql = (
        f"SELECT {ORDERS.selected} FROM orders AS o CROSS JOIN log AS now ON now.position = o.last "
        f"CROSS JOIN log AS first ON first.position = o.first WHERE {' AND '.join(conditions)} "
        "ORDER BY o.id DESC LIMIT :limit"
    )
    make = RowMaker(ORDERS)
    return [make(values[2:]) for values in connection.execute(sql, parameters)]


def _within(connection: sqlite3.Connection, books: Collection[str] | None, indexed: bool) -> str:
    """The condition on books. indexed: the orders are found by an index that begins with the book; otherwise the walk
    is down the keys, which ends with the page, and no index may tempt it away."""
    if books is None:
        return "o.book IN (SELECT number FROM books)" if indexed else "1"
    numbers = [number for number, name in connection.execute("SELECT number, name FROM books") if name in books]
    return f"{'' if indexed else '+'}o.book IN ({', '.join(map(str, numbers))})"


def _came_between(connection: sqlite3.Connection, start: int | None, end: int | None) -> str:
    """The condition on times, by the places of first rows: it spares the look at rows outside. Of very many books it
    would cost more than it spares."""
    numbers = [number for (number,) in connection.execute("SELECT number FROM books LIMIT ?", (MOST_RANGES + 1,))]
    if len(numbers) > MOST_RANGES:
        return "1"
    ranges = []
    for number in numbers:
        low = (number << BOOK_SHIFT) if start is None else position_at(connection, number, start - 1) + 1
        ranges.append(f"o.first BETWEEN {low} AND {position_at(connection, number, end)}")
    return f"({' OR '.join(ranges)})" if ranges else "0"


__all__ = ["orders_page"]
