"""A mirror written by hand: the tables of `mirror.schema` in memory, and rows put in as a log would have them.

    log = HandWritten()
    log.order(1, "buy 2 market").step(50, "order_accepted", "open").fill(100, 2, "100.02", fee="0.1")
    row = log.quality()[1]

Times are milliseconds after NOON. Without another word an order is for BTC/USDT on binance, which stood at 99.99 /
100.01 when it was decided on.
"""

from __future__ import annotations

import random
from decimal import Decimal
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from orderwright.analytics.expressions import sql
from orderwright.analytics.order_quality import order_quality
from orderwright.mirror.schema import TABLES
from tests.builders import NOW as NOON

__all__ = ["NOON", "HandWritten", "a_random_log", "at", "near"]

Row = dict[str, Any]


def at(milliseconds: float) -> int:
    return NOON + round(milliseconds * 1_000)


def near(value: Any, **how: Any) -> Any:
    """A double that may differ in its last digits; to stand in a record."""
    return pytest.approx(value, **how)


def _type(kind: str) -> str:
    return {"string": "VARCHAR", "int64": "BIGINT", "boolean": "BOOLEAN"}.get(kind, kind)


class HandWritten:
    """The mirror of one log. `connection` has its tables once something was asked, or after `write`."""

    def __init__(self, *instruments: str) -> None:
        self.connection = duckdb.connect()
        for table, columns in TABLES.items():
            shown = ", ".join(f'"{name}" {_type(kind)}' for name, kind in columns.items())
            self.connection.execute(f"CREATE TABLE {table} ({shown})")
        self.rows: dict[str, list[Row]] = {table: [] for table in TABLES}
        self.sequences: dict[str, int] = {}
        for name in instruments or ("binance BTC/USDT",):
            exchange, _, symbol = name.partition(" ")
            base, _, quote = symbol.partition("/")
            sizes: dict[str, Any] = {"tick_size": "0.01", "step_size": "0.00001", "linear": False}
            self.put("instruments", 0, exchange=exchange, symbol=symbol, base=base, quote=quote, **sizes)

    def put(self, table: str, time: float, book: str = "main", **columns: Any) -> int:
        """Add a row, numbered within its book; its sequence."""
        sequence = self.sequences[book] = self.sequences.get(book, 0) + 1
        self.rows[table].append({"book": book, "sequence": sequence, "time": at(time)} | columns)
        return sequence

    def price(self, time: float, bid: str, ask: str | None = None, market: str = "binance BTC/USDT") -> HandWritten:
        exchange, _, symbol = market.partition(" ")
        self.put(
            "prices", time, exchange=exchange, symbol=symbol, last=bid, bid=ask and bid, ask=ask, quote_time=at(time)
        )
        return self

    def order(self, number: int, words: str, time: float = 0, market: str = "binance BTC/USDT", **more: Any) -> Placed:
        """An order as `buy 2 market`; more: columns of `placed`."""
        side, quantity, kind = words.split()
        exchange, _, symbol = market.partition(" ")
        row: Row = {
            "id": number,
            "order_id": f"{number:030x}",
            "account": "main",
            "exchange": exchange,
            "symbol": symbol,
            "side": side,
            "order_type": kind,
            "time_in_force": "gtc",
            "source": "manual",
            "quantity": quantity,
            "arrival_price": "100",
            "bid": "99.99",
            "ask": "100.01",
            "estimated_fee": "0",
            "estimated_cost": "0",
        } | more
        book = row.pop("book", "main")
        sequence = self.put("placed", time, book, **row)
        return Placed(self, row, book, sequence, time)

    def write(self) -> duckdb.DuckDBPyConnection:
        """The connection with everything so far."""
        for table, rows in self.rows.items():
            if rows:
                columns = list(TABLES[table])
                types = [
                    pa.decimal128(38, 18) if kind.startswith("decimal") else _arrow(kind)
                    for kind in TABLES[table].values()
                ]
                arrays = [
                    pa.array([_value(row.get(name), kind) for row in rows], kind)
                    for name, kind in zip(columns, types, strict=True)
                ]
                self.connection.register("new_rows", pa.table(arrays, names=columns))
                self.connection.execute(f"INSERT INTO {table} SELECT * FROM new_rows")
                self.connection.unregister("new_rows")
                rows.clear()
        return self.connection

    def quality(self, *, bars: pa.Table | None = None) -> dict[int, Row]:
        """Every order's row of `order_quality`, by its number."""
        connection = self.write()
        if bars is not None:
            connection.register("bars", bars)
        answer = connection.execute(_quality(bars=bars is not None))
        names = [column[0] for column in answer.description or []]
        return {row[0]: dict(zip(names, row, strict=True)) for row in answer.fetchall()}


@cache
def _quality(*, bars: bool) -> str:
    return sql(order_quality(bars=bars))


def _arrow(kind: str) -> pa.DataType:
    return {"string": pa.string(), "int64": pa.int64(), "boolean": pa.bool_()}[kind]


def _value(value: Any, kind: pa.DataType) -> Any:
    return Decimal(str(value)) if pa.types.is_decimal(kind) and value is not None else value


class Placed:
    """An order that goes on, step by step."""

    def __init__(self, log: HandWritten, row: Row, book: str, sequence: int, time: float) -> None:
        self.log, self.id, self.book = log, row["id"], book
        self.quantity, self.filled, self.quote = Decimal(row["quantity"]), Decimal(0), Decimal(0)
        self.status = "pending" if row.get("wait_for") else "submitted"
        self.fills: dict[str, tuple[Decimal, Decimal]] = {}
        first = self._step(time, "order_received", mid=row["arrival_price"])
        first["sequence"] = sequence
        log.sequences[book] = sequence

    def _step(self, time: float, kind: str, **more: Any) -> Row:
        state = {
            "id": self.id,
            "kind": kind,
            "status": self.status,
            "quantity": self.quantity,
            "filled_quantity": self.filled,
            "remaining_quantity": self.quantity - self.filled,
            "filled_quote": self.quote,
        }
        self.log.put("steps", time, self.book, **(state | more))
        return self.log.rows["steps"][-1]

    def step(self, time: float, kind: str, status: str = "", **more: Any) -> Placed:
        """Any event. status: what it is after it, where that changes. quantity: what is asked for from now on."""
        self.status = status or self.status
        self.quantity = Decimal(more.pop("quantity", self.quantity))
        self._step(time, kind, **more)
        return self

    def fill(
        self, time: float, quantity: Any, price: Any, *, fee: str = "0", voids: str | None = None, **more: Any
    ) -> Placed:
        """An execution, or with `voids` a correction of one."""
        amount, value = Decimal(str(quantity)), Decimal(str(quantity)) * Decimal(str(price))
        if voids:
            self._void(voids)
        self.filled, self.quote = self.filled + amount, self.quote + value
        name = f"e{self.id}-{len(self.fills) + 1}"
        self.fills[name] = (amount, value)
        if self.status not in ("cancelled", "expired"):
            self.status = "filled" if self.filled >= self.quantity else "partially_filled"
        step = self._step(time, "fill_corrected" if voids else "order_filled")
        row = {"fee_asset": "USDT", "liquidity": "taker", "execution_id": name, "fee": fee, "voids": voids} | more
        self.log.put("fills", time, self.book, id=self.id, quantity=quantity, price=price, **row)
        self.log.rows["fills"][-1]["sequence"] = self.log.sequences[self.book] = step["sequence"]
        return self

    def bust(self, time: float, execution_id: str, status: str) -> Placed:
        self._void(execution_id)
        self.status = status
        step = self._step(time, "fill_busted")
        self.log.put("fills", time, self.book, id=self.id, voids=execution_id)
        self.log.rows["fills"][-1]["sequence"] = self.log.sequences[self.book] = step["sequence"]
        return self

    def _void(self, execution_id: str) -> None:
        amount, value = self.fills[execution_id]
        self.filled, self.quote = self.filled - amount, self.quote - value


_ENDS = {
    "cancelled": ("order_ended", None, "asked for"),
    "expired": ("order_ended", None, ""),
    "rejected": ("order_rejected", "-2010", "insufficient balance"),
    "denied": ("order_denied", "order_value", "value 12: at most 10"),
}


def a_random_log(seed: int, orders: int = 60) -> HandWritten:
    """A log of many orders of every kind in several markets and two books, with prices between them."""
    chance = random.Random(seed)
    markets = ["binance BTC/USDT", "binance ETH/USDT", "kraken BTC/USDT", "kraken ETH/EUR"]
    log = HandWritten(*markets)
    time = 0.0
    for number in range(1, orders + 1):
        time += chance.choice([1, 50, 400, 3_000, 70_000])
        for market in chance.sample(markets, 2):
            mid = 100 + chance.randrange(-200, 200) / 100
            log.price(
                time + chance.randrange(500), f"{mid - 0.01:.2f}", chance.choice([None, f"{mid + 0.01:.2f}"]), market
            )
        _random_order(log, chance, number, time, chance.choice(markets))
    return log


def _random_order(log: HandWritten, chance: random.Random, number: int, time: float, market: str) -> None:
    middle = 100 + chance.randrange(-200, 200) / 100
    waits = chance.random() < 0.2
    order = log.order(
        number,
        f"{chance.choice(['buy', 'sell'])} {chance.randint(1, 9)} {chance.choice(['market', 'limit'])}",
        time,
        market,
        book=chance.choice(["main", "other"]),
        strategy=chance.choice([None, "trend", "mean"]),
        arrival_price=chance.choice([f"{middle:.2f}"] * 9 + [None]),
        decision_price=chance.choice([None, f"{middle - 0.05:.2f}"]),
        wait_for="time" if waits else None,
    )
    if waits and chance.random() < 0.2:
        order.step(time + 5, "order_withdrawn", "cancelled", error_code="withdrawn", mid=f"{middle:.2f}")
        return
    if waits:
        order.step(time + 10, "request_submitted", "submitted", number=0, request="new", mid=f"{middle + 0.03:.2f}")
    if chance.random() < 0.2:
        order.step(time + 15, "request_unknown", "unknown", number=0).step(time + 20, "request_asked", number=0)
    end = chance.choice([None, None, None, *_ENDS])
    if end not in ("rejected", "denied"):
        order.step(time + 40, "order_accepted", "open")
        for step in range(chance.randrange(3)):
            kind = chance.choice(["replace", "cancel"])
            order.step(time + 42 + 2 * step, "request_submitted", f"pending_{kind}", number=1 + step, request=kind)
            if kind == "replace":
                order.step(time + 43 + 2 * step, "order_replaced", "open", number=1 + step, quantity=order.quantity + 1)
        left = int(order.quantity) - (end is not None)
        while left > 0 and chance.random() < 0.9:
            part = chance.randint(1, left)
            asset = chance.choice(["USDT", "BTC", "BNB", "EUR"])
            price = f"{middle + chance.randrange(-10, 10) / 100:.2f}"
            maker = chance.choice(["maker", "taker"])
            order.fill(time + 60 - left, part, price, fee="0.0125", fee_asset=asset, liquidity=maker)
            left -= part
        if chance.random() < 0.1 and order.fills:
            order.bust(time + 100, next(iter(order.fills)), "partially_filled")
    if end is not None and order.status != "filled":
        kind, code, reason = _ENDS[end]
        mid = chance.choice([None, f"{middle + 0.2:.2f}"]) if kind == "order_ended" else None
        order.step(time + 200, kind, end, error_code=code, reason=reason, mid=mid)
