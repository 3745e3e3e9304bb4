"""From what a journal kept to the state of a book again.

Replaying every event would give it too, but would cost what ever happened. Instead each field of the durable state
names the rows that restore it:

| field | rows |
| --- | --- |
| sequence, now | the book's last row |
| settings, accounts, instruments, day, controls, priced | the newest row of each control |
| dead | the newest row of each slot of orders that are looked up again |
| users, api_keys, revoked | the newest row of each user, and the rows of each key |
| day.moved | the cash rows since the newest day_started |
| controls' counters | the newest row of an order that went out (`today`, `this_second`, `this_window`) |
| orders | the rows of each order that is not finished, folded by the lifecycle |
| balances, positions | the newest ledger and position row of each |
| last_order_id | the greatest order id of the book |
| exposures, interest, watched, routes, closing, succeeded | all of the above |
| queue, groups, bracketed, trailing, timers | all of the above |
| finished, keys, market, best | caches and views: the journal and the market bring them back when asked |
| unsettled | every group is looked at once |
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from orderwright.core import groups, lifecycle
from orderwright.core import messages as m
from orderwright.core.evolve import evolve, interest_in
from orderwright.core.model import SECOND, Balance, Order, OrderSide, OrderStatus, Position
from orderwright.core.state import Exposure, State, follow, set_timer, watch


class Kept(Protocol):
    """What a journal hands over: see `orderwright.ports.OpenState`."""

    @property
    def sequence(self) -> int: ...
    @property
    def time(self) -> int: ...
    @property
    def orders(self) -> list[list[m.AnyOrderEvent]]: ...
    @property
    def balances(self) -> dict[tuple[str, str], Balance]: ...
    @property
    def positions(self) -> dict[tuple[str, str], Position]: ...
    @property
    def controls(self) -> list[m.AnyEvent]: ...
    @property
    def moved(self) -> dict[tuple[str, str], Decimal]: ...
    @property
    def last_order_id(self) -> str: ...


def order_from(events: Sequence[m.AnyOrderEvent]) -> Order:
    """One order from its own events, oldest first."""
    first = events[0]
    assert isinstance(first, m.OrderReceived)
    order = lifecycle.received(first)
    for event in events[1:]:
        lifecycle.apply(order, event)
    return order


def restore(book: str, kept: Kept) -> State:
    """The state of a book as it was when its last row was written."""
    state = State(book=book)
    for event in kept.controls:
        if isinstance(event, m.OrderReceived | m.RequestSubmitted):
            controls = state.controls
            controls.orders_today = event.today or 0
            controls.second, controls.orders_this_second = event.time // SECOND, event.this_second or 0
            controls.sent_at, controls.orders_this_window = event.time, event.this_window or 0
        else:
            evolve(state, event)
    if state.day is not None:
        state.day.moved = dict(kept.moved)
    state.balances, state.positions = dict(kept.balances), dict(kept.positions)
    for events in kept.orders:
        order = order_from(events)
        state.orders[order.order_id] = order
    state.last_order_id = kept.last_order_id
    state.sequence, state.now = kept.sequence, kept.time
    derive(state)
    return state


def derive(state: State) -> None:
    """Rebuild what follows from the rest: exposures, who waits for whom, whose price is watched, timers."""
    state.exposures = {key: Exposure() for key in state.positions}
    waiting = [order for order in state.orders.values() if order.wait_for == "queue"]
    state.queue = {order.order_id: None for order in sorted(waiting, key=lambda order: order.place)}
    for order in state.orders.values():
        key = (order.instruction.account, order.instruction.symbol)
        if order.status is OrderStatus.PENDING:
            if order.wait_for == "cancels":
                state.closing[key] = order.order_id
            elif order.wait_for in ("parent", "retry"):
                state.succeeded[order.instruction.parent_id] = order.order_id
        else:
            exposure = state.exposures.setdefault(key, Exposure())
            exposure.orders += 1
            interest_in(state, order).orders += 1
            if not order.instruction.group:
                _expose(exposure, order, order.exposed)
        if order.instruction.trail is not None:
            follow(state, order)
        groups.touch(state, order)
        watch(state, order)
        set_timer(state, order)
    for group in state.groups.values():
        groups.newly_reserved(state, group)
        if groups.newly_exposed(state, group):
            one = next(order for order in group.members.values() if order.exposed)
            exposure = state.exposures[one.instruction.account, one.instruction.symbol]
            _expose(exposure, one, group.exposed)


def _expose(exposure: Exposure, order: Order, quantity: Decimal) -> None:
    if order.instruction.side is OrderSide.BUY:
        exposure.buy += quantity
    else:
        exposure.sell += quantity
