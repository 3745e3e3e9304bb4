"""soak-million: a million whole orders through one process of the live driver: its memory stays flat once it is warm,
and the last orders go as fast as the first. ORDERS makes a shorter one."""

from __future__ import annotations

import os
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from benchmarks.common import calibration, emit, rss_mb
from benchmarks.live import a_bench, run

ORDERS = int(os.environ.get("ORDERS", "1000000"))
PART = max(ORDERS // 10, 1)


async def main() -> None:
    seconds: list[float] = []
    busy = [time.process_time()]
    memory: list[float] = []
    with tempfile.TemporaryDirectory(prefix="orderwright-bench-") as folder:
        async with a_bench(Path(folder) / "log.sqlite") as bench:
            for _ in range(ORDERS // PART):
                seconds.append(await bench.flood(PART))
                memory.append(rss_mb())
                busy.append(time.process_time())
        size = sum(path.stat().st_size for path in Path(folder).iterdir())  # noqa: ASYNC240  # nothing runs any more
    rates = [PART / one for one in seconds]
    words: dict[str, object] = {"orders": ORDERS, "part": PART, "calib_s": calibration()}
    growth = max(memory[1:]) - memory[0]
    words["rates"] = [round(rate) for rate in rates]
    words["cpu_us_per_order"] = [round((after - before) / PART * 1e6, 1) for before, after in pairwise(busy)]
    emit("soak-million", "rate_last_of_first", rates[-1] / rates[0], "share", 0.9, **words)
    emit("soak-million", "rss_growth_mb", growth, "MiB", 50, rss_mb=[round(one, 1) for one in memory])
    emit("soak-million", "log_gb", size / 2**30, "GiB")


if __name__ == "__main__":
    run(main)
