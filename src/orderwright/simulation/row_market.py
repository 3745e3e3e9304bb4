"""Markets of single events: quotes, or trades. Each row is one moment, and rows of one time keep their order.

Quotes
- A taker takes the bid or ask, up to its size, as soon as it arrives; so does a limit that crosses, at the quote's
  price. What it leaves, rests or (a market order) does as `beyond_size` says.
- A resting order fills when a new quote crosses it, at the quote's price: never worse than its limit.
- A stop to buy is reached by the ask, a stop to sell by the bid: quotes know no last price.
- What one order takes of a quote is not there for the next. A new quote renews both sizes.

Trades
- A trade fills what rests at or through its price, at the order's limit, where its aggressor is the other side or not
  known; together at most its size. Queues ahead of us are not modelled: we are first.
- A taker takes the next trade, whoever its aggressor was, spread and slippage added: of the order book at its arrival
  nothing is known. Stops are reached by trades and take from the very trade that reached them.

A row that happened at or before an order's arrival is past: quotes still stand then, trades do not.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right

from orderwright.core.model import Instrument, Quote
from orderwright.market.feeds import Quotes, Trades
from orderwright.market.grid import Ints
from orderwright.simulation.matching import Matcher, Supply, Touch, by_price
from orderwright.simulation.models import Models
from orderwright.simulation.moments import PRICES, Moment
from orderwright.simulation.order import Book, Levels, VenueOrder
from orderwright.simulation.search import Lookout


class RowMarket(ABC):
    """What quotes and trades have in common: rows in order of time, of which most touch no order."""

    def __init__(self, instrument: Instrument, times: Ints, lookout: Lookout, matcher: Matcher) -> None:
        self.book = Book(instrument)
        self._times, self._lookout, self._matcher = times.data, lookout, matcher
        self._taking = False
        self._next, self._passed = 0, -1

    def next_moment(self, now: int, limit: int) -> Moment | None:
        """When something can next happen to its orders, at or before `limit`."""
        if not self.book.orders:
            return None
        if self.book.changed:
            levels = self.book.levels()
            self._taking = levels.taking
            self._watch(levels)
            self._next = self._row_after(now)
        stop = bisect_right(self._times, limit, lo=min(self._next, len(self._times)))
        found = self._next if self._taking else self._lookout.first(self._next, stop)
        if found is None or found >= stop:
            return None
        self._next = found
        return self._times[found], PRICES

    def step(self, time: int) -> None:
        """Let the next row happen."""
        row = self._next
        self._passed, self._next = row, row + 1
        for order in by_price(self.book.orders, self._touch(row)):
            self._meet(order, row, time)

    def touch(self, now: int) -> Touch | None:
        """The row that stands when a request arrives."""
        row = self._row_after(now) - 1
        return self._touch(row) if row >= 0 else None

    def quote(self, time: int) -> Quote | None:
        """The latest row with a stamp at or before `time`."""
        row = bisect_right(self._times, time) - 1
        return self._quote(row) if row >= 0 else None

    def _row_after(self, now: int) -> int:
        return max(bisect_right(self._times, now), self._passed + 1)

    @abstractmethod
    def arrive(self, order: VenueOrder, now: int) -> None:
        """Let a new or changed order meet what still stands."""

    @abstractmethod
    def _watch(self, levels: Levels) -> None: ...

    @abstractmethod
    def _touch(self, row: int) -> Touch: ...

    @abstractmethod
    def _quote(self, row: int) -> Quote: ...

    @abstractmethod
    def _meet(self, order: VenueOrder, row: int, time: int) -> None: ...


class QuoteMarket(RowMarket):
    def __init__(self, quotes: Quotes, models: Models, matcher: Matcher) -> None:
        lookout = Lookout([quotes.ask, quotes.bid], [quotes.ask, quotes.bid])
        super().__init__(quotes.instrument, quotes.times, lookout, matcher)
        self._bid, self._ask = quotes.bid.data, quotes.ask.data
        self._sizes = quotes.bid_size.data, quotes.ask_size.data
        self._spill = models.beyond_size == "slip"
        self._row = -1
        self._supplies = (Supply(0, 0), Supply(0, 0))

    def arrive(self, order: VenueOrder, now: int) -> None:
        row = self._row_after(now) - 1
        if row >= 0:
            self._meet(order, row, now)

    def _watch(self, levels: Levels) -> None:
        self._lookout.watch([levels.buy_below, levels.sell_below], [levels.buy_above, levels.sell_above])

    def _touch(self, row: int) -> Touch:
        return Touch(self._bid[row], self._ask[row])

    def _quote(self, row: int) -> Quote:
        instrument = self.book.instrument
        bid, ask = instrument.price(self._bid[row]), instrument.price(self._ask[row])
        return Quote((bid + ask) / 2, self._times[row], bid, ask)

    def _meet(self, order: VenueOrder, row: int, time: int) -> None:
        supply = self._standing(row)[order.buy]
        self._matcher.meet(order, self._touch(row), supply, time, better=True, spill=self._spill)

    def _standing(self, row: int) -> tuple[Supply, Supply]:
        """What is left of the quote's sizes: (bid, ask)."""
        if row != self._row:
            self._row = row
            bid, ask = (size[row] for size in self._sizes)
            self._supplies = Supply(bid, bid), Supply(ask, ask)
        return self._supplies


class TradeMarket(RowMarket):
    def __init__(self, trades: Trades, models: Models, matcher: Matcher) -> None:
        super().__init__(trades.instrument, trades.times, Lookout([trades.price], [trades.price]), matcher)
        self._price, self._size, self._aggressor = trades.price.data, trades.size.data, trades.aggressor.data
        self._spread = models.spread
        self._row = -1
        self._supply = Supply(0, 0)

    def arrive(self, order: VenueOrder, now: int) -> None:
        """It waits for the next trade."""

    def _watch(self, levels: Levels) -> None:
        self._lookout.watch([max(levels.buy_below, levels.sell_below)], [min(levels.buy_above, levels.sell_above)])

    def _touch(self, row: int) -> Touch:
        price = self._price[row]
        bid, ask = self._spread.around(price)
        return Touch(bid, ask, price)

    def _quote(self, row: int) -> Quote:
        price, touch = self.book.instrument.price, self._touch(row)
        return Quote(price(self._price[row]), self._times[row], price(touch.bid), price(touch.ask))

    def _meet(self, order: VenueOrder, row: int, time: int) -> None:
        resting = not order.dormant and not order.taking
        same_side = self._aggressor[row] == (1 if order.buy else -1)
        if not (resting and same_side):
            self._matcher.meet(order, self._touch(row), self._left(row), time)

    def _left(self, row: int) -> Supply:
        """What is left of the trade."""
        if row != self._row:
            self._row, size = row, self._size[row]
            self._supply = Supply(size, size)
        return self._supply
