"""The system's clock behind the `Clock` port, for books that trade by the time of day.

Where the system's clock is set back, this one does not stand still until that has caught up (every timer would): it
goes on at half its pace, measured by the machine's own monotonic clock. A correction by small steps is never noticed.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class SystemClock:
    """Microseconds since the epoch, UTC; never goes back. not_before: microseconds it begins at or after, such as the
    time of the newest row of a log that was written before the system's clock was set back. wall, steady: the clocks it
    reads, nanoseconds."""

    def __init__(
        self,
        *,
        not_before: int = 0,
        wall: Callable[[], int] = time.time_ns,
        steady: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._wall, self._steady = wall, steady
        self._last, self._read_at = not_before, steady()

    def now(self) -> int:
        steady, last = self._steady(), self._last
        now = max(self._wall() // 1_000, last + (steady - self._read_at) // 2_000)
        if now > last:
            self._last, self._read_at = now, steady
        return now

    def not_before(self, time: int) -> None:
        """Go on from a later time, microseconds; an earlier one changes nothing."""
        if time > self._last:
            self._last, self._read_at = time, self._steady()


__all__ = ["SystemClock"]
