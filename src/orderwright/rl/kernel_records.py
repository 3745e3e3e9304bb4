"""What both kernels of `VectorTradingEnv` work on: arrays by market, and the numbers of the market."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

DISCRETE, TARGET = 0, 1
PROFIT, SHARPE = 0, 1
OPEN, CLOSE = 0, 1
RETURN, SCALE, SHOWN = 0, 1, 2
SLACK = 1e-9
SMALLEST = 1e-6


class Data(NamedTuple):
    """All candles of all markets, end to end; a candle's numbers lie together, since markets are visited in turn.

    ticks: int64[n, 2], OPEN and CLOSE. table: float32[n, 2 + columns]: RETURN, the log return of its close; SCALE, as
    in `market.Strip`, below 0 where something in its window is out of bounds; from SHOWN on the columns that are shown,
    log(price / its own close), and the volume as in `market.Strip`.
    """

    ticks: Ints
    table: NDArray[np.float32]


class Accounts(NamedTuple):
    """One entry a market. at, end: int64, the candle it is at and the last of its episode. fresh: bool, whether its
    episode has just begun, so that this step is none of its. cash: quote units. units: int64, steps, signed. basis:
    quote units, what a linear position was opened for, signed like it. equity: at the last close. mean, square: of the
    differential Sharpe ratio."""

    at: Ints
    end: Ints
    fresh: NDArray[np.bool_]
    cash: Floats
    units: Ints
    basis: Floats
    equity: Floats
    mean: Floats
    square: Floats


class Rates(NamedTuple):
    """prices: how many of the columns are prices. tick, step: sizes. fee: a fraction. slip, slip_of: slippage as a
    fraction of whole numbers. least_units, most_units: steps of an order; least_value: quote units. size, other: the
    shares that discrete actions 1 and 2 want. ruin: quote units. cost: per share of equity that is traded. rate: of
    the differential Sharpe ratio."""

    actions: int
    reward: int
    linear: bool
    window: int
    prices: int
    tick: float
    step: float
    fee: float
    slip: int
    slip_of: int
    least_units: int
    most_units: int
    least_value: float
    size: float
    other: float
    ruin: float
    cost: float
    rate: float
    initial: float


class Seen(NamedTuple):
    """What a step gives back, by market. observations: float32[markets, size]. scratch: float32[window], the
    kernel's own."""

    observations: NDArray[np.float32]
    rewards: Floats
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    scratch: NDArray[np.float32]


NO_RATES = Rates(0, 0, False, 1, 0, 1.0, 1.0, 0.0, 0, 1, 1, 1, 0.0, 1.0, 0.0, 0.0, 0.0, 0.01, 1.0)
