"""UNKNOWN: a request without an answer counts as live, and ends only on evidence.

The venue of these tables takes a request for 5 s after it was signed; 1 s more is allowed for clocks and delays, and
two denials must be 2 s apart.
"""

from __future__ import annotations

import pytest

from orderwright.core import messages as m
from orderwright.core.model import MAX_REQUESTS, SECOND, Account, OrderStatus, VenueTraits
from tests.builders import HOUR, MINUTE, NOW, Harness, a_fill, a_harness, a_limit_buy, an_id
from tests.core.scenarios import play, say, tables

BOUNDED = """
    No answer: it counts as live, in exposure, reservation and open orders, until it is adopted
    said          | status    | exposed | locked | working | requests | events          | actions
    submit 10     | submitted | 10      | 1000   | 1       | sent     | order_received  | send
    silence 0     | unknown   | 10      | 1000   | 1       | unknown  | request_unknown | ask, alert
    silence 0     | unknown   | 10      | 1000   | 1       | unknown  |                 |
    status open   | open      | 10      | 1000   | 1       | done     | order_accepted  |
    silence 0     | open      | 10      | 1000   | 1       | done     |                 |
    end cancelled | cancelled | 0       | 0      | 0       | done     | order_ended     |

    Adopted with what has filled
    said                      | status           | exposed | requests | events                   | actions
    submit 10                 | submitted        | 10      | sent     | order_received           | send
    silence 0                 | unknown          | 10      | unknown  | request_unknown          | ask, alert
    status partially_filled 4 | open             | 10      | done     | order_accepted, gap_seen | fetch
    fill a 4                  | partially_filled | 6       | done     | order_filled             |

    It turns out to have filled
    said             | status    | exposed | requests | events          | actions
    submit 10        | submitted | 10      | sent     | order_received  | send
    silence 0        | unknown   | 10      | unknown  | request_unknown | ask, alert
    status filled 10 | open      | 10      | done     | order_ended     | fetch
    fill a 10        | filled    | 0       | done     | order_filled    |

    It turns out to have been cancelled
    said             | status    | exposed | requests | events          | actions
    submit 10        | submitted | 10      | sent     | order_received  | send
    silence 0        | unknown   | 10      | unknown  | request_unknown | ask, alert
    status cancelled | cancelled | 0       | done     | order_ended     |

    The acknowledgement comes late
    said      | status    | exposed | requests | events          | actions
    submit 10 | submitted | 10      | sent     | order_received  | send
    silence 0 | unknown   | 10      | unknown  | request_unknown | ask, alert
    ack V1    | open      | 10      | done     | order_accepted  |
    wait 60s  | open      | 10      | done     |                 |

    A fill comes late
    said      | status    | exposed | requests | events          | actions
    submit 10 | submitted | 10      | sent     | order_received  | send
    silence 0 | unknown   | 10      | unknown  | request_unknown | ask, alert
    fill a 10 | filled    | 0       | done     | order_filled    |
    wait 60s  | filled    | 0       | done     |                 |

    The rejection comes late
    said      | status    | exposed | requests | events          | actions
    submit 10 | submitted | 10      | sent     | order_received  | send
    silence 0 | unknown   | 10      | unknown  | request_unknown | ask, alert
    reject    | rejected  | 0       | done     | order_rejected  |
    wait 60s  | rejected  | 0       | done     |                 |

    Nobody answers: unknown when it can no longer be carried out, then asked about at growing intervals
    said           | status    | requests | events             | actions
    submit 10      | submitted | sent     | order_received     | send
    wait 5.999999s | submitted | sent     |                    |
    wait 0.000001s | unknown   | unknown  | request_unknown    | ask, alert
    wait 2.999999s | unknown   | unknown  |                    |
    wait 0.000001s | unknown   | unknown  | request_asked      | ask
    wait 4.499999s | unknown   | unknown  |                    |
    wait 0.000001s | unknown   | unknown  | request_asked      | ask
    wait 6.749999s | unknown   | unknown  |                    |
    wait 0.000001s | unknown   | unknown  | request_asked      | ask
    wait 1000s     | unknown   | unknown  | 19 × request_asked | 19 × ask
    wait 60s       | unknown   | unknown  | request_asked      | ask

    A denial asked for too early does not count; two that do must be 2 s apart
    said           | status    | requests | locked | code                | events                     | actions
    submit 10      | submitted | sent     | 1000   |                     | order_received             | send
    silence 0      | unknown   | unknown  | 1000   |                     | request_unknown            | ask, alert
    wait 5.9s      | unknown   | unknown  | 1000   |                     |                            |
    unknown        | unknown   | unknown  | 1000   |                     |                            |
    wait 0.1s      | unknown   | unknown  | 1000   |                     | request_asked              | ask
    unknown -0.1s  | unknown   | unknown  | 1000   |                     |                            |
    unknown        | unknown   | unknown  | 1000   |                     | request_not_found          |
    unknown        | unknown   | unknown  | 1000   |                     |                            |
    wait 1.999999s | unknown   | unknown  | 1000   |                     |                            |
    unknown        | unknown   | unknown  | 1000   |                     |                            |
    wait 0.000001s | unknown   | unknown  | 1000   |                     | request_asked              | ask
    unknown -0.1s  | unknown   | unknown  | 1000   |                     |                            |
    unknown        | rejected  | dead     | 0      | never_reached_venue | dead_watched, request_dead |

    A denial, then the acknowledgement
    said      | status    | requests | events            | actions
    submit 10 | submitted | sent     | order_received    | send
    wait 6s   | unknown   | unknown  | request_unknown   | ask, alert
    unknown   | unknown   | unknown  | request_not_found |
    ack       | open      | done     | order_accepted    |
    wait 2s   | open      | done     |                   |
    unknown   | open      | done     |                   | alert

    Called dead, and a fill proves the opposite
    said      | status           | exposed | working | code                | events                     | actions
    submit 10 | submitted        | 10      | 1       |                     | order_received             | send
    wait 6s   | unknown          | 10      | 1       |                     | request_unknown            | ask, alert
    unknown   | unknown          | 10      | 1       |                     | request_not_found          |
    wait 2s   | unknown          | 10      | 1       |                     | request_asked              | ask
    unknown   | rejected         | 0       | 0       | never_reached_venue | dead_watched, request_dead |
    fill a 4  | partially_filled | 6       | 1       |                     | order_filled               |

    Called dead, and an acknowledgement proves the opposite
    said      | status    | exposed | working | code                | events                     | actions
    submit 10 | submitted | 10      | 1       |                     | order_received             | send
    wait 6s   | unknown   | 10      | 1       |                     | request_unknown            | ask, alert
    unknown   | unknown   | 10      | 1       |                     | request_not_found          |
    wait 2s   | unknown   | 10      | 1       |                     | request_asked              | ask
    unknown   | rejected  | 0       | 0       | never_reached_venue | dead_watched, request_dead |
    ack       | open      | 10      | 1       |                     | order_accepted             |

    Called dead, and the venue shows it
    said          | status    | exposed | working | code                | events                     | actions
    submit 10     | submitted | 10      | 1       |                     | order_received             | send
    wait 6s       | unknown   | 10      | 1       |                     | request_unknown            | ask, alert
    unknown       | unknown   | 10      | 1       |                     | request_not_found          |
    wait 2s       | unknown   | 10      | 1       |                     | request_asked              | ask
    unknown       | rejected  | 0       | 0       | never_reached_venue | dead_watched, request_dead |
    status open 4 | open      | 10      | 1       |                     | order_accepted, gap_seen   | fetch

    Called dead, and the venue says that it has filled
    said             | status    | exposed | working | code                | events                     | actions
    submit 10        | submitted | 10      | 1       |                     | order_received             | send
    wait 6s          | unknown   | 10      | 1       |                     | request_unknown            | ask, alert
    unknown          | unknown   | 10      | 1       |                     | request_not_found          |
    wait 2s          | unknown   | 10      | 1       |                     | request_asked              | ask
    unknown          | rejected  | 0       | 0       | never_reached_venue | dead_watched, request_dead |
    status filled 10 | open      | 10      | 1       |                     | order_ended                | fetch
    fill a 10        | filled    | 0       | 0       |                     | order_filled               |

    Called dead, with a cancel under way
    said      | status         | requests        | locked | events                     | actions
    submit 10 | submitted      | sent            | 1000   | order_received             | send
    cancel    | pending_cancel | sent sent       | 1000   | request_submitted          | send cancel
    wait 6s   | pending_cancel | unknown unknown | 1000   | 2 × request_unknown        | ask, alert, ask, alert
    unknown   | pending_cancel | unknown unknown | 1000   | request_not_found          |
    wait 2s   | pending_cancel | unknown unknown | 1000   | request_asked              | ask
    unknown   | rejected       | dead done       | 0      | dead_watched, request_dead |

    Called dead, with a replace under way
    said       | status          | requests        | locked | events                     | actions
    submit 10  | submitted       | sent            | 1000   | order_received             | send
    replace 12 | pending_replace | sent sent       | 1200   | request_submitted          | send replace
    wait 6s    | pending_replace | unknown unknown | 1200   | 2 × request_unknown        | ask, alert, ask, alert
    unknown    | pending_replace | unknown unknown | 1200   | request_not_found          |
    wait 2s    | pending_replace | unknown unknown | 1200   | request_asked              | ask
    unknown    | rejected        | dead refused    | 0      | dead_watched, request_dead |

    A new order that certainly never left is denied
    said      | status    | requests | locked | code     | events         | actions
    submit 10 | submitted | sent     | 1000   |          | order_received | send
    unsent 0  | denied    | dead     | 0      | not_sent | request_dead   |
    unsent 0  | denied    | dead     | 0      | not_sent |                |

    A replace that certainly never left leaves the order as it was; a cancel is to be sent again
    said       | status          | requests       | locked | events                      | actions
    submit 10  | submitted       | sent           | 1000   | order_received              | send
    ack        | open            | done           | 1000   | order_accepted              |
    replace 12 | pending_replace | done sent      | 1200   | request_submitted           | send replace
    unsent 1   | open            | done dead      | 1000   | request_dead                |
    cancel     | pending_cancel  | done dead sent | 1000   | request_submitted           | send cancel
    unsent 2   | open            | done dead dead | 1000   | cancel_wanted, request_dead |

    An unknown cancel: the order is still open after the cancel's life, so it is dead
    said        | status         | requests     | events                      | actions
    submit 10   | submitted      | sent         | order_received              | send
    ack         | open           | done         | order_accepted              |
    cancel      | pending_cancel | done sent    | request_submitted           | send cancel
    silence 1   | pending_cancel | done unknown | request_unknown             | ask, alert
    status open | pending_cancel | done unknown |                             |
    wait 6s     | pending_cancel | done unknown | request_asked               | ask
    status open | open           | done dead    | cancel_wanted, request_dead |

    An unknown cancel was done
    said             | status         | requests     | events            | actions
    submit 10        | submitted      | sent         | order_received    | send
    ack              | open           | done         | order_accepted    |
    cancel           | pending_cancel | done sent    | request_submitted | send cancel
    silence 1        | pending_cancel | done unknown | request_unknown   | ask, alert
    status cancelled | cancelled      | done done    | order_ended       |

    An unknown cancel came too late: the order had filled
    said             | status         | requests     | events            | actions
    submit 10        | submitted      | sent         | order_received    | send
    ack              | open           | done         | order_accepted    |
    cancel           | pending_cancel | done sent    | request_submitted | send cancel
    silence 1        | pending_cancel | done unknown | request_unknown   | ask, alert
    fill a 10        | pending_cancel | done unknown | order_filled      |
    status filled 10 | filled         | done done    | order_ended       |

    An unknown cancel that the venue is still working on
    said                  | status         | requests     | events            | actions
    submit 10             | submitted      | sent         | order_received    | send
    ack                   | open           | done         | order_accepted    |
    cancel                | pending_cancel | done sent    | request_submitted | send cancel
    wait 6s               | pending_cancel | done unknown | request_unknown   | ask, alert
    status pending_cancel | pending_cancel | done unknown |                   |
    end cancelled         | cancelled      | done done    | order_ended       |

    An unknown replace counts the larger side until the order shows it
    said             | status          | quantity | exposed | locked | requests     | events            | actions
    submit 10        | submitted       | 10       | 10      | 1000   | sent         | order_received    | send
    ack              | open            | 10       | 10      | 1000   | done         | order_accepted    |
    replace 12       | pending_replace | 10       | 12      | 1200   | done sent    | request_submitted | send replace
    silence 1        | pending_replace | 10       | 12      | 1200   | done unknown | request_unknown   | ask, alert
    status open 0 10 | pending_replace | 10       | 12      | 1200   | done unknown |                   |
    status open 0 12 | open            | 12       | 12      | 1200   | done done    | order_replaced    |

    An unknown replace that does not show is dead after its life
    said             | status          | quantity | exposed | locked | requests     | events            | actions
    submit 10        | submitted       | 10       | 10      | 1000   | sent         | order_received    | send
    ack              | open            | 10       | 10      | 1000   | done         | order_accepted    |
    replace 8 99     | pending_replace | 10       | 10      | 1000   | done sent    | request_submitted | send replace
    silence 1        | pending_replace | 10       | 10      | 1000   | done unknown | request_unknown   | ask, alert
    wait 6s          | pending_replace | 10       | 10      | 1000   | done unknown | request_asked     | ask
    status open 0 10 | open            | 10       | 10      | 1000   | done dead    | request_dead      |

    Two unknown at once are each settled on their own
    said        | status         | requests        | events            | actions
    submit 10   | submitted      | sent            | order_received    | send
    cancel      | pending_cancel | sent sent       | request_submitted | send cancel
    silence 0   | pending_cancel | unknown sent    | request_unknown   | ask, alert
    silence 1   | pending_cancel | unknown unknown | request_unknown   | ask, alert
    status open | pending_cancel | done unknown    | order_accepted    |
    refuse 1    | open           | done refused    | request_refused   |

    The venue does not know an order that it has shown us
    said      | status    | requests | events         | actions
    submit 10 | submitted | sent     | order_received | send
    ack       | open      | done     | order_accepted |
    unknown   | open      | done     |                | alert

    An operator closes what the venue does not answer for
    said      | status    | requests | code                | events                     | actions
    submit 10 | submitted | sent     |                     | order_received             | send
    resolve 0 | submitted | sent     |                     |                            | not_open
    silence 0 | unknown   | unknown  |                     | request_unknown            | ask, alert
    resolve 1 | unknown   | unknown  |                     |                            | unknown_order
    resolve 0 | rejected  | dead     | never_reached_venue | dead_watched, request_dead |
    resolve 0 | rejected  | dead     | never_reached_venue |                            | not_open
"""

FINAL = """
    Where the venue's denial is final, one is enough
    said      | status    | requests | code                | events          | actions
    submit 10 | submitted | sent     |                     | order_received  | send
    silence 0 | unknown   | unknown  |                     | request_unknown | ask, alert
    unknown   | unknown   | unknown  |                     |                 |
    wait 6s   | unknown   | unknown  |                     | request_asked   | ask
    unknown   | rejected  | dead     | never_reached_venue | request_dead    |
"""

UNBOUNDED = """
    Where a request can be carried out at any time, no denial ends it: only an operator does
    said            | status    | requests | locked | code                | events                     | actions
    submit 10       | submitted | sent     | 1000   |                     | order_received             | send
    wait 10.999999s | submitted | sent     | 1000   |                     |                            |
    wait 0.000001s  | unknown   | unknown  | 1000   |                     | request_unknown            | ask, alert
    unknown         | unknown   | unknown  | 1000   |                     |                            |
    wait 3600s      | unknown   | unknown  | 1000   |                     | 64 × request_asked         | 64 × ask
    unknown         | unknown   | unknown  | 1000   |                     |                            |
    unknown         | unknown   | unknown  | 1000   |                     |                            |
    resolve 0       | rejected  | dead     | 0      | never_reached_venue | dead_watched, request_dead |

    A cancel that was just sent is not yet overdue when another request is
    said      | status         | requests     | events            | actions
    submit 10 | submitted      | sent         | order_received    | send
    wait 5s   | submitted      | sent         |                   |
    cancel    | pending_cancel | sent sent    | request_submitted | send cancel
    wait 6s   | pending_cancel | unknown sent | request_unknown   | ask, alert
"""


def a_venue(**traits: object) -> Harness:
    return a_harness(accounts=[Account(account="main", traits=VenueTraits(**traits))])  # type: ignore[arg-type]


@pytest.mark.parametrize("table", tables(BOUNDED), ids=lambda table: table[0])
def test_unknown_at_a_venue_that_bounds_a_requests_life(table: list[str]) -> None:
    assert play(table) == table


@pytest.mark.parametrize("table", tables(FINAL), ids=lambda table: table[0])
def test_unknown_at_a_venue_whose_denial_is_final(table: list[str]) -> None:
    assert play(table, a_venue(final_denial=True)) == table


@pytest.mark.parametrize("table", tables(UNBOUNDED), ids=lambda table: table[0])
def test_unknown_at_a_venue_that_sets_no_bound(table: list[str]) -> None:
    assert play(table, a_venue(lifetime_ms=None)) == table


def test_an_unknown_request_is_asked_about_at_growing_intervals_never_more_than_a_minute_apart() -> None:
    harness = a_harness()
    harness.submit(a_limit_buy(10, 100))
    sent, asked = harness.now, []
    for _ in range(600):
        _, actions = harness.wait(SECOND // 2)
        asked += [(harness.now - sent) // SECOND for action in actions if isinstance(action, m.AskOrder)]

    assert asked == [6, 9, 13, 20, 30, 46, 68, 103, 154, 214, 274]


def test_a_denied_order_and_a_dead_one_free_what_they_had_locked_and_say_why() -> None:
    harness = a_harness()
    harness.submit(a_limit_buy(10, 100))
    for said in ("wait 6s", "unknown", "wait 2s", "unknown"):
        say(harness, said)
    order = harness.order()

    assert (order.status, order.code, order.reason) == ("rejected", "never_reached_venue", "never reached the venue")
    assert harness.state.orders == {}
    assert harness.state.finished == {an_id(): order}


def unsent(number: int) -> m.NotSentReport:
    return m.NotSentReport(order_id=an_id(), time=NOW, number=number, message="its signed lifetime was over")


def cancels(actions: list[m.AnyAction]) -> list[int]:
    return [action.number for action in actions if isinstance(action, m.SendCancel)]


def test_a_cancel_that_was_not_sent_is_sent_again_at_once_and_then_a_minute_later() -> None:
    harness = a_venue()
    harness.submit(a_limit_buy(10, 100))
    harness.run(m.AckReport(order_id=an_id(), time=NOW), m.CancelOrder(order_id=an_id(), cause="by hand"), unsent(1))
    assert harness.events[-2] == m.CancelWanted(time=NOW, order_id=an_id(), cause="by hand")
    (again,) = harness.run(m.CancelOrder(order_id=an_id()))[1]
    assert isinstance(again, m.Reply)
    assert again.outcome == "nothing"

    assert cancels(harness.wait(0)[1]) == [2]
    assert harness.order().status is OrderStatus.PENDING_CANCEL
    harness.run(unsent(2))
    assert cancels(harness.wait(MINUTE - 1)[1]) == []
    assert cancels(harness.wait(1)[1]) == [3]
    assert {request.cause for request in harness.order().requests[1:]} == {"by hand"}


def test_a_cancel_that_was_not_sent_is_not_sent_again_for_what_has_filled_meanwhile() -> None:
    harness = a_venue()
    harness.submit(a_limit_buy(10, 100))
    harness.run(m.AckReport(order_id=an_id(), time=NOW), m.CancelOrder(order_id=an_id()), unsent(1), a_fill(10, 100))

    assert cancels(harness.wait(HOUR)[1]) == []
    assert harness.order().status is OrderStatus.FILLED


def test_where_an_order_can_have_no_more_requests_somebody_is_told_that_its_cancel_did_not_arrive() -> None:
    harness = a_venue()
    harness.submit(a_limit_buy(10, 100))
    harness.run(m.AckReport(order_id=an_id(), time=NOW))
    for number in range(1, MAX_REQUESTS - 1):
        harness.run(m.CancelOrder(order_id=an_id()), m.RejectReport(order_id=an_id(), time=NOW, number=number))
    harness.run(m.CancelOrder(order_id=an_id()))
    _, (alert,) = harness.run(unsent(MAX_REQUESTS - 1))

    words = "the cancel of order 019b8e074600000000000000000001 did not arrive, and no more can be sent: "
    assert alert == m.RaiseAlert(topic="report", text=words + "its signed lifetime was over")
    assert harness.wait(HOUR)[0] == []


def test_a_cancel_that_the_exchange_refused_after_its_life_is_sent_again() -> None:
    def refused(after: int, number: int, ended: OrderStatus | None = None) -> m.RejectReport:
        return m.RejectReport(
            order_id=an_id(), time=NOW + after, number=number, code="-1021", message="too late", final_status=ended
        )

    for after, ended, again in (
        (5 * SECOND + 1, None, [2]),
        (5 * SECOND + 1, OrderStatus.OPEN, [2]),
        (5 * SECOND + 1, OrderStatus.CANCELLED, []),
        (5 * SECOND, None, []),
    ):
        harness = a_venue()
        harness.submit(a_limit_buy(10, 100))
        harness.run(m.AckReport(order_id=an_id(), time=NOW), m.CancelOrder(order_id=an_id()), refused(after, 1, ended))
        assert cancels(harness.wait(HOUR)[1])[:1] == again, (after, ended)
