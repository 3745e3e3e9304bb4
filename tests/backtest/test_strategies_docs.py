"""What docs/strategies.md and examples/my_strategy.py tell a user to write runs as it stands there."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from orderwright.backtest.backtester import Backtester
from orderwright.market.files import write_candles_csv
from orderwright.market.instruments import default_instrument
from orderwright.market.random_market import random_candles

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs/strategies.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with candles.csv in it: 3,000 minutes of a made-up market."""
    made = tmp_path_factory.mktemp("strategies")
    write_candles_csv(random_candles(7, 3_000, default_instrument("BTC/USDT"), volatility=0.002), made / "candles.csv")
    return made


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.strip().splitlines()[-1])
def test_a_passage_of_the_page_runs(
    block: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)

    exec(compile(block, "docs/strategies.md", "exec"), {"__name__": "__main__"})

    assert re.search(r"[1-9]", capsys.readouterr().out)


def test_the_page_has_the_built_in_strategies_with_the_arguments_they_have() -> None:
    from inspect import signature

    from orderwright.backtest.strategies import BUILT_IN

    for name, kind in BUILT_IN.items():
        arguments = [one for one in signature(kind).parameters.values() if one.kind is one.POSITIONAL_OR_KEYWORD]
        words = ", ".join(f"{one.name}={one.default!r}".replace("'", '"') for one in arguments)
        assert f"| `{name}` | `{kind.__name__}({words})` |" in PAGE


def test_the_page_has_all_words_of_an_order_and_all_that_the_context_has() -> None:
    from inspect import signature

    from orderwright.backtest.context import Context

    told = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", PAGE))))
    words = set(signature(Context.order).parameters) - {"self", "more"}
    has = {name for name in vars(Context) if not name.startswith("_")} - {"bars", "bar_at"}

    assert words | has <= told
    for name in ("buy", "sell", "order", "target", "close", "replace", "history", "indicator", "position", "orders"):
        given = [one for one in signature(getattr(Context, name)).parameters if one not in ("self", "more", "args")]
        (shown,) = re.findall(rf"^\| `{name}\(([^)]*)\)`", PAGE, re.MULTILINE)
        assert set(re.findall(r"(?<!=)\b[a-z_]+\b(?!\")", shown)) >= set(given[:2] if name == "order" else given), name


def test_the_example_trades_with_its_bracket(folder: Path) -> None:
    strategy = runpy.run_path(str(ROOT / "examples/my_strategy.py"))["QuietBreakout"]()

    result = Backtester(commission=0.001).run(strategy, folder / "candles.csv", symbol="BTC/USDT")

    assert result.engine == "orders"
    assert {trade.entry_reason for trade in result.trades} == {"order"}
    assert {trade.exit_reason for trade in result.trades} == {"stop_loss", "take_profit"}
