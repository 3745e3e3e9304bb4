"""Configurations for tests: of a text, without a file or the process's environment."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path

from orderwright.config.loading import Loaded, assemble
from orderwright.config.problems import ConfigurationError
from orderwright.config.yaml_file import read_text
from orderwright.errors import InputError

NAME = "my.yaml"


def loaded_from(text: str, environment: Mapping[str, str] | None = None) -> Loaded:
    """What a file of this text comes to."""
    given = environment or {}
    return assemble(read_text(text, NAME, given), Path(NAME), given)


def problems_of(text: str, environment: Mapping[str, str] | None = None) -> list[str]:
    """What is wrong with a file of this text, as it is told; nothing where it is good."""
    try:
        loaded_from(text, environment)
    except ConfigurationError as error:
        return [str(problem) for problem in error.problems]
    except InputError as error:
        return [str(error)]
    return []


def files_of_the_seed(shared: Path) -> tuple[str, str]:
    """Seed 003's local.yaml and dev.yaml."""
    (seed,) = (shared / "seeds").glob("003_*.txt")
    local, dev, *_ = re.findall(r"```yaml\n(.*?)```", seed.read_text(encoding="utf-8"), re.DOTALL)
    return local, dev


def order_params_of_the_seed(shared: Path) -> dict[str, object]:
    """Seed 003's order_params."""
    (seed,) = (shared / "seeds").glob("003_*.txt")
    found = re.search(r"order_params = (\{.*?\n\})", seed.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    params: dict[str, object] = ast.literal_eval(found[1])
    return params
