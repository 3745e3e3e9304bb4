"""Quantiles and histograms of millions of values by group; values are put in order once for all groupings.

Quantiles are exact (between two values: linear, as `quantile_cont`): each value's rank among all is found once; a
grouping sorts group and rank as one number.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orderwright.analytics.expressions import Floats, Ints
from orderwright.analytics.records import Bins, Quantiles

SHARES = (0.05, 0.25, 0.50, 0.75, 0.95)
BINS = 40


@dataclass(frozen=True, slots=True)
class Ranked:
    """Values in order. rows: which rows have one; rank: the place of each of them among all."""

    values: Floats
    rows: Ints
    rank: NDArray[np.uint32]


def ranked(values: Floats) -> Ranked:
    """The values that are not NaN, in order."""
    rows = np.flatnonzero(~np.isnan(values))
    some = values if len(rows) == len(values) else values[rows]
    order = np.argsort(some)
    rank = np.empty(len(rows), np.uint32)
    rank[order] = np.arange(len(rows), dtype=np.uint32)
    return Ranked(some[order], rows, rank)


def quantiles(groups: NDArray[Any], count: int, of: Ranked) -> list[Quantiles]:
    """The quantiles of each of `count` groups. groups: the group of each row, whole numbers."""
    bits = max(len(of.rank).bit_length(), 1)
    whole: Any = np.uint32 if bits + count.bit_length() <= 32 else np.uint64  # half the width sorts in half the time
    keys = groups.astype(whole, copy=False)
    keys = keys.copy() if len(of.rows) == len(keys) else keys[of.rows]
    keys <<= whole(bits)  # in place: new memory costs more than the arithmetic
    keys |= of.rank
    keys.sort()
    starts = np.searchsorted(keys, np.arange(count + 1, dtype=whole) << whole(bits))
    mask = (1 << bits) - 1
    return [_quantiles(of.values, keys[low:high], mask) for low, high in pairwise(starts)]


def quantiles_of_all(of: Ranked) -> Quantiles:
    """The quantiles of all values."""
    return _quantiles(of.values, np.arange(len(of.values), dtype=np.uint32), 2**32 - 1)


def _quantiles(values: Floats, keys: NDArray[Any], mask: int) -> Quantiles:
    if not len(keys):
        return Quantiles()
    found = []
    for share in SHARES:
        place = share * (len(keys) - 1)
        low = int(place)
        one, two = (float(values[int(keys[at]) & mask]) for at in (low, min(low + 1, len(keys) - 1)))
        found.append(one + (two - one) * (place - low))
    return Quantiles(p05=found[0], p25=found[1], p50=found[2], p75=found[3], p95=found[4])


def bins(of: Ranked) -> Bins:
    """A histogram of `BINS` bins from the 1st to the 99th percentile: a few far out would leave all others in one."""
    low, high = _most(of)
    if low is None or high is None:
        return Bins()
    if low == high:
        low, high = low - 0.5, high + 0.5
    return _counted(of.values, np.linspace(low, np.nextafter(high, np.inf), BINS + 1))


def time_bins(of: Ranked) -> Bins:
    """A histogram of times in milliseconds from the 1st to the 99th percentile: from 0 to 1, then 2, 5, 10, 20, 50 and
    so on, for an answer can take one of them or an hour."""
    low, high = _most(of)
    if low is None or high is None:
        return Bins()
    steps = [0.0, 1.0]
    while steps[-1] <= high:
        steps.append(steps[-1] * (2.5 if f"{steps[-1]:.0f}"[0] == "2" else 2.0))
    first = max(int(np.searchsorted(steps, low, side="right")) - 1, 0)
    return _counted(of.values, np.array(steps[first:]))


def _most(of: Ranked) -> tuple[float | None, float | None]:
    """The 1st and the 99th percentile."""
    count = len(of.values)
    return (float(of.values[count // 100]), float(of.values[count - 1 - count // 100])) if count else (None, None)


def _counted(values: Floats, edges: Floats) -> Bins:
    """values: in order."""
    counts = np.diff(np.searchsorted(values, edges))
    return Bins(edges=[float(edge) for edge in edges], counts=[int(count) for count in counts])
