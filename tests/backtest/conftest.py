"""On a machine that has compiled nothing yet, whichever test comes first would say so. tests/backtest/test_kernel.py
holds the line itself, in a process of its own."""

import pytest

from orderwright.backtest import compiling


@pytest.fixture(autouse=True, scope="session")
def _compiling_has_been_said() -> None:
    compiling._said.append(compiling.COMPILING)
