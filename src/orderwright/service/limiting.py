"""How often one may ask: token buckets, by key and by address."""

from __future__ import annotations

from collections import OrderedDict
from math import ceil

MOST_NAMES = 10_000


class Buckets:
    """per_minute: what refills evenly; a bucket that was left alone holds a minute's worth. The buckets of at most
    MOST_NAMES names are kept, those used last. Times are microseconds, and never go back."""

    def __init__(self, per_minute: int, most: int = MOST_NAMES) -> None:
        self._size, self._most = float(per_minute), most
        self._per_us = per_minute / 60_000_000
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, name: str, now: int) -> int:
        """Take one; 0 if there was one, else the seconds until there is."""
        left, at = self._buckets.get(name, (self._size, now))
        left = min(self._size, left + (now - at) * self._per_us)
        is_there = left >= 1.0
        self._buckets[name] = (left - 1.0 if is_there else left, now)
        self._buckets.move_to_end(name)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return 0 if is_there else max(1, ceil((1.0 - left) / self._per_us / 1_000_000))


__all__ = ["Buckets"]
