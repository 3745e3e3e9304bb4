"""How an order meets a price. The same rules for every feed; the feeds say which prices come, and when.

- A dormant order wakes when the last price reaches its stop. Post-only, it is refused if it would then take.
- A taking order without a limit takes the bid or the ask, slippage added. One with a limit takes it if the limit
  allows, never at worse than the limit, and rests with what is left; IOC expires instead; FOK fills whole or expires.
- A resting order fills, as maker, when the price is at or through its limit: at its limit, or, where the price jumped
  past it without stopping (`better`), at the price.
- What fills comes out of a `Supply` that all orders share. What a taker wants beyond it waits, or slips one tick
  where `spill` says so.
- Our orders do not move the price and do not trade with one another.
"""

from __future__ import annotations

from typing import NamedTuple

from orderwright.core.model import OrderStatus, TimeInForce
from orderwright.simulation.desk import Desk
from orderwright.simulation.filters import WOULD_TAKE
from orderwright.simulation.models.slippage import SlippageModel
from orderwright.simulation.order import VenueOrder


class Touch(NamedTuple):
    """The market at one moment, in ticks. last: the last trade's price; None where only quotes are known, and then
    buys look at the ask and sells at the bid."""

    bid: int
    ask: int
    last: int | None = None

    def taken(self, buy: bool) -> int:
        """What a taker gets."""
        return self.ask if buy else self.bid

    def seen(self, buy: bool) -> int:
        """What stops and resting orders look at."""
        return self.last if self.last is not None else self.taken(buy)


class Supply:
    """What can still be had at one price or in one candle, in steps. left None: any quantity."""

    __slots__ = ("left", "volume")

    def __init__(self, left: int | None, volume: int) -> None:
        self.left, self.volume = left, volume

    def offers(self, wanted: int) -> int:
        return wanted if self.left is None or wanted <= self.left else self.left

    def gave(self, steps: int) -> None:
        if self.left is not None:
            self.left -= steps


def by_price(orders: list[VenueOrder], touch: Touch) -> list[VenueOrder]:
    """A copy in the order in which orders meet a price that jumped: those without a level first, then those whose level
    it is furthest beyond; at one price in time priority."""
    if len(orders) < 2:
        return orders.copy()
    return sorted(orders, key=lambda order: _eagerness(order, touch.seen(order.buy)))


def _eagerness(order: VenueOrder, price: int) -> tuple[int, int]:
    level = order.level
    if level is None:
        return -price, order.priority
    return (price - level if order.falls_to else level - price), order.priority


class Matcher:
    """Fills orders at prices, through the desk."""

    def __init__(self, desk: Desk, slippage: SlippageModel) -> None:
        self._desk, self._slippage = desk, slippage

    def meet(
        self,
        order: VenueOrder,
        touch: Touch,
        supply: Supply,
        time: int,
        *,
        better: bool = False,
        spill: bool = False,
    ) -> None:
        """Let one working order meet the market as it is at one moment."""
        if order.dormant and not self._wake(order, touch, time):
            return
        price = touch.taken(order.buy)
        if order.limit is None:
            self._take(order, price, supply, time, spill=spill)
        elif order.taking:
            self._desk.rest(order)
            if order.reaches(price):
                self._take(order, price, supply, time)
            elif order.immediate:
                self._desk.end(order, OrderStatus.EXPIRED, time)
        elif order.reaches(seen := touch.seen(order.buy)):
            steps = supply.offers(order.leaves)
            supply.gave(self._desk.fill(order, seen if better else order.limit, steps, time, maker=True))

    def _wake(self, order: VenueOrder, touch: Touch, time: int) -> bool:
        """Whether it is awake and still working. A limit that does not cross is at rest from the start."""
        if not order.reaches(touch.seen(order.buy)):
            return False
        self._desk.trigger(order, time)
        crosses = order.reaches(touch.taken(order.buy))
        order.taking = crosses or order.immediate
        if order.instruction.post_only and crosses:
            self._desk.end(order, OrderStatus.REJECTED, time, WOULD_TAKE)
            return False
        return order.taking

    def _take(self, order: VenueOrder, price: int, supply: Supply, time: int, *, spill: bool = False) -> None:
        wanted = order.leaves
        steps = supply.offers(wanted)
        spill = spill and steps < wanted
        if order.instruction.time_in_force is TimeInForce.FOK and steps < wanted:
            steps, spill = 0, False
        if steps:
            supply.gave(self._desk.fill(order, self._slipped(order, price, steps, supply), steps, time))
        if spill and order.status is None:
            beyond = price + 1 if order.buy else max(price - 1, 1)
            rest = order.leaves
            self._desk.fill(order, self._slipped(order, beyond, rest, supply), rest, time)
        if order.immediate and order.status is None:
            self._desk.end(order, OrderStatus.EXPIRED, time)

    def _slipped(self, order: VenueOrder, price: int, steps: int, supply: Supply) -> int:
        order.taken_at[len(order.executions) + 1] = price
        price = self._slippage.slipped(price, order.buy, steps, supply.volume)
        if order.limit is None:
            return price
        return min(price, order.limit) if order.buy else max(price, order.limit)
