"""The bars behind a context: whole columns for indicators, and the bars one by one for the strategy.

Several symbols come in order of their closes, and at one close in the order in which they were given. Rows are made
of lists by C functions, a few thousand at a time: a bar costs a fraction of a microsecond, and memory stays flat.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from orderwright.backtest.arguments import whole_number
from orderwright.backtest.bars import Bars
from orderwright.backtest.outcome import Floats, Ints
from orderwright.backtest.records import Bar, History, Indicator, Place, frozen
from orderwright.errors import InputError, OrderwrightError

CHUNK = 8_192
COLUMNS = ("open", "high", "low", "close", "volume", "time")
_SAMPLES = (4_096, 512, 96)

Row = tuple[Bar, ...]
"""The bar, and nothing else that matters."""


class _Symbol:
    """One symbol's columns. first: the index of the first bar that the strategy is asked about."""

    def __init__(self, bars: Bars, first: int) -> None:
        self.bars, self.first = bars, min(first, len(bars))
        self.times: Ints = frozen(bars.candles.close_times, np.int64)
        self.columns: dict[str, Any] = {name: frozen(getattr(bars, name)) for name in COLUMNS[:-1]}
        self.columns["time"] = self.times
        self.grown: list[tuple[Indicator, Floats]] = []

    def lists(self, rows: Any) -> list[list[Any]]:
        """Columns as a `Bar` has them: time first."""
        return [self.columns[name][rows].tolist() for name in ("time", *COLUMNS[:-1])]


class BarsOnHand:
    """bars: of each symbol, all known from the start. first: by symbol, how many of them are only looked at."""

    def __init__(self, bars: Sequence[Bars], first: dict[str, int]) -> None:
        self._symbols = {one.symbol: _Symbol(one, first[one.symbol]) for one in bars}
        self._begun = False
        several = [one.times for one in self._symbols.values()]
        self.times: Ints = several[0] if len(several) == 1 else np.unique(np.concatenate(several))
        """int64[n]: when bars close, of all symbols together, each moment once."""

    def closes(self, symbol: str) -> Ints:
        """int64[n]: when a symbol's bars close."""
        return self._symbols[symbol].times

    # For the context

    def bar_at(self, symbol: str, time: int, index: int | None) -> Place | None:
        """The bar of an index, or (None) the one that a time lies in; None beyond the last."""
        closes = self._symbols[symbol].times
        at = bisect_left(closes.data, time) if index is None else index
        return Place(symbol, at, int(closes[at])) if at < len(closes) else None

    def history(self, symbol: str, until: int, n: int | None) -> History:
        one = self._symbols[symbol]
        end = bisect_right(one.times.data, until)
        if n is not None and n < 0:
            raise InputError(f"{n} bars", field="n", value=n, nearest=0)
        start = 0 if n is None else max(end - n, 0)
        return History(one.times[start:end], *(one.columns[name][start:end] for name in COLUMNS[:-1]))

    def close_after(self, symbol: str, now: int, n: int) -> int:
        """Beyond the data, at its interval."""
        n = whole_number(n, "expire_after")
        one = self._symbols[symbol]
        last = bisect_right(one.times.data, now) - 1 + n
        beyond = last - (len(one.times) - 1)
        return int(one.times[min(last, len(one.times) - 1)]) + max(beyond, 0) * one.bars.candles.interval

    def indicator(self, function: Any, args: tuple[Any, ...], symbol: str) -> Any:
        if self._begun:
            raise InputError("indicators are made in on_start, before the first bar", field="function")
        made = computed(function, args, self._symbols[symbol].columns)
        several = tuple(self._grow(symbol, values) for values in made)
        return several if len(several) > 1 else several[0]

    def _grow(self, symbol: str, values: Floats) -> Indicator:
        one = self._symbols[symbol]
        indicator = Indicator(values)
        indicator.extend(values[: one.first].tolist())
        one.grown.append((indicator, values))
        return indicator

    # For the loop

    def rows(self) -> Iterator[Iterable[Row]]:
        """The bars that the strategy is asked about, in chunks. A row's indicators have grown when it comes."""
        self._begun = True
        if len(self._symbols) == 1:
            ((name, one),) = self._symbols.items()
            return self._of_one(name, one)
        return self._of_several()

    def _of_one(self, name: str, one: _Symbol) -> Iterator[Iterable[Row]]:
        for start in range(one.first, len(one.times), CHUNK):
            end = min(start + CHUNK, len(one.times))
            rows = slice(start, end)
            bars = map(Bar, repeat(name), range(start, end), *one.lists(rows))
            grow = (map(indicator.append, values[rows].tolist()) for indicator, values in one.grown)
            yield zip(bars, *grow, strict=True)

    def _of_several(self) -> Iterator[Iterable[Row]]:
        several = list(self._symbols.items())
        times = np.concatenate([one.times[one.first :] for _, one in several])
        which = np.concatenate([np.full(len(one.times) - one.first, at) for at, (_, one) in enumerate(several)])
        index = np.concatenate([np.arange(one.first, len(one.times)) for _, one in several])
        order = np.lexsort((which, times))
        for start in range(0, len(order), CHUNK):
            chosen = order[start : start + CHUNK]
            yield self._mixed(several, which[chosen], index[chosen])

    def _mixed(self, several: list[tuple[str, _Symbol]], which: Ints, index: Ints) -> Iterator[Row]:
        bars = []
        for at, (name, one) in enumerate(several):
            rows = index[which == at]
            bars.append(map(Bar, repeat(name), rows.tolist(), *one.lists(rows)))
        grown = [[(indicator.append, values.data) for indicator, values in one.grown] for _, one in several]
        for at in which.tolist():
            bar = next(bars[at])
            for append, values in grown[at]:
                append(values[bar.index])
            yield (bar,)


def computed(function: Any, args: tuple[Any, ...], columns: dict[str, Any]) -> list[Floats]:
    """What an indicator's function makes of whole columns, checked; see `Context.indicator`. Raises InputError."""
    n = len(columns["close"])
    if not callable(function):
        return [_values(function, n, "the array")]
    name = getattr(function, "__name__", type(function).__name__)
    made = _several(function(*_arguments(args, columns)))
    values = [_values(one, n, name) for one in made]
    for sample in _SAMPLES:
        size = min(sample, 2 * n // 3)
        _refuse_peeking(function, args, {key: column[:size] for key, column in columns.items()}, values, name)
    return values


def _arguments(args: tuple[Any, ...], columns: dict[str, Any]) -> list[Any]:
    found = [columns[one] if isinstance(one, str) and one in columns else one for one in args]
    named = any(isinstance(one, str) and one in columns for one in args)
    return found if named or any(isinstance(one, np.ndarray) for one in args) else [columns["close"], *found]


def _several(made: Any) -> list[Any]:
    return list(made) if isinstance(made, tuple) else [made]


def _values(made: Any, n: int, name: str) -> Floats:
    try:
        values: Floats = frozen(made)
    except (TypeError, ValueError):
        raise InputError(f"{name} gave no numbers, but {made!r:.60}", field="function", value=name) from None
    if values.shape != (n,):
        message = f"{name} gave an array of shape {values.shape}; it needs one value a bar, {n}"
        raise InputError(message, field="function", value=name)
    return values


def _refuse_peeking(
    function: Callable[..., Any], args: tuple[Any, ...], columns: dict[str, Any], values: list[Floats], name: str
) -> None:
    """What an indicator says of a bar must not depend on later ones: it says the same when they are not there."""
    size = len(columns["close"])
    if any(isinstance(one, np.ndarray) for one in args):
        return
    try:
        made = _several(function(*_arguments(args, columns)))
    except (ValueError, IndexError, OrderwrightError):  # too few bars for it: nothing to compare
        return
    for known, whole in zip(made, values, strict=True):
        past, now = whole[:size], np.asarray(known, dtype=np.float64)
        if now.shape != past.shape or not np.allclose(now, past, rtol=1e-6, atol=1e-9, equal_nan=True):
            message = "it looks ahead: what it says of a bar changes when later bars are known"
            raise InputError(message, field="function", value=name)
