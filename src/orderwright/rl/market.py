"""The candles that an agent trades, and what it sees of them.

A *strip* is one stretch of candles with its features, computed once. What is seen at the close of candle i depends on
candle i and those before it, never on later ones:

- open, high, low, close: log(price / close of candle i), in units of what the close wanders over a whole window: the
  root mean square of the last MEASURED log returns, times the square root of the window's length;
- volume: log((volume + 1) / (mean of the last MEASURED volumes + 1)), in steps.

All are clipped to [-BOUND, BOUND], so they are finite whatever the data. An episode can begin once a whole window, and
one return before it, is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orderwright.backtest.bars import Bars
from orderwright.core.model import Instrument
from orderwright.errors import InputError, UnknownName
from orderwright.market.candles import Candles, check_candles
from orderwright.market.grid import Ints
from orderwright.market.instruments import default_instrument
from orderwright.market.random_market import random_candles

Floats = NDArray[np.float64]
Small = NDArray[np.float32]
Maker = Callable[[int], Candles]

COLUMNS = ("open", "high", "low", "close", "volume")
PRICES = COLUMNS[:4]
BOUND = 10.0
MEASURED = 64
LEAST_VOLATILITY = 1e-8
DEFAULT_SYMBOL = "BTC/USDT"
LARGEST_SEED = 2**31
LARGEST_WINDOW = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """n candles and their features.

    prices: float64[p, n], log prices of the columns that are shown. volume: float32[v, n]; v is 0 where it is hidden.
    anchor: float64[n], log close. scale: float64[n], one over what the close wanders over a window. wild: uint8[n],
    whether something in the window is beyond BOUND. closes: float64[n], quote units. close_times: int64[n],
    microseconds.
    """

    candles: Candles
    prices: Floats
    volume: Small
    anchor: Floats
    scale: Floats
    wild: NDArray[np.uint8]
    closes: Floats
    close_times: Ints

    def __len__(self) -> int:
        return len(self.closes)


def strip_of(candles: Candles, window: int, columns: Sequence[str] = COLUMNS) -> Strip:
    """The features of checked candles."""
    tick = float(candles.instrument.tick_size)
    closes = np.asarray(candles.close * tick, np.float64)
    anchor = np.log(closes)
    shown = [np.log(getattr(candles, name) * tick) for name in columns if name in PRICES]
    prices = np.array(shown).reshape(len(shown), len(closes))
    scale = 1.0 / (_volatility(anchor) * np.sqrt(window))
    return Strip(
        candles=candles,
        prices=prices,
        volume=_volumes(candles.volume)[None, :] if "volume" in columns else np.empty((0, len(closes)), np.float32),
        anchor=anchor,
        scale=scale,
        wild=_wild(prices, anchor, scale, window),
        closes=closes,
        close_times=candles.close_times,
    )


def _wild(prices: Floats, anchor: Floats, scale: Floats, window: int) -> NDArray[np.uint8]:
    """uint8[n]: whether a price of the window that ends there is out of bounds. Nearly none is."""
    if not len(prices):
        return np.zeros(len(anchor), np.uint8)
    highest, lowest = prices.max(axis=0), prices.min(axis=0)
    width = 1
    while width < min(window, len(anchor)):  # known of the last `width` candles
        more = min(width, window - width)
        highest[more:] = np.maximum(highest[more:], highest[:-more])
        lowest[more:] = np.minimum(lowest[more:], lowest[:-more])
        width += more
    most = np.maximum(highest - anchor, anchor - lowest) * scale
    beyond: NDArray[np.uint8] = (most >= BOUND * (1.0 - 1e-6)).astype(np.uint8)
    return beyond


def _volatility(anchor: Floats) -> Floats:
    """float64[n], the root mean square of the last MEASURED log returns; of those there are, at the start."""
    squares = np.concatenate([[0.0], np.diff(anchor) ** 2])
    mean = _running_mean(squares, first=1)
    return np.maximum(np.sqrt(np.maximum(mean, 0.0)), LEAST_VOLATILITY)


def _volumes(volume: Ints) -> Small:
    values = volume.astype(np.float64)
    shown = np.clip(np.log((values + 1.0) / (_running_mean(values) + 1.0)), -BOUND, BOUND)
    return shown.astype(np.float32)


def _running_mean(values: Floats, first: int = 0) -> Floats:
    """The mean of the last MEASURED values, counted from the index `first` on."""
    sums = np.cumsum(values)
    behind = np.concatenate([np.zeros(min(MEASURED, len(values))), sums[:-MEASURED]])
    counts = np.clip(np.arange(len(values)) + 1 - first, 1, MEASURED)
    result: Floats = np.maximum(sums - behind, 0.0) / counts
    return result


def check_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """The columns that are shown, in the order of `COLUMNS`. Raises InputError, UnknownName."""
    if not columns or isinstance(columns, str):
        raise InputError("name at least one column, in a tuple", field="columns", value=columns, nearest="('close',)")
    for name in columns:
        if name not in COLUMNS:
            raise UnknownName("column", str(name), COLUMNS, field="columns")
    return tuple(name for name in COLUMNS if name in columns)


class Markets:
    """Where episodes come from: one strip of given data, or a new one for each seed.

    data: Candles, Bars, a DataFrame, a dict of arrays, a path; or a function from a seed (an int) to Candles; None is a
    seeded random walk. length: steps of an episode; None for all that the data have. Raises InputError.
    """

    def __init__(
        self,
        data: Any,
        *,
        window: int,
        length: int | None,
        columns: Sequence[str] = COLUMNS,
        symbol: str = "",
    ) -> None:
        self.window, self.columns = _count(window, "window", LARGEST_WINDOW), check_columns(columns)
        self.length = None if length is None else _count(length, "episode_length")
        self._maker: Maker | None = None
        self._strip: Strip | None = None
        self._walk, self._symbol = 0, symbol or DEFAULT_SYMBOL
        if data is None:
            wanted = self.length if self.length is not None else 1_000
            self._walk = wanted + self.window + MEASURED + 1
            self._maker = partial(_random_walk, self._symbol, self._walk)
        elif callable(data):
            self._maker = data
        else:
            self._strip = self._measured(candles_of(data, self._symbol))

    def draw(self, random: np.random.Generator) -> tuple[Strip, int, int]:
        """(strip, the candle at whose close the episode begins, the candle at whose close it ends)."""
        seed = int(random.integers(LARGEST_SEED))
        strip = self._strip
        if strip is None:
            assert self._maker is not None
            strip = self._measured(_made(self._maker, seed))
        first, last = self.window, len(strip) - 1
        if self.length is None:
            return strip, first, last
        start = int(random.integers(first, last - self.length + 1))
        return strip, start, start + self.length

    def strips(self, random: np.random.Generator, count: int) -> list[Strip]:
        """The given data; or `count` new markets; of random walks one that is as long as so many together."""
        if self._strip is not None:
            return [self._strip]
        assert self._maker is not None
        seeds = random.integers(LARGEST_SEED, size=count)
        if self._walk:
            return [self._measured(_random_walk(self._symbol, count * self._walk, int(seeds[0])))]
        return [self._measured(_made(self._maker, int(seed))) for seed in seeds]

    def _measured(self, candles: Candles) -> Strip:
        least = self.window + 1 + (self.length or 1)
        if len(candles) < least:
            raise self._too_few(len(candles), least)
        return strip_of(candles, self.window, self.columns)

    def _too_few(self, there: int, least: int) -> InputError:
        """The error that names the shorter episode, or else the smaller window, that would do."""
        steps = self.length or 1
        message = f"{there} candles are too few: a window of {self.window} and {steps} steps need {least}"
        shorter, smaller = there - self.window - 1, there - steps - 1
        if shorter > 0:
            return InputError(message, field="episode_length", value=self.length, nearest=shorter)
        if smaller > 0:
            return InputError(message, field="window", value=self.window, nearest=smaller)
        return InputError(message, field="data", value=there)


def candles_of(data: Any, symbol: str = DEFAULT_SYMBOL) -> Candles:
    """Checked candles of whatever holds them. Raises InputError."""
    if isinstance(data, Bars):
        return _plain(data.candles)
    if isinstance(data, Candles):
        check_candles(data)
        return data
    if isinstance(data, str | Path) or hasattr(data, "columns") or isinstance(data, dict):
        from orderwright.backtest.bars import read_bars

        return _plain(read_bars(data, symbol).candles)
    message = f"{type(data).__name__} is not Candles, Bars, a DataFrame, a path, or a function from a seed to Candles"
    raise InputError(message, field="data", value=data)


def _plain(candles: Candles) -> Candles:
    """Bars make their arrays when they are asked for; an episode wants them all."""
    columns = (candles.times, candles.open, candles.high, candles.low, candles.close, candles.volume)
    return Candles(candles.symbol, candles.instrument, candles.interval, *columns)


def _made(maker: Maker, seed: int) -> Candles:
    made: object = maker(seed)
    if not isinstance(made, Candles | Bars):
        message = f"the function gave {type(made).__name__} for the seed {seed}, not Candles"
        raise InputError(message, field="data", value=made)
    return candles_of(made)


def _random_walk(symbol: str, n: int, seed: int) -> Candles:
    return random_candles(seed, n, default_instrument(symbol))


def mean_reverting_candles(
    seed: int,
    n: int,
    *,
    instrument: Instrument | None = None,
    level: float = 100.0,
    volatility: float = 0.005,
    reversion: float = 0.1,
) -> Candles:
    """n seeded candles of a market that comes back: the log price is an Ornstein-Uhlenbeck process around log(level)
    (Uhlenbeck and Ornstein, 1930), so what is cheap tends to rise. Buying and holding earns nothing there on average.

    volatility: standard deviation of one candle's shock. reversion: the share of the distance to the level that is
    expected to close in a candle, above 0 and below 1. For examples and tests: no real market is as kind.
    """
    if not 0 < reversion < 1:
        raise InputError(f"{reversion} is not between 0 and 1", field="reversion", value=reversion)
    instrument = instrument or default_instrument(DEFAULT_SYMBOL)
    base = random_candles(
        seed, n, instrument, start_price=Decimal(str(level)), volatility=volatility, interval=60_000_000
    )
    shocks = np.diff(np.log(base.close), prepend=np.log(base.open[0]))
    path = _pulled(shocks, reversion)
    middle = np.log(level / float(instrument.tick_size))
    close = np.maximum(np.rint(np.exp(middle + path)), 1).astype(np.int64)
    open_ = np.concatenate([[np.int64(round(np.exp(middle)))], close[:-1]])
    above, below = base.high / np.maximum(base.open, base.close), base.low / np.minimum(base.open, base.close)
    high = np.maximum(np.rint(np.maximum(open_, close) * above), np.maximum(open_, close)).astype(np.int64)
    low = np.clip(np.rint(np.minimum(open_, close) * below), 1, np.minimum(open_, close)).astype(np.int64)
    candles = Candles(instrument.symbol, instrument, base.interval, base.times, open_, high, low, close, base.volume)
    check_candles(candles)
    return candles


def _pulled(shocks: Floats, reversion: float) -> Floats:
    path, at = np.empty_like(shocks), 0.0
    for index, shock in enumerate(shocks.tolist()):
        at = (1.0 - reversion) * at + shock
        path[index] = at
    return path


def _count(value: object, field: str, most: int | None = None) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise InputError(f"{value!r} is not a whole number above 0", field=field, value=value, nearest=1)
    if most is not None and value > most:
        raise InputError(f"{value} is above {most}", field=field, value=value, nearest=most)
    return int(value)
