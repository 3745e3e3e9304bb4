"""Analytics as Ibis expressions over the mirror's tables: written once, made into SQL for the engine at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from orderwright.mirror.schema import TABLES

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import pyarrow
    from ibis.expr.types import Table
    from numpy.typing import NDArray

Ints: TypeAlias = "NDArray[np.int64]"
Floats: TypeAlias = "NDArray[np.float64]"

BPS = 10_000
MONEY = "decimal(38, 18)"
PRECISION = "decimal(38, 8)"
FINAL = ("filled", "cancelled", "expired", "rejected", "denied")
UNFILLED = FINAL[1:]
BARS = {"exchange": "string", "symbol": "string", "time": "int64", "price": "float64", "volume": "float64"}


def sql(expression: Any) -> str:
    """An expression as DuckDB's SQL."""
    import ibis

    return str(ibis.to_sql(expression, dialect="duckdb"))


def unbound(name: str) -> Table:
    """One of the mirror's tables."""
    import ibis

    return ibis.table(TABLES[name], name=name)


def arrays(connection: duckdb.DuckDBPyConnection, expression: Table) -> dict[str, Any]:
    """The columns of a query as arrays: float64 with NaN for null, int64."""
    doubles = [name for name, kind in expression.schema().items() if kind.is_floating()]
    known = expression.mutate(**{name: expression[name].fill_null(float("nan")) for name in doubles})
    table = connection.sql(sql(known)).to_arrow_table()  # a relation is gathered on every core, a cursor on one
    return {name: _array(table.column(name), "f8" if name in doubles else "i8") for name in table.column_names}


def _array(column: pyarrow.ChunkedArray, kind: str) -> Any:
    """As `to_numpy`, which imports pandas first and takes a second for it."""
    import numpy as np

    parts = [np.frombuffer(some.buffers()[1], kind)[some.offset :][: len(some)] for some in column.chunks if len(some)]
    return np.concatenate([np.empty(0, kind), *parts])


def distinct(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> list[str]:
    """The different texts of a column, sorted."""
    found = connection.execute(sql(unbound(table).select(column).distinct())).fetchall()
    return sorted(text for (text,) in found if text)


def bars_table() -> Table:
    """The market's own prices, where the caller has registered them."""
    import ibis

    return ibis.table(BARS, name="bars")


def as_double(number: Any) -> Any:
    """A DECIMAL as a double. DuckDB takes the mean of a list of one ten times faster than a cast."""
    import ibis

    return ibis.array([number]).means().cast("float64")


def as_money(number: Any) -> Any:
    """A double as money, rounded to 8 places."""
    return number.cast(PRECISION).cast(MONEY)


def in_bps(part: Any) -> Any:
    """A ratio in bps, to 9 places; no zero has a sign."""
    return (part * BPS).round(9) + 0.0


def markets() -> Table:
    """Each symbol of each exchange with its number and its assets, as it was last defined."""
    import ibis

    defined = unbound("instruments")
    named = defined.group_by("exchange", "symbol").agg(
        base=defined.base.argmax(defined.time), quote=defined.quote.argmax(defined.time)
    )
    return named.mutate(market=ibis.row_number().over(order_by=[named.exchange, named.symbol]))


def logged_prices() -> Table:
    """Every price that was written down: (market, sequence, time, mid); mid is the last trade where there was
    no bid or ask."""
    prices = unbound("prices")
    rows = prices.inner_join(markets(), ["exchange", "symbol"])
    middle = (as_double(rows.bid) + as_double(rows.ask)) / 2
    return rows.select("market", "sequence", "time", mid=middle.fill_null(as_double(rows.last)))


def latest_prices() -> Table:
    """The newest price of each market: (exchange, symbol, base, quote, price)."""
    prices = logged_prices()
    newest = prices.group_by("market").agg(price=prices.mid.argmax(prices.time))
    return newest.inner_join(markets(), "market").select("exchange", "symbol", "base", "quote", "price")
