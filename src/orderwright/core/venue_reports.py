"""Reports: the venue's word about one order. See messages.py; reports.py is what becomes of them."""

from __future__ import annotations

from decimal import Decimal

from orderwright.core.message import Message
from orderwright.core.model import (
    Execution,
    OrderStatus,
)
from orderwright.core.numbers import ZERO


class Report(Message):
    """The base of reports: about which order, and the venue's time in microseconds."""

    order_id: str
    time: int


class AckReport(Report):
    """The venue has the order (request 0)."""

    exchange_order_id: str = ""


class RejectReport(Report):
    """The venue refused request `number`: 0 is the order itself, another is a cancel or a replace.

    final_status: what the order has ended as, where that is why a cancel or a replace was refused.
    """

    number: int = 0
    code: str = ""
    message: str = ""
    final_status: OrderStatus | None = None


class PendingReport(Report):
    """The venue is working on request `number`, a cancel or a replace."""

    number: int


class FillReport(Report):
    execution: Execution
    exchange_order_id: str = ""


class CorrectReport(Report):
    """The venue changed a trade: `execution` stands for the one whose id is `corrects`."""

    corrects: str
    execution: Execution


class BustReport(Report):
    """The venue cancelled a trade."""

    execution_id: str


class ReplacedReport(Report):
    """Request `number` is done; quantity and prices are the order's new ones, None where unchanged."""

    number: int
    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None


class RestateReport(Report):
    """The venue changed the order unasked."""

    quantity: Decimal | None = None
    price: Decimal | None = None


class TriggerReport(Report):
    """A stop or take-profit price was reached."""


class EndReport(Report):
    """The order has ended at the venue as `status`, asked for or not. cumulative is what the venue says has
    filled."""

    status: OrderStatus
    cumulative: Decimal | None = None
    code: str = ""
    message: str = ""


class StatusReport(Report):
    """The venue's answer to a question: the order stands like this."""

    status: OrderStatus
    cumulative: Decimal = ZERO
    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    exchange_order_id: str = ""


class UnreachableReport(Report):
    """No answer to request `number`: whether it was carried out is not known."""

    number: int
    message: str = ""


class NotSentReport(Report):
    """Request `number` certainly never left this process."""

    number: int
    message: str = ""


class NotFoundReport(Report):
    """Asked at `asked_at`, the venue's order query, history and trades all did not know the order."""

    asked_at: int
