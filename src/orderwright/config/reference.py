"""What can be configured, read off the schema: every key with type, unit, default, environment variable and meaning.

docs/configuration.md is made of it, as is the nearest key that an error names and what `config show` goes through.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any, Literal

from msgspec import Struct
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from orderwright.config.schema import Configuration
from orderwright.core.numbers import text

GENERIC = "ORDERWRIGHT__"


class Key(Struct, frozen=True, kw_only=True):
    """One key. path: NAME stands for a name that the user gives. section: whether other keys are under it."""

    path: tuple[str, ...]
    kind: str
    default: str
    meaning: str
    unit: str = ""
    env: str = ""
    section: bool = False
    secret: bool = False

    @property
    def name(self) -> str:
        return ".".join(self.path)

    @property
    def generic(self) -> str:
        """The environment variable that every key has."""
        return GENERIC + "__".join(part.upper() for part in self.path)


@cache
def keys() -> tuple[Key, ...]:
    """Every key, sections before what is under them, in the order of the schema."""
    return tuple(_keys(Configuration, ()))


def words(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The keys of a section as a file writes them, with what they are."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def inner(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """(the section that a key holds, whether it holds one under each name); None for a plain value."""
    for one in _parts(annotation):
        if isinstance(one, type) and issubclass(one, BaseModel):
            return one, False
        if typing.get_origin(one) is dict:
            under = inner(typing.get_args(one)[1])[0]
            if under is not None:
                return under, True
    return None, False


def _keys(model: type[BaseModel], at: tuple[str, ...]) -> Iterator[Key]:
    for name, field in words(model).items():
        path = (*at, name)
        under, named = inner(field.annotation)
        if under is None:
            yield _key(path, field)
            continue
        yield Key(path=path, kind="section", default="", meaning=field.description or "", section=True)
        yield from _keys(under, (*path, "NAME") if named else path)


def _key(path: tuple[str, ...], field: FieldInfo) -> Key:
    extra: Any = field.json_schema_extra or {}
    secret = any(one is SecretStr for one in _deep(field.annotation))
    default = field.get_default(call_default_factory=True)
    return Key(
        path=path,
        kind=_kind(field.annotation),
        default=shown(default),
        meaning=field.description or "",
        unit=extra.get("unit", ""),
        env=extra.get("env", ""),
        secret=secret,
    )


def _kind(annotation: Any) -> str:
    for one in _parts(annotation):
        if typing.get_origin(one) is Literal:
            return ", ".join(typing.get_args(one))
        if typing.get_origin(one) in (list, dict):
            return "list" if typing.get_origin(one) is list else "map"
        found = {bool: "on, off", int: "whole number", Decimal: "number", SecretStr: "secret"}.get(one)
        if found is not None:
            return found
    return "text"


def _parts(annotation: Any) -> Iterator[Any]:
    """What a type may be, without Annotated, | and None."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from _parts(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for one in typing.get_args(annotation):
            yield from _parts(one)
    elif annotation is not type(None):
        yield annotation


def _deep(annotation: Any) -> Iterator[Any]:
    for one in _parts(annotation):
        yield one
        if typing.get_origin(one) is not Literal:
            for under in typing.get_args(one):
                yield from _deep(under)


def shown(value: object) -> str:
    """A value as a file would have it; a secret as stars."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, SecretStr):
        return "********"
    if isinstance(value, Decimal):
        return text(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(shown(one) for one in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {shown(one)}" for name, one in value.items()) + "}"
    return str(value)


__all__ = ["GENERIC", "Key", "inner", "keys", "shown", "words"]
