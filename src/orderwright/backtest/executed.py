"""What became of the orders of a run on the orders engine: how many ended how, and why some were refused.

An order is sent when its first request leaves for the exchange; one that our checks deny, or that is withdrawn while it
waits, never is. Exits of a bracket are orders too, but no wishes of their own: of two, the one that fills cancels the
other. So they are left out of the fill ratio.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from orderwright.core.model import DONE, Order, OrderStatus

MOST_REFUSALS = 1_000
_KEEP = 1_000
_REFUSED = frozenset({OrderStatus.DENIED, OrderStatus.REJECTED})


class Refused(NamedTuple):
    """An order that our checks (denied) or the exchange (rejected) would not have. time: microseconds."""

    time: int
    symbol: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Executed:
    """ended: by final status (filled, cancelled, expired, rejected, denied), how many orders; live: how many of those
    sent had not ended. fill_ratio: the mean of what was filled of what was asked for, over the orders that were sent
    and have ended, exits left out; NaN of none. refused: the first thousand; codes: of all of them, by code. arrival:
    float64[m], the middle of the market at the decision of each fill's order, quote units; NaN where unknown.
    """

    ended: Mapping[str, int] = field(default_factory=dict)
    live: int = 0
    fill_ratio: float = float("nan")
    refused: tuple[Refused, ...] = ()
    codes: Mapping[str, int] = field(default_factory=dict)
    arrival: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))


class _End(NamedTuple):
    status: OrderStatus
    ratio: float | None


class Tally:
    """Counts orders as they end. One that has ended otherwise after all (a late fill) is counted again."""

    def __init__(self) -> None:
        self.refused: list[Refused] = []
        self.codes: Counter[str] = Counter()
        self._ended: Counter[OrderStatus] = Counter()
        self._asked, self._filled = 0, 0.0
        self._newest: dict[str, _End] = {}

    def __call__(self, order: Order) -> None:
        order_id, status = order.order_id, order.status
        before = self._newest.pop(order_id, None)
        if before is not None:
            self._count(before, -1)
        elif status in _REFUSED:
            self.refuse(order)
        if order.submitted_at is None and status is not OrderStatus.DENIED:
            return  # withdrawn before it left
        end = self._newest[order_id] = _End(status, _ratio(order))
        self._count(end, 1)
        if len(self._newest) > _KEEP:
            del self._newest[next(iter(self._newest))]

    def refuse(self, order: Order) -> None:
        """Note why."""
        why = str(order.status)
        self.codes[order.code or why] += 1
        if len(self.refused) < MOST_REFUSALS:
            said, time = order.instruction, order.updated_at or order.created_at
            self.refused.append(Refused(time, said.symbol, order.code or why, order.reason or why))

    def _count(self, end: _End, sign: int) -> None:
        self._ended[end.status] += sign
        if end.ratio is not None:
            self._asked += sign
            self._filled += sign * end.ratio

    def close(self, orders: Iterable[Order], arrival: NDArray[np.float64]) -> Executed:
        """What has come of all. orders: those that live."""
        sent = [order for order in orders if order.status not in DONE and order.submitted_at is not None]
        for order in sent:  # it had reached the exchange after all
            if (before := self._newest.pop(order.order_id, None)) is not None:
                self._count(before, -1)
        return Executed(
            ended={str(status): count for status, count in sorted(self._ended.items()) if count},
            live=len(sent),
            fill_ratio=self._filled / self._asked if self._asked else float("nan"),
            refused=tuple(self.refused),
            codes=dict(self.codes.most_common()),
            arrival=arrival,
        )


def _ratio(order: Order) -> float | None:
    """What has filled of what was asked for; None of an exit, and of what was never sent."""
    if order.submitted_at is None or order.instruction.parent_id:
        return None
    if order.status is OrderStatus.FILLED:
        return 1.0
    return float(order.filled) / float(order.quantity) if order.filled else 0.0


__all__ = ["MOST_REFUSALS", "Executed", "Refused", "Tally"]
