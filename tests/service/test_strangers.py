"""The service as strangers would use it: schemathesis makes requests of the served OpenAPI document, good and bad, and
every answer must be one that the document names. No 5xx, no answer that is not written down. (That no route answers
without a key is test_walls.py's: an address that asks without one so often gets 429.)"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from orderwright.service.app import every_route
from tests.service.shell import PATIENCE_S, Process, a_process

EXAMPLES = int(os.environ.get("ORDERWRIGHT_STRANGERS", "4"))
"""Requests of each route that are made up; `make prove` makes more."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    unsupported_method,
]
CONFIG = """
service: {requests_per_minute: null}
order_params: {log_level: error}
"""


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


def operations() -> list[tuple[str, str]]:
    return [(route.path, route.method) for route in every_route()]


@pytest.mark.parametrize("mode", list(GenerationMode), ids=["good", "bad"])
@pytest.mark.parametrize(("path", "method"), operations(), ids=str)
def test_every_answer_is_one_that_the_document_names(
    path: str, method: str, mode: GenerationMode, description: Any, service: Process
) -> None:
    operation = description[path][method]
    headers = {"Authorization": f"Bearer {service.key}"}

    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def strangers(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(checks=CHECKS, headers=headers, timeout=PATIENCE_S)

    try:
        strangers()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # of a route that takes nothing, nothing can be wrong
