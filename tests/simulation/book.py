"""A book on the simulated exchange, for tests of what the core does with what happens there: orders in at chosen times,
how they stand out."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from orderwright.core import messages as m
from orderwright.core.model import Account, Instruction, OrderSide, OrderType
from orderwright.core.numbers import text
from orderwright.engine import Engine
from orderwright.journal.memory import MemoryJournal
from orderwright.market.candles import Candles
from orderwright.simulation.exchange import SimulatedExchange
from orderwright.simulation.models import Models
from tests.simulation.builders import MINUTE, START, order_id

RICH = Decimal(10_000_000)


class Book:
    """start: microseconds; by default the close of the first candle."""

    def __init__(
        self, candles: Candles, *, models: Models | None = None, deposits: dict[str, Decimal] | None = None
    ) -> None:
        instrument, account = candles.instrument, Account(account="main")
        self.symbol, self.start = instrument.symbol, int(candles.close_times[0])
        self.alerts: list[str] = []
        self.exchange = SimulatedExchange([candles], models, [account])
        self.engine = Engine(
            "main", MemoryJournal(), {"simulated": self.exchange}, start=self.start, handler=self._hear
        )
        self.engine.tell([m.OpenAccount(account=account), m.DefineInstrument(instrument=instrument)])
        money = {instrument.quote: RICH} if deposits is None else deposits
        self.engine.tell(m.MoveCash(account="main", asset=asset, amount=amount) for asset, amount in money.items())
        self.engine.advance(self.start)

    def _hear(self, said: m.RaiseAlert | m.Reply) -> None:
        if isinstance(said, m.RaiseAlert):
            self.alerts.append(said.text)
        else:
            raise AssertionError(said)

    def at(self, time: float) -> Book:
        """Let the market go on to a time: microseconds, or a minute of the builders' clock."""
        self.engine.advance(int(time) if time > 10_000 else START + round(time * MINUTE))
        return self

    def place(self, number: int = 1, side: str = "buy", quantity: str = "1", kind: str = "market", **more: Any) -> Book:
        for name in ("price", "stop_price"):
            if name in more:
                more[name] = Decimal(more[name])
        order = Instruction(
            order_id=order_id(number),
            account="main",
            symbol=self.symbol,
            side=OrderSide(side),
            type=OrderType(kind),
            quantity=Decimal(quantity),
            **more,
        )
        self.engine.submit(order)
        return self

    def cancel_children(self, number: int) -> Book:
        for order in list(self.engine.state.orders.values()):
            if order.instruction.parent_id == order_id(number):
                self.engine.do(m.CancelOrder(order_id=order.order_id))
        return self

    def fills(self, number: int = 0) -> list[tuple[str, float, float]]:
        """(order type, price, minute) of each fill in time; of one order and its children, where named."""
        state, wanted = self.engine.state, order_id(number)
        orders = [*state.orders.values(), *state.finished.values()]
        found = [
            (fill.time, order.instruction.type.value, float(fill.price))
            for order in orders
            if not number or wanted in (order.order_id, order.instruction.parent_id)
            for fill in order.executions.values()
            if fill is not None
        ]
        return [(kind, price, round((time - START) / MINUTE, 2)) for time, kind, price in sorted(found)]

    def exits(self) -> Iterable[str]:
        """Each exit as `type status`."""
        state = self.engine.state
        orders = [*state.finished.values(), *state.orders.values()]
        return sorted(f"{one.instruction.type} {one.status}" for one in orders if one.instruction.parent_id)

    def money(self, asset: str) -> tuple[str, str, str]:
        """(total, locked by the core, locked at the exchange)."""
        ours, theirs = self.engine.state.balances["main", asset], self.exchange.balances["main", asset]
        assert ours.total == theirs.total
        return text(ours.total), text(ours.locked), text(theirs.locked)
