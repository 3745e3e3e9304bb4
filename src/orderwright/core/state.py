"""The state of one book: what the core knows.

Durable state is a fold of the book's events and nothing else. The market view (`market`) is not part of it: inputs
update it, decisions read it, `evolve` never does. What is derived from the rest (exposures, open order counts,
timers) is kept here too, so that a decision costs the same after a million orders as after one.

`orders` holds what is not finished. A finished order stays in `finished` for a while and then only in the journal;
the driver brings it back (`recall`) before an input that names it is decided. `keys` does the same for signals.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterator
from decimal import Decimal
from typing import TypeVar

from msgspec import Struct, field

from orderwright.core.messages import DeadWatched
from orderwright.core.model import (
    DONE,
    IN_FLIGHT,
    MARK_OUTS,
    MAX_REQUESTS,
    RECANCEL,
    SECOND,
    Account,
    ApiKey,
    Balance,
    Hold,
    Instruction,
    Instrument,
    Order,
    OrderStatus,
    Position,
    Quote,
    Request,
    Settings,
    TradingState,
    User,
)
from orderwright.core.numbers import ZERO
from orderwright.core.patience import first_due, watches_price

KEEP_FINISHED = 10_000
KEEP_KEYS = 100_000
KEEP_TIMERS = 1_000
MARKED_FOR = max(MARK_OUTS.values())
"""How long after a fill its market is looked at closely."""

Pair = tuple[str, str]
T = TypeVar("T")


class Day(Struct):
    """The trading day: its first microsecond, the equity it began with, and the cash that has moved since, by
    (account, asset)."""

    start: int
    equity: Decimal
    unpriced: tuple[str, ...] = ()
    moved: dict[Pair, Decimal] = field(default_factory=dict)


class Exposure(Struct):
    """What working orders of one symbol in one account may still add: quantities bought and sold, and how many
    orders."""

    buy: Decimal = ZERO
    sell: Decimal = ZERO
    orders: int = 0


class Interest(Struct):
    """Why a market is looked at closely: how many orders work in it, and until when (microseconds) the last one that
    went out or filled is followed closely. The latter is not restored: a restart makes what came before it coarse."""

    orders: int = 0
    until: int = 0


class Group(Struct):
    """Orders that belong together (`core.groups`). members: by order id, those that are over too. entry: of a bracket.
    reserved, exposed: what they share now."""

    members: dict[str, Order] = field(default_factory=dict)
    entry: Order | None = None
    reserved: Decimal = ZERO
    exposed: Decimal = ZERO

    @property
    def filled(self) -> Decimal:
        return sum((order.filled for order in self.members.values()), ZERO)

    @property
    def is_over(self) -> bool:
        ended = self.entry is None or self.entry.status in DONE
        return ended and all(order.status in DONE for order in self.members.values())


class Controls(Struct):
    """Trading state (by: who set it; hold: what an operator holds the book to), the counters that limits need
    (sent_at: when the newest order went out), and since when the log is ours: quiet_until, microseconds, before which
    nothing leaves."""

    trading: TradingState = TradingState.ACTIVE
    cause: str = ""
    until: int | None = None
    by: str = ""
    hold: Hold | None = None
    orders_today: int = 0
    second: int = 0
    orders_this_second: int = 0
    sent_at: int = 0
    orders_this_window: int = 0
    epoch: int = 0
    quiet_until: int | None = None

    def held(self, now: int) -> Hold | None:
        """What an operator holds the book to, where that time is not over."""
        hold = self.hold
        return None if hold is None or (hold.until is not None and now >= hold.until) else hold


class State(Struct, kw_only=True):
    """One book. Keys: (exchange, symbol) for instruments, market, interest, watched; (account, symbol) for positions,
    exposures and closing; (account, asset) for balances. succeeded: the market order that waits for the end of an
    order. groups: orders that belong together, by the group's name or the id of a bracket's entry; unsettled: those to
    which something has happened; bracketed: those whose entry has filled, by (account, symbol). trailing: the stops
    that follow a market; best: the best price each has seen, where a replace was in the way of following it at once.
    users, api_keys (by key id) and revoked (key id: when) are those of the book `system`. dead: the orders that were
    called dead and are looked up again for a day. queue: the orders that wait for the rate, in their order."""

    book: str
    sequence: int = 0
    now: int = 0
    settings: Settings = Settings()
    controls: Controls = field(default_factory=Controls)
    day: Day | None = None
    last_order_id: str = ""
    accounts: dict[str, Account] = field(default_factory=dict)
    instruments: dict[Pair, Instrument] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    balances: dict[Pair, Balance] = field(default_factory=dict)
    positions: dict[Pair, Position] = field(default_factory=dict)
    priced: dict[Pair, int] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    api_keys: dict[str, ApiKey] = field(default_factory=dict)
    revoked: dict[str, int] = field(default_factory=dict)
    dead: dict[str, DeadWatched] = field(default_factory=dict)
    # derived from the above, or caches of the journal
    finished: OrderedDict[str, Order] = field(default_factory=OrderedDict)
    keys: OrderedDict[str, str] = field(default_factory=OrderedDict)
    exposures: dict[Pair, Exposure] = field(default_factory=dict)
    interest: dict[Pair, Interest] = field(default_factory=dict)
    watched: dict[Pair, dict[str, None]] = field(default_factory=dict)
    closing: dict[Pair, str] = field(default_factory=dict)
    succeeded: dict[str, str] = field(default_factory=dict)
    queue: dict[str, None] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    unsettled: dict[str, None] = field(default_factory=dict)
    bracketed: dict[Pair, dict[str, None]] = field(default_factory=dict)
    trailing: dict[Pair, dict[str, None]] = field(default_factory=dict)
    routes: dict[Pair, str] = field(default_factory=dict)
    futures: bool = False
    timers: list[tuple[int, str]] = field(default_factory=list)
    # the market view
    market: dict[Pair, Quote] = field(default_factory=dict)
    best: dict[str, Decimal] = field(default_factory=dict)

    def find(self, order_id: str) -> Order | None:
        """The order, live or finished, if it is in memory."""
        return self.orders.get(order_id) or self.finished.get(order_id)

    def recall(self, order: Order) -> None:
        """Take back an order that the journal kept."""
        remember(self.finished, order.order_id, order, KEEP_FINISHED)

    def quote(self, exchange: str, symbol: str, now: int) -> Quote | None:
        """The market in a symbol, if it is fresh enough to decide on."""
        quote = self.market.get((exchange, symbol))
        if quote is None or now - quote.time > 1_000 * self.settings.max_price_age_ms:
            return None
        return quote

    def mid_of(self, order: Order, now: int) -> Decimal | None:
        """The middle of an order's market, if it is fresh enough to decide on."""
        account = self.accounts.get(order.instruction.account)
        quote = self.quote(account.exchange, order.instruction.symbol, now) if account is not None else None
        return quote.mid if quote is not None else None

    def instrument_of(self, order: Order) -> Instrument:
        """The instrument that an order trades."""
        instruction = order.instruction
        return self.instruments[self.accounts[instruction.account].exchange, instruction.symbol]

    def working(self, account: str = "", symbol: str = "") -> Iterator[Order]:
        """The live and waiting orders, of one account and one symbol where named, oldest first."""
        for order in self.orders.values():
            instruction = order.instruction
            if account in ("", instruction.account) and symbol in ("", instruction.symbol):
                yield order


def remember(cache: OrderedDict[str, T], key: str, value: T, limit: int) -> None:
    """Put into a bounded cache; the oldest entry goes."""
    cache[key] = value
    if len(cache) > limit:
        cache.popitem(last=False)


def may_close(state: State, closer: Order) -> bool:
    """Whether no order of its symbol is out any more that was there when a closing order came. Later ones it need not
    wait for; of those of the same microsecond, those behind it are later."""
    instruction, began = closer.instruction, closer.created_at
    passed = False
    for order in state.working(instruction.account, instruction.symbol):
        if order is closer:
            passed = True
        elif order.requests and (order.created_at < began or (order.created_at == began and not passed)):
            return False
    return True


def protects(order: Instruction) -> bool:
    """Whether it only closes what is held, or is a stop that follows the market: it waits for the end of HALTED."""
    return order.reduce_only or order.trail is not None


def is_quiet(state: State, now: int) -> bool:
    """Whether nothing may leave yet: the log was taken over, and what was in flight then may still arrive."""
    quiet_until = state.controls.quiet_until
    return quiet_until is not None and now < quiet_until


def deadline_of(state: State, order: Order) -> int | None:
    """When this order next needs a look, in microseconds: its wait is over, it expires, a request is overdue, or
    trades that the venue has claimed have not come."""
    account = state.accounts.get(order.instruction.account)
    patient = state.settings.linger or order.instruction.linger
    plain = order.expire_at is None and order.fetch_at is None and order.until is None and order.cancel_wanted is None
    if account is not None and order.requests and not patient and plain:
        soonest: int | None = None  # nearly all of them: only what was asked can be overdue
        for request in order.requests:
            if request.state in IN_FLIGHT:
                overdue = request_deadline(request, account)
                if soonest is None or overdue < soonest:
                    soonest = overdue
        return soonest
    quiet_until = state.controls.quiet_until or 0
    if order.status is OrderStatus.PENDING or account is None:
        time = _wait_deadline(state, order)
        return None if time is None else max(time, quiet_until)
    times = [request_deadline(request, account) for request in order.requests if request.in_flight]
    acts = _acts_at(order, account, asked=bool(times))
    if patient and order.cancel_wanted is None and (due := first_due(state.settings, order)) is not None:
        acts.append(due)
    if acts:
        times.append(max(min(acts), quiet_until))
    if order.fetch_at is not None and order.has_gap:
        times.append(order.fetch_at)
    return min(times, default=None)


def _acts_at(order: Order, account: Account, *, asked: bool) -> list[int]:
    """When a live order is to be cancelled by itself, in microseconds: it expires, or has rested at its collar for as
    long as it should; or a cancel of it waits. asked: whether something of it is in flight already."""
    if order.ending is not None or len(order.requests) >= MAX_REQUESTS:
        return []
    if order.cancel_wanted is not None:
        tried = [it.sign_at for it in order.requests if it.kind == "cancel" and it.state in ("dead", "refused")]
        return [tried[-1] + RECANCEL if len(tried) > 1 else 0]  # at once, but not again and again
    if asked:
        return []
    last = order.requests[-1]  # a cancel that was refused is not sent again at once
    earliest = last.sign_at + RECANCEL if last.kind == "cancel" else 0
    margin = 1_000 * account.traits.margin_ms if account.traits.expires_orders else 0
    times = [] if order.expire_at is None else [max(order.expire_at + margin, earliest)]
    if order.until is not None and order.remainder == "rest":
        times.append(max(order.until, earliest))
    return times


def rests_too_long(order: Order, now: int) -> bool:
    """Whether it has rested at its collar for as long as it should."""
    return order.remainder == "rest" and order.until is not None and order.until <= now and order.ending is None


def _rate_slot(state: State) -> int:
    """When the next order may go out for the rate of the window and the limit of the second, in microseconds."""
    settings, controls = state.settings, state.controls
    window, a_second, slot = 1_000 * settings.rate_limit_window_ms, settings.limits.max_orders_per_second, 0
    if settings.rate_limit_orders is not None and controls.orders_this_window >= settings.rate_limit_orders:
        slot = (controls.sent_at // window + 1) * window
    if a_second is not None and controls.orders_this_second >= a_second:
        slot = max(slot, (controls.second + 1) * SECOND)
    return slot


def queues_until(state: State, order: Order) -> int:
    """When an order that waits for the rate has waited for too long, in microseconds. While nothing may leave, because
    the log was taken over, that is not counted: it has its whole wait when orders may leave again."""
    quiet_until, wait_until = state.controls.quiet_until, order.wait_until or order.created_at
    if quiet_until is None:
        return wait_until
    return max(wait_until, quiet_until + 1_000 * state.settings.execution_timeout_ms)


def _wait_deadline(state: State, order: Order) -> int | None:
    """When a waiting order next needs a look."""
    if order.status is OrderStatus.PENDING:  # else its account is not known
        if not order.wait_for:  # its row was the last one of a log that was cut: it goes on from there
            return order.created_at
        if order.wait_for == "entry":  # when it goes out, `contingent` says
            return order.expire_at
        if (order.wait_for == "cancels" and may_close(state, order)) or (
            order.wait_for in ("parent", "retry") and order.instruction.parent_id not in state.orders
        ):
            waits_on = protects(order.instruction) and state.controls.trading is TradingState.HALTED
            begins = order.created_at if order.wait_for != "retry" else order.wait_until
            return order.expire_at if waits_on else begins
        if order.wait_for == "retry":
            return order.expire_at
        if order.wait_for == "queue":
            until = queues_until(state, order)
            if order.order_id == next(iter(state.queue), ""):
                return min(max(_rate_slot(state), order.created_at), until)
            return until if order.expire_at is None else min(until, order.expire_at)
    times = [time for time in (order.wait_until, order.expire_at) if time is not None]
    return min(times, default=None)


def watch(state: State, order: Order) -> None:
    """Note that rules of this order look at the price, if any do."""
    if watches_price(state.settings, order.instruction):
        account = state.accounts[order.instruction.account]
        state.watched.setdefault((account.exchange, order.instruction.symbol), {})[order.order_id] = None


def follow(state: State, order: Order) -> None:
    """Note that this stop follows the market, from when it works on."""
    account = state.accounts[order.instruction.account]
    state.trailing.setdefault((account.exchange, order.instruction.symbol), {})[order.order_id] = None


def request_deadline(request: Request, account: Account) -> int:
    """A request that is out is overdue when it can no longer be carried out; an unknown one is asked about at
    ask_at."""
    return request.ask_at if request.ask_at is not None else dead_for_certain(request, account)


def dead_for_certain(request: Request, account: Account) -> int:
    """When a request can no longer be carried out, clocks that differ allowed for, in microseconds. Where its venue
    sets no bound, what is allowed for instead."""
    lifetime_ms = request.lifetime_ms if request.lifetime_ms is not None else 10 * account.traits.margin_ms
    return request.sign_at + 1_000 * (lifetime_ms + account.traits.margin_ms)


def due(timers: list[tuple[int, str]], now: int) -> list[str]:
    """The order ids whose timer has come, earliest first, each once. Reads the heap without changing it."""
    found: list[tuple[int, str]] = []
    stack = [0]
    while stack:
        index = stack.pop()
        if index < len(timers) and timers[index][0] <= now:
            found.append(timers[index])
            stack += (2 * index + 1, 2 * index + 2)
    return list(dict.fromkeys(order_id for _, order_id in sorted(found)))


def set_timer(state: State, order: Order) -> None:
    """Note when this order next needs a look."""
    time = deadline_of(state, order)
    if time is None:
        return
    heapq.heappush(state.timers, (time, order.order_id))
    if len(state.timers) > KEEP_TIMERS + 4 * len(state.orders):
        _forget_stale_timers(state)


def _forget_stale_timers(state: State) -> None:
    """Most of the timers belong to orders that have moved on: keep those that stand, one for each order."""
    state.timers.clear()
    for order in state.orders.values():
        time = deadline_of(state, order)
        if time is not None:
            state.timers.append((time, order.order_id))
    heapq.heapify(state.timers)


def drop_stale_timers(state: State) -> None:
    """Bring the timers at the head of the heap up to date: their orders may have moved on, or be due later."""
    timers, orders = state.timers, state.orders
    while timers:
        time, order_id = timers[0]
        order = orders.get(order_id)
        deadline = None
        if order is not None:
            deadline = deadline_of(state, order)
            if deadline == time:
                return
        if deadline is not None and deadline > time:
            heapq.heapreplace(timers, (deadline, order_id))
        else:
            heapq.heappop(timers)
