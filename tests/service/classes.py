"""Strategies for a service to run. SEEN is what they have seen, and is emptied by each test; ASKED: one was asked."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import pandas as pd

from orderwright.backtest.indicators import sma
from orderwright.backtest.strategy import Strategy

SEEN: list[Any] = []
ASKED, GATE = threading.Event(), threading.Event()


class BuysEachBar(Strategy):
    """A little at each close."""

    def __init__(self, quantity: float = 0.001) -> None:
        super().__init__()
        self.quantity = quantity

    def on_bar(self, context: Any, bar: Any) -> None:
        order = context.buy(self.quantity)
        SEEN.append((bar.time, order.refused, order.reason, threading.current_thread().name))
        ASKED.set()

    def on_fill(self, context: Any, fill: Any) -> None:
        SEEN.append(("fill", fill.price, context.position()))


class Looks(Strategy):
    """Writes down what it sees."""

    warm_up = 20

    def on_start(self, context: Any) -> None:
        self.mean = context.indicator(sma, 3)
        SEEN.append(("start", len(context.history().time), context.cash, context.equity))

    def on_bar(self, context: Any, bar: Any) -> None:
        closes = context.history(3).close
        SEEN.append((bar.time, bar.index, bar.close, round(self.mean[-1] - closes.mean(), 6), len(context.orders())))


class Orders(Strategy):
    """Everything that can be asked of a context, one thing at each bar."""

    def on_bar(self, context: Any, bar: Any) -> None:
        step = len(SEEN)
        match step:
            case 0:
                SEEN.append(context.buy(percent=50))
            case 1:
                SEEN.append(context.sell(0.001, price=bar.close * 1.5, tag="far"))
            case 2:
                SEEN[1].replace(price=bar.close * 1.4)
                SEEN.append(SEEN[1].problem)
            case 3:
                SEEN[1].cancel()
                SEEN.append(SEEN[1].problem)
            case 4:
                legs = ({"price": bar.close * 1.5}, {"stop_price": bar.close * 0.5})
                SEEN.append(context.oco(*({"side": "sell", "quantity": 0.001, **leg} for leg in legs)))
            case 5:
                SEEN.append(context.buy(Decimal("0.0000001")))
            case 6:
                SEEN.append(context.close())
            case _:
                SEEN.append((context.position(), [order.tag for order in context.orders()]))


class Pairs(Strategy):
    """Two orders far from the market, of which one cancels the other."""

    def on_bar(self, context: Any, bar: Any) -> None:
        legs = ({"price": bar.close * 0.5}, {"price": bar.close * 0.6})
        SEEN.append(context.oco(*({"side": "buy", "quantity": 0.001, **leg} for leg in legs)))


class Signals(Strategy):
    """Long in even minutes, flat in odd ones."""

    def generate_signals(self, data: pd.DataFrame) -> pd.Series[int]:
        minutes = data.index.minute.to_series(index=data.index)
        return minutes.map(lambda minute: -1 if minute % 2 else 1)


class Raises(Strategy):
    def on_bar(self, context: Any, bar: Any) -> None:
        context.buy(0.001, price=bar.close / 2)
        raise ZeroDivisionError("by nothing")


class Waits(Strategy):
    """Does not come back until it is let."""

    def on_bar(self, context: Any, bar: Any) -> None:
        SEEN.append(bar.time)
        ASKED.set()
        GATE.wait()


class Silent(Strategy):
    """Has nothing to say."""
