"""Asking the venue: about an order, for its trades, and again while a request's outcome is not known."""

from __future__ import annotations

from orderwright.core import messages as m
from orderwright.core.model import Account, Order, Request
from orderwright.core.placing import Decision
from orderwright.core.state import State

_ASK_AT_MOST_EVERY_MS = 60_000


def question(state: State, order: Order, number: int) -> m.AskOrder:
    instruction = order.instruction
    exchange = state.accounts[instruction.account].exchange
    return m.AskOrder(
        order_id=order.order_id,
        account=instruction.account,
        exchange=exchange,
        symbol=instruction.symbol,
        number=number,
    )


def fetch_trades(state: State, order: Order) -> m.FetchTrades:
    instruction = order.instruction
    exchange = state.accounts[instruction.account].exchange
    return m.FetchTrades(
        order_id=order.order_id, account=instruction.account, exchange=exchange, symbol=instruction.symbol
    )


def unknown(state: State, order: Order, request: Request, now: int, message: str) -> Decision:
    """No answer: from now on it counts as live until the venue has answered for it. It is asked at once, and
    again."""
    account = state.accounts[order.instruction.account]
    event = m.RequestUnknown(
        time=now,
        order_id=order.order_id,
        number=request.number,
        ask_at=next_question(request, account, now),
        message=message,
    )
    alert = m.RaiseAlert(topic="unknown", text=f"order {order.order_id}: no answer to its {request.kind}: {message}")
    return [event], [question(state, order, request.number), alert]


def next_question(request: Request, account: Account, now: int) -> int:
    """When to ask again: when a denial first counts, then at growing intervals, never more than a minute apart."""
    traits = account.traits
    if request.dead_at is not None and now < request.dead_at + 1_000 * traits.margin_ms:
        return request.dead_at + 1_000 * traits.margin_ms
    pause_ms = max(traits.denial_gap_ms, min((now - request.sign_at) // 2_000, _ASK_AT_MOST_EVERY_MS))
    return now + 1_000 * pause_ms
