"""Bollinger bands, for mean reversion: what has gone far from its average is taken to come back."""

from __future__ import annotations

from orderwright.backtest.arguments import positive, whole_number
from orderwright.backtest.indicators import Signals, bollinger
from orderwright.backtest.outcome import Floats
from orderwright.backtest.strategies.signalling import SignalStrategy, signs


class BollingerStrategy(SignalStrategy):
    """Long where the close is below the lower band, flat (short) where it is above the upper one; between them, and on
    them, it changes nothing. The bands are `deviations` standard deviations of the last `period` closes from their mean
    (see `indicators.bollinger`)."""

    causal = True

    def __init__(self, period: int = 20, deviations: float = 2.0, *, name: str = "") -> None:
        super().__init__(name)
        self.period = whole_number(period, "period", least=2)
        self.deviations = float(positive(deviations, "deviations", nearest=1))
        self.warm_up = self.period - 1

    def levels(self, high: Floats, low: Floats, close: Floats) -> Signals:  # noqa: ARG002 - every rule takes all three
        lower, _, upper = bollinger(close, self.period, self.deviations)
        return signs(close < lower, close > upper)

    def longest(self) -> tuple[str, int]:
        return "period", self.period
