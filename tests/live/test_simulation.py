"""A part of `make simulate` that is the same each time; see world.py for what is looked at."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.world import Broken, Life, World, crash_everywhere, history, run_seed

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("seed", range(101, 107))
def test_every_law_holds_after_crashes_failed_commits_and_a_bad_network(seed: int) -> None:
    run_seed(seed)


def test_a_crash_at_any_await_or_commit_loses_nothing_that_was_told() -> None:
    assert sum(1 for _ in crash_everywhere(5, stride=47)) > 10


@pytest.mark.parametrize("after", [False, True])
def test_a_failed_commit_ends_a_life_whether_or_not_it_has_reached_the_disk(after: bool) -> None:
    world = run_seed(3, [Life(failing=12, after=after)])
    assert world.ends == ["the commit failed", "stopped"]


def test_a_process_that_was_only_paused_sends_late_what_it_had_made_durable_and_nothing_is_doubled() -> None:
    ends = [run_seed(3, [Life(pause_after=commit)]).ends[0] for commit in range(40, 64, 4)]
    assert any(end.startswith("paused with") for end in ends), ends


def test_one_seed_gives_one_history_byte_for_byte_in_any_process() -> None:
    told = [_simulate(hash_seed) for hash_seed in ("1", "2")]
    assert told[0] == told[1]
    assert "seed 11: " in told[0]


def _simulate(hash_seed: str) -> str:
    command = [sys.executable, "-m", "tests.live.world", "--seed", "11", "--runs", "2"]
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    return subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout


def test_a_broken_law_names_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(seed: int, folder: Path, lives: list[Life] | None = None) -> World:
        world = history(seed, folder, lives)
        raise Broken(f"after {len(world.told)} answers")

    monkeypatch.setattr("tests.live.world.history", broken)
    with pytest.raises(Broken, match=r"seed 7, lives \[\]: after \d+ answers"):
        run_seed(7, [])
