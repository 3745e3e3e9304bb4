"""What docs/api.md tells a developer to paste runs as it stands there, against a service, in the order of the page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.running import Served, a_served

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(bash|python) run\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
EXPECTED = (
    '"status":"submitted"',
    '"books":',
    '"state":"active"',
    '"exposure":',
    '"code":"buying_power"',
    "order_accepted",
    '"type":"event"',
    "filled, 0.001 filled",
)
"""What each passage prints, in their order."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with a_served(tmp_path_factory.mktemp("service") / "log.sqlite") as served:
        served.key = served.new_key("reader-of-the-page")
        yield served


@pytest.mark.parametrize(("block", "expected"), list(zip(BLOCKS, EXPECTED, strict=True)), ids=range(len(EXPECTED)))
def test_a_passage_of_the_page_runs(block: tuple[str, str], expected: str, served: Served, tmp_path: Path) -> None:
    language, text = block
    run = [sys.executable, "-c", text] if language == "python" else ["bash", "-e", "-c", text]
    words = {"URL": served.url, "KEY": served.key, "BOOK": "reader-of-the-page"}
    done = subprocess.run(
        run, env=os.environ | words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert expected in done.stdout
