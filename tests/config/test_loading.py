"""Where a value comes from, and what is said where it is wrong."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from orderwright.config.loading import load
from orderwright.config.problems import ConfigurationError
from orderwright.config.schema import Configuration
from orderwright.errors import InputError
from tests.config.builders import loaded_from, problems_of


def test_the_environment_beats_the_file_and_the_file_the_default() -> None:
    text = "account_limits:\n  max_order_value: 1000\n  min_order_size: 10\n"
    loaded = loaded_from(text, {"MAX_ORDER_SIZE_USD": "2500.5", "MAX_DAILY_LOSS_USD": ""})

    limits = loaded.configuration.account_limits
    assert (limits.max_order_value, limits.min_order_size, limits.max_daily_loss) == (
        Decimal("2500.5"),
        Decimal(10),
        None,
    )
    assert loaded.origin("account_limits.max_order_value") == "environment variable MAX_ORDER_SIZE_USD"
    assert loaded.origin("account_limits.min_order_size") == "my.yaml, line 3"
    assert loaded.origin("account_limits.max_daily_loss") == "default"


@pytest.mark.parametrize(
    ("variable", "value", "section", "key", "expected"),
    [
        ("MAX_ORDER_SIZE_USD", "10000", "account_limits", "max_order_value", Decimal(10_000)),
        ("MAX_POSITION_SIZE_USD", "50000", "account_limits", "max_position_value", Decimal(50_000)),
        ("MAX_DAILY_LOSS_USD", "5000", "account_limits", "max_daily_loss", Decimal(5_000)),
        ("MAX_OPEN_ORDERS_PER_SYMBOL", "5", "account_limits", "max_open_orders_per_symbol", 5),
        ("MIN_ORDER_VALUE_USD", "10", "account_limits", "min_order_size", Decimal(10)),
        ("ORDERWRIGHT__SERVICE__PORT", "9000", "service", "port", 9000),
        ("ORDERWRIGHT__SERVICE__AUTH", "Off", "service", "auth", False),
        ("ORDERWRIGHT__SERVICE__CORS_ORIGINS", "http://a.example, http://b.example", "service", "cors_origins",
         ["http://a.example", "http://b.example"]),
        ("ORDERWRIGHT__SERVICE__CORS_ORIGINS", '["http://a.example"]', "service", "cors_origins", ["http://a.example"]),
    ],
)  # fmt: skip
def test_each_variable_sets_its_key(variable: str, value: str, section: str, key: str, expected: object) -> None:
    loaded = load(None, {variable: value})

    assert getattr(getattr(loaded.configuration, section), key) == expected
    assert loaded.origin(f"{section}.{key}") == f"environment variable {variable}"


@pytest.mark.parametrize(
    ("variable", "section", "key"),
    [("TRADINGVIEW_SECRET", "tradingview", "secret"), ("DATABASE_URL", "database", "url")],
)
def test_a_secret_variable_sets_its_key_and_is_never_shown(variable: str, section: str, key: str) -> None:
    value = "sqlite:///hunter2.sqlite"

    configuration = load(None, {variable: value}).configuration

    assert getattr(getattr(configuration, section), key).get_secret_value() == value
    assert "hunter2" not in f"{configuration!r} {configuration} {configuration.model_dump_json()}"


def test_binances_variables_are_kept_for_the_version_that_trades_there() -> None:
    configuration = load(None, {"BINANCE_API_KEY": "a-key", "BINANCE_API_SECRET": "a-secret"}).configuration

    keys = configuration.exchanges["binance"]
    assert keys.api_key is not None
    assert keys.api_secret is not None
    assert (keys.api_key.get_secret_value(), keys.api_secret.get_secret_value()) == ("a-key", "a-secret")
    assert "a-secret" not in repr(configuration)


def test_a_limit_of_the_environment_beats_that_of_a_single_book_too() -> None:
    text = "books: {main: {limits: {max_order_value: 9000, max_daily_orders: 3}}, small: {limits: {max_daily_loss: 1}}}"

    books = loaded_from(text, {"MAX_ORDER_SIZE_USD": "100"}).configuration.books

    assert books["main"].limits.max_order_value == 100
    assert books["main"].limits.max_daily_orders == 3
    assert books["small"].limits.model_fields_set == {"max_daily_loss"}


def test_the_variable_that_names_the_key_beats_the_seeds() -> None:
    environment = {"MAX_ORDER_SIZE_USD": "100", "ORDERWRIGHT__ACCOUNT_LIMITS__MAX_ORDER_VALUE": "200"}

    assert load(None, environment).configuration.account_limits.max_order_value == 200


def test_a_section_of_the_environment_is_json_and_money_in_it_is_exact() -> None:
    loaded = load(None, {"ORDERWRIGHT__ACCOUNTS": '{"paper": {"deposits": {"usdt": 0.1}}}'})

    assert loaded.configuration.accounts["paper"].deposits == {"USDT": Decimal("0.1")}
    assert loaded.origin("accounts.paper.deposits.usdt") == "environment variable ORDERWRIGHT__ACCOUNTS"


def test_constructing_a_configuration_reads_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERWRIGHT__SERVICE__PORT", "9999")
    monkeypatch.setenv("SERVICE", '{"port": 9999}')

    assert Configuration().service.port == 8004


def test_the_file_is_that_of_the_caller_then_that_of_config_path(tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text("service: {port: 1111}", encoding="utf-8")
    second.write_text("service: {port: 2222}", encoding="utf-8")
    environment = {"CONFIG_PATH": str(second)}

    assert load(first, environment).configuration.service.port == 1111
    assert load(None, environment).configuration.service.port == 2222
    assert load(None, {"CONFIG_PATH": ""}).configuration.service.port == 8004


def test_a_file_that_is_not_there_is_named_with_the_variable_that_named_it(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.yaml"
    with pytest.raises(InputError) as raised:
        load(None, {"CONFIG_PATH": str(path)})

    assert str(raised.value) == f"CONFIG_PATH, {path}: cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("service:\n  prot: 8004\n", "my.yaml, line 2: service.prot: unknown key (nearest: port)"),
        ("servce: {}\n", "my.yaml, line 1: servce: unknown key (nearest: service)"),
        ("max_order_value: 5\n",
         "my.yaml, line 1: max_order_value: unknown key (nearest: account_limits.max_order_value)"),
        ("books:\n  main:\n    limit: {}\n", "my.yaml, line 3: books.main.limit: unknown key (nearest: limits)"),
        ("service:\n  port: eight\n", "my.yaml, line 2: service.port: 'eight' is not a number"),
        ("service:\n  stop_timeout_s: 1000000\n",
         "my.yaml, line 2: service.stop_timeout_s: 1000000 is above 3600 (nearest: 3600)"),
        ("service:\n  port: 80040\n", "my.yaml, line 2: service.port: 80040 is above 65535 (nearest: 65535)"),
        ("service:\n  port: on\n", "my.yaml, line 2: service.port: True is not a number"),
        ("service:\n  port:\n", "my.yaml, line 2: service.port: nothing is given"),
        ("service:\n  auth: onn\n", "my.yaml, line 2: service.auth: 'onn' is neither on nor off (nearest: on)"),
        ("service:\n  cors_origins: {a: b}\n", "my.yaml, line 2: service.cors_origins: not a list"),
        ("database:\n  type: sqllite\n",
         "my.yaml, line 2: database.type: 'sqllite' is not one of sqlite, duckdb, memory, postgresql, bigquery "
         "(nearest: sqlite)"),
        ("account_limits:\n  max_daily_orders: 1.5\n",
         "my.yaml, line 2: account_limits.max_daily_orders: 1.5 is not a whole number (nearest: 1)"),
        ("account_limits:\n  max_order_value: -5\n",
         "my.yaml, line 2: account_limits.max_order_value: -5 is below 0 (nearest: 0)"),
        ("account_limits:\n  max_order_value: .nan\n",
         "my.yaml, line 2: account_limits.max_order_value: '.nan' is not a number"),
        ("execution:\n  approval: abvoe 5000\n",
         "my.yaml, line 2: execution.approval: 'abvoe 5000' is not none, all or above VALUE (nearest: above 5000)"),
        ("execution: {simulation: {slippage: 5}}\n",
         "my.yaml, line 1: execution.simulation.slippage: 5 is not a rate from 0 up to 1: 0.001 is 0.1 % "
         "(nearest: 0.05)"),
        ("strategies:\n  trend: {class: my.module.Trend, symbol: BTC/USDT}\n",
         "my.yaml, line 2: strategies.trend.class: 'my.module.Trend' is not module:Class, file.py:Class or a "
         "built-in strategy (nearest: my.module:Trend)"),
        ("users:\n  'a b': {}\n",
         "my.yaml, line 2: users.a b: 'a b' is not a name of up to 64 letters, digits, '-', '_', '.' and '@'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_line_key_value_and_the_nearest(text: str, told: str) -> None:
    assert problems_of(text) == [told]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    text = "service:\n  prot: 1\n  auth: maybe\ndatabase: {path: ''}\ntradingview: {secret: '${NO}'}\n"

    with pytest.raises(ConfigurationError) as raised:
        loaded_from(text)

    assert [problem.field for problem in raised.value.problems] == [
        "tradingview.secret",
        "service.auth",
        "service.prot",
        "database.path",
    ]
    assert str(raised.value).endswith("; and 3 more: `orderwright config check` tells all")


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("MAX_ORDER_SIZE_USD", "lots",
         "environment variable MAX_ORDER_SIZE_USD: account_limits.max_order_value: 'lots' is not a number"),
        ("ORDERWRIGHT__SERVICE__PROT", "1",
         "environment variable ORDERWRIGHT__SERVICE__PROT: service.prot: unknown key (nearest: port)"),
        ("ORDERWRIGHT__SERVIC__PORT", "1",
         "environment variable ORDERWRIGHT__SERVIC__PORT: servic: unknown key (nearest: service)"),
        ("DATABASE_URL", "sqlite://data/x.sqlite",
         "environment variable DATABASE_URL: database.url: a file's URL has three slashes, four where the path is "
         "absolute (nearest: sqlite:///data/x.sqlite)"),
        ("DATABASE_URL", "sqlite://[x",
         "environment variable DATABASE_URL: database.url: not a URL (nearest: sqlite:///orders.sqlite)"),
        ("DATABASE_URL", "mysql://root:hunter2@db/orders",
         "environment variable DATABASE_URL: database.url: unknown kind of log 'mysql' (nearest: sqlite)"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_environment_is_told_with_its_variable(variable: str, value: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(None, {variable: value})

    assert [str(problem) for problem in raised.value.problems] == [told]


@pytest.mark.parametrize(
    "text",
    [
        "tradingview:\n  secrt: ${SECRET}\n",
        "tradingview:\n  secret: [hunter2]\n",
        "tradingview: hunter2\n",
        "service:\n  port: ${SECRET}\n",
        "order_params:\n  log_level: x${SECRET}\n",
        "strategies:\n  trend: {token: hunter2}\n",
        "strategies:\n  trend: {token_hash: hunter2}\n",
        "alerts:\n  urls: hunter2\n  topic: x\n",
    ],
)
def test_no_error_tells_a_secret(text: str) -> None:
    told = problems_of(text, {"SECRET": "hunter2"})

    assert told
    assert "hunter2" not in " ".join(told)
