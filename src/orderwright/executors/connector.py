"""The other direction: any Executor, a user's own too, as the engine's Connector.

    class MyExchange(Executor): ...                   # submit, status and cancel, each answering with a Status
    connector = ExecutorConnector(MyExchange(...), clock)

What the engine promises holds for it as well:

- *No order twice.* A request is handed on once, whatever is sent again: the second time the exchange is only asked.
- *Nothing dead without evidence.* Refused, or a Status REJECTED or DENIED, is a known outcome. An UNKNOWN, or any other
  exception, is no answer (calling.py). Only a Status with the code `order_not_found` (the exception OrderNotFound), as
  the answer to a question, denies an order.
- *Every fill from a record.* Where the API tells trades (`Status.fills`), those are booked, by their ids. Where it only
  tells how much has filled in all, that is a claim; the engine asks for the trades, and the exchange's cumulative
  figure becomes the record (cumulative.py). A trade that is told again with other numbers is a correction (known.py).

The executor is called on the caller's thread and `poll` asks about every live order, so it should answer soon. After a
restart `watch` hands over the orders that the log says are open.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, assert_never

from msgspec import structs

from orderwright.core import messages as m
from orderwright.core.model import DONE, Execution, Instruction, Order, OrderStatus, TimeInForce, VenueTraits
from orderwright.core.state import remember
from orderwright.errors import Refused, Unreachable
from orderwright.executors import told
from orderwright.executors.calling import Calls, is_denied
from orderwright.executors.executor import Executor
from orderwright.executors.known import Known
from orderwright.executors.status import Status
from orderwright.executors.trade import Trade
from orderwright.ports import Clock

TRAITS = VenueTraits(lifetime_ms=None, expires_orders=False)
KEEP = 100_000
_S = OrderStatus
_ON_ITS_WAY = frozenset({_S.PENDING, _S.SUBMITTED})
_NO = frozenset({_S.REJECTED, _S.DENIED})


class ExecutorConnector:
    """An executor behind the `Connector` port.

    traits: what its exchange promises; without them that requests may be carried out at any time (so only an operator
    can call one dead) and that it expires no orders (the engine cancels them). every_ms: how often a live order is
    asked about. An executor that has `replace(trade, *, quantity, price, stop_price) -> Status` is asked to; with any
    other a replace is refused.
    """

    def __init__(
        self, executor: Executor, clock: Clock, *, traits: VenueTraits = TRAITS, every_ms: int = 1_000
    ) -> None:
        self.executor, self.clock, self.every_ms = executor, clock, every_ms
        self._calls = Calls(executor, clock)
        self._traits = traits
        self._sent: OrderedDict[str, None] = OrderedDict()
        self._orders: OrderedDict[str, Known] = OrderedDict()
        self._live: dict[str, Known] = {}
        self._reports: list[m.AnyReport] = []

    @property
    def traits(self) -> VenueTraits:
        return self._traits

    def watch(self, orders: Iterable[Order], exchange: str = "") -> None:
        """The orders of the log that are open, as they stand there: they are asked about from now on, and none of their
        requests is handed on again. exchange: theirs, where they do not say."""
        for order in orders:
            if not order.requests:
                continue
            wanted = structs.replace(order.instruction, price=order.price, stop_price=order.stop_price)
            trade = self._trade(wanted, order.quantity, order.expire_at, exchange)
            trade.take_order(order)
            known = Known(order.order_id, trade, self.clock.now())
            known.restore(order)
            for request in order.requests:
                remember(self._sent, request.client_id, None, KEEP)
            self._keep(order.order_id, known)

    def send(self, action: m.VenueAction) -> None:
        """Carry out one action. Raises Refused and Unreachable; what else there is to say comes by `poll`."""
        match action:
            case m.SendOrder():
                self._once(action, self._place)
            case m.SendCancel():
                self._once(action, self._cancel)
            case m.SendReplace():
                self._once(action, self._replace)
            case m.AskOrder():
                self._answer(action.order_id)
            case m.FetchTrades():
                self._fetch(action.order_id)
            case _:
                assert_never(action)

    def poll(self, limit: int) -> tuple[int, Sequence[m.AnyReport]]:
        """What has come since, after asking about each live order that it is time to ask about."""
        now = self.clock.now()
        if not self._reports:
            for order_id, known in list(self._live.items()):
                if now >= known.asked_at + 1_000 * self.every_ms:
                    self._look(order_id, known)
        if not self._reports:
            return limit, ()
        reports, self._reports = self._reports, []
        return min(now, limit), reports

    # Requests

    def _once(self, action: Any, carry_out: Callable[[Any], None]) -> None:
        """Hand a request on, but only the first time."""
        if action.client_id in self._sent:
            self._answer(action.order_id)
            return
        remember(self._sent, action.client_id, None, KEEP)
        carry_out(action)

    def _place(self, action: m.SendOrder) -> None:
        trade = self._trade(action.instruction, action.quantity, action.expire_at, action.exchange)
        trade.account = trade.account or action.account
        known = Known(action.order_id, trade, self.clock.now())
        self._keep(action.order_id, known)
        try:
            status = self._calls.submit(known)
            if status.status in _NO and not (status.filled_quantity or status.fills):
                raise Refused(status.error or f"the order is {status.status}", status.code)
        except Refused:
            self._live.pop(action.order_id, None)
            raise
        if status.unknown:
            raise Unreachable(status.error or "no answer")
        self._tell(action.order_id, known, status)

    def _cancel(self, action: m.SendCancel) -> None:
        known = self._known(action.order_id)
        status = self._calls.about(known, self.executor.cancel)
        self._must_be_known(status)
        if status.status not in DONE:
            self._say(action, status)
        self._tell(action.order_id, known, status)

    def _replace(self, action: m.SendReplace) -> None:
        known, replace = self._known(action.order_id), getattr(self.executor, "replace", None)
        if replace is None:
            raise Refused("this exchange cannot replace an order: cancel it and send a new one", "replace_unsupported")
        wanted = {"quantity": action.quantity, "price": action.price, "stop_price": action.stop_price}
        status = self._calls.about(known, lambda trade: replace(trade, **wanted), renames=True)
        self._must_be_known(status)
        if status.error:
            self._say(action, status)
        elif status.status in _ON_ITS_WAY | {_S.PENDING_REPLACE}:
            self._report(m.PendingReport(order_id=action.order_id, time=known.asked_at, number=action.number))
        else:
            changed = {name: value for name, value in wanted.items() if value is not None}
            known.trade = known.trade.replaced(order_id=known.trade.order_id, state=known.trade.state, **changed)
            self._report(
                m.ReplacedReport(order_id=action.order_id, time=known.asked_at, number=action.number, **wanted)
            )
        self._tell(action.order_id, known, status)

    def _say(self, action: m.SendCancel | m.SendReplace, status: Status) -> None:
        """What became of a cancel or a replace that has not been done: refused, or under way."""
        order_id, time, number = action.order_id, self.clock.now(), action.number
        if status.error:
            refused = m.RejectReport(
                order_id=order_id, time=time, number=number, code=status.code, message=status.error
            )
            self._report(refused)
        else:
            self._report(m.PendingReport(order_id=order_id, time=time, number=number))

    # Questions

    def _answer(self, order_id: str) -> None:
        """How an order stands, as the answer to a question about it."""
        known = self._orders.get(order_id)
        asked_at = self.clock.now()
        status = self._ask(order_id, known)
        if status.unknown:
            if not is_denied(status):
                raise Unreachable(status.error or "no answer")
            self._report(m.NotFoundReport(order_id=order_id, time=asked_at, asked_at=asked_at))
            return
        if status.status in _ON_ITS_WAY:
            raise Unreachable("it is still on its way to the exchange")
        if known is not None:
            self._tell_fills(known, status)
            known.claimed = max(known.claimed, status.filled_quantity)
            self._settle(order_id, known, status)
        self._report(told.standing(order_id, status, asked_at, known))

    def _look(self, order_id: str, known: Known) -> None:
        """Ask about a live order unasked. No answer is none; it is asked again."""
        try:
            status = self._ask(order_id, known)
        except (Refused, Unreachable):
            return
        if not status.unknown:
            self._tell(order_id, known, status)

    def _fetch(self, order_id: str) -> None:
        """The trades of an order; where the exchange tells none, the record of its cumulative figure."""
        known = self._known(order_id)
        status = self._ask(order_id, known)
        if status.unknown:
            raise Unreachable(status.error or "no answer")
        if known.cumulative or not status.fills:
            known.take_figure(status)
        else:
            known.see(status.fills)
        for corrects, execution in known.told():
            self._fill(known, corrects, execution)
        self._settle(order_id, known, status)

    def _ask(self, order_id: str, known: Known | None) -> Status:
        return self._calls.by_id(order_id) if known is None else self._calls.about(known, self.executor.status)

    # Reports

    def _tell(self, order_id: str, known: Known, status: Status) -> None:
        """What is new in a status: taken up, trades, more filled than its trades show, the end."""
        if status.status in _ON_ITS_WAY:
            return
        time = known.asked_at
        if not known.acknowledged and status.status not in _NO:
            known.acknowledged = True
            self._report(m.AckReport(order_id=order_id, time=time, exchange_order_id=known.exchange_order_id))
        self._tell_fills(known, status)
        if status.status in DONE:
            self._report(told.end(order_id, status, time))
        elif status.filled_quantity > max(known.booked, known.claimed):
            self._report(told.standing(order_id, status, time, known))
        known.claimed = max(known.claimed, status.filled_quantity)
        self._settle(order_id, known, status)

    def _tell_fills(self, known: Known, status: Status) -> None:
        """The trades that were not told yet, or that are told differently now."""
        if not known.cumulative:
            for corrects, execution in known.see(status.fills):
                self._fill(known, corrects, execution)

    def _fill(self, known: Known, corrects: str, execution: Execution) -> None:
        self._report(told.fill(known, corrects, execution, self.clock.now()))

    def _settle(self, order_id: str, known: Known, status: Status) -> None:
        """An order that has ended with all its fills told is not asked about any more."""
        if status.status in DONE and known.booked >= status.filled_quantity:
            self._live.pop(order_id, None)

    def _report(self, report: m.AnyReport) -> None:
        self._reports.append(report)

    # What is known

    def _keep(self, order_id: str, known: Known) -> None:
        remember(self._orders, order_id, known, KEEP)
        self._live[order_id] = known

    def _known(self, order_id: str) -> Known:
        known = self._orders.get(order_id)
        if known is None:
            raise Refused("the order was not sent from here: hand it over with `watch`", "not_watched")
        return known

    def _must_be_known(self, status: Status) -> None:
        if is_denied(status):
            raise Refused(status.error, status.code)
        if status.unknown:
            raise Unreachable(status.error or "no answer")

    def _trade(self, instruction: Instruction, quantity: Decimal, expire_at: int | None, exchange: str) -> Trade:
        """The trade as the exchange is to have it: sized, due now, without an expiry that it does not know, and without
        what we do ourselves."""
        changes: dict[str, Any] = {"quantity": quantity, "quote_quantity": None, "execute_at": None, "linger": ()}
        changes |= {"bracket": None, "trail": None}
        changes["exchange"] = instruction.exchange or exchange
        if not self._traits.expires_orders and instruction.time_in_force in (TimeInForce.GTD, TimeInForce.DAY):
            changes |= {"time_in_force": TimeInForce.GTC, "expire_at": None}
        elif instruction.time_in_force is TimeInForce.GTD:
            changes["expire_at"] = expire_at or instruction.expire_at
        return Trade.from_instruction(structs.replace(instruction, **changes))


__all__ = ["TRAITS", "ExecutorConnector"]
