"""The listings of seed 000 and 001 for the executor, as they are written there, on our names.

The calls are the seeds', word for word, but for what they leave open (`...`) and for `orders` and `openned`, where they
read a `trade` that their signature does not have: there it is `user`.
"""

from __future__ import annotations

from typing import Any

import pytest

from orderwright.core.model import OrderStatus
from orderwright.executors import (
    Executor,
    ExternalAPI,
    GenericExecutor,
    ICredentials,
    IValidation,
    MemoryCredentials,
    MockAPI,
    MockExecutor,
    Status,
    Trade,
    UserCreds,
    UserInfo,
    Validation,
)
from orderwright.simulation.faults import NO_FAULTS


class SeedExecutor(Executor):
    """`GenericExecutor` as seed 000 writes it."""

    def __init__(self, api: ExternalAPI, creds: ICredentials, validator: IValidation):
        self.api = api
        self.credentials = creds
        self.validation = validator
        self.sent: dict[str, Trade] = {}

    def set_credentials(self, user_creds: UserCreds) -> None:
        # Sets the credentials.
        self.credentials.link(user_creds)

    def get_api_key(self, user_id: str, exchange: str | None = None) -> UserCreds:
        """Should return a user credentials object"""
        if exchange is None:
            trade = self.sent[user_id]
            user_id, exchange = trade.user_id, trade.exchange
        return self.credentials.get_creds_by_user_exchange(user_id, exchange)

    def submit(self, trade: Trade) -> Status:
        # Submit the trade to the trade execution company
        api_creds = self.get_api_key(trade.user_id, trade.exchange)
        status: Status = self.api.submit_order(trade, api_creds)
        trade.order_id = status.order_id
        self.sent[trade.order_id] = trade
        return status

    def status(self, trade: Trade) -> Status:
        api_creds = self.get_api_key(trade.user_id, trade.exchange)
        status: Status = self.api.get_status(trade, api_creds)
        return status

    def cancel(self, trade: Trade) -> Status:
        api_creds = self.get_api_key(trade.user_id, trade.exchange)
        status: Status = self.api.cancel_order(trade, api_creds)
        return status

    def orders(self, user: UserInfo) -> list[Status]:
        """Gets all of the user's orders."""
        api_creds = self.get_api_key(user.user_id, user.exchange)
        return self.api.get_all_orders(user, api_creds)

    def openned(self, user: UserInfo) -> list[Status]:
        api_creds = self.get_api_key(user.user_id, user.exchange)
        return self.api.get_open_orders(user, api_creds)

    def get_status(self, order_id: str) -> Status:
        api_keys = self.get_api_key(order_id)  # we'd reach out to the API key first.
        status_dict: dict[str, Any] = self.api.pull_status(api_keys, order_id)
        status = Status().cast(**status_dict)
        return status


class SeedBroker:
    """`check_trade` of both seeds, and the least of what it calls."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.trades: dict[str, Trade] = {}
        self.troubles: list[Status] = []

    def check_trade(self, trade: Trade) -> None:
        """Checks the trade status from the executor."""
        if not trade.is_order_id:
            return
        order_id: str = trade.order_id
        status: Status = self.executor.get_status(order_id)  # Get the status from the exchange
        # We manage the errors here
        # We'd also provision the task to run again.
        self.manage_error(status)
        # The status class from the executor will have the status of the trade
        # Check if the trade status is different from the trade we entered into
        if self.is_different(status, trade):
            self.update_state(status)

    def check_trade_001(self, trade: Trade) -> None:
        """The same in the older words."""
        if not trade.is_trade:
            return
        executor_id: str = trade.executor_id
        status: Status = self.executor.get_status(executor_id)
        self.manage_error(status)
        if self.is_different(status, trade):
            self.update_state(status)

    def manage_error(self, status: Status) -> None:
        if not status.ok:
            self.troubles.append(status)

    def is_different(self, status: Status, trade: Trade) -> bool:
        return trade.is_different(status)

    def update_state(self, status: Status) -> None:
        self.trades[status.order_id].take(status)


def parts() -> tuple[MockAPI, MemoryCredentials, Validation]:
    """An API, credentials and a validator, as each constructor of the seeds takes them."""
    api = MockAPI(seed=2, faults=NO_FAULTS)
    return api, MemoryCredentials(paper=True), Validation(api.instruments)


EXECUTORS = [
    pytest.param(lambda: SeedExecutor(*parts()), id="as the seed writes it"),
    pytest.param(lambda: GenericExecutor(*parts()), id="generic"),
    pytest.param(lambda: MockExecutor(*parts()), id="mock of three parts"),
    pytest.param(lambda: MockExecutor(seed=2, faults=NO_FAULTS), id="mock of nothing"),
]


@pytest.mark.parametrize("make", EXECUTORS)
def test_an_executor_does_what_the_seed_lists(make: Any) -> None:
    executor: Executor = make()
    user = UserInfo(user_id="ann", exchange="simulated")
    executor.set_credentials(UserCreds(user_id="ann", exchange="simulated", api_key="k", api_secret="s"))
    trade = Trade("BTC", "USDT", "BUY", 0.01, order_type="LIMIT", price=40_000, user_id="ann", exchange="simulated")

    assert executor.submit(trade).status is OrderStatus.OPEN
    assert executor.status(trade).status is OrderStatus.OPEN
    assert [status.order_id for status in executor.openned(user)] == [trade.order_id]
    assert executor.get_api_key("ann", "simulated") == executor.get_api_key(trade.order_id)
    assert executor.cancel(trade).status is OrderStatus.CANCELLED
    assert executor.get_status(trade.order_id).status is OrderStatus.CANCELLED
    assert [status.status for status in executor.orders(user)] == [OrderStatus.CANCELLED]


@pytest.mark.parametrize("make", EXECUTORS)
@pytest.mark.parametrize("check", ["check_trade", "check_trade_001"])
def test_a_trade_is_checked_as_the_seeds_check_it(make: Any, check: str) -> None:
    broker = SeedBroker(make())
    trade = Trade("BTC", "USDT", "buy", 0.01)
    getattr(broker, check)(trade)  # If they don't have an order_id, it won't check.
    assert not trade.is_done

    broker.executor.submit(trade)
    broker.trades[trade.order_id] = trade
    getattr(broker, check)(trade)
    assert (trade.status, broker.troubles) == (OrderStatus.FILLED, [])
    assert trade.average_price is not None


def test_a_check_without_an_answer_is_trouble_and_not_the_end() -> None:
    broker = SeedBroker(MockExecutor(seed=2, faults=NO_FAULTS))
    trade = Trade("BTC", "USDT", "buy", 0.01)
    broker.executor.submit(trade)
    broker.trades[trade.order_id] = trade

    def silent(creds: UserCreds, order_id: str) -> dict[str, Any]:
        raise TimeoutError("no answer")

    broker.executor.api.pull_status = silent  # type: ignore[method-assign]
    broker.check_trade(trade)
    assert [status.error for status in broker.troubles] == ["no answer"]
    assert trade.status is OrderStatus.UNKNOWN
    assert not trade.is_done
