"""Seed 004's OrderExecutor over a broker: each order once, its own fields brought up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orderwright import InputError, OrderExecutor, OrderStatus, Settings, Trade, TradingOrder
from tests.face.builders import a_broker, a_buy, some_market

OPTIONS: dict[str, Any] = {"feeds": [some_market()], "maker_fee": 0, "taker_fee": 0}


def run(example: Callable[[OrderExecutor], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        async with OrderExecutor(**(OPTIONS | options)) as executor:
            await example(executor)

    asyncio.run(main())


def test_an_order_is_executed_once_however_often_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    own = TradingOrder(symbol="BTCUSDT", side="buy", quantity=1, client_order_id="mine")
    ours = TradingOrder(symbol="BTCUSDT", side="buy", quantity=1)

    async def example(executor: OrderExecutor) -> None:
        for _ in range(3):
            await executor.execute_order(own, path)
            await executor.execute_order(ours, f"sqlite:///{path}")

    run(example)
    run(example)  # another process, on the same log
    with a_broker(log=path) as broker:
        assert [trade.idempotency_key for trade in broker.load()] == ["mine", ""]


def test_a_dict_is_brought_up_to_date_and_a_frozen_order_gives_its_trade() -> None:
    order: dict[str, Any] = {"symbol": "BTC/USDT", "side": "BUY", "quantity": "1000", "user_id": "alice"}
    trade = a_buy("2")

    async def example(executor: OrderExecutor) -> None:
        denied = await executor.execute_order(order)
        assert denied.status is OrderStatus.DENIED
        bought = await executor.execute_order(trade)
        assert bought is trade
        await executor.update_order_status(trade)

    run(example)
    assert (order["status"], order["risk_check_passed"]) == ("denied", "failed")
    assert order["risk_check_reason"].startswith("quantity 1000: needs 100000 USDT, 10000 is free")
    assert (trade.status, trade.filled_quantity) == (OrderStatus.FILLED, Decimal(2))


def test_a_broker_that_is_given_stays_open() -> None:
    broker = a_broker()

    async def example(executor: OrderExecutor) -> None:
        await executor.execute_order(a_buy("1"), broker)

    run(example)
    broker.update()
    assert [trade.status for trade in broker.load()] == [OrderStatus.FILLED]


def test_many_at_once_are_executed_one_after_the_other() -> None:
    broker = a_broker()
    orders = [a_buy("1") for _ in range(20)]

    async def example(executor: OrderExecutor) -> None:
        await asyncio.gather(*(executor.execute_order(order, broker) for order in orders))

    run(example)
    assert len({order.order_id for order in orders}) == 20
    assert len(broker.load(status="open")) == 20


@pytest.mark.parametrize("name", ["cancel_order", "update_order_status"])
def test_an_order_that_was_refused_for_its_key_does_not_stand_for_the_one_that_has_it(name: str) -> None:
    words: dict[str, Any] = {"symbol": "BTCUSDT", "side": "buy", "order_type": "limit", "price": 90}
    first = TradingOrder(**words, quantity=1, user_id="alice", client_order_id="mine")
    others = [
        TradingOrder(**words, quantity=2, user_id="alice", client_order_id="mine"),
        TradingOrder(**words, quantity=1, user_id="bob", client_order_id="mine"),
    ]
    broker = a_broker()

    async def example(executor: OrderExecutor) -> None:
        await executor.execute_order(first, broker)
        for other in others:
            await executor.execute_order(other, broker)
            assert (other.status, other.client_order_id) == ("denied", "mine")
            with pytest.raises(InputError, match="another order") as refused:
                await getattr(executor, name)(other, broker)
            assert (refused.value.field, refused.value.value) == ("client_order_id", "mine")
        assert [trade.status for trade in broker.load()] == [OrderStatus.OPEN]
        await getattr(executor, name)(first, broker)

    run(example)
    assert first.status == ("cancelled" if name == "cancel_order" else "open")


def test_an_order_that_waits_for_approval_has_not_passed_yet() -> None:
    order = TradingOrder(symbol="BTCUSDT", side="buy", quantity=1)
    broker = a_broker(settings=Settings(approval="all", bar_ms=60_000))

    async def example(executor: OrderExecutor) -> None:
        await executor.execute_order(order, broker)

    run(example)
    (row,) = broker.journal.latest("orders")
    assert (order.status, order.risk_check_passed) == (row["status"], row["risk_check_passed"]) == ("pending",) * 2


@pytest.mark.parametrize("name", ["cancel_order", "update_order_status"])
def test_an_order_that_was_never_executed_is_named(name: str) -> None:
    async def example(executor: OrderExecutor) -> None:
        for order in (Trade("BTC", "USDT", "buy", 1), {"symbol": "BTC/USDT", "side": "buy", "client_order_id": "x"}):
            with pytest.raises(InputError, match="never executed") as refused:
                await getattr(executor, name)(order)
            assert refused.value.field == "client_order_id"

    run(example)
