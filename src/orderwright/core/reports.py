"""The venue's word becomes facts.

Every report may come late, twice, or in another order than things happened. What it says that we know already makes
no event; what fits no order, or contradicts what is known, is parked in the log with the reason, never dropped and
never guessed at. A claim that more has filled than our trades show makes us fetch the trades: no fill is made up.

Quantity and prices are those of the venue's newest word: by its own time and, where that is the same, by the number of
the replace, for a venue that does them in the order in which they were asked for (FIX) may not date them apart. A word
that comes late settles its request and changes no newer terms; where time and number disagree the venue is asked. An
end that does not fit our quantity (cancelled, and yet all of it filled) is asked about too: the report of a replace
that was done may be lost.

An UNKNOWN request ends in one of four ways: adopted when the venue shows the order; answered late; dead when the
venue's denials prove that it never arrived, asked after it could no longer be carried out (one where its denial is
final, else two, seconds apart); or closed by an operator.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from orderwright.core import messages as m
from orderwright.core.asking import fetch_trades, question, unknown
from orderwright.core.contingent_acts import told
from orderwright.core.deaths import watched
from orderwright.core.model import (
    DONE,
    MAX_REQUESTS,
    WORKING,
    Account,
    Execution,
    Order,
    OrderSide,
    OrderStatus,
    Request,
)
from orderwright.core.numbers import ONE, fits, text
from orderwright.core.placing import Decision
from orderwright.core.retrying import with_retry
from orderwright.core.sizing import priced, slipped
from orderwright.core.state import State
from orderwright.core.transitions import UNSENT_DONE

IMPOSSIBLE = "an execution needs a quantity and a price above 0, with at most 18 digits on each side of the point"
NOTHING: Decision = ([], [])


def report(state: State, said: Any, now: int) -> Decision:
    """Any report, about an order that is in memory or was recalled."""
    order = state.find(said.order_id)
    if order is None:
        return _park(said, "no such order", now)
    if not order.requests:
        return _park(said, "the order never left", now)
    if type(said) in _SHOWS_LIFE and order.status is OrderStatus.REJECTED and not _was_dead(order):
        return [], [question(state, order, 0)]  # the two have crossed, or the venue is of two minds
    if type(said) in _NUMBERED and said.number >= len(order.requests):
        return _park(said, f"the order has no request {said.number}", now)
    decision: Decision = _HANDLERS[type(said)](state, order, said, now)
    if order.remainder == "retry":
        decision = with_retry(state, order, decision, now)
    if order.instruction.group and decision[0]:
        return decision[0], [*decision[1], *told(state, order, decision[0])]
    return decision


def _park(said: m.Report, cause: str, now: int) -> Decision:
    parked = m.ReportParked(time=now, order_id=said.order_id, report=m.describe(said), cause=cause)
    return [parked], [m.RaiseAlert(topic="report", text=f"a report was parked: {cause}: {parked.report}")]


def _fill(state: State, order: Order, said: m.FillReport, now: int) -> Decision:
    execution = said.execution
    executions = order.executions
    if execution.execution_id in executions:
        known = executions[execution.execution_id]
        if known is None or known == execution:
            return NOTHING
        return _park(said, "another execution with this id is booked", now)
    if not _is_possible(execution):
        return _park(said, IMPOSSIBLE, now)
    filled = m.OrderFilled(
        time=now, order_id=order.order_id, execution=execution, exchange_order_id=said.exchange_order_id
    )
    price = order.price
    as_asked = order.filled + execution.quantity <= order.quantity and (price is None or price == execution.price)
    return [filled], [] if as_asked else _oddities(order, execution)


def _oddities(order: Order, execution: Execution) -> list[m.AnyAction]:
    """A fill always counts; one that the order did not ask for (a replace on its way may have) is told to somebody."""
    asked = [request for request in order.requests if request.kind == "replace" and request.in_flight]
    most = max([order.quantity, *(request.quantity for request in asked if request.quantity is not None)])
    told = []
    if order.filled + execution.quantity > most:
        told.append(f"more than its quantity {text(most)} has filled: {text(order.filled + execution.quantity)}")
    prices = [price for price in (order.price, *(request.price for request in asked)) if price is not None]
    buy = order.instruction.side is OrderSide.BUY
    if prices and (execution.price > max(prices) if buy else execution.price < min(prices)):
        told.append(
            f"it filled at {text(execution.price)}, beyond its limit {text(max(prices) if buy else min(prices))}"
        )
    return [m.RaiseAlert(topic="fill", text=f"order {order.order_id}: {words}") for words in told]


def _is_possible(execution: Execution) -> bool:
    """Whether its numbers can be booked to the last digit."""
    quantity, price = execution.quantity, execution.price
    return fits(quantity) and fits(price) and fits(execution.fee) and quantity > 0 and price > 0


def _ack(state: State, order: Order, said: m.AckReport, now: int) -> Decision:
    told = not order.exchange_order_id and said.exchange_order_id
    if order.accepted_at is not None and not told and not _was_dead(order):
        return NOTHING
    return [
        m.OrderAccepted(
            time=now, order_id=order.order_id, exchange_order_id=said.exchange_order_id, venue_time=said.time
        )
    ], []


def _reject(state: State, order: Order, said: m.RejectReport, now: int) -> Decision:
    if said.number:
        if not order.requests[said.number].in_flight:
            return NOTHING
        refused = m.RequestRefused(
            time=now, order_id=order.order_id, number=said.number, code=said.code, message=said.message
        )
        unseen = said.final_status is not None and order.ending is None and order.filled < order.quantity
        asked: list[m.AnyAction] = [question(state, order, said.number)] if unseen else []
        if _came_too_late(order.requests[said.number], said):
            events, alerts = _still_wanted(order, refused, now)
            return events, [*asked, *alerts]
        return [refused], asked
    if order.status in DONE or order.filled or order.reported:
        return NOTHING if order.status is OrderStatus.REJECTED else _park(said, f"the order is {order.status}", now)
    return [m.OrderRejected(time=now, order_id=order.order_id, code=said.code, message=said.message)], []


def _came_too_late(request: Request, said: m.RejectReport) -> bool:
    """Whether a request was refused after its life, with nothing else the matter: a clock was set forward, or it was
    under way for too long."""
    alive = said.final_status is None or said.final_status not in DONE
    return alive and request.dead_at is not None and said.time > request.dead_at


def _pending(state: State, order: Order, said: m.PendingReport, now: int) -> Decision:
    if said.number == 0 or order.requests[said.number].state != "sent":
        return NOTHING
    return [m.RequestPending(time=now, order_id=order.order_id, number=said.number)], []


def _correct(state: State, order: Order, said: m.CorrectReport, now: int) -> Decision:
    execution = said.execution
    if execution.execution_id in order.executions:
        if order.executions[execution.execution_id] in (None, execution):
            return NOTHING
        return _park(said, "another execution with this id is booked", now)
    if not _is_possible(execution):
        return _park(said, IMPOSSIBLE, now)
    if order.executions.get(said.corrects) is None:
        return _park(said, f"no execution {said.corrects} to correct", now)
    return [m.FillCorrected(time=now, order_id=order.order_id, corrects=said.corrects, execution=execution)], []


def _bust(state: State, order: Order, said: m.BustReport, now: int) -> Decision:
    if said.execution_id in order.executions and order.executions[said.execution_id] is None:
        return NOTHING
    if said.execution_id not in order.executions:
        return _park(said, f"no execution {said.execution_id} to bust", now)
    return [m.FillBusted(time=now, order_id=order.order_id, execution_id=said.execution_id)], []


def _replaced(state: State, order: Order, said: m.ReplacedReport, now: int) -> Decision:
    request = order.requests[said.number]
    if request.kind != "replace" or request.state == "done":
        return NOTHING
    event = _replacement(state, order, request, said, now)
    return [event], [question(state, order, said.number)] if _contradicts(order, said) else []


def _replacement(
    state: State, order: Order, request: Request, said: m.ReplacedReport | m.StatusReport, now: int
) -> m.OrderReplaced:
    """What the venue says it is now; where it is silent what was asked for, and what was not asked for is as it was.
    Told late, only what no newer replace has asked for changes."""
    quantity = said.quantity or request.quantity or order.quantity
    price = said.price or request.price or order.price
    stop_price = said.stop_price or request.stop_price or order.stop_price
    if _is_late(order, request.number, said.time):
        newer = [it for it in _done_replaces(order) if it.number > request.number]
        quantity = order.quantity
        price = order.price if not newer or any(it.price is not None for it in newer) else price
        stop_price = order.stop_price if not newer or any(it.stop_price is not None for it in newer) else stop_price
    return m.OrderReplaced(
        time=now,
        order_id=order.order_id,
        number=request.number,
        quantity=quantity,
        price=price,
        stop_price=stop_price,
        unit_cost=_unit_cost(state, order, price, stop_price, request.unit_cost),
        venue_time=said.time,
    )


def _done_replaces(order: Order) -> list[Request]:
    return [request for request in order.requests if request.kind == "replace" and request.state == "done"]


def _is_late(order: Order, number: int, time: int) -> bool:
    """Whether the venue's word on the order's terms (replace `number`, at its time) is older than its last one."""
    if time != order.terms_at:
        return time < order.terms_at
    return any(request.number > number for request in _done_replaces(order))


def _contradicts(order: Order, said: m.ReplacedReport) -> bool:
    """Whether the venue dates this replace otherwise than its number does."""
    if said.time == order.terms_at:
        return False
    done = [request.number for request in _done_replaces(order)]
    return bool(done) and (max(done) > said.number) is not (said.time < order.terms_at)


def _unit_cost(
    state: State, order: Order, price: Decimal | None, stop_price: Decimal | None, asked: Decimal
) -> Decimal:
    """What one unit locks at the prices that the order has now; `asked` where they do not tell (no price, futures)."""
    account, instrument, basis = (
        state.accounts[order.instruction.account],
        state.instrument_of(order),
        price or stop_price,
    )
    if basis is None or instrument.linear:
        return max(asked, order.unit_cost)
    if price is None:
        basis = slipped(basis, order.instruction.side, account)
    return priced(ONE, order.instruction.side, basis, instrument, account).unit_cost


def _restate(state: State, order: Order, said: m.RestateReport, now: int) -> Decision:
    quantity = said.quantity if said.quantity is not None else order.quantity
    price = said.price if said.price is not None else order.price
    if (quantity == order.quantity and price == order.price) or said.time < order.terms_at:
        return NOTHING
    unit_cost = _unit_cost(state, order, price, order.stop_price, order.unit_cost)
    restated = m.OrderRestated(
        time=now, order_id=order.order_id, quantity=quantity, price=price, unit_cost=unit_cost, venue_time=said.time
    )
    return [restated], []


def _trigger(state: State, order: Order, said: m.TriggerReport, now: int) -> Decision:
    if order.triggered:
        return NOTHING
    return [m.OrderTriggered(time=now, order_id=order.order_id, venue_time=said.time)], []


def _end(state: State, order: Order, said: m.EndReport, now: int) -> Decision:
    """The end, as the venue tells it. Our own cancel of an order past its time is its expiry."""
    claimed = said.cumulative or (order.quantity if said.status is OrderStatus.FILLED else order.filled)
    terms = _ended_at(state, order, said, claimed, now)
    events, actions = _ended(state, order, said, terms, now)
    quantity = terms.quantity if terms is not None else order.quantity
    misfits = claimed > quantity if said.status is OrderStatus.FILLED else claimed >= quantity and claimed > 0
    return events, [*actions, question(state, order, 0)] if misfits else actions


def _ended(
    state: State, order: Order, said: m.EndReport, terms: m.OrderReplaced | m.OrderRestated | None, now: int
) -> Decision:
    """The end of an order, at the terms that have come to light with it, if any have."""
    status: Any = said.status
    quantity = terms.quantity if terms is not None else order.quantity
    claimed = said.cumulative or (quantity if status is OrderStatus.FILLED else order.filled)
    if status is OrderStatus.REJECTED and (claimed or order.reported):  # what has filled was not rejected
        status = OrderStatus.CANCELLED
    if status is OrderStatus.CANCELLED and any(request.cause == "expired" for request in order.requests):
        status = OrderStatus.EXPIRED
    fetch: list[m.AnyAction] = [fetch_trades(state, order)] if claimed > order.filled else []
    events: list[m.AnyEvent] = [terms] if terms is not None else []
    if order.ending is not None and claimed <= max(order.reported, order.filled):
        return events, fetch
    if not events and claimed <= max(order.reported, order.filled):
        unanswered = any(request.in_flight for request in order.requests)
        if order.status is OrderStatus.FILLED or (status is OrderStatus.FILLED and not unanswered):
            return [], fetch
    ended = m.OrderEnded(
        time=now,
        order_id=order.order_id,
        status=status,
        cumulative=claimed,
        code=said.code,
        message=said.message,
        mid=state.mid_of(order, now),
    )
    return [*events, ended], fetch


def _ended_at(
    state: State, order: Order, said: m.EndReport, claimed: Decimal, now: int
) -> m.OrderReplaced | m.OrderRestated | None:
    """The terms of an order that has ended otherwise than ours would have: it has filled at another quantity, or was
    cut short when all of ours had filled. A replace in flight was done, or the venue made it smaller."""
    full = said.status is OrderStatus.FILLED
    if claimed == order.quantity if full else claimed < order.quantity or not claimed:
        return None
    fitting = [it for it in order.requests if it.kind == "replace" and it.in_flight and _fits(it, claimed, full=full)]
    if (full and fitting) or len(fitting) == 1:
        done = m.ReplacedReport(order_id=order.order_id, time=said.time, number=fitting[0].number)
        return _replacement(state, order, fitting[0], done, now)
    if not full or claimed > order.quantity:
        return None
    return m.OrderRestated(
        time=now,
        order_id=order.order_id,
        quantity=claimed,
        price=order.price,
        unit_cost=order.unit_cost,
        venue_time=said.time,
    )


def _fits(request: Request, claimed: Decimal, *, full: bool) -> bool:
    """Whether an order that a replace has changed may have ended with so much filled."""
    quantity = request.quantity
    return quantity is not None and (quantity == claimed if full else quantity > claimed)


def _status(state: State, order: Order, said: m.StatusReport, now: int) -> Decision:
    """The answer to a question settles what was unknown, and what the order's terms are."""
    events: list[m.AnyEvent] = []
    first = order.requests[0]
    if said.status not in DONE and (first.in_flight or order.ending in UNSENT_DONE):
        accepted = m.OrderAccepted(
            time=now, order_id=order.order_id, exchange_order_id=said.exchange_order_id, venue_time=said.time
        )
        events.append(accepted)
    settled = [
        event
        for request in order.requests[1:]
        if request.state == "unknown" and (event := _settled(state, order, request, said, now)) is not None
    ]
    done = next((event for event in settled if isinstance(event, m.OrderReplaced)), None)
    terms = done or _as_told(state, order, said, now)
    if said.status in DONE:
        return _ended_as_told(state, order, said, terms, now)
    if isinstance(terms, m.OrderRestated):
        events.append(terms)
    dead = [event for event in settled if isinstance(event, m.RequestDead)]
    wanted = [one for event in dead for one in _still_wanted(order, event, now, dead)[0] if one is not event][:1]
    events += [*wanted, *settled]
    if said.cumulative > max(order.filled, order.reported):
        events.append(m.GapSeen(time=now, order_id=order.order_id, cumulative=said.cumulative))
    return events, [fetch_trades(state, order)] if said.cumulative > order.filled else []


def _ended_as_told(
    state: State, order: Order, said: m.StatusReport, terms: m.OrderReplaced | m.OrderRestated | None, now: int
) -> Decision:
    """The answer is that it has ended."""
    end = m.EndReport(order_id=said.order_id, time=said.time, status=said.status, cumulative=said.cumulative or None)
    if said.quantity is None:
        return _end(state, order, end, now)
    return _ended(state, order, end, terms, now)


def _as_told(state: State, order: Order, said: m.StatusReport, now: int) -> m.OrderRestated | None:
    """The terms that an answer shows, where they are newer than ours and others, and no replace on its way explains
    them."""
    quantity = said.quantity or order.quantity
    price = said.price or order.price if order.price is not None else None  # a market order's is what it filled at
    stop_price = said.stop_price or order.stop_price if order.stop_price is not None else None
    same = quantity == order.quantity and price == order.price and stop_price == order.stop_price
    if same or said.time <= order.terms_at or quantity < said.cumulative or order.status is OrderStatus.DENIED:
        return None
    if any(it.kind == "replace" and it.in_flight and _shows(it, said) for it in order.requests):
        return None
    return m.OrderRestated(
        time=now,
        order_id=order.order_id,
        quantity=quantity,
        price=price,
        stop_price=stop_price,
        unit_cost=_unit_cost(state, order, price, stop_price, order.unit_cost),
        venue_time=said.time,
    )


def _shows(request: Request, said: m.StatusReport) -> bool:
    """Whether an order stands as the replace wanted it to."""
    return (
        said.quantity == request.quantity
        and request.price in (None, said.price)
        and request.stop_price in (None, said.stop_price)
    )


def _settled(
    state: State, order: Order, request: Request, said: m.StatusReport, now: int
) -> m.OrderReplaced | m.RequestDead | None:
    """A replace that shows in the order was done. A cancel or replace that does not show, after its life, is dead."""
    if request.kind == "replace" and _shows(request, said):
        return _replacement(state, order, request, said, now)
    still = f"pending_{request.kind}" == said.status
    if still or not _is_over(request, state.accounts[order.instruction.account], said.time):
        return None
    message = f"the order is {said.status} after the request's lifetime"
    return m.RequestDead(time=now, order_id=order.order_id, number=request.number, evidence="venue", message=message)


def _unreachable(state: State, order: Order, said: m.UnreachableReport, now: int) -> Decision:
    request = order.requests[said.number]
    if request.state not in ("sent", "pending"):
        return NOTHING
    return unknown(state, order, request, now, said.message)


def _not_sent(state: State, order: Order, said: m.NotSentReport, now: int) -> Decision:
    if not order.requests[said.number].in_flight:
        return NOTHING
    dead = m.RequestDead(
        time=now, order_id=order.order_id, number=said.number, evidence="process", message=said.message or "not sent"
    )
    return _still_wanted(order, dead, now)


def _still_wanted(
    order: Order, dead: m.RequestDead | m.RequestRefused, now: int, also: Sequence[m.RequestDead] = ()
) -> Decision:
    """A request that came to nothing; where it was the only cancel of an order that works, it is to be sent again. That
    is in the log before it, so that one that is cut between the two loses no cancel. also: those that have come to
    nothing with it."""
    request, over = order.requests[dead.number], {dead.number, *(event.number for event in also)}
    others = any(it.kind == "cancel" and it.in_flight and it.number not in over for it in order.requests)
    wants = request.kind == "cancel" and order.status in WORKING and order.ending is None
    if not wants or others or order.cancel_wanted is not None:
        return [dead], []
    if len(order.requests) >= MAX_REQUESTS:
        words = f"the cancel of order {order.order_id} did not arrive, and no more can be sent: {dead.message}"
        return [dead], [m.RaiseAlert(topic="report", text=words)]
    wanted = m.CancelWanted(time=now, order_id=order.order_id, cause=request.cause, rule=request.rule)
    return [wanted, dead], []


def _not_found(state: State, order: Order, said: m.NotFoundReport, now: int) -> Decision:
    """A denial counts only if it was asked for when the request could no longer be carried out, and a second one only
    if it was asked for a while after the first came."""
    request = order.requests[0]
    account = state.accounts[order.instruction.account]
    if request.state != "unknown":
        if order.status in WORKING:
            return [], [m.RaiseAlert(topic="missing", text=f"the venue does not know order {order.order_id}")]
        return NOTHING
    if not _is_over(request, account, said.asked_at):
        return NOTHING
    gap = 1_000 * account.traits.denial_gap_ms
    if request.denied_at is not None and said.asked_at < request.denied_at + gap:
        return NOTHING
    if account.traits.final_denial or request.denied_at is not None:
        message = "never reached the venue"
        dead = m.RequestDead(time=now, order_id=order.order_id, number=0, evidence="venue", message=message)
        return watched(state, order, dead, now), []
    return [m.RequestNotFound(time=now, order_id=order.order_id, number=0, ask_at=now + gap)], []


def _was_dead(order: Order) -> bool:
    """Whether we had called the order dead, without a word about it from the venue."""
    return order.requests[0].state == "dead"


def _is_over(request: Request, account: Account, asked_at: int) -> bool:
    """Whether the request could no longer be carried out when the venue was asked."""
    return request.dead_at is not None and asked_at >= request.dead_at + 1_000 * account.traits.margin_ms


_HANDLERS: dict[type[m.Report], Any] = {
    m.FillReport: _fill,
    m.AckReport: _ack,
    m.RejectReport: _reject,
    m.PendingReport: _pending,
    m.CorrectReport: _correct,
    m.BustReport: _bust,
    m.ReplacedReport: _replaced,
    m.RestateReport: _restate,
    m.TriggerReport: _trigger,
    m.EndReport: _end,
    m.StatusReport: _status,
    m.UnreachableReport: _unreachable,
    m.NotSentReport: _not_sent,
    m.NotFoundReport: _not_found,
}
REPORTS = frozenset(_HANDLERS)
_SHOWS_LIFE = frozenset({m.AckReport, m.ReplacedReport, m.RestateReport, m.TriggerReport})
_NUMBERED = frozenset(kind for kind in REPORTS if "number" in kind.__struct_fields__)
