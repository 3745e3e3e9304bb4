"""How well orders were executed, asked of a broker."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from orderwright import Broker, InputError, Trade, UnknownName
from orderwright.core.model import Settings
from orderwright.journal.memory import MemoryJournal
from tests.face.builders import SHOWN, a_broker, a_buy, a_limit


@pytest.fixture(params=["memory", "file"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    """Alice buys 2 at 100, which fills there at once; bob rests far below."""
    broker = a_broker(log=None if request.param == "memory" else tmp_path / "log.sqlite")
    broker.submit(a_buy("2", user_id="alice", strategy="trend"))
    broker.submit(a_limit(50, user_id="bob"))
    broker.update()
    yield broker
    broker.close()


def test_the_orders_of_a_window_are_counted_and_later_ones_are_taken_in(broker: Broker) -> None:
    first = broker.stats("1d").totals
    assert (first.orders, first.filled, first.traded, first.slippage.value) == (2, 1, Decimal(200), 0.0)
    broker.submit(a_buy("1", user_id="alice"))
    broker.update()
    assert broker.stats(dt.timedelta(hours=1)).totals.filled == 2
    assert broker.stats("30s").totals.orders == 0
    assert broker.stats("30s").notes == ["There are no orders in this window."]


def test_find_params_and_time_settings_scope_the_report(broker: Broker) -> None:
    broker.find_params(user_id="alice", strategy="trend")
    assert broker.stats().totals.orders == 1
    broker.find_params(user_id="bob")
    broker.time_settings(time_type="absolute", start=SHOWN, end=SHOWN)
    assert broker.stats(None).totals.orders == 1
    broker.time_settings(time_type="absolute", end=SHOWN - 1)
    assert broker.stats(None).totals.orders == 0


def test_a_user_without_orders_is_named_with_the_nearest(broker: Broker) -> None:
    broker.find_params(user_id="alicia")
    with pytest.raises(UnknownName) as refused:
        broker.stats()
    assert refused.value.nearest == "alice"


@pytest.mark.parametrize("window", ["1 day", "tomorrow", 5, "0s", "1x"])
def test_a_window_that_is_none_is_refused(window: object) -> None:
    with pytest.raises(InputError) as refused:
        a_broker().stats(window)  # type: ignore[arg-type]  # what users may write
    assert refused.value.field == "window"


def test_a_broker_without_orders_has_an_empty_report() -> None:
    assert a_broker().stats().totals.orders == 0


def test_a_book_without_orders_has_an_empty_report_whatever_other_books_have() -> None:
    journal = MemoryJournal()
    other = a_broker(log=journal, book="other")
    other.submit(a_buy())
    other.update()
    broker = a_broker(log=journal, book="new")
    report = broker.stats("2h", title="mine")
    assert (report.totals.orders, report.start, report.end) == (0, SHOWN - 2 * 3_600_000_000, SHOWN + 1)
    assert (report.title, report.notes) == ("mine", ["There are no orders in this window."])
    assert other.stats("2h").totals.orders == 1


def test_account_and_episode_scope_the_report() -> None:
    broker = a_broker()
    broker.open_account("alice")
    broker.open_account("alice", account="second", deposits={"USDT": 500})
    for account, episode in (("second", "1"), ("", "1"), ("", "2")):
        broker.submit(a_buy(user_id="alice", account=account, episode=episode))
    broker.update()
    for params, orders in (({"account": "second"}, 1), ({"episode": "1"}, 2), ({"episode": 2, "user_id": "alice"}, 1)):
        broker.find_params(**params)
        assert (broker.stats().totals.orders, len(broker.load())) == (orders, orders)
    broker.find_params(episode="3")
    with pytest.raises(UnknownName, match="unknown episode '3'"):
        broker.stats()


def test_running_figures_follow_the_book_and_agree_with_the_report(broker: Broker) -> None:
    first = broker.running.figures["all"]["all"]
    assert (first.orders, first.filled, first.slippage.count, first.slippage.mean) == (1, 1, 1, 0.0)
    broker.submit(a_buy("1", user_id="alice"))
    broker.submit(a_buy("1000", user_id="alice"))
    broker.update()
    again = broker.running
    assert again is broker.running
    figures, report = again.figures["symbol"]["BTC/USDT"], broker.stats().totals
    assert (figures.orders, figures.filled, figures.rejected) == (3, report.filled, 1) == (3, 2, 1)
    assert figures.fill_time.quantiles() == report.fill_time_quantiles
    assert again.held == 1

    broker.open_book("another")
    assert broker.running.figures["all"] == {}


def test_running_figures_are_there_after_a_restart(tmp_path: Path) -> None:
    for run in (1, 2):
        with a_broker(log=tmp_path / "log.sqlite") as broker:
            broker.submit(a_buy("1"))
            broker.update()
            assert broker.running.figures["exchange"]["simulated"].filled == run


def test_running_figures_hold_no_order_whose_end_the_log_has_dropped() -> None:
    broker = a_broker(log=MemoryJournal(keep=1))
    for _ in range(4):
        broker.submit(a_limit(50))
    assert broker.running.held == 4
    for trade in broker.load():
        broker.cancel(trade)
    broker.update()
    assert (broker.running.held, broker.running.figures["all"]["all"].cancelled) == (0, 1)


def test_a_book_is_counted_in_its_own_currency_and_an_unknown_option_is_named() -> None:
    settings = Settings(currency="EUR", parity=("EUR", "USDT"))
    with Broker(settings=settings) as broker:
        broker.submit(Trade("BTC", "USDT", "buy", 0.01))
        broker.update()
        report = broker.stats("1d")

        assert report.currency == "EUR"
        assert report.totals.traded > 0
        with pytest.raises(InputError, match="wrst") as wrong:
            broker.stats("1d", wrst=3)
        assert wrong.value.nearest == "worst"
