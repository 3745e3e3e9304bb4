"""SMA cross: long while the fast average is above the slow one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderwright.backtest.arguments import whole_number
from orderwright.backtest.indicators import Signals, sma_cross
from orderwright.backtest.outcome import Floats, Ints
from orderwright.backtest.strategies.signalling import SignalStrategy
from orderwright.errors import InputError
from orderwright.market.candles import Candles
from orderwright.market.grid import PLACES, infer_tick

if TYPE_CHECKING:
    from orderwright.backtest.bars import Bars


class SimpleMovingAverageStrategy(SignalStrategy):
    """Long while the mean of the last `fast_period` closes is above that of the last `slow_period`, flat (short) while
    it is below; equal means change nothing. They are compared exactly, in ticks: no rounding ever makes a cross.

    Raises InputError where fast_period is not below slow_period.
    """

    causal = True

    def __init__(self, fast_period: int = 20, slow_period: int = 50, *, name: str = "") -> None:
        super().__init__(name)
        self.fast_period = whole_number(fast_period, "fast_period")
        self.slow_period = whole_number(slow_period, "slow_period", least=2)
        self.warm_up = self.slow_period - 1
        if self.fast_period >= self.slow_period:
            message = f"{self.fast_period} is not below slow_period, {self.slow_period}"
            raise InputError(message, field="fast_period", value=fast_period, nearest=self.slow_period - 1)

    def levels(self, high: Floats, low: Floats, close: Floats) -> Signals:  # noqa: ARG002 - every rule takes all three
        return sma_cross(_ticks(close), self.fast_period, self.slow_period)

    def signals(self, bars: Bars) -> Signals:
        from orderwright.backtest.kernel import sma_cross_signals

        self._check_length(len(bars))
        if type(bars.candles) is Candles:  # the ticks are there already: many trials share them
            return sma_cross_signals(bars.candles.close, self.fast_period, self.slow_period)
        tick = float(bars.candles.instrument.tick_size)
        return sma_cross_signals(bars.close, self.fast_period, self.slow_period, tick=tick)

    def longest(self) -> tuple[str, int]:
        return "slow_period", self.slow_period


def _ticks(close: Floats) -> Ints:
    """Closes on the coarsest decimal grid that holds them all; on the finest, where they have more places."""
    try:
        tick = float(infer_tick(close, "close"))
    except InputError:
        tick = 10.0**-PLACES
    return np.rint(close / tick).astype(np.int64)
