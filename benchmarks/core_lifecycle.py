"""core-lifecycle: whole order lives (submit, ack, two fills) through the core, with every guard and limit on, in
memory.

1,000,000 orders; the position is never flat, so a cost that grew with its life would show. Reported: the rate over all,
the rate of the last 100,000, and how much memory grew after the first 100,000. The journal keeps the newest 10,000
finished orders (`MemoryJournal(keep=10_000)`); what is measured is the driver, the core and the journal, inputs made
outside the clock.
"""

from __future__ import annotations

import os
import time

from benchmarks.common import SINK, START, calibration, emit, lifecycles, opening, quote, rss_mb
from orderwright.core import messages as m
from orderwright.driver import Driver
from orderwright.journal.memory import MemoryJournal

ORDERS, PART, TURN = int(os.environ.get("ORDERS", "1000000")), 100_000, 100


def main() -> None:
    driver = Driver("bench", MemoryJournal(keep=10_000), {"simulated": SINK})
    driver.turn(opening(), START)
    now, seconds, memory = START, [], []
    part = min(PART, ORDERS)
    for first in range(0, ORDERS, part):
        spent = 0.0
        for number in range(first, first + part, TURN):
            now += 1_000
            turns: list[list[m.Input]] = [[quote(now)], *lifecycles(number, TURN, now)]
            began = time.perf_counter()
            for inputs in turns:
                driver.turn(inputs, now)
            spent += time.perf_counter() - began
        seconds.append(spent)
        memory.append(rss_mb())
    position = driver.state.positions["main", "BTC/USDT"]
    assert position.size > 0
    assert not driver.state.orders
    calib = calibration()
    emit("core-lifecycle", "orders_per_s", ORDERS / sum(seconds), "orders/s", 25_000, orders=ORDERS, calib_s=calib)
    emit("core-lifecycle", "last_part_per_s", part / seconds[-1], "orders/s", 25_000, first=part / seconds[0])
    emit("core-lifecycle", "memory_growth_mb", memory[-1] - memory[0], "MiB", 10)


if __name__ == "__main__":
    main()
