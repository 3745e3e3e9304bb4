"""The table `measured`: the row that `order_quality` gives of each order, kept in a DuckDB mirror.

- `measure` is given to a mirror as what it derives. It measures again each order with new rows, each of an exchange
  whose last fill is at most 5 minutes before a new price there (its mark-outs, its interval, what a fee was worth), and
  each of a symbol whose assets were defined otherwise. So the table always says what the expression would say of all.
- Many orders are measured in chunks of their ids: the work of each is bounded, and so is its memory.
- Where a mirror keeps no such table, where it is behind, or where bars are to be marked against, `orders_of` measures
  the orders that are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from orderwright.analytics.expressions import MONEY, sql, unbound

if TYPE_CHECKING:
    import duckdb
    from ibis.expr.types import Table

CHUNK = 400_000
MEASURED: dict[str, str] = (
    {"id": "int64"}
    | dict.fromkeys(("book", "order_id", "account", "exchange", "user_id", "strategy", "episode", "symbol"), "string")
    | dict.fromkeys(("base", "quote", "side", "order_type", "time_in_force", "source", "signal_id"), "string")
    | dict.fromkeys(("parent_id", "status", "error_code", "reason"), "string")
    | dict.fromkeys(("created", "sent", "acknowledged", "first_fill", "last_fill", "ended"), "int64")
    | dict.fromkeys(("quantity", "filled_quantity", "filled_quote", "fees"), MONEY)
    | {"fees_left_out": "string"}
    | dict.fromkeys(("decision_price", "arrival_price", "send_price", "end_price", "average_price"), "float64")
    | dict.fromkeys(("slippage_bps", "send_slippage_bps", "decision_slippage_bps"), "float64")
    | dict.fromkeys(("effective_spread_bps", "improvement_bps"), "float64")
    | dict.fromkeys(("arrival_value", "arrival_cost", "paper", "delay", "impact", "opportunity", "shortfall"), MONEY)
    | dict.fromkeys(("ack_ms", "first_fill_ms", "last_fill_ms", "unknown_ms"), "float64")
    | dict.fromkeys(("mark_out_1s", "mark_out_10s", "mark_out_1m", "mark_out_5m", "twap", "twap_bps"), "float64")
    | {"maker_share": "float64", "fills": "int64", "fill_ratio": "float64", "replaces": "int64", "retries": "int64"}
)
"""Its columns: those of `order_quality` but for the market's number, which new markets change."""

_TYPES = {"string": "VARCHAR", "int64": "BIGINT", "float64": "DOUBLE"}
_LONGEST_MARK_OUT = 300_000_000
_TO_MEASURE = f"""
SELECT DISTINCT id FROM (
    SELECT id FROM placed JOIN mirror_behind USING (book) WHERE sequence > after
    UNION ALL SELECT id FROM steps JOIN mirror_behind USING (book) WHERE sequence > after
    UNION ALL SELECT id FROM fills JOIN mirror_behind USING (book) WHERE sequence > after
    UNION ALL SELECT id FROM measured JOIN (
        SELECT exchange, min(time) AS since FROM prices JOIN mirror_behind USING (book)
        WHERE sequence > after GROUP BY exchange
    ) USING (exchange) WHERE last_fill >= since - {_LONGEST_MARK_OUT}
    UNION ALL SELECT id FROM measured JOIN (
        SELECT DISTINCT exchange, symbol FROM instruments JOIN mirror_behind USING (book) WHERE sequence > after
    ) USING (exchange, symbol) JOIN (
        SELECT exchange, symbol, arg_max(base, time) AS new_base, arg_max(quote, time) AS new_quote
        FROM instruments GROUP BY exchange, symbol
    ) USING (exchange, symbol) WHERE base IS DISTINCT FROM new_base OR quote IS DISTINCT FROM new_quote
)
"""


def _table(name: str) -> Table:
    import ibis

    return ibis.table(MEASURED, name=name)


def measure(connection: duckdb.DuckDBPyConnection) -> None:
    """Bring `measured` up to date with the mirror that the connection writes: its `Derive`."""
    connection.execute(f"CREATE TABLE IF NOT EXISTS measured ({_columns()})")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE to_measure AS {_TO_MEASURE}")
    connection.execute("DELETE FROM measured WHERE id IN (SELECT id FROM to_measure)")
    _fill(connection, "measured", bars=False)


def _columns() -> str:
    return ", ".join(f"{name} {_TYPES.get(kind, kind)}" for name, kind in MEASURED.items())


def _fill(connection: duckdb.DuckDBPyConnection, table: str, *, bars: bool) -> None:
    """Measure the orders of the table `to_measure` into a table, chunk by chunk."""
    last: int | None = -1
    while last is not None:
        chunk = f"SELECT id FROM to_measure WHERE id > {last} ORDER BY id LIMIT {CHUNK}"
        connection.execute(f"CREATE OR REPLACE TEMP TABLE measuring AS {chunk}")
        (last,) = connection.execute("SELECT max(id) FROM measuring").fetchall()[0]
        if last is not None:
            connection.execute(f"INSERT INTO {table} {_measuring(bars=bars)}")
    connection.execute("DROP TABLE to_measure; DROP TABLE measuring")


@cache
def _measuring(*, bars: bool) -> str:
    from orderwright.analytics.order_quality import order_quality

    return sql(order_quality("measuring", bars=bars).select(list(MEASURED)))


@contextmanager
def orders_of(
    connection: duckdb.DuckDBPyConnection,
    names: Mapping[str, str | None],
    *,
    start: int | None = None,
    end: int | None = None,
    bars: bool = False,
) -> Iterator[Table]:
    """The rows of `measured`, unbound, of the orders that go by all of `names` (column -> value; None: any) and were
    created from `start` up to but not at `end`. bars: marked against the table `bars` of the connection too."""
    if not bars and _is_kept(connection):
        rows = _table("measured")
        yield _chosen(rows, rows.created, names, start, end)
        return
    placed = unbound("placed")
    chosen = _chosen(placed, placed.time, names, start, end).select("id")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE to_measure AS {sql(chosen)}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE measured_now ({_columns()})")
    _fill(connection, "measured_now", bars=bars)
    try:
        yield _table("measured_now")
    finally:
        connection.execute("DROP TABLE measured_now")


def _chosen(rows: Table, created: Any, names: Mapping[str, str | None], start: int | None, end: int | None) -> Table:
    chosen = [rows[name] == value for name, value in names.items() if value is not None]
    chosen += [] if start is None else [created >= start]
    chosen += [] if end is None else [created < end]
    return rows.filter(chosen) if chosen else rows


def _is_kept(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the connection has the table, and it is not behind the mirror."""
    tables = {"measured", "mirror_behind"}
    found = connection.execute("SELECT table_name FROM information_schema.tables").fetchall()
    if not tables <= {name for (name,) in found}:
        return False
    return not connection.execute("SELECT 1 FROM mirror_behind LIMIT 1").fetchall()
