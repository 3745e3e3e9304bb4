"""How a service ends under load, and what is there afterwards: kill -9, SIGTERM, a full disk.

Clients create orders one by one, in batches and over a WebSocket, send alerts, and cancel; the service ends at a moment
drawn by the seed and is started again on the same log. Then everything that was acknowledged is there under the same
id and number, what is sent again under its key is the order that it was, no alert has two orders, and the log verifies.
"""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from msgspec import structs

from tests.prove.clients import Connection, Load
from tests.prove.serving import (
    PATIENCE_S,
    TOKEN,
    Process,
    clean,
    command,
    last_line,
    log_in,
    peak_mb,
    port_of,
    serving,
)
from tests.prove.told import Told, compared, require, verified

AGAIN = 60
"""Orders and alerts that are sent again after each start."""
Figures = dict[str, Any]


def killed(folder: Path, *, rounds: int, seed: int = 1, between: tuple[float, float] = (0.4, 2.5)) -> Figures:
    """kill -9 at random moments under load, round after round on one log."""
    return _rounds(folder, rounds, seed, between, _kill, 0)


def terminated(folder: Path, *, rounds: int, seed: int = 1, between: tuple[float, float] = (0.4, 2.5)) -> Figures:
    """SIGTERM under load: it ends with 0 within its limit, and whoever asked it got an answer, 503, or none."""
    return _rounds(folder, rounds, seed, between, _terminate, 0)


def disk_full(folder: Path, *, rounds: int, seed: int = 1, between: tuple[float, float] = (0.4, 1.5)) -> Figures:
    """The log can grow no more, from a random moment on: it ends with 1 and one line."""
    return _rounds(folder, rounds, seed, between, _fill_up, 1)


def _rounds(
    folder: Path, rounds: int, seed: int, between: tuple[float, float], end: Callable[[Process, Path], None], code: int
) -> Figures:
    began, chance, told, key = time.perf_counter(), Random(seed), Told(), ""
    figures: Figures = {"peak_mb": 0.0, "start_s": 0.0, "end_s": 0.0}
    for number in range(rounds + 1):
        started = time.perf_counter()
        with serving(folder) as service:
            figures["start_s"] = max(figures["start_s"], time.perf_counter() - started)
            key = key or service.key
            load = Load(port_of(service), key, TOKEN, told, name=f"r{number}", seed=seed)
            asyncio.run(_looked_at(load, chance))
            figures |= structs.asdict(compared(log_in(folder), told))
            if number == rounds:
                figures["peak_mb"] = max(figures["peak_mb"], peak_mb(service))
                require(service.stop() == 0, "it did not end with 0")
            else:
                seconds = asyncio.run(_ended(load, service, chance.uniform(*between), end, log_in(folder), figures))
                found = service.process.wait(PATIENCE_S)
                wanted = -signal.SIGKILL if end is _kill else code
                require(found == wanted, f"it ended with {found}, not {wanted}: {service.told_errors()[-2_000:]}")
                figures["end_s"] = max(figures["end_s"], seconds)
                if code:
                    figures["said"] = last_line(service)
            clean(service, key)
        require(not told.wrong, f"{len(told.wrong)} answers that nobody may get: {told.wrong[:3]}")
    figures["rows"] = verified(log_in(folder))
    exit_code, said, errors = command(folder, "log", "verify", "--log", str(log_in(folder)))
    require(exit_code == 0, f"`orderwright log verify` ended with {exit_code}: {said}{errors}")
    more = {"rounds": rounds, "busy": told.busy, "unanswered": len(told.sent), "seconds": time.perf_counter() - began}
    return figures | more


async def _ended(
    load: Load, service: Process, after: float, end: Callable[[Process, Path], None], log: Path, figures: Figures
) -> float:
    """Load, and the end in the middle of it; the seconds from then until the process was gone."""
    working = asyncio.create_task(load.run())
    await asyncio.sleep(after)
    figures["peak_mb"] = max(figures["peak_mb"], peak_mb(service))
    end(service, log)
    began = time.perf_counter()
    while service.process.poll() is None and time.perf_counter() - began < PATIENCE_S:
        await asyncio.sleep(0.005)
    seconds = time.perf_counter() - began
    load.is_over = True
    await working
    return seconds


async def _looked_at(load: Load, chance: Random) -> None:
    """After a start: what was not answered is sent again, some of what was too, and another body under a key is
    refused."""
    told, connection = load.told, Connection(load.port, load.key)
    keyed = [mark for mark, one in told.orders.items() if "idempotency_key" in one.body]
    unanswered = [mark for mark, body in told.sent.items() if "idempotency_key" in body]
    for name, body in list(told.alerts_sent.items()) + [(name, None) for name in list(told.alerts)[-AGAIN // 3 :]]:
        again = body or {"ticker": "BTCUSDT", "action": "buy", "quantity": "0.001", "alert_id": name}
        status, said = await connection.ask("POST", f"/api/tradingview/webhook/{load.token}", again)
        load.take_alert(name, status, said)
        require(body is not None or said["duplicate"], f"alert {name} was taken in again: {said}")
    await load.repeat(connection, [*unanswered, *chance.sample(keyed, min(AGAIN, len(keyed)))])
    for mark in chance.sample(keyed, min(3, len(keyed))):
        other = told.orders[mark].body | {"quantity": "0.5"}
        status, said = await connection.ask("POST", "/api/orders/create", other)
        require(status == 409, f"another body under the key of {mark}: {status} {json.dumps(said)[:300]}")
    status, said = await connection.ask("POST", "/api/orders/cancel-all", {})  # so that it does not grow without end
    require(status == 200, f"cancel-all: {status} {said}")
    connection.close()


def _kill(service: Process, log: Path) -> None:  # noqa: ARG001  # as each of them
    service.process.kill()


def _terminate(service: Process, log: Path) -> None:  # noqa: ARG001  # as each of them
    service.process.terminate()


def _fill_up(service: Process, log: Path) -> None:
    """No file of the process may be larger than the log's newest one is now."""
    largest = max(path.stat().st_size for path in log.parent.glob(f"{log.name}*"))
    resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (largest, largest))


__all__ = ["disk_full", "killed", "terminated"]
