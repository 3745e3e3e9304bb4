"""The routes of single orders."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import msgspec
from msgspec import Struct

from orderwright.core import messages as m
from orderwright.core.model import DONE, OrderStatus
from orderwright.errors import InputError
from orderwright.live.book import Answer, snapshot
from orderwright.service.orders import batch
from orderwright.service.orders.listing import ListOrders, OrderList, OrderStory, history, list_orders
from orderwright.service.parts import Call, Result
from orderwright.service.reading import decode
from orderwright.service.routing import Route
from orderwright.service.views import OrderDetail, OrderView
from orderwright.service.wanted import AmendOrder, CreateOrder, Short, SignalRequest

S = TypeVar("S", bound=Struct)
IDEMPOTENCY_KEY = "idempotency-key"
REPEATED = "Idempotency-Replayed"


class CancelAllOrders(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which orders to cancel: all of yours, or those of one user, book, account or symbol."""

    user_id: Short = ""
    book: Short = ""
    exchange: Short = ""
    account: Short = ""
    symbol: Short = ""
    cause: Short = ""


class Decision(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """cause: why; it is kept in the order's history, with your name. The body may be left out."""

    cause: Short = ""


class CancelledAll(Struct, frozen=True, kw_only=True):
    """orders: those that were working and are now cancelled, or asked to be."""

    books: list[str]
    orders: list[OrderView]


class SignalAnswer(Struct, frozen=True, kw_only=True):
    """verdict: accepted, or repeated. order: what the signal became, if it became one."""

    verdict: str
    signal_id: str
    book: str
    order: OrderView | None


async def create(call: Call[CreateOrder, None]) -> Result:
    """201 for a new order, 200 for one that came before under the same key, a problem where it is denied."""
    service, wanted = call.service, with_key(call.body, call.request.headers.get(IDEMPOTENCY_KEY))
    answer = await service.door.create(call.principal, wanted)
    return created(call, answer)


def created(call: Call[Any, Any], answer: Answer) -> Result:
    """The answer to an order that exists."""
    door = call.service.door
    if (problem := door.denied(answer)) is not None:
        raise problem
    view = door.view(answer)
    if door.was_repeated(answer):
        return Result(body=view, headers={REPEATED: "true"})
    return Result(body=view, status=201, headers={"Location": f"/api/orders/{view.client_order_id}"})


def with_key(wanted: CreateOrder, header: str | None) -> CreateOrder:
    """The order with the key of the header. Raises InputError where body and header say two keys."""
    if header is None:
        return wanted
    key = header.strip()
    if not key or len(key) > 128 or not key.isprintable():
        message = "the Idempotency-Key is text of 1 to 128 characters"
        raise InputError(message, field="Idempotency-Key", value=header[:140])
    if wanted.idempotency_key and wanted.idempotency_key != key:
        message = "the header and the field say two keys"
        raise InputError(message, field="idempotency_key", value=wanted.idempotency_key, nearest=key)
    return msgspec.structs.replace(wanted, idempotency_key=key)


async def get_order(call: Call[None, None]) -> OrderDetail:
    """One order with everything that was asked for, and its requests."""
    door = call.service.door
    book, order = await door.find(call.principal, call.path["order_id"])
    return door.detail_of(book, order)


async def cancel(call: Call[None, None]) -> OrderView:
    """The order as it stands once the request is durable: PENDING_CANCEL, or CANCELLED where it had not gone out."""
    door = call.service.door
    return door.view(await door.cancel(call.principal, call.path["order_id"]))


async def amend(call: Call[AmendOrder, None]) -> OrderView:
    """The order as it stands once the request is durable: PENDING_REPLACE."""
    door = call.service.door
    return door.view(await door.replace(call.principal, call.path["order_id"], call.body))


async def refresh(call: Call[None, None]) -> OrderView:
    """Ask the exchange. Its answers come as they come; the order is as it stands."""
    door = call.service.door
    return door.view(await door.refresh(call.principal, call.path["order_id"]))


async def approve(call: Call[Decision | None, None]) -> OrderView:
    """Let it go: price and risk are checked again, so it may be denied all the same. Your name is in its history."""
    door, said = call.service.door, await _read(call, Decision)
    return door.view(await door.approve(call.principal, call.path["order_id"], said.cause))


async def deny(call: Call[Decision | None, None]) -> OrderView:
    """The order ends, DENIED; your name and the cause are its reason."""
    door, said = call.service.door, await _read(call, Decision)
    return door.view(await door.deny(call.principal, call.path["order_id"], said.cause))


async def cancel_all(call: Call[CancelAllOrders | None, None]) -> CancelledAll:
    """Every working order of the caller's books, or of what is named. The body may be left out."""
    wanted = await _read(call, CancelAllOrders)
    service, principal = call.service, call.principal
    door, desk = service.door, service.desk
    named = door.named_book(principal, wanted.user_id, wanted.book)
    names = [named] if named is not None else [name for name in door.books.all() if principal.sees(name)]
    asked = []
    for name in names:
        for account, symbol in _scopes(call, name, wanted):
            state = desk.books[name].state
            working = state.working(account, symbol)
            ids = [order.order_id for order in working if order.status is not OrderStatus.PENDING_CANCEL]
            if ids:
                said = m.CancelAll(account=account, symbol=symbol, cause=wanted.cause or "cancel all")
                asked.append((name, ids, service.loop.put(name, said)))
    found: list[OrderView] = []
    for name, ids, future in asked:
        await future
        found += await service.loop.read(lambda name=name, ids=ids: _ended(call, name, ids))  # type: ignore[misc]
    return CancelledAll(books=names, orders=found)


async def _read(call: Call[Any, Any], record: type[S]) -> S:
    """A body that may be left out: over the stream it has been read already."""
    if call.body is not None:
        return cast("S", call.body)
    raw = await call.request.body()
    return decode(raw, record) if raw.strip() else record()


def _scopes(call: Call[Any, Any], book: str, wanted: CancelAllOrders) -> list[tuple[str, str]]:
    """(account, symbol) of each command that a book needs; "" for any."""
    state = call.service.desk.books[book].state
    accounts = [wanted.account]
    if wanted.account and wanted.account not in state.accounts:
        return []
    if wanted.exchange and not wanted.account:
        accounts = [name for name, one in state.accounts.items() if one.exchange == wanted.exchange.lower()]
    if not wanted.symbol:
        return [(account, "") for account in accounts]
    exchanges = {one.exchange for name, one in state.accounts.items() if name in accounts or accounts == [""]}
    symbols: dict[str, None] = {}
    for exchange in sorted(exchanges):
        symbols[call.service.door.books.symbol_of(wanted.symbol, book, exchange)] = None
    return [(account, symbol) for account in accounts for symbol in symbols]


def _ended(call: Call[Any, Any], book: str, ids: list[str]) -> list[OrderView]:
    state = call.service.desk.books[book].state
    found = []
    for order_id in ids:
        order = state.find(order_id)
        if order is not None and (order.status is OrderStatus.PENDING_CANCEL or order.status in DONE):
            found.append(call.service.door.view_of(book, snapshot(order)))
    return found


async def signal(call: Call[SignalRequest, None]) -> Result:
    """201 where it became an order, 200 where it became none, or had come before."""
    door = call.service.door
    book, command = await door.signal_command(call.principal, call.body)
    answer = await door.decide_signal(book, command)
    if (problem := door.denied(answer)) is not None:
        raise problem
    repeated = door.was_repeated(answer)
    view = door.view(answer) if answer.order is not None else None
    body = SignalAnswer(
        verdict="repeated" if repeated else "accepted", signal_id=command.signal.signal_id, book=book, order=view
    )
    return Result(body=body, status=201 if view is not None and not repeated else 200)


_SEED = {"symbol": "BTCUSDT", "side": "buy", "order_type": "market", "quantity": "0.001", "user_id": "user123"}

ROUTES = [
    Route(
        "POST",
        "/api/orders/create",
        create,
        scope="trade",
        body=CreateOrder,
        answers={201: OrderView, 200: OrderView, 403: None, 409: None, 422: None},
        summary="Place an order",
        example=_SEED,
        tag="orders",
    ),
    Route(
        "GET",
        "/api/orders/list",
        list_orders,
        query=ListOrders,
        answers={200: OrderList, 403: None, 422: None},
        summary="Orders, the newest first, page by page",
        example={"user_id": "user123", "symbol": "BTCUSDT", "status": "filled"},
        tag="orders",
    ),
    Route(
        "POST",
        "/api/orders/cancel-all",
        cancel_all,
        scope="trade",
        body=CancelAllOrders,
        raw=True,
        answers={200: CancelledAll, 403: None, 422: None},
        summary="Cancel every working order",
        example={"symbol": "BTCUSDT"},
        tag="orders",
    ),
    Route(
        "GET",
        "/api/orders/{order_id}",
        get_order,
        answers={200: OrderDetail, 404: None},
        summary="One order, by its id or its number",
        tag="orders",
    ),
    Route(
        "GET",
        "/api/orders/{order_id}/history",
        history,
        answers={200: OrderStory, 404: None},
        summary="Everything that has happened to an order",
        tag="orders",
    ),
    Route(
        "POST",
        "/api/orders/{order_id}/cancel",
        cancel,
        scope="trade",
        answers={200: OrderView, 404: None, 409: None},
        summary="Cancel an order",
        tag="orders",
    ),
    Route(
        "POST",
        "/api/orders/{order_id}/amend",
        amend,
        scope="trade",
        body=AmendOrder,
        answers={200: OrderView, 404: None, 409: None, 422: None},
        summary="Change an order's quantity or prices",
        example={"price": "49500.5"},
        tag="orders",
    ),
    Route(
        "POST",
        "/api/orders/{order_id}/refresh",
        refresh,
        scope="trade",
        answers={200: OrderView, 404: None},
        summary="Ask the exchange how an order stands",
        tag="orders",
    ),
    Route(
        "POST",
        "/api/orders/{order_id}/approve",
        approve,
        scope="trade",
        body=Decision,
        raw=True,
        answers={200: OrderView, 404: None, 409: None, 422: None},
        summary="Approve an order that waits for it",
        example={"cause": "checked with the desk"},
        tag="orders",
    ),
    Route(
        "POST",
        "/api/orders/{order_id}/deny",
        deny,
        scope="trade",
        body=Decision,
        raw=True,
        answers={200: OrderView, 404: None, 409: None, 422: None},
        summary="Deny an order that waits for approval",
        example={"cause": "too large"},
        tag="orders",
    ),
    Route(
        "POST",
        "/api/signals",
        signal,
        scope="trade",
        body=SignalRequest,
        answers={201: SignalAnswer, 200: SignalAnswer, 403: None, 422: None},
        summary="Say what you want; sizing and closing are done here",
        example={"symbol": "BTCUSDT", "action": "buy", "quantity": "0.001", "strategy": "dip"},
        tag="signals",
    ),
    *batch.ROUTES,
]
