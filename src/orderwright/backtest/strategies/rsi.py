"""RSI: buys what has fallen too fast, sells what has risen too fast."""

from __future__ import annotations

from orderwright.backtest.arguments import number_between, whole_number
from orderwright.backtest.indicators import Signals, Smoothing, rsi
from orderwright.backtest.outcome import Floats
from orderwright.backtest.strategies.signalling import SignalStrategy, signs
from orderwright.errors import InputError


class RSIStrategy(SignalStrategy):
    """Long where the relative strength index of the closes is below `oversold`, flat (short) where it is above
    `overbought`; between the two, and on them, it changes nothing.

    smoothing: "wilder", or "mean" for plain means of gains and losses (see `indicators.rsi`). Raises InputError where
    oversold is not below overbought.
    """

    causal = True

    def __init__(
        self,
        period: int = 14,
        oversold: float = 30,
        overbought: float = 70,
        *,
        smoothing: Smoothing = "wilder",
        name: str = "",
    ) -> None:
        super().__init__(name)
        self.period = whole_number(period, "period")
        self.oversold = float(number_between(oversold, "oversold", 0, 100))
        self.overbought = float(number_between(overbought, "overbought", 0, 100))
        self.smoothing = smoothing
        self.warm_up = self.period if smoothing == "wilder" else self.period - 1
        if self.oversold >= self.overbought:
            message = f"{oversold} is not below overbought, {overbought}"
            raise InputError(
                message, field="oversold", value=oversold, nearest=30 if self.overbought > 30 else self.overbought / 2
            )
        if smoothing not in ("wilder", "mean"):
            raise InputError(f"{smoothing!r} is neither wilder nor mean", field="smoothing", nearest="wilder")

    def levels(self, high: Floats, low: Floats, close: Floats) -> Signals:  # noqa: ARG002 - every rule takes all three
        strength = rsi(close, self.period, smoothing=self.smoothing)
        return signs(strength < self.oversold, strength > self.overbought)

    def longest(self) -> tuple[str, int]:
        return "period", self.period
