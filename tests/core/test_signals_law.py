"""Two laws of signals, whatever came before: a second delivery trades nothing, and a target twice equals once."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from orderwright.core import messages as m
from orderwright.core.model import Action, Alert, Bracket, OrderStatus, OrderType, Signal, Sizing, Terms
from tests.builders import NOW, SYMBOL, Harness, a_harness, an_execution, an_id, an_instrument

QUANTITIES = st.sampled_from(["0.5", "1", "2", "3.25"]).map(Decimal)
TERMS = st.builds(
    Terms,
    sizing=st.sampled_from([Sizing(by="base", amount=Decimal(1)), Sizing(), Sizing(by="quote", amount=Decimal(500))]),
    flip=st.booleans(),
    allow_short=st.booleans(),
)
BRACKET = Bracket(stop_loss_percent=Decimal(5), take_profit_percent=Decimal(5))


@st.composite
def signals(draw: st.DrawFn) -> Signal:
    action = draw(st.sampled_from(list(Action)))
    quantity = draw(st.none() | QUANTITIES)
    target = draw(st.sampled_from([-2, -1, 0, 1, 2, 3])) if action is Action.TARGET else None
    limit = draw(st.booleans())
    return Signal(
        signal_id="",
        symbol=SYMBOL,
        action=action,
        account="main",
        order_type=OrderType.LIMIT if limit else OrderType.MARKET,
        price=Decimal(draw(st.sampled_from([99, 100, 101]))) if limit else None,
        quantity=quantity if action in (Action.BUY, Action.SELL) else None,
        target_quantity=None if target is None else Decimal(target),
        bracket=BRACKET if action is Action.BUY and draw(st.booleans()) else None,
        terms=draw(TERMS),
    )


STEPS = st.lists(st.tuples(signals(), st.sampled_from(["acks", "fills", "half", "nothing"])), min_size=1, max_size=8)


def alert(signal: Signal, number: int, alert_id: str) -> m.ReceiveAlert:
    signal = structs.replace(signal, signal_id=f"s{number}", alert_id=alert_id)
    told = Alert(alert=f"a{number}", body="", digest="")
    return m.ReceiveAlert(alert=told, key=signal.key, signals=((signal, an_id(number)),))


def deliver(harness: Harness, said: m.ReceiveAlert) -> list[m.AnyEvent]:
    """As the driver does it: the alert, and its signals if it was accepted."""
    events, _ = harness.run(said)
    verdict = events[0]
    assert isinstance(verdict, m.AlertReceived)
    if verdict.verdict == "accepted":
        made, _ = harness.run(*(m.ReceiveSignal(signal=signal, order_id=order_id) for signal, order_id in said.signals))
        events = [*events, *made]
    return events


def let_the_market_answer(harness: Harness, how: str, number: int) -> None:
    """The exchange answers what is out: acknowledges, cancels what is to be cancelled, fills."""
    for order in list(harness.state.orders.values()):
        if order.status is OrderStatus.SUBMITTED:
            harness.run(m.AckReport(order_id=order.order_id, time=NOW))
        if order.status is OrderStatus.PENDING_CANCEL:
            done = m.EndReport(order_id=order.order_id, time=NOW, status=OrderStatus.CANCELLED, cumulative=order.filled)
            harness.run(done)
        elif how in ("fills", "half") and order.status is OrderStatus.OPEN and order.stop_price is None:
            if order.instruction.group:  # a take-profit of a bracket: it rests
                continue
            part = order.leaves if how == "fills" else order.leaves / 2
            trade = an_execution(part, 100, f"e{number}-{order.order_id}")
            harness.run(m.FillReport(order_id=order.order_id, time=NOW, execution=trade))
    harness.wait(0)


@pytest.mark.parametrize("linear", [False, True], ids=["spot", "linear"])
@settings(max_examples=30)
@given(steps=STEPS)
def test_a_second_delivery_trades_nothing_and_a_target_twice_equals_once(
    linear: bool, steps: list[tuple[Signal, str]]
) -> None:
    harness = a_harness(instruments=[an_instrument(linear=linear)])
    sent: list[m.ReceiveAlert] = []
    for number, (signal, how) in enumerate(steps, start=1):
        said = alert(signal, number, f"bar {number}")
        deliver(harness, said)
        if signal.action is Action.TARGET:
            again = deliver(harness, alert(signal, 100 + number, f"bar {100 + number}"))
            received = {event.order_id for event in again if isinstance(event, m.OrderReceived)}
            assert received == {event.order_id for event in again if isinstance(event, m.OrderDenied)}
        sent.append(said)
        let_the_market_answer(harness, how, number)
        for other, earlier in enumerate(sent):
            told = structs.replace(earlier.alert, alert=f"again {number} {other}")
            (event,) = deliver(harness, structs.replace(earlier, alert=told))
            assert isinstance(event, m.AlertReceived)
            assert event.verdict == "duplicate"
