"""A market of candles: the price goes from point to point, and meets the orders on its way.

A candle that opens at t and closes at u has four points (models/path.py), numbered 4 x candle + 0, 1, 2, 3:

    point 0    t                the open. The price jumped here: a resting limit it jumped past fills at the open
    point 1    t + (u - t)/3    an extreme. The price moved here through every price between: limits fill at their
    point 2    t + 2(u - t)/3   limit, stops trigger at their stop, in the order in which the price reaches them
    point 3    u                the close

- An order that arrived at or before t sees all of it. One that arrives inside the candle sees its close alone, since
  nobody can say on which side of its arrival the extremes lay; with `intrabar` it sees each point after its arrival.
  What rests then fills at its limit, never better.
- At one time closes come first, then expiries, requests, opens. Where candles are missing nothing happens.
- All that fills in a candle comes out of one supply (models/volume.py). A fill is stamped with the point that the
  price was moving to.
- Candles that cannot touch an order are skipped by search. A skipped candle and a walked one leave the same.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from heapq import heapify, heappop, heappush

from orderwright.core.model import Quote
from orderwright.market.candles import Candles
from orderwright.simulation.matching import Matcher, Supply, Touch, by_price
from orderwright.simulation.models import Models
from orderwright.simulation.models.path import Bar, Path
from orderwright.simulation.moments import OPENS, PRICES, Moment
from orderwright.simulation.order import Book, VenueOrder
from orderwright.simulation.search import Lookout

_OPEN, _CLOSE, _POINTS = 0, 3, 4


class CandleMarket:
    def __init__(self, candles: Candles, models: Models, matcher: Matcher) -> None:
        self.book = Book(candles.instrument)
        self._models, self._matcher = models, matcher
        self._times, self._closes = candles.times.data, candles.close_times.data
        self._prices = tuple(column.data for column in (candles.open, candles.high, candles.low, candles.close))
        self._volumes = candles.volume.data
        self._lookout = Lookout([candles.low], [candles.high])
        self._taking = False
        self._next, self._passed = 0, -1  # points: the next that may matter, the last that was processed
        self._asked = self._standing = -1  # the last time that was looked for among the points, and where it lies
        self._quiet = -1  # with the orders as they are, nothing happens up to this time
        self._bar = self._supplying = -1
        self._path: Path = (0, 0, 0, 0)
        self._supply = Supply(None, 0)

    # Time

    def next_moment(self, now: int, limit: int) -> Moment | None:
        """When something can next happen to its orders, at or before `limit`; opens at `limit` itself come later."""
        book = self.book
        if not book.orders:
            return None
        if book.changed:
            self._look_again(now)
        elif limit <= self._quiet:
            return None
        bar, stage = divmod(self._next, _POINTS)
        found = self._first_touched(bar, stage, limit)
        if found is None:
            self._quiet = limit
            return None
        if found != bar:
            bar, stage = found, _OPEN
            self._next = _POINTS * bar
        if stage == _OPEN:
            return self._times[bar], OPENS
        time = self._time(bar, stage)
        return (time, PRICES) if time <= limit else None

    def _look_again(self, now: int) -> None:
        """Orders have come, gone or changed: other prices matter, from now on."""
        below, above, self._taking = self.book.reach()
        self._lookout.watch([below], [above])
        self._next, self._quiet = self._position(now), -1

    def _first_touched(self, bar: int, stage: int, limit: int) -> int | None:
        """The first candle, from the one that the price is in, where an order can react."""
        times = self._times
        if bar >= len(times) or times[bar] >= limit:
            stop = bar if stage == _OPEN else bar + 1
        else:
            stop = bisect_left(times, limit, lo=bar)
        if self._taking:
            return bar if bar < stop else None
        return self._lookout.first(bar, stop)

    def _position(self, now: int) -> int:
        """The first point that has not passed when a request arrives at `now`."""
        if now != self._asked:
            self._asked, self._standing = now, self._find(now)
        return max(self._standing, self._passed + 1)

    def _find(self, now: int) -> int:
        """The first point that lies at or after `now` and, but for an open, not at it."""
        bar = bisect_right(self._times, now) - 1
        if bar < 0:
            return 0
        opened = self._times[bar]
        if opened == now:
            return _POINTS * bar
        if now >= self._closes[bar]:
            return _POINTS * (bar + 1)
        return _POINTS * bar + 1 + sum(self._time(bar, stage) <= now for stage in (1, 2))

    def _time(self, bar: int, stage: int) -> int:
        opened, closed = self._times[bar], self._closes[bar]
        return int(opened + (closed - opened) * stage // _CLOSE)

    # What is known

    @property
    def point(self) -> tuple[int, int]:
        """(candle, 0 to 3): the last point that was processed, whatever was skipped since; (-1, 3) before the first."""
        return divmod(self._passed, _POINTS)

    def touch(self, now: int) -> Touch | None:
        bar, stage = divmod(self._position(now) - 1, _POINTS)
        if bar < 0:
            return None
        if stage != _CLOSE and now >= self._closes[bar] - self._models.close_known_us:
            return self._around(self._prices[_CLOSE][bar])
        if stage in (1, 2) and self._models.intrabar:
            return self._around(self._path_of(bar)[stage])
        return self._around(self._prices[_CLOSE if stage == _CLOSE else _OPEN][bar])

    def quote(self, time: int) -> Quote | None:
        """The last close at a candle's boundary, the open inside a candle; never what lies ahead."""
        bar = bisect_left(self._times, time) - 1
        if bar < 0:
            return None
        inside = time < self._closes[bar]
        stamp, price = (
            (self._times[bar], self._prices[_OPEN][bar]) if inside else (self._closes[bar], self._prices[_CLOSE][bar])
        )
        bid, ask = self._models.spread.around(price)
        instrument = self.book.instrument
        last = instrument.price(price)
        if bid == ask == price:
            return Quote(last, stamp, last, last)
        return Quote(last, stamp, instrument.price(bid), instrument.price(ask))

    def arrive(self, order: VenueOrder, now: int) -> None:
        """It waits for the next point that it may see."""

    def _around(self, price: int) -> Touch:
        bid, ask = self._models.spread.around(price)
        return Touch(bid, ask, price)

    # What happens

    def step(self, time: int) -> None:
        """Let the price come to its next point."""
        bar, stage = divmod(self._next, _POINTS)
        if stage == _OPEN:
            self._jump(bar, time)
        else:
            self._travel(bar, stage, time)
        self._passed, self._next, self._quiet = self._next, self._next + 1, -1

    def _supplied(self, bar: int) -> Supply:
        """What is left of the candle's supply."""
        if bar != self._supplying:
            self._supplying, volume = bar, self._volumes[bar]
            self._supply = Supply(self._models.volume.allowed(volume), volume)
        return self._supply

    def _path_of(self, bar: int) -> Path:
        """The way through the candle, chosen when the price first moves in it."""
        if bar != self._bar:
            self._bar = bar
            open_, high, low, close = (column[bar] for column in self._prices)
            opened = self._times[bar]
            stops = [
                order.stop
                for order in self.book.orders
                if order.dormant and order.stop is not None and order.arrived <= opened
            ]
            above, below = any(open_ < stop <= high for stop in stops), any(low <= stop < open_ for stop in stops)
            self._path = self._models.path(Bar(open_, high, low, close, above, below))
        return self._path

    def _jump(self, bar: int, time: int) -> None:
        """The open: every order sees the one price, those it passed by furthest first."""
        price, supply = self._prices[_OPEN][bar], self._supplied(bar)
        touch = self._around(price)
        for order in by_price(self.book.orders, Touch(price, price)):
            self._matcher.meet(order, touch, supply, time, better=True)

    def _travel(self, bar: int, stage: int, time: int) -> None:
        """From one point straight to the next. Who came too late to see the way sees only where it ends, if that."""
        path, supply = self._path_of(bar), self._supplied(bar)
        start, end = path[stage - 1], path[stage]
        intrabar = self._models.intrabar
        since = self._time(bar, stage - 1) if intrabar else self._times[bar]
        late = [order for order in self.book.orders if order.arrived > since]
        self._pass([order for order in self.book.orders if order.arrived <= since], start, end, time)
        if late and (intrabar or stage == _CLOSE):
            touch = self._around(end)
            for order in late:
                self._matcher.meet(order, touch, supply, time)

    def _pass(self, orders: list[VenueOrder], start: int, end: int, time: int) -> None:
        """The price passes every level between, nearest first, and at one level in time priority. An order that wakes
        and rests further along the way is met again there."""
        way = [
            (abs(price - start), order.priority, price, order) for order in orders if (price := _met(order, start, end))
        ]
        heapify(way)
        while way:
            distance, priority, price, order = heappop(way)
            slept = order.dormant
            self._matcher.meet(order, self._around(price), self._supply, time)
            if slept and order.status is None and (further := _met(order, price, end)):
                heappush(way, (distance + abs(further - price), priority, further, order))


def _met(order: VenueOrder, start: int, end: int) -> int | None:
    """The first price from start to end at which an order reacts, in ticks; None if there is none on the way."""
    if order.reaches(start) or (order.taking and not order.dormant):
        return start
    return order.level if order.reaches(end) else None
