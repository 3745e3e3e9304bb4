"""Indicators over arrays, for strategies: float64[n] in, float64[n] out, bar by bar.

- No look-ahead: what stands at a bar is of that bar and those before it.
- NaN until there are enough bars. Values may begin with NaN (an indicator of an indicator); a NaN between numbers makes
  NaN of every window that it is in.
- O(n), whatever the period, and no drift: a window is folded from two runs, from its start to the end of its block and
  from the next block's start to its end (van Herk, 1992; Gil and Werman, 1993), so that it is made of its own values
  alone. Sums are taken about a value of the window: the mean of equal prices is that price, their deviation zero.
- Exact crosses of averages are counted in ticks, as whole numbers: `sma_cross`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from orderwright.backtest.arguments import whole_number
from orderwright.backtest.outcome import Floats, Ints
from orderwright.errors import InputError

Smoothing = Literal["wilder", "mean"]
Signals = NDArray[np.int8]
Flags = NDArray[np.bool_]

_GONE = 1e-20


def sma(values: ArrayLike, period: int) -> Floats:
    """Simple moving average: the mean of the last `period` values. The first is at index period - 1."""
    return _moments(_series(values), _counted(period), spread=False)[0]


def deviation(values: ArrayLike, period: int) -> Floats:
    """Standard deviation of the last `period` values, of the population: divided by `period`, not by one less."""
    return _moments(_series(values), _counted(period))[1]


def ema(values: ArrayLike, period: int) -> Floats:
    """Exponential moving average: e[i] = e[i-1] + (v[i] - e[i-1]) x 2 / (period + 1), and to begin with the mean of the
    first `period` values (as TA-Lib does)."""
    return _smoothed(_series(values), _counted(period), 2.0 / (period + 1))


def rsi(values: ArrayLike, period: int = 14, *, smoothing: Smoothing = "wilder") -> Floats:
    """Relative strength index: 100 x G / (G + L), G and L the average gain and loss of a bar; 100 where nothing was
    lost, NaN where nothing moved.

    wilder: averages as in Wilder (1978), "New Concepts in Technical Trading Systems": the mean of the first `period`
    changes, then a[i] = a[i-1] + (change - a[i-1]) / period; the first is at index `period`. mean: plain means of the
    last `period` changes, the first bar counting as no change, as `rolling(period).mean()` of pandas has it; the first
    is at index period - 1.
    """
    series = _series(values)
    change = np.diff(series, prepend=series[:1])
    gain, loss = np.maximum(change, 0.0), np.maximum(-change, 0.0)
    if _smoothing(smoothing) == "wilder":
        gain[:1] = loss[:1] = np.nan
        rise, fall = (_smoothed(part, _counted(period), 1.0 / period) for part in (gain, loss))
    else:
        rise, fall = sma(gain, period), sma(loss, period)
    with np.errstate(invalid="ignore"):
        return 100.0 * rise / (rise + fall)


def bollinger(values: ArrayLike, period: int = 20, deviations: float = 2.0) -> tuple[Floats, Floats, Floats]:
    """(lower, middle, upper): the simple moving average and `deviations` standard deviations of the same values (of the
    population) to each side. Bollinger (2001), "Bollinger on Bollinger Bands"."""
    middle, spread = _moments(_series(values), _counted(period))
    return middle - deviations * spread, middle, middle + deviations * spread


def true_range(high: ArrayLike, low: ArrayLike, close: ArrayLike) -> Floats:
    """The largest of high - low, |high - close before| and |low - close before|; high - low at the first bar."""
    top, bottom, last = _series(high), _series(low), previous(close)
    return np.fmax(top, last) - np.fmin(bottom, last)


def atr(
    high: ArrayLike, low: ArrayLike, close: ArrayLike, period: int = 14, *, smoothing: Smoothing = "wilder"
) -> Floats:
    """Average true range of the last `period` bars; the first is at index period - 1.

    wilder: the mean of the first `period`, then a[i] = a[i-1] + (range - a[i-1]) / period. mean: plain means.
    """
    ranges = true_range(high, low, close)
    return (
        _smoothed(ranges, _counted(period), 1.0 / period) if _smoothing(smoothing) == "wilder" else sma(ranges, period)
    )


def highest(values: ArrayLike, period: int) -> Floats:
    """The highest of the last `period` values, this one included: the upper Donchian channel, where they are highs."""
    return _extreme(np.maximum, _series(values), _counted(period), -np.inf)


def lowest(values: ArrayLike, period: int) -> Floats:
    """The lowest of the last `period` values, this one included: the lower Donchian channel, where they are lows."""
    return _extreme(np.minimum, _series(values), _counted(period), np.inf)


def previous(values: ArrayLike, bars: int = 1) -> Floats:
    """What stood there so many bars before; NaN at the first ones."""
    series = _series(values)
    return np.concatenate([np.full(min(_counted(bars, "bars"), len(series)), np.nan), series[:-bars]])


def crossed_above(values: ArrayLike, line: ArrayLike) -> Flags:
    """Where `values` come above `line` (an array or one number) from at or below it a bar before, as TradingView's
    ta.crossover has it. To touch is not to cross; nothing crosses NaN, and nothing at the first bar."""
    gap = _series(values) - np.asarray(line, dtype=np.float64)
    crossed = np.zeros(len(gap), dtype=np.bool_)
    crossed[1:] = (gap[1:] > 0) & (gap[:-1] <= 0)
    return crossed


def crossed_below(values: ArrayLike, line: ArrayLike) -> Flags:
    """Where `values` come below `line` from at or above it: `crossed_above` upside down."""
    return crossed_above(-_series(values), -np.asarray(line, dtype=np.float64))


def sma_cross(ticks: Ints, fast: int, slow: int) -> Signals:
    """1 where the mean of the last `fast` prices is above that of the last `slow`, -1 where below, int8[n]; 0 where the
    two are equal, and before there are enough.

    Exact: prices are whole ticks, int64[n], and sum(fast) x slow is compared with sum(slow) x fast. Prices are counted
    from the lowest one, which moves both means alike. Where products leave int64 Python's own integers take over.
    """
    signals = np.zeros(len(ticks), dtype=np.int8)
    longest = max(_counted(fast, "fast"), _counted(slow, "slow"))
    if len(ticks) < longest:
        return signals
    above = ticks - ticks.min()
    fits = int(above.max()) * fast * slow < 2**62
    sums = np.concatenate(
        [[0], np.cumsum(above if fits else above.astype(object))]
    )  # a wrap-around cancels in the difference
    fast_sum = (sums[fast:] - sums[:-fast])[longest - fast :]
    slow_sum = (sums[slow:] - sums[:-slow])[longest - slow :]
    difference = fast_sum * slow - slow_sum * fast
    signals[longest - 1 :] = (difference > 0).astype(np.int8) - (difference < 0).astype(np.int8)
    return signals


def _moments(values: Floats, period: int, *, spread: bool = True) -> tuple[Floats, Floats]:
    """(mean, standard deviation, where it is asked for) of each window, about the last value of the block in which the
    window begins: that value is in the window, so little cancels."""
    windows = len(values) - period + 1
    if windows < 1:
        return np.full(len(values), np.nan), np.full(len(values), np.nan)
    left = _blocks(values, period)
    centre = left[:, -1:]
    left, right = left - centre, left - np.roll(centre, 1)
    total = _folded(np.add, left, right, 0.0)[:windows] / period
    mean = _late(np.repeat(centre, period)[:windows] + total, period)
    if not spread:
        return mean, mean
    squares = _folded(np.add, left**2, right**2, 0.0)[:windows] / period
    return mean, _late(np.sqrt(np.maximum(squares - total**2, 0.0)), period)


def _late(found: Floats, period: int) -> Floats:
    """Values of windows, at the last bar of each; NaN before the first."""
    return np.concatenate([np.full(period - 1, np.nan), found])


def _extreme(better: np.ufunc, values: Floats, period: int, worst: float) -> Floats:
    windows = len(values) - period + 1
    if windows < 1:
        return np.full(len(values), np.nan)
    blocks = _blocks(values, period)
    return _late(_folded(better, blocks, blocks, worst)[:windows], period)


def _blocks(values: Floats, period: int) -> Floats:
    """Rows of `period` values; the last row is filled up with the last value, for no window that counts."""
    rows = len(values) // period + 1
    return np.pad(values, (0, rows * period - len(values)), mode="edge").reshape(rows, period)


def _folded(fold: np.ufunc, left: Floats, right: Floats, nothing: float) -> Floats:
    """Each window of as many values as a row has, by its start: the rest of the row in which it begins (of `left`) with
    what it has of the next row (of `right`)."""
    period = left.shape[1]
    rest = fold.accumulate(left[:, ::-1], axis=1)[:, ::-1].ravel()
    begun = np.full_like(right, nothing)
    begun[:, 1:] = fold.accumulate(right[:, :-1], axis=1)
    folded: Floats = fold(rest[:-period], begun.ravel()[period:])
    return folded


def _smoothed(values: Floats, period: int, weight: float) -> Floats:
    """s[i] = s[i-1] + (v[i] - s[i-1]) x weight, begun with the mean of the first `period` values that are not NaN.

    The sum of weight x (1 - weight)^k x v[i-k] over all k, in log2(n) passes: each doubles the reach of the one before,
    and the last is where the next weight would be nothing beside a float.
    """
    smooth = np.full(len(values), np.nan)
    known = np.flatnonzero(~np.isnan(values))
    if len(known) and len(values) - known[0] >= period:
        begin = int(known[0]) + period - 1
        terms = weight * values[begin:]
        terms[0] = values[known[0] : begin + 1].mean()
        reach, left = 1, 1.0 - weight
        while reach < len(terms) and left > _GONE:
            terms[reach:] += left * terms[:-reach]
            reach, left = reach * 2, left * left
        smooth[begin:] = terms
    return smooth


def _series(values: ArrayLike) -> Floats:
    series = np.asarray(values, dtype=np.float64)
    if series.ndim != 1:
        raise InputError(f"an array of {series.ndim} dimensions; one was expected", field="values")
    return series


def _counted(period: int, field: str = "period") -> int:
    return whole_number(period, field)


def _smoothing(name: Smoothing) -> Smoothing:
    if name not in ("wilder", "mean"):
        raise InputError(f"{name!r} is neither wilder nor mean", field="smoothing", value=name, nearest="wilder")
    return name
