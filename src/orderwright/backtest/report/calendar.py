"""Returns by the calendar: of months where a run is long, of days where it is some weeks, of hours where it is days.

A bar counts for the period in which it closes; one that closes at midnight for the day that ends there. A period's
return is the equity at its end by that at the end of the one before (the first: by the initial balance).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from msgspec import Struct

from orderwright.backtest.report.subject import Run

Unit = Literal["month", "day", "hour"]
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY = 86_400_000_000
_CODES = {"month": "M", "day": "D", "hour": "h"}
_MOST_ROWS = 60


class Calendar(Struct, frozen=True, kw_only=True):
    """rows x columns of returns as fractions, None where there was no bar. names: what a cell is called in full."""

    unit: Unit
    rows: list[str]
    columns: list[str]
    cells: list[list[float | None]]
    names: list[list[str]]
    left_out: int = 0


def calendar_of(result: Run) -> Calendar | None:
    """The returns of a run by the calendar; None of no bars. The newest rows where there are very many."""
    times = result.outcome.times
    if not len(times):
        return None
    span = int(times[-1] - times[0])
    unit: Unit = "month" if span >= 62 * _DAY else "day" if span >= 3 * _DAY else "hour"
    columns = {"month": [*MONTHS, "Year"], "day": list(WEEKDAYS), "hour": [f"{hour:02d}" for hour in range(24)]}[unit]
    table: dict[str, list[tuple[float, str] | None]] = {}
    for period, gained in _returns(result, unit):
        row, column, name = _place(period, unit)
        table.setdefault(row, [None] * len(columns))[column] = (gained, name)
    if unit == "month":
        for year, whole in _returns(result, "year"):
            table[str(year)][12] = (whole, f"{year}, the whole year")
    rows = list(table)[-_MOST_ROWS:]
    return Calendar(
        unit=unit,
        rows=rows,
        columns=columns,
        cells=[[cell and cell[0] for cell in table[row]] for row in rows],
        names=[[cell[1] if cell else "" for cell in table[row]] for row in rows],
        left_out=len(table) - len(rows),
    )


def _returns(result: Run, unit: str) -> list[tuple[np.datetime64, float]]:
    """(period, return) of each period with a bar, in order; one that began with nothing left is 0."""
    code = "Y" if unit == "year" else _CODES[unit]
    periods = (result.outcome.times - 1).astype("datetime64[us]").astype(f"datetime64[{code}]")
    last = np.flatnonzero(np.append(periods[1:] != periods[:-1], True))
    ends = result.outcome.equity[last]
    before = np.concatenate(([result.initial_balance], ends[:-1]))
    growth = np.divide(ends, before, out=np.ones(len(ends)), where=before > 0) - 1
    return list(zip(periods[last], growth.tolist(), strict=True))


def _place(period: np.datetime64, unit: Unit) -> tuple[str, int, str]:
    """The row, the column and the name in full of a period."""
    text = str(period)
    if unit == "month":
        month = int(text[5:7])
        return text[:4], month - 1, f"{MONTHS[month - 1]} {text[:4]}"
    if unit == "day":
        weekday = (int(period.astype(int)) + 3) % 7  # 1 January 1970 was a Thursday
        return f"Week of {period - weekday}", weekday, f"{WEEKDAYS[weekday]} {text}"
    hour = int(text[11:13])
    return text[:10], hour, f"{text[:10]}, {hour:02d}:00 to {hour:02d}:59"
