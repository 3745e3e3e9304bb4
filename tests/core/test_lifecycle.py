"""The lifecycle: what its table promises, and the awkward real cases as scenarios that a trader can read."""

from __future__ import annotations

import contextlib
import copy
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from orderwright.core import messages as m
from orderwright.core.lifecycle import IllegalTransition, apply, received, settle_fully, standing, status_of
from orderwright.core.model import DONE, LIVE, SECOND, Order, OrderStatus
from orderwright.core.numbers import ZERO
from orderwright.core.reasons import Reason
from orderwright.core.transitions import ROWS, TABLE, allowed
from tests.builders import NOW, a_fill, a_harness, a_limit_buy, an_execution, an_id
from tests.core.any_venue import THIS, amounts, drive, words
from tests.core.scenarios import play, tables

# The table

EVENTS: list[m.AnyOrderEvent] = [
    m.OrderDenied(time=NOW, order_id=an_id(), reason=Reason.APPROVAL_DENIED),
    m.OrderWithdrawn(time=NOW, order_id=an_id(), status=OrderStatus.CANCELLED),
    m.OrderDelayed(time=NOW, order_id=an_id(), wait_until=NOW),
    m.CancelWanted(time=NOW, order_id=an_id(), cause="cancel"),
    m.RequestSubmitted(time=NOW, order_id=an_id(), number=1, request="cancel", sign_at=NOW, lifetime_ms=None),
    m.RequestPending(time=NOW, order_id=an_id(), number=0),
    m.RequestRefused(time=NOW, order_id=an_id(), number=0),
    m.RequestUnknown(time=NOW, order_id=an_id(), number=0),
    m.RequestAsked(time=NOW, order_id=an_id(), number=0),
    m.RequestNotFound(time=NOW, order_id=an_id(), number=0),
    m.RequestDead(time=NOW, order_id=an_id(), number=0, evidence="venue"),
    m.OrderAccepted(time=NOW, order_id=an_id()),
    m.OrderRejected(time=NOW, order_id=an_id()),
    m.OrderTriggered(time=NOW, order_id=an_id()),
    m.OrderFilled(time=NOW, order_id=an_id(), execution=an_execution(execution_id="new")),
    m.FillCorrected(time=NOW, order_id=an_id(), corrects="a", execution=an_execution(execution_id="new")),
    m.FillBusted(time=NOW, order_id=an_id(), execution_id="a"),
    m.OrderReplaced(time=NOW, order_id=an_id(), number=0, quantity=Decimal(1)),
    m.OrderRestated(time=NOW, order_id=an_id(), quantity=Decimal(1)),
    m.OrderEnded(time=NOW, order_id=an_id(), status=OrderStatus.CANCELLED),
    m.GapSeen(time=NOW, order_id=an_id(), cumulative=Decimal(1)),
    m.TradesAsked(time=NOW, order_id=an_id(), ask_at=NOW),
    m.OrderLingered(time=NOW, order_id=an_id(), rule="chase"),
    m.OrderJoined(time=NOW, order_id=an_id(), joined=an_id(2)),
    m.TrailStarted(time=NOW, order_id=an_id(), price=Decimal(100)),
]


@given(words, st.booleans())
def test_wherever_an_order_gets_its_sums_hold_and_what_the_table_does_not_have_changes_nothing(
    said: list[m.Input | int], waits: bool
) -> None:
    harness = a_harness()
    harness.submit(a_limit_buy(10, 100, execute_at=NOW + SECOND if waits else None))
    for word in said:
        drive(harness, word)
        order = harness.order()
        assert order.status is status_of(order)
        check_sums(order)
        earlier = copy.deepcopy(order)
        for event in EVENTS:
            if not allowed(order.status, type(event)):
                with pytest.raises(IllegalTransition):
                    apply(order, event)
        assert order == earlier


executions = st.builds(an_execution, st.integers(1, 6), st.just(100), st.sampled_from(["a", "b", "c", "d"]))
ends = st.sampled_from([OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.FILLED])
happened: st.SearchStrategy[m.AnyOrderEvent] = st.one_of(
    st.sampled_from(EVENTS),
    st.builds(m.OrderFilled, **THIS, execution=executions),
    st.builds(m.FillCorrected, **THIS, corrects=st.sampled_from(["a", "b"]), execution=executions),
    st.builds(m.FillBusted, **THIS, execution_id=st.sampled_from(["a", "b"])),
    st.builds(m.OrderRestated, **THIS, quantity=amounts, unit_cost=amounts),
    st.builds(m.OrderEnded, **THIS, status=ends, cumulative=st.none() | amounts),
    st.builds(m.GapSeen, **THIS, cumulative=amounts),
)


@given(st.lists(happened, max_size=12), st.booleans())
def test_the_short_way_to_settle_an_order_leads_where_the_general_way_does(
    events: list[m.AnyOrderEvent], waits: bool
) -> None:
    order = received(
        m.OrderReceived(
            time=NOW,
            order_id=an_id(),
            instruction=a_limit_buy(10, 100),
            exchange="simulated",
            quantity=Decimal(10),
            unit_cost=Decimal(100),
            sign_at=None if waits else NOW,
        )
    )
    for event in events:
        if isinstance(event, m.RequestSubmitted):
            event = structs.replace(event, number=len(order.requests))
        with contextlib.suppress(IllegalTransition):
            apply(order, event)
        generally = copy.deepcopy(order)
        settle_fully(generally)

        assert order == generally
        assert order.status is status_of(order)


def check_sums(order: Order) -> None:
    executions = standing(order.executions)
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


def test_every_event_of_an_order_has_a_row_and_no_row_leads_where_it_began() -> None:
    assert {type(event) for event in EVENTS} == set(TABLE) - {m.OrderReceived}
    assert [row for row in ROWS if row.before & row.after] == []


@pytest.mark.parametrize(
    "event",
    [
        m.OrderFilled(time=NOW, order_id=an_id(), execution=an_execution(4, 100, "a")),
        m.FillCorrected(time=NOW, order_id=an_id(), corrects="z", execution=an_execution(4, 100, "b")),
        m.FillCorrected(time=NOW, order_id=an_id(), corrects="a", execution=an_execution(3, 100, "a")),
        m.FillBusted(time=NOW, order_id=an_id(), execution_id="z"),
    ],
    ids=["booked before", "corrects nothing", "keeps its id", "busts nothing"],
)
def test_no_log_can_book_an_execution_twice_or_void_one_that_does_not_stand(event: m.AnyOrderEvent) -> None:
    harness = a_harness()
    harness.submit(a_limit_buy(10, 100))
    harness.run(a_fill(4, 100, "a"))
    earlier = copy.deepcopy(harness.order())

    with pytest.raises(IllegalTransition):
        apply(harness.order(), event)
    assert harness.order() == earlier


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
    fill b 4  | filled           | 12     | 0      | order_filled   | alert

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
