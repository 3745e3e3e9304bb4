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
def gain(early: float, late: float) -> float:
    """The return of a bar; 0 after ruin."""
    return late / early - 1.0 if early > 0.0 else 0.0


@part
def add_returns(equity: Array, before: float, shift: float) -> tuple[float, float, float]:
    """Sums over the returns r of these bars: r - shift, (r - shift)^2, min(r, 0)^2. A bar after ruin returns 0.

    Four sums of each, every fourth bar in one: a processor makes four at a time, and the order stands here. Left to the
    compiler (`reassoc`), the process that compiled and those that loaded differed in the last bit.
    """
    first = gain(before, equity[0])
    lean, squares, downs = first - shift, (first - shift) ** 2, min(first, 0.0) ** 2
    early, late = equity[:-1], equity[1:]
    a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = c0 = c1 = c2 = c3 = 0.0
    whole = len(early) - len(early) % 4
    for at in range(0, whole, 4):
        r0, r1 = gain(early[at], late[at]), gain(early[at + 1], late[at + 1])
        r2, r3 = gain(early[at + 2], late[at + 2]), gain(early[at + 3], late[at + 3])
        s0, s1, s2, s3 = r0 - shift, r1 - shift, r2 - shift, r3 - shift
        d0, d1, d2, d3 = min(r0, 0.0), min(r1, 0.0), min(r2, 0.0), min(r3, 0.0)
        a0, a1, a2, a3 = a0 + s0, a1 + s1, a2 + s2, a3 + s3
        b0, b1, b2, b3 = b0 + s0 * s0, b1 + s1 * s1, b2 + s2 * s2, b3 + s3 * s3
        c0, c1, c2, c3 = c0 + d0 * d0, c1 + d1 * d1, c2 + d2 * d2, c3 + d3 * d3
    for at in range(whole, len(early)):
        r0 = gain(early[at], late[at])
        lean, squares, downs = lean + (r0 - shift), squares + (r0 - shift) ** 2, downs + min(r0, 0.0) ** 2
    return lean + ((a0 + a1) + (a2 + a3)), squares + ((b0 + b1) + (b2 + b3)), downs + ((c0 + c1) + (c2 + c3))


@kernel(f"void({READ_FLOATS}, float64, float64[::1])", fastmath={"nnan", "nsz", "ninf"}, error_model="numpy")
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
