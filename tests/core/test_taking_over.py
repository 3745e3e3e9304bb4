"""A log taken over from another process, and orders that were called dead."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orderwright.core import messages as m
from orderwright.core.model import (
    DAY,
    MINUTE,
    SECOND,
    Account,
    LingerRule,
    OrderStatus,
    Settings,
    VenueTraits,
)
from orderwright.driver import Driver
from orderwright.journal.memory import MemoryJournal
from orderwright.journal.sqlite import open_log
from orderwright.journal.verify import verify
from tests.builders import (
    NOW,
    SYMBOL,
    Harness,
    a_fill,
    a_harness,
    a_limit_buy,
    a_limit_sell,
    a_quote,
    an_id,
    an_instrument,
)

S = OrderStatus
QUIET = 6 * SECOND  # a lifetime of 5 s and a margin of 1 s


def venue_actions(actions: list[m.AnyAction]) -> list[type[Any]]:
    return [type(action) for action in actions if not isinstance(action, m.RaiseAlert | m.Reply)]


def taken_over(harness: Harness | None = None) -> Harness:
    """Order 1 rests, order 2 is in flight since a second; then another process takes the log over."""
    harness = harness or a_harness()
    harness.submit(a_limit_buy(1, 100, 1))
    harness.run(m.AckReport(order_id=an_id(1), time=NOW))
    harness.submit(a_limit_buy(1, 99, 2))
    harness.wait(SECOND)
    harness.run(m.BeginEpoch(epoch=2, by="b"))
    harness.actions.clear()
    return harness


def test_nothing_leaves_before_the_last_request_in_flight_is_dead() -> None:
    harness = taken_over()
    assert harness.events[-1] == m.EpochBegan(time=NOW + SECOND, epoch=2, by="b", quiet_until=NOW + QUIET)
    harness.submit(a_limit_buy(1, 98, 3), a_limit_buy(1, 97, 4))
    harness.run(m.CancelOrder(order_id=an_id(1)))
    assert [harness.order(number).status for number in (1, 3, 4)] == [S.OPEN, S.PENDING, S.PENDING]
    harness.wait(QUIET - SECOND - 1)
    assert venue_actions(harness.actions) == []
    harness.wait(1)

    assert [harness.order(number).status for number in (1, 3, 4)] == [S.PENDING_CANCEL, S.SUBMITTED, S.SUBMITTED]
    sent = [action for action in harness.actions if isinstance(action, m.SendAction)]
    assert [(type(action), action.order_id) for action in sent if action.sign_at == NOW + QUIET] == [
        (m.SendCancel, an_id(1)),
        (m.SendOrder, an_id(3)),
        (m.SendOrder, an_id(4)),
    ]


def test_with_nothing_in_flight_there_is_no_wait() -> None:
    harness = a_harness()
    harness.submit(a_limit_buy(1, 100))
    harness.run(m.AckReport(order_id=an_id(), time=NOW), m.BeginEpoch(epoch=2))
    harness.submit(a_limit_buy(1, 98, 2))

    assert harness.state.controls.quiet_until is None
    assert harness.order(2).status is S.SUBMITTED


def test_at_a_venue_that_lives_and_dies_with_its_process_there_is_no_wait() -> None:
    traits = VenueTraits(final_denial=True)
    harness = taken_over(a_harness(accounts=[Account(account="main", traits=traits)]))

    assert harness.state.controls.quiet_until is None


def test_where_requests_do_not_die_the_wait_is_ten_margins_more() -> None:
    traits = VenueTraits(lifetime_ms=None, margin_ms=2_000)
    harness = taken_over(a_harness(accounts=[Account(account="main", traits=traits)]))

    assert harness.state.controls.quiet_until == NOW + 22 * SECOND


def test_a_second_cancel_while_one_waits_is_answered_that_one_is_under_way() -> None:
    harness = taken_over()
    harness.run(m.CancelOrder(order_id=an_id(1)))
    events, actions = harness.run(m.CancelOrder(order_id=an_id(1)))

    assert events == []
    assert [action.outcome for action in actions if isinstance(action, m.Reply)] == ["nothing"]


def test_a_cancel_that_waits_is_not_needed_for_what_has_filled_meanwhile() -> None:
    harness = taken_over()
    harness.run(m.CancelOrder(order_id=an_id(1)), a_fill(1, 100))
    harness.wait(QUIET)

    assert harness.order(1).status is S.FILLED
    assert m.SendCancel not in venue_actions(harness.actions)


def test_what_time_and_rules_would_do_waits_too() -> None:
    rule = LingerRule(name="enough", after_ms=2_000)
    harness = taken_over(a_harness(settings=Settings(linger=(rule,))))
    harness.wait(QUIET - SECOND - 1)
    assert venue_actions(harness.actions) == []
    harness.wait(1)

    assert [action.order_id for action in harness.actions if isinstance(action, m.SendCancel)] == [an_id(1)]


def test_an_approved_order_and_a_close_wait_too() -> None:
    harness = a_harness(settings=Settings(approval="all"), deposits={"USDT": 1_000, "BTC": 5})
    harness.submit(a_limit_buy(1, 100), a_limit_sell(1, 100, 2))
    harness.run(m.ApproveOrder(order_id=an_id(2)), m.BeginEpoch(epoch=2), m.ApproveOrder(order_id=an_id()))
    assert (harness.order().status, harness.order().wait_for) == (S.PENDING, "quiet")
    harness.run(a_fill(1, 100, number=2))
    harness.run(m.ClosePosition(account="main", symbol=SYMBOL, order_id=an_id(3)))
    harness.actions.clear()
    harness.wait(QUIET - 1)

    assert venue_actions(harness.actions) == []


def test_an_epoch_that_is_told_twice_begins_once() -> None:
    harness = taken_over()
    events, actions = harness.run(m.BeginEpoch(epoch=2, by="b"))

    assert (events, actions) == ([], [m.Reply(outcome="duplicate", text="2")])


class Silent:
    """A venue that takes requests and never answers."""

    traits = VenueTraits()

    def __init__(self) -> None:
        self.sent: list[m.VenueAction] = []

    def send(self, action: m.VenueAction) -> None:
        self.sent.append(action)

    def poll(self, limit: int) -> tuple[int, tuple[m.AnyReport, ...]]:
        return limit, ()


@pytest.mark.parametrize("kept", ["in memory", "in a file"])
def test_the_quiet_time_the_cancels_that_wait_and_the_dead_survive_a_restart(kept: str, tmp_path: Path) -> None:
    journal: Any = MemoryJournal() if kept == "in memory" else open_log(tmp_path / "log.sqlite")
    venue = Silent()
    driver = Driver("main", journal, {"simulated": venue})
    driver.turn([m.DefineInstrument(instrument=an_instrument()), m.OpenAccount(account=Account(account="main"))], NOW)
    driver.turn([m.MoveCash(account="main", asset="USDT", amount=Decimal(1_000))], NOW)
    driver.turn([m.QuoteSeen(exchange="simulated", symbol=SYMBOL, quote=a_quote())], NOW)
    driver.turn([m.SubmitOrder(instruction=a_limit_buy(1, 100))], NOW)
    driver.turn([m.SubmitOrder(instruction=a_limit_buy(1, 99, 7))], NOW)
    driver.turn([m.UnreachableReport(order_id=an_id(7), time=NOW, number=0)], NOW)
    driver.turn([m.ResolveUnknown(order_id=an_id(7), number=0, by="ann")], NOW)
    driver.turn([m.BeginEpoch(epoch=2), m.CancelOrder(order_id=an_id())], NOW)
    driver.turn([m.SubmitOrder(instruction=a_limit_buy(1, 98, 2))], NOW)

    if kept == "in a file":
        journal.close()
        assert verify(tmp_path / "log.sqlite").ok
        journal = open_log(tmp_path / "log.sqlite")
    again, venue.sent = Driver("main", journal, {"simulated": venue}), []
    assert again.state.dead == driver.state.dead != {}
    assert again.state.controls == driver.state.controls
    again.turn([], NOW + QUIET - 1)
    assert venue.sent == []
    again.turn([], NOW + QUIET)
    kinds = [(type(action), action.order_id) for action in venue.sent if isinstance(action, m.SendAction)]
    assert sorted(kinds, key=str) == sorted([(m.SendCancel, an_id()), (m.SendOrder, an_id(2))], key=str)


# The dead are watched


def called_dead(harness: Harness | None = None) -> Harness:
    harness = harness or a_harness()
    harness.submit(a_limit_buy(1, 100))
    harness.run(m.UnreachableReport(order_id=an_id(), time=NOW, number=0))
    harness.run(m.ResolveUnknown(order_id=an_id(), number=0, by="ann"))
    harness.actions.clear()
    return harness


def test_an_order_that_was_called_dead_is_asked_about_for_a_day() -> None:
    harness = called_dead()
    assert harness.order().status is S.REJECTED
    asked = []
    for minutes in (1, 9, 50, 300, 1_080):
        harness.wait(minutes * MINUTE - 1)
        asked.append(len(harness.actions))
        harness.wait(1)
    harness.wait(2 * DAY)

    assert asked == [0, 1, 2, 3, 4]
    assert harness.actions == 5 * [
        m.AskOrder(order_id=an_id(), account="main", exchange="simulated", symbol=SYMBOL, number=0)
    ]
    assert harness.state.dead == {}


def test_one_that_appears_after_all_lives_and_is_watched_no_more() -> None:
    harness = called_dead()
    harness.wait(MINUTE)
    harness.run(m.StatusReport(order_id=an_id(), time=harness.now, status=S.OPEN))
    assert harness.order().status is S.OPEN
    harness.wait(9 * MINUTE)

    assert harness.state.dead == {}
    assert len([action for action in harness.actions if isinstance(action, m.AskOrder)]) == 1


@pytest.mark.parametrize(
    ("traits", "report"),
    [
        (VenueTraits(final_denial=True), None),
        (VenueTraits(), m.NotSentReport(order_id=an_id(), time=NOW, number=0)),
    ],
    ids=["a final denial", "not sent"],
)
def test_what_is_certain_is_not_watched(traits: VenueTraits, report: m.NotSentReport | None) -> None:
    harness = a_harness(accounts=[Account(account="main", traits=traits)])
    harness.submit(a_limit_buy(1, 100))
    if report is not None:
        harness.run(report)
    else:
        harness.run(m.UnreachableReport(order_id=an_id(), time=NOW, number=0))
        harness.run(m.ResolveUnknown(order_id=an_id(), number=0, by="ann"))

    assert harness.state.dead == {}


def test_slots_are_used_again_so_that_a_log_keeps_as_many_as_were_ever_dead_at_once() -> None:
    harness = called_dead()
    harness.wait(2 * DAY)
    harness.quote("99.99", "100.01")
    harness.submit(a_limit_buy(1, 100, 2))
    harness.run(m.UnreachableReport(order_id=an_id(2), time=harness.now, number=0))
    harness.run(m.ResolveUnknown(order_id=an_id(2), number=0, by="ann"))

    assert [watch.slot for watch in harness.state.dead.values()] == [0]
