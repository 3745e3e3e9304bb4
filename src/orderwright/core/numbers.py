"""Numbers at the door: how a number becomes a Decimal, and the only functions that may round one.

Inside, every sum and product is exact: the driver computes in `EXACT`, which traps Inexact, so an operation
that would lose a digit raises instead. That is safe because of what is let in:

- at most 18 digits on each side of the point (`parse_decimal`),
- tick and step of an instrument have at most 18 decimal places together, and a value is below 10^20,
  so price x quantity has at most 18 places and fits DECIMAL(38, 18).

Rounding is done by name and nowhere else: `floor_to`, `ceil_to`, `nearest_to` (to a grid), `quantised_ratio` (18
places).
"""

from __future__ import annotations

import datetime as dt
import decimal
from decimal import Decimal
from numbers import Integral, Real

from orderwright.errors import InputError

PLACES = 18
ZERO = Decimal(0)
ONE = Decimal(1)
QUANTUM = Decimal(1).scaleb(-PLACES)
LIMIT = Decimal(10) ** PLACES
VALUE_LIMIT = Decimal(10) ** 20
UNITS = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
}
"""Microseconds of each unit of time."""

_TRAPS = [decimal.Inexact, decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow]
EXACT = decimal.Context(prec=80, rounding=decimal.ROUND_HALF_EVEN, traps=_TRAPS)
ROUNDED = decimal.Context(prec=80, rounding=decimal.ROUND_HALF_EVEN)


def parse_decimal(value: object, field: str) -> Decimal:
    """A number from outside, exactly, in canonical form.

    Text, int and Decimal are taken as they stand; a float through its shortest repr (0.1 is 0.1), and NumPy's numbers
    as Python's. Raises InputError for what is not a finite number or has more than 18 digits on a side of the point.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal | Real):
        raise InputError(f"{value!r} is not a number", field=field, value=value)
    try:
        number = Decimal(_plain(value))
    except decimal.InvalidOperation:
        raise InputError(f"{_short(value)!r} is not a number", field=field, value=value) from None
    if isinstance(value, str) and "_" in value:  # Decimal would read 1_5 as 15
        raise InputError(f"{_short(value)!r} is not a number", field=field, value=value)
    if not number.is_finite():
        raise InputError(f"{value!r} is not a finite number", field=field, value=value)
    if not number:
        return ZERO
    if number.adjusted() >= PLACES:
        raise InputError(f"{_short(number)} has more than {PLACES} digits before the point", field=field, value=value)
    below = number.quantize(QUANTUM, rounding=decimal.ROUND_DOWN, context=ROUNDED)
    if below != number:
        shown = f"{_short(number)} has more than {PLACES} digits after the point"
        raise InputError(shown, field=field, value=value, nearest=text(below))
    return canonical(below)


def _plain(value: str | float | Decimal | Real) -> str | int | Decimal:
    if isinstance(value, float):
        return float.__repr__(value)  # np.float64 is a float and shows itself otherwise
    if isinstance(value, str | int | Decimal):
        return value
    return int(value) if isinstance(value, Integral) else str(value)  # np.float32: its own shortest text


def _short(value: object) -> str:
    shown = str(value)
    return shown if len(shown) <= 40 else shown[:37] + "..."


def canonical(number: Decimal) -> Decimal:
    """The same number without an exponent or trailing zeros: 1E+2 is 100, 1.50 is 1.5, -0 is 0."""
    if not number:
        return ZERO
    number = number.normalize(ROUNDED)
    return number.quantize(ONE, context=ROUNDED) if "E+" in str(number) else number


def text(number: Decimal) -> str:
    """Canonical decimal text: no exponent, no trailing zeros. The one form in which money is written down."""
    if not number:
        return "0"
    shown = str(number.normalize(ROUNDED))
    return format(Decimal(shown), "f") if "E" in shown else shown


def fits(number: Decimal) -> bool:
    """Whether a number from outside is finite and has at most 18 digits on each side of the point."""
    try:
        return abs(number.quantize(QUANTUM, context=EXACT)) < LIMIT
    except decimal.DecimalException:
        return False


def moment(time: int) -> str:
    """A time in microseconds as people write it: 2024-08-05T00:01:00Z, with what there is of a fraction. One
    that no calendar has is told as the number that it is."""
    seconds, rest = divmod(time, 1_000_000)
    try:
        shown = dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return f"{time} microseconds"
    return f"{shown}.{rest:06d}".rstrip("0") + "Z" if rest else f"{shown}Z"


def shown_length(length: int) -> str:
    """A length of time in microseconds as it is written: 1d, 90m."""
    unit = next(name for name in ("d", "h", "m", "s", "ms", "us") if length % UNITS[name] == 0)
    return f"{length // UNITS[unit]}{unit}"


def floor_to(number: Decimal, grid: Decimal) -> Decimal:
    """The largest multiple of `grid` not above a non-negative `number`."""
    return number // grid * grid


def ceil_to(number: Decimal, grid: Decimal) -> Decimal:
    """The smallest multiple of `grid` not below a non-negative `number`."""
    below = number // grid * grid
    return below if below == number else below + grid


def nearest_to(number: Decimal, grid: Decimal) -> Decimal:
    """The multiple of `grid` nearest to a non-negative `number`; a tie goes up."""
    below = floor_to(number, grid)
    return below if (number - below) * 2 < grid else below + grid


def most_within(amount: Decimal, price: Decimal, grid: Decimal) -> Decimal:
    """The largest multiple of `grid` whose value at `price` is not above `amount`; 0 where there is none."""
    return amount // (price * grid) * grid if amount > 0 else ZERO


def least_for(amount: Decimal, price: Decimal, grid: Decimal) -> Decimal:
    """The smallest multiple of `grid` whose value at `price` is not below a non-negative `amount`."""
    return ceil_to(amount, price * grid) // (price * grid) * grid


def quantised_ratio(number: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """number x part / whole, to 18 places, half to even. The share of a cost that a partial close takes."""
    return ROUNDED.quantize(ROUNDED.divide(number * part, whole), QUANTUM).normalize(ROUNDED)


def rounded(number: Decimal, places: int = PLACES) -> Decimal:
    """`number` to `places` decimal places, half to even."""
    return ROUNDED.quantize(number, ONE.scaleb(-places))


def divided(number: Decimal, by: Decimal) -> Decimal:
    """number / by to 18 places, half to even. For prices that are shown and estimates; never for a balance."""
    return ROUNDED.quantize(ROUNDED.divide(number, by), QUANTUM)
