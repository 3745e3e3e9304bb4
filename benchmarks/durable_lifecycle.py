"""durable-lifecycle: the same order lives into SQLite, every turn synced to disk before anything is sent.

A turn takes what its bounded queue holds (QUEUE inputs: the next orders' submits, the acknowledgements and fills of
those before). While a thread commits one turn, the core decides the next. Latency is from an input's arrival in the
queue to the end of the commit that makes it durable. The raw limit, in the same run: the rows of the log just
written, inserted by hand into the same tables with the same indexes, a commit for every as many rows, no core and no
digests.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

from benchmarks.common import SINK, START, calibration, emit, lifecycles, opening, quote
from orderwright.core import messages as m
from orderwright.driver import CommitOnThread, Driver
from orderwright.journal.sqlite import open_log

ORDERS, TURN, PART = int(os.environ.get("ORDERS", "100000")), 100, 10_000


class Stopwatch(CommitOnThread):
    """Notes when each commit has ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []

    def start(self, commit: Callable[[], None]) -> None:
        def timed() -> None:
            commit()
            self.ends.append(time.perf_counter())

        super().start(timed)


def parts(now: int) -> Iterator[list[tuple[int, list[m.Input]]]]:
    """What the queue holds turn by turn, PART orders at a time, made outside the clock: each order is submitted and
    acknowledged in one turn, and filled in the two after it."""
    for start in range(0, ORDERS, PART):
        stages: list[tuple[int, list[list[m.Input]]]] = []
        for first in range(start, min(start + PART, ORDERS), TURN):
            now += 1_000
            stages.append((now, [[quote(now)], *lifecycles(first, TURN, now)]))
        queues: list[tuple[int, list[m.Input]]] = []
        for index in range(len(stages) + 2):
            inputs: list[m.Input] = []
            for stage in range(3):
                if 0 <= index - stage < len(stages):
                    told, submits, acks, *fills = stages[index - stage][1]
                    inputs += [*told, *submits, *acks] if stage == 0 else fills[stage - 1]
            queues.append((stages[min(index, len(stages) - 1)][0], inputs))
        yield queues


def durable(path: Path) -> tuple[float, list[float]]:
    """Run all the turns; (seconds, latency of each turn's inputs in seconds)."""
    journal, committer = open_log(path), Stopwatch()
    driver = Driver("bench", journal, {"simulated": SINK}, committer=committer)
    driver.turn(opening(), START)
    driver.flush()
    committer.ends.clear()
    seconds, arrivals = 0.0, []
    for queues in parts(START):
        began = time.perf_counter()
        for now, inputs in queues:
            arrivals.append(time.perf_counter())
            driver.turn(inputs, now)
        driver.flush()
        seconds += time.perf_counter() - began
    assert not driver.state.orders
    latencies = sorted(end - arrival for arrival, end in zip(arrivals, committer.ends, strict=True))
    journal.close()
    committer.close()
    return seconds, latencies


def by_hand(path: Path, folder: Path) -> float:
    """The same rows into the same tables with executemany; seconds. Each order's pointer row is inserted once and then
    updated as often as the journal did: once a turn."""
    source = sqlite3.connect(path)
    tables = [row[0] for row in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    target = sqlite3.connect(folder / "hand.sqlite", isolation_level=None)
    target.execute("PRAGMA journal_mode = WAL")
    target.execute("PRAGMA synchronous = FULL")
    for (sql,) in source.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type = 'index'"):
        target.execute(sql)
    commits = -(-ORDERS // TURN)
    batches: list[list[tuple[str, list[tuple[object, ...]]]]] = [[] for _ in range(commits)]
    for table in tables:
        rows = source.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
        marks = ", ".join("?" * len(rows[0])) if rows else ""
        cuts = [len(rows) * part // commits for part in range(commits + 1)]
        for part, (low, high) in enumerate(pairwise(cuts)):
            if high > low:
                batches[part].append((f"INSERT INTO {table} VALUES ({marks})", rows[low:high]))
                if table == "orders":
                    again: list[tuple[object, ...]] = [(row[6], row[0]) for row in rows[low:high]]
                    batches[part] += [("UPDATE orders SET status = ? WHERE id = ?", again)] * 3
    began = time.perf_counter()
    for batch in batches:
        target.execute("BEGIN IMMEDIATE")
        for statement, values in batch:
            target.executemany(statement, values)
        target.execute("COMMIT")
    seconds = time.perf_counter() - began
    target.close()
    source.close()
    return seconds


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="orderwright-bench-") as folder:
        path = Path(folder) / "log.sqlite"
        seconds, latencies = durable(path)
        size = path.stat().st_size
        rate, raw = ORDERS / seconds, ORDERS / by_hand(path, Path(folder))
    at = {percent: latencies[min(len(latencies) * percent // 100, len(latencies) - 1)] * 1_000 for percent in (50, 99)}
    emit("durable-lifecycle", "orders_per_s", rate, "orders/s", 8_000, orders=ORDERS, turn=TURN, calib_s=calibration())
    emit("durable-lifecycle", "of_raw_inserts", rate / raw, "share", 0.5, raw_orders_per_s=round(raw))
    emit("durable-lifecycle", "p50_ms", at[50], "ms", queue=4 * TURN)
    emit("durable-lifecycle", "p99_ms", at[99], "ms", queue=4 * TURN)
    emit("durable-lifecycle", "bytes_per_order", size / ORDERS, "bytes")


if __name__ == "__main__":
    main()
