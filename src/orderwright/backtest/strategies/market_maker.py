"""Market maker: rests a buy below and a sell above the price, and leans against what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from orderwright.backtest.arguments import number_between, positive
from orderwright.backtest.strategy import Strategy
from orderwright.core.model import OrderSide
from orderwright.errors import InputError

if TYPE_CHECKING:
    from orderwright.backtest.context import Context
    from orderwright.backtest.records import Bar, OrderHandle


class MarketMakerStrategy(Strategy):
    """Quotes both sides of each close, `spread` (a fraction) apart, post-only, for `size_percent` of equity each, and
    replaces a quote that has come more than a tenth of the spread away from where it should be.

    It wants to hold `target_percent` of equity and at most `max_percent`; as far below the target as that is above it,
    it stops selling. (So with a target of 0 it goes short, which takes a contract.) Both quotes move by `skew` half
    spreads against what it holds: down, to sell sooner, by the whole of it at the maximum, up when it holds little.
    The lean is that of Avellaneda and Stoikov (2008), "High-frequency trading in a limit order book", made linear.
    """

    causal = True

    def __init__(
        self,
        spread: float = 0.002,
        size_percent: float = 5,
        target_percent: float = 25,
        max_percent: float = 50,
        skew: float = 0.5,
        *,
        name: str = "",
    ) -> None:
        super().__init__(name)
        self.spread = float(positive(spread, "spread", nearest=0.002))
        self.size_percent = float(positive(size_percent, "size_percent", nearest=5))
        self.target_percent = float(number_between(target_percent, "target_percent", 0, 100))
        self.max_percent = float(number_between(max_percent, "max_percent", 0, 100))
        self.skew = float(number_between(skew, "skew", 0, 1))
        if self.target_percent >= self.max_percent:
            message = f"{target_percent} is not below max_percent, {max_percent}"
            raise InputError(message, field="target_percent", value=target_percent, nearest=f"{self.max_percent / 2:g}")

    def on_bar(self, context: Context, bar: Bar) -> None:
        room = (self.max_percent - self.target_percent) / 100 * context.equity / bar.close
        excess = context.position() - self.target_percent / 100 * context.equity / bar.close
        size = self.size_percent / 100 * context.equity / bar.close
        lean = self.skew * max(-1.0, min(1.0, excess / room))
        half = self.spread / 2
        bid, ask = bar.close * (1 - half * (1 + lean)), bar.close * (1 + half * (1 - lean))
        resting = {order.side: order for order in context.orders(bar.symbol)}
        self._quote(context, OrderSide.BUY, resting, bid, size, room - excess)
        self._quote(context, OrderSide.SELL, resting, ask, size, room + excess)

    def _quote(
        self,
        context: Context,
        side: OrderSide,
        resting: Mapping[OrderSide, OrderHandle],
        price: float,
        size: float,
        room: float,
    ) -> None:
        """Keep one order of the side at the price; none where there is next to no room for it."""
        order = resting.get(side)
        if order is None:
            if room > size / 10:
                context.order(side, min(size, room), price=price, post_only=True, tag="quote")
        elif room <= 0:
            order.cancel()
        elif abs((order.price or 0.0) - price) > price * self.spread / 10:
            order.replace(price=price)
