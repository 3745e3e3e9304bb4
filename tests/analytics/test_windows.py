"""Lengths of time: one reading, whoever asks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orderwright.analytics.windows import parse_length, parse_window, shown_length
from orderwright.broker.times import duration_of, is_duration
from orderwright.commands.options import step_of
from orderwright.core.model import DAY, MINUTE, SECOND
from orderwright.errors import InputError

DOORS: list[Callable[[str], int]] = [parse_window, step_of, lambda text: duration_of(text, "window")]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("1.5h", 90 * MINUTE),
        ("500ms", SECOND // 2),
        ("7us", 7),
        ("90 s", 90 * SECOND),
        (" 2W ", 14 * DAY),
        ("0.5d", DAY // 2),
        ("36500d", 36_500 * DAY),
    ],
)
def test_every_door_reads_the_same(door: Callable[[str], int], text: str, length: int) -> None:
    assert door(text) == length
    assert is_duration(text)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("1x", "1d"),
        ("90 min", "90m"),
        ("1.5 hours", "1.5h"),
        ("3secs", "3s"),
        ("2mo", "2d"),
        ("99999w", "5214w"),
        ("0.1us", "1us"),
    ],
)
def test_what_no_door_reads_is_answered_with_one_that_all_read(
    door: Callable[[str], int], text: str, nearest: str
) -> None:
    with pytest.raises(InputError) as refused:
        door(text)
    assert refused.value.nearest == nearest
    assert door(nearest) > 0


def test_nothing_is_a_length_only_where_it_may_be() -> None:
    assert parse_length("0s", "start", zero=True) == 0
    with pytest.raises(InputError) as refused:
        parse_length("0s", "every")
    assert (refused.value.field, refused.value.nearest) == ("every", "1s")


@pytest.mark.parametrize("text", ["1d", "90m", "36h", "1500ms", "7us"])
def test_a_length_is_shown_as_it_can_be_written(text: str) -> None:
    assert shown_length(parse_length(text, "window")) == text
