"""Grid: rests buys on rungs below the price, and sells what each has bought one rung higher."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderwright.backtest.arguments import number_between, positive, whole_number
from orderwright.backtest.strategy import Strategy
from orderwright.core.model import OrderSide

if TYPE_CHECKING:
    from orderwright.backtest.context import Context
    from orderwright.backtest.records import Bar, Fill


class GridStrategy(Strategy):
    """At the first close it rests a limit buy on each of `levels` rungs below it, each `spacing` (a fraction: 0.01 is
    1 %) under the one above: rung k is at close / (1 + spacing)^k. `percent` of the free money is shared equally
    between them. A rung that has bought sells the same quantity one rung higher, and when that is sold buys again: each
    round trip earns `spacing`, less costs.

    The grid stays where it began: above it nothing is left to sell, below it everything is bought. An order that is
    refused (too small, say) leaves its rung empty.
    """

    causal = True

    def __init__(self, spacing: float = 0.01, levels: int = 10, percent: float = 100, *, name: str = "") -> None:
        super().__init__(name)
        self.spacing = float(positive(spacing, "spacing", nearest=0.01))
        self.levels = whole_number(levels, "levels")
        self.percent = float(number_between(percent, "percent", 0, 100))
        self._top = self._each = 0.0
        self._bought: dict[int, float] = {}

    def on_start(self, context: Context) -> None:  # noqa: ARG002 - a hook
        self._top, self._bought = 0.0, {}

    def on_bar(self, context: Context, bar: Bar) -> None:
        if not self._top:
            self._top = bar.close
            self._each = round(context.cash * self.percent / 100 / self.levels, 8)
            for rung in range(1, self.levels + 1):
                self._buy(context, rung)

    def on_fill(self, context: Context, fill: Fill) -> None:
        rung = int(fill.tag)
        if fill.side is OrderSide.BUY:
            fee = fill.fee if fill.execution.fee_asset == fill.symbol.partition("/")[0] else 0.0
            self._bought[rung] = self._bought.get(rung, 0.0) + fill.quantity - fee
            if fill.order.done:
                context.sell(self._bought.pop(rung), price=self._price(rung - 1), tag=str(rung))
        elif fill.order.done:
            self._buy(context, rung)

    def _buy(self, context: Context, rung: int) -> None:
        context.buy(quote=self._each, price=self._price(rung), tag=str(rung))

    def _price(self, rung: int) -> float:
        return self._top / (1 + self.spacing) ** rung
