"""What becomes of a request when it arrives at the exchange.

Every request is answered, and answered once: a second one with the same client id changes nothing and is told how
things stand. The first of these guards that a request does not pass refuses it:

    known already? ─► in its window? ─► symbol, account ─► filters ─► reduce-only ─► stop, post-only ─► balance

Only then does anything change. A replace climbs the same ladder as the order it would become.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from msgspec import structs

from orderwright.core import messages as m
from orderwright.core.model import DAY, OrderStatus, TimeInForce
from orderwright.core.state import remember
from orderwright.simulation import filters
from orderwright.simulation.desk import Desk, fill_report
from orderwright.simulation.filters import VenueRefusal
from orderwright.simulation.matching import Touch
from orderwright.simulation.models import Models
from orderwright.simulation.order import Book, VenueOrder, new_order


class Market(Protocol):
    """One symbol's market, as the gateway sees it."""

    @property
    def book(self) -> Book:
        """Its working orders."""

    def touch(self, now: int) -> Touch | None:
        """The market as it is known at `now`; None before it has begun."""

    def arrive(self, order: VenueOrder, now: int) -> None:
        """An order has come into the book, or was changed there: let it meet what is there to be met at once."""


class Gateway:
    def __init__(self, desk: Desk, markets: Mapping[str, Market], models: Models) -> None:
        self._desk, self._markets, self._models = desk, markets, models
        self._answers: OrderedDict[str, m.AnyReport] = OrderedDict()

    def handle(self, action: m.VenueAction, now: int) -> None:
        """Carry out one request, or refuse it."""
        if isinstance(action, m.SendAction):
            self._carry_out(action, now)
        elif type(action) is m.AskOrder:
            self._ask(action, now)
        elif type(action) is m.FetchTrades:
            self._fetch(action, now)
        else:
            raise AssertionError(f"no request of ours: {action}")

    def remember(self, client_id: str, report: m.AnyReport) -> None:
        """What the answer to a request was."""
        remember(self._answers, client_id, report, self._desk.keep)

    def _carry_out(self, action: m.SendAction, now: int) -> None:
        client_id = action.client_id
        if self._known(action, client_id, now):
            return
        refusal: VenueRefusal | None
        if action.lifetime_ms is not None and now > action.sign_at + 1_000 * action.lifetime_ms:
            refusal = filters.OUTSIDE_WINDOW
        elif type(action) is m.SendOrder:
            refusal = self._place(action, now)
        elif type(action) is m.SendCancel:
            refusal = self._cancel(action, client_id, now)
        elif type(action) is m.SendReplace:
            refusal = self._replace(action, now)
        else:
            raise AssertionError(f"no request of ours: {action}")
        if refusal is not None:
            self._refuse(action, refusal, now)

    def _known(self, action: m.SendAction, client_id: str, now: int) -> bool:
        """Whether this request came before; if so it is answered as things stand."""
        order = self._desk.find(action.order_id) if type(action) is m.SendOrder else None
        if order is not None:
            self._desk.tell(status_report(order, now), action.symbol)
            return True
        answer = self._answers.get(client_id)
        if answer is None:
            return False
        self._desk.tell(structs.replace(answer, time=now), action.symbol)
        return True

    def _refuse(self, action: m.SendAction, why: VenueRefusal, now: int) -> None:
        order = self._desk.find(action.order_id)
        report = m.RejectReport(
            order_id=action.order_id,
            time=now,
            number=action.number,
            code=why.code,
            message=why.message,
            final_status=order.status if order is not None else None,
        )
        if why is not filters.OUTSIDE_WINDOW:
            self.remember(action.client_id, report)
        self._desk.tell(report, action.symbol)

    def _check(self, order: VenueOrder, touch: Touch | None, *, moved: bool) -> VenueRefusal | None:
        """The ladder for an order as it is meant to be. moved: its prices are new. Passing it, it has its money
        reserved and knows whether it takes or rests."""
        instrument, ledger = order.instrument, self._desk.ledger
        market_price = instrument.price(touch.taken(order.buy)) if touch is not None else None
        refusal = filters.refused_by_filters(order.instruction, order.asked, instrument, market_price)
        if refusal is not None:
            return refusal
        if order.reduce_only and not ledger.reducible(order):
            return filters.REDUCE_ONLY
        if moved:
            crosses = touch is not None and order.reaches(
                touch.seen(order.buy) if order.dormant else touch.taken(order.buy)
            )
            if crosses and order.dormant and self._models.stops_in_market == "reject":
                return filters.WOULD_TRIGGER
            if crosses and not order.dormant and order.instruction.post_only:
                return filters.WOULD_TAKE
            unknown = touch is None and not order.instruction.post_only
            order.taking = crosses or unknown or order.limit is None or order.immediate
        price = order.instruction.price or order.instruction.stop_price or market_price
        affordable = ledger.reserve(order, price, self._desk.fees_of(order.account).on_top(instrument))
        return None if affordable else filters.INSUFFICIENT_BALANCE

    # New

    def _place(self, action: m.SendOrder, now: int) -> VenueRefusal | None:
        market, desk = self._markets.get(action.symbol), self._desk
        if market is None:
            return filters.INVALID_SYMBOL
        if not desk.serves(action.account):
            return filters.INVALID_ACCOUNT
        expire_at = action.expire_at
        if expire_at is None and action.instruction.time_in_force is TimeInForce.DAY:
            expire_at = (now // DAY + 1) * DAY
        order = new_order(
            action.instruction, action.quantity, market.book.instrument, now, desk.next_priority(), expire_at=expire_at
        )
        room = desk.lists.join(order) if action.instruction.group else 0
        refusal = self._check(order, market.touch(now), moved=True)
        if refusal is None:
            desk.accept(order, now)
            market.arrive(order, now)
        elif order.together is not None:
            desk.lists.leave(order, room)
        return refusal

    # Replace

    def _replace(self, action: m.SendReplace, now: int) -> VenueRefusal | None:
        order, desk = self._desk.working.get(action.order_id), self._desk
        if order is None:
            return filters.UNKNOWN_ORDER
        wanted, market = self._wanted(order, action), self._markets[order.instrument.symbol]
        refusal = _not_replaceable(order, wanted)
        if refusal is not None:
            return refusal
        moved = (wanted.limit, wanted.stop) != (order.limit, order.stop)
        if moved or wanted.quantity > order.quantity:
            wanted.arrived, wanted.priority = now, desk.next_priority()
        room = desk.lists.join(wanted) if order.together is not None else 0
        refusal = self._check(wanted, market.touch(now), moved=moved)
        if refusal is not None:
            if order.together is not None:
                desk.lists.back(order, room)
            return refusal
        report = m.ReplacedReport(
            order_id=action.order_id,
            time=now,
            number=action.number,
            quantity=action.quantity,
            price=action.price,
            stop_price=action.stop_price,
        )
        self.remember(action.client_id, report)
        desk.replace(order, wanted, report)
        if wanted.status is None:
            market.arrive(wanted, now)
        return None

    def _wanted(self, order: VenueOrder, action: m.SendReplace) -> VenueOrder:
        """The order as the replace would have it."""
        said, instrument = order.instruction, order.instrument
        price = action.price if action.price is not None else said.price
        stop_price = action.stop_price if action.stop_price is not None else said.stop_price
        quantity = action.quantity if action.quantity is not None else order.asked
        return replace(
            order,
            instruction=structs.replace(said, price=price, stop_price=stop_price),
            asked=quantity,
            quantity=instrument.steps(quantity),
            limit=instrument.ticks(price) if price is not None else None,
            stop=instrument.ticks(stop_price) if stop_price is not None else None,
        )

    # Cancel, and questions

    def _cancel(self, action: m.SendCancel, client_id: str, now: int) -> VenueRefusal | None:
        order = self._desk.working.get(action.order_id)
        if order is None:
            return filters.UNKNOWN_ORDER
        self.remember(client_id, self._desk.end(order, OrderStatus.CANCELLED, now))
        return None

    def _ask(self, action: m.AskOrder, now: int) -> None:
        order, refused = self._desk.find(action.order_id), self._answers.get(f"{action.order_id}00")
        if order is not None:
            self._desk.tell(status_report(order, now), action.symbol)
        elif refused is not None:
            self._desk.tell(structs.replace(refused, time=now), action.symbol)
        else:
            self._desk.tell(m.NotFoundReport(order_id=action.order_id, time=now, asked_at=now), action.symbol)

    def _fetch(self, action: m.FetchTrades, now: int) -> None:
        order = self._desk.find(action.order_id)
        for execution in order.executions if order is not None else ():
            self._desk.tell(fill_report(action.order_id, execution, now), action.symbol)


def _not_replaceable(order: VenueOrder, wanted: VenueOrder) -> VenueRefusal | None:
    if wanted.quantity < order.filled:
        return filters.BELOW_FILLED
    if (wanted.limit is None) != (order.limit is None) or (wanted.stop is None) != (order.stop is None):
        return filters.NO_SUCH_PRICE
    return filters.TRIGGERED if wanted.stop != order.stop and not order.dormant else None


def status_report(order: VenueOrder, now: int) -> m.StatusReport:
    """How an order stands."""
    working = OrderStatus.PARTIALLY_FILLED if order.filled else OrderStatus.OPEN
    return m.StatusReport(
        order_id=order.order_id,
        time=now,
        status=order.status or working,
        cumulative=order.cumulative,
        quantity=order.asked,
        price=order.instruction.price,
        stop_price=order.instruction.stop_price,
        exchange_order_id=order.exchange_order_id,
    )
