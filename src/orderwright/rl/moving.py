"""What moves an episode on: a session that looks at the market when something happens, and nowhere else; and the log,
which counts what has happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from orderwright.core import messages as m
from orderwright.core.evolve import Changes
from orderwright.core.model import OrderStatus, Quote
from orderwright.journal.memory import MemoryJournal
from orderwright.simulation.exchange import SimulatedExchange
from orderwright.simulation.session import Session

EXCHANGE = "simulated"
_REFUSED = frozenset({m.OrderDenied, m.OrderRejected, m.RequestDead})
_LOST = frozenset({OrderStatus.DENIED, OrderStatus.REJECTED})


class Moves(Session):
    """The session, without the looks after a fill. then: what waits for an order to end; asked after each report.
    moment: microseconds, when what is said next is said."""

    def __init__(self, session: Session, symbol: str) -> None:
        super().__init__(session.driver, session.venue, session.looking.markets)
        self.now = self.moment = session.now
        self.symbol = symbol
        self.then: Callable[[], None] | None = None
        self._exchange: SimulatedExchange = session.looking.markets[EXCHANGE]  # type: ignore[assignment]
        self._looked = self._shown = -1

    def send(self, command: m.Input) -> None:
        """A command, now; its requests are on their way when this returns."""
        self._exchange.wait_until(self.moment)
        self.deliver((command,), self.moment)

    def look(self, time: int) -> Quote:
        """The market at a time."""
        if time != self._looked:
            quote = self._exchange.quote(self.symbol, time)
            assert quote is not None  # an episode begins at a close
            self._looked, self._last = time, quote
        return self._last

    def open(self) -> None:
        """A candle has opened now, and the next thing said is said in view of that."""
        self._last = self._exchange.quote(self.symbol, self.moment + 1) or self._last
        self._looked, self._shown = self.moment, -1

    def deliver(self, inputs: Iterable[m.Input], time: int) -> None:
        self.now = self.moment = max(self.now, time)
        shown: Iterable[m.Input] = inputs
        if self.now != self._shown:
            self._shown = self.now
            shown = (m.QuoteSeen(exchange=EXCHANGE, symbol=self.symbol, quote=self.look(self.now)), *inputs)
        self.driver.turn(shown, self.now)
        if self.then is not None:
            self.then()


class Tally(MemoryJournal):
    """The log of an episode, and what has happened in it so far: orders, fills, rejections, and (quote units) the value
    traded and the fees."""

    def __init__(self, keep: int | None) -> None:
        super().__init__(keep)
        self.orders = self.fills = self.rejections = 0
        self.traded = self.fees = 0.0

    def append(self, book: str, sequence: int, event: m.AnyEvent, changes: Changes) -> None:
        super().append(book, sequence, event, changes)
        kind = type(event)
        if kind is m.OrderFilled:
            execution = event.execution  # type: ignore[union-attr]
            self.fills += 1
            self.traded += float(execution.quantity) * float(execution.price)
            self.fees += float(execution.fee)
        elif kind is m.OrderReceived:
            self.orders += 1
        elif kind in _REFUSED and changes.order is not None and changes.order.status in _LOST:
            self.rejections += 1
