"""A request as it goes to a venue: from an order and one of its requests to the action that sends it."""

from __future__ import annotations

from orderwright.core import messages as m
from orderwright.core.model import Account, Order, Request


def action_of(order: Order, request: Request, account: Account) -> m.SendOrder | m.SendReplace | m.SendCancel:
    """The action that sends a request, signed and bounded as the request itself says: the same each time it is made."""
    instruction = order.instruction
    if request.kind == "new":
        return m.SendOrder(
            order_id=instruction.order_id,
            account=account.account,
            exchange=account.exchange,
            symbol=instruction.symbol,
            number=request.number,
            sign_at=request.sign_at,
            lifetime_ms=request.lifetime_ms,
            instruction=instruction,
            quantity=order.quantity,
            expire_at=order.expire_at if account.traits.expires_orders else None,
        )
    if request.kind == "cancel":
        return m.SendCancel(
            order_id=instruction.order_id,
            account=account.account,
            exchange=account.exchange,
            symbol=instruction.symbol,
            number=request.number,
            sign_at=request.sign_at,
            lifetime_ms=request.lifetime_ms,
            exchange_order_id=order.exchange_order_id,
        )
    return m.SendReplace(
        order_id=instruction.order_id,
        account=account.account,
        exchange=account.exchange,
        symbol=instruction.symbol,
        number=request.number,
        sign_at=request.sign_at,
        lifetime_ms=request.lifetime_ms,
        exchange_order_id=order.exchange_order_id,
        quantity=request.quantity,
        price=request.price,
        stop_price=request.stop_price,
    )
