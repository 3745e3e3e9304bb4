"""A strategy: what to want, bar by bar. The same object runs over history, on paper and live.

Write one of two methods:

- `generate_signals(data)`: a Series of 1 (long), -1 (short; flat, where shorts are off) and 0 (hold), one for each
  row of `data`. What it says for a row may depend on that row and those before it, never on later ones; the
  backtester checks. On paper it is asked at each close with the rows so far.
- `on_bar(context, bar)`: called at each close; places, replaces and cancels any order that the engine knows.

One that has both is traded by its signals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orderwright.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from orderwright.backtest.bars import Bars


class Strategy:
    """The base of all strategies. name: shown in results and written on every order; the class's, unless another is
    given. warm_up: how many bars it needs before it can say anything; it is not asked before."""

    name: str = "Strategy"
    warm_up: int = 0

    def __init__(self, name: str = "") -> None:
        self.name = name or type(self).name

    def __init_subclass__(cls, **words: Any) -> None:
        """A strategy whose own __init__ does not call this one has a name all the same."""
        super().__init_subclass__(**words)
        if "name" not in cls.__dict__:
            cls.name = cls.__name__

    def generate_signals(self, data: pd.DataFrame) -> pd.Series[int]:
        """1, -1 or 0 for each row of data (columns open, high, low, close, volume). Override this or `on_bar`."""
        raise NotImplementedError(f"{type(self).__name__} has neither generate_signals nor on_bar")

    def signals(self, bars: Bars) -> Any:
        """The same as int8[n] from arrays: what fast strategies override. Where it is not, `generate_signals` is asked
        with a DataFrame of the bars (checking.py)."""
        raise NotImplementedError(f"{type(self).__name__} says its signals by generate_signals")

    def on_start(self, context: Any) -> None:
        """Before the first bar: where indicators are made. context: a `context.Context`, as in all that follow."""

    def on_bar(self, context: Any, bar: Any) -> None:
        """At the close of each bar. bar: a `records.Bar`. Sees closed bars only."""
        raise NotImplementedError(f"{type(self).__name__} has no on_bar")

    def on_fill(self, context: Any, fill: Any) -> None:
        """One of its orders has filled, in whole or in part. fill: a `records.Fill`. What it sends goes out at once."""

    def on_order(self, context: Any, order: Any) -> None:
        """One of its orders has ended otherwise: cancelled, expired, rejected or denied. order: a
        `records.OrderHandle`; its `reason` says why."""

    def on_stop(self, context: Any) -> None:
        """After the last bar."""


def check_strategy(strategy: object) -> None:
    """Raises InputError for what is no strategy; for a class, which was not called, with what to write."""
    if isinstance(strategy, Strategy):
        return
    if isinstance(strategy, type) and issubclass(strategy, Strategy):
        call = f"{strategy.__name__}()"
        message = f"{strategy.__name__} is a class; give an object of it"
        raise InputError(message, field="strategy", value=strategy.__name__, nearest=call)
    name = type(strategy).__name__
    raise InputError(f"{name} is not a Strategy", field="strategy", value=name, nearest="Strategy")


def refuse_silent(strategy: Strategy) -> None:
    """Raises InputError for a strategy that has nothing to say by orders."""
    kind = type(strategy)
    if kind.on_bar is Strategy.on_bar:
        raise InputError(f"{kind.__name__} has neither generate_signals nor on_bar", field="strategy")
