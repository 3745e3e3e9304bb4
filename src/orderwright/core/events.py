"""Events: facts, in the past tense. What happens to one order is in order_events.py; see messages.py."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, dataclass_transform

import msgspec
from msgspec import Struct

from orderwright.core.model import (
    Account,
    Alert,
    ApiKey,
    Hold,
    Instrument,
    Quote,
    Settings,
    Signal,
    TradingState,
    User,
)
from orderwright.core.numbers import ZERO
from orderwright.core.reasons import Reason


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
