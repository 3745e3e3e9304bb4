"""A made-up market, for examples, demos and tests: a geometric random walk.

- The log return of each candle is normal and independent of the others: no trend, no clustering, no jumps.
- A candle opens where the one before closed; its high and low reach beyond its body by half-normal amounts.
- The value traded is log-normal around `turnover` and does not depend on the move.
- One seed gives one history, byte for byte: every draw comes from np.random.default_rng(seed), in a fixed order.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from orderwright.core.model import Instrument
from orderwright.errors import InputError
from orderwright.market.candles import Candles, check_candles
from orderwright.market.grid import Ints

MINUTE = 60_000_000
START = 1_704_067_200_000_000  # 2024-01-01T00:00:00Z


def random_candles(
    seed: int,
    n: int,
    instrument: Instrument,
    *,
    start: int = START,
    interval: int = MINUTE,
    start_price: Decimal = Decimal(50_000),
    volatility: float = 0.0005,
    turnover: float = 1_000_000.0,
) -> Candles:
    """n seeded candles of `instrument`, the first opening at `start` (microseconds) and at `start_price`.

    interval: microseconds. volatility: standard deviation of one candle's log return (0.0005 a minute is some 36 % a
    year). turnover: median value traded in one candle, in quote units. Raises InputError for arguments out of range.
    """
    _check(n, interval, start_price, volatility, turnover)
    draw = np.random.default_rng(seed)
    returns = draw.normal(0.0, volatility, n)
    above, below = np.abs(draw.normal(0.0, volatility / 2, (2, n)))
    value = turnover * np.exp(draw.normal(0.0, 0.5, n))

    first_tick = max(instrument.ticks(start_price), 1)
    path = first_tick * np.exp(np.cumsum(returns))
    close = _on_grid(path)
    open_ = np.concatenate([[first_tick], close[:-1]]).astype(np.int64)[:n]
    high = np.maximum(_on_grid(np.maximum(open_, close) * (1 + above)), np.maximum(open_, close))
    low = np.minimum(_on_grid(np.minimum(open_, close) * (1 - below)), np.minimum(open_, close))
    volume = _on_grid(value / (close * float(instrument.tick_size)) / float(instrument.step_size))
    times = start + interval * np.arange(n, dtype=np.int64)
    candles = Candles(instrument.symbol, instrument, interval, times, open_, high, low, close, volume)
    check_candles(candles)
    return candles


def _on_grid(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Ints:
    """The nearest whole number of ticks or steps; at least one, and no more than int64 holds."""
    return np.clip(np.rint(values), 1, 2.0**62).astype(np.int64)


def _check(n: int, interval: int, start_price: Decimal, volatility: float, turnover: float) -> None:
    positive: dict[str, float | Decimal] = {
        "n": n,
        "interval": interval,
        "start_price": start_price,
        "turnover": turnover,
    }
    for field, value in positive.items():
        if not value > 0:
            raise InputError(f"{value} is not positive", field=field, value=value)
    if not 0 <= volatility <= 1:
        raise InputError(f"{volatility} is not between 0 and 1", field="volatility", value=volatility)
