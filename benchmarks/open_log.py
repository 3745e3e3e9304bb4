"""open-log: opening a log of 1,000,000 orders of which 1,000 are open, up to a driver that could decide the next input.

The peak memory is that of a process that does nothing else. The raw limit, in the same run: reading the rows of the
open orders with plain SQL.
"""

from __future__ import annotations

import sqlite3
import time

from benchmarks.common import SINK, emit, rss_mb
from benchmarks.million import OPEN, million
from orderwright.driver import Driver
from orderwright.journal.sqlite import open_log


def main() -> None:
    path = million()
    before = rss_mb()
    began = time.perf_counter()
    journal = open_log(path)
    driver = Driver("bench", journal, {"simulated": SINK})
    seconds = time.perf_counter() - began
    memory = rss_mb()
    orders = len(driver.state.orders)
    assert orders == OPEN, orders
    journal.close()
    connection = sqlite3.connect(path)
    began = time.perf_counter()
    rows = connection.execute(
        "SELECT log.body FROM orders JOIN log ON log.order_key = orders.id WHERE orders.closed IS NULL"
    ).fetchall()
    raw = time.perf_counter() - began
    emit("open-log", "seconds", seconds, "s", 1, open_orders=orders, raw_read_s=round(raw, 4), raw_rows=len(rows))
    emit("open-log", "rss_mb", memory, "MiB", 150, before=round(before, 1))


if __name__ == "__main__":
    main()
