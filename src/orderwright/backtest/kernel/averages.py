"""Moving averages by exact sums: prices are whole ticks, so no sum is ever rounded, and none drifts.

The cross of two simple moving averages compares fast_sum / fast with slow_sum / slow as fast_sum x slow with slow_sum x
fast, in whole numbers. So an equal is an equal, on every machine, and says nothing: 0, hold.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from orderwright.backtest.compiling import READ_FLOATS, READ_INTS, kernel
from orderwright.backtest.outcome import Floats, Ints
from orderwright.errors import InputError

Array = Any

_LARGEST = 2**62
_BLOCK = 2_048


@kernel(f"void({READ_INTS}, int64, int64, int8[::1])")
def cross(close: Array, fast: int, slow: int, out: Array) -> None:
    """out: int8[n], zeros at first; filled from bar slow - 1 on. fast is below slow, and slow at most n."""
    fast_sum, slow_sum = 0, 0
    for at in range(slow):
        slow_sum += close[at]
        if at >= slow - fast:
            fast_sum += close[at]
    quick, late, gone_quick, gone_late = close[slow:], out[slow:], close[slow - fast :], close
    left, right = fast_sum * slow, slow_sum * fast
    out[slow - 1] = (left > right) - (left < right)
    for at in range(len(quick)):
        fast_sum += quick[at] - gone_quick[at]
        slow_sum += quick[at] - gone_late[at]
        left, right = fast_sum * slow, slow_sum * fast
        late[at] = (left > right) - (left < right)


@kernel(f"void({READ_FLOATS}, float64, int64, int64, int64[::1], int8[::1])")
def cross_prices(close: Array, per_price: float, fast: int, slow: int, ticks: Array, out: Array) -> None:
    """The same of prices that are on their tick, per_price ticks each. They are counted block by block into `ticks`:
    int64[slow + a block], zeros at first; it begins with the `slow` before the block."""
    fast_sum, slow_sum, size = 0, 0, len(ticks) - slow
    for start in range(0, len(close), size):
        block = close[start : min(start + size, len(close))]
        said = out[start : start + len(block)]
        new, gone_fast, gone_slow = ticks[slow:], ticks[slow - fast :], ticks
        for at in range(len(block)):
            new[at] = np.int64(np.rint(block[at] * per_price))
        for at in range(len(block)):
            fast_sum += new[at] - gone_fast[at]
            slow_sum += new[at] - gone_slow[at]
            left, right = fast_sum * slow, slow_sum * fast
            said[at] = (left > right) - (left < right)
        for at in range(slow):
            ticks[at] = ticks[len(block) + at]
    for at in range(slow - 1):
        out[at] = 0


def sma_cross_signals(close: Ints | Floats, fast: int, slow: int, *, tick: float | None = None) -> NDArray[np.int8]:
    """int8[n]: 1 where the simple moving average of `fast` bars is above that of `slow` bars, -1 where it is below, 0
    where they are equal and before there are `slow` bars. close: int64[n], ticks; or, with their tick, float64[n],
    prices that were checked to be on it (`Bars.close`).

    Raises InputError for lengths that are not 1 <= fast < slow, and prices too large for exact products.
    """
    if not 1 <= fast < slow:
        message = f"the fast average ({fast} bars) must be shorter than the slow one ({slow})"
        raise InputError(message, field="fast", value=fast, nearest=max(min(fast, slow - 1), 1))
    out = np.zeros(len(close), dtype=np.int8)
    if slow > len(close):
        return out
    _refuse_large(int(close.max() / (tick or 1)), fast * slow)
    if tick is None:
        cross(np.ascontiguousarray(close, dtype=np.int64), fast, slow, out)
    else:
        ticks = np.zeros(slow + _BLOCK, dtype=np.int64)
        cross_prices(np.ascontiguousarray(close, dtype=np.float64), 1.0 / tick, fast, slow, ticks, out)
    return out


def rolling_sum(values: Ints, window: int) -> Ints:
    """int64[n]: the sum of the last `window` values at each place, exactly; 0 before there are as many."""
    if window < 1:
        raise InputError(f"{window} is not a number of bars", field="window", value=window, nearest=1)
    values = np.ascontiguousarray(values, dtype=np.int64)
    _refuse_large(max(int(values.max()), -int(values.min())) if len(values) else 0, window)
    out = np.zeros(len(values), dtype=np.int64)
    if window <= len(values):
        sums = np.cumsum(values)  # may run over the end of int64 and round again: differences stay exact
        out[window - 1 :] = sums[window - 1 :]
        out[window:] -= sums[:-window]
    return out


def _refuse_large(most: int, times: int) -> None:
    if most * times >= _LARGEST:
        message = f"{most} ticks over {times} bars is too large for exact sums"
        raise InputError(message, field="close", value=most, nearest=_LARGEST // times - 1)
