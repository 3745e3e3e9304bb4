"""The DuckDB copy of a running service's log, kept by a process of its own.

- The service imports no DuckDB, and a refresh takes neither its interpreter nor, being of low priority, its core.
- The process (mirror_process.py) reads the log as any other reader does, has the copy open for writing only while it is
  refreshed, and ends when its input ends: it does not outlive the service, however that ends.
- It is a copy. Where it cannot be written (somebody has it open) trading goes on, and a later refresh catches up; where
  the process itself ends, another is begun, at longer and longer intervals.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

PROCESS = "orderwright.service.mirror_process"
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
STOP_S = 30.0
Told = Callable[[str], None]


class Refreshed(Struct, frozen=True):
    """What a refresh came to. rows: how many were new. error: why there was none, empty where there was one."""

    rows: int = 0
    error: str = ""


class MirrorKeeper:
    """log, mirror: files. every_ms: how often what is new is taken in. told: takes a sentence when a refresh fails and
    again when one succeeds after that, on a thread of its own. first_pause_s: before a process that has ended is begun
    again; twice as long each time that it came to nothing."""

    def __init__(
        self, log: Path, mirror: Path, *, every_ms: int, told: Told, first_pause_s: float = FIRST_PAUSE_S
    ) -> None:
        self._command = [sys.executable, "-m", PROCESS, str(log), str(mirror), str(every_ms)]
        self._mirror, self._told, self._first_pause_s = mirror, told, first_pause_s
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._failing = ""
        self.last: Refreshed | None = None
        self.rows = 0

    def start(self) -> None:
        """Begin. The log is there."""
        self._thread = threading.Thread(target=self._keep, args=(self._begin(),), name="mirror", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = STOP_S) -> None:
        """One last refresh, and the end; what that has no time for is caught up with at the next start."""
        with self._lock:
            self._ending.set()
            process = self._process
            if process is not None and process.stdin is not None:
                process.stdin.close()
        if self._thread is None:
            return
        self._thread.join(timeout_s)
        if self._thread.is_alive() and process is not None:
            process.kill()
            self._thread.join()

    def _keep(self, process: subprocess.Popen[bytes] | None) -> None:
        pause = self._first_pause_s
        while not self._ending.is_set() or process is not None:
            before = self.last
            if process is not None:
                self._listen(process)
            if self._ending.is_set():
                return
            pause = self._first_pause_s if self.last is not before else min(2 * pause, LONGEST_PAUSE_S)
            if process is not None:
                self._heard(Refreshed(error=f"its process ended with {process.returncode}"))
            self._ending.wait(pause)
            process = self._begin()

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        """Take what a process tells, until it ends."""
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self._heard(msgspec.json.decode(line, type=Refreshed))
        process.wait()
        with self._lock:
            assert process.stdin is not None
            process.stdin.close()

    def _begin(self) -> subprocess.Popen[bytes] | None:
        """A new process; None where it is over, or where the machine has no room for one."""
        with self._lock:
            if self._ending.is_set():
                return None
            try:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            except OSError as error:
                self._process = None
                self._heard(Refreshed(error=f"its process cannot be begun: {error.strerror}"))
            return self._process

    def _heard(self, refreshed: Refreshed) -> None:
        self.last = refreshed
        self.rows += refreshed.rows
        if refreshed.error and refreshed.error != self._failing:
            self._told(f"{self._mirror} is not kept up to date: {refreshed.error}. Trading is not concerned")
        elif self._failing and not refreshed.error:
            self._told(f"{self._mirror} is up to date again")
        self._failing = refreshed.error


__all__ = ["MirrorKeeper", "Refreshed"]
