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
- A stop that the exchange refuses leaves a position unprotected: somebody is told, and a market order takes its place;
  what the entry fills after that gets a stop again.
- An exit that a check refuses waits on and is tried again; somebody is told once.
- While the symbol is being closed no exit goes out; those that still wait end with their entry.
- Cancelling an entry leaves the exits of what it has filled. `close` cancels exits like all orders of the symbol.
- Two orders of a group may both fill before the cancel of one arrives. A fill always counts; somebody is told.
"""

from __future__ import annotations

from decimal import Decimal

from orderwright.core.changing import asked_for
from orderwright.core.contingent_acts import TOO_SMALL, Act, bracket_of, perform
from orderwright.core.exits import has_stop, has_target, stop_of, target_of
from orderwright.core.groups import (
    AGAIN,
    HEIR,
    MARKET,
    RULE,
    STOP,
    TARGET,
    drop,
    exit_id,
    left_of,
)
from orderwright.core.ids import is_order_id
from orderwright.core.model import (
    DONE,
    MAX_REQUESTS,
    RECANCEL,
    Instrument,
    Order,
    OrderStatus,
    OrderType,
    TradingState,
)
from orderwright.core.numbers import ZERO
from orderwright.core.patience import may_act
from orderwright.core.placing import Decision
from orderwright.core.sizing import slipped
from orderwright.core.state import Group, State
from orderwright.core.trailing import is_used_up, pass_on_at

_TOO_SMALL = {reason.name.lower() for reason in TOO_SMALL}


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
            drop(state, name)
    return min(times, default=None)


def settle(state: State, now: int) -> Decision:
    """The next act that is due; nothing where none is."""
    for name in state.unsettled:
        group = state.groups[name]
        act = _next_act(state, group)
        if act is not None and act.at <= now:
            return perform(state, group, act, now)
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
    if not may_act(order) or state.controls.trading is TradingState.HALTED:
        return None
    if said.type is OrderType.MARKET and _will_not_be_resized(order):
        return None
    return _to_resize(state, group, order, left)


def _needs_waiting(state: State, group: Group, order: Order, left: Decimal) -> Act | None:
    entry = group.entry
    waits = order.wait_for == "entry" and entry is not None
    over = entry is None or entry.status in DONE
    if left <= 0:
        return Act("cancel", order.order_id, order=order) if over or not waits else None
    if not waits or entry is None:
        return None
    if (order.instruction.account, order.instruction.symbol) in state.closing:  # what is held goes with the close
        return Act("withdraw", order.order_id, order=order) if over else None
    if state.controls.trading is TradingState.HALTED:
        return None
    price, stop_price = _prices_of(group, entry, order, state.instrument_of(order))
    armed = over or (bracket_of(entry).arm == "fill" and not _is_too_small(state, order, left, price or stop_price))
    if not armed:
        return None
    grown = entry.last_fill_at is not None and entry.last_fill_at > order.updated_at
    at = 0 if order.wait_until is None or grown else order.wait_until
    return Act("send", order.order_id, at, order, quantity=left, price=price, stop_price=stop_price)


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
    follows = order.instruction.trail is None and not order.triggered and not _was_moved(group, order)
    if group.entry is not None and follows:
        new_price, new_stop = _prices_of(group, group.entry, order, state.instrument_of(order))
    if wanted == quantity and (new_price, new_stop) == (price, stop_price):
        return None
    at = order.lingered[RULE][0] + RECANCEL if RULE in order.lingered else 0
    last = order.requests[-1]
    if last.rule == RULE and last.state in ("refused", "dead"):
        at = max(at, last.sign_at + RECANCEL)
    if _is_too_small(state, order, left, new_price or new_stop):
        return Act("cancel", order.order_id, at, order)
    if is_used_up(order) and not order.triggered:
        passing = pass_on_at(state, order)
        if passing is None:
            return None
        return Act("pass", order.order_id, max(at, passing), order, price=new_price, stop_price=new_stop)
    return Act(
        "replace",
        order.order_id,
        at,
        order,
        quantity=wanted,
        price=new_price if new_price != price else None,
        stop_price=new_stop if new_stop != stop_price else None,
    )


def _will_not_be_resized(order: Order) -> bool:
    """Whether the exchange, or a check, has refused to: few exchanges replace a market order."""
    refused = any(request.rule == RULE and request.state in ("refused", "dead") for request in order.requests)
    return refused or RULE in order.lingered


def _was_moved(group: Group, order: Order) -> bool:
    """Whether somebody has given this exit, or one that it is the heir of, a price of his own."""
    one: Order | None = order
    while one is not None:
        for asked in one.requests:
            if asked.kind == "replace" and not asked.rule and (asked.price is not None or asked.stop_price is not None):
                return True
        one = group.members.get(one.instruction.parent_id)
    return False


def _is_too_small(state: State, order: Order, quantity: Decimal, price: Decimal | None) -> bool:
    """Whether the exchange would not take an order of this quantity."""
    instrument, said = state.instrument_of(order), order.instruction
    least = max(instrument.min_quantity, instrument.step_size)
    if price is not None and said.price is None:  # a stop fills behind its price
        price = slipped(price, said.side, state.accounts[said.account])
    return quantity < least or (price is not None and quantity * price < instrument.min_notional)


def _prices_of(
    group: Group, entry: Order, order: Order, instrument: Instrument
) -> tuple[Decimal | None, Decimal | None]:
    """(price, stop price) at which an exit stands now that its entry has filled so far."""
    if order.instruction.type is OrderType.MARKET or not entry.filled:
        return None, None
    is_heir = order.instruction.parent_id in group.members
    if is_heir and (order.instruction.trail is not None or _was_moved(group, order)):
        return order.instruction.price, order.instruction.stop_price
    if order.instruction.type is OrderType.LIMIT:
        return target_of(entry, instrument), None
    return None, stop_of(entry, instrument)


def _to_make(state: State, group: Group, entry: Order) -> list[Act]:
    """The exits that are not there yet."""
    bracket, acts = bracket_of(entry), []
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
            if _comes_again(state, group, entry, last, left):
                acts.append(Act("make", exit_id(last.order_id, AGAIN), role=role, quantity=left))
            elif role == STOP and _was_refused(last) and last.instruction.type is not OrderType.MARKET:
                acts.append(Act("make", exit_id(last.order_id, MARKET), role=MARKET, quantity=left))
    return acts


def _comes_again(state: State, group: Group, entry: Order, last: Order, left: Decimal) -> bool:
    """Whether an exit that has ended gets a successor for what is left now."""
    grown = left > last.quantity - last.filled
    market = last.instruction.type is OrderType.MARKET
    if _ran_out(last) or (market and grown and not _was_cancelled(last)):
        prices = _prices_of(group, entry, last, state.instrument_of(last))
        return not _is_too_small(state, last, left, prices[0] or prices[1])
    if last.status is not OrderStatus.DENIED or last.code not in _TOO_SMALL or market:
        return False
    first = last.order_id in (exit_id(entry.order_id, role) for role in (STOP, TARGET))  # made before it could fill
    prices = _prices_of(group, entry, last, state.instrument_of(last))
    return (first or grown) and not _is_too_small(state, last, left, prices[0] or prices[1])


def _last_of(group: Group, order_id: str) -> Order | None:
    """The newest exit of a role: each may have a successor."""
    found = None
    while (order := group.members.get(order_id)) is not None:
        found = order
        order_id = next(
            (name for role in (AGAIN, HEIR, MARKET) if (name := exit_id(order.order_id, role)) in group.members), ""
        )
    return found


def _ran_out(order: Order) -> bool:
    """Whether it ended because nothing was left for it, not because somebody or the exchange wanted it to."""
    ours = any(request.kind == "cancel" and request.rule == RULE for request in order.requests)
    return order.status is OrderStatus.FILLED or ours or order.code == "nothing_left"


def _was_cancelled(order: Order) -> bool:
    """Whether somebody has asked for its end."""
    return order.code == "withdrawn" or any(request.kind == "cancel" for request in order.requests)


def _was_refused(order: Order) -> bool:
    """Whether it did not come to stand at the exchange."""
    return order.status is OrderStatus.REJECTED or order.code == "not_sent"
