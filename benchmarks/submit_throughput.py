"""submit-throughput: orders as fast as they go through a bounded queue of the live driver, every one durable before it
is sent (the exchange looks, each time), acknowledged and filled, so that it ends."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from benchmarks.common import calibration, emit
from benchmarks.live import a_bench, run

ORDERS, QUEUE = int(os.environ.get("ORDERS", "50000")), 1_000


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="orderwright-bench-") as folder:
        async with a_bench(Path(folder) / "log.sqlite", most_waiting=QUEUE) as bench:
            await bench.flood(2_000)
            seconds = await bench.flood(ORDERS)
    rate = ORDERS / seconds
    emit(
        "submit-throughput", "orders_per_s", rate, "orders/s", 5_000, orders=ORDERS, queue=QUEUE, calib_s=calibration()
    )


if __name__ == "__main__":
    run(main)
