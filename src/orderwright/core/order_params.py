"""Can orders be sent by these settings (`order_params`)? Asked before they are taken in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from msgspec import structs

from orderwright.core.model import Remainder, Settings
from orderwright.core.numbers import fits, parse_decimal
from orderwright.core.reasons import Reason, Refusal
from orderwright.errors import InputError, UnknownName

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


NAMES = ("max_slippage_bps", "remainder", *_AT_LEAST)
"""The settings that say how orders are sent."""
OTHERS = frozenset({"default_order_type", "time_in_force", "track_execution_metrics", "log_level"})
"""What the seed's order_params have besides: of a service, not of a book."""


def sent_by(settings: Settings, params: Mapping[str, Any]) -> Settings:
    """Settings with these order_params; numbers may be text. Raises InputError, UnknownName for a name that is none."""
    changes: dict[str, Any] = {}
    for name, value in params.items():
        if name in OTHERS:
            continue
        if name not in NAMES:
            raise UnknownName("order parameter", name, NAMES, field=name)
        changes[name] = value if value is None or name == "remainder" else _number(value, name)
    changed = structs.replace(settings, **changes)
    if (problem := problem_of_sending(changed)) is not None:
        raise InputError(problem.rule, field=problem.field, value=problem.value, nearest=problem.nearest)
    return changed


def _number(value: Any, name: str) -> Any:
    number = parse_decimal(value, name)
    if name == "max_slippage_bps":
        return number
    if number != int(number):
        raise InputError(f"{value} is not a whole number", field=name, value=value, nearest=int(number))
    return int(number)


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
