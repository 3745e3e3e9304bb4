"""webhook-burst: TradingView alerts over loopback HTTP, each on a connection of its own as TradingView sends them, to
`orderwright serve` in a process of its own.

- 1,000 alerts at once, a tenth of them repeated: from sending until the answer, with all 1,000 connections open; after
  it the log is read: every delivery stored, 900 orders, none twice.
- RATE alerts a second for SECONDS: from connecting until the answer.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.common import calibration, emit
from orderwright.journal import open_log
from orderwright.service.tradingview.tokens import hash_of, new_token

BURST, REPEATED = 1_000, 100
RATE, SECONDS = 20, int(os.environ.get("SECONDS", "15"))
PATIENCE_S = 30.0


def configured(folder: Path, token: str) -> Path:
    """The configuration of the service: paper, with enough money for every order."""
    path = folder / "config.yaml"
    path.write_text(
        f"environment: local\ndatabase: {{type: sqlite, path: {folder / 'log.sqlite'}}}\n"
        "execution: {mode: simulation, simulation: {deposits: {USDT: 100000000}}}\n"
        f"strategies: {{burst: {{token_hash: {hash_of(token)}}}}}\n"
    )
    return path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def request(path: str, number: int) -> bytes:
    """An alert of its own id: a limit order that rests far from the market."""
    body = json.dumps(
        {
            "ticker": "BTCUSDT",
            "action": "buy",
            "order_type": "limit",
            "quantity": "0.001",
            "price": "20000",
            "alert_id": f"bar {number}",
        }
    )
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, object]]:
    """(status, body) of what comes back."""
    raw = await reader.read()
    head, _, body = raw.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), json.loads(body)


async def ready(port: int, child: subprocess.Popen[bytes]) -> None:
    """Wait until the service takes alerts in."""
    until = time.perf_counter() + PATIENCE_S
    while time.perf_counter() < until:
        if child.poll() is not None:
            raise RuntimeError(f"the service ended with {child.returncode}")
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.write(b"GET /ready HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        said = await reader.read()
        writer.close()
        if b" 200 " in said.split(b"\r\n", 1)[0]:
            return
        await asyncio.sleep(0.05)
    raise RuntimeError("the service was not ready in time")


async def burst(port: int, path: str) -> list[float]:
    """Seconds of each answer, of all sent at once."""
    draw = random.Random(7)
    numbers = list(range(BURST - REPEATED))
    numbers += draw.sample(numbers, REPEATED)
    draw.shuffle(numbers)
    opened = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in numbers))
    await asyncio.sleep(0.5)
    began = time.perf_counter()
    for (_, writer), number in zip(opened, numbers, strict=True):
        writer.write(request(path, number))

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[float, bool]:
        status, said = await answer(reader)
        took = time.perf_counter() - began
        writer.close()
        if status != 200:
            raise RuntimeError(f"{status}: {said}")
        return took, bool(said["duplicate"])

    found = await asyncio.gather(*(one(*each) for each in opened))
    duplicates = sum(duplicate for _, duplicate in found)
    if duplicates != REPEATED:
        raise RuntimeError(f"{duplicates} duplicates were answered, not {REPEATED}")
    return [took for took, _ in found]


async def steady(port: int, path: str) -> list[float]:
    """Seconds of each answer, of RATE a second."""

    async def one(number: int) -> float:
        began = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(path, number))
        status, said = await answer(reader)
        writer.close()
        if status != 200 or said["duplicate"]:
            raise RuntimeError(f"{status}: {said}")
        return time.perf_counter() - began

    tasks, at = [], time.perf_counter()
    for number in range(RATE * SECONDS):
        await asyncio.sleep(max(at - time.perf_counter(), 0))
        tasks.append(asyncio.create_task(one(BURST + number)))
        at += 1 / RATE
    return list(await asyncio.gather(*tasks))


def counted(log: Path) -> tuple[int, int, int]:
    """(alerts stored, orders, different orders that alerts name as their own) of the log."""
    journal = open_log(log, read_only=True)
    try:
        alerts = journal.latest("alerts")
        orders = journal.latest("orders")
        named = {row["order_id"] for row in alerts if row["verdict"] == "accepted"}
        placed = [row["client_order_id"] for row in orders]
        if len(placed) != len(set(placed)) or set(placed) != named:
            raise RuntimeError("an alert has no order, or an order no alert")
        return len(alerts), len(placed), len({row["source_signal_id"] for row in orders})
    finally:
        journal.close()


def percentile(found: list[float], percent: float) -> float:
    """Milliseconds."""
    ordered = sorted(found)
    return round(1_000 * ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)], 2)


def main() -> None:
    token = new_token()
    with tempfile.TemporaryDirectory(prefix="orderwright-bench-") as name:
        folder, port = Path(name), free_port()
        command = [sys.executable, "-m", "orderwright", "serve", "--config", str(configured(folder, token))]
        said = (folder / "service.log").open("wb")
        child = subprocess.Popen([*command, "--port", str(port)], stdout=said, stderr=said)
        try:
            asyncio.run(measured(child, port, f"/api/tradingview/webhook/{token}", folder / "log.sqlite"))
        finally:
            child.terminate()
            child.wait(PATIENCE_S)
            said.close()


async def measured(child: subprocess.Popen[bytes], port: int, path: str, log: Path) -> None:
    await ready(port, child)
    at_once = await burst(port, path)
    stored, orders, signals = counted(log)
    if (stored, orders, signals) != (BURST, BURST - REPEATED, BURST - REPEATED):
        raise RuntimeError(f"{stored} alerts stored, {orders} orders of {signals} signals")
    more = {"alerts": BURST, "stored": stored, "orders": orders, "calib_s": calibration()}
    emit("webhook-burst", "p99_ms", percentile(at_once, 99), "ms", 1_000, p50_ms=percentile(at_once, 50), **more)
    found = await steady(port, path)
    more = {"offered_per_s": RATE, "alerts": len(found), "worst_ms": percentile(found, 100)}
    emit("webhook-burst", "steady_p99_ms", percentile(found, 99), "ms", 100, p50_ms=percentile(found, 50), **more)


if __name__ == "__main__":
    main()
