"""A strategy's side of a live book. It is `backtest.trading.Trading`, but that

- the strategy speaks on its own thread, and the book lives on the event loop's: what it looks at is looked at there,
  where nothing changes meanwhile, and what it asks for is a command like any other, durable when the call returns;
- what happens to its orders is heard as it is decided, and told when that is durable;
- each order's key names strategy, account, symbol, cause (the bar, or the fill) and number, so that a bar that is asked
  about once more after a restart is not traded twice.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import structs

from orderwright.backtest.context import Context
from orderwright.backtest.overheard import TELLING
from orderwright.backtest.records import OrderHandle
from orderwright.backtest.strategy import Strategy
from orderwright.backtest.trading import Trading
from orderwright.core import messages as m
from orderwright.core.evolve import Changes
from orderwright.core.ids import order_id_of
from orderwright.core.model import DONE, Execution, Instruction, Order, OrderSide, Position, Quote
from orderwright.core.reasons import Reason
from orderwright.live.book import Answer, snapshot
from orderwright.live.desk import Busy
from orderwright.service.strategy.worker import Worker

if TYPE_CHECKING:
    from orderwright.live.loop import LiveLoop

T = TypeVar("T")
PAUSES = (0.1, 0.3, 1.0, 3.0)
"""Seconds to wait where the service is busy; then the strategy is over."""


class LiveHandle(OrderHandle):
    """An order as it stands now, looked at where it changes."""

    __slots__ = ()

    @property
    def record(self) -> Order:
        order, desk = self._record, self._desk
        assert order is not None
        assert isinstance(desk, LiveTrading)
        return desk.worker.look(lambda: snapshot(order))


class LiveTrading(Trading):
    """loop: runs the book that the account is in. Made on the event loop's thread. pause: waits so many seconds."""

    def __init__(
        self,
        loop: LiveLoop,
        book: str,
        strategy: Strategy,
        account: str,
        symbols: Sequence[str],
        worker: Worker,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.worker, self._loop, self._book, self._pause = worker, loop, book, pause
        engine = loop.desk.books[book].engine
        self._salt, self._numbers = secrets.token_hex(6), count()
        super().__init__(engine, strategy, account, symbols, new_id=self._own_id, replies=[])
        self.leave()  # it hears by `hear`: several may listen to one book
        self.keyed = True
        self._unsent: list[OrderHandle] = []

    # Heard on the event loop's thread

    def hear(self, event: m.AnyEvent, changes: Changes) -> bool:
        """An event of the book was decided; whether it is to be told to the strategy."""
        if type(event) not in TELLING or changes.order is None:
            return False
        before = len(self.happened)
        self._hear(event, changes.order)  # type: ignore[arg-type]
        return len(self.happened) > before

    def _tell(self, order: Order, execution: Execution | None, index: int | None) -> None:
        self.worker.wait_for(self._loop.settled())
        super()._tell(order, execution, index)

    # Looked at from the strategy's thread

    @property
    def now(self) -> int:
        now, bar = self._loop.clock.now(), self.context.bar if self.context is not None else None
        return now if bar is None else max(now, bar.time)

    def position(self, symbol: str) -> Position:
        return self.worker.look(lambda: self.state.positions.get((self.account.account, symbol))) or Position()

    def held(self, symbol: str) -> Decimal:
        return self.worker.look(lambda: super(LiveTrading, self).held(symbol))

    def market(self, symbol: str) -> Quote:
        return self.worker.look(lambda: super(LiveTrading, self).market(symbol))

    def cash(self) -> Decimal:
        return self.worker.look(super().cash)

    def equity(self) -> Decimal:
        return self.worker.look(super().equity)

    def open_orders(self, symbol: str = "") -> list[OrderHandle]:
        return self.worker.look(lambda: super(LiveTrading, self).open_orders(symbol))

    def refuses(self, instruction: Instruction) -> bool:
        return self.worker.look(lambda: super(LiveTrading, self).refuses(instruction))

    def handle(self, order: Order) -> OrderHandle:
        order_id = order.instruction.order_id
        found = self._handles.get(order_id)
        if found is None:
            found = LiveHandle(order.instruction, self, order)
            if order.status not in DONE:
                self._handles[order_id] = found
        else:
            found.decided(order)
        return found

    # Words to the book

    def key(self, symbol: str) -> str:
        self._caused += 1
        return f"{self.strategy.name}|{self.account.account}|{symbol}|{self._cause}|{self._caused}"

    def group(self, symbol: str) -> str:
        """A group's name has the account in it too: the same strategy may trade with another one of the book."""
        self._grouped += 1
        return f"oco {self.strategy.name}|{self.account.account}|{symbol}|{self._cause}|{self._grouped}"

    def submit(self, instruction: Instruction) -> OrderHandle:
        """Send an order. Within a look at the book it is put by; `send` sends it."""
        instruction = structs.replace(instruction, user=self.account.user)
        handle = LiveHandle(instruction, self)
        self._handles[instruction.order_id] = handle
        self._unsent.append(handle)
        if not self.worker.is_home:
            self.send()
        return handle

    def send(self) -> None:
        """What was put by goes to the book."""
        unsent, self._unsent = self._unsent, []
        if unsent:
            answers = self._say([m.SubmitOrder(instruction=handle.said) for handle in unsent])
            for handle, answer in zip(unsent, answers, strict=True):
                self._decide(handle, answer)

    def _decide(self, handle: OrderHandle, answer: Answer) -> None:
        """Its order; or the one that came before under its key; or one that says why there is none."""
        reply = answer.reply
        refusal = reply.refusal if reply is not None else None
        before = refusal is not None and refusal.reason is Reason.IDEMPOTENCY_CONFLICT
        order_id = handle.said.order_id
        if reply is not None and (before or reply.outcome == "duplicate"):
            self._handles.pop(order_id, None)
            order_id = reply.order_id
        found = self.worker.look(lambda: self.engine.order(order_id)) if order_id else None
        if found is None:
            self._replies[:] = [reply] if reply is not None else []
            found = self.worker.look(lambda: self._not_taken(handle.said))
        handle.decided(found)

    def post(self, command: m.Input) -> None:
        self.ask(command)

    def ask(self, command: m.Input) -> m.Reply | None:
        if isinstance(command, m.ClosePosition):
            command = structs.replace(command, user=self.account.user)
        (answer,) = self._say([command])
        reply = answer.reply
        asked, self._asked = self._asked, {}
        if reply is not None and reply.outcome == "refused" and (one := asked.get(reply.order_id)) is not None:
            one.answered(str(reply.refusal) if reply.refusal is not None else reply.text)
        return reply

    def _say(self, commands: list[m.Input]) -> list[Answer]:
        """Commands to the book, from the strategy's thread; their answers, durable."""
        for pause in PAUSES:
            try:
                return self.worker.wait_for(self._loop.ask_all(self._book, commands))
            except Busy:
                self._pause(pause)
        return self.worker.wait_for(self._loop.ask_all(self._book, commands))

    def _own_id(self) -> str:
        words = (self.state.book, self.account.account, self.strategy.name, self._salt, str(next(self._numbers)))
        return order_id_of(self._loop.clock.now(), *words)


class LiveContext(Context):
    """A context whose orders are made where the book does not change, and sent from the strategy's thread."""

    trading: LiveTrading

    def order(self, side: OrderSide | str, quantity: Any = None, **words: Any) -> OrderHandle:
        handle = self.trading.worker.look(lambda: super(LiveContext, self).order(side, quantity, **words))
        if not self.trading.worker.is_home:
            self.trading.send()
        return handle


__all__ = ["LiveContext", "LiveTrading"]
