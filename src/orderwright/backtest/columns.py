"""The record of bars: floats for indicators, ticks and steps for money. `bars.read_bars` makes it of data."""

from __future__ import annotations

from dataclasses import dataclass

from orderwright.backtest.outcome import Floats
from orderwright.market.candles import Candles

FLOATS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """n bars of one symbol, oldest first.

    candles: the same in int64 ticks and steps, with its instrument, interval (microseconds) and OPEN times (int64[n],
    microseconds UTC). open, high, low, close: float64[n], quote units. volume: float64[n], base units. index: what the
    data came with (a pandas index), for series that go back to the user; None where there was none. notes: what a user
    should know of the data: gaps, prices that were rounded. Nobody may write to the floats.
    """

    candles: Candles
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    index: object = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in FLOATS:
            column = getattr(self, name).view()
            column.flags.writeable = False
            object.__setattr__(self, name, column)

    def __len__(self) -> int:
        return len(self.close)

    @property
    def symbol(self) -> str:
        return self.candles.symbol
