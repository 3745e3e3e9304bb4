"""Times: every form that files carry gives the same microseconds."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwright.errors import InputError
from orderwright.market.times import iso, microseconds

TIME = 1_704_067_200_000_000  # 2024-01-01T00:00:00Z
TOO_SMALL = "not a time since the epoch (the smallest one read is 100000000, in 1973)"
TOKYO = timezone(timedelta(hours=9))


@pytest.mark.parametrize(
    "values",
    [
        np.array([1_704_067_200]),
        np.array([1_704_067_200_000]),
        np.array([1_704_067_200_000_000]),
        np.array([1_704_067_200_000_000_999]),
        np.array([1_704_067_200.0]),
        np.array(["2024-01-01"], dtype="datetime64[D]"),
        np.array(["2024-01-01T00:00:00.000000999"], dtype="datetime64[ns]"),
        ["1704067200"],
        ["1704067200.0"],
        [1_704_067_200_000],
        ["2024-01-01"],
        ["2024-01-01 00:00"],
        ["2024-01-01T00:00:00Z"],
        ["2024-01-01T09:00:00+09:00"],
        [" 2024-01-01 00:00:00.000 "],
        [datetime(2024, 1, 1, tzinfo=UTC)],
        [datetime(2024, 1, 1, 9, tzinfo=TOKYO)],
    ],
)
def test_every_form_of_a_time_gives_the_same_microseconds(values: Any) -> None:
    assert microseconds(values).tolist() == [TIME]


@given(st.integers(10**8, 2 * 10**9), st.sampled_from([1, 10**3, 10**6, 10**9]))
def test_the_unit_of_an_epoch_time_follows_from_its_size(seconds: int, unit: int) -> None:
    assert microseconds(np.array([seconds * unit])).tolist() == [seconds * 10**6]


def test_a_fraction_of_a_second_is_kept() -> None:
    assert microseconds(np.array([1_704_067_200.25])).tolist() == [TIME + 250_000]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([45_000]), "row 1: time: 45000 is " + TOO_SMALL),
        (np.array([-1_704_067_200]), "row 1: time: -1704067200 is " + TOO_SMALL),
        (
            np.array([1_704_067_200, 1_704_067_260_000]),
            "row 2: time: 1704067260000 is in milliseconds, but the rows before are in seconds",
        ),
        (np.array([1_704_067_200.0, np.nan]), "row 2: time: the time is missing (NaN)"),
        (np.array(["2024-01-01", "NaT"], dtype="datetime64[us]"), "row 2: time: the time is missing"),
        (["2024-01-01", None], "row 2: time: the time is missing"),
        (["2024-01-01", ""], "row 2: time: the time is missing"),
        (["2024-01-01", "01/02/2024"], "row 2: time: '01/02/2024' is not a time (ISO 8601 or epoch)"),
    ],
)
def test_what_is_no_time_is_refused_with_its_row(values: Any, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        microseconds(values)

    assert str(caught.value) == expected


def test_no_times_are_no_times() -> None:
    assert microseconds(np.array([], dtype=np.int64)).tolist() == microseconds([]).tolist() == []


def test_a_time_is_shown_as_people_read_it() -> None:
    assert [iso(TIME), iso(TIME + 1), iso(10**18)] == [
        "2024-01-01T00:00:00Z",
        "2024-01-01T00:00:00.000001Z",
        "1000000000000000000 us",
    ]
