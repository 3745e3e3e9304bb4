"""Seed 004's OrderExecutor: orders of a database, carried out. Async, over a `Broker` on that database's log.

    executor = OrderExecutor()
    await executor.execute_order(order, db)
    await executor.cancel_order(order, db)
    await executor.update_order_status(order, db)

- `db` is a log: a Broker, a Journal, a path or a URL (`sqlite:///orders.sqlite`); None is one log in memory.
- `order` is a TradingOrder, or any object or dict with its fields, or a Trade, or an Instruction. Its fields are
  brought up to date; the trade is returned.
- Nothing is decided here: it goes the way of every order, checks and log included. A call works on a thread, one at a
  time, so the caller's loop goes on.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from orderwright.broker import Broker
from orderwright.broker.places import log_path
from orderwright.executors import Trade
from orderwright.trading_order import trade_of, write_back


class OrderExecutor:
    """options: what each Broker is made with (executor, feeds, deposits, settings ...). A log that was opened here
    stays open until `close`; a Broker that was given is its giver's to close."""

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._brokers: dict[object, Broker] = {}
        self._one_at_a_time = threading.Lock()

    async def execute_order(self, order: Any, db: Any = None) -> Trade:
        """Submit it; how it stands once that is durable and the exchange has answered, if it does at once. A refusal is
        DENIED with a reason. An order that was executed before is not executed again. Raises InputError."""
        return await self._run(order, db, lambda broker, trade: broker.submit(trade))

    async def cancel_order(self, order: Any, db: Any = None) -> Trade:
        """Ask for its end; how it stands then, with the reason where it cannot be cancelled. Raises InputError for an
        order that the log does not have: one that was refused because its client_order_id is another order's, too."""
        return await self._run(order, db, lambda broker, trade: broker.cancel(broker.find(trade)))

    async def update_order_status(self, order: Any, db: Any = None) -> Trade:
        """Take in what has happened (a simulated market goes on by a step), and ask the exchange how the order stands.
        Raises InputError for an order that the log does not have."""

        def update(broker: Broker, trade: Trade) -> Trade:
            executed = broker.find(trade)
            broker.update()
            return broker.check_trade(executed)

        return await self._run(order, db, update)

    async def _run(self, order: Any, db: Any, work: Callable[[Broker, Trade], Trade]) -> Trade:
        def run() -> Trade:
            with self._one_at_a_time:
                trade = work(self._broker(db), trade_of(order))
                write_back(order, trade)
                return trade

        return await asyncio.to_thread(run)

    def _broker(self, db: Any) -> Broker:
        """The broker on a log; one for each."""
        if isinstance(db, Broker):
            return db
        path = log_path(db) if isinstance(db, str | Path) else None
        key: object = path.resolve() if path is not None else ("memory" if db is None or _is_text(db) else id(db))
        if key not in self._brokers:
            self._brokers[key] = Broker(log=None if key == "memory" else db, **self._options)
        return self._brokers[key]

    def close(self) -> None:
        """Close every log that was opened here."""
        with self._one_at_a_time:
            brokers, self._brokers = list(self._brokers.values()), {}
            for broker in brokers:
                broker.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.close)


def _is_text(db: object) -> bool:
    return isinstance(db, str | Path)


__all__ = ["OrderExecutor"]
