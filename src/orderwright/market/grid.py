"""The door for arrays: float64 prices and sizes become int64 ticks and steps, or are refused with their row.

A price is on the tick when it is the float nearest to a whole number of ticks: within 1e-6 of a tick, plus what the
float itself cannot tell apart (four units in the last place). So 67745.75 passes with a tick of 0.0001 (its float is
off by 1e-7 ticks) and 67745.755 is refused with a tick of 0.01. Where that uncertainty itself exceeds a tenth of a
tick (more than about 14 digits), the float cannot carry the price and it is refused too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from orderwright.core.numbers import text
from orderwright.errors import InputError

Ints = NDArray[np.int64]
Floats = NDArray[np.floating[Any]]

PLACES = 8
_SLACK = 1e-6
_SIZING_SLACK = 1e-9
_LARGEST = 2.0**62


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows came from, so that a message can name them: "btc.csv, line 7".

    name: the file. word: what its rows are called. number: the 1-based number of the row with a 0-based index.
    """

    name: str = ""
    word: str = "row"
    number: Callable[[int], int] = lambda index: index + 1

    def at(self, index: int) -> str:
        """The words for the row with this 0-based index."""
        row = f"{self.word} {self.number(index)}"
        return f"{self.name}, {row}" if self.name else row


ARRAYS = Source()


def first(bad: NDArray[np.bool_]) -> int | None:
    """The index of the first True, or None."""
    return int(bad.argmax()) if bad.any() else None


def ticks_from_floats(prices: ArrayLike, tick_size: Decimal, field: str, source: Source = ARRAYS) -> Ints:
    """Prices (quote units), shape [n], as whole ticks, int64[n].

    Raises InputError for the first that is NaN, not positive, off the tick or longer than a float can tell.
    """
    prices = _as_floats(prices)
    _refuse_missing(prices, field, source)
    if (at := first(prices <= 0)) is not None:
        raise _error(f"{shown(prices[at])} is not a positive price", prices[at], field, source, at)
    ratio = prices.astype(np.float64) / float(tick_size)
    blur = _blur(prices, ratio)
    if (at := first((blur > 0.1) | (ratio > _LARGEST))) is not None:
        digits = "digits for the tick " + text(tick_size)
        raise _error(f"{shown(prices[at])} has more {digits} than a float can tell", prices[at], field, source, at)
    ticks = np.rint(ratio)
    if (at := first((np.abs(ratio - ticks) > _SLACK + blur) | (ticks < 1))) is not None:
        nearest = text(max(int(ticks[at]), 1) * tick_size)
        message = f"{shown(prices[at])} is not on the tick {text(tick_size)}"
        raise _error(message, prices[at], field, source, at, nearest)
    return ticks.astype(np.int64)


def steps_from_floats(sizes: ArrayLike, step_size: Decimal, field: str, source: Source = ARRAYS) -> Ints:
    """Quantities (base units), shape [n], as whole steps, int64[n]; the rest of a step is dropped.

    Raises InputError for the first that is NaN, negative or too large for int64.
    """
    sizes = _as_floats(sizes)
    _refuse_missing(sizes, field, source)
    if (at := first(sizes < 0)) is not None:
        raise _error(f"{shown(sizes[at])} is negative", sizes[at], field, source, at)
    ratio = sizes.astype(np.float64) / float(step_size)
    if (at := first(ratio > _LARGEST)) is not None:
        message = f"{shown(sizes[at])} is too large for the step {text(step_size)}"
        raise _error(message, sizes[at], field, source, at)
    return np.floor(ratio + _SIZING_SLACK + _blur(sizes, ratio)).astype(np.int64)


def infer_tick(prices: ArrayLike, field: str = "price", source: Source = ARRAYS) -> Decimal:
    """The coarsest decimal grid (1, 0.1, ... 0.00000001) that holds every price: a guess at an unknown tick size.

    A file with few rows, or one of whole numbers, gives a coarser tick than the exchange's. Raises InputError for the
    first price that needs more than 8 decimal places.
    """
    prices = _as_floats(prices)
    _refuse_missing(prices, field, source)
    off = np.ones(len(prices), dtype=np.bool_)
    for places in range(PLACES + 1):
        ratio = prices.astype(np.float64) * 10.0**places
        off = np.abs(ratio - np.rint(ratio)) > 4 * _blur(prices, ratio)
        if not off.any():
            return Decimal(1).scaleb(-places)
    at = int(off.argmax())
    nearest = text(Decimal(repr(round(float(prices[at]), PLACES))))
    message = f"{shown(prices[at])} has more than {PLACES} decimal places: round the prices or give an instrument"
    raise _error(message, prices[at], field, source, at, nearest)


def shown(number: float) -> str:
    """A float as a person would write it: its shortest decimal text."""
    return text(Decimal(repr(float(number))))


def _as_floats(values: ArrayLike) -> Floats:
    """Single precision stays, so that `_blur` knows of it; whole numbers and lists become float64."""
    array = np.asarray(values)
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def _blur(values: Floats, ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far (in ticks or steps) two roundings can have moved each value: four units in the last place."""
    return 4 * float(np.finfo(values.dtype).eps) * np.abs(ratio)


def _refuse_missing(values: Floats, field: str, source: Source) -> None:
    if (at := first(~np.isfinite(values))) is not None:
        what = "missing (NaN)" if np.isnan(values[at]) else "infinite"
        raise _error(f"the number is {what}", float(values[at]), field, source, at)


def _error(message: str, value: object, field: str, source: Source, index: int, nearest: object = None) -> InputError:
    plain = float(value) if isinstance(value, np.floating) else value
    return InputError(message, field=field, value=plain, nearest=nearest, where=source.at(index))
