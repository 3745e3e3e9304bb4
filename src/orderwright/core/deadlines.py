"""Time is an input. `next_deadline` says when the core wants to be told that time has passed, `time_passed` what it
then does.

The day begins (UTC midnight), trading goes back to ACTIVE, a waiting order's wait is over or it expires, a request is
overdue and becomes UNKNOWN, an UNKNOWN one is asked about again (and for a day one that was called dead), trades that
the venue has claimed and not shown are fetched again, an order that its venue should have expired, or that has rested
at its collar for long enough, is cancelled, a cancel leaves that had to wait, a rule for orders that linger acts,
orders that belong together are brought in line (at once, whenever something has happened to one of them). A driver
sends TimePassed before any other input once a deadline has come, so that no decision is made on a day that is over.
"""

from __future__ import annotations

from orderwright.core import deaths, risk
from orderwright.core import messages as m
from orderwright.core.asking import fetch_trades, next_question, question, unknown
from orderwright.core.changing import cancel, cancel_again
from orderwright.core.contingent import next_look, settle
from orderwright.core.contingent_acts import released
from orderwright.core.lingering import overdue
from orderwright.core.model import DAY, SECOND, Order, OrderStatus, TradingState
from orderwright.core.numbers import text
from orderwright.core.placing import Decision, denied, to_next_second
from orderwright.core.reasons import Reason, Refusal
from orderwright.core.releasing import release
from orderwright.core.state import (
    Controls,
    State,
    deadline_of,
    drop_stale_timers,
    due,
    is_quiet,
    may_close,
    protects,
    queues_until,
    request_deadline,
    rests_too_long,
)

FETCH_AT_LEAST_EVERY = 60 * SECOND


def may_be_due(state: State, now: int) -> bool:
    """False where surely nothing is due: the quick question before `next_deadline`, which looks closely."""
    timers, day, until = state.timers, state.day, state.controls.until
    if (timers and timers[0][0] <= now) or (until is not None and until <= now) or state.unsettled:
        return True
    if state.dead and (ask_at := deaths.next_question(state)) is not None and ask_at <= now:
        return True
    return day.start + DAY <= now if day is not None else bool(state.accounts)


def next_deadline(state: State) -> int | None:
    """The earliest microsecond at which `TimePassed` is due, or None."""
    timers, day, until = state.timers, state.day, state.controls.until
    if day is not None:
        soonest: int | None = day.start + DAY
    elif state.accounts:
        soonest = state.now
    else:
        soonest = None
    if until is not None and (soonest is None or until < soonest):
        soonest = until
    if state.unsettled and (look := next_look(state)) is not None:
        look = max(look, state.now, state.controls.quiet_until or 0)
        soonest = look if soonest is None else min(look, soonest)
    if state.dead and (ask_at := deaths.next_question(state)) is not None:
        soonest = ask_at if soonest is None else min(ask_at, soonest)
    if timers:
        drop_stale_timers(state)
        if timers and (soonest is None or timers[0][0] < soonest):
            return timers[0][0]
    return soonest


def time_passed(state: State, command: m.TimePassed, now: int) -> Decision:
    """Everything that is due."""
    events: list[m.AnyEvent] = []
    actions: list[m.AnyAction] = []
    day = state.day
    if state.accounts and (day is None or now >= day.start + DAY):
        total, unpriced = risk.equity(state, now)
        events.append(m.DayStarted(time=now, day=now // DAY * DAY, equity=total, unpriced=unpriced))
    until = state.controls.until
    if until is not None and now >= until:
        events.append(_back(state.controls, now))
    if events:  # what is due besides is decided in the new day and state, by the next TimePassed
        return events, actions
    quiet = is_quiet(state, now)
    if state.unsettled and not quiet:  # one act, and then another look
        settled = settle(state, now)
        if settled[0]:
            return settled
    if state.dead:
        events, actions = deaths.asked_again(state, now)
    for order_id in due(state.timers, now):
        order = state.orders.get(order_id)
        if order is None:
            continue
        deadline = deadline_of(state, order)
        if deadline is None or deadline > now:
            continue
        adds = order.status is OrderStatus.PENDING
        decided, sent = _look(state, order, now)
        events += decided
        actions += sent
        adds = adds or any(isinstance(action, m.SendReplace) for action in sent)
        if adds and sent:  # it counts against the limits of those behind it, which the next TimePassed looks at
            break
    return events, actions


def _look(state: State, order: Order, now: int) -> Decision:
    if order.status is OrderStatus.PENDING:
        return _wait_is_over(state, order, now)
    account = state.accounts[order.instruction.account]
    events: list[m.AnyEvent] = []
    actions: list[m.AnyAction] = []
    for request in order.requests:
        if request.state == "unknown" and request.ask_at is not None and request.ask_at <= now:
            ask_at = next_question(request, account, now)
            events.append(m.RequestAsked(time=now, order_id=order.order_id, number=request.number, ask_at=ask_at))
            actions.append(question(state, order, request.number))
        elif request.state in ("sent", "pending") and request_deadline(request, account) <= now:
            decided, asked = unknown(state, order, request, now, "no answer within the request's lifetime")
            events += decided
            actions += asked
    if order.fetch_at is not None and order.fetch_at <= now and order.has_gap:
        pause = min(2 * order.fetch_pause, FETCH_AT_LEAST_EVERY)
        events.append(m.TradesAsked(time=now, order_id=order.order_id, ask_at=now + pause))
        actions.append(fetch_trades(state, order))
    if events or is_quiet(state, now):
        return events, actions
    if (cause := _to_be_cancelled(order, now)) is not None:
        event, actions = cancel(state, order, now, *cause)
        events.append(event)
    return (events, actions) if events else overdue(state, order, now)


def _to_be_cancelled(order: Order, now: int) -> tuple[str, str] | None:
    """(cause, rule) by which a live order is to be cancelled now; None where it is not."""
    if order.cancel_wanted is not None:
        return order.cancel_wanted
    if order.expire_at is not None and order.expire_at <= now and order.ending is None:
        return "expired", ""
    return ("execution_timeout", "") if rests_too_long(order, now) else None


def _wait_is_over(state: State, order: Order, now: int) -> Decision:
    if order.expire_at is not None and order.expire_at <= now:
        event, actions = cancel(state, order, now, "expired")
        return [event], actions
    if order.wait_for == "approval":
        refusal = Refusal(Reason.APPROVAL_EXPIRED, "nobody approved it in time")
        return [denied(order.order_id, refusal, now)], []
    if order.wait_for == "queue" and queues_until(state, order) <= now:
        refusal = Refusal(Reason.EXECUTION_TIMEOUT, "the rate did not let it out within execution_timeout_ms")
        return [denied(order.order_id, refusal, now)], []
    if order.wait_for == "retry" and order.until is not None and order.until <= now:
        event, actions = cancel(state, order, now, "execution_timeout")
        return [event], actions
    if order.wait_for == "rate" and risk.over_rate(state, now):
        return [to_next_second(order.order_id, now)], []
    if order.wait_for == "cancels" and not may_close(state, order):
        return cancel_again(state, order, now)
    if order.wait_for in ("cancels", "parent", "retry") and protects(order.instruction):
        return released(state, order, release(state, order, now), now)
    return release(state, order, now)


def _back(controls: Controls, now: int) -> m.TradingStateSet:
    """To ACTIVE when the time set is over, or to what an operator still holds the book to."""
    held = controls.held(now)
    if held is None:
        return m.TradingStateSet(time=now, state=TradingState.ACTIVE, cause="the time set for it is over")
    return m.TradingStateSet(time=now, state=held.state, cause=held.cause, until=held.until, by=held.by, hold=held)


def loss_breach(state: State, now: int) -> Decision:
    """When the day's loss has reached its limit: REDUCING until the next UTC day, and an alert."""
    limit = state.settings.limits.max_daily_loss
    if limit is None or state.day is None or state.controls.trading is not TradingState.ACTIVE:
        return [], []
    try:
        loss = risk.daily_loss(state, now)
    except risk.NoPrice:
        return [], []
    if loss < limit:
        return [], []
    cause = f"the day's loss {text(loss)} reached the limit {text(limit)}"
    until = state.day.start + DAY
    event = m.TradingStateSet(time=now, state=TradingState.REDUCING, cause=cause, until=until)
    return [event], [m.RaiseAlert(topic="daily_loss", text=f"book {state.book}: {cause}; REDUCING until the next day")]
