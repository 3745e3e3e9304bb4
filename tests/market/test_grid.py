"""Floats at the door: what is on the grid passes exactly, what is not is refused with its row."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwright.errors import InputError
from orderwright.market.grid import ARRAYS, Source, infer_tick, shown, steps_from_floats, ticks_from_floats
from orderwright.market.instruments import default_instrument

TICKS = [
    Decimal(text) for text in ("1", "0.5", "0.25", "0.1", "0.01", "0.05", "0.001", "0.0001", "0.00001", "0.00000001")
]


@given(st.sampled_from(TICKS), st.lists(st.integers(1, 10**12), min_size=1, max_size=20))
def test_ticks_become_prices_and_come_back_the_same(tick: Decimal, ticks: list[int]) -> None:
    instrument = default_instrument("BTC/USDT", tick)
    prices = [instrument.price(count) for count in ticks]

    assert [instrument.ticks(price) for price in prices] == ticks
    assert ticks_from_floats(np.array(prices, dtype=np.float64), tick, "price").tolist() == ticks


@given(st.sampled_from(TICKS), st.lists(st.integers(0, 10**12), min_size=1, max_size=20))
def test_steps_become_quantities_and_come_back_the_same(step: Decimal, steps: list[int]) -> None:
    quantities = np.array([count * step for count in steps], dtype=np.float64)

    assert steps_from_floats(quantities, step, "volume").tolist() == steps


@given(st.integers(1, 10**9), st.integers(1, 99))
def test_a_price_between_two_ticks_is_refused_with_the_nearest(ticks: int, hundredths: int) -> None:
    price = ticks + Decimal(hundredths) / 100

    with pytest.raises(InputError) as caught:
        ticks_from_floats(np.array([float(price)]), Decimal(1), "price")

    assert caught.value.nearest in {str(ticks), str(ticks + 1)}


@given(st.integers(0, 8), st.lists(st.integers(1, 10**8), min_size=1, max_size=20))
def test_the_inferred_tick_is_the_coarsest_decimal_grid_that_holds_all_prices(places: int, counts: list[int]) -> None:
    exact = [Decimal(count).scaleb(-places) for count in counts]
    wanted = max(0, *(-int(price.normalize().as_tuple().exponent) for price in exact))

    assert infer_tick(np.array(exact, dtype=np.float64)) == Decimal(1).scaleb(-wanted)


def test_the_rest_of_a_step_is_dropped_but_a_float_sum_is_not_robbed_of_one() -> None:
    sizes = np.array([0.0, 0.000019, 0.00029, 0.1 + 0.2, 8.674069999999999])

    assert steps_from_floats(sizes, Decimal("0.00001"), "volume").tolist() == [0, 1, 29, 30_000, 867_407]


def test_noise_in_the_last_place_of_a_float_is_not_off_the_tick() -> None:
    assert ticks_from_floats(np.array([0.1 + 0.2, 123_456.7 * 3]), Decimal("0.1"), "price").tolist() == [3, 3_703_701]


@pytest.mark.parametrize(
    ("price", "tick", "expected"),
    [
        (67745.754, "0.01", "row 2: price: 67745.754 is not on the tick 0.01 (nearest: 67745.75)"),
        (100.00001, "0.01", "row 2: price: 100.00001 is not on the tick 0.01 (nearest: 100)"),
        (1e-9, "0.01", "row 2: price: 0.000000001 is not on the tick 0.01 (nearest: 0.01)"),
        (0.3, "0.25", "row 2: price: 0.3 is not on the tick 0.25 (nearest: 0.25)"),
        (0.0, "0.01", "row 2: price: 0 is not a positive price"),
        (1e9, "0.00000001", "row 2: price: 1000000000 has more digits for the tick 0.00000001 than a float can tell"),
    ],
)
def test_a_price_off_the_tick_is_refused_by_name(price: float, tick: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        ticks_from_floats(np.array([1.0, price]), Decimal(tick), "price")

    assert str(caught.value) == expected
    assert caught.value.value == price


def test_a_quantity_too_large_for_an_integer_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        steps_from_floats(np.array([1e15]), Decimal("0.00001"), "volume", Source("btc.csv", "line"))

    assert str(caught.value) == "btc.csv, line 1: volume: 1000000000000000 is too large for the step 0.00001"


def test_single_precision_that_cannot_tell_the_tick_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        ticks_from_floats(np.array([67745.75], dtype=np.float32), Decimal("0.01"), "price")

    assert str(caught.value) == "row 1: price: 67745.75 has more digits for the tick 0.01 than a float can tell"


def test_a_price_within_a_millionth_of_a_tick_is_on_it() -> None:
    assert ticks_from_floats(np.array([100.000000005]), Decimal("0.01"), "price").tolist() == [10_000]


def test_whole_numbers_and_lists_are_prices_too() -> None:
    assert ticks_from_floats(np.array([100, 101]), Decimal("0.5"), "price").tolist() == [200, 202]
    assert ticks_from_floats([100, 101.5], Decimal("0.5"), "price").tolist() == [200, 203]


def test_a_row_of_plain_arrays_is_named_by_its_number() -> None:
    assert (ARRAYS.at(0), Source("btc.csv", "line", lambda index: index + 2).at(0)) == ("row 1", "btc.csv, line 2")


def test_a_small_float_is_shown_without_an_exponent() -> None:
    assert shown(1e-07) == "0.0000001"
