"""SMA(20, 50), long or flat, 1,000,000 bars, `Backtester.run` warm: checks, signals, fills, equity, figures."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from benchmarks.common import emit
from benchmarks.peers import emit_peer, shared_module
from orderwright.backtest import Backtester, FixedQuantity, SimpleMovingAverageStrategy
from orderwright.backtest.result import BacktestResult

BARS, RUNS, TARGET = 1_000_000, 25, 50_000_000
CASH = 100_000_000
PEERS = ("sma_vbtrust_1M_long", "sma_vbt_1M_long", "sma_btpy_1M_long")


def columns() -> dict[str, Any]:
    """The peers' bars, by the names that `Backtester` knows."""
    bars = shared_module("common").bars(BARS)
    return {"time": bars.pop("ts"), **bars}


def run(data: Any) -> BacktestResult:
    """100 units at a time, 0.1 % commission, 0.05 % slippage, as the peers' cases."""
    backtester = Backtester(CASH, "0.001", "0.0005", sizing=FixedQuantity(Decimal(100)))
    return backtester.run(SimpleMovingAverageStrategy(fast_period=20, slow_period=50), data)


def main() -> None:
    data = columns()
    result = run(data)
    best, middle = _timed(lambda: run(data))
    emit(
        "sma-warm",
        "bars_per_s",
        BARS / best,
        "bars/s",
        TARGET,
        median=round(BARS / middle),
        milliseconds=round(1_000 * best, 2),
        runs=RUNS,
        trades=result.total_trades,
        final_balance=round(result.final_balance, 2),
    )
    frame = _frame(data)
    run(frame)
    best, middle = _timed(lambda: run(frame))
    emit("sma-warm", "bars_per_s_dataframe", BARS / best, "bars/s", median=round(BARS / middle))
    for case in PEERS:
        emit_peer("sma-warm", case, "bars_per_s", "bars/s")


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """(best, median) seconds: the best is what the work takes, the rest is what else the machine was doing."""
    taken = []
    for _ in range(RUNS):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken), statistics.median(taken)


def _frame(data: dict[str, Any]) -> Any:
    import pandas as pd

    names = ("open", "high", "low", "close", "volume")
    return pd.DataFrame({name: data[name] for name in names}, index=pd.to_datetime(data["time"]))


if __name__ == "__main__":
    main()
