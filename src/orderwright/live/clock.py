"""The system's clock behind the `Clock` port, for brokers on real exchanges."""

from __future__ import annotations

import time


class SystemClock:
    """Microseconds since the epoch, UTC. Never goes back, even where the system's clock is set back."""

    def __init__(self) -> None:
        self._last = 0

    def now(self) -> int:
        self._last = max(self._last, time.time_ns() // 1_000)
        return self._last
