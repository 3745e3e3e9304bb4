"""An exchange of a user's own under the engine: an Executor as a Connector."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from orderwright.core import messages as m
from orderwright.core.model import SECOND, OrderStatus, TimeInForce, VenueTraits
from orderwright.errors import Refused, Unreachable
from orderwright.executors import (
    NOT_FOUND,
    ConnectorAPI,
    ExecutorConnector,
    MemoryCredentials,
    MockAPI,
    OrderNotFound,
    Status,
    Trade,
    UserCreds,
    is_cumulative,
)
from orderwright.executors.executor import GenericExecutor
from orderwright.simulation.faults import NO_FAULTS
from tests.builders import NOW, a_limit_buy, a_quote, an_execution, an_id, an_instrument
from tests.executors.desk import Clock, Desk, MyExchange, failing, submit

S = OrderStatus
BOUNDED = VenueTraits(lifetime_ms=5_000, expires_orders=False)


def test_an_order_goes_out_fills_and_is_booked_from_the_exchanges_trades() -> None:
    exchange = MyExchange()
    desk = Desk(exchange)
    desk.say(submit())
    assert (desk.order().status, desk.order().exchange_order_id) == (S.OPEN, "x-001")
    exchange.fill("0.4", "100")
    desk.wait(1)
    assert desk.order().status is S.PARTIALLY_FILLED
    exchange.fill("0.6", "99.5")
    desk.wait(1)
    assert desk.order().status is S.FILLED
    assert desk.executions() == exchange.book[an_id()]["fills"]


def test_the_trade_that_is_sent_says_what_the_order_says_sized_and_due_now() -> None:
    exchange = MyExchange()
    desk = Desk(exchange)
    words: dict[str, Any] = {
        "user": "ann",
        "strategy": "trend",
        "time_in_force": TimeInForce.GTD,
        "expire_at": NOW + 60 * SECOND,
    }
    desk.say(submit(**words))
    sent = exchange.book[an_id()]["trade"]
    assert sent == Trade(
        "BTC",
        "USDT",
        "buy",
        1,
        order_type="limit",
        price=100,
        user_id="ann",
        strategy="trend",
        exchange="simulated",
        account="main",
        source="manual",
        order_id=an_id(),
    )
    desk.wait(61)
    assert desk.order().status is S.EXPIRED, "this exchange expires nothing, so the engine has cancelled it"


def test_a_venue_that_expires_orders_is_told_when() -> None:
    exchange = MyExchange()
    desk = Desk(exchange, VenueTraits(expires_orders=True))
    desk.say(submit(time_in_force=TimeInForce.GTD, expire_at=NOW + SECOND))
    sent = exchange.book[an_id()]["trade"]
    assert (sent.time_in_force, sent.expire_at) == (TimeInForce.GTD, NOW + SECOND)


def test_an_order_is_cancelled() -> None:
    exchange = MyExchange()
    desk = Desk(exchange)
    desk.say(submit())
    desk.say(m.CancelOrder(order_id=an_id()))
    assert desk.order().status is S.CANCELLED


def test_a_cancel_that_comes_too_late_is_refused_and_the_fill_counts() -> None:
    exchange = MyExchange()
    desk = Desk(exchange)
    desk.say(submit())
    exchange.fill("1", "100")
    desk.say(m.CancelOrder(order_id=an_id()))
    desk.wait(2)
    assert (desk.order().status, desk.order().filled) == (S.FILLED, Decimal(1))


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Refused("no money", "-2010"), "-2010"),
        (Status(status=S.REJECTED, code="-2010", error="no money"), "-2010"),
        (Status(status=S.DENIED, code="price_off_tick", error="no money"), "price_off_tick"),
    ],
)
def test_a_refused_order_is_rejected(answer: Any, code: str) -> None:
    class Refusing(MyExchange):
        def submit(self, trade: Trade) -> Status:
            if isinstance(answer, Exception):
                raise answer
            return answer  # type: ignore[no-any-return]

    desk = Desk(Refusing())
    desk.say(submit())
    assert (desk.order().status, desk.order().code, desk.order().reason) == (S.REJECTED, code, "no money")


@pytest.mark.parametrize("error", [Unreachable("timed out"), OSError("reset"), KeyError("id"), ZeroDivisionError()])
def test_whatever_is_raised_the_order_may_be_live_and_is_found_again(error: Exception) -> None:
    exchange = MyExchange()
    exchange.trouble = failing(error, "after")
    desk = Desk(exchange)
    desk.say(submit())
    desk.wait(3)
    assert (desk.order().status, exchange.calls.count("submit")) == (S.OPEN, 1)


@pytest.mark.parametrize("error", [Refused("no money", "-2010"), Refused("no such market", NOT_FOUND), OrderNotFound()])
def test_an_order_whose_submit_was_refused_is_dead_whatever_the_code_and_is_not_asked_about(error: Refused) -> None:
    exchange = MyExchange()
    exchange.trouble = failing(error, "before")
    desk = Desk(exchange)
    desk.say(submit())
    desk.wait(10)
    assert (desk.order().status, desk.order().code, exchange.calls) == (S.REJECTED, error.code, ["submit"])


@pytest.mark.parametrize("status", [S.REJECTED, S.DENIED])
@pytest.mark.parametrize("tells_trades", [True, False])
def test_what_has_filled_of_a_refused_order_is_booked(status: OrderStatus, tells_trades: bool) -> None:
    class PartlyRefusing(MyExchange):
        def submit(self, trade: Trade) -> Status:
            super().submit(trade)
            self.fill("0.4", "100")
            self.book[trade.order_id]["status"] = status
            return self.status_of(trade.order_id).to(error="the rest is refused", code="9")

    desk = Desk(PartlyRefusing(tells_trades=tells_trades))
    desk.say(submit())
    desk.wait(3)
    order = desk.order()
    assert (order.status, order.filled, order.filled_quote, order.code) == (S.CANCELLED, Decimal("0.4"), 40, "9")


def test_trades_in_a_refusal_that_says_no_figure_are_booked_too() -> None:
    class Odd(MyExchange):
        def submit(self, trade: Trade) -> Status:
            return Status(status=S.REJECTED, fills=(an_execution("0.4", "100", time=NOW),))

    desk = Desk(Odd())
    desk.say(submit())
    assert (desk.order().status, desk.order().filled) == (S.CANCELLED, Decimal("0.4"))


def test_an_answer_that_is_no_status_is_no_answer() -> None:
    class Odd(MyExchange):
        def submit(self, trade: Trade) -> Status:
            super().submit(trade)
            return {"status": "open"}  # type: ignore[return-value]

    desk = Desk(Odd())
    desk.say(submit())
    kinds = [type(event).__name__ for event in desk.driver.journal.recall_order("main", an_id())]
    assert kinds[:3] == ["OrderReceived", "RequestUnknown", "OrderAccepted"]


def test_an_order_that_never_arrived_stays_unknown_where_its_lifetime_has_no_bound() -> None:
    exchange = MyExchange()
    exchange.trouble = failing(OSError("no route"), "before")
    desk = Desk(exchange)
    desk.say(submit())
    desk.wait(300)
    assert (desk.order().status, exchange.calls.count("submit")) == (S.UNKNOWN, 1)


def test_where_it_has_one_two_denials_prove_that_it_never_arrived() -> None:
    exchange = MyExchange()
    exchange.trouble = failing(OSError("no route"), "before")
    desk = Desk(exchange, BOUNDED)
    desk.say(submit())
    desk.wait(5)
    assert desk.order().status is S.UNKNOWN
    desk.wait(10)
    assert (desk.order().status, exchange.calls.count("submit")) == (S.REJECTED, 1)


def test_an_unknown_status_is_no_answer_and_denies_nothing() -> None:
    class Vague(MyExchange):
        def status(self, trade: Trade) -> Status:
            return Status(order_id=trade.order_id, error="maintenance")

    exchange = Vague()
    exchange.trouble = failing(OSError("no route"), "before")
    desk = Desk(exchange, BOUNDED)
    desk.say(submit())
    desk.wait(60)
    assert desk.order().status is S.UNKNOWN


def test_a_request_that_is_sent_again_is_not_handed_on_again() -> None:
    exchange = MyExchange()
    desk = Desk(exchange)
    desk.say(submit())
    action = m.SendOrder(
        order_id=an_id(),
        account="main",
        exchange="simulated",
        symbol="BTC/USDT",
        number=0,
        sign_at=NOW,
        lifetime_ms=None,
        instruction=a_limit_buy(),
        quantity=Decimal(1),
    )
    desk.connector.send(action)
    assert exchange.calls.count("submit") == 1
    assert [type(report) for report in desk.connector.poll(NOW)[1]] == [m.StatusReport]


# Cumulative figures


def test_without_trades_the_cumulative_figure_becomes_the_record_that_says_so() -> None:
    exchange = MyExchange(tells_trades=False)
    desk = Desk(exchange)
    desk.say(submit())
    exchange.fill("0.4", "100")
    desk.wait(2)
    exchange.fill("0.1", "90")
    exchange.fill("0.5", "80")
    desk.wait(2)
    assert desk.order().status is S.FILLED
    assert desk.executions() == [
        an_execution("0.4", "100", f"{an_id()}-cum-0.4", time=NOW),
        an_execution("0.6", "81.66666666666666667", f"{an_id()}-cum-1", time=NOW),
    ]
    assert all(is_cumulative(execution) for execution in desk.executions())
    assert desk.order().filled_quote - Decimal(89) < Decimal("1e-17")


def test_a_figure_is_only_a_claim_until_the_engine_has_asked_for_the_trades() -> None:
    exchange = MyExchange(tells_trades=False)
    desk = Desk(exchange)
    desk.say(submit())
    exchange.fill("0.4", "100")
    desk.clock.time += SECOND
    reports = desk.connector.poll(desk.clock.time)[1]
    assert [(type(report), getattr(report, "cumulative", None)) for report in reports] == [
        (m.StatusReport, Decimal("0.4"))
    ]


def test_a_figure_without_a_price_stays_a_claim() -> None:
    class Priceless(MyExchange):
        def status_of(self, order_id: str) -> Status:
            return super().status_of(order_id).to(filled_quote=None, average_price=None)

    exchange = Priceless(tells_trades=False)
    desk = Desk(exchange)
    desk.say(submit())
    exchange.fill("0.4", "100")
    desk.wait(5)
    assert (desk.order().filled, desk.order().reported, desk.executions()) == (Decimal(0), Decimal("0.4"), [])


def test_trades_that_are_told_after_a_figure_was_booked_are_in_it_already() -> None:
    exchange = MyExchange(tells_trades=False)
    desk = Desk(exchange)
    desk.say(submit())
    exchange.fill("0.4", "100")
    desk.wait(2)
    exchange.tells_trades = True
    exchange.fill("0.6", "100")
    desk.wait(3)
    assert (desk.order().status, desk.order().filled) == (S.FILLED, Decimal(1))
    assert [execution.execution_id for execution in desk.executions()] == [f"{an_id()}-cum-0.4", f"{an_id()}-cum-1"]


def test_a_figure_after_trades_is_the_rest_of_them() -> None:
    exchange = MyExchange()
    desk = Desk(exchange)
    desk.say(submit())
    exchange.fill("0.4", "100")
    desk.wait(2)
    exchange.tells_trades = False
    exchange.fill("0.6", "99")
    desk.wait(3)
    assert desk.executions() == [
        an_execution("0.4", "100", "t1-001", time=NOW),
        an_execution("0.6", "99", f"{an_id()}-cum-1", time=NOW),
    ]


def test_after_a_restart_no_figure_and_no_request_counts_twice() -> None:
    exchange = MyExchange(tells_trades=False)
    before = Desk(exchange)
    before.say(submit())
    exchange.fill("0.4", "100")
    before.wait(2)
    after = before.restarted(exchange)
    exchange.fill("0.6", "100")
    after.wait(3)
    assert (after.order().status, after.order().filled_quote) == (S.FILLED, Decimal(100))
    assert [execution.quantity for execution in after.executions()] == [Decimal("0.4"), Decimal("0.6")]
    after.say(m.CancelOrder(order_id=an_id()))
    assert exchange.calls.count("submit") == 1


def test_an_order_that_was_not_handed_over_is_neither_cancelled_nor_denied() -> None:
    connector = ExecutorConnector(MyExchange(), Clock())
    request: dict[str, Any] = {"order_id": an_id(), "account": "main", "exchange": "simulated", "symbol": "BTC/USDT"}
    cancel = m.SendCancel(**request, number=1, sign_at=NOW, lifetime_ms=None, exchange_order_id="")
    with pytest.raises(Refused, match="hand it over with `watch`"):
        connector.send(cancel)
    with pytest.raises(Unreachable, match="NotImplementedError"):
        connector.send(m.AskOrder(**request, number=0))
    assert connector.poll(NOW) == (NOW, ())


# Replace


REPLACE = m.ReplaceOrder(order_id=an_id(), quantity=Decimal(2), price=Decimal(99))


def test_a_replace_is_refused_in_clear_words_where_the_executor_has_none() -> None:
    desk = Desk(MyExchange())
    desk.say(submit())
    desk.say(REPLACE)
    (refused,) = [
        event for event in desk.driver.journal.recall_order("main", an_id()) if isinstance(event, m.RequestRefused)
    ]
    assert (refused.code, refused.message) == (
        "replace_unsupported",
        "this exchange cannot replace an order: cancel it and send a new one",
    )
    assert (desk.order().status, desk.order().price) == (S.OPEN, Decimal(100))


class Replacing(MyExchange):
    """It can replace, and says then what `says` makes of its status."""

    def __init__(self, says: dict[str, Any]) -> None:
        super().__init__()
        self.says = says

    def replace(self, trade: Trade, *, quantity: Any, price: Any, stop_price: Any) -> Status:
        if not self.says:
            order = self.book[trade.order_id]
            order["trade"] = trade.replaced(quantity=quantity, price=price, order_id=trade.order_id)
        return self.status_of(trade.order_id).to(**self.says)


@pytest.mark.parametrize(
    ("says", "status", "price"),
    [
        ({}, S.OPEN, 99),
        ({"error": "too late", "code": "7"}, S.OPEN, 100),
        ({"status": S.PENDING_REPLACE}, S.PENDING_REPLACE, 100),
        ({"status": S.UNKNOWN}, S.PENDING_REPLACE, 100),
    ],
)
def test_a_replace_is_done_refused_under_way_or_unknown(says: dict[str, Any], status: OrderStatus, price: int) -> None:
    desk = Desk(Replacing(says))
    desk.say(submit())
    desk.say(REPLACE)
    assert (desk.order().status, desk.order().price) == (status, Decimal(price))


@pytest.mark.parametrize(
    ("says", "status"),
    [
        (Status(status=S.OPEN), S.PENDING_CANCEL),
        (Status(status=S.PENDING_CANCEL), S.PENDING_CANCEL),
        (Status(status=S.OPEN, error="busy", code="1"), S.OPEN),
        (Status(status=S.UNKNOWN), S.PENDING_CANCEL),
        (Status(status=S.UNKNOWN, code=NOT_FOUND, error="no such order"), S.OPEN),
        (OrderNotFound(), S.OPEN),
        (OSError("reset"), S.PENDING_CANCEL),
    ],
)
def test_a_cancel_is_under_way_refused_or_unknown(says: Any, status: OrderStatus) -> None:
    class Cancelling(MyExchange):
        def cancel(self, trade: Trade) -> Status:
            if isinstance(says, Exception):
                raise says
            return says  # type: ignore[no-any-return]

    desk = Desk(Cancelling())
    desk.say(submit())
    desk.say(m.CancelOrder(order_id=an_id()))
    assert desk.order().status is status


# Secrets, laws, and the whole circle


def test_an_exception_that_quotes_a_key_is_logged_without_it() -> None:
    class Keyed(MyExchange):
        def get_api_key(self, user_id: str, exchange: str | None = None) -> UserCreds:
            return UserCreds(user_id="ann", api_key="key-abc")

    class Keyless(MyExchange):
        pass

    text = "GET ?key=key-abc failed"
    cases: list[tuple[MyExchange, Exception, str]] = [
        (Keyed(), OSError(text), "OSError: GET ?key=*** failed"),
        (Keyed(), Unreachable(text), "GET ?key=*** failed"),
        (Keyless(), OSError(text), "OSError"),
        (Keyless(), Unreachable("timed out"), "timed out"),
    ]
    for exchange, error, said in cases:
        exchange.trouble = failing(error, "before")
        desk = Desk(exchange)
        desk.say(submit())
        unknown = [e for e in desk.driver.journal.recall_order("main", an_id()) if isinstance(e, m.RequestUnknown)]
        assert [event.message for event in unknown] == [said]


@pytest.mark.parametrize("tells_trades", [True, False])
@pytest.mark.parametrize("seed", range(15))
def test_whatever_the_line_does_no_order_is_doubled_and_no_fill_is_lost(seed: int, tells_trades: bool) -> None:
    """An exchange whose calls fail before and after they are carried out. It asserts itself that it gets no order
    twice; when all is quiet its ledger and ours are the same."""
    draw = random.Random(seed)
    exchange = MyExchange(tells_trades=tells_trades)
    desk = Desk(exchange, BOUNDED)

    def trouble(_: str) -> None:
        if draw.random() < 0.25:
            raise draw.choice([OSError("reset"), Unreachable("timed out"), ValueError("odd")])

    exchange.trouble = trouble
    for number in range(1, 13):
        desk.say(submit(number))
        for order_id in list(exchange.book):
            if draw.random() < 0.4:
                left = Decimal(1) - exchange.filled(order_id)
                exchange.fill(
                    str(min(Decimal(draw.randrange(1, 6)) / 10, left)), str(draw.randrange(90, 101)), order_id
                )
        if draw.random() < 0.4:
            desk.say(m.CancelOrder(order_id=an_id(draw.randrange(1, number + 1))))
        desk.wait(draw.randrange(4))
    exchange.trouble = lambda _: None
    desk.wait(90)

    for number in range(1, 13):
        order, theirs = desk.order(number), exchange.book.get(an_id(number))
        if theirs is None:
            assert (order.status, order.filled) == (S.REJECTED, 0)
            continue
        assert order.filled == exchange.filled(an_id(number))
        expected = sum(fill.quantity * fill.price for fill in theirs["fills"])
        assert abs(order.filled_quote - expected) < Decimal("1e-15")
        if tells_trades:
            assert list(order.executions.values()) == theirs["fills"]
        working = S.PARTIALLY_FILLED if order.filled else S.OPEN
        assert order.status is (working if theirs["status"] is S.OPEN else theirs["status"])
    assert exchange.calls.count("submit") <= 12


def test_the_api_over_a_real_connector_runs_by_its_clock() -> None:
    clock, exchange = Clock(), MyExchange()
    api = ConnectorAPI(
        ExecutorConnector(exchange, clock), [an_instrument()], exchange="mine", clock=clock, deposits={"USDT": 1_000}
    )
    executor = GenericExecutor(api, MemoryCredentials(UserCreds(user_id="ann", exchange="mine")))
    trade = Trade("BTC", "USDT", "buy", 1, order_type="limit", price=100, order_id=an_id())
    assert executor.submit(trade).status is S.OPEN
    exchange.fill("1", "99")
    clock.time += SECOND
    assert (executor.status(trade).status, executor.get_status(an_id()).average_price) == (S.FILLED, Decimal(99))


def test_the_engine_over_an_executor_over_the_engine_gives_the_same_fills() -> None:
    api = MockAPI(seed=4, faults=NO_FAULTS)
    executor = GenericExecutor(api, MemoryCredentials(paper=True))
    desk = Desk(executor)
    desk.driver.turn([m.QuoteSeen(exchange="simulated", symbol="BTC/USDT", quote=a_quote(49_000, 50_000))], NOW)
    market = structs.replace(a_limit_buy("0.01"), type="market", price=None, account="main", user="main")
    desk.say(m.SubmitOrder(instruction=market))
    desk.wait(3)
    inner = api.engine.order(an_id())
    assert inner is not None
    assert desk.order().status is S.FILLED
    assert desk.executions() == list(inner.executions.values())
