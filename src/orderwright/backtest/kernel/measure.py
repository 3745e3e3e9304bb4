"""Figures and round trips of a run, each in one pass; figures.py says what they are."""

from __future__ import annotations

from typing import Any

from orderwright.backtest.compiling import READ_FLOATS, READ_INTS, kernel, part

Array = Any

_BLOCK = 1_024
MEAN, SQUARES, DOWNS, DEEPEST = range(4)

# Columns of a trip: whole numbers, amounts. A row of the first is int64, of the second float64.
SYMBOL, SIDE, ENTRY_BAR, EXIT_BAR, ENTRY_TIME, EXIT_TIME, ENTRY_REASON, EXIT_REASON = range(8)
QUANTITY, ENTRY_VALUE, EXIT_QUANTITY, EXIT_VALUE, FEES, SLIPPAGE = range(6)


@part
def drawdown(equity: Array, peak: float, deepest: float) -> tuple[float, float]:
    """(the highest so far, the deepest fall below it so far as a fraction) after these bars."""
    top, bottom = equity[0], equity[0]
    for at in range(len(equity)):
        top, bottom = max(top, equity[at]), min(bottom, equity[at])
    if top <= peak:
        return peak, max(deepest, 1.0 - bottom / peak)
    for at in range(len(equity)):
        peak = max(peak, equity[at])
        deepest = max(deepest, 1.0 - equity[at] / peak)
    return peak, deepest


@part
def add_returns(equity: Array, before: float, shift: float) -> tuple[float, float, float]:
    """Sums over the returns r of these bars: r - shift, (r - shift)^2, min(r, 0)^2. A bar after ruin returns 0."""
    first = equity[0] / before - 1.0 if before > 0.0 else 0.0
    lean, squares, downs = first - shift, (first - shift) ** 2, min(first, 0.0) ** 2
    early, late = equity[:-1], equity[1:]
    for at in range(len(early)):
        gain = late[at] / early[at] - 1.0 if early[at] > 0.0 else 0.0
        apart, down = gain - shift, min(gain, 0.0)
        lean += apart
        squares += apart * apart
        downs += down * down
    return lean, squares, downs


@kernel(f"void({READ_FLOATS}, float64, float64[::1])", fastmath={"reassoc", "nnan", "nsz", "ninf"}, error_model="numpy")
def measure(equity: Array, initial: float, out: Array) -> None:
    """out: float64[4]: the mean of the returns, the sum of the squares of what each is from it, the sum of the squares
    of the negative ones, the deepest drawdown as a fraction. equity: float64[n], n > 0."""
    n, peak, deepest, before = len(equity), initial, 0.0, initial
    lean, squares, downs, shift = 0.0, 0.0, 0.0, 0.0
    for start in range(0, n, _BLOCK):
        block = equity[start : min(start + _BLOCK, n)]
        if start == 0:
            shift = add_returns(block, before, 0.0)[0] / len(block)
        more, more_squares, more_downs = add_returns(block, before, shift)
        lean += more
        squares += more_squares
        downs += more_downs
        peak, deepest = drawdown(block, peak, deepest)
        before = block[len(block) - 1]
    out[MEAN] = shift + lean / n
    out[SQUARES] = max(squares - lean * (lean / n), 0.0)
    out[DOWNS] = downs
    out[DEEPEST] = deepest


@kernel(
    f"int64({', '.join([READ_INTS] * 7 + [READ_FLOATS] * 4)}, int64[::1], int64[:,::1], float64[:,::1],"
    " int64[:,::1], float64[:,::1])"
)
def pair(
    bar: Array,
    time: Array,
    symbol: Array,
    side: Array,
    price: Array,
    quantity: Array,
    reason: Array,
    fee: Array,
    slippage: Array,
    ticks: Array,
    steps: Array,
    held: Array,
    going: Array,
    going_amounts: Array,
    trips: Array,
    amounts: Array,
) -> int:
    """Fills into round trips; returns how many have closed, in rows of trips and amounts (int64[m, 8], float64[m, 6],
    m fills). ticks, steps: float64, the sizes of each symbol. held (int64, zeros), going and going_amounts (zeros): by
    symbol, what is held at the end, and its trip so far."""
    closed = 0
    for at in range(len(bar)):
        which, left = symbol[at], quantity[at]
        each, share = price[at] * ticks[which], 1.0
        if held[which] * side[at] < 0:
            closing = min(left, abs(held[which]))
            share = closing / quantity[at]
            base = closing * steps[which]
            going_amounts[which, EXIT_QUANTITY] += base
            going_amounts[which, EXIT_VALUE] += base * each
            going_amounts[which, FEES] += fee[at] * share
            going_amounts[which, SLIPPAGE] += slippage[at] * share
            held[which] += side[at] * closing
            left -= closing
            share = 1.0 - share
            if held[which] == 0:
                going[which, EXIT_BAR] = bar[at]
                going[which, EXIT_TIME] = time[at]
                going[which, EXIT_REASON] = reason[at]
                for place in range(8):
                    trips[closed, place] = going[which, place]
                for place in range(6):
                    amounts[closed, place] = going_amounts[which, place]
                closed += 1
        if left == 0:
            continue
        if held[which] == 0:
            going[which, SYMBOL] = which
            going[which, SIDE] = side[at]
            going[which, ENTRY_BAR] = bar[at]
            going[which, ENTRY_TIME] = time[at]
            going[which, ENTRY_REASON] = reason[at]
            for place in range(6):
                going_amounts[which, place] = 0.0
        base = left * steps[which]
        going_amounts[which, QUANTITY] += base
        going_amounts[which, ENTRY_VALUE] += base * each
        going_amounts[which, FEES] += fee[at] * share
        going_amounts[which, SLIPPAGE] += slippage[at] * share
        held[which] += side[at] * left
    return closed
