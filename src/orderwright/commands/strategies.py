"""What `backtest` and its neighbours share: a strategy from its name and parameters, and data from its files."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import typing
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderwright.errors import InputError, UnknownName

if TYPE_CHECKING:
    from orderwright.backtest.strategy import Strategy

_BUILT_IN = (
    "sma, rsi, breakout, bollinger, grid, dca, market_maker"  # those of backtest/strategies, whose import is heavy
)
StrategyName = Annotated[
    str, typer.Option("--strategy", help=f"A built-in one ({_BUILT_IN}), module:Class or file.py:Class.")
]
Data = Annotated[
    list[str], typer.Option("--data", metavar="FILE", help="Candles; of several symbols SYMBOL=FILE, repeatable.")
]
OfSymbol = Annotated[str, typer.Option("--symbol", help="What a FILE without SYMBOL= is of.")]
_FLAGS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


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


def strategy_of(name: str, params: Iterable[str]) -> tuple[Strategy, dict[str, Any]]:
    """(the strategy, its parameters) from NAME=VALUE texts. Raises InputError naming the parameter and the nearest."""
    kind = strategy_class(name)
    given = parameters_of(kind, params)
    missing = [
        parameter.name
        for parameter in constructor_of(kind).values()
        if parameter.default is parameter.empty and parameter.name not in given
    ]
    if missing:
        message = f"{kind.__name__} needs it: --param {missing[0]}=VALUE"
        raise InputError(message, field=missing[0])
    return kind(**given), given


def parameters_of(kind: type[Strategy], params: Iterable[str]) -> dict[str, Any]:
    """The parameters that NAME=VALUE texts give, each as its constructor takes it."""
    known, hints = constructor_of(kind), hints_of(kind)
    given: dict[str, Any] = {}
    for text in params:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InputError(f"{text!r} is not NAME=VALUE, such as fast_period=20", field="param", value=text)
        if not known:
            raise InputError(f"{kind.__name__} has no parameters", field="param", value=text)
        if name not in known:
            raise UnknownName(f"parameter of {kind.__name__}", name, known, field="param")
        if name in given:
            raise InputError("is there twice", field=name, value=value)
        given[name] = value_of(value, hints.get(name), known[name].default, name)
    return given


def value_of(text: str, hint: Any, default: Any, field: str) -> Any:
    """A text as its parameter's annotation asks, else its default, else as it looks. Raises InputError."""
    kinds = [*typing.get_args(hint)] or [hint]
    if text.lower() == "none" and (type(None) in kinds or default is None):
        return None
    for kind in (bool, int, float, Decimal, str):
        if kind in kinds or (hint is None and type(default) is kind):
            return _as(kind, text, field)
    if hint is None or hint is inspect.Parameter.empty or object in kinds or Any in kinds:
        return _as_it_looks(text)
    return text


def _as(kind: type, text: str, field: str) -> Any:
    try:
        if kind is bool:
            return _FLAGS[text.lower()]
        return kind(text)
    except (KeyError, ValueError, ArithmeticError):
        words = {bool: "true or false", int: "a whole number", float: "a number", Decimal: "a number"}
        nearest = _nearest(kind, text)
        raise InputError(f"{text!r} is not {words.get(kind, kind)}", field=field, value=text, nearest=nearest) from None


def _nearest(kind: type, text: str) -> object:
    try:
        return round(float(text)) if kind is int else None
    except (ValueError, OverflowError):
        return None


def _as_it_looks(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def data_of(texts: Iterable[str], symbol: str) -> Path | dict[str, Path]:
    """One file, or the file of each symbol. Raises InputError for what is neither, or a symbol that comes twice."""
    from orderwright.backtest.admitting import symbol_of

    found: dict[str, Path] = {}
    texts = list(texts)
    for text in texts:
        name, equals, file = text.partition("=")
        if not equals or Path(text).is_file():
            name, file = symbol, text
        name = symbol_of(name)  # as Python takes them: GOOG is traded in USD
        if name in found:
            message = f"{name} is there twice: name each file's symbol, SYMBOL=FILE"
            raise InputError(message, field="data", value=text)
        found[name] = Path(file)
    if len(texts) == 1 and "=" not in texts[0]:
        return Path(texts[0])
    return found


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
            raise InputError("there is no such file", field="strategy", value=place, where=place)
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
