"""Orders page by page, the newest first, by their key in the orders read model.

A key is given with an order's first row and never changes, so a page that begins below the last key of the one before
has neither a row twice nor a row left out, however many orders come in between.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from typing import Any

from orderwright.journal.filters import UNFINISHED, Filter
from orderwright.journal.tables import ORDERS, Row, RowMaker


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
    conditions = [picked.sql(stable=None)]
    if before is not None:
        conditions.append("o.id < :before")
    if books is not None:
        numbers = [number for number, name in connection.execute("SELECT number, name FROM books") if name in books]
        conditions.append(f"o.book IN ({', '.join(map(str, numbers))})")
    wanted = picked.wanted.get("status")
    if wanted is not None:
        at = list(picked.wanted).index("status")
        conditions.append(f"o.status IN ({', '.join(f':w{at}_{n}' for n in range(len(wanted)))})")
        if UNFINISHED.issuperset(wanted):
            conditions.append("o.closed IS NULL")
    conditions += ["first.time >= :start"] if start is not None else []
    conditions += ["first.time <= :end"] if end is not None else []
    sql = (
        f"SELECT {ORDERS.selected} FROM orders AS o CROSS JOIN log AS now ON now.position = o.last "
        f"CROSS JOIN log AS first ON first.position = o.first WHERE {' AND '.join(conditions)} "
        "ORDER BY o.id DESC LIMIT :limit"
    )
    make = RowMaker(ORDERS)
    return [make(values[2:]) for values in connection.execute(sql, parameters)]


__all__ = ["orders_page"]
