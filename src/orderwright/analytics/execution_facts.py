"""What an execution report is made of, fetched from the mirror as arrays: orders, their steps, fills and prices.

A whole log has millions of orders, and a report must not take longer than one waits for a page. Joining and grouping
them by id in the engine takes minutes; as arrays, an order's place is an index, and each fact is put there once.
`order_quality` is the readable twin of what is made of these arrays, and a test holds the two to one another.

Money arrives as DECIMAL and stays exact: `Money` keeps its 128 bits as they are, and `doubles()` is for ratios.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from orderwright.analytics.expressions import FINAL, bars_table, markets, sql, unbound

if TYPE_CHECKING:
    import duckdb
    from ibis.expr.types import BooleanValue, Table

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SCALE = 10**18
STATUSES = (*FINAL, "pending", "submitted", "unknown", "open", "partially_filled", "pending_cancel", "pending_replace")
KINDS = (
    *("order_accepted", "order_triggered", "order_filled", "order_replaced", "order_restated"),
    *("order_rejected", "order_ended", "request_dead", "request_unknown", "request_submitted"),
)


@dataclass(frozen=True, slots=True)
class Money:
    """n decimals of 18 places. low: uint64[n], high: int64[n], the halves of each number times 10^18; 0 where null.
    known: bool[n]."""

    low: NDArray[np.uint64]
    high: Ints
    known: Bools

    def doubles(self) -> Floats:
        """float64[n]; NaN where null."""
        values = (self.high * 2.0**64 + self.low) / SCALE
        negative = np.flatnonzero(self.high == -1)  # -1 x 2^64 + low would lose its digits
        values[negative] = -(-self.low[negative]).astype(np.float64) / SCALE
        if not self.known.all():
            values[~self.known] = np.nan
        return np.asarray(values)

    def take(self, rows: Any) -> Money:
        return Money(self.low[rows], self.high[rows], self.known[rows])


@dataclass(slots=True)
class Facts:
    """The arrays by table and column, and the names that codes stand for. Rows of `orders` are in order of id; `at` in
    the other tables is the row of the order that they are about."""

    orders: dict[str, Any]
    steps: dict[str, Any]
    changes: dict[str, Any]
    traded: dict[str, Any]
    fills: dict[str, Any]
    prices: dict[str, Any]
    names: dict[str, list[str]]
    exchanges: list[str]  # of each market
    bases: list[str]
    quotes: list[str]

    def __len__(self) -> int:
        return len(self.orders["id"])


def columns(connection: duckdb.DuckDBPyConnection, expression: Table) -> dict[str, Any]:
    """The columns of a query as arrays: int64, bool, float64, Money for decimals, lists for text. Null integers are
    -1."""
    table = connection.sql(sql(expression)).to_arrow_table()  # a relation is gathered on every core, a cursor on one
    return {name: _array(table.column(name).combine_chunks()) for name in table.column_names}


def _array(column: Any) -> Any:
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):  # of no chunks
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if pa.types.is_decimal(column.type):
        known = np.asarray(column.is_valid())
        data = column.buffers()[1]
        if data is None or not len(column):
            return Money(np.zeros(0, np.uint64), np.zeros(0, np.int64), known)
        halves = np.frombuffer(data, np.int64)[2 * column.offset : 2 * (column.offset + len(column))].reshape(-1, 2)
        low, high = halves[:, 0].view(np.uint64), halves[:, 1]
        return Money(np.where(known, low, np.uint64(0)), np.where(known, high, 0), known)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return column.to_pylist()
    if pa.types.is_boolean(column.type):
        return np.asarray(column.fill_null(False))
    if pa.types.is_floating(column.type):
        return np.asarray(column.fill_null(float("nan")), dtype=np.float64)
    return np.asarray(column.fill_null(-1) if column.null_count else column)


def code(column: Any, names: Iterable[str], kind: str = "int16") -> Any:
    """A text column as 1 + the index of its name among `names`, 0 for another, null for null. The engine does it once
    for each different text."""
    import ibis

    listed = list(names) or [""]
    return (ibis.array(listed).index(column) + 1).cast(kind)


def known_names(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """The names that orders go by in this mirror, sorted; "" is none."""
    names = {name: distinct(connection, "placed", name) for name in ("exchange", "symbol", "strategy", "order_type")}
    for name in ("exchange", "symbol"):  # a market without orders may still price a currency
        names[name] = sorted({*names[name], *distinct(connection, "instruments", name)})
    return names | {"fee_asset": distinct(connection, "fills", "fee_asset")}


def distinct(connection: duckdb.DuckDBPyConnection, table: str, name: str) -> list[str]:
    """The different texts of a column, sorted."""
    found = columns(connection, unbound(table).select(name).distinct())[name]
    return sorted(text for text in found if text)


def fetch(
    connection: duckdb.DuckDBPyConnection,
    chosen: list[BooleanValue],
    names: dict[str, list[str]],
    *,
    bars: bool = False,
) -> Facts:
    """Everything about the orders of `placed` that all of `chosen` hold for. names: what `known_names` gave. bars: the
    connection has the table `bars`."""
    known = columns(connection, markets().order_by("market"))
    grid = Grid(names, known)
    orders = columns(connection, _orders(chosen, names))
    orders["market"] = grid.of(orders["exchange"], orders["symbol"])
    order = np.argsort(orders["id"], kind="stable")
    if not np.array_equal(order, np.arange(len(order))):
        orders = {name: _take(column, order) for name, column in orders.items()}
    facts = Facts(orders, {}, {}, {}, {}, {}, names, known["exchange"], known["base"], known["quote"])
    place = Places(orders["id"])
    tables = {"steps": _steps(place), "changes": _changes(place), "traded": _traded(place)}
    voids = unbound("fills").voids
    any_void = bool(columns(connection, voids.count().name("count").as_table())["count"][0])
    tables["fills"] = _fills(place, names["fee_asset"], any_void=any_void)
    home = connection.execute("SELECT current_database(), current_schema()").fetchall()[0]
    with ThreadPoolExecutor(len(tables)) as threads:
        fetched = threads.map(lambda table: place.put(_beside(connection, home, table)), tables.values())
        for part, found in zip(tables, fetched, strict=True):
            setattr(facts, part, found)
    facts.prices = _market_prices(connection, names, grid, bars=bars)
    return facts


def _beside(connection: duckdb.DuckDBPyConnection, home: tuple[str, ...], expression: Table) -> dict[str, Any]:
    """`columns` on a connection of its own, so that several can be fetched at once: making arrays of rows takes longer
    than finding them, and is done on one core. home: database and schema of the tables, which a new connection would
    not know."""
    with connection.cursor() as cursor:
        cursor.execute("USE " + ".".join(f'"{name}"' for name in home))
        return columns(cursor, expression)


class Grid:
    """The number of the market of an exchange and a symbol, -1 where it was never defined."""

    def __init__(self, names: dict[str, list[str]], known: dict[str, Any]) -> None:
        self._numbers = np.full((len(names["exchange"]) + 1, len(names["symbol"]) + 1), -1, np.int16)
        places = [{name: at for at, name in enumerate(names[kind], start=1)} for kind in ("exchange", "symbol")]
        for number, pair in enumerate(zip(known["exchange"], known["symbol"], strict=True)):
            exchange, symbol = (place.get(name, 0) for place, name in zip(places, pair, strict=True))
            if exchange and symbol:
                self._numbers[exchange, symbol] = number

    def of(self, exchange: Any, symbol: Any) -> NDArray[np.int16]:
        return np.asarray(self._numbers[np.maximum(exchange, 0), np.maximum(symbol, 0)])


def _market_prices(
    connection: duckdb.DuckDBPyConnection, names: dict[str, list[str]], grid: Grid, *, bars: bool
) -> dict[str, Any]:
    """Logged prices and bars: market, time, sequence (-1: a bar) and mid, sorted by market, time and sequence."""
    logged = columns(connection, _priced(unbound("prices"), names, "sequence", "last", "bid", "ask"))
    middle = (logged["bid"].doubles() + logged["ask"].doubles()) / 2
    parts = {
        "market": grid.of(logged["exchange"], logged["symbol"]),
        "time": logged["time"],
        "sequence": logged["sequence"],
        "mid": np.where(np.isnan(middle), logged["last"].doubles(), middle),
    }
    if bars:
        own = columns(connection, _priced(bars_table(), names, "price"))
        none = np.full(len(own["time"]), -1, np.int64)
        added = {"market": grid.of(own["exchange"], own["symbol"]), "time": own["time"], "sequence": none}
        added["mid"] = own["price"]
        parts = {name: np.concatenate([parts[name], added[name]]) for name in parts}
    order = np.lexsort((parts["sequence"], parts["time"], parts["market"]))
    return {name: column[order] for name, column in parts.items()}


def _priced(table: Table, names: dict[str, list[str]], *more: str) -> Table:
    return table.select("time", *more, **{name: code(table[name], names[name]) for name in ("exchange", "symbol")})


class Places:
    """Where in the report an order's id is: ids are dense, so this is one look-up."""

    def __init__(self, ids: Ints) -> None:
        self.ids = ids
        self.low, self.high = (int(ids[0]), int(ids[-1])) if len(ids) else (0, -1)
        self._all = self.high - self.low + 1 == len(ids)
        dense = self.high - self.low < 20 * len(ids) + 1_000
        self._rows: Ints | None = None
        if dense and not self._all:
            self._rows = np.full(self.high - self.low + 1, -1, np.int64)
            self._rows[ids - self.low] = np.arange(len(ids))

    def put(self, table: dict[str, Any]) -> dict[str, Any]:
        """The rows about these orders in the log's order, with `at` for `id`."""
        ids = table.pop("id")
        at = self._at(ids)
        rows: Any = slice(None)
        if (at < 0).any():
            rows = np.flatnonzero(at >= 0)
        table = {name: column if isinstance(rows, slice) else _take(column, rows) for name, column in table.items()}
        table["at"] = at[rows]
        place = table["sequence"]
        if len(place) and (np.diff(place) < 0).any():  # several books; an order's rows are all in one
            order = np.argsort(place, kind="stable")
            table = {name: _take(column, order) for name, column in table.items()}
        return table

    def _at(self, ids: Ints) -> Ints:
        if self._all:
            return ids - self.low
        if self._rows is not None:
            return self._rows[ids - self.low]
        at = np.minimum(np.searchsorted(self.ids, ids), max(len(self.ids) - 1, 0))
        return np.where(self.ids[at] == ids, at, -1) if len(self.ids) else np.full(len(ids), -1, np.int64)


def _take(column: Any, rows: Any) -> Any:
    if isinstance(column, Money):
        return column.take(rows)
    return [column[row] for row in rows] if isinstance(column, list) else column[rows]


def _orders(chosen: list[BooleanValue], names: dict[str, list[str]]) -> Table:
    rows = unbound("placed")
    rows = rows.filter(chosen) if chosen else rows
    return rows.select(
        *("id", "time", "quantity"),
        **{name: code(rows[name], names[name]) for name in ("exchange", "symbol", "strategy", "order_type")},
        buy=rows.side == "buy",
        touch=(rows.side == "buy").ifelse(rows.ask, rows.bid),
        waited=rows.wait_for.notnull(),
        decision=rows.decision_price,
        arrival=rows.arrival_price,
    )


def _within(table: Table, place: Places) -> Table:
    return table.filter((table.id >= place.low) & (table.id <= place.high))


def _steps(place: Places) -> Table:
    """What every step says in a few numbers, the first one of an order left out: `orders` has it."""
    rows = _within(unbound("steps"), place)
    rows = rows.filter(rows.kind != "order_received")
    return rows.select(
        "id",
        "sequence",
        "time",
        kind=code(rows.kind, KINDS, "int8"),
        status=code(rows.status, STATUSES, "int8"),
        number=rows.number.cast("int16"),
        request=code(rows.request, ("new", "replace", "cancel"), "int8"),
    )


def _changes(place: Places) -> Table:
    """The few steps with a price of the market or a new quantity."""
    rows = _within(unbound("steps"), place)
    told = rows.kind.isin(("order_ended", "order_withdrawn")) & rows.mid.notnull()
    first = (rows.kind == "request_submitted") & (rows.number == 0)
    kept = rows.filter(told | first | rows.kind.isin(("order_replaced", "order_restated")))
    return kept.select("id", "sequence", "mid", "quantity", sends=kept.kind == "request_submitted")


def _fills(place: Places, assets: list[str], *, any_void: bool) -> Table:
    """The executions that stand. any_void: some were busted or corrected; ids are only read where that is so."""
    fills = _within(unbound("fills"), place)
    void = fills.filter(fills.voids.notnull()).select("id", execution_id="voids").distinct()
    rows = fills.filter(fills.execution_id.notnull()).anti_join(void, ["id", "execution_id"]) if any_void else fills
    return rows.select(
        *("id", "sequence", "time", "quantity", "price", "fee"),
        fee_asset=code(rows.fee_asset, assets),
        maker=rows.liquidity == "maker",
    )


def _traded(place: Places) -> Table:
    """What each order had filled after each execution, correction and bust."""
    rows = _within(unbound("steps"), place)
    rows = rows.filter(rows.kind.isin(("order_filled", "fill_corrected", "fill_busted")))
    return rows.select("id", "sequence", "filled_quantity", "filled_quote")
