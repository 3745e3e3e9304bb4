"""What is done for orders that belong together (`contingent` says when), and what somebody is told of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec

from orderwright.core import messages as m
from orderwright.core.changing import asked_for, cancel, replace_order
from orderwright.core.groups import (
    MARKET,
    RULE,
    STOP,
    TARGET,
    brought,
    left_of,
)
from orderwright.core.ids import is_order_id
from orderwright.core.model import (
    DONE,
    RECANCEL,
    Bracket,
    Instruction,
    Order,
    OrderStatus,
    OrderType,
)
from orderwright.core.numbers import ZERO, text
from orderwright.core.placing import Decision, received
from orderwright.core.reasons import Reason
from orderwright.core.releasing import release
from orderwright.core.sizing import priced
from orderwright.core.state import Group, State
from orderwright.core.trailing import pass_on

TOO_SMALL = (Reason.QUANTITY_TOO_SMALL, Reason.VALUE_TOO_SMALL)
TYPES = {STOP: OrderType.STOP_LOSS, TARGET: OrderType.LIMIT, MARKET: OrderType.MARKET}


class Act(NamedTuple):
    """What one order of a group needs, not before a time (microseconds; 0 is at once)."""

    do: Literal["make", "send", "cancel", "replace", "pass", "withdraw"]
    order_id: str
    at: int = 0
    order: Order | None = None
    role: str = ""
    quantity: Decimal = ZERO
    price: Decimal | None = None
    stop_price: Decimal | None = None


def bracket_of(entry: Order) -> Bracket:
    assert entry.instruction.bracket is not None
    return entry.instruction.bracket


# What is done


def perform(state: State, group: Group, act: Act, now: int) -> Decision:
    order = act.order
    if act.do == "make":
        assert group.entry is not None
        return [_made(state, group.entry, act, now)], []
    assert order is not None
    if act.do == "send":
        return _send(state, order, act, now)
    if act.do == "replace":
        return _replace(state, order, act, now)
    if act.do == "pass":
        return pass_on(state, order, now, price=act.price, stop_price=act.stop_price)
    if act.do == "withdraw":
        event, actions = cancel(state, order, now, "close")
        return [event], actions
    event, actions = cancel(state, order, now, "nothing is left for it", RULE)
    if isinstance(event, m.OrderWithdrawn):
        return [msgspec.structs.replace(event, reason=Reason.NOTHING_LEFT)], actions
    left = left_of(state, order, group)
    if left > 0:
        actions = [*actions, _alert(f"order {order.order_id}: {text(left)} is too small to ask for, it is cancelled")]
    return [event], actions


def _made(state: State, entry: Order, act: Act, now: int) -> m.OrderReceived:
    """An exit, which waits for what its entry fills."""
    said, instrument = entry.instruction, state.instrument_of(entry)
    account, bracket = state.accounts[said.account], bracket_of(entry)
    exit_order = Instruction(
        order_id=act.order_id,
        account=said.account,
        symbol=said.symbol,
        side=said.side.opposite,
        type=TYPES[act.role],
        quantity=act.quantity or entry.quantity,
        price=bracket.take_profit if act.role == TARGET else None,
        stop_price=bracket.stop_loss if act.role == STOP and bracket.trail is None else None,
        reduce_only=True,
        exchange=said.exchange,
        user=said.user,
        strategy=said.strategy,
        episode=said.episode,
        source=said.source,
        signal_id=said.signal_id,
        parent_id=entry.order_id,
        group=entry.order_id,
        trail=bracket.trail if act.role == STOP else None,
    )
    sized = priced(act.quantity or entry.quantity, exit_order.side, None, instrument, account)
    quote = state.quote(account.exchange, said.symbol, now)
    return received(state, exit_order, account, sized, quote, "entry", None, now)


def _send(state: State, order: Order, act: Act, now: int) -> Decision:
    """An exit's wait is over."""
    wanted = msgspec.structs.replace(
        order.instruction, quantity=act.quantity, price=act.price, stop_price=act.stop_price
    )
    return released(state, order, release(state, order, now, wanted=wanted), now, act.quantity)


def released(state: State, order: Order, decision: Decision, now: int, quantity: Decimal | None = None) -> Decision:
    """What becomes of an order that protects, or closes, where it was denied: an exit that is large enough waits and
    is tried again. Somebody is told. quantity: how much it was for, in base units; None is what it said."""
    events, actions = decision
    refused = next((event for event in events if isinstance(event, m.OrderDenied)), None)
    if refused is None:
        return decision
    name, much = order.order_id, text(quantity if quantity is not None else order.quantity)
    if not is_order_id(order.instruction.group):
        return events, [*actions, _alert(f"order {name} was denied, {much} stays as it is: {refused.rule}")]
    if refused.reason in TOO_SMALL:
        words = f"order {name}: an exit was denied, {much} is not protected: {refused.rule}"
        return events, [*actions, _alert(words)]
    until = now + _pause(state, order, now)
    waits = m.OrderDelayed(time=now, order_id=name, wait_for="entry", wait_until=until)
    if order.wait_for == "entry" and order.wait_until is not None:  # it was told before
        return [waits], []
    return [waits], [_alert(f"order {name}: an exit cannot go out, {much} is not protected: {refused.rule}")]


def _pause(state: State, order: Order, now: int) -> int:
    """How long until an exit is tried again: the longer ago its entry filled, the longer; an hour at most."""
    entry = state.groups[order.instruction.group].entry
    since = entry.last_fill_at if entry is not None and entry.last_fill_at is not None else now
    return min(max(RECANCEL, now - since), 60 * RECANCEL)


def _replace(state: State, order: Order, act: Act, now: int) -> Decision:
    command = m.ReplaceOrder(
        order_id=order.order_id,
        quantity=act.quantity if act.quantity != asked_for(order)[0] else None,
        price=act.price,
        stop_price=act.stop_price,
        cause="what is left has changed",
    )
    events, actions = replace_order(state, command, now, RULE)
    if events:
        return events, actions
    why = str(next((said.refusal for said in actions if isinstance(said, m.Reply)), ""))
    mid = state.mid_of(order, now)
    lingered = m.OrderLingered(time=now, order_id=order.order_id, rule=RULE, why=why, mid=mid)
    if RULE in order.lingered:  # it was told before
        return [lingered], []
    return [lingered], [_alert(f"order {order.order_id} cannot be brought to {text(act.quantity)}: {why}")]


# What somebody is told


def told(state: State, order: Order, events: list[m.AnyEvent]) -> list[m.AnyAction]:
    """Alerts for what a report says of an order that belongs with others; before its events are taken in."""
    alerts: list[m.AnyAction] = []
    group = state.groups.get(order.instruction.group)
    is_exit = group is not None and group.entry is not None
    for event in events:
        match event:
            case m.OrderFilled() if group is not None:
                most = _most(state, group)
                if (filled := group.filled + event.execution.quantity) > most:
                    alerts.append(
                        _alert(
                            f"the orders of group {order.instruction.group} filled {text(filled)}, "
                            f"more than {text(most)}"
                        )
                    )
            case m.OrderRejected(message=message) if is_exit:
                alerts.append(_alert(f"exit {order.order_id} was refused by the exchange: {message}"))
            case m.RequestRefused(number=number, message=message) if _is_first_refusal(order, number):
                asked = order.requests[number].quantity or ZERO
                words = f"order {order.order_id} was not brought to {text(asked)}: the exchange refused it: {message}"
                alerts.append(_alert(words))
            case m.RequestDead(number=0) if is_exit:
                alerts.append(_alert(f"exit {order.order_id} never reached the exchange"))
            case m.OrderEnded(status=status) if (
                is_exit and status is not OrderStatus.FILLED and not _we_cancelled(order)
            ):
                alerts.append(_alert(f"exit {order.order_id} was ended by the exchange: {status}"))
    return alerts


def _most(state: State, group: Group) -> Decimal:
    if group.entry is not None:
        return brought(group.entry, state.instrument_of(group.entry))
    return max(one.instruction.quantity or ZERO for one in group.members.values())


def _is_first_refusal(order: Order, number: int) -> bool:
    """Whether this is a replace of ours, and the one before it was not refused too: that has been told."""
    ours = [request for request in order.requests if request.kind == "replace" and request.rule == RULE]
    if order.requests[number] not in ours or order.status in DONE:
        return False
    before = [request for request in ours if request.number < number]
    return not before or before[-1].state != "refused"


def _we_cancelled(order: Order) -> bool:
    return any(request.kind == "cancel" for request in order.requests)


def _alert(words: str) -> m.RaiseAlert:
    return m.RaiseAlert(topic="group", text=words)
