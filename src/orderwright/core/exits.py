"""Brackets and trails as they are written: at what prices exits stand, and what is wrong with one that could not hold.

- A price is absolute, or so many percent from the average price of the entry's fills, and then rounded to the tick away
  from it: for a long the stop down and the take-profit up, for a short the other way round.
- Of a stop loss and a trail the stop stands at the nearer one; with an activation price at the stop loss until then.
- A price that was given is never changed, only refused: off the tick, or on the wrong side of the price at which the
  entry is expected to fill.
"""

from __future__ import annotations

from decimal import Decimal

from orderwright.core.model import Bracket, Instruction, Instrument, Order, OrderSide, OrderType, Quote, Trail
from orderwright.core.numbers import ONE, ZERO, fits, nearest_to, text
from orderwright.core.reasons import Reason, Refusal

HUNDRED = Decimal(100)


# Prices


def behind(trail: Trail, side: OrderSide, paid: Decimal, quantity: Decimal, tick: Decimal) -> Decimal:
    """The stop price so far behind the price paid / quantity (quote per base) for a stop of this side."""
    sell = side is OrderSide.SELL
    if trail.percent is not None:
        factor = HUNDRED - trail.percent if sell else HUNDRED + trail.percent
        paid, quantity = paid * factor, quantity * HUNDRED
    else:
        away = (trail.amount or ZERO) * quantity
        paid = paid - away if sell else paid + away
    return on_grid(paid, quantity, tick, up=not sell)


def on_grid(value: Decimal, by: Decimal, tick: Decimal, *, up: bool) -> Decimal:
    """value / by, rounded to the tick, up or down; at least one tick."""
    below = value // (by * tick) * tick
    return max(below + tick if up and below * by != value else below, tick)


def nearer(side: OrderSide, one: Decimal, other: Decimal) -> Decimal:
    """The one of two stop prices that is nearer to the market."""
    return max(one, other) if side is OrderSide.SELL else min(one, other)


def begins_at(order: Instruction, quote: Quote | None, tick: Decimal) -> Decimal | Refusal:
    """Where a trailing stop stands that was given no price."""
    if quote is None or order.trail is None:
        return Refusal(Reason.NO_MARKET_PRICE, "no market price recent enough to begin at", "symbol", order.symbol)
    return behind(order.trail, order.side, quote.last, ONE, tick)


def stop_of(entry: Order, instrument: Instrument) -> Decimal:
    """The stop price of an entry's stop, in quote per base. The entry has filled, and its bracket has a stop."""
    bracket, side = entry.instruction.bracket, entry.instruction.side.opposite
    assert bracket is not None
    trail = bracket.trail
    found = bracket.stop_loss
    if bracket.stop_loss_percent is not None:
        fixed = Trail(percent=bracket.stop_loss_percent)
        found = behind(fixed, side, entry.filled_quote, entry.filled, instrument.tick_size)
    if trail is None or (trail.activation_price is not None and found is not None):
        assert found is not None
        return found
    trailed = behind(trail, side, entry.filled_quote, entry.filled, instrument.tick_size)
    return trailed if found is None else nearer(side, found, trailed)


def target_of(entry: Order, instrument: Instrument) -> Decimal:
    """The limit price of an entry's take-profit. The entry has filled, and its bracket has one."""
    bracket = entry.instruction.bracket
    assert bracket is not None
    if bracket.take_profit is not None:
        return bracket.take_profit
    assert bracket.take_profit_percent is not None
    long = entry.instruction.side is OrderSide.BUY
    factor = HUNDRED + bracket.take_profit_percent if long else HUNDRED - bracket.take_profit_percent
    return on_grid(entry.filled_quote * factor, entry.filled * HUNDRED, instrument.tick_size, up=long)


def has_stop(bracket: Bracket) -> bool:
    return bracket.stop_loss is not None or bracket.stop_loss_percent is not None or bracket.trail is not None


def has_target(bracket: Bracket) -> bool:
    return bracket.take_profit is not None or bracket.take_profit_percent is not None


# Well formed?


def misshapen(order: Instruction) -> Refusal | None:
    """What is wrong with an order's group, bracket or trail, as they are written."""
    if order.group and order.quantity is None:
        return Refusal(Reason.GROUP, "an order of a group gives its quantity in base units", "quantity", "")
    if order.bracket is not None and (problem := _wrong_bracket(order, order.bracket)) is not None:
        return problem
    return _wrong_trail(order)


def _wrong_trail(order: Instruction) -> Refusal | None:
    trail = order.trail
    if trail is None:
        return None
    if order.type is not OrderType.STOP_LOSS:
        return Refusal(Reason.TRAIL, "only a stop_loss follows the market", "type", order.type, OrderType.STOP_LOSS)
    if trail.activation_price is not None and order.stop_price is None:
        rule = "with an activation price it needs a stop price, to stand at until then"
        return Refusal(Reason.TRAIL, rule, "stop_price", "")
    return _wrong(trail, order.side, "trail", Reason.TRAIL)


def _wrong(trail: Trail, stop: OrderSide, field: str, reason: Reason) -> Refusal | None:
    given = [name for name in ("amount", "percent") if getattr(trail, name) is not None]
    if len(given) != 1:
        return Refusal(reason, "a trail needs exactly one of amount, percent", field, ", ".join(given))
    for name in ("amount", "percent", "activation_price"):
        if (problem := _not_positive(getattr(trail, name), f"{field}.{name}", reason)) is not None:
            return problem
    if stop is OrderSide.SELL and trail.percent is not None and trail.percent >= HUNDRED:
        return Refusal(reason, "must be below 100 for a stop to sell", f"{field}.percent", text(trail.percent))
    return None


def _not_positive(value: Decimal | None, field: str, reason: Reason) -> Refusal | None:
    if value is None or (fits(value) and value > 0):
        return None
    return Refusal(reason, "must be above 0", field, str(value))


def _wrong_bracket(order: Instruction, bracket: Bracket) -> Refusal | None:
    if order.reduce_only:
        return Refusal(Reason.BRACKET, "an order that only reduces opens nothing to protect", "reduce_only", "true")
    if bracket.arm not in ("fill", "full"):
        return Refusal(Reason.BRACKET, "is fill or full", "bracket.arm", str(bracket.arm), "fill")
    if not has_stop(bracket) and not has_target(bracket):
        rule = "a bracket needs a stop_loss, a take_profit or a trail"
        return Refusal(Reason.BRACKET, rule, "bracket", "")
    for name in ("stop_loss", "take_profit"):
        price, percent = getattr(bracket, name), getattr(bracket, f"{name}_percent")
        if price is not None and percent is not None:
            return Refusal(Reason.BRACKET, "give it as a price or in percent, not both", f"bracket.{name}", text(price))
        for value, field in ((price, f"bracket.{name}"), (percent, f"bracket.{name}_percent")):
            if (problem := _not_positive(value, field, Reason.BRACKET)) is not None:
                return problem
        falls = (name == "take_profit") is (order.side is OrderSide.SELL)
        if falls and percent is not None and percent >= HUNDRED:
            return Refusal(Reason.BRACKET, "must be below 100", f"bracket.{name}_percent", text(percent))
    trail = bracket.trail
    if trail is None:
        return None
    if trail.activation_price is not None and bracket.stop_loss is None and bracket.stop_loss_percent is None:
        rule = "with an activation price it needs a stop loss too, to stand at until then"
        return Refusal(Reason.BRACKET, rule, "bracket.stop_loss", "")
    return _wrong(trail, order.side.opposite, "bracket.trail", Reason.BRACKET)


# Fits its market?


def unfit(order: Instruction, bracket: Bracket, instrument: Instrument, basis: Decimal | None) -> Refusal | None:
    """What is wrong with a bracket here. basis: the price at which the entry is expected to fill; None is not known."""
    if order.side is OrderSide.SELL and not instrument.linear:
        return Refusal(Reason.BRACKET, "on spot only what is bought is protected", "side", order.side, OrderSide.BUY)
    long = order.side is OrderSide.BUY
    for field, price, below in (("stop_loss", bracket.stop_loss, long), ("take_profit", bracket.take_profit, not long)):
        if price is None:
            continue
        tick = instrument.tick_size
        if price % tick:
            nearest = max(nearest_to(price, tick), tick)
            rule = f"not a multiple of the tick size {text(tick)}"
            return Refusal(Reason.BRACKET, rule, f"bracket.{field}", text(price), text(nearest))
        if basis is not None and (price >= basis if below else price <= basis):
            rule = f"is not {'below' if below else 'above'} {text(basis)}, where the order is expected to fill"
            return Refusal(Reason.BRACKET, rule, f"bracket.{field}", text(price))
    return None
