"""candle-replay: a session over candles in which nothing is ordered, then with one order that rests far from the
market, then with a market order every hundred candles.

The candles go through the exchange, the session and the driver (which still begins every day and logs a price every
hour). The raw limit, in the same run: a bare Python loop over the closes.
"""

from __future__ import annotations

import os
import time
from decimal import Decimal

from benchmarks.common import INSTRUMENT, START, calibration, emit
from orderwright.core import messages as m
from orderwright.core.ids import order_id_of
from orderwright.core.model import Account, Instruction, OrderSide, OrderType
from orderwright.driver import Driver
from orderwright.journal.memory import MemoryJournal
from orderwright.market.candles import Candles
from orderwright.market.random_market import random_candles
from orderwright.simulation.exchange import TRAITS, SimulatedExchange
from orderwright.simulation.session import Session
from orderwright.venues.executor import VenueExecutor

CANDLES = int(os.environ.get("CANDLES", "1000000"))


def replay(candles: Candles, orders: list[tuple[int, m.Input]]) -> tuple[float, Driver]:
    """Seconds of one session over the candles, and its driver."""
    account = Account(account="main", traits=TRAITS)
    exchange = SimulatedExchange([candles], accounts=[account])
    venue = VenueExecutor(exchange, lambda: exchange.now)
    driver = Driver("bench", MemoryJournal(keep=1_000), {"simulated": venue})
    opening: list[m.Input] = [
        m.DefineInstrument(instrument=INSTRUMENT),
        m.OpenAccount(account=account),
        m.MoveCash(account="main", asset="USDT", amount=Decimal(10**9), reference="start"),
    ]
    start, end = int(candles.times[0]), int(candles.close_times[-1])
    driver.turn(opening, start)
    exchange.restore((), driver.state.balances, start, driver.state.positions)
    session = Session(driver, venue, exchange)
    began = time.perf_counter()
    session.run(orders, end)
    return time.perf_counter() - began, driver


def order(time: int, number: int, **said: object) -> tuple[int, m.Input]:
    words = {"account": "main", "symbol": "BTC/USDT", "quantity": Decimal("0.01"), "side": OrderSide.BUY, **said}
    instruction = Instruction(order_id=order_id_of(time, str(number)), **words)  # type: ignore[arg-type]
    return time, m.SubmitOrder(instruction=instruction)


def main() -> None:
    candles = random_candles(42, CANDLES, INSTRUMENT, start=START)
    replay(candles[:1_000], [])
    nothing, driver = replay(candles, [])
    first = int(candles.times[10])
    low = INSTRUMENT.price(int(candles.low.min()) // 2)
    resting, _ = replay(candles, [order(first, 0, type=OrderType.LIMIT, price=low)])
    sides = (OrderSide.BUY, OrderSide.SELL)
    times = enumerate(candles.times[10::100].tolist())
    busy, last = replay(candles, [order(time, at, type=OrderType.MARKET, side=sides[at % 2]) for at, time in times])
    closes, began = candles.close.tolist(), time.perf_counter()
    for close in closes:
        if close < 0:
            raise AssertionError
    raw = time.perf_counter() - began
    count = len(candles)
    rows, orders = driver.state.sequence, len(range(10, count, 100))
    calib = calibration()
    emit(
        "candle-replay",
        "candles_per_s",
        count / nothing,
        "candles/s",
        2_000_000,
        candles=count,
        rows=rows,
        calib_s=calib,
    )
    emit("candle-replay", "with_a_resting_order_per_s", count / resting, "candles/s", 2_000_000)
    emit(
        "candle-replay", "with_market_orders_per_s", count / busy, "candles/s", orders=orders, rows=last.state.sequence
    )
    emit("candle-replay", "bare_loop_per_s", count / raw, "candles/s")


if __name__ == "__main__":
    main()
