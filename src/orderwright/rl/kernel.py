"""The arithmetic of `VectorTradingEnv`: many markets, one candle on, in one call. Numba; `kernel_numpy.py` is its twin.

It does for market orders what an episode on the order engine does (episode.py, `Episode.hold`), by the same rules:

1. The position wanted is floor(|share| x equity / close / step) steps, equity at the close.
2. What is held on the other side is closed first; the entry follows at the same open, sized by the money there is then,
   and at that open.
3. What adds takes at most what the free money pays for at the close, commission and a buy's slippage included. On a
   linear contract the cost of what is held is not free.
4. An order below the exchange's smallest quantity or value is not sent.
5. It fills at the next open, slippage added and rounded to the tick against it. A spot buy that meets a dearer open
   takes what the money pays for.

Prices are ticks and holdings are steps, int64, so slippage is exact; money is float64. SLACK is what a quotient may be
below a whole number of steps and still count as it: the orders engine, in Decimal, has no such doubt.

One loop over the markets holds the arrays; the rest is arithmetic on numbers. A function that is handed the arrays
costs as much as all it does.
"""

from __future__ import annotations

from math import floor, log, sqrt
from typing import Any

import numpy as np
from numba import typeof, types

from orderwright.backtest.compiling import kernel, part
from orderwright.rl.kernel_records import (
    CLOSE,
    DISCRETE,
    NO_RATES,
    OPEN,
    PROFIT,
    RETURN,
    SCALE,
    SHOWN,
    SLACK,
    SMALLEST,
    Accounts,
    Data,
    Floats,
    Rates,
    Seen,
)
from orderwright.rl.market import BOUND
from orderwright.rl.rewards import LARGEST, LEAST_EQUITY, LEAST_VARIANCE

Account = tuple[float, int, float]
"""cash: quote units; units: steps, signed; basis: quote units, what a linear position was opened for, signed."""

_WHOLE, _REAL, _FLAG, _SMALL = np.zeros(1, np.int64), np.zeros(1), np.zeros(1, np.bool_), np.zeros((1, 1), np.float32)
_ACTIONS, _DATA, _ACCOUNTS, _RATES, _SEEN = map(
    typeof,
    (
        _REAL,
        Data(np.zeros((1, 2), np.int64), _SMALL),
        Accounts(_WHOLE, _WHOLE, _FLAG, _REAL, _WHOLE, _REAL, _REAL, _REAL, _REAL),
        NO_RATES,
        Seen(_SMALL, _REAL, _FLAG, _FLAG, _SMALL[0]),
    ),
)
_CHECKED: Any = types.int64(_ACTIONS, types.float64, types.float64)
_STEPPED: Any = types.void(_ACTIONS, _DATA, _ACCOUNTS, _RATES, _SEEN)


@part
def whole(quotient: float) -> int:
    """The whole steps in a quotient."""
    return floor(quotient + SLACK + quotient * 1e-15)


@part
def equity_of(account: Account, close: int, rates: Rates) -> float:
    """Quote units, at a close."""
    cash, units, basis = account
    return cash + units * rates.step * close * rates.tick - basis


@part
def wanted_by(share: float, account: Account, close: int, rates: Rates) -> int:
    """The position that a share of equity is, in steps."""
    worth = max(equity_of(account, close, rates), 0.0)
    steps = whole(abs(share) * worth / (close * rates.tick * rates.step))
    return steps if share > 0.0 else -steps


@part
def affordable(account: Account, buy: bool, close: int, rates: Rates) -> int:
    """What the free money opens at the close, costs included, in steps."""
    free = max(account[0] - abs(account[2]), 0.0)
    price = close * rates.tick * (1.0 + rates.slip / rates.slip_of if buy else 1.0)
    return whole(free / (price * (1.0 + rates.fee) * rates.step))


@part
def booked(account: Account, quantity: int, value: float, rates: Rates) -> Account:
    """The account after a fill of a signed quantity."""
    cash, units, basis = account
    signed = value if quantity > 0 else -value
    if not rates.linear:
        cash -= signed
    elif units == 0 or (units > 0) == (quantity > 0):
        basis += signed
    else:  # it closes: whoever would flip has closed before
        share = basis * (abs(quantity) / abs(units))
        cash -= signed + share
        basis = basis - share if abs(quantity) < abs(units) else 0.0
    return cash - value * rates.fee, units + quantity, basis


@part
def traded(account: Account, quantity: int, close: int, opens: int, rates: Rates) -> tuple[Account, float]:
    """The account after a market order for a signed quantity at the next open, and the value traded."""
    buy, size = quantity > 0, min(abs(quantity), rates.most_units)
    expected = close * rates.tick * (1.0 if buy else 1.0 - rates.slip / rates.slip_of)
    if size < rates.least_units or size * rates.step * expected < rates.least_value:
        return account, 0.0
    worse = -((-opens * rates.slip) // rates.slip_of)
    price = (opens + worse if buy else max(opens - worse, 1)) * rates.tick
    if buy and not rates.linear and size * rates.step * price * (1.0 + rates.fee) > account[0]:
        size = min(size, whole(account[0] / (price * (1.0 + rates.fee) * rates.step)))
    value = size * rates.step * price
    return booked(account, size if buy else -size, value, rates), value


@part
def moved(account: Account, share: float, close: int, opens: int, rates: Rates) -> tuple[Account, float]:
    """The account when its position has been brought to a share of equity, and the value traded."""
    wanted, have, closed = wanted_by(share, account, close, rates), account[1], 0.0
    if have != 0 and (wanted == 0 or (have > 0) != (wanted > 0)):
        account, closed = traded(account, -have, close, opens, rates)
        if wanted == 0 or account[1] != 0:
            return account, closed
        have, close = 0, opens
        wanted = wanted_by(share, account, close, rates)
    quantity = wanted - have
    if abs(wanted) > abs(have):
        most = affordable(account, quantity > 0, close, rates)
        quantity = min(quantity, most) if quantity > 0 else max(quantity, -most)
    account, value = traded(account, quantity, close, opens, rates)
    return account, closed + value


@part
def share_of(action: float, units: int, rates: Rates) -> tuple[bool, float]:
    """Whether an action wants a position, and which share of equity."""
    if rates.actions != DISCRETE:
        return True, action if abs(action) >= SMALLEST else 0.0
    if action == 1.0 and units <= 0:
        return True, rates.size
    if action == 2.0 and (units > 0 or (rates.other != 0.0 and units == 0)):
        return True, rates.other
    return False, 0.0


@part
def sharpened(earned: float, mean: float, square: float) -> float:
    """The differential Sharpe ratio: see rewards.py."""
    more, squarer, variance = earned - mean, earned * earned - square, square - mean * mean
    if variance <= LEAST_VARIANCE:
        return 0.0
    return min(max((square * more - 0.5 * mean * squarer) / (variance * sqrt(variance)), -LARGEST), LARGEST)


@part
def bounded(number: float) -> float:
    """Within what can be observed."""
    return min(max(number, -BOUND), BOUND)


@kernel(_CHECKED, error_model="numpy")
def first_bad(actions: Floats, least: float, most: float) -> int:
    """The first market whose action is out of bounds; -1 where there is none."""
    for market in range(len(actions)):
        if not least <= actions[market] <= most:
            return market
    return -1


@kernel(_STEPPED, error_model="numpy", nogil=True)
def step(actions: Floats, data: Data, accounts: Accounts, rates: Rates, seen: Seen) -> None:
    """Every market acts, goes on by a candle and is observed; one that is fresh is only observed. actions: one a
    market, checked."""
    observations, window, prices = seen.observations, rates.window, rates.prices
    columns = data.table.shape[1] - SHOWN
    touched = 0.0
    for market in range(len(actions)):  # all at once the next candles come from memory sooner than one by one below
        after = accounts.at[market] + 1
        if after < len(data.ticks):
            touched += data.table[after, RETURN] + data.ticks[after, CLOSE]
    seen.scratch[0] = touched
    for market in range(len(actions)):
        at, worth = accounts.at[market], accounts.equity[market]
        account = (accounts.cash[market], accounts.units[market], accounts.basis[market])
        reward, over, ruined = 0.0, False, False
        if accounts.fresh[market]:
            accounts.fresh[market] = False
        else:
            before, value = worth, 0.0
            acts, share = share_of(actions[market], account[1], rates)
            if acts:
                close, opens = data.ticks[at, CLOSE], data.ticks[at + 1, OPEN]
                account, value = moved(account, share, close, opens, rates)
                accounts.cash[market], accounts.units[market], accounts.basis[market] = account
            at += 1
            worth = equity_of(account, data.ticks[at, CLOSE], rates)
            accounts.at[market], accounts.equity[market] = at, worth
            over, ruined = at >= accounts.end[market], worth < rates.ruin
            if rates.reward == PROFIT:
                reward = log(max(worth, LEAST_EQUITY) / max(before, LEAST_EQUITY))
            else:
                earned, mean, square = (
                    worth / max(before, LEAST_EQUITY) - 1.0,
                    accounts.mean[market],
                    accounts.square[market],
                )
                reward = sharpened(earned, mean, square)
                accounts.mean[market] = mean + rates.rate * (earned - mean)
                accounts.square[market] = square + rates.rate * (earned * earned - square)
            if rates.cost != 0.0 and before > 0.0:
                reward -= rates.cost * value / before
        seen.rewards[market], seen.terminated[market], seen.truncated[market] = reward, ruined, over

        anchor, anchors, first = np.float32(0.0), seen.scratch, at - window + 1
        for back in range(window):  # how far each close is from the last
            anchors[window - 1 - back] = anchor
            anchor -= data.table[at - back, RETURN]
        scale = abs(data.table[at, SCALE])
        for column in range(prices):
            for back in range(window):
                shown = (data.table[first + back, SHOWN + column] + anchors[back]) * scale
                observations[market, column * window + back] = shown
        for column in range(prices, columns):
            for back in range(window):
                observations[market, column * window + back] = data.table[first + back, SHOWN + column]
        put = columns * window
        if data.table[at, SCALE] < 0.0:  # something is out of bounds
            for index in range(put):
                observations[market, index] = bounded(observations[market, index])
        cash, units, basis = account
        worth_something = max(worth, LEAST_EQUITY)
        observations[market, put] = bounded(units * rates.step * data.ticks[at, CLOSE] * rates.tick / worth_something)
        observations[market, put + 1] = bounded((cash - abs(basis)) / worth_something)
        observations[market, put + 2] = bounded(worth / rates.initial)
