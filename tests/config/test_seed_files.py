"""The seeds' own files, and the two that stand in config/."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from orderwright.config.checking import unavailable
from orderwright.config.loading import load, load_to_start
from orderwright.config.mapping import log_place, settings_of, slippage_bps_of, warnings_of
from orderwright.config.problems import ConfigurationError
from orderwright.core.model import RiskLimits
from tests.config.builders import files_of_the_seed, loaded_from, order_params_of_the_seed

ROOT = Path(__file__).resolve().parents[2]
QC = {"QC_API_KEY": "a-key", "QC_PROJECT_ID": "a-project"}


def test_the_seeds_own_local_file_starts(shared: Path, tmp_path: Path) -> None:
    path = tmp_path / "local.yaml"
    path.write_text(files_of_the_seed(shared)[0], encoding="utf-8")

    configuration = load_to_start(path, {}).configuration

    place = log_place(configuration)
    assert (configuration.service.host, configuration.service.port) == ("localhost", 8004)
    assert place.log == Path("data/order_management.duckdb.sqlite")
    assert place.mirror == Path("data/order_management.duckdb")
    assert slippage_bps_of(configuration) == 5
    assert configuration.execution.simulation.delay_ms == 100
    assert settings_of(configuration, "main").limits == RiskLimits(
        max_order_value=Decimal(1000), min_order_value=Decimal(10), max_daily_orders=50
    )
    assert (configuration.order_cache.enabled, configuration.order_cache.ttl) == (True, 3600)
    assert configuration.service.auth is True


def test_redis_without_a_server_is_one_warning(shared: Path) -> None:
    warnings = warnings_of(loaded_from(files_of_the_seed(shared)[0]).configuration)

    assert [text for text in warnings if "redis" in text] == [
        "messaging.type redis: this version has no redis; events stay on the bus inside the process "
        "(set messaging.type: none to say so, localhost is not asked)"
    ]


def test_our_local_file_is_the_seeds_with_its_order_params_and_no_key_asked_for(shared: Path) -> None:
    ours = yaml.safe_load((ROOT / "config/local.yaml").read_text(encoding="utf-8"))
    seeds = yaml.safe_load(files_of_the_seed(shared)[0])
    seeds["service"]["auth"] = False
    seeds["order_params"] = order_params_of_the_seed(shared)

    assert ours == seeds
    assert load_to_start(ROOT / "config/local.yaml", {}).configuration.service.auth is False


def test_our_development_file_is_the_seeds(shared: Path) -> None:
    ours = yaml.safe_load((ROOT / "config/dev.yaml").read_text(encoding="utf-8"))

    assert ours == yaml.safe_load(files_of_the_seed(shared)[1])


def test_the_seeds_development_file_is_read_and_refused_at_the_start(shared: Path, tmp_path: Path) -> None:
    path = tmp_path / "dev.yaml"
    path.write_text(files_of_the_seed(shared)[1], encoding="utf-8")

    configuration = load(path, QC).configuration

    assert configuration.execution.direct.exchanges == ["bybit", "binance"]
    assert configuration.messaging.topic_prefix == "dev_"
    assert [(one.field, one.message) for one in unavailable(configuration)] == [
        ("database.type", "bigquery is not available in this version"),
        ("messaging.type", "pubsub is not available in this version"),
        ("execution.mode", "quantconnect is not available in this version"),
    ]
    with pytest.raises(ConfigurationError, match="bigquery is not available in this version"):
        load_to_start(path, QC)


def test_the_seeds_development_file_names_the_variables_that_it_misses(shared: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        loaded_from(files_of_the_seed(shared)[1])

    assert [problem.value for problem in raised.value.problems] == ["${QC_API_KEY}", "${QC_PROJECT_ID}"]


def test_a_bare_machine_starts_on_paper_and_asks_for_a_key() -> None:
    configuration = load_to_start(None, {}).configuration

    assert configuration.environment == "local"
    assert (configuration.service.host, configuration.service.port, configuration.service.auth) == (
        "127.0.0.1",
        8004,
        True,
    )
    assert configuration.execution.mode == "simulation"
    assert (log_place(configuration).log, log_place(configuration).mirror) == (Path("data/orderwright.sqlite"), None)
    assert settings_of(configuration, "main").limits == RiskLimits()
