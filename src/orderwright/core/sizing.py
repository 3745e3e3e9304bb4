"""From what someone wants to an order's numbers: side and quantity, and what it is expected to cost.

A quantity that we compute is floored to the instrument's step by one rule, floor(x) in exact Decimal; one that the
user gave is never changed, only refused (validation). A quote amount becomes base units at the price the order is
expected to pay, slippage and fee included, so that spending it cannot exceed it. Estimates follow `Account`: its
fees, where they are taken, and its slippage allowance.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from orderwright.core.model import (
    Account,
    Action,
    Instruction,
    Instrument,
    OrderSide,
    OrderType,
    Quote,
    Signal,
    Source,
    TimeInForce,
)
from orderwright.core.numbers import ONE, ZERO, divided, floor_to, most_within
from orderwright.core.reasons import Reason, Refusal

BPS = Decimal(10_000)


class Sized(Struct, frozen=True, gc=False):
    """An instruction's numbers. basis: the price it is expected to pay, in quote per base; None if no market is
    known.

    value = quantity x basis. unit_cost: how much of reserved_asset one unit still working locks.
    """

    quantity: Decimal
    basis: Decimal | None
    value: Decimal
    estimated_fee: Decimal
    estimated_cost: Decimal
    unit_cost: Decimal
    reserved_asset: str


def size(instruction: Instruction, instrument: Instrument, account: Account, quote: Quote | None) -> Sized | Refusal:
    """The order's quantity and expected cost; refused only where a quote amount has no price to be converted at."""
    basis = expected_price(instruction, account, quote)
    quantity = instruction.quantity
    if quantity is None:
        if basis is None:
            return no_price(instruction.symbol)
        spent = basis * (ONE + account.taker_fee) if account.fee_in == "quote" else basis
        quantity = most_within(instruction.quote_quantity or ZERO, spent, instrument.step_size)
    return priced(quantity, instruction.side, basis, instrument, account)


def priced(
    quantity: Decimal, side: OrderSide, basis: Decimal | None, instrument: Instrument, account: Account
) -> Sized:
    """The cost of a quantity at a price. Estimated cost is in quote: what a buy takes, what a sell brings less its
    fee."""
    if basis is None:
        asset = instrument.quote if instrument.linear else instrument.base
        return Sized(quantity, None, ZERO, ZERO, ZERO, ZERO if instrument.linear else ONE, asset)
    value = quantity * basis
    fee = value * account.taker_fee
    fee_in_quote = account.fee_in == "quote"
    if side is OrderSide.BUY:
        cost = value + fee if fee_in_quote else value
    else:
        cost = value - fee
    if instrument.linear:
        margin = basis if account.leverage == ONE else divided(basis, account.leverage)
        unit_cost, asset = margin + basis * account.taker_fee, instrument.quote
    elif side is OrderSide.BUY:
        unit_cost, asset = (basis + basis * account.taker_fee if fee_in_quote else basis), instrument.quote
    else:
        unit_cost, asset = ONE, instrument.base
    return Sized(quantity, basis, value, fee, cost, unit_cost, asset)


def estimated_slippage(instruction: Instruction, sized: Sized, quote: Quote | None) -> Decimal | None:
    """What of an order's cost is expected slippage, in quote: quantity x how far the price that it is expected to pay
    is worse than its stop price or, without one, than the middle of the market (half the spread, the account's
    allowance, the collar where there is one). 0 for an order at a limit price of its own; None where no market is
    known."""
    if instruction.price is not None:
        return ZERO
    reference = instruction.stop_price
    if reference is None and quote is not None:
        reference = quote.mid
    if reference is None or sized.basis is None:
        return None
    return sized.quantity * abs(sized.basis - reference)


def expected_price(instruction: Instruction, account: Account, quote: Quote | None) -> Decimal | None:
    """Its limit price; without one its stop price or the far side of the market, moved against it by the
    allowance."""
    if instruction.price is not None:
        return instruction.price
    price = instruction.stop_price
    buy = instruction.side is OrderSide.BUY
    if price is None:
        if quote is None:
            return None
        side = quote.ask if buy else quote.bid
        price = side if side is not None else quote.last
    return slipped(price, instruction.side, account)


def slipped(price: Decimal, side: OrderSide, account: Account) -> Decimal:
    """A price moved against the order by the account's slippage allowance."""
    if not account.slippage_bps:
        return price
    moved = price * account.slippage_bps / BPS
    return price + moved if side is OrderSide.BUY else price - moved


def no_price(symbol: str) -> Refusal:
    return Refusal(Reason.NO_MARKET_PRICE, "no market price recent enough to decide on", "symbol", symbol)


def from_signal(
    signal: Signal, order_id: str, held: Decimal, sellable: Decimal, step: Decimal, linear: bool
) -> Instruction | Refusal:
    """The order that a buy, sell or target signal becomes. `held` is the present position in base units, signed, with
    what is working; `sellable` is what is held and not being sold: a sell without a quantity sells all of it."""
    side, quantity = OrderSide.BUY, signal.quantity
    unsized = quantity is None and signal.quote_quantity is None
    if signal.action is Action.TARGET:
        if signal.target_quantity is None:
            return Refusal(Reason.QUANTITY_MISSING, "a target signal needs target_quantity", "target_quantity", "")
        wanted = signal.target_quantity - held
        side = OrderSide.BUY if wanted > 0 else OrderSide.SELL
        quantity = floor_to(abs(wanted), step)
        if not quantity:
            return Refusal(Reason.NOTHING_TO_CLOSE, "the position is at its target", "target_quantity", str(held))
    elif signal.action is Action.SELL:
        side = OrderSide.SELL
        if unsized:
            quantity = floor_to(max(sellable, ZERO), step)
            if not quantity:
                return Refusal(Reason.NOTHING_TO_CLOSE, "there is no long position to sell", "quantity", "")
    return Instruction(
        order_id=order_id,
        account=signal.account,
        symbol=signal.symbol,
        side=side,
        type=signal.order_type,
        quantity=quantity,
        quote_quantity=signal.quote_quantity,
        price=signal.price if signal.order_type is not OrderType.MARKET else None,
        stop_price=signal.stop_price,
        time_in_force=signal.time_in_force,
        expire_at=signal.expire_at,
        post_only=signal.post_only,
        reduce_only=signal.reduce_only or (linear and signal.action is Action.SELL and unsized),
        execute_at=signal.execute_at,
        user=signal.user,
        strategy=signal.strategy,
        source=signal.source,
        signal_id=signal.signal_id,
        decision_price=signal.price if signal.order_type is OrderType.MARKET else None,
        decision_time=signal.time or None,
        bracket=signal.bracket,
        trail=signal.trail,
    )


def closing_order(
    account: str,
    symbol: str,
    order_id: str,
    held: Decimal,
    step: Decimal,
    *,
    source: Source = Source.MANUAL,
    **words: str,
) -> Instruction:
    """The market order that closes a position of `held` base units. words: strategy, user, signal_id, episode."""
    side = OrderSide.SELL if held > 0 else OrderSide.BUY
    return Instruction(
        order_id=order_id,
        account=account,
        symbol=symbol,
        side=side,
        type=OrderType.MARKET,
        quantity=floor_to(abs(held), step),
        reduce_only=True,
        time_in_force=TimeInForce.GTC,
        source=source,
        **words,  # type: ignore[arg-type]  # all of them text
    )
