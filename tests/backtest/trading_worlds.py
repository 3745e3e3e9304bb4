"""Small markets and strategies for the tests of the orders engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from orderwright.backtest.bars import Bars
from orderwright.backtest.context import Context
from orderwright.backtest.outcome import REASONS, Outcome
from orderwright.backtest.records import Bar
from orderwright.backtest.rules import Rules
from orderwright.backtest.strategy import Strategy
from orderwright.market.candles import Candles, check_candles
from tests.builders import MINUTE, NOW, an_instrument

Four = tuple[float, float, float, float]


def some_bars(
    *rows: Four | float, symbol: str = "BTC/USDT", start: int = NOW, interval: int = MINUTE, skip: Sequence[int] = ()
) -> Bars:
    """Bars of (open, high, low, close), or of one price each; those whose place is in `skip` are missing."""
    four = np.array([row if isinstance(row, tuple) else (row,) * 4 for row in rows], dtype=np.float64)
    places = np.array([place for place in range(len(rows) + len(skip)) if place not in skip], dtype=np.int64)
    opened, high, low, close = (np.ascontiguousarray(column) for column in four.T)
    ticks = tuple(np.rint(column * 100).astype(np.int64) for column in (opened, high, low, close))
    volume = np.full(len(rows), 1_000.0)
    steps = np.rint(volume * 100_000).astype(np.int64)
    times = start + places[: len(rows)] * interval
    candles = Candles(symbol, an_instrument(symbol), interval, times, ticks[0], ticks[1], ticks[2], ticks[3], steps)
    check_candles(candles)
    return Bars(candles, opened, high, low, close, volume)


def a_walk(n: int, seed: int = 1, *, symbol: str = "BTC/USDT", start: int = NOW) -> Bars:
    """A random walk around 100, each bar opening where the last one closed."""
    chance = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(chance.normal(0, 0.004, n))), 2)
    opened = np.concatenate(([100.0], close[:-1]))
    high = np.round(np.maximum(opened, close) * (1 + np.abs(chance.normal(0, 0.002, n))), 2)
    low = np.round(np.minimum(opened, close) * (1 - np.abs(chance.normal(0, 0.002, n))), 2)
    return some_bars(*zip(opened, high, low, close, strict=True), symbol=symbol, start=start)


class Acting(Strategy):
    """Does at each bar what it is told; notes what it hears."""

    def __init__(self, *acts: Callable[[Context], Any] | None, name: str = "acting") -> None:
        super().__init__(name)
        self.acts, self.heard, self.seen = acts, [], []  # type: ignore[var-annotated]
        self.handles: list[Any] = []

    def on_bar(self, context: Context, bar: Bar) -> None:
        self.seen.append((bar.symbol, bar.index, context.position()))
        act = self.acts[bar.index] if bar.index < len(self.acts) else None
        if act is not None:
            self.handles.append(act(context))

    def on_fill(self, context: Context, fill: Any) -> None:
        self.heard.append(("fill", str(fill.side), fill.quantity, fill.price))

    def on_order(self, context: Context, order: Any) -> None:
        self.heard.append(("order", str(order.status), order.reason))


def fills_of(outcome: Outcome) -> list[tuple[int, int, float, float, str]]:
    """(bar, side, price, quantity, reason) of each fill; prices of tick 0.01, quantities of step 0.00001."""
    fills = outcome.fills
    rows = zip(fills.bar, fills.side, fills.price, fills.quantity, fills.reason, strict=True)
    return [
        (int(bar), int(side), round(price / 100, 2), round(quantity / 100_000, 5), REASONS[reason])
        for bar, side, price, quantity, reason in rows
    ]


FREE = Rules(initial_balance=Decimal(1_000))
COSTLY = Rules(initial_balance=Decimal(1_000), commission=Decimal("0.001"), slippage=Decimal("0.0005"))
