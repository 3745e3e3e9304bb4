"""Seed 004's TradingOrder: an order as that document's database has it, and any object or dict with those fields.

It is read as a `Trade`, and what became of it is written back into the fields that it has. Its `client_order_id` is
ours once we have made one (30 hex digits); one of the caller's own is taken as the idempotency key. Quantities and
prices come back as Decimal (the seed says FLOAT).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from orderwright.core.model import Instruction, OrderStatus
from orderwright.errors import InputError
from orderwright.executors import Trade

_OURS = re.compile(r"[0-9a-f]{30}")
_MISSING = object()


@dataclass(slots=True, kw_only=True)
class TradingOrder:
    """The fields of seed 004's model that say what is wanted, and those that say what became of it."""

    symbol: str
    side: str
    quantity: Decimal | float | str | None = None
    order_type: str = "market"
    price: Decimal | float | str | None = None
    stop_price: Decimal | float | str | None = None
    user_id: str = ""
    exchange: str = ""
    source: str = "api"
    source_signal_id: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    client_order_id: str | None = None
    exchange_order_id: str | None = None
    status: str = OrderStatus.PENDING.value
    filled_quantity: Decimal = Decimal(0)
    remaining_quantity: Decimal | None = None
    average_fill_price: Decimal | None = None
    risk_check_passed: str = "pending"
    risk_check_reason: str | None = None


def trade_of(order: object) -> Trade:
    """The trade of a Trade, an Instruction, or anything with a TradingOrder's fields. Raises InputError, naming the
    field, for one that is missing or is not what it should be."""
    if isinstance(order, Trade):
        return order
    if isinstance(order, Instruction):
        return Trade.from_instruction(order)
    if not hasattr(order, "symbol") and not isinstance(order, Mapping):
        message = "not a Trade, an Instruction, or an order with symbol, side and quantity"
        raise InputError(message, field="order", value=order)
    for name in ("symbol", "side"):
        if not _get(order, name):
            raise InputError("is missing", field=name)
    words = {name: value for name in _OPTIONAL if (value := _get(order, name)) is not None}
    own = _get(order, "client_order_id") or ""
    return Trade.of(
        _get(order, "symbol"),
        _get(order, "side"),
        _get(order, "quantity"),
        metadata=_metadata(_get(order, "metadata")),
        signal_id=_get(order, "source_signal_id") or "",
        order_id=own if _OURS.fullmatch(str(own)) else "",
        idempotency_key=_get(order, "idempotency_key") or ("" if _OURS.fullmatch(str(own)) else own),
        **words,
    )


_OPTIONAL = (
    "order_type",
    "price",
    "stop_price",
    "user_id",
    "exchange",
    "source",
    "time_in_force",
    "account",
    "strategy",
    "episode",
)


def write_back(order: object, trade: Trade) -> None:
    """Bring the fields that an order has up to date. What cannot be changed (frozen, a Trade) stays as it is."""
    if isinstance(order, Trade | Instruction):
        return
    denied, pending = trade.status is OrderStatus.DENIED, trade.status in (None, OrderStatus.PENDING)
    said: dict[str, object] = {
        "client_order_id": _get(order, "client_order_id") or trade.order_id or None,
        "exchange_order_id": trade.exchange_order_id or None,
        "status": trade.status.value if trade.status is not None else OrderStatus.PENDING.value,
        "filled_quantity": trade.filled_quantity,
        "remaining_quantity": trade.remaining_quantity,
        "average_fill_price": trade.average_price,
        "risk_check_passed": "failed" if denied else "pending" if pending else "passed",
        "risk_check_reason": trade.reason if denied else None,
    }
    if isinstance(order, MutableMapping):
        order.update(said)
        return
    for name, value in said.items():
        if hasattr(order, name):
            try:
                setattr(order, name, value)
            except (AttributeError, TypeError):  # a frozen record: its owner keeps what `execute_order` returned
                return


def _get(order: object, name: str) -> Any:
    found = order.get(name, _MISSING) if isinstance(order, Mapping) else getattr(order, name, _MISSING)
    return None if found is _MISSING else found


def _metadata(value: object) -> Mapping[str, object]:
    """The seed keeps it as JSON text."""
    if isinstance(value, str) and value:
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError as error:
            raise InputError(f"not valid JSON: {error}", field="metadata", value=value) from None
    if value is None or value == "":
        return {}
    if not isinstance(value, Mapping):
        raise InputError(f"{value!r} is not a JSON object", field="metadata", value=value)
    return value


__all__ = ["TradingOrder", "trade_of", "write_back"]
