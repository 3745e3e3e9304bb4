"""One strategy of the service, from bar to bar.

- It begins with a history: bars that had closed before, which indicators see and nobody is asked about.
- At each close it is asked about the bar that has closed, on its own thread. A bar is decided on until a tenth of the
  next one has passed; later (the service was down, the strategy was slow) it is history too: what was said of it would
  be traded at prices that it does not know of. So a restart may ask about a bar once more, and the keys of its orders
  (trading.py) keep it from being traded twice.
- After MOST_BARS it begins anew, as after a restart: what it keeps in attributes of its own lives no longer than that.
- What it raises ends it, and nothing else: its orders stay as they are, and an alert says so.
- A stop of the service is a pause: `on_stop` is not called, and what it holds it goes on with.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from orderwright.backtest.checking import has_signals
from orderwright.backtest.records import Bar
from orderwright.backtest.rules import Rules
from orderwright.backtest.signal_trader import SignalsSoFar, SignalTrader
from orderwright.backtest.strategy import Strategy, refuse_silent
from orderwright.core import messages as m
from orderwright.core.evolve import Changes
from orderwright.errors import LogError, OrderwrightError
from orderwright.live.desk import Stopping
from orderwright.market.live_prices import LivePrices
from orderwright.service.strategy.bars import GrowingBars
from orderwright.service.strategy.records import Progress
from orderwright.service.strategy.trading import LiveContext, LiveTrading
from orderwright.service.strategy.worker import Worker

if TYPE_CHECKING:
    from orderwright.live.loop import LiveLoop

LATE = 10
HISTORY, MOST_BARS = 500, 20_000
LONGEST_PAUSE = 30.0
Alert = Callable[[str, m.RaiseAlert], None]


class Plan(Struct, frozen=True, kw_only=True):
    """What to run. name: the strategy's, on each of its orders. interval: of its bars, microseconds. make: makes the
    strategy, anew each time. rules: how its signals are traded."""

    name: str
    book: str
    account: str
    symbol: str
    interval: int
    prices: LivePrices
    make: Callable[[], Strategy]
    rules: Rules


class Runner:
    """Made on the event loop's thread, whose `loop` runs the book. pause: waits so many seconds (a test does not)."""

    def __init__(
        self, plan: Plan, loop: LiveLoop, *, alert: Alert | None = None, pause: Callable[[float], None] | None = None
    ) -> None:
        self.plan = plan
        self.problem = ""
        self.asked = self.late = 0
        self._loop, self._alert = loop, alert
        self._pause: dict[str, Any] = {} if pause is None else {"pause": pause}
        self._worker = Worker(plan.name)
        self._wake = asyncio.Event()
        self._trading: LiveTrading | None = None
        self._context: LiveContext | None = None
        self._data: GrowingBars | None = None
        self._signals: tuple[SignalsSoFar, SignalTrader] | None = None
        self._last = -1
        """The number of the last bar that it knows, since 1970."""
        self._asked_last: int | None = None

    @property
    def progress(self) -> Progress:
        """How far it has got."""
        plan = self.plan
        state = "stopped" if self.problem else "running" if self.asked else "waiting"
        return Progress(
            name=plan.name,
            book=plan.book,
            account=plan.account,
            symbol=plan.symbol,
            state=state,
            bar=self._asked_last,
            asked=self.asked,
            late=self.late,
            problem=self.problem,
        )

    # The event loop's side

    async def run(self) -> None:
        """Go on from bar to bar until it is cancelled, or the strategy is over."""
        while not self.problem:
            now = self._loop.clock.now()
            try:
                await self.go_on(now)
            except OrderwrightError:  # the service ends, and says why itself
                return
            interval = self.plan.interval
            due = (now // interval + 1) * interval - self._loop.clock.now()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(max(due / 1_000_000, 0.0), LONGEST_PAUSE)):
                    await self._wake.wait()

    async def go_on(self, now: int) -> None:
        """Do what is to be done at a time, microseconds: tell what has happened, ask about the bar that has closed.
        Raises what has ended the service."""
        self._wake.clear()
        newest = now // self.plan.interval - 1
        try:
            if self._trading is not None and self._trading.happened:
                await self._worker.call(self._trading.tell)
            if self._data is None or (len(self._data) >= MOST_BARS and self._last < newest):
                await self._begin(newest - 1)
            while self._last < newest:
                await self._close_bar(self._last + 1, now)
        except Exception as error:
            if _is_the_end(error):
                raise
            self._stop(error)  # whatever a strategy raises ends it, and nothing else

    async def _close_bar(self, number: int, now: int) -> None:
        close = (number + 1) * self.plan.interval
        self._last = number
        late = now - close > self.plan.interval // LATE
        if late:
            self.late += 1
        else:
            self.asked, self._asked_last = self.asked + 1, close
        await self._worker.call(partial(self._ask, late=late))

    def hear(self, event: m.AnyEvent, changes: Changes) -> None:
        """An event of its book was decided."""
        if self._trading is not None and not self.problem and self._trading.hear(event, changes):
            self._wake.set()

    def close(self) -> None:
        """No more bars."""
        self._worker.close()

    def _stop(self, error: Exception) -> None:
        self.problem = str(error) or type(error).__name__
        self._worker.close()
        if self._alert is not None:
            orders = self._loop.desk.books[self.plan.book].state.working(self.plan.account, self.plan.symbol)
            left = sum(order.instruction.strategy == self.plan.name for order in orders)
            text = f"strategy {self.plan.name} is stopped: {self.problem}; open orders of it: {left}"
            self._alert(self.plan.book, m.RaiseAlert(topic="strategy", text=text))

    async def _begin(self, last: int) -> None:
        """last: the number of the last bar of its history."""
        plan = self.plan
        strategy = await self._worker.call(plan.make)
        strategy.name = plan.name
        data = await self._worker.call(partial(_history, plan, last, strategy.warm_up))
        self._signals, acts = None, strategy
        if has_signals(strategy):
            says = SignalsSoFar(strategy, data.bars)
            acts = SignalTrader(says, plan.rules, bars=data.bars, name=plan.name)
            self._signals = says, acts
        else:
            refuse_silent(strategy)
        trading = LiveTrading(self._loop, plan.book, acts, plan.account, [plan.symbol], self._worker, **self._pause)
        self._data, self._last, self._trading = data, last, trading
        self._context = LiveContext(trading, data)
        await self._worker.call(self._start)

    # The strategy's side: on its thread

    def _start(self) -> None:
        trading = self._trading
        assert trading is not None
        trading.because("start")
        trading.call("on_start")
        trading.tell()

    def _ask(self, *, late: bool) -> None:
        """Another bar has closed; ask about it, unless it is late."""
        trading, context, data = self._trading, self._context, self._data
        assert trading is not None
        assert context is not None
        assert data is not None
        bar: Bar = data.grow()
        if self._signals is not None:
            for one in self._signals:
                one.see(data.bars)
        if late:
            return
        context.bar = bar
        trading.because(str(bar.time))
        if self._signals is not None:
            self._signals[0].hear(bar.index)
        trading.call("on_bar", bar)
        trading.tell()


def _is_the_end(error: BaseException | None) -> bool:
    """Whether the service is at its end, and the strategy only the first to notice."""
    return error is not None and (isinstance(error, Stopping | LogError) or _is_the_end(error.__cause__))


def _history(plan: Plan, last: int, warm_up: int) -> GrowingBars:
    count = min(max(HISTORY, 4 * warm_up), MOST_BARS // 2, last + 1)
    return GrowingBars(plan.prices, plan.interval, last + 1 - count, count)


__all__ = ["Plan", "Runner"]
