"""The way in, for speed: everything that must be true of bars is checked in one pass over the columns; and the one
conversion, floats to ticks.

The pass only says whether all is well. Where it is not, market/candles.py looks again, slowly, and says what is wrong.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from orderwright.backtest.compiling import READ_FLOATS, READ_INTS, kernel, part

Array = Any

_BLOCK = 2_048
_EPSILON = 2.0**-52
_SLACK = 1e-6  # the first of the two tolerances of market/grid.py; the others stand beside it there
PLACES = 8
GOOD, BAD, OFF_GRID = range(3)


@part
def off_grid(column: Array, grid: float) -> int:
    """How many prices of a block are on no multiple of 1 / grid, as `infer_tick` tells them."""
    off = 0
    for at in range(len(column)):  # from 0, so that the compiler need not think of negative numbers
        ratio = column[at] * grid
        off += abs(ratio - np.rint(ratio)) > 16.0 * _EPSILON * ratio
    return off


@part
def off_tick(column: Array, tick: float) -> int:
    """How many prices of a block are not on the tick, as `ticks_from_floats` tells them."""
    off = 0
    for at in range(len(column)):
        ratio = column[at] / tick
        whole = np.rint(ratio)
        blur = 4.0 * _EPSILON * ratio
        off += (abs(ratio - whole) > _SLACK + blur) | (whole < 1.0) | (blur > 0.1)
    return off


@kernel(f"UniTuple(int64, 3)({READ_INTS}, {', '.join([READ_FLOATS] * 5)}, float64, float64)")
def admit(
    times: Array,
    opens: Array,
    high: Array,
    low: Array,
    close: Array,
    volume: Array,
    tick: float,
    most_volume: float,
) -> tuple[int, int, int]:
    """(GOOD, BAD or OFF_GRID; the decimal places of the coarsest grid that holds every price; how many bars are not as
    far from the one before as the second is from the first). times: int64[n], any unit; the rest float64[n]. tick: 0
    to look for the grid. n is 2 at least."""
    n, places, grid, irregular = len(times), 0, 1.0, 0
    spacing = times[1] - times[0]
    for start in range(0, n, _BLOCK):
        stop = min(start + _BLOCK, n)
        o, h, c = opens[start:stop], high[start:stop], close[start:stop]
        l, v = low[start:stop], volume[start:stop]  # noqa: E741  # as everybody calls it
        bad = 0
        for at in range(len(o)):
            bad += not (
                (l[at] > 0.0)
                & (l[at] <= o[at])
                & (o[at] <= h[at])
                & (l[at] <= c[at])
                & (c[at] <= h[at])
                & (h[at] <= 1e15)
                & (v[at] >= 0.0)
                & (v[at] <= most_volume)
            )
        before, after = times[max(start - 1, 0) : stop - 1], times[max(start, 1) : stop]
        for at in range(len(before)):
            apart = after[at] - before[at]
            irregular += apart != spacing
            bad += after[at] <= before[at]  # not by their distance, which can run over
        if bad > 0:
            return BAD, places, irregular
        if tick > 0.0:
            if off_tick(o, tick) + off_tick(h, tick) + off_tick(l, tick) + off_tick(c, tick) > 0:
                return BAD, places, irregular
        else:
            while off_grid(o, grid) + off_grid(h, grid) + off_grid(l, grid) + off_grid(c, grid) > 0:
                if places == PLACES:
                    return OFF_GRID, places, irregular
                places += 1
                grid *= 10.0
    return GOOD, places, irregular


@kernel(f"void({READ_FLOATS}, float64, int64[::1])")
def to_ticks(prices: Array, tick: float, ticks: Array) -> None:
    """Prices that were checked, as whole ticks. All [n]."""
    for at in range(len(prices)):
        ticks[at] = np.int64(np.rint(prices[at] / tick))
