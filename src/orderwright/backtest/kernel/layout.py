"""Where each number stands in the arrays that the kernels work on, and how `Rules` become such arrays.

Compiled code wants arrays, people want names: these are the names.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from orderwright.backtest.outcome import Floats, Ints
from orderwright.backtest.rules import PATHS, Rules, TargetPosition, VolatilityRisk
from orderwright.backtest.sizes import fixed_steps, share_of, sizing_kind
from orderwright.core.model import Instrument
from orderwright.core.numbers import text
from orderwright.errors import InputError

# Settings, whole numbers. A fraction is two of them, top and bottom; a top of -1 is "off".
SHORTS, LINEAR, THIS_CLOSE, SIZING, PATH, LIMIT_BARS, FIXED_STEPS, WINDOW = range(8)
SLIPPAGE, STOP_LOSS, TAKE_PROFIT, TRAILING, LIMIT_ENTRY = range(8, 18, 2)
SETTINGS = 18

# Settings, floats. Pairs are twice floats (money.py).
TICK, STEP, COMMISSION, SHARE, UNIT, UNIT_LOW, FEE, FEE_LOW, INITIAL, INITIAL_LOW = range(10)
FACTORS = 10

# State, whole numbers, behind the settings: steps are signed where they say what is held or sent. CLOSE_BEFORE: ticks
# of the bar before; LIMIT_LAST: the bar at whose decision a limit entry is cancelled.
(
    HELD, PENDING, SENT, THEN,
    LIMIT, LIMIT_SIDE, LIMIT_STEPS, LIMIT_TAKING, LIMIT_LATE, LIMIT_LAST,
    STOP, STOP_REASON, MOVED, PROFIT, PROFIT_TAKING, BEST, ARRIVED,
    BAR, CLOSE_BEFORE, FILLS, ORDERS, TIES, TRADES, WON, LOST, WAITING,
) = range(SETTINGS, SETTINGS + 26)  # fmt: skip
QUEUE = SETTINGS + 26

# State, floats, behind the factors: cash (a pair), the value at which a short was opened, cash when the position was
# flat, the average true range up to this bar and up to the one before.
CASH, CASH_LOW, SHORT_VALUE, BEFORE, RANGE, RANGE_BEFORE = range(FACTORS, FACTORS + 6)
PAID = FACTORS + 6

# The fills of a bar wait here for their rows: so many at most, of so many numbers each.
MOST_FILLS, FILL_NUMBERS, FILL_AMOUNTS = 4, 6, 2
NUMBERS, AMOUNTS = QUEUE + MOST_FILLS * FILL_NUMBERS, PAID + MOST_FILLS * FILL_AMOUNTS

# A market order on its way: to enter, to close, to bring to the target, to enter right after a close.
NONE, ENTER, CLOSE, REBALANCE, FOLLOW = range(5)

# When exits came into the bar: they see all of it, its close alone, none of it.
AT_OPEN, INSIDE, AT_CLOSE = range(3)

NEAREST, WORST, HIGH_FIRST, LOW_FIRST = range(4)
ENTRY_FILL, SIGNAL_FILL, STOP_FILL, PROFIT_FILL, TRAIL_FILL, REBALANCE_FILL = range(6)

# A fill: its whole numbers and its amounts. stage: 0 at the open, 1 and 2 at the extremes, 3 at the close.
FILL_BAR, STAGE, SIDE, PRICE, QUANTITY, REASON = range(FILL_NUMBERS)
FEE_PAID, SLIPPAGE_PAID = range(FILL_AMOUNTS)


def beginning(rules: Rules, instrument: Instrument) -> tuple[Ints, Floats]:
    """(whole numbers, floats): the rules, and the state before the first bar. Raises InputError for fractions too fine
    for exact int64 arithmetic."""
    from orderwright.backtest.kernel.money import twice

    settings, factors = np.zeros(NUMBERS, dtype=np.int64), np.zeros(AMOUNTS, dtype=np.float64)
    settings[SHORTS] = rules.allow_short
    settings[LINEAR] = rules.allow_short or instrument.linear
    settings[THIS_CLOSE] = rules.fill_at == "this_close"
    settings[SIZING] = sizing_kind(rules.sizing)
    settings[PATH] = PATHS.index(rules.path)
    settings[LIMIT_BARS] = rules.limit_bars
    settings[FIXED_STEPS] = fixed_steps(rules.sizing, instrument.step_size)
    settings[WINDOW] = rules.sizing.window if isinstance(rules.sizing, VolatilityRisk) else 1
    fractions = {
        SLIPPAGE: ("slippage", rules.slippage),
        STOP_LOSS: ("stop_loss", rules.stop_loss),
        TAKE_PROFIT: ("take_profit", rules.take_profit),
        TRAILING: ("trailing_stop", rules.trailing_stop),
        LIMIT_ENTRY: ("limit_entry", rules.limit_entry),
    }
    for place, (name, fraction) in fractions.items():
        settings[place : place + 2] = (-1, 1) if fraction is None else _ratio(fraction, name)
    refuse_mixed(rules)
    refuse_limits(instrument)
    factors[TICK], factors[STEP] = float(instrument.tick_size), float(instrument.step_size)
    factors[COMMISSION], factors[SHARE] = float(rules.commission), share_of(rules.sizing)
    factors[UNIT : UNIT_LOW + 1] = twice(instrument.tick_size * instrument.step_size)
    factors[FEE : FEE_LOW + 1] = twice(rules.commission)
    factors[INITIAL : INITIAL_LOW + 1] = twice(rules.initial_balance)
    factors[CASH], factors[CASH_LOW] = factors[INITIAL], factors[INITIAL_LOW]
    return settings, factors


def refuse_mixed(rules: Rules) -> None:
    """A target has no limit entries and no exits: raises InputError."""
    if isinstance(rules.sizing, TargetPosition):
        for name in ("stop_loss", "take_profit", "trailing_stop", "limit_entry"):
            if getattr(rules, name) is not None:
                message = "TargetPosition moves a position at every signal; limit entries and exits belong to one entry"
                raise InputError(message, field=name, value=getattr(rules, name), nearest="None, or PercentOfEquity")


def limit_beyond(instrument: Instrument) -> str:
    """The first limit of an instrument that the kernel knows nothing of ("min_notional 5"); "" where there is none, and
    it can run it. The kernel knows the tick, the step, and a minimum of one step."""
    if not instrument.trading:
        return "trading False"
    if instrument.min_quantity > instrument.step_size:
        return f"min_quantity {text(instrument.min_quantity)}"
    if instrument.min_notional > 0:
        return f"min_notional {text(instrument.min_notional)}"
    for name in ("max_quantity", "market_max_quantity", "max_notional", "price_min", "price_max"):
        limit = getattr(instrument, name)
        if limit is not None:
            return f"{name} {text(limit)}"
    return ""


def refuse_limits(instrument: Instrument) -> None:
    """Raises InputError for an instrument with a limit that only the order engine keeps to."""
    if limit := limit_beyond(instrument):
        message = f"the kernel cannot run it: {instrument.symbol} has {limit}, which the order engine keeps to"
        raise InputError(message, field="engine", value="kernel", nearest="orders")


def _ratio(fraction: Decimal, name: str) -> tuple[int, int]:
    top, bottom = fraction.as_integer_ratio()
    if top * bottom >= 2**62 or bottom > 10**9:
        near = text(round(fraction, 9))
        raise InputError(f"{text(fraction)} is finer than 9 decimal places", field=name, value=fraction, nearest=near)
    return top, bottom
