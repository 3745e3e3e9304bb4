"""The books of a service that runs, without the service around them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from orderwright.config.schema import Configuration
from orderwright.core import messages as m
from orderwright.core.ids import order_id_of
from orderwright.core.model import Instruction, OrderSide, OrderType
from orderwright.journal.memory import MemoryJournal
from orderwright.journal.sqlite import open_log
from orderwright.live.book import Answer
from orderwright.live.desk import Desk
from orderwright.live.loop import CommitInThread, LiveLoop
from orderwright.ports import Journal
from orderwright.service.books import Books

NOW = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z


class Hands:
    """A clock that is set by hand."""

    def __init__(self, time: int = NOW) -> None:
        self.time = time

    def now(self) -> int:
        return self.time


class Running:
    def __init__(self, desk: Desk, books: Books, loop: LiveLoop, clock: Hands) -> None:
        self.desk, self.books, self.loop, self.clock = desk, books, loop, clock
        self._numbers = 0

    async def later(self, microseconds: int) -> None:
        """Let time pass, and all that comes of it be durable."""
        self.clock.time += microseconds
        for name in list(self.desk.books):
            self.loop.look_at(name)
        for _ in range(4):
            await asyncio.sleep(0)
            await self.loop.settled()

    async def order(self, book: str, symbol: str = "BTC/USDT", **words: Any) -> Answer:
        """A market order to buy a little, or what is said."""
        self._numbers += 1
        account = self.books.account_of(book)
        said: dict[str, Any] = {
            "order_id": order_id_of(self.clock.now(), book, str(self._numbers)),
            "account": account.account,
            "symbol": self.books.symbol_of(symbol, book),
            "side": OrderSide.BUY,
            "type": OrderType.LIMIT if "price" in words else OrderType.MARKET,
            "quantity": Decimal("0.001"),
        }
        return await self.loop.ask(book, m.SubmitOrder(instruction=Instruction(**(said | words))))

    def money(self, book: str) -> dict[tuple[str, str], Decimal]:
        """What each account has, by asset."""
        return {key: one.total for key, one in self.desk.books[book].state.balances.items()}


@asynccontextmanager
async def running(
    log: Path | Journal | None = None, clock: Hands | None = None, most_waiting: int = 10_000, **sections: Any
) -> AsyncIterator[Running]:
    """Books by a clock that is set by hand. log: a file, or a journal to go on with. sections: of the configuration."""
    clock = clock or Hands()
    journal: Any = open_log(log, clock=clock.now) if isinstance(log, Path) else log or MemoryJournal()
    desk = Desk(journal, most_waiting=most_waiting)
    books = Books(desk, Configuration.model_validate(sections), clock)
    loop = None
    try:
        books.open()
        loop = books.loop = LiveLoop(desk, clock=clock, committer=CommitInThread())
        task = asyncio.create_task(loop.run())
        yield Running(desk, books, loop, clock)
    finally:
        if loop is not None:
            loop.stop()
            await task
        if isinstance(log, Path):
            journal.close()
