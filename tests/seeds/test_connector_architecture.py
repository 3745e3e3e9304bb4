"""Seed 004, "Trading Connector Architecture": its order executor and its risk manager, with `trading` read as
`orderwright.trading`."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orderwright import TradingOrder
from orderwright.trading.exchange_interface import OrderSide, OrderStatus, OrderType
from orderwright.trading.order_executor import OrderExecutor
from orderwright.trading.risk_manager import RiskManager


def an_order(**changes: Any) -> TradingOrder:
    words: dict[str, Any] = {"symbol": "BTCUSDT", "side": "buy", "quantity": 0.001, "user_id": "user123"}
    return TradingOrder(**(words | changes))


@pytest.fixture(params=["path", "URL", "memory"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> object:
    path = tmp_path / "bagbot.sqlite"
    return {"path": path, "URL": f"sqlite:///{path}", "memory": None}[request.param]


def test_the_order_executor(db: object) -> None:
    order = an_order(side=OrderSide.BUY, order_type=OrderType.MARKET)
    resting = an_order(order_type="limit", price=40_000, client_order_id="my-own-id")

    async def example() -> None:
        executor = OrderExecutor()

        # Execute order
        await executor.execute_order(order, db)
        await executor.execute_order(resting, db)

        # Cancel order
        await executor.cancel_order(resting, db)

        # Update order status
        await executor.update_order_status(order, db)
        executor.close()

    asyncio.run(example())

    assert (order.status, order.risk_check_passed, order.remaining_quantity) == ("filled", "passed", Decimal(0))
    assert (order.client_order_id or "")[:12] == (order.exchange_order_id or "")[4:16] != ""
    assert (resting.status, resting.client_order_id) == (OrderStatus.CANCELLED, "my-own-id")


def test_the_risk_manager(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], db: object) -> None:
    for name in ("MAX_ORDER_SIZE_USD", "MAX_POSITION_SIZE_USD", "MAX_DAILY_LOSS_USD", "MIN_ORDER_VALUE_USD"):
        monkeypatch.delenv(name, raising=False)
    order = an_order(quantity=0.5)

    async def example() -> None:
        risk_manager = RiskManager()
        result = await risk_manager.check_order(order, db, current_price=50000)

        if result.passed:
            # Proceed with order execution
            pass
        else:
            # Reject order
            print(f"Risk check failed: {result.reason}")  # noqa: T201  # as the seed has it

    asyncio.run(example())

    expected = "quantity 0.5: the order's value would be 25000, the limit is 10000 (nearest that passes: 0.2)"
    assert capsys.readouterr().out == f"Risk check failed: {expected}\n"
