"""Candles: open, high, low, close and volume of one symbol at one interval, as arrays of ticks and steps.

What is always true of `Candles` once they are checked: times strictly increase; prices are positive and whole ticks;
low <= open, close <= high; volumes are whole steps and not negative. A gap (no candle where one was due) is legal,
because exchanges write none for a minute without a trade; `gaps` reports them.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from orderwright.core.model import Instrument
from orderwright.core.numbers import text
from orderwright.errors import InputError
from orderwright.market.grid import (
    ARRAYS,
    Floats,
    Ints,
    Source,
    first,
    infer_tick,
    steps_from_floats,
    ticks_from_floats,
)
from orderwright.market.times import iso

PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """n candles of one symbol.

    interval: microseconds. times: int64[n], OPEN times, microseconds UTC. open, high, low, close: int64[n], ticks of
    the instrument. volume: int64[n], steps (what is below a step was dropped). A slice is a view: it copies nothing.
    """

    symbol: str
    instrument: Instrument
    interval: int
    times: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, rows: slice) -> Candles:
        columns = (self.times, self.open, self.high, self.low, self.close, self.volume)
        return Candles(self.symbol, self.instrument, self.interval, *(column[rows] for column in columns))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Candles):
            return NotImplemented
        mine, theirs = ((one.times, one.open, one.high, one.low, one.close, one.volume) for one in (self, other))
        same_market = (self.symbol, self.instrument, self.interval) == (other.symbol, other.instrument, other.interval)
        return same_market and all(map(np.array_equal, mine, theirs))

    __hash__ = None  # type: ignore[assignment]  # equal by value and made of arrays, like a list

    @property
    def close_times(self) -> Ints:
        """int64[n], microseconds: when each candle is complete; a shorter month ends where the next begins."""
        ends = self.times + self.interval
        ends[:-1] = np.minimum(ends[:-1], self.times[1:])
        return ends

    def gaps(self) -> list[tuple[int, int]]:
        """(open time of the candle before the gap, how many candles are missing) for each gap, in order of time."""
        missing = np.diff(self.times) // self.interval - 1
        return [(int(self.times[at]), int(missing[at])) for at in np.flatnonzero(missing > 0)]


def candles_from_floats(
    instrument: Instrument,
    times: Ints,
    prices: tuple[Floats, Floats, Floats, Floats],
    volume: Floats,
    *,
    interval: int | None = None,
    source: Source = ARRAYS,
) -> Candles:
    """Candles from columns of floats; `prices` are open, high, low, close. Raises InputError naming the first bad row.

    interval (microseconds) is the most common difference of the times where it is not given.
    """
    open_, high, low, close = (
        ticks_from_floats(column, instrument.tick_size, name, source)
        for name, column in zip(PRICES, prices, strict=True)
    )
    steps = steps_from_floats(volume, instrument.step_size, "volume", source)
    times = np.array(times, dtype=np.int64)
    check_times(times, source)
    interval = most_common_interval(times, source) if interval is None else interval
    candles = Candles(instrument.symbol, instrument, interval, times, open_, high, low, close, steps)
    check_candles(candles, source)
    return candles


def check_candles(candles: Candles, source: Source = ARRAYS) -> None:
    """Raises InputError for the first row that breaks one of the promises at the head of this file."""
    if candles.interval <= 0:
        raise InputError(
            f"{candles.interval} microseconds is not an interval", field="interval", value=candles.interval
        )
    columns = (candles.times, candles.open, candles.high, candles.low, candles.close, candles.volume)
    if len({len(column) for column in columns}) > 1:
        raise InputError("the columns differ in length", where=source.name or None)
    check_times(candles.times, source)
    for name in PRICES:
        _refuse_first(getattr(candles, name) <= 0, candles, name, "is not a positive price", None, source)
    _refuse_first(candles.volume < 0, candles, "volume", "is negative", None, source)
    for bound in ("low", "open", "close"):
        below = candles.high < getattr(candles, bound)
        _refuse_first(below, candles, "high", "is below the", bound, source)
    for bound in ("open", "close"):
        above = candles.low > getattr(candles, bound)
        _refuse_first(above, candles, "low", "is above the", bound, source)


def check_times(times: Ints, source: Source = ARRAYS, *, repeats: bool = False) -> None:
    """Raises InputError for the first row whose time is before (or, unless `repeats`, equal to) the row before it."""
    steps = np.diff(times)
    if (at := first(steps < 0 if repeats else steps <= 0)) is None:
        return
    this, before = iso(int(times[at + 1])), iso(int(times[at]))
    message = f"{this} is before {before} in the row above" if steps[at] < 0 else f"{this} is there twice"
    if (steps < 0).all() and len(times) > 2:
        message += "; the file is newest first: reverse it"
    raise InputError(message, field="time", value=int(times[at + 1]), where=source.at(at + 1))


def most_common_interval(times: Ints, source: Source = ARRAYS) -> int:
    """The most common difference (microseconds) of increasing times; the shortest of equally common ones."""
    if len(times) < 2:
        raise InputError("one candle does not tell its interval: give it", field="interval", where=source.name or None)
    differences, counts = np.unique(np.diff(times), return_counts=True)
    return int(differences[counts.argmax()])


def tick_for(prices: tuple[Floats, Floats, Floats, Floats], source: Source = ARRAYS) -> Decimal:
    """A tick for candles without an instrument: `infer_tick` of all columns; 0.01 where all are whole."""
    tick = min(infer_tick(column, name, source) for name, column in zip(PRICES, prices, strict=True))
    return min(tick, Decimal("0.01")) if tick == 1 else tick


def _refuse_first(
    bad: NDArray[np.bool_], candles: Candles, field: str, problem: str, bound: str | None, source: Source
) -> None:
    if (at := first(bad)) is None:
        return
    convert = candles.instrument.quantity if field == "volume" else candles.instrument.price
    value = convert(getattr(candles, field)[at])
    limit = None if bound is None else text(convert(getattr(candles, bound)[at]))
    message = f"{text(value)} {problem}" + ("" if bound is None else f" {bound} {limit}")
    raise InputError(message, field=field, value=value, nearest=limit, where=source.at(at))
