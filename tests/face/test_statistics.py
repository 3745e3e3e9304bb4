"""How well orders were executed, asked of a broker."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from orderwright import Broker, InputError, UnknownName
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


@pytest.mark.parametrize("window", ["1 day", "tomorrow", 5, "0s"])
def test_a_window_that_is_none_is_refused(window: object) -> None:
    with pytest.raises(InputError) as refused:
        a_broker().stats(window)  # type: ignore[arg-type]  # what users may write
    assert refused.value.field == "window"


def test_a_broker_without_orders_has_an_empty_report() -> None:
    assert a_broker().stats().totals.orders == 0
