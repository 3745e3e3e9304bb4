"""Candles from trades, and longer candles from shorter ones: exact, in ticks and steps.

- A candle opens at a multiple of its interval since 1970, UTC; one of whole weeks on a Monday, as exchanges have it.
- It has the first, highest, lowest and last price in it and the sum of what traded. Trades of one time keep the order
  in which they came.
- Where nothing traded there is no candle: exchanges write none, `Candles.gaps` says where. With `fill_gaps` there is
  one of volume 0, which stands at the close before.
- The first and the last may be incomplete: the data began or ended within them.
"""

from __future__ import annotations

import numpy as np

from orderwright.core.model import DAY
from orderwright.core.numbers import shown_length
from orderwright.errors import InputError
from orderwright.market.candles import Candles, check_candles
from orderwright.market.feeds import Trades
from orderwright.market.grid import Ints

WEEK = 7 * DAY
_MONDAY = 4 * DAY  # the first one after the epoch, which was a Thursday
_MOST = 100_000_000


def candles_from_trades(trades: Trades, interval: int, *, fill_gaps: bool = False) -> Candles:
    """The candles of trades; `interval` in microseconds. Raises InputError for an interval that is none."""
    if interval <= 0:
        raise InputError(f"{interval} microseconds is not an interval", field="interval", value=interval)
    times, starts = _opened(trades.times, interval)
    ends = np.append(starts[1:], len(trades))[: len(starts)] - 1
    candles = Candles(
        trades.symbol,
        trades.instrument,
        interval,
        times,
        trades.price[starts],
        np.maximum.reduceat(trades.price, starts),
        np.minimum.reduceat(trades.price, starts),
        trades.price[ends],
        np.add.reduceat(trades.size, starts),
    )
    return _done(candles, fill_gaps=fill_gaps)


def resample(candles: Candles, interval: int, *, fill_gaps: bool = False) -> Candles:
    """The same as longer candles; `interval` in microseconds, a multiple of theirs. Raises InputError for one that is
    none."""
    if interval <= 0 or interval % candles.interval:
        raise _no_multiple(interval, candles.interval)
    times, starts = _opened(candles.times, interval)
    ends = np.append(starts[1:], len(candles))[: len(starts)] - 1
    longer = Candles(
        candles.symbol,
        candles.instrument,
        interval,
        times,
        candles.open[starts],
        np.maximum.reduceat(candles.high, starts),
        np.minimum.reduceat(candles.low, starts),
        candles.close[ends],
        np.add.reduceat(candles.volume, starts),
    )
    return _done(longer, fill_gaps=fill_gaps)


def _no_multiple(interval: int, own: int) -> InputError:
    """The error for longer candles that cannot be made of these: in the words of a user, with those around it."""
    wanted = shown_length(interval) if interval > 0 else f"{interval} microseconds"
    less = max(interval // own, 0) * own
    nearest = " or ".join(shown_length(one) for one in (less, less + own) if one > 0)
    message = f"{wanted} is not a whole number of the candles' own {shown_length(own)}"
    return InputError(message, field="interval", value=interval, nearest=nearest)


def _opened(times: Ints, interval: int) -> tuple[Ints, Ints]:
    """(open time of each candle, index of the first row in it)."""
    begin = _MONDAY if interval % WEEK == 0 else 0
    times, starts = np.unique((times - begin) // interval * interval + begin, return_index=True)
    return times, starts


def _done(candles: Candles, *, fill_gaps: bool) -> Candles:
    check_candles(candles)
    return _filled(candles) if fill_gaps else candles


def _filled(candles: Candles) -> Candles:
    """Raises InputError where it would be more than a hundred million candles."""
    places = (candles.times - candles.times[:1]) // candles.interval
    due = int(places[-1]) + 1 if len(candles) else 0
    if due > _MOST:
        message = f"without gaps there would be {due:,} candles: take a longer interval"
        raise InputError(message, field="interval", value=candles.interval)
    newest = np.repeat(np.arange(len(candles)), np.diff(places, append=due))  # row of the last candle so far, by place
    there = np.zeros(due, dtype=np.bool_)
    there[places] = True
    close = candles.close[newest]
    return Candles(
        candles.symbol,
        candles.instrument,
        candles.interval,
        candles.times[:1] + candles.interval * np.arange(due, dtype=np.int64),
        np.where(there, candles.open[newest], close),
        np.where(there, candles.high[newest], close),
        np.where(there, candles.low[newest], close),
        close,
        np.where(there, candles.volume[newest], 0),
    )
