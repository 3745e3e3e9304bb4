"""Is an order allowed? A book's limits, in order of precedence (reasons 3xx).

What only reduces a position is refused by HALTED and by missing cover, and by nothing else; the rate per second
delays it. Exposure counts the worse side: the position with all working buys, or with all working sells, UNKNOWN
requests and the larger side of a replace included, valued at the market. Values are converted to the book's currency
at a price no older than max_price_age_ms; without one the order is denied, never waved through.

A futures position holds its cost divided by the leverage as margin. An order needs margin for what it opens alone: a
flip for the new side, with the old side's margin set free.

Daily loss is equity at the start of the day, plus cash moved in since, less equity now. Deposits are so no profit:
moved cash counts at the same price on both sides.
"""

from __future__ import annotations

import contextlib
from decimal import Decimal

import msgspec

from orderwright.core.groups import shared
from orderwright.core.ids import is_order_id
from orderwright.core.model import SECOND, Account, Instruction, Instrument, OrderSide, RiskLimits, TradingState
from orderwright.core.numbers import (
    ONE,
    QUANTUM,
    ZERO,
    divided,
    floor_to,
    least_for,
    most_within,
    quantised_ratio,
    rounded,
    text,
)
from orderwright.core.portfolio import unrealised
from orderwright.core.reasons import Reason, Refusal
from orderwright.core.sizing import Sized
from orderwright.core.state import State

MAX_CONVERSIONS = 4


class NoPrice(Exception):
    """A value could not be converted; `name` is the asset or symbol. Caught in this module; only
    `gross_value` lets it out."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


def check(
    state: State, order: Instruction, sized: Sized, instrument: Instrument, account: Account, now: int
) -> Refusal | None:
    """The refusal of a new order, or None where every limit allows it."""
    reducing = reduces(state, order, sized.quantity, instrument)
    refusal = _trading_state(state, order, reducing) or _reduce_only(state, order, sized, instrument, reducing)
    if refusal is None and not reducing:
        try:
            refusal = _limits(state, order, sized, instrument, now)
        except NoPrice as missing:
            refusal = _no_conversion(state, missing)
    return refusal or _buying_power(state, order, sized, instrument, account, reducing)


def check_replace(
    state: State, order: Instruction, whole: Sized, more: Sized, instrument: Instrument, now: int
) -> Refusal | None:
    """The refusal of what a replace adds (`more`) to an order that it makes `whole`: trading state and value limits;
    cover is the caller's to check."""
    reducing = reduces(state, order, more.quantity, instrument)
    refusal = _trading_state(state, order, reducing) or _reduce_only(state, order, more, instrument, reducing)
    if refusal is not None or reducing:
        return refusal
    limits = state.settings.limits
    try:
        return _order_value(
            state, msgspec.structs.replace(limits, min_order_value=None), order, whole, instrument, now
        ) or _position_values(state, limits, order, more, instrument, now)
    except NoPrice as missing:
        return _no_conversion(state, missing)


def _no_conversion(state: State, missing: NoPrice) -> Refusal:
    rule = "no price recent enough to value it in " + state.settings.currency
    return Refusal(Reason.NO_CONVERSION_PRICE, rule, "symbol", missing.name)


def reduces(state: State, order: Instruction, quantity: Decimal, instrument: Instrument) -> bool:
    """Whether the order can do nothing but make a position smaller, other working orders on its side counted."""
    buy = order.side is OrderSide.BUY
    if not instrument.linear:
        return not buy
    return quantity <= _reducible(state, order)


def _reducible(state: State, order: Instruction, own: Decimal = ZERO) -> Decimal:
    """How much of a linear position an order on this side may still close; `own` is its part of what is working."""
    key = (order.account, order.symbol)
    position = state.positions.get(key)
    size = position.size if position is not None else ZERO
    exposure = state.exposures.get(key)
    if order.group:
        if is_order_id(order.group):  # a bracket's exit: the exchange holds it to what is held, whatever else works
            return max(-size if order.side is OrderSide.BUY else size, ZERO)
        own = shared(state, order)[1]
    if order.side is OrderSide.BUY:
        return max(own - size - (exposure.buy if exposure else ZERO), ZERO)
    return max(own + size - (exposure.sell if exposure else ZERO), ZERO)


def margined(
    state: State, order: Instruction, sized: Sized, instrument: Instrument, leaves: Decimal, own: Decimal = ZERO
) -> Sized:
    """The order as it locks margin: for what it opens of its leaves, not for what it closes."""
    closes = min(_reducible(state, order, own), leaves) if instrument.linear else ZERO
    if not closes:
        return sized
    unit_cost = most_within(
        sized.unit_cost * (leaves - closes), leaves, QUANTUM
    )  # rounded down: never above what is free
    return msgspec.structs.replace(sized, unit_cost=unit_cost)


def over_rate(state: State, now: int) -> bool:
    """Whether this second's orders are used up."""
    limit = state.settings.limits.max_orders_per_second
    controls = state.controls
    return limit is not None and controls.second == now // SECOND and controls.orders_this_second >= limit


def _trading_state(state: State, order: Instruction, reducing: bool) -> Refusal | None:
    trading = state.controls.trading
    if trading is TradingState.ACTIVE:
        return None
    cause = f": {state.controls.cause}" if state.controls.cause else ""
    if trading is TradingState.HALTED:
        return Refusal(Reason.HALTED, f"trading is halted{cause}", "trading_state", "halted")
    if not reducing:
        return Refusal(Reason.REDUCING, f"only what reduces a position is allowed{cause}", "side", order.side)
    return None


def _reduce_only(
    state: State, order: Instruction, sized: Sized, instrument: Instrument, reducing: bool
) -> Refusal | None:
    if not order.reduce_only or reducing:
        return None
    most = floor_to(_reducible(state, order), instrument.step_size) if instrument.linear else ZERO
    rule = "a reduce-only order would open or enlarge a position"
    return Refusal(Reason.REDUCE_ONLY, rule, "quantity", text(sized.quantity), text(most) if most else None)


def _limits(state: State, order: Instruction, sized: Sized, instrument: Instrument, now: int) -> Refusal | None:
    limits = state.settings.limits
    if limits.max_daily_orders is not None and state.controls.orders_today >= limits.max_daily_orders:
        return Refusal(Reason.DAILY_ORDERS, f"the day's {limits.max_daily_orders} orders are used up")
    if over_rate(state, now):
        return Refusal(Reason.ORDER_RATE, f"more than {limits.max_orders_per_second} orders in a second")
    if limits.max_open_orders_per_symbol is not None:
        working = sum(
            exposure.orders
            for account in state.accounts
            if (exposure := state.exposures.get((account, order.symbol))) is not None
        )
        if working >= limits.max_open_orders_per_symbol:
            rule = f"{working} orders are open in it, the limit is {limits.max_open_orders_per_symbol}"
            return Refusal(Reason.OPEN_ORDERS, rule, "symbol", order.symbol)
    return (
        _order_value(state, limits, order, sized, instrument, now)
        or _position_values(state, limits, order, sized, instrument, now)
        or _daily_loss(state, limits, now)
    )


def _order_value(
    state: State, limits: RiskLimits, order: Instruction, sized: Sized, instrument: Instrument, now: int
) -> Refusal | None:
    if limits.max_order_value is None and limits.min_order_value is None:
        return None
    if sized.basis is None:
        raise NoPrice(instrument.symbol)
    unit = sized.basis * rate(state, instrument.exchange, instrument.quote, now)
    value = sized.quantity * unit
    step = instrument.step_size
    if limits.max_order_value is not None and value > limits.max_order_value:
        nearest = max(most_within(limits.max_order_value, unit, step), _closes(state, order, instrument))
        return _too_much(Reason.ORDER_VALUE, "the order's value", value, limits.max_order_value, sized, nearest)
    if limits.min_order_value is not None and value < limits.min_order_value:
        nearest = least_for(limits.min_order_value, unit, step)
        rule = f"the order's value {text(value)} is below the smallest allowed, {text(limits.min_order_value)}"
        return Refusal(Reason.ORDER_VALUE_SMALL, rule, "quantity", text(sized.quantity), text(nearest))
    return None


def _position_values(
    state: State, limits: RiskLimits, order: Instruction, sized: Sized, instrument: Instrument, now: int
) -> Refusal | None:
    symbol_limit, book_limit = limits.max_symbol_position_value, limits.max_position_value
    if symbol_limit is None and book_limit is None:
        return None
    key = (order.account, order.symbol)
    more = max(sized.quantity - shared(state, order)[1], ZERO) if order.group else sized.quantity
    added = more if order.side is OrderSide.BUY else -more
    here = _position_value(state, key, instrument, added, now)
    if symbol_limit is not None and here > symbol_limit:
        nearest = _room(state, order, instrument, symbol_limit, now)
        what = f"the value of the position in {order.symbol} with working orders"
        return _too_much(Reason.SYMBOL_POSITION_VALUE, what, here, symbol_limit, sized, nearest)
    if book_limit is not None:
        others = _other_positions(state, key, now)
        if here + others > book_limit:
            nearest = _room(state, order, instrument, book_limit - others, now)
            what = "the value of all positions with working orders"
            return _too_much(Reason.POSITION_VALUE, what, here + others, book_limit, sized, nearest)
    return None


def _closes(state: State, order: Instruction, instrument: Instrument) -> Decimal:
    """The largest quantity of a futures order that only reduces, which no limit refuses."""
    return floor_to(_reducible(state, order), instrument.step_size) if instrument.linear else ZERO


def _room(state: State, order: Instruction, instrument: Instrument, limit: Decimal, now: int) -> Decimal:
    """The largest quantity with which the worse side of the order's symbol is within a limit, or that only reduces."""
    step = instrument.step_size
    closes = _closes(state, order, instrument)
    key = (order.account, order.symbol)
    if _position_value(state, key, instrument, ZERO, now) > limit:
        return closes
    position, exposure = state.positions.get(key), state.exposures.get(key)
    size = position.size if position is not None else ZERO
    if order.side is OrderSide.BUY:
        side = size + exposure.buy if exposure is not None else size
    else:
        side = exposure.sell - size if exposure is not None else -size
    unit = _unit_value(state, instrument, now)
    return max(most_within(limit - side * unit, unit, step), closes)


def _too_much(reason: Reason, what: str, value: Decimal, limit: Decimal, sized: Sized, nearest: Decimal) -> Refusal:
    rule = f"{what} would be {text(value)}, the limit is {text(limit)}"
    return Refusal(reason, rule, "quantity", text(sized.quantity), text(nearest) if nearest else None)


def _position_value(state: State, key: tuple[str, str], instrument: Instrument, added: Decimal, now: int) -> Decimal:
    """The worse side of one position, `added` (signed) counted as working, in the book's currency."""
    position, exposure = state.positions.get(key), state.exposures.get(key)
    size = position.size if position is not None else ZERO
    buys, sells = (exposure.buy, exposure.sell) if exposure is not None else (ZERO, ZERO)
    long = size + buys + max(added, ZERO)
    short = sells + max(-added, ZERO) - size
    worse = max(long, short, ZERO)
    return worse * _unit_value(state, instrument, now) if worse else ZERO


def _unit_value(state: State, instrument: Instrument, now: int) -> Decimal:
    """What one unit of an instrument is worth at the market, in the book's currency."""
    quote = state.quote(instrument.exchange, instrument.symbol, now)
    if quote is None:
        raise NoPrice(instrument.symbol)
    return quote.mid * rate(state, instrument.exchange, instrument.quote, now)


def _other_positions(state: State, but: tuple[str, str], now: int) -> Decimal:
    total = ZERO
    for key in state.exposures:
        if key != but:
            account, symbol = key
            instrument = state.instruments[state.accounts[account].exchange, symbol]
            total += _position_value(state, key, instrument, ZERO, now)
    return total


def gross_value(state: State, now: int) -> Decimal:
    """What max_position_value bounds: the value of all positions with working orders, the worse side of each, in the
    book's currency. Raises NoPrice where one cannot be valued."""
    return _other_positions(state, ("", ""), now)


def _daily_loss(state: State, limits: RiskLimits, now: int) -> Refusal | None:
    if limits.max_daily_loss is None or state.day is None:
        return None
    loss = daily_loss(state, now)
    if loss < limits.max_daily_loss:
        return None
    rule = f"the day's loss is {text(loss)}, the limit is {text(limits.max_daily_loss)}"
    return Refusal(Reason.DAILY_LOSS, rule)


def free_of(state: State, account: Account, asset: str) -> Decimal:
    """What new orders may take: neither locked by working orders nor held as margin by futures positions."""
    balance = state.balances.get((account.account, asset))
    free = balance.free if balance is not None else ZERO
    if not state.futures:
        return free
    margin = ZERO
    for (name, symbol), position in state.positions.items():
        if position.cost and name == account.account:
            instrument = state.instruments[account.exchange, symbol]
            if instrument.linear and instrument.quote == asset:
                margin += position.cost
    return free - (margin if account.leverage == ONE else divided(margin, account.leverage))


def _buying_power(
    state: State, order: Instruction, sized: Sized, instrument: Instrument, account: Account, reducing: bool
) -> Refusal | None:
    if is_order_id(order.group) or (instrument.linear and reducing):  # an exit sells what its entry has brought
        return None
    free, closes = free_of(state, account, sized.reserved_asset), ZERO
    if order.group:
        free += shared(state, order)[0]  # of a group's orders only one will need it
    if instrument.linear and (closes := _reducible(state, order)):  # a flip sets free what the old side held
        position = state.positions[order.account, order.symbol]
        free += divided(quantised_ratio(position.cost, closes, abs(position.size)), account.leverage)
    needed = (sized.quantity - closes) * sized.unit_cost
    if needed <= free:
        return None
    nearest = floor_to(closes, instrument.step_size) + most_within(free, sized.unit_cost, instrument.step_size)
    rule = f"needs {text(needed)} {sized.reserved_asset}, {text(free)} is free"
    return Refusal(Reason.BUYING_POWER, rule, "quantity", text(sized.quantity), text(nearest) if nearest else None)


def rate(state: State, exchange: str, asset: str, now: int) -> Decimal:
    """What one unit of an asset is worth in the book's currency. Raises NoPrice without a recent price."""
    value, parity = ONE, state.settings.parity
    if asset in parity:
        return value
    for _ in range(MAX_CONVERSIONS):
        if asset in parity:
            return value
        symbol = state.routes.get((exchange, asset))
        quote = state.quote(exchange, symbol, now) if symbol is not None else None
        if symbol is None or quote is None:
            break
        value = quote.mid if value is ONE else rounded(value * quote.mid)
        asset = state.instruments[exchange, symbol].quote
    raise NoPrice(asset)


def equity(state: State, now: int) -> tuple[Decimal, tuple[str, ...]]:
    """The book's equity in its currency: balances and the unrealised profit of futures, and the assets left out of it
    because they have no recent price."""
    total, unpriced = ZERO, []
    for (account, asset), balance in state.balances.items():
        if balance.total:
            try:
                total += balance.total * rate(state, state.accounts[account].exchange, asset, now)
            except NoPrice:
                unpriced.append(asset)
    for key in state.positions:
        try:
            total += _unrealised(state, key, now)
        except NoPrice:
            unpriced.append(key[1])
    return total, tuple(dict.fromkeys(unpriced))


def equity_of(state: State, account: str, now: int) -> Decimal:
    """The equity of one account in the book's currency; what has no recent price is left out."""
    total, exchange = ZERO, state.accounts[account].exchange
    for (name, asset), balance in state.balances.items():
        if name == account and balance.total:
            with contextlib.suppress(NoPrice):
                total += balance.total * rate(state, exchange, asset, now)
    for key in state.positions:
        if key[0] == account:
            with contextlib.suppress(NoPrice):
                total += _unrealised(state, key, now)
    return total


def daily_loss(state: State, now: int) -> Decimal:
    """What the book has lost since the day began, in its currency; negative is a profit. Raises NoPrice where an asset
    that was counted at the day's start has no recent price now; one that was not counted then is left out."""
    day = state.day
    if day is None:
        return ZERO
    loss, moved = day.equity, day.moved
    for key, balance in state.balances.items():
        account, asset = key
        earned = balance.total - moved[key] if key in moved else balance.total
        if earned and asset not in day.unpriced:
            loss -= earned * rate(state, state.accounts[account].exchange, asset, now)
    for key in state.positions:
        if key[1] not in day.unpriced:
            loss -= _unrealised(state, key, now)
    return loss


def _unrealised(state: State, key: tuple[str, str], now: int) -> Decimal:
    """The unrealised profit of a futures position in the book's currency; a spot holding is in the balances."""
    account, symbol = key
    instrument = state.instruments[state.accounts[account].exchange, symbol]
    position = state.positions[key]
    if not instrument.linear or not position.size:
        return ZERO
    quote = state.quote(instrument.exchange, symbol, now)
    if quote is None:
        raise NoPrice(symbol)
    return unrealised(position, quote.mid) * rate(state, instrument.exchange, instrument.quote, now)
