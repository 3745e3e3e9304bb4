"""What `backtest` and its neighbours share: a strategy from its name and parameters, and data from its files."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orderwright.backtest.finding import constructor_of, hints_of, strategy_class
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


__all__ = [
    "Data",
    "OfSymbol",
    "StrategyName",
    "constructor_of",
    "data_of",
    "hints_of",
    "parameters_of",
    "strategy_class",
    "strategy_of",
    "value_of",
]
