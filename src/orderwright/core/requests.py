"""A request as it goes to a venue: from an order and what is asked for it to the action that sends it.

`asked` is the event that submits the request or the request itself: the action is the same whenever it is made.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import structs

from orderwright.core import messages as m
from orderwright.core.model import Account, Instruction, Order, OrderType, Request, TimeInForce

Asked = Request | m.RequestSubmitted


def send_order(
    instruction: Instruction,
    account: Account,
    quantity: Decimal,
    expire_at: int | None,
    sign_at: int,
    lifetime_ms: int | None,
) -> m.SendOrder:
    """The new order. A venue that does not expire orders itself is not told when this one ends."""
    return m.SendOrder(
        order_id=instruction.order_id,
        account=account.account,
        exchange=account.exchange,
        symbol=instruction.symbol,
        number=0,
        sign_at=sign_at,
        lifetime_ms=lifetime_ms,
        instruction=instruction,
        quantity=quantity,
        expire_at=expire_at if account.traits.expires_orders else None,
    )


def send_cancel(order: Order, asked: Asked, account: Account) -> m.SendCancel:
    return m.SendCancel(
        order_id=order.order_id,
        account=account.account,
        exchange=account.exchange,
        symbol=order.instruction.symbol,
        number=asked.number,
        sign_at=asked.sign_at,
        lifetime_ms=asked.lifetime_ms,
        exchange_order_id=order.exchange_order_id,
    )


def send_replace(order: Order, asked: Asked, account: Account) -> m.SendReplace:
    return m.SendReplace(
        order_id=order.order_id,
        account=account.account,
        exchange=account.exchange,
        symbol=order.instruction.symbol,
        number=asked.number,
        sign_at=asked.sign_at,
        lifetime_ms=asked.lifetime_ms,
        exchange_order_id=order.exchange_order_id,
        quantity=asked.quantity,
        price=asked.price,
        stop_price=asked.stop_price,
    )


def at_collar(said: Instruction, price: Decimal, remainder: str) -> Instruction:
    """A market order as it goes out at its collar: a limit that takes what it can at once; only what is to `rest` stays
    there, as long as the order says."""
    if remainder == "rest" or said.time_in_force is TimeInForce.FOK:
        return structs.replace(said, type=OrderType.LIMIT, price=price)
    return structs.replace(said, type=OrderType.LIMIT, price=price, time_in_force=TimeInForce.IOC, expire_at=None)


def by_quantity(said: Instruction, quantity: Decimal) -> Instruction:
    """An instruction that has become a limit order asks for base units."""
    return said if said.quote_quantity is None else structs.replace(said, quantity=quantity, quote_quantity=None)


def as_sent(order: Order) -> Instruction:
    """What an order says as the venue has it now: at its own prices, a market order perhaps at its collar."""
    said = order.instruction
    if order.remainder and order.price is not None:
        said = by_quantity(at_collar(said, order.price, order.remainder), order.quantity)
    return priced_as(said, order.price, order.stop_price)


def priced_as(said: Instruction, price: Decimal | None, stop_price: Decimal | None) -> Instruction:
    """An instruction at the prices that it goes out with: a bracket's exit and a trailing stop may get theirs then."""
    if said.price == price and said.stop_price == stop_price:
        return said
    return structs.replace(said, price=price, stop_price=stop_price)


def action_of(order: Order, request: Request, account: Account) -> m.SendOrder | m.SendReplace | m.SendCancel:
    """The action that sends a request of an order, whatever kind it is."""
    if request.kind == "new":
        instruction, expire_at = as_sent(order), order.expire_at
        return send_order(instruction, account, order.quantity, expire_at, request.sign_at, request.lifetime_ms)
    return send_cancel(order, request, account) if request.kind == "cancel" else send_replace(order, request, account)
