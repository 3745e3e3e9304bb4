"""What is done with an order that lingers: cancelled, moved nearer to the market, or sent on as a market order.

Each act is a request of the order's own that bears the rule's name (`RequestSubmitted.rule`). Where a rule is due and
can do nothing (no price, as near as it may be, a limit is in the way) an `OrderLingered` says why, and it counts again
from there.

A market order takes the place of an order in two steps: the order is cancelled, and its successor, a child of it, waits
until the order has ended and its final quantity is known. It then goes out for what is left, checked like any other; if
nothing is left it is withdrawn.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from orderwright.core import messages as m
from orderwright.core.changing import cancel, replace_order
from orderwright.core.ids import order_id_of
from orderwright.core.model import Action, LingerRule, Order, OrderSide, OrderStatus, OrderType, Signal, TimeInForce
from orderwright.core.numbers import ceil_to, floor_to, text
from orderwright.core.patience import BPS, again_at, due_at, has_moved, may_act, reversal_rule, rules_of, turned
from orderwright.core.placing import UNPRICED, Decision, received
from orderwright.core.sizing import Sized, size
from orderwright.core.state import State


def overdue(state: State, order: Order, now: int) -> Decision:
    """What a rule of time that is due does; nothing where none is."""
    if may_act(order):
        for rule in rules_of(state.settings, order.instruction):
            time = due_at(rule, order)
            if time is not None and time <= now:
                return _act(state, order, rule, now)
    return [], []


def moved(state: State, exchange: str, symbol: str, now: int) -> Decision:
    """What the rules that look at the price do, now that it has been seen. Once a price was moved, which counts against
    the money and the limits of the others, these wait for the next look."""
    watched = state.watched.get((exchange, symbol))
    quote = state.quote(exchange, symbol, now) if watched else None
    if not watched or quote is None:
        return [], []
    events: list[m.AnyEvent] = []
    actions: list[m.AnyAction] = []
    for order_id in watched:
        order = state.orders[order_id]
        if may_act(order):
            for rule in rules_of(state.settings, order.instruction):
                if has_moved(rule, order, quote.mid) and (again_at(rule, order, now) or now + 1) <= now:
                    decided, sent = _act(state, order, rule, now)
                    events += decided
                    actions += sent
                    if any(isinstance(action, m.SendReplace) for action in sent):
                        return events, actions
                    break
    return events, actions


def reversed_by(state: State, signal: Signal, side: OrderSide | None, now: int) -> Decision:
    """Cancel what a new signal has turned against, where a rule says so. side: what the signal wants, where that
    depends on what is held."""
    events: list[m.AnyEvent] = []
    actions: list[m.AnyAction] = []
    wanted = {Action.BUY: OrderSide.BUY, Action.SELL: OrderSide.SELL}.get(signal.action, side)
    if wanted is None:
        return events, actions
    for order in state.working(signal.account, signal.symbol):
        if order.instruction.side is wanted or not turned(signal, order.instruction):
            continue
        rule = reversal_rule(state.settings, order.instruction)
        if rule is None:
            continue
        going = [state.orders[successor]] if (successor := state.succeeded.get(order.order_id)) else []
        waiting = order.status is OrderStatus.PENDING and order.wait_for not in ("cancels", "parent")
        going += [order] if waiting or may_act(order) else []
        for one in going:
            event, sent = cancel(state, one, now, "the signal reversed", rule.name)
            events.append(event)
            actions += sent
    return events, actions


def _act(state: State, order: Order, rule: LingerRule, now: int) -> Decision:
    if rule.do == "nearer":
        return _move_nearer(state, order, rule, now)
    event, sent = cancel(state, order, now, f"rule {rule.name}", rule.name)
    if rule.do == "cancel" or order.order_id in state.succeeded:
        return [event], sent
    return [_successor(state, order, rule, now), event], sent  # a log cut between them still leads to a cancel


def _move_nearer(state: State, order: Order, rule: LingerRule, now: int) -> Decision:
    """Put the price to the best one on the order's own side of the market, or `offset_ticks` behind it."""
    price = nearer_price(state, order, rule, now)
    if isinstance(price, str):
        return _lingered(state, order, rule, price, now)
    command = m.ReplaceOrder(order_id=order.order_id, price=price, cause=f"rule {rule.name}")
    events, actions = replace_order(state, command, now, rule.name)
    if not events:
        refusal = next((said.refusal for said in actions if isinstance(said, m.Reply)), None)
        return _lingered(state, order, rule, str(refusal), now)
    return events, actions


def nearer_price(state: State, order: Order, rule: LingerRule, now: int) -> Decimal | str:
    """The price to go to, in quote per base; or why there is none."""
    instrument, first = state.instrument_of(order), order.instruction.price
    quote = state.quote(instrument.exchange, instrument.symbol, now)
    if order.price is None or first is None:
        return "it has no limit price"
    if quote is None:
        return "no market price recent enough"
    tick, offset = instrument.tick_size, rule.offset_ticks * instrument.tick_size
    if order.instruction.side is OrderSide.BUY:
        price = floor_to((quote.bid if quote.bid is not None else quote.last) - offset, tick)
        if rule.within_bps is not None:
            price = min(price, floor_to(first + first * rule.within_bps / BPS, tick))
        return price if price > order.price else f"{text(order.price)} is as near as it may be"
    price = ceil_to((quote.ask if quote.ask is not None else quote.last) + offset, tick)
    if rule.within_bps is not None:
        price = max(price, ceil_to(first - first * rule.within_bps / BPS, tick))
    return price if price < order.price else f"{text(order.price)} is as near as it may be"


def _lingered(state: State, order: Order, rule: LingerRule, why: str, now: int) -> Decision:
    mid = state.mid_of(order, now)
    return [m.OrderLingered(time=now, order_id=order.order_id, rule=rule.name, why=why, mid=mid)], []


def _successor(state: State, order: Order, rule: LingerRule, now: int) -> m.OrderReceived:
    """The market order that waits for this one's end."""
    asked, number = order.instruction, str(len(order.requests))
    instruction = msgspec.structs.replace(
        asked,
        order_id=order_id_of(now, state.book, order.order_id, rule.name, number),
        type=OrderType.MARKET,
        quantity=order.leaves,
        quote_quantity=None,
        price=None,
        stop_price=None,
        time_in_force=TimeInForce.GTC,
        expire_at=None,
        post_only=False,
        execute_at=None,
        parent_id=order.order_id,
        idempotency_key="",
        linger=(),
        trail=None,
    )
    account, instrument = state.accounts[asked.account], state.instrument_of(order)
    quote = state.quote(account.exchange, instrument.symbol, now)
    sized = size(instruction, instrument, account, quote)
    sized = sized if isinstance(sized, Sized) else UNPRICED
    return received(state, instruction, account, sized, quote, "parent", None, now)
