"""latest-query: the open orders of one account in a log of 1,000,000 orders, now and as of a past moment.

Every way gives the same rows as the naive one, which is timed in the same run: the newest row of each order by a
window function over the whole log.
"""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import Callable
from typing import Any

from benchmarks.common import emit
from benchmarks.million import OPEN, million
from orderwright.core.model import STATUS_GROUPS
from orderwright.journal.sqlite import open_log

NAIVE = """
SELECT order_key FROM (
    SELECT order_key, status, row_number() OVER (PARTITION BY order_key ORDER BY position DESC) AS age
    FROM log WHERE order_key IS NOT NULL AND time <= ?
) WHERE age = 1 AND status IN ('open', 'partially_filled', 'pending_cancel', 'pending_replace')
"""


def timed(ask: Callable[[], Any], times: int = 7) -> tuple[float, Any]:
    """The median time of asking, in milliseconds, and the answer."""
    took, answer = [], None
    for _ in range(times):
        began = time.perf_counter()
        answer = ask()
        took.append(1_000 * (time.perf_counter() - began))
    return statistics.median(took), answer


def main() -> None:
    path = million()
    where: dict[str, object] = {"account": "main", "status": STATUS_GROUPS["open"]}
    journal = open_log(path, read_only=True)
    connection = sqlite3.connect(path)
    low, high = connection.execute("SELECT min(time), max(time) FROM log").fetchone()
    past = (low + high) // 2
    now_ms, now_rows = timed(lambda: journal.latest("orders", where=where))
    past_ms, past_rows = timed(lambda: journal.latest("orders", where=where, as_of=past))
    naive_ms, naive = timed(lambda: connection.execute(NAIVE, (past,)).fetchall(), times=1)
    assert len(now_rows) == OPEN
    assert sorted(row["id"] for row in past_rows) == sorted(key for (key,) in naive)
    emit("latest-query", "now_ms", now_ms, "ms", 20, rows=len(now_rows))
    emit("latest-query", "as_of_ms", past_ms, "ms", 200, rows=len(past_rows), naive_ms=round(naive_ms, 1))


if __name__ == "__main__":
    main()
