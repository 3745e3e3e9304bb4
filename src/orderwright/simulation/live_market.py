"""The market of the live service: quotes that are a function of the time (market/live_prices.py), at any time.

- A taker takes the bid or ask that stands when it arrives, any quantity; so does a limit that crosses.
- A resting order fills, as maker and at its limit, at the first quote that crosses it. A stop to buy is reached by the
  ask, a stop to sell by the bid.
- What happens to an order depends on quotes up to then alone. That later ones can be known is used to plan: the rows
  are searched ahead in blocks that grow, and where none touches an order, the end of the block is when to look again.
  So the next moment costs little however far ahead it is asked for, and a market that was left alone for a month has
  caught up in a moment.
"""

from __future__ import annotations

from orderwright.core.model import Quote
from orderwright.market.live_prices import BLOCK, LivePrices
from orderwright.simulation.matching import Matcher, Supply, Touch, by_price
from orderwright.simulation.moments import PRICES, Moment
from orderwright.simulation.order import Book, Levels, VenueOrder
from orderwright.simulation.search import NEVER_ABOVE, NEVER_BELOW

LARGEST_BLOCK = 64 * BLOCK


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
        """The first row of the block ahead that touches an order; else the row after it, from where to look on."""
        rows = self._ahead
        block, place = divmod(self._next, rows)
        bid, ask = self._prices.block(block, rows)
        touched = None
        for column, level, falling in self._watched():
            ahead = bid if column == "bid" else ask
            hits = ahead[place:] <= level if falling else ahead[place:] >= level
            touched = hits if touched is None else touched | hits
        if touched is not None and touched.any():
            self._ahead = BLOCK
            return self._next + int(touched.argmax())
        self._ahead = min(4 * rows, LARGEST_BLOCK)
        return (block + 1) * rows

    def _watched(self) -> list[tuple[str, int, bool]]:
        """(column, level, whether it is reached from above) where an order reacts: buys look at the ask."""
        levels = self._levels
        below = [("ask", levels.buy_below, True), ("bid", levels.sell_below, True)]
        above = [("ask", levels.buy_above, False), ("bid", levels.sell_above, False)]
        return [one for one in below if one[1] > NEVER_BELOW] + [one for one in above if one[1] < NEVER_ABOVE]


__all__ = ["LiveMarket"]
