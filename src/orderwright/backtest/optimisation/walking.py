"""Walk-forward: choose parameters in one stretch, trade them in the next, move on, again and again.

Pardo (2008), "The Evaluation and Optimization of Trading Strategies": no parameter ever sees the bars it is judged by,
so the stitched equity is what someone would have had who optimised anew for each window. His efficiency is how much of
the growth found in sample was kept out of sample:

    efficiency = growth per bar out of sample / growth per bar in sample        growth: of log equity

About 1 says that what is found holds; far below it, that mostly noise was fitted. It is nan where nothing grew in
sample.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
from msgspec import Struct

from orderwright.backtest.metrics import drawdowns_of, equity_metrics, returns_of
from orderwright.backtest.optimisation.windows import Step, WalkForward
from orderwright.backtest.outcome import Floats, Ints


class Walked(Struct, frozen=True):
    """One step. start, end: of the out-of-sample window, microseconds (close times of its first and last bar);
    in_sample_start: where its search began. value: the best in sample, by objective; in_sample_return_pct: its return.
    equity, position: float64 of the window, begun with the initial balance; times: int64, microseconds. trades: closed
    in the window."""

    step: Step
    in_sample_start: int
    start: int
    end: int
    parameters: dict[str, Any]
    value: dict[str, float]
    in_sample_return_pct: float
    return_pct: float
    sharpe_ratio: float
    max_drawdown: float
    trades: int
    times: Ints
    equity: Floats
    position: Floats

    @property
    def efficiency(self) -> float:
        inside = math.log1p(self.in_sample_return_pct / 100) if self.in_sample_return_pct > -100 else math.nan
        outside = math.log1p(self.return_pct / 100) if self.return_pct > -100 else -math.inf
        if not inside > 0:
            return math.nan
        return outside / len(self.step.out_of_sample) / (inside / len(self.step.in_sample))


class WalkForwardResult:
    """What walking forward gave: its steps, and the out-of-sample windows stitched into one equity."""

    def __init__(self, plan: WalkForward, steps: list[Walked], initial_balance: float, bars_per_year: float) -> None:
        self.plan, self.steps = plan, steps
        self.initial_balance, self.bars_per_year = initial_balance, bars_per_year

    def __repr__(self) -> str:
        kept = f"return {self.total_return_pct:.2f} %, efficiency {self.efficiency:.2f}"
        return f"WalkForwardResult({len(self.steps)} windows, {kept})"

    @cached_property
    def times(self) -> Ints:
        """int64[n], microseconds: the close times of all out-of-sample bars."""
        return np.concatenate([step.times for step in self.steps])

    @cached_property
    def equity(self) -> Floats:
        """float64[n], quote units: each window goes on with what the one before left."""
        return self._chained("equity")

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Of the stitched equity, as `BacktestResult.metrics` has them."""
        return equity_metrics(
            self.equity, self.times, self._chained("position"), self.initial_balance, self.bars_per_year
        )

    @property
    def total_return_pct(self) -> float:
        return (float(self.equity[-1]) / self.initial_balance - 1) * 100

    @property
    def sharpe_ratio(self) -> float:
        return self.metrics["sharpe"]

    @property
    def max_drawdown(self) -> float:
        """Percent, positive."""
        return -float(drawdowns_of(self.equity, self.initial_balance).min()) * 100

    @property
    def returns(self) -> Floats:
        """float64[n], fractions."""
        return returns_of(self.equity, self.initial_balance)

    @property
    def total_trades(self) -> int:
        return sum(step.trades for step in self.steps)

    @property
    def efficiency(self) -> float:
        """As at the head of this file, over all steps: each bar counts alike."""
        inside = [(math.log1p(max(step.in_sample_return_pct, -99.999_999) / 100), step.step) for step in self.steps]
        found = sum(growth for growth, _ in inside) / sum(len(step.in_sample) for _, step in inside)
        if not found > 0:
            return math.nan
        left = float(self.equity[-1]) / self.initial_balance
        return math.log(left) / len(self.equity) / found if left > 0 else -math.inf

    @property
    def winning_windows(self) -> int:
        return sum(step.return_pct > 0 for step in self.steps)

    def _chained(self, column: str) -> Floats:
        parts, scale = [], 1.0
        for step in self.steps:
            parts.append(getattr(step, column) * scale)
            scale *= float(step.equity[-1]) / self.initial_balance
        return np.concatenate(parts)
