"""Quotes and trades as arrays of ticks and steps, in order of time.

Many may share one time: exchanges stamp in milliseconds. So times never decrease, where candles' strictly increase.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orderwright.core.model import Instrument
from orderwright.core.numbers import text
from orderwright.errors import InputError
from orderwright.market.candles import check_times
from orderwright.market.grid import ARRAYS, Floats, Ints, Source, first, steps_from_floats, ticks_from_floats


@dataclass(frozen=True, slots=True, eq=False)
class Quotes:
    """n best bids and asks. times: int64[n], microseconds UTC; bid, ask: int64[n] ticks; sizes: int64[n] steps."""

    symbol: str
    instrument: Instrument
    times: Ints
    bid: Ints
    ask: Ints
    bid_size: Ints
    ask_size: Ints

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, rows: slice) -> Quotes:
        columns = (self.times, self.bid, self.ask, self.bid_size, self.ask_size)
        return Quotes(self.symbol, self.instrument, *(column[rows] for column in columns))


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """n public trades. times: int64[n], microseconds UTC; price: int64[n] ticks; size: int64[n] steps.

    aggressor: int8[n], +1 the buyer took liquidity, -1 the seller did, 0 not known.
    """

    symbol: str
    instrument: Instrument
    times: Ints
    price: Ints
    size: Ints
    aggressor: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, rows: slice) -> Trades:
        columns = (self.times[rows], self.price[rows], self.size[rows])
        return Trades(self.symbol, self.instrument, *columns, self.aggressor[rows])


def quotes_from_floats(
    instrument: Instrument,
    times: Ints,
    bid: Floats,
    ask: Floats,
    bid_size: Floats,
    ask_size: Floats,
    *,
    source: Source = ARRAYS,
) -> Quotes:
    """Quotes from columns of floats. Raises InputError for the first row that is out of order, crossed or no number."""
    times = np.array(times, dtype=np.int64)
    check_times(times, source, repeats=True)
    bids = ticks_from_floats(bid, instrument.tick_size, "bid", source)
    asks = ticks_from_floats(ask, instrument.tick_size, "ask", source)
    if (at := first(bids > asks)) is not None:
        value, limit = text(instrument.price(bids[at])), text(instrument.price(asks[at]))
        raise InputError(
            f"{value} is above the ask {limit}", field="bid", value=value, nearest=limit, where=source.at(at)
        )
    bid_sizes = steps_from_floats(bid_size, instrument.step_size, "bid_size", source)
    ask_sizes = steps_from_floats(ask_size, instrument.step_size, "ask_size", source)
    return Quotes(instrument.symbol, instrument, times, bids, asks, bid_sizes, ask_sizes)


def trades_from_floats(
    instrument: Instrument,
    times: Ints,
    price: Floats,
    size: Floats,
    aggressor: Sequence[int] | NDArray[np.int8] | None = None,
    *,
    source: Source = ARRAYS,
) -> Trades:
    """Trades from columns of floats; without `aggressor` all are 0. Raises InputError as `quotes_from_floats` does."""
    times = np.array(times, dtype=np.int64)
    check_times(times, source, repeats=True)
    prices = ticks_from_floats(price, instrument.tick_size, "price", source)
    sizes = steps_from_floats(size, instrument.step_size, "size", source)
    sides = np.zeros(len(times), dtype=np.int8) if aggressor is None else np.array(aggressor, dtype=np.int8)
    if (at := first(np.abs(sides) > 1)) is not None:
        raise InputError(f"{sides[at]} is not 1, -1 or 0", field="aggressor", value=int(sides[at]), where=source.at(at))
    return Trades(instrument.symbol, instrument, times, prices, sizes, sides)
