"""Figures as people read them: money with thousands separators, bps, shares, spans of time, moments (UTC).

What is None, or not a finite number, is said in words: it is not recorded. Rounding is for the eye alone; the exact
value of money stands in the title of its element.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable
from decimal import Decimal

from orderwright.analytics.page.html import Html, tag
from orderwright.analytics.records import Estimate
from orderwright.core.numbers import rounded, text

NOT_RECORDED = "not recorded"
NONE = tag("span", "–", class_="none", title=NOT_RECORDED)
_MINUS = "−"
_GAP = "\u00a0"  # a unit stays with its number
_MOST_PLACES = 8

Form = Callable[[float | None], str]


def finite(value: float | None) -> float | None:
    """The value where there is one; NaN and infinity are none."""
    return value if value is not None and math.isfinite(value) else None


def places_for(values: Iterable[Decimal | None]) -> int:
    """How many places money needs: none from 10,000 on, two from 1 on, else three digits that count."""
    largest = max((abs(value) for value in values if value is not None), default=Decimal(0))
    if largest >= 10_000:
        return 0
    return 2 if largest >= 1 or not largest else min(2 - largest.adjusted(), _MOST_PLACES)


def amount(value: Decimal, places: int | None = None) -> str:
    """A sum as plain text: 1,234.50."""
    shown = rounded(value, places_for([value]) if places is None else places)
    return _signed(f"{shown if shown else abs(shown):,f}")


def money(value: Decimal | None, currency: str = "", places: int | None = None) -> Html:
    """A sum with its exact value in the title; a currency behind it where one is given."""
    if value is None:
        return NONE
    exact = f"{text(value)} {currency}".strip()
    unit = [" ", tag("small", currency)] if currency else []
    return tag("data", amount(value, places), *unit, value=text(value), title=exact)


def price(value: Decimal | None) -> Html:
    """A price or a quantity, to eight places at most, exact in the title."""
    if value is None:
        return NONE
    shown = rounded(value, min(_MOST_PLACES, max(0, 8 - max(value.adjusted(), 0))))
    whole, _, fraction = f"{shown:,f}".partition(".")
    fraction = fraction.rstrip("0")
    return tag("data", _signed(f"{whole}.{fraction}" if fraction else whole), value=text(value), title=text(value))


def number(value: float | None, *, sign: bool = False, places: int = 2) -> str:
    """A figure with two places or as many as said, one from 100 on; `sign` puts a plus before what is above zero."""
    value = finite(value)
    if value is None:
        return NOT_RECORDED
    shown = f"{value:,.{min(places, 1) if abs(value) >= 100 else places}f}"
    shown = shown.removeprefix("-") if not any(digit in shown for digit in "123456789") else shown
    return _signed(f"+{shown}" if sign and value > 0 else shown)


def bps(value: float | None, *, sign: bool = False) -> str:
    """Basis points: 4.21 bps."""
    return NOT_RECORDED if finite(value) is None else f"{number(value, sign=sign)}{_GAP}bps"


def share(value: float | None) -> str:
    """A ratio in percent; all and nothing have no places, and what is nearly one of them is not shown as it."""
    value = finite(value)
    if value is None:
        return NOT_RECORDED
    if 0 < value < 0.001:
        return f"under 0.1{_GAP}%"
    if 0.999 < value < 1:
        return f"over 99.9{_GAP}%"
    return f"{value * 100:.{0 if value in (0, 1) else 1}f}{_GAP}%"


def span(milliseconds: float | None) -> str:
    """A length of time in its own unit: 420 ms, 12.3 s, 2 min 5 s, 3 h 12 min, 2 d 4 h."""
    milliseconds = finite(milliseconds)
    if milliseconds is None:
        return NOT_RECORDED
    if abs(milliseconds) < 999.5:
        return f"{_three(milliseconds)}{_GAP}ms"
    if abs(milliseconds) < 59_950:
        return f"{_three(milliseconds / 1_000)}{_GAP}s"
    seconds = round(milliseconds / 1_000)
    for unit, size, part, part_size in (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= size:
            rest = seconds % size // part_size
            return f"{seconds // size:,}{_GAP}{unit}" + (f"{_GAP}{rest}{_GAP}{part}" if rest else "")
    return f"{_MINUS}{span(-milliseconds)}"


def _three(value: float) -> str:
    """Three digits that count, no zeros behind: 0.42, 12.3, 420."""
    shown = f"{value:.{0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2}f}"
    return _signed(shown.rstrip("0").rstrip(".") if "." in shown else shown)


def count(value: int, one: str, many: str | None = None) -> str:
    """1 order, 2,000 orders."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def between(estimate: Estimate, form: Form) -> str:
    """A 95 % confidence interval in words, or that there are too few values for one."""
    shown = interval(estimate, form)
    return f"95{_GAP}% interval {shown}" if shown else "too few for an interval"


def interval(estimate: Estimate, form: Form) -> str:
    """2.18 to 2.44 bps; nothing where there are too few values for an interval."""
    if finite(estimate.low) is None or finite(estimate.high) is None:
        return ""
    return from_to(form(estimate.low), form(estimate.high))


def from_to(low: str, high: str) -> str:
    """Two figures and their unit, which is said once where both have it."""
    unit = high[high.rfind(_GAP) :] if _GAP in high else ""
    return f"{low.removesuffix(unit) if low.count(_GAP) == 1 else low} to {high}"


def cell(value: float | None, form: Form) -> str:
    """A figure in a table: a dash stands for what is not recorded."""
    return NONE if finite(value) is None else form(value)


def moment(time: int | None, *, exact: bool = False) -> str:
    """A time in microseconds, UTC: 2024-08-05 00:01, with seconds where it has some; with milliseconds if `exact`."""
    if time is None:
        return NOT_RECORDED
    seconds, rest = divmod(time, 1_000_000)
    shown = f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%d %H:%M:%S}"
    return f"{shown}.{rest // 1_000:03d}" if exact else shown.removesuffix(":00")


def _signed(shown: str) -> str:
    return shown.replace("-", _MINUS)
