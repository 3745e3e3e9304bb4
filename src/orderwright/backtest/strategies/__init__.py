"""Strategies to start from, each in a file of its own. `BUILT_IN` has them by the names that the command line takes.

Of signals, for either engine: `sma`, `rsi`, `breakout`, `bollinger`. Of orders, bar by bar, for the orders engine, on
paper and live: `grid`, `dca`, `market_maker`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from orderwright.backtest.strategies.bollinger import BollingerStrategy
from orderwright.backtest.strategies.breakout import BreakoutStrategy
from orderwright.backtest.strategies.dca import DCAStrategy
from orderwright.backtest.strategies.grid import GridStrategy
from orderwright.backtest.strategies.market_maker import MarketMakerStrategy
from orderwright.backtest.strategies.moving_average import SimpleMovingAverageStrategy
from orderwright.backtest.strategies.rsi import RSIStrategy
from orderwright.backtest.strategies.signalling import SignalStrategy, signs
from orderwright.backtest.strategy import Strategy

BUILT_IN: Mapping[str, type[Strategy]] = MappingProxyType(
    {
        "sma": SimpleMovingAverageStrategy,
        "rsi": RSIStrategy,
        "breakout": BreakoutStrategy,
        "bollinger": BollingerStrategy,
        "grid": GridStrategy,
        "dca": DCAStrategy,
        "market_maker": MarketMakerStrategy,
    }
)

__all__ = [
    "BUILT_IN",
    "BollingerStrategy",
    "BreakoutStrategy",
    "DCAStrategy",
    "GridStrategy",
    "MarketMakerStrategy",
    "RSIStrategy",
    "SignalStrategy",
    "SimpleMovingAverageStrategy",
    "signs",
]
