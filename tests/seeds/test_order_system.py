"""Seed 002, "Order System": the step function and the portfolio questions, as near to its text as they run."""

from __future__ import annotations

from decimal import Decimal

from orderwright import Exchange, OrderStatus, StepResult, Trade
from orderwright.broker import Fill


def test_the_first_example() -> None:
    trade = Trade("BTC", "USDT", "buy", 0.01)

    exchange = Exchange()
    # will step through a simulated trade by user, exchange, episode, etc.
    # Pulls the information from the database first.
    exchange.step(trade)

    assert [one.status for one in exchange.broker.load(status="CLOSED")] == [OrderStatus.FILLED]


def test_the_class_as_the_document_writes_it() -> None:
    class Desk(Exchange):
        def update_trades(self) -> list[Fill]:
            return self.broker.update()

        def update(self) -> list[Fill]:
            # Run a bunch of other update functions
            return self.update_trades()  # Supposed to get the state of all trades

        def step(self, trade: Trade | None = None, *, size: object = None) -> StepResult:
            assert trade is not None
            order = self.size_order(trade)  # runs through the variables specific to the portfolio
            self.execute_trade(order)  # This sends the trade to a fake process.
            fills = self.update()  # I already have update functions here
            return self._result(order, fills)

    exchange = Desk("alice", "simulated", 3)
    result = exchange.step(Trade("BTC", "USDT", "buy"))

    assert [fill.execution.quantity for fill in result.fills] == [result.trade.quantity if result.trade else None]
    assert exchange.broker.load()[0].episode == "3"


def test_an_order_that_has_moved_on_is_not_open_any_more() -> None:
    exchange = Exchange()
    exchange.execute_trade(Trade("BTC", "USDT", "buy", 0.01))
    before = exchange.broker.load(status="open")
    exchange.update()

    assert len(before) == 1
    assert exchange.broker.load(status="open") == []
    history = exchange.broker.load(latest_group=False)
    assert [trade.status for trade in history] == [OrderStatus.SUBMITTED, OrderStatus.OPEN, OrderStatus.FILLED]


def test_the_instances_of_more_complex_orders() -> None:
    exchange = Exchange("alice", exchanges={"binance": None, "bybit": None}, symbols=["BTC/USDT"])
    broker = exchange.broker
    for name in ("binance", "bybit"):
        broker.find_params(user_id="alice", exchange=name)
        broker.submit(Trade("BTC", "USDT", "buy", "0.01"))
        broker.update()
        broker.submit(Trade("BTC", "USDT", "sell", "0.004", order_type="limit", price=90_000))

    # 1. latest price information for the given user from the specified exchange
    broker.find_params(user_id="alice", exchange="binance")
    assert [(price.exchange, price.symbol) for price in broker.prices()] == [("binance", "BTC/USDT")]
    # 4. all open balances on X exchange
    assert [(order.asset, order.locked) for order in broker.open_balances().orders] == [("BTC", Decimal("0.004"))]
    # 5. the total balance on a given exchange
    one = broker.total_balance()
    # 2. and 3. the user's balance from multiple exchanges, each asset of each
    broker.find_params(user_id="alice")
    held = [(row.exchange, row.asset, row.total) for row in broker.balances() if row.asset == "BTC"]
    assert held == [("binance", "BTC", Decimal("0.01")), ("bybit", "BTC", Decimal("0.01"))]
    whole = broker.total_balance()
    assert [part.exchange for part in whole.exchanges] == ["binance", "bybit"]
    assert whole.exchanges[0].total == one.total < whole.total == sum(part.total for part in whole.exchanges)
