"""Grid: rests buys on rungs below the price, and sells what each has bought one rung higher."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from orderwright.backtest.arguments import number_between, positive, whole_number
from orderwright.backtest.strategy import Strategy
from orderwright.core.model import OrderSide
from orderwright.core.numbers import ZERO

if TYPE_CHECKING:
    from orderwright.backtest.context import Context
    from orderwright.backtest.records import Bar, Fill, OrderHandle


class GridStrategy(Strategy):
    """At the first close it rests a limit buy on each of `levels` rungs below it, each `spacing` (a fraction: 0.01 is
    1 %) under the one above: rung k is at close / (1 + spacing)^k. `percent` of the money that is free at the start is
    shared equally, first between the symbols and then between the rungs. A rung that has bought sells the same quantity
    one rung higher, and when that is sold buys again: each round trip earns `spacing`, less costs.

    The grid stays where it began: above it nothing is left to sell, below it everything is bought. An order that is
    refused (too small, say) leaves its rung empty.
    """

    causal = True

    def __init__(self, spacing: float = 0.01, levels: int = 10, percent: float = 100, *, name: str = "") -> None:
        super().__init__(name)
        self.spacing = float(positive(spacing, "spacing", nearest=0.01))
        self.levels = whole_number(levels, "levels")
        self.percent = float(number_between(percent, "percent", 0, 100))
        self._begun: set[str] = set()
        self._each = 0.0

    def on_start(self, context: Context) -> None:
        self._begun = set()
        self._each = round(context.cash * self.percent / 100 / self.levels / len(context.symbols), 8)

    def on_bar(self, context: Context, bar: Bar) -> None:
        if bar.symbol in self._begun:
            return
        self._begun.add(bar.symbol)
        if not context.orders(bar.symbol):  # after a restart on paper its orders are there
            for rung in range(1, self.levels + 1):
                self._buy(context, bar.symbol, rung, bar.close, self._each)

    def on_fill(self, context: Context, fill: Fill) -> None:
        if not fill.order.done:
            return
        rung, top, each = fill.tag.split()
        if fill.side is OrderSide.SELL:
            self._buy(context, fill.symbol, int(rung), float(top), float(each))
        else:
            price = self._price(int(rung) - 1, float(top))
            context.sell(float(_received(fill.order)), price=price, tag=fill.tag, symbol=fill.symbol)

    def _buy(self, context: Context, symbol: str, rung: int, top: float, each: float) -> None:
        """Its tag says all that there is to know when it fills."""
        context.buy(quote=each, price=self._price(rung, top), tag=f"{rung} {top!r} {each!r}", symbol=symbol)

    def _price(self, rung: int, top: float) -> float:
        return top / (1 + self.spacing) ** rung


def _received(order: OrderHandle) -> Decimal:
    """What an order bought, less the fees that were taken out of it."""
    base = order.symbol.partition("/")[0]
    trades = (trade for trade in order.record.executions.values() if trade is not None)
    return sum((trade.quantity - (trade.fee if trade.fee_asset == base else ZERO) for trade in trades), ZERO)
