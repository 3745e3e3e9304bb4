"""The twin of kernel.py in plain NumPy: the same rules, all markets at once, nothing to compile. For reading, for
tests, and for machines where compiling is not wanted (`VectorTradingEnv(kernel="numpy")`); some five times slower."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from orderwright.rl.kernel_records import (
    CLOSE,
    DISCRETE,
    OPEN,
    PROFIT,
    RETURN,
    SCALE,
    SHOWN,
    SLACK,
    SMALLEST,
    Accounts,
    Data,
    Rates,
    Seen,
)
from orderwright.rl.kernel_records import Ints as Steps
from orderwright.rl.market import BOUND, Floats
from orderwright.rl.rewards import LARGEST, LEAST_EQUITY, LEAST_VARIANCE

Bools = NDArray[np.bool_]


def first_bad(actions: Floats, least: float, most: float) -> int:
    """The first market whose action is out of bounds; -1 where there is none."""
    bad = ~((actions >= least) & (actions <= most))
    return int(bad.argmax()) if bad.any() else -1


def step(actions: Floats, data: Data, accounts: Accounts, rates: Rates, seen: Seen) -> None:
    """Every market acts and goes on by a candle."""
    acts, before = ~accounts.fresh, accounts.equity.copy()
    traded = _act(actions, acts, data, accounts, rates)
    accounts.at[acts] += 1
    after = np.where(acts, _equity(data.ticks[accounts.at, CLOSE], accounts, rates), before)
    accounts.equity[:] = after
    seen.rewards[:] = np.where(acts, _rewards(acts, before, after, traded, accounts, rates), 0.0)
    seen.terminated[:] = acts & (after < rates.ruin)
    seen.truncated[:] = acts & (accounts.at >= accounts.end)
    accounts.fresh[:] = False
    _see(data, accounts, rates, seen)


def _see(data: Data, accounts: Accounts, rates: Rates, seen: Seen) -> None:
    """What every market looks like now."""
    at, window, observations = accounts.at, rates.window, seen.observations
    rows = at[:, None] - np.arange(window - 1, -1, -1)
    table = data.table[rows]
    scale = np.abs(data.table[at, SCALE])[:, None]
    returns = table[:, :, RETURN].astype(np.float64)
    anchor = -(np.cumsum(returns[:, ::-1], axis=1)[:, ::-1] - returns)
    columns = table.shape[2] - SHOWN
    for column in range(columns):
        shown = table[:, :, SHOWN + column]
        shown = (shown + anchor) * scale if column < rates.prices else shown
        observations[:, column * window : (column + 1) * window] = np.clip(shown, -BOUND, BOUND)
    put = columns * window
    equity = np.maximum(accounts.equity, LEAST_EQUITY)
    held = accounts.units * rates.step * data.ticks[at, CLOSE] * rates.tick
    free = accounts.cash - np.abs(accounts.basis)
    parts = (held / equity, free / equity, accounts.equity / rates.initial)
    observations[:, put:] = np.clip(np.column_stack(parts), -BOUND, BOUND)


def _act(actions: Floats, acts: Bools, data: Data, accounts: Accounts, rates: Rates) -> Floats:
    """Bring positions to where the actions want them; the values traded."""
    have, share = accounts.units.copy(), actions
    if rates.actions == DISCRETE:
        long = (actions == 1.0) & (have <= 0)
        other = (actions == 2.0) & ((have > 0) | ((have == 0) & (rates.other != 0.0)))
        share = np.where(long, rates.size, rates.other)
        acts = acts & (long | other)
    share = np.where(np.abs(share) < SMALLEST, 0.0, share)
    close = data.ticks[accounts.at, CLOSE]
    opens = data.ticks[np.minimum(accounts.at + 1, len(data.ticks) - 1), OPEN]
    wanted = _wanted(share, close, accounts, rates)
    closing = acts & (have != 0) & ((wanted == 0) | ((have > 0) != (wanted > 0)))
    traded = _trade(np.where(closing, -have, 0), close, opens, accounts, rates)
    going_on = acts & ~(closing & ((wanted == 0) | (accounts.units != 0)))
    close = np.where(closing, opens, close)
    have, wanted = accounts.units.copy(), _wanted(share, close, accounts, rates)
    quantity = wanted - have
    most = _affordable(quantity > 0, close, accounts, rates)
    limited = np.clip(quantity, -most, most)
    quantity = np.where(np.abs(wanted) > np.abs(have), limited, quantity)
    total: Floats = traded + _trade(np.where(going_on, quantity, 0), close, opens, accounts, rates)
    return total


def _wanted(share: Floats, close: Steps, accounts: Accounts, rates: Rates) -> Steps:
    worth = np.maximum(_equity(close, accounts, rates), 0.0)
    steps = _whole(np.abs(share) * worth / (close * rates.tick * rates.step))
    return np.where(share > 0.0, steps, -steps)


def _affordable(buy: Bools, close: Steps, accounts: Accounts, rates: Rates) -> Steps:
    free = np.maximum(accounts.cash - np.abs(accounts.basis), 0.0)
    price = close * rates.tick * np.where(buy, 1.0 + rates.slip / rates.slip_of, 1.0)
    return _whole(free / (price * (1.0 + rates.fee) * rates.step))


def _trade(quantity: Steps, close: Steps, opens: Steps, accounts: Accounts, rates: Rates) -> Floats:
    """Market orders for signed quantities at the next open; the values traded."""
    buy, size = quantity > 0, np.minimum(np.abs(quantity), rates.most_units)
    expected = close * rates.tick * np.where(buy, 1.0, 1.0 - rates.slip / rates.slip_of)
    enough = (size >= rates.least_units) & (size * rates.step * expected >= rates.least_value)
    worse = -((-opens * rates.slip) // rates.slip_of)
    price = np.where(buy, opens + worse, np.maximum(opens - worse, 1)) * rates.tick
    if not rates.linear:
        each = price * (1.0 + rates.fee)
        short = buy & (size * rates.step * each > accounts.cash)
        size = np.where(short, np.minimum(size, _whole(accounts.cash / (each * rates.step))), size)
    size = np.where(enough, size, 0)
    value: Floats = size * rates.step * price
    _book(np.where(buy, size, -size), value, accounts, rates)
    return value


def _book(quantity: Steps, value: Floats, accounts: Accounts, rates: Rates) -> None:
    """Move what fills move."""
    have, signed = accounts.units, np.where(quantity > 0, value, -value)
    if not rates.linear:
        accounts.cash[:] -= signed
    else:
        opening = (have == 0) | ((have > 0) == (quantity > 0))
        share = accounts.basis * np.abs(quantity) / np.maximum(np.abs(have), 1)
        accounts.cash[:] -= np.where(opening, 0.0, signed + share)
        left = np.where(np.abs(quantity) < np.abs(have), accounts.basis - share, 0.0)
        accounts.basis[:] = np.where(opening, accounts.basis + signed, left)
    accounts.cash[:] -= value * rates.fee
    accounts.units[:] += quantity


def _equity(close: Steps, accounts: Accounts, rates: Rates) -> Floats:
    held = accounts.units * rates.step * close * rates.tick
    worth: Floats = accounts.cash + held - accounts.basis
    return worth


def _whole(quotient: Floats) -> Steps:
    return np.floor(quotient + SLACK + quotient * 1e-15).astype(np.int64)


def _rewards(acts: Bools, before: Floats, after: Floats, traded: Floats, accounts: Accounts, rates: Rates) -> Floats:
    """See rewards.py."""
    if rates.reward == PROFIT:
        rewards = np.log(np.maximum(after, LEAST_EQUITY) / np.maximum(before, LEAST_EQUITY))
    else:
        earned = after / np.maximum(before, LEAST_EQUITY) - 1.0
        mean, square = accounts.mean.copy(), accounts.square.copy()
        more, squarer, variance = earned - mean, earned * earned - square, square - mean * mean
        accounts.mean[acts] += rates.rate * more[acts]
        accounts.square[acts] += rates.rate * squarer[acts]
        enough = np.maximum(variance, LEAST_VARIANCE)
        added = np.clip((square * more - 0.5 * mean * squarer) / (enough * np.sqrt(enough)), -LARGEST, LARGEST)
        rewards = np.where(variance > LEAST_VARIANCE, added, 0.0)
    return rewards - rates.cost * traded / np.where(before > 0.0, before, np.inf)
