"""analytics-10m: the DuckDB mirror of a log of about 10,000,000 rows, made from nothing and refreshed, and the
execution report over all of it. ROWS takes a smaller log."""

from __future__ import annotations

import importlib.util
import tempfile
import time
from pathlib import Path

from benchmarks.common import calibration, emit
from benchmarks.ten_million import ten_million
from orderwright.journal import open_log
from orderwright.mirror.duck import DuckMirror
from orderwright.mirror.refreshing import refresh

TARGET_S = 3
BENCH = "analytics-10m"


def build(log: Path, path: Path) -> None:
    """Make the mirror, and find nothing new in it."""
    journal, mirror = open_log(log, read_only=True), DuckMirror(path)
    began = time.perf_counter()
    made = refresh(journal, mirror)
    seconds = time.perf_counter() - began
    began = time.perf_counter()
    again = refresh(journal, mirror)
    idle = time.perf_counter() - began
    assert again.rows == 0
    journal.close()
    rows = sum(made.books.values())
    emit(BENCH, "mirror_build_s", seconds, "s", log_rows=rows, mirror_rows=made.rows, calib_s=calibration())
    emit(BENCH, "mirror_log_rows_per_s", rows / seconds, "rows/s")
    emit(BENCH, "mirror_rows_per_s", made.rows / seconds, "rows/s")
    emit(BENCH, "mirror_bytes", path.stat().st_size, "bytes", log_bytes=log.stat().st_size)
    emit(BENCH, "mirror_refresh_idle_ms", idle * 1_000, "ms")


def report(path: Path) -> None:
    """The execution report over the whole log, cold and again; from a file that nobody writes."""
    from orderwright.analytics.execution import execution_report

    with DuckMirror(path).reading() as connection:
        began = time.perf_counter()
        execution_report(connection)
        cold = time.perf_counter() - began
        began = time.perf_counter()
        made = execution_report(connection)
        seconds = time.perf_counter() - began
    emit(BENCH, "report_s", cold, "s", TARGET_S, again_s=round(seconds, 3), orders=made.totals.orders)


def main() -> None:
    log = ten_million()
    with tempfile.TemporaryDirectory(prefix="orderwright-bench-", dir=log.parent) as folder:
        path = Path(folder) / "mirror.duckdb"
        build(log, path)
        if importlib.util.find_spec("orderwright.analytics.execution") is not None:
            report(path)


if __name__ == "__main__":
    main()
