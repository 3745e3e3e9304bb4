"""The arguments of strategies and indicators, checked: errors name the argument, its value and the nearest good one."""

from __future__ import annotations

import operator
from decimal import Decimal
from typing import SupportsIndex

from orderwright.core.numbers import parse_decimal, text
from orderwright.errors import InputError

_MANY = 1e9


def whole_number(value: object, field: str, *, least: int = 1) -> int:
    """A whole number, `least` or more: a count of bars, orders, levels. 20.0 is one, 20.5 and True are none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        near = max(least, round(value)) if isinstance(value, float) and abs(value) < _MANY else least
        raise InputError(f"{value!r} is not a whole number", field=field, value=value, nearest=near)
    number = operator.index(value)
    if number < least:
        raise InputError(f"{number} is below {least}", field=field, value=value, nearest=least)
    return number


def number_between(value: object, field: str, low: Decimal | int, high: Decimal | int) -> Decimal:
    """A number from low to high, both included, exactly: text, int, Decimal, or a float through its shortest text."""
    number = parse_decimal(value, field)
    if not low <= number <= high:
        message = f"{text(number)} is not between {low} and {high}"
        raise InputError(message, field=field, value=value, nearest=low if number < low else high)
    return number


def positive(value: object, field: str, nearest: object = None) -> Decimal:
    """A number above 0, exactly. nearest: what to offer in its place."""
    number = parse_decimal(value, field)
    if number <= 0:
        raise InputError(f"{text(number)} is not positive", field=field, value=value, nearest=nearest)
    return number
