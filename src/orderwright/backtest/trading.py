"""A strategy's side of one book: its orders go out, and what becomes of them is told to it.

The same for a backtest, on paper and live: all that it stands on is an `Engine`. What the engine logs is overheard
(`Overheard`), put by, and told to the strategy between turns, in the order in which it happened; so a strategy that
acts in `on_fill` acts before anything else happens. What it asks for in `on_bar` goes out at once; what follows from it
is told when `on_bar` has returned.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from decimal import localcontext
from typing import Any

from orderwright.backtest.account_view import AccountView
from orderwright.backtest.executed import Tally
from orderwright.backtest.overheard import Overheard, StrategyError
from orderwright.backtest.records import Fill, OrderHandle
from orderwright.backtest.strategy import Strategy
from orderwright.core import messages as m
from orderwright.core.model import DONE, Execution, Instruction, Order, OrderStatus
from orderwright.core.numbers import EXACT, ZERO
from orderwright.core.placing import submit
from orderwright.core.reasons import Refusal
from orderwright.engine import Engine
from orderwright.errors import UnknownName


class Trading(AccountView):
    """strategy: whose hooks are called with `context`. account: the one that it trades with. symbols: those it may
    trade, each listed on the account's exchange. new_id: the next order's id. replies: where the engine's handler puts
    its answers. booked: called with every fill. ended: called with every order that ends, refused ones too. early: how
    long before its close a bar is decided on, microseconds.

    wake: when the engine next has something to do, as far as whoever moves it on has found out; 0, now.
    """

    def __init__(
        self,
        engine: Engine,
        strategy: Strategy,
        account: str,
        symbols: Sequence[str],
        *,
        new_id: Callable[[], str],
        replies: list[m.Reply],
        booked: Callable[[Order, Execution], int | None] | None = None,
        ended: Tally | None = None,
        early: int = 0,
    ) -> None:
        super().__init__(engine, account, symbols)
        self.strategy, self.early = strategy, early
        self.context: Any = None
        self.wake = 0
        self.happened: deque[tuple[Order, Execution | None, int | None]] = deque()
        self._telling: tuple[str, int, int | None] | None = None
        self._new: list[OrderHandle] = []
        self._asked: dict[str, OrderHandle] = {}
        self.keyed = False
        """Whether each order gets a key of its own that is the same in every run: what caused it, and its number."""
        self._cause, self._caused, self._grouped = "", 0, 0
        self._new_id, self._replies, self._booked, self._ended = new_id, replies, booked, ended
        self._handles: dict[str, OrderHandle] = {}
        self._busy = False
        mine = type(strategy)
        self._tells_fills = mine.on_fill is not Strategy.on_fill
        self._tells_ends = mine.on_order is not Strategy.on_order
        self._journal = engine.driver.journal
        engine.driver.journal = self._overheard = Overheard(engine.driver.journal, self._hear)
        engine.session.told = self.tell

    @property
    def orders_sent(self) -> int:
        """How many orders have left for the exchange, exits included."""
        return self._overheard.sent

    def leave(self) -> None:
        """Listen no more."""
        self.engine.driver.journal, self.engine.session.told = self._journal, None

    # What happened

    def _hear(self, event: m.AnyOrderEvent, order: Order) -> None:
        """Note what an event means to the strategy; it is told when the turn is over."""
        said = order.instruction
        if said.account != self.account.account or said.symbol not in self.positions:
            return
        if self._ended is not None and order.status in DONE:
            self._ended(order)
        if type(event) is m.OrderFilled:
            self.positions[said.symbol] = float(self.position(said.symbol).size)
            index = self._booked(order, event.execution) if self._booked is not None else None
            if self._tells_fills:
                self.happened.append((order, event.execution, index))
                return
        elif order.status not in DONE:
            return
        elif self._tells_ends:
            self.happened.append((order, None, None))
            return
        if order.status in DONE:
            self._handles.pop(said.order_id, None)

    def tell(self) -> None:
        """Tell the strategy what has happened, unless it is being told something now."""
        if self._busy or not self.happened:
            return
        self._busy = True
        try:
            while self.happened:
                self._tell(*self.happened.popleft())
                if self.waiting:
                    self.flush()
        finally:
            self._busy = False

    def _tell(self, order: Order, execution: Execution | None, index: int | None) -> None:
        said = order.instruction
        if said.strategy != self.strategy.name:
            return
        handle = self.handle(order)
        if order.status in DONE:
            self._handles.pop(said.order_id, None)
        if self.keyed:
            self.because(execution.execution_id if execution is not None else f"{order.order_id} ended")
        # at the moment at which one bar closes and the next opens, fills happen at the open
        time = execution.time + 1 if execution is not None else self.session.now
        self._telling = said.symbol, time, index
        if execution is not None:
            self.call("on_fill", Fill(handle, execution))
        elif order.status is not OrderStatus.FILLED:
            self.call("on_order", handle)
        self._telling = None

    def call(self, hook: str, *what: Any) -> None:
        """Call one of the strategy's hooks. Raises StrategyError for whatever it raises."""
        try:
            getattr(self.strategy, hook)(self.context, *what)
        except StrategyError:
            raise
        except Exception as error:
            raise self.blame(hook, error) from error

    def blame(self, hook: str, error: Exception) -> StrategyError:
        """The error that says where the strategy raised."""
        bar = getattr(self.context, "bar", None)
        if self._telling is not None:
            bar = self.context.bar_at(*self._telling) or bar
        return StrategyError(self.strategy.name, hook, bar, error)

    @property
    def now(self) -> int:
        """Microseconds. The engine may lag behind a bar at which nothing happened."""
        bar, reached = self.context.bar, self.session.now
        return reached if bar is None else max(reached, bar.time - self.early)

    def known(self, symbol: str | None) -> str:
        """A symbol that the strategy trades; its first one where none is named. Raises UnknownName."""
        if symbol is None:
            return self.context.bar.symbol if self.context is not None and self.context.bar else self.symbols[0]
        if symbol not in self.positions:
            raise UnknownName("symbol", symbol, self.symbols, field="symbol")
        return symbol

    # Words to the book

    def post(self, command: m.Input) -> None:
        """Put a command with those that go to the book in one turn: when somebody looks at what has become of them, or
        the strategy has nothing more to say."""
        self.wake = 0
        self.waiting.append(command)
        if self.keyed:
            self.flush()

    def because(self, cause: str) -> None:
        """What the strategy is asked about now: a bar's time, a fill, an order's end."""
        self._cause, self._caused, self._grouped = cause, 0, 0

    def key(self, symbol: str) -> str:
        """The idempotency key of the next order."""
        self._caused += 1
        return f"{self.strategy.name}|{symbol}|{self._cause}|{self._caused}"

    def group(self, symbol: str) -> str:
        """The name of the next group of orders; with keys, the same in every run."""
        if not self.keyed:
            return f"oco {self.new_id()}"
        self._grouped += 1
        return f"oco {self.strategy.name}|{symbol}|{self._cause}|{self._grouped}"

    def flush(self) -> None:
        """Let the book decide on what was asked so far."""
        said, self.waiting = self.waiting, []
        (new, asked), (self._new, self._asked) = (self._new, self._asked), ([], {})
        replies, busy = self._replies, self._busy
        replies.clear()
        self._busy = True
        try:
            self.session.deliver(said, self.now)
        finally:
            self._busy = busy
        state = self.state
        for handle in new:
            order_id = handle.said.order_id
            order = state.orders.get(order_id) or state.finished.get(order_id)
            handle.decided(order if order is not None else self._not_taken(handle.said))
        for reply in replies:
            if reply.outcome == "refused" and (one := asked.get(reply.order_id)) is not None:
                one.answered(str(reply.refusal) if reply.refusal is not None else reply.text)

    def ask(self, command: m.Input) -> m.Reply | None:
        """One command, now; the reply where it did not become what it asked for."""
        if self.waiting:
            self.flush()
        self.waiting.append(command)
        self.wake = 0
        self.flush()
        return self._replies[0] if self._replies else None

    def submit(self, instruction: Instruction) -> OrderHandle:
        """Send an order; a refusal comes back in its handle."""
        handle = OrderHandle(instruction, self)
        self._handles[instruction.order_id] = handle
        self._new.append(handle)
        self.post(m.SubmitOrder(instruction=instruction))
        return handle

    def refuses(self, instruction: Instruction) -> bool:
        """Whether our checks would refuse it now, by itself."""
        with localcontext(EXACT):
            _, actions = submit(self.state, instruction, self.now)
        return any(isinstance(one, m.Reply) and one.refusal is not None for one in actions)

    def withheld(self, instruction: Instruction, reason: str) -> OrderHandle:
        """The handle of an order that is not sent."""
        return OrderHandle(instruction, self, _unsent(instruction, self.now, "", reason))

    def new_id(self) -> str:
        return self._new_id()

    def cancel(self, order: OrderHandle) -> None:
        self._asked[order.order_id] = order
        self.post(m.CancelOrder(order_id=order.order_id))

    def replace(
        self, order: OrderHandle, *, quantity: object = None, price: object = None, stop_price: object = None
    ) -> None:
        symbol = order.symbol
        command = m.ReplaceOrder(
            order_id=order.order_id,
            quantity=None if quantity is None else self.quantity(quantity, symbol),
            price=None if price is None else self.price(price, symbol, "price"),
            stop_price=None if stop_price is None else self.price(stop_price, symbol, "stop_price"),
        )
        self._asked[order.order_id] = order
        self.post(command)

    def _not_taken(self, said: Instruction) -> Order:
        """The order of an instruction that made none: the one that came before under its key, or one that says why the
        book would not even write it down."""
        self._handles.pop(said.order_id, None)
        reply = self._replies[-1] if self._replies else None
        if reply is not None and reply.outcome == "duplicate":
            before = self.engine.order(reply.order_id)
            if before is not None:
                return before
        order = _never_logged(said, reply, self.now)
        if self._ended is not None:
            self._ended(order)
        return order

    def handle(self, order: Order) -> OrderHandle:
        """The one handle of an order that lives."""
        order_id = order.instruction.order_id
        found = self._handles.get(order_id)
        if found is None:
            found = OrderHandle(order.instruction, self, order)
            if order.status not in DONE:
                self._handles[order_id] = found
        else:
            found.decided(order)
        return found

    def open_orders(self, symbol: str = "") -> list[OrderHandle]:
        """Those of the strategy that may still fill, oldest first."""
        if self.waiting:
            self.flush()
        name = self.strategy.name
        working = self.state.working(self.account.account, symbol)
        return [self.handle(order) for order in working if order.instruction.strategy == name]


def _never_logged(instruction: Instruction, reply: m.Reply | None, now: int) -> Order:
    """The order that the book would not even write down: its id or key was used for another one."""
    refusal: Refusal | None = reply.refusal if reply is not None else None
    code, reason = (refusal.code, str(refusal)) if refusal is not None else ("", "not taken")
    return _unsent(instruction, now, code, reason)


def _unsent(instruction: Instruction, now: int, code: str, reason: str) -> Order:
    return Order(
        instruction=instruction,
        quantity=instruction.quantity or ZERO,
        price=instruction.price,
        stop_price=instruction.stop_price,
        created_at=now,
        status=OrderStatus.DENIED,
        code=code,
        reason=reason,
    )


__all__ = ["StrategyError", "Trading"]
