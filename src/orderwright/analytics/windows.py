"""Lengths of time as people write them: 500ms, 90s, 15m, 1.5h, 1d, 2w. Every window, duration and step is read here.

A length is a number, whole or decimal, and a unit of us, ms, s, m, h, d, w, in any case; a blank may stand between the
two. It has at least one microsecond, unless nothing is a good answer too, and at most LONGEST.
"""

from __future__ import annotations

import re
from decimal import Decimal

from orderwright.core.model import DAY
from orderwright.core.numbers import UNITS, shown_length
from orderwright.errors import InputError, nearest_name

LONGEST = 36_500 * DAY
_WORDS = {"sec": "s", "second": "s", "min": "m", "minute": "m", "hour": "h", "day": "d", "week": "w"}
_FORM = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)\s*([a-z]+)", re.IGNORECASE)


def is_length(text: str) -> bool:
    """Whether a text has the form of a length, a number and letters; its unit may be none."""
    return _FORM.fullmatch(text.strip()) is not None


def parse_length(text: str, field: str, *, zero: bool = False) -> int:
    """Microseconds of a length of time. zero: whether none at all will do. Raises InputError, with the nearest good
    one, for what is none or is out of bounds."""
    found = _FORM.fullmatch(str(text).strip())
    if found is None:
        message = f"{text!r} is not a length of time: a number and one of {', '.join(UNITS)}, such as 1d or 90s"
        raise InputError(message, field=field, value=text, nearest="1d")
    number, unit = Decimal(found[1]), found[2].lower()
    if unit not in UNITS:
        message = f"{found[2]!r} is not a unit of time: {', '.join(UNITS)}"
        raise InputError(message, field=field, value=text, nearest=f"{found[1] if number else 1}{_unit_meant(unit)}")
    length = int(number * UNITS[unit])
    if length > LONGEST or not (length or (zero and not number)):
        nearest = f"{LONGEST // UNITS[unit]}{unit}" if length else f"1{unit}"
        message = f"{text.strip()!r} is not a length of time from 1us to {shown_length(LONGEST)}"
        raise InputError(message, field=field, value=text, nearest=nearest)
    return length


def parse_window(text: str) -> int:
    """Microseconds of a window to look back: `parse_length` of the field `window`."""
    return parse_length(text, "window")


def _unit_meant(unit: str) -> str:
    """The unit that a word stands for, or is nearest to; a day where it is like none."""
    word = unit.removesuffix("s")
    if word and any(name.startswith(word) for name in _WORDS):
        return next(_WORDS[name] for name in _WORDS if name.startswith(word))
    meant = nearest_name(word, _WORDS)
    return _WORDS[meant] if meant else "d"


__all__ = ["LONGEST", "UNITS", "is_length", "parse_length", "parse_window", "shown_length"]
