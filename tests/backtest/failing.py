"""A strategy that raises in one of its hooks, and what must be said of it."""

from __future__ import annotations

from typing import Any

from orderwright.backtest.context import Context
from orderwright.backtest.records import Bar
from orderwright.backtest.strategy import Strategy
from orderwright.backtest.trading import StrategyError
from tests.backtest.trading_worlds import some_bars
from tests.builders import MINUTE, NOW

BARS_IN_ALL = 9
FAILING_BARS = some_bars(*[100] * 6, (100, 100, 98, 100), 100, 100)
"""Bar 6 alone comes to 99."""
HOOKS = {"on_start": None, "on_bar": 3, "on_fill": 6, "on_order": 3, "on_stop": BARS_IN_ALL - 1}
"""By hook, the index of the bar that the error names."""


class FailingIn(Strategy):
    """Buys at 99 and, in vain, for a million; raises in one hook."""

    def __init__(self, hook: str) -> None:
        super().__init__("failing")
        self.hook = hook

    def _fail(self, hook: str) -> None:
        if hook == self.hook:
            raise KeyError(hook)

    def on_start(self, context: Context) -> None:
        self._fail("on_start")

    def on_bar(self, context: Context, bar: Bar) -> None:
        if bar.index == 3:
            self._fail("on_bar")
            context.buy(1, price=99.0)
            context.buy(1_000_000, price=99.0)

    def on_fill(self, context: Context, fill: Any) -> None:
        self._fail("on_fill")

    def on_order(self, context: Context, order: Any) -> None:
        self._fail("on_order")

    def on_stop(self, context: Context) -> None:
        self._fail("on_stop")


def assert_told(error: StrategyError, hook: str) -> None:
    """It names strategy, hook, symbol and bar, and keeps the cause."""
    index = HOOKS[hook]
    time = None if index is None else NOW + MINUTE * (index + 1)
    symbol = None if index is None else "BTC/USDT"
    said = (error.strategy, error.hook, error.symbol, error.bar, error.time)
    assert said == ("failing", hook, symbol, index, time)
    where = "before the first bar" if index is None else f"at bar {index} of BTC/USDT (2026-01-05T12:0{index + 1}:00Z)"
    assert str(error) == f"failing.{hook} {where}: KeyError: '{hook}'"
    assert isinstance(error.__cause__, KeyError)
