"""When an order is checked again after a check that told nothing: later each time, and never all at once.

- The n-th pause is base x 2^n, at most LONGEST, and up to half as long again. The addition is drawn by the order's id
  and n, so that orders that failed together are not asked about together, and one history gives one schedule.
- After ATTEMPTS in vain nobody is asked any more; the order stays as it is, and counts as live.
"""

from __future__ import annotations

import hashlib

from orderwright.core.model import MINUTE, SECOND

BASE = 1 * SECOND
LONGEST = 5 * MINUTE
ATTEMPTS = 12


def pause(order_id: str, attempt: int, base: int = BASE) -> int:
    """Microseconds until the check after `attempt` (0, 1, ...) that told nothing."""
    plain = min(base << min(attempt, 32), max(LONGEST, base))
    drawn = int.from_bytes(hashlib.sha256(f"{order_id}|{attempt}".encode()).digest()[:4], "big")
    return plain + plain * drawn // 2**33


class Checks:
    """The checks that are to come, by order id."""

    def __init__(self, base: int = BASE) -> None:
        self._base = base
        self._waiting: dict[str, tuple[int, int]] = {}  # (when, attempts so far)

    def __len__(self) -> int:
        return len(self._waiting)

    def schedule(self, order_id: str, now: int) -> int | None:
        """Check once more; when, in microseconds, or None where it has been tried often enough."""
        _, attempt = self._waiting.pop(order_id, (0, 0))
        if attempt >= ATTEMPTS:
            return None
        at = now + pause(order_id, attempt, self._base)
        self._waiting[order_id] = (at, attempt + 1)
        return at

    def put_off(self, order_id: str, now: int) -> None:
        """It is being checked: whatever comes of that, it is not due again at once."""
        _, attempt = self._waiting[order_id]
        self._waiting[order_id] = (now + pause(order_id, attempt, self._base), attempt)

    def forget(self, order_id: str) -> None:
        """It has told what was asked."""
        self._waiting.pop(order_id, None)

    def due(self, now: int) -> list[str]:
        """The orders to be checked now, longest waiting first."""
        found = sorted((at, order_id) for order_id, (at, _) in self._waiting.items() if at <= now)
        return [order_id for _, order_id in found]
