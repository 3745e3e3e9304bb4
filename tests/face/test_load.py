"""Orders found again: the latest of each only, whose and of when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from orderwright import Broker, InputError, OrderStatus, UnknownName
from orderwright.analytics.questions import find_orders
from orderwright.core.numbers import ZERO, moment
from tests.face.builders import SHOWN, a_broker, a_buy, a_limit
from tests.simulation.builders import MINUTE

S = OrderStatus


@pytest.fixture
def broker() -> Broker:
    """Minute 0: alice buys at market (filled in it) and rests at 90; minute 2: bob rests at 90, alice cancels."""
    broker = a_broker()
    broker.submit(a_buy(user_id="alice", strategy="trend"))
    resting = broker.submit(a_limit(90, user_id="alice"))
    broker.update()
    broker.update()
    broker.submit(a_limit(90, "2", user_id="bob"))
    broker.cancel(resting)
    broker.update()
    return broker


def statuses(broker: Broker, **query: Any) -> list[tuple[str, OrderStatus | None]]:
    return [(trade.user_id, trade.status) for trade in broker.load(**query)]


def test_an_order_that_has_moved_on_is_not_open_any_more(broker: Broker) -> None:
    assert statuses(broker, status="Open") == [("bob", S.OPEN)]
    assert statuses(broker) == [("alice", S.FILLED), ("alice", S.CANCELLED), ("bob", S.OPEN)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": ["closed", "cancelled"]}, [("alice", S.FILLED), ("alice", S.CANCELLED)]),
        ({"exact_status": "FILLED"}, [("alice", S.FILLED)]),
        ({"exact_status": "pending"}, []),
        ({"user_id": "alice", "strategy": "trend"}, [("alice", S.FILLED)]),
        ({"symbol": "btcusdt", "side": "BUY", "order_type": "LIMIT"}, [("alice", S.CANCELLED), ("bob", S.OPEN)]),
        ({"limit": 1}, [("bob", S.OPEN)]),
        ({"account": "bob@simulated"}, [("bob", S.OPEN)]),
        ({"user_id": "carol"}, []),
    ],
)
def test_words_of_load_pick(broker: Broker, query: dict[str, Any], found: list[object]) -> None:
    assert statuses(broker, **query) == found


def test_find_params_scope_load_and_its_own_words_overrule_them(broker: Broker) -> None:
    broker.find_params(user_id="bob")
    assert statuses(broker) == [("bob", S.OPEN)]
    assert statuses(broker, user_id="alice", status="cancelled") == [("alice", S.CANCELLED)]


def test_the_whole_history_is_every_row_as_the_order_stood_then(broker: Broker) -> None:
    trades = broker.load(latest_group=False, user_id="alice")
    assert [(trade.event, trade.status, trade.filled_quantity) for trade in trades] == [
        ("order_received", S.SUBMITTED, Decimal(0)),
        ("order_accepted", S.OPEN, Decimal(0)),
        ("order_received", S.SUBMITTED, Decimal(0)),
        ("order_accepted", S.OPEN, Decimal(0)),
        ("order_filled", S.FILLED, Decimal(1)),
        ("request_submitted", S.PENDING_CANCEL, Decimal(0)),
        ("order_ended", S.CANCELLED, Decimal(0)),
    ]
    assert [trade.sequence for trade in trades] == sorted(trade.sequence or 0 for trade in trades)
    assert [trade.status for trade in broker.load(status="open", latest_group=False, user_id="bob")] == [S.OPEN]


def test_a_moment_of_the_past_is_as_it_was(broker: Broker) -> None:
    broker.time_settings(as_of="1m")
    assert statuses(broker) == [("alice", S.FILLED), ("alice", S.CANCELLED), ("bob", S.OPEN)]
    broker.time_settings(time_type="absolute", as_of=moment(SHOWN + MINUTE))
    assert statuses(broker) == [("alice", S.FILLED), ("alice", S.OPEN)]
    assert statuses(broker, status="open") == [("alice", S.OPEN)]


@pytest.mark.parametrize(
    ("times", "found"),
    [
        ({"start": "2m"}, [("alice", S.CANCELLED), ("bob", S.OPEN)]),
        ({"start": "30s"}, []),
        ({"start": dt.timedelta(minutes=10), "end": "2m"}, [("alice", S.FILLED), ("alice", S.OPEN)]),
        ({"start": "1m", "as_of": SHOWN + MINUTE}, [("alice", S.FILLED), ("alice", S.OPEN)]),
        ({"time_type": "absolute", "start": SHOWN + 2 * MINUTE}, [("alice", S.CANCELLED), ("bob", S.OPEN)]),
        ({"time_type": "ABSOLUTE", "end": "2024-01-01T01:01:30+01:00"}, [("alice", S.FILLED), ("alice", S.OPEN)]),
        ({"time_type": "absolute", "end": dt.datetime(2023, 1, 1, tzinfo=dt.UTC)}, []),
    ],
)
def test_a_window_picks_what_has_changed_in_it(broker: Broker, times: dict[str, Any], found: list[object]) -> None:
    broker.time_settings(**times)
    if times.get("end") == "2m":  # at minute 1 alice's market order had filled and the other one was open
        assert broker.now == SHOWN + 3 * MINUTE
    assert statuses(broker) == found


def test_a_loaded_trade_says_all_that_was_wanted() -> None:
    broker = a_broker()
    wanted = a_limit(
        90, post_only=True, time_in_force="gtd", expire_at=SHOWN + 60 * MINUTE, metadata={"why": "dip"}, user_id="alice"
    )
    broker.submit(wanted)
    loaded = broker.load()[0]
    for name in ("post_only", "time_in_force", "expire_at", "metadata", "user_id", "account", "order_id", "status"):
        assert getattr(loaded, name) == getattr(wanted, name)


@pytest.mark.parametrize(
    ("query", "field", "nearest"),
    [
        ({"status": "opne"}, "status", "open"),
        ({"status": 5}, "status", None),
        ({"exact_status": "closed"}, "exact_status", None),
        ({"status": "open", "exact_status": "filled"}, "exact_status", "open"),
        ({"simbol": "BTC/USDT"}, "simbol", "symbol"),
        ({"exchange": "simulate"}, "exchange", "simulated"),
        ({"side": "bye"}, "side", "buy"),
        ({"limit": 0}, "limit", 1),
        ({"user_id": 5}, "user_id", None),
    ],
)
def test_what_load_does_not_know_is_named(broker: Broker, query: dict[str, Any], field: str, nearest: object) -> None:
    with pytest.raises(InputError) as refused:
        broker.load(**query)
    assert (refused.value.field, refused.value.nearest) == (field, nearest)


def test_a_misspelt_status_is_answered_with_the_valid_ones_wherever_it_is_asked(broker: Broker) -> None:
    asked: list[Callable[[], object]] = [
        lambda: broker.load(status="CANECELLED"),
        lambda: find_orders(broker.journal, status="CANECELLED"),  # what `orderwright orders --status` asks
    ]
    for ask in asked:
        with pytest.raises(InputError) as refused:
            ask()
        assert str(refused.value) == (
            "status: unknown status 'CANECELLED': did you mean CANCELLED? known are PENDING, OPEN, CANCELLED, CLOSED, "
            "SUBMITTED, UNKNOWN, PARTIALLY_FILLED, PENDING_CANCEL, PENDING_REPLACE, FILLED, EXPIRED, REJECTED, DENIED "
            "(nearest: cancelled)"
        )


@pytest.mark.parametrize(
    ("times", "field", "nearest"),
    [
        ({"time_type": "relativ"}, "time_type", "relative"),
        ({"latest": True}, "latest", "latest_group"),
        ({"latest_group": "yes"}, "latest_group", None),
        ({"start": "1 day"}, "start", "1d"),
        ({"start": "yesterday"}, "start", None),
        ({"start": SHOWN}, "start", None),
        ({"start": "1h", "end": "1d"}, "end", "1h"),
        ({"time_type": "absolute", "start": "1d"}, "start", None),
        ({"time_type": "absolute", "start": "2024-01-01T00:00"}, "start", "2024-01-01T00:00:00Z"),
        ({"time_type": "absolute", "end": dt.datetime(2024, 1, 1)}, "end", "2024-01-01T00:00:00Z"),  # noqa: DTZ001
        ({"time_type": "absolute", "start": SHOWN // 1_000_000}, "start", SHOWN),
        ({"time_type": "absolute", "start": SHOWN // 1_000}, "start", SHOWN),
        ({"time_type": "absolute", "start": SHOWN * 1_000}, "start", SHOWN),
        ({"time_type": "absolute", "start": SHOWN, "end": SHOWN - 1}, "end", moment(SHOWN)),
        ({"time_type": "absolute", "end": SHOWN + 1, "as_of": SHOWN}, "end", moment(SHOWN)),
        ({"latest_group": False, "as_of": SHOWN}, "latest_group", True),
        ({"as_of": "2024-01-01"}, "as_of", "2024-01-01T00:00:00Z"),
    ],
)
def test_times_that_mean_nothing_are_named(times: dict[str, Any], field: str, nearest: object) -> None:
    broker = a_broker()
    with pytest.raises(InputError) as refused:
        broker.time_settings(**times)
    assert (refused.value.field, refused.value.nearest) == (field, nearest)
    assert broker.load() == []


def test_the_history_has_no_single_moment(broker: Broker) -> None:
    broker.time_settings(as_of=SHOWN)
    with pytest.raises(InputError, match="one moment of it"):
        broker.load(latest_group=False)


def test_a_portfolio_question_about_somebody_unknown_says_who_is_known(broker: Broker) -> None:
    broker.find_params(user_id="alicia")
    with pytest.raises(UnknownName) as refused:
        broker.balances()
    assert refused.value.nearest == "alice"


def test_portfolio_questions_go_by_the_time_settings(broker: Broker) -> None:
    broker.find_params(user_id="alice")
    assert [(row.asset, row.total, row.locked) for row in broker.balances()] == [
        ("BTC", Decimal(1), ZERO),
        ("USDT", Decimal(9900), ZERO),
    ]
    assert [(one.symbol, one.size, one.cost) for one in broker.positions()] == [("BTC/USDT", Decimal(1), Decimal(100))]
    broker.time_settings(time_type="absolute", as_of=SHOWN)
    assert [(row.asset, row.total, row.locked) for row in broker.balances()] == [
        ("BTC", Decimal(1), ZERO),
        ("USDT", Decimal(9900), Decimal(90)),
    ]
    assert [(row.change, row.locked) for row in broker.balance_history("usdt")] == [
        (Decimal(10_000), ZERO),
        (ZERO, Decimal(100)),
        (ZERO, Decimal(190)),
        (Decimal(-100), Decimal(90)),
    ]


def test_money_is_scoped_by_user_exchange_and_account_and_belongs_to_no_strategy() -> None:
    broker = a_broker()
    broker.open_account("alice")
    broker.open_account("alice", account="second", deposits={"USDT": 5})
    broker.find_params(user_id="alice", account="second")
    assert [(row.account, row.total) for row in broker.balances()] == [("second", Decimal(5))]
    for key, value in (("symbol", "BTC/USDT"), ("strategy", "trend"), ("episode", "1")):
        broker.find_params(user_id="alice", account="second", **{key: value})
        assert broker.total_balance().total == 5
