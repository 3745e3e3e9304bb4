"""The bars of a strategy in the service: those before it began, and one more at each close."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any

import numpy as np

from orderwright.backtest.arguments import whole_number
from orderwright.backtest.bars import Bars
from orderwright.backtest.data import COLUMNS, computed
from orderwright.backtest.outcome import Floats, Ints
from orderwright.backtest.paper import bars_of
from orderwright.backtest.records import Bar, History, Indicator, Place, frozen
from orderwright.errors import InputError
from orderwright.market.candles import Candles
from orderwright.market.live_prices import LivePrices

_GROWS = ("times", "open", "high", "low", "close", "volume")


class GrowingBars:
    """What a `Context` sees. prices: whose candles. interval: microseconds. first: the number of the first candle since
    1970; count: how many there are at the beginning."""

    def __init__(self, prices: LivePrices, interval: int, first: int, count: int) -> None:
        self._prices, self._interval = prices, interval
        self._next = first + count
        self._asked: list[tuple[Any, tuple[Any, ...], list[Indicator]]] = []
        self._take(prices.candles(interval, first, count))

    def __len__(self) -> int:
        return len(self.bars)

    def _take(self, candles: Candles) -> None:
        self.bars: Bars = bars_of(candles)
        self._closes: Ints = frozen(candles.close_times, np.int64)
        self._columns: dict[str, Any] = {name: frozen(getattr(self.bars, name)) for name in COLUMNS[:-1]}
        self._columns["time"] = self._closes

    def grow(self) -> Bar:
        """Another bar has closed; its indicators have grown when this returns."""
        old, new = self.bars.candles, self._prices.candles(self._interval, self._next, 1)
        columns = [np.concatenate((getattr(old, name), getattr(new, name))) for name in _GROWS]
        self._take(Candles(old.symbol, old.instrument, self._interval, *columns))
        self._next += 1
        for function, args, grown in self._asked:
            for indicator, values in zip(grown, computed(function, args, self._columns), strict=True):
                indicator.grow(values)
        return self._bar(len(self) - 1)

    def _bar(self, index: int) -> Bar:
        prices = (float(self._columns[name][index]) for name in COLUMNS[:-1])
        return Bar(self.bars.symbol, index, int(self._closes[index]), *prices)

    # For the context

    def bar_at(self, symbol: str, time: int, index: int | None) -> Place | None:
        """The bar of an index, or (None) the one that a time lies in; None beyond the last."""
        at = bisect_left(self._closes.data, time) if index is None else index
        return Place(symbol, at, int(self._closes[at])) if at < len(self) else None

    def history(self, symbol: str, until: int, n: int | None) -> History:  # noqa: ARG002  # it is the one symbol
        """The last n bars that have closed by a time (None: all of them)."""
        if n is not None and n < 0:
            raise InputError(f"{n} bars", field="n", value=n, nearest=0)
        end = bisect_right(self._closes.data, until)
        rows = slice(0 if n is None else max(end - n, 0), end)
        return History(self._closes[rows], *(self._columns[name][rows] for name in COLUMNS[:-1]))

    def close_after(self, symbol: str, now: int, n: int) -> int:  # noqa: ARG002
        """When the n-th bar after now closes, microseconds."""
        return (now // self._interval + whole_number(n, "expire_after")) * self._interval

    def indicator(self, function: Any, args: tuple[Any, ...], symbol: str) -> Any:  # noqa: ARG002
        """An indicator over the bars; it is computed anew at each close."""
        if not callable(function) or any(isinstance(one, np.ndarray) for one in args):
            message = "an array does not grow with the bars: give a function of columns, such as (rsi, 'close', 14)"
            raise InputError(message, field="function")
        made = [_known(values) for values in computed(function, args, self._columns)]
        self._asked.append((function, args, made))
        return tuple(made) if len(made) > 1 else made[0]


def _known(values: Floats) -> Indicator:
    indicator = Indicator(values)
    indicator.extend(values.tolist())
    return indicator


__all__ = ["GrowingBars"]
