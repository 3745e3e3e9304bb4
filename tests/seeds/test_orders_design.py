"""Seeds 000 and 001, "Orders - Python Design": every example, as near to its text as it runs.

What the documents leave open (`{ ... }`, `Broker(...)`) is filled in here; each example opens the log that the one
before it wrote, as a user who comes back does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orderwright import (
    Broker,
    Executor,
    ExternalAPI,
    GenericExecutor,
    ICredentials,
    InputError,
    IValidation,
    MemoryCredentials,
    MockExecutor,
    OrderStatus,
    Status,
    Trade,
    UserCreds,
    UserInfo,
)
from orderwright.executors import MockAPI
from orderwright.simulation.faults import Faults

USER = {"user_id": "alice", "strategy": "trend"}
TIMES = {"time_type": "relative", "latest_group": True}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log in which alice has an order of each kind; bob has one too."""
    path = tmp_path / "orders.sqlite"
    user_params = USER
    trade = Trade("BTC", "USDT", "buy", 0.01)  # Define a trade
    broker = Broker(log=path)  # Send the trade to the broker

    broker.find_params(**user_params)
    broker.submit(trade)

    broker.update()
    broker.submit(Trade("BTC", "USDT", "buy", "0.01", order_type="limit", price=40_000))
    cancelled = broker.submit(Trade("BTC", "USDT", "buy", "0.01", order_type="limit", price=30_000))
    broker.cancel(cancelled)
    broker.submit(Trade("ETH", "USDT", "buy", 1, execute_at="after_ms:3600000"))
    broker.group_settings(user_id="bob")
    broker.submit(Trade("BTC", "USDT", "buy", "0.02", order_type="limit", price=40_000))
    broker.close()
    return path


@pytest.mark.parametrize("settings", ["find_params", "group_settings"])
@pytest.mark.parametrize(
    ("status", "found"),
    [
        ("OPEN", [("BTC/USDT", OrderStatus.OPEN, 40_000)]),
        ("CLOSED", [("BTC/USDT", OrderStatus.FILLED, None)]),
        ("PENDING", [("ETH/USDT", OrderStatus.PENDING, None)]),
        ("CANCELLED", [("BTC/USDT", OrderStatus.CANCELLED, 30_000)]),
    ],
)
def test_getting_trades_for_the_current_user(log: Path, settings: str, status: str, found: list[object]) -> None:
    broker_params: dict[str, Any] = {"status": status}
    group_params = USER
    time_params: dict[str, Any] = {
        "time_type": "relative",  # Check by the relative time.
        "latest_group": True,  # Get the latest of each group.
    }
    broker = Broker(log=log)
    broker.time_settings(**time_params)  # Explain how to deal with time
    getattr(broker, settings)(**group_params)  # group by these settings
    trades = broker.load(**broker_params)
    broker.close()

    assert [(trade.symbol, trade.status, trade.price) for trade in trades] == found


def test_the_misspelt_status_of_001_is_answered_with_the_right_one(log: Path) -> None:
    broker_params: dict[str, Any] = {"status": "CANECELLED"}
    with Broker(log=log) as broker:
        broker.time_settings(**TIMES)
        broker.group_settings(**USER)
        with pytest.raises(InputError, match="did you mean CANCELLED") as refused:
            broker.load(**broker_params)

    assert (refused.value.field, refused.value.value, refused.value.nearest) == ("status", "CANECELLED", "cancelled")


def test_checking_trades(log: Path) -> None:
    with Broker(log=log) as broker:
        broker.find_params(**USER)
        open_trades = broker.load(status="OPEN")
        broker.cancel(open_trades[0].order_id)

        for trade in open_trades:
            # Each of these loaded trades will have an order_id inside of it from the executor.
            # If they don't have an order_id, it won't check.
            broker.check_trade(trade)

        assert [trade.status for trade in open_trades] == [OrderStatus.CANCELLED]


def test_the_steps_of_check_trade_can_be_taken_one_by_one(log: Path) -> None:
    class Desk(Broker):
        def check_trade(self, trade: Trade) -> Trade:
            """Checks the trade status from the executor."""
            if not trade.is_trade:
                return trade
            executor_id: str = trade.executor_id
            status: Status = self.executor.get_status(executor_id)  # Get the status from the exchange

            # We manage the errors here
            self.manage_error(status)
            # Check if the trade status is different from the trade we entered into
            if self.is_different(status, trade):
                self.update_state(status)
            return trade

    with Desk(log=log) as broker:
        trade = Trade("BTC", "USDT", "buy", 0.01)
        assert broker.check_trade(trade).status is None

        broker.submit(trade)
        broker.update()
        broker.check_trade(trade)

        assert broker.load(order_id=trade.order_id)[0].status is OrderStatus.FILLED


def test_a_status_is_cast_from_what_an_api_answers() -> None:
    status_dict: dict[str, Any] = {"clientOrderId": "a" * 30, "status": "PARTIALLY_FILLED", "executedQty": "0.4"}
    status = Status().cast(**status_dict)

    assert (status.order_id, status.status, str(status.filled_quantity)) == (
        "a" * 30,
        OrderStatus.PARTIALLY_FILLED,
        "0.4",
    )


class SpecificExecutor(Executor):
    """The "more specific version" of 000, with the interface's own words."""

    def __init__(self, api: ExternalAPI, creds: ICredentials, validator: IValidation | None) -> None:
        self.api = api
        self.credentials = creds
        self.validation = validator
        self.users: dict[str, tuple[str, str]] = {}

    def set_credentials(self, user_creds: UserCreds) -> None:
        # Sets the credentials.
        self.credentials.link(user_creds)

    def get_api_key(self, user_id: str, exchange: str | None = None) -> UserCreds:
        """Should return a user credentials object"""
        return self.credentials.get_creds_by_user_exchange(user_id, exchange or "simulated")

    def submit(self, trade: Trade) -> Status:
        # Submit the trade to the trade execution company
        self.users[trade.order_id] = (trade.user_id, trade.exchange)
        api_creds = self.get_api_key(trade.user_id, trade.exchange)
        status: Status = self.api.submit_order(trade, api_creds)
        return status

    def status(self, trade: Trade) -> Status:
        api_creds = self.get_api_key(trade.user_id, trade.exchange)
        status: Status = self.api.get_status(trade, api_creds)
        return status

    def get_status(self, order_id: str) -> Status:
        api_keys = self.get_api_key(*self.users[order_id])  # we'd reach out to the API key first.
        status_dict: dict[str, Any] = self.api.pull_status(api_keys, order_id)
        status = Status().cast(**status_dict)
        return status

    def cancel(self, trade: Trade) -> Status:
        api_creds = self.get_api_key(trade.user_id, trade.exchange)
        status: Status = self.api.cancel_order(trade, api_creds)
        return status

    def orders(self, user: UserInfo) -> list[Status]:
        """Gets all of the user's orders."""
        return self.api.get_all_orders(user, self.get_api_key(user.user_id, user.exchange))

    def openned(self, user: UserInfo) -> list[Status]:
        return self.api.get_open_orders(user, self.get_api_key(user.user_id, user.exchange))


class Ticking:
    """A clock that goes on by a second whenever it is looked at."""

    def __init__(self) -> None:
        self.time = 1_767_614_400_000_000

    def now(self) -> int:
        self.time += 1_000_000
        return self.time


@pytest.mark.parametrize("kind", [SpecificExecutor, GenericExecutor])
def test_exchange_broker_executor_with_an_executor_of_ones_own(kind: type[Executor]) -> None:
    executor = kind(MockAPI(7, faults=Faults()), MemoryCredentials(paper=True), None)
    executor.set_credentials(UserCreds(user_id="alice", exchange="simulated", api_key="key", api_secret="secret"))
    broker = Broker(executor, clock=Ticking())
    broker.find_params(user_id="alice")

    trade = broker.submit(Trade("BTC", "USDT", "buy", 0.01))
    for _ in range(5):
        broker.update()
    broker.check_trade(trade)

    user = UserInfo(user_id="alice", exchange="simulated")
    assert (trade.status, trade.filled_quantity) == (OrderStatus.FILLED, trade.quantity)
    assert [status.status for status in executor.orders(user)] == [OrderStatus.FILLED]
    assert executor.openned(user) == []


def test_the_interface_says_what_is_missing() -> None:
    class Silent(SpecificExecutor):
        get_status = Executor.get_status

    executor = Silent(MockAPI(7, faults=Faults()), MemoryCredentials(paper=True), None)
    with pytest.raises(NotImplementedError, match="Get status not implemented"):
        executor.get_status("a" * 30)


def test_training_with_a_mock_executor_on_a_bad_day_loses_no_order() -> None:
    broker = Broker(MockExecutor(seed=11), clock=Ticking())
    trades = [broker.submit(Trade("BTC", "USDT", "buy", "0.001")) for _ in range(5)]
    for _ in range(60):
        broker.update()
    for trade in trades:
        broker.check_trade(trade)

    assert {trade.status for trade in trades} <= {OrderStatus.FILLED, OrderStatus.REJECTED}
    bought = sum(trade.filled_quantity for trade in trades)
    assert bought == sum(fill.quantity for trade in trades for fill in trade.fills) > 0


def test_an_executor_that_knows_no_order_by_its_id_is_asked_through_the_book() -> None:
    class Silent(SpecificExecutor):
        get_status = Executor.get_status

    broker = Broker(Silent(MockAPI(7, faults=Faults()), MemoryCredentials(paper=True), None), clock=Ticking())
    trade = broker.submit(Trade("BTC", "USDT", "buy", 0.01))
    broker.check_trade(trade)
    broker.check_trade(trade)

    assert trade.status is OrderStatus.FILLED


def test_a_broker_tells_its_executor_after_a_restart_whose_order_it_asks_about(tmp_path: Path) -> None:
    api = MockAPI(7, faults=Faults())
    clock = Ticking()
    with Broker(GenericExecutor(api, MemoryCredentials(paper=True)), tmp_path / "log.sqlite", clock=clock) as broker:
        trade = broker.submit(Trade("BTC", "USDT", "buy", 0.01, user_id="alice"))
    with Broker(GenericExecutor(api, MemoryCredentials(paper=True)), tmp_path / "log.sqlite", clock=clock) as broker:
        loaded = broker.load(order_id=trade.order_id)[0]
        for _ in range(3):
            broker.update()
        broker.check_trade(loaded)

        assert (loaded.status, loaded.filled_quantity) == (OrderStatus.FILLED, trade.quantity)
        assert len(api.get_all_orders(UserInfo(user_id="alice"), UserCreds(user_id="alice", exchange="simulated"))) == 1
