"""Memory that is used again: to get fresh memory from the system can take longer than a whole run of the kernel."""

from __future__ import annotations

import numpy as np

from orderwright.backtest.outcome import Floats

_shelf: list[Floats] = []
_KEPT = 2**23
"""Numbers that may lie there: 64 MB."""


class _Lent:
    """Memory of an array; when nothing looks at that any more it goes back on the shelf."""

    def __init__(self, memory: Floats) -> None:
        self.memory, self.__array_interface__ = memory, memory.__array_interface__

    def __del__(self) -> None:
        if sum(map(len, _shelf)) + len(self.memory) <= _KEPT:
            _shelf.append(self.memory)


def floats(count: int) -> Floats:
    """float64[count] of anything, maybe in memory that was used before."""
    memory = np.empty(0)
    while len(memory) != count and _shelf:  # what has another length is let go
        try:
            memory = _shelf.pop()
        except IndexError:  # another thread was first
            break
    return np.asarray(_Lent(memory if len(memory) == count else np.empty(count)))


def copied(column: Floats) -> Floats:
    """A copy of float64[n], one after the other in memory."""
    copy = floats(len(column))
    np.copyto(copy, column)
    return copy
