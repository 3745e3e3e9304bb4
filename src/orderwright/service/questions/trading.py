"""The trading state of each book (the kill switch), and its limits with what of them is used.

- active: everything goes. reducing: only what reduces a position. halted: only cancels.
- A book's own state is its owner's to set; all books at once is the operator's. It stays until it is set again, or
  until the time that was given.
- What an operator (a key that sees every book) has stopped, only an operator loosens; the owner may stop it further.
  Who set it is kept by the service (`by`, `held`): a cause is what anybody writes, and decides nothing.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from orderwright.core import messages as m
from orderwright.core.model import TradingState
from orderwright.core.numbers import EXACT, ZERO, divided, rounded
from orderwright.core.risk import NoPrice, daily_loss, equity, gross_value
from orderwright.core.state import State
from orderwright.errors import InputError
from orderwright.executors.words import time_of, word_of
from orderwright.service.orders.listing import books_asked
from orderwright.service.parts import Call, Problem, Service
from orderwright.service.routing import Route
from orderwright.service.views import iso_or_none, shown
from orderwright.service.wanted import Short, When


class AskState(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one book; of all that the key sees where none is named."""

    book: Short = ""


class SetState(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """state: active, reducing or halted. cause: what others are told. until: when it goes back to active by itself."""

    state: Short
    cause: Short = ""
    until: When | None = None


class BookState(Struct, frozen=True, kw_only=True):
    """How a book may trade, and why. by: who set it; None where it was set by itself. held: what an operator holds the
    book to, which only an operator loosens; None where none does."""

    book: str
    state: str
    cause: str | None
    until: str | None
    by: str | None
    held: str | None


class BookStates(Struct, frozen=True, kw_only=True):
    """By book."""

    books: list[BookState]


class LimitUse(Struct, frozen=True, kw_only=True):
    """A limit, what of it is used now, and the share; used is None where it cannot be told now (no price), or where the
    limit is one order's. symbol: of what the limit counts by symbol."""

    limit: str
    value: str
    used: str | None = None
    share: str | None = None
    symbol: str | None = None


class BookLimits(Struct, frozen=True, kw_only=True):
    """A book's limits in its currency. equity: now; None where a price is missing."""

    book: str
    currency: str
    equity: str | None
    limits: list[LimitUse]


class Limits(Struct, frozen=True, kw_only=True):
    """By book."""

    books: list[BookLimits]


async def get_states(call: Call[None, AskState]) -> BookStates:
    """The trading state of the books that the key sees."""
    service = call.service
    names = _names(call, call.query.book)
    return await service.loop.read(lambda: BookStates(books=[_state(service, name) for name in names]))


async def set_state(call: Call[SetState, None]) -> BookState:
    """Of one book."""
    book = call.path["book"]
    if not call.principal.sees(book) or book not in call.service.door.books.all():
        raise Problem(404, "unknown_book", "no such book", field="book", value=book)
    return (await _set(call, [book]))[0]


async def set_all(call: Call[SetState, None]) -> BookStates:
    """Of every book: the operator's kill switch."""
    if call.principal.books is not None:
        raise Problem(403, "not_yours", "all books at once are the operator's: name one of yours", field="book")
    return BookStates(books=await _set(call, call.service.door.books.all()))


async def _set(call: Call[SetState, None], names: list[str]) -> list[BookState]:
    wanted, service = call.body, call.service
    until = time_of(wanted.until, "until")
    if until is not None and until <= service.door.clock.now():
        raise InputError("that time has passed", field="until", value=str(wanted.until))
    state = word_of(wanted.state, "state", TradingState)
    user = call.principal.user
    role: Literal["owner", "operator"] = "operator" if call.principal.books is None else "owner"
    cause = wanted.cause or f"set by {user}"
    said = m.SetTradingState(state=state, cause=cause, until=until, by=user, role=role)
    for future in [service.loop.put(name, said) for name in names]:
        reply = (await future).reply
        if reply is not None and reply.refusal is not None:
            told = reply.refusal
            raise Problem(403, "not_yours", told.rule, field=told.field, value=told.value, nearest=told.nearest)
    return await service.loop.read(lambda: [_state(service, name) for name in names])


def _names(call: Call[None, AskState], book: str) -> list[str]:
    seen = books_asked(call.service, call.principal, "", book)
    return [name for name in call.service.door.books.all() if seen is None or name in seen]


def _state(service: Service, name: str) -> BookState:
    controls = service.desk.books[name].state.controls
    held = controls.held(service.door.clock.now())
    return BookState(
        book=name,
        state=controls.trading.value,
        cause=controls.cause or None,
        until=iso_or_none(controls.until),
        by=controls.by or None,
        held=None if held is None else held.state.value,
    )


async def limits(call: Call[None, AskState]) -> Limits:
    """What may be done, and how much of it is used."""
    service = call.service
    names, now = _names(call, call.query.book), service.door.clock.now()

    def look() -> Limits:
        with decimal.localcontext(EXACT):
            return Limits(books=[_limits(name, service.desk.books[name].state, now) for name in names])

    return await service.loop.read(look)


def _limits(name: str, state: State, now: int) -> BookLimits:
    set_to = state.settings.limits
    found = [
        LimitUse(limit=limit, value=str(shown(value)))
        for limit in ("max_order_value", "min_order_value", "max_symbol_position_value")
        if (value := getattr(set_to, limit)) is not None
    ]
    if set_to.max_position_value is not None:
        found.append(_use("max_position_value", set_to.max_position_value, _known(lambda: gross_value(state, now))))
    if set_to.max_daily_loss is not None:
        loss = _known(lambda: daily_loss(state, now)) if state.day is not None else ZERO
        found.append(_use("max_daily_loss", set_to.max_daily_loss, None if loss is None else max(loss, ZERO)))
    if set_to.max_daily_orders is not None:
        found.append(_use("max_daily_orders", Decimal(set_to.max_daily_orders), Decimal(state.controls.orders_today)))
    if set_to.max_orders_per_second is not None:
        same = state.controls.second == now // 1_000_000
        used = Decimal(state.controls.orders_this_second if same else 0)
        found.append(_use("max_orders_per_second", Decimal(set_to.max_orders_per_second), used))
    if set_to.max_open_orders_per_symbol is not None:
        most: dict[str, int] = {}
        for (_, symbol), exposure in state.exposures.items():
            most[symbol] = most.get(symbol, 0) + exposure.orders
        for symbol, orders in sorted(most.items()) or [("", 0)]:
            cap = Decimal(set_to.max_open_orders_per_symbol)
            found.append(_use("max_open_orders_per_symbol", cap, Decimal(orders), symbol or None))
    worth = _known(lambda: equity(state, now)[0])
    return BookLimits(book=name, currency=state.settings.currency, equity=shown(worth), limits=found)


def _use(limit: str, value: Decimal, used: Decimal | None, symbol: str | None = None) -> LimitUse:
    share = None if used is None or not value else shown(rounded(divided(used, value), 4))
    return LimitUse(limit=limit, value=str(shown(value)), used=shown(used), share=share, symbol=symbol)


def _known(look: Callable[[], Decimal]) -> Decimal | None:
    try:
        return look()
    except NoPrice:
        return None


_EXAMPLE = {"state": "halted", "cause": "prices look wrong"}
ROUTES = [
    Route(
        "GET",
        "/api/trading-state",
        get_states,
        query=AskState,
        answers={200: BookStates, 403: None, 422: None},
        summary="Trading state by book",
        tag="trading",
    ),
    Route(
        "POST",
        "/api/trading-state",
        set_all,
        scope="admin",
        body=SetState,
        answers={200: BookStates, 403: None, 422: None},
        summary="The kill switch of all books",
        example=_EXAMPLE,
        tag="trading",
    ),
    Route(
        "POST",
        "/api/trading-state/{book}",
        set_state,
        scope="trade",
        body=SetState,
        answers={200: BookState, 404: None, 422: None},
        summary="The kill switch of one book",
        example=_EXAMPLE,
        tag="trading",
    ),
    Route(
        "GET",
        "/api/limits",
        limits,
        query=AskState,
        answers={200: Limits, 403: None, 422: None},
        summary="Limits, with what of them is used",
        tag="trading",
    ),
]

__all__ = ["ROUTES"]
