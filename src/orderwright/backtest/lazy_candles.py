"""Candles whose ticks and steps are made when they are first asked for: a backtest of signals needs few of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from orderwright.backtest.outcome import Floats, Ints
from orderwright.core.model import Instrument
from orderwright.market.candles import Candles
from orderwright.market.grid import steps_from_floats


class Times(NamedTuple):
    """Open times as they came: microseconds = ticks x times // over. ticks: int64[n]."""

    ticks: Ints
    times: int = 1
    over: int = 1

    def at(self, rows: Any) -> Ints:
        """Some of them, in microseconds."""
        ticks: Ints = self.ticks[rows]
        if self.times != 1:
            return ticks * self.times
        return ticks // self.over if self.over != 1 else ticks


class LazyCandles(Candles):
    """Candles whose columns are made of floats, which have been checked, when they are first asked for."""

    __slots__ = ("_floats", "_made", "_times")
    _floats: dict[str, Floats]
    _made: dict[str, Ints]
    _times: Times

    def __new__(cls, *_args: Any, **fields: Any) -> Candles:  # type: ignore[misc]  # Candles too
        """Plain candles where they are made of all fields: `dataclasses.replace`, which a Broker asks for."""
        return Candles(**fields) if "open" in fields else super().__new__(cls)

    def __init__(self, instrument: Instrument, interval: int, times: Times, columns: dict[str, Floats]) -> None:
        told = {"symbol": instrument.symbol, "instrument": instrument, "interval": interval}
        for name, value in {**told, "_times": times, "_floats": columns, "_made": {}}.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self._times.ticks)

    def __getitem__(self, rows: slice) -> Candles:
        times = self._times._replace(ticks=np.ascontiguousarray(self._times.ticks[rows]))
        columns = {name: np.ascontiguousarray(column[rows]) for name, column in self._floats.items()}
        return LazyCandles(self.instrument, self.interval, times, columns)

    def times_at(self, rows: Any) -> Ints:
        """Open times of some rows, without making them all."""
        return self._times.at(rows)

    def _column(self, name: str) -> Ints:
        if name not in self._made:
            made = self._make(name).view()
            made.flags.writeable = False
            self._made[name] = made
        return self._made[name]

    def _make(self, name: str) -> Ints:
        if name == "times":
            return self._times.at(slice(None))
        if name == "volume":
            return steps_from_floats(self._floats[name], self.instrument.step_size, name)
        from orderwright.backtest.quick_checks import to_ticks

        ticks = np.empty(len(self), dtype=np.int64)
        to_ticks(self._floats[name], float(self.instrument.tick_size), ticks)
        return ticks

    times = property(lambda self: self._column("times"))
    open = property(lambda self: self._column("open"))
    high = property(lambda self: self._column("high"))
    low = property(lambda self: self._column("low"))
    close = property(lambda self: self._column("close"))
    volume = property(lambda self: self._column("volume"))

    def __reduce__(self) -> tuple[Any, ...]:
        columns = (self.times, self.open, self.high, self.low, self.close, self.volume)
        return Candles, (self.symbol, self.instrument, self.interval, *columns)
