"""Seed 004's `trading/backtester.py`. `Trade` is a round trip here; `python -m orderwright.trading.backtester` runs the
seed's example on a made-up market."""

from __future__ import annotations

import sys

from orderwright.backtest.backtester import Backtester
from orderwright.backtest.result import BacktestResult
from orderwright.backtest.strategies import SimpleMovingAverageStrategy
from orderwright.backtest.strategy import Strategy
from orderwright.backtest.trades import RoundTrip as Trade

HOUR = 3_600_000_000


def main() -> None:
    """The seed's example, on a year of hours of a market of its own."""
    from orderwright.market.instruments import default_instrument
    from orderwright.market.random_market import random_candles

    data = random_candles(13, 8_760, default_instrument("BTC/USDT"), interval=HOUR, volatility=0.005)
    strategy = SimpleMovingAverageStrategy(fast_period=20, slow_period=50)
    backtester = Backtester(initial_balance=10000, commission=0.001, slippage=0.0005)
    result = backtester.run(strategy, data, symbol="BTC/USDT")
    lines = [
        f"Total Return: {result.total_return_pct:.2f}%",
        f"Sharpe Ratio: {result.sharpe_ratio:.2f}",
        f"Max Drawdown: {result.max_drawdown:.2f}%",
        f"Win Rate: {result.win_rate:.2f}%",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

__all__ = ["BacktestResult", "Backtester", "SimpleMovingAverageStrategy", "Strategy", "Trade"]
