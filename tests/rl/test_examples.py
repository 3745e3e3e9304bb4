"""The example trains, and what it claims is so: an agent that beats holding on markets it has not seen."""

from __future__ import annotations

import runpy

import pytest

from tests.conftest import ROOT


def test_a_small_agent_learns_to_beat_buy_and_hold(capsys: pytest.CaptureFixture[str]) -> None:
    example = runpy.run_path(str(ROOT / "examples/train_agent.py"))
    found = example["main"](generations=12, seeds=6)
    agent, holding = found["agent"], found["buy and hold"]
    assert (agent > holding).sum() >= 5
    assert agent.mean() > holding.mean() + 2
    assert "better than holding" in capsys.readouterr().out
