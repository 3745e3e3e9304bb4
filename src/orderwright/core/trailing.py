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
  price and for what is left; the heir waits until the old one has ended.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from orderwright.core import messages as m
from orderwright.core.changing import asked_for, cancel, replace_order
from orderwright.core.exits import behind, nearer
from orderwright.core.groups import HEIR, exit_id
from orderwright.core.model import MAX_REQUESTS, RECANCEL, Order, OrderSide, Quote, Trail
from orderwright.core.numbers import ONE
from orderwright.core.patience import may_act
from orderwright.core.placing import UNPRICED, Decision, received
from orderwright.core.sizing import Sized, size
from orderwright.core.state import State

RULE = "trail"
_KEPT = 8
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
    if len(order.requests) >= MAX_REQUESTS - _KEPT:
        decided, sent = _pass_on(state, order, stop_price, now)
    else:
        command = m.ReplaceOrder(order_id=order.order_id, stop_price=stop_price, cause="the market has moved")
        decided, sent = replace_order(state, command, now, RULE)
        sent = [
            action for action in sent if not isinstance(action, m.Reply)
        ]  # refused: it asks again at the next price
    return [*events, *decided], sent


def _pass_on(state: State, order: Order, stop_price: Decimal, now: int) -> Decision:
    """The requests of a stop are used up: an heir waits for its end."""
    if order.order_id in state.succeeded:  # the cancel was refused
        if now < order.requests[-1].sign_at + RECANCEL:
            return [], []
        event, sent = cancel(state, order, now, "its requests are used up", RULE)
        return [event], sent
    said = order.instruction
    heir = msgspec.structs.replace(
        said,
        order_id=exit_id(order.order_id, HEIR),
        quantity=order.leaves,
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
