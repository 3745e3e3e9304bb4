"""The simulated exchange: a pure machine on virtual time, in process, behind the `Connector` and `Feed` ports.

It moves only in `poll`, from one moment to the next (moments.py says which comes first at one time), until a moment has
reports for its client. It keeps nothing of its own: `restore` rebuilds it from the orders, balances and positions of
the log, and since its draws are keyed and its ids made of ours, it goes on as the first one would have.

Promises:
- one seed, the same calls: the same reports, in the same order, at the same times;
- nothing that it shows, and no price at which it fills, depends on what comes later (models/volume.py says what does);
- time never goes back. What has the time of `limit` is done when `poll(limit)` returns, but for candles that open
  then: they wait for the next poll, so that whoever decides on a close can act before the next open;
- a request is carried out once, whatever is sent twice, and not at all after sign_at + lifetime.

Between `send` and the gateway lies the way there (`_requests`), between the desk and `poll` the way back (`outbox`):
what loses, doubles or delays messages belongs there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, getcontext, localcontext, setcontext
from heapq import heappop, heappush
from itertools import count

from orderwright.core import messages as m
from orderwright.core.model import Account, Balance, Order, Position, Quote, VenueTraits
from orderwright.core.numbers import EXACT
from orderwright.core.requests import action_of
from orderwright.errors import InputError, UnknownName
from orderwright.market.candles import Candles
from orderwright.market.feeds import Quotes, Trades
from orderwright.market.live_prices import LivePrices
from orderwright.simulation.candle_market import CandleMarket
from orderwright.simulation.desk import KEEP_FINISHED, Desk
from orderwright.simulation.gateway import Gateway
from orderwright.simulation.live_market import LiveMarket
from orderwright.simulation.matching import Matcher
from orderwright.simulation.models import Models
from orderwright.simulation.moments import EXPIRIES, OPENS, PRICES, REQUESTS, Moment
from orderwright.simulation.order import Book
from orderwright.simulation.restoring import accepted_at, restore_money, restore_orders, restored_lists
from orderwright.simulation.row_market import QuoteMarket, RowMarket, TradeMarket

AnyFeed = Candles | Quotes | Trades | LivePrices
TRAITS = VenueTraits(final_denial=True, expires_orders=True, lifetime_ms=5_000)


class SimulatedExchange:
    """feeds: one for each symbol, each with its instrument. accounts: see `Desk`; without any, all are served, free.
    keep: how many finished orders, and answers to requests, it remembers."""

    def __init__(
        self,
        feeds: Iterable[AnyFeed],
        models: Models | None = None,
        accounts: Iterable[Account] = (),
        *,
        keep: int = KEEP_FINISHED,
    ) -> None:
        self.now = 0
        self._models = models or Models()
        books: dict[str, Book] = {}
        self._desk = Desk(self._models, accounts, books, keep)
        self._matcher = Matcher(self._desk, self._models.slippage)
        self._markets: dict[str, CandleMarket | RowMarket | LiveMarket] = {}
        for feed in feeds:
            self.add(feed)
        self._gateway = Gateway(self._desk, self._markets, self._models)
        self._requests: list[tuple[int, int, m.VenueAction]] = []
        self._sent = count()

    def add(self, feed: AnyFeed) -> None:
        """Trade another symbol from now on. Raises InputError where it has a feed already."""
        if feed.symbol in self._markets:
            raise InputError(f"{feed.symbol} has two feeds", field="feeds", value=feed.symbol)
        market = self._markets[feed.symbol] = _market(feed, self._models, self._matcher)
        self._desk.books[feed.symbol] = market.book

    # Connector

    @property
    def traits(self) -> VenueTraits:
        return TRAITS

    def send(self, action: m.VenueAction) -> None:
        """Put a request on its way. It leaves now, but not before it is signed."""
        if isinstance(action, m.SendAction):
            left, event = max(self.now, action.sign_at), action.client_id
        else:
            left, event = self.now, f"{action.order_id}?{self.now}"
        arrival = left + self._models.latency.request(action.symbol, event)
        heappush(self._requests, (arrival, next(self._sent), action))

    def poll(self, limit: int) -> tuple[int, Sequence[m.AnyReport]]:
        """Run up to the earliest time at which reports are due, not later than `limit` (microseconds); that time and
        those reports, or (limit, ())."""
        outbox = self._desk.outbox
        outside = getcontext()
        setcontext(EXACT)
        waits = False
        try:
            while True:
                (time, _), happen = self._next_moment(limit)
                if outbox and outbox[0][0] <= time and not (waits and happen is not None and outbox[0][0] == time):
                    return self._deliver()
                if happen is None:
                    self.now = max(self.now, limit)
                    return limit, ()
                self.now = time
                happen(time)
                if outbox and outbox[0][0] <= time and not (waits := self._may_wait(time)):
                    return self._deliver()
        finally:
            setcontext(outside)

    def next_moment(self, limit: int) -> Moment | None:
        """The first moment up to `limit` at which something happens or a report is due; None where there is none. With
        `happen`, what `poll` is made of: for who keeps several exchanges in step (several.py)."""
        outbox = self._desk.outbox
        moment, happen = self._next_moment(limit)
        if outbox and outbox[0][0] <= moment[0]:
            return outbox[0][0], PRICES
        return moment if happen is not None else None

    def happen(self, limit: int) -> tuple[int, Sequence[m.AnyReport]]:
        """Let the next moment happen, and that one alone; its time, and the reports that are due by then."""
        outbox = self._desk.outbox
        (time, _), happen = self._next_moment(limit)
        if happen is not None and not (outbox and outbox[0][0] <= time):
            self.now = time
            with localcontext(EXACT):
                happen(time)
        return self._deliver() if outbox and outbox[0][0] <= time else (self.now, ())

    def wait_until(self, time: int) -> None:
        """Nothing happens up to a time."""
        self.now = max(self.now, time)

    def _next_moment(self, limit: int) -> tuple[Moment, Callable[[int], None] | None]:
        """What happens next, and when; (limit, ...), None where nothing does."""
        soonest: Moment = (limit, OPENS)
        happen: Callable[[int], None] | None = None
        for market in self._markets.values():
            if market.book.orders:
                moment = market.next_moment(self.now, limit)
                if moment is not None and moment < soonest:
                    soonest, happen = moment, market.step
        expiry = self._desk.next_expiry() if self._desk.timers else None
        if expiry is not None and (expiry, EXPIRIES) < soonest:
            soonest, happen = (expiry, EXPIRIES), self._desk.expire
        if self._requests and (request := (self._requests[0][0], REQUESTS)) < soonest:
            return request, self._receive
        return soonest, happen

    def _may_wait(self, time: int) -> bool:
        """Whether what is told next can be told with what else happens at this time: acknowledgements of orders that
        stand alone, which nobody answers with a request."""
        working = self._desk.working
        for due, report in self._desk.outbox:
            if due != time or type(report) is not m.AckReport:
                return False
            order = working.get(report.order_id)
            said = order.instruction if order is not None else None
            if said is None or said.group or said.bracket is not None or said.trail is not None:
                return False
        return True

    def _receive(self, now: int) -> None:
        """The next request arrives, and what else arrives at that time: whatever is answered comes after all of it."""
        requests = self._requests
        while requests and requests[0][0] <= now:
            self._gateway.handle(heappop(requests)[2], now)

    def _deliver(self) -> tuple[int, Sequence[m.AnyReport]]:
        """Everything that is due at the earliest time at which something is."""
        outbox = self._desk.outbox
        due, report = outbox.popleft()
        reports = [report]
        while outbox and outbox[0][0] == due:
            reports.append(outbox.popleft()[1])
        self.now = max(self.now, due)
        return self.now, reports

    # Feed

    def quote(self, symbol: str, time: int) -> Quote | None:
        """The market as it may be known at `time`. Raises UnknownName for a symbol without a feed."""
        market = self._markets.get(symbol)
        if market is None:
            raise UnknownName("symbol", symbol, self._markets, field="symbol")
        return market.quote(time)

    def symbols(self) -> Iterable[str]:
        return self._markets.keys()

    def point(self, symbol: str) -> tuple[int, int]:
        """(candle, 0 to 3): the last point of a symbol's candles that was processed (candle_market.py), which is where
        what it has just told of happened."""
        market = self._markets[symbol]
        assert isinstance(market, CandleMarket), f"{symbol} has no candles"
        return market.point

    def taken_at(self, order_id: str, execution_id: str) -> int | None:
        """The market's price that an execution took, before slippage, in ticks; None of one that rested, or that it has
        forgotten."""
        order = self._desk.find(order_id)
        return None if order is None else order.taken_at.get(int(execution_id.rpartition("-")[2]))

    # Money, and the start

    @property
    def balances(self) -> Mapping[tuple[str, str], Balance]:
        """By (account, asset), as the exchange keeps them: total, and what its working orders have locked."""
        return self._desk.ledger.balances

    @property
    def positions(self) -> Mapping[tuple[str, str], Position]:
        """Of linear contracts, by (account, symbol)."""
        return self._desk.ledger.positions

    def open_account(self, account: Account) -> None:
        """Serve this account too, at its own fees; one that is there already gets its new ones."""
        self._desk.open_account(account)

    def deposit(self, account: str, asset: str, amount: Decimal) -> None:
        """Money in, or out where the amount is negative."""
        balance = self._desk.ledger.balance(account, asset)
        balance.total = EXACT.add(balance.total, amount)

    def restore(
        self,
        orders: Iterable[Order],
        balances: Mapping[tuple[str, str], Balance],
        time: int,
        positions: Mapping[tuple[str, str], Position] | None = None,
        left: Mapping[str, Decimal] | None = None,
    ) -> None:
        """Become what the log says: its open orders, its balances (totals; what is locked follows from the orders),
        its positions in linear contracts, and the time of its last event, after which the market goes on. left: what
        the orders of each group may still fill.

        The log may have ended in the middle of a moment: what the price did at `time` happens once more, to the orders
        that were there before. What was on its way to the exchange is sent again, as it was."""
        known = sorted(orders, key=lambda order: (accepted_at(order), order.order_id))
        before = [order for order in known if accepted_at(order) < time and order.last_fill_at != time]
        after = [order for order in known if order not in before]
        with localcontext(EXACT):
            restore_money(self._desk.ledger, self._markets, balances, positions or {})
            self.now = max(self.now, time - 1)
            lists = restored_lists(self._markets, known, left or {})
            restore_orders(self._desk, self._gateway, self._markets, before, self.now, lists)
            self._catch_up(time)
            restore_orders(self._desk, self._gateway, self._markets, after, self.now, lists)
            for order in known:
                for request in order.requests:
                    if request.in_flight:
                        account = Account(account=order.instruction.account, traits=TRAITS)
                        self.send(action_of(order, request, account))

    def _catch_up(self, time: int) -> None:
        """Let everything happen that has this time, and keep what is to be said of it."""
        moment, happen = self._next_moment(time)
        while happen is not None:
            self.now = moment[0]
            happen(self.now)
            moment, happen = self._next_moment(time)
        self.now = time


def _market(feed: AnyFeed, models: Models, matcher: Matcher) -> CandleMarket | RowMarket | LiveMarket:
    match feed:
        case Candles():
            return CandleMarket(feed, models, matcher)
        case Quotes():
            return QuoteMarket(feed, models, matcher)
        case Trades():
            return TradeMarket(feed, models, matcher)
        case LivePrices():
            return LiveMarket(feed, matcher)
