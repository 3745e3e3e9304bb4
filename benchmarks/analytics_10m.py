"""analytics-10m: the execution report over a whole log of about 10,000,000 rows, from its DuckDB mirror; what making
the mirror took (copying the rows, then measuring every order); and measuring them all when asked, as a mirror that
keeps no such table has to. ROWS takes a smaller log."""

from __future__ import annotations

import resource
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.common import calibration, emit
from benchmarks.ten_million import ten_million
from orderwright.analytics.execution import execution_report
from orderwright.analytics.expressions import sql
from orderwright.analytics.measuring import measure
from orderwright.analytics.order_quality import order_quality
from orderwright.journal import open_log
from orderwright.mirror.duck import DuckMirror
from orderwright.mirror.refreshing import refresh

TARGET_S = 3
BENCH = "analytics-10m"
REPEATS = 5


class Watch:
    """Wall and CPU seconds since it was made; the first is shortened by what other jobs take, the second is not."""

    def __init__(self) -> None:
        self._began, self._cpu = time.perf_counter(), self._used()

    def read(self) -> tuple[float, float]:
        return time.perf_counter() - self._began, round(self._used() - self._cpu, 2)

    def _used(self) -> float:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return used.ru_utime + used.ru_stime


def build(log: Path, path: Path) -> None:
    """Make the mirror: first the log's rows, then what is derived from them; and find nothing new in it."""
    journal = open_log(log, read_only=True)
    watch = Watch()
    made = refresh(journal, DuckMirror(path))
    seconds, cpu = watch.read()
    rows = sum(made.books.values())
    emit(BENCH, "copying_s", seconds, "s", cpu_s=cpu, log_rows=rows, mirror_rows=made.rows)
    emit(BENCH, "copying_bytes", path.stat().st_size, "bytes", log_bytes=log.stat().st_size)
    watch, mirror = Watch(), DuckMirror(path, derive=measure)
    refresh(journal, mirror)
    seconds, cpu = watch.read()
    emit(BENCH, "measuring_s", seconds, "s", cpu_s=cpu)
    emit(BENCH, "mirror_bytes", path.stat().st_size, "bytes")
    watch = Watch()
    assert refresh(journal, mirror).rows == 0
    emit(BENCH, "refresh_idle_ms", watch.read()[0] * 1_000, "ms")
    journal.close()


def report(path: Path) -> float:
    """The report over the whole log on a fresh connection, and again; the median of the later ones."""
    with DuckMirror(path).reading() as connection:
        watch = Watch()
        made = execution_report(connection)
        first_s, first_cpu_s = watch.read()
        again: list[tuple[float, float]] = []
        for _ in range(REPEATS):
            watch = Watch()
            execution_report(connection)
            again.append(watch.read())
    seconds, cpu = statistics.median(one for one, _ in again), statistics.median(one for _, one in again)
    more = {"first_s": round(first_s, 3), "first_cpu_s": first_cpu_s, "cpu_s": cpu, "orders": made.totals.orders}
    emit(BENCH, "report_s", seconds, "s", TARGET_S, **more, calib_s=calibration())
    return seconds


def plain(path: Path, kept_s: float) -> None:
    """Every order measured when asked, by the expression alone, as a mirror without `measured` has to."""
    with DuckMirror(path).reading() as connection:
        watch = Watch()
        connection.execute(f"CREATE TEMP TABLE every AS {sql(order_quality(interval=False))}")
        seconds, cpu = watch.read()
    emit(BENCH, "plain_s", seconds, "s", cpu_s=cpu, times_slower=round(seconds / kept_s, 1))


def main() -> None:
    log = ten_million()
    with tempfile.TemporaryDirectory(prefix="orderwright-bench-", dir=log.parent) as folder:
        path = Path(folder) / "mirror.duckdb"
        build(log, path)
        plain(path, report(path))


if __name__ == "__main__":
    main()
