"""The pipeline: from what someone wants to a request that is about to leave.

    signal ─► instruction ─► known already? ─► well formed? ─► sized ─► fits? ─► allowed? ─► waits? ─► leaves
              from_signal    recognise         shape           size     fit      check       wait_of   sent

Each stage either hands on or ends the order with a refusal, which is logged like everything else. An order that waits
(for a time, an approval, the symbol's cancels, the next second) goes through sized, fits and allowed again when its
wait is over, at the price of that moment. Above the rate per second what adds is refused and what only reduces waits
for the next second, whether it has just come or has waited already; only what waited for other orders to end (a close,
the successor of a lingering order) goes at once.

Above `rate_limit_orders` in a window of the clock (as exchanges count) an order waits in a queue, for
`execution_timeout_ms` at most (after a take-over, from when orders may leave): it is denied then, and at once where the
queue is full. Nobody overtakes: what comes
while others wait goes behind them, and who waits there keeps the place until the next second too. Cancels and replaces
never wait there, nor does what waited for other orders to end or protects what an entry has brought; those that are
orders count all the same.

After the log was taken over from another process nothing leaves until that one's last request is dead: orders wait.

A stale market (no quote, or one older than max_price_age_ms) counts as none. It refuses an order that has no price of
its own (a market order, unless it only reduces and gives its quantity), any order with a limit price where there is a
collar, and one that adds where a limit needs a value that only the market has. Any other order passes: it is valued
by its own limit or stop price.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from orderwright.core import groups, risk, validation
from orderwright.core import messages as m
from orderwright.core.collar import collared, over_at, remainder_of
from orderwright.core.evolve import order_key
from orderwright.core.exits import begins_at
from orderwright.core.groups import others_in
from orderwright.core.model import (
    DAY,
    SECOND,
    Account,
    Instruction,
    Instrument,
    Quote,
    TimeInForce,
)
from orderwright.core.numbers import ZERO
from orderwright.core.reasons import Reason, Refusal
from orderwright.core.requests import by_quantity, send_order
from orderwright.core.sizing import Sized, estimated_slippage, size
from orderwright.core.state import State, is_quiet
from orderwright.errors import nearest_name

Decision = tuple[list[m.AnyEvent], list[m.AnyAction]]
_DAY_ORDER = TimeInForce.DAY
UNPRICED = Sized(ZERO, None, ZERO, ZERO, ZERO, ZERO, "")


def submit_order(state: State, command: m.SubmitOrder, now: int) -> Decision:
    return submit(state, command.instruction, now)


def submit(state: State, order: Instruction, now: int) -> Decision:
    """One instruction through the whole pipeline."""
    known = recognise(state, order)
    if known is not None:
        return [], [known]
    found = market_of(state, order.account, order.symbol)
    if isinstance(found, Refusal):
        return _deny(order, "", UNPRICED, None, found, now)
    account, instrument, quote = found
    quote = fresh(state, quote, now)
    sized = UNPRICED
    given, refusal = order, shape(state, order, now)
    if refusal is None and order.trail is not None and order.stop_price is None:
        begins = begins_at(order, quote, instrument.tick_size)
        if isinstance(begins, Refusal):
            refusal = begins
        else:
            order = msgspec.structs.replace(order, stop_price=begins)
    if refusal is None:
        if state.settings.max_slippage_bps is not None:
            order = collared(state.settings, order, instrument, quote)
        numbers = size(order, instrument, account, quote)
        if isinstance(numbers, Refusal):
            refusal = numbers
        else:
            sized = numbers
            refusal = check(state, order, sized, account, instrument, quote, now)
    if refusal is not None:
        return _deny(given, account.exchange, sized, quote, refusal, now)
    sized = risk.margined(state, order, sized, instrument, sized.quantity)
    wait_for, wait_until = wait_of(state, order, sized, instrument, now)
    if wait_for == "queue" and (full := queue_full(state)) is not None:
        return _deny(given, account.exchange, sized, quote, full, now)
    event = received(state, given, account, sized, quote, wait_for, wait_until, now)
    if order.type is not given.type and not wait_for:
        remainder = remainder_of(state.settings, given)
        until = over_at(state.settings, remainder, now)
        event = msgspec.structs.replace(event, price=order.price, remainder=remainder, until=until)
        order = by_quantity(order, event.quantity)
    events: list[m.AnyEvent] = [event]
    if given.group or order.stop_price is not given.stop_price:
        events = _joining(state, event, order, now)
    if wait_for:
        return events, _wait_notice(order, wait_for)
    return events, [send_order(order, account, event.quantity, event.expire_at, now, event.lifetime_ms)]


def _joining(state: State, event: m.OrderReceived, order: Instruction, now: int) -> list[m.AnyEvent]:
    """The order with those that it joins, each of which is told of it first; and with the stop price it goes out at."""
    others = others_in(state, order)
    stop_price = order.stop_price if order is not event.instruction and not event.wait_for else None
    told = [m.OrderJoined(time=now, order_id=other, joined=order.order_id) for other in others]
    return [*told, msgspec.structs.replace(event, stop_price=stop_price, kin=tuple(others))]


def recognise(state: State, order: Instruction) -> m.Reply | None:
    """The answer to an order that came before, by its id or by the caller's own key; None for a new one. A key too
    long to be kept is refused here: nothing of it goes into the log."""
    earlier = state.find(order.order_id)
    if earlier is None and order.idempotency_key:
        if (too_long := validation.key(order.idempotency_key)) is not None:
            return m.Reply(outcome="refused", order_id=order.order_id, refusal=too_long)
        order_id = state.keys.get(order_key(order.idempotency_key))
        if order_id is None:
            return None
        earlier = state.find(order_id)
        if earlier is None or _same(earlier.instruction, order):
            return m.Reply(outcome="duplicate", order_id=order_id)
        rule = f"the key was used for another order, {order_id}"
        refusal = Refusal(Reason.IDEMPOTENCY_CONFLICT, rule, "idempotency_key", order.idempotency_key)
        return m.Reply(outcome="refused", order_id=order_id, refusal=refusal)
    if earlier is None:
        return None
    if _same(earlier.instruction, order):
        return m.Reply(outcome="duplicate", order_id=order.order_id)
    refusal = Refusal(Reason.DUPLICATE_ORDER_ID, "the id belongs to another order", "order_id", order.order_id)
    return m.Reply(outcome="refused", order_id=order.order_id, refusal=refusal)


def _same(one: Instruction, other: Instruction) -> bool:
    """Whether two instructions ask for the same; their ids do not count."""
    return one == other or msgspec.structs.replace(one, order_id=other.order_id) == other


def held_of(state: State, account: str, symbol: str) -> Decimal:
    """The position with what is working on it, signed."""
    position, exposure = state.positions.get((account, symbol)), state.exposures.get((account, symbol))
    size = position.size if position is not None else ZERO
    return size + exposure.buy - exposure.sell if exposure is not None else size


def closable_of(state: State, account: str, symbol: str) -> Decimal:
    """The position, signed, without what working orders are closing already."""
    position, exposure = state.positions.get((account, symbol)), state.exposures.get((account, symbol))
    size = position.size if position is not None else ZERO
    if exposure is None:
        return size
    return max(size - exposure.sell, ZERO) if size > 0 else min(size + exposure.buy, ZERO)


def market_of(state: State, account: str, symbol: str) -> tuple[Account, Instrument, Quote | None] | Refusal:
    opened = state.accounts.get(account)
    if opened is None:
        nearest = nearest_name(account, state.accounts)
        return Refusal(Reason.UNKNOWN_ACCOUNT, "unknown account", "account", account, nearest)
    key = (opened.exchange, symbol)
    instrument = state.instruments.get(key)
    if instrument is None:
        names = [name for exchange, name in state.instruments if exchange == opened.exchange]
        rule = f"unknown symbol on {opened.exchange}"
        return Refusal(Reason.UNKNOWN_SYMBOL, rule, "symbol", symbol, nearest_name(symbol, names))
    return opened, instrument, state.market.get(key)


def fresh(state: State, quote: Quote | None, now: int) -> Quote | None:
    """A quote that is too old counts as none."""
    if quote is None or now - quote.time > 1_000 * state.settings.max_price_age_ms:
        return None
    return quote


def shape(state: State, order: Instruction, now: int) -> Refusal | None:
    """Is it well formed, and is there a time at which it can be executed?"""
    refusal = validation.shape(order, now)
    if refusal is None and order.group:
        refusal = groups.refusal(state, order)
    if refusal is not None or order.execute_at is None:
        return refusal
    return validation.outlives(order, execution_time(state, order, now))


def check(
    state: State,
    order: Instruction,
    sized: Sized,
    account: Account,
    instrument: Instrument,
    quote: Quote | None,
    now: int,
) -> Refusal | None:
    """Does it fit the instrument and the market, and is it allowed?"""
    refusal = validation.fit(order, sized, instrument, quote, state.settings)
    if refusal is not None:
        return refusal
    if sized.basis is None and not risk.reduces(state, order, sized.quantity, instrument):
        return Refusal(Reason.NO_MARKET_PRICE, "no market price recent enough to decide on", "symbol", order.symbol)
    if not state.settings.execution_enabled:
        return Refusal(Reason.EXECUTION_DISABLED, "execution is switched off (execution.enabled)")
    return risk.check(state, order, sized, instrument, account, now)


def wait_of(state: State, order: Instruction, sized: Sized, instrument: Instrument, now: int) -> tuple[str, int | None]:
    """What the order has to wait for, and until when (microseconds); ("", None) where it can go at once."""
    if not order.reduce_only and _needs_approval(state, sized, instrument, now):
        return "approval", now + 1_000 * state.settings.approval_timeout_ms
    if order.execute_at is not None:
        return "time", execution_time(state, order, now)
    if state.controls.quiet_until is not None and is_quiet(state, now):
        return "quiet", state.controls.quiet_until
    over_rate = risk.over_rate(state, now)
    if state.settings.rate_limit_orders is not None and (state.queue or over_rate or over_window(state, now)):
        return "queue", now + 1_000 * state.settings.execution_timeout_ms
    return ("rate", _next_second(now)) if over_rate else ("", None)


def over_window(state: State, now: int) -> bool:
    """Whether the orders of this window are used up."""
    limit, window = state.settings.rate_limit_orders, 1_000 * state.settings.rate_limit_window_ms
    controls = state.controls
    same = controls.sent_at // window == now // window
    return limit is not None and same and controls.orders_this_window >= limit


def next_place(state: State) -> int:
    """The place of one more order that has to wait for the rate: behind all of the others."""
    last = next(reversed(state.queue), None)
    return state.orders[last].place + 1 if last is not None else 1


def queue_full(state: State) -> Refusal | None:
    """The refusal of one more order that would have to wait for the rate."""
    if len(state.queue) < state.settings.rate_queue:
        return None
    return Refusal(Reason.RATE_QUEUE_FULL, f"{len(state.queue)} orders wait already for the rate; try again later")


def _next_second(now: int) -> int:
    return (now // SECOND + 1) * SECOND


def execution_time(state: State, order: Instruction, now: int) -> int:
    """When the order wants to be executed; the next bar opens now, if one does."""
    if order.execute_at == "next_open":
        bar = 1_000 * state.settings.bar_ms
        return -(-now // bar) * bar
    return order.execute_at if order.execute_at is not None else now


def _needs_approval(state: State, sized: Sized, instrument: Instrument, now: int) -> bool:
    settings = state.settings
    if settings.approval == "none" or sized.basis is None:
        return settings.approval == "all"
    try:
        value = sized.value * risk.rate(state, instrument.exchange, instrument.quote, now)
    except risk.NoPrice:
        return True
    return settings.approval == "all" or value > settings.approval_above


def _wait_notice(order: Instruction, wait_for: str) -> list[m.AnyAction]:
    if wait_for != "approval":
        return []
    return [
        m.RaiseAlert(topic="approval", text=f"order {order.order_id} ({order.side} {order.symbol}) waits for approval")
    ]


def received(
    state: State,
    order: Instruction,
    account: Account,
    sized: Sized,
    quote: Quote | None,
    wait_for: str,
    wait_until: int | None,
    now: int,
) -> m.OrderReceived:
    force = order.time_in_force
    expire_at = order.expire_at if force is not _DAY_ORDER else _end_of_day(execution_time(state, order, now))
    today = this_second = this_window = sign_at = lifetime_ms = None
    if not wait_for:
        today, this_second = counts(state, now)
        if state.settings.rate_limit_orders is not None:
            this_window = count_of_window(state, now)
        sign_at, lifetime_ms = now, account.traits.lifetime_ms
    return m.OrderReceived(
        time=now,
        order_id=order.order_id,
        instruction=order,
        exchange=account.exchange,
        quantity=sized.quantity,
        arrival=quote.mid if quote is not None else None,
        bid=quote.bid if quote is not None else None,
        ask=quote.ask if quote is not None else None,
        estimated_fee=sized.estimated_fee,
        estimated_cost=sized.estimated_cost,
        estimated_slippage=estimated_slippage(order, sized, quote),
        unit_cost=sized.unit_cost,
        reserved_asset=sized.reserved_asset,
        expire_at=expire_at,
        sign_at=sign_at,
        lifetime_ms=lifetime_ms,
        wait_for=wait_for,
        wait_until=wait_until,
        place=next_place(state) if wait_for == "queue" else 0,
        today=today,
        this_second=this_second,
        this_window=this_window,
    )


def _end_of_day(time: int) -> int:
    """The end of the UTC day on which an order is executed: what is good for the day is good until then."""
    return (time // DAY + 1) * DAY


def counts(state: State, now: int) -> tuple[int, int]:
    """The next order's number among the day's and the second's."""
    controls = state.controls
    same = controls.second == now // SECOND
    return controls.orders_today + 1, controls.orders_this_second + 1 if same else 1


def count_of_window(state: State, now: int) -> int | None:
    """The next order's number among those of the rate's window; None where there is no such rate."""
    if state.settings.rate_limit_orders is None:
        return None
    window, controls = 1_000 * state.settings.rate_limit_window_ms, state.controls
    return controls.orders_this_window + 1 if controls.sent_at // window == now // window else 1


def _deny(order: Instruction, exchange: str, sized: Sized, quote: Quote | None, refusal: Refusal, now: int) -> Decision:
    """Log the order and why it was refused."""
    quantity = sized.quantity if sized is not UNPRICED else order.quantity or ZERO
    received = m.OrderReceived(
        time=now,
        order_id=order.order_id,
        instruction=order,
        exchange=exchange,
        quantity=quantity,
        arrival=quote.mid if quote is not None else None,
    )
    return [received, denied(order.order_id, refusal, now)], [
        m.Reply(outcome="refused", order_id=order.order_id, refusal=refusal)
    ]


def denied(order_id: str, refusal: Refusal, now: int) -> m.OrderDenied:
    return m.OrderDenied(
        time=now,
        order_id=order_id,
        reason=refusal.reason,
        field=refusal.field,
        value=refusal.value,
        rule=refusal.rule,
        nearest=refusal.nearest,
    )


def to_next_second(order_id: str, now: int) -> m.OrderDelayed:
    """This second's orders are used up."""
    return m.OrderDelayed(time=now, order_id=order_id, wait_until=_next_second(now))
