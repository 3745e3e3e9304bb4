"""The service as strangers would use it: schemathesis makes requests of the served OpenAPI document, good and bad, and
every answer must be one that the document names. No 5xx, no answer that is not written down."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.service.shell import Process, a_process

EXAMPLES = int(os.environ.get("ORDERWRIGHT_STRANGERS", "4"))
"""Requests of each route that are made up; `make prove` makes more."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    ignored_auth,
    unsupported_method,
]
CONFIG = """
service: {requests_per_minute: null}
order_params: {log_level: error}
"""
TOLD: dict[str, int] = {}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with a_process(tmp_path_factory.mktemp("strangers"), config=CONFIG) as process:
        yield process
        assert process.process.poll() is None, process.told_errors()
        assert process.stop() == 0
        assert "fault of ours" not in process.told_errors()


@pytest.fixture(scope="module")
def description(service: Process) -> Any:
    return schemathesis.openapi.from_url(f"{service.address}/openapi.json")


strangers = schemathesis.pytest.from_fixture("description")


@strangers.parametrize()
@hypothesis.settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
def test_every_answer_is_one_that_the_document_names(case: schemathesis.Case, service: Process) -> None:
    case.call_and_validate(checks=CHECKS, headers={"Authorization": f"Bearer {service.key}"})
