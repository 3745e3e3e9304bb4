"""Events to changes again: a book's log through `evolve`, in memory that does not grow with the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orderwright.core import groups
from orderwright.core import messages as m
from orderwright.core.evolve import Changes, evolve
from orderwright.core.model import Order
from orderwright.core.recovery import order_from
from orderwright.core.state import State

Recall = Callable[[str, int], Sequence[m.AnyOrderEvent]]
"""(order id, sequence) -> the order's events before that sequence, oldest first"""


class Replay:
    """One book's private state. A finished order leaves it after a while, so one that an event still names is
    recalled. A group that is over leaves at once."""

    def __init__(self, book: str, recall: Recall) -> None:
        self.state = State(book=book)
        self._recall = recall

    def apply(self, event: m.AnyEvent) -> Changes:
        """The next event's changes. To be called in the decimal context EXACT."""
        state = self.state
        if isinstance(event, m.OrderReceived):
            if event.instruction.group and event.instruction.group not in state.groups:
                self._recall_kin(self._find(event.instruction.group))  # an exit, made where all others are over
        elif isinstance(event, m.OrderEvent):
            order = self._find(event.order_id)
            if order is not None and any(name not in state.groups for name in groups.names_of(order.instruction)):
                self._recall_kin(order)
        changes = evolve(state, event)
        if state.unsettled:
            groups.drop_over(state)
        return changes

    def _find(self, order_id: str) -> Order | None:
        state = self.state
        if (order := state.find(order_id)) is None and (events := self._recall(order_id, state.sequence + 1)):
            order = order_from(events)
            state.recall(order)
        return order

    def _recall_kin(self, order: Order | None) -> None:
        """Those of a group that has left memory: it will be put together anew."""
        if order is not None:
            groups.gathered(order, self._find)
