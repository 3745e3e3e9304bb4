"""How large an order is: the one rule of both engines, in float64 and in this order of operations, so that both get the
same number from the same balance.

    unit = price x tick x step x (1 + commission)      what one step costs, commission included
    x    = the steps that are wanted, at most balance / unit
    size = floor(x + 1e-9), less one if that costs more than the balance

price: ticks, what the order is expected to pay: for a buy the market's price with slippage on top; for a sell (of a
short) the market's price, at which its margin is reckoned; for a limit its price. Wanted are

- PercentOfEquity, TargetPosition: percent / 100 x balance / unit (the target's balance is equity at the close);
- FixedQuantity: its whole steps;
- VolatilityRisk: balance x percent / 100 / (ATR x step).

A size whose x is so near to a whole number that exact arithmetic could decide otherwise is a tie, and counted.
"""

from __future__ import annotations

import math
from decimal import Decimal

from orderwright.backtest.rules import FixedQuantity, PercentOfEquity, Sizing, TargetPosition, VolatilityRisk
from orderwright.core.numbers import text
from orderwright.errors import InputError

PERCENT, FIXED, TARGET, VOLATILITY = range(4)
SLACK = 1e-9
NEAR = 8 * 2.0**-52  # what a handful of roundings can move x by, as a share of it
LARGEST = 2.0**52  # above this float64 has no halves


def unit_cost(price: int, tick: float, step: float, commission: float) -> float:
    """What one step costs at a price in ticks, in quote units, commission included."""
    return price * tick * step * (1.0 + commission)


def whole(x: float, balance: float, unit: float) -> tuple[int, bool]:
    """(steps, whether it was a tie) for x steps wanted."""
    x = min(max(x, 0.0), LARGEST)
    steps = math.floor(x + SLACK)
    if steps * unit > balance:
        steps -= 1
    return max(steps, 0), abs(x - math.floor(x + 0.5)) <= SLACK + NEAR * x


def at_most(wanted: int, balance: float, unit: float) -> tuple[int, bool]:
    """(steps, whether it was a tie) for whole steps wanted, less where the balance does not pay for them."""
    most = balance / unit
    if wanted < most * (1.0 - NEAR) - SLACK:
        return wanted, False
    steps, tie = whole(most, balance, unit)
    return min(wanted, steps), tie


def entry_steps(
    kind: int, share: float, fixed: int, atr: float, step: float, balance: float, unit: float
) -> tuple[int, bool]:
    """The size of an entry (of a target: of all of it), in steps, and whether it was a tie. share: percent / 100.
    fixed: steps. atr: as `mean_range`; below 0 where there are too few bars, and then nothing is bought."""
    if kind == FIXED:
        return at_most(fixed, balance, unit)
    if kind == VOLATILITY:
        if atr < 0.0:
            return 0, False
        most = balance / unit
        return whole(min(balance * share / (atr * step), most) if atr > 0.0 else most, balance, unit)
    return whole(balance / unit * share, balance, unit)


def true_range(high: int, low: int, close_before: int) -> int:
    """Ticks: how far the price went in a bar, the gap before it included."""
    return max(high, close_before) - min(low, close_before)


def mean_range(ranges: int, window: int, tick: float) -> float:
    """The average true range in quote units, of the sum of the last `window` true ranges in ticks."""
    return ranges / window * tick


def sizing_kind(sizing: Sizing) -> int:
    """Which of the four it is."""
    match sizing:
        case PercentOfEquity():
            return PERCENT
        case FixedQuantity():
            return FIXED
        case TargetPosition():
            return TARGET
        case VolatilityRisk():
            return VOLATILITY


def share_of(sizing: Sizing) -> float:
    """percent / 100; 1 for a fixed quantity."""
    return 1.0 if isinstance(sizing, FixedQuantity) else float(sizing.percent / 100)


def fixed_steps(sizing: Sizing, step_size: Decimal) -> int:
    """The whole steps of a fixed quantity; 0 for any other. Raises InputError for one below a step."""
    if not isinstance(sizing, FixedQuantity):
        return 0
    steps = int(sizing.quantity // step_size)
    if steps < 1 or steps > LARGEST:
        near = step_size if steps < 1 else step_size * int(LARGEST)
        message = f"{text(sizing.quantity)} is not a number of steps of {text(step_size)}"
        raise InputError(message, field="sizing.quantity", value=sizing.quantity, nearest=text(near))
    return steps
