"""A made-up market that has always been there and never ends: its price is a pure function of seed, symbol and time.

So it needs no memory: a restart goes on in the same market, every book sees the same prices, and any moment of it, past
or to come, costs the same. It is P. Lévy's construction of Brownian motion (1948), the midpoints of midpoints:

- the logarithm of the price has a normal draw at every 2^31 ms (about 25 days), around the first price;
- halfway between two known points it is their mean plus a normal draw of its own, of the variance that Brownian motion
  has there, and so on down to the finest spacing that `tick_ms` needs;
- each draw is a hash of (seed, symbol, level, place): no stream, no order of calls.

Within those 25 days returns are independent of one another, so nothing is to be learnt from the past; over longer times
the price comes back to where it began. `volatility` is that of a year (0.6 is 60 %). Draws are the sum of four uniform
ones (Irwin-Hall): near to normal, never beyond 3.5 standard deviations, and without a library's rounding.

A quote holds for `tick_ms`. Bid and ask lie half of `spread_bps` to each side of the price, rounded away from it.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from decimal import Decimal
from math import floor, log10, sqrt

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from orderwright.core.model import Instrument, Quote
from orderwright.errors import InputError
from orderwright.market.candles import Candles
from orderwright.market.grid import Floats, Ints
from orderwright.market.instruments import FIRST_PRICES, default_instrument

TOP_MS = 2**31
YEAR_MS = 365 * 86_400_000
BLOCK = 256
"""Rows that are made at once where one of them is asked for."""
KEEP_BLOCKS = 8
CELL_MS = 2**18
"""So long is known of the price what it stays between, before any row is made."""
MOST_SAMPLES = 240
"""Of one candle: a longer one is made of prices further apart than `tick_ms`."""
LONGEST_TICK_MS = 3_600_000
_LANE, _LANES = 2**16, 4
_MEAN, _DEVIATION = _LANES * (_LANE - 1) / 2, sqrt(_LANES * (_LANE**2 - 1) / 12)
_MOST_DRAWN = (_LANES * (_LANE - 1) - _MEAN) / _DEVIATION
_GOLDEN, _FIRST, _SECOND = (
    np.uint64(one) for one in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)  # SplitMix64 (Steele, Lea, Flood 2014)


class LivePrices:
    """The quotes of one symbol at every time since 1970. Row n begins at n x `tick_us` and stands until the next.

    Raises InputError for a tick, spread or volatility out of range."""

    def __init__(
        self,
        instrument: Instrument,
        *,
        seed: int = 0,
        first_price: Decimal | None = None,
        volatility: float = 0.6,
        spread_bps: Decimal = Decimal(2),
        tick_ms: int = 1_000,
    ) -> None:
        _check(tick_ms, spread_bps, volatility)
        self.instrument, self.symbol = instrument, instrument.symbol
        self.tick_us = 1_000 * tick_ms
        self._tick_ms, self._seed = tick_ms, f"{seed}|{instrument.symbol}"
        first = first_price if first_price is not None else first_price_of(instrument.base, seed)
        self._first = max(instrument.ticks(first), 1)
        self._half = float(spread_bps) / 20_000
        self._deviation = volatility / sqrt(YEAR_MS)
        self._finest = 1 << (tick_ms.bit_length() - 1)
        self._keys: dict[int, np.uint64] = {}
        self._blocks: OrderedDict[tuple[int, int], tuple[Ints, Ints]] = OrderedDict()
        self._quoted: tuple[int, Quote] | None = None

    # Quotes

    def row(self, time: int) -> int:
        """The row that stands at a time, microseconds."""
        return max(time, 0) // self.tick_us

    def at(self, row: int) -> tuple[int, int]:
        """(bid, ask) of a row, in ticks."""
        block, place = divmod(row, BLOCK)
        bid, ask = self.block(block, BLOCK)
        return int(bid[place]), int(ask[place])

    def quote(self, time: int) -> Quote:
        """The quote that stands at a time, microseconds."""
        row = self.row(time)
        if self._quoted is None or self._quoted[0] != row:
            bid, ask = (self.instrument.price(ticks) for ticks in self.at(row))
            self._quoted = row, Quote((bid + ask) / 2, row * self.tick_us, bid, ask)
        return self._quoted[1]

    def block(self, number: int, rows: int) -> tuple[Ints, Ints]:
        """(bid, ask) of the rows from number x rows on, so many of them, in ticks. The last few blocks are kept."""
        blocks, key = self._blocks, (number, rows)
        found = blocks.get(key)
        if found is None:
            times = self._tick_ms * np.arange(number * rows, (number + 1) * rows, dtype=np.int64)
            middle = self._prices(times)
            bid = np.floor(middle * (1 - self._half)).astype(np.int64)
            ask = np.ceil(middle * (1 + self._half)).astype(np.int64)
            found = blocks[key] = np.maximum(bid, 1), np.maximum(ask, 1)
            while len(blocks) > KEEP_BLOCKS:
                blocks.popitem(last=False)
        else:
            blocks.move_to_end(key)
        return found

    def reach(self, row: int, cells: int) -> tuple[Ints, Ints, Ints, Ints, Ints]:
        """Between what the quotes stay from a row on, without making them: (first row, lowest bid, lowest ask, highest
        bid, highest ask) of so many stretches of time that follow on, the first of which the row is in."""
        spacing = min(max(CELL_MS, BLOCK * self._finest), TOP_MS)
        first = row * self._tick_ms // spacing
        known = self._known(first * spacing, (first + cells) * spacing - 1, spacing)
        room = self._deviation * sqrt(spacing) / 2 * _MOST_DRAWN / (1 - sqrt(0.5))  # all finer levels, at their most
        low = self._first * np.exp(np.minimum(known[:-1], known[1:]) - room) - 1
        high = self._first * np.exp(np.maximum(known[:-1], known[1:]) + room) + 1
        less, more = 1 - self._half, 1 + self._half
        rows = -(-spacing * np.arange(first, first + cells, dtype=np.int64) // self._tick_ms)
        bounds = (low * less - 1, low * more - 1, high * less + 1, high * more + 1)
        lowest_bid, lowest_ask, highest_bid, highest_ask = (bound.astype(np.int64) for bound in bounds)
        return rows, lowest_bid, lowest_ask, highest_bid, highest_ask

    # Candles

    def candles(self, interval: int, first: int, count: int) -> Candles:
        """`count` candles of `interval` microseconds, the first opening at first x interval since 1970. They are made
        of the prices in them, MOST_SAMPLES at most, and do not depend on how many are asked for. A candle opens where
        the one before closed. Raises InputError for an interval that is no whole number of ticks."""
        if interval <= 0 or interval % self.tick_us:
            message = f"candles are made of whole ticks of {self._tick_ms} ms"
            raise InputError(message, field="interval", value=interval, nearest=max(interval // self.tick_us, 1))
        samples = max(one for one in range(1, MOST_SAMPLES + 1) if interval % (one * self.tick_us) == 0)
        apart = interval // samples // 1_000
        times = apart * np.arange(first * samples, (first + count) * samples + 1, dtype=np.int64)
        prices = self._prices(times).astype(np.int64)
        inside, ends = prices[:-1].reshape(count, samples), prices[samples::samples]
        open_ = inside[:, 0]
        return Candles(
            self.symbol,
            self.instrument,
            interval,
            interval * np.arange(first, first + count, dtype=np.int64),
            open_,
            np.maximum(inside.max(axis=1), ends),
            np.minimum(inside.min(axis=1), ends),
            ends,
            self._volumes(interval, first, open_),
        )

    def _volumes(self, interval: int, first: int, prices: Ints) -> Ints:
        """A million of the quote in a minute, give or take a half; in steps."""
        draws = self._draws(-interval, np.arange(first, first + len(prices)))
        value = 1e6 * interval / 60e6 * np.exp(draws / 2)
        step = float(self.instrument.tick_size) * float(self.instrument.step_size)
        return np.clip(np.rint(value / (prices * step)), 1, 2.0**62).astype(np.int64)

    # The function

    def _prices(self, times: Ints) -> Floats:
        """The price at equally spaced times in milliseconds, in whole ticks; the same however they are asked for."""
        apart = int(times[1] - times[0]) if len(times) > 1 else self._tick_ms
        spacing = min(1 << (apart.bit_length() - 1), TOP_MS)
        place = times // spacing
        known = self._known(int(times[0]), int(times[-1]), spacing)
        place -= place[0]
        left, right = known[place], known[place + 1]
        while spacing > self._finest:
            left, right = self._halved(times, left, right, spacing)
            spacing //= 2
        share = times % spacing / spacing
        logs = left * (1 - share) + right * share
        prices: Floats = np.maximum(np.rint(self._first * np.exp(logs)), 1.0)
        return prices

    def _halved(self, times: Ints, left: Floats, right: Floats, spacing: int) -> tuple[Floats, Floats]:
        """What is known on each side of the times, half as far apart."""
        level = (TOP_MS // spacing).bit_length()
        middle = (left + right) / 2
        middle += self._deviation * sqrt(spacing) / 2 * self._draws(level, times // spacing)
        later = times % spacing >= spacing // 2
        return np.where(later, middle, left), np.where(later, right, middle)

    def _known(self, first: int, last: int, spacing: int) -> Floats:
        """The logarithm of the price over the first one's at every multiple of `spacing` from the last at or before
        `first` to the first after `last`, milliseconds."""
        apart = TOP_MS
        low, high = first // apart, last // apart + 1
        known: Floats = self._deviation * sqrt(apart / 2) * self._draws(0, np.arange(low, high + 1))
        level = 0
        while apart > spacing:
            level += 1
            middle = (known[:-1] + known[1:]) / 2
            middle += self._deviation * sqrt(apart) / 2 * self._draws(level, np.arange(low, high))
            both = np.empty(2 * len(middle) + 1)
            both[::2], both[1::2] = known, middle
            apart //= 2
            start, low, high = 2 * low, first // apart, last // apart + 1
            known = both[low - start : high - start + 1]
        return known

    def _draws(self, level: int, places: Ints) -> Floats:
        """The draws of a level at some places: mean 0, deviation 1."""
        key = self._keys.get(level)
        if key is None:
            digest = hashlib.blake2b(f"{self._seed}|{level}".encode(), digest_size=8).digest()
            key = self._keys[level] = np.uint64(int.from_bytes(digest, "big"))
        bits = places.astype(np.uint64) * _GOLDEN + key
        bits = (bits ^ (bits >> np.uint64(30))) * _FIRST
        bits = (bits ^ (bits >> np.uint64(27))) * _SECOND
        bits ^= bits >> np.uint64(31)
        lanes: NDArray[np.uint16] = bits.astype("<u8").view("<u2").reshape(len(places), _LANES)
        draws: Floats = (lanes.sum(axis=1, dtype=np.float64) - _MEAN) / _DEVIATION
        return draws


def live_prices(symbol: str, exchange: str, *, seed: int, spread_bps: Decimal, tick_ms: int) -> LivePrices:
    """The live market of a symbol such as BTC/USDT, on an instrument whose tick fits its price."""
    plain = default_instrument(symbol)
    price = first_price_of(plain.base, seed)
    tick = min(plain.tick_size, Decimal(1).scaleb(floor(log10(price)) - 4))
    instrument = structs.replace(plain, exchange=exchange, tick_size=tick)
    return LivePrices(instrument, seed=seed, first_price=price, spread_bps=spread_bps, tick_ms=tick_ms)


def first_price_of(base: str, seed: int) -> Decimal:
    """About what an asset costs: as known, else drawn between 0.1 and 1,000, of two digits."""
    if base in FIRST_PRICES:
        return FIRST_PRICES[base]
    digest = hashlib.blake2b(f"{seed}|{base}|price".encode(), digest_size=8).digest()
    drawn = int.from_bytes(digest, "big")
    return Decimal(10 + drawn % 90).scaleb(drawn // 90 % 4 - 2)


def _check(tick_ms: int, spread_bps: Decimal, volatility: float) -> None:
    if not 1 <= tick_ms <= LONGEST_TICK_MS:
        message = f"{tick_ms} is not between 1 and {LONGEST_TICK_MS} ms"
        raise InputError(message, field="tick_ms", value=tick_ms, nearest=min(max(tick_ms, 1), LONGEST_TICK_MS))
    if not 0 <= spread_bps < 10_000:
        raise InputError(f"{spread_bps} is not from 0 to 10000", field="spread_bps", value=spread_bps)
    if not 0 <= volatility <= 5:
        raise InputError(f"{volatility} is not between 0 and 5", field="volatility", value=volatility)


__all__ = ["LivePrices", "first_price_of", "live_prices"]
