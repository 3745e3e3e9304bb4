"""What happens to one order, as the log holds it. See messages.py."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from orderwright.core.events import Event
from orderwright.core.model import (
    Execution,
    Instruction,
    OrderStatus,
    Remainder,
)
from orderwright.core.numbers import ZERO
from orderwright.core.reasons import Reason


class OrderEvent(Event):
    """The base of what happens to one order."""

    order_id: str


class OrderReceived(OrderEvent, tag="order_received"):
    """The order as it came in and as it was sized.

    sign_at is set when its first request goes out at once (status SUBMITTED); else the order waits (PENDING) for
    `wait_for` until `wait_until`, or the denial follows. unit_cost x leaves of reserved_asset is locked while it is
    live. today and this_second are its numbers among the book's orders of the day and the second; None until it goes
    out. stop_price: where a trailing stop was given none. kin: the orders that are in its group already. price,
    remainder: the collar at which a market order goes out as a limit, and what becomes of the rest, by `until`;
    attempt: how many orders went before it for the same. this_window: its number among those of the rate's window.
    place: its place among those that wait for the rate: a lower one goes first.
    estimated_fee, estimated_cost and estimated_slippage, which the cost contains, are in quote (see core/sizing.py).
    """

    instruction: Instruction
    exchange: str
    quantity: Decimal
    arrival: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    estimated_fee: Decimal = ZERO
    estimated_cost: Decimal = ZERO
    estimated_slippage: Decimal | None = None
    unit_cost: Decimal = ZERO
    reserved_asset: str = ""
    expire_at: int | None = None
    sign_at: int | None = None
    lifetime_ms: int | None = None
    wait_for: str = ""
    wait_until: int | None = None
    today: int | None = None
    this_second: int | None = None
    stop_price: Decimal | None = None
    kin: tuple[str, ...] = ()
    price: Decimal | None = None
    remainder: Remainder | Literal[""] = ""
    attempt: int = 0
    until: int | None = None
    this_window: int | None = None
    place: int = 0


class OrderDenied(OrderEvent, tag="order_denied"):
    """Our own checks refused it; it never left."""

    reason: Reason
    field: str = ""
    value: str = ""
    rule: str = ""
    nearest: str | None = None


class OrderWithdrawn(OrderEvent, tag="order_withdrawn"):
    """A waiting order ended before it left: cancelled, or expired. rule: the lingering rule that asked for it. mid: the
    middle of the market then."""

    status: OrderStatus
    reason: Reason = Reason.WITHDRAWN
    cause: str = ""
    rule: str = ""
    mid: Decimal | None = None


class OrderDelayed(OrderEvent, tag="order_delayed"):
    """A waiting order has to wait on, for `wait_for`: the next second, the rate, its time (it was approved), or the
    last request of a process whose log was taken over. cause: who approved it, where that was all it waited for. place:
    as in OrderReceived."""

    wait_until: int
    wait_for: str = "rate"
    cause: str = ""
    place: int = 0


class RequestSubmitted(OrderEvent, tag="request_submitted"):
    """The intent of one request, durable before it leaves. Number 0 is the new order itself (it had been waiting); a
    bracket's exit gets its prices with it, a market order its collar (price, remainder, until, as in OrderReceived).
    rule: what asked for it: a lingering rule, `group` or `trail`."""

    number: int
    request: Literal["new", "replace", "cancel"]
    sign_at: int
    lifetime_ms: int | None
    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    unit_cost: Decimal = ZERO
    arrival: Decimal | None = None
    cause: str = ""
    rule: str = ""
    today: int | None = None
    this_second: int | None = None
    remainder: Remainder | Literal[""] = ""
    until: int | None = None
    this_window: int | None = None


class RequestPending(OrderEvent, tag="request_pending"):
    number: int


class RequestRefused(OrderEvent, tag="request_refused"):
    """A cancel or a replace that the venue refused; the order is as it was."""

    number: int
    code: str = ""
    message: str = ""


class RequestUnknown(OrderEvent, tag="request_unknown"):
    """No answer came. It counts as live until the venue has answered for it. ask_at: when to look it up."""

    number: int
    ask_at: int | None = None
    message: str = ""


class RequestAsked(OrderEvent, tag="request_asked"):
    """The venue was asked about an unknown request, and will be again at ask_at."""

    number: int
    ask_at: int | None = None


class RequestNotFound(OrderEvent, tag="request_not_found"):
    """One denial: asked after its lifetime, the venue did not know it. The first of two, where two are needed."""

    number: int
    ask_at: int | None = None


class RequestDead(OrderEvent, tag="request_dead"):
    """Proven never to have reached the venue (evidence: venue), certainly not sent (process), or an operator's
    word."""

    number: int
    evidence: Literal["venue", "process", "operator"]
    message: str = ""


class OrderAccepted(OrderEvent, tag="order_accepted"):
    exchange_order_id: str = ""
    venue_time: int = 0


class OrderRejected(OrderEvent, tag="order_rejected"):
    code: str = ""
    message: str = ""


class OrderTriggered(OrderEvent, tag="order_triggered"):
    venue_time: int = 0


class OrderFilled(OrderEvent, tag="order_filled"):
    execution: Execution
    exchange_order_id: str = ""


class FillCorrected(OrderEvent, tag="fill_corrected"):
    corrects: str
    execution: Execution


class FillBusted(OrderEvent, tag="fill_busted"):
    execution_id: str


class OrderReplaced(OrderEvent, tag="order_replaced"):
    """Request `number` is done, and the order's terms are these: where the venue had done a later one before we heard
    of this one, they are still that one's. venue_time: when the venue did it, or said so; 0 where it did not tell."""

    number: int
    quantity: Decimal
    price: Decimal | None = None
    stop_price: Decimal | None = None
    unit_cost: Decimal = ZERO
    venue_time: int = 0


class OrderRestated(OrderEvent, tag="order_restated"):
    """The venue says that the order's terms are these, whatever was asked for. stop_price: None where it is as it was.
    venue_time: as in `OrderReplaced`."""

    quantity: Decimal
    price: Decimal | None = None
    stop_price: Decimal | None = None
    unit_cost: Decimal = ZERO
    venue_time: int = 0


class OrderEnded(OrderEvent, tag="order_ended"):
    """The venue ended it. Where `cumulative` is ahead of our fills the order waits for them before it is `status`.
    mid: the middle of the market then, which is what the rest of the order went without."""

    status: OrderStatus
    cumulative: Decimal | None = None
    code: str = ""
    message: str = ""
    mid: Decimal | None = None


class GapSeen(OrderEvent, tag="gap_seen"):
    """The venue claims more filled than its trades have shown us. The trades are fetched; no fill is made up."""

    cumulative: Decimal


class TradesAsked(OrderEvent, tag="trades_asked"):
    """The trades that a claim is ahead of have not come: they were fetched once more, and will be again at ask_at."""

    ask_at: int


class CancelWanted(OrderEvent, tag="cancel_wanted"):
    """The order is to be cancelled as soon as requests may leave again: the log was taken over, or a cancel of it never
    reached the venue."""

    cause: str = ""
    rule: str = ""


class OrderLingered(OrderEvent, tag="order_lingered"):
    """A rule for orders that linger was due and could do nothing. It counts again from here. mid: of the market."""

    rule: str
    why: str = ""
    mid: Decimal | None = None


class OrderJoined(OrderEvent, tag="order_joined"):
    """Another order has come into its group."""

    joined: str


class TrailStarted(OrderEvent, tag="trail_started"):
    """The market was at the activation price of a trailing stop: from now on it follows. price: the last trade's."""

    price: Decimal
