"""Fixtures for every test, and one Hypothesis profile for all machines."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

# The same examples on every machine and every run: a red test is red for everybody. Fresh examples are
# asked for by name: HYPOTHESIS_PROFILE=random make test
settings.register_profile("default", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("ci", parent=settings.get_profile("default"))
settings.register_profile("random", parent=settings.get_profile("default"), derandomize=False)

# Not in a fixture: @settings(...) on a test takes the rest from the profile that is loaded when it is imported.
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared test material: ORDERWRIGHT_SHARED, else ../shared beside the project."""
    named = os.environ.get("ORDERWRIGHT_SHARED")
    folder = Path(named) if named else ROOT.parent / "shared"
    if folder.is_dir():
        return folder.resolve()
    reason = f"no shared test material at {folder}: set ORDERWRIGHT_SHARED to its folder"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
