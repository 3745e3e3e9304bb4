"""The standard status object: how an order stands, whoever says so.

    status = Status().cast(**{"clientOrderId": "...", "status": "PARTIALLY_FILLED", "executedQty": "0.4"})

`cast` reads the ways in which exchanges, ccxt and our own log write an order; spellings.py has the list. It is strict
where it matters: an order without an id or a status is refused, and so is one that contradicts itself (filled, yet
something remains; two different quantities; a trade twice with two prices). What it does not know stays in `raw`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct, structs

from orderwright.core.model import DONE, Execution, Order, OrderStatus
from orderwright.core.numbers import EXACT, ZERO, canonical, divided, text
from orderwright.errors import InputError
from orderwright.executors import spellings

_S = OrderStatus
_ENDED_SHORT = DONE - {_S.FILLED}
_NOT_OK = frozenset({_S.REJECTED, _S.DENIED, _S.UNKNOWN})


class Status(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an order stands. Without another word: nothing is known of it.

    order_id: ours, the caller's. exchange_order_id: the exchange's. quantity: the whole; filled_quantity, in base
    units, cumulative; filled_quote: what that came to in quote units, exact, where it is known. remaining: what may
    still fill, 0 once the order has ended; None where the whole is not known. fills: its trades, as far as they were
    told. code, error: why something was refused, or why the outcome is not known. time: microseconds, 0 where not told.
    """

    order_id: str = ""
    status: OrderStatus = OrderStatus.UNKNOWN
    filled_quantity: Decimal = ZERO
    remaining: Decimal | None = None
    average_price: Decimal | None = None
    fills: tuple[Execution, ...] = ()
    exchange_order_id: str = ""
    code: str = ""
    error: str = ""
    time: int = 0
    symbol: str = ""
    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    filled_quote: Decimal | None = None
    raw: dict[str, Any] = {}

    @property
    def unknown(self) -> bool:
        """Whether the outcome is not known: it may be live, so it counts as live."""
        return self.status is OrderStatus.UNKNOWN

    @property
    def ok(self) -> bool:
        """Whether what was asked has been done or is under way: nothing refused, nothing unknown."""
        return not self.error and self.status not in _NOT_OK

    @property
    def done(self) -> bool:
        """Whether the order has ended."""
        return self.status in DONE

    @property
    def executor_id(self) -> str:
        return self.order_id

    @property
    def message(self) -> str:
        return self.error

    @property
    def remaining_quantity(self) -> Decimal | None:
        return self.remaining

    @property
    def fees(self) -> dict[str, Decimal]:
        """What its fills have cost, by asset."""
        return fees_of(self.fills)

    @classmethod
    def cast(cls, **said: Any) -> Status:
        """The status that a dict in any of the known spellings means. Raises InputError, naming the field, for one that
        lacks its id or its status or contradicts itself, and UnknownName for a status that no exchange has."""
        fields, raw = spellings.read(said)
        if "status" not in fields:
            raise InputError("is missing", field="status")
        if not fields.get("order_id") and not fields.get("exchange_order_id"):
            raise InputError(
                "an id is missing: order_id, clientOrderId, or the exchange's id or orderId", field="order_id"
            )
        status = cls(**_completed(fields), raw=raw)
        _check(status)
        return status

    @classmethod
    def from_order(cls, order: Order, *, code: str = "", error: str = "") -> Status:
        """The status of an order of the core. code and error: of what was last asked of it; else the order's own."""
        filled = order.filled
        return cls(
            order_id=order.order_id,
            status=order.status,
            filled_quantity=filled,
            remaining=order.leaves,
            average_price=canonical(divided(order.filled_quote, filled)) if filled else None,
            fills=tuple(execution for execution in order.executions.values() if execution is not None),
            exchange_order_id=order.exchange_order_id,
            code=code or order.code,
            error=error or order.reason,
            time=order.updated_at,
            symbol=order.instruction.symbol,
            quantity=order.quantity,
            price=order.price,
            stop_price=order.stop_price,
            filled_quote=order.filled_quote,
        )

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Status:
        """The status of a row of the `orders` read model."""
        return cls(
            order_id=row["client_order_id"],
            status=OrderStatus(row["status"]),
            filled_quantity=row["filled_quantity"],
            remaining=row["remaining_quantity"],
            average_price=row["average_fill_price"],
            exchange_order_id=row["exchange_order_id"] or "",
            code=row["error_code"] or "",
            error=(row["risk_check_reason"] or "") if row["risk_check_passed"] == "failed" else "",
            time=row["updated_at"],
            symbol=row["symbol"],
            quantity=row["quantity"],
            price=row["price"],
            stop_price=row["stop_price"],
            filled_quote=row["filled_quote"],
        )

    def as_dict(self) -> dict[str, Any]:
        """All of it in plain values (numbers as text), as `cast` reads it and JSON can carry it."""
        plain: dict[str, Any] = msgspec.to_builtins(structs.asdict(self))
        raw: dict[str, Any] = plain.pop("raw")
        return raw | {name: value for name, value in plain.items() if value is not None}

    def to(self, **changes: Any) -> Status:
        """The same status with other words."""
        return structs.replace(self, **changes)


def fees_of(fills: tuple[Execution, ...]) -> dict[str, Decimal]:
    """The fees of executions, by asset."""
    fees: dict[str, Decimal] = {}
    for execution in fills:
        if execution.fee:
            fees[execution.fee_asset] = EXACT.add(fees.get(execution.fee_asset, ZERO), execution.fee)
    return fees


def _completed(fields: dict[str, Any]) -> dict[str, Any]:
    """What follows from what was said: the parts of the whole, the average, and what a live order with fills is."""
    status, whole, left = fields["status"], fields.get("quantity"), fields.pop("remaining", None)
    fills: tuple[Execution, ...] = fields.get("fills", ())
    filled = fields.get("filled_quantity")
    if filled is None and fills:
        filled = _sum(execution.quantity for execution in fills)
    if filled is None and left == 0 and status in _ENDED_SHORT:
        raise InputError(
            f"is missing: nothing remains, and a {status} order need not have filled", field="filled_quantity"
        )
    if filled is None and whole is not None:
        filled = whole if status is _S.FILLED else EXACT.subtract(whole, left) if left is not None else ZERO
    filled = filled or ZERO
    if left is not None and whole is None and status not in DONE:
        whole = fields["quantity"] = EXACT.add(filled, left)
    if left is not None and whole is not None and EXACT.add(filled, left) != whole and (left or status not in DONE):
        raise _contradiction("remaining", left, f"{text(filled)} of {text(whole)} has filled")
    if status is _S.OPEN and filled > ZERO and (whole is None or filled < whole):
        fields["status"] = _S.PARTIALLY_FILLED
    fields["filled_quantity"] = filled
    fields["remaining"] = ZERO if status in DONE else None if whole is None else EXACT.subtract(whole, filled)
    return fields | _money(fields, filled, fills)


def _money(fields: dict[str, Any], filled: Decimal, fills: tuple[Execution, ...]) -> dict[str, Any]:
    """What has filled, in quote, and the average price: each follows from the other's source, exactly or not at all."""
    quote, average = fields.get("filled_quote"), fields.get("average_price")
    if not filled:
        return {"filled_quote": ZERO, "average_price": None}
    if quote is None and _sum(execution.quantity for execution in fills) == filled:
        quote = _sum(EXACT.multiply(execution.quantity, execution.price) for execution in fills)
    if not average:
        average = canonical(divided(quote, filled)) if quote else None
    return {"filled_quote": quote or None, "average_price": average}


def _check(status: Status) -> None:
    """That it does not contradict itself."""
    word, filled, whole = status.status, status.filled_quantity, status.quantity
    if filled < 0:
        raise InputError("is below 0", field="filled_quantity", value=filled)
    if whole is not None and filled > whole:
        raise _contradiction("filled_quantity", filled, f"the order is for {text(whole)}")
    if word is _S.FILLED and (not filled or (whole is not None and filled < whole)):
        raise _contradiction(
            "status", word, f"{text(filled)} of {text(whole) if whole is not None else '?'} has filled"
        )
    if word is _S.PARTIALLY_FILLED and (not filled or filled == whole):
        raise _contradiction(
            "status", word, f"{text(filled)} of {text(whole) if whole is not None else '?'} has filled"
        )
    if word in (_S.OPEN, _S.REJECTED, _S.DENIED) and filled:
        raise _contradiction("status", word, f"{text(filled)} has filled")
    told = _sum(execution.quantity for execution in status.fills)
    if told > filled:
        raise _contradiction("filled_quantity", filled, f"its trades add up to {text(told)}")


def _contradiction(field: str, value: object, but: str) -> InputError:
    shown = text(value) if isinstance(value, Decimal) else str(value)
    return InputError(f"{shown} contradicts the rest: {but}", field=field, value=value)


def _sum(numbers: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for number in numbers:
        total = EXACT.add(total, number)
    return total
