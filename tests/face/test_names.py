"""`from orderwright import Broker` works, and `import orderwright` stays quick."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import orderwright

NAMES: list[str] = vars(orderwright)["__all__"]


def test_every_name_is_found_and_is_the_one_at_its_home() -> None:
    for name in NAMES:
        assert getattr(orderwright, name) is not None
        assert name in dir(orderwright)


def test_type_checkers_see_the_same_names() -> None:
    seen = ast.parse(Path(orderwright.__file__).with_suffix(".pyi").read_text())
    imported = {alias.asname for node in seen.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert imported == set(NAMES) - {"__version__"}


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Brokr'"):
        orderwright.Brokr  # type: ignore[attr-defined]  # noqa: B018


def test_importing_orderwright_loads_nothing_else() -> None:
    code = (
        "import orderwright, sys; print(sorted(m for m in sys.modules if m.partition('.')[0] in ('numpy', 'msgspec')))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_broker_loads_no_analytics_engine() -> None:
    code = (
        "import orderwright, sys; orderwright.Broker; "
        "print(sorted({m.partition('.')[0] for m in sys.modules} & {'ibis', 'duckdb', 'pandas', 'pyarrow', 'plotly'}))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
