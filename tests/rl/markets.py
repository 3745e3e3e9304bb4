"""Small markets for the tests of the environments."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
from msgspec import structs

from orderwright.core.model import Instrument
from orderwright.market.candles import Candles
from orderwright.market.random_market import random_candles
from tests.builders import an_instrument

MINUTE = 60_000_000


def candles_at(*closes: float, instrument: Instrument | None = None, opens: tuple[float, ...] = ()) -> Candles:
    """Candles that close there; each opens where the one before closed, unless `opens` say otherwise."""
    instrument = instrument or an_instrument()
    close = np.array([instrument.ticks(Decimal(str(price))) for price in closes])
    begins = opens or (closes[0], *closes[:-1])
    open_ = np.array([instrument.ticks(Decimal(str(price))) for price in begins])
    high, low = np.maximum(open_, close), np.minimum(open_, close)
    times = MINUTE * np.arange(1, len(close) + 1)
    return Candles(instrument.symbol, instrument, MINUTE, times, open_, high, low, close, np.full(len(close), 10**7))


def walk(seed: int, n: int = 400, **changes: Any) -> Candles:
    """A wild random walk that gaps: an open is not the close before it."""
    instrument = structs.replace(an_instrument(), min_notional=Decimal(5))
    made = random_candles(seed, n, instrument, start_price=Decimal(1_000), volatility=0.01, **changes)
    gaps = np.random.default_rng(seed).normal(0, 0.002, n)
    open_ = np.maximum(np.rint(made.open * np.exp(gaps)), 1).astype(np.int64)
    high, low = np.maximum(made.high, open_), np.minimum(made.low, open_)
    return Candles(made.symbol, instrument, made.interval, made.times, open_, high, low, made.close, made.volume)
