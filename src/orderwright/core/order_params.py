"""Can orders be sent by these settings (`order_params`)? Asked before they are taken in."""

from __future__ import annotations

from typing import get_args

from orderwright.core.model import Remainder, Settings
from orderwright.core.numbers import fits
from orderwright.core.reasons import Reason, Refusal

REMAINDERS: tuple[str, ...] = get_args(Remainder)
MOST_RETRIES = 20
"""Twice as long each time: the twentieth pause is a million times the first."""
_AT_LEAST = {
    "retry_attempts": 0,
    "retry_delay_ms": 0,
    "execution_timeout_ms": 1,
    "rate_limit_orders": 1,
    "rate_limit_window_ms": 1,
    "rate_queue": 0,
}


def problem_of_sending(settings: Settings) -> Refusal | None:
    """What is wrong with them, or None."""
    if settings.remainder not in REMAINDERS:
        return _refusal("remainder", f"not one of {', '.join(REMAINDERS)}", settings.remainder)
    for name, least in _AT_LEAST.items():
        number = getattr(settings, name)
        if number is not None and number < least:
            return _refusal(name, f"below {least}", str(number), str(least))
    if settings.retry_attempts > MOST_RETRIES:
        return _refusal("retry_attempts", f"above {MOST_RETRIES}", str(settings.retry_attempts), str(MOST_RETRIES))
    bps = settings.max_slippage_bps
    if bps is not None and not (fits(bps) and 0 <= bps < 10_000):
        return _refusal("max_slippage_bps", "not from 0 up to, not including, 10000", str(bps))
    return None


def _refusal(field: str, rule: str, value: str, nearest: str | None = None) -> Refusal:
    return Refusal(Reason.ORDER_PARAMS, rule, field, value, nearest)
