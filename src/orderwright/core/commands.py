"""Commands: what someone wants done, in the imperative. See messages.py."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from orderwright.core.message import Message
from orderwright.core.model import (
    Account,
    Alert,
    ApiKey,
    Instruction,
    Instrument,
    OrderSide,
    Quote,
    Settings,
    Signal,
    Source,
    TradingState,
    User,
)


class OpenAccount(Message):
    account: Account


class DefineInstrument(Message):
    instrument: Instrument


class Configure(Message):
    settings: Settings


class MoveCash(Message):
    """Money in (amount above 0) or out. reference makes it exactly-once: a second one with the same does nothing."""

    account: str
    asset: str
    amount: Decimal
    kind: Literal["deposit", "withdrawal", "funding", "conversion", "adjustment"] = "deposit"
    reference: str = ""


class ReceiveSignal(Message):
    """order_id is the id of the order that it may become."""

    signal: Signal
    order_id: str


class ReceiveAlert(Message):
    """An alert, and the signals that it stands for, each with the id of the order it may become: in one turn all of
    them are received, or none.

    key: equal for a second delivery of it, which then does nothing; with window_us only one that comes within so many
    microseconds of the first. "" where it is never a second one. refused: why nothing comes of it, a reason's name and
    the words, unless it is a second delivery. meant: the side that it names beside a target, None where it names none.
    """

    alert: Alert
    key: str = ""
    window_us: int | None = None
    signals: tuple[tuple[Signal, str], ...] = ()
    refused: tuple[str, str] | None = None
    meant: OrderSide | None = None

    @property
    def order_id(self) -> str:
        """Of the order that its first signal may become."""
        return self.signals[0][1] if self.signals else ""


class SubmitOrder(Message):
    instruction: Instruction


class CancelOrder(Message):
    order_id: str
    cause: str = ""


class ReplaceOrder(Message):
    """New values for what is not None; quantity is the whole quantity, what has filled included."""

    order_id: str
    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    cause: str = ""


class CancelAll(Message):
    """Cancels every live order; of one account and of one symbol, where named."""

    account: str = ""
    symbol: str = ""
    cause: str = ""


class ClosePosition(Message):
    """Cancels the symbol's working orders, then closes its position at market once their final quantities are
    known."""

    account: str
    symbol: str
    order_id: str
    strategy: str = ""
    signal_id: str = ""
    user: str = ""
    episode: str = ""
    source: Source = Source.MANUAL


class ApproveOrder(Message):
    """by: who approves it; cause: why. Both are in the order's history."""

    order_id: str
    by: str = ""
    cause: str = ""


class DenyOrder(Message):
    """by: who denies it; cause: why. Both are in the order's reason."""

    order_id: str
    by: str = ""
    cause: str = ""


class SetTradingState(Message):
    """until: microseconds when it goes back to ACTIVE by itself, or None. by: who sets it. role: what they are; what an
    operator has set, an owner may only tighten."""

    state: TradingState
    cause: str = ""
    until: int | None = None
    by: str = ""
    role: Literal["", "owner", "operator"] = ""


class BeginEpoch(Message):
    """A process has taken the log over from another one, which may still send what it had written down: nothing new
    leaves before the last request in flight is dead. Said once, before anything else, by who opens the book.

    epoch: the log's number of this opening; a second command with the same does nothing. by: which process.
    """

    epoch: int
    by: str = ""


class AddUser(Message):
    """Somebody who may have books and keys."""

    user: User


class IssueKey(Message):
    """Let a key in. It was made, and is kept, outside: here are its digest and what it may do."""

    key: ApiKey


class RevokeKey(Message):
    """Let a key in no more."""

    key_id: str
    by: str = ""


class ResolveUnknown(Message):
    """An operator closes a request whose outcome the venue cannot be asked about: it never reached the venue."""

    order_id: str
    number: int
    by: str


class RefreshOrder(Message):
    """Ask the venue how an order stands and for its trades, whatever it has said so far."""

    order_id: str


class TimePassed(Message):
    """`next_deadline` has come."""


class QuoteSeen(Message):
    """The market as it is now. Changes the market view, not the durable state.

    log: write this price down even if one was logged a short while ago (the last one of a run).
    """

    exchange: str
    symbol: str
    quote: Quote
    log: bool = False
