"""The table of an order's life: which event may come in which status, and where it may lead.

The awkward real cases are rows of it, with a note. An event that the table does not have is a bug of ours and changes
nothing (`orderwright.core.lifecycle.apply`). The picture in docs/order_states.md is drawn from it.
"""

from __future__ import annotations

from typing import NamedTuple

from orderwright.core import messages as m
from orderwright.core.model import LIVE, WORKING, OrderStatus

PENDING, SUBMITTED, UNKNOWN = OrderStatus.PENDING, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN
OPEN, PARTIALLY_FILLED = OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED
PENDING_CANCEL, PENDING_REPLACE = OrderStatus.PENDING_CANCEL, OrderStatus.PENDING_REPLACE
FILLED, CANCELLED, EXPIRED = OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED
REJECTED, DENIED = OrderStatus.REJECTED, OrderStatus.DENIED

IN_FLIGHT = frozenset({SUBMITTED, UNKNOWN})
FILLING = frozenset({OPEN, PARTIALLY_FILLED})
CHANGING = frozenset({PENDING_CANCEL, PENDING_REPLACE})
CUT_SHORT = frozenset({CANCELLED, EXPIRED})
UNSENT_DONE = frozenset({REJECTED, DENIED})
SAME: frozenset[OrderStatus] = frozenset()


class Row(NamedTuple):
    """`event` may come in each of `before` and leave the status as it is or lead to one of `after`."""

    event: type[m.OrderEvent]
    before: frozenset[OrderStatus]
    after: frozenset[OrderStatus]
    note: str = ""


def _set(*statuses: OrderStatus) -> frozenset[OrderStatus]:
    return frozenset(statuses)


ROWS: tuple[Row, ...] = (
    # before it leaves
    Row(m.OrderReceived, SAME, _set(PENDING, SUBMITTED), "waits (for a time, an approval), or leaves at once"),
    Row(m.OrderDenied, _set(PENDING), _set(DENIED), "our checks refused it"),
    Row(m.OrderWithdrawn, _set(PENDING), CUT_SHORT, "cancelled or expired while it waited"),
    Row(m.OrderDelayed, _set(PENDING), SAME, "this second's orders are used up, or it is approved before its time"),
    # requests
    Row(m.RequestSubmitted, _set(PENDING), _set(SUBMITTED), "the wait is over"),
    Row(m.RequestSubmitted, FILLING, CHANGING, "a cancel or a replace"),
    Row(m.RequestSubmitted, IN_FLIGHT, CHANGING, "it may cross the acknowledgement"),
    Row(
        m.RequestSubmitted,
        _set(PENDING_REPLACE),
        _set(PENDING_CANCEL),
        "two replaces, or a replace and a cancel, are out",
    ),
    Row(m.RequestSubmitted, _set(FILLED), _set(PENDING_REPLACE), "FIX J.1.a: replaced upwards after it filled"),
    Row(m.RequestPending, CHANGING, SAME, "the venue is working on it"),
    Row(m.RequestRefused, CHANGING, FILLING, "back to what the fills say"),
    Row(m.RequestRefused, CHANGING, _set(FILLED), "refused because the order had filled"),
    Row(m.RequestRefused, CHANGING, IN_FLIGHT, "refused before the order was acknowledged"),
    Row(m.RequestRefused, _set(PENDING_CANCEL), _set(PENDING_REPLACE), "a replace is still out"),
    Row(m.RequestUnknown, _set(SUBMITTED), _set(UNKNOWN), "a time-out is not a failure"),
    Row(m.RequestUnknown, CHANGING, SAME, "an unknown cancel or replace shows as pending"),
    Row(m.RequestAsked, CHANGING | {UNKNOWN}, SAME),
    Row(m.RequestNotFound, CHANGING | {UNKNOWN}, SAME, "one denial is not yet proof"),
    Row(m.RequestDead, IN_FLIGHT, UNSENT_DONE, "the new order never reached the venue, or was not sent"),
    Row(m.RequestDead, CHANGING, UNSENT_DONE, "the new order did not, and so nor did what was to change it"),
    Row(m.RequestDead, CHANGING, IN_FLIGHT | FILLING | {FILLED}, "a cancel or a replace did not"),
    Row(m.RequestDead, _set(PENDING_CANCEL), _set(PENDING_REPLACE), "a replace is still out"),
    # the venue's word
    Row(m.OrderAccepted, IN_FLIGHT, _set(OPEN)),
    Row(m.OrderAccepted, WORKING | CUT_SHORT | {FILLED}, SAME, "the acknowledgement came after a fill, or twice"),
    Row(m.OrderAccepted, UNSENT_DONE, _set(OPEN), "it had reached the venue after all"),
    Row(m.OrderRejected, IN_FLIGHT | CHANGING | {OPEN}, _set(REJECTED)),
    Row(m.OrderTriggered, IN_FLIGHT, _set(OPEN), "a trigger is an acknowledgement too"),
    Row(m.OrderTriggered, WORKING | CUT_SHORT | {FILLED}, SAME, "it may come after the fill it caused"),
    Row(m.OrderTriggered, UNSENT_DONE, _set(OPEN), "it had reached the venue after all"),
    Row(m.OrderFilled, _set(OPEN), _set(PARTIALLY_FILLED, FILLED)),
    Row(m.OrderFilled, _set(PARTIALLY_FILLED), _set(FILLED)),
    Row(m.OrderFilled, IN_FLIGHT, _set(PARTIALLY_FILLED, FILLED), "a fill may overtake the acknowledgement"),
    Row(m.OrderFilled, FILLING, CUT_SHORT, "the fill that an announced end was waiting for"),
    Row(m.OrderFilled, CHANGING, SAME, "pending outranks filled until it is answered"),
    Row(m.OrderFilled, CUT_SHORT, _set(FILLED), "a late fill counts; only the last one changes the status"),
    Row(m.OrderFilled, _set(FILLED), SAME, "an overfill counts"),
    Row(m.OrderFilled, UNSENT_DONE, _set(PARTIALLY_FILLED, FILLED), "a fill proves that it had reached the venue"),
    Row(m.FillCorrected, CHANGING, SAME, "FIX J.1: quantities and prices of trades change"),
    Row(m.FillCorrected, _set(PARTIALLY_FILLED), _set(FILLED)),
    Row(m.FillCorrected, CUT_SHORT, _set(FILLED)),
    Row(m.FillCorrected, _set(FILLED), CUT_SHORT | {PARTIALLY_FILLED}, "a filled order may come back to life"),
    Row(m.FillBusted, CHANGING | CUT_SHORT, SAME, "FIX J.1.b: a cancelled order stays cancelled"),
    Row(m.FillBusted, _set(PARTIALLY_FILLED), _set(OPEN)),
    Row(m.FillBusted, _set(FILLED), CUT_SHORT | FILLING, "FIX J.1.a: a filled order may come back to life"),
    Row(m.OrderReplaced, _set(PENDING_REPLACE), FILLING | {FILLED}, "FIX C.3.b: replaced down to what has filled"),
    Row(m.OrderReplaced, _set(PENDING_CANCEL), SAME, "a cancel is still out"),
    Row(m.OrderReplaced, _set(OPEN), SAME, "told late: it had been refused or given up"),
    Row(m.OrderReplaced, IN_FLIGHT, _set(OPEN), "told late: it had been refused or given up"),
    Row(m.OrderReplaced, _set(PARTIALLY_FILLED), _set(FILLED), "told late: it had been refused or given up"),
    Row(m.OrderReplaced, _set(FILLED), CUT_SHORT | {PARTIALLY_FILLED}, "told late: it had been refused or given up"),
    Row(m.OrderReplaced, CUT_SHORT, _set(FILLED), "told late: it had been refused or given up"),
    Row(m.OrderReplaced, UNSENT_DONE, _set(OPEN), "it had reached the venue after all"),
    Row(m.OrderRestated, CHANGING | {OPEN}, SAME, "the venue changed it unasked"),
    Row(m.OrderRestated, IN_FLIGHT, _set(OPEN)),
    Row(m.OrderRestated, _set(PARTIALLY_FILLED), _set(FILLED)),
    Row(m.OrderRestated, _set(FILLED), CUT_SHORT | {PARTIALLY_FILLED}),
    Row(m.OrderRestated, CUT_SHORT, _set(FILLED)),
    Row(m.OrderRestated, UNSENT_DONE, _set(OPEN), "it had reached the venue after all"),
    Row(m.OrderEnded, LIVE, CUT_SHORT, "unasked too (FIX E.1.b)"),
    Row(m.OrderEnded, IN_FLIGHT | CHANGING | {OPEN}, _set(REJECTED)),
    Row(m.OrderEnded, CHANGING, _set(FILLED), "what would have changed it came too late"),
    Row(m.OrderEnded, IN_FLIGHT, _set(OPEN), "the end is known, but its fills have not all come"),
    Row(m.OrderEnded, CHANGING, FILLING, "the end is known, but its fills have not all come"),
    Row(m.OrderEnded, CUT_SHORT, FILLING, "more had filled than it first said"),
    Row(m.OrderEnded, UNSENT_DONE, _set(OPEN), "it had reached the venue after all, and filled"),
    Row(m.OrderEnded, _set(FILLED), SAME, "said twice"),
    Row(m.GapSeen, WORKING | {FILLED}, SAME, "trades are fetched; no fill is made up"),
    Row(m.GapSeen, CUT_SHORT, FILLING, "it waits for the fills that have come to light"),
    Row(m.CancelWanted, LIVE, SAME, "the log was taken over, or it did not arrive: it leaves as soon as it may"),
    Row(m.OrderLingered, FILLING, SAME, "a rule was due and could do nothing"),
    Row(m.OrderJoined, LIVE | {PENDING}, SAME, "an order has come into its group"),
    Row(m.TrailStarted, FILLING, SAME, "the market was at its activation price"),
    Row(m.TradesAsked, WORKING, SAME, "what was fetched got lost, or the venue's trades lag behind its claim"),
)


def _table() -> dict[type[m.OrderEvent], dict[OrderStatus, frozenset[OrderStatus]]]:
    table: dict[type[m.OrderEvent], dict[OrderStatus, frozenset[OrderStatus]]] = {}
    for row in ROWS:
        by_status = table.setdefault(row.event, {})
        for before in row.before:
            by_status[before] = by_status.get(before, frozenset({before})) | row.after
    return table


TABLE = _table()


def allowed(status: OrderStatus, event: type[m.OrderEvent]) -> bool:
    """Whether the table has this event in this status."""
    return status in TABLE[event]
