"""A log of 1,000,000 orders of which 1,000 are open, for the benches that read one; made once and kept in a folder of
the machine's own (ORDERWRIGHT_BENCH_HOME, by default the temporary folder), a few minutes' work, in a process of
its own, so that the bench's memory is the bench's."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.common import SINK, START, lifecycles, made_once, opening, quote
from orderwright.driver import Driver
from orderwright.journal.sqlite import open_log

OPEN, TURN = 1_000, 1_000


def million(orders: int | None = None) -> Path:
    """The log's path; it is made if it is not there. ORDERS makes a smaller one."""
    orders = orders if orders is not None else int(os.environ.get("ORDERS", "1000000"))
    return made_once(f"{orders}", "benchmarks.million", orders, "orders")


def _make(path: Path, orders: int) -> None:
    """Open orders are spread over the whole log: one of every orders / OPEN is acknowledged and left."""
    journal = open_log(path)
    driver = Driver("bench", journal, {"simulated": SINK})
    driver.turn(opening(), START)
    now, every = START, orders // OPEN
    for first in range(0, orders, TURN):
        now += 1_000_000
        submits, acks, *fills = lifecycles(first, TURN, now)
        driver.turn([quote(now), *submits], now)
        driver.turn(acks, now + 1)
        for part in fills:
            driver.turn([said for at, said in enumerate(part, start=first) if at % every != every // 2], now + 2)
    journal.close()


if __name__ == "__main__":
    _make(Path(sys.argv[1]), int(sys.argv[2]))
