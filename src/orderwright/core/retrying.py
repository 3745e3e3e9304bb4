"""What a market order left at its collar goes on as an order of its own, at the collar of that moment (`remainder:
retry`).

Why a child, and not one more request of the same order: a venue ends an immediate order, and what has ended cannot be
replaced. Two orders of the venue under one id of ours would have two ends, two acknowledgements and two cumulative
quantities, and which of them a late or repeated report meant could not be told. With a child every report names one
order of the venue, as it does everywhere else. The child waits for the final quantity of the one before it (as the
successor of an order that lingers does), so that nothing is asked for twice; it is checked again as any order whose
wait is over; a cancel of any of them ends what goes on for it.

- The venue's end is what makes it: cancelled or expired, unasked, with something left that it would take.
- At most `retry_attempts` of them, after `retry_delay_ms`, then twice as long each time; none that would go out after
  `execution_timeout_ms` since the first.
- Its id is made of that of the order before it, so that others of a group find it after a restart (`groups.kin`).
- It is in the log before the end that it follows: a log cut between the two hears of the end again, and makes no other.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from orderwright.core import messages as m
from orderwright.core.groups import RETRY, exit_id
from orderwright.core.model import DONE, Instrument, Order
from orderwright.core.placing import UNPRICED, Decision, received
from orderwright.core.sizing import Sized, size
from orderwright.core.state import State
from orderwright.core.transitions import CUT_SHORT


def with_retry(state: State, order: Order, decision: Decision, now: int) -> Decision:
    """A report's decision, and before it the order that goes on for one that ends by it."""
    events, actions = decision
    for event in events:
        if isinstance(event, m.OrderEnded) and event.status in CUT_SHORT:
            child = _child(state, order, event.cumulative or order.filled, now)
            return ([child, *events] if child is not None else events), actions
    return decision


def _child(state: State, order: Order, claimed: Decimal, now: int) -> m.OrderReceived | None:
    settings, attempt = state.settings, order.attempt + 1
    over = order.status in DONE or order.ending is not None or order.order_id in state.succeeded
    asked = order.cancel_wanted is not None or any(request.kind != "new" for request in order.requests)
    if over or asked or order.until is None or attempt > settings.retry_attempts:
        return None
    time = now + 1_000 * settings.retry_delay_ms * 2 ** (attempt - 1)
    rest = order.quantity - max(claimed, order.filled, order.reported)
    instrument = state.instrument_of(order)
    if time >= order.until or _is_too_small(rest, order.price, instrument):
        return None
    said = order.instruction
    instruction = msgspec.structs.replace(
        said,
        order_id=exit_id(order.order_id, RETRY),
        quantity=rest,
        quote_quantity=None,
        execute_at=None,
        parent_id=order.order_id,
        idempotency_key="",
    )
    account = state.accounts[said.account]
    quote = state.quote(account.exchange, instrument.symbol, now)
    sized = size(instruction, instrument, account, quote)
    sized = sized if isinstance(sized, Sized) else UNPRICED
    waits = received(state, instruction, account, sized, quote, "retry", time, now)
    return msgspec.structs.replace(waits, quantity=rest, attempt=attempt, until=order.until)


def _is_too_small(rest: Decimal, price: Decimal | None, instrument: Instrument) -> bool:
    """Whether the exchange would not take what is left."""
    least = max(instrument.min_quantity, instrument.step_size)
    return rest < least or (price is not None and rest * price < instrument.min_notional)


def goes_on_for(state: State, order: Order) -> Order | None:
    """The living order that goes on for one that has ended at its collar."""
    said = order.instruction
    if order.remainder != "retry" or order.status not in DONE:
        return None
    for one in state.working(said.account, said.symbol):
        before: Order | None = one
        while before is not None and before.attempt > order.attempt:
            before = state.find(before.instruction.parent_id)
        if before is not None and before.order_id == order.order_id and one is not order:
            return one
    return None
