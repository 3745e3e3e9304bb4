"""The example trains, and what it claims is so: an agent that beats holding on markets it has not seen."""

from __future__ import annotations

import re
import runpy

import gymnasium
import pytest

import orderwright.rl
from tests.conftest import ROOT
from tests.rl.markets import walk


def test_a_small_agent_learns_to_beat_buy_and_hold(capsys: pytest.CaptureFixture[str]) -> None:
    example = runpy.run_path(str(ROOT / "examples/train_agent.py"))
    found = example["main"](generations=12, seeds=6)
    agent, holding = found["agent"], found["buy and hold"]
    assert (agent > holding).sum() >= 5
    assert agent.mean() > holding.mean() + 2
    assert "better than holding" in capsys.readouterr().out


def test_what_the_page_tells_a_user_to_write_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/rl.md").read_text(), re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, "docs/rl.md", "exec"), {"__name__": "docs"})


def test_data_go_through_gymnasium_make() -> None:
    for data in (walk(1, 60), lambda seed: walk(seed, 60)):
        env = gymnasium.make(orderwright.rl.ID, data=data, window=4, episode_length=20)
        env.reset(seed=1)
        assert env.step(1)[4]["fills"] == 1
