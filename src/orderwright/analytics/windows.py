"""Windows of time as people write them: 90s, 15m, 4h, 1d, 2w."""

from __future__ import annotations

import re

from orderwright.core.model import SECOND
from orderwright.errors import InputError, nearest_name

UNITS = {"s": SECOND, "m": 60 * SECOND, "h": 3_600 * SECOND, "d": 86_400 * SECOND, "w": 604_800 * SECOND}
_WORDS = {"sec": "s", "second": "s", "min": "m", "minute": "m", "hour": "h", "day": "d", "week": "w"}
_FORM = re.compile(r"\s*(\d{1,6})\s*([a-z]+)\s*", re.IGNORECASE)
MOST = 36_500 * UNITS["d"]


def parse_window(text: str) -> int:
    """A window in microseconds: a whole number and a unit of s, m, h, d, w. Raises InputError, with the nearest good
    one, for anything else."""
    found = _FORM.fullmatch(str(text))
    if found is None:
        raise InputError(
            f"{text!r} is not a window: a whole number and s, m, h, d or w", field="window", value=text, nearest="1d"
        )
    number, unit = int(found[1]), found[2].lower()
    if unit not in UNITS:
        word = nearest_name(unit.removesuffix("s"), _WORDS)
        good = f"{number or 1}{_WORDS[word] if word else 'd'}"
        raise InputError(f"{found[2]!r} is not a unit: s, m, h, d or w", field="window", value=text, nearest=good)
    window = number * UNITS[unit]
    if not 0 < window <= MOST:
        nearest = f"1{unit}" if not number else f"{MOST // UNITS[unit]}{unit}"
        raise InputError(f"{text.strip()!r} is no window to look back", field="window", value=text, nearest=nearest)
    return window
