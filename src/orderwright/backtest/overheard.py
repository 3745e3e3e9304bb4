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

_TELLING = frozenset(TABLE) - {
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
    """A strategy raised; its own error is the cause. strategy: its name. bar: the index of the bar (None before the
    first). time: the bar's close, microseconds."""

    def __init__(self, strategy: str, method: str, bar: Any, error: Exception) -> None:
        self.strategy, self.bar, self.time = strategy, getattr(bar, "index", None), getattr(bar, "time", None)
        where = "before the first bar" if bar is None else f"at bar {bar.index} of {bar.symbol} ({iso(bar.time)})"
        super().__init__(f"{strategy}.{method} {where}: {type(error).__name__}: {error}")


class Overheard:
    """A journal, and who is told of each order's fills and ends."""

    def __init__(self, journal: Journal, hear: Callable[[Any, Order], None]) -> None:
        self._journal, self._append, self._hear = journal, journal.append, hear
        self.write, self.commit = journal.write, journal.commit

    def append(self, book: str, sequence: int, event: m.AnyEvent, changes: Changes) -> None:
        self._append(book, sequence, event, changes)
        if type(event) in _TELLING and (order := changes.order) is not None:
            self._hear(event, order)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


__all__ = ["Overheard", "StrategyError"]
