"""What a strategy's signal comes to: which way it may trade, and how much.

The way (reading.md, "Alerts"), for a signal that has `terms`:

| position | buy | sell |
| --- | --- | --- |
| flat or on its side | opens or adds to a long | opens or adds to a short, if `allow_short` and linear; else refused |
| against it | closes the short, no more | closes the long, no more |
| against it, with `flip` | closes and opens the other side, in one order | the same, if `allow_short` and linear |

A quantity in the signal is the whole order's: without `flip` what is beyond the position is left out, and the verdict
says so. A size from the strategy is the new position's: a flip adds what it closes. A target works alike: it goes to
flat at most where it may not cross, and a target of 0 closes, working orders and all.

How much, for a signal without a quantity (`Sizing`). E is the account's equity in the book's currency (balances and
open profit at the middle of the market; what has no recent price is left out), R what one unit of the quote asset is
worth in it, P the price the order is expected to pay (its limit, its stop price, else the far side of the market with
the account's allowance for slippage), f the taker's fee, D the distance from P to the stop, V the volatility:

| by | quantity |
| --- | --- |
| base | amount |
| quote | amount / (P (1 + f)) |
| equity | E amount% / (R P (1 + f)) |
| risk | E amount% / (R D) |
| volatility | E amount% / (R multiple V) |

Each is floored to the step; the last three are never more than the account's free money pays for, fee included. All
that was used is in the verdict (`Stake`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from msgspec import structs

from orderwright.core import risk
from orderwright.core.collar import collar_of
from orderwright.core.ids import is_order_id
from orderwright.core.messages import Stake
from orderwright.core.model import (
    HAS_PRICE,
    HAS_STOP_PRICE,
    Account,
    Action,
    Bracket,
    Instrument,
    OrderSide,
    OrderType,
    Quote,
    Signal,
    Sizing,
    Terms,
)
from orderwright.core.numbers import ONE, ZERO, floor_to, most_within, text
from orderwright.core.placing import closable_of, held_of
from orderwright.core.reasons import Reason, Refusal
from orderwright.core.sizing import no_price, priced, slipped
from orderwright.core.state import State

PERCENT = Decimal("0.01")


class Planned(NamedTuple):
    """A signal with its quantity, and what it was sized by."""

    signal: Signal
    stake: Stake | None = None


class Market(NamedTuple):
    """Where a signal trades. quote: None where it is too old to decide on."""

    state: State
    account: Account
    instrument: Instrument
    quote: Quote | None
    now: int


def plan(market: Market, signal: Signal, terms: Terms) -> Planned | Refusal:
    """The signal as its terms let it trade: with a quantity, as a close, or refused."""
    if signal.action is Action.CLOSE:
        return _close(market, signal, None)
    if signal.action is Action.TARGET:
        return _target(market, signal, terms)
    side = OrderSide.BUY if signal.action is Action.BUY else OrderSide.SELL
    size = _size(market, signal)
    against = size <= -market.instrument.step_size if side is OrderSide.BUY else size >= market.instrument.step_size
    if not against:
        return _open(market, signal, terms, side)
    if terms.flip and not signal.reduce_only and _may_open(market, terms, side):
        return _turn(market, signal, terms, side, abs(size))
    return _reduce(market, signal, side, abs(size))


def standing_of(state: State, account: str, symbol: str) -> Decimal:
    """The position, signed, with what is working on it, but without what only protects it: exits that entries have
    brought, and stops that have not been reached."""
    held = held_of(state, account, symbol)
    exposure = state.exposures.get((account, symbol))
    if exposure is None or not (exposure.buy or exposure.sell):
        return held
    protecting: dict[str, Decimal] = {}
    for order in state.working(account, symbol):
        instruction = order.instruction
        exit_ = is_order_id(instruction.group)
        if exit_ or (instruction.type in HAS_STOP_PRICE and not order.triggered):
            signed = order.exposed if instruction.side is OrderSide.BUY else -order.exposed
            group = state.groups.get(instruction.group) if instruction.group else None
            if group is not None:  # they share what they expose: it counts once
                signed = group.exposed if instruction.side is OrderSide.BUY else -group.exposed
            protecting[instruction.group or order.order_id] = signed
    return held - sum(protecting.values(), ZERO)


def _size(market: Market, signal: Signal) -> Decimal:
    position = market.state.positions.get((signal.account, signal.symbol))
    return position.size if position is not None else ZERO


def _may_open(market: Market, terms: Terms, side: OrderSide) -> bool:
    return side is OrderSide.BUY or (terms.allow_short and market.instrument.linear)


def _has_exits(market: Market, signal: Signal) -> bool:
    """Whether orders that protect the position hold what would have to be sold."""
    working = market.state.working(signal.account, signal.symbol)
    return any(is_order_id(order.instruction.group) or order.instruction.type in HAS_STOP_PRICE for order in working)


# Against the position


def _reduce(market: Market, signal: Signal, side: OrderSide, held: Decimal) -> Planned | Refusal:
    """Close of the position what the signal says, all of it at most."""
    what = "long" if side is OrderSide.SELL else "short"
    wanted = signal.quantity
    if wanted is None and signal.quote_quantity is not None:
        price = _price(market, signal, side)
        if isinstance(price, Refusal):
            return price
        wanted = most_within(signal.quote_quantity, price, market.instrument.step_size)
    note = ""
    if wanted is not None and wanted > held:
        note = f"closes the {what} of {text(held)}: it may not open the other side"
    if (wanted is None or wanted >= held) and _has_exits(market, signal):
        return Planned(_closing(signal), Stake(note=note or f"closes the {what}, and its exits first"))
    closable = floor_to(abs(closable_of(market.state, signal.account, signal.symbol)), market.instrument.step_size)
    if not closable:
        return Refusal(Reason.NOTHING_TO_CLOSE, f"working orders close the whole {what} already", "action", "")
    quantity = closable if wanted is None else min(wanted, closable)
    if not note and wanted is not None and quantity < wanted:
        note = f"only {text(quantity)} of the {what} is not being closed already"
    stake = Stake(quantity=quantity, note=note)
    linear = market.instrument.linear
    return Planned(structs.replace(signal, quantity=quantity, quote_quantity=None, reduce_only=linear), stake)


def _close(market: Market, signal: Signal, stake: Stake | None) -> Planned | Refusal:
    """Close the position, unless that is all that is being done already."""
    state = market.state
    working = list(state.working(signal.account, signal.symbol))
    closing = all(one.instruction.reduce_only and one.instruction.type is OrderType.MARKET for one in working)
    left = abs(closable_of(state, signal.account, signal.symbol))
    if working and closing and left < market.instrument.step_size:
        return Refusal(Reason.NOTHING_TO_CLOSE, "the position is being closed already", "action", signal.action)
    return Planned(signal, stake)


def _closing(signal: Signal) -> Signal:
    return structs.replace(signal, action=Action.CLOSE, target_quantity=None, bracket=None, trail=None)


def _turn(market: Market, signal: Signal, terms: Terms, side: OrderSide, held: Decimal) -> Planned | Refusal:
    """Close the position and open the other side with one order."""
    if signal.quantity is not None:
        return Planned(signal)
    sized = _sized(market, signal, terms, side, capped=False)
    if isinstance(sized, Refusal):
        return sized
    signal, stake = sized
    whole = floor_to(held, market.instrument.step_size) + stake.quantity
    note = f"turns a position of {text(held)} round"
    return Planned(structs.replace(signal, quantity=whole), structs.replace(stake, note=note))


# With the position, or from flat


def _open(market: Market, signal: Signal, terms: Terms, side: OrderSide) -> Planned | Refusal:
    if signal.reduce_only:
        what = "long" if side is OrderSide.SELL else "short"
        return Refusal(Reason.NOTHING_TO_CLOSE, f"there is no {what} position to close", "action", signal.action)
    if not _may_open(market, terms, side):
        return _sell_what_is_there(market, signal)
    if signal.quantity is not None:
        return Planned(signal)
    sized = _sized(market, signal, terms, side, capped=True)
    return sized if isinstance(sized, Refusal) else Planned(*sized)


def _sell_what_is_there(market: Market, signal: Signal) -> Planned | Refusal:
    """Spot that came in as a deposit is no position, but a quantity of it can be sold; nothing can be sold short."""
    instrument = market.instrument
    if not instrument.linear and signal.quantity is not None:
        free = risk.free_of(market.state, market.account, instrument.base)
        if free >= instrument.step_size:
            return Planned(signal)
    why = "shorts are off (allow_short)" if instrument.linear else "spot is never sold short"
    rule = f"there is no long position to sell, and {why}"
    return Refusal(Reason.NOTHING_TO_CLOSE, rule, "action", signal.action)


# Targets


def _target(market: Market, signal: Signal, terms: Terms) -> Planned | Refusal:
    """The position it wants to end with, as far as it may go."""
    target = signal.target_quantity
    if target is None:
        return Refusal(Reason.QUANTITY_MISSING, "a target signal needs target_quantity", "target_quantity", "")
    size, note = _size(market, signal), ""
    if target < 0 and not _may_open(market, terms, OrderSide.SELL):
        why = "shorts are off (allow_short)" if market.instrument.linear else "spot is never sold short"
        target, note = ZERO, f"to flat instead of {text(target)}: {why}"
    elif size and target and (size > 0) != (target > 0) and not terms.flip:
        target, note = ZERO, f"to flat instead of {text(target)}: it may not flip"
    stake = Stake(quantity=abs(target), note=note) if note else None
    if not target:
        return _close(market, _closing(signal), stake)
    return Planned(structs.replace(signal, target_quantity=target), stake)


# How much


def _price(market: Market, signal: Signal, side: OrderSide) -> Decimal | Refusal:
    """The price that the signal's order is expected to pay; above 0."""
    if signal.order_type in HAS_PRICE and signal.price is not None:
        return _positive(signal.price, Reason.PRICE_NOT_POSITIVE, "price", "must be above 0")
    if signal.stop_price is not None and signal.stop_price <= 0:
        return _positive(signal.stop_price, Reason.STOP_PRICE_NOT_POSITIVE, "stop_price", "must be above 0")
    price, beyond = _paid(market, signal, side), "with what is allowed for slippage it would not be above 0"
    return no_price(signal.symbol) if price is None else _positive(price, Reason.PRICE_NOT_POSITIVE, "price", beyond)


def _positive(price: Decimal, reason: Reason, field: str, rule: str) -> Decimal | Refusal:
    return price if price > 0 else Refusal(reason, rule, field, text(price))


def _paid(market: Market, signal: Signal, side: OrderSide) -> Decimal | None:
    """What an order that takes the market pays, with slippage; None where it cannot be seen."""
    price, quote = signal.stop_price, market.quote
    if price is None:
        if quote is None:
            return None
        collar = collar_of(market.state.settings, side, quote, market.instrument.tick_size)
        if collar is not None:  # so much may it cost, and so much is locked for it
            return collar
        far = quote.ask if side is OrderSide.BUY else quote.bid
        price = far if far is not None else quote.last
    return slipped(price, side, market.account)


def _sized(
    market: Market, signal: Signal, terms: Terms, side: OrderSide, *, capped: bool
) -> tuple[Signal, Stake] | Refusal:
    """The signal with a quantity by its own quote amount or by the strategy's sizing."""
    sizing, step = terms.sizing, market.instrument.step_size
    if signal.quote_quantity is not None:
        sizing = Sizing(by="quote", amount=signal.quote_quantity)
    if sizing.by == "base":
        quantity = floor_to(sizing.amount, step)
        return _given(signal, quantity, Stake(by="base", quantity=quantity))
    price = _price(market, signal, side)
    if isinstance(price, Refusal):
        return price
    unit = priced(ONE, side, price, market.instrument, market.account)
    paid = price * (ONE + market.account.taker_fee) if market.account.fee_in == "quote" else price
    if sizing.by == "quote":
        quantity = most_within(sizing.amount, paid, step)
        return _given(signal, quantity, Stake(by="quote", quantity=quantity, price=price))
    found = _by_equity(market, signal, sizing, side, price, paid)
    if isinstance(found, Refusal):
        return found
    stake = found
    if capped:
        free = risk.free_of(market.state, market.account, unit.reserved_asset)
        most = most_within(free, unit.unit_cost, step) if unit.unit_cost else stake.quantity
        if stake.quantity > most:
            note = f"{text(stake.quantity)} is more than {text(free)} {unit.reserved_asset} pays for"
            stake = structs.replace(stake, quantity=most, note=note)
    if sizing.stop_percent is not None and _stop_of(signal, side, price) is None:
        bracket = structs.replace(signal.bracket or Bracket(), stop_loss_percent=sizing.stop_percent)
        signal = structs.replace(signal, bracket=bracket)
    return _given(signal, stake.quantity, stake)


def _given(signal: Signal, quantity: Decimal, stake: Stake) -> tuple[Signal, Stake] | Refusal:
    if not quantity:
        short = stake.note or f"the size by {stake.by} comes to less than one step"
        return Refusal(Reason.QUANTITY_TOO_SMALL, short, "quantity", "0")
    return structs.replace(signal, quantity=quantity, quote_quantity=None), stake


def _by_equity(
    market: Market, signal: Signal, sizing: Sizing, side: OrderSide, price: Decimal, paid: Decimal
) -> Stake | Refusal:
    """The quantity that a share of the equity comes to."""
    exchange, step = market.account.exchange, market.instrument.step_size
    try:
        rate = risk.rate(market.state, exchange, market.instrument.quote, market.now)
    except risk.NoPrice as missing:
        rule = "no price recent enough to value it in " + market.state.settings.currency
        return Refusal(Reason.NO_CONVERSION_PRICE, rule, "symbol", missing.name)
    equity = risk.equity_of(market.state, market.account.account, market.now)
    share, stop = equity * sizing.amount * PERCENT, None
    per_unit = paid
    if sizing.by == "risk":
        stop = _stop_of(signal, side, price)
        if stop is None and sizing.stop_percent is not None:
            stop = _away(price, sizing.stop_percent, side)
        if stop is None:
            rule = "sizing by risk needs a stop: in the alert (stop_loss), or stop_percent in the strategy's sizing"
            return Refusal(Reason.BRACKET, rule, "stop_loss", "")
        per_unit = price - stop if side is OrderSide.BUY else stop - price
        if per_unit <= 0:
            return Refusal(Reason.BRACKET, "the stop is on the wrong side of the price", "stop_loss", text(stop))
    elif sizing.by == "volatility":
        if signal.volatility is None:
            return Refusal(Reason.QUANTITY_MISSING, "sizing by volatility needs it", "volatility", "")
        if signal.volatility <= 0:
            given = text(signal.volatility)
            return Refusal(Reason.QUANTITY_NOT_POSITIVE, "sizing by volatility needs it above 0", "volatility", given)
        per_unit = sizing.multiple * signal.volatility
    quantity = most_within(share, per_unit * rate, step)
    return Stake(
        by=sizing.by, quantity=quantity, equity=equity, price=price, rate=rate, stop=stop, volatility=signal.volatility
    )


def _stop_of(signal: Signal, side: OrderSide, price: Decimal) -> Decimal | None:
    """The stop that the signal itself brings, in quote units."""
    bracket = signal.bracket
    if bracket is None:
        return None
    if bracket.stop_loss is not None:
        return bracket.stop_loss
    if bracket.stop_loss_percent is not None:
        return _away(price, bracket.stop_loss_percent, side)
    trail = bracket.trail
    if trail is None:
        return None
    if trail.amount is not None:
        return price - trail.amount if side is OrderSide.BUY else price + trail.amount
    return _away(price, trail.percent or ZERO, side)


def _away(price: Decimal, percent: Decimal, side: OrderSide) -> Decimal:
    moved = price * percent * PERCENT
    return price - moved if side is OrderSide.BUY else price + moved


__all__ = ["Market", "Planned", "plan", "standing_of"]
