"""An order as the exchange keeps it, in ticks and steps, and the list of those that work in one symbol.

An order is in one of three moods, and they are all that matching asks about:

- dormant: a stop or take-profit whose price has not been reached;
- taking: it meets the market for the first time, so it takes what is there or, if it has a limit, comes to rest;
- resting: it waits at its limit and is filled by what comes to it.

A market order (and a stop without a limit once triggered) is always taking.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from orderwright.core.model import Execution, Instruction, Instrument, OrderSide, OrderStatus, OrderType, TimeInForce
from orderwright.core.numbers import ZERO
from orderwright.simulation.search import NEVER_ABOVE, NEVER_BELOW

IMMEDIATE = frozenset({TimeInForce.IOC, TimeInForce.FOK})
_TAKE_PROFIT = frozenset({OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT})


@dataclass(slots=True, eq=False)
class VenueOrder:
    """quantity and filled in steps, limit and stop in ticks, arrived and expire_at in microseconds.

    asked: the quantity in base units, as it was sent. priority: its place in time among the orders of its symbol; a
    changed order may lose it. status: None while it works. together: the orders of its group. taken_at: of each
    execution that took, by its number from 1, the market's price before slippage, in ticks.
    """

    order_id: str
    account: str
    instruction: Instruction
    instrument: Instrument
    buy: bool
    asked: Decimal
    quantity: int
    limit: int | None
    stop: int | None
    arrived: int
    priority: int
    expire_at: int | None = None
    dormant: bool = False
    taking: bool = True
    filled: int = 0
    status: OrderStatus | None = None
    executions: list[Execution] = field(default_factory=list)
    unit_cost: Decimal = ZERO
    reserved_asset: str = ""
    reserved: Decimal = ZERO
    together: OrderList | None = None
    taken_at: dict[int, int] = field(default_factory=dict)

    @property
    def exchange_order_id(self) -> str:
        return exchange_order_id(self.order_id)

    @property
    def leaves(self) -> int:
        return self.quantity - self.filled

    @property
    def cumulative(self) -> Decimal:
        return self.instrument.quantity(self.filled)

    @property
    def reduce_only(self) -> bool:
        return self.instruction.reduce_only

    @property
    def immediate(self) -> bool:
        """Whether what does not fill at once expires."""
        return self.instruction.time_in_force in IMMEDIATE

    @property
    def triggers_up(self) -> bool:
        """Whether its stop price is reached from below: a buy stop, or a sell take-profit."""
        return self.buy is not (self.instruction.type in _TAKE_PROFIT)

    @property
    def falls_to(self) -> bool:
        """Whether its level is reached by a falling price: a limit to buy, or a stop that triggers down."""
        return not self.triggers_up if self.dormant else self.buy

    @property
    def level(self) -> int | None:
        """The price at which it next reacts; None for what takes any price."""
        return self.stop if self.dormant else self.limit

    def reaches(self, price: int) -> bool:
        """Whether a price is at or beyond its level, on the side where it reacts."""
        level = self.level
        return level is None or (price <= level if self.falls_to else price >= level)


@dataclass(slots=True, eq=False)
class OrderList:
    """Orders of one group (order_list.py). name: account, symbol, group. room: in steps."""

    name: tuple[str, str, str]
    room: int = 0
    members: dict[str, VenueOrder] = field(default_factory=dict)

    def more_for(self, order: VenueOrder, wanted: Decimal) -> Decimal:
        """How much more the list locks where this order wants so much instead of what it has reserved."""
        others = max((one.reserved for one in self.members.values() if one.order_id != order.order_id), default=ZERO)
        return max(others, wanted) - max(others, order.reserved)


def exchange_order_id(order_id: str) -> str:
    """The exchange's own name for an order: the same after a restart, since it is made of ours."""
    return f"sim-{order_id}"


def new_order(
    instruction: Instruction,
    quantity: Decimal,
    instrument: Instrument,
    arrived: int,
    priority: int,
    *,
    expire_at: int | None = None,
) -> VenueOrder:
    """The order that an instruction becomes when it arrives."""
    price, stop_price = instruction.price, instruction.stop_price
    return VenueOrder(
        order_id=instruction.order_id,
        account=instruction.account,
        instruction=instruction,
        instrument=instrument,
        buy=instruction.side is OrderSide.BUY,
        asked=quantity,
        quantity=instrument.steps(quantity),
        limit=instrument.ticks(price) if price is not None else None,
        stop=instrument.ticks(stop_price) if stop_price is not None else None,
        arrived=arrived,
        priority=priority,
        expire_at=expire_at,
        dormant=stop_price is not None,
    )


class Levels(NamedTuple):
    """The prices nearest to the market at which some order reacts, and whether one takes whatever comes next.

    buy_below: buys react at or below it, and so on; a level that no order has is out of reach.
    """

    buy_below: int
    sell_below: int
    buy_above: int
    sell_above: int
    taking: bool


class Book:
    """The working orders of one symbol, by priority. `changed` is set by every change and cleared by `levels`."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.orders: list[VenueOrder] = []
        self.changed = True

    def add(self, order: VenueOrder) -> None:
        insort(self.orders, order, key=_priority)
        self.changed = True

    def remove(self, order: VenueOrder) -> None:
        self.orders.remove(order)
        self.changed = True

    def reach(self) -> tuple[int, int, bool]:
        """The highest price at or below which an order reacts, the lowest at or above which one does, and whether one
        takes whatever comes next: `levels` for a market with one price."""
        if len(self.orders) > 1:
            levels = self.levels()
            below, above = max(levels.buy_below, levels.sell_below), min(levels.buy_above, levels.sell_above)
            return below, above, levels.taking
        self.changed = False
        order = self.orders[0]
        if order.taking and not order.dormant:
            return NEVER_BELOW, NEVER_ABOVE, True
        level = order.level
        if level is None:
            return NEVER_BELOW, NEVER_ABOVE, False
        return (level, NEVER_ABOVE, False) if order.falls_to else (NEVER_BELOW, level, False)

    def levels(self) -> Levels:
        """Where the orders react next."""
        self.changed = False
        below, above, taking = [NEVER_BELOW, NEVER_BELOW], [NEVER_ABOVE, NEVER_ABOVE], False
        for order in self.orders:
            if order.taking and not order.dormant:
                taking = True
            elif (level := order.level) is None:
                continue
            elif order.falls_to:
                below[order.buy] = max(below[order.buy], level)
            else:
                above[order.buy] = min(above[order.buy], level)
        return Levels(below[True], below[False], above[True], above[False], taking)


def _priority(order: VenueOrder) -> int:
    return order.priority
