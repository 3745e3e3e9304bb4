"""What an exchange has said, as the reports that the book reads."""

from __future__ import annotations

from orderwright.core import messages as m
from orderwright.core.model import Execution, OrderStatus
from orderwright.executors.known import Known
from orderwright.executors.status import Status


def standing(order_id: str, status: Status, time: int, known: Known | None) -> m.StatusReport:
    """The answer to a question: the order stands like this."""
    return m.StatusReport(
        order_id=order_id,
        time=time,
        status=_word(status),
        cumulative=status.filled_quantity,
        quantity=status.quantity,
        price=status.price,
        stop_price=status.stop_price,
        exchange_order_id=known.exchange_order_id if known is not None else status.exchange_order_id,
    )


def end(order_id: str, status: Status, time: int) -> m.EndReport:
    """The order has ended."""
    return m.EndReport(
        order_id=order_id,
        time=time,
        status=_word(status),
        cumulative=status.filled_quantity or None,
        code=status.code,
        message=status.error,
    )


def fill(known: Known, corrects: str, execution: Execution, now: int) -> m.FillReport | m.CorrectReport:
    """A trade, or the correction of one. now: microseconds, where the exchange does not say when it was."""
    order_id, time = known.order_id, execution.time or now
    if corrects:
        return m.CorrectReport(order_id=order_id, time=time, corrects=corrects, execution=execution)
    return m.FillReport(order_id=order_id, time=time, execution=execution, exchange_order_id=known.exchange_order_id)


def _word(status: Status) -> OrderStatus:
    """A refusal of the executor's own is one of the exchange's to the book."""
    return OrderStatus.REJECTED if status.status is OrderStatus.DENIED else status.status
