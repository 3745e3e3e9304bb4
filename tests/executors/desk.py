"""The engine with an exchange of one's own behind it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from orderwright.core import messages as m
from orderwright.core.model import SECOND, Account, Execution, OrderStatus, VenueTraits
from orderwright.core.recovery import order_from
from orderwright.driver import Driver
from orderwright.errors import Refused
from orderwright.executors import Executor, ExecutorConnector, OrderNotFound, Status, Trade
from orderwright.executors.connector import TRAITS
from orderwright.journal.memory import MemoryJournal
from orderwright.venues.executor import VenueExecutor
from tests.builders import NOW, a_limit_buy, a_quote, an_execution, an_id, an_instrument

S = OrderStatus


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> int:
        return self.time


class MyExchange(Executor):
    """What a user might write: a ledger in memory that takes orders and fills them when told. It tells its trades, or
    (tells_trades=False) only how much has filled and at what average."""

    def __init__(self, *, tells_trades: bool = True) -> None:
        self.tells_trades = tells_trades
        self.book: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.trouble: Callable[[str], None] = lambda _: None

    def submit(self, trade: Trade) -> Status:
        self.calls.append("submit")
        assert trade.order_id not in self.book, "an order was doubled"
        self.trouble("before")
        self.book[trade.order_id] = {"trade": trade, "status": S.OPEN, "fills": []}
        self.trouble("after")
        return self.status_of(trade.order_id)

    def status(self, trade: Trade) -> Status:
        self.calls.append("status")
        self.trouble("before")
        return self.status_of(trade.order_id)

    def cancel(self, trade: Trade) -> Status:
        self.calls.append("cancel")
        self.trouble("before")
        order = self.book[trade.order_id]
        if order["status"] is not S.OPEN:
            raise Refused("the order has ended", "-2011")
        order["status"] = S.CANCELLED
        self.trouble("after")
        return self.status_of(trade.order_id)

    # The exchange itself

    def fill(self, quantity: str, price: str, order_id: str = an_id()) -> None:
        order = self.book[order_id]
        if order["status"] is S.OPEN:
            number = f"t{len(order['fills']) + 1}-{order_id[-3:]}"
            order["fills"].append(an_execution(quantity, price, number, time=NOW))
            if self.filled(order_id) == order["trade"].quantity:
                order["status"] = S.FILLED

    def filled(self, order_id: str) -> Decimal:
        return sum((fill.quantity for fill in self.book[order_id]["fills"]), Decimal(0))

    def status_of(self, order_id: str) -> Status:
        if order_id not in self.book:
            raise OrderNotFound
        order, filled = self.book[order_id], self.filled(order_id)
        quote = sum((fill.quantity * fill.price for fill in order["fills"]), Decimal(0))
        status = order["status"]
        return Status(
            order_id=order_id,
            exchange_order_id=f"x-{order_id[-3:]}",
            status=S.PARTIALLY_FILLED if filled and status is S.OPEN else status,
            quantity=order["trade"].quantity,
            price=order["trade"].price,
            filled_quantity=filled,
            filled_quote=quote if filled else None,
            fills=tuple(order["fills"]) if self.tells_trades else (),
            time=NOW,
        )


class Desk:
    """The engine with an exchange of one's own behind it."""

    def __init__(self, exchange: Executor, traits: VenueTraits = TRAITS, journal: MemoryJournal | None = None) -> None:
        self.clock = Clock()
        self.connector = ExecutorConnector(exchange, self.clock, traits=traits)
        self.venue = VenueExecutor(self.connector, self.clock.now)
        self.words: list[m.RaiseAlert | m.Reply] = []
        self.driver = Driver("main", journal or MemoryJournal(), {"simulated": self.venue}, handler=self.words.append)
        self.connector.watch(self.driver.state.orders.values(), "simulated")
        if journal is None:
            self.say(
                m.DefineInstrument(instrument=an_instrument()),
                m.OpenAccount(account=Account(account="main", traits=traits)),
                m.MoveCash(account="main", asset="USDT", amount=Decimal(1_000_000)),
                m.QuoteSeen(exchange="simulated", symbol="BTC/USDT", quote=a_quote()),
            )

    def say(self, *inputs: m.Input) -> None:
        self.driver.turn(inputs, self.clock.time)
        self.listen()

    def listen(self) -> None:
        """Take in what has come, until nothing more does."""
        while reports := self.venue.poll(self.clock.time)[1]:
            self.driver.turn(reports, self.clock.time)

    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.time += SECOND
            self.driver.turn((), self.clock.time)
            self.listen()

    def order(self, number: int = 1) -> Any:
        return order_from(self.driver.journal.recall_order("main", an_id(number)))

    def restarted(self, exchange: Executor) -> Desk:
        """The same log with a new process over it."""
        journal = self.driver.journal
        assert isinstance(journal, MemoryJournal)
        after = Desk(exchange, self.connector.traits, journal)
        after.clock.time = self.clock.time
        after.driver.recover()
        return after

    def events(self, number: int = 1) -> list[m.AnyOrderEvent]:
        return list(self.driver.journal.recall_order("main", an_id(number)))

    def executions(self, number: int = 1) -> list[Execution]:
        return list(self.order(number).executions.values())


def submit(number: int = 1, **words: Any) -> m.SubmitOrder:
    return m.SubmitOrder(instruction=a_limit_buy(number=number, **words))


def failing(error: Exception, when: str, times: int = 1) -> Callable[[str], None]:
    """Raises, the first times that it comes to this point."""
    left = [times]

    def trouble(point: str) -> None:
        if point == when and left[0]:
            left[0] -= 1
            raise error

    return trouble
