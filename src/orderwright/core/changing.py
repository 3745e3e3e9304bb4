"""Changing and ending orders that exist: cancel, replace, cancel all, approve, deny, ask about, and an operator's last
word.

Each asks the venue by a request of its own (number, client id, signing time); several may be out at once. A waiting
order is ended here, without the venue. A replace is checked as the order it would become; while it is out, exposure
and reservation count the larger of both sides.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from orderwright.core import messages as m
from orderwright.core import risk, validation
from orderwright.core.asking import fetch_trades, question
from orderwright.core.deaths import watched
from orderwright.core.groups import shared
from orderwright.core.model import (
    DONE,
    MAX_REQUESTS,
    RECANCEL,
    Account,
    Instrument,
    Order,
    OrderStatus,
    Quote,
    TradingState,
)
from orderwright.core.numbers import ZERO, moment, most_within, text
from orderwright.core.placing import Decision, denied, execution_time, fresh
from orderwright.core.reasons import Reason, Refusal
from orderwright.core.releasing import release
from orderwright.core.requests import as_sent, send_cancel, send_replace
from orderwright.core.retrying import goes_on_for
from orderwright.core.sizing import Sized, expected_price, priced
from orderwright.core.state import State, is_quiet


def cancel_order(state: State, command: m.CancelOrder, now: int) -> Decision:
    order = state.find(command.order_id)
    refusal = _not_cancellable(order, command.order_id)
    successor = state.succeeded.get(command.order_id)
    if successor is not None:  # who cancels an order does not want it done by another one either
        events = _withdraw(state, successor, now, command.cause)
        actions: list[m.AnyAction] = []
        if refusal is None and order is not None:
            event, actions = cancel(state, order, now, command.cause)
            events.append(event)
        return events, actions
    if order is not None and (going := goes_on_for(state, order)) is not None:
        order, refusal = going, _not_cancellable(going, going.order_id)
    if refusal is not None or order is None:
        outcome = "nothing" if refusal is not None and refusal.reason is Reason.ALREADY_CANCELLING else "refused"
        return [], [m.Reply(outcome=outcome, order_id=command.order_id, refusal=refusal)]  # type: ignore[arg-type]
    event, action = cancel(state, order, now, command.cause)
    return [event], action


def _withdraw(state: State, order_id: str, now: int, cause: str, rule: str = "") -> list[m.AnyEvent]:
    """End a waiting order."""
    return [cancel(state, state.orders[order_id], now, cause, rule)[0]]


def _not_cancellable(order: Order | None, order_id: str) -> Refusal | None:
    if order is None:
        return Refusal(Reason.UNKNOWN_ORDER, "no such order", "order_id", order_id)
    if order.status in DONE or order.ending is not None:
        return Refusal(Reason.NOT_OPEN, f"the order is {order.ending or order.status}", "order_id", order_id)
    if order.cancel_wanted is not None or any(it.kind == "cancel" and it.in_flight for it in order.requests):
        return Refusal(Reason.ALREADY_CANCELLING, "a cancel is under way", "order_id", order_id)
    if len(order.requests) >= MAX_REQUESTS:
        return Refusal(Reason.TOO_MANY_REQUESTS, f"an order has at most {MAX_REQUESTS} requests", "order_id", order_id)
    return None


def cancel(
    state: State, order: Order, now: int, cause: str, rule: str = ""
) -> tuple[m.AnyOrderEvent, list[m.AnyAction]]:
    """End a waiting order here, or ask the venue to cancel a live one, as soon as requests may leave. rule: the
    lingering rule that says so."""
    order_id = order.order_id
    if order.status is OrderStatus.PENDING:
        expired = cause == "expired"
        return m.OrderWithdrawn(
            time=now,
            order_id=order_id,
            status=OrderStatus.EXPIRED if expired else OrderStatus.CANCELLED,
            reason=Reason.EXPIRED_WAITING if expired else Reason.WITHDRAWN,
            cause=cause,
            rule=rule,
            mid=state.mid_of(order, now),
        ), []
    if is_quiet(state, now):
        return m.CancelWanted(time=now, order_id=order_id, cause=cause, rule=rule), []
    account = state.accounts[order.instruction.account]
    event = m.RequestSubmitted(
        time=now,
        order_id=order_id,
        number=len(order.requests),
        request="cancel",
        sign_at=now,
        lifetime_ms=account.traits.lifetime_ms,
        cause=cause,
        rule=rule,
    )
    return event, [send_cancel(order, event, account)]


def cancel_all(state: State, command: m.CancelAll, now: int) -> Decision:
    events: list[m.AnyEvent] = []
    actions: list[m.AnyAction] = []
    for order in state.working(command.account, command.symbol):
        if order.wait_for == "entry" and _may_be_needed(state, order):
            continue
        if _not_cancellable(order, order.order_id) is None:
            event, sent = cancel(state, order, now, command.cause or "cancel all")
            events.append(event)
            actions += sent
    return events, actions


def _may_be_needed(state: State, waiting: Order) -> bool:
    """Whether the entry of a waiting exit may fill before its cancel arrives; if not, the exit ends with it."""
    entry = state.find(waiting.instruction.group)
    return entry is not None and (entry.status not in DONE or not entry.filled)


def cancel_again(state: State, closer: Order, now: int) -> Decision:
    """A closing order still waits: what of its cancels came to nothing (refused, not sent) is asked for once more."""
    account, symbol = closer.instruction.account, closer.instruction.symbol
    delayed = m.OrderDelayed(time=now, order_id=closer.order_id, wait_for="cancels", wait_until=now + RECANCEL)
    events: list[m.AnyEvent] = [delayed]
    actions: list[m.AnyAction] = []
    for order in state.working(account, symbol):
        if any(request.cause == "close" for request in order.requests) and _not_cancellable(order, "") is None:
            event, sent = cancel(state, order, now, "close")
            events.append(event)
            actions += sent
    return events, actions


def replace_order(state: State, command: m.ReplaceOrder, now: int, rule: str = "") -> Decision:
    order = state.find(command.order_id)
    refusal = _not_replaceable(order, command, rule) or _quiet(state, now)
    if refusal is not None or order is None:
        return [], [m.Reply(outcome="refused", order_id=command.order_id, refusal=refusal)]
    account, instrument = state.accounts[order.instruction.account], state.instrument_of(order)
    quantity, price, stop_price = asked_for(order)
    wanted = msgspec.structs.replace(
        as_sent(order),
        quantity=command.quantity if command.quantity is not None else quantity,
        quote_quantity=None,
        price=command.price if command.price is not None else price,
        stop_price=command.stop_price if command.stop_price is not None else stop_price,
        execute_at=None,
    )
    quote = fresh(state, state.market.get((account.exchange, instrument.symbol)), now)
    sized = priced(wanted.quantity or ZERO, wanted.side, expected_price(wanted, account, quote), instrument, account)
    refusal = (
        validation.shape(wanted, min(now, (wanted.expire_at or now) - 1))
        or validation.fit(wanted, sized, instrument, quote, state.settings)
        or _replace_risk(state, order, sized, instrument, account, now)
    )
    if refusal is not None:
        return [], [m.Reply(outcome="refused", order_id=order.order_id, refusal=refusal)]
    sized = risk.margined(state, wanted, sized, instrument, sized.quantity - order.filled, order.exposed)
    return _replace(order, account, command, sized, quote, rule, now)


def _quiet(state: State, now: int) -> Refusal | None:
    """A replace is not kept until requests may leave again: the market would have moved on."""
    if not is_quiet(state, now):
        return None
    rule = f"the log was taken over; nothing leaves before {moment(state.controls.quiet_until or now)}: try again then"
    return Refusal(Reason.TAKEN_OVER, rule)


def asked_for(order: Order) -> tuple[Decimal, Decimal | None, Decimal | None]:
    """Quantity, price and stop price that the order will have when every replace in flight is done."""
    quantity, price, stop_price = order.quantity, order.price, order.stop_price
    for request in order.requests:
        if request.kind == "replace" and request.in_flight:
            quantity = request.quantity if request.quantity is not None else quantity
            price = request.price if request.price is not None else price
            stop_price = request.stop_price if request.stop_price is not None else stop_price
    return quantity, price, stop_price


def _not_replaceable(order: Order | None, command: m.ReplaceOrder, rule: str) -> Refusal | None:
    if order is None:
        return Refusal(Reason.UNKNOWN_ORDER, "no such order", "order_id", command.order_id)
    if order.ending is not None or order.status is OrderStatus.PENDING:
        return Refusal(Reason.NOT_OPEN, f"the order is {order.ending or order.status}", "order_id", command.order_id)
    if order.cancel_wanted is not None or any(it.kind == "cancel" and it.in_flight for it in order.requests):
        return Refusal(Reason.ALREADY_CANCELLING, "a cancel is under way", "order_id", command.order_id)
    if len(order.requests) >= MAX_REQUESTS - 1:  # the last one is kept for a cancel
        return Refusal(
            Reason.TOO_MANY_REQUESTS, f"an order has at most {MAX_REQUESTS} requests", "order_id", order.order_id
        )
    if command.quantity is not None and command.quantity <= order.filled:
        rule = f"{text(order.filled)} has filled already; cancel it instead"
        return Refusal(Reason.BELOW_FILLED, rule, "quantity", text(command.quantity))
    quantity, price, stop_price = asked_for(order)
    if order.instruction.group and not rule and command.quantity not in (None, quantity):
        why = "what an order of a group asks for follows from what the group has filled"
        return Refusal(Reason.GROUP, why, "quantity", text(command.quantity or ZERO), text(quantity))
    if (
        command.quantity in (None, quantity)
        and command.price in (None, price)
        and command.stop_price in (None, stop_price)
    ):
        return Refusal(Reason.NOTHING_CHANGES, "nothing would change", "order_id", order.order_id)
    return None


def _replace_risk(
    state: State, order: Order, sized: Sized, instrument: Instrument, account: Account, now: int
) -> Refusal | None:
    """A replace that adds is checked for what it adds; its value for the whole of it."""
    leaves = sized.quantity - order.filled
    margined = risk.margined(state, order.instruction, sized, instrument, leaves, order.exposed)
    reserved, exposed = order.reserved, order.exposed
    if order.instruction.group:
        reserved, exposed = shared(state, order.instruction)
    needed = leaves * margined.unit_cost - reserved
    added = leaves - exposed
    if needed <= 0 and added <= 0:
        if state.controls.trading is TradingState.HALTED:
            return Refusal(Reason.HALTED, "trading is halted; only cancels go out", "trading_state", "halted")
        return None
    more = Sized(
        max(added, ZERO),
        sized.basis,
        max(added, ZERO) * (sized.basis or ZERO),
        ZERO,
        ZERO,
        sized.unit_cost,
        sized.reserved_asset,
    )
    refusal = risk.check_replace(state, order.instruction, sized, more, instrument, now)
    if refusal is not None:
        if refusal.field != "quantity" or refusal.value != text(more.quantity):
            return refusal
        nearest = text(Decimal(refusal.nearest) + order.filled + order.exposed) if refusal.nearest else None
        return msgspec.structs.replace(refusal, value=text(sized.quantity), nearest=nearest)
    free = risk.free_of(state, account, sized.reserved_asset)
    if needed <= free or needed <= 0:
        return None
    affordable = most_within(free + order.reserved, margined.unit_cost, instrument.step_size)
    rule = f"needs {text(needed)} {sized.reserved_asset} more, {text(free)} is free"
    return Refusal(
        Reason.BUYING_POWER,
        rule,
        "quantity",
        text(sized.quantity),
        text(affordable + order.filled) if affordable else None,
    )


def _replace(
    order: Order, account: Account, command: m.ReplaceOrder, sized: Sized, quote: Quote | None, rule: str, now: int
) -> Decision:
    number = len(order.requests)
    event = m.RequestSubmitted(
        time=now,
        order_id=order.order_id,
        number=number,
        request="replace",
        sign_at=now,
        lifetime_ms=account.traits.lifetime_ms,
        quantity=sized.quantity,
        price=command.price,
        stop_price=command.stop_price,
        unit_cost=sized.unit_cost,
        arrival=quote.mid if quote is not None else None,
        cause=command.cause,
        rule=rule,
    )
    return [event], [send_replace(order, event, account)]


def approve_order(state: State, command: m.ApproveOrder, now: int) -> Decision:
    order = state.find(command.order_id)
    if order is None or order.status is not OrderStatus.PENDING or order.wait_for != "approval":
        return [], [
            m.Reply(outcome="refused", order_id=command.order_id, refusal=_not_waiting(order, command.order_id))
        ]
    approval, time = _said("approved", command), execution_time(state, order.instruction, now)
    if time > now:
        return [m.OrderDelayed(time=now, order_id=order.order_id, wait_for="time", wait_until=time, cause=approval)], []
    return release(state, order, now, approval=approval)


def deny_order(state: State, command: m.DenyOrder, now: int) -> Decision:
    order = state.find(command.order_id)
    if order is None or order.status is not OrderStatus.PENDING or order.wait_for != "approval":
        return [], [
            m.Reply(outcome="refused", order_id=command.order_id, refusal=_not_waiting(order, command.order_id))
        ]
    refusal = Refusal(Reason.APPROVAL_DENIED, _said("denied", command))
    return [denied(order.order_id, refusal, now)], []


def _said(what: str, command: m.ApproveOrder | m.DenyOrder) -> str:
    """What somebody did, and why: `denied by ann: too large`."""
    return what + (f" by {command.by}" if command.by else "") + (f": {command.cause}" if command.cause else "")


def _not_waiting(order: Order | None, order_id: str) -> Refusal:
    if order is None:
        return Refusal(Reason.UNKNOWN_ORDER, "no such order", "order_id", order_id)
    return Refusal(Reason.NOT_WAITING, f"the order is {order.status}, not waiting for approval", "order_id", order_id)


def resolve_unknown(state: State, command: m.ResolveUnknown, now: int) -> Decision:
    """The operator's word, for a venue that can neither bound a request's life nor look it up."""
    order = state.find(command.order_id)
    if order is None or not 0 <= command.number < len(order.requests):
        refusal = Refusal(Reason.UNKNOWN_ORDER, "no such request", "order_id", command.order_id)
        return [], [m.Reply(outcome="refused", order_id=command.order_id, refusal=refusal)]
    request = order.requests[command.number]
    if request.state != "unknown":
        refusal = Refusal(
            Reason.NOT_OPEN, f"the request is {request.state}, not unknown", "number", str(command.number)
        )
        return [], [m.Reply(outcome="refused", order_id=command.order_id, refusal=refusal)]
    event = m.RequestDead(
        time=now, order_id=order.order_id, number=command.number, evidence="operator", message=f"closed by {command.by}"
    )
    return watched(state, order, event, now), []


def refresh_order(state: State, command: m.RefreshOrder, now: int) -> Decision:
    """Ask the venue; its answers are inputs like any other. Changes nothing by itself."""
    order = state.find(command.order_id)
    if order is None:
        refusal = Refusal(Reason.UNKNOWN_ORDER, "no such order", "order_id", command.order_id)
        return [], [m.Reply(outcome="refused", order_id=command.order_id, refusal=refusal)]
    if not order.requests:
        return [], [m.Reply(outcome="nothing", order_id=order.order_id, text="it has not gone out")]
    number = next((request.number for request in reversed(order.requests) if request.in_flight), 0)
    return [], [question(state, order, number), fetch_trades(state, order)]
