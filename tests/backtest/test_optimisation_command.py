"""`orderwright optimize`: options to a search, the table, the page, JSON, and errors in one line."""

import json
from pathlib import Path

import pytest

from orderwright.commands.strategies import data_of
from orderwright.market.files import write_candles_csv
from orderwright.market.instruments import default_instrument
from orderwright.market.random_market import random_candles
from tests.commands import Ran, orderwright


@pytest.fixture(scope="module")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("optimize") / "candles.csv"
    write_candles_csv(random_candles(7, 1_200, default_instrument("BTC/USDT")), path)
    return path


def optimize(candles: Path, *words: object) -> Ran:
    return orderwright("optimize", "--strategy", "sma", "--data", candles, *words)


def test_a_grid_with_a_walk_a_page_and_json(candles: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    words = ("--space", "fast_period=3:9:2", "--space", "slow_period=20,60", "--walk-forward", 2, "--anchored")
    ran = optimize(candles, *words, "--html", page, "--json")
    assert (ran.code, ran.err) == (0, "")
    said = json.loads(ran.out)
    assert said["space"] == {"fast_period": "Int(low=3, high=7, step=2, log=False)", "slow_period": "Choice(20, 60)"}
    assert said["trials"]["all"] == 6
    assert [one["in_sample_start"] for one in said["walk_forward"]["windows"]] == ["2024-01-01T00:01:00Z"] * 2
    assert "Where it did well" in page.read_text()


def test_the_table_says_both_parts_and_what_to_make_of_it(candles: Path) -> None:
    ran = optimize(candles, "--space", "fast_period=3..9", "--method", "tpe", "--trials", 12, "--holdout", "0.25")
    assert (ran.code, ran.err) == (0, "")
    rows = [line.split() for line in ran.out.splitlines()]
    assert ["optimised", "held", "out"] in rows
    assert ["Bars", "900", "300"] in rows
    assert "12 trials, method tpe" in ran.out
    assert "different trials without any skill" in ran.out


def test_a_study_goes_on_from_the_command_line(candles: Path, tmp_path: Path) -> None:
    words = ("--space", "fast_period=3:9:2", "--study", tmp_path / "study.journal", "--objective", "total_return_pct")
    first, again = (optimize(candles, *words, "--json") for _ in range(2))
    assert (first.code, again.out) == (0, first.out)
    assert (first.err, again.err) == ("", "3 trials were in the study already\n")
    other = optimize(candles, *words, "--commission", "0.002")
    assert other.code == 2
    assert "was made for another search (rules: " in other.err


def test_every_rule_of_backtest_is_a_rule_of_optimize(candles: Path) -> None:
    words = ("--limit-entry", "0.0005", "--limit-bars", 3, "--path", "worst", "--stop-loss", "0.004", "--size", "50%")
    found = json.loads(optimize(candles, *words, "--space", "fast_period=5", "--holdout", 0, "--json").out)
    by_hand = orderwright(
        "backtest", "--strategy", "sma", "--param", "fast_period=5", "--data", candles, *words, "--json"
    )
    ran = json.loads(by_hand.out)
    assert (ran["rules"]["limit_bars"], ran["rules"]["path"]) == (3, "worst")
    assert found["best"]["total_return_pct"] == ran["total_return_pct"]


def test_a_name_without_a_quote_asset_is_traded_in_dollars_as_in_python(candles: Path) -> None:
    ran = optimize(candles, "--symbol", "GOOG", "--space", "fast_period=5")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("SimpleMovingAverageStrategy on GOOG/USD")
    assert data_of(["GOOG=a.csv"], "BTC/USDT") == {"GOOG/USD": Path("a.csv")}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--space", "fats_period=3:9"), "space: unknown parameter of SimpleMovingAverageStrategy 'fats_period'"),
        (("--space", "fast_period"), "space: 'fast_period' is not NAME=VALUES"),
        (("--space", "fast_period=3:9:0"), "space.fast_period: a step of 0 leads nowhere (nearest: 3:9:1)"),
        (("--space", "fast_period=9:3"), "space.fast_period: 9:3 is empty (nearest: 9:3:-1)"),
        (("--space", "fast_period=45..5"), "space.fast_period: from 45 to 5 is the wrong way round (nearest: 5..45)"),
        (("--space", "fast_period=3", "--stop-loss", "two"), "stop_loss: 'two' is not a number (nearest: 0.02)"),
        (("--space", "fast_period=3", "--commission", "abc"), "commission: 'abc' is not a number (nearest: 0.001)"),
        (("--space", "fast_period=3", "--size", "foo"), "size: 'foo' is not a size: one of 50%, 0.25, target=50%"),
        (("--space", "fast_period=3", "--step", "0"), "step: 0 is not above 0 (nearest: 1)"),
        (("--space", "fast_period=x..9"), "space.fast_period: 'x' is not a number"),
        (
            ("--space", "fast_period=0.5..9"),
            "space.fast_period: 0.5..9.0 is continuous, and a grid needs steps; method tpe does without "
            "(nearest: 0.5:9.0:0.85)",
        ),
        (("--space", "fast_period=3", "--space", "fast_period=4"), "space.fast_period: is there twice"),
        (
            ("--space", "fast_period=3", "--objective", "sharp_ratio"),
            "objective: unknown figure 'sharp_ratio' (nearest",
        ),
        (("--space", "fast_period=3", "--method", "gird"), "method: unknown method 'gird' (nearest: grid)"),
        (("--space", "fast_period=3", "--engine", "kernal"), "engine: "),
        (("--space", "fast_period=3", "--path", "neerest"), "path: unknown path 'neerest' (nearest: nearest)"),
    ],
)
def test_mistakes_are_one_line(candles: Path, words: tuple[str, ...], said: str) -> None:
    ran = optimize(candles, *words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"orderwright: {said}")
    assert ran.err.count("\n") == 1


def test_steps_of_numbers_are_a_grid_and_percent_is_a_fraction(candles: Path) -> None:
    words = ("--strategy", "bollinger", "--data", candles, "--space", "deviations=1:3:0.5", "--json")
    said = json.loads(orderwright("optimize", *words, "--stop-loss", "2%").out)
    assert said["trials"]["all"] == 5
    assert said == json.loads(orderwright("optimize", *words, "--stop-loss", "0.02").out)


def test_several_objectives_show_their_front(candles: Path) -> None:
    words = ("--objective", "sharpe_ratio", "--objective", "total_trades", "--space", "fast_period=3:30:3")
    ran = optimize(candles, *words)
    assert "The Pareto front" in ran.out
    assert ["fast_period", "sharpe_ratio", "total_trades"] in [line.split() for line in ran.out.splitlines()]


PRINTING = """
from orderwright.backtest import SimpleMovingAverageStrategy, Strategy


class Printing(SimpleMovingAverageStrategy):
    def signals(self, bars):
        print("a word")
        return super().signals(bars)


class Without(Strategy):
    def generate_signals(self, data):
        return (data["close"] > 0).astype(int)
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_a_strategy_prints_is_not_in_the_answer(candles: Path, tmp_path: Path, jobs: int) -> None:
    (tmp_path / "printing_strategy.py").write_text(PRINTING)
    words = ("--strategy", f"{tmp_path}/printing_strategy.py:Printing", "--space", "fast_period=3,4", "--jobs", jobs)
    ran = orderwright("optimize", *words, "--data", candles, "--json")
    assert ran.code == 0
    assert json.loads(ran.out)["trials"]["all"] == 2
    none = orderwright(
        *("optimize", "--strategy", f"{tmp_path}/printing_strategy.py:Without", "--space", "x=1", "--data", candles)
    )
    assert none.err == "orderwright: space: Without has no parameters: there is nothing to search\n"


def test_a_step_makes_whole_shares(candles: Path) -> None:
    words = ("backtest", "--strategy", "sma", "--data", candles, "--balance", "1000000", "--json")
    whole = json.loads(orderwright(*words, "--step", "1").out)
    assert {float(one["quantity"]) % 1 for one in whole["trades"]} == {0.0}
    assert {float(one["quantity"]) % 1 for one in json.loads(orderwright(*words).out)["trades"]} != {0.0}


def test_help_names_every_built_in_strategy() -> None:
    from orderwright.backtest.strategies import BUILT_IN
    from orderwright.commands import strategies

    assert strategies._BUILT_IN.split(", ") == list(BUILT_IN)
