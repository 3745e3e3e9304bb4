"""By which id an order is asked about, and what is handed over after a restart."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orderwright.core import messages as m
from orderwright.core.model import SECOND, OrderStatus
from orderwright.engine import Engine
from orderwright.executors import (
    ExecutorConnector,
    GenericExecutor,
    MemoryCredentials,
    OrderNotFound,
    Status,
    Trade,
    UserCreds,
)
from tests.builders import NOW, an_execution, an_id
from tests.executors.builders import AnAPI
from tests.executors.desk import Desk, MyExchange, submit

S = OrderStatus


class OwnIds(AnAPI):
    """An exchange that gives each order an id of its own, and knows it by no other."""

    def __init__(self) -> None:
        super().__init__()
        self.status = Status(status=S.OPEN, quantity=Decimal(1), time=NOW)

    def _next(self, what: str, order_id: str) -> Any:
        self.asked.append((what, order_id))
        if what != "submit" and order_id != "ex-1":
            raise OrderNotFound
        if what == "cancel":
            self.status = self.status.to(status=S.CANCELLED)
        return self.status.to(order_id="ex-1")


def executor_of(api: AnAPI) -> GenericExecutor:
    return GenericExecutor(api, MemoryCredentials(UserCreds(user_id="ann", exchange="simulated")))


def test_an_order_that_goes_by_the_exchanges_own_id_is_seen_again_after_a_restart() -> None:
    api = OwnIds()
    before = Desk(executor_of(api))
    before.say(submit(user="ann"))
    before.wait(1)
    assert (before.order().exchange_order_id, api.asked) == ("ex-1", [("submit", an_id()), ("status", "ex-1")])
    api.status = api.status.to(status=S.FILLED, filled_quantity=Decimal(1), fills=(an_execution(time=NOW),))
    after = before.restarted(executor_of(api))
    after.wait(2)
    assert (after.order().status, after.executions()) == (S.FILLED, [an_execution(time=NOW)])
    assert api.asked[2:] == [("status", an_id()), ("status", "ex-1")], "it is denied by our id only once"


def test_it_is_cancelled_by_that_id_too() -> None:
    api = OwnIds()
    before = Desk(executor_of(api))
    before.say(submit(user="ann"))
    after = before.restarted(executor_of(api))
    after.say(m.CancelOrder(order_id=an_id()))
    assert (after.order().status, api.asked[-1]) == (S.CANCELLED, ("cancel", "ex-1"))


def test_an_order_that_neither_id_finds_is_denied() -> None:
    api = OwnIds()
    before = Desk(executor_of(api))
    before.say(submit(user="ann"))
    lost = AnAPI(OrderNotFound())
    after = before.restarted(executor_of(lost))
    after.say(m.RefreshOrder(order_id=an_id()))
    assert lost.asked[:2] == [("status", an_id()), ("status", "ex-1")]
    assert [word.topic for word in after.words if isinstance(word, m.RaiseAlert)] == ["missing"]


class Watched(MyExchange):
    """It can replace, and notes the trades that it is asked about."""

    def __init__(self) -> None:
        super().__init__()
        self.handed: list[Trade] = []

    def status(self, trade: Trade) -> Status:
        self.handed.append(trade)
        return super().status(trade)

    def replace(self, trade: Trade, *, quantity: Any, price: Any, stop_price: Any) -> Status:
        self.book[trade.order_id]["trade"] = trade.replaced(quantity=quantity, price=price, order_id=trade.order_id)
        return self.status_of(trade.order_id)


ONLY_IN_THE_LOG = {"created_at", "updated_at", "filled_at", "arrival_price", "remaining_quantity", "average_price"}


def shown(trade: Trade) -> dict[str, Any]:
    """What a trade says, but for what this exchange does not."""
    words = {name: getattr(trade, name) for name in (*Trade.__slots__, "order_id")}
    state = {name: getattr(trade.state, name) for name in trade.state.__struct_fields__}
    return words | {name: said for name, said in state.items() if name not in ONLY_IN_THE_LOG}


def test_the_trade_that_is_handed_over_after_a_restart_is_the_one_from_before() -> None:
    exchange = Watched()
    before = Desk(exchange)
    before.say(submit(quantity=Decimal(3)))
    before.say(m.ReplaceOrder(order_id=an_id(), quantity=Decimal(2), price=Decimal(101)))
    exchange.fill("0.5", "100")
    before.wait(2)
    last = exchange.handed[-1]
    assert (last.price, last.quantity, last.exchange_order_id) == (Decimal(101), Decimal(2), "x-001")
    assert (last.status, last.filled_quantity, last.exchange) == (S.PARTIALLY_FILLED, Decimal("0.5"), "simulated")
    after = before.restarted(exchange)
    after.wait(1)
    assert shown(exchange.handed[-1]) == shown(last)


def test_the_engine_says_after_a_restart_which_exchange_the_orders_are_on() -> None:
    exchange = Watched()
    before = Desk(exchange)
    before.say(submit())
    clock = before.clock
    connector = ExecutorConnector(exchange, clock)
    engine = Engine("main", before.driver.journal, {"simulated": connector}, clock=clock)
    clock.time += 2 * SECOND
    engine.advance(clock.time)
    assert [trade.exchange for trade in exchange.handed] == ["simulated"]


def test_the_trade_that_an_executor_keeps_does_not_change_in_its_hands() -> None:
    exchange = Watched()
    desk = Desk(exchange)
    desk.say(submit())
    desk.wait(1)
    assert [exchange.book[an_id()]["trade"].status, exchange.handed[-1].status] == [None, S.OPEN]


class Mixing(MyExchange):
    """It answers questions with `says`, where there is something."""

    def __init__(self) -> None:
        super().__init__()
        self.says: dict[str, Any] = {}

    def status_of(self, order_id: str) -> Status:
        return super().status_of(order_id).to(**self.says)


FILLED: dict[str, Any] = {"status": S.FILLED, "filled_quantity": Decimal(1), "fills": (an_execution(),)}


@pytest.mark.parametrize("restart", [False, True])
def test_an_answer_about_another_order_is_no_answer(restart: bool) -> None:
    exchange = Mixing()
    desk = Desk(exchange)
    desk.say(submit())
    if restart:
        desk = desk.restarted(exchange)
    exchange.says = FILLED | {"order_id": an_id(2), "exchange_order_id": "x-002"}
    desk.wait(3)
    desk.say(m.RefreshOrder(order_id=an_id()))
    assert (desk.order().status, desk.executions()) == (S.OPEN, [])
    desk.say(m.CancelOrder(order_id=an_id()))
    assert desk.order().status is S.PENDING_CANCEL


@pytest.mark.parametrize(
    "names",
    [
        {"order_id": "", "exchange_order_id": ""},
        {"order_id": f"{an_id()}00", "exchange_order_id": ""},
        {"order_id": "x-001", "exchange_order_id": ""},
        {"order_id": "tag", "exchange_order_id": "x-001"},
    ],
)
@pytest.mark.parametrize("restart", [False, True])
def test_an_answer_may_name_the_order_by_any_of_its_ids(names: dict[str, str], restart: bool) -> None:
    exchange = Mixing()
    desk = Desk(exchange)
    desk.say(submit())
    if restart:
        desk = desk.restarted(exchange)
    exchange.says = FILLED | names
    desk.wait(2)
    assert (desk.order().status, desk.order().exchange_order_id) == (S.FILLED, "x-001")


def test_an_executor_that_is_asked_by_our_ids_may_answer_with_its_own() -> None:
    exchange = Mixing()
    exchange.says = {"order_id": "tag", "exchange_order_id": ""}
    before = Desk(exchange)
    before.say(submit())
    before.wait(1)
    after = before.restarted(exchange)
    exchange.says = FILLED | exchange.says
    after.wait(2)
    assert (after.order().status, after.order().exchange_order_id) == (S.FILLED, "tag")
