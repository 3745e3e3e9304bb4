"""A restart changes nothing: the exchange rebuilt from the core's open orders goes on as the first one would have."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orderwright.core import messages as m
from orderwright.core.model import Balance, Instrument, Order, OrderStatus, Position, Request
from orderwright.market.candles import Candles
from orderwright.simulation.models import Models
from orderwright.simulation.models.latency import UniformLatency
from orderwright.simulation.models.slippage import SlippageBps
from tests.simulation.builders import (
    LIFETIME_MS,
    MINUTE,
    START,
    Trader,
    an_instrument,
    an_order,
    flat,
    order_in,
    some_candles,
)
from tests.simulation.test_laws import COARSE, KINDS, LENGTH, PRICES, markets

JITTER = Models(latency=UniformLatency(3, 1_000, 900_000), slippage=SlippageBps(Decimal(10)))


def as_logged(action: m.SendOrder, reports: list[m.AnyReport]) -> Order:
    """The order as the core's log has it after these reports."""
    said = action.instruction
    request = Request(number=0, kind="new", client_id=action.client_id, sign_at=action.sign_at, lifetime_ms=LIFETIME_MS)
    order = Order(
        instruction=said,
        quantity=action.quantity,
        price=said.price,
        stop_price=said.stop_price,
        created_at=action.sign_at,
        status=OrderStatus.SUBMITTED,
        requests=[request],
        expire_at=action.expire_at,
    )
    for report in reports:
        match report:
            case m.AckReport():
                order.status, order.accepted_at, request.state = OrderStatus.OPEN, report.time, "done"
            case m.TriggerReport():
                order.triggered = True
            case m.FillReport():
                order.executions[report.execution.execution_id] = report.execution
                order.filled += report.execution.quantity
                order.status = OrderStatus.FILLED if order.filled == order.quantity else OrderStatus.PARTIALLY_FILLED
            case m.EndReport():
                order.status = report.status
            case m.RejectReport():
                order.status, request.state = OrderStatus.REJECTED, "done"
    return order


def restarted(trader: Trader, feed: Any, models: Models, actions: list[m.SendOrder], minute: float) -> Trader:
    """A new exchange, told by the log what the old one had."""
    again = Trader(feed, models=models, deposits={"USDT": "0"})
    orders = [as_logged(action, trader.about(int(action.order_id, 16))) for action in actions]
    balances = {key: Balance(balance.total) for key, balance in trader.exchange.balances.items()}
    again.exchange.restore(orders, balances, START + round(minute * MINUTE))
    return again


@st.composite
def orders(draw: st.DrawFn) -> list[m.SendOrder]:
    """A few good-till-cancelled orders, sent in the first ten minutes."""
    actions = []
    for number in range(1, draw(st.integers(1, 6)) + 1):
        kind, more = draw(KINDS), {}
        if kind.endswith("limit"):
            more["price"] = draw(PRICES)
        if kind.startswith(("stop", "take")):
            more["stop_price"] = draw(PRICES)
        quantity = str(draw(st.integers(1, 300)) * COARSE.step_size)
        sign_at = START + draw(st.integers(0, 20)) * MINUTE // 2
        actions.append(
            an_order(number, draw(st.sampled_from(["buy", "sell"])), quantity, kind, sign_at=sign_at, **more)
        )
    return sorted(actions, key=lambda action: action.sign_at)


@given(markets(), orders(), st.integers(11 * 4, LENGTH * 4))
def test_a_restart_between_two_candles_changes_nothing(feed: Any, actions: list[m.SendOrder], quarter: int) -> None:
    """Candles alone, and with no report on its way: what the log has not heard of is lost, and so is what was taken of
    a quote that stands. Both are written down as assumptions."""
    if not isinstance(feed, Candles):
        return
    through, stopped = Trader(feed, models=JITTER), Trader(feed, models=JITTER)
    for action in actions:
        through.exchange.send(action)
        stopped.exchange.send(action)
    minute = (quarter + 0.01) / 4  # not at the time of an open, which is half before and half after the restart

    stopped.run(minute)
    assume(not stopped.exchange._desk.outbox)
    again = restarted(stopped, feed, JITTER, actions, minute).run(LENGTH + 10)

    through.run(LENGTH + 10)
    assert stopped.reports + again.reports == through.reports
    assert totals(again) == totals(through)


def test_a_request_without_an_answer_was_on_its_way_and_arrives_once_more() -> None:
    feed = some_candles(*flat(100, 100, 100))

    again = restarted(Trader(feed), feed, Models(), [an_order(kind="limit", price="90")], 1)

    assert again.run(5).said() == ["accepted"]


def test_what_was_carried_out_before_a_restart_is_not_carried_out_again() -> None:
    feed = some_candles(*flat(100, 100), (100, 101, 99, 100))
    action = an_order(quantity="2", kind="limit", price="99")
    trader = Trader(feed).send(action).run(1.5)

    again = restarted(trader, feed, Models(), [action], 1.5).send(action, 1.5).run(5)

    assert again.said() == ["status", "filled"]
    assert again.balance("BTC")[0] == trader.balance("BTC")[0] + 2


def test_answers_to_replaces_are_remembered() -> None:
    feed = some_candles(*flat(100, 100, 100))
    action = an_order(quantity="2", kind="limit", price="90")
    order = as_logged(action, Trader(feed).send(action).run(0.5).about())
    for number, state in ((1, "done"), (2, "refused"), (3, "unknown")):
        client_id = f"{action.order_id}{number:02x}"
        asked = Request(number=number, kind="replace", client_id=client_id, sign_at=START, lifetime_ms=LIFETIME_MS)
        asked.state, asked.price = state, Decimal(91)  # type: ignore[assignment]  # one of the states
        order.requests.append(asked)
    again = Trader(feed)
    again.exchange.restore([order], {("main", "USDT"): Balance(Decimal(1_000))}, START + MINUTE)

    for number in (1, 2, 3):
        again.replace(minute=1.5, request=number, price="95")

    said = again.run(2).said()
    assert said == ["replaced", "replaced", "rejected", "replaced"], "the third was on its way, and arrives first"
    assert again.balance("USDT") == (1_000, 182), "to change the price to 91, once"


@pytest.mark.parametrize("instrument", [an_instrument(linear=True)])
def test_a_position_in_a_linear_contract_is_margined_again(instrument: Instrument) -> None:
    feed = some_candles(*flat(100, 100, 90, 90), instrument=instrument)
    again = Trader(feed, deposits={"USDT": "0"})
    positions = {("main", "BTC/USDT"): Position(size=Decimal(-8), cost=Decimal(800))}

    again.exchange.restore([], {("main", "USDT"): Balance(Decimal(1_000))}, START + MINUTE, positions)
    assert again.balance("USDT") == (1_000, 800)

    again.place(minute=1.5, **order_in("buy 9 limit 90 reduce_only")).run(5)
    assert again.story() == "90x8 @2"
    assert again.balance("USDT") == (1_080, 0)


def totals(trader: Trader) -> dict[tuple[str, str], Decimal]:
    return {key: balance.total for key, balance in trader.exchange.balances.items()}
