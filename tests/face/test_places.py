"""What a broker stands on: logs by path and URL, markets by feeds or by seed, prices that are told."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orderwright import Broker, InputError, OrderStatus, Trade
from orderwright.broker.places import account_name, log_path, market_of, random_feed
from orderwright.core import messages as m
from orderwright.core.model import VenueTraits
from tests.face.builders import SHOWN, a_broker, a_buy, some_market
from tests.simulation.builders import MINUTE, START, some_quotes


@pytest.mark.parametrize(
    ("log", "path"),
    [
        ("orders.sqlite", "orders.sqlite"),
        ("sqlite:///orders.sqlite", "orders.sqlite"),
        ("sqlite:///./orders.sqlite", "orders.sqlite"),
        ("sqlite+pysqlite:////tmp/my%20orders.sqlite", "/tmp/my orders.sqlite"),
        (Path("orders.sqlite"), "orders.sqlite"),
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        (":memory:", None),
    ],
)
def test_a_log_is_named_by_its_path_or_its_url(log: str | Path, path: str | None) -> None:
    assert log_path(log) == (None if path is None else Path(path))


@pytest.mark.parametrize(
    ("log", "message"),
    [
        ("postgresql://user:secret@host/db", "PostgreSQL comes later.*nearest: sqlite:///orders.sqlite"),
        ("sqlit:///orders.sqlite", "unknown kind of log 'sqlit' .nearest: sqlite"),
        ("sqlite://orders.sqlite", "three slashes.*nearest: sqlite:///orders.sqlite"),
        ("/nowhere/at/all/orders.sqlite", "there is no folder /nowhere/at/all"),
        (".", "is a folder: name a file in it"),
    ],
)
def test_what_names_no_log_is_refused(log: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        log_path(log)
    assert refused.value.field == "log"
    assert "secret" not in str(refused.value.value)


def test_a_market_begins_when_all_have_shown_a_price_and_is_over_with_the_last() -> None:
    quotes = some_quotes((2.5, 99, 101, 1, 1), (4, 99, 101, 1, 1))
    market = market_of("binance", [some_market((100, 100, 100), "ETH/USDT"), quotes], (), 0)
    assert (market.start, market.end, market.step) == (START + 2.5 * MINUTE, START + 4 * MINUTE, MINUTE)
    assert {one.exchange for one in market.instruments} == {"binance"}


def test_a_symbol_has_the_same_random_market_whatever_others_there_are() -> None:
    assert random_feed("BTCUSDT", 5) == random_feed("BTC/USDT", 5)
    assert random_feed("BTC/USDT", 5) != random_feed("BTC/USDT", 6)


def test_no_two_users_share_an_account() -> None:
    users = ["", "main", "simulated", "alice", "alice@simulated"]
    names = [account_name(user, exchange) for user in users for exchange in ("simulated", "binance")]
    assert len(set(names)) == len(names)


def test_a_broker_needs_nothing() -> None:
    with Broker() as broker:
        for symbol in ("BTCUSDT", "ETH-USDT"):
            broker.submit(Trade.of(symbol, "buy", "0.01"))
        broker.update()
        assert [trade.status for trade in broker.load()] == [OrderStatus.FILLED, OrderStatus.FILLED]


class Venue:
    """A connector that takes every order and fills nothing."""

    traits = VenueTraits()

    def __init__(self) -> None:
        self.sent: list[m.VenueAction] = []
        self._reports: list[m.AnyReport] = []

    def send(self, action: m.VenueAction) -> None:
        self.sent.append(action)
        if isinstance(action, m.SendOrder):
            self._reports.append(m.AckReport(order_id=action.order_id, time=action.sign_at))

    def poll(self, limit: int) -> tuple[int, list[m.AnyReport]]:
        reports, self._reports = self._reports, []
        return limit, reports


class Clock:
    def __init__(self) -> None:
        self.time = SHOWN

    def now(self) -> int:
        return self.time


def test_on_a_connector_time_is_the_clocks_and_a_price_can_be_told() -> None:
    venue, clock = Venue(), Clock()
    broker = Broker(venue, exchange="binance", clock=clock)
    assert broker.submit(a_buy()).code == "no_market_price"
    broker.see("BTCUSDT", bid=99, ask=101)
    trade = broker.submit(a_buy())
    assert (trade.status, trade.account, trade.arrival_price) == (OrderStatus.OPEN, "main", Decimal(100))
    assert [action.exchange for action in venue.sent] == ["binance"]

    clock.time += 90_000_000  # by then the price is too old to decide on
    broker.update()
    assert broker.now == clock.time
    assert broker.submit(a_buy()).code == "no_market_price"


def test_a_restart_on_a_connector_asks_about_what_was_in_flight(tmp_path: Path) -> None:
    class Mute(Venue):
        def poll(self, limit: int) -> tuple[int, list[m.AnyReport]]:
            return limit, []

    with Broker(Mute(), tmp_path / "log.sqlite", clock=Clock()) as broker:
        sent = broker.submit(Trade("BTC", "USDT", "buy", 1, order_type="limit", price=90))
        assert sent.status is OrderStatus.SUBMITTED
    again = Mute()
    with Broker(again, tmp_path / "log.sqlite", clock=Clock()):
        assert [(type(action), action.order_id) for action in again.sent] == [(m.AskOrder, sent.order_id)]


@pytest.mark.parametrize(
    ("words", "field"), [({}, "price"), ({"bid": 5}, "price"), ({"price": -1}, "price"), ({"price": "x"}, "price")]
)
def test_a_price_that_is_none_is_refused(words: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as refused:
        a_broker().see("BTC/USDT", **words)
    assert refused.value.field == field
