"""The record that stands for an exchange's cumulative figure.

Some APIs tell no trades, only how much has filled in all and at what average price. The difference between that figure
and what is booked then becomes one execution, "{order_id}-cum-{filled}":

- it says what the exchange says in sum, and is no trade of its own: two trades may be in it, and their times are not
  told;
- its quantity is the difference, exactly; its price is what the difference cost, to as many places as keep its value
  at 18 places. What that leaves over comes with the next one;
- it has no fee, since none was told;
- its id follows from the figure, so the same figure is never booked twice, before or after a restart;
- once an order has such a record, trades that are told of it later are left out: they are in the figures already;
- a figure without a price makes no record, and neither does one that is not above what is booked, in base or in quote.
"""

from __future__ import annotations

from decimal import Decimal

from orderwright.core.model import Execution
from orderwright.core.numbers import EXACT, PLACES, ROUNDED, canonical, rounded, text
from orderwright.executors.status import Status

CUMULATIVE = "-cum-"


def is_cumulative(execution: Execution) -> bool:
    """Whether an execution stands for an exchange's cumulative figure, and is no trade of its own."""
    return CUMULATIVE in execution.execution_id


def record_of(order_id: str, status: Status, booked: Decimal, booked_quote: Decimal) -> Execution | None:
    """The record of what a status has filled beyond what is booked. booked and booked_quote: base and quote units."""
    filled, quote = status.filled_quantity, status.filled_quote
    if quote is None and status.average_price is not None:
        quote = EXACT.multiply(status.average_price, filled)
    quantity = canonical(EXACT.subtract(filled, booked))
    if quantity <= 0 or quote is None:
        return None
    exponent = quantity.as_tuple().exponent
    assert isinstance(exponent, int), "a quantity is finite"
    price = rounded(ROUNDED.divide(EXACT.subtract(quote, booked_quote), quantity), PLACES + exponent)
    if price <= 0:
        return None
    return Execution(
        execution_id=f"{order_id}{CUMULATIVE}{text(filled)}",
        quantity=quantity,
        price=canonical(price),
        time=status.time,
    )
