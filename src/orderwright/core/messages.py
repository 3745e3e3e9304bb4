"""What goes in and what comes out.

Commands are imperative (what someone wants done), reports are the venue's word, events are past tense (facts, the
only thing that changes state and the only thing the log holds), actions are what we shall do once the events are
durable.

Every event has `time`, microseconds: when it was decided here. A venue's own time is inside the record it sent. An
event carries each market value its decision used, so that a replay asks no rule and no market again. Tags are written
into logs: they outlive the class names, and a tag once given out keeps its meaning.
"""

from __future__ import annotations

from msgspec import structs

from orderwright.core.actions import (
    AskOrder,
    FetchTrades,
    RaiseAlert,
    Reply,
    SendAction,
    SendCancel,
    SendOrder,
    SendReplace,
)
from orderwright.core.commands import (
    AddUser,
    ApproveOrder,
    BeginEpoch,
    CancelAll,
    CancelOrder,
    ClosePosition,
    Configure,
    DefineInstrument,
    DenyOrder,
    IssueKey,
    MoveCash,
    OpenAccount,
    QuoteSeen,
    ReceiveAlert,
    ReceiveSignal,
    RefreshOrder,
    ReplaceOrder,
    ResolveUnknown,
    RevokeKey,
    SetTradingState,
    SubmitOrder,
    TimePassed,
)
from orderwright.core.events import (
    AccountOpened,
    AlertReceived,
    CashMoved,
    Configured,
    DayStarted,
    DeadWatched,
    EpochBegan,
    Event,
    InstrumentDefined,
    KeyIssued,
    KeyRevoked,
    PriceSeen,
    ReportParked,
    SignalReceived,
    Stake,
    TradingStateSet,
    UserAdded,
)
from orderwright.core.message import (
    Message,
)
from orderwright.core.order_events import (
    CancelWanted,
    FillBusted,
    FillCorrected,
    GapSeen,
    OrderAccepted,
    OrderDelayed,
    OrderDenied,
    OrderEnded,
    OrderEvent,
    OrderFilled,
    OrderJoined,
    OrderLingered,
    OrderReceived,
    OrderRejected,
    OrderReplaced,
    OrderRestated,
    OrderTriggered,
    OrderWithdrawn,
    RequestAsked,
    RequestDead,
    RequestNotFound,
    RequestPending,
    RequestRefused,
    RequestSubmitted,
    RequestUnknown,
    TradesAsked,
    TrailStarted,
)
from orderwright.core.venue_reports import (
    AckReport,
    BustReport,
    CorrectReport,
    EndReport,
    FillReport,
    NotFoundReport,
    NotSentReport,
    PendingReport,
    RejectReport,
    ReplacedReport,
    Report,
    RestateReport,
    StatusReport,
    TriggerReport,
    UnreachableReport,
)

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


__all__ = [
    "AccountOpened",
    "AckReport",
    "AddUser",
    "AlertReceived",
    "AnyAction",
    "AnyEvent",
    "AnyOrderEvent",
    "AnyReport",
    "ApproveOrder",
    "AskOrder",
    "BeginEpoch",
    "BustReport",
    "CancelAll",
    "CancelOrder",
    "CancelWanted",
    "CashMoved",
    "ClosePosition",
    "Command",
    "Configure",
    "Configured",
    "CorrectReport",
    "DayStarted",
    "DeadWatched",
    "DefineInstrument",
    "DenyOrder",
    "EndReport",
    "EpochBegan",
    "Event",
    "FetchTrades",
    "FillBusted",
    "FillCorrected",
    "FillReport",
    "GapSeen",
    "Input",
    "InstrumentDefined",
    "IssueKey",
    "KeyIssued",
    "KeyRevoked",
    "Message",
    "MoveCash",
    "NotFoundReport",
    "NotSentReport",
    "OpenAccount",
    "OrderAccepted",
    "OrderDelayed",
    "OrderDenied",
    "OrderEnded",
    "OrderEvent",
    "OrderFilled",
    "OrderJoined",
    "OrderLingered",
    "OrderReceived",
    "OrderRejected",
    "OrderReplaced",
    "OrderRestated",
    "OrderTriggered",
    "OrderWithdrawn",
    "PendingReport",
    "PriceSeen",
    "QuoteSeen",
    "RaiseAlert",
    "ReceiveAlert",
    "ReceiveSignal",
    "RefreshOrder",
    "RejectReport",
    "ReplaceOrder",
    "ReplacedReport",
    "Reply",
    "Report",
    "ReportParked",
    "RequestAsked",
    "RequestDead",
    "RequestNotFound",
    "RequestPending",
    "RequestRefused",
    "RequestSubmitted",
    "RequestUnknown",
    "ResolveUnknown",
    "RestateReport",
    "RevokeKey",
    "SendAction",
    "SendCancel",
    "SendOrder",
    "SendReplace",
    "SetTradingState",
    "SignalReceived",
    "Stake",
    "StatusReport",
    "SubmitOrder",
    "TimePassed",
    "TradesAsked",
    "TradingStateSet",
    "TrailStarted",
    "TriggerReport",
    "UnreachableReport",
    "UserAdded",
    "VenueAction",
    "describe",
    "kind_of",
]
