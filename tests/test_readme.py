"""What the README tells a newcomer to paste runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orderwright.market.files import write_candles_csv
from orderwright.market.instruments import default_instrument
from orderwright.market.random_market import random_candles

README = Path(__file__).resolve().parent.parent / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


EXPECTED = ("nearest that passes", "trades")
"""What each passage prints, in their order."""


@pytest.mark.parametrize(("block", "expected"), list(zip(BLOCKS, EXPECTED, strict=True)), ids=("orders", "backtest"))
def test_a_python_passage_of_the_readme_runs_and_runs_again(
    block: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_candles_csv(random_candles(7, 1_000, default_instrument("BTC/USDT")), tmp_path / "candles.csv")
    program = compile(block, "README.md", "exec")
    for _ in range(2):
        exec(program, {"__name__": "__main__"})

    assert expected in capsys.readouterr().out
