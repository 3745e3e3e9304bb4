"""The live driver for the benches: one book on a fast exchange, and a log that knows by itself what is durable.

The exchange acknowledges and fills each order at once, with the next poll, so that orders end. At each send it looks
whether the log had committed the order's row by then; the log counts that itself, apart from the desk.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop

from benchmarks.common import INSTRUMENT, PRICE, QUANTITY, TICK, fill, opening, submit
from orderwright.core import messages as m
from orderwright.core.evolve import Changes
from orderwright.core.model import OrderSide, Quote, VenueTraits
from orderwright.engine import Engine
from orderwright.journal.sqlite import SqliteJournal
from orderwright.live import SystemClock, garbage
from orderwright.live.book import LiveBook
from orderwright.live.desk import Busy, Desk
from orderwright.live.loop import CommitInThread, LiveLoop

BOOK = "bench"


class CountingLog(SqliteJournal):
    """Knows of each order that was received and not sent yet in which row it is, and up to which row it is durable."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.row_of: dict[str, int] = {}
        self.durable = 0
        self._appended = self._written = 0

    def append(self, book: str, sequence: int, event: m.AnyEvent, changes: Changes) -> None:
        super().append(book, sequence, event, changes)
        self._appended = sequence
        if type(event) is m.OrderReceived:
            self.row_of[event.order_id] = sequence

    def write(self) -> None:
        super().write()
        self._written = self._appended

    def commit(self) -> None:
        super().commit()
        self.durable = self._written


class FastExchange:
    """A `Connector` and its market. sent_at: when each order was sent, seconds of `time.perf_counter`, where kept."""

    traits = VenueTraits()

    def __init__(self, log: CountingLog) -> None:
        self._log = log
        self._said: list[m.AnyReport] = []
        self.sent_at: dict[str, float] | None = None
        self.sent = 0

    def send(self, action: m.VenueAction) -> None:
        now, order_id = time.perf_counter(), action.order_id
        row = self._log.row_of.pop(order_id)
        assert row <= self._log.durable, f"order {order_id} was sent before row {row} was durable"
        if self.sent_at is not None:
            self.sent_at[order_id] = now
        self.sent += 1
        assert isinstance(action, m.SendOrder)
        at = action.sign_at
        self._said.append(m.AckReport(order_id=order_id, time=at, exchange_order_id=order_id[-12:]))
        self._said.append(fill(order_id, at, QUANTITY, order_id[-12:]))

    def poll(self, limit: int) -> tuple[int, Sequence[m.AnyReport]]:
        said, self._said = self._said, []
        return limit, said

    def symbols(self) -> list[str]:
        return [INSTRUMENT.symbol]

    def quote(self, symbol: str, time: int) -> Quote:  # noqa: ARG002  # it has one symbol
        return Quote(PRICE, time // 1_000_000 * 1_000_000, PRICE, PRICE + TICK)


class Bench:
    """A running loop, and orders for it."""

    def __init__(self, loop: LiveLoop, exchange: FastExchange) -> None:
        self.loop, self.desk, self.exchange = loop, loop.desk, exchange
        self.ended = 0
        self._numbers = itertools.count()

    def order(self) -> m.SubmitOrder:
        """The next one: buys and sells alternate after the first hundred buys."""
        number = next(self._numbers)
        side = OrderSide.BUY if number < 100 or number % 2 == 0 else OrderSide.SELL
        return submit(self.loop.clock.now(), number, side)

    async def flood(self, count: int, told: Callable[[int], None] | None = None) -> float:
        """Put so many orders as fast as the queue takes them, and wait until the last has ended; seconds. told: is
        called with the number of those that are answered."""
        began, before, answered = time.perf_counter(), self.exchange.sent, 0
        some = asyncio.Event()

        def heard(answer: object) -> None:
            nonlocal answered
            some.set()
            if isinstance(answer, BaseException):
                return  # the desk has failed: the loops below find it so
            answered += 1
            if told is not None:
                told(answered)

        left = count
        while left:
            try:
                while left:
                    self.desk.put(BOOK, self.order(), heard)
                    left -= 1
            except Busy:
                some.clear()
                await some.wait()
        while answered < count or self.desk.books[BOOK].state.orders:
            if self.desk.failure is not None:
                raise self.desk.failure
            await asyncio.sleep(0.001)
        await self.loop.settled()
        assert self.exchange.sent - before == count, (self.exchange.sent, count)
        return time.perf_counter() - began


@asynccontextmanager
async def a_bench(path: Path, *, most_waiting: int = 1_000) -> AsyncIterator[Bench]:
    """A service on a new log, set up and running; stopped in good order."""
    log = CountingLog(path)
    clock, committer = SystemClock(), CommitInThread()
    desk = Desk(log, most_waiting=most_waiting)
    exchange = FastExchange(log)
    journal = desk.journal
    desk.open(LiveBook(Engine(BOOK, journal, {"simulated": exchange}, markets={"simulated": exchange}, clock=clock)))
    loop = LiveLoop(desk, clock=clock, committer=committer)
    running = asyncio.create_task(loop.run())
    await loop.started()
    await loop.ask_all(BOOK, opening())
    garbage.settle()
    yield Bench(loop, exchange)
    loop.stop()
    await running
    committer.close()
    log.close()


def percentile(sorted_values: list[float], percent: float) -> float:
    return sorted_values[min(int(len(sorted_values) * percent / 100), len(sorted_values) - 1)]


def run(work: Callable[[], object]) -> None:
    """Under the event loop of the service."""
    uvloop.run(work())  # type: ignore[arg-type]


__all__ = ["BOOK", "Bench", "a_bench", "percentile", "run"]
