"""start-million: the live driver on a log of 1,000,000 orders of which 1,000 are open: from opening the log until every
book is recovered and commands are taken. In a process that does nothing else; the log is that of open-log."""

from __future__ import annotations

import asyncio
import time

from benchmarks.common import SINK, calibration, emit, rss_mb
from benchmarks.live import run
from benchmarks.million import OPEN, million
from orderwright.engine import Engine
from orderwright.journal.sqlite import open_log
from orderwright.live import SystemClock
from orderwright.live.book import LiveBook
from orderwright.live.desk import Desk
from orderwright.live.loop import CommitInThread, LiveLoop


async def main() -> None:
    path = million()
    before = rss_mb()
    began = time.perf_counter()
    log = open_log(path)
    clock, committer = SystemClock(), CommitInThread()
    desk = Desk(log)
    book = LiveBook(Engine("bench", desk.journal, {"simulated": SINK}, clock=clock))
    desk.open(book)
    loop = LiveLoop(desk, clock=clock, committer=committer)
    running = asyncio.create_task(loop.run())
    await loop.started()
    seconds = time.perf_counter() - began
    assert len(book.state.orders) == OPEN, len(book.state.orders)
    loop.stop()
    await running
    committer.close()
    log.close()
    emit("start-million", "seconds", seconds, "s", 2, open_orders=OPEN, calib_s=calibration())
    emit("start-million", "rss_mb", rss_mb(), "MiB", before=round(before, 1))


if __name__ == "__main__":
    run(main)
