"""What is wrong with a configuration, in our form: key, value, the nearest that would pass, and where it stands.

A secret is never told: neither the value of a key that holds one, nor what a ${VARIABLE} was filled with, nor a value
that stands where a section should be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from orderwright.config.reference import inner, keys, words
from orderwright.config.schema import Configuration
from orderwright.config.yaml_file import At, dotted
from orderwright.errors import InputError, nearest_name

_PLAIN = {
    "string_type": "not a text",
    "list_type": "not a list",
    "dict_type": "not a map of names",
    "path_type": "not a path",
    "secret_type": "not a text",
}


class ConfigurationError(InputError):
    """Everything that is wrong with a configuration; the message tells the first of it."""

    def __init__(self, problems: Sequence[InputError]) -> None:
        self.problems = list(problems)
        first = self.problems[0]
        more = len(self.problems) - 1
        rest = f"; and {more} more: `orderwright config check` tells all" if more else ""
        super().__init__(
            first.message + rest, field=first.field, value=first.value, nearest=first.nearest, where=first.where
        )


def problems_of(error: ValidationError, filled: Mapping[At, str]) -> list[InputError]:
    """What pydantic has found, each in our form. filled: what stands in the file where a variable was filled in."""
    return [_problem(one, filled) for one in error.errors(include_url=False)]


def _problem(found: Any, filled: Mapping[At, str]) -> InputError:
    at: At = tuple(part for part in found["loc"] if part != "[key]")
    kind, value, context = found["type"], found.get("input"), found.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(at)
    field = dotted(at)
    if kind in ("model_type", "model_attributes_type"):
        known = ", ".join(words(_section(at) or Configuration))
        return InputError(f"not a section: its keys are {known}", field=field)
    nearest = context.get("nearest")
    if value is None and kind != "value_error":
        message = "nothing is given"
    elif kind == "literal_error":
        expected = re.findall(r"'([^']*)'", context["expected"])
        message, nearest = f"{value!r} is not one of {', '.join(expected)}", nearest_name(str(value), expected)
    else:
        message = _PLAIN.get(kind, found["msg"])
    if at in filled:
        return InputError(_unfilled(message, value, filled[at]), field=field, value=filled[at], nearest=nearest)
    hidden = _is_secret(at) or isinstance(value, dict | list)
    return InputError(message, field=field, value=None if hidden else value, nearest=nearest)


def _unfilled(message: str, value: object, written: str) -> str:
    """A message without what a variable was filled with."""
    told = message.replace(repr(value), written)
    return told.replace(str(value), written) if value else told


def _unknown(at: At) -> InputError:
    """A key that there is not. The nearest is the same one in another section, or the one beside it most like it."""
    name = str(at[-1])
    near = next((key.name for key in keys() if key.path[-1] == name and "NAME" not in key.path), None)
    if near is None:
        near = nearest_name(name, words(_section(at[:-1]) or Configuration))
    return InputError("unknown key", field=dotted(at), value=name, nearest=near)


def _section(at: At) -> type[BaseModel] | None:
    """The section at a path; None where there is none."""
    model: type[BaseModel] | None = Configuration
    named = False
    for part in at:
        if named:
            named = False
            continue
        field = words(model).get(str(part)) if model is not None else None
        if field is None:
            return None
        model, named = inner(field.annotation)
    return model


def _is_secret(at: At) -> bool:
    parts = tuple(part for part in at if not isinstance(part, int))
    return any(
        key.secret
        and len(key.path) == len(parts)
        and all(p in ("NAME", q) for p, q in zip(key.path, parts, strict=True))
        for key in keys()
    )


__all__ = ["ConfigurationError", "problems_of"]
