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
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from msgspec import Struct, structs

from tests.prove.clients import Connection, Load
from tests.prove.serving import (
    TOKEN,
    Process,
    clean,
    command,
    gone,
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


class Way(Struct, frozen=True):
    """How a service is ended, and the exit code that it then has."""

    end: Callable[[Process, Path], None]
    code: int


def _kill(service: Process, log: Path) -> None:
    service.process.kill()


def _terminate(service: Process, log: Path) -> None:
    service.process.terminate()


def _fill_up(service: Process, log: Path) -> None:
    """No file of the process may be larger than the write-ahead log is now."""
    size = log.with_name(f"{log.name}-wal").stat().st_size
    resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (size, size))


KILL, TERMINATE, FULL = Way(_kill, -signal.SIGKILL), Way(_terminate, 0), Way(_fill_up, 1)


def killed(folder: Path, *, rounds: int, seed: int = 1) -> Figures:
    """kill -9 at random moments under load, round after round on one log."""
    return ended(folder, [KILL] * rounds, seed=seed)


def terminated(folder: Path, *, rounds: int, seed: int = 1) -> Figures:
    """SIGTERM under load: it ends with 0 within its limit, and whoever asked it got an answer, 503, or none."""
    return ended(folder, [TERMINATE] * rounds, seed=seed)


def disk_full(folder: Path, *, rounds: int, seed: int = 1) -> Figures:
    """The log can grow no more, from a random moment on: it ends with 1 and one line."""
    return ended(folder, [FULL] * rounds, seed=seed)


def ended(folder: Path, ways: Sequence[Way], *, seed: int = 1, between: tuple[float, float] = (0.4, 2.5)) -> Figures:
    """One log, one service after the other, each ended in its way after so many seconds of load."""
    began, chance, told, key = time.perf_counter(), Random(seed), Told(), ""
    figures: Figures = {"peak_mb": 0.0, "start_s": 0.0, "end_s": 0.0}
    for number, way in enumerate([*ways, None]):
        started = time.perf_counter()
        with serving(folder) as service:
            figures["start_s"] = max(figures["start_s"], time.perf_counter() - started)
            key = key or service.key
            load = Load(port_of(service), key, TOKEN, told, name=f"r{number}", seed=seed)
            asyncio.run(_looked_at(load, chance))
            figures |= structs.asdict(compared(log_in(folder), told))
            if way is None:
                require(service.stop() == 0, "it did not end with 0")
            else:
                asyncio.run(_ended(load, service, chance.uniform(*between), way, log_in(folder), figures))
            clean(service, key)
        require(not told.wrong, f"{len(told.wrong)} answers that nobody may get: {told.wrong[:3]}")
    figures["rows"] = verified(log_in(folder))
    exit_code, said, errors = command(folder, "log", "verify", "--log", str(log_in(folder)))
    require(exit_code == 0, f"`orderwright log verify` ended with {exit_code}: {said}{errors}")
    more = {"rounds": len(ways), "busy": told.busy, "unanswered": len(told.sent)}
    return figures | more | {"seconds": time.perf_counter() - began}


async def _ended(load: Load, service: Process, after: float, way: Way, log: Path, figures: Figures) -> None:
    """Load, and the end in the middle of it."""
    working = asyncio.create_task(load.run())
    await asyncio.sleep(after)
    figures["peak_mb"] = max(figures["peak_mb"], peak_mb(service))
    require(service.process.poll() is None, f"it has ended by itself, with {service.process.poll()}")
    way.end(service, log)
    seconds = await gone(service)
    load.is_over = True
    await working
    code = service.process.poll()
    require(code == way.code, f"it ended with {code}, not {way.code}: {service.told_errors()[-2_000:]}")
    figures["end_s"] = max(figures["end_s"], seconds)
    if way is FULL:
        figures["said"] = last_line(service)


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


__all__ = ["FULL", "KILL", "TERMINATE", "disk_full", "ended", "killed", "terminated"]
