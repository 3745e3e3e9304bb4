"""submit-latency: RATE orders a second offered in process, whatever becomes of them (an open loop, exponential gaps);
from the moment an order was to come until the connector is called, so with its commit and all waiting. Every order
ends.
"""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
import time
from pathlib import Path

from benchmarks.common import calibration, emit
from benchmarks.live import BOOK, Bench, a_bench, percentile, run

RATE, SECONDS, WARM_UP = 1_000, int(os.environ.get("SECONDS", "15")), 2


async def offer(bench: Bench, seconds: float, draw: random.Random) -> list[float]:
    """Latencies in seconds, of every order offered in so many seconds."""
    sent_at = bench.exchange.sent_at = {}
    due: dict[str, float] = {}
    began = time.perf_counter()
    at = began
    while at < began + seconds:
        now = time.perf_counter()
        while at <= now:
            order = bench.order()
            due[order.instruction.order_id] = at
            bench.desk.put(BOOK, order)
            at += draw.expovariate(RATE)
        await asyncio.sleep(max(at - time.perf_counter(), 0))
    while len(sent_at) < len(due):  # noqa: ASYNC110  # nobody says when the last is
        await asyncio.sleep(0.01)
    return [sent_at[order_id] - when for order_id, when in due.items()]


async def main() -> None:
    draw = random.Random(5)
    with tempfile.TemporaryDirectory(prefix="orderwright-bench-") as folder:
        async with a_bench(Path(folder) / "log.sqlite", most_waiting=100_000) as bench:
            await offer(bench, WARM_UP, draw)
            found = sorted(await offer(bench, SECONDS, draw))
    p50, p99, worst = (1_000 * percentile(found, percent) for percent in (50, 99, 100))
    more = {"offered_per_s": RATE, "orders": len(found), "calib_s": calibration()}
    emit("submit-latency", "p50_ms", p50, "ms", 2, **more)
    emit("submit-latency", "p99_ms", p99, "ms", 10, worst_ms=round(worst, 2), **more)


if __name__ == "__main__":
    run(main)
