"""The lifecycle: what its table promises, and the awkward real cases as scenarios that a trader can read."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwright.core import messages as m
from orderwright.core.lifecycle import TABLE, IllegalTransition, apply, received, standing, status_of
from orderwright.core.model import DONE, LIVE, Order, OrderStatus
from orderwright.core.numbers import ZERO
from orderwright.core.reasons import Reason
from tests.builders import NOW, a_limit_buy, an_execution, an_id
from tests.core.scenarios import play, tables

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
        if order.status in DONE:
            assert (order.leaves, order.exposed, order.reserved) == (ZERO, ZERO, ZERO)
            assert not any(request.in_flight for request in order.requests)
        elif order.ending is None:
            assert order.filled + order.leaves == max(order.quantity, order.filled)
        else:
            assert order.filled + order.leaves == order.reported
        if order.status in LIVE:
            assert order.exposed >= order.leaves
            assert order.reserved >= order.exposed * order.unit_cost


# The awkward real cases

AWKWARD = """
    A fill overtakes its acknowledgement
    said      | status           | filled | leaves | events         | actions
    submit 10 | submitted        | 0      | 10     | order_received | send
    fill a 4  | partially_filled | 4      | 6      | order_filled   |
    ack V1    | partially_filled | 4      | 6      | order_accepted |
    ack V1    | partially_filled | 4      | 6      |                |
    fill b 6  | filled           | 10     | 0      | order_filled   |
    ack V1    | filled           | 10     | 0      |                |

    A fill is reported twice, and once more with other numbers
    said      | status           | filled | leaves | events         | actions
    submit 10 | submitted        | 0      | 10     | order_received | send
    ack       | open             | 0      | 10     | order_accepted |
    fill a 4  | partially_filled | 4      | 6      | order_filled   |
    fill a 4  | partially_filled | 4      | 6      |                |
    fill a 5  | partially_filled | 4      | 6      | report_parked  | alert

    An order fills after it was cancelled
    said            | status         | filled | leaves | events            | actions
    submit 10       | submitted      | 0      | 10     | order_received    | send
    ack             | open           | 0      | 10     | order_accepted    |
    cancel          | pending_cancel | 0      | 10     | request_submitted | send cancel
    end cancelled 0 | cancelled      | 0      | 0      | order_ended       |
    fill a 4        | cancelled      | 4      | 0      | order_filled      |
    fill b 6        | filled         | 10     | 0      | order_filled      |

    A cancel is refused because the order filled
    said            | status         | filled | leaves | events            | actions
    submit 10       | submitted      | 0      | 10     | order_received    | send
    ack             | open           | 0      | 10     | order_accepted    |
    cancel          | pending_cancel | 0      | 10     | request_submitted | send cancel
    fill a 10       | pending_cancel | 10     | 0      | order_filled      |
    refuse 1 filled | filled         | 10     | 0      | request_refused   |

    A cancel is refused because the order filled, and its fills come later
    said             | status         | filled | leaves | events            | actions
    submit 10        | submitted      | 0      | 10     | order_received    | send
    ack              | open           | 0      | 10     | order_accepted    |
    cancel           | pending_cancel | 0      | 10     | request_submitted | send cancel
    refuse 1 filled  | open           | 0      | 10     | request_refused   | ask
    status filled 10 | open           | 0      | 10     | order_ended       | fetch
    fill a 10        | filled         | 10     | 0      | order_filled      |

    A cancel crosses the acknowledgement
    said            | status         | filled | leaves | events            | actions
    submit 10       | submitted      | 0      | 10     | order_received    | send
    cancel          | pending_cancel | 0      | 10     | request_submitted | send cancel
    cancel          | pending_cancel | 0      | 10     |                   | already_cancelling
    ack             | pending_cancel | 0      | 10     | order_accepted    |
    pending 1       | pending_cancel | 0      | 10     | request_pending   |
    end cancelled 0 | cancelled      | 0      | 0      | order_ended       |
    cancel          | cancelled      | 0      | 0      |                   | not_open

    A cancel crosses the rejection
    said      | status         | filled | leaves | events            | actions
    submit 10 | submitted      | 0      | 10     | order_received    | send
    cancel    | pending_cancel | 0      | 10     | request_submitted | send cancel
    reject    | rejected       | 0      | 0      | order_rejected    |
    refuse 1  | rejected       | 0      | 0      |                   |

    Two replaces are out; the second is answered first
    said       | status           | filled | leaves | events            | actions
    submit 10  | submitted        | 0      | 10     | order_received    | send
    ack        | open             | 0      | 10     | order_accepted    |
    replace 12 | pending_replace  | 0      | 10     | request_submitted | send replace
    replace 8  | pending_replace  | 0      | 10     | request_submitted | send replace
    replaced 2 | pending_replace  | 0      | 8      | order_replaced    |
    fill a 7   | pending_replace  | 7      | 1      | order_filled      |
    refuse 1   | partially_filled | 7      | 1      | request_refused   |
    fill b 1   | filled           | 8      | 0      | order_filled      |

    A replace down to what has filled meanwhile
    said       | status          | filled | leaves | events            | actions
    submit 10  | submitted       | 0      | 10     | order_received    | send
    ack        | open            | 0      | 10     | order_accepted    |
    replace 7  | pending_replace | 0      | 10     | request_submitted | send replace
    fill a 7   | pending_replace | 7      | 3      | order_filled      |
    replaced 1 | filled          | 7      | 0      | order_replaced    |

    A replace whose answer was lost, told by what has filled
    said         | status          | filled | leaves | events                      | actions
    submit 10    | submitted       | 0      | 10     | order_received              | send
    ack          | open            | 0      | 10     | order_accepted              |
    replace 7    | pending_replace | 0      | 10     | request_submitted           | send replace
    fill a 7     | pending_replace | 7      | 3      | order_filled                |
    end filled 7 | filled          | 7      | 0      | order_replaced, order_ended |

    A filled order is replaced upwards
    said       | status           | filled | leaves | events            | actions
    submit 10  | submitted        | 0      | 10     | order_received    | send
    fill a 10  | filled           | 10     | 0      | order_filled      |
    replace 12 | pending_replace  | 10     | 0      | request_submitted | send replace
    replaced 1 | partially_filled | 10     | 2      | order_replaced    |
    fill b 2   | filled           | 12     | 0      | order_filled      |

    FILLED comes before the fills
    said          | status           | filled | leaves | events            | actions
    submit 10     | submitted        | 0      | 10     | order_received    | send
    end filled 10 | open             | 0      | 10     | order_ended       | fetch
    cancel        | pending_cancel   | 0      | 10     | request_submitted | send cancel
    end filled 10 | open             | 0      | 10     | order_ended       | fetch
    fill a 4      | partially_filled | 4      | 6      | order_filled      |
    fill b 6      | filled           | 10     | 0      | order_filled      |

    CANCELLED comes before the fills it counts
    said            | status           | filled | leaves | events            | actions
    submit 10       | submitted        | 0      | 10     | order_received    | send
    ack             | open             | 0      | 10     | order_accepted    |
    cancel          | pending_cancel   | 0      | 10     | request_submitted | send cancel
    end cancelled 4 | open             | 0      | 4      | order_ended       | fetch
    cancel          | open             | 0      | 4      |                   | not_open
    replace 12      | open             | 0      | 4      |                   | not_open
    fill a 3        | partially_filled | 3      | 1      | order_filled      |
    end cancelled 4 | partially_filled | 3      | 1      |                   | fetch
    fill b 1        | cancelled        | 4      | 0      | order_filled      |
    end cancelled 4 | cancelled        | 4      | 0      |                   |

    CANCELLED comes, and later the news that more had filled
    said            | status    | filled | leaves | events         | actions
    submit 10       | submitted | 0      | 10     | order_received | send
    ack             | open      | 0      | 10     | order_accepted |
    end cancelled   | cancelled | 0      | 0      | order_ended    |
    end cancelled 4 | open      | 0      | 4      | order_ended    | fetch
    fill a 4        | cancelled | 4      | 0      | order_filled   |

    A cancelled order turns out to have filled completely
    said             | status    | filled | leaves | events         | actions
    submit 10        | submitted | 0      | 10     | order_received | send
    ack              | open      | 0      | 10     | order_accepted |
    end cancelled    | cancelled | 0      | 0      | order_ended    |
    status filled 10 | open      | 0      | 10     | order_ended    | fetch
    fill a 10        | filled    | 10     | 0      | order_filled   |

    A rejected order fills
    said            | status           | filled | leaves | events         | actions
    submit 10       | submitted        | 0      | 10     | order_received | send
    reject          | rejected         | 0      | 0      | order_rejected |
    reject          | rejected         | 0      | 0      |                |
    fill a 4        | partially_filled | 4      | 6      | order_filled   |
    end cancelled 4 | cancelled        | 4      | 0      | order_ended    |

    A rejection overtakes the acknowledgement
    said          | status    | filled | leaves | events         | actions
    submit 10     | submitted | 0      | 10     | order_received | send
    reject        | rejected  | 0      | 0      | order_rejected |
    ack           | rejected  | 0      | 0      |                | ask
    status open 0 | open      | 0      | 10     | order_accepted |

    More fills than was asked for
    said      | status           | filled | leaves | events         | actions
    submit 10 | submitted        | 0      | 10     | order_received | send
    ack       | open             | 0      | 10     | order_accepted |
    fill a 8  | partially_filled | 8      | 2      | order_filled   |
    fill b 4  | filled           | 12     | 0      | order_filled   |

    A fill is corrected twice, and each correction reported twice
    said           | status           | filled | leaves | events         | actions
    submit 10      | submitted        | 0      | 10     | order_received | send
    ack            | open             | 0      | 10     | order_accepted |
    fill a 10      | filled           | 10     | 0      | order_filled   |
    correct a b 8  | partially_filled | 8      | 2      | fill_corrected |
    correct a b 8  | partially_filled | 8      | 2      |                |
    correct b c 10 | filled           | 10     | 0      | fill_corrected |
    correct a b 8  | filled           | 10     | 0      |                |
    correct a d 9  | filled           | 10     | 0      | report_parked  | alert
    fill a 10      | filled           | 10     | 0      |                |

    A fill is busted, and busted again
    said      | status           | filled | leaves | events         | actions
    submit 10 | submitted        | 0      | 10     | order_received | send
    ack       | open             | 0      | 10     | order_accepted |
    fill a 4  | partially_filled | 4      | 6      | order_filled   |
    fill b 6  | filled           | 10     | 0      | order_filled   |
    bust a    | partially_filled | 6      | 4      | fill_busted    |
    bust a    | partially_filled | 6      | 4      |                |
    bust z    | partially_filled | 6      | 4      | report_parked  | alert
    fill a 4  | partially_filled | 6      | 4      |                |
    fill c 4  | filled           | 10     | 0      | order_filled   |

    A fill is busted while the end waits for another
    said            | status           | filled | leaves | events         | actions
    submit 10       | submitted        | 0      | 10     | order_received | send
    fill a 4        | partially_filled | 4      | 6      | order_filled   |
    end cancelled 7 | partially_filled | 4      | 3      | order_ended    | fetch
    bust a          | open             | 0      | 3      | fill_busted    |
    fill b 3        | cancelled        | 3      | 0      | order_filled   |

    The venue changes the order unasked
    said      | status           | filled | leaves | events         | actions
    submit 10 | submitted        | 0      | 10     | order_received | send
    ack       | open             | 0      | 10     | order_accepted |
    fill a 4  | partially_filled | 4      | 6      | order_filled   |
    restate 6 | partially_filled | 4      | 2      | order_restated |
    restate 6 | partially_filled | 4      | 2      |                |
    restate 4 | filled           | 4      | 0      | order_restated |

    The venue cancels it unasked
    said          | status           | filled | leaves | events         | actions
    submit 10     | submitted        | 0      | 10     | order_received | send
    ack           | open             | 0      | 10     | order_accepted |
    fill a 4      | partially_filled | 4      | 6      | order_filled   |
    end cancelled | cancelled        | 4      | 0      | order_ended    |
    end cancelled | cancelled        | 4      | 0      |                |

    REJECTED with something filled is a cancel of the rest
    said           | status    | filled | leaves | events         | actions
    submit 10      | submitted | 0      | 10     | order_received | send
    end rejected 4 | open      | 0      | 4      | order_ended    | fetch
    fill a 4       | cancelled | 4      | 0      | order_filled   |

    A trigger is an acknowledgement too
    said      | status    | filled | leaves | events          | actions
    submit 10 | submitted | 0      | 10     | order_received  | send
    trigger   | open      | 0      | 10     | order_triggered |
    trigger   | open      | 0      | 10     |                 |
    ack       | open      | 0      | 10     | order_accepted  |
"""


@pytest.mark.parametrize("table", tables(AWKWARD), ids=lambda table: table[0])
def test_awkward_case(table: list[str]) -> None:
    assert play(table) == table
