"""What the README tells a newcomer to paste runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).resolve().parent.parent / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.strip().splitlines()[0])
def test_a_python_passage_of_the_readme_runs_and_runs_again(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    program = compile(block, "README.md", "exec")
    for _ in range(2):
        exec(program, {"__name__": "__main__"})

    assert "nearest that passes" in capsys.readouterr().out


def test_there_is_a_python_passage() -> None:
    assert BLOCKS
