"""docs/configuration.md, and what the schema says of itself."""

from __future__ import annotations

import typing
from pathlib import Path

import pytest

from orderwright.config.page import updated
from orderwright.config.reference import keys
from orderwright.config.schema import Topic
from orderwright.risk_manager import ENVIRONMENT
from orderwright.service.observing.notifying import TOPICS

PAGE = Path(__file__).resolve().parents[2] / "docs/configuration.md"


def test_the_page_has_the_keys_of_the_schema() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert updated(page) == page, "`make docs` brings it up to date"


def test_every_key_says_what_it_means() -> None:
    assert [key.name for key in keys() if not key.meaning] == []


@pytest.mark.parametrize("ending", ["_ms", "_s", "_bps", "_mb", "_bytes"])
def test_a_key_with_a_unit_in_its_name_says_that_unit(ending: str) -> None:
    units = {"_ms": "ms", "_s": "s", "_bps": "bps", "_mb": "MB", "_bytes": "bytes"}
    found = {key.name: key.unit for key in keys() if key.name.endswith(ending)}

    assert found == dict.fromkeys(found, units[ending])


def test_the_risk_managers_variables_are_those_of_the_configuration() -> None:
    named = {key.env: key.path for key in keys() if key.env in ENVIRONMENT}
    renamed = {"min_order_size": "min_order_value"}

    assert {name: renamed.get(path[1], path[1]) for name, path in named.items()} == ENVIRONMENT
    assert {path[0] for path in named.values()} == {"account_limits"}


def test_the_topics_that_can_be_told_are_those_that_are_raised() -> None:
    assert typing.get_args(Topic) == TOPICS


def test_every_key_has_a_variable_of_its_own() -> None:
    names = [key.generic for key in keys()]

    assert len(set(names)) == len(names)
    assert "ORDERWRIGHT__EXECUTION__SIMULATION__SLIPPAGE" in names
