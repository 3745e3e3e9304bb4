"""What a trader's alert becomes: buy, sell, close, target, and the same alert twice."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from orderwright.core import messages as m
from orderwright.core.model import (
    Account,
    Action,
    OrderSide,
    OrderStatus,
    RequestKind,
    Settings,
    Signal,
    Source,
    TradingState,
)
from orderwright.core.reasons import Reason, Refusal
from tests.builders import (
    NOW,
    SYMBOL,
    Harness,
    a_fill,
    a_harness,
    a_limit_buy,
    a_limit_sell,
    a_market_buy,
    an_id,
    an_instrument,
)


def a_signal(action: Action = Action.BUY, **changes: Any) -> Signal:
    words: dict[str, Any] = {"signal_id": "s1", "symbol": SYMBOL, "account": "main", "strategy": "trend"}
    return Signal(action=action, **(words | changes))


def receive(harness: Harness, signal: Signal, number: int = 1) -> tuple[list[m.AnyEvent], list[m.AnyAction]]:
    return harness.run(m.ReceiveSignal(signal=signal, order_id=an_id(number)))


def verdict(events: list[m.AnyEvent]) -> tuple[str, str, str]:
    """(verdict, reason, order id) of the signal that was received."""
    first = events[0]
    assert isinstance(first, m.SignalReceived)
    return first.verdict, first.reason.name.lower() if first.reason is not None else "", first.order_id


def holding(quantity: int = 5, **words: Any) -> Harness:
    """A book that bought some BTC at 100: order 90."""
    harness = a_harness(**words)
    harness.submit(a_limit_buy(quantity, 100, number=90))
    harness.run(a_fill(quantity, 100, number=90))
    return harness


def sent(events: list[m.AnyEvent], kind: RequestKind) -> list[str]:
    """The orders about which a request of this kind was submitted."""
    return [event.order_id for event in events if isinstance(event, m.RequestSubmitted) and event.request == kind]


@pytest.mark.parametrize("source", list(Source))
def test_the_order_that_closes_says_where_the_close_came_from(source: Source) -> None:
    harness = holding()
    receive(harness, a_signal(Action.CLOSE, source=source, user="ann"))

    said = harness.order().instruction
    assert (said.source, said.strategy, said.user, said.signal_id) == (source, "trend", "ann", "s1")


# One alert, one order.


def test_an_alert_becomes_one_order_however_often_it_comes() -> None:
    harness = a_harness()
    signal = a_signal(quantity=Decimal(2), alert_id="bar 7")

    events, _ = receive(harness, signal)
    again = receive(harness, structs.replace(signal, signal_id="s2"), number=2)

    assert verdict(events) == ("accepted", "", an_id(1))
    assert [m.kind_of(event) for event in events] == ["signal_received", "order_received"]
    refusal = Refusal(Reason.DUPLICATE_SIGNAL, "this alert was received before", "alert_id", "bar 7")
    assert again == ([], [m.Reply(outcome="duplicate", order_id=an_id(1), refusal=refusal)])
    assert list(harness.state.orders) == [an_id(1)]


@pytest.mark.parametrize(
    "other",
    [{"action": Action.CLOSE}, {"alert_id": "bar 8"}, {"strategy": "other"}, {"symbol": "ETH/USDT"}],
    ids=str,
)
def test_an_alert_that_differs_in_action_bar_strategy_or_ticker_is_another_one(other: dict[str, Any]) -> None:
    harness = holding(instruments=[an_instrument(), an_instrument("ETH/USDT")])
    signal = a_signal(quantity=Decimal(2), alert_id="bar 7")
    receive(harness, signal)

    events, _ = receive(harness, structs.replace(signal, **other), number=2)

    assert isinstance(events[0], m.SignalReceived)
    assert events[0].key != f"signal|{signal.key}"


def test_a_refused_alert_stays_refused_when_it_comes_again() -> None:
    harness = a_harness()
    signal = a_signal(Action.SELL)

    events, actions = receive(harness, signal)
    again = receive(harness, signal, number=2)

    refusal = Refusal(Reason.NOTHING_TO_CLOSE, "there is no long position to sell", "quantity", "")
    assert verdict(events) == ("refused", "nothing_to_close", "")
    assert actions == [m.Reply(outcome="refused", refusal=refusal)]
    assert again[0] == []
    assert not harness.state.orders


def test_an_alert_whose_order_our_checks_deny_is_accepted_and_its_order_denied() -> None:
    harness = a_harness(deposits={"USDT": 10})

    events, _ = receive(harness, a_signal(quantity=Decimal(2)))

    assert verdict(events) == ("accepted", "", an_id(1))
    assert (harness.order().status, harness.order().code) == (OrderStatus.DENIED, "buying_power")


@pytest.mark.parametrize(
    ("changes", "reason", "nearest"),
    [
        ({"account": "mian"}, Reason.UNKNOWN_ACCOUNT, "main"),
        ({"symbol": "BTC/USD"}, Reason.UNKNOWN_SYMBOL, SYMBOL),
        ({"action": Action.TARGET}, Reason.QUANTITY_MISSING, None),
        ({"action": Action.CLOSE, "symbol": "BTC/USD"}, Reason.UNKNOWN_SYMBOL, SYMBOL),
        ({"action": Action.CLOSE}, Reason.NOTHING_TO_CLOSE, None),
    ],
    ids=str,
)
def test_an_alert_that_cannot_become_an_order_says_why(
    changes: dict[str, Any], reason: Reason, nearest: str | None
) -> None:
    events, actions = receive(a_harness(), a_signal(**({"quantity": Decimal(1)} | changes)))

    assert verdict(events) == ("refused", reason.name.lower(), "")
    assert len(events) == 1
    assert isinstance(actions[0], m.Reply)
    assert actions[0].refusal is not None
    assert actions[0].refusal.nearest == nearest


# Selling and targets.


def test_a_sell_without_a_quantity_sells_what_is_held_and_not_being_sold_already() -> None:
    harness = holding(5)
    harness.submit(a_limit_sell(2, 120, number=91), a_limit_buy(4, 90, number=92))

    receive(harness, a_signal(Action.SELL))

    assert (harness.order().quantity, harness.order().status) == (Decimal(3), OrderStatus.SUBMITTED)


def test_a_spot_sell_without_the_asset_is_refused() -> None:
    harness = a_harness()

    receive(harness, a_signal(Action.SELL, quantity=Decimal(1)))

    assert (harness.order().status, harness.order().code) == (OrderStatus.DENIED, "buying_power")


def test_a_deposit_can_be_sold_by_quantity() -> None:
    harness = a_harness(deposits={"BTC": 2})

    receive(harness, a_signal(Action.SELL, quantity=Decimal(1)))

    assert harness.order().status is OrderStatus.SUBMITTED


@pytest.mark.parametrize(
    ("target", "order"), [("7", "buy 1"), ("6", ""), ("4", "sell 2"), ("0", "sell 6")], ids=["up", "there", "down", "0"]
)
def test_a_target_counts_what_is_working(target: str, order: str) -> None:
    harness = holding(5)
    harness.submit(a_limit_buy(3, 90, number=91), a_limit_sell(2, 120, number=92))

    events, _ = receive(harness, a_signal(Action.TARGET, target_quantity=Decimal(target)))

    if order:
        made = events[1]
        assert isinstance(made, m.OrderReceived)
        assert f"{made.instruction.side} {made.quantity.normalize()}" == order
    else:
        assert verdict(events) == ("refused", "nothing_to_close", "")


# Closing.


def test_close_cancels_first_waits_for_final_quantities_and_closes_exactly_what_is_held() -> None:
    harness = holding(5)
    harness.submit(a_limit_buy(3, 90, number=91), a_limit_sell(2, 120, number=92))
    harness.run(m.AckReport(order_id=an_id(91), time=NOW), m.AckReport(order_id=an_id(92), time=NOW))

    events, _ = receive(harness, a_signal(Action.CLOSE))
    assert verdict(events) == ("accepted", "", an_id(1))
    assert sent(events, "cancel") == [an_id(91), an_id(92)]
    assert (harness.order().status, harness.order().wait_for) == (OrderStatus.PENDING, "cancels")

    # one fills a part while its cancel is on its way, the other fills whole
    harness.run(a_fill(1, 90, "e2", number=91), a_fill(2, 120, "e3", number=92))
    harness.run(m.RejectReport(order_id=an_id(92), time=NOW, number=1, message="filled"))
    assert harness.wait(0) == ([], [])
    harness.run(
        m.EndReport(order_id=an_id(91), time=NOW, status=OrderStatus.CANCELLED, cumulative=Decimal(1)),
    )
    _, actions = harness.wait(0)

    assert [(action.number, action.quantity) for action in actions if isinstance(action, m.SendOrder)] == [
        (0, Decimal(4))
    ]
    assert (harness.order().quantity, harness.order().status) == (Decimal(4), OrderStatus.SUBMITTED)
    harness.run(a_fill(4, 100, "e4"))
    assert harness.state.positions["main", SYMBOL].size == 0
    assert not harness.state.orders
    assert not harness.state.closing


def test_close_waits_for_fills_that_the_end_of_an_order_claims() -> None:
    harness = holding(5)
    harness.submit(a_limit_buy(3, 90, number=91))
    harness.run(m.AckReport(order_id=an_id(91), time=NOW))
    receive(harness, a_signal(Action.CLOSE))

    harness.run(m.EndReport(order_id=an_id(91), time=NOW, status=OrderStatus.CANCELLED, cumulative=Decimal(2)))
    assert harness.wait(0) == ([], [])
    harness.run(a_fill(2, 90, "e2", number=91))
    harness.wait(0)

    assert harness.order().quantity == 7


def test_close_with_nothing_left_when_the_cancels_are_through_ends_cancelled() -> None:
    harness = a_harness()
    harness.submit(a_limit_buy(3, 90, number=91))
    receive(harness, a_signal(Action.CLOSE))

    harness.run(m.EndReport(order_id=an_id(91), time=NOW, status=OrderStatus.CANCELLED))
    events, actions = harness.wait(0)

    assert actions == []
    assert [m.kind_of(event) for event in events] == ["order_withdrawn"]
    assert (harness.order().status, harness.order().code) == (OrderStatus.CANCELLED, "nothing_to_close")


def test_close_without_working_orders_goes_out_at_once() -> None:
    harness = holding(5)

    events, _ = receive(harness, a_signal(Action.CLOSE))

    assert [m.kind_of(event) for event in events] == ["signal_received", "order_received"]
    assert (harness.order().quantity, harness.order().status) == (Decimal(5), OrderStatus.SUBMITTED)


def test_close_ends_orders_that_have_not_left_yet_without_asking_the_venue() -> None:
    harness = holding(5)
    harness.submit(a_limit_buy(3, 90, number=91, execute_at=NOW + 1))

    events, actions = receive(harness, a_signal(Action.CLOSE))

    assert [m.kind_of(event) for event in events] == ["signal_received", "order_withdrawn", "order_received"]
    assert harness.order(91).status is OrderStatus.CANCELLED
    assert [type(action) for action in actions] == [m.SendOrder]


def test_a_second_close_while_one_is_under_way_is_accepted_and_names_its_order() -> None:
    harness = holding(5)
    harness.submit(a_limit_sell(2, 120, number=91))
    receive(harness, a_signal(Action.CLOSE, alert_id="bar 7"))

    events, actions = receive(harness, a_signal(Action.CLOSE, alert_id="bar 8"), number=2)

    assert verdict(events) == ("accepted", "", an_id(1))
    assert actions == [m.Reply(outcome="duplicate", order_id=an_id(1))]
    assert receive(harness, a_signal(Action.CLOSE, alert_id="bar 8"), number=3)[0] == []


def test_close_and_buy_on_one_bar_are_two_orders() -> None:
    harness = holding(5)

    receive(harness, a_signal(Action.CLOSE, alert_id="bar 7"), number=1)
    receive(harness, a_signal(Action.BUY, alert_id="bar 7", quantity=Decimal(2)), number=2)

    assert [order.instruction.side for order in harness.state.orders.values()] == ["sell", "buy"]


def test_a_buy_while_a_close_waits_is_not_closed_with_it() -> None:
    harness = holding(5)
    harness.submit(a_limit_sell(2, 120, number=91))
    receive(harness, a_signal(Action.CLOSE))
    harness.run(m.EndReport(order_id=an_id(91), time=NOW, status=OrderStatus.CANCELLED))
    harness.submit(a_market_buy(2, number=92))
    harness.wait(0)

    assert (harness.order().quantity, harness.order().status) == (Decimal(5), OrderStatus.SUBMITTED)


def test_close_of_a_futures_short_buys_it_back() -> None:
    harness = a_harness(instruments=[an_instrument(linear=True)], accounts=[Account(account="main")])
    harness.submit(a_limit_sell(5, 100, number=90))
    harness.run(a_fill(5, 100, number=90))
    harness.run(m.SetTradingState(state=TradingState.REDUCING))

    receive(harness, a_signal(Action.CLOSE))

    assert (harness.order().instruction.side, harness.order().quantity) == (OrderSide.BUY, Decimal(5))
    assert harness.order().status is OrderStatus.SUBMITTED


def test_closing_a_position_twice_by_command_closes_it_once() -> None:
    harness = holding(5)
    command = m.ClosePosition(account="main", symbol=SYMBOL, order_id=an_id())

    harness.run(command)
    again = harness.run(command)

    assert again == ([], [m.Reply(outcome="duplicate", order_id=an_id())])


# The caller's own id.


def test_an_idempotency_key_makes_one_order_and_answers_with_it() -> None:
    harness = a_harness()
    order = a_limit_buy(2, 100, idempotency_key="mine")
    harness.submit(order)

    again = harness.submit(structs.replace(order, order_id=an_id(2)))

    assert again == ([], [m.Reply(outcome="duplicate", order_id=an_id(1))])
    assert list(harness.state.orders) == [an_id(1)]


@pytest.mark.parametrize("change", [{"quantity": Decimal(3)}, {"price": Decimal(99)}, {"strategy": "x"}], ids=str)
def test_an_idempotency_key_with_another_body_is_a_conflict(change: dict[str, Any]) -> None:
    harness = a_harness()
    harness.submit(a_limit_buy(2, 100, idempotency_key="mine"))

    again = harness.submit(structs.replace(a_limit_buy(2, 100, number=2, idempotency_key="mine"), **change))

    rule = f"the key was used for another order, {an_id(1)}"
    refusal = Refusal(Reason.IDEMPOTENCY_CONFLICT, rule, "idempotency_key", "mine")
    assert again == ([], [m.Reply(outcome="refused", order_id=an_id(1), refusal=refusal)])


def test_an_order_id_with_another_body_is_refused_and_with_the_same_is_a_duplicate() -> None:
    harness = a_harness()
    order = a_limit_buy(2, 100)
    harness.submit(order)

    assert harness.submit(order) == ([], [m.Reply(outcome="duplicate", order_id=an_id())])
    refusal = Refusal(Reason.DUPLICATE_ORDER_ID, "the id belongs to another order", "order_id", an_id())
    assert harness.submit(structs.replace(order, quantity=Decimal(3))) == (
        [],
        [m.Reply(outcome="refused", order_id=an_id(), refusal=refusal)],
    )


def test_with_execution_switched_off_an_alert_is_logged_and_its_order_denied() -> None:
    harness = a_harness(settings=Settings(execution_enabled=False))

    receive(harness, a_signal(quantity=Decimal(1)))

    assert (harness.order().status, harness.order().code) == (OrderStatus.DENIED, "execution_disabled")


def test_close_does_not_wait_for_orders_that_came_after_it() -> None:
    harness = holding(5)
    harness.submit(a_limit_sell(2, 120, number=91))
    receive(harness, a_signal(Action.CLOSE))
    harness.now += 1
    harness.submit(a_limit_buy(2, 90, number=92))

    harness.run(m.EndReport(order_id=an_id(91), time=NOW, status=OrderStatus.CANCELLED))
    harness.wait(0)

    assert (harness.order().quantity, harness.order().status) == (Decimal(5), OrderStatus.SUBMITTED)
    assert harness.order(92).status is OrderStatus.SUBMITTED
