"""The system's clock is set back, and forward, again and again, below a running service and between two starts.

The service runs in a process whose `time.time_ns` and `time.time` jump by a schedule of the seed, minutes to a day; its
monotonic clock goes on as it does on a real machine. No row of the log is older than the one before it, in any book;
timers go on (an order for a later moment goes out then); and the log verifies.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

from msgspec import structs

from orderwright.journal.sqlite import open_log
from tests.prove.clients import Connection, Load
from tests.prove.serving import TOKEN, Process, clean, log_in, peak_mb, port_of, serving
from tests.prove.told import Told, compared, require, verified

Figures = dict[str, Any]
LONGEST_S = 86_400
WAIT_S = 20.0
_JUMPING = """\
import random, sys, time
wall, steady, draw = time.time_ns, time.monotonic, random.Random({seed})
began, jumps = steady(), [({first}, 0.0)]
while len(jumps) < 100_000:
    jumps.append((draw.randint(-{longest}, {longest} // 4), jumps[-1][1] + draw.uniform(0.2, 1.0)))
at = 0
def jumped():
    global at
    while at + 1 < len(jumps) and steady() - began >= jumps[at + 1][1]:
        at += 1
    return wall() + jumps[at][0] * 10**9
time.time_ns, time.time = jumped, lambda: jumped() / 1e9
from orderwright.cli import main
main()
"""


def set_back(folder: Path, *, starts: int, seconds: float, seed: int = 1) -> Figures:
    """So many starts on one log, each an hour before the one before, and jumps while it runs."""
    began, told, key, peak, chance = time.perf_counter(), Told(), "", 0.0, Random(seed)
    found: Figures = {}
    for number in range(starts):
        code = _JUMPING.format(seed=chance.random(), first=-3_600 * number, longest=LONGEST_S)
        with serving(folder, program=(sys.executable, "-c", code)) as service:
            key = key or service.key
            load = Load(port_of(service), key, TOKEN, told, name=f"c{number}", seed=seed)
            asyncio.run(_lived(load, service, seconds))
            found = structs.asdict(compared(log_in(folder), told))
            peak = max(peak, peak_mb(service))
            require(service.stop() == 0, f"it did not end with 0: {service.told_errors()}")
            clean(service, key)
        require(not told.wrong, f"{len(told.wrong)} answers that nobody may get: {told.wrong[:3]}")
    rows = _in_order(log_in(folder))
    require(verified(log_in(folder)) == rows, "rows that are in no book")
    return found | {"starts": starts, "rows": rows, "peak_mb": peak, "seconds": time.perf_counter() - began}


async def _lived(load: Load, service: Process, seconds: float) -> None:
    """Trade for so long; then a market order still fills, and what was placed for a while expires."""
    working = asyncio.create_task(load.run(creates=2))
    await asyncio.sleep(seconds)
    load.is_over = True
    await working
    connection = Connection(port_of(service), load.key)
    bought = {"symbol": "BTC/USDT", "side": "buy", "quantity": "0.001"}
    for body, wanted in ((bought, "filled"), (bought | {"execute_at": "after_ms:200"}, "filled")):
        status, view = await connection.ask("POST", "/api/orders/create", body)
        require(status == 201, f"an order after the clock was set back: {status} {view}")
        until = time.monotonic() + WAIT_S
        while view["status"] != wanted:
            require(time.monotonic() < until, f"{body} is {view['status']} and never {wanted}: timers stand still")
            await asyncio.sleep(0.02)
            _, view = await connection.ask("GET", f"/api/orders/{view['client_order_id']}")
    connection.close()


def _in_order(log: Path) -> int:
    """Rows of all books, whose times never go back. Raises Failed."""
    journal, count = open_log(log, read_only=True), 0
    try:
        for book in journal.books():
            last = 0
            for sequence, event in journal.events(book):
                require(event.time >= last, f"row {sequence} of {book} is of {event.time}, the one before of {last}")
                last, count = event.time, count + 1
    finally:
        journal.close()
    return count


__all__ = ["set_back"]
