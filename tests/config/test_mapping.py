"""From the configuration to the core's words."""

from __future__ import annotations

import logging
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orderwright.config.mapping import (
    LogPlace,
    PlannedAccount,
    accounts_of,
    cache_us_of,
    log_place,
    secrets_of,
    settings_of,
    terms_of,
    warnings_of,
    webhook_layers,
)
from orderwright.core.model import Account, LingerRule, RiskLimits, Settings, Sizing, Terms
from orderwright.errors import InputError
from orderwright.service.configured import mirror_of, seen_of
from orderwright.service.observing.assembly import Seen
from tests.config.builders import loaded_from


def test_a_books_settings_are_its_own_and_those_of_all() -> None:
    text = """
account_limits: {max_order_value: 1000, min_order_size: 10, max_daily_loss: 500}
execution:
  {enabled: off, approval: all, approval_timeout_ms: 1000,
   linger: [{name: moved, moved_bps: 12.5, do: nearer, times: 3}]}
order_params:
  {max_slippage_bps: 10, remainder: retry, retry_attempts: 4, retry_delay_ms: 50, execution_timeout_ms: 4000,
   rate_limit_orders: 20, rate_limit_window_ms: 500, rate_queue: 7}
books:
  main: {currency: eur, approval: above 250.50, limits: {max_order_value: 5000, max_daily_loss: null}}
"""
    configuration = loaded_from(text).configuration

    sending: dict[str, Any] = {
        "max_slippage_bps": Decimal(10),
        "remainder": "retry",
        "retry_attempts": 4,
        "retry_delay_ms": 50,
        "execution_timeout_ms": 4_000,
        "rate_limit_orders": 20,
        "rate_limit_window_ms": 500,
        "rate_queue": 7,
        "linger": (LingerRule(name="moved", moved_bps=Decimal("12.5"), do="nearer", times=3),),
    }
    assert settings_of(configuration, "main") == Settings(
        limits=RiskLimits(max_order_value=Decimal(5_000), min_order_value=Decimal(10)),
        currency="EUR",
        execution_enabled=False,
        approval="above",
        approval_above=Decimal("250.5"),
        approval_timeout_ms=1_000,
        **sending,
    )
    assert settings_of(configuration, "another") == Settings(
        limits=RiskLimits(max_order_value=Decimal(1_000), min_order_value=Decimal(10), max_daily_loss=Decimal(500)),
        execution_enabled=False,
        approval="all",
        approval_timeout_ms=1_000,
        **sending,
    )


def test_accounts_have_what_is_not_written_filled_in() -> None:
    text = """
users: {alice: {}}
books: {main: {user: alice}}
execution: {simulation: {slippage: 0.0005, maker_fee: 0.0002, taker_fee: 0.0004, deposits: {USDT: 500}}}
accounts:
  paper: {}
  second: {exchange: bybit, mode: simulation, deposits: {btc: 0.5}, taker_fee: 0, allow_short: on}
"""
    assert accounts_of(loaded_from(text).configuration) == [
        PlannedAccount(
            book="main",
            account=Account(
                account="paper",
                user="alice",
                maker_fee=Decimal("0.0002"),
                taker_fee=Decimal("0.0004"),
                slippage_bps=Decimal(5),
            ),
            mode="simulation",
            deposits={"USDT": Decimal(500)},
            allow_short=False,
        ),
        PlannedAccount(
            book="main",
            account=Account(
                account="second",
                exchange="bybit",
                user="alice",
                maker_fee=Decimal("0.0002"),
                taker_fee=Decimal(0),
                slippage_bps=Decimal(5),
            ),
            mode="simulation",
            deposits={"BTC": Decimal("0.5")},
            allow_short=True,
        ),
    ]


def test_a_strategys_terms_are_its_sizing_and_what_it_may_do() -> None:
    text = "strategies: {a: {flip: on, sizing: {by: risk, amount: 1, stop_percent: 2}}, b: {}}"
    configuration = loaded_from(text).configuration

    assert terms_of(configuration, "a") == Terms(
        sizing=Sizing(by="risk", amount=Decimal(1), stop_percent=Decimal(2)), flip=True
    )
    assert terms_of(configuration, "b") == Terms()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", LogPlace(Path("data/orderwright.sqlite"))),
        ("database: {path: /var/lib/o.sqlite}", LogPlace(Path("/var/lib/o.sqlite"))),
        ("database: {type: duckdb}", LogPlace(Path("data/orderwright.duckdb.sqlite"), Path("data/orderwright.duckdb"))),
        ("database: {type: memory}", LogPlace(None)),
        ("database: {url: 'sqlite:///./bagbot.db'}", LogPlace(Path("bagbot.db"))),
        ("database: {url: 'sqlite:////var/lib/o.sqlite'}", LogPlace(Path("/var/lib/o.sqlite"))),
        ("database: {url: 'sqlite://', type: duckdb}", LogPlace(None)),
        ("database: {url: ./o.sqlite, path: m.duckdb, type: duckdb}", LogPlace(Path("o.sqlite"), Path("m.duckdb"))),
    ],
)
def test_the_log_is_where_url_type_and_path_say(text: str, place: LogPlace) -> None:
    configuration = loaded_from(text).configuration

    assert log_place(configuration) == place
    assert (mirror_of(configuration, logging.warning) is None) == (place.mirror is None)


def test_the_logs_folders_are_made(tmp_path: Path) -> None:
    place = LogPlace(tmp_path / "a" / "b" / "o.sqlite", tmp_path / "c" / "o.duckdb")

    place.prepare()
    place.prepare()

    assert (tmp_path / "a" / "b").is_dir()
    assert (tmp_path / "c").is_dir()


def test_a_log_that_is_a_folder_or_under_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(InputError, match="is a folder: name a file in it"):
        LogPlace(tmp_path).prepare()
    with pytest.raises(InputError, match="cannot be made"):
        LogPlace(tmp_path / "file" / "o.sqlite").prepare()


def test_finished_orders_stay_as_long_as_the_cache_says() -> None:
    assert cache_us_of(loaded_from("").configuration) == 3_600_000_000
    assert cache_us_of(loaded_from("order_cache: {enabled: off}").configuration) == 0


def test_what_is_observed_is_as_configured_and_secrets_are_known_to_be_masked() -> None:
    text = """
service: {log_format: JSON}
order_params: {log_level: Warning, track_execution_metrics: off}
alerts: {urls: ['mailto://me:pass@example.com'], topics: [risk]}
tradingview: {secret: s1}
strategies: {a: {token: tokentokentokentokentoken}}
exchanges: {binance: {api_key: k, api_secret: s2}}
execution: {quantconnect: {api_key: k2}}
database: {url: 'sqlite:///o.sqlite'}
"""
    configuration = loaded_from(text).configuration
    secrets = ["s1", "mailto://me:pass@example.com", "tokentokentokentokentoken", "k", "s2", "k2"]

    assert secrets_of(configuration) == secrets
    assert seen_of(configuration) == Seen(
        log_format="json",
        log_level="WARNING",
        urls=["mailto://me:pass@example.com"],
        topics=["risk"],
        derived=False,
        secrets=secrets,
    )


def test_the_layers_of_the_webhook_are_those_that_are_configured() -> None:
    text = "tradingview: {secret: s, addresses: [10.0.0.1]}\nstrategies: {a: {token: tokentokentokentokentoken}}"

    assert webhook_layers(loaded_from("").configuration) == []
    assert webhook_layers(loaded_from(text).configuration) == ["signature", "token", "body"]
    assert webhook_layers(loaded_from("tradingview: {addresses: [10.0.0.1]}").configuration) == []
    required = "tradingview: {secret: s, addresses: [10.0.0.1], require: [signature, address]}"
    assert webhook_layers(loaded_from(required).configuration) == ["signature", "address"]


def test_what_should_be_known_is_told_at_the_start() -> None:
    text = "service: {auth: off}\ndatabase: {type: memory}\n"

    assert warnings_of(loaded_from(text).configuration) == [
        "the TradingView webhook has no authentication: it refuses all alerts (set TRADINGVIEW_SECRET, "
        "or a strategy's token)",
        "service.auth is off: whoever is on this machine may trade",
        "the log is in memory: it is lost when the service ends",
    ]
