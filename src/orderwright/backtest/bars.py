"""Bars: what a backtest runs on. Checked on the way in, once; floats for indicators, ticks and steps for money."""

from __future__ import annotations

from typing import Any

from orderwright.backtest.admitting import read
from orderwright.backtest.columns import Bars
from orderwright.core.model import Instrument


def read_bars(
    data: Any, symbol: str, *, instrument: Instrument | None = None, interval: int | None = None, source: str = ""
) -> Bars:
    """Bars from a DataFrame, a mapping of names to arrays, `Candles`, or the path of a file; `Bars` stay what they are.

    Columns open, high, low, close and (may be missing) volume are found by name in any case; times are the index, or a
    column timestamp, date or time: text, epoch or datetime. symbol: BTC/USDT in any form; a name without a quote asset
    (GOOG) is taken in USD. instrument: its tick and step; without one the tick is the coarsest decimal grid that holds
    every price, the step as fine as it can be (1e-8 and coarser), and prices of more than 8 decimal places are rounded,
    which a note says. interval: microseconds, else the most common distance. source: what errors call the data.

    Columns are copied (of more than 2^18 bars: times and closes alone), and those of `Bars` are read-only.

    Raises InputError, before anything is done, for the first thing that cannot be trusted: a missing column, times that
    do not increase, a price that is missing, not positive, off the tick or out of its bar, fewer than two bars.
    """
    return read(data, symbol, instrument, interval, source)


__all__ = ["Bars", "read_bars"]
