"""Strategies of signals as users write them, with pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd

from orderwright.backtest.bars import Bars
from orderwright.backtest.strategy import Strategy


class RelativeStrength(Strategy):
    """The seed's custom strategy: long where oversold, flat where overbought."""

    def __init__(self, rsi_period: int = 14) -> None:
        super().__init__(name="RSI_Strategy")
        self.rsi_period = rsi_period

    def generate_signals(self, data: pd.DataFrame) -> pd.Series[int]:
        delta = data["close"].diff()
        gain = (delta.where(delta > 0, 0)).rolling(window=self.rsi_period).mean()
        loss = (-delta.where(delta < 0, 0)).rolling(window=self.rsi_period).mean()
        rs = gain / loss
        rsi = 100 - (100 / (1 + rs))

        signals = pd.Series(0, index=data.index)
        signals[rsi < 30] = 1
        signals[rsi > 70] = -1
        return signals


class Told(Strategy):
    """Its signals are the volumes, which are never below 0: there 2 stands for -1."""

    def generate_signals(self, data: pd.DataFrame) -> pd.Series[int]:
        return data["volume"].replace(2, -1)


class Peeking(Strategy):
    """Long before a rise."""

    def generate_signals(self, data: pd.DataFrame) -> pd.Series[int]:
        return (data["close"].shift(-1) > data["close"]).astype("int64")


def frame(bars: Bars, *signals: int) -> pd.DataFrame:
    """Bars as a DataFrame; with signals, as `Told` reads them."""
    index = pd.DatetimeIndex(bars.candles.times.astype("datetime64[us]"), tz="UTC")
    volume = np.array([signal % 3 for signal in signals], dtype=np.float64) if signals else bars.volume
    return pd.DataFrame(
        {"open": bars.open, "high": bars.high, "low": bars.low, "close": bars.close, "volume": volume}, index=index
    )
