"""Prices and cash of the kernel: what a level is, what a taker pays, what the money pays for, a fill booked.

`s` and `f` are the whole numbers and the floats of layout.py: settings and state in one array each, since every array
that compiled code hands on costs.
"""

from __future__ import annotations

import math
from typing import Any

from orderwright.backtest import sizes
from orderwright.backtest.compiling import part
from orderwright.backtest.kernel.layout import (
    ARRIVED,
    BAR,
    BEFORE,
    BEST,
    CASH,
    CASH_LOW,
    COMMISSION,
    FEE,
    FEE_LOW,
    FILL_AMOUNTS,
    FILL_BAR,
    FILL_NUMBERS,
    HELD,
    LOST,
    ORDERS,
    PAID,
    PRICE,
    PROFIT,
    PROFIT_TAKING,
    QUANTITY,
    QUEUE,
    REASON,
    SHORT_VALUE,
    SIDE,
    SLIPPAGE,
    STAGE,
    STEP,
    STOP,
    STOP_FILL,
    STOP_LOSS,
    STOP_REASON,
    TAKE_PROFIT,
    TICK,
    TRADES,
    TRAIL_FILL,
    TRAILING,
    UNIT,
    UNIT_LOW,
    WAITING,
    WON,
)
from orderwright.backtest.kernel.money import add, times, two_product

Array = Any  # a NumPy array of the type in the kernels' signatures

unit_cost = part(sizes.unit_cost)
_NEAR, _LARGEST, _NOISE = sizes.NEAR, sizes.LARGEST, 2.0**-90


@part
def ticks_of(price: float, tick: float) -> int:
    """The whole ticks of a price that was checked to be on its tick."""
    return math.floor(price / tick + 0.5)


@part
def moved(price: int, up: bool, s: Array, fraction: int) -> int:
    """A price moved by one of the rules' fractions, rounded to the tick away from it, never below one tick. No product
    here exceeds int64."""
    top, bottom = s[fraction], s[fraction + 1]
    if top == 0:
        return price
    whole = price // bottom
    distance: int = whole * top + ((price - whole * bottom) * top + bottom - 1) // bottom
    return price + distance if up else max(price - distance, 1)


@part
def reaches(price: int, level: int, falling: bool) -> bool:
    """Whether a price is at or beyond a level that is reached by falling (or by rising) prices."""
    return price <= level if falling else price >= level


@part
def taken(price: int, buy: bool, limit: int, s: Array) -> int:
    """What a taker pays where the market asks `price`; never worse than its limit (0: it has none)."""
    slipped = moved(price, buy, s, SLIPPAGE)
    if limit == 0:
        return slipped
    return min(slipped, limit) if buy else max(slipped, limit)


@part
def cash_after(price: int, steps: int, side: int, f: Array) -> tuple[float, float, float]:
    """(cash after a fill, as a pair; the value of the fill)."""
    high, low = two_product(float(price), float(steps))
    high, low = times(high, low, f[UNIT], f[UNIT_LOW])
    fee, fee_low = times(high, low, f[FEE], f[FEE_LOW])
    cash, cash_low = add(f[CASH], f[CASH_LOW], -side * high, -side * low)
    cash, cash_low = add(cash, cash_low, -fee, -fee_low)
    return cash, cash_low, high


@part
def affordable(price: int, steps: int, f: Array) -> int:
    """How many of these steps the cash pays for, commission included: exactly, as money has 18 places and a pair some
    31 digits."""
    most = f[CASH] / unit_cost(price, f[TICK], f[STEP], f[COMMISSION])
    if steps < most * (1.0 - _NEAR) - 1.0:
        return steps
    fewer = min(steps, int(max(min(most, _LARGEST), 0.0)) + 1)
    while fewer > 0 and cash_after(price, fewer, 1, f)[0] < -_NOISE * f[CASH]:
        fewer -= 1
    return fewer


@part
def fill(stage: int, side: int, price: int, market: int, steps: int, reason: int, s: Array, f: Array) -> None:
    """Book a fill: cash, what is held, and the fill itself with those of its bar. market: the price without
    slippage."""
    held = s[HELD]
    if held == 0:
        f[BEFORE] = f[CASH]
    cash, cash_low, value = cash_after(price, steps, side, f)
    f[CASH], f[CASH_LOW] = cash, cash_low
    s[HELD] = held + side * steps
    if side < 0 and held <= 0:
        f[SHORT_VALUE] += value
    elif held < 0:
        f[SHORT_VALUE] *= s[HELD] / held
    if s[HELD] == 0:
        s[TRADES] += 1
        s[WON] += cash > f[BEFORE]
        s[LOST] += cash < f[BEFORE]
        s[STOP] = 0
        s[PROFIT] = 0
    at = QUEUE + s[WAITING] * FILL_NUMBERS
    s[at + FILL_BAR] = s[BAR]
    s[at + STAGE] = stage
    s[at + SIDE] = side
    s[at + PRICE] = price
    s[at + QUANTITY] = steps
    s[at + REASON] = reason
    at = PAID + s[WAITING] * FILL_AMOUNTS
    f[at] = value * f[COMMISSION]
    f[at + 1] = side * (price - market) * float(steps) * f[UNIT]
    s[WAITING] += 1


@part
def arm(price: int, touch: int, arrived: int, s: Array) -> None:
    """The exits of an entry that has filled at `price`. touch: the last price that the exchange knows."""
    long = s[HELD] > 0
    s[BEST] = price
    s[ARRIVED] = arrived
    if s[STOP_LOSS] >= 0:
        s[STOP] = moved(price, not long, s, STOP_LOSS)
        s[STOP_REASON] = STOP_FILL
    if s[TRAILING] >= 0:
        trail = moved(price, not long, s, TRAILING)
        if s[STOP] == 0 or (trail > s[STOP] if long else trail < s[STOP]):
            s[STOP] = trail
            s[STOP_REASON] = TRAIL_FILL
    if s[TAKE_PROFIT] >= 0:
        s[PROFIT] = moved(price, long, s, TAKE_PROFIT)
        s[PROFIT_TAKING] = reaches(touch, s[PROFIT], not long)
    s[ORDERS] += (s[STOP] > 0) + (s[PROFIT] > 0)
