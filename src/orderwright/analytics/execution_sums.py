"""Sums and quantiles of millions of values by group: exact for money, and ordered once for all groupings.

- Money is summed in limbs of 21 or 22 bits, each of which a double holds exactly for 2^31 values; the limbs become a
  Decimal at the end. Money that came of a product is rounded to 8 places first, value by value. So the sums of groups
  add up to the sum of all, to the last digit.
- Quantiles are exact (between two values: linear, as `quantile_cont`): each value's rank among all is found once; a
  grouping sorts group and rank as one number.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orderwright.analytics.execution_facts import Floats, Ints, Money
from orderwright.analytics.records import Quantiles
from orderwright.core.numbers import EXACT, QUANTUM

PLACES = 10**8
SHARES = (0.05, 0.25, 0.50, 0.75, 0.95)


def tally(groups: Ints, count: int, weights: Any) -> Floats:
    """float64[count]: the weights of each group added up."""
    return np.asarray(np.bincount(groups, weights=weights, minlength=count), np.float64)


def sums(groups: Ints, count: int, values: Floats) -> Floats:
    """float64[count]: the sum of each group's values; NaN counts as none."""
    return tally(groups, count, np.nan_to_num(values))


def known(groups: Ints, count: int, values: Floats) -> Floats:
    """float64[count]: how many values each group has."""
    return tally(groups, count, ~np.isnan(values))


def money_limbs(groups: Ints, count: int, money: Money) -> Floats:
    """float64[4, count]: exact sums of decimals, in limbs."""
    low = money.low
    parts = (
        low & np.uint64(2**22 - 1),
        (low >> np.uint64(22)) & np.uint64(2**21 - 1),
        low >> np.uint64(43),
        money.high,
    )
    return np.stack([tally(groups, count, part) for part in parts])


def from_limbs(limbs: Floats) -> Decimal:
    """float64[4] as the Decimal of 18 places that it stands for."""
    one, two, three, four = (int(limb) for limb in limbs)
    return EXACT.multiply(Decimal(one + (two << 22) + (three << 43) + (four << 64)), QUANTUM)


def rounded_limbs(groups: Ints, count: int, values: Floats) -> Floats:
    """float64[2, count]: sums of doubles that are rounded to 8 places one by one; NaN counts as none."""
    values = np.nan_to_num(values)
    whole = np.floor(values)
    part = np.rint((values - whole) * PLACES)
    return np.stack([tally(groups, count, some) for some in (whole, part)])


def from_rounded(limbs: Floats) -> Decimal:
    """float64[2] as a Decimal of 8 places."""
    whole, part = (int(limb) for limb in limbs)
    return EXACT.multiply(Decimal(whole * PLACES + part), Decimal(1).scaleb(-8))


@dataclass(frozen=True, slots=True)
class Ranked:
    """Values in order. rows: which rows have one; rank: the place of each of them among all."""

    values: Floats
    rows: Ints
    rank: NDArray[np.uint64]


def ranked(values: Floats) -> Ranked:
    """The values that are not NaN, in order."""
    rows = np.flatnonzero(~np.isnan(values))
    some = values[rows]
    order = np.argsort(some)
    rank = np.empty(len(rows), np.uint64)
    rank[order] = np.arange(len(rows), dtype=np.uint64)
    return Ranked(some[order], rows, rank)


def quantiles(groups: Ints, count: int, of: Ranked) -> list[Quantiles]:
    """The quantiles of each of `count` groups."""
    bits = np.uint64(max(len(of.rank).bit_length(), 1))
    keys = (groups[of.rows].astype(np.uint64) << bits) | of.rank
    if int(bits) + count.bit_length() <= 32:  # half the width sorts in half the time
        keys = np.sort(keys.astype(np.uint32)).astype(np.uint64)
    else:
        keys.sort()
    starts = np.searchsorted(keys, np.arange(count + 1, dtype=np.uint64) << bits)
    mask = (np.uint64(1) << bits) - np.uint64(1)
    return [_quantiles(of.values, keys[low:high], mask) for low, high in pairwise(starts)]


def _quantiles(values: Floats, keys: NDArray[np.uint64], mask: np.uint64) -> Quantiles:
    if not len(keys):
        return Quantiles()
    found = []
    for share in SHARES:
        place = share * (len(keys) - 1)
        low = int(place)
        one, two = (float(values[keys[at] & mask]) for at in (low, min(low + 1, len(keys) - 1)))
        found.append(one + (two - one) * (place - low))
    return Quantiles(p05=found[0], p25=found[1], p50=found[2], p75=found[3], p95=found[4])
