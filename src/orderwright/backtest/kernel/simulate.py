"""The kernel: signals become fills and equity, exactly by the rules at the head of backtest/rules.py.

Prices are whole ticks and sizes whole steps, cash is twice float64 (money.py); sizes come from backtest/sizes.py. Bars
in which nothing can happen are passed over by scans (`quiet`); the others are walked, point by point (walking.py).
"""

from __future__ import annotations

import math

from orderwright.backtest import sizes
from orderwright.backtest.compiling import READ_FLOATS, READ_SIGNS, kernel, part
from orderwright.backtest.kernel.booking import Array, ticks_of
from orderwright.backtest.kernel.layout import (
    BAR,
    BEST,
    CASH,
    CLOSE_BEFORE,
    FILL_AMOUNTS,
    FILL_NUMBERS,
    FILLS,
    HELD,
    LIMIT,
    LIMIT_ENTRY,
    LIMIT_LAST,
    LIMIT_SIDE,
    LIMIT_TAKING,
    NONE,
    PAID,
    PENDING,
    PROFIT,
    PROFIT_TAKING,
    QUEUE,
    RANGE,
    RANGE_BEFORE,
    SHORTS,
    SIZING,
    STOP,
    STOP_LOSS,
    TAKE_PROFIT,
    THIS_CLOSE,
    TICK,
    TRAILING,
    UNIT,
    WAITING,
    WINDOW,
)
from orderwright.backtest.kernel.walking import decide, trail_to, waits, walk

true_range, mean_range = part(sizes.true_range), part(sizes.mean_range)
_TARGET, _VOLATILITY = sizes.TARGET, sizes.VOLATILITY


@part
def range_at(bar: int, high: Array, low: Array, close: Array, window: int, tick: float) -> float:
    """The average true range up to a bar; -1 before there are enough bars."""
    if bar + 1 < window:
        return -1.0
    ranges = 0
    for at in range(bar - window + 1, bar + 1):
        top, bottom = ticks_of(high[at], tick), ticks_of(low[at], tick)
        ranges += true_range(top, bottom, ticks_of(close[at - 1], tick)) if at > 0 else top - bottom
    return mean_range(ranges, window, tick)


@part
def quiet_limit(bar: int, signals: Array, high: Array, low: Array, s: Array, f: Array) -> int:
    """`quiet` while a limit entry waits. A price is on its tick, so half a tick decides."""
    n, side = min(len(signals), s[LIMIT_LAST]), s[LIMIT_SIDE]
    if s[LIMIT_TAKING]:
        return bar
    level = (s[LIMIT] + 0.5 * side) * f[TICK]
    if side > 0:
        while bar < n and signals[bar] >= 0 and low[bar] > level:
            bar += 1
    else:
        while bar < n and signals[bar] <= 0 and high[bar] < level:
            bar += 1
    return bar


@part
def quiet_exits(bar: int, signals: Array, high: Array, low: Array, close: Array, s: Array, f: Array) -> int:
    """`quiet` while exits wait. A trailing stop follows the closes of the bars that are passed over."""
    n, tick, long = len(signals), f[TICK], s[HELD] > 0
    against = -1 if long else 1
    if s[PROFIT_TAKING]:
        return bar
    while bar < n:
        below, above = s[STOP] if long else s[PROFIT], s[PROFIT] if long else s[STOP]
        lowest = (below + 0.5) * tick if below > 0 else -1.0
        highest = (above - 0.5) * tick if above > 0 else math.inf
        trails = s[TRAILING] >= 0
        best = s[BEST] * tick + (0.5 * tick if long else -0.5 * tick)
        while bar < n and signals[bar] != against and low[bar] > lowest and high[bar] < highest:
            if trails and (close[bar] > best if long else close[bar] < best):
                break
            bar += 1
        if bar >= n or signals[bar] == against or low[bar] <= lowest or high[bar] >= highest:
            return bar
        trail_to(ticks_of(close[bar], tick), s)
        bar += 1
    return bar


@part
def quiet(bar: int, signals: Array, high: Array, low: Array, close: Array, s: Array, f: Array) -> int:
    """The first bar, from this one on, in which something can happen."""
    n, held = len(signals), s[HELD]
    if s[PENDING] != NONE:
        return bar
    if s[LIMIT] > 0:
        return quiet_limit(bar, signals, high, low, s, f)
    if s[STOP] > 0 or s[PROFIT] > 0:
        return quiet_exits(bar, signals, high, low, close, s, f)
    buys = held < 0 or held == 0 or s[SIZING] == _TARGET
    sells = held > 0 or (held == 0 and s[SHORTS] != 0) or s[SIZING] == _TARGET
    if buys and sells:
        while bar < n and signals[bar] == 0:
            bar += 1
    elif buys:
        while bar < n and signals[bar] <= 0:
            bar += 1
    else:
        while bar < n and signals[bar] >= 0:
            bar += 1
    return bar


@part
def walk_at(bar: int, opens: Array, high: Array, low: Array, close: Array, signals: Array, s: Array, f: Array) -> None:
    """Walk one bar of the columns."""
    tick, last = f[TICK], max(bar - 1, 0)
    s[BAR] = bar
    s[CLOSE_BEFORE] = ticks_of(close[last], tick)
    if s[SIZING] == _VOLATILITY:
        f[RANGE_BEFORE] = range_at(last, high, low, close, s[WINDOW], tick)
        f[RANGE] = range_at(bar, high, low, close, s[WINDOW], tick)
    if s[PENDING] == NONE and not s[THIS_CLOSE] and not waits(s):
        decide(signals[bar], ticks_of(close[bar], tick), s, f)
        return
    first = ticks_of(opens[bar], tick)
    top, bottom = first, first
    if on_the_way(s):  # else nobody asks, and a look at a column far away costs as much as all the rest
        top, bottom = ticks_of(high[bar], tick), ticks_of(low[bar], tick)
    walk(signals[bar], first, top, bottom, ticks_of(close[bar], tick), s, f)


@part
def on_the_way(s: Array) -> bool:
    """Whether the rules know orders that can fill on the way from open to close."""
    return bool(s[STOP_LOSS] >= 0 or s[TAKE_PROFIT] >= 0 or s[TRAILING] >= 0 or s[LIMIT_ENTRY] >= 0)


@part
def keep(s: Array, f: Array, rows: Array, paid: Array) -> None:
    """The fills of a bar into their rows, while there is room."""
    for number in range(s[WAITING]):
        at = s[FILLS]
        if at < len(rows):
            for place in range(FILL_NUMBERS):
                rows[at, place] = s[QUEUE + number * FILL_NUMBERS + place]
            for place in range(FILL_AMOUNTS):
                paid[at, place] = f[PAID + number * FILL_AMOUNTS + place]
        s[FILLS] = at + 1
    s[WAITING] = 0


@part
def mark(start: int, stop: int, close: Array, equity: Array, s: Array, f: Array) -> None:
    """Equity at the closes from start to stop, while nothing changes."""
    cash, each = f[CASH], s[HELD] * (f[UNIT] / f[TICK])
    if s[HELD] == 0:
        equity[start:stop] = cash
    else:
        for at in range(start, stop):
            equity[at] = cash + each * close[at]


@kernel(
    f"void({READ_FLOATS}, {READ_FLOATS}, {READ_FLOATS}, {READ_FLOATS}, {READ_SIGNS}, int64[::1], float64[::1],"
    " int64[:,::1], float64[:,::1], float64[::1])"
)
def simulate(
    opens: Array,
    high: Array,
    low: Array,
    close: Array,
    signals: Array,
    s: Array,
    f: Array,
    rows: Array,
    paid: Array,
    equity: Array,
) -> None:
    """See the head of this file. opens to close: float64[n], on their ticks. signals: int8[n]. s, f: `beginning` of
    layout.py; at the end, the state after the last bar. rows: int64[room, 6], paid: float64[room, 2]: the fills;
    s[FILLS] says how many there were, even where there was no room. equity: float64[n], filled in."""
    n, bar = len(close), 0
    while bar < n:
        next_bar = quiet(bar, signals, high, low, close, s, f)
        mark(bar, next_bar, close, equity, s, f)
        bar = next_bar
        if bar < n:
            walk_at(bar, opens, high, low, close, signals, s, f)
            keep(s, f, rows, paid)
            mark(bar, bar + 1, close, equity, s, f)
            bar += 1
