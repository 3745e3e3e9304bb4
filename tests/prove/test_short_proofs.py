"""A short part of `make prove`, with a fixed seed: the same functions, small numbers."""

from __future__ import annotations

from pathlib import Path

from tests.prove import clocks, endings, hostile, soak, two


def test_after_each_kill_every_acknowledged_order_and_alert_is_there_once(tmp_path: Path) -> None:
    figures = endings.killed(tmp_path, rounds=2, between=(0.4, 0.8))
    assert (figures["lost"], figures["doubled"]) == (0, 0)
    assert figures["in_log"] >= figures["acknowledged"] > 0


def test_a_service_stopped_under_load_ends_with_0_and_has_what_it_acknowledged(tmp_path: Path) -> None:
    figures = endings.terminated(tmp_path, rounds=1, between=(0.5, 0.6))
    assert figures["in_log"] >= figures["acknowledged"] > 0


def test_a_full_disk_ends_the_service_with_one_line_and_loses_nothing(tmp_path: Path) -> None:
    figures = endings.disk_full(tmp_path, rounds=1, between=(0.4, 0.5))
    assert "What was committed before is whole; nothing after it is in the log" in figures["said"]
    assert figures["in_log"] >= figures["acknowledged"] > 0


def test_what_every_reader_saw_is_the_log_though_connections_are_cut(tmp_path: Path) -> None:
    figures = soak.soaked(tmp_path, seconds=2.0, readers=6, stall_s=0.5)
    assert figures["rows_read"] > figures["rows"] > 0
    assert figures["connections_cut"] > 0


def test_a_take_over_under_load_loses_and_doubles_nothing(tmp_path: Path) -> None:
    figures = two.taken_over(tmp_path, rounds=1, after=0.5)
    assert figures["in_log"] >= figures["acknowledged"] > 0


def test_a_clock_that_is_set_back_leaves_the_log_in_its_order(tmp_path: Path) -> None:
    figures = clocks.set_back(tmp_path, starts=2, seconds=0.8)
    assert figures["rows"] > figures["acknowledged"] > 0


def test_what_strangers_send_is_answered_without_a_fault(tmp_path: Path) -> None:
    figures = hostile.stood_against(tmp_path, share=0.02, slow=False)
    assert figures["requests"] > 300
