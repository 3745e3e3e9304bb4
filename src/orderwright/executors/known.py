"""What is known of an order at an exchange: its ids, how it stands, and what has filled.

- It goes by our id, and by the exchange's as soon as an answer has told it. Later answers have to be about one of the
  two. An executor that wants the exchange's is asked under it: while the process runs it has moved the trade's
  `order_id` itself, after a restart that shows when ours is denied.
- A trade that is told again with another quantity, price, fee or side of the book is a correction of it. It is told
  once, with an id that follows from the trade's, `e1~2`, then `e1~3`, so that the same numbers change nothing, before
  or after a restart. Another time alone is none: some exchanges stamp a trade when they are asked.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping

from msgspec import structs

from orderwright.core.model import Execution, Order
from orderwright.core.numbers import EXACT, ZERO, fits
from orderwright.errors import Unreachable
from orderwright.executors.cumulative import is_cumulative, record_of
from orderwright.executors.status import Status
from orderwright.executors.trade import Trade

CORRECTED = "~"
Told = tuple[str, Execution]


class Known:
    """What was told of an order so far.

    order_id: ours. exchange_order_id: the exchange's, "" until it is told. other_id: what else it is asked under while
    it is not known which of the two the executor wants. booked and quote: what the told executions add up to, in base
    and quote units. cumulative: whether its fills are booked from cumulative figures. claimed: the largest figure that
    was reported. asked_at: microseconds.
    """

    def __init__(self, order_id: str, trade: Trade, asked_at: int) -> None:
        self.order_id, self.trade, self.asked_at = order_id, trade, asked_at
        self.exchange_order_id = self.other_id = ""
        self.booked = self.quote = self.claimed = ZERO
        self.acknowledged = self.cumulative = False
        self._names: set[str] = set()
        self._trades: dict[str, list[Execution]] = {}  # by the exchange's id: as it was told first, and its corrections
        self._ids: set[str] = set()

    def restore(self, order: Order) -> None:
        """What the log says of the order: its fills, and the exchange's id."""
        self.exchange_order_id = self.other_id = order.exchange_order_id
        self._names = {order.exchange_order_id} - {""}
        self._ids = set(order.executions)
        for execution in order.executions.values():
            if execution is not None:
                self._book(_first_id(execution.execution_id, order.executions), execution)

    # How it stands

    def hear(self, status: Status, *, renames: bool = False) -> None:
        """Take in an answer. renames: it may bring a new id. Raises Unreachable for one about another order."""
        said = status.order_id
        if not (renames or self._is_about_it(status)):
            raise Unreachable(f"the answer is about another order: {said}")
        self._names |= {said} - {""}
        moved = self.trade.order_id if self.trade.order_id != self.order_id else ""
        self.exchange_order_id = moved or status.exchange_order_id or self._theirs(said) or self.exchange_order_id
        self.trade = copy.copy(self.trade)  # the executor may have kept the one that it was handed
        self.trade.take(status.to(order_id="", exchange_order_id=self.exchange_order_id))

    def _is_about_it(self, status: Status) -> bool:
        """Whether an answer may be about this order. Until one has named it, the exchange's id for it is not known."""
        if status.exchange_order_id and status.exchange_order_id == self.exchange_order_id:
            return True
        known = self._names | {self.trade.order_id, self.exchange_order_id}
        return not self._names or not self._theirs(status.order_id) or status.order_id in known

    def _theirs(self, said: str) -> str:
        """The id in an answer, where it is neither ours nor that of one of our requests."""
        ours = said == self.order_id or (len(said) == 32 and said[:30] == self.order_id)
        return "" if ours else said

    # What has filled

    def see(self, executions: Iterable[Execution]) -> list[Told]:
        """What is new in the trades that are told: (the id that it corrects, else "", execution)."""
        return [told for execution in executions if (told := self._see(execution)) is not None]

    def take_figure(self, status: Status) -> None:
        """Make the record of what a status has filled beyond what is booked, where there is such a thing."""
        record = record_of(self.order_id, status, self.booked, self.quote)
        if record is not None:
            self._book(record.execution_id, record)

    def told(self) -> Iterator[Told]:
        """All that can be booked of its fills, in the order in which each follows from the one before."""
        for chain in self._trades.values():
            corrects = ""
            for execution in filter(_is_possible, chain):
                yield corrects, execution
                corrects = execution.execution_id

    def _see(self, execution: Execution) -> Told | None:
        first = execution.execution_id
        chain = self._trades.get(first, [])
        if first in self._ids and not (chain and _is_news(chain[-1], execution)):
            return None
        name = self._next_id(first)
        if chain and not _is_possible(chain[-1]):
            name = chain.pop().execution_id  # the book has parked it: there is nothing to correct
        corrects = chain[-1].execution_id if chain else ""
        corrected = structs.replace(execution, execution_id=name)
        if chain and _is_possible(corrected):
            self._count(chain[-1], -1)
        self._book(first, corrected)
        return corrects, corrected

    def _next_id(self, first: str) -> str:
        name, number = first, 1
        while name in self._ids:
            number += 1
            name = f"{first}{CORRECTED}{number}"
        return name

    def _book(self, first: str, execution: Execution) -> None:
        self._trades.setdefault(first, []).append(execution)
        self._ids.add(execution.execution_id)
        self.cumulative = self.cumulative or is_cumulative(execution)
        if _is_possible(execution):
            self._count(execution, 1)

    def _count(self, execution: Execution, sign: int) -> None:
        quantity = EXACT.multiply(execution.quantity, sign)
        self.booked = EXACT.add(self.booked, quantity)
        self.quote = EXACT.add(self.quote, EXACT.multiply(quantity, execution.price))


def _first_id(execution_id: str, executions: Mapping[str, Execution | None]) -> str:
    """The exchange's own id of an execution that is booked: a corrected one stands in the log without its numbers."""
    first, _, number = execution_id.rpartition(CORRECTED)
    return first if number.isdigit() and first in executions and executions[first] is None else execution_id


def _is_news(last: Execution, told: Execution) -> bool:
    """Whether a trade is told differently now, and either way of telling it can be booked."""
    if structs.replace(told, execution_id=last.execution_id, time=last.time) == last:
        return False
    return _is_possible(last) or _is_possible(told)


def _is_possible(execution: Execution) -> bool:
    """Whether the book takes it; it parks what it cannot book to the last digit."""
    numbers = (execution.quantity, execution.price, execution.fee)
    return all(fits(number) for number in numbers) and execution.quantity > 0 and execution.price > 0


__all__ = ["Known", "Told"]
