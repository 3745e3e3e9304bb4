"""http-create: POST /api/orders/create over keep-alive connections, to `orderwright serve` in a child process.

Small market orders, bought and sold in turns, on the simulated exchange and a SQLite log: each answer has waited for
its commit, and each order is acknowledged and filled beside it. First as fast as they are answered, over CONNECTIONS
connections; then 1,000 a second whether they are answered or not, latency counted from when each was due. The raw
limit in the same run: the same HTTP server answering every POST with nothing.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from itertools import cycle, repeat
from pathlib import Path

from benchmarks.common import calibration, emit
from benchmarks.http_load import Child, Load, answering_nothing, drive, served
from orderwright.service.serving import runner

ORDERS = int(os.environ.get("ORDERS", "10000"))
CONNECTIONS, OFFERED = 32, 1_000
BODIES = [
    f'{{"symbol":"BTC/USDT","side":"{side}","order_type":"market","quantity":"0.001"}}'.encode()
    for side in ("buy", "sell")
]


def creates(child: Child) -> Iterator[bytes]:
    """Requests without end."""
    return cycle([child.post("/api/orders/create", body) for body in BODIES])


async def measured(child: Child) -> tuple[Load, Load]:
    """(as fast as it goes, at the offered rate)."""
    await drive(child.port, creates(child), 1_000, connections=CONNECTIONS)
    fast = await drive(child.port, creates(child), ORDERS, connections=CONNECTIONS)
    offered = await drive(child.port, creates(child), ORDERS // 2, connections=CONNECTIONS, rate=OFFERED)
    return fast, offered


async def raw(child: Child) -> Load:
    """The server alone."""
    requests = repeat(child.post("/api/orders/create", BODIES[0]))
    await drive(child.port, requests, 1_000, connections=CONNECTIONS)
    return await drive(child.port, requests, ORDERS, connections=CONNECTIONS)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="orderwright-bench-") as folder:
        with served(Path(folder)) as child, runner() as running:
            fast, offered = running.run(measured(child))
            peak = child.peak_mb()
        with answering_nothing() as child, runner() as running:
            limit = running.run(raw(child))
    emit("http-create", "orders_per_s", fast.rate, "orders/s", 1_000, orders=ORDERS, calib_s=calibration())
    emit("http-create", "p99_ms", offered.at(0.99), "ms", 50, offered=OFFERED, p50_ms=round(offered.at(0.5), 2))
    emit("http-create", "p99_ms_at_most", fast.at(0.99), "ms", connections=CONNECTIONS, p50_ms=round(fast.at(0.5), 2))
    emit("http-create", "of_empty_posts", fast.rate / limit.rate, "share", raw_per_s=round(limit.rate))
    emit("http-create", "server_peak_mb", peak, "MB")


if __name__ == "__main__":
    main()
