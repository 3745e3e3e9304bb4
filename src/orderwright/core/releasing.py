"""A waiting order's wait is over: what it is now for, and the same checks again at the price of this moment.

An order that closes a position goes for what is held by now, the successor of an order that lingered for what is left
of that one, any other for what it says. Where nothing is left it ends here, withdrawn.
"""

from __future__ import annotations

import msgspec

from orderwright.core import messages as m
from orderwright.core import risk
from orderwright.core.collar import collared, over_at, remainder_of
from orderwright.core.exits import begins_at
from orderwright.core.groups import left_of
from orderwright.core.ids import is_order_id
from orderwright.core.model import Instruction, Instrument, Order, OrderStatus, Quote
from orderwright.core.placing import (
    Decision,
    check,
    closable_of,
    count_of_window,
    counts,
    denied,
    fresh,
    market_of,
    next_place,
    over_window,
    queue_full,
    shape,
    to_next_second,
)
from orderwright.core.reasons import Reason, Refusal
from orderwright.core.requests import by_quantity, priced_as, send_order
from orderwright.core.sizing import Sized, closing_order, size
from orderwright.core.state import State, is_quiet
from orderwright.core.transitions import CUT_SHORT

AT_ONCE = frozenset({"cancels", "parent", "retry", "entry"})
"""What waited for other orders to end is not held back by a rate."""
FOLLOWS = frozenset({"parent", "retry"})
"""What takes the place of an order that has ended."""


def release(
    state: State, order: Order, now: int, *, approval: str = "", wanted: Instruction | m.AnyOrderEvent | None = None
) -> Decision:
    """A waiting order's wait is over: size and check it again, at the price of this moment, and send it, or let it
    wait on for the next second. approval: who approved it, where it waited for that. wanted: what it is now for, where
    that is known already."""
    said = instruction = order.instruction
    found = market_of(state, instruction.account, instruction.symbol)
    if isinstance(found, Refusal):
        return [denied(order.order_id, found, now)], []
    account, instrument, quote = found
    quote = fresh(state, quote, now)
    wanted = wanted if wanted is not None else _left_to_do(state, order, instrument, quote, now)
    if not isinstance(wanted, Instruction):
        return [wanted], []
    instruction = wanted
    misshapen = shape(state, instruction, now) if not order.wait_for else None  # its denial was cut off the log
    if misshapen is None:
        instruction = collared(state.settings, instruction, instrument, quote)
    sized = misshapen or size(instruction, instrument, account, quote)
    refusal_now = (
        sized if isinstance(sized, Refusal) else check(state, instruction, sized, account, instrument, quote, now)
    )
    if refusal_now is not None:
        return [denied(order.order_id, refusal_now, now)], []
    assert isinstance(sized, Sized)
    if order.wait_for not in AT_ONCE and (waits := _waits_on(state, order, now)) is not None:
        is_delay = approval and isinstance(waits, m.OrderDelayed)
        return [msgspec.structs.replace(waits, cause=approval) if is_delay else waits], []
    sized = risk.margined(state, instruction, sized, instrument, sized.quantity)
    today, this_second = counts(state, now)
    at_collar = instruction.type is not said.type
    remainder = remainder_of(state.settings, said) if at_collar else ""
    event = m.RequestSubmitted(
        time=now,
        order_id=order.order_id,
        number=0,
        request="new",
        sign_at=now,
        lifetime_ms=account.traits.lifetime_ms,
        quantity=sized.quantity,
        price=instruction.price if instruction.price != said.price else None,
        stop_price=instruction.stop_price if instruction.stop_price != said.stop_price else None,
        unit_cost=sized.unit_cost,
        arrival=quote.mid if quote is not None else None,
        cause=approval or order.wait_for,
        today=today,
        this_second=this_second,
        remainder=remainder,
        until=(order.until or over_at(state.settings, remainder, now)) if remainder else None,
        this_window=count_of_window(state, now),
    )
    if at_collar:
        sent = by_quantity(instruction, sized.quantity)
    else:
        sent = priced_as(said, event.price or said.price, event.stop_price or said.stop_price)
    return [event], [send_order(sent, account, sized.quantity, order.expire_at, now, event.lifetime_ms)]


def _waits_on(state: State, order: Order, now: int) -> m.AnyOrderEvent | None:
    """What holds back an order whose own wait is over: a log that was taken over, the next second, the rate."""
    settings, quiet_until = state.settings, state.controls.quiet_until
    if is_quiet(state, now) and quiet_until is not None:
        return m.OrderDelayed(time=now, order_id=order.order_id, wait_for="quiet", wait_until=quiet_until)
    over_rate = risk.over_rate(state, now)  # it only reduces: what adds was refused just now
    if settings.rate_limit_orders is None:
        return to_next_second(order.order_id, now) if over_rate else None
    if not (over_rate or over_window(state, now) or _must_queue(state, order)):
        return None
    if order.wait_for == "queue":  # it keeps its place, and the time by which it is over
        waits = m.OrderDelayed(time=now, order_id=order.order_id, wait_for="queue", wait_until=order.wait_until or now)
        return msgspec.structs.replace(waits, place=order.place)
    if (full := queue_full(state)) is not None:
        return denied(order.order_id, full, now)
    until = now + 1_000 * settings.execution_timeout_ms
    place = next_place(state)
    return m.OrderDelayed(time=now, order_id=order.order_id, wait_for="queue", wait_until=until, place=place)


def _must_queue(state: State, order: Order) -> bool:
    """Whether others were there before it."""
    first = next(iter(state.queue), order.order_id)
    return first != order.order_id


def _left_to_do(
    state: State, order: Order, instrument: Instrument, quote: Quote | None, now: int
) -> Instruction | m.AnyOrderEvent:
    """What a waiting order is for, now that its wait is over: a closing order for what is held, the successor of an
    order for what is left of that one, any other for what it says. Or how it ends, where nothing is left."""
    instruction = order.instruction
    if instruction.trail is not None and order.stop_price is None and order.wait_for not in FOLLOWS:
        stop_price = begins_at(instruction, quote, instrument.tick_size)
        if isinstance(stop_price, Refusal):
            return denied(order.order_id, stop_price, now)
        instruction = msgspec.structs.replace(instruction, stop_price=stop_price)
    if instruction.group and order.wait_for not in FOLLOWS and instruction.group in state.groups:
        left = left_of(state, order, state.groups[instruction.group])
        if left <= 0:
            return _nothing_left(order, Reason.NOTHING_LEFT, "its group has filled", quote, now)
        return msgspec.structs.replace(instruction, quantity=min(left, instruction.quantity or left))
    if order.wait_for in FOLLOWS:
        parent = state.find(instruction.parent_id)
        group = state.groups.get(instruction.group) if instruction.group else None
        room = left_of(state, order, group) if group is not None else None
        if room is not None and room <= 0:
            return _nothing_left(order, Reason.NOTHING_LEFT, "its group has filled", quote, now)
        if room is not None and is_order_id(instruction.group):  # an exit's heir: all that is left
            return msgspec.structs.replace(instruction, quantity=room)
        cause = "nothing of the order before it was left"
        if parent is not None and parent.quantity > parent.filled:
            if parent.status is OrderStatus.CANCELLED or (order.attempt and parent.status in CUT_SHORT):
                rest = parent.quantity - parent.filled
                return msgspec.structs.replace(instruction, quantity=rest if room is None else min(rest, room))
            cause = f"the order before it is {parent.status}"  # it ended otherwise than by its cancel
        return _nothing_left(order, Reason.NOTHING_LEFT, cause, quote, now)
    if order.wait_for != "cancels":
        return instruction
    held = closable_of(state, instruction.account, instruction.symbol)
    if abs(held) < instrument.step_size:
        return _nothing_left(order, Reason.NOTHING_TO_CLOSE, "nothing was left to close", quote, now)
    closing = closing_order(instruction.account, instruction.symbol, order.order_id, held, instrument.step_size)
    if closing.side is instruction.side:
        return closing
    refusal = Refusal(Reason.NOTHING_TO_CLOSE, "the position turned while its orders were cancelled")
    return denied(order.order_id, refusal, now)


def _nothing_left(order: Order, reason: Reason, cause: str, quote: Quote | None, now: int) -> m.OrderWithdrawn:
    mid = quote.mid if quote is not None else None
    cancelled = OrderStatus.CANCELLED
    return m.OrderWithdrawn(time=now, order_id=order.order_id, status=cancelled, reason=reason, cause=cause, mid=mid)
