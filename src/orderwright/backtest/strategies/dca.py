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
    """Buys for `amount` (quote units, costs included) at the first bar of the data and from then on once in `every`: at
    each n-th bar, or, for a length of time such as "1d" or "1w", at the first close in each (counted from 1970, UTC).
    It never sells, and skips where less than `amount` is left.

    Raises InputError for an amount that is not positive and a length that is none.
    """

    causal = True

    def __init__(self, amount: Any = 100, every: Any = "1d", *, name: str = "") -> None:
        super().__init__(name)
        self.amount = positive(amount, "amount", nearest=100)
        self.every = every
        self._by_time = isinstance(every, str) and not every.isdecimal()
        self._length = parse_length(every, "every") if self._by_time else whole_number(_number(every), "every")

    def on_bar(self, context: Context, bar: Bar) -> None:
        if self._due(context, bar) and context.cash >= self.amount:
            context.buy(quote=self.amount)

    def _due(self, context: Context, bar: Bar) -> bool:
        """From the bars alone, so that a restart on paper buys nothing twice."""
        if bar.index == 0 or not self._by_time:
            return bar.index % self._length == 0
        before = int(context.history(2).time[0])
        return bar.time // self._length != before // self._length


def _number(every: object) -> object:
    """A whole number from a command line is text."""
    return int(every) if isinstance(every, str) else every
