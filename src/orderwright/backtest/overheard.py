"""What is heard of a strategy's orders, and what is said of a strategy that raised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orderwright.core import messages as m
from orderwright.core.evolve import Changes
from orderwright.core.model import Order
from orderwright.core.transitions import TABLE
from orderwright.errors import OrderwrightError
from orderwright.market.times import iso
from orderwright.ports import Journal

TELLING = frozenset(TABLE) - {
    m.OrderReceived,
    m.OrderDelayed,
    m.RequestSubmitted,
    m.RequestPending,
    m.RequestUnknown,
    m.RequestAsked,
    m.RequestNotFound,
    m.OrderAccepted,
    m.OrderTriggered,
}
"""What fills an order or may end it."""


class StrategyError(OrderwrightError):
    """A strategy raised; its own error is the cause. strategy: its name. hook: which of its methods. symbol, bar, time:
    the bar's, its index and its close, microseconds (None before the first): the one that has just closed; in `on_fill`
    and `on_order`, the one in which it happened."""

    def __init__(self, strategy: str, hook: str, bar: Any, error: Exception) -> None:
        self.strategy, self.hook, self.symbol = strategy, hook, getattr(bar, "symbol", None)
        self.bar, self.time = getattr(bar, "index", None), getattr(bar, "time", None)
        where = "before the first bar" if bar is None else f"at bar {bar.index} of {bar.symbol} ({iso(bar.time)})"
        super().__init__(f"{strategy}.{hook} {where}: {type(error).__name__}: {error}")


class Overheard:
    """A journal, and who is told of each order's fills and ends. sent: how many orders have left for the exchange."""

    def __init__(self, journal: Journal, hear: Callable[[Any, Order], None]) -> None:
        self._journal, self._append, self._hear = journal, journal.append, hear
        self.write, self.commit = journal.write, journal.commit
        self.sent = 0

    def append(self, book: str, sequence: int, event: m.AnyEvent, changes: Changes) -> None:
        self._append(book, sequence, event, changes)
        kind = type(event)
        if kind in TELLING:
            if (order := changes.order) is not None:
                self._hear(event, order)
        elif kind is m.OrderReceived:
            self.sent += event.sign_at is not None  # type: ignore[union-attr]
        elif kind is m.RequestSubmitted:
            self.sent += event.number == 0  # type: ignore[union-attr]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


__all__ = ["TELLING", "Overheard", "StrategyError"]
