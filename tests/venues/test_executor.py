"""The VenueExecutor: a signed lifetime, and which errors leave the outcome known."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orderwright.core import messages as m
from orderwright.core.model import VenueTraits
from orderwright.errors import Refused, Unreachable
from orderwright.venues.executor import VenueExecutor
from tests.builders import NOW, a_limit_buy, an_id

SECOND = 1_000_000


class Wire:
    """A connector that answers each request as it is told to."""

    traits = VenueTraits(lifetime_ms=5_000)

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
        self.sent: list[m.VenueAction] = []
        self.reports: list[m.AnyReport] = []

    def send(self, action: m.VenueAction) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append(action)

    def poll(self, limit: int) -> tuple[int, list[m.AnyReport]]:
        reports, self.reports = self.reports, []
        return limit, reports


def an_order(sign_at: int = NOW, lifetime_ms: int | None = 5_000) -> m.SendOrder:
    return m.SendOrder(
        order_id=an_id(),
        account="main",
        exchange="simulated",
        symbol="BTC/USDT",
        number=0,
        sign_at=sign_at,
        lifetime_ms=lifetime_ms,
        instruction=a_limit_buy(),
        quantity=Decimal(1),
    )


CANCEL = m.SendCancel(
    order_id=an_id(),
    account="main",
    exchange="simulated",
    symbol="BTC/USDT",
    number=3,
    sign_at=NOW,
    lifetime_ms=5_000,
    exchange_order_id="x1",
)
QUESTION = m.AskOrder(order_id=an_id(), account="main", exchange="simulated", symbol="BTC/USDT", number=0)


@pytest.mark.parametrize("late", [0, 1, 5 * SECOND])
def test_a_request_is_sent_while_its_lifetime_lasts(late: int) -> None:
    wire = Wire()
    VenueExecutor(wire, lambda: NOW + late).send(an_order())
    assert wire.sent == [an_order()]


def test_a_request_is_never_sent_after_its_lifetime_and_its_outcome_is_known() -> None:
    wire, now = Wire(), NOW + 5 * SECOND + 1
    executor = VenueExecutor(wire, lambda: now)
    executor.send(an_order())
    expected = m.NotSentReport(order_id=an_id(), time=now, number=0, message="not sent: its signed lifetime was over")
    assert (wire.sent, executor.poll(now)) == ([], (now, [expected]))


def test_a_request_without_a_bound_is_sent_however_late() -> None:
    wire = Wire()
    VenueExecutor(wire, lambda: NOW + 3_600 * SECOND).send(an_order(lifetime_ms=None))
    assert len(wire.sent) == 1


def test_a_refusal_is_a_rejection_of_that_request() -> None:
    executor = VenueExecutor(Wire(Refused("Unknown order sent.", "-2011")), lambda: NOW)
    executor.send(CANCEL)
    expected = m.RejectReport(order_id=an_id(), time=NOW, number=3, code="-2011", message="Unknown order sent.")
    assert executor.poll(NOW) == (NOW, [expected])


def test_no_answer_is_an_unknown_outcome_never_a_failure() -> None:
    executor = VenueExecutor(Wire(Unreachable("timed out")), lambda: NOW)
    executor.send(an_order())
    expected = m.UnreachableReport(order_id=an_id(), time=NOW, number=0, message="timed out")
    assert executor.poll(NOW) == (NOW, [expected])


@pytest.mark.parametrize("request_", [an_order(), CANCEL])
@pytest.mark.parametrize("error", [ValueError("key=abc"), KeyError("id"), OSError("reset"), AssertionError()])
def test_whatever_else_a_connector_raises_leaves_the_outcome_unknown_and_is_told_by_its_kind_alone(
    request_: m.SendOrder | m.SendCancel, error: Exception
) -> None:
    executor = VenueExecutor(Wire(error), lambda: NOW)
    executor.send(request_)
    message = f"the connector raised {type(error).__name__}"
    expected = m.UnreachableReport(order_id=an_id(), time=NOW, number=request_.number, message=message)
    assert executor.poll(NOW) == (NOW, [expected])


def test_an_interrupt_is_no_error_of_the_connector() -> None:
    with pytest.raises(KeyboardInterrupt):
        VenueExecutor(Wire(KeyboardInterrupt()), lambda: NOW).send(an_order())


@pytest.mark.parametrize("error", [Refused("no"), Unreachable("no answer"), ValueError("key=abc")])
def test_a_question_that_cannot_be_asked_is_no_answer(error: Exception) -> None:
    executor = VenueExecutor(Wire(error), lambda: NOW)
    executor.send(QUESTION)
    assert executor.poll(NOW) == (NOW, [])


def test_what_is_known_here_is_told_before_what_the_venue_says() -> None:
    wire = Wire(Unreachable("timed out"))
    executor = VenueExecutor(wire, lambda: NOW)
    executor.send(an_order())
    ack = m.AckReport(order_id=an_id(2), time=NOW)
    wire.reports.append(ack)
    first, second = executor.poll(NOW)[1], executor.poll(NOW)[1]
    assert ([type(report) for report in first], second) == ([m.UnreachableReport], [ack])


def test_the_traits_are_the_connectors() -> None:
    assert VenueExecutor(Wire(), lambda: NOW).traits == VenueTraits(lifetime_ms=5_000)
