"""Breakout: goes with a price that leaves the range of the bars before."""

from __future__ import annotations

from orderwright.backtest.arguments import whole_number
from orderwright.backtest.indicators import Signals, highest, lowest, previous
from orderwright.backtest.outcome import Floats
from orderwright.backtest.strategies.signalling import SignalStrategy, signs


class BreakoutStrategy(SignalStrategy):
    """Long where the close is above the highest high of the `entry_period` bars before, flat (short) where it is below
    the lowest low of the `exit_period` bars before: Donchian's channels, as the Turtles traded them. A close on the
    edge changes nothing."""

    causal = True

    def __init__(self, entry_period: int = 20, exit_period: int = 10, *, name: str = "") -> None:
        super().__init__(name)
        self.entry_period = whole_number(entry_period, "entry_period")
        self.exit_period = whole_number(exit_period, "exit_period")
        self.warm_up = max(self.entry_period, self.exit_period)

    def levels(self, high: Floats, low: Floats, close: Floats) -> Signals:
        ceiling, floor = highest(high, self.entry_period), lowest(low, self.exit_period)
        return signs(close > previous(ceiling), close < previous(floor))

    def longest(self) -> tuple[str, int]:
        return max(("entry_period", self.entry_period), ("exit_period", self.exit_period), key=lambda one: one[1])
