"""Two services on one log, while clients trade: the second is refused by name; with --take-over the first one stops.

The clients go to the second when the first answers no more, and send again what was not answered, under its key. After
it nothing is lost and nothing doubled, though for a moment both processes had the same orders before them.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from pathlib import Path
from typing import Any

from msgspec import structs

from tests.prove.clients import Connection, Load
from tests.prove.serving import TOKEN, Process, clean, command, gone, last_line, log_in, peak_mb, port_of, serving
from tests.prove.told import Told, compared, require, verified

Figures = dict[str, Any]


def taken_over(folder: Path, *, rounds: int, seed: int = 1, after: float = 1.0) -> Figures:
    """Each service of a chain takes the log over from the one before."""
    began, told, figures = time.perf_counter(), Told(), {"peak_mb": 0.0, "first_ended_s": 0.0, "second_ready_s": 0.0}
    with contextlib.ExitStack() as at_end:
        service = at_end.enter_context(serving(folder))
        key = service.key
        _refused(folder, service)
        for number in range(rounds):
            load = Load(port_of(service), key, TOKEN, told, name=f"t{number}", seed=seed)
            successor, seconds, ended = asyncio.run(_one_round(folder, load, service, after, at_end))
            figures["first_ended_s"] = max(figures["first_ended_s"], ended)
            figures["second_ready_s"] = max(figures["second_ready_s"], seconds)
            said = last_line(service)
            require(
                re.fullmatch(r"orderwright: .* has taken this log over; this process must stop", said) is not None,
                f"the first one said {said!r}",
            )
            clean(service, key)
            figures["peak_mb"] = max(figures["peak_mb"], peak_mb(successor))
            figures |= structs.asdict(compared(log_in(folder), told))
            require(not told.wrong, f"{len(told.wrong)} answers that nobody may get: {told.wrong[:3]}")
            service = successor
        require(service.stop() == 0, "the last one did not end with 0")
        clean(service, key)
    figures["rows"] = verified(log_in(folder))
    return figures | {"rounds": rounds, "busy": told.busy, "seconds": time.perf_counter() - began}


def _refused(folder: Path, first: Process) -> None:
    """A second one without --take-over: exit code 1 and one line that names the first."""
    code, _, said = command(folder, "serve", "--port", "0", "--config", "service.yaml", "--log", str(log_in(folder)))
    require((code, said.count("\n")) == (1, 1), f"the second one ended with {code}: {said}")
    require(f"{first.process.pid}@" in said and "--take-over" in said, f"it names nobody: {said}")


async def _one_round(
    folder: Path, load: Load, first: Process, after: float, at_end: contextlib.ExitStack
) -> tuple[Process, float, float]:
    """(the second one, seconds until it was ready, seconds from then until the first had ended)."""
    working = asyncio.create_task(load.run())
    await asyncio.sleep(after)
    began = time.perf_counter()
    try:
        second = await asyncio.to_thread(lambda: at_end.enter_context(serving(folder, "--take-over")))
    except BaseException:
        load.is_over = True
        raise
    ready = time.perf_counter() - began
    ended = await gone(first)
    require(first.process.poll() == 1, f"the first one ended with {first.process.poll()}: {first.told_errors()}")
    load.port = port_of(second)  # whoever was cut off comes to this one
    await asyncio.sleep(after)
    load.is_over = True
    await working
    connection = Connection(load.port, load.key)
    await load.repeat(connection, list(load.told.sent))
    for name, body in list(load.told.alerts_sent.items()):
        load.take_alert(name, *await connection.ask("POST", f"/api/tradingview/webhook/{TOKEN}", body))
    status, said = await connection.ask("POST", "/api/orders/cancel-all", {})
    require(status == 200, f"cancel-all: {status} {said}")
    connection.close()
    return second, ready, ended


__all__ = ["taken_over"]
