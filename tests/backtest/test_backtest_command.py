"""`orderwright backtest`: strategies by name, parameters checked, data by symbol, a table, JSON, the page, the log."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orderwright.backtest.rules import FixedQuantity, PercentOfEquity, TargetPosition, VolatilityRisk
from orderwright.backtest.strategies import SimpleMovingAverageStrategy
from orderwright.commands.rules import sizing_of
from orderwright.commands.strategies import data_of, parameters_of, strategy_class, strategy_of
from orderwright.errors import InputError
from orderwright.market.files import write_candles_csv
from orderwright.market.instruments import default_instrument
from orderwright.market.random_market import random_candles
from tests.commands import orderwright

HOUR = 3_600_000_000
MINE = '''
from decimal import Decimal

from orderwright.backtest.strategy import Strategy


class Mine(Strategy):
    """Buys at the close of a bar, sells so many bars later."""

    def __init__(self, every: int, held=3, *, share: Decimal = Decimal(1), eager=False, note: str | None = None):
        super().__init__("Mine")
        self.every, self.held, self.share, self.eager, self.note = every, held, share, eager, note

    def generate_signals(self, data):
        import pandas as pd

        signals = pd.Series(0, index=data.index)
        signals.iloc[:: self.every] = 1
        signals.iloc[self.held :: self.every] = -1
        return signals
'''


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("market") / "candles.csv"
    candles = random_candles(3, 600, default_instrument("BTC/USDT"), interval=HOUR, volatility=0.006)
    write_candles_csv(candles, path)
    return path


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A strategy in a file of the user's own."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "my_strategy", raising=False)
    path = tmp_path / "my_strategy.py"
    path.write_text(MINE, encoding="utf-8")
    return str(path)


def refusal(*words: object) -> str:
    """What a command that is the user's mistake says."""
    ran = orderwright("backtest", *words)
    assert (ran.code, ran.out) == (2, "")
    return ran.err.removeprefix("orderwright: ").strip()


# What is read before anything runs


def test_a_strategy_is_found_by_its_name_its_module_or_its_file(mine: str) -> None:
    assert strategy_class("sma") is SimpleMovingAverageStrategy
    assert strategy_class("orderwright.backtest.strategies:SimpleMovingAverageStrategy") is SimpleMovingAverageStrategy
    assert strategy_class(f"{mine}:Mine").__name__ == "Mine"
    assert strategy_class(mine).__name__ == "Mine"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("smaa", "strategy: unknown strategy 'smaa' (nearest: sma)"),
        ("nowhere.py:Mine", "strategy: there is no file nowhere.py"),
        ("no_such_module:Mine", "strategy: no_such_module cannot be imported: No module named 'no_such_module'"),
        ("orderwright.backtest.strategies:RSIStrateg", "(nearest: RSIStrategy)"),
    ],
)
def test_a_strategy_that_is_not_there_is_named_with_the_nearest(name: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        strategy_class(name)

    assert message in str(refused.value)


def test_parameters_are_read_as_the_constructor_takes_them(mine: str) -> None:
    texts = ["every=10", "held=4", "share=0.5", "eager=yes", "note=none"]

    assert parameters_of(strategy_class(mine), texts) == {
        "every": 10,
        "held": 4,
        "share": Decimal("0.5"),
        "eager": True,
        "note": None,
    }


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["fast_perod=20"], "unknown parameter of SimpleMovingAverageStrategy 'fast_perod' (nearest: fast_period)"),
        (["fast_period=2.6"], "fast_period: '2.6' is not a whole number (nearest: 3)"),
        (["fast_period=fast"], "fast_period: 'fast' is not a whole number"),
        (["fast_period"], "param: 'fast_period' is not NAME=VALUE, such as fast_period=20"),
        (["fast_period=5", "fast_period=6"], "fast_period: is there twice"),
        (["fast_period=60"], "fast_period: 60 is not below slow_period, 50 (nearest: 49)"),
    ],
)
def test_a_parameter_that_cannot_be_is_named(texts: list[str], message: str) -> None:
    with pytest.raises(InputError) as refused:
        strategy_of("sma", texts)

    assert message in str(refused.value)


def test_a_parameter_without_a_default_is_asked_for(mine: str) -> None:
    with pytest.raises(InputError, match="every: Mine needs it: --param every=VALUE"):
        strategy_of(mine, [])


def test_data_is_one_file_or_a_file_of_each_symbol() -> None:
    assert data_of(["candles.csv"], "BTC/USDT") == Path("candles.csv")
    assert data_of(["BTCUSDT=a.csv", "ETH/USDT=b.csv"], "BTC/USDT") == {
        "BTC/USDT": Path("a.csv"),
        "ETH/USDT": Path("b.csv"),
    }
    with pytest.raises(InputError, match="BTC/USDT is there twice"):
        data_of(["a.csv", "b.csv"], "BTC/USDT")


@pytest.mark.parametrize(
    ("text", "sizing"),
    [
        ("100%", PercentOfEquity()),
        ("12.5%", PercentOfEquity(Decimal("12.5"))),
        ("0.25", FixedQuantity(Decimal("0.25"))),
        ("target=50%", TargetPosition(Decimal(50))),
        ("risk=1%", VolatilityRisk(Decimal(1))),
        ("risk=2%/20", VolatilityRisk(Decimal(2), 20)),
    ],
)
def test_sizes_are_read(text: str, sizing: object) -> None:
    assert sizing_of(text) == sizing


@pytest.mark.parametrize("text", ["half", "target=50", "aim=50%", "risk=1%/many", "50%/20", "target=5%/20"])
def test_a_size_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="size"):
        sizing_of(text)


# The command itself


def test_a_run_ends_with_a_table_and_a_page(market: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    ran = orderwright("backtest", "--strategy", "sma", "--param", "fast_period=5", "--data", market, "--html", page)

    assert (ran.code, ran.err) == (0, "")
    assert "(fast_period=5, slow_period=50) on BTC/USDT" in ran.out
    assert all(words in ran.out for words in ("Sharpe ratio", "Deepest drawdown", "Expectancy, USDT", "Turnover"))
    assert str(page) in ran.out
    assert "chart-run" in page.read_text(encoding="utf-8")


def test_the_result_as_json(market: Path) -> None:
    ran = orderwright("backtest", "--strategy", "sma", "--data", market, "--balance", 5_000, "--short", "--json")
    told: dict[str, Any] = json.loads(ran.out)

    assert (told["engine"], told["initial_balance"], told["rules"]["allow_short"]) == ("kernel", 5_000, True)
    assert {trade["side"] for trade in told["trades"]} == {"long", "short"}
    assert told["parameters"] == {"fast_period": 20, "slow_period": 50}


def test_both_engines_say_the_same(market: Path) -> None:
    words = ["backtest", "--strategy", "sma", "--data", market, "--stop-loss", "0.01", "--json"]
    kernel, orders = (json.loads(orderwright(*words, "--engine", name).out) for name in ("kernel", "orders"))

    assert (kernel["engine"], orders["engine"]) == ("kernel", "orders")
    assert kernel["final_balance"] == pytest.approx(orders["final_balance"], rel=1e-9)
    assert [trade["exit_reason"] for trade in kernel["trades"]] == [trade["exit_reason"] for trade in orders["trades"]]


def test_the_log_of_a_run_is_read_by_the_other_commands(market: Path, tmp_path: Path) -> None:
    log = tmp_path / "orders.sqlite"
    ran = orderwright("backtest", "--strategy", "sma", "--data", market, "--log", log, "--json")

    assert ran.code == 0
    assert json.loads(ran.out)["engine"] == "orders"
    assert "filled" in orderwright("orders", "--log", log).out
    assert "is there already" in refusal("--strategy", "sma", "--data", market, "--log", log)


def test_a_strategy_of_ones_own_runs(market: Path, mine: str) -> None:
    ran = orderwright("backtest", "--strategy", f"{mine}:Mine", "--param", "every=50", "--data", market, "--json")

    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["total_trades"] == 12


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--commission", "1.5"], "commission"),
        (["--engine", "kernal"], "engine: unknown engine 'kernal' (nearest: kernel)"),
        (["--fill-at", "nxt_open"], "nearest: next_open"),
        (["--path", "neerest"], "nearest: nearest"),
        (["--stop-loss", "none"], "stop_loss"),
        (["--html", "/"], "html"),
        (["--engine", "kernel", "--log", "orders.sqlite"], "log: the kernel sends no orders"),
    ],
)
def test_what_cannot_be_is_refused_by_name(market: Path, words: list[str], message: str) -> None:
    assert message in refusal("--strategy", "sma", "--data", market, *words)


def test_a_file_that_is_not_there_is_named() -> None:
    assert "nowhere.csv" in refusal("--strategy", "sma", "--data", "nowhere.csv")
