"""ORDERWRIGHT__SERVICE__PORT and its like, read by pydantic-settings: 0.1 s of imports, so only where one is set."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from orderwright.config.reference import GENERIC
from orderwright.config.schema import Configuration


class _Settings(Configuration, BaseSettings):
    """The same keys, by their variables."""

    model_config = SettingsConfigDict(env_prefix=GENERIC, env_nested_delimiter="__")


class _Variables(EnvSettingsSource):
    """JSON where it is JSON, else text, which the schema takes for what it needs."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:  # noqa: ARG002
        try:
            return json.loads(value, parse_float=Decimal)
        except ValueError:
            return value


def tree_of(variables: Mapping[str, str]) -> dict[str, Any]:
    """What variables that begin with ORDERWRIGHT__ say, as a file would have it."""
    source = _Variables(_Settings)
    source.env_vars = {name.lower(): value for name, value in variables.items()}
    return source()


__all__ = ["tree_of"]
