"""A strategy of your own, in a file of your own: buys what breaks out on a quiet market, and brackets every entry.

    orderwright backtest --strategy examples/my_strategy.py:QuietBreakout --data candles.csv --symbol BTC/USDT

Copy it, rename it, change it. The same class runs in a backtest and on paper.
"""

from __future__ import annotations

from orderwright.backtest import Strategy
from orderwright.backtest.context import Context
from orderwright.backtest.indicators import atr, highest
from orderwright.backtest.records import Bar, Fill


class QuietBreakout(Strategy):
    """Buys at a new high of `period` bars, while the bars are calmer than they were; the exits are the bracket's."""

    def __init__(self, period: int = 50, risk_percent: float = 1.0) -> None:
        super().__init__()
        self.period, self.risk_percent = period, risk_percent
        self.warm_up = 4 * period

    def on_start(self, context: Context) -> None:
        # Indicators are computed once, over all bars, and shown bar by bar: [-1] is the bar that has just closed.
        self.ceiling = context.indicator(highest, "high", self.period)
        self.calm = context.indicator(atr, "high", "low", "close", self.period)
        self.usual = context.indicator(atr, "high", "low", "close", 4 * self.period)

    def on_bar(self, context: Context, bar: Bar) -> None:
        if context.position() or context.orders():
            return  # in the market, or on the way: the bracket takes care of it
        if bar.close > self.ceiling[-2] and self.calm[-1] < self.usual[-1]:
            reach = 3 * self.calm[-1]
            risked = context.equity * self.risk_percent / 100
            quantity = min(risked / reach, 0.95 * context.cash / bar.close)
            context.buy(quantity, stop_loss=bar.close - reach, take_profit=bar.close + 2 * reach, tag="breakout")

    def on_fill(self, context: Context, fill: Fill) -> None:
        """Every fill comes by here, those of the bracket's exits too: a place to count, to log, or to go on."""
