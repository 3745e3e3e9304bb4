"""sweep: 1,000 pairs of moving averages on 100,000 bars, by the Sharpe ratio, and what it takes in memory. The peers do
the pairs on the same bars, beside us."""

from __future__ import annotations

import os
import resource
import time
from decimal import Decimal
from typing import Any

from benchmarks.common import calibration, emit, rss_mb
from benchmarks.peers import emit_peer, shared_module
from orderwright.backtest import Backtester, FixedQuantity, SimpleMovingAverageStrategy
from orderwright.backtest.bars import Bars, read_bars
from orderwright.backtest.optimisation import OptimizationResult, optimize

BARS = int(os.environ.get("BARS", "100000"))
SPACE = {"fast_period": range(5, 45, 2), "slow_period": range(50, 250, 4)}
BENCH, TARGET_S, TARGET_MB, REPEATS = "sweep", 1.0, 400.0, 5
PEERS = ("sweep_vbtrust_1000x100k_chunk50", "sweep_vbt_1000x100k_chunk50", "sweep_btpy_100x100k")


def search(bars: Bars, space: dict[str, Any]) -> OptimizationResult:
    tester = Backtester(Decimal(100_000_000), Decimal("0.001"), Decimal("0.0005"), sizing=FixedQuantity(Decimal(100)))
    return optimize(SimpleMovingAverageStrategy, bars, space, backtester=tester, holdout=0, progress=False)


def timed(bars: Bars) -> tuple[float, OptimizationResult]:
    began = time.perf_counter()
    found = search(bars, SPACE)
    return time.perf_counter() - began, found


def main() -> None:
    made = shared_module("common").bars(BARS)
    bars = read_bars({**made, "time": made.pop("ts") // 1_000}, "BTC/USDT")
    search(bars, {"fast_period": [5], "slow_period": [50]})  # kernels are compiled, or loaded
    before = rss_mb()
    runs = [timed(bars) for _ in range(REPEATS)]
    seconds, found = sorted(runs, key=lambda run: run[0])[REPEATS // 2]
    pairs = len(found.all_trials)
    more = {
        "pairs": pairs,
        "bars": BARS,
        "best": found.best_parameters,
        "fastest_s": round(min(one for one, _ in runs), 4),
    }
    emit(BENCH, "seconds", seconds, "s", TARGET_S, **more, calib_s=calibration())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    emit(BENCH, "memory_mb", peak, "MB", TARGET_MB, before_the_search_mb=round(before, 1))
    emit(BENCH, "bar_pairs_per_s", pairs * BARS / seconds, "1/s")
    for case in PEERS:
        emit_peer(BENCH, case, "run_s", "s")


if __name__ == "__main__":
    main()
