"""Trailing stops: a stop that follows the market, and never goes back.

- It stands `amount` or `percent` behind the best price since it went out: for a stop to sell the highest, for one to
  buy the lowest. Its price is rounded to the tick away from the market.
- Which price: `Quote.last` of the quotes that the core is shown, and only of those whose time is after it went out.
  With candles these are closes (and opens, where the core looks inside a candle): the stop follows closes, not the
  extremes between them.
- It begins at the price it was given; without one at so far behind the last price when it goes out (a bracket's: behind
  the average price of the entry's fills). It is only ever moved nearer to the market, by a tick at least.
- With an activation price it stands still until the market has been there (a stop to sell: at or above it). It has to
  be given a price to stand at until then: what protects is always at the exchange.
- One replace is on its way at a time. What the market does meanwhile is not forgotten (`State.best`; a restart forgets
  it); a replace that is refused or unknown does not end the following.
- An order has at most 256 requests. When few are left, the stop is cancelled and an heir takes its place, at the next
  price and for what is left; the heir waits until the old one has ended. Not under HALTED, under which it could not go
  out. Exits that follow their entry's fills are passed on in the same way.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from orderwright.core import messages as m
from orderwright.core.changing import asked_for, cancel, replace_order
from orderwright.core.exits import behind, nearer
from orderwright.core.groups import HEIR, exit_id
from orderwright.core.model import MAX_REQUESTS, RECANCEL, Order, OrderSide, Quote, TradingState, Trail
from orderwright.core.numbers import ONE
from orderwright.core.patience import may_act
from orderwright.core.placing import UNPRICED, Decision, received
from orderwright.core.sizing import Sized, size
from orderwright.core.state import State

RULE = "trail"
KEPT = 8
"""So many requests of a stop are kept for what else may be asked of it."""


def followed(state: State, exchange: str, symbol: str, now: int) -> Decision:
    """Move the stops that follow this market, now that a price has been seen."""
    events: list[m.AnyEvent] = []
    actions: list[m.AnyAction] = []
    quote = state.quote(exchange, symbol, now)
    for order_id in state.trailing[exchange, symbol] if quote is not None else ():
        order = state.orders.get(order_id)
        if order is not None and order.submitted_at is not None and quote.time > order.submitted_at:  # type: ignore[union-attr]
            decided, sent = _follow(state, order, quote, now)  # type: ignore[arg-type]
            events += decided
            actions += sent
    return events, actions


def _follow(state: State, order: Order, quote: Quote, now: int) -> Decision:
    said, events = order.instruction, []
    trail, sell = said.trail, said.side is OrderSide.SELL
    if trail is None or order.triggered:
        return [], []
    activation = trail.activation_price
    if activation is not None and not order.following:
        if not may_act(order) or (quote.last < activation if sell else quote.last > activation):
            return [], []
        events.append(m.TrailStarted(time=now, order_id=order.order_id, price=quote.last))
    seen = state.best.get(order.order_id, quote.last)
    best = max(seen, quote.last) if sell else min(seen, quote.last)
    instrument = state.instrument_of(order)
    stop_price = behind(trail, said.side, best, ONE, instrument.tick_size)
    stands_at = asked_for(order)[2] or stop_price
    state.best[order.order_id] = best
    if nearer(said.side, stop_price, stands_at) == stands_at or not may_act(order):
        return [*events], []
    if is_used_up(order):
        decided, sent = pass_on(state, order, now, stop_price=stop_price)
    else:
        command = m.ReplaceOrder(order_id=order.order_id, stop_price=stop_price, cause="the market has moved")
        decided, sent = replace_order(state, command, now, RULE)
        sent = [
            action for action in sent if not isinstance(action, m.Reply)
        ]  # refused: it asks again at the next price
    return [*events, *decided], sent


def is_used_up(order: Order) -> bool:
    """Whether its requests are nearly used up: what they are kept for is its cancel."""
    return len(order.requests) >= MAX_REQUESTS - KEPT


def pass_on_at(state: State, order: Order) -> int | None:
    """When it may be cancelled for its heir, in microseconds; None where that cannot be now."""
    if state.controls.trading is TradingState.HALTED or len(order.requests) >= MAX_REQUESTS - 1:
        return None
    if order.order_id in state.succeeded:  # the cancel was refused
        return order.requests[-1].sign_at + RECANCEL
    return None if state.find(exit_id(order.order_id, HEIR)) is not None else 0


def pass_on(
    state: State, order: Order, now: int, *, price: Decimal | None = None, stop_price: Decimal | None = None
) -> Decision:
    """The requests of an order are used up: an heir waits for its end, to stand at these prices."""
    at = pass_on_at(state, order)
    if at is None or now < at:
        return [], []
    if order.order_id in state.succeeded:
        event, sent = cancel(state, order, now, "its requests are used up", RULE)
        return [event], sent
    said = order.instruction
    heir = msgspec.structs.replace(
        said,
        order_id=exit_id(order.order_id, HEIR),
        quantity=order.leaves,
        price=price,
        stop_price=stop_price,
        execute_at=None,
        parent_id=order.order_id,
        idempotency_key="",
        trail=started(order),
    )
    account, instrument = state.accounts[said.account], state.instrument_of(order)
    quote = state.quote(account.exchange, instrument.symbol, now)
    sized = size(heir, instrument, account, quote)
    waits = received(state, heir, account, sized if isinstance(sized, Sized) else UNPRICED, quote, "parent", None, now)
    event, sent = cancel(state, order, now, "its requests are used up", RULE)
    return [waits, event], sent  # a log cut between them still leads to a cancel


def started(order: Order) -> Trail | None:
    """The trail of an order that has been activated: without its activation price."""
    trail = order.instruction.trail
    return msgspec.structs.replace(trail, activation_price=None) if trail is not None else None
