"""Seed 004's two examples of backtesting, with `trading` read as `orderwright.trading`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from orderwright.market.files import write_candles_csv
from orderwright.market.instruments import default_instrument
from orderwright.market.random_market import random_candles
from orderwright.trading.backtester import Backtester, BacktestResult, SimpleMovingAverageStrategy, Strategy, Trade

HOUR = 3_600_000_000
FIELDS = {
    "initial_balance",
    "final_balance",
    "total_return",
    "total_return_pct",
    "total_trades",
    "winning_trades",
    "losing_trades",
    "win_rate",
    "max_drawdown",
    "sharpe_ratio",
    "sortino_ratio",
    "trades",
    "equity_curve",
    "metrics",
}


@pytest.fixture
def hours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with BTCUSDT-1h.csv in it, where the example looks for it."""
    monkeypatch.chdir(tmp_path)
    candles = random_candles(3, 1_500, default_instrument("BTC/USDT"), interval=HOUR, volatility=0.006)
    write_candles_csv(candles, tmp_path / "BTCUSDT-1h.csv")


@pytest.mark.usefixtures("hours")
def test_the_usage_example(capsys: pytest.CaptureFixture[str]) -> None:
    # Load historical OHLC data
    data = pd.read_csv("BTCUSDT-1h.csv")
    data = data.set_index("timestamp")

    # Create strategy
    strategy = SimpleMovingAverageStrategy(fast_period=20, slow_period=50)

    # Create backtester
    backtester = Backtester(
        initial_balance=10000,
        commission=0.001,  # 0.1% commission
        slippage=0.0005,  # 0.05% slippage
    )

    # Run backtest
    result = backtester.run(strategy, data, symbol="BTC/USDT")

    # Print results
    print(f"Total Return: {result.total_return_pct:.2f}%")  # noqa: T201  # as the seed has it
    print(f"Sharpe Ratio: {result.sharpe_ratio:.2f}")  # noqa: T201
    print(f"Max Drawdown: {result.max_drawdown:.2f}%")  # noqa: T201
    print(f"Win Rate: {result.win_rate:.2f}%")  # noqa: T201

    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["Total Return", "Sharpe Ratio", "Max Drawdown", "Win Rate"]
    assert result.total_trades > 5
    assert list(result.equity_curve.index) == list(data.index)
    assert result.final_balance == pytest.approx(10_000 * (1 + result.total_return_pct / 100))


class MyStrategy(Strategy):
    def __init__(self, rsi_period: int = 14) -> None:
        super().__init__(name="RSI_Strategy")
        self.rsi_period = rsi_period

    def generate_signals(self, data: pd.DataFrame) -> pd.Series[int]:
        # Calculate RSI
        delta = data["close"].diff()
        gain = (delta.where(delta > 0, 0)).rolling(window=self.rsi_period).mean()
        loss = (-delta.where(delta < 0, 0)).rolling(window=self.rsi_period).mean()
        rs = gain / loss
        rsi = 100 - (100 / (1 + rs))

        # Generate signals
        signals = pd.Series(0, index=data.index)
        signals[rsi < 30] = 1  # Buy when oversold
        signals[rsi > 70] = -1  # Sell when overbought

        return signals


@pytest.mark.usefixtures("hours")
def test_the_custom_strategy() -> None:
    data = pd.read_csv("BTCUSDT-1h.csv").set_index("timestamp")
    result = Backtester(initial_balance=10000, commission=0.001, slippage=0.0005).run(MyStrategy(), data)

    assert result.strategy == "RSI_Strategy"
    assert result.parameters == {"rsi_period": 14}
    assert result.total_trades > 5


@pytest.mark.usefixtures("hours")
def test_the_result_has_every_field_of_the_seed() -> None:
    result = Backtester().run(SimpleMovingAverageStrategy(), "BTCUSDT-1h.csv")

    assert isinstance(result, BacktestResult)
    assert [name for name in FIELDS if not hasattr(result, name)] == []
    assert isinstance(result.equity_curve, pd.DataFrame)
    assert isinstance(result.trades[0], Trade)
    assert isinstance(result.metrics, dict)


def test_the_module_runs_its_own_example() -> None:
    """`python bagbot/trading/backtester.py` of the seed."""
    words = [sys.executable, "-m", "orderwright.trading.backtester"]
    ran = subprocess.run(words, check=True, capture_output=True, text=True)

    names = [line.partition(":")[0] for line in ran.stdout.splitlines()]
    assert names == ["Total Return", "Sharpe Ratio", "Max Drawdown", "Win Rate"]
