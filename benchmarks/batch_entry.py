"""batch-entry: many orders at once, to `orderwright serve` in a child process: in batches of BATCH over HTTP, and one
by one over the WebSocket.

Small market orders, bought and sold in turns, on the simulated exchange and a SQLite log. CONNECTIONS connections; over
HTTP each has one batch under way, over the WebSocket IN_FLIGHT orders. Every order is durable when it is answered, and
has an answer of its own.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from itertools import repeat
from pathlib import Path

from benchmarks.common import calibration, emit
from benchmarks.http_create import BODIES
from benchmarks.http_load import Child, Load, drive, served
from orderwright.service.serving import runner

ORDERS = int(os.environ.get("ORDERS", "30000"))
BATCH, CONNECTIONS, IN_FLIGHT = 250, 2, 200


async def batches(child: Child) -> Load:
    """Batches, as fast as they are answered."""
    body = b"[" + b",".join(BODIES * (BATCH // 2)) + b"]"
    requests = repeat(child.post("/api/orders/batch", body))
    await drive(child.port, requests, 8, connections=CONNECTIONS)
    return await drive(child.port, requests, ORDERS // BATCH, connections=CONNECTIONS)


async def streamed(child: Child, count: int) -> float:
    """Orders a second over the WebSocket, as fast as they are answered."""
    began = time.perf_counter()
    await asyncio.gather(*(_stream(child, count // CONNECTIONS) for _ in range(CONNECTIONS)))
    return count / (time.perf_counter() - began)


async def _stream(child: Child, count: int) -> None:
    from websockets.asyncio.client import connect

    address = f"ws://127.0.0.1:{child.port}/api/stream"
    headers = {"Authorization": f"Bearer {child.key}"}
    room = asyncio.Semaphore(IN_FLIGHT)
    messages = [f'{{"op":"create","id":1,"body":{body.decode()}}}' for body in BODIES]
    async with connect(address, additional_headers=headers, compression=None, max_queue=None) as stream:

        async def send() -> None:
            for number in range(count):
                await room.acquire()
                await stream.send(messages[number % 2])

        sending = asyncio.create_task(send())
        answered = 0
        while answered < count:
            said = str(await stream.recv())
            if said.startswith('{"type":"answer"'):
                assert '"status":201' in said[:60], said
                answered += 1
                room.release()
        await sending


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="orderwright-bench-") as folder, served(Path(folder)) as child:
        with runner() as running:
            load = running.run(batches(child))
            running.run(streamed(child, 1_000))
            over_stream = running.run(streamed(child, ORDERS // 2))
        found = child.get("/api/orders/list?limit=1&status=filled")["orders"]
        assert isinstance(found, list)
        assert found, "no order has filled"
        peak = child.peak_mb()
    rate = load.rate * BATCH
    emit("batch-entry", "orders_per_s", rate, "orders/s", 3_500, orders=ORDERS, batch=BATCH, calib_s=calibration())
    emit("batch-entry", "batch_p99_ms", load.at(0.99), "ms", p50_ms=round(load.at(0.5), 2))
    emit("batch-entry", "stream_orders_per_s", over_stream, "orders/s", 3_500, orders=ORDERS // 2, in_flight=IN_FLIGHT)
    emit("batch-entry", "server_peak_mb", peak, "MB")


if __name__ == "__main__":
    main()
