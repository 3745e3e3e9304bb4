"""The lifecycle of an order: the one function that moves an order along the table of `transitions`.

The status of an order is never set; it is derived, by FIX precedence (Volume 4, Appendix D), from three facts that
its events leave behind:

- what has filled (`filled`, only ever from trade records of the venue),
- what became of each request: new, replace n, cancel n (`requests`),
- whether the venue has ended it (`ending`), and how much it then claims has filled (`reported`).

So a fill that overtakes its acknowledgement, a cancel refused because the order filled, two replaces outstanding or
a fill after a cancel need no special code: they are facts in another order. An event that the table does not have in
a status is a bug of ours (`IllegalTransition`) and changes nothing; tests hold what `decide` makes against it.

A claim that is ahead of the fills makes a gap, whose trades are fetched until they have come (`fetch_at`).

Invariants: filled is the sum of the executions. A fill always counts, in every status. An order whose end the venue
has announced is not ended here before the fills it claims have come (`ending` waits for `reported`).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from orderwright.core import messages as m
from orderwright.core.model import (
    DONE,
    IN_FLIGHT,
    SECOND,
    Execution,
    Order,
    OrderStatus,
    Request,
    RequestState,
)
from orderwright.core.numbers import ZERO
from orderwright.core.reasons import Refusal
from orderwright.core.transitions import (
    DENIED,
    FILLED,
    OPEN,
    PARTIALLY_FILLED,
    PENDING,
    PENDING_CANCEL,
    PENDING_REPLACE,
    REJECTED,
    SUBMITTED,
    TABLE,
    UNKNOWN,
    UNSENT_DONE,
    allowed,
)
from orderwright.errors import OrderwrightError

FETCH_PAUSE = 10 * SECOND
"""How long after a claim the trades that it is ahead of are fetched again, if they have not come."""


class IllegalTransition(OrderwrightError):
    """An event in a status where the table does not have it: a bug of ours. The order is unchanged."""


def received(event: m.OrderReceived) -> Order:
    """The order that begins with this event."""
    instruction = event.instruction
    order = Order(
        instruction=instruction,
        quantity=event.quantity,
        price=instruction.price if event.price is None else event.price,
        stop_price=instruction.stop_price if event.stop_price is None else event.stop_price,
        created_at=event.time,
        updated_at=event.time,
        arrival=event.arrival,
        expire_at=event.expire_at,
        wait_for=event.wait_for,
        wait_until=event.wait_until,
        place=event.place,
        estimated_fee=event.estimated_fee,
        estimated_cost=event.estimated_cost,
        estimated_slippage=event.estimated_slippage,
        unit_cost=event.unit_cost,
        reserved_asset=event.reserved_asset,
        kin=event.kin,
        remainder=event.remainder,
        attempt=event.attempt,
        until=event.until,
    )
    if event.sign_at is not None:
        _submit_first(order, event.sign_at, event.lifetime_ms, event.arrival)
        _settle(order)
    return order


def apply(order: Order, event: m.AnyOrderEvent) -> None:
    """Move the order along by one event. Raises IllegalTransition, and changes nothing, where the table has no row.

    That the event then leads to where its row says is checked too: that it does not would be a fault of the table
    itself, found after the change.
    """
    before = order.status
    after = TABLE[type(event)].get(before)
    if after is None:
        raise IllegalTransition(f"{m.kind_of(event)} in status {before} of order {order.order_id}")
    _HANDLERS[type(event)](order, event)
    order.updated_at = event.time
    _settle(order)
    if order.status not in after:
        raise IllegalTransition(f"{m.kind_of(event)} led order {order.order_id} from {before} to {order.status}")


def status_of(order: Order) -> OrderStatus:
    """The status that follows from the facts, by precedence: the end, pending cancel, pending replace, fills, the
    ack."""
    filled, requests = order.filled, order.requests
    if order.ending is not None and filled >= order.reported:
        return FILLED if filled >= order.quantity and filled else order.ending
    if len(requests) > 1:
        replacing = False
        for request in requests:
            if request.state in IN_FLIGHT:
                if request.kind == "cancel":
                    return PENDING_CANCEL
                replacing = replacing or request.kind == "replace"
        if replacing:
            return PENDING_REPLACE
    if filled:
        return FILLED if filled >= order.quantity else PARTIALLY_FILLED
    if not requests:
        return PENDING
    return _BY_FIRST_REQUEST.get(requests[0].state, OPEN)


_BY_FIRST_REQUEST = {"sent": SUBMITTED, "unknown": UNKNOWN}


def _settle(order: Order) -> None:
    """Derive status, exposure and reservation from the facts."""
    if order.ending is None and len(order.requests) == 1:  # nearly all of them: the general way, shortened
        quantity, filled = order.quantity, order.filled
        if not filled:
            order.status = _BY_FIRST_REQUEST.get(order.requests[0].state, OPEN)
            order.exposed, order.reserved = quantity, quantity * order.unit_cost
        elif filled < quantity:
            order.status = PARTIALLY_FILLED
            order.exposed = exposed = quantity - filled
            order.reserved = exposed * order.unit_cost
        else:
            order.status, order.exposed, order.reserved = FILLED, ZERO, ZERO
    else:
        settle_fully(order)


def settle_fully(order: Order) -> None:
    """The general way, which holds for every order."""
    order.status = status = status_of(order)
    if status in DONE or status is PENDING:
        order.exposed = order.reserved = ZERO
        return
    quantity, unit_cost = order.quantity, order.unit_cost
    if order.ending is not None:
        quantity = order.reported
    elif len(order.requests) > 1:
        for request in order.requests:  # a replace in flight counts the larger of both sides
            if request.kind == "replace" and request.in_flight:
                quantity = max(quantity, request.quantity or ZERO)
                unit_cost = max(unit_cost, request.unit_cost)
    order.exposed = exposed = quantity - order.filled if quantity > order.filled else ZERO
    order.reserved = exposed * unit_cost


def _submit_first(order: Order, sign_at: int, lifetime_ms: int | None, mid: Decimal | None) -> None:
    client_id = order.instruction.order_id + "00"
    order.requests.append(Request(number=0, kind="new", client_id=client_id, sign_at=sign_at, lifetime_ms=lifetime_ms))
    order.submitted_at = sign_at
    order.reference = mid


def _denied(order: Order, event: m.OrderDenied) -> None:
    refusal = Refusal(event.reason, event.rule, event.field, event.value, event.nearest)
    order.ending, order.code, order.reason = DENIED, refusal.code, str(refusal)


def _withdrawn(order: Order, event: m.OrderWithdrawn) -> None:
    order.ending, order.code, order.reason = event.status, event.reason.name.lower(), event.cause


def _delayed(order: Order, event: m.OrderDelayed) -> None:
    order.wait_for, order.wait_until, order.place = event.wait_for, event.wait_until, event.place


def _submitted(order: Order, event: m.RequestSubmitted) -> None:
    if event.number:
        order.requests.append(
            Request(
                number=event.number,
                kind=event.request,
                client_id=f"{event.order_id}{event.number:02x}",
                sign_at=event.sign_at,
                lifetime_ms=event.lifetime_ms,
                quantity=event.quantity,
                price=event.price,
                stop_price=event.stop_price,
                unit_cost=event.unit_cost,
                cause=event.cause,
                rule=event.rule,
            )
        )
        if event.request == "replace":
            order.reference = event.arrival
        else:
            order.cancel_wanted = None
        return
    order.quantity = event.quantity if event.quantity is not None else order.quantity
    order.price = event.price if event.price is not None else order.price
    order.stop_price = event.stop_price if event.stop_price is not None else order.stop_price
    order.unit_cost, order.arrival = event.unit_cost, event.arrival
    order.wait_for, order.wait_until, order.place = "", None, 0
    order.remainder, order.until = event.remainder, event.until
    _submit_first(order, event.sign_at, event.lifetime_ms, event.arrival)


def _request_pending(order: Order, event: m.RequestPending) -> None:
    _answer(order.requests[event.number], "pending")


def _request_refused(order: Order, event: m.RequestRefused) -> None:
    _answer(order.requests[event.number], "refused")


def _request_unknown(order: Order, event: m.RequestUnknown) -> None:
    request = order.requests[event.number]
    _answer(request, "unknown")
    request.ask_at = event.ask_at


def _request_asked(order: Order, event: m.RequestAsked) -> None:
    order.requests[event.number].ask_at = event.ask_at


def _request_not_found(order: Order, event: m.RequestNotFound) -> None:
    request = order.requests[event.number]
    request.denied_at = event.time
    request.ask_at = event.ask_at


def _request_dead(order: Order, event: m.RequestDead) -> None:
    request = order.requests[event.number]
    request.state, request.ask_at = "dead", None
    if event.number == 0:
        order.ending = DENIED if event.evidence == "process" else REJECTED
        order.code = "not_sent" if event.evidence == "process" else "never_reached_venue"
        order.reason = event.message
        _end_requests(order)


def _accepted(order: Order, event: m.OrderAccepted) -> None:
    _reached(order)
    order.exchange_order_id = event.exchange_order_id or order.exchange_order_id
    if order.accepted_at is None:
        order.accepted_at = event.time


def _rejected(order: Order, event: m.OrderRejected) -> None:
    order.ending, order.code, order.reason = REJECTED, event.code, event.message
    _end_requests(order)


def _triggered(order: Order, event: m.OrderTriggered) -> None:
    _reached(order)
    order.triggered = True


def _filled(order: Order, event: m.OrderFilled) -> None:
    _book(order, event.execution)
    _reached(order)
    order.exchange_order_id = event.exchange_order_id or order.exchange_order_id
    order.last_fill_at = event.time
    if order.first_fill_at is None:
        order.first_fill_at = event.time


def _corrected(order: Order, event: m.FillCorrected) -> None:
    voided = _standing(order, event.corrects)
    _book(order, event.execution)
    order.reported += event.execution.quantity
    _void(order, voided)


def _busted(order: Order, event: m.FillBusted) -> None:
    _void(order, _standing(order, event.execution_id))


def _book(order: Order, execution: Execution) -> None:
    """Count an execution, once."""
    if execution.execution_id in order.executions:
        raise IllegalTransition(f"execution {execution.execution_id} of order {order.order_id} was booked before")
    order.executions[execution.execution_id] = execution
    order.filled += execution.quantity
    order.filled_quote += execution.quantity * execution.price


def _standing(order: Order, execution_id: str) -> Execution:
    execution = order.executions.get(execution_id)
    if execution is None:
        raise IllegalTransition(f"order {order.order_id} has no standing execution {execution_id}")
    return execution


def _void(order: Order, execution: Execution) -> None:
    """Take back an execution; what the venue claims had it counted in."""
    order.executions[execution.execution_id] = None
    order.filled -= execution.quantity
    order.filled_quote -= execution.quantity * execution.price
    order.reported = max(order.reported - execution.quantity, ZERO)


def _replaced(order: Order, event: m.OrderReplaced) -> None:
    request = order.requests[event.number]
    request.state, request.ask_at = "done", None  # whatever was thought of it before
    order.quantity, order.price, order.stop_price = event.quantity, event.price, event.stop_price
    order.unit_cost = event.unit_cost
    order.terms_at = max(order.terms_at, event.venue_time)
    _reached(order)


def _restated(order: Order, event: m.OrderRestated) -> None:
    order.quantity, order.price, order.unit_cost = event.quantity, event.price, event.unit_cost
    if event.stop_price is not None:
        order.stop_price = event.stop_price
    order.terms_at = max(order.terms_at, event.venue_time)
    _reached(order)


def _ended(order: Order, event: m.OrderEnded) -> None:
    claimed = event.cumulative
    if claimed is None:
        claimed = order.quantity if event.status is FILLED else order.filled
    _claim(order, claimed, event.time)
    _end_requests(order)
    if event.status is FILLED:  # only its trades can fill an order; until they come this is a gap
        _reached(order)
        return
    order.ending = event.status
    order.code, order.reason = event.code or order.code, event.message or order.reason


def _gap(order: Order, event: m.GapSeen) -> None:
    _claim(order, event.cumulative, event.time)


def _trades_asked(order: Order, event: m.TradesAsked) -> None:
    order.fetch_at, order.fetch_pause = event.ask_at, event.ask_at - event.time


def _lingered(order: Order, event: m.OrderLingered) -> None:
    order.lingered[event.rule] = event.time, event.mid


def _cancel_wanted(order: Order, event: m.CancelWanted) -> None:
    order.cancel_wanted = event.cause, event.rule


def _joined(order: Order, event: m.OrderJoined) -> None:
    order.kin = (*order.kin, event.joined)


def _trail_started(order: Order, event: m.TrailStarted) -> None:
    order.following = True


def _claim(order: Order, claimed: Decimal, time: int) -> None:
    """The venue says how much has filled; where that is ahead of its trades, they have just been fetched."""
    order.reported = max(order.reported, claimed)
    if order.reported > order.filled:
        order.fetch_at, order.fetch_pause = time + FETCH_PAUSE, FETCH_PAUSE


def _reached(order: Order) -> None:
    """The venue has the order: its first request is answered, and an end that denied it was wrong."""
    first = order.requests[0] if order.requests else None
    if first is not None and first.state != "done":
        first.state, first.ask_at = "done", None
    if order.ending in UNSENT_DONE:
        order.ending, order.code, order.reason = None, "", ""


def _answer(request: Request, state: RequestState) -> None:
    if request.in_flight:
        request.state, request.ask_at = state, None


def _end_requests(order: Order) -> None:
    """The order has ended: a cancel got what it wanted, a replace came too late."""
    for request in order.requests:
        if request.in_flight:
            request.state, request.ask_at = ("refused" if request.kind == "replace" else "done"), None


def standing(executions: dict[str, Execution | None]) -> list[Execution]:
    """The executions that count: neither corrected nor busted."""
    return [execution for execution in executions.values() if execution is not None]


_HANDLERS: dict[type[m.OrderEvent], Callable[[Order, Any], None]] = {
    m.OrderDenied: _denied,
    m.OrderWithdrawn: _withdrawn,
    m.OrderDelayed: _delayed,
    m.RequestSubmitted: _submitted,
    m.RequestPending: _request_pending,
    m.RequestRefused: _request_refused,
    m.RequestUnknown: _request_unknown,
    m.RequestAsked: _request_asked,
    m.RequestNotFound: _request_not_found,
    m.RequestDead: _request_dead,
    m.OrderAccepted: _accepted,
    m.OrderRejected: _rejected,
    m.OrderTriggered: _triggered,
    m.OrderFilled: _filled,
    m.FillCorrected: _corrected,
    m.FillBusted: _busted,
    m.OrderReplaced: _replaced,
    m.OrderRestated: _restated,
    m.OrderEnded: _ended,
    m.GapSeen: _gap,
    m.TradesAsked: _trades_asked,
    m.CancelWanted: _cancel_wanted,
    m.OrderLingered: _lingered,
    m.OrderJoined: _joined,
    m.TrailStarted: _trail_started,
}


class OrderStateManager:
    """The seeds' name for the lifecycle: `apply` moves an order along the table, `allowed` asks it."""

    table = TABLE
    apply = staticmethod(apply)
    allowed = staticmethod(allowed)
    status_of = staticmethod(status_of)
