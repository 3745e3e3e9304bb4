"""The exchange rebuilt from the log: what it would hold if it had never stopped.

- It has the orders that it is known to have had: accepted, triggered or filled, and not ended. A request whose answer
  never reached the log was on its way: it arrives once more, and a client that asks about it is told how it stands.
- What had happened, but whose report was still on its way back, the log knows nothing of: it has not happened, and the
  market goes on without it.
- Orders keep their place in time by when they were accepted, and go on seeing the candle they rest in.
- What was taken of the candle or quote that stands at that moment is forgotten: its size is there anew.
- What the orders of a group may still fill is what the book says that they may: it knows what those that have ended
  have filled. One with nothing left comes back too, and fills nothing; its cancel is on its way.
- Balances are the log's totals; what is locked follows from the orders and positions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from msgspec import structs

from orderwright.core import messages as m
from orderwright.core.lifecycle import standing
from orderwright.core.model import WORKING, Balance, Order, Position, Request
from orderwright.core.numbers import ZERO
from orderwright.core.requests import as_sent
from orderwright.simulation.desk import Desk
from orderwright.simulation.gateway import Gateway, Market
from orderwright.simulation.ledger import Ledger
from orderwright.simulation.order import OrderList, VenueOrder, new_order

Key = tuple[str, str]


def restore_money(
    ledger: Ledger, markets: Mapping[str, Market], balances: Mapping[Key, Balance], positions: Mapping[Key, Position]
) -> None:
    """Totals by (account, asset); positions in linear contracts by (account, symbol)."""
    for (account, asset), balance in balances.items():
        ledger.balance(account, asset).total = balance.total
    for (account, symbol), position in positions.items():
        if symbol in markets and markets[symbol].book.instrument.linear:
            ledger.margin(account, markets[symbol].book.instrument, structs.replace(position))


def restored_lists(
    markets: Mapping[str, Market], orders: Iterable[Order], left: Mapping[str, Decimal]
) -> dict[str, OrderList]:
    """The lists that the exchange had, by group, with the room they had: `left`, as far as one of them asks for it."""
    lists: dict[str, OrderList] = {}
    for order in orders:
        said, market = order.instruction, markets.get(order.instruction.symbol)
        if said.group and market is not None and _stood(order):
            found = lists.setdefault(said.group, OrderList((said.account, said.symbol, said.group)))
            may = min(order.leaves, left.get(said.group, order.leaves))
            found.room = max(found.room, market.book.instrument.steps(max(may, ZERO)))
    return lists


def restore_orders(
    desk: Desk,
    gateway: Gateway,
    markets: Mapping[str, Market],
    orders: Iterable[Order],
    now: int,
    lists: Mapping[str, OrderList],
) -> None:
    """Put every open order that the exchange had back into its book; they come oldest first."""
    for order in orders:
        market = markets.get(order.instruction.symbol)
        if market is not None and _stood(order):
            _restore(desk, market, order, now, lists)
            for request in order.requests[1:]:
                if (answer := _answer(order, request, now)) is not None:
                    gateway.remember(request.client_id, answer)


def _stood(order: Order) -> bool:
    """Whether the exchange is known to have had it, and not to have ended it."""
    return order.status in WORKING and order.ending is None


def _restore(desk: Desk, market: Market, order: Order, now: int, lists: Mapping[str, OrderList]) -> None:
    said = as_sent(order)
    instrument = market.book.instrument
    restored = new_order(
        said, order.quantity, instrument, accepted_at(order), desk.next_priority(), expire_at=order.expire_at
    )
    woken = order.triggered and order.updated_at <= now  # what it did at this very moment it does once more
    restored.dormant = restored.dormant and not woken
    restored.filled = instrument.steps(order.filled)
    restored.executions = standing(order.executions)
    if said.group:
        desk.lists.rejoin(restored, lists[said.group])
    _reserve(desk, market, restored, now)
    desk.enter(restored)


def _reserve(desk: Desk, market: Market, order: VenueOrder, now: int) -> None:
    """Lock its money, and say whether it still takes or is at rest: one that has filled in part has met the market."""
    touch = market.touch(now)
    said, instrument = order.instruction, order.instrument
    crosses = touch is not None and not order.dormant and order.reaches(touch.taken(order.buy))
    order.taking = order.limit is None or order.immediate or (crosses and not order.filled)
    market_price = instrument.price(touch.taken(order.buy)) if touch is not None else None
    on_top = desk.fees_of(order.account).on_top(instrument)
    desk.ledger.reserve(order, said.price or said.stop_price or market_price, on_top)


def accepted_at(order: Order) -> int:
    """When it got its place in the book, microseconds."""
    return order.accepted_at if order.accepted_at is not None else order.created_at


def _answer(order: Order, request: Request, now: int) -> m.AnyReport | None:
    """What was answered to a replace or cancel before the restart; None if the log does not know of an answer."""
    if request.state == "refused":
        return m.RejectReport(order_id=order.order_id, time=now, number=request.number)
    if request.state == "done" and request.kind == "replace":
        return m.ReplacedReport(
            order_id=order.order_id,
            time=now,
            number=request.number,
            quantity=request.quantity,
            price=request.price,
            stop_price=request.stop_price,
        )
    return None
