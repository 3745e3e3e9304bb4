"""Where something can next happen: NumPy searches instead of a walk over every candle, quote or trade.

A `Lookout` watches columns of prices for the first row that falls to a level or rises to one. It looks in chunks that
grow, so that a near hit costs little and a far one a billionth of a second a row; and it remembers how far it has
looked, so that being asked again costs nothing until the levels change.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from orderwright.market.grid import Ints

NEVER_BELOW, NEVER_ABOVE = (
    0,
    2**63 - 1,
)  # no price falls to the one (prices are one tick at least) or rises to the other
FIRST_CHUNK, LARGEST_CHUNK = 64, 65_536


class Lookout:
    """Watches for the first row where `below[i] <= its level` or `above[i] >= its level`, for any i."""

    def __init__(self, below: list[Ints], above: list[Ints]) -> None:
        self._below, self._above = below, above
        self._watched: list[tuple[Ints, int, bool]] = []
        self._clear, self._hit = 0, False

    def watch(self, below: list[int], above: list[int]) -> None:
        """New levels, one for each column; those out of reach cost nothing."""
        falls = [(column, level, True) for column, level in zip(self._below, below, strict=True) if level > NEVER_BELOW]
        rises = [
            (column, level, False) for column, level in zip(self._above, above, strict=True) if level < NEVER_ABOVE
        ]
        self._watched = falls + rises
        self._clear, self._hit = 0, False

    def first(self, start: int, stop: int) -> int | None:
        """The first row from `start` on, and before `stop`, that touches a level."""
        if start > self._clear:
            self._clear, self._hit = start, False
        if not self._hit and self._clear < stop:
            self._look(stop)
        return self._clear if self._hit and self._clear < stop else None

    def _look(self, stop: int) -> None:
        if self._touches(self._clear):
            self._hit = True
            return
        self._clear += 1
        chunk = FIRST_CHUNK
        while self._clear < stop:
            end = min(self._clear + chunk, stop)
            touched = self._touched(self._clear, end)
            if touched is not None:
                at = int(touched.argmax())
                if touched[at]:
                    self._clear, self._hit = self._clear + at, True
                    return
            self._clear = end
            chunk = min(4 * chunk, LARGEST_CHUNK)

    def _touches(self, row: int) -> bool:
        """One row by itself: the commonest question is about the next one alone."""
        for column, level, falling in self._watched:
            price = column.data[row]
            if price <= level if falling else price >= level:
                return True
        return False

    def _touched(self, start: int, stop: int) -> NDArray[np.bool_] | None:
        touched = None
        for column, level, falling in self._watched:
            rows = column[start:stop]
            hits = rows <= level if falling else rows >= level
            touched = hits if touched is None else touched | hits
        return touched
