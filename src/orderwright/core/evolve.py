"""Events to state: the only place where durable state changes.

Events are facts, so nothing is decided here: replaying a book's events through `evolve` gives its state again,
whatever the market, the limits and the rules have become. What it returns, the `Changes`, is what the log's read
models are made of.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from msgspec import Struct

from orderwright.core import groups, lifecycle
from orderwright.core import messages as m
from orderwright.core.model import DONE, SECOND, Execution, Instrument, Order, OrderSide, OrderStatus, Position
from orderwright.core.numbers import ZERO
from orderwright.core.portfolio import LedgerRow, book_execution, post
from orderwright.core.state import (
    KEEP_FINISHED,
    KEEP_KEYS,
    MARKED_FOR,
    Day,
    Exposure,
    Interest,
    State,
    follow,
    remember,
    set_timer,
    watch,
)
from orderwright.core.transitions import TABLE

PositionRow = tuple[str, str, Decimal, Decimal, Decimal]
"""(account, symbol, size, cost, realised), after the event"""

_TIMED = frozenset(
    {
        m.OrderReceived,
        m.OrderDelayed,
        m.RequestSubmitted,
        m.RequestRefused,
        m.RequestUnknown,
        m.RequestAsked,
        m.RequestNotFound,
        m.RequestDead,
        m.OrderEnded,
        m.GapSeen,
        m.TradesAsked,
        m.CancelWanted,
        m.OrderLingered,
    }
)


class Changes(Struct, gc=False):
    """What one event changed. order is the live record: whoever needs its values reads them before the next event."""

    order: Order | None = None
    ledger: list[LedgerRow] | None = None
    position: PositionRow | None = None


NOTHING = Changes()


def evolve(state: State, event: m.AnyEvent) -> Changes:
    """Apply one event. The caller has numbered it: it is the book's event `state.sequence + 1`."""
    changes = _HANDLERS[type(event)](state, event)
    state.sequence += 1
    state.now = event.time
    return changes


def _received(state: State, event: m.OrderReceived) -> Changes:
    order = lifecycle.received(event)
    order_id, instruction = event.order_id, event.instruction
    state.orders[order_id] = order
    if order_id > state.last_order_id:
        state.last_order_id = order_id
    if instruction.idempotency_key:
        remember(state.keys, order_key(instruction.idempotency_key), order_id, KEEP_KEYS)
    if event.wait_for == "cancels":
        state.closing[instruction.account, instruction.symbol] = order_id
    elif event.wait_for in ("parent", "retry"):
        state.succeeded[instruction.parent_id] = order_id
    elif event.wait_for == "queue":
        state.queue[order_id] = None
    if state.settings.linger or instruction.linger:
        watch(state, order)
    if _belongs(order):
        groups.touch(state, order)
    if instruction.trail is not None:
        follow(state, order)
    _count(state, event)
    changes = Changes(order, _reserve(state, order, ZERO))
    _expose(state, order, ZERO, OrderStatus.PENDING)
    if event.sign_at is not None or event.wait_until is not None or event.expire_at is not None:
        set_timer(state, order)
    return changes


def _order_event(state: State, event: m.AnyOrderEvent) -> Changes:
    """What happens to an order, other than its executions."""
    order_id, kind = event.order_id, type(event)
    order = state.orders.get(order_id) or state.finished[order_id]
    was, reserved, exposed = order.status, order.reserved, order.exposed
    lifecycle.apply(order, event)
    if _belongs(order):
        groups.touch(state, order)
    if kind is m.RequestSubmitted and event.number == 0:  # type: ignore[union-attr]
        key = (order.instruction.account, order.instruction.symbol)
        if state.closing.get(key) == order_id:
            del state.closing[key]
        _no_longer_waits(state, order)
        _count(state, event)  # type: ignore[arg-type]
    if state.queue or order.wait_for == "queue":
        _queue(state, order)
    changes = Changes(order, _reserve(state, order, reserved))
    if order.status is not was or order.exposed is not exposed or order.instruction.group:
        _expose(state, order, exposed, was)
    if order.status not in DONE and (
        kind in _TIMED
        or order.expire_at is not None
        or order.until is not None
        or state.settings.linger  # any event may start the clock of its rules
        or order.instruction.linger
    ):
        set_timer(state, order)
    return changes


def _filled(state: State, event: m.OrderFilled) -> Changes:
    order = _order(state, event.order_id)
    return _book(state, order, event, None, event.execution)


def _corrected(state: State, event: m.FillCorrected) -> Changes:
    order = _order(state, event.order_id)
    return _book(state, order, event, order.executions[event.corrects], event.execution)


def _busted(state: State, event: m.FillBusted) -> Changes:
    order = _order(state, event.order_id)
    return _book(state, order, event, order.executions[event.execution_id], None)


def _queue(state: State, order: Order) -> None:
    """Bring an order's place among those that wait for the rate in line; the first of them is woken."""
    queue, order_id = state.queue, order.order_id
    if order.status is OrderStatus.PENDING and order.wait_for == "queue":
        queue[order_id] = None
    elif order_id in queue:
        del queue[order_id]
        if queue:
            set_timer(state, state.orders[next(iter(queue))])


def _belongs(order: Order) -> bool:
    """Whether other orders belong to it."""
    return bool(order.instruction.group) or order.instruction.bracket is not None


def _order(state: State, order_id: str) -> Order:
    return state.orders.get(order_id) or state.finished[order_id]


def _book(
    state: State, order: Order, event: m.AnyOrderEvent, voided: Execution | None, execution: Execution | None
) -> Changes:
    """Take back one execution, book another, or both: order, position, balances and reservation in one go."""
    was, reserved, exposed = order.status, order.reserved, order.exposed
    lifecycle.apply(order, event)
    instruction = order.instruction
    account = instruction.account
    key = (account, instruction.symbol)
    position = state.positions.get(key)
    if position is None:
        position = state.positions[key] = Position()
    instrument = state.instruments[state.accounts[account].exchange, instruction.symbol]
    moves: list[tuple[str, Decimal]] = []
    if voided is not None:
        moves = book_execution(position, instrument, instruction.side, voided, -1)
    if execution is not None:
        booked = book_execution(position, instrument, instruction.side, execution)
        moves = moves + booked if moves else booked
    locked = order.reserved - reserved
    if _belongs(order):
        groups.touch(state, order)
        if instruction.group:
            locked = groups.newly_reserved(state, state.groups[instruction.group])
    if state.bracketed and instrument.linear:
        groups.touch_bracketed(state, account, instruction.symbol)
    ledger = post(state.balances, account, moves, order.reserved_asset, locked)
    _expose(state, order, exposed, was)
    if instruction.bracket is not None and (more := _share_anew(state, order)):
        ledger = [*(ledger or ()), *more]
    interest_in(state, order).until = event.time + MARKED_FOR
    if order.status not in DONE and (
        order.expire_at is not None or order.until is not None or state.settings.linger or instruction.linger
    ):
        set_timer(state, order)
    return Changes(order, ledger, (account, instruction.symbol, position.size, position.cost, position.realised))


def _reserve(state: State, order: Order, reserved: Decimal) -> list[LedgerRow] | None:
    """Bring what is locked in line with the order."""
    locked = order.reserved - reserved
    if order.instruction.group:
        locked = groups.newly_reserved(state, state.groups[order.instruction.group])
    return post(state.balances, order.instruction.account, (), order.reserved_asset, locked) if locked else None


def _expose(state: State, order: Order, exposed: Decimal, was: OrderStatus) -> None:
    """Bring the exposure in line with the order, and keep live and finished orders apart."""
    if order.exposed is not exposed or order.instruction.group:
        more = order.exposed - exposed
        if order.instruction.group:
            more = groups.newly_exposed(state, state.groups[order.instruction.group])
        if more:  # one that was denied may name an account or a symbol that there is not
            exposure = _exposure(state, order)
            if order.instruction.side is OrderSide.BUY:
                exposure.buy += more
            else:
                exposure.sell += more
    if order.status in DONE:
        if was not in DONE:
            _finish(state, order)
    elif was in DONE:
        state.orders[order.order_id] = state.finished.pop(order.order_id)
        _exposure(state, order).orders += 1
        interest_in(state, order).orders += 1
        watch(state, order)
        if order.instruction.trail is not None:
            follow(state, order)
        set_timer(state, order)


def _share_anew(state: State, entry: Order) -> list[LedgerRow]:
    """Bring what an entry's exits lock and expose in line with what it has brought."""
    group = state.groups[entry.order_id]
    one = next((order for order in group.members.values() if order.reserved_asset), None)
    if one is None:
        return []
    exposure, more = _exposure(state, one), groups.newly_exposed(state, group)
    if one.instruction.side is OrderSide.BUY:
        exposure.buy += more
    else:
        exposure.sell += more
    locked = groups.newly_reserved(state, group)
    return (post(state.balances, one.instruction.account, (), one.reserved_asset, locked) or []) if locked else []


def _exposure(state: State, order: Order) -> Exposure:
    key = (order.instruction.account, order.instruction.symbol)
    exposure = state.exposures.get(key)
    if exposure is None:
        exposure = state.exposures[key] = Exposure()
    return exposure


def _relieve(state: State, order: Order) -> None:
    """No rule looks at a finished order any more; the market order that waited for its end is woken."""
    for watched in state.watched.values():
        watched.pop(order.order_id, None)
    successor = state.succeeded.get(order.order_id)
    if successor is not None:
        set_timer(state, state.orders[successor])
    _no_longer_waits(state, order)


def _no_longer_waits(state: State, order: Order) -> None:
    """If it was the one that waited for its parent's end; a parent may have other children."""
    parent_id = order.instruction.parent_id
    if state.succeeded.get(parent_id) == order.order_id:
        del state.succeeded[parent_id]


def interest_in(state: State, order: Order) -> Interest:
    """The interest in an order's market."""
    key = (state.accounts[order.instruction.account].exchange, order.instruction.symbol)
    interest = state.interest.get(key)
    if interest is None:
        interest = state.interest[key] = Interest()
    return interest


def _finish(state: State, order: Order) -> None:
    """Move it out of the live orders, and wake the order that waited for the symbol's cancels."""
    order_id, key = order.order_id, (order.instruction.account, order.instruction.symbol)
    del state.orders[order_id]
    remember(state.finished, order_id, order, KEEP_FINISHED)
    if order.requests:
        _exposure(state, order).orders -= 1
        interest_in(state, order).orders -= 1
    if state.watched or state.succeeded:
        _relieve(state, order)
    if order.instruction.trail is not None:
        for trailing in state.trailing.values():
            trailing.pop(order_id, None)
        state.best.pop(order_id, None)
    waiting = state.closing.get(key)
    if waiting == order_id:
        del state.closing[key]
    elif waiting is not None:
        set_timer(state, state.orders[waiting])  # it may be the last one that it waited for


def _count(state: State, event: m.OrderReceived | m.RequestSubmitted) -> None:
    """A new order has gone out."""
    if event.today is None:
        return
    controls = state.controls
    controls.orders_today = event.today
    controls.second, controls.orders_this_second = event.time // SECOND, event.this_second or 0
    controls.sent_at, controls.orders_this_window = event.time, event.this_window or 0
    order = state.orders[event.order_id]
    _exposure(state, order).orders += 1
    interest = interest_in(state, order)
    interest.orders += 1
    interest.until = event.time + MARKED_FOR


def _cash_moved(state: State, event: m.CashMoved) -> Changes:
    if event.reference:
        remember(state.keys, cash_key(event.reference), "", KEEP_KEYS)
    if state.day is not None:
        key = (event.account, event.asset)
        state.day.moved[key] = state.day.moved.get(key, ZERO) + event.amount
    return Changes(None, post(state.balances, event.account, [(event.asset, event.amount)]))


def _day_started(state: State, event: m.DayStarted) -> Changes:
    state.day = Day(event.day, event.equity, event.unpriced)
    state.controls.orders_today = 0
    return NOTHING


def _trading_state_set(state: State, event: m.TradingStateSet) -> Changes:
    controls = state.controls
    controls.trading, controls.cause, controls.until = event.state, event.cause, event.until
    controls.by, controls.hold = event.by, event.hold
    groups.touch_all(state)
    for order in state.orders.values():
        if order.wait_for in ("cancels", "parent", "retry"):  # what protects or closes waits under HALTED
            set_timer(state, order)
    return NOTHING


def _account_opened(state: State, event: m.AccountOpened) -> Changes:
    state.accounts[event.account.account] = event.account
    return NOTHING


def _instrument_defined(state: State, event: m.InstrumentDefined) -> Changes:
    instrument = event.instrument
    state.instruments[instrument.exchange, instrument.symbol] = instrument
    if instrument.linear:
        state.futures = True
    else:
        _route(state, instrument)
    return NOTHING


def _route(state: State, instrument: Instrument) -> None:
    """An asset is valued by its market against the first of the parity assets, else by the first by name: whatever
    the order in which markets were defined, so that a restored book values as the old one did."""

    def rank(market: Instrument) -> tuple[int, str]:
        parity = state.settings.parity
        return (parity.index(market.quote) if market.quote in parity else len(parity), market.symbol)

    key = (instrument.exchange, instrument.base)
    known = state.routes.get(key)
    if known is None or rank(instrument) < rank(state.instruments[instrument.exchange, known]):
        state.routes[key] = instrument.symbol


def _configured(state: State, event: m.Configured) -> Changes:
    changed = state.settings.parity != event.settings.parity
    queue = next(iter(state.queue), None)
    relieved = state.settings.linger != event.settings.linger
    state.settings = event.settings
    if relieved:
        state.watched.clear()
        for order in state.orders.values():
            watch(state, order)
            set_timer(state, order)
    if queue is not None:  # the rate may be another now
        set_timer(state, state.orders[queue])
    if changed:
        state.routes.clear()
        for instrument in state.instruments.values():
            if not instrument.linear:
                _route(state, instrument)
    return NOTHING


def _signal_received(state: State, event: m.SignalReceived) -> Changes:
    remember(state.keys, event.key, event.order_id, KEEP_KEYS)
    return NOTHING


def _alert_received(state: State, event: m.AlertReceived) -> Changes:
    keyed = key_of(event)
    if keyed is not None:
        remember(state.keys, *keyed, KEEP_KEYS)
    return NOTHING


def _price_seen(state: State, event: m.PriceSeen) -> Changes:
    state.priced[event.exchange, event.symbol] = event.quote.time
    return NOTHING


def _epoch_began(state: State, event: m.EpochBegan) -> Changes:
    state.controls.epoch, state.controls.quiet_until = event.epoch, event.quiet_until
    for order in state.orders.values():
        set_timer(state, order)
    return NOTHING


def _dead_watched(state: State, event: m.DeadWatched) -> Changes:
    watched = state.dead.get(event.order_id)
    if event.ask_at is not None:
        state.dead[event.order_id] = event
    elif watched is not None and watched.slot == event.slot:
        del state.dead[event.order_id]
    return NOTHING


def _user_added(state: State, event: m.UserAdded) -> Changes:
    state.users[event.user.user] = event.user
    return NOTHING


def _key_issued(state: State, event: m.KeyIssued) -> Changes:
    state.api_keys[event.key.key_id] = event.key
    return NOTHING


def _key_revoked(state: State, event: m.KeyRevoked) -> Changes:
    state.revoked[event.key_id] = event.time
    return NOTHING


def _noted(state: State, event: m.AnyEvent) -> Changes:
    """A fact for the log that no decision needs."""
    return NOTHING


def signal_key(key: str) -> str:
    return f"signal|{key}"


def alert_key(key: str) -> str:
    return f"alert|{key}"


def order_key(key: str) -> str:
    return f"order|{key}"


def cash_key(reference: str) -> str:
    return f"cash|{reference}"


def key_of(event: m.AnyEvent) -> tuple[str, str] | None:
    """(key, order id) of an event whose input must never count twice: a signal, an idempotency key, a cash
    reference; of an alert, its time and its own id stand before the order id (`time|alert|order id`)."""
    if isinstance(event, m.SignalReceived):
        return event.key, event.order_id
    if isinstance(event, m.AlertReceived):
        first = f"{event.time}|{event.alert.alert}|{event.order_id}"
        return (event.key, first) if event.key else None
    if isinstance(event, m.OrderReceived) and event.instruction.idempotency_key:
        return order_key(event.instruction.idempotency_key), event.order_id
    if isinstance(event, m.CashMoved) and event.reference:
        return cash_key(event.reference), ""
    return None


_HANDLERS: dict[type[m.Event], Callable[[State, Any], Changes]] = {
    m.OrderReceived: _received,
    m.OrderFilled: _filled,
    m.FillCorrected: _corrected,
    m.FillBusted: _busted,
    m.CashMoved: _cash_moved,
    m.DayStarted: _day_started,
    m.TradingStateSet: _trading_state_set,
    m.AccountOpened: _account_opened,
    m.InstrumentDefined: _instrument_defined,
    m.Configured: _configured,
    m.SignalReceived: _signal_received,
    m.AlertReceived: _alert_received,
    m.PriceSeen: _price_seen,
    m.EpochBegan: _epoch_began,
    m.DeadWatched: _dead_watched,
    m.UserAdded: _user_added,
    m.KeyIssued: _key_issued,
    m.KeyRevoked: _key_revoked,
    m.ReportParked: _noted,
}
for _kind in TABLE:
    _HANDLERS.setdefault(_kind, _order_event)
