"""The venue's word: late, twice, in any order, contradicting itself; what it becomes, and what it never does."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from msgspec import structs

from orderwright.core import messages as m
from orderwright.core.lifecycle import standing
from orderwright.core.model import DONE, SECOND, Order, OrderStatus
from orderwright.core.numbers import ZERO
from orderwright.core.reports import IMPOSSIBLE, REPORTS
from tests.builders import (
    NOW,
    SYMBOL,
    Harness,
    a_fill,
    a_harness,
    a_limit_buy,
    an_execution,
    an_id,
)
from tests.core.any_venue import drive, words
from tests.core.scenarios import play, tables

LATER = NOW + SECOND


def an_open_order(filled: int = 0, **changes: Any) -> Harness:
    """A book with order 1, 10 BTC at 100, accepted by the venue as V1; it is a second later."""
    harness = a_harness()
    harness.submit(a_limit_buy(10, 100, **changes))
    harness.run(m.AckReport(order_id=an_id(), time=NOW, exchange_order_id="V1"))
    if filled:
        harness.run(a_fill(filled, 100, "e1"))
    harness.now = LATER
    return harness


# Each report, and the fact that it becomes


@pytest.mark.parametrize(
    ("report", "event"),
    [
        (
            m.FillReport(order_id=an_id(), time=NOW, execution=an_execution(1, 99, "e2", fee=Decimal("0.1"))),
            m.OrderFilled(time=LATER, order_id=an_id(), execution=an_execution(1, 99, "e2", fee=Decimal("0.1"))),
        ),
        (
            m.CorrectReport(order_id=an_id(), time=NOW, corrects="e1", execution=an_execution(3, 99, "e2")),
            m.FillCorrected(time=LATER, order_id=an_id(), corrects="e1", execution=an_execution(3, 99, "e2")),
        ),
        (
            m.BustReport(order_id=an_id(), time=NOW, execution_id="e1"),
            m.FillBusted(time=LATER, order_id=an_id(), execution_id="e1"),
        ),
        (
            m.RestateReport(order_id=an_id(), time=NOW, price=Decimal(98)),
            m.OrderRestated(
                time=LATER,
                order_id=an_id(),
                quantity=Decimal(10),
                price=Decimal(98),
                unit_cost=Decimal(98),
                venue_time=NOW,
            ),
        ),
        (
            m.TriggerReport(order_id=an_id(), time=NOW),
            m.OrderTriggered(time=LATER, order_id=an_id(), venue_time=NOW),
        ),
        (
            m.EndReport(order_id=an_id(), time=NOW, status=OrderStatus.EXPIRED, code="stp", message="self-trade"),
            m.OrderEnded(
                time=LATER,
                order_id=an_id(),
                status=OrderStatus.EXPIRED,
                cumulative=Decimal(4),
                code="stp",
                message="self-trade",
                mid=Decimal(100),
            ),
        ),
        (
            m.StatusReport(order_id=an_id(), time=NOW, status=OrderStatus.PARTIALLY_FILLED, cumulative=Decimal(7)),
            m.GapSeen(time=LATER, order_id=an_id(), cumulative=Decimal(7)),
        ),
    ],
    ids=lambda record: type(record).__name__,
)
def test_a_report_becomes_one_event_and_the_same_report_again_none(report: m.AnyReport, event: m.AnyEvent) -> None:
    harness = an_open_order(filled=4)

    assert harness.run(report)[0] == [event]
    assert harness.run(report)[0] == []


def test_a_rejection_keeps_the_venues_words() -> None:
    harness = a_harness()
    harness.submit(a_limit_buy(10, 100))
    rejection = m.RejectReport(order_id=an_id(), time=NOW, code="-2010", message="insufficient balance")

    assert harness.run(rejection) == (
        [m.OrderRejected(time=NOW, order_id=an_id(), code="-2010", message="insufficient balance")],
        [],
    )
    order = harness.order()
    assert (order.status, order.code, order.reason) == (OrderStatus.REJECTED, "-2010", "insufficient balance")


def test_a_first_acknowledgement_without_the_exchanges_id_is_completed_by_a_second_one() -> None:
    harness = a_harness()
    harness.submit(a_limit_buy(10, 100))
    harness.run(m.AckReport(order_id=an_id(), time=NOW))
    events, _ = harness.run(m.AckReport(order_id=an_id(), time=NOW, exchange_order_id="V1"))
    again = harness.run(m.AckReport(order_id=an_id(), time=NOW, exchange_order_id="V1"))

    assert events == [m.OrderAccepted(time=NOW, order_id=an_id(), exchange_order_id="V1", venue_time=NOW)]
    assert (harness.order().exchange_order_id, again) == ("V1", ([], []))


# Replaces


def test_a_replace_that_is_done_takes_what_the_venue_says_then_what_was_asked_then_what_was() -> None:
    harness = an_open_order()
    harness.run(m.ReplaceOrder(order_id=an_id(), quantity=Decimal(12), price=Decimal(99)))
    events, _ = harness.run(m.ReplacedReport(order_id=an_id(), time=NOW, number=1, price=Decimal("99.5")))

    assert events == [
        m.OrderReplaced(
            time=LATER,
            order_id=an_id(),
            number=1,
            quantity=Decimal(12),
            price=Decimal("99.5"),
            unit_cost=Decimal("99.5"),
            venue_time=NOW,
        )
    ]


REPLACES = """
    Two replaces are done in order and told in the other one
    said       | status           | quantity | requests       | actions
    submit 10  | submitted        | 10       | sent           | send
    ack        | open             | 10       | done           |
    replace 4  | pending_replace  | 10       | done sent      | send replace
    replace 12 | pending_replace  | 10       | done sent sent | send replace
    replaced 2 | pending_replace  | 12       | done sent done |
    replaced 1 | open             | 12       | done done done |
    fill a 4   | partially_filled | 12       | done done done |
    fill b 8   | filled           | 12       | done done done |

    What was done before is told after a fetch has shown what was done last
    said             | status          | quantity | requests          | actions
    submit 10        | submitted       | 10       | sent              | send
    ack              | open            | 10       | done              |
    replace 4        | pending_replace | 10       | done sent         | send replace
    replace 12       | pending_replace | 10       | done sent sent    | send replace
    wait 1s          | pending_replace | 10       | done sent sent    |
    status open 0 12 | pending_replace | 10       | done sent sent    |
    replaced 2       | pending_replace | 12       | done sent done    |
    silence 1        | pending_replace | 12       | done unknown done | ask, alert
    replaced 1       | open            | 12       | done done done    |

    A cancel, and what was said of the replace before it is lost
    said                   | status          | quantity | requests       | actions
    submit 10              | submitted       | 10       | sent           | send
    ack                    | open            | 10       | done           |
    replace 12             | pending_replace | 10       | done sent      | send replace
    fill a 10              | pending_replace | 10       | done sent      |
    cancel                 | pending_cancel  | 10       | done sent sent | send cancel
    end cancelled 10       | cancelled       | 12       | done done done |
    status cancelled 10 12 | cancelled       | 12       | done done done |

    The same where the replace had been called dead: the venue says what it is of when it is asked
    said                   | status          | quantity | requests  | actions
    submit 10              | submitted       | 10       | sent      | send
    ack                    | open            | 10       | done      |
    replace 12             | pending_replace | 10       | done sent | send replace
    unsent 1               | open            | 10       | done dead |
    fill a 10              | filled          | 10       | done dead |
    end cancelled 10       | filled          | 10       | done dead | ask
    wait 1s                | filled          | 10       | done dead |
    status cancelled 10 12 | cancelled       | 12       | done dead |
    status cancelled 10 12 | cancelled       | 12       | done dead |

    A live order that is of more than we know comes back to life when the venue says so
    said                          | status           | quantity | requests       | actions
    submit 10                     | submitted        | 10       | sent           | send
    ack                           | open             | 10       | done           |
    replace 12                    | pending_replace  | 10       | done sent      | send replace
    unsent 1                      | open             | 10       | done dead      |
    fill a 10                     | filled           | 10       | done dead      |
    wait 1s                       | filled           | 10       | done dead      |
    status partially_filled 10 12 | partially_filled | 12       | done dead      |
    cancel                        | pending_cancel   | 12       | done dead sent | send cancel
    end cancelled 10              | cancelled        | 12       | done dead done |

    An answer from before the replace was done does not undo it
    said             | status          | quantity | requests  | actions
    submit 10        | submitted       | 10       | sent      | send
    ack              | open            | 10       | done      |
    replace 12       | pending_replace | 10       | done sent | send replace
    replaced 1       | open            | 12       | done done |
    status open 0 10 | open            | 12       | done done |
"""


@pytest.mark.parametrize("table", tables(REPLACES), ids=lambda table: table[0])
def test_quantity_and_status_are_right_whatever_overtakes_what(table: list[str]) -> None:
    assert play(table) == table


def test_the_venues_own_time_says_which_replace_was_done_last_and_against_the_numbers_it_is_asked() -> None:
    harness = an_open_order()
    harness.run(m.ReplaceOrder(order_id=an_id(), quantity=Decimal(4)))
    harness.run(m.ReplaceOrder(order_id=an_id(), quantity=Decimal(12)))
    harness.run(m.ReplacedReport(order_id=an_id(), time=NOW, number=2))
    _, actions = harness.run(m.ReplacedReport(order_id=an_id(), time=NOW + 1, number=1))

    assert harness.order().quantity == 4
    assert [type(action) for action in actions] == [m.AskOrder]


def test_a_replace_that_is_told_late_still_changes_what_no_newer_one_has_asked_for() -> None:
    harness = an_open_order()
    harness.run(m.ReplaceOrder(order_id=an_id(), price=Decimal(98)))
    harness.run(m.ReplaceOrder(order_id=an_id(), quantity=Decimal(12)))
    harness.run(m.ReplacedReport(order_id=an_id(), time=NOW, number=2))
    harness.run(m.ReplacedReport(order_id=an_id(), time=NOW, number=1))

    assert (harness.order().quantity, harness.order().price) == (Decimal(12), Decimal(98))


def test_an_unknown_replace_of_the_stop_price_alone_is_settled_by_the_stop_price_that_shows() -> None:
    words: dict[str, Any] = {"type": "stop_loss_limit", "stop_price": Decimal(105)}
    harness = an_open_order(**words)
    harness.run(m.ReplaceOrder(order_id=an_id(), stop_price=Decimal(106)))
    harness.run(m.UnreachableReport(order_id=an_id(), time=NOW, number=1))
    shows = m.StatusReport(
        order_id=an_id(), time=NOW, status=OrderStatus.OPEN, quantity=Decimal(10), stop_price=Decimal(105)
    )
    before = harness.run(shows)
    harness.run(
        m.StatusReport(
            order_id=an_id(), time=NOW, status=OrderStatus.OPEN, quantity=Decimal(10), stop_price=Decimal(106)
        )
    )

    assert before == ([], [])
    assert (harness.order().stop_price, harness.order().status) == (Decimal(106), OrderStatus.OPEN)


def test_a_replaced_report_for_a_cancel_or_for_a_replace_that_is_done_says_nothing_new() -> None:
    harness = an_open_order()
    harness.run(m.ReplaceOrder(order_id=an_id(), quantity=Decimal(12)))
    harness.run(m.ReplacedReport(order_id=an_id(), time=NOW, number=1), m.CancelOrder(order_id=an_id()))

    assert harness.run(m.ReplacedReport(order_id=an_id(), time=NOW, number=1)) == ([], [])
    assert harness.run(m.ReplacedReport(order_id=an_id(), time=NOW, number=2)) == ([], [])


# Parked: kept in the log with the reason, and a person is told


def end(status: Any, cumulative: int | None = None) -> m.EndReport:
    claimed = Decimal(cumulative) if cumulative is not None else None
    return m.EndReport(order_id=an_id(), time=NOW, status=status, cumulative=claimed)


def correction(corrects: str, execution_id: str, quantity: int) -> m.CorrectReport:
    execution = an_execution(quantity, 100, execution_id)
    return m.CorrectReport(order_id=an_id(), time=NOW, corrects=corrects, execution=execution)


@pytest.mark.parametrize(
    ("cause", "reports"),
    [
        ("the order has no request 1", [m.RejectReport(order_id=an_id(), time=NOW, number=1)]),
        ("another execution with this id is booked", [a_fill(5, 100, "e1")]),
        (IMPOSSIBLE, [a_fill(0, 100, "e2")]),
        (IMPOSSIBLE, [a_fill("Infinity", 100, "e2")]),
        (IMPOSSIBLE, [a_fill("NaN", 100, "e2")]),
        (IMPOSSIBLE, [a_fill("1" * 40, 100, "e2")]),
        (IMPOSSIBLE, [a_fill("0." + "1" * 19, 100, "e2")]),
        (IMPOSSIBLE, [a_fill(1, -1, "e2")]),
        (IMPOSSIBLE, [correction("e1", "e2", 0)]),
        ("another execution with this id is booked", [correction("e1", "e1", 5)]),
        ("no execution e9 to correct", [correction("e9", "e2", 5)]),
        ("no execution e1 to correct", [correction("e1", "e2", 5), correction("e1", "e3", 5)]),
        ("no execution e9 to bust", [m.BustReport(order_id=an_id(), time=NOW, execution_id="e9")]),
        ("the order is partially_filled", [m.RejectReport(order_id=an_id(), time=NOW)]),
        ("the order is cancelled", [end(OrderStatus.CANCELLED), m.RejectReport(order_id=an_id(), time=NOW)]),
    ],
)
def test_a_report_that_contradicts_what_is_known_is_parked_and_changes_nothing(
    cause: str, reports: list[m.AnyReport]
) -> None:
    harness = an_open_order(filled=4)
    *before, last = reports
    harness.run(*before)
    earlier = copy.deepcopy(harness.order())
    [event], [alert] = harness.run(last)

    assert event == m.ReportParked(time=LATER, order_id=an_id(), report=m.describe(last), cause=cause)
    assert isinstance(alert, m.RaiseAlert)
    assert harness.order() == earlier


def test_a_report_about_an_order_that_is_not_there_or_never_left_is_parked() -> None:
    harness = a_harness(deposits={"USDT": 100})
    harness.submit(a_limit_buy(1, 100, 2, execute_at=NOW + SECOND), a_limit_buy(10, 100, 3))
    harness.run(m.CancelOrder(order_id=an_id(2)))
    harness.submit(a_limit_buy(1, 100, 4, execute_at=NOW + SECOND))
    causes = [
        event.cause
        for number in (1, 2, 3, 4)
        for said in every_report(an_id(number))
        for event in harness.run(said)[0]
        if isinstance(event, m.ReportParked)
    ]

    kinds = len(REPORTS)
    assert causes == ["no such order"] * kinds + ["the order never left"] * 3 * kinds
    assert [harness.order(number).status for number in (2, 3, 4)] == ["cancelled", "denied", "pending"]


def every_report(order_id: str) -> list[Any]:
    """One of each kind."""
    words: dict[str, Any] = {
        "number": 0,
        "execution": an_execution(),
        "corrects": "e1",
        "execution_id": "e1",
        "status": OrderStatus.CANCELLED,
        "asked_at": NOW,
    }
    return [
        kind(order_id=order_id, time=NOW, **{name: words[name] for name in words if name in kind.__struct_fields__})
        for kind in sorted(REPORTS, key=lambda kind: kind.__name__)
    ]


# Whatever a venue says


@given(words)
def test_whatever_a_venue_says_the_sums_hold_and_what_it_says_twice_counts_once(said: list[m.Input | int]) -> None:
    harness = a_harness()
    harness.submit(a_limit_buy(10, 100))
    for word in said:
        told = drive(harness, word)
        again = harness.run(told)[0] if told is not None else []

        assert all(isinstance(event, m.ReportParked) for event in again)
        check_sums(harness, harness.order())


def check_sums(harness: Harness, order: Order) -> None:
    state = harness.state
    stands = standing(order.executions)
    paid = sum((execution.quantity * execution.price for execution in stands), ZERO)
    exposure, balances = state.exposures["main", SYMBOL], state.balances
    live = order.status not in DONE
    assert (order.filled, order.filled_quote) == (sum(execution.quantity for execution in stands), paid)
    assert (exposure.buy, exposure.sell, exposure.orders) == (order.exposed, ZERO, int(live))
    assert (balances["main", "USDT"].total, balances["main", "USDT"].locked) == (1_000_000 - paid, order.reserved)
    assert (an_id() in state.orders, an_id() in state.finished) == (live, not live)
    if "main" in {account for account, _ in state.positions}:
        assert state.positions["main", SYMBOL].size == order.filled
    if not live:
        assert (order.exposed, order.reserved) == (ZERO, ZERO)


@pytest.mark.parametrize(
    ("fill", "says"),
    [
        (a_fill(7, 99), "more than its quantity 10 has filled: 11"),
        (a_fill(1, "100.01"), "it filled at 100.01, beyond its limit 100"),
    ],
    ids=["too much", "too dear"],
)
def test_a_fill_that_the_order_did_not_ask_for_counts_and_is_told(fill: m.FillReport, says: str) -> None:
    harness = an_open_order(filled=4)
    filled = harness.order().filled
    _, actions = harness.run(
        m.FillReport(
            order_id=fill.order_id, time=fill.time, execution=structs.replace(fill.execution, execution_id="odd")
        )
    )

    assert actions == [m.RaiseAlert(topic="fill", text=f"order {an_id()}: {says}")]
    assert harness.order().filled == filled + fill.execution.quantity
