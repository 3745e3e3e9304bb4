"""One episode: a book of its own on the order engine, and a simulated exchange that plays one stretch of candles.

The engine is the one that trades live: each order is checked, written down, sent, acknowledged and filled by reports.
What is left out is what an agent does not need, and nothing of the orders:

- the log keeps the newest orders only (`keep`), in memory;
- the market is shown to the core when something happens there, not at the mark-outs after fills, which are for
  execution quality, and a step in which nothing is open and nothing is asked moves nothing but the time;
- no price is logged between orders.

Money and positions are the book's own, in Decimal. An order whose outcome is not known is working as far as everything
here is concerned: sizes count it as filled (`State.exposures`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal, localcontext

from msgspec import structs

from orderwright.core import messages as m
from orderwright.core.model import (
    Instruction,
    Instrument,
    Order,
    OrderSide,
    OrderStatus,
    OrderType,
    Quote,
    Settings,
)
from orderwright.core.numbers import EXACT, ONE, ZERO, ceil_to, floor_to, most_within
from orderwright.core.placing import closable_of, held_of
from orderwright.core.portfolio import unrealised
from orderwright.core.risk import free_of
from orderwright.core.sizing import slipped
from orderwright.engine import Engine
from orderwright.rl.market import Strip
from orderwright.rl.moving import EXCHANGE, Moves, Tally
from orderwright.rl.terms import Terms
from orderwright.simulation.exchange import SimulatedExchange
from orderwright.simulation.faults import FaultyExchange

ACCOUNT, BOOK = "agent", "episode"
NEVER_MS = 10**12
KEEP_AT_EXCHANGE = 1_000
"""Far more orders than can finish before the last late message about one has come."""
_QUIET = Settings(max_price_age_ms=NEVER_MS, price_every_ms=NEVER_MS, execution_price_every_ms=NEVER_MS)
_BUY, _SELL, _MARKET, _LIMIT = OrderSide.BUY, OrderSide.SELL, OrderType.MARKET, OrderType.LIMIT


class Episode:
    """strip: the candles; start, end: the candles at whose closes it begins and is over. seed: of everything that
    happens by chance in it. keep: how many finished orders its log remembers; None keeps everything."""

    def __init__(self, strip: Strip, start: int, end: int, terms: Terms, *, seed: int, keep: int | None) -> None:
        self.strip, self.bar, self.end, self.terms = strip, start, end, terms
        self._times, self._closes = strip.close_times.data, strip.closes.data
        candles = strip.candles[start : end + 1]
        linear = terms.allow_short or candles.instrument.linear
        self.instrument: Instrument = structs.replace(candles.instrument, exchange=EXCHANGE, linear=linear)
        self.symbol, self._key = candles.symbol, (ACCOUNT, candles.symbol)
        models, feeds = terms.market(seed), [replace(candles, instrument=self.instrument)]
        self.exchange: SimulatedExchange = (
            SimulatedExchange(feeds, models, keep=KEEP_AT_EXCHANGE)
            if terms.faults is None
            else FaultyExchange(feeds, models, faults=terms.faults, seed=seed, keep=KEEP_AT_EXCHANGE)
        )
        self.journal = Tally(keep)
        self.account = terms.account(ACCOUNT, self.exchange.traits)
        engine = Engine(BOOK, self.journal, {EXCHANGE: self.exchange}, start=self.now)
        self.session = engine.session = Moves(engine.session, self.symbol)
        engine.tell(
            [
                m.Configure(settings=_QUIET),
                m.DefineInstrument(instrument=self.instrument),
                m.OpenAccount(account=self.account),
                m.MoveCash(
                    account=ACCOUNT, asset=self.instrument.quote, amount=terms.initial_balance, reference="start"
                ),
            ]
        )
        self.state = engine.state
        self.began_with = float(terms.initial_balance)
        self._orders, self._seen = 0, -1
        self.cash = self.units = self._basis = 0.0
        self.look()

    # Time

    @property
    def now(self) -> int:
        """Microseconds: the close of the candle that was last."""
        return self._times[self.bar]

    @property
    def over(self) -> bool:
        return self.bar >= self.end

    def advance(self) -> None:
        """To the close of the next candle, with all that happens on the way."""
        until = self._times[self.bar + 1]
        if self.state.orders or self.session.then is not None or self.exchange.next_moment(until) is not None:
            self.session.advance(until)
        self.session.moment = until
        self.bar += 1
        self.look()

    # What there is

    @property
    def price(self) -> float:
        """The last close, quote units."""
        return self._closes[self.bar]

    def look(self) -> None:
        """Bring the floats up to date, where the book has changed. cash: quote units; units: base, signed."""
        state = self.state
        if state.sequence == self._seen:
            return
        self._seen = state.sequence
        balance, position = state.balances[ACCOUNT, self.instrument.quote], state.positions.get(self._key)
        self.cash = float(balance.total)
        if position is None:
            self.units = self._basis = 0.0
            return
        self.units = float(position.size)
        if self.instrument.linear:
            self._basis = float(position.cost) if position.size > 0 else -float(position.cost)

    @property
    def equity(self) -> float:
        """Quote units, at the last close."""
        return self.cash + self.units * self._closes[self.bar] - self._basis

    def free(self) -> float:
        """The money that neither working orders nor a margin hold: quote units."""
        locked = float(self.state.balances[ACCOUNT, self.instrument.quote].locked) if self.state.orders else 0.0
        return self.cash - locked - abs(self._basis)

    def leans(self) -> float:
        """What is held, and what working orders may make of it: base units, signed."""
        return float(held_of(self.state, *self._key)) if self.state.orders else self.units

    def working(self) -> list[Order]:
        """What is not finished, oldest first; orders whose outcome is not known among them."""
        return list(self.state.orders.values())

    def exposure(self) -> float:
        """The most that can be held if everything that works, or may work, fills on one side: base units."""
        exposure = self.state.exposures.get(self._key)
        if exposure is None:
            return abs(self.units)
        return max(self.units + float(exposure.buy), float(exposure.sell) - self.units, 0.0)

    def unknown(self) -> int:
        """How many orders have an outcome that is not known yet."""
        orders = self.state.orders
        return sum(order.status is OrderStatus.UNKNOWN for order in orders.values()) if orders else 0

    # Wishes

    def hold(self, share: Decimal) -> None:
        """Bring the position to a share of equity, signed, by market orders: docs/rl.md has the rule."""
        self.session.then = None
        with localcontext(EXACT):
            self._hold(share)

    def _hold(self, share: Decimal) -> None:
        quote, state = self._quote(), self.state
        wanted = most_within(abs(share) * self._worth(quote), quote.mid, self.instrument.step_size)
        wanted = -wanted if share < 0 else wanted
        if state.orders:
            if wanted == held_of(state, *self._key):
                return
            self.cancel(state.orders.values())
        have = self._size()
        if have and (not wanted or (have > 0) != (wanted > 0)):
            self._close(quote)
            if wanted:
                self.session.then = lambda: self._enter(share)
            return
        side = _BUY if wanted > have else _SELL
        quantity = abs(wanted - have) - self._waiting(side)
        if abs(wanted) > abs(have) or not self.instrument.linear:
            quantity = min(quantity, self._most(side, quote))
        self.send(side, quantity, quote)

    def _close(self, quote: Quote) -> None:
        closable = closable_of(self.state, *self._key)
        self.send(_SELL if closable > 0 else _BUY, abs(closable), quote)

    def _enter(self, share: Decimal) -> None:
        """The other side, once what was held is gone. Where that went at an open, the market is that open."""
        if self.state.orders:
            return
        session = self.session
        session.then = None
        if not self._size():
            if session.moment == self.strip.candles.times[self.bar + 1]:
                session.open()
            with localcontext(EXACT):
                self._hold(share)

    def take(self, side: OrderSide, share: Decimal, limit: Decimal | None = None) -> None:
        """An order for a share of what is there: of the money a buy can spend, of what a sell can deliver. On a linear
        contract what is against the position closes that share of it, anything else opens with that share of the free
        margin. limit: a price, else it is a market order."""
        with localcontext(EXACT):
            quote, have, step = self._quote(), self._size(), self.instrument.step_size
            if self.instrument.linear and have and (have > 0) is (side is _SELL):
                quantity = abs(have) * share // step * step
            else:
                quantity = self._most(side, quote, share, limit)
            self.send(side, quantity, quote, limit)

    def limit_price(self, side: OrderSide, offset: Decimal) -> Decimal:
        """A price so far from the last close, as a fraction of it, below it for a buy, rounded to the tick away from
        it."""
        tick = self.instrument.tick_size
        with localcontext(EXACT):
            close = self.instrument.price(self.strip.candles.close[self.bar])
            if side is _BUY:
                return max(floor_to(close * (ONE - offset), tick), tick)
            return max(ceil_to(close * (ONE + offset), tick), tick)

    def send(self, side: OrderSide, quantity: Decimal, quote: Quote, limit: Decimal | None = None) -> None:
        """One order, if it is large enough for the exchange."""
        instrument = self.instrument
        most = (
            instrument.max_quantity if limit is not None else instrument.market_max_quantity or instrument.max_quantity
        )
        if most is not None:
            quantity = min(quantity, most)
        if not self._is_enough(side, quantity, quote, limit):
            return
        self._orders += 1
        self.session.send(
            m.SubmitOrder(
                instruction=Instruction(
                    order_id=f"{self.session.moment // 1_000:012x}{self._orders:018x}",
                    account=ACCOUNT,
                    symbol=self.symbol,
                    side=side,
                    type=_MARKET if limit is None else _LIMIT,
                    quantity=quantity,
                    price=limit,
                )
            )
        )

    def cancel(self, orders: Iterable[Order]) -> None:
        """Ask for cancels, and take in what the exchange says to them at once."""
        for order_id in [order.order_id for order in orders]:
            self.session.send(m.CancelOrder(order_id=order_id))
        self.session.advance(self.session.moment)

    # Numbers, exact

    def _quote(self) -> Quote:
        """The market as the core sees it when it decides."""
        return self.session.look(self.session.moment)

    def _size(self) -> Decimal:
        position = self.state.positions.get(self._key)
        return position.size if position is not None else ZERO

    def _waiting(self, side: OrderSide) -> Decimal:
        """What orders on a side may still fill, those whose outcome is not known among them."""
        exposure = self.state.exposures.get(self._key)
        if exposure is None:
            return ZERO
        return exposure.buy if side is _BUY else exposure.sell

    def _worth(self, quote: Quote) -> Decimal:
        """Equity in quote units, exactly."""
        position, total = self.state.positions.get(self._key), self.state.balances[ACCOUNT, self.instrument.quote].total
        if position is None or not position.size:
            return max(total, ZERO)
        own = unrealised(position, quote.mid) if self.instrument.linear else position.size * quote.mid
        return max(total + own, ZERO)

    def _expected(self, side: OrderSide, quote: Quote) -> Decimal:
        price = quote.ask if side is _BUY else quote.bid
        assert price is not None
        return slipped(price, side, self.account)

    def _most(self, side: OrderSide, quote: Quote, share: Decimal = ONE, limit: Decimal | None = None) -> Decimal:
        """The largest quantity that a share of what is free can open (spot: buy or sell), costs included."""
        instrument, account = self.instrument, self.account
        if side is _SELL and not instrument.linear:
            free = max(free_of(self.state, account, instrument.base), ZERO)
            return free * share // instrument.step_size * instrument.step_size
        price = limit
        if price is None:  # the exchange reckons a short's margin at the market's price
            price = self._expected(side, quote) if side is _BUY else quote.bid
        assert price is not None
        free = max(free_of(self.state, account, instrument.quote), ZERO) * share
        return most_within(free, price + price * account.taker_fee, instrument.step_size)

    def _is_enough(self, side: OrderSide, quantity: Decimal, quote: Quote, limit: Decimal | None) -> bool:
        """Whether it passes the exchange's smallest sizes, at the price the core and at the one the exchange values
        it."""
        instrument = self.instrument
        if quantity < instrument.step_size or quantity < instrument.min_quantity:
            return False
        if limit is not None:
            return quantity * limit >= instrument.min_notional
        price = quote.ask if side is _BUY else self._expected(side, quote)
        assert price is not None
        return quantity * price >= instrument.min_notional
