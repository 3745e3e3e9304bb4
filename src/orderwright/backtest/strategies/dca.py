"""Dollar-cost averaging: buys for the same amount of money at regular times, whatever the price."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orderwright.analytics.windows import parse_length
from orderwright.backtest.arguments import positive, whole_number
from orderwright.backtest.strategy import Strategy

if TYPE_CHECKING:
    from orderwright.backtest.context import Context
    from orderwright.backtest.records import Bar


class DCAStrategy(Strategy):
    """Buys for `amount` (quote units, costs included) at the first bar and from then on once in `every`: so many bars,
    or a length of time such as "1d" or "1w", counted from 1970 in UTC. It never sells, and where less than `amount` is
    left it waits. Raises InputError for an amount that is not positive and a length that is none."""

    causal = True

    def __init__(self, amount: Any = 100, every: Any = "1d", *, name: str = "") -> None:
        super().__init__(name)
        self.amount = positive(amount, "amount", nearest=100)
        self.every = every
        self._by_time = isinstance(every, str) and not every.isdecimal()
        self._length = parse_length(str(every), "every") if self._by_time else whole_number(_number(every), "every")
        self._last: int | None = None

    def on_start(self, context: Context) -> None:  # noqa: ARG002 - a hook
        self._last = None

    def on_bar(self, context: Context, bar: Bar) -> None:
        period = (bar.time if self._by_time else bar.index) // self._length
        if period != self._last and context.cash >= self.amount:
            context.buy(quote=self.amount)
            self._last = period


def _number(every: object) -> object:
    """A whole number from a command line is text."""
    return int(every) if isinstance(every, str) else every
