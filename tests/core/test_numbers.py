"""Numbers at the door: what is let in, how it is written, and the only ways to round."""

import decimal
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwright.core.numbers import (
    EXACT,
    PLACES,
    QUANTUM,
    canonical,
    ceil_to,
    divided,
    floor_to,
    least_for,
    most_within,
    nearest_to,
    parse_decimal,
    quantised_ratio,
    rounded,
    text,
)
from orderwright.errors import InputError
from tests.tables import rows

numbers = st.decimals(0, 10**18 - 1, places=PLACES)
grids = st.sampled_from([Decimal(grid) for grid in ("1", "0.5", "0.01", "0.00001", "25", "0.0000000000000001")])

TAKEN = """
    given                    | becomes
    1                        | 1
    0.10                     | 0.1
    1e5                      | 100000
    1E-7                     | 0.0000001
    1E+2                     | 100
    -0                       | 0
    0e50                     | 0
    -0.5                     | -0.5
    007                      | 7
    999999999999999999       | 999999999999999999
    0.000000000000000001     | 0.000000000000000001
    1.0000000000000000000000 | 1
"""

REFUSED = """
    given                          | why                                       | nearest
    abc                            | 'abc' is not a number                     |
    1,000                          | '1,000' is not a number                   |
    1_5                            | '1_5' is not a number                     |
    NaN                            | 'NaN' is not a finite number              |
    sNaN                           | 'sNaN' is not a finite number             |
    inf                            | 'inf' is not a finite number              |
    -Infinity                      | '-Infinity' is not a finite number        |
    1000000000000000000            | more than 18 digits before the point      |
    123456789012345678901234567890 | more than 18 digits before the point      |
    1e18                           | more than 18 digits before the point      |
    1e999999999                    | more than 18 digits before the point      |
    0.1234567890123456789          | more than 18 digits after the point       | 0.123456789012345678
    -1.0000000000000000019         | more than 18 digits after the point       | -1.000000000000000001
    1e-19                          | more than 18 digits after the point       | 0
    1e-999999999                   | more than 18 digits after the point       | 0
"""


@pytest.mark.parametrize("row", rows(TAKEN), ids=str)
def test_a_number_is_taken_exactly_and_written_in_one_form(row: dict[str, str]) -> None:
    assert text(parse_decimal(row["given"], "price")) == row["becomes"]


@pytest.mark.parametrize("row", rows(REFUSED), ids=str)
def test_what_is_not_a_number_of_ours_is_refused_with_the_nearest_that_is(row: dict[str, str]) -> None:
    with pytest.raises(InputError) as refused:
        parse_decimal(row["given"], "price")

    assert row["why"] in refused.value.message
    assert (refused.value.field, refused.value.value) == ("price", row["given"])
    assert refused.value.nearest == (row["nearest"] or None)


@pytest.mark.parametrize(
    "value",
    [True, False, None, b"1", [1], 10**18, pytest.param(10**5000, id="huge"), float("nan"), float("-inf"), 1e300],
)
def test_other_things_than_numbers_of_ours_are_refused(value: object) -> None:
    with pytest.raises(InputError, match="quantity: "):
        parse_decimal(value, "quantity")


def test_a_very_long_number_is_not_repeated_whole() -> None:
    with pytest.raises(InputError) as refused:
        parse_decimal("1" * 1_000, "price")

    assert len(str(refused.value)) < 120


@pytest.mark.parametrize(
    ("value", "becomes"), [(0.1, "0.1"), (1e-7, "0.0000001"), (3, "3"), (1e17, "100000000000000000"), (-0.0, "0")]
)
def test_a_float_is_taken_through_its_shortest_repr(value: float, becomes: str) -> None:
    assert text(parse_decimal(value, "price")) == becomes


@given(st.decimals(-(10**18) + 1, 10**18 - 1, places=PLACES))
def test_text_is_read_back_as_the_same_number_and_written_the_same(number: Decimal) -> None:
    written = text(number)

    assert parse_decimal(written, "x") == number
    assert text(parse_decimal(written, "x")) == written
    assert "E" not in written
    assert "." not in written or written[-1] != "0"


@given(st.integers(-(10**18), 10**18), st.integers(-30, 30))
def test_canonical_keeps_the_value_and_drops_exponent_and_trailing_zeros(digits: int, exponent: int) -> None:
    number = Decimal(digits).scaleb(exponent)

    assert canonical(number) == number
    assert not str(canonical(number)).startswith("-0E")
    assert str(canonical(canonical(number))) == str(canonical(number))


@given(numbers, grids)
def test_floor_ceil_and_nearest_are_on_the_grid_and_within_one_step(number: Decimal, grid: Decimal) -> None:
    with decimal.localcontext(EXACT):
        below, above, nearest = floor_to(number, grid), ceil_to(number, grid), nearest_to(number, grid)

        assert below % grid == above % grid == nearest % grid == 0
        assert below <= number <= above
        assert above - below in (0, grid)
        assert nearest in (below, above)
        assert abs(nearest - number) * 2 <= grid


def test_a_tie_goes_up() -> None:
    assert nearest_to(Decimal("1.5"), Decimal(1)) == 2
    assert ceil_to(Decimal(7), Decimal(2)) == 8


@given(numbers, st.decimals("0.000001", 10**9, places=6), grids)
def test_most_within_and_least_for_meet_the_amount_from_both_sides(
    amount: Decimal, price: Decimal, grid: Decimal
) -> None:
    with decimal.localcontext(EXACT):
        most, least = most_within(amount, price, grid), least_for(amount, price, grid)

        assert most * price <= amount < (most + grid) * price
        assert (least - grid) * price < amount <= least * price


@given(numbers, numbers.filter(bool))
def test_the_named_roundings_are_within_half_a_quantum(number: Decimal, by: Decimal) -> None:
    with decimal.localcontext(EXACT):
        quotient, share = divided(number, by), quantised_ratio(number, by, by)
        product = rounded(number * by, 8)

        assert abs(quotient * by - number) * 2 <= QUANTUM * by
        assert share == number
        assert abs(product - number * by) * 2 <= Decimal("1e-8")


def test_a_digit_that_would_be_lost_is_an_error_and_not_a_rounding() -> None:
    with decimal.localcontext(EXACT), pytest.raises(decimal.Inexact):
        Decimal(1) / Decimal(3)
    with decimal.localcontext(EXACT), pytest.raises(decimal.Inexact):
        Decimal("1e40") + Decimal("1e-41")


def test_the_numbers_of_numpy_are_read_as_pythons_are() -> None:
    several = (np.float64(0.001), np.float32(0.1), np.int64(1_000), np.uint8(7))
    assert [parse_decimal(value, "x") for value in several] == [Decimal("0.001"), Decimal("0.1"), 1_000, 7]
    for bad in (np.bool_(True), np.float64("nan"), np.array([1.0])):
        with pytest.raises(InputError):
            parse_decimal(bad, "x")
