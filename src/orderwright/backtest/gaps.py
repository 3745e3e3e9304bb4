"""Gaps in data, as notes that a result shows.

A gap is where bars are missing between two others. Daily bars of a market that rests are another matter: where two days
of the week that follow each other never have a bar, and the other five do, those two are its weekend, and up to five of
the other days in a row are a holiday (as New York's four of September 2001 were). Neither is missing.
"""

from __future__ import annotations

import numpy as np

from orderwright.core.model import DAY
from orderwright.market.candles import Candles
from orderwright.market.times import iso

HOLIDAYS = 5


def gap_notes(candles: Candles) -> tuple[str, ...]:
    """How many bars are missing, in how many gaps, and where the longest is; nothing where none is."""
    weekend = _weekend(candles)
    gaps = _between(candles, weekend) if weekend else candles.gaps()
    if not gaps:
        return ()
    missing = sum(count for _, count in gaps)
    time, longest = max(gaps, key=lambda gap: gap[1])
    places = "1 gap" if len(gaps) == 1 else f"{len(gaps):,} gaps, the longest"
    bars = "1 bar is" if missing == 1 else f"{missing:,} bars are"
    return (f"{bars} missing: {places} of {longest:,} after {iso(time)}",)


def _weekend(candles: Candles) -> frozenset[int]:
    """The two days of the week (0 to 6, as they are counted from 1970) on which there is never a bar; else none."""
    if candles.interval != DAY:
        return frozenset()
    resting = frozenset(range(7)) - set(np.unique(candles.times // DAY % 7).tolist())
    follow = any((day + 1) % 7 in resting for day in resting)
    return resting if len(resting) == 2 and follow else frozenset()


def _between(candles: Candles, weekend: frozenset[int]) -> list[tuple[int, int]]:
    """(open time of the bar before, how many bars are missing) where more is missing than weekends and holidays."""
    days = candles.times // DAY
    gaps = []
    for at in np.flatnonzero(np.diff(days) > HOLIDAYS + 1).tolist():
        missing = sum(day % 7 not in weekend for day in range(int(days[at]) + 1, int(days[at + 1])))
        if missing > HOLIDAYS:
            gaps.append((int(candles.times[at]), missing))
    return gaps


__all__ = ["gap_notes"]
