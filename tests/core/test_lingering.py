"""Orders that linger: which rule holds, when it is due, and what it does."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orderwright.core import messages as m
from orderwright.core.model import (
    DAY,
    MINUTE,
    RECANCEL,
    SECOND,
    Action,
    Instruction,
    LingerRule,
    OrderSide,
    OrderStatus,
    OrderType,
    RiskLimits,
    Settings,
    Signal,
    TimeInForce,
)
from orderwright.core.patience import end_of_day, problem_of, rules_of
from orderwright.core.reasons import Reason
from tests.builders import (
    MIDNIGHT,
    NOW,
    SYMBOL,
    Harness,
    a_fill,
    a_harness,
    a_limit_buy,
    a_limit_sell,
    a_quote,
    an_id,
    an_instruction,
)

CANCEL = LingerRule(name="enough", after_ms=60_000)
CHASE = LingerRule(name="chase", do="nearer", after_ms=10_000, times=2)
ESCALATE = LingerRule(name="now", do="market", after_ms=30_000)


def resting(*rules: LingerRule, order: Instruction | None = None, own: tuple[LingerRule, ...] = ()) -> Harness:
    """A buy of 2 at 99 (the market is at 99.99 / 100.01), acknowledged, in a book with these rules."""
    harness = a_harness(settings=Settings(linger=rules, max_price_age_ms=10**9))
    harness.submit(order or a_limit_buy(2, 99, linger=own))
    harness.run(m.AckReport(order_id=an_id(), time=harness.now))
    return harness


def requests(events: list[m.AnyEvent]) -> list[tuple[str, str, Decimal | None]]:
    """(request, rule, price) of what was asked of the venue."""
    return [(it.request, it.rule, it.price) for it in events if isinstance(it, m.RequestSubmitted)]


def cancelled(harness: Harness, number: int = 1, cumulative: int = 0) -> None:
    """The venue has cancelled order `number` of the test."""
    harness.run(
        m.EndReport(
            order_id=an_id(number), time=harness.now, status=OrderStatus.CANCELLED, cumulative=Decimal(cumulative)
        )
    )


# By time


def test_an_order_is_cancelled_after_its_time_and_not_before() -> None:
    harness = resting(CANCEL)

    assert requests(harness.wait(MINUTE - 1)[0]) == []
    events, actions = harness.wait(1)

    assert events == [
        m.RequestSubmitted(
            time=NOW + MINUTE,
            order_id=an_id(),
            number=1,
            request="cancel",
            sign_at=NOW + MINUTE,
            lifetime_ms=5_000,
            cause="rule enough",
            rule="enough",
        )
    ]
    assert [type(action) for action in actions] == [m.SendCancel]
    assert harness.order().status is OrderStatus.PENDING_CANCEL


def test_the_time_counts_from_when_it_went_out_however_long_it_waited() -> None:
    harness = resting(CANCEL, order=a_limit_buy(2, 99, execute_at=NOW + 5 * MINUTE))

    assert requests(harness.wait(5 * MINUTE)[0]) == [("new", "", None)]
    harness.run(m.AckReport(order_id=an_id(), time=harness.now))
    assert requests(harness.wait(MINUTE - 1)[0]) == []
    assert requests(harness.wait(1)[0]) == [("cancel", "enough", None)]


def test_a_cancel_that_is_refused_is_asked_for_again_but_not_at_once() -> None:
    harness = resting(CANCEL)
    harness.wait(MINUTE)
    harness.run(m.RejectReport(order_id=an_id(), time=harness.now, number=1, message="busy"))

    assert requests(harness.wait(RECANCEL - 1)[0]) == []
    assert requests(harness.wait(1)[0]) == [("cancel", "enough", None)]


def test_an_order_whose_fate_is_not_known_is_left_to_the_questions_about_it() -> None:
    harness = a_harness(settings=Settings(linger=(LingerRule(name="soon", after_ms=1_000),)))
    harness.submit(a_limit_buy(2, 99))
    events, _ = harness.wait(20 * SECOND)

    assert requests(events) == []
    assert harness.order().status is OrderStatus.UNKNOWN


def test_at_the_end_of_the_day_what_is_left_is_cancelled() -> None:
    harness = resting(LingerRule(name="night", day_end="24:00"))
    harness.run(a_fill(1, 99))

    assert requests(harness.wait(MIDNIGHT + DAY - NOW - 1)[0]) == []
    assert requests(harness.wait(1)[0]) == [("cancel", "night", None)]


@pytest.mark.parametrize(
    ("clock", "after", "expected"),
    [
        ("24:00", MIDNIGHT, MIDNIGHT + DAY),
        ("24:00", MIDNIGHT + DAY - 1, MIDNIGHT + DAY),
        ("21:30", NOW, MIDNIGHT + 21 * 60 * MINUTE + 30 * MINUTE),
        ("12:00", NOW, NOW + DAY),
        ("11:59", NOW, NOW + DAY - MINUTE),
    ],
)
def test_the_end_of_the_day_is_the_next_time_that_the_clock_shows_it(clock: str, after: int, expected: int) -> None:
    assert end_of_day(clock, after) == expected


# Nearer to the market


def test_a_price_goes_nearer_to_the_market_so_many_times_and_then_rests() -> None:
    harness = resting(CHASE)
    moves = []
    for bid in ("99.5", "99.7", "99.9"):
        harness.quote(bid, "100.5")
        events, _ = harness.wait(10 * SECOND)
        moves += requests(events)
        if number := len(harness.order().requests) - 1:
            harness.run(m.ReplacedReport(order_id=an_id(), time=harness.now, number=number))

    assert moves == [("replace", "chase", Decimal("99.5")), ("replace", "chase", Decimal("99.7"))]
    assert harness.order().price == Decimal("99.7")


def test_a_sell_goes_down_to_the_best_ask_or_stays_some_ticks_behind_it() -> None:
    behind = LingerRule(name="behind", do="nearer", after_ms=1_000, offset_ticks=5)
    harness = a_harness(settings=Settings(linger=(behind,)), deposits={"USDT": 1_000, "BTC": 5})
    harness.submit(a_limit_sell(2, 102))
    harness.run(m.AckReport(order_id=an_id(), time=NOW))

    assert requests(harness.wait(SECOND)[0]) == [("replace", "behind", Decimal("100.06"))]


def test_a_price_never_goes_further_than_the_rule_allows() -> None:
    harness = resting(LingerRule(name="chase", do="nearer", after_ms=1_000, within_bps=Decimal(50)))

    assert requests(harness.wait(SECOND)[0]) == [("replace", "chase", Decimal("99.49"))]  # 99 and half a percent


def test_a_rule_that_is_due_and_can_do_nothing_says_why_and_counts_again_from_there() -> None:
    harness = resting(CHASE, order=a_limit_buy(2, "99.99"))
    events, _ = harness.wait(10 * SECOND)

    assert events == [
        m.OrderLingered(
            time=NOW + 10 * SECOND,
            order_id=an_id(),
            rule="chase",
            why="99.99 is as near as it may be",
            mid=Decimal(100),
        )
    ]
    assert harness.wait(10 * SECOND - 1)[0] == []
    assert [type(event) for event in harness.wait(1)[0]] == [m.OrderLingered]


def test_a_move_that_a_limit_forbids_is_not_made() -> None:
    harness = a_harness(settings=Settings(linger=(CHASE,)), deposits={"USDT": 198})
    harness.submit(a_limit_buy(2, 99))
    harness.run(m.AckReport(order_id=an_id(), time=NOW))
    (event,), actions = harness.wait(10 * SECOND)

    assert isinstance(event, m.OrderLingered)
    assert event.why == "quantity 2: needs 1.98 USDT more, 0 is free (nearest that passes: 1.98019)"
    assert actions == []


def test_without_a_recent_price_nothing_is_moved() -> None:
    harness = a_harness(settings=Settings(linger=(LingerRule(name="slow", do="nearer", after_ms=120_000),)))
    harness.submit(a_limit_buy(2, 99))
    harness.run(m.AckReport(order_id=an_id(), time=NOW))
    (event,), _ = harness.wait(2 * MINUTE)

    assert isinstance(event, m.OrderLingered)
    assert (event.why, event.mid) == ("no market price recent enough", None)


# To market


def test_what_is_left_goes_to_market_once_the_cancelled_orders_final_quantity_is_known() -> None:
    harness = resting(ESCALATE)
    harness.run(a_fill("0.5", 99))
    (waiting, request), _ = harness.wait(30 * SECOND)
    assert isinstance(request, m.RequestSubmitted)
    assert isinstance(waiting, m.OrderReceived)
    assert (request.request, request.rule) == ("cancel", "now")
    assert (waiting.wait_for, waiting.instruction.parent_id, waiting.quantity) == ("parent", an_id(), Decimal("1.5"))

    harness.run(a_fill("0.25", 99, "late"))
    assert harness.wait(SECOND)[0] == []
    harness.run(
        m.EndReport(order_id=an_id(), time=harness.now, status=OrderStatus.CANCELLED, cumulative=Decimal("0.75"))
    )
    (sent,), (action,) = harness.wait(0)

    assert isinstance(sent, m.RequestSubmitted)
    assert (sent.request, sent.quantity, sent.cause) == ("new", Decimal("1.25"), "parent")
    assert isinstance(action, m.SendOrder)
    assert (action.quantity, action.instruction.type) == (Decimal("1.25"), OrderType.MARKET)
    assert harness.state.succeeded == {}


def test_an_order_that_fills_while_its_cancel_is_out_has_no_successor() -> None:
    harness = resting(ESCALATE)
    harness.wait(30 * SECOND)
    successor = harness.state.succeeded[an_id()]
    harness.run(a_fill(2, 99), m.RejectReport(order_id=an_id(), time=harness.now, number=1))
    events, actions = harness.wait(0)

    assert [type(event) for event in events] == [m.OrderWithdrawn]
    assert actions == []
    assert (harness.order(successor).status, harness.order(successor).code) == (OrderStatus.CANCELLED, "nothing_left")


def test_the_successor_waits_for_the_fills_that_the_end_claims() -> None:
    harness = resting(ESCALATE)
    harness.wait(30 * SECOND)
    cancelled(harness, cumulative=1)
    assert requests(harness.wait(SECOND)[0]) == []

    harness.run(a_fill(1, 99))
    (sent,), _ = harness.wait(0)
    assert isinstance(sent, m.RequestSubmitted)
    assert sent.quantity == 1


def test_a_cancel_that_is_refused_is_tried_again_with_the_same_successor() -> None:
    harness = resting(ESCALATE)
    harness.wait(30 * SECOND)
    successor = dict(harness.state.succeeded)
    harness.run(m.RejectReport(order_id=an_id(), time=harness.now, number=1, message="busy"))
    events, _ = harness.wait(RECANCEL)

    assert requests(events) == [("cancel", "now", None)]
    assert harness.state.succeeded == successor


def test_an_order_that_expires_while_its_cancel_is_refused_has_no_successor() -> None:
    order = a_limit_buy(2, 99, time_in_force=TimeInForce.GTD, expire_at=NOW + 50 * SECOND, linger=(ESCALATE,))
    harness = resting(order=order)
    harness.wait(30 * SECOND)
    (successor,) = harness.state.succeeded.values()
    harness.run(m.RejectReport(order_id=an_id(), time=harness.now, number=1, message="busy"))
    harness.run(m.EndReport(order_id=an_id(), time=harness.now, status=OrderStatus.EXPIRED))
    harness.wait(0)

    assert (harness.order(successor).status, harness.order(successor).reason) == (
        OrderStatus.CANCELLED,
        "the order before it is expired",
    )


@pytest.mark.parametrize("refused", [False, True], ids=["while the rule's cancel is out", "after it was refused"])
def test_who_cancels_an_order_that_is_being_sent_to_market_gets_a_cancel(refused: bool) -> None:
    harness = resting(ESCALATE)
    harness.wait(30 * SECOND)
    (successor,) = harness.state.succeeded.values()
    if refused:
        harness.run(m.RejectReport(order_id=an_id(), time=harness.now, number=1, message="busy"))
    events, actions = harness.run(m.CancelOrder(order_id=an_id(), cause="ann"))
    cancelled(harness)

    assert requests(events) == ([("cancel", "", None)] if refused else [])
    assert [type(action) for action in actions] == ([m.SendCancel] if refused else [])
    assert harness.wait(5 * MINUTE) == ([], [])
    assert harness.order(successor).status is OrderStatus.CANCELLED


def test_another_child_of_an_order_does_not_stand_in_for_its_successor() -> None:
    harness = resting(ESCALATE)
    other = a_limit_buy(1, 98, 5, parent_id=an_id(), execute_at=NOW + 40 * SECOND)
    harness.submit(other)
    harness.wait(30 * SECOND)
    successor = dict(harness.state.succeeded)
    harness.wait(10 * SECOND)  # the other child goes out
    harness.run(m.RejectReport(order_id=an_id(), time=harness.now, number=1, message="busy"))
    harness.wait(2 * MINUTE)

    assert harness.state.succeeded == successor


def test_a_log_cut_in_the_middle_of_an_escalation_goes_on_with_it() -> None:
    harness = resting(ESCALATE)
    events, _ = harness.wait(30 * SECOND)
    assert [type(event) for event in events] == [m.OrderReceived, m.RequestSubmitted]
    cut = Harness(harness.history[:-1], a_quote(time=harness.now), harness.now)
    events, _ = cut.wait(0)
    cancelled(cut)

    assert requests(events) == [("cancel", "now", None)]
    assert requests(cut.wait(0)[0]) == [("new", "", None)]


def test_a_signal_that_reverses_stops_an_escalation_too() -> None:
    harness = resting(LingerRule(name="turned", on_reversal=True), ESCALATE, order=a_limit_buy(2, 99, strategy="trend"))
    harness.wait(30 * SECOND)
    (successor,) = harness.state.succeeded.values()
    harness.run(a_signal(Action.SELL))
    cancelled(harness)

    assert harness.wait(5 * MINUTE)[0] == []
    assert harness.order(successor).reason == "the signal reversed"


# By price


def test_an_order_is_cancelled_when_the_market_has_moved_away_by_so_much() -> None:
    harness = resting(LingerRule(name="gone", moved_bps=Decimal(100)))

    assert requests(harness.quote("100.97", "100.99")[0]) == []
    assert requests(harness.quote("100.99", "101.01")[0]) == [("cancel", "gone", None)]
    assert requests(harness.quote("101.99", "102.01")[0]) == []  # it is being cancelled


def test_a_price_that_follows_the_market_measures_from_where_it_was_last_moved() -> None:
    harness = resting(LingerRule(name="follow", do="nearer", moved_bps=Decimal(100), times=5))

    assert requests(harness.quote("100.99", "101.01")[0]) == [("replace", "follow", Decimal("100.99"))]
    harness.run(m.ReplacedReport(order_id=an_id(), time=harness.now, number=1))
    assert requests(harness.quote("101.5", "101.52")[0]) == []
    assert requests(harness.quote("102.02", "102.04")[0]) == [("replace", "follow", Decimal("102.02"))]


def test_a_rule_that_is_taken_in_later_holds_for_the_orders_that_are_there() -> None:
    harness = resting()
    rules = (LingerRule(name="gone", moved_bps=Decimal(100)), LingerRule(name="enough", after_ms=60_000))
    harness.wait(2 * MINUTE)
    harness.run(m.Configure(settings=Settings(linger=rules)))

    assert requests(harness.wait(0)[0]) == [("cancel", "enough", None)]
    assert set(harness.state.watched["simulated", SYMBOL]) == {an_id()}
    cancelled(harness)
    assert not harness.state.watched["simulated", SYMBOL]


def test_prices_that_follow_the_market_are_moved_one_at_a_look_and_never_past_the_money() -> None:
    harness = a_harness(
        settings=Settings(linger=(LingerRule(name="follow", do="nearer", moved_bps=Decimal(100), times=5),)),
        deposits={"USDT": 400},
    )
    harness.submit(a_limit_buy(2, 99), a_limit_buy(2, 99, 2))
    harness.run(*(m.AckReport(order_id=an_id(number), time=NOW) for number in (1, 2)))

    moved = [requests(harness.quote("100.99", "101.01")[0]) for _ in range(3)]
    balance = harness.state.balances["main", "USDT"]

    assert moved == [[("replace", "follow", Decimal("100.99"))], [], []]  # there is money for one of them
    assert (balance.locked, balance.total) == (Decimal("399.98"), Decimal(400))


def test_a_price_is_not_moved_in_the_moment_in_which_the_days_loss_is_reached() -> None:
    rules = (LingerRule(name="follow", do="nearer", moved_bps=Decimal(100), times=5),)
    harness = a_harness(
        settings=Settings(linger=rules, limits=RiskLimits(max_daily_loss=Decimal(50))),
        deposits={"USDT": 1_000, "BTC": 0},
    )
    harness.submit(a_limit_buy(5, 100))
    harness.run(a_fill(5, 100), m.AckReport(order_id=an_id(), time=NOW))
    harness.submit(a_limit_buy(1, 80, 2))
    harness.run(m.AckReport(order_id=an_id(2), time=NOW))
    events, _ = harness.quote("85", "85.02")

    assert [type(event) for event in events if not isinstance(event, m.PriceSeen)] == [m.TradingStateSet]


def test_a_rule_that_can_do_nothing_does_not_hold_up_another() -> None:
    polite = LingerRule(name="polite", do="nearer", after_ms=10_000, times=100, within_bps=Decimal(1))
    bold = LingerRule(name="bold", do="nearer", after_ms=60_000)
    harness = resting(polite, bold, order=a_limit_buy(2, "99"))
    harness.run(m.AckReport(order_id=an_id(), time=NOW))
    events, _ = harness.wait(2 * MINUTE)

    assert ("replace", "bold", Decimal("99.99")) in requests(events)


def test_a_market_that_drifts_in_small_steps_has_moved_all_the_same() -> None:
    polite = LingerRule(name="polite", do="nearer", after_ms=10_000, times=100, within_bps=Decimal(1))
    harness = resting(polite, LingerRule(name="gone", moved_bps=Decimal(150)))
    events: list[m.AnyEvent] = []
    for step in range(1, 20):
        harness.wait(10 * SECOND)
        events += harness.quote(Decimal("99.99") + step * Decimal("0.1"), Decimal("100.01") + step * Decimal("0.1"))[0]

    assert ("cancel", "gone", None) in requests(events)


# By the signal


def a_signal(action: Action, name: str = "1", **words: Any) -> m.ReceiveSignal:
    signal = Signal(signal_id=name, symbol=SYMBOL, action=action, account="main", strategy="trend", time=NOW, **words)
    return m.ReceiveSignal(signal=signal, order_id=an_id(90 + int(name)))


def turning(**order: Any) -> Harness:
    """A buy of the strategy "trend", and the rule that it goes when the signal reverses."""
    return resting(
        LingerRule(name="turned", on_reversal=True), order=a_limit_buy(2, 99, **({"strategy": "trend"} | order))
    )


def test_a_buy_goes_when_its_strategy_says_sell_even_if_there_is_nothing_to_sell() -> None:
    harness = turning()
    events, actions = harness.run(a_signal(Action.SELL))

    assert [type(event) for event in events] == [m.SignalReceived, m.RequestSubmitted]
    assert requests(events) == [("cancel", "turned", None)]
    assert [type(action) for action in actions] == [m.Reply, m.SendCancel]


def test_a_target_below_what_is_held_and_working_is_a_reversal_too() -> None:
    harness = turning()
    harness.run(a_fill(1, 99))
    events, _ = harness.run(a_signal(Action.TARGET, target_quantity=Decimal(0)))

    assert ("cancel", "turned", None) in requests(events)


@pytest.mark.parametrize(
    ("order", "signal"),
    [
        ({}, a_signal(Action.BUY, quantity=Decimal(1))),
        ({"strategy": "other"}, a_signal(Action.SELL)),
    ],
    ids=["the same side", "another strategy"],
)
def test_what_the_signal_does_not_turn_against_stays(order: dict[str, Any], signal: m.ReceiveSignal) -> None:
    events, _ = turning(**order).run(signal)

    assert [it for it in requests(events) if it[0] == "cancel"] == []


def test_an_order_that_still_waits_goes_too_when_the_signal_reverses() -> None:
    harness = turning(execute_at=NOW + MINUTE)
    harness.run(a_signal(Action.SELL))

    assert (harness.order().status, harness.order().reason) == (OrderStatus.CANCELLED, "the signal reversed")


# Which rules hold


@pytest.mark.parametrize(
    ("order", "holds"),
    [
        ({}, ["book"]),
        ({"account": "other"}, ["account"]),
        ({"symbol": "ETH/USDT"}, ["symbol"]),
        ({"symbol": "ETH/USDT", "account": "other"}, ["symbol"]),
        ({"strategy": "trend", "symbol": "ETH/USDT", "account": "other"}, []),
        ({"strategy": "trend", "linger": (LingerRule(name="x", after_ms=6),)}, ["own"]),
        ({"order_id": an_id(7), "strategy": "trend"}, ["order"]),
        ({"type": OrderType.STOP_LOSS, "stop_price": Decimal(90), "price": None}, []),
    ],
)
def test_the_rule_that_fits_an_order_most_closely_holds(order: dict[str, Any], holds: list[str]) -> None:
    rules = (
        LingerRule(name="x", after_ms=1),
        LingerRule(name="x", after_ms=2, account="other"),
        LingerRule(name="x", after_ms=3, symbol="ETH/USDT"),
        LingerRule(name="x", do="keep", strategy="trend"),
        LingerRule(name="x", after_ms=5, order_id=an_id(7)),
    )
    named = {1: "book", 2: "account", 3: "symbol", 5: "order", 6: "own"}
    found = rules_of(Settings(linger=rules), an_instruction(**order))

    assert [named[rule.after_ms or 0] for rule in found] == holds


def test_of_rules_due_together_the_strongest_acts() -> None:
    at_once = {"after_ms": 1_000}
    harness = resting(
        LingerRule(name="a", do="nearer", **at_once),  # type: ignore[arg-type]
        LingerRule(name="b", do="market", **at_once),  # type: ignore[arg-type]
        LingerRule(name="c", **at_once),  # type: ignore[arg-type]
    )

    assert requests(harness.wait(SECOND)[0]) == [("cancel", "c", None)]


# Bad input


@pytest.mark.parametrize(
    ("rule", "field", "says"),
    [
        (LingerRule(name="x"), "linger.x.when", "exactly one of after_ms, moved_bps, on_reversal, day_end"),
        (LingerRule(name="x", after_ms=5, day_end="24:00"), "linger.x.when", "exactly one of"),
        (LingerRule(name="", after_ms=5), "linger.1.name", "needs a name"),
        (LingerRule(name="x", after_ms=0), "linger.x.after_ms", "not above 0"),
        (LingerRule(name="x", after_ms=5, do="cancl"), "linger.x.do", "not one of cancel, market, nearer, keep"),  # type: ignore[arg-type]
        (LingerRule(name="x", moved_bps=Decimal(-1)), "linger.x.moved_bps", "not a number above 0"),
        (LingerRule(name="x", day_end="25:00"), "linger.x.day_end", "such as 21:30"),
        (LingerRule(name="x", day_end="00:00"), "linger.x.day_end", "such as 21:30"),
        (LingerRule(name="x", on_reversal=True, do="market"), "linger.x.do", "cancelled, nothing else"),
        (LingerRule(name="x", after_ms=5, do="nearer", times=0), "linger.x.times", "from 1 to 254"),
        (LingerRule(name="x", after_ms=5, do="nearer", offset_ticks=-1), "linger.x.offset_ticks", "cross the market"),
        (LingerRule(name="x", after_ms=5, within_bps=Decimal(0)), "linger.x.within_bps", "not a number above 0"),
    ],
    ids=lambda it: it if isinstance(it, str) and it.startswith("linger") else "",
)
def test_a_rule_that_could_not_act_is_refused_where_it_comes_in(rule: LingerRule, field: str, says: str) -> None:
    problem = problem_of((rule,))
    assert problem is not None
    assert (problem.reason, problem.field) == (Reason.LINGER_RULE, field)
    assert says in problem.rule

    harness = a_harness()
    _, (reply,) = harness.run(m.Configure(settings=Settings(linger=(rule,))))
    assert isinstance(reply, m.Reply)
    assert (reply.outcome, reply.refusal) == ("refused", problem)
    harness.submit(a_limit_buy(1, 99, linger=(rule,)))
    assert harness.order().code == "linger_rule"


# What is logged of prices


def test_prices_are_logged_closely_for_five_minutes_after_an_order_went_out_or_filled() -> None:
    harness = a_harness()

    def logged(seconds: int) -> int:
        """How many of a quote a second, for so long, go into the log."""
        count = 0
        for _ in range(seconds):
            harness.wait(SECOND)
            events, _ = harness.run(
                m.QuoteSeen(exchange="simulated", symbol=SYMBOL, quote=a_quote("99.99", "100.01", time=harness.now))
            )
            count += sum(isinstance(event, m.PriceSeen) for event in events)
        return count

    assert logged(30) == 1
    harness.submit(a_limit_buy(1, 100))
    harness.run(m.AckReport(order_id=an_id(), time=harness.now))
    assert logged(300) == 300
    assert logged(600) == 10  # it rests: once a minute
    harness.run(a_fill(1, 100))
    assert logged(300) == 300
    assert logged(300) == 0


def test_the_middle_of_the_market_is_logged_where_an_order_ends_unfilled() -> None:
    harness = resting()
    harness.quote("101.99", "102.01")
    cancelled(harness)
    ended = harness.events[-1]

    assert isinstance(ended, m.OrderEnded)
    assert ended.mid == Decimal(102)


def test_the_price_of_the_chart_goes_with_the_order_that_an_alert_becomes() -> None:
    harness = a_harness()
    harness.run(a_signal(Action.BUY, quantity=Decimal(1), price=Decimal("99.5")))
    instruction = harness.order(an_id(91)).instruction

    assert (instruction.side, instruction.price) == (OrderSide.BUY, None)
    assert (instruction.decision_price, instruction.decision_time) == (Decimal("99.5"), NOW)


# Asking


def test_an_order_can_be_asked_about_at_any_time() -> None:
    harness = resting()
    where: dict[str, Any] = {"order_id": an_id(), "account": "main", "exchange": "simulated", "symbol": SYMBOL}

    assert harness.run(m.RefreshOrder(order_id=an_id())) == (
        [],
        [m.AskOrder(**where, number=0), m.FetchTrades(**where)],
    )


def test_an_order_that_is_not_there_or_has_not_gone_out_is_not_asked_about() -> None:
    harness = a_harness()
    harness.submit(a_limit_buy(1, 99, execute_at=NOW + MINUTE))
    replies = harness.run(m.RefreshOrder(order_id=an_id()), m.RefreshOrder(order_id=an_id(5)))[1]

    assert [(reply.outcome, reply.order_id) for reply in replies if isinstance(reply, m.Reply)] == [
        ("nothing", an_id()),
        ("refused", an_id(5)),
    ]


def test_two_rules_of_one_name_for_the_same_orders_are_refused() -> None:
    problem = problem_of((CANCEL, LingerRule(name="enough", after_ms=5)))

    assert problem is not None
    assert (problem.field, problem.value) == ("linger.enough", "enough")
    assert problem_of((CANCEL, LingerRule(name="enough", after_ms=5, strategy="trend"))) is None
