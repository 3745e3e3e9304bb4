"""Candles: what is always true of them, and what they say about themselves."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from orderwright.errors import InputError
from orderwright.market.candles import Candles, candles_from_floats, check_candles
from orderwright.market.instruments import default_instrument

MINUTE = 60_000_000
DAY = 86_400_000_000
MIDNIGHT = 1_704_067_200_000_000  # 2024-01-01T00:00:00Z


def some_candles(*minutes: int) -> Candles:
    """Flat candles at 100.00, opening at these minutes of 2024."""
    times = MIDNIGHT + MINUTE * np.array(minutes, dtype=np.int64)
    price = np.full(len(minutes), 10_000, dtype=np.int64)
    volume = np.arange(len(minutes), dtype=np.int64)
    return Candles("BTC/USDT", default_instrument("BTC/USDT"), MINUTE, times, price, price, price, price, volume)


def changed(**values: int) -> Candles:
    """Three candles whose second has these values."""
    candles = some_candles(0, 1, 2)
    for name, value in values.items():
        column = getattr(candles, name).copy()
        column[1] = value
        candles = replace(candles, **{name: column})
    return candles


def test_gaps_are_reported_with_how_many_candles_are_missing() -> None:
    candles = some_candles(0, 1, 3, 4, 9)

    assert candles.gaps() == [(MIDNIGHT + MINUTE, 1), (MIDNIGHT + 4 * MINUTE, 4)]


def test_candles_without_a_gap_report_none() -> None:
    assert some_candles(0, 1, 2).gaps() == some_candles().gaps() == []


def test_a_slice_is_candles_over_the_same_memory() -> None:
    candles = some_candles(0, 1, 2, 3)

    assert candles[1:3] == replace(some_candles(1, 2), volume=np.array([1, 2]))
    assert np.shares_memory(candles[1:3].close, candles.close)
    assert [len(candles), len(candles[1:3]), len(candles[4:])] == [4, 2, 0]


def test_candles_are_equal_by_value() -> None:
    assert some_candles(0, 1) == some_candles(0, 1)
    assert some_candles(0, 1) != some_candles(0, 2)
    assert some_candles(0, 1) != "candles"


def test_a_candle_is_complete_one_interval_after_it_opens() -> None:
    candles = some_candles(0, 1, 5)

    assert (candles.close_times - candles.times).tolist() == [MINUTE] * 3


def test_a_shorter_month_is_complete_when_the_next_begins() -> None:
    months = [0, 31, 60, 91, 121, 152]  # 2024: January, February (29 days), March, April (30), May, June
    days = MIDNIGHT + DAY * np.array(months, dtype=np.int64)
    flat = np.full(6, 100.0)

    candles = candles_from_floats(default_instrument("BTC/USDT"), days, (flat, flat, flat, flat), flat)

    assert candles.interval == 31 * DAY
    assert ((candles.close_times - MIDNIGHT) // DAY).tolist() == [31, 60, 91, 121, 152, 183]


def test_floats_become_ticks_and_steps() -> None:
    times = MIDNIGHT + MINUTE * np.arange(2)
    prices = (np.array([100.0, 101]), np.array([102.0, 101.5]), np.array([99.5, 100]), np.array([101.0, 100.25]))

    candles = candles_from_floats(default_instrument("BTC/USDT"), times, prices, np.array([1.5, 0.000019]))

    columns = [candles.times, candles.open, candles.high, candles.low, candles.close, candles.volume]
    assert [column.tolist() for column in columns] == [
        [MIDNIGHT, MIDNIGHT + MINUTE],
        [10_000, 10_100],
        [10_200, 10_150],
        [9_950, 10_000],
        [10_100, 10_025],
        [150_000, 1],
    ]
    assert {column.dtype for column in columns} == {np.dtype(np.int64)}
    assert (candles.symbol, candles.interval) == ("BTC/USDT", MINUTE)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"high": 9_999}, "row 2: high: 99.99 is below the low 100 (nearest: 100)"),
        ({"open": 10_001}, "row 2: high: 100 is below the open 100.01 (nearest: 100.01)"),
        ({"close": 10_001}, "row 2: high: 100 is below the close 100.01 (nearest: 100.01)"),
        ({"open": 9_999}, "row 2: low: 100 is above the open 99.99 (nearest: 99.99)"),
        ({"close": 9_999}, "row 2: low: 100 is above the close 99.99 (nearest: 99.99)"),
        ({"close": 0}, "row 2: close: 0 is not a positive price"),
        ({"volume": -1}, "row 2: volume: -0.00001 is negative"),
        ({"times": MIDNIGHT}, "row 2: time: 2024-01-01T00:00:00Z is there twice"),
        (
            {"times": MIDNIGHT - 1},
            "row 2: time: 2023-12-31T23:59:59.999999Z is before 2024-01-01T00:00:00Z in the row above",
        ),
    ],
)
def test_a_candle_that_cannot_be_is_refused(values: dict[str, int], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        check_candles(changed(**values))

    assert str(caught.value) == expected


def test_an_interval_that_is_none_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        check_candles(replace(some_candles(0, 1), interval=0))

    assert str(caught.value) == "interval: 0 microseconds is not an interval"


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        check_candles(replace(some_candles(0, 1), volume=np.array([1])))

    assert str(caught.value) == "the columns differ in length"


def test_an_instrument_without_a_listing_has_documented_limits() -> None:
    instrument = default_instrument("btc-usdt", Decimal("0.10"))

    assert (instrument.symbol, instrument.base, instrument.quote) == ("BTC/USDT", "BTC", "USDT")
    assert (instrument.tick_size, instrument.step_size) == (Decimal("0.1"), Decimal("0.00001"))
    assert (instrument.min_quantity, instrument.min_notional) == (Decimal("0.00001"), Decimal(5))
