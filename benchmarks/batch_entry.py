"""batch-entry: orders in batches of BATCH, to `orderwright serve` in a child process.

Small market orders, bought and sold in turns, on the simulated exchange and a SQLite log; two connections, each with
one batch under way. Every order of a batch is durable when the batch is answered, and has a result of its own.
"""

from __future__ import annotations

import os
import tempfile
from itertools import repeat
from pathlib import Path

from benchmarks.common import calibration, emit
from benchmarks.http_create import BODIES
from benchmarks.http_load import Child, Load, drive, served
from orderwright.service.serving import runner

ORDERS = int(os.environ.get("ORDERS", "30000"))
BATCH, CONNECTIONS = 250, 2


async def measured(child: Child) -> Load:
    """Batches, as fast as they are answered."""
    body = b"[" + b",".join(BODIES * (BATCH // 2)) + b"]"
    requests = repeat(child.post("/api/orders/batch", body))
    await drive(child.port, requests, 8, connections=CONNECTIONS)
    return await drive(child.port, requests, ORDERS // BATCH, connections=CONNECTIONS)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="orderwright-bench-") as folder, served(Path(folder)) as child:
        with runner() as running:
            load = running.run(measured(child))
        found = child.get("/api/orders/list?limit=1&status=filled")["orders"]
        assert isinstance(found, list)
        assert found, "no order has filled"
        peak = child.peak_mb()
    rate = load.rate * BATCH
    emit("batch-entry", "orders_per_s", rate, "orders/s", 3_500, orders=ORDERS, batch=BATCH, calib_s=calibration())
    emit("batch-entry", "p99_ms", load.at(0.99), "ms", p50_ms=round(load.at(0.5), 2))
    emit("batch-entry", "server_peak_mb", peak, "MB")


if __name__ == "__main__":
    main()
