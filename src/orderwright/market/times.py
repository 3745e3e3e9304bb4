"""Any time that files carry, as int64 microseconds since the epoch, UTC.

Numbers are epoch times; their unit follows from their size: below 10^11 seconds, below 10^14 milliseconds, below 10^17
microseconds, else nanoseconds. Each reading covers 1973 to 5138, and one column has one unit. Text is ISO 8601 with or
without a zone; a time without one is UTC. What is finer than a microsecond is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orderwright.errors import InputError
from orderwright.market.grid import ARRAYS, Ints, Source, first, shown

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_EARLIEST = 1e8
_UNITS = ("seconds", "milliseconds", "microseconds", "nanoseconds")
_BOUNDS = (1e11, 1e14, 1e17)


def microseconds(values: NDArray[Any] | Sequence[Any], field: str = "time", source: Source = ARRAYS) -> Ints:
    """Times in any of the forms above, shape [n], as int64 microseconds [n].

    Raises InputError for the first that is missing, is no time, or is in another unit than the first row.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        return _from_datetimes(values, field, source)
    if isinstance(values, np.ndarray) and values.dtype.kind in "iuf":
        return _from_numbers(values, field, source)
    return _from_objects(list(values), field, source)


def iso(time: int) -> str:
    """A time (microseconds) as people read it: 2024-07-26T14:15:00Z."""
    try:
        return (_EPOCH + time * _MICROSECOND).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return f"{time} us"


def _from_datetimes(values: NDArray[Any], field: str, source: Source) -> Ints:
    if (at := first(np.isnat(values))) is not None:
        raise InputError("the time is missing", field=field, where=source.at(at))
    return values.astype("datetime64[us]").astype(np.int64)


def _from_numbers(values: NDArray[Any], field: str, source: Source) -> Ints:
    if (at := first(~np.isfinite(values))) is not None:
        raise InputError("the time is missing (NaN)", field=field, where=source.at(at))
    if (at := first(values < _EARLIEST)) is not None:
        message = f"{shown(values[at])} is not a time since the epoch (the smallest one read is 100000000, in 1973)"
        raise InputError(message, field=field, value=values[at].item(), where=source.at(at))
    units = np.searchsorted(_BOUNDS, values, side="right")
    if (at := first(units != units[:1])) is not None:
        was, now = _UNITS[units[0]], _UNITS[units[at]]
        message = f"{shown(values[at])} is in {now}, but the rows before are in {was}"
        raise InputError(message, field=field, value=values[at].item(), where=source.at(at))
    return _scaled(values, int(units[0]) if len(units) else 0)


def _scaled(values: NDArray[Any], unit: int) -> Ints:
    if unit == 3:
        return (values // 1_000).astype(np.int64)
    factor = (1_000_000, 1_000, 1)[unit]
    return np.rint(values * factor).astype(np.int64) if values.dtype.kind == "f" else values.astype(np.int64) * factor


def _from_objects(values: list[Any], field: str, source: Source) -> Ints:
    """Text, datetimes, and numbers written as text."""
    array = np.array(values)
    for kind in (np.int64, np.float64) if array.dtype.kind == "U" else ():
        try:
            numbers = array.astype(kind)
        except ValueError:
            continue  # not all of them are numbers of this kind
        return _from_numbers(numbers, field, source)
    if array.dtype.kind in "iuf":
        return _from_numbers(array, field, source)
    return np.array([_instant(value, field, source, at) for at, value in enumerate(values)], dtype=np.int64)


def _instant(value: Any, field: str, source: Source, index: int) -> int:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value.strip())
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (AttributeError, ValueError):
        what = "the time is missing" if value is None or value == "" else f"{value!r} is not a time (ISO 8601 or epoch)"
        raise InputError(what, field=field, value=value, where=source.at(index)) from None
    return (moment - _EPOCH) // _MICROSECOND
