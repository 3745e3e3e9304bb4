"""The configuration as it is shown: every value with its origin, the whole in a few lines, and a file to begin with."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct
from pydantic import BaseModel

from orderwright.config import owning
from orderwright.config.checking import has_tokens
from orderwright.config.loading import Loaded
from orderwright.config.mapping import log_place, slippage_bps_of, warnings_of, webhook_layers
from orderwright.config.owners import BookLimitKeys
from orderwright.config.reference import Key, inner, keys, shown, words
from orderwright.config.schema import Configuration, LimitKeys
from orderwright.core.numbers import text


class Value(Struct, frozen=True):
    """A key's value in force, secrets masked, and where it comes from: default, a file's line, or a variable.
    is_changed: whether it is another than the default."""

    name: str
    value: str
    origin: str
    is_changed: bool


def values_of(loaded: Loaded) -> list[Value]:
    """Every value in force, in the order of the schema."""
    return list(_values(loaded.configuration, "", loaded))


def _values(section: BaseModel, prefix: str, loaded: Loaded) -> Iterator[Value]:
    for word, (name, field) in zip(words(type(section)), type(section).model_fields.items(), strict=True):
        path, value = f"{prefix}{word}", getattr(section, name)
        under, named = inner(field.annotation)
        if under is None:
            if isinstance(section, BookLimitKeys) and name not in section.model_fields_set:
                continue  # as in account_limits
            origin = _origin(path, loaded)
            is_default = value == field.get_default(call_default_factory=True) and not isinstance(
                section, BookLimitKeys
            )
            yield Value(path, shown(value), origin, origin != "default" and not is_default)
        elif named:
            for key, one in value.items():
                yield from _values(one, f"{path}.{key}.", loaded)
        else:
            yield from _values(value, f"{path}.", loaded)


def _origin(path: str, loaded: Loaded) -> str:
    """That of the value itself, or of the first thing in it."""
    inside = (origin for name, origin in loaded.origins.items() if name.startswith(f"{path}."))
    return loaded.origins.get(path) or next(inside, "default")


def summary_of(configuration: Configuration) -> tuple[dict[str, str], list[str]]:
    """(what it comes to, by subject; what should be known)."""
    service = configuration.service
    place = log_place(configuration)
    log = str(place.log) if place.log is not None else "memory"
    if place.mirror is not None:
        log += f", copied to {place.mirror} every {configuration.database.refresh_ms / 1_000:g} s"
    auth = "a key is asked for" if service.auth else "no key is asked for"
    books = owning.books(configuration)
    summary = {
        "environment": configuration.environment,
        "listens": f"http://{service.host}:{service.port}, {auth}",
        "log": log,
        "orders go to": _execution(configuration),
        "books": ", ".join(f"{book} ({owning.owner_of(configuration, book)})" for book in books)
        or _no_book(configuration),
        "limits": _limits(owning.limits_of(configuration, "")),
        **{f"limits of {book}": _limits(owning.limits_of(configuration, book)) for book in _own_limits(configuration)},
        "strategies": ", ".join(configuration.strategies) or "none",
        "webhook": _webhook(configuration),
        "alerts": f"{len(configuration.alerts.urls)} are told" if configuration.alerts.urls else "nobody is told",
    }
    return summary, warnings_of(configuration)


def _execution(configuration: Configuration) -> str:
    execution = configuration.execution
    if execution.mode != "simulation":
        return execution.mode
    slippage = text(slippage_bps_of(configuration))
    symbols = ", ".join(execution.simulation.symbols)
    what = f"the simulated exchange: {symbols}; slippage {slippage} bps, {execution.simulation.delay_ms} ms"
    if not execution.enabled:
        return f"{what}; execution is off: every order is denied"
    return what if execution.approval == "none" else f"{what}; approval: {execution.approval}"


def _no_book(configuration: Configuration) -> str:
    if configuration.environment == "local":
        return "main; a user who is not known is given one with a paper account"
    return "main"


def _webhook(configuration: Configuration) -> str:
    layers, keys = webhook_layers(configuration), configuration.tradingview
    if not layers:
        return "refuses all alerts"
    words = {
        "signature": "a signature",
        "token": "a strategy's token in the path",
        "body": _in_body(configuration),
        "address": "a listed address",
    }
    told = (" and " if keys.require else " or ").join(words[layer] for layer in layers)
    return f"{told}, from {len(keys.addresses)} addresses only" if keys.addresses and not keys.require else told


def _in_body(configuration: Configuration) -> str:
    """What in the body lets an alert in."""
    found = ["the secret"] if configuration.tradingview.secret is not None else []
    return " or ".join([*found, *(["a strategy's token"] if has_tokens(configuration) else [])]) + " in the body"


def _own_limits(configuration: Configuration) -> list[str]:
    return [name for name, book in configuration.books.items() if book.limits.model_fields_set]


def _limits(limits: LimitKeys) -> str:
    given = ((name, getattr(limits, name)) for name in LimitKeys.model_fields)
    found = [f"{name} {text(Decimal(value))}" for name, value in given if value is not None]
    return ", ".join(found) or "none"


def commented_file() -> str:
    """A file with every key at its default, explained and commented out, under its sections."""
    lines = [
        "# Orderwright's configuration. docs/configuration.md explains it; `orderwright config check` checks it.",
        "# Every key has its default: take the mark and the space before one away to set it.",
        "",
    ]
    for key in keys():
        depth = len(key.path) - 1
        hidden = not key.section or "NAME" in key.path or _is_map_of_names(key)
        if key.section:
            lines += ["", *_comment(key.meaning, depth)] if not depth else _comment(key.meaning, depth)
        indent = "  " * depth
        mark = "# " if hidden else ""
        value = "" if key.section else f" {key.default}"
        told = "" if key.section else f"  # {key.meaning}{f' [{key.unit}]' if key.unit else ''}"
        lines.append(f"{indent}{mark}{key.path[-1]}:{value}{told}")
        if _is_map_of_names(key):
            lines.append(f"{indent}  # NAME:")
    return "\n".join(lines) + "\n"


def _is_map_of_names(key: Key) -> bool:
    return key.section and any(other.path[: len(key.path) + 1] == (*key.path, "NAME") for other in keys())


def _comment(meaning: str, depth: int) -> list[str]:
    return [f"{'  ' * depth}# {meaning}"]


__all__ = ["Value", "commented_file", "summary_of", "values_of"]
