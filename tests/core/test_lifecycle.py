"""The lifecycle: what its table promises, and the awkward real cases as scenarios that a trader can read."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwright.core import messages as m
from orderwright.core.lifecycle import ROWS, TABLE, IllegalTransition, apply, received, standing, status_of
from orderwright.core.model import DONE, IN_FLIGHT, LIVE, Order, OrderStatus
from orderwright.core.numbers import ZERO
from orderwright.core.reasons import Reason
from tests.builders import NOW, Harness, a_harness, a_limit_buy, an_execution, an_id

# The table, event by event


QUANTITIES = st.integers(1, 4).map(Decimal)
ENDS = st.sampled_from([OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.FILLED, OrderStatus.REJECTED])
CLAIMS = st.none() | st.integers(0, 12).map(Decimal)
KINDS = sorted(TABLE, key=m.kind_of)


def an_order(waits: bool) -> Order:
    """An order of 10 BTC that waits, or has just left."""
    return received(
        m.OrderReceived(
            time=NOW,
            order_id=an_id(),
            instruction=a_limit_buy(10, 100),
            exchange="simulated",
            quantity=Decimal(10),
            unit_cost=Decimal(100),
            reserved_asset="USDT",
            sign_at=None if waits else NOW,
            lifetime_ms=5_000,
            wait_for="time" if waits else "",
        )
    )


def fields_of(kind: type[m.OrderEvent], order: Order, draw: st.DrawFn) -> dict[str, Any] | None:
    """What an event of this kind may say about the order as it stands; None where nothing would make sense of it.

    Only what `decide` makes sure of is left out: numbers of requests that exist, executions that stand, ids that are
    new, and the venue's word only about an order that has left.
    """
    sent = range(len(order.requests))
    stand = [execution.execution_id for execution in standing(order.executions)]
    fresh = an_execution(draw(QUANTITIES), draw(st.integers(90, 110)), f"e{len(order.executions)}")
    if kind is m.OrderDenied:
        return {"reason": Reason.APPROVAL_DENIED, "rule": "denied"}
    if kind is m.OrderWithdrawn:
        return {"status": draw(st.sampled_from([OrderStatus.CANCELLED, OrderStatus.EXPIRED]))}
    if kind is m.OrderDelayed:
        return {"wait_until": NOW + 1}
    if kind is m.RequestSubmitted:
        what = draw(st.sampled_from(["replace", "cancel"])) if order.requests else "new"
        quantity = draw(QUANTITIES) * 4 if what == "replace" else None
        number = len(order.requests)
        fields = {"number": number, "request": what, "sign_at": NOW, "lifetime_ms": 5_000, "quantity": quantity}
        over = order.ending is not None or (order.status is OrderStatus.FILLED and what == "cancel")
        return None if over else fields
    if not order.requests:
        return {"number": 0} if kind not in NEEDS_REQUEST and order.status is OrderStatus.PENDING else None
    if kind in (m.RequestPending, m.RequestRefused):
        return {"number": draw(st.sampled_from(sent[1:]))} if len(sent) > 1 else None
    if kind in (m.RequestUnknown, m.RequestDead):
        flying = [request.number for request in order.requests if request.in_flight]
        if not flying:
            return None
        evidence = draw(st.sampled_from(["venue", "process", "operator"]))
        return {"number": draw(st.sampled_from(flying))} | ({"evidence": evidence} if kind is m.RequestDead else {})
    if kind in (m.RequestAsked, m.RequestNotFound):
        return {"number": draw(st.sampled_from(sent))}
    if kind is m.OrderRejected:
        return None if order.filled or order.reported else {}
    if kind is m.OrderFilled:
        return {"execution": fresh}
    if kind is m.FillCorrected:
        return {"corrects": draw(st.sampled_from(stand)), "execution": fresh} if stand else None
    if kind is m.FillBusted:
        return {"execution_id": draw(st.sampled_from(stand))} if stand else None
    if kind is m.OrderReplaced:
        replaces = [request.number for request in order.requests if request.kind == "replace"]
        return {"number": draw(st.sampled_from(replaces)), "quantity": draw(QUANTITIES) * 4} if replaces else None
    if kind is m.OrderRestated:
        return {"quantity": draw(QUANTITIES) * 4}
    if kind is m.OrderEnded:
        status, claimed = draw(ENDS), draw(CLAIMS)
        rejected = status is OrderStatus.REJECTED  # decide makes a cancel of it where something has filled
        return (
            None
            if rejected and (claimed or order.filled or order.reported)
            else {"status": status, "cumulative": claimed}
        )
    if kind is m.GapSeen:
        return {"cumulative": max(order.filled, order.reported) + draw(QUANTITIES)}
    return {}


NEEDS_REQUEST = frozenset(TABLE) - {m.OrderReceived}


@st.composite
def an_event(draw: st.DrawFn, order: Order) -> m.AnyOrderEvent | None:
    kind = draw(st.sampled_from(KINDS))
    if kind is m.OrderReceived:
        return None
    fields = fields_of(kind, order, draw)
    return None if fields is None else kind(time=NOW, order_id=an_id(), **fields)  # type: ignore[return-value]


@given(st.data(), st.booleans())
def test_any_run_of_events_keeps_to_the_table_and_to_the_sums(data: st.DataObject, waits: bool) -> None:
    order = an_order(waits)
    for _ in range(30):
        event = data.draw(an_event(order))
        if event is None:
            continue
        before, earlier = order.status, copy.deepcopy(order)
        if before not in TABLE[type(event)]:
            with pytest.raises(IllegalTransition):
                apply(order, event)
            assert order == earlier
            continue
        apply(order, event)

        executions = standing(order.executions)
        assert order.status in TABLE[type(event)][before]
        assert order.status is status_of(order)
        assert order.filled == sum(execution.quantity for execution in executions)
        assert order.filled_quote == sum(execution.quantity * execution.price for execution in executions)
        if order.status not in DONE:
            assert order.filled + order.leaves == max(order.quantity, order.filled)
        if order.status in DONE or order.status is OrderStatus.PENDING:
            assert (order.exposed, order.reserved, order.leaves) == (ZERO, ZERO, ZERO) or not order.requests
        if order.status in DONE and order.requests:
            assert not any(request.in_flight for request in order.requests)
        if order.status in LIVE and order.ending is None:
            assert order.exposed >= order.leaves
