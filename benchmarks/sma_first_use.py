"""The same as `sma-cold` on a machine that has never run it: the kernels are compiled, and a line says so."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.common import emit
from benchmarks.peers import emit_peer
from benchmarks.sma_cold import seconds

TARGET_S = 15.0
PEERS = ("sma_vbt_100k_long_COLDCACHE", "sma_vbtrust_100k_long_COLDCACHE")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        taken, said = seconds(Path(folder))
    emit("sma-first-use", "seconds", taken, "s", TARGET_S, said=said)
    for case in PEERS:
        emit_peer("sma-first-use", case, "wall_s", "s")


if __name__ == "__main__":
    main()
