"""Is an order well formed, and does it fit its instrument? A ladder of guards, in order of precedence.

`shape` looks at the instruction alone (reasons 1xx): quantity, prices for its type, time in force, times. `fit`
holds it against the instrument and the market (2xx): tick, step, quantity and value limits, price collar. The first
guard that is not met gives the refusal: field, value, rule, and the nearest value that would pass. Quantities are
rounded down, never up. `key` and `outlives` guard what needs more than the instruction, or comes before it.

A market too stale to decide on (`quote` is None) does not refuse an order by itself: one with a price of its own, limit
or stop, is valued at that. It refuses here only where a collar has nothing to measure a limit price by; `sizing` and
`placing` refuse an order without a price of its own that does not merely reduce, and risk one whose limit needs a
value that only the market has.
"""

from __future__ import annotations

from decimal import Decimal

from orderwright.core.exits import misshapen, unfit
from orderwright.core.ids import is_order_id
from orderwright.core.model import (
    HAS_PRICE,
    HAS_STOP_PRICE,
    Instruction,
    Instrument,
    OrderSide,
    OrderType,
    Quote,
    Settings,
    TimeInForce,
)
from orderwright.core.numbers import (
    QUANTUM,
    VALUE_LIMIT,
    ZERO,
    ceil_to,
    floor_to,
    least_for,
    moment,
    most_within,
    nearest_to,
    text,
)
from orderwright.core.patience import problem_of
from orderwright.core.reasons import Reason, Refusal
from orderwright.core.sizing import BPS, Sized, no_price

_GTC, _GTD = TimeInForce.GTC, TimeInForce.GTD
_IMMEDIATE = frozenset({TimeInForce.IOC, TimeInForce.FOK})

KEY_LENGTH = 128
_SHOWN_OF_KEY = 32


def key(idempotency_key: str) -> Refusal | None:
    """Guards the caller's own key: it is kept as long as its order, and looked up for every new one."""
    if len(idempotency_key) <= KEY_LENGTH:
        return None
    rule = f"longer than {KEY_LENGTH} characters"
    return Refusal(Reason.KEY_TOO_LONG, rule, "idempotency_key", f"{idempotency_key[:_SHOWN_OF_KEY]}...")


def shape(order: Instruction, now: int) -> Refusal | None:
    """Guards that need nothing but the instruction and the time."""
    kind = order.type
    if order.quantity is None:
        if order.quote_quantity is None:
            return Refusal(Reason.QUANTITY_MISSING, "a quantity is needed", "quantity", "")
        if kind is not OrderType.MARKET:
            return Refusal(
                Reason.QUANTITY_MISSING,
                "a quote amount is for market orders only",
                "quote_quantity",
                text(order.quote_quantity),
            )
        if order.quote_quantity <= 0:
            return _not_positive(Reason.QUANTITY_NOT_POSITIVE, "quote_quantity", order.quote_quantity)
    elif order.quote_quantity is not None:
        return Refusal(
            Reason.QUANTITY_TWICE,
            "give quantity or quote_quantity, not both",
            "quote_quantity",
            text(order.quote_quantity),
        )
    elif order.quantity <= 0:
        return _not_positive(Reason.QUANTITY_NOT_POSITIVE, "quantity", order.quantity)
    problem = _prices(order) or _times(order, now) or problem_of(order.linger)
    if problem is None and (order.group or order.bracket is not None or order.trail is not None):
        return misshapen(order)
    return problem


def _prices(order: Instruction) -> Refusal | None:
    kind = order.type
    if kind in HAS_PRICE:
        if order.price is None:
            return Refusal(Reason.PRICE_MISSING, f"a {kind} order needs a price", "price", "")
        if order.price <= 0:
            return _not_positive(Reason.PRICE_NOT_POSITIVE, "price", order.price)
    elif order.price is not None:
        return Refusal(Reason.PRICE_UNWANTED, f"a {kind} order has no price", "price", text(order.price))
    if kind in HAS_STOP_PRICE:
        if order.stop_price is None:
            if order.trail is not None:  # it begins so far behind the market
                return None
            return Refusal(Reason.STOP_PRICE_MISSING, f"a {kind} order needs a stop price", "stop_price", "")
        if order.stop_price <= 0:
            return _not_positive(Reason.STOP_PRICE_NOT_POSITIVE, "stop_price", order.stop_price)
    elif order.stop_price is not None:
        return Refusal(
            Reason.STOP_PRICE_UNWANTED, f"a {kind} order has no stop price", "stop_price", text(order.stop_price)
        )
    return None


def _times(order: Instruction, now: int) -> Refusal | None:
    force = order.time_in_force
    if force is not _GTC:
        if force in _IMMEDIATE and order.type not in HAS_PRICE and order.type is not OrderType.MARKET:
            return Refusal(
                Reason.TIME_IN_FORCE, f"a {order.type} order cannot be {force}", "time_in_force", force, "gtc"
            )
        if force is _GTD and order.expire_at is None:
            return Refusal(Reason.EXPIRY_MISSING, "a gtd order needs expire_at", "expire_at", "")
    if order.expire_at is not None:
        if force is not _GTD:
            return Refusal(Reason.EXPIRY_UNWANTED, "expire_at is for gtd orders", "expire_at", moment(order.expire_at))
        if order.expire_at <= now:
            return Refusal(
                Reason.EXPIRY_PAST, f"expires in the past: it is {moment(now)}", "expire_at", moment(order.expire_at)
            )
    if order.post_only and (order.type not in HAS_PRICE or force in _IMMEDIATE):
        return Refusal(Reason.POST_ONLY, "post-only is for limit orders that can rest", "post_only", "true", "false")
    if isinstance(order.execute_at, int) and order.execute_at < now:
        return Refusal(
            Reason.EXECUTE_AT_PAST, f"is in the past: it is {moment(now)}", "execute_at", moment(order.execute_at)
        )
    return None


def outlives(order: Instruction, execution_time: int) -> Refusal | None:
    """An order for later has to live until its time."""
    if order.expire_at is None or order.expire_at > execution_time:
        return None
    rule = f"expires before it is executed: that is at {moment(execution_time)}"
    return Refusal(Reason.EXPIRY_PAST, rule, "expire_at", moment(order.expire_at))


def _not_positive(reason: Reason, field: str, value: Decimal) -> Refusal:
    return Refusal(reason, "must be above 0", field, text(value))


def fit(
    order: Instruction, sized: Sized, instrument: Instrument, quote: Quote | None, settings: Settings
) -> Refusal | None:
    """Guards of the instrument and the market."""
    if not instrument.trading:
        return Refusal(Reason.NOT_TRADING, "the exchange does not trade it now", "symbol", order.symbol)
    if order.price is not None and (refusal := _price(order.price, "price", Reason.PRICE_OFF_TICK, instrument)):
        return refusal
    if order.stop_price is not None and (
        refusal := _price(order.stop_price, "stop_price", Reason.STOP_PRICE_OFF_TICK, instrument)
    ):
        return refusal
    if order.bracket is not None and (refusal := unfit(order, order.bracket, instrument, sized.basis)):
        return refusal
    return (
        _quantity(order, sized.quantity, instrument)
        or _value(sized, instrument)
        or (_collar(order, instrument, quote, settings.collar_bps) if settings.collar_bps is not None else None)
    )


def _price(price: Decimal, field: str, off_tick: Reason, instrument: Instrument) -> Refusal | None:
    tick, low, high = instrument.tick_size, instrument.price_min, instrument.price_max
    if price % tick:
        nearest = max(nearest_to(price, tick), tick)
        return Refusal(off_tick, f"not a multiple of the tick size {text(tick)}", field, text(price), text(nearest))
    if low is not None and price < low:
        return Refusal(
            Reason.PRICE_TOO_LOW,
            f"below the exchange's lowest price {text(low)}",
            field,
            text(price),
            text(ceil_to(low, tick)),
        )
    if high is not None and price > high:
        rule = f"above the exchange's highest price {text(high)}"
        return Refusal(Reason.PRICE_TOO_HIGH, rule, field, text(price), text(floor_to(high, tick)))
    return None


def _quantity(order: Instruction, quantity: Decimal, instrument: Instrument) -> Refusal | None:
    step, least, most = instrument.step_size, instrument.min_quantity, instrument.max_quantity
    if order.type is OrderType.MARKET and instrument.market_max_quantity is not None:
        most = instrument.market_max_quantity
    if quantity < step or quantity < least:
        least = ceil_to(max(least, step), step)
        return Refusal(
            Reason.QUANTITY_TOO_SMALL,
            f"below the smallest quantity {text(least)}",
            "quantity",
            text(quantity),
            text(least),
        )
    if quantity % step:
        rule = f"not a multiple of the step size {text(step)}"
        return Refusal(Reason.QUANTITY_OFF_STEP, rule, "quantity", text(quantity), text(floor_to(quantity, step)))
    if most is not None and quantity > most:
        rule = f"above the largest quantity {text(most)}"
        return Refusal(Reason.QUANTITY_TOO_LARGE, rule, "quantity", text(quantity), text(floor_to(most, step)))
    return None


def _value(sized: Sized, instrument: Instrument) -> Refusal | None:
    value, basis, step = sized.value, sized.basis, instrument.step_size
    if basis is None:
        return None
    if value < instrument.min_notional:
        nearest = least_for(instrument.min_notional, basis, step)
        rule = f"its value {text(value)} {instrument.quote} is below the smallest, {text(instrument.min_notional)}"
        return Refusal(Reason.VALUE_TOO_SMALL, rule, "quantity", text(sized.quantity), text(nearest))
    most = instrument.max_notional
    if value >= VALUE_LIMIT or (most is not None and value > most):
        nearest = most_within(min(most or VALUE_LIMIT, VALUE_LIMIT - QUANTUM), basis, step)
        rule = f"its value {text(value)} {instrument.quote} is above the largest, {text(most or VALUE_LIMIT)}"
        shown = text(nearest) if nearest else None
        return Refusal(Reason.VALUE_TOO_LARGE, rule, "quantity", text(sized.quantity), shown)
    return None


def _collar(order: Instruction, instrument: Instrument, quote: Quote | None, collar_bps: Decimal) -> Refusal | None:
    """A limit price may not be further beyond the far side of the market than the collar."""
    if order.price is None or is_order_id(order.group):  # a bracket's exit stands where it was asked to
        return None
    if quote is None:
        return no_price(order.symbol)
    if order.side is OrderSide.BUY:
        bound = floor_to((quote.ask or quote.last) * (BPS + collar_bps) / BPS, instrument.tick_size)
        beyond = order.price > bound
    else:
        bound = ceil_to((quote.bid or quote.last) * max(BPS - collar_bps, ZERO) / BPS, instrument.tick_size)
        beyond = order.price < bound
    if not beyond:
        return None
    rule = f"more than {text(collar_bps)} bps beyond the market"
    return Refusal(Reason.PRICE_COLLAR, rule, "price", text(order.price), text(bound))


class OrderValidator:
    """The seeds' name for validation: `shape` looks at the order alone, `fit` at its instrument and the market."""

    shape = staticmethod(shape)
    fit = staticmethod(fit)
