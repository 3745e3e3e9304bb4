"""The exchange's records: its orders, its ledger, and the reports it owes its client.

Everything that happens to an order goes through here, once: accept, trigger, fill, end. Each changes the order, the
money and the book, and says so in a report.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from functools import partial
from heapq import heappop, heappush

from orderwright.core import messages as m
from orderwright.core.model import Account, Execution, Liquidity, OrderStatus
from orderwright.core.state import remember
from orderwright.simulation.filters import INSUFFICIENT_BALANCE, REDUCE_ONLY, VenueRefusal
from orderwright.simulation.ledger import Ledger
from orderwright.simulation.models import Models
from orderwright.simulation.models.fees import FeeModel, Fees
from orderwright.simulation.models.latency import ConstantLatency
from orderwright.simulation.order import Book, VenueOrder, exchange_order_id
from orderwright.simulation.order_list import OrderLists

KEEP_FINISHED = 100_000
_NO_REFUSAL = VenueRefusal("", "")
_FREE = Fees()


class Desk:
    """accounts: the only ones it serves; where none are named it serves any, without fees unless a model says so."""

    def __init__(
        self, models: Models, accounts: Iterable[Account], books: dict[str, Book], keep: int = KEEP_FINISHED
    ) -> None:
        self.keep = keep
        self.ledger = Ledger()
        self.books = books
        self.working: dict[str, VenueOrder] = {}
        self.lists = OrderLists()
        self.finished: OrderedDict[str, VenueOrder] = OrderedDict()
        self.timers: list[tuple[int, str]] = []
        self.outbox: deque[tuple[int, m.AnyReport]] = deque()
        self._latency = models.latency
        self._at_once = models.latency == ConstantLatency()
        self._priority = 0
        self._model = models.fees
        self._fees: FeeModel = models.fees or _FREE
        self._accounts: dict[str, FeeModel] = {}
        for account in accounts:
            self.open_account(account)

    def open_account(self, account: Account) -> None:
        """From now on it serves this account, at the model's fees or else the account's own."""
        self._accounts[account.account] = self._model or Fees.of(account)

    def serves(self, account: str) -> bool:
        return not self._accounts or account in self._accounts

    def fees_of(self, account: str) -> FeeModel:
        return self._accounts.get(account, self._fees)

    def find(self, order_id: str) -> VenueOrder | None:
        """The order, working or finished. The oldest finished ones are forgotten."""
        return self.working.get(order_id) or self.finished.get(order_id)

    def next_priority(self) -> int:
        self._priority += 1
        return self._priority

    def tell(self, report: m.AnyReport, symbol: str) -> None:
        """Put a report on its way. Reports keep their order, however long each takes."""
        time = report.time
        due = time if self._at_once else time + self._latency.report(symbol, f"{report.order_id}@{time}")
        outbox = self.outbox
        outbox.append((max(due, outbox[-1][0]) if outbox else due, report))

    # What happens to an order

    def enter(self, order: VenueOrder) -> None:
        """Take it into the book, and note when it expires."""
        self.working[order.order_id] = order
        self.books[order.instrument.symbol].add(order)
        if order.expire_at is not None:
            heappush(self.timers, (order.expire_at, order.order_id))

    def accept(self, order: VenueOrder, time: int) -> None:
        self.enter(order)
        ack = m.AckReport(order_id=order.order_id, time=time, exchange_order_id=order.exchange_order_id)
        self.tell(ack, order.instrument.symbol)

    def replace(self, order: VenueOrder, wanted: VenueOrder, report: m.ReplacedReport) -> None:
        """Put the order as it is wanted in the place of the order as it was."""
        book = self.books[order.instrument.symbol]
        book.remove(order)
        book.add(wanted)
        self.working[order.order_id] = wanted
        self.tell(report, order.instrument.symbol)
        if not wanted.leaves:
            self._close(wanted, OrderStatus.FILLED)
            self.ledger.adjust(wanted)

    def trigger(self, order: VenueOrder, time: int) -> None:
        order.dormant = False
        self.books[order.instrument.symbol].changed = True
        self.tell(m.TriggerReport(order_id=order.order_id, time=time), order.instrument.symbol)

    def rest(self, order: VenueOrder) -> None:
        """It has met the market; from now on it waits at its limit, and only its level matters."""
        order.taking = False
        self.books[order.instrument.symbol].changed = True

    def fill(self, order: VenueOrder, ticks: int, steps: int, time: int, *, maker: bool = False) -> int:
        """Fill up to `steps` at a price; returns what the account could pay for. What it cannot, expires."""
        instrument, account = order.instrument, order.account
        price, fees = instrument.price(ticks), self._accounts.get(account, self._fees)
        if order.together is not None and not (steps := min(steps, order.together.room)):
            return 0  # another of its group has filled; its cancel is on its way
        paid = self.ledger.affordable(order, price, steps, fees.on_top(instrument))
        if paid:
            quantity = instrument.quantity(paid)
            can_pay = partial(self.ledger.has_free, account)
            fee, asset = fees.fee(instrument, order.buy, quantity, price, maker, can_pay)
            execution = Execution(
                execution_id=f"{order.order_id}-{len(order.executions) + 1}",
                quantity=quantity,
                price=price,
                fee=fee,
                fee_asset=asset,
                liquidity=Liquidity.MAKER if maker else Liquidity.TAKER,
                time=time,
            )
            order.filled += paid
            if order.together is not None:
                order.together.room -= paid
            order.executions.append(execution)
            if order.filled == order.quantity:
                self._close(order, OrderStatus.FILLED)
            self.ledger.settle(order, execution)
            self.tell(fill_report(order.order_id, execution, time), instrument.symbol)
        if paid < steps:
            self.end(order, OrderStatus.EXPIRED, time, REDUCE_ONLY if order.reduce_only else INSUFFICIENT_BALANCE)
        return paid

    def end(self, order: VenueOrder, status: OrderStatus, time: int, why: VenueRefusal = _NO_REFUSAL) -> m.EndReport:
        """End it unfilled or partly filled, and release what it had reserved."""
        self._close(order, status)
        self.ledger.adjust(order)
        report = m.EndReport(
            order_id=order.order_id,
            time=time,
            status=status,
            cumulative=order.cumulative,
            code=why.code,
            message=why.message,
        )
        self.tell(report, order.instrument.symbol)
        return report

    def _close(self, order: VenueOrder, status: OrderStatus) -> None:
        order.status = status
        del self.working[order.order_id]
        self.books[order.instrument.symbol].remove(order)
        if order.together is not None:
            self.lists.leave(order)
        remember(self.finished, order.order_id, order, self.keep)

    # Expiry

    def next_expiry(self) -> int | None:
        """When the next working order expires, in microseconds."""
        timers = self.timers
        while timers and timers[0][1] not in self.working:
            heappop(timers)
        return timers[0][0] if timers else None

    def expire(self, time: int) -> None:
        """End the order whose time has come."""
        self.end(self.working[heappop(self.timers)[1]], OrderStatus.EXPIRED, time)


def fill_report(order_id: str, execution: Execution, now: int) -> m.FillReport:
    return m.FillReport(order_id=order_id, time=now, execution=execution, exchange_order_id=exchange_order_id(order_id))
