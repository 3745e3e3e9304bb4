"""A trade that is told again with other numbers, and a figure that is not above what is booked."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from orderwright.core import messages as m
from orderwright.core.model import Execution, Liquidity, OrderStatus, VenueTraits
from orderwright.core.reports import IMPOSSIBLE
from orderwright.errors import Unreachable
from orderwright.executors import Status
from orderwright.executors.cumulative import record_of
from tests.builders import NOW, an_execution, an_id
from tests.executors.desk import Desk, MyExchange, submit

S = OrderStatus


def corrected(exchange: MyExchange, at: int = 0, order_id: str = an_id(), **changes: Any) -> None:
    """The exchange changes one of its trades."""
    fills = exchange.book[order_id]["fills"]
    fills[at] = structs.replace(fills[at], **changes)


def a_filled_desk() -> tuple[Desk, MyExchange]:
    """0.4 of 1 has filled at 100, without a fee."""
    exchange = MyExchange()
    desk = Desk(exchange)
    desk.say(submit())
    exchange.fill("0.4", "100")
    desk.wait(1)
    return desk, exchange


def total(desk: Desk, asset: str = "USDT") -> Decimal:
    return desk.driver.state.balances["main", asset].total


def booked(desk: Desk) -> dict[str, Execution | None]:
    return dict(desk.order().executions)


FEE = Decimal("0.012345678901234567")
FIRST = an_execution("0.4", "100", "t1-001", time=NOW)


def test_a_fee_that_is_told_later_is_booked_to_the_last_digit_and_once() -> None:
    desk, exchange = a_filled_desk()
    corrected(exchange, fee=FEE, fee_asset="USDT")
    desk.wait(1)
    sequence = desk.driver.state.sequence
    desk.wait(5)
    expected = structs.replace(FIRST, execution_id="t1-001~2", fee=FEE, fee_asset="USDT")
    assert booked(desk) == {"t1-001": None, "t1-001~2": expected}
    assert (total(desk), desk.driver.state.sequence) == (1_000_000 - 40 - FEE, sequence)
    assert [word for word in desk.words if isinstance(word, m.RaiseAlert)] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": Decimal("0.3")},
        {"price": Decimal("99.5")},
        {"fee_asset": "BNB"},
        {"liquidity": Liquidity.MAKER},
        {"quantity": Decimal("0.5"), "price": Decimal("90.000000000000000001")},
    ],
)
def test_whatever_differs_is_corrected(changes: dict[str, Any]) -> None:
    desk, exchange = a_filled_desk()
    corrected(exchange, **changes)
    desk.wait(3)
    expected = structs.replace(FIRST, execution_id="t1-001~2", **changes)
    assert booked(desk) == {"t1-001": None, "t1-001~2": expected}
    assert desk.order().filled_quote == expected.quantity * expected.price
    assert total(desk) == 1_000_000 - expected.quantity * expected.price


def test_another_time_alone_is_no_correction() -> None:
    desk, exchange = a_filled_desk()
    corrected(exchange, time=NOW + 1)
    desk.wait(3)
    desk.say(m.RefreshOrder(order_id=an_id()))
    assert (booked(desk), desk.words) == ({"t1-001": FIRST}, [])


def test_each_correction_has_an_id_of_its_own_even_one_that_goes_back() -> None:
    desk, exchange = a_filled_desk()
    for fee in ("0.1", "0"):
        corrected(exchange, fee=Decimal(fee))
        desk.wait(2)
    assert booked(desk) == {
        "t1-001": None,
        "t1-001~2": None,
        "t1-001~3": structs.replace(FIRST, execution_id="t1-001~3"),
    }
    assert total(desk) == 1_000_000 - 40


def test_a_correction_that_is_told_again_after_a_restart_changes_nothing_and_the_next_one_follows_it() -> None:
    before, exchange = a_filled_desk()
    corrected(exchange, fee=FEE, fee_asset="USDT")
    before.wait(2)
    after = before.restarted(exchange)
    log = after.events()
    after.wait(3)
    after.say(m.RefreshOrder(order_id=an_id()))
    assert (after.events(), after.words) == (log, [])
    corrected(exchange, fee=Decimal("0.1"), fee_asset="USDT")
    after.wait(3)
    assert list(booked(after)) == ["t1-001", "t1-001~2", "t1-001~3"]
    assert (total(after), after.words) == (1_000_000 - 40 - Decimal("0.1"), [])


def test_an_exchanges_own_id_may_look_like_that_of_a_correction() -> None:
    exchange = MyExchange()
    before = Desk(exchange)
    before.say(submit())
    first, second = an_execution("0.4", 100, "e1", time=NOW), an_execution("0.5", 100, "e1~2", time=NOW)
    exchange.book[an_id()]["fills"] = [first, second]
    before.wait(1)
    corrected(exchange, fee=FEE, fee_asset="USDT")
    after = before.restarted(exchange)
    after.wait(3)
    assert booked(after) == {
        "e1": None,
        "e1~2": second,
        "e1~3": structs.replace(first, execution_id="e1~3", fee=FEE, fee_asset="USDT"),
    }


def test_a_correction_that_was_lost_on_the_way_comes_with_the_next_fetch() -> None:
    desk, exchange = a_filled_desk()
    corrected(exchange, fee=FEE, fee_asset="USDT")
    desk.clock.time += 2_000_000
    lost = desk.connector.poll(desk.clock.time)[1]
    assert [type(report) for report in lost] == [m.CorrectReport]
    desk.say(m.RefreshOrder(order_id=an_id()))
    assert (list(booked(desk)), total(desk), desk.words) == (["t1-001", "t1-001~2"], 1_000_000 - 40 - FEE, [])


def test_a_trade_that_cannot_be_booked_is_parked_once_and_booked_when_it_is_told_rightly() -> None:
    desk, exchange = a_filled_desk()
    exchange.fill("0.2", "0")
    desk.wait(4)
    parked = [word for word in desk.words if isinstance(word, m.RaiseAlert) and IMPOSSIBLE in word.text]
    corrected(exchange, at=1, price=Decimal(90))
    desk.wait(2)
    assert len(parked) == 1
    assert booked(desk) == {"t1-001": FIRST, "t2-001": an_execution("0.2", 90, "t2-001", time=NOW)}
    assert total(desk) == 1_000_000 - 40 - 18


def test_a_correction_that_cannot_be_booked_is_parked_once_and_leaves_the_trade_as_it_was() -> None:
    desk, exchange = a_filled_desk()
    corrected(exchange, price=Decimal(0))
    desk.wait(4)
    assert booked(desk) == {"t1-001": FIRST}
    assert len(desk.words) == 1
    corrected(exchange, price=Decimal(99))
    desk.wait(2)
    assert booked(desk) == {"t1-001": None, "t1-001~2": an_execution("0.4", 99, "t1-001~2", time=NOW)}


def test_a_figure_counts_from_the_corrected_trades() -> None:
    desk, exchange = a_filled_desk()
    corrected(exchange, quantity=Decimal("0.5"), price=Decimal(90))
    desk.wait(2)
    exchange.tells_trades = False
    exchange.fill("0.5", "80")
    desk.wait(3)
    assert desk.order().status is S.FILLED
    assert booked(desk)[f"{an_id()}-cum-1"] == an_execution("0.5", 80, f"{an_id()}-cum-1", time=NOW)
    assert desk.order().filled_quote == 45 + 40


def a_figure(filled: str, quote: str) -> Status:
    return Status(status=S.OPEN, filled_quantity=Decimal(filled), filled_quote=Decimal(quote), time=NOW)


@pytest.mark.parametrize(
    ("filled", "quote"),
    [("1", "40"), ("1", "39"), ("1", "0"), ("0.4", "41"), ("0.3", "41"), ("1", "40.000000000000000000001")],
)
def test_a_figure_that_is_not_above_what_is_booked_makes_no_record(filled: str, quote: str) -> None:
    assert record_of(an_id(), a_figure(filled, quote), Decimal("0.4"), Decimal(40)) is None


def test_a_figure_just_above_what_is_booked_makes_one() -> None:
    record = record_of(an_id(), a_figure("1.4", "40.000000000000000001"), Decimal("0.4"), Decimal(40))
    assert record == an_execution(1, "0.000000000000000001", f"{an_id()}-cum-1.4", time=NOW)


@pytest.mark.parametrize("seed", range(15))
def test_whatever_the_line_does_the_book_has_the_exchanges_last_numbers(seed: int) -> None:
    """Trades are corrected again and again while calls fail before and after they are carried out, and the process
    starts again now and then."""
    draw = random.Random(seed)
    exchange = MyExchange()
    desk = Desk(exchange, VenueTraits(lifetime_ms=5_000, expires_orders=False))
    exchange.trouble = troublesome(draw)
    for number in range(1, 9):
        desk.say(submit(number))
        for order_id, order in exchange.book.items():
            if draw.random() < 0.5:
                left = Decimal(1) - exchange.filled(order_id)
                exchange.fill(str(min(Decimal("0.3"), left)), str(draw.randrange(90, 101)), order_id)
            if order["fills"] and order["status"] is S.OPEN and draw.random() < 0.7:
                fee: dict[str, Any] = {"fee": Decimal(draw.randrange(9)) / 8, "fee_asset": "USDT"}
                changes: dict[str, Any] = draw.choice([fee, {"price": Decimal(draw.randrange(90, 99))}])
                corrected(exchange, draw.randrange(len(order["fills"])), order_id, **changes)
        desk.wait(draw.randrange(4))
        if draw.random() < 0.2:
            desk = desk.restarted(exchange)
    exchange.trouble = lambda _: None
    desk.wait(90)

    for number in range(1, 9):
        order, theirs = desk.order(number), exchange.book.get(an_id(number))
        if theirs is None:
            assert (order.status, order.executions) == (S.REJECTED, {})
            continue
        ours = [execution for execution in order.executions.values() if execution is not None]
        assert sorted(map(numbers, ours)) == sorted(map(numbers, theirs["fills"]))
        assert order.filled_quote == sum(fill.quantity * fill.price for fill in theirs["fills"])
    spent = sum(fill.quantity * fill.price + fill.fee for order in exchange.book.values() for fill in order["fills"])
    assert total(desk) == 1_000_000 - spent
    assert not [word for word in desk.words if isinstance(word, m.RaiseAlert) and word.topic == "report"]


def numbers(execution: Execution) -> tuple[str, Decimal, Decimal, Decimal]:
    return execution.execution_id.partition("~")[0], execution.quantity, execution.price, execution.fee


def troublesome(draw: random.Random) -> Callable[[str], None]:
    def trouble(_: str) -> None:
        if draw.random() < 0.25:
            raise draw.choice([OSError("reset"), Unreachable("timed out"), ValueError("odd")])

    return trouble
