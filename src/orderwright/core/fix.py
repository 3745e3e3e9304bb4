"""Our statuses in the words of FIX: the OrdStatus (tag 39) that a venue would report of an order.

The two differ in one thing. Our status says what we have asked for as soon as that is durable; OrdStatus says what
the venue has taken up, so a cancel or a replace is pending there only once the venue has said so.

| ours | OrdStatus |
| --- | --- |
| SUBMITTED, UNKNOWN | PendingNew |
| OPEN | New |
| PARTIALLY_FILLED, FILLED | PartiallyFilled, Filled |
| PENDING_CANCEL, PENDING_REPLACE | PendingCancel, PendingReplace; before the venue has said so, what the fills say |
| an end that waits for its fills | Canceled, Expired, Rejected at once |
| CANCELLED, EXPIRED, REJECTED | Canceled, Expired, Rejected |
| PENDING, DENIED | none: the venue has never heard of it |
"""

from __future__ import annotations

from orderwright.core.model import DONE, Order, OrderStatus

_ENDED = {
    OrderStatus.CANCELLED: "Canceled",
    OrderStatus.EXPIRED: "Expired",
    OrderStatus.REJECTED: "Rejected",
    OrderStatus.FILLED: "Filled",
}


def fix_status(order: Order) -> str | None:
    """The FIX OrdStatus of an order; None for one that never left."""
    if not order.requests or order.status is OrderStatus.DENIED:
        return None
    if order.status in DONE:
        return _ENDED[order.status]
    if order.ending is not None:
        return _ENDED[order.ending]
    pending = {request.kind for request in order.requests if request.state == "pending"}
    if pending:
        return "PendingCancel" if "cancel" in pending else "PendingReplace"
    if order.filled:
        return "Filled" if order.filled >= order.quantity else "PartiallyFilled"
    return "PendingNew" if order.requests[0].in_flight else "New"
