"""A book driven by the core into a journal, for the tests of the journal."""

from __future__ import annotations

import decimal
from decimal import Decimal

from orderwright.core import messages as m
from orderwright.core.evolve import evolve
from orderwright.core.model import Execution, OrderStatus
from orderwright.core.numbers import EXACT
from orderwright.core.oms import decide
from orderwright.core.recovery import order_from
from orderwright.core.state import State
from orderwright.ports import Journal
from tests.builders import NOW, SYMBOL, a_limit_buy, a_quote, an_id, opening


class Desk:
    """The core's decisions and their rows. `log` is all that was appended: the tests' own copy of the history."""

    def __init__(self, journal: Journal, book: str = "main") -> None:
        self.journal, self.book, self.now = journal, book, NOW
        self.state = State(book=book)
        self.log: list[m.AnyEvent] = []
        self.executions = 0
        self.append(*opening())
        self.state.market["simulated", SYMBOL] = a_quote()

    def append(self, *events: m.AnyEvent) -> None:
        with decimal.localcontext(EXACT):
            for event in events:
                changes = evolve(self.state, event)
                self.log.append(event)
                self.journal.append(self.book, self.state.sequence, event, changes)

    def run(self, *inputs: m.Input) -> Desk:
        for said in inputs:
            with decimal.localcontext(EXACT):
                events, _ = decide(self.state, said, self.now)
            self.append(*events)
        return self

    def commit(self) -> Desk:
        self.journal.write()
        self.journal.commit()
        return self

    def pass_time(self, microseconds: int) -> Desk:
        self.now += microseconds
        self.state.market["simulated", SYMBOL] = a_quote(time=self.now)
        return self

    def buy(self, number: int = 1, quantity: int = 2, price: int = 100) -> Desk:
        return self.run(m.SubmitOrder(instruction=a_limit_buy(quantity, price, number)))

    def accept(self, number: int = 1) -> Desk:
        return self.run(m.AckReport(order_id=an_id(number), time=self.now, exchange_order_id=f"x{number}"))

    def fill(self, number: int = 1, quantity: int = 1, price: int = 100, execution_id: str | None = None) -> Desk:
        self.executions += 1
        trade = Execution(
            execution_id=execution_id or f"e{self.executions}",
            quantity=Decimal(quantity),
            price=Decimal(price),
            fee=Decimal("0.1"),
            fee_asset="USDT",
            time=self.now,
        )
        return self.run(m.FillReport(order_id=an_id(number), time=self.now, execution=trade))

    def end(self, number: int = 1) -> Desk:
        return self.run(m.EndReport(order_id=an_id(number), time=self.now, status=OrderStatus.CANCELLED))

    def trade(self, number: int = 1) -> Desk:
        """One whole life: received, accepted, filled twice."""
        return self.buy(number).accept(number).fill(number).fill(number)


def replayed(book: str, events: list[m.AnyEvent]) -> State:
    """The plain oracle: every event folded, nothing forgotten."""
    state = State(book=book)
    with decimal.localcontext(EXACT):
        for event in events:
            evolve(state, event)
    return state


def orders_of(events: list[m.AnyEvent]) -> dict[str, tuple[int, list[m.AnyOrderEvent]]]:
    """By order id: the sequence of its newest row, and its events."""
    found: dict[str, tuple[int, list[m.AnyOrderEvent]]] = {}
    for sequence, event in enumerate(events, start=1):
        if isinstance(event, m.OrderEvent):
            rows = [*found.get(event.order_id, (0, []))[1], event]
            found[event.order_id] = (sequence, rows)
    return found


__all__ = ["Desk", "order_from", "orders_of", "replayed"]
