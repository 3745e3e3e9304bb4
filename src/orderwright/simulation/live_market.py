"""The market of the live service: quotes that are a function of the time (market/live_prices.py), at any time.

- A taker takes the bid or ask that stands when it arrives, any quantity; so does a limit that crosses.
- A resting order fills, as maker and at its limit, at the first quote that crosses it. A stop to buy is reached by the
  ask, a stop to sell by the bid.
- What happens to an order depends on quotes up to then alone. That later ones can be known is used to plan: the rows
  are searched ahead in blocks that grow, and where none touches an order, the end of the block is when to look again.
  Where the price cannot come near an order for long, that time is skipped whole. So the next moment costs little
  however far ahead it is asked for, and a market that was left alone for a month has caught up in a moment.
"""

from __future__ import annotations

import numpy as np

from orderwright.core.model import Quote
from orderwright.market.grid import Ints
from orderwright.market.live_prices import BLOCK, LivePrices
from orderwright.simulation.matching import Matcher, Supply, Touch, by_price
from orderwright.simulation.moments import PRICES, Moment
from orderwright.simulation.order import Book, Levels, VenueOrder
from orderwright.simulation.search import NEVER_ABOVE, NEVER_BELOW

LARGEST_BLOCK, CELLS = 64 * BLOCK, 2_048


class LiveMarket:
    """prices: shared by every exchange that has this market; nothing of an order is kept in them."""

    def __init__(self, prices: LivePrices, matcher: Matcher) -> None:
        self.book = Book(prices.instrument)
        self._prices, self._matcher = prices, matcher
        self._levels = Levels(NEVER_BELOW, NEVER_BELOW, NEVER_ABOVE, NEVER_ABOVE, False)
        self._next, self._passed = 0, -1
        self._found: int | None = None
        self._ahead = BLOCK

    def next_moment(self, now: int, limit: int) -> Moment | None:
        """When something can next happen to its orders, at or before `limit`; it may turn out that nothing does."""
        if not self.book.orders:
            return None
        if self.book.changed:
            self._levels = self.book.levels()
            self._next, self._found, self._ahead = self._row_after(now), None, BLOCK
        if self._found is None:
            self._found = self._next if self._levels.taking else self._look()
        time = self._found * self._prices.tick_us
        return (time, PRICES) if time <= limit else None

    def step(self, time: int) -> None:
        """Let the row that was looked for happen."""
        row = self._found
        assert row is not None
        self._passed, self._next, self._found = row, row + 1, None
        touch = self._touch(row)
        for order in by_price(self.book.orders, touch):
            self._meet(order, touch, time)

    def touch(self, now: int) -> Touch | None:
        """The quote that stands when a request arrives."""
        return self._touch(self._row_after(now) - 1)

    def quote(self, time: int) -> Quote | None:
        """The quote that stands at a time."""
        return self._prices.quote(time)

    def arrive(self, order: VenueOrder, now: int) -> None:
        """It meets what stands."""
        self._meet(order, self._touch(self._row_after(now) - 1), now)

    def _row_after(self, now: int) -> int:
        return max(self._prices.row(now), self._passed) + 1

    def _touch(self, row: int) -> Touch:
        return Touch(*self._prices.at(row))

    def _meet(self, order: VenueOrder, touch: Touch, time: int) -> None:
        self._matcher.meet(order, touch, Supply(None, 0), time)

    def _look(self) -> int:
        """The first row ahead that touches an order; else one up to which none does, from where to look on."""
        rows = self._ahead
        if rows > BLOCK and (far := self._skipped()) >= self._next + rows:
            return far
        block, place = divmod(self._next, rows)
        bid, ask = self._prices.block(block, rows)
        touched = self._touched(bid[place:], ask[place:], bid[place:], ask[place:])
        if touched.any():
            self._ahead = BLOCK
            return self._next + int(touched.argmax())
        self._ahead = min(4 * rows, LARGEST_BLOCK)
        return (block + 1) * rows

    def _skipped(self) -> int:
        """The first row of the first stretch of time in which an order may be touched, as far as one look goes."""
        first, *bounds = self._prices.reach(self._next, CELLS)
        touched = self._touched(*bounds)
        at = int(touched.argmax()) if touched.any() else CELLS - 1
        return max(int(first[at]), self._next)

    def _touched(
        self, lowest_bid: Ints, lowest_ask: Ints, highest_bid: Ints, highest_ask: Ints
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Where an order reacts: buys look at the ask, sells at the bid."""
        levels = self._levels
        touched = np.zeros(len(lowest_bid), dtype=np.bool_)
        for prices, level in ((lowest_ask, levels.buy_below), (lowest_bid, levels.sell_below)):
            if level > NEVER_BELOW:
                touched |= prices <= level
        for prices, level in ((highest_ask, levels.buy_above), (highest_bid, levels.sell_above)):
            if level < NEVER_ABOVE:
                touched |= prices >= level
        return touched


__all__ = ["LiveMarket"]
