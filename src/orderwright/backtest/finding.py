"""A strategy's class from the name that people write: a built-in one, module:Class or file.py:Class."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orderwright.errors import InputError, UnknownName

if TYPE_CHECKING:
    from orderwright.backtest.strategy import Strategy


def strategy_class(name: str) -> type[Strategy]:
    """The class that a name stands for. Raises InputError for one that is not there or is no strategy."""
    from orderwright.backtest.strategies import BUILT_IN

    if name in BUILT_IN:
        return BUILT_IN[name]
    place, colon, wanted = name.rpartition(":")
    if not colon and not name.endswith(".py"):
        raise UnknownName("strategy", name, BUILT_IN, field="strategy")
    module = _module(place if colon else name)
    found = _strategies(module)
    if not colon and len(found) == 1:
        return next(iter(found.values()))
    if wanted not in found or not colon:
        raise UnknownName(f"strategy of {place or name}", wanted if colon else "", found, field="strategy")
    return found[wanted]


def _module(place: str) -> Any:
    """A module by its name, or a file by its path."""
    path = Path(place)
    here = str(path.parent.resolve() if place.endswith(".py") else Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)  # so that what it imports from beside itself is found
    try:
        if not place.endswith(".py"):
            return importlib.import_module(place)
        if not path.is_file():
            raise InputError(f"there is no file {place}", field="strategy", value=place)
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None:
            raise InputError("is no Python file", field="strategy", value=place, where=place)
        module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    except (ImportError, SyntaxError) as error:
        raise InputError(f"{place} cannot be imported: {error}", field="strategy", value=place) from None


def _strategies(module: Any) -> dict[str, type[Strategy]]:
    """The strategies that a module has: its own, or where it defines none, those that it hands on."""
    from orderwright.backtest.strategy import Strategy

    found = {
        name: kind
        for name, kind in vars(module).items()
        if isinstance(kind, type) and issubclass(kind, Strategy) and kind is not Strategy
    }
    own = {name: kind for name, kind in found.items() if kind.__module__ == module.__name__}
    return own or found


def constructor_of(kind: type[Strategy]) -> Mapping[str, inspect.Parameter]:
    """What its constructor takes; where it has none of its own, nothing (a name is no parameter)."""
    from orderwright.backtest.strategy import Strategy

    if kind.__init__ is Strategy.__init__:
        return {}
    plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    found = inspect.signature(kind).parameters
    return {name: one for name, one in found.items() if one.kind in plain}


def hints_of(kind: type[Strategy]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(kind.__init__)
    except NameError:  # names that are there for type checkers alone
        return {}


__all__ = ["constructor_of", "hints_of", "strategy_class"]
