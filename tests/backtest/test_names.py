"""The names that `orderwright.backtest` hands on, and the figures that its document explains."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import orderwright
from orderwright import backtest
from orderwright.market.files import write_candles_csv
from orderwright.market.instruments import default_instrument
from orderwright.market.random_market import random_candles
from tests.backtest.results import a_market, a_result

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = (ROOT / "docs" / "backtest.md").read_text(encoding="utf-8")
HEAVY = ("numba", "pandas", "plotly", "optuna", "gymnasium")


NAMES: list[str] = vars(backtest)["__all__"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_leads_somewhere(name: str) -> None:
    assert getattr(backtest, name) is not None


def test_type_checkers_see_the_same_names() -> None:
    stub = (Path(backtest.__file__).parent / "__init__.pyi").read_text(encoding="utf-8")

    assert sorted(re.findall(r" as (\w+)$", stub, re.MULTILINE)) == NAMES


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Backtestr'"):
        backtest.Backtestr  # type: ignore[attr-defined]  # noqa: B018


def test_the_package_hands_on_the_names_of_the_seed() -> None:
    assert orderwright.Backtester is backtest.Backtester
    assert orderwright.Strategy is backtest.Strategy


def test_importing_loads_nothing_heavy() -> None:
    code = f"import orderwright, orderwright.backtest, orderwright.cli, sys; print({HEAVY} & sys.modules.keys())"
    code = code.replace(f"{HEAVY}", f"set({HEAVY})")
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert ran.stdout.strip() == "set()"


def test_the_document_explains_every_figure() -> None:
    table = DOCUMENT.partition("## Every figure")[2].partition("## Reading the page")[0]
    named = set(re.findall(r"`(\w+)`", " ".join(line.split(" | ")[0] for line in table.splitlines())))

    assert set(a_result(a_market(5)).metrics) <= named


def test_each_listing_of_the_document_runs_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, on_paper = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    write_candles_csv(random_candles(7, 200, default_instrument("BTC/USDT")), tmp_path / "candles.csv")
    exec(compile(first, "backtest.md", "exec"), {"__name__": "backtest_md"})
    said: dict[str, Any] = {"__name__": "backtest_md"}
    exec(compile(on_paper, "backtest.md", "exec"), said)

    assert "Dip on BTC/USDT" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "candles.csv",
        "chart.html",
        "paper.sqlite",
        "report.html",
    ]
    assert said["fills"][0].symbol == "BTC/USDT"


def test_the_document_leads_somewhere() -> None:
    for link in re.findall(r"\]\(([\w./]+)\)", DOCUMENT):
        assert (ROOT / "docs" / link).is_file(), link
