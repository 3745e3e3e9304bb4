"""What the SELECTs of the portfolio questions are made of.

A moment is microseconds; NOW stands for a null one. `instants` is a list of moments, of which a macro answers each.
"""

from __future__ import annotations

from orderwright.core.model import DAY

MONEY = "DECIMAL(38, 18)"
NOW = "coalesce(moment, 9223372036854775807)"

OWNERS = """(
    SELECT book, account, unnest(arg_max(
        struct_pack(exchange, user_id := coalesce(user_id, ''), leverage), sequence))
    FROM accounts GROUP BY book, account
)"""
"""The accounts, each as it is defined now: book, account, exchange, user_id, leverage."""

LISTED = """(
    SELECT book, exchange, symbol, unnest(arg_max(struct_pack(base, quote, linear), sequence))
    FROM instruments GROUP BY book, exchange, symbol
)"""
"""The instruments, each as it is defined now: book, exchange, symbol, base, quote, linear."""

MISSING = "coalesce(list_sort(list_distinct(flatten(list({})))), [])"
"""The names in a column of lists, each once."""


def newest_at(table: str, keys: str, values: str, order: str = "sequence") -> str:
    """The newest row of each key of a table at each of `instants`, if it has one by then: the keys, instant, values.

    Each row counts for the first instant that is not before it; what has not changed since comes from the one before.
    """
    return f"""
WITH points AS (
    SELECT DISTINCT unnest(instants) AS instant
), changed AS (
    SELECT {keys}, instant, unnest(arg_max(struct_pack({values}), {order}))
    FROM {table} AS row ASOF JOIN points ON row.time <= points.instant GROUP BY {keys}, instant
)
SELECT {keys}, instant, changed.* EXCLUDE ({keys}, instant)
FROM (SELECT * FROM points, (SELECT DISTINCT {keys} FROM changed)) AS asked ASOF JOIN changed USING ({keys}, instant)
"""


def days_until(moment: str = NOW) -> str:
    """A list: the last moment of each day (UTC) since something is known, up to a moment, which ends the last one."""
    known = "SELECT time FROM ledger UNION ALL SELECT time FROM prices UNION ALL SELECT time FROM fills"
    return f"""(
    SELECT list_transform(range(first, last + 1), lambda day: least(day * {DAY} + {DAY} - 1, {moment}))
    FROM (SELECT min(time) // {DAY} AS first, max(time) // {DAY} AS last FROM ({known}) WHERE time <= {moment})
)"""


def day_of(instant: str) -> str:
    """The first microsecond of an instant's day."""
    return f"{instant} // {DAY} * {DAY}"
