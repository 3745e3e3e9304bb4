"""Actions: what we shall do once the events are durable. See messages.py."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from orderwright.core.events import AlertReceived
from orderwright.core.message import Message
from orderwright.core.model import (
    Instruction,
)
from orderwright.core.reasons import Refusal


class SendAction(Message):
    """The base of what goes to a venue: which request, signed when, valid how long."""

    order_id: str
    account: str
    exchange: str
    symbol: str
    number: int
    sign_at: int
    lifetime_ms: int | None

    @property
    def client_id(self) -> str:
        return f"{self.order_id}{self.number:02x}"


class SendOrder(SendAction):
    instruction: Instruction
    quantity: Decimal
    expire_at: int | None = None


class SendReplace(SendAction):
    exchange_order_id: str
    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None


class SendCancel(SendAction):
    exchange_order_id: str


class AskOrder(Message):
    """Look the order up: by query, history and trades. number is the request the question is about."""

    order_id: str
    account: str
    exchange: str
    symbol: str
    number: int


class FetchTrades(Message):
    order_id: str
    account: str
    exchange: str
    symbol: str


class RaiseAlert(Message):
    topic: str
    text: str


class Reply(Message):
    """The answer to a command that did not become what it asked for, and to every alert (alert: its row)."""

    outcome: Literal["taken", "duplicate", "refused", "nothing"]
    order_id: str = ""
    refusal: Refusal | None = None
    text: str = ""
    alert: AlertReceived | None = None
