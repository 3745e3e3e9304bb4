"""The step function of `Exchange` in memory: steps with an order each, steps that wait, and an episode's beginning."""

from __future__ import annotations

import time

from benchmarks.common import emit
from orderwright import Exchange, Trade

STEPS, RESETS = 10_000, 50


def main() -> None:
    exchange = Exchange(seed=42)
    buy, sell = Trade("BTC", "USDT", "buy", "0.001"), Trade("BTC", "USDT", "sell", "0.001")
    for _ in range(500):
        exchange.step(buy)
        exchange.step(sell)
    exchange.reset()
    began = time.perf_counter()
    for number in range(STEPS):
        exchange.step(sell if number % 2 else buy)
    ordered = time.perf_counter() - began
    began = time.perf_counter()
    for _ in range(STEPS):
        exchange.step()
    waited = time.perf_counter() - began
    began = time.perf_counter()
    for _ in range(RESETS):
        exchange.reset()
    emit("exchange-step", "steps_with_an_order", STEPS / ordered, "steps/s", 3_000, steps=STEPS)
    emit("exchange-step", "steps_that_wait", STEPS / waited, "steps/s", steps=STEPS)
    emit("exchange-step", "reset", 1_000 * (time.perf_counter() - began) / RESETS, "ms", resets=RESETS)


if __name__ == "__main__":
    main()
