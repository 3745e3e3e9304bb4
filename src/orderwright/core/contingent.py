"""Orders that belong together: what is done so that each asks for no more than is left. Who they are and how much is
left, `groups` says; where exits stand, `exits`; how a stop follows the market, `trailing`.

It is a comparison, not a reaction: whenever something has happened to one of a group (`State.unsettled`) each of its
orders is held against what it should be, and the first difference becomes one act; then it is looked at again. So a
restart, or a log that was cut anywhere, comes to the same end, and nothing is counted up.

- Exits are made with their entry, before it can fill: they wait, PENDING, for `entry`. With `arm: fill` each goes out
  at the first fill and is replaced at each further one; with `full` when the entry has ended with fills. They only
  reduce, so no limit refuses them but HALTED, under which they wait.
- What one of a group fills the others no longer ask for: they are replaced down, and cancelled when nothing is left.
  An order of a group that ends otherwise (cancelled, expired, rejected) leaves the others as they are.
- Where more is left again (the entry filled on, a bust) an exit that had filled or that we had ended gets a successor.
  One that a user cancelled or the exchange ended does not.
- What is too small for the exchange waits for more; when no more can come it is denied, and a resting order for so
  little is cancelled. Somebody is told.
- A stop that the exchange refuses leaves a position unprotected: somebody is told, and a market order takes its place.
- Cancelling an entry leaves the exits of what it has filled. `close` cancels exits like all orders of the symbol.
- Two orders of a group may both fill before the cancel of one arrives. A fill always counts; somebody is told.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec

from orderwright.core import messages as m
from orderwright.core.changing import asked_for, cancel, replace_order
from orderwright.core.exits import has_stop, has_target, stop_of, target_of
from orderwright.core.groups import (
    AGAIN,
    HEIR,
    MARKET,
    RULE,
    STOP,
    TARGET,
    brought,
    exit_id,
    left_of,
)
from orderwright.core.ids import is_order_id
from orderwright.core.model import (
    DONE,
    MAX_REQUESTS,
    RECANCEL,
    Bracket,
    Instruction,
    Instrument,
    Order,
    OrderStatus,
    OrderType,
    TradingState,
)
from orderwright.core.numbers import ZERO, text
from orderwright.core.patience import may_act
from orderwright.core.placing import Decision, received
from orderwright.core.reasons import Reason
from orderwright.core.releasing import release
from orderwright.core.sizing import priced
from orderwright.core.state import Group, State

TYPES = {STOP: OrderType.STOP_LOSS, TARGET: OrderType.LIMIT, MARKET: OrderType.MARKET}


class Act(NamedTuple):
    """What one order of a group needs, not before a time (microseconds; 0 is at once)."""

    do: Literal["make", "send", "cancel", "replace"]
    order_id: str
    at: int = 0
    order: Order | None = None
    role: str = ""
    quantity: Decimal = ZERO
    price: Decimal | None = None
    stop_price: Decimal | None = None


def next_look(state: State) -> int | None:
    """When the next act is due, in microseconds; None where every group is as it should be."""
    times = []
    for name in list(state.unsettled):
        act = _next_act(state, state.groups[name])
        if act is not None:
            times.append(act.at)
            continue
        del state.unsettled[name]
        if state.groups[name].is_over:
            del state.groups[name]
    return min(times, default=None)


def settle(state: State, now: int) -> Decision:
    """The next act that is due; nothing where none is."""
    for name in state.unsettled:
        group = state.groups[name]
        act = _next_act(state, group)
        if act is not None and act.at <= now:
            return _perform(state, group, act, now)
    return [], []


# What is missing


def _next_act(state: State, group: Group) -> Act | None:
    """The most urgent of what a group's orders need."""
    acts = [act for order in group.members.values() if (act := _needs(state, group, order)) is not None]
    if group.entry is not None:
        acts += _to_make(state, group, group.entry)
    return min(acts, key=lambda act: act.at) if acts else None


def _needs(state: State, group: Group, order: Order) -> Act | None:
    """What makes this order ask for what is left, and no more."""
    if order.status in DONE or order.ending is not None:
        return None
    said = order.instruction
    if group.entry is None and is_order_id(said.group):
        return None  # its entry is not at hand
    left = left_of(state, order, group)
    if order.status is OrderStatus.PENDING:
        return _needs_waiting(state, group, order, left)
    if left <= 0:
        return _to_cancel(order)
    if not may_act(order) or said.type is OrderType.MARKET or state.controls.trading is TradingState.HALTED:
        return None
    return _to_resize(state, group, order, left)


def _needs_waiting(state: State, group: Group, order: Order, left: Decimal) -> Act | None:
    entry = group.entry
    waits = order.wait_for == "entry" and entry is not None
    over = entry is None or entry.status in DONE
    if left <= 0:
        return Act("cancel", order.order_id, order=order) if over or not waits else None
    if not waits or entry is None or state.controls.trading is TradingState.HALTED:
        return None
    price, stop_price = _prices_of(entry, order, state.instrument_of(order))
    armed = over or (_bracket(entry).arm == "fill" and not _is_too_small(state, order, left, price or stop_price))
    if not armed:
        return None
    return Act("send", order.order_id, order=order, quantity=left, price=price, stop_price=stop_price)


def _to_cancel(order: Order) -> Act | None:
    last = order.requests[-1]
    if len(order.requests) >= MAX_REQUESTS or any(it.kind == "cancel" and it.in_flight for it in order.requests):
        return None
    return Act("cancel", order.order_id, last.sign_at + RECANCEL if last.kind == "cancel" else 0, order)


def _to_resize(state: State, group: Group, order: Order, left: Decimal) -> Act | None:
    """Bring quantity and, for an exit whose price goes with the entry's, the price in line."""
    quantity, price, stop_price = asked_for(order)
    wanted = order.filled + left
    new_price, new_stop = price, stop_price
    if group.entry is not None and order.instruction.trail is None and not _was_moved(order):
        new_price, new_stop = _prices_of(group.entry, order, state.instrument_of(order))
    if wanted == quantity and (new_price, new_stop) == (price, stop_price):
        return None
    at = order.lingered[RULE][0] + RECANCEL if RULE in order.lingered else 0
    last = order.requests[-1]
    if last.rule == RULE and last.state in ("refused", "dead"):
        at = max(at, last.sign_at + RECANCEL)
    if _is_too_small(state, order, left, new_price or new_stop):
        return Act("cancel", order.order_id, at, order)
    return Act(
        "replace",
        order.order_id,
        at,
        order,
        quantity=wanted,
        price=new_price if new_price != price else None,
        stop_price=new_stop if new_stop != stop_price else None,
    )


def _was_moved(order: Order) -> bool:
    """Whether somebody has given this exit a price of his own."""
    return any(
        request.kind == "replace" and not request.rule and (request.price is not None or request.stop_price is not None)
        for request in order.requests
    )


def _is_too_small(state: State, order: Order, quantity: Decimal, price: Decimal | None) -> bool:
    """Whether the exchange would not take an order of this quantity."""
    instrument = state.instrument_of(order)
    least = max(instrument.min_quantity, instrument.step_size)
    return quantity < least or (price is not None and quantity * price < instrument.min_notional)


def _bracket(entry: Order) -> Bracket:
    assert entry.instruction.bracket is not None
    return entry.instruction.bracket


def _prices_of(entry: Order, order: Order, instrument: Instrument) -> tuple[Decimal | None, Decimal | None]:
    """(price, stop price) at which an exit stands now that its entry has filled so far."""
    if order.instruction.type is OrderType.MARKET or not entry.filled:
        return None, None
    if order.instruction.type is OrderType.LIMIT:
        return target_of(entry, instrument), None
    return None, stop_of(entry, instrument)


def _to_make(state: State, group: Group, entry: Order) -> list[Act]:
    """The exits that are not there yet."""
    bracket, acts = _bracket(entry), []
    left = ZERO
    if entry.filled:
        left = left_of(state, entry, group)
    if entry.status in DONE and left <= 0:
        return []
    for role in [STOP] * has_stop(bracket) + [TARGET] * has_target(bracket):
        last = _last_of(group, exit_id(entry.order_id, role))
        if last is None:
            acts.append(Act("make", exit_id(entry.order_id, role), role=role))
        elif last.status in DONE and left > 0:
            if _ran_out(last) and not _is_too_small(state, last, left, last.price or last.stop_price):
                acts.append(Act("make", exit_id(last.order_id, AGAIN), role=role))
            elif role == STOP and _was_refused(last) and exit_id(last.order_id, MARKET) not in group.members:
                acts.append(Act("make", exit_id(last.order_id, MARKET), role=MARKET))
    return acts


def _last_of(group: Group, order_id: str) -> Order | None:
    """The newest exit of a role: each may have a successor."""
    found = None
    while (order := group.members.get(order_id)) is not None:
        found = order
        order_id = next(
            (name for role in (AGAIN, HEIR) if (name := exit_id(order.order_id, role)) in group.members), ""
        )
    return found


def _ran_out(order: Order) -> bool:
    """Whether it ended because nothing was left for it, not because somebody or the exchange wanted it to."""
    ours = any(request.kind == "cancel" and request.rule == RULE for request in order.requests)
    return order.status is OrderStatus.FILLED or ours or order.code == "nothing_left"


def _was_refused(order: Order) -> bool:
    """Whether it did not come to stand at the exchange."""
    return order.status is OrderStatus.REJECTED or order.code == "not_sent"


# What is done


def _perform(state: State, group: Group, act: Act, now: int) -> Decision:
    order = act.order
    if act.do == "make":
        assert group.entry is not None
        return [_made(state, group.entry, act, now)], []
    assert order is not None
    if act.do == "send":
        return _send(state, order, act, now)
    if act.do == "replace":
        return _replace(state, order, act, now)
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
    account, bracket = state.accounts[said.account], _bracket(entry)
    exit_order = Instruction(
        order_id=act.order_id,
        account=said.account,
        symbol=said.symbol,
        side=said.side.opposite,
        type=TYPES[act.role],
        quantity=entry.quantity,
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
    sized = priced(entry.quantity, exit_order.side, None, instrument, account)
    return received(state, exit_order, account, sized, None, "entry", None, now)


def _send(state: State, order: Order, act: Act, now: int) -> Decision:
    """An exit's wait is over."""
    wanted = msgspec.structs.replace(
        order.instruction, quantity=act.quantity, price=act.price, stop_price=act.stop_price
    )
    events, actions = release(state, order, now, wanted=wanted)
    alerts = [
        _alert(f"order {order.order_id}: an exit was denied, {text(act.quantity)} is not protected: {event.rule}")
        for event in events
        if isinstance(event, m.OrderDenied)
    ]
    return events, [*actions, *alerts]


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
    return [m.OrderLingered(time=now, order_id=order.order_id, rule=RULE, why=why, mid=mid)], [
        _alert(f"order {order.order_id} cannot be brought to {text(act.quantity)}: {why}")
    ]


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


def _we_cancelled(order: Order) -> bool:
    return any(request.kind == "cancel" for request in order.requests)


def _alert(words: str) -> m.RaiseAlert:
    return m.RaiseAlert(topic="group", text=words)
