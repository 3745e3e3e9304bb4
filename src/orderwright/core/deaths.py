"""An order that was called dead is looked up again for a day, should it appear after all.

Its venue, or an operator, may have been wrong. What the venue then shows revives the order (`reports`), as any word of
life does.

Not where a denial is final (the simulated exchange), and not for what its own process certainly did not send.
"""

from __future__ import annotations

from msgspec import structs

from orderwright.core import messages as m
from orderwright.core.model import DAY, MINUTE, Order, OrderStatus
from orderwright.core.state import State

ASKED_AFTER = (MINUTE, 10 * MINUTE, 60 * MINUTE, 360 * MINUTE, DAY)
"""How long after its death an order is asked about, in microseconds."""


def watched(state: State, order: Order, death: m.RequestDead, now: int) -> list[m.AnyEvent]:
    """The death of a request, and before it the watch over its order where it takes that with it."""
    account = state.accounts[order.instruction.account]
    if death.number or account.traits.final_denial:
        return [death]
    taken = {watch.slot for order_id, watch in state.dead.items() if order_id != order.order_id}
    known = state.dead.get(order.order_id)
    slot = known.slot if known is not None else next(free for free in range(len(taken) + 1) if free not in taken)
    watch = m.DeadWatched(
        time=now,
        order_id=order.order_id,
        account=account.account,
        symbol=order.instruction.symbol,
        slot=slot,
        since=now,
        ask_at=now + ASKED_AFTER[0],
    )
    return [watch, death]


def next_question(state: State) -> int | None:
    """When the next of the dead is asked about, in microseconds."""
    return min((watch.ask_at for watch in state.dead.values() if watch.ask_at is not None), default=None)


def asked_again(state: State, now: int) -> tuple[list[m.AnyEvent], list[m.AnyAction]]:
    """Ask about those that are due; one that lives again is watched no more."""
    events: list[m.AnyEvent] = []
    actions: list[m.AnyAction] = []
    for watch in state.dead.values():
        if watch.ask_at is None or watch.ask_at > now:
            continue
        order = state.find(watch.order_id)
        if order is not None and order.status is not OrderStatus.REJECTED:
            events.append(structs.replace(watch, time=now, ask_at=None))
            continue
        later = next((after for after in ASKED_AFTER if watch.since + after > now), None)
        ask_at = watch.since + later if later is not None else None
        events.append(structs.replace(watch, time=now, asked=watch.asked + 1, ask_at=ask_at))
        exchange = state.accounts[watch.account].exchange
        actions.append(
            m.AskOrder(order_id=watch.order_id, account=watch.account, exchange=exchange, symbol=watch.symbol, number=0)
        )
    return events, actions
