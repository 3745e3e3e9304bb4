"""start-million: `orderwright serve` on a log of 1,000,000 orders of which 1,000 are open, from starting the process
until /ready says yes; STARTS times, the middle one counts. In the same run: starts on a new log, which is what imports
and set-up cost.

The log is a copy of that of open-log: the service works on it, and its simulated exchange fills what is open.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from benchmarks.common import calibration, emit
from benchmarks.http_load import environment
from benchmarks.million import OPEN, million
from benchmarks.webhook_burst import free_port

STARTS = int(os.environ.get("STARTS", "3"))
PATIENCE_S = 60.0


class Start(Struct):
    """seconds: to /ready. cpu_s: of the process in that time, all threads. rss_mb: then."""

    seconds: float
    cpu_s: float
    rss_mb: float


def start(folder: Path, log: Path) -> Start:
    """One start; the process is ended in good order."""
    port = free_port()
    configuration = folder / "config.yaml"
    configuration.write_text("order_params: {log_level: error}\n")
    command = ["-m", "orderwright", "serve", "--config", str(configuration), "--log", str(log), "--port", str(port)]
    began = time.perf_counter()
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL, env=environment()) as process:
        try:
            while not is_ready(port):
                if process.poll() is not None or time.perf_counter() > began + PATIENCE_S:
                    raise SystemExit("the service did not become ready")
                time.sleep(0.005)
            seconds = time.perf_counter() - began
            return Start(seconds, *used(process.pid))
        finally:
            process.terminate()


def is_ready(port: int) -> bool:
    """What /ready says; False where nobody listens yet."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=PATIENCE_S) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


def used(pid: int) -> tuple[float, float]:
    """(CPU seconds, resident MiB) of a process."""
    folder = Path(f"/proc/{pid}")
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    pages = int((folder / "statm").read_text().split()[1])
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), pages * resource.getpagesize() / 2**20


def copies(source: Path, folder: Path) -> Iterator[Path]:
    """Fresh copies of a log, one at a time."""
    for number in range(STARTS):
        copy = folder / f"{number}.sqlite"
        shutil.copyfile(source, copy)
        yield copy
        copy.unlink()


def middle(starts: Iterator[Start]) -> Start:
    """That of the middle time."""
    return sorted(starts, key=lambda one: one.seconds)[STARTS // 2]


def main() -> None:
    source = million()
    with tempfile.TemporaryDirectory(prefix="orderwright-bench-", dir=source.parent) as name:
        folder = Path(name)
        new = middle(start(folder, folder / f"new-{number}.sqlite") for number in range(STARTS))
        found = middle(start(folder, log) for log in copies(source, folder))
    load = round(os.getloadavg()[0], 1)
    emit("start-million", "seconds", found.seconds, "s", 2, open_orders=OPEN, load=load, calib_s=calibration())
    emit("start-million", "cpu_s", found.cpu_s, "s", new_log=round(new.cpu_s, 2))
    emit("start-million", "new_log_s", new.seconds, "s")
    emit("start-million", "rss_mb", found.rss_mb, "MiB", new_log=round(new.rss_mb, 1))


if __name__ == "__main__":
    main()
