"""The same as `sma-warm`, a whole process from a fresh interpreter: bars made, libraries imported, kernels from the
cache, one run. As on any machine that has run it before, Python's own bytecode is cached too."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.common import emit
from benchmarks.peers import emit_peer

RUNS, TARGET_S = 3, 2.0
PEERS = ("sma_vbtrust_1M_long", "sma_vbt_1M_long", "sma_btpy_1M_long")


def seconds(home: Path) -> tuple[float, str]:
    """(seconds of one process, what it said on stderr). home: where kernels and bytecode are kept."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    variables |= {"NUMBA_CACHE_DIR": str(home / "kernels"), "PYTHONPYCACHEPREFIX": str(home / "bytecode")}
    began = time.perf_counter()
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.sma_process"], env=variables, check=True, stderr=subprocess.PIPE, text=True
    )
    return time.perf_counter() - began, ran.stderr.strip()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        seconds(Path(folder))
        taken = [seconds(Path(folder))[0] for _ in range(RUNS)]
    emit("sma-cold", "seconds", min(taken), "s", TARGET_S, runs=[round(one, 2) for one in taken])
    for case in PEERS:
        emit_peer("sma-cold", case, "wall_s", "s")


if __name__ == "__main__":
    main()
