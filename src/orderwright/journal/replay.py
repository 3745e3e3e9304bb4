"""Events to changes again: a book's log through `evolve`, in memory that does not grow with the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orderwright.core import messages as m
from orderwright.core.evolve import Changes, evolve
from orderwright.core.recovery import order_from
from orderwright.core.state import State

Recall = Callable[[str, int], Sequence[m.AnyOrderEvent]]
"""(order id, sequence) -> the order's events before that sequence, oldest first"""


class Replay:
    """One book's private state. A finished order leaves it after a while, so one that an event still names is
    recalled."""

    def __init__(self, book: str, recall: Recall) -> None:
        self.state = State(book=book)
        self._recall = recall

    def apply(self, event: m.AnyEvent) -> Changes:
        """The next event's changes. To be called in the decimal context EXACT."""
        state = self.state
        if (
            isinstance(event, m.OrderEvent)
            and type(event) is not m.OrderReceived
            and state.find(event.order_id) is None
        ):
            state.recall(order_from(self._recall(event.order_id, state.sequence + 1)))
        return evolve(state, event)
