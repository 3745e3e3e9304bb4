"""A short part of `make prove`, with a fixed seed: the same functions, small numbers."""

from __future__ import annotations

from pathlib import Path

from tests.prove import clocks, endings, hostile, soak, two


def test_whichever_way_it_ends_under_load_what_was_acknowledged_is_there_once(tmp_path: Path) -> None:
    figures = endings.ended(tmp_path, [endings.KILL, endings.TERMINATE, endings.FULL], between=(0.3, 0.5))
    assert (figures["lost"], figures["doubled"]) == (0, 0)
    assert figures["in_log"] >= figures["acknowledged"] > 0
    assert "What was committed before is whole; nothing after it is in the log" in figures["said"]


def test_what_every_reader_saw_is_the_log_though_connections_are_cut(tmp_path: Path) -> None:
    figures = soak.soaked(tmp_path, seconds=1.5, readers=6, stall_s=0.5)
    assert figures["rows_read"] > figures["rows"] > 0
    assert figures["connections_cut"] > 0


def test_a_take_over_under_load_loses_and_doubles_nothing(tmp_path: Path) -> None:
    figures = two.taken_over(tmp_path, rounds=1, after=0.4)
    assert figures["in_log"] >= figures["acknowledged"] > 0


def test_a_clock_that_is_set_back_leaves_the_log_in_its_order(tmp_path: Path) -> None:
    figures = clocks.set_back(tmp_path, starts=2, seconds=0.6)
    assert figures["rows"] > figures["acknowledged"] > 0


def test_what_strangers_send_is_answered_without_a_fault(tmp_path: Path) -> None:
    figures = hostile.stood_against(tmp_path, share=0.02, slow=False)
    assert figures["requests"] > 300
