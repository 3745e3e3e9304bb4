"""Trailing stops in the core: what moves them, what does not, and what becomes of them when their requests run out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orderwright.core import messages as m
from orderwright.core.groups import HEIR, STOP, exit_id
from orderwright.core.model import (
    MAX_REQUESTS,
    RECANCEL,
    SECOND,
    Bracket,
    OrderSide,
    OrderStatus,
    OrderType,
    Settings,
    TradingState,
    Trail,
)
from orderwright.driver import Driver
from orderwright.journal.memory import MemoryJournal
from tests.builders import (
    NOW,
    Harness,
    a_fill,
    a_harness,
    a_market_buy,
    an_execution,
    an_id,
    an_instruction,
    an_instrument,
)
from tests.core.contingent import Exchange
from tests.core.test_recovery import VENUES

TEN = Trail(amount=Decimal(10))
PERCENT = Trail(percent=Decimal("2.5"))
PATIENT = Settings(max_price_age_ms=10**9)


def resting(side: OrderSide = OrderSide.SELL, stop_price: int | None = None, trail: Trail = TEN) -> Exchange:
    """A stop for 2 that trails, at the exchange, in a market at 100."""
    harness = a_harness(
        settings=PATIENT, deposits={"USDT": 10_000, "BTC": 5}, instruments=[an_instrument(linear=side is OrderSide.BUY)]
    )
    harness.quote(100, 100)
    order = an_instruction(
        side=side,
        type=OrderType.STOP_LOSS,
        quantity=Decimal(2),
        price=None,
        stop_price=Decimal(stop_price) if stop_price is not None else None,
        trail=trail,
    )
    exchange = Exchange(harness)
    exchange.obey(harness.submit(order)[1])
    return exchange


def walk(exchange: Exchange, *prices: str) -> list[str]:
    """Where the stop stands after each price."""
    stops = []
    for price in prices:
        exchange.harness.now += SECOND
        exchange.obey(exchange.harness.quote(price, price)[1])
        stops.append(str(exchange.harness.order().stop_price))
    return stops


@pytest.mark.parametrize(
    ("side", "stop_price", "trail", "prices", "stops"),
    [
        (OrderSide.SELL, None, TEN, "105 103 110.006 100", "95.00 95.00 100.00 100.00"),
        (OrderSide.SELL, 85, TEN, "94 96 110", "85 86.00 100.00"),
        (OrderSide.SELL, None, PERCENT, "100.01 101 120", "97.50 98.47 117.00"),
        (OrderSide.BUY, None, TEN, "95 97 89.996", "105.00 105.00 100.00"),
        (OrderSide.BUY, None, PERCENT, "99.99 101 80", "102.49 102.49 82.00"),
        (OrderSide.SELL, 80, Trail(amount=Decimal(10), activation_price=Decimal(104)), "103 104 102", "80 94.00 94.00"),
        (OrderSide.BUY, 120, Trail(amount=Decimal(10), activation_price=Decimal(96)), "97 96 99", "120 106.00 106.00"),
    ],
)
def test_it_stands_so_far_behind_the_best_price_and_never_goes_back(
    side: OrderSide, stop_price: int | None, trail: Trail, prices: str, stops: str
) -> None:
    found = walk(resting(side, stop_price, trail), *prices.split())

    assert [Decimal(stop) for stop in found] == [Decimal(stop) for stop in stops.split()]


def test_without_a_price_it_begins_behind_the_market_at_its_going_out() -> None:
    harness = resting().harness
    received = next(event for event in harness.events if isinstance(event, m.OrderReceived))
    (sent,) = (action for action in harness.actions if isinstance(action, m.SendOrder))

    assert (received.instruction.stop_price, received.stop_price) == (None, Decimal(90))
    assert (sent.instruction.stop_price, harness.order().stop_price) == (Decimal(90), Decimal(90))


def test_without_a_price_and_without_a_market_it_is_refused() -> None:
    harness = a_harness(deposits={"BTC": 5})
    harness.wait(120 * SECOND)
    harness.submit(an_instruction(side=OrderSide.SELL, type=OrderType.STOP_LOSS, price=None, trail=TEN))

    assert (harness.order().status, harness.order().code) == (OrderStatus.DENIED, "no_market_price")


def test_one_that_waits_begins_where_the_market_is_when_its_wait_is_over() -> None:
    harness = a_harness(settings=PATIENT, deposits={"BTC": 5})
    order = an_instruction(
        side=OrderSide.SELL, type=OrderType.STOP_LOSS, price=None, trail=TEN, execute_at=NOW + SECOND
    )
    harness.submit(order)
    harness.quote(120, 120)
    _, (sent,) = harness.wait(SECOND)

    assert isinstance(sent, m.SendOrder)
    assert (sent.instruction.stop_price, harness.order().stop_price) == (Decimal(110), Decimal(110))


def test_only_prices_from_after_its_going_out_count() -> None:
    exchange = resting()
    exchange.harness.quote(150, 150)

    assert exchange.harness.order().requests[1:] == []


def test_what_the_market_did_while_a_replace_was_out_is_not_forgotten() -> None:
    exchange = resting()
    harness = exchange.harness
    harness.now += SECOND
    harness.quote(105, 105)
    harness.quote(120, 120)
    assert len(harness.order().requests) == 2
    harness.run(m.ReplacedReport(order_id=an_id(), time=harness.now, number=1))

    assert walk(exchange, "101") == ["110.00"]


@pytest.mark.parametrize("answer", ["refused", "unknown"])
def test_a_replace_that_fails_does_not_end_the_following(answer: str) -> None:
    exchange = resting()
    harness = exchange.harness
    harness.now += SECOND
    harness.quote(105, 105)
    about: dict[str, Any] = {"order_id": an_id(), "time": harness.now, "number": 1}
    if answer == "unknown":
        harness.run(m.UnreachableReport(**about), m.ReplacedReport(**about))
    else:
        harness.run(m.RejectReport(**about))

    assert walk(exchange, "106") == ["96.00"]


def test_it_stands_still_while_trading_is_halted() -> None:
    exchange = resting()
    exchange.harness.run(m.SetTradingState(state=TradingState.HALTED))
    assert walk(exchange, "110") == ["90.00"]
    exchange.harness.run(m.SetTradingState(state=TradingState.ACTIVE))
    assert walk(exchange, "105") == ["100.00"]


def test_once_activated_it_follows_after_a_restart_too() -> None:
    """The price at which it is activated need not move it; that it was is in the log."""
    exchange = resting(OrderSide.SELL, 95, Trail(amount=Decimal(10), activation_price=Decimal(104)))
    assert walk(exchange, "104") == ["95"]
    restarted = Exchange(Harness(exchange.harness.history, exchange.harness.state.market["simulated", "BTC/USDT"]))
    restarted.harness.now = exchange.harness.now

    assert [type(event) for event in exchange.harness.events if isinstance(event, m.TrailStarted)] == [m.TrailStarted]
    assert walk(restarted, "106") == ["96.00"]


def test_of_a_bracket_it_begins_at_the_nearer_of_stop_loss_and_trail() -> None:
    for bracket, stop_price in (
        (Bracket(stop_loss_percent=Decimal(5), trail=PERCENT), Decimal("97.50")),
        (Bracket(stop_loss_percent=Decimal(1), trail=PERCENT), Decimal("99.00")),
        (Bracket(stop_loss=Decimal(80), trail=Trail(amount=Decimal(9), activation_price=Decimal(110))), Decimal(80)),
    ):
        harness = a_harness()
        exchange = Exchange(harness)
        exchange.obey(harness.submit(a_market_buy(2, bracket=bracket))[1])
        exchange.fill(an_id(), "2", "100")
        assert harness.order(exit_id(an_id(), STOP)).stop_price == stop_price


def climb(exchange: Exchange, steps: int) -> None:
    for step in range(1, steps + 1):
        walk(exchange, str(100 + step))


def test_when_its_requests_run_out_an_heir_takes_its_place_and_the_following_goes_on() -> None:
    exchange = resting()
    climb(exchange, 700)
    harness, heirs = exchange.harness, [an_id()]
    while (heir := exit_id(heirs[-1], HEIR)) in {*harness.state.orders, *harness.state.finished}:
        heirs.append(heir)
    orders = [harness.order(order_id) for order_id in heirs]

    assert [order.status for order in orders] == [*[OrderStatus.CANCELLED] * (len(orders) - 1), OrderStatus.OPEN]
    assert (len(orders), orders[-1].stop_price, orders[-1].quantity) == (3, Decimal(790), Decimal(2))
    assert all(len(order.requests) < MAX_REQUESTS for order in orders)


def test_an_heir_goes_out_only_when_the_old_stop_has_ended_and_not_where_that_has_filled() -> None:
    exchange = resting()
    while len(exchange.harness.order().requests) < MAX_REQUESTS - 8:
        climb(exchange, len(exchange.harness.order().requests))
    harness, heir = exchange.harness, exit_id(an_id(), HEIR)
    harness.now += SECOND
    price = Decimal(100 + MAX_REQUESTS)
    _, (cancel,) = harness.quote(price, price)
    assert isinstance(cancel, m.SendCancel)
    assert harness.wait(SECOND)[1] == []
    assert harness.order(heir).status is OrderStatus.PENDING
    harness.run(m.RejectReport(order_id=an_id(), time=harness.now, number=cancel.number, message="busy"))
    harness.now += RECANCEL
    assert [type(action) for action in harness.quote(price + 1, price + 1)[1]] == [m.SendCancel]
    harness.run(a_fill(2, price))
    harness.run(m.RejectReport(order_id=an_id(), time=harness.now, number=cancel.number + 1))
    harness.wait(0)

    assert (harness.order().status, harness.order(heir).status) == (OrderStatus.FILLED, OrderStatus.CANCELLED)


def test_the_heir_of_a_brackets_stop_belongs_to_the_bracket() -> None:
    harness = a_harness(settings=PATIENT)
    exchange = Exchange(harness)
    bracket = Bracket(trail=TEN, take_profit=Decimal(10_000))
    exchange.obey(harness.submit(a_market_buy(2, bracket=bracket))[1])
    exchange.fill(an_id(), "2", "100")
    for step in range(1, 300):
        harness.now += SECOND
        exchange.obey(harness.quote(100 + step, 100 + step)[1])
    heir = harness.order(exit_id(exit_id(an_id(), STOP), HEIR))
    assert (heir.status, heir.quantity, heir.stop_price) == (OrderStatus.OPEN, Decimal(2), Decimal(389))
    exchange.fill(heir.order_id, "2", "389")

    assert harness.state.groups == {}
    assert harness.state.orders == {}


def test_after_a_restart_what_had_filled_of_a_bracket_is_known() -> None:
    """The entry and one exit have left memory; the journal brings them back."""
    driver = Driver("main", MemoryJournal(), VENUES)
    stop = exit_id(an_id(), STOP)
    source = a_harness()
    driver.turn(
        [
            m.OpenAccount(account=source.state.accounts["main"]),
            m.DefineInstrument(instrument=an_instrument()),
            m.MoveCash(account="main", asset="USDT", amount=Decimal(10_000)),
            m.QuoteSeen(exchange="simulated", symbol="BTC/USDT", quote=source.state.market["simulated", "BTC/USDT"]),
        ],
        NOW,
    )
    bracket = Bracket(stop_loss=Decimal(90), take_profit=Decimal(120))
    driver.turn([m.SubmitOrder(instruction=a_market_buy(2, bracket=bracket))], NOW)
    driver.turn([a_fill(2, 100)], NOW)
    driver.turn([], NOW)
    driver.turn([m.AckReport(order_id=stop, time=NOW)], NOW)
    again = Driver("main", driver.journal, VENUES)
    again.turn([m.FillReport(order_id=stop, time=NOW, execution=an_execution("0.5", 90, "late"))], NOW)
    again.turn([], NOW)
    group = again.state.groups[an_id()]

    assert group.entry is not None
    assert group.entry.status is OrderStatus.FILLED
    assert {order.filled for order in group.members.values()} == {Decimal("0.5"), Decimal(0)}
