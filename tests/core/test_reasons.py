"""Every reason there is, is given by something: by a row of the tables of validation and risk, or by a scene here."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from orderwright.core import messages as m
from orderwright.core.model import (
    MAX_REQUESTS,
    SECOND,
    Action,
    Bracket,
    LingerRule,
    OrderStatus,
    RiskLimits,
    Settings,
    Signal,
    TimeInForce,
    TradingState,
    Trail,
)
from orderwright.core.reasons import Reason, Refusal
from tests.builders import NOW, SYMBOL, Harness, a_fill, a_harness, a_limit_buy, an_id, an_instrument
from tests.core.test_risk import LINEAR, SPOT
from tests.core.test_validation import REFUSALS
from tests.tables import rows

Actions = list[m.AnyAction]


def resting(**words: Any) -> Harness:
    """A book with order 1, a buy of 2 at 100, open."""
    harness = a_harness()
    harness.submit(a_limit_buy(2, 100, **words))
    harness.run(m.AckReport(order_id=an_id(), time=NOW))
    return harness


def waiting(harness: Harness | None = None) -> Harness:
    """A book with order 1 waiting for approval."""
    harness = harness or a_harness(settings=Settings(approval="all"))
    harness.submit(a_limit_buy(2, 100))
    return harness


def duplicate_signal() -> Actions:
    harness = a_harness()
    signal = Signal(signal_id="s", symbol=SYMBOL, action=Action.BUY, account="main", quantity=Decimal(1))
    harness.run(m.ReceiveSignal(signal=signal, order_id=an_id()))
    return harness.run(m.ReceiveSignal(signal=signal, order_id=an_id(2)))[1]


def conflict() -> Actions:
    harness = resting(idempotency_key="k")
    return harness.submit(a_limit_buy(3, 100, number=2, idempotency_key="k"))[1]


def held() -> Actions:
    harness = a_harness()
    harness.run(m.SetTradingState(state=TradingState.REDUCING, by="chief", role="operator"))
    return harness.run(m.SetTradingState(state=TradingState.ACTIVE, by="ann", role="owner"))[1]


def no_conversion_price() -> Actions:
    limits = RiskLimits(max_order_value=Decimal(100))
    harness = a_harness(settings=Settings(limits=limits), instruments=[an_instrument("ETH/BTC")], deposits={"BTC": 9})
    return harness.submit(a_limit_buy(1, 1, symbol="ETH/BTC"))[1]


def too_many_requests() -> Actions:
    harness = resting()
    for number in range(1, MAX_REQUESTS - 1):
        harness.run(m.ReplaceOrder(order_id=an_id(), price=Decimal(90 + number % 2)))
        harness.run(m.ReplacedReport(order_id=an_id(), time=NOW, number=number))
    _, actions = harness.run(m.ReplaceOrder(order_id=an_id(), price=Decimal(80)))
    cancelled, _ = harness.run(m.CancelOrder(order_id=an_id()))
    assert [event.number for event in cancelled if isinstance(event, m.RequestSubmitted)] == [MAX_REQUESTS - 1]
    return actions


def cancelled_twice() -> Actions:
    return resting().run(m.CancelOrder(order_id=an_id()), m.CancelOrder(order_id=an_id()))[1]


def close_nothing() -> Actions:
    return a_harness().run(m.ClosePosition(account="main", symbol=SYMBOL, order_id=an_id()))[1]


def taken_over() -> Actions:
    harness = resting()
    harness.submit(a_limit_buy(2, 100, number=2))
    harness.run(m.BeginEpoch(epoch=2))
    return harness.run(m.ReplaceOrder(order_id=an_id(), price=Decimal(99)))[1]


def below_filled() -> Actions:
    harness = resting()
    harness.run(a_fill(1, 100))
    return harness.run(m.ReplaceOrder(order_id=an_id(), quantity=Decimal(1)))[1]


REFUSED: dict[Reason, Callable[[], Actions]] = {
    Reason.DUPLICATE_ORDER_ID: lambda: resting().submit(a_limit_buy(3, 100))[1],
    Reason.DUPLICATE_SIGNAL: duplicate_signal,
    Reason.IDEMPOTENCY_CONFLICT: conflict,
    Reason.KEY_TOO_LONG: lambda: a_harness().submit(a_limit_buy(2, 100, idempotency_key="k" * 129))[1],
    Reason.LINGER_RULE: lambda: a_harness().submit(a_limit_buy(1, 100, linger=(LingerRule(name="never"),)))[1],
    Reason.GROUP: lambda: a_harness().submit(a_limit_buy(1, 100, group=an_id(7)))[1],
    Reason.BRACKET: lambda: a_harness().submit(a_limit_buy(1, 100, bracket=Bracket()))[1],
    Reason.TRAIL: lambda: a_harness().submit(a_limit_buy(1, 100, trail=Trail(percent=Decimal(1))))[1],
    Reason.ORDER_PARAMS: lambda: a_harness().run(m.Configure(settings=Settings(max_slippage_bps=Decimal(-1))))[1],
    Reason.RATE_QUEUE_FULL: lambda: a_harness(settings=Settings(rate_limit_orders=1, rate_queue=0)).submit(
        a_limit_buy(1, 100), a_limit_buy(1, 100, number=2)
    )[1],
    Reason.TAKEN_OVER: taken_over,
    Reason.HELD: held,
    Reason.NO_CONVERSION_PRICE: no_conversion_price,
    Reason.UNKNOWN_ORDER: lambda: a_harness().run(m.CancelOrder(order_id=an_id()))[1],
    Reason.NOT_OPEN: lambda: waiting().run(m.ReplaceOrder(order_id=an_id(), price=Decimal(99)))[1],
    Reason.NOTHING_CHANGES: lambda: resting().run(m.ReplaceOrder(order_id=an_id(), price=Decimal(100)))[1],
    Reason.BELOW_FILLED: below_filled,
    Reason.TOO_MANY_REQUESTS: too_many_requests,
    Reason.ALREADY_CANCELLING: cancelled_twice,
    Reason.NOTHING_TO_CLOSE: close_nothing,
    Reason.NOT_WAITING: lambda: resting().run(m.ApproveOrder(order_id=an_id()))[1],
    Reason.EXECUTION_DISABLED: lambda: a_harness(settings=Settings(execution_enabled=False)).submit(
        a_limit_buy(1, 100)
    )[1],
}


def denied() -> Harness:
    harness = waiting()
    harness.run(m.DenyOrder(order_id=an_id(), by="ann"))
    return harness


def not_approved_in_time() -> Harness:
    harness = waiting()
    harness.wait(900 * SECOND)
    return harness


def withdrawn() -> Harness:
    harness = waiting()
    harness.run(m.CancelOrder(order_id=an_id()))
    return harness


def expired_waiting() -> Harness:
    harness = a_harness(settings=Settings(approval="all"))
    harness.submit(a_limit_buy(2, 100, time_in_force=TimeInForce.GTD, expire_at=NOW + SECOND))
    harness.wait(SECOND)
    return harness


def nothing_left() -> Harness:
    """The order fills while its cancel is out, so its successor has nothing to do. It stands in for it here."""
    harness = a_harness()
    harness.submit(a_limit_buy(2, 100, linger=(LingerRule(name="enough", do="market", after_ms=1_000),)))
    harness.run(m.AckReport(order_id=an_id(), time=NOW))
    harness.wait(SECOND)
    successor = harness.state.succeeded[an_id()]
    harness.run(a_fill(2, 100), m.RejectReport(order_id=an_id(), time=NOW, number=1))
    harness.wait(0)
    harness.order = lambda number=successor: Harness.order(harness, successor)  # type: ignore[method-assign]
    return harness


def queued_for_too_long() -> Harness:
    harness = a_harness(settings=Settings(rate_limit_orders=1, rate_limit_window_ms=60_000))
    harness.submit(a_limit_buy(2, 100, number=2), a_limit_buy(2, 100))
    harness.wait(5 * SECOND)
    return harness


def not_sent() -> Harness:
    harness = a_harness()
    harness.submit(a_limit_buy(2, 100))
    harness.run(m.NotSentReport(order_id=an_id(), time=NOW, number=0))
    return harness


ENDED: dict[Reason, tuple[Callable[[], Harness], OrderStatus]] = {
    Reason.APPROVAL_DENIED: (denied, OrderStatus.DENIED),
    Reason.APPROVAL_EXPIRED: (not_approved_in_time, OrderStatus.DENIED),
    Reason.NOT_SENT: (not_sent, OrderStatus.DENIED),
    Reason.WITHDRAWN: (withdrawn, OrderStatus.CANCELLED),
    Reason.EXPIRED_WAITING: (expired_waiting, OrderStatus.EXPIRED),
    Reason.NOTHING_LEFT: (nothing_left, OrderStatus.CANCELLED),
    Reason.EXECUTION_TIMEOUT: (queued_for_too_long, OrderStatus.DENIED),
}


@pytest.mark.parametrize("reason", REFUSED, ids=lambda reason: reason.name.lower())
def test_what_cannot_be_done_is_answered_with_its_reason(reason: Reason) -> None:
    refusals = [action.refusal for action in REFUSED[reason]() if isinstance(action, m.Reply)]

    assert [refusal.reason for refusal in refusals if refusal is not None] == [reason]


@pytest.mark.parametrize("reason", ENDED, ids=lambda reason: reason.name.lower())
def test_an_order_that_ends_before_the_venue_has_it_says_why(reason: Reason) -> None:
    scene, status = ENDED[reason]
    order = scene().order()

    assert (order.status, order.code) == (status, reason.name.lower())


def test_every_reason_below_500_is_given_by_something() -> None:
    tables = {row["reason"] for table in (REFUSALS, SPOT, LINEAR) for row in rows(table)} - {""}
    given = {Reason[name.upper()] for name in tables} | set(REFUSED) | set(ENDED)

    assert set(Reason) - given == {reason for reason in Reason if reason >= 500}


def test_a_number_once_given_out_keeps_its_meaning() -> None:
    """Logs hold these. Add to the list; change nothing in it."""
    numbers = " ".join(f"{reason.value}:{reason.name.lower()}" for reason in Reason)

    assert numbers == (
        "101:duplicate_order_id 102:duplicate_signal 103:idempotency_conflict 104:key_too_long 110:quantity_missing"
        " 111:quantity_not_positive 112:quantity_twice 120:price_missing 121:price_unwanted 122:price_not_positive"
        " 123:stop_price_missing 124:stop_price_unwanted 125:stop_price_not_positive 130:time_in_force 131:post_only"
        " 132:expiry_missing 133:expiry_unwanted 134:expiry_past 135:execute_at_past 136:linger_rule"
        " 137:group 138:bracket 139:trail 140:order_params"
        " 200:unknown_account 201:unknown_symbol 202:not_trading 210:price_off_tick 211:price_too_low"
        " 212:price_too_high 213:stop_price_off_tick 220:quantity_off_step 221:quantity_too_small"
        " 222:quantity_too_large"
        " 230:value_too_small 231:value_too_large 240:price_collar 241:no_market_price 300:halted 301:reducing"
        " 302:held"
        " 310:order_value 311:order_value_small 312:position_value 313:symbol_position_value 314:daily_loss"
        " 315:open_orders 316:daily_orders 317:order_rate 318:buying_power 319:no_conversion_price 320:reduce_only"
        " 400:unknown_order 401:not_open 402:nothing_changes 403:below_filled 404:too_many_requests"
        " 405:already_cancelling 406:nothing_to_close 407:not_waiting 408:approval_denied 409:approval_expired"
        " 410:not_sent 411:withdrawn 412:expired_waiting 413:execution_disabled 414:nothing_left"
        " 415:execution_timeout 416:rate_queue_full 417:taken_over"
        " 500:venue_rejected 501:venue_unreachable 502:never_reached_venue 503:venue_cancelled"
    )


def test_a_refusal_shows_field_rule_and_nearest() -> None:
    whole = Refusal(Reason.QUANTITY_OFF_STEP, "not a multiple of the step size 1", "quantity", "1.5", "1")

    assert str(whole) == "quantity 1.5: not a multiple of the step size 1 (nearest that passes: 1)"
    assert str(structs.replace(whole, field="", nearest=None)) == "not a multiple of the step size 1"
    assert whole.code == "quantity_off_step"
