"""What was told of an order, and the record that stands for an exchange's cumulative figure.

Some APIs tell no trades, only how much has filled in all and at what average price. The difference between that figure
and what is booked then becomes one execution, "{order_id}-cum-{filled}":

- it says what the exchange says in sum, and is no trade of its own: two trades may be in it, and their times are not
  told;
- its quantity is the difference, exactly; its price is what the difference cost, to as many places as keep its value
  at 18 places. What that leaves over comes with the next one;
- it has no fee, since none was told;
- its id follows from the figure, so the same figure is never booked twice, before or after a restart;
- once an order has such a record, trades that are told of it later are left out: they are in the figures already;
- a figure without a price, or below what is booked, makes no record.
"""

from __future__ import annotations

from collections.abc import Iterable

from orderwright.core.model import Execution
from orderwright.core.numbers import EXACT, PLACES, ROUNDED, ZERO, canonical, rounded, text
from orderwright.executors.status import Status
from orderwright.executors.trade import Trade

CUMULATIVE = "-cum-"


def is_cumulative(execution: Execution) -> bool:
    """Whether an execution stands for an exchange's cumulative figure, and is no trade of its own."""
    return CUMULATIVE in execution.execution_id


class Known:
    """What was told of an order so far.

    booked and quote: what the told executions add up to, in base and quote units. records: those of them that stand for
    a cumulative figure. claimed: the largest figure that was reported. asked_at: microseconds.
    """

    def __init__(self, trade: Trade, asked_at: int) -> None:
        self.trade, self.asked_at = trade, asked_at
        self.executions: dict[str, Execution] = {}
        self.records: list[Execution] = []
        self.booked = self.quote = self.claimed = ZERO
        self.acknowledged = False

    @property
    def cumulative(self) -> bool:
        """Whether its fills are booked from cumulative figures."""
        return bool(self.records)

    def see(self, executions: Iterable[Execution]) -> None:
        """Trades that were told, and records that were booked before a restart."""
        for execution in executions:
            if execution.execution_id not in self.executions:
                self._book(execution)

    def take_figure(self, order_id: str, status: Status) -> None:
        """Make the record of what a status has filled beyond what is booked, where there is such a thing."""
        record = self._record(order_id, status)
        if record is not None:
            self._book(record)

    def _book(self, execution: Execution) -> None:
        self.executions[execution.execution_id] = execution
        self.booked = EXACT.add(self.booked, execution.quantity)
        self.quote = EXACT.add(self.quote, EXACT.multiply(execution.quantity, execution.price))
        if is_cumulative(execution):
            self.records.append(execution)

    def _record(self, order_id: str, status: Status) -> Execution | None:
        filled, quote = status.filled_quantity, status.filled_quote
        if quote is None and status.average_price is not None:
            quote = EXACT.multiply(status.average_price, filled)
        quantity = canonical(EXACT.subtract(filled, self.booked))
        if quantity <= 0 or quote is None or quote <= self.quote:
            return None
        exponent = quantity.as_tuple().exponent
        assert isinstance(exponent, int), "a quantity is finite"
        price = rounded(ROUNDED.divide(EXACT.subtract(quote, self.quote), quantity), PLACES + exponent)
        if price <= 0:
            return None
        return Execution(
            execution_id=f"{order_id}{CUMULATIVE}{text(filled)}",
            quantity=quantity,
            price=canonical(price),
            time=status.time,
        )
