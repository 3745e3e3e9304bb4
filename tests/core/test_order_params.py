"""How orders are sent: the collar of a market order and what becomes of the rest, and the rate."""

from decimal import Decimal
from typing import Any

import pytest

from orderwright.core import messages as m
from orderwright.core.model import (
    SECOND,
    Account,
    Action,
    Bracket,
    Instruction,
    Order,
    OrderSide,
    OrderStatus,
    OrderType,
    RiskLimits,
    Settings,
    Signal,
    Sizing,
    Terms,
    TimeInForce,
    TradingState,
    VenueTraits,
)
from orderwright.core.recovery import order_from
from orderwright.core.requests import as_sent
from orderwright.driver import Driver
from orderwright.journal.memory import MemoryJournal
from tests.builders import (
    NOW,
    SYMBOL,
    Harness,
    a_fill,
    a_harness,
    a_limit_buy,
    a_market_buy,
    a_market_sell,
    a_quote,
    an_execution,
    an_id,
    an_instrument,
)

S = OrderStatus


def at_20_bps(**words: Any) -> Harness:
    """BTC/USDT at 99.99 / 100.01; a market order goes out at most 20 bps beyond: 100.21 and 99.80."""
    return a_harness(settings=Settings(max_slippage_bps=Decimal(20), **words), deposits={"USDT": 1_000_000, "BTC": 100})


def sent(harness: Harness) -> list[Instruction]:
    """What went to the venue as new orders."""
    return [action.instruction for action in harness.actions if isinstance(action, m.SendOrder)]


def ended(harness: Harness, number: int | str = 1, status: OrderStatus = S.EXPIRED) -> None:
    """The venue ends what is left of an order, as it does with an immediate one."""
    order = harness.order(number)
    harness.run(m.EndReport(order_id=order.order_id, time=harness.now, status=status, cumulative=order.filled))


def child_of(harness: Harness, number: int | str = 1) -> Order:
    parent = harness.order(number).order_id
    return next(order for order in harness.state.working() if order.instruction.parent_id == parent)


# The collar


@pytest.mark.parametrize(
    ("side", "bps", "collar"),
    [
        (OrderSide.BUY, "20", "100.21"),
        (OrderSide.SELL, "20", "99.80"),
        (OrderSide.BUY, "0", "100.01"),
        (OrderSide.SELL, "0", "99.99"),
        (OrderSide.BUY, "20.9", "100.21"),
        (OrderSide.SELL, "9999", "0.01"),
        (OrderSide.BUY, "0.5", "100.01"),
    ],
)
def test_a_market_order_goes_out_as_an_immediate_limit_at_its_collar_rounded_inwards(
    side: OrderSide, bps: str, collar: str
) -> None:
    harness = a_harness(
        settings=Settings(max_slippage_bps=Decimal(bps)),
        deposits={"USDT": 1_000, "BTC": 10},
    )
    harness.submit(a_market_buy(2, side=side))

    said = a_limit_buy(2, collar, side=side, time_in_force=TimeInForce.IOC)
    assert sent(harness) == [said]
    order = harness.order()
    assert (order.instruction.type, order.price, order.remainder) == (OrderType.MARKET, Decimal(collar), "cancel")


def test_without_a_collar_a_market_order_is_sent_as_it_is() -> None:
    harness = a_harness()
    harness.submit(a_market_buy(2))

    assert sent(harness) == [a_market_buy(2)]
    assert (harness.order().price, harness.order().remainder) == (None, "")


def test_the_collar_is_never_beyond_the_one_for_limit_prices() -> None:
    harness = at_20_bps(collar_bps=Decimal(5))
    harness.submit(a_market_buy(1))

    assert harness.order().price == Decimal("100.06")


def test_the_event_carries_what_the_collar_was_measured_by_and_a_replay_gives_the_same_order() -> None:
    harness = at_20_bps(remainder="rest")
    events, _ = harness.submit(a_market_buy(1))

    received = events[0]
    assert isinstance(received, m.OrderReceived)
    assert (received.bid, received.ask, received.price) == (Decimal("99.99"), Decimal("100.01"), Decimal("100.21"))
    assert (received.remainder, received.until) == ("rest", NOW + 5 * SECOND)
    assert order_from([received]) == harness.order()


def test_a_quote_amount_is_sized_and_locked_at_the_collar() -> None:
    harness = at_20_bps()
    harness.submit(a_market_buy(None, quote_quantity=Decimal(1_000)))

    order, said = harness.order(), sent(harness)[0]
    assert order.quantity == Decimal("9.97904")  # 1000 / 100.21, in whole steps
    assert (said.quantity, said.quote_quantity) == (order.quantity, None)
    assert order.reserved == order.quantity * Decimal("100.21") <= 1_000


def test_a_signal_of_all_there_is_leaves_room_for_the_collar() -> None:
    harness = at_20_bps()
    everything = Terms(sizing=Sizing(by="equity", amount=Decimal(100)))
    signal = Signal(signal_id="s", symbol=SYMBOL, action=Action.BUY, account="main", terms=everything)
    harness.run(m.ReceiveSignal(signal=signal, order_id=an_id()))

    order = harness.order()
    assert (order.status, order.price) == (S.SUBMITTED, Decimal("100.21"))
    assert order.reserved <= 1_000_000


def test_a_fok_market_order_stays_all_or_nothing() -> None:
    harness = at_20_bps(remainder="retry")
    harness.submit(a_market_buy(1, time_in_force=TimeInForce.FOK))

    assert sent(harness)[0].time_in_force is TimeInForce.FOK
    assert harness.order().remainder == "cancel"


def test_without_a_recent_price_only_what_reduces_goes_out_and_as_a_plain_market_order() -> None:
    harness = at_20_bps()
    harness.now += 61 * SECOND
    harness.submit(a_market_buy(1), a_market_sell(1, 2, reduce_only=True))

    assert (harness.order(1).status, harness.order(1).code) == (S.DENIED, "no_market_price")
    assert sent(harness) == [a_market_sell(1, 2, reduce_only=True)]


def test_an_order_that_waited_goes_out_at_the_collar_of_that_moment() -> None:
    harness = at_20_bps()
    harness.submit(a_market_buy(1, execute_at=NOW + SECOND))
    harness.quote(109, 110)
    harness.wait(SECOND)

    assert harness.order().price == Decimal("110.22")
    assert as_sent(harness.order()) == sent(harness)[0]
    assert order_from([event for event in harness.events if isinstance(event, m.OrderEvent)]) == harness.order()


def test_a_protective_exit_that_became_a_market_order_has_no_collar() -> None:
    harness = at_20_bps()
    harness.submit(a_market_buy(1, bracket=Bracket(stop_loss=Decimal(90))))
    harness.run(a_fill(1, "100.01"))
    harness.wait(0)
    stop = child_of(harness)
    harness.run(m.RejectReport(order_id=stop.order_id, time=NOW, code="-1"))
    harness.wait(0)

    assert [(said.type, said.price) for said in sent(harness)] == [
        (OrderType.LIMIT, Decimal("100.21")),
        (OrderType.STOP_LOSS, None),
        (OrderType.MARKET, None),
    ]


# What is left


def test_cancel_leaves_the_rest_as_the_venue_ended_it() -> None:
    harness = at_20_bps()
    harness.submit(a_market_buy(3))
    harness.run(a_fill(1, "100.01"))
    ended(harness)
    harness.wait(60 * SECOND)

    assert (harness.order().status, harness.order().filled) == (S.EXPIRED, Decimal(1))
    assert len(sent(harness)) == 1


def test_retry_sends_what_is_left_at_the_collar_of_then_and_pauses_twice_as_long_each_time() -> None:
    harness = at_20_bps(remainder="retry", retry_attempts=2)
    harness.submit(a_market_buy(3))
    harness.run(a_fill(1, "100.01"))
    ended(harness)
    first = child_of(harness).order_id
    harness.wait(99_999)
    assert len(sent(harness)) == 1
    harness.quote(101, 102)
    harness.wait(1)
    assert (harness.order(first).price, harness.order(first).quantity) == (Decimal("102.20"), Decimal(2))
    ended(harness, first)
    second = child_of(harness, first).order_id
    harness.wait(200_000)
    harness.run(m.FillReport(order_id=second, time=NOW, execution=a_fill(1, 102, "e2").execution))
    ended(harness, second)
    harness.wait(60 * SECOND)

    assert [said.quantity for said in sent(harness)] == [3, 2, 2]
    assert [said.parent_id for said in sent(harness)] == ["", an_id(), first]
    assert (harness.order(second).filled, harness.order(second).attempt) == (Decimal(1), 2)
    assert list(harness.state.working()) == []


def test_a_retry_waits_for_the_fills_that_the_end_announced() -> None:
    harness = at_20_bps(remainder="retry")
    harness.submit(a_market_buy(3))
    harness.run(m.EndReport(order_id=an_id(), time=NOW, status=S.CANCELLED, cumulative=Decimal(2)))
    child = child_of(harness)
    assert child.quantity == 1
    harness.wait(SECOND)
    assert harness.order(child.order_id).status is S.PENDING
    harness.run(a_fill(2, 100))
    harness.wait(0)

    assert [said.quantity for said in sent(harness)] == [3, 1]


def test_an_end_that_is_told_twice_makes_one_retry() -> None:
    harness = at_20_bps(remainder="retry")
    harness.submit(a_market_buy(3))
    ended(harness)
    ended(harness)
    harness.wait(100_000)
    ended(harness)

    assert [said.quantity for said in sent(harness)] == [3, 3]


def test_no_retry_begins_after_the_time_for_execution() -> None:
    harness = at_20_bps(remainder="retry", execution_timeout_ms=1_000)
    harness.submit(a_market_buy(3))
    harness.wait(950_000)
    ended(harness)

    assert list(harness.state.working()) == []


def test_what_was_cancelled_is_not_tried_again() -> None:
    harness = at_20_bps(remainder="retry")
    harness.submit(a_market_buy(3))
    harness.run(m.CancelOrder(order_id=an_id()))
    ended(harness, status=S.CANCELLED)

    assert list(harness.state.working()) == []


@pytest.mark.parametrize("after", [0, 100_000])
def test_who_cancels_the_order_cancels_what_goes_on_for_it(after: int) -> None:
    harness = at_20_bps(remainder="retry")
    harness.submit(a_market_buy(3))
    ended(harness)
    child = child_of(harness).order_id
    harness.wait(after)
    harness.run(m.CancelOrder(order_id=an_id()))

    assert harness.order(child).status is (S.PENDING_CANCEL if after else S.CANCELLED)


def test_a_retry_is_checked_again() -> None:
    harness = at_20_bps(remainder="retry")
    harness.submit(a_market_buy(3))
    ended(harness)
    child = child_of(harness).order_id
    harness.run(m.SetTradingState(state=TradingState.HALTED))
    harness.wait(SECOND)

    assert (harness.order(child).status, harness.order(child).code) == (S.DENIED, "halted")


def test_rest_leaves_the_order_at_its_collar_for_as_long_as_it_may_and_then_cancels_it() -> None:
    harness = at_20_bps(remainder="rest", execution_timeout_ms=30_000)
    harness.submit(a_market_buy(3))
    assert (sent(harness)[0].type, sent(harness)[0].time_in_force) == (OrderType.LIMIT, TimeInForce.GTC)
    harness.run(m.AckReport(order_id=an_id(), time=NOW), a_fill(1, "100.01"))
    harness.wait(29_999_999)
    assert harness.order().status is S.PARTIALLY_FILLED
    harness.wait(1)
    assert harness.order().status is S.PENDING_CANCEL
    ended(harness, status=S.CANCELLED)

    assert (harness.order().status, harness.order().filled) == (S.CANCELLED, Decimal(1))


def test_what_rests_can_be_changed_as_the_limit_order_that_it_is() -> None:
    harness = at_20_bps(remainder="rest")
    harness.submit(a_market_buy(3))
    harness.run(m.AckReport(order_id=an_id(), time=NOW))
    harness.run(m.ReplaceOrder(order_id=an_id(), quantity=Decimal(2)))

    assert harness.order().status is S.PENDING_REPLACE


# The rate


def at_two_a_second(**words: Any) -> Harness:
    return a_harness(settings=Settings(rate_limit_orders=2, **words))


def statuses(harness: Harness, *numbers: int) -> list[OrderStatus]:
    return [harness.order(number).status for number in numbers]


def test_above_the_rate_orders_wait_and_go_out_in_their_order() -> None:
    harness = at_two_a_second()
    harness.submit(*(a_limit_buy(1, 100, number) for number in (9, 8, 7, 6, 5)))
    assert statuses(harness, 9, 8, 7, 6, 5) == [S.SUBMITTED, S.SUBMITTED, S.PENDING, S.PENDING, S.PENDING]
    assert harness.order(7).wait_until == NOW + 5 * SECOND
    harness.wait(SECOND)
    assert statuses(harness, 7, 6, 5) == [S.SUBMITTED, S.SUBMITTED, S.PENDING]
    harness.wait(SECOND)

    assert [said.order_id for said in sent(harness)] == [an_id(number) for number in (9, 8, 7, 6, 5)]


def test_nobody_overtakes_those_that_wait() -> None:
    harness = at_two_a_second(rate_limit_window_ms=2_000)
    harness.submit(*(a_limit_buy(1, 100, number) for number in (1, 2, 3, 4, 5)))
    harness.now += 2 * SECOND  # the window is new, and no deadline was looked at yet
    harness.submit(a_limit_buy(1, 100, 6))
    harness.wait(4 * SECOND)

    assert [said.order_id for said in sent(harness)] == [an_id(number) for number in range(1, 7)]


def test_the_rate_of_the_window_that_follows_counts_those_that_waited() -> None:
    harness = at_two_a_second()
    harness.submit(*(a_limit_buy(1, 100, number) for number in (1, 2, 3)))
    harness.wait(SECOND)
    harness.submit(a_limit_buy(1, 100, 4), a_limit_buy(1, 100, 5))

    assert statuses(harness, 3, 4, 5) == [S.SUBMITTED, S.SUBMITTED, S.PENDING]


def test_who_waits_for_longer_than_the_time_for_execution_is_denied() -> None:
    harness = at_two_a_second(rate_limit_window_ms=60_000, execution_timeout_ms=1_000)
    harness.submit(*(a_limit_buy(1, 100, number) for number in (1, 2, 3)))
    harness.wait(SECOND)

    assert (harness.order(3).status, harness.order(3).code) == (S.DENIED, "execution_timeout")
    assert harness.state.queue == {}


def test_a_full_queue_denies_at_once() -> None:
    harness = at_two_a_second(rate_queue=1)
    _, actions = harness.submit(*(a_limit_buy(1, 100, number) for number in (1, 2, 3, 4)))

    assert (harness.order(4).status, harness.order(4).code) == (S.DENIED, "rate_queue_full")
    assert [action.order_id for action in actions if isinstance(action, m.Reply)] == [an_id(4)]


def test_cancels_and_replaces_do_not_wait_for_the_rate() -> None:
    harness = at_two_a_second()
    harness.submit(*(a_limit_buy(2, 100, number) for number in (1, 2, 3)))
    harness.run(
        m.AckReport(order_id=an_id(2), time=NOW),
        m.CancelOrder(order_id=an_id(1)),
        m.ReplaceOrder(order_id=an_id(2), quantity=Decimal(1)),
    )

    assert statuses(harness, 1, 2, 3) == [S.PENDING_CANCEL, S.PENDING_REPLACE, S.PENDING]


def test_one_that_waits_can_be_cancelled_and_the_next_takes_its_place() -> None:
    harness = at_two_a_second()
    harness.submit(*(a_limit_buy(1, 100, number) for number in (1, 2, 3, 4)))
    harness.run(m.CancelOrder(order_id=an_id(3)))
    harness.wait(SECOND)

    assert statuses(harness, 3, 4) == [S.CANCELLED, S.SUBMITTED]


def test_an_approved_order_keeps_the_rate_too() -> None:
    harness = a_harness(settings=Settings(rate_limit_orders=1, approval="above", approval_above=Decimal(150)))
    harness.submit(a_limit_buy(2, 100, 1), a_limit_buy(1, 100, 2))
    harness.run(m.ApproveOrder(order_id=an_id(1)))
    assert (harness.order(1).status, harness.order(1).wait_for) == (S.PENDING, "queue")
    harness.wait(SECOND)

    assert statuses(harness, 1, 2) == [S.SUBMITTED, S.SUBMITTED]


def test_without_the_rate_those_that_waited_for_it_go_at_once() -> None:
    harness = at_two_a_second(rate_limit_window_ms=60_000)
    harness.submit(*(a_limit_buy(1, 100, number) for number in (1, 2, 3, 4)))
    harness.run(m.Configure(settings=Settings()))
    harness.wait(0)

    assert statuses(harness, 3, 4) == [S.SUBMITTED, S.SUBMITTED]


def test_the_limit_of_risk_is_another_and_refuses_at_once() -> None:
    harness = at_two_a_second(limits=RiskLimits(max_orders_per_second=1))
    harness.submit(a_limit_buy(1, 100, 1), a_limit_buy(1, 100, 2))

    assert (harness.order(2).status, harness.order(2).code) == (S.DENIED, "order_rate")


def test_who_waits_in_the_queue_keeps_the_place_while_the_limit_of_the_second_holds_it_back() -> None:
    limits = RiskLimits(max_orders_per_second=1)
    harness = at_two_a_second(rate_limit_window_ms=100, limits=limits)
    harness.submit(a_market_buy(9, 1))
    harness.run(a_fill(9, 100, "e1"))
    harness.submit(*(a_market_sell(1, number, reduce_only=True) for number in (8, 7, 6, 5)))
    harness.wait(SECOND)
    harness.submit(a_market_sell(1, 4, reduce_only=True))
    for _ in range(5):
        harness.wait(SECOND)

    assert [said.order_id for said in sent(harness)] == [an_id(number) for number in (1, 8, 7, 6, 5, 4)]
    assert not any(isinstance(event, m.OrderDelayed) for event in harness.events)


# Approval


def test_an_approval_waits_with_an_alert_and_is_checked_again_at_the_price_of_then() -> None:
    harness = a_harness(settings=Settings(approval="all", max_slippage_bps=Decimal(20)))
    _, actions = harness.submit(a_market_buy(1))
    assert [action.topic for action in actions if isinstance(action, m.RaiseAlert)] == ["approval"]
    assert harness.order().status is S.PENDING
    harness.quote(199, 200)
    harness.run(m.ApproveOrder(order_id=an_id()))
    assert harness.order().price == Decimal("200.40")

    harness.submit(a_market_buy(9_000, 2))  # worth more than there is by now
    harness.quote(299, 300)
    harness.run(m.ApproveOrder(order_id=an_id(2)))
    assert (harness.order(2).status, harness.order(2).code) == (S.DENIED, "buying_power")


# The settings


@pytest.mark.parametrize(
    ("field", "value", "nearest"),
    [
        ("max_slippage_bps", Decimal(10_000), None),
        ("max_slippage_bps", Decimal("NaN"), None),
        ("remainder", "wait", None),
        ("retry_attempts", 21, "20"),
        ("retry_delay_ms", -1, "0"),
        ("execution_timeout_ms", 0, "1"),
        ("rate_limit_orders", 0, "1"),
        ("rate_limit_window_ms", 0, "1"),
        ("rate_queue", -1, "0"),
    ],
)
def test_settings_that_nothing_can_be_sent_by_are_refused(field: str, value: object, nearest: str | None) -> None:
    harness = a_harness()
    events, actions = harness.run(m.Configure(settings=Settings(**{field: value})))  # type: ignore[arg-type]

    refusals = [action.refusal for action in actions if isinstance(action, m.Reply)]
    assert events == []
    assert [(refusal.field, refusal.nearest) for refusal in refusals if refusal is not None] == [(field, nearest)]


def test_what_waits_for_the_rate_when_the_log_is_taken_over_has_its_whole_wait_afterwards() -> None:
    account = Account(account="main", traits=VenueTraits(lifetime_ms=20_000, margin_ms=1_000))
    settings = Settings(rate_limit_orders=1, execution_timeout_ms=5_000, max_price_age_ms=10**9)
    harness = a_harness(settings=settings, accounts=(account,))
    harness.submit(*(a_limit_buy(1, 100, number) for number in (1, 2, 3)))
    harness.run(m.BeginEpoch(epoch=1, by="b"))
    assert harness.state.controls.quiet_until == NOW + 21 * SECOND
    harness.wait(22 * SECOND)

    assert statuses(harness, 2, 3) == [S.SUBMITTED, S.SUBMITTED]


class Venue:
    def send(self, action: m.VenueAction) -> None:
        """Say nothing."""


def test_who_waits_for_the_rate_keeps_the_place_across_a_restart_whatever_the_time_it_may_wait() -> None:
    def at(timeout_ms: int) -> m.Configure:
        return m.Configure(settings=Settings(rate_limit_orders=1, execution_timeout_ms=timeout_ms))

    def submitted(*numbers: int) -> list[m.Input]:
        return [m.SubmitOrder(instruction=a_limit_buy(1, 100, number)) for number in numbers]

    journal, venues = MemoryJournal(), {"simulated": Venue()}
    driver = Driver("main", journal, venues)  # type: ignore[arg-type]
    driver.turn([m.OpenAccount(account=Account(account="main")), m.DefineInstrument(instrument=an_instrument())], NOW)
    driver.turn([m.MoveCash(account="main", asset="USDT", amount=Decimal(10**6), reference="r"), at(60_000)], NOW)
    driver.turn([m.QuoteSeen(exchange="simulated", symbol=SYMBOL, quote=a_quote(time=NOW))], NOW)
    driver.turn([*submitted(1, 5, 4), at(5_000), *submitted(3)], NOW)
    again = Driver("main", journal, venues)  # type: ignore[arg-type]

    assert list(driver.state.queue) == list(again.state.queue) == [an_id(5), an_id(4), an_id(3)]


def test_what_goes_on_for_a_market_order_of_a_group_is_counted_in_it_after_a_restart() -> None:
    settings = Settings(max_slippage_bps=Decimal(20), remainder="retry", retry_attempts=1, max_price_age_ms=10**9)
    journal, sent = MemoryJournal(), list[Any]()
    venue = Venue()
    venue.send = sent.append  # type: ignore[method-assign,assignment]
    driver = Driver("main", journal, {"simulated": venue})  # type: ignore[dict-item]
    driver.turn([m.OpenAccount(account=Account(account="main")), m.DefineInstrument(instrument=an_instrument())], NOW)
    cash = m.MoveCash(account="main", asset="USDT", amount=Decimal(10**6), reference="r")
    driver.turn([cash, m.Configure(settings=settings)], NOW)
    seen = m.QuoteSeen(exchange="simulated", symbol=SYMBOL, quote=a_quote(time=NOW))
    pair = (a_market_buy(2, number=1, group="g"), a_limit_buy(2, 90, number=2, group="g"))
    driver.turn([seen, *(m.SubmitOrder(instruction=one) for one in pair)], NOW)
    driver.turn([m.AckReport(order_id=an_id(number), time=NOW) for number in (1, 2)], NOW)

    def filled(order_id: str, quantity: str, name: str, now: int) -> None:
        execution = an_execution(quantity, "100.01", name)
        end = m.EndReport(order_id=order_id, time=now, status=S.EXPIRED, cumulative=Decimal(quantity))
        driver.turn([m.FillReport(order_id=order_id, time=now, execution=execution), end], now)
        driver.turn([], now)
        asked = [one for one in sent if isinstance(one, m.SendReplace)]
        said: dict[str, Any] = {"time": now, "number": asked[-1].number, "quantity": asked[-1].quantity}
        driver.turn([m.ReplacedReport(order_id=asked[-1].order_id, **said)], now)

    filled(an_id(1), "0.5", "e1", NOW)
    driver.turn([], NOW + SECOND)
    (child,) = (order_id for order_id in driver.state.orders if order_id not in (an_id(1), an_id(2)))
    filled(child, "1", "e2", NOW + SECOND)
    assert driver.state.orders[an_id(2)].quantity == Decimal("0.5")
    again = Driver("main", journal, {"simulated": venue})  # type: ignore[dict-item]
    sent.clear()
    again.turn([seen], NOW + 2 * SECOND)

    assert sent == []
    assert set(again.state.groups["g"].members) == {an_id(1), an_id(2), child}
