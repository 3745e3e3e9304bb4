"""What the strategies of signals share: one rule over arrays, behind both forms in which a strategy gives signals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orderwright.backtest.indicators import Flags, Signals
from orderwright.backtest.outcome import Floats
from orderwright.backtest.strategy import Strategy
from orderwright.errors import InputError, nearest_name

if TYPE_CHECKING:
    import pandas as pd

    from orderwright.backtest.bars import Bars


class SignalStrategy(Strategy):
    """A strategy that is one rule over the columns of its bars: `levels`.

    Its signals are levels: 1 at each bar at which it wants to be long, -1 at each at which it wants to be flat (short,
    where shorts are on), 0 where it leaves things as they are. Where two numbers are equal, it leaves them.

    Of that rule it makes `signals`, from arrays, and `generate_signals`, from a DataFrame.
    """

    def levels(self, high: Floats, low: Floats, close: Floats) -> Signals:
        """int8[n] from float64[n] each, quote units."""
        raise NotImplementedError(f"{type(self).__name__} has no levels")

    def signals(self, bars: Bars) -> Signals:
        """int8[n]. Raises InputError for fewer bars than the strategy needs."""
        self._check_length(len(bars))
        return self._warmed(self.levels(bars.high, bars.low, bars.close))

    def generate_signals(self, data: pd.DataFrame) -> pd.Series[int]:
        """The same as a Series with the index of `data`, whose columns open, high, low, close are found in any case."""
        import pandas as pd

        self._check_length(len(data))
        high, low, close = (column(data, name) for name in ("high", "low", "close"))
        return pd.Series(self._warmed(self.levels(high, low, close)), index=data.index, name="signal")

    def _warmed(self, levels: Signals) -> Signals:
        levels[: self.warm_up] = 0
        return levels

    def _check_length(self, bars: int) -> None:
        if bars <= self.warm_up:
            (field, value), least = self.longest(), self.warm_up + 1
            message = f"{bars} bars are too few: {type(self).__name__} with {field}={value} needs {least}"
            raise InputError(message, field=field, value=value, nearest=max(1, value - least + bars))

    def longest(self) -> tuple[str, int]:
        """(name, value) of the argument that asks for the most bars, for the error that says there are too few."""
        return "warm_up", self.warm_up


def column(data: pd.DataFrame, name: str) -> Floats:
    """A column of numbers by its name, in any case. Raises InputError where there is none."""
    found = [label for label in data.columns if str(label).lower() == name]
    if len(found) != 1:
        there = ", ".join(map(str, data.columns))
        problem = "no such column" if not found else "two columns can be it"
        near = nearest_name(name, [str(label) for label in data.columns])
        raise InputError(f"{problem}; there are: {there}", field=name, nearest=near)
    return np.asarray(data[found[0]], dtype=np.float64)


def signs(up: Flags, down: Flags) -> Signals:
    """1 where up, -1 where down, int8[n]; never both at one bar."""
    return up.astype(np.int8) - down.astype(np.int8)
