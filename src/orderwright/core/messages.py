"""What goes in and what comes out.

Commands are imperative (what someone wants done), reports are the venue's word, events are past tense (facts, the
only thing that changes state and the only thing the log holds), actions are what we shall do once the events are
durable.

Every event has `time`, microseconds: when it was decided here. A venue's own time is inside the record it sent. An
event carries each market value its decision used, so that a replay asks no rule and no market again. Tags are written
into logs: they outlive the class names, and a tag once given out keeps its meaning.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, dataclass_transform

import msgspec
from msgspec import Struct, structs

from orderwright.core.model import (
    Account,
    Alert,
    ApiKey,
    Execution,
    Hold,
    Instruction,
    Instrument,
    OrderSide,
    OrderStatus,
    Quote,
    Remainder,
    Settings,
    Signal,
    Source,
    TradingState,
    User,
)
from orderwright.core.numbers import ZERO
from orderwright.core.reasons import Reason, Refusal


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Message(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The base of commands, reports and actions."""


# Commands


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


# Reports


class Report(Message):
    """The base of reports: about which order, and the venue's time in microseconds."""

    order_id: str
    time: int


class AckReport(Report):
    """The venue has the order (request 0)."""

    exchange_order_id: str = ""


class RejectReport(Report):
    """The venue refused request `number`: 0 is the order itself, another is a cancel or a replace.

    final_status: what the order has ended as, where that is why a cancel or a replace was refused.
    """

    number: int = 0
    code: str = ""
    message: str = ""
    final_status: OrderStatus | None = None


class PendingReport(Report):
    """The venue is working on request `number`, a cancel or a replace."""

    number: int


class FillReport(Report):
    execution: Execution
    exchange_order_id: str = ""


class CorrectReport(Report):
    """The venue changed a trade: `execution` stands for the one whose id is `corrects`."""

    corrects: str
    execution: Execution


class BustReport(Report):
    """The venue cancelled a trade."""

    execution_id: str


class ReplacedReport(Report):
    """Request `number` is done; quantity and prices are the order's new ones, None where unchanged."""

    number: int
    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None


class RestateReport(Report):
    """The venue changed the order unasked."""

    quantity: Decimal | None = None
    price: Decimal | None = None


class TriggerReport(Report):
    """A stop or take-profit price was reached."""


class EndReport(Report):
    """The order has ended at the venue as `status`, asked for or not. cumulative is what the venue says has
    filled."""

    status: OrderStatus
    cumulative: Decimal | None = None
    code: str = ""
    message: str = ""


class StatusReport(Report):
    """The venue's answer to a question: the order stands like this."""

    status: OrderStatus
    cumulative: Decimal = ZERO
    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    exchange_order_id: str = ""


class UnreachableReport(Report):
    """No answer to request `number`: whether it was carried out is not known."""

    number: int
    message: str = ""


class NotSentReport(Report):
    """Request `number` certainly never left this process."""

    number: int
    message: str = ""


class NotFoundReport(Report):
    """Asked at `asked_at`, the venue's order query, history and trades all did not know the order."""

    asked_at: int


# Events


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Event(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag_field="kind"):
    time: int


class AccountOpened(Event, tag="account_opened"):
    account: Account


class InstrumentDefined(Event, tag="instrument_defined"):
    instrument: Instrument


class Configured(Event, tag="configured"):
    settings: Settings


class CashMoved(Event, tag="cash_moved"):
    account: str
    asset: str
    amount: Decimal
    cause: str
    reference: str = ""


class DayStarted(Event, tag="day_started"):
    """day: its first microsecond. equity: in the book's currency, over all assets but the unpriced ones."""

    day: int
    equity: Decimal
    unpriced: tuple[str, ...] = ()


class TradingStateSet(Event, tag="trading_state_set"):
    """by: who set it; "" where it was set by itself. hold: what an operator holds the book to, whoever has set this."""

    state: TradingState
    cause: str = ""
    until: int | None = None
    by: str = ""
    hold: Hold | None = None


class PriceSeen(Event, tag="price_seen"):
    """A thinned quote, so that the log alone can value a portfolio as of any moment."""

    exchange: str
    symbol: str
    quote: Quote


class Stake(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What a signal was sized by: the account's equity in the book's currency, the price it was expected to pay and the
    stop, in quote, what one unit of quote was worth in that currency, and the quantity that came of it. note: what was
    made of its words, where that is less than they say."""

    by: str = ""
    quantity: Decimal = ZERO
    equity: Decimal | None = None
    price: Decimal | None = None
    rate: Decimal | None = None
    stop: Decimal | None = None
    volatility: Decimal | None = None
    note: str = ""


class AlertReceived(Event, tag="alert_received"):
    """An alert and what has become of it: what its sender was told. Its signals, each with a verdict of its own, and
    their orders stand right before it, in the same commit.

    verdict: accepted (what it wants is under way), denied (it became an order, and our own checks denied that),
    nothing (it was taken, and there was nothing to do), duplicate or refused (it was not taken). key: what a second
    delivery is known by; "" where none is looked for. order_id: the order that it became; of a duplicate, the order
    that the first one became. duplicate_of: that first one, where it was an alert.
    """

    alert: Alert
    verdict: Literal["accepted", "denied", "nothing", "duplicate", "refused"]
    key: str = ""
    order_id: str = ""
    duplicate_of: str = ""
    reason: str = ""
    detail: str = ""


class SignalReceived(Event, tag="signal_received"):
    """A signal and its verdict: accepted (order_id is its order) or refused. stake: what it was sized by."""

    signal: Signal
    key: str
    verdict: Literal["accepted", "refused"]
    order_id: str = ""
    reason: Reason | None = None
    detail: str = ""
    stake: Stake | None = None


class EpochBegan(Event, tag="epoch_began"):
    """The log was taken over. quiet_until: microseconds before which nothing leaves; None where nothing is in flight
    that another process could still send."""

    epoch: int
    by: str = ""
    quiet_until: int | None = None


class DeadWatched(Event, tag="dead_watched"):
    """An order that the venue denied is looked up again for a day, should it appear after all.

    since: when it was called dead; asked: how often it was asked about since; ask_at: when it is the next time,
    microseconds; None when that is over. slot: its place among those that are watched, the log's name for it."""

    order_id: str
    account: str
    symbol: str
    slot: int
    since: int
    asked: int = 0
    ask_at: int | None = None


class UserAdded(Event, tag="user_added"):
    user: User


class KeyIssued(Event, tag="key_issued"):
    key: ApiKey


class KeyRevoked(Event, tag="key_revoked"):
    key_id: str
    by: str = ""


class ReportParked(Event, tag="report_parked"):
    """A report that fits no order or contradicts what is known. Kept, never dropped, never guessed at."""

    order_id: str
    report: str
    cause: str


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


# Actions


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


Command = (
    OpenAccount
    | DefineInstrument
    | Configure
    | MoveCash
    | ReceiveSignal
    | ReceiveAlert
    | SubmitOrder
    | CancelOrder
    | ReplaceOrder
    | CancelAll
    | ClosePosition
    | ApproveOrder
    | DenyOrder
    | SetTradingState
    | BeginEpoch
    | AddUser
    | IssueKey
    | RevokeKey
    | ResolveUnknown
    | RefreshOrder
    | TimePassed
    | QuoteSeen
)
AnyReport = (
    AckReport
    | RejectReport
    | PendingReport
    | FillReport
    | CorrectReport
    | BustReport
    | ReplacedReport
    | RestateReport
    | TriggerReport
    | EndReport
    | StatusReport
    | UnreachableReport
    | NotSentReport
    | NotFoundReport
)
Input = Command | AnyReport
AnyOrderEvent = (
    OrderReceived
    | OrderDenied
    | OrderWithdrawn
    | OrderDelayed
    | RequestSubmitted
    | RequestPending
    | RequestRefused
    | RequestUnknown
    | RequestAsked
    | RequestNotFound
    | RequestDead
    | OrderAccepted
    | OrderRejected
    | OrderTriggered
    | OrderFilled
    | FillCorrected
    | FillBusted
    | OrderReplaced
    | OrderRestated
    | OrderEnded
    | GapSeen
    | TradesAsked
    | CancelWanted
    | OrderLingered
    | OrderJoined
    | TrailStarted
)
AnyEvent = (
    AccountOpened
    | InstrumentDefined
    | Configured
    | CashMoved
    | DayStarted
    | TradingStateSet
    | EpochBegan
    | DeadWatched
    | PriceSeen
    | SignalReceived
    | AlertReceived
    | UserAdded
    | KeyIssued
    | KeyRevoked
    | ReportParked
    | AnyOrderEvent
)
VenueAction = SendOrder | SendReplace | SendCancel | AskOrder | FetchTrades
AnyAction = VenueAction | RaiseAlert | Reply


def kind_of(event: Event | type[Event]) -> str:
    """The tag under which an event is written to the log."""
    return str(type(event).__struct_config__.tag if isinstance(event, Event) else event.__struct_config__.tag)


def describe(report: Report) -> str:
    """A report in a line, for the log of what could not be placed."""
    return f"{type(report).__name__} {structs.asdict(report)}"
