"""One bar of the kernel: the price goes from the open along its path, leg by leg, and meets what waits.

The same as simulation/candle_market.py does to real orders, for the few that the rules know: one market order, one
limit entry, one stop, one take profit. twin.py is it again, in plain Python.
"""

from __future__ import annotations

from orderwright.backtest import sizes
from orderwright.backtest.compiling import part
from orderwright.backtest.kernel.booking import (
    Array,
    affordable,
    arm,
    fill,
    moved,
    reaches,
    taken,
    unit_cost,
)
from orderwright.backtest.kernel.layout import (
    ARRIVED,
    AT_CLOSE,
    AT_OPEN,
    BAR,
    BEST,
    CASH,
    CASH_LOW,
    CLOSE,
    CLOSE_BEFORE,
    COMMISSION,
    ENTER,
    ENTRY_FILL,
    FIXED_STEPS,
    FOLLOW,
    HELD,
    HIGH_FIRST,
    INSIDE,
    LIMIT,
    LIMIT_BARS,
    LIMIT_ENTRY,
    LIMIT_LAST,
    LIMIT_LATE,
    LIMIT_SIDE,
    LIMIT_STEPS,
    LIMIT_TAKING,
    LINEAR,
    LOW_FIRST,
    MOVED,
    NONE,
    ORDERS,
    PATH,
    PENDING,
    PROFIT,
    PROFIT_FILL,
    PROFIT_TAKING,
    RANGE,
    RANGE_BEFORE,
    REBALANCE,
    REBALANCE_FILL,
    SENT,
    SHARE,
    SHORT_VALUE,
    SHORTS,
    SIGNAL_FILL,
    SIZING,
    STEP,
    STOP,
    STOP_REASON,
    THEN,
    THIS_CLOSE,
    TICK,
    TIES,
    TRAIL_FILL,
    TRAILING,
    UNIT,
    UNIT_LOW,
    WORST,
)
from orderwright.backtest.kernel.money import add, times, two_product

whole, at_most, entry_steps = part(sizes.whole), part(sizes.at_most), part(sizes.entry_steps)
_TARGET = sizes.TARGET


@part
def send_entry(side: int, known: int, close: int, bar: int, reach: float, s: Array, f: Array) -> None:
    """An entry, sized at the price known now. close, bar, reach: the decision's close, bar and average true range."""
    limited = s[LIMIT_ENTRY] >= 0
    price = known
    if limited:
        price = moved(close, side < 0, s, LIMIT_ENTRY)
    elif side > 0:
        price = taken(known, True, 0, s)
    unit = unit_cost(price, f[TICK], f[STEP], f[COMMISSION])
    steps, tie = entry_steps(s[SIZING], f[SHARE], s[FIXED_STEPS], reach, f[STEP], f[CASH], unit)
    s[TIES] += tie
    if steps < 1:
        return
    s[ORDERS] += 1
    if limited:
        s[LIMIT] = price
        s[LIMIT_SIDE] = side
        s[LIMIT_STEPS] = steps
        s[LIMIT_TAKING] = reaches(known, price, side > 0)
        s[LIMIT_LAST] = bar + s[LIMIT_BARS]
    else:
        s[PENDING] = ENTER
        s[SENT] = side * steps


@part
def send_rebalance(side: int, close: int, s: Array, f: Array) -> None:
    """The difference to the target, at the close."""
    held = s[HELD]
    high, low = two_product(float(close), float(held))
    high, low = times(high, low, f[UNIT], f[UNIT_LOW])
    equity = add(f[CASH], f[CASH_LOW], high, low)[0]
    price = taken(close, True, 0, s) if side > 0 else close
    unit = unit_cost(price, f[TICK], f[STEP], f[COMMISSION])
    target, tie = entry_steps(_TARGET, f[SHARE], 0, 0.0, f[STEP], equity, unit)
    s[TIES] += tie
    more = target - abs(held)
    if more > 0:
        more, tie = at_most(more, f[CASH] - 2.0 * f[SHORT_VALUE], unit)
        s[TIES] += tie
    if more != 0:
        s[ORDERS] += 1
        s[PENDING] = REBALANCE
        s[SENT] = side * more


@part
def trail_to(close: int, s: Array) -> None:
    """The trailing stop follows a close."""
    long = s[HELD] > 0
    if not (close > s[BEST] if long else close < s[BEST]):
        return
    s[BEST] = close
    stop = moved(close, not long, s, TRAILING)
    if stop > s[STOP] if long else stop < s[STOP]:
        s[STOP] = stop
        s[STOP_REASON] = TRAIL_FILL
        s[MOVED] = 1


@part
def decide(signal: int, close: int, s: Array, f: Array) -> None:
    """What follows from the close of a bar and its signal."""
    if s[LIMIT] > 0 and s[BAR] >= s[LIMIT_LAST]:
        s[LIMIT] = 0
    if s[HELD] != 0 and s[TRAILING] >= 0:
        trail_to(close, s)
    if signal == 0:
        return
    if s[LIMIT] > 0 and s[LIMIT_SIDE] != signal:
        s[LIMIT] = 0
    enters = signal > 0 or s[SHORTS] != 0
    if (s[HELD] > 0 and signal < 0) or (s[HELD] < 0 and signal > 0):
        s[STOP] = 0
        s[PROFIT] = 0
        s[PENDING] = CLOSE
        s[SENT] = -s[HELD]
        s[THEN] = signal if enters else 0
        s[ORDERS] += 1
    elif s[HELD] != 0:
        if s[SIZING] == _TARGET:
            send_rebalance(signal, close, s, f)
    elif s[LIMIT] == 0 and enters:
        send_entry(signal, close, close, s[BAR], f[RANGE], s, f)
        s[LIMIT_LATE] = s[THIS_CLOSE]


@part
def fill_market(stage: int, price: int, arrived: int, touch: int, s: Array, f: Array) -> None:
    """The market order that is on its way meets a price."""
    kind, steps, side = s[PENDING], abs(s[SENT]), 1 if s[SENT] > 0 else -1
    s[PENDING] = NONE
    paying = taken(price, side > 0, 0, s)
    if side > 0 and s[LINEAR] == 0:
        steps = affordable(paying, steps, f)
    if steps < 1:
        return
    reason = SIGNAL_FILL if kind == CLOSE else REBALANCE_FILL if kind == REBALANCE else ENTRY_FILL
    fill(stage, side, paying, price, steps, reason, s, f)
    if reason == ENTRY_FILL:
        arm(paying, touch, arrived, s)


@part
def fill_limit(stage: int, price: int, market: int, arrived: int, touch: int, s: Array, f: Array) -> None:
    """The limit entry fills at a price."""
    s[LIMIT] = 0
    fill(stage, s[LIMIT_SIDE], price, market, s[LIMIT_STEPS], ENTRY_FILL, s, f)
    arm(price, touch, arrived, s)


@part
def fill_exit(stage: int, price: int, market: int, reason: int, s: Array, f: Array) -> None:
    """An exit takes all that is held."""
    fill(stage, -1 if s[HELD] > 0 else 1, price, market, abs(s[HELD]), reason, s, f)


@part
def meet_exits(stage: int, price: int, jumped: bool, s: Array, f: Array) -> None:
    """The exits meet a single price: an open that the market jumped to, or a close that they came late to."""
    long = s[HELD] > 0
    if s[STOP] > 0 and reaches(price, s[STOP], long):
        fill_exit(stage, taken(price, not long, 0, s), price, s[STOP_REASON], s, f)
    elif s[PROFIT] > 0 and reaches(price, s[PROFIT], not long):
        paying, market = price if jumped else s[PROFIT], price if jumped else s[PROFIT]
        if s[PROFIT_TAKING]:
            paying, market = taken(price, not long, s[PROFIT], s), price
        fill_exit(stage, paying, market, PROFIT_FILL, s, f)
    s[PROFIT_TAKING] = 0


@part
def pass_exits(stage: int, start: int, end: int, s: Array, f: Array) -> None:
    """The price moves from start to end through the exits' levels. A stop that has moved in this bar sees its close; a
    take profit that is a taker meets the price where it starts, before the stop can."""
    long = s[HELD] > 0
    first = s[PROFIT] > 0 and s[PROFIT_TAKING] and reaches(start, s[PROFIT], not long)
    stops = s[STOP] > 0 and not first and not (stage == 3 and s[MOVED])
    if stops and (reaches(start, s[STOP], long) or reaches(end, s[STOP], long)):
        market = start if reaches(start, s[STOP], long) else s[STOP]
        fill_exit(stage, taken(market, not long, 0, s), market, s[STOP_REASON], s, f)
    elif s[PROFIT] > 0 and (reaches(start, s[PROFIT], not long) or reaches(end, s[PROFIT], not long)):
        paying, market = s[PROFIT], s[PROFIT]
        if s[PROFIT_TAKING]:
            paying, market = taken(start, not long, s[PROFIT], s), start
        fill_exit(stage, paying, market, PROFIT_FILL, s, f)
    s[PROFIT_TAKING] = 0


@part
def at_open(price: int, s: Array, f: Array) -> None:
    """The market jumps to the open, and meets what waits."""
    if s[PENDING] != NONE:
        fill_market(0, price, AT_OPEN, price, s, f)
        if s[THEN] != 0:
            send_entry(s[THEN], price, s[CLOSE_BEFORE], s[BAR] - 1, f[RANGE_BEFORE], s, f)
            s[THEN] = 0
            if s[PENDING] == ENTER:
                s[PENDING] = FOLLOW
    elif s[LIMIT] > 0:
        buy = s[LIMIT_SIDE] > 0
        if reaches(price, s[LIMIT], buy):
            paying = taken(price, buy, s[LIMIT], s) if s[LIMIT_TAKING] else price
            fill_limit(0, paying, price, AT_OPEN, price, s, f)
        s[LIMIT_TAKING] = 0
    elif s[HELD] != 0:
        meet_exits(0, price, True, s, f)


@part
def on_leg(stage: int, start: int, end: int, touch: int, s: Array, f: Array) -> None:
    """The price moves from one point of its path to the next. touch: the price that is known until the bar is over."""
    if s[PENDING] == FOLLOW:
        fill_market(stage, start, INSIDE, touch, s, f)
    elif s[LIMIT] > 0 and not s[LIMIT_LATE]:
        buy, known = s[LIMIT_SIDE] > 0, end if stage == 3 else touch
        arrived = AT_CLOSE if stage == 3 else INSIDE
        if reaches(start, s[LIMIT], buy) or reaches(end, s[LIMIT], buy):
            paying, market = s[LIMIT], s[LIMIT]
            if s[LIMIT_TAKING]:
                paying, market = taken(start, buy, s[LIMIT], s), start
            fill_limit(stage, paying, market, arrived, known, s, f)
        s[LIMIT_TAKING] = 0
    elif s[HELD] != 0 and s[ARRIVED] == AT_OPEN:
        pass_exits(stage, start, end, s, f)


@part
def at_close(price: int, s: Array, f: Array) -> None:
    """The close, for what came too late to see the way there."""
    if s[HELD] != 0 and s[ARRIVED] == INSIDE:
        meet_exits(3, price, False, s, f)
    if s[LIMIT] > 0 and s[LIMIT_LATE]:
        if reaches(price, s[LIMIT], s[LIMIT_SIDE] > 0):
            fill_limit(3, s[LIMIT], s[LIMIT], AT_CLOSE, price, s, f)
        s[LIMIT_TAKING] = 0
        s[LIMIT_LATE] = 0
    if s[PENDING] != NONE and s[THIS_CLOSE]:
        fill_market(3, price, AT_CLOSE, price, s, f)
        if s[THEN] != 0:
            send_entry(s[THEN], price, price, s[BAR], f[RANGE], s, f)
            s[THEN] = 0


@part
def high_comes_first(price: int, high: int, low: int, close: int, s: Array) -> bool:
    """Which extreme a bar visits first (simulation/models/path.py), as it is chosen when the open has passed."""
    if s[PATH] == HIGH_FIRST or s[PATH] == LOW_FIRST:
        return bool(s[PATH] == HIGH_FIRST)
    if s[PATH] == WORST and s[STOP] > 0:
        above, below = price < s[STOP] <= high, low <= s[STOP] < price
        if above != below:
            return bool(above)
    up, down = high - price, price - low
    return bool(up < down or (up == down and close < price))


@part
def walk(signal: int, price: int, high: int, low: int, close: int, s: Array, f: Array) -> None:
    """One bar, point by point; prices in ticks. s[BAR], s[CLOSE_BEFORE] and the ranges are the bar's."""
    s[ARRIVED] = AT_OPEN
    s[MOVED] = 0
    at_open(price, s, f)
    second, third = low, high
    if waits(s):
        if high_comes_first(price, high, low, close, s):
            second, third = high, low
        on_leg(1, price, second, price, s, f)
        on_leg(2, second, third, price, s, f)
    if s[THIS_CLOSE]:
        decide(signal, close, s, f)
    if waits(s):
        on_leg(3, third, close, price, s, f)
    at_close(close, s, f)
    if not s[THIS_CLOSE]:
        decide(signal, close, s, f)


@part
def waits(s: Array) -> bool:
    """Whether anything can meet the price on its way."""
    return bool(s[STOP] > 0 or s[PROFIT] > 0 or s[LIMIT] > 0 or s[PENDING] == FOLLOW)
