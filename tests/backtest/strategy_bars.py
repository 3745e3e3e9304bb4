"""Bars for the tests of strategies."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace
from numpy.typing import ArrayLike

from orderwright.backtest.bars import Bars
from orderwright.backtest.paper import bars_of
from orderwright.core.numbers import ZERO
from orderwright.market.candles import candles_from_floats
from orderwright.market.instruments import default_instrument

MINUTE = 60_000_000
BTC = replace(default_instrument("BTC/USDT"), min_notional=ZERO)
"""Without a least value, which the kernel knows nothing of."""


def bars_with(close: ArrayLike, reach: float = 0.0) -> Bars:
    """Bars that open where they close, and go `reach` above and below."""
    at = np.array(close, dtype=np.float64)
    times = MINUTE * np.arange(1, len(at) + 1)
    return bars_of(candles_from_floats(BTC, times, (at, at + reach, at - reach, at), np.ones(len(at)), interval=MINUTE))
