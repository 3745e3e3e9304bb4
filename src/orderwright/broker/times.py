"""Of when a question is asked: `TimeSettings`, and the times and durations in it.

The rule of time. A window picks what has changed in it. `load` looks at the log as it stood at the window's end (or at
`as_of`), and of that gives the orders whose newest row is not older than the window's start. With latest_group=False
it gives every row in the window, each as the order stood then.

- relative: `start` and `end` are durations ("1d", "2h", a timedelta), counted back from `as_of`, or else from now.
- absolute: they are times: a datetime with its zone, ISO text with a zone, or epoch microseconds. So may `as_of` be,
  always.

What is no time, has no zone or contradicts the rest is refused when the settings are made.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

from msgspec import Struct

from orderwright.analytics.windows import LONGEST, is_length, parse_length, shown_length
from orderwright.core.numbers import moment
from orderwright.errors import InputError, UnknownName
from orderwright.executors.words import flag_of

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_MICROSECONDS_FROM = 10**14  # in 1973; smaller epoch numbers are in another unit

Duration = str | dt.timedelta
Time = str | int | dt.datetime


class Window(Struct, frozen=True):
    """Microseconds, both ends included; None: open. With an end the log is looked at as it stood then."""

    start: int | None = None
    end: int | None = None


class TimeSettings(Struct, frozen=True, kw_only=True):
    """Which time. start, end: microseconds of a time (absolute) or of a duration back (relative). as_of: a time, or
    (as_of_back) a duration back from now."""

    time_type: Literal["relative", "absolute"] = "relative"
    latest_group: bool = True
    start: int | None = None
    end: int | None = None
    as_of: int | None = None
    as_of_back: bool = False

    @classmethod
    def of(
        cls,
        time_type: str = "relative",
        latest_group: bool = True,
        start: Duration | Time | None = None,
        end: Duration | Time | None = None,
        as_of: Duration | Time | None = None,
    ) -> TimeSettings:
        """Raises InputError, naming the field, for what is no time, has no zone, or contradicts the rest."""
        kind = _time_type(time_type)
        back = kind == "relative" and as_of is not None and is_duration(as_of)
        read = time_of if kind == "absolute" else duration_of
        settings = cls(
            time_type=kind,
            latest_group=flag_of(latest_group, "latest_group"),
            start=None if start is None else read(start, "start"),
            end=None if end is None else read(end, "end"),
            as_of=None if as_of is None else duration_of(as_of, "as_of") if back else time_of(as_of, "as_of"),
            as_of_back=back,
        )
        settings._check()
        return settings

    def window(self, now: int) -> Window:
        """The window at a moment, microseconds."""
        as_of = self.as_of
        if self.as_of_back and as_of is not None:
            as_of = now - as_of
        if self.time_type == "absolute":
            return Window(self.start, self.end if self.end is not None else as_of)
        base = now if as_of is None else as_of
        start = None if self.start is None else base - self.start
        return Window(start, as_of if self.end is None else base - self.end)

    def _check(self) -> None:
        start, end, absolute = self.start, self.end, self.time_type == "absolute"
        if start is not None and end is not None and (start > end if absolute else start < end):
            shown = moment(end) if absolute else shown_length(end)
            other = moment(start) if absolute else shown_length(start)
            message = f"{shown} is before the start, {other}" if absolute else f"{shown} ago is before {other} ago"
            raise InputError(message, field="end", value=shown, nearest=other)
        if absolute and self.as_of is not None:
            for name, value in (("start", start), ("end", end)):
                if value is not None and value > self.as_of:
                    message = f"{moment(value)} is later than as_of, {moment(self.as_of)}"
                    raise InputError(message, field=name, value=moment(value), nearest=moment(self.as_of))
        if not self.latest_group and self.as_of is not None:
            message = "latest_group=False gives the whole history, as_of one moment of it: use one of them, or `end`"
            raise InputError(message, field="latest_group", value=False, nearest=True)


def _time_type(value: object) -> Literal["relative", "absolute"]:
    word = value.lower() if isinstance(value, str) else value
    if word == "relative":
        return "relative"
    if word == "absolute":
        return "absolute"
    raise UnknownName("time_type", str(value), ("relative", "absolute"), field="time_type")


def is_duration(value: object) -> bool:
    """Whether a value is a duration rather than a time."""
    return isinstance(value, dt.timedelta) or (isinstance(value, str) and is_length(value))


def duration_of(value: object, field: str) -> int:
    """Microseconds of "1d", "1.5h", "500ms" (analytics/windows.py) or a timedelta; 0 is one. Raises InputError."""
    if isinstance(value, str) and is_length(value):
        return parse_length(value, field, zero=True)
    if not isinstance(value, dt.timedelta):
        hint = '; for times say time_type="absolute"' if isinstance(value, int | dt.datetime | str) else ""
        raise InputError(f'{value!r} is not a duration such as "1d" or "2h"{hint}', field=field, value=value)
    length = value // _MICROSECOND
    if not 0 <= length <= LONGEST:
        message = f"{value!r} is not between 0 and {shown_length(LONGEST)}"
        raise InputError(message, field=field, value=value, nearest="1d")
    return length


def time_of(value: object, field: str) -> int:
    """Microseconds of a datetime with a zone, ISO text with a zone, or epoch microseconds. Raises InputError."""
    if is_duration(value):
        message = f'{value!r} is a duration, not a time; for windows back from now say time_type="relative"'
        raise InputError(message, field=field, value=value)
    if isinstance(value, int) and not isinstance(value, bool):
        return _epoch(value, field)
    try:
        at = dt.datetime.fromisoformat(value.strip()) if isinstance(value, str) else value
    except ValueError:
        at = None
    if not isinstance(at, dt.datetime):
        example = "such as 2024-08-05T00:01:00Z, a datetime with its zone, or epoch microseconds"
        raise InputError(f"{value!r} is not a time {example}", field=field, value=value)
    if at.tzinfo is None:
        nearest = at.replace(tzinfo=dt.UTC).isoformat().replace("+00:00", "Z")
        message = f"{value!s} has no time zone: add one, Z for UTC (datetime(..., tzinfo=UTC))"
        raise InputError(message, field=field, value=str(value), nearest=nearest)
    return (at - _EPOCH) // _MICROSECOND


def _epoch(value: int, field: str) -> int:
    if value >= _MICROSECONDS_FROM:
        if value < 10**17:
            return value
        raise InputError(f"{value} is not in microseconds", field=field, value=value, nearest=value // 1_000)
    factor = 1_000 if value >= 10**11 else 1_000_000
    raise InputError(f"{value} is not in microseconds", field=field, value=value, nearest=value * factor)


__all__ = ["Duration", "Time", "TimeSettings", "Window", "duration_of", "is_duration", "time_of"]
