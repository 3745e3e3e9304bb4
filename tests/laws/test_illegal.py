"""No illegal transition changes anything: every event in every status where the lifecycle's table does not have it."""

import copy
from decimal import Decimal
from typing import Any

import pytest

from orderwright.core import lifecycle
from orderwright.core import messages as m
from orderwright.core.model import Order, OrderStatus
from orderwright.core.reasons import Reason
from orderwright.core.transitions import TABLE, allowed
from tests.builders import NOW, an_execution, an_id, an_instruction

S = OrderStatus
ORDER: dict[str, Any] = {"time": NOW, "order_id": an_id()}
RECEIVED: dict[str, Any] = {**ORDER, "instruction": an_instruction(), "exchange": "simulated", "quantity": Decimal(1)}
WAITING = m.OrderReceived(**RECEIVED, wait_for="approval")
SENT = m.OrderReceived(**RECEIVED, sign_at=NOW, lifetime_ms=5_000)
ACCEPTED = m.OrderAccepted(**ORDER)
CANCEL = m.RequestSubmitted(**ORDER, number=1, request="cancel", sign_at=NOW, lifetime_ms=5_000)
REPLACE = m.RequestSubmitted(
    **ORDER, number=1, request="replace", sign_at=NOW, lifetime_ms=5_000, quantity=Decimal(2), price=Decimal(100)
)

LIVES: dict[OrderStatus, list[Any]] = {
    S.PENDING: [WAITING],
    S.DENIED: [WAITING, m.OrderDenied(**ORDER, reason=Reason.HALTED)],
    S.SUBMITTED: [SENT],
    S.UNKNOWN: [SENT, m.RequestUnknown(**ORDER, number=0)],
    S.REJECTED: [SENT, m.OrderRejected(**ORDER)],
    S.OPEN: [SENT, ACCEPTED],
    S.PARTIALLY_FILLED: [SENT, m.OrderFilled(**ORDER, execution=an_execution("0.5"))],
    S.FILLED: [SENT, m.OrderFilled(**ORDER, execution=an_execution(1))],
    S.PENDING_CANCEL: [SENT, ACCEPTED, CANCEL],
    S.PENDING_REPLACE: [SENT, ACCEPTED, REPLACE],
    S.CANCELLED: [SENT, m.OrderEnded(**ORDER, status=S.CANCELLED)],
    S.EXPIRED: [SENT, m.OrderEnded(**ORDER, status=S.EXPIRED)],
}

EVENTS: list[Any] = [
    SENT,
    m.OrderDenied(**ORDER, reason=Reason.HALTED),
    m.OrderWithdrawn(**ORDER, status=S.CANCELLED),
    m.OrderDelayed(**ORDER, wait_until=NOW),
    CANCEL,
    m.RequestPending(**ORDER, number=1),
    m.RequestRefused(**ORDER, number=1),
    m.RequestUnknown(**ORDER, number=0),
    m.RequestAsked(**ORDER, number=0),
    m.RequestNotFound(**ORDER, number=0),
    m.RequestDead(**ORDER, number=0, evidence="venue"),
    ACCEPTED,
    m.OrderRejected(**ORDER),
    m.OrderTriggered(**ORDER),
    m.OrderFilled(**ORDER, execution=an_execution(1, 100, "other")),
    m.FillCorrected(**ORDER, corrects="e1", execution=an_execution(1, 100, "other")),
    m.FillBusted(**ORDER, execution_id="e1"),
    m.OrderReplaced(**ORDER, number=1, quantity=Decimal(2)),
    m.OrderRestated(**ORDER, quantity=Decimal(2)),
    m.OrderEnded(**ORDER, status=S.CANCELLED),
    m.GapSeen(**ORDER, cumulative=Decimal(1)),
    m.TradesAsked(**ORDER, ask_at=NOW),
    m.CancelWanted(**ORDER, cause="close"),
    m.OrderLingered(**ORDER, rule="chase"),
    m.OrderJoined(**ORDER, joined=an_id(2)),
    m.TrailStarted(**ORDER, price=Decimal(100)),
]
ILLEGAL = [(status, event) for status in OrderStatus for event in EVENTS if not allowed(status, type(event))]


def order_in(status: OrderStatus) -> Order:
    first, *rest = LIVES[status]
    order = lifecycle.received(first)
    for event in rest:
        lifecycle.apply(order, event)
    assert order.status is status
    return order


def test_there_is_an_order_in_every_status_and_an_event_of_every_kind() -> None:
    assert set(LIVES) == set(OrderStatus)
    assert {type(event) for event in EVENTS} == set(TABLE)


@pytest.mark.parametrize(("status", "event"), ILLEGAL, ids=lambda it: it if isinstance(it, str) else m.kind_of(it))
def test_an_event_that_the_table_does_not_have_changes_nothing(status: OrderStatus, event: Any) -> None:
    order = order_in(status)
    before = copy.deepcopy(order)

    with pytest.raises(lifecycle.IllegalTransition):
        lifecycle.apply(order, event)

    assert order == before
