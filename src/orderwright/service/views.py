"""An order for people: the seed's column names, ours after them, money as text, times as ISO 8601 in UTC.

The same order gives the same view whether it is at hand (`view_of`) or is a row of the log (`view_of_row`). `id` is the
integer key of the orders read model, `client_order_id` the order id; a path takes either.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from msgspec import UNSET, Struct, UnsetType, structs

from orderwright.core.model import Bracket, LingerRule, Order, OrderStatus, OrderType, Trail
from orderwright.core.numbers import canonical, divided
from orderwright.journal.rows import money

_SECOND = 1_000_000


class OrderView(Struct, frozen=True, kw_only=True):
    """An order as it stands. quantity, price and stop_price are what is asked for now. risk_check_passed: pending,
    passed or failed. filled_at: of the newest fill. collar: the price that a market order goes no further than, where
    max_slippage_bps sets one; it has no price of its own. repeated: whether it is the answer to a key that came before;
    only there if so."""

    id: int | None
    user_id: str | None
    exchange: str | None
    exchange_order_id: str | None
    client_order_id: str
    symbol: str
    side: str
    order_type: str
    quantity: str
    price: str | None
    stop_price: str | None
    status: str
    filled_quantity: str
    remaining_quantity: str
    average_fill_price: str | None
    source: str
    source_signal_id: str | None
    created_at: str
    updated_at: str
    filled_at: str | None
    risk_check_passed: str
    risk_check_reason: str | None
    metadata: dict[str, str]
    book: str
    account: str
    time_in_force: str
    strategy: str | None
    episode: str | None
    parent_id: str | None
    idempotency_key: str | None
    arrival_price: str | None
    filled_quote: str
    error_code: str | None
    estimated_fee: str
    estimated_cost: str
    estimated_slippage: str | None
    collar: str | None
    repeated: bool | UnsetType = UNSET


class RequestView(Struct, frozen=True, kw_only=True):
    """One thing asked of the exchange for an order, and what became of it."""

    number: int
    kind: str
    client_id: str
    state: str
    signed_at: str
    lifetime_ms: int | None
    quantity: str | None
    price: str | None
    stop_price: str | None
    cause: str | None
    rule: str | None


class OrderDetail(OrderView, frozen=True, kw_only=True):
    """An order with everything that was asked for, and every request that went out for it."""

    quote_quantity: str | None
    expire_at: str | None
    execute_at: str | None
    post_only: bool
    reduce_only: bool
    group: str | None
    bracket: Bracket | None
    trail: Trail | None
    linger: tuple[LingerRule, ...]
    wait_for: str | None
    wait_until: str | None
    submitted_at: str | None
    accepted_at: str | None
    decision_price: str | None
    requests: list[RequestView]


def view_of(order: Order, *, key: int | None, book: str, exchange: str, repeated: bool = False) -> OrderView:
    """The view of an order at hand. key: its number in the orders read model. exchange: of its account."""
    said, filled, leaves = order.instruction, order.filled, order.leaves
    verdict, reason = _risk_check(order)
    quantity, at_market = money(order.quantity), said.type is OrderType.MARKET
    return OrderView(
        id=key,
        user_id=said.user or None,
        exchange=exchange or None,
        exchange_order_id=order.exchange_order_id or None,
        client_order_id=said.order_id,
        symbol=said.symbol,
        side=said.side._value_,
        order_type=said.type._value_,
        quantity=quantity,
        price=None if at_market else shown(order.price),
        stop_price=shown(order.stop_price),
        status=order.status._value_,
        filled_quantity=money(filled) if filled else "0",
        remaining_quantity=(money(leaves) if filled else quantity) if leaves else "0",
        average_fill_price=money(canonical(divided(order.filled_quote, filled))) if filled else None,
        source=said.source._value_,
        source_signal_id=said.signal_id or None,
        created_at=iso(order.created_at),
        updated_at=iso(order.updated_at),
        filled_at=None if order.last_fill_at is None else iso(order.last_fill_at),
        risk_check_passed=verdict,
        risk_check_reason=reason,
        metadata=said.metadata,
        book=book,
        account=said.account,
        time_in_force=said.time_in_force._value_,
        strategy=said.strategy or None,
        episode=said.episode or None,
        parent_id=said.parent_id or None,
        idempotency_key=said.idempotency_key or None,
        arrival_price=shown(order.arrival),
        filled_quote=money(order.filled_quote) if filled else "0",
        error_code=order.code or None,
        estimated_fee=money(order.estimated_fee),
        estimated_cost=money(order.estimated_cost),
        estimated_slippage=shown(order.estimated_slippage),
        collar=shown(order.price) if at_market else None,
        repeated=True if repeated else UNSET,
    )


def view_of_row(row: Mapping[str, Any]) -> OrderView:
    """The view of a row of the orders read model."""
    words = {name: _shown(name, row[name]) for name in _COLUMNS} | {"collar": None}
    if row["order_type"] == OrderType.MARKET:
        words["price"], words["collar"] = None, words["price"]
    return OrderView(**words)


def detail_of(order: Order, *, key: int | None, book: str, exchange: str) -> OrderDetail:
    """The view of an order at hand with everything that it was asked to be."""
    said, plain = order.instruction, view_of(order, key=key, book=book, exchange=exchange)
    at = said.execute_at
    return OrderDetail(
        **structs.asdict(plain),
        quote_quantity=shown(said.quote_quantity),
        expire_at=iso_or_none(order.expire_at),
        execute_at=iso(at) if isinstance(at, int) else at,
        post_only=said.post_only,
        reduce_only=said.reduce_only,
        group=said.group or None,
        bracket=said.bracket,
        trail=said.trail,
        linger=said.linger,
        wait_for=order.wait_for or None,
        wait_until=iso_or_none(order.wait_until),
        submitted_at=iso_or_none(order.submitted_at),
        accepted_at=iso_or_none(order.accepted_at),
        decision_price=shown(said.decision_price),
        requests=[
            RequestView(
                number=request.number,
                kind=request.kind,
                client_id=request.client_id,
                state=request.state,
                signed_at=iso(request.sign_at),
                lifetime_ms=request.lifetime_ms,
                quantity=shown(request.quantity),
                price=shown(request.price),
                stop_price=shown(request.stop_price),
                cause=request.cause or None,
                rule=request.rule or None,
            )
            for request in order.requests
        ],
    )


def iso(time: int) -> str:
    """A time in microseconds as 2024-08-05T00:01:00.500000Z: always with six decimals, so that it sorts as text."""
    seconds, rest = divmod(time, _SECOND)
    return f"{_second(seconds)}.{rest:06d}Z"


def iso_or_none(time: int | None) -> str | None:
    """The same, where there is a time."""
    return None if time is None else iso(time)


def shown(number: Decimal | None) -> str | None:
    """A number as text without an exponent or trailing zeros, where there is one."""
    return None if number is None else money(number)


def plain(value: Any) -> Any:
    """A record of the analytics as JSON people read: money as text, fields named `time` and the like as ISO 8601."""
    if isinstance(value, Struct):
        return {name: _plain_at(name, getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {str(name): _plain_at(str(name), one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    if isinstance(value, Decimal):
        return money(value)
    if isinstance(value, float) and value != value:
        return None
    return value


TIMES = frozenset(
    {"time", "created_at", "updated_at", "filled_at", "quote_time", "venue_time", "day", "since", "until", "start"}
    | {"end", "as_of", "first_time", "last_time", "ended_at", "submitted_at", "accepted_at"}
)
"""The names under which microseconds stand in rows and records."""
_EARLIEST = 10**14


def _plain_at(name: str, value: Any) -> Any:
    if name in TIMES and type(value) is int and value >= _EARLIEST:
        return iso(value)
    return plain(value)


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, Decimal):
        return money(value)
    return iso(value) if name in TIMES and value is not None else value


def _risk_check(order: Order) -> tuple[str, str | None]:
    """(risk_check_passed, risk_check_reason), as the log's rows have them."""
    if order.requests:
        return "passed", (order.reason or None) if order.stop_price is not None or order.code else None
    return ("failed" if order.status is OrderStatus.DENIED else "pending"), order.reason or None


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")


_COLUMNS = tuple(name for name in OrderView.__struct_fields__ if name not in ("collar", "repeated"))

__all__ = [
    "OrderDetail",
    "OrderView",
    "RequestView",
    "detail_of",
    "iso",
    "iso_or_none",
    "plain",
    "shown",
    "view_of",
    "view_of_row",
]
