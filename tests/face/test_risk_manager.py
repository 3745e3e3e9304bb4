"""The RiskManager asks the core's own guards, on the state of a log, and leaves it as it was."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orderwright import InputError, RiskLimits, RiskManager, Settings, Trade, TradingOrder
from orderwright.core import messages as m
from orderwright.core.model import DAY, TradingState
from orderwright.journal.memory import MemoryJournal
from orderwright.risk_manager import SEED_LIMITS, RiskResult
from tests.face.builders import SHOWN, a_broker, a_buy, a_limit

ORDER = {"symbol": "BTCUSDT", "side": "buy", "order_type": "market", "quantity": 0.001, "user_id": "user123"}


class Noon:
    def now(self) -> int:
        return SHOWN


def check(order: Any = ORDER, db: Any = None, price: Any = 50_000, **words: Any) -> RiskResult:
    manager = RiskManager(environment=words.pop("environment", {}), clock=Noon(), **words)
    return asyncio.run(manager.check_order(order, db, current_price=price))


@pytest.mark.parametrize("order", [ORDER, TradingOrder(**ORDER), Trade.of("BTCUSDT", "buy", 0.001, user_id="user123")])  # type: ignore[arg-type]
def test_an_order_is_read_in_each_of_its_forms(order: object) -> None:
    assert check(order) == RiskResult(True)


@pytest.mark.parametrize(
    ("quantity", "words", "code", "nearest"),
    [
        (0.5, {}, "order_value", "0.2"),
        (0.5, {"environment": {"MAX_ORDER_SIZE_USD": "20000"}}, "order_value", "0.4"),
        (0.5, {"limits": RiskLimits(max_order_value=Decimal(30_000))}, "buying_power", "0.2"),
        (0.0001, {}, "order_value_small", "0.0002"),
        (0.0001, {"environment": {"MIN_ORDER_VALUE_USD": "5"}}, "", None),
        (0.19, {"environment": {"MAX_POSITION_SIZE_USD": "5000"}}, "position_value", "0.1"),
        (-1, {}, "quantity_not_positive", None),
    ],
)
def test_the_limits_are_the_seeds_unless_others_are_given(
    quantity: float, words: dict[str, Any], code: str, nearest: str | None
) -> None:
    result = check({**ORDER, "quantity": quantity}, **words)
    assert (result.passed, result.code, result.nearest) == (code == "", code, nearest)
    assert bool(result.reason) is not result.passed


def test_its_limits_start_from_seed_004s_five_values() -> None:
    assert RiskManager(environment={}).limits == SEED_LIMITS


@pytest.mark.parametrize("place", ["broker", "journal", "path", "URL"])
def test_open_orders_of_the_log_count_and_the_log_is_left_as_it_was(place: str, tmp_path: Path) -> None:
    path, journal = tmp_path / "log.sqlite", MemoryJournal()
    broker = a_broker(log=path if place in ("path", "URL") else journal)
    for _ in range(5):
        broker.submit(a_limit(90, "0.2", user_id="alice"))
    rows = broker.state.sequence
    db = {"broker": broker, "journal": journal, "path": path, "URL": f"sqlite:///{path}"}[place]

    result = check(a_buy("0.2", user_id="alice"), db, price=100)
    assert (result.code, result.reason) == (
        "open_orders",
        "symbol BTC/USDT: 5 orders are open in it, the limit is 5",
    )
    assert check(Trade("BTC", "USDT", "sell", "0.2", user_id="alice"), db, price=100).code == "buying_power"
    assert broker.state.sequence == rows
    broker.close()


def test_the_days_loss_of_the_log_counts() -> None:
    broker = a_broker((100, 100, 100, 40, 40))
    broker.submit(a_buy("90"))
    broker.update()
    limit = {"MAX_DAILY_LOSS_USD": "1000"}
    assert check(a_buy("1"), broker, price=99, environment=limit).passed
    assert check(a_buy("1"), broker, price=40, environment=limit).code == "daily_loss"
    assert check(Trade("BTC", "USDT", "sell", 1), broker, price=40, environment=limit).passed


def test_without_a_current_price_the_logs_last_one_counts_however_old() -> None:
    broker = a_broker()
    broker.submit(a_limit(90))
    assert check(a_buy("1"), broker, price=None).passed
    assert check(ORDER, None, price=None).code == "no_market_price"


class Later:
    """A day after the log's newest row."""

    def now(self) -> int:
        return SHOWN + DAY


@pytest.mark.parametrize("place", ["journal", "path"])
def test_what_was_over_at_midnight_is_over_for_a_log_of_yesterday(place: str, tmp_path: Path) -> None:
    path, journal = tmp_path / "log.sqlite", MemoryJournal()
    limits = Settings(limits=RiskLimits(max_daily_orders=1))
    with a_broker(log=path if place == "path" else journal, settings=limits) as broker:
        broker.submit(a_limit(90))
        broker.submit(a_limit(91, execute_at="after_ms:60000"))  # its wait is over tomorrow
        midnight = (broker.now // DAY + 1) * DAY
        halt = m.SetTradingState(state=TradingState.REDUCING, cause="daily loss", until=midnight)
        assert broker._opened.do(halt) is None
        rows = broker.state.sequence
        assert check(a_buy("1"), broker, price=100).code == "reducing"
    db = path if place == "path" else journal

    assert check(a_buy("1"), db, price=100).code == "reducing"
    manager = RiskManager(environment={}, clock=Later())
    assert manager.check(a_buy("1"), db, 100).passed
    with a_broker(log=db) as broker:
        assert broker.state.sequence == rows


def test_limits_of_the_book_that_the_seed_does_not_know_hold() -> None:
    broker = a_broker(settings=Settings(limits=RiskLimits(max_daily_orders=1)))
    broker.submit(a_limit(90))
    assert check(a_buy("1"), broker, price=100).code == "daily_orders"


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"side": "buy", "quantity": 1}, "symbol"),
        ({"symbol": "BTCUSDT", "quantity": 1}, "side"),
        ({**ORDER, "side": "bye"}, "side"),
        ({**ORDER, "quantity": "much"}, "quantity"),
        ({**ORDER, "metadata": "{"}, "metadata"),
        ({**ORDER, "metadata": "[1]"}, "metadata"),
        (17, "order"),
    ],
)
def test_what_is_no_order_is_named(order: object, field: str) -> None:
    with pytest.raises(InputError) as refused:
        check(order)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"price": 0}, "current_price"),
        ({"price": "high"}, "current_price"),
        ({"environment": {"MAX_ORDER_SIZE_USD": "10k"}}, "MAX_ORDER_SIZE_USD"),
        ({"environment": {"MAX_OPEN_ORDERS_PER_SYMBOL": "2.5"}}, "MAX_OPEN_ORDERS_PER_SYMBOL"),
        ({"environment": {"MIN_ORDER_VALUE_USD": "-1"}}, "MIN_ORDER_VALUE_USD"),
        ({"db": "postgresql://host/db"}, "log"),
        ({"db": 5}, "log"),
    ],
)
def test_what_is_no_limit_no_price_or_no_log_is_named(words: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as refused:
        check(**words)
    assert refused.value.field == field
