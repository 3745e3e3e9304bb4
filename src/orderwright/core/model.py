"""The words: signals, orders, fills, instruments, accounts, balances and positions, and their enums.

Times are integers: microseconds since the epoch, UTC. Money and quantities are Decimal. Records that say what was
asked or what happened are frozen; `Order`, `Balance` and `Position` are the state itself and change, but only in
`orderwright.core.oms.evolve`. A record handed out of the core is a copy. None of them can be part of a reference
cycle, so the garbage collector need not walk them (gc=False): that keeps it out of the way of a million orders.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Literal

from msgspec import Struct, field

from orderwright.core.numbers import ONE, ZERO

SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND
RECANCEL = MINUTE
"""A cancel that was refused is not sent again before this."""
MARK_OUTS: dict[str, int] = {"1s": SECOND, "10s": 10 * SECOND, "1m": MINUTE, "5m": 5 * MINUTE}
"""The horizons at which a fill is marked against the market, in microseconds."""
MAX_REQUESTS = 256
HALF = Decimal("0.5")


class Word(StrEnum):
    """A word of the vocabulary; its wire value is lower case. Hashed as the plain text it is, which is several times
    faster."""

    __hash__ = str.__hash__


class OrderSide(Word):
    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> OrderSide:
        return OrderSide.SELL if self is OrderSide.BUY else OrderSide.BUY


class OrderType(Word):
    """`stop_loss` is a stop that becomes a market order, `take_profit` its mirror; `_limit` becomes a limit order."""

    MARKET = "market"
    LIMIT = "limit"
    STOP_LOSS = "stop_loss"
    STOP_LOSS_LIMIT = "stop_loss_limit"
    TAKE_PROFIT = "take_profit"
    TAKE_PROFIT_LIMIT = "take_profit_limit"


HAS_PRICE = frozenset({OrderType.LIMIT, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT})
HAS_STOP_PRICE = frozenset(
    {OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT}
)


class TimeInForce(Word):
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    GTD = "gtd"
    DAY = "day"


class OrderStatus(Word):
    """design.md, "Words". The lifecycle table in `orderwright.core.lifecycle` says how one follows another."""

    PENDING = "pending"
    SUBMITTED = "submitted"
    UNKNOWN = "unknown"
    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    PENDING_CANCEL = "pending_cancel"
    PENDING_REPLACE = "pending_replace"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    DENIED = "denied"


class Source(Word):
    MANUAL = "manual"
    TRADINGVIEW = "tradingview"
    STRATEGY = "strategy"
    API = "api"


class Liquidity(Word):
    MAKER = "maker"
    TAKER = "taker"


class TradingState(Word):
    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"

    @property
    def strictness(self) -> int:
        """0 for active: the more it stops, the more."""
        return list(TradingState).index(self)


class Hold(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The least that an operator has stopped a book to: its owner may stop it further, and may not loosen it before
    `until` (microseconds; None: before an operator does). by: who set it."""

    state: TradingState
    cause: str = ""
    until: int | None = None
    by: str = ""


class Action(Word):
    """What a signal wants. `target` names the position it wants to end with."""

    BUY = "buy"
    SELL = "sell"
    CLOSE = "close"
    TARGET = "target"


class Instrument(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A symbol as one exchange trades it. The one door between ticks and steps (arrays) and Decimal (money).

    `price_min` and the other optional limits are None where the exchange sets none. `linear` marks a futures
    contract that is margined and settled in the quote asset.
    """

    symbol: str
    base: str
    quote: str
    exchange: str = "simulated"
    tick_size: Decimal
    step_size: Decimal
    min_quantity: Decimal = ZERO
    max_quantity: Decimal | None = None
    market_max_quantity: Decimal | None = None
    min_notional: Decimal = ZERO
    max_notional: Decimal | None = None
    price_min: Decimal | None = None
    price_max: Decimal | None = None
    trading: bool = True
    linear: bool = False

    def price(self, ticks: int) -> Decimal:
        """The price that an integer number of ticks stands for."""
        return int(ticks) * self.tick_size

    def quantity(self, steps: int) -> Decimal:
        """The quantity that an integer number of steps stands for."""
        return int(steps) * self.step_size

    def ticks(self, price: Decimal) -> int:
        """The whole ticks of a price; a price between two ticks gives the lower one."""
        return int(price // self.tick_size)

    def steps(self, quantity: Decimal) -> int:
        """The whole steps of a quantity; the rest is dropped."""
        return int(quantity // self.step_size)


class VenueTraits(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What a connector declares about its venue (design.md, "Exactly once").

    lifetime_ms: how long after signing a request can still be carried out; None where the venue sets no bound,
    and then only an operator can call an UNKNOWN request dead. margin_ms: clock error and delay allowed on top.
    final_denial: one "not found" is the truth (the simulated exchange); otherwise two, seconds apart, are needed.
    """

    lifetime_ms: int | None = 5_000
    margin_ms: int = 1_000
    final_denial: bool = False
    denial_gap_ms: int = 2_000
    expires_orders: bool = True


class Account(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One user's account on one exchange, and what is assumed of its costs before the venue has said them.

    fee_in: `quote`, `received` (the asset an order brings in, as Binance does) or an asset's name.
    slippage_bps: allowed for when the cost of an order without a price is estimated. shorts: linear only.
    """

    account: str
    exchange: str = "simulated"
    user: str = ""
    maker_fee: Decimal = ZERO
    taker_fee: Decimal = ZERO
    fee_in: str = "quote"
    slippage_bps: Decimal = ZERO
    leverage: Decimal = ONE
    traits: VenueTraits = VenueTraits()


class RiskLimits(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A book's limits; None means no such limit. Values are in the book's currency.

    max_position_value bounds the sum over symbols of |position with working orders| x price, the worse side counting.
    """

    max_order_value: Decimal | None = None
    min_order_value: Decimal | None = None
    max_position_value: Decimal | None = None
    max_symbol_position_value: Decimal | None = None
    max_daily_loss: Decimal | None = None
    max_open_orders_per_symbol: int | None = None
    max_daily_orders: int | None = None
    max_orders_per_second: int | None = None


class LingerRule(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What becomes of an order that lingers (`core.patience` has the rules of the rules).

    name: every act is logged under it. Which orders: account, strategy, symbol, order_id, any where empty, of these
    order_types. When, exactly one of: after_ms since it went out (nearer: or was last moved); moved_bps, the market has
    moved so far; on_reversal, the strategy's signal has turned; day_end, HH:MM in UTC, 24:00 is midnight. do: cancel;
    nearer, move its price to the best one on its side or offset_ticks behind it, at most `times` times and never
    further than within_bps from its first price; market, send what is left as a market order; keep, nothing (takes
    orders out of a wider rule of the same name).
    """

    name: str
    do: Literal["cancel", "nearer", "market", "keep"] = "cancel"
    after_ms: int | None = None
    moved_bps: Decimal | None = None
    on_reversal: bool = False
    day_end: str = ""
    times: int = 1
    offset_ticks: int = 0
    within_bps: Decimal | None = None
    account: str = ""
    strategy: str = ""
    symbol: str = ""
    order_id: str = ""
    order_types: tuple[OrderType, ...] = (OrderType.LIMIT,)


class Trail(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """How a stop follows the market (`core.contingent`): so far behind the best price seen since it went out.

    Exactly one of amount (quote units) and percent (of that best price; 2 is 2 %). activation_price: it follows only
    once the market has been there; None follows at once.
    """

    amount: Decimal | None = None
    percent: Decimal | None = None
    activation_price: Decimal | None = None


class Bracket(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The exits that an entry brings with it (`core.contingent`), of which one cancels the other.

    stop_loss and take_profit: prices in quote units; or, with _percent, so far from the average price of the entry's
    fills (2 is 2 %), rounded to the tick away from it. trail: the stop follows the market; with a stop_loss too it
    begins there and is only ever moved nearer. arm: `fill`, from the entry's first fill on, resized by each; `full`,
    when the entry has filled or ended.
    """

    stop_loss: Decimal | None = None
    stop_loss_percent: Decimal | None = None
    take_profit: Decimal | None = None
    take_profit_percent: Decimal | None = None
    trail: Trail | None = None
    arm: Literal["fill", "full"] = "fill"


Remainder = Literal["cancel", "retry", "rest"]


class Settings(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What a book is run by. A change is an event.

    currency: what limits and equity are counted in. parity: assets taken one for one with it.
    max_price_age_ms: an older price counts as none. collar_bps: how far a limit price may be beyond the market.
    approval: none | all | above (with approval_above, a value); what is reduce-only, a close too, needs none. bar_ms:
    what `next_open` counts in. price_every_ms: how often a quote is logged, so that the log alone can value a
    portfolio as of any moment. execution_price_every_ms: how often for five minutes after an order went out or filled,
    so that the log alone can say how well it was executed; a sixtieth of that while it rests on. linger: rules for
    orders that linger.

    max_slippage_bps: a market order goes out as a limit at the collar, so far beyond the far side of the market; None
    sends market orders as they are. remainder: what becomes of what did not fill there: cancel; retry, an order of its
    own at the collar of that moment, at most retry_attempts times, after retry_delay_ms and then twice as long each
    time; rest, it rests at the collar. execution_timeout_ms: how long retry and rest go on, and how long an order waits
    for the rate. rate_limit_orders: above so many new orders per rate_limit_window_ms (windows of the clock, as
    exchanges count) the others wait, at most rate_queue of them; None sets no bound. docs/order_params.md.
    """

    limits: RiskLimits = RiskLimits()
    currency: str = "USD"
    parity: tuple[str, ...] = ("USD", "USDT", "USDC", "BUSD", "FDUSD", "TUSD", "DAI")
    max_price_age_ms: int = 60_000
    collar_bps: Decimal | None = None
    execution_enabled: bool = True
    approval: Literal["none", "all", "above"] = "none"
    approval_above: Decimal = ZERO
    approval_timeout_ms: int = 900_000
    bar_ms: int = 60_000
    price_every_ms: int = 3_600_000
    execution_price_every_ms: int = 1_000
    linger: tuple[LingerRule, ...] = ()
    max_slippage_bps: Decimal | None = None
    remainder: Remainder = "cancel"
    retry_attempts: int = 3
    retry_delay_ms: int = 100
    execution_timeout_ms: int = 5_000
    rate_limit_orders: int | None = None
    rate_limit_window_ms: int = 1_000
    rate_queue: int = 1_000


class Sizing(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """How much a signal trades that says no quantity of its own (`core.stakes` has the formulas).

    by, and what amount is then: base, units of base; quote, units of quote, the fee included; equity, percent of the
    account's equity that is spent; risk, percent of it that is lost if the stop is hit; volatility, percent of it that
    is lost if the market moves by `multiple` times the volatility. stop_percent: how far from the entry the stop is
    where the signal brings none (2 is 2 %); the order then gets that stop.
    """

    by: Literal["base", "quote", "equity", "risk", "volatility"] = "equity"
    amount: Decimal = Decimal(10)
    multiple: Decimal = Decimal(2)
    stop_percent: Decimal | None = None


class Terms(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What the signals of a strategy may do (`core.stakes`). flip: one signal may turn a position round. allow_short:
    a sell may open a short, on a linear instrument."""

    sizing: Sizing = Sizing()
    flip: bool = False
    allow_short: bool = False


class Signal(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What someone wants, before it is an order.

    quantity in base units, or quote_quantity in quote units, or (action target) target_quantity, signed, in base
    units. execute_at: microseconds; or `next_open`; or None for now. bracket, trail: as in `Instruction`. terms: what
    it may do and how it is sized; None takes it as it stands. volatility: in quote units per unit of base, where it is
    sized by that. apart: what else tells it from another signal with the same words: another account of the same
    alert, a target's own word. Two signals are the same when `key` is.
    """

    signal_id: str
    symbol: str
    action: Action
    account: str
    source: Source = Source.MANUAL
    order_type: OrderType = OrderType.MARKET
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    target_quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expire_at: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    execute_at: int | Literal["next_open"] | None = None
    strategy: str = ""
    user: str = ""
    alert_id: str = ""
    time: int = 0
    bracket: Bracket | None = None
    trail: Trail | None = None
    terms: Terms | None = None
    volatility: Decimal | None = None
    apart: str = ""

    @property
    def key(self) -> str:
        """Equal for two deliveries of one alert: strategy, ticker, action and alert id (reading.md, "Alerts")."""
        words = (self.strategy, self.symbol, self.action, self.alert_id or self.signal_id)
        return "|".join((*words, self.apart) if self.apart else words)


class Alert(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An alert as it came in, secrets taken out.

    alert: our own id of this delivery; its signals have it as signal_id. body: as it was sent, with *** for each
    secret. digest: SHA-256 of that. ticker, action, alert_id: as it says them. sender: the address it came from.
    notes: what was seen in it and not used. replay_of: the alert that was played again by hand.
    """

    alert: str
    body: str
    digest: str
    strategy: str = ""
    user: str = ""
    ticker: str = ""
    action: str = ""
    alert_id: str = ""
    sender: str = ""
    notes: tuple[str, ...] = ()
    replay_of: str = ""


class User(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Somebody who may have books and keys. by: who added them."""

    user: str
    by: str = ""


class ApiKey(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A key of the service, without the key itself.

    key_id: public, the middle of the key. digest: SHA-256 of the whole key, hex. scope: read, trade or admin.
    issued_at, expires_at: microseconds; None for never. label: what it is for, in its owner's words. by: who issued it.
    """

    key_id: str
    user: str
    scope: str
    digest: str
    label: str = ""
    issued_at: int = 0
    expires_at: int | None = None
    by: str = ""


class Instruction(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What an order says, as it was given. It never changes; what can change is in `Order`.

    order_id: 30 lower-case hex characters, the first 12 of them milliseconds. Exactly one of quantity (base units)
    and quote_quantity (quote units, market orders only). expire_at: microseconds, for GTD. execute_at: microseconds
    or `next_open`; the order waits as PENDING until then. idempotency_key: the caller's own id, unique per book.
    decision_price and decision_time: what whoever wanted it saw, and when (the chart's price of an alert); only
    execution quality is measured by them. linger: the order's own rules for when it lingers. group: orders of one
    account and symbol that share a group belong together: what one of them fills, the others no longer ask for (one
    cancels the other). bracket: the exits that come with its fills. trail: this stop follows the market.
    """

    order_id: str
    account: str
    symbol: str
    side: OrderSide
    type: OrderType
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expire_at: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    execute_at: int | Literal["next_open"] | None = None
    exchange: str = ""
    user: str = ""
    strategy: str = ""
    episode: str = ""
    source: Source = Source.MANUAL
    signal_id: str = ""
    parent_id: str = ""
    idempotency_key: str = ""
    decision_price: Decimal | None = None
    decision_time: int | None = None
    linger: tuple[LingerRule, ...] = ()
    group: str = ""
    bracket: Bracket | None = None
    trail: Trail | None = None
    metadata: dict[str, str] = {}


RequestKind = Literal["new", "replace", "cancel"]
RequestState = Literal["sent", "pending", "unknown", "done", "refused", "dead"]
IN_FLIGHT = frozenset({"sent", "pending", "unknown"})


class Request(Struct, kw_only=True, omit_defaults=True, gc=False):
    """One thing asked of the venue for an order, and what became of it.

    client_id: the order id and two hex digits of `number`. sign_at (microseconds) and lifetime_ms bound when it can
    still be carried out. state: sent; pending (the venue has it and is working on it: FIX PendingCancel or
    PendingReplace); unknown (no answer); done; refused (by the venue); dead (proven never to have reached it).
    denied_at: when the first denial came (microseconds); a second one must be seconds apart from it.
    """

    number: int
    kind: RequestKind
    client_id: str
    sign_at: int
    lifetime_ms: int | None
    state: RequestState = "sent"
    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    unit_cost: Decimal = ZERO
    cause: str = ""
    rule: str = ""
    denied_at: int | None = None
    ask_at: int | None = None

    @property
    def in_flight(self) -> bool:
        return self.state in IN_FLIGHT

    @property
    def dead_at(self) -> int | None:
        """When the venue can no longer carry it out (microseconds), margin not counted; None if that is unbounded."""
        return None if self.lifetime_ms is None else self.sign_at + 1_000 * self.lifetime_ms


class Execution(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One trade of an order as the venue recorded it. fee is positive when paid; time in microseconds, the
    venue's."""

    execution_id: str
    quantity: Decimal
    price: Decimal
    fee: Decimal = ZERO
    fee_asset: str = ""
    liquidity: Liquidity = Liquidity.TAKER
    time: int = 0


class Order(Struct, kw_only=True, gc=False):
    """An instruction and its current state: a fold of its own events, nothing else.

    quantity, price and stop_price are what is asked for now (replaces change them). filled and filled_quote are
    cumulative sums of executions. arrival is the middle of the market at the decision. reported is the largest
    cumulative quantity the venue has claimed; ending is a final status that waits for the fills up to it.
    executions is keyed by the venue's execution id; None marks one that was corrected or busted. reserved is what is
    locked in reserved_asset, exposed what may still fill of it, both counting the larger side of a replace in flight.
    fetch_at: when the trades that a claim is ahead of are fetched again, fetch_pause after the last time
    (microseconds); it counts while `has_gap`. reference: the middle of the market when it went out or was last moved.
    lingered: by rule, when it was due and could do nothing the last time, and the middle of the market then. kin: the
    other orders of its group, by id, but for a bracket's. following: a trailing stop whose activation price was seen.
    remainder: of a market order that went out as a limit at its collar, which is then its price: what becomes of the
    rest; attempt: how many orders went before it for the same; until: when that is over (microseconds).
    place: among those that wait for the rate, where it does; a lower one goes first.
    cancel_wanted: (cause, rule) of a cancel that waits until requests may leave, or did not arrive. terms_at: the
    venue's time of its last word on quantity and prices (microseconds): an older word that comes later does not change
    them.
    """

    instruction: Instruction
    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    created_at: int
    status: OrderStatus = OrderStatus.PENDING
    filled: Decimal = ZERO
    filled_quote: Decimal = ZERO
    executions: dict[str, Execution | None] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    exchange_order_id: str = ""
    arrival: Decimal | None = None
    expire_at: int | None = None
    wait_until: int | None = None
    wait_for: str = ""
    place: int = 0
    estimated_fee: Decimal = ZERO
    estimated_cost: Decimal = ZERO
    estimated_slippage: Decimal | None = None
    unit_cost: Decimal = ZERO
    reserved_asset: str = ""
    reserved: Decimal = ZERO
    exposed: Decimal = ZERO
    reported: Decimal = ZERO
    fetch_at: int | None = None
    fetch_pause: int = 0
    ending: OrderStatus | None = None
    triggered: bool = False
    code: str = ""
    reason: str = ""
    submitted_at: int | None = None
    accepted_at: int | None = None
    reference: Decimal | None = None
    lingered: dict[str, tuple[int, Decimal | None]] = field(default_factory=dict)
    kin: tuple[str, ...] = ()
    following: bool = False
    remainder: Remainder | Literal[""] = ""
    attempt: int = 0
    until: int | None = None
    cancel_wanted: tuple[str, str] | None = None
    terms_at: int = 0
    first_fill_at: int | None = None
    last_fill_at: int | None = None
    updated_at: int = 0

    @property
    def order_id(self) -> str:
        return self.instruction.order_id

    @property
    def has_gap(self) -> bool:
        """Whether it lives and the venue claims more fills than its trades have shown us."""
        return self.reported > self.filled and self.status not in DONE

    @property
    def leaves(self) -> Decimal:
        """What may still fill: quantity - filled while the order lives; once the venue has announced its end, the
        fills it claims that have not come yet; nothing when it has ended."""
        if self.status in DONE:
            return ZERO
        whole = self.quantity if self.ending is None else self.reported
        return whole - self.filled if whole > self.filled else ZERO


class Balance(Struct, gc=False):
    """One asset of one account. total is what is owned, locked what working orders may take; free is the rest."""

    total: Decimal = ZERO
    locked: Decimal = ZERO

    @property
    def free(self) -> Decimal:
        return self.total - self.locked


class Position(Struct, gc=False):
    """What the fills of one symbol in one account add up to.

    size in base units, negative when short. cost is what the present size was bought (or sold short) for, in quote
    units, never an average, and 0 exactly when flat. realised is profit of what was closed, before fees, in quote.
    """

    size: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO


class Quote(Struct, frozen=True, gc=False):
    """The market in one symbol of one exchange, as last seen. bid and ask are None where only trades are known."""

    last: Decimal
    time: int
    bid: Decimal | None = None
    ask: Decimal | None = None

    @property
    def mid(self) -> Decimal:
        return self.last if self.bid is None or self.ask is None else (self.bid + self.ask) * HALF


S = OrderStatus
DONE = frozenset({S.FILLED, S.CANCELLED, S.EXPIRED, S.REJECTED, S.DENIED})
WORKING = frozenset({S.OPEN, S.PARTIALLY_FILLED, S.PENDING_CANCEL, S.PENDING_REPLACE})
LIVE = WORKING | {S.SUBMITTED, S.UNKNOWN}
STATUS_GROUPS: dict[str, frozenset[OrderStatus]] = {
    "pending": frozenset({S.PENDING, S.SUBMITTED, S.UNKNOWN}),
    "open": WORKING,
    "cancelled": frozenset({S.CANCELLED}),
    "closed": frozenset({S.FILLED, S.EXPIRED, S.REJECTED, S.DENIED}),
}
del S
