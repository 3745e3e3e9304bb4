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
        (("--space", "fast_period=9:3"), "space.fast_period: range(9, 3) is empty (nearest: range(9, 3, -1))"),
        (("--space", "fast_period=x..9"), "space.fast_period: 'x' is not a number"),
        (("--space", "fast_period=0.5..9"), "space.fast_period: Float(low=0.5, high=9.0, step=None, log=False) is"),
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
