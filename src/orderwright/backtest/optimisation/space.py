"""The space to search: which values each parameter of a strategy may take.

| written | means |
| --- | --- |
| `range(5, 45, 2)` | whole numbers in steps, the end not included, as everywhere in Python |
| `[50, 100]` | one of these |
| `(5, 45)`, `Int(5, 45, step=2)` | whole numbers, both ends included |
| `(0.1, 0.9)`, `Float(0.001, 1, log=True)` | any number between, both ends included; `step` makes it countable |
| `Choice("fast", "slow")` | one of these |
| `20`, `"fast"` | always this |
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from orderwright.errors import InputError, UnknownName

Parameters = dict[str, Any]
PLAIN = (bool, int, float, str, type(None))
_MOST_COUNTED = 10**12


class Int(Struct, frozen=True):
    """Whole numbers from low to high, both included. log: small ones are tried as finely as large ones."""

    low: int
    high: int
    step: int = 1
    log: bool = False


class Float(Struct, frozen=True):
    """Numbers from low to high, both included; in steps from low, where step is given."""

    low: float
    high: float
    step: float | None = None
    log: bool = False


class Choice:
    """One of some values, of any kind."""

    __slots__ = ("values",)

    def __init__(self, *values: Any) -> None:
        self.values = tuple(values)

    def __repr__(self) -> str:
        return f"Choice({', '.join(map(repr, self.values))})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Choice) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))


Domain = Int | Float | Choice


class Space(Struct, frozen=True):
    """Domains by parameter, checked against the strategy; names in the order in which the user wrote them."""

    domains: dict[str, Domain]

    def __len__(self) -> int:
        """How many combinations. Raises InputError where a parameter is continuous: those cannot be counted."""
        return math.prod(len(self.values(name)) for name in self.domains)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.domains)

    def values(self, name: str) -> Sequence[Any]:
        """What a parameter may be, one by one. Raises InputError for a continuous one."""
        domain = self.domains[name]
        if isinstance(domain, Int):
            if domain.log:
                raise _uncountable(name, domain, Int(domain.low, domain.high))
            return range(domain.low, domain.high + 1, domain.step)
        if isinstance(domain, Float):
            return _steps(name, domain)
        return domain.values

    def grid(self) -> Grid:
        """Every combination, by its number. Raises InputError where a parameter is continuous."""
        return Grid(self.names, tuple(self.values(name) for name in self.domains))

    def described(self) -> dict[str, str]:
        """Each domain as text: what a study remembers of its space."""
        return {name: repr(domain) for name, domain in self.domains.items()}


class Grid(Struct, frozen=True):
    """All combinations of a space in the order of nested loops, the last parameter fastest; none of them is kept."""

    names: tuple[str, ...]
    columns: tuple[Sequence[Any], ...]

    def __len__(self) -> int:
        return math.prod(map(len, self.columns))

    def __getitem__(self, number: int) -> Parameters:
        places = []
        for column in reversed(self.columns):
            number, place = divmod(number, len(column))
            places.append(column[place])
        return dict(zip(self.names, reversed(places), strict=True))

    def __iter__(self) -> Iterator[Parameters]:
        return (self[number] for number in range(len(self)))

    def number_of(self, parameters: Parameters) -> int | None:
        """The number of a combination; None for one that is not in the grid."""
        number = 0
        for name, column in zip(self.names, self.columns, strict=True):
            try:
                number = number * len(column) + column.index(parameters[name])
            except (KeyError, ValueError):
                return None
        return number


def parse_space(strategy: type, space: Mapping[str, Any]) -> Space:
    """The space as domains.

    Raises InputError (field `space.<name>`) for an empty range and an inverted pair, and (field `space`) for a
    parameter that the strategy does not have, and for one that it needs and nobody gave.
    """
    if not space:
        message = "a space says which values each parameter may take, and needs one parameter at least"
        raise InputError(message, field="space", value=space, nearest='{"fast_period": range(5, 45, 2)}')
    known, anything = _parameters_of(strategy)
    for name in space:
        if name not in known and not anything:
            raise UnknownName(f"parameter of {strategy.__name__}", str(name), known, field="space")
    missing = [name for name, needed in known.items() if needed and name not in space]
    if missing:
        message = f"{strategy.__name__} needs {', '.join(missing)}: give a value or a range"
        raise InputError(message, field="space", value=missing[0], nearest=f"{missing[0]}=[...]")
    return Space({name: _domain(name, said) for name, said in space.items()})


def _parameters_of(strategy: type) -> tuple[dict[str, bool], bool]:
    """({parameter: whether it must be given}, whether any name is taken)."""
    known, anything = {}, False
    for one in inspect.signature(strategy).parameters.values():
        if one.kind is one.VAR_KEYWORD:
            anything = True
        elif one.kind not in (one.VAR_POSITIONAL, one.POSITIONAL_ONLY):
            known[one.name] = one.default is one.empty
    return known, anything


def _domain(name: str, said: Any) -> Domain:
    if isinstance(said, range):
        if not said:
            raise _empty(name, said)
        low, high = min(said[0], said[-1]), max(said[0], said[-1])
        return Int(low, high, abs(said.step))
    if isinstance(said, tuple):
        return _checked(name, _pair(name, said))
    if isinstance(said, Int | Float):
        return _checked(name, said)
    if isinstance(said, Choice | list) or hasattr(said, "tolist"):
        given = said.values if isinstance(said, Choice) else said if isinstance(said, list) else said.tolist()
        return _choice(name, given if isinstance(given, list | tuple) else [given])
    if isinstance(said, set | frozenset | Mapping):
        message = "a set has no order, so two runs would not search alike: give a list"
        raise InputError(message, field=f"space.{name}", value=said, nearest=sorted(said, key=repr))
    return Choice(said)


def _pair(name: str, said: tuple[Any, ...]) -> Int | Float:
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in said)
    if len(said) != 2 or not numbers:
        message = f"{said!r}: a tuple is (from, to), two numbers; a list is a choice of values"
        raise InputError(message, field=f"space.{name}", value=said, nearest=list(said))
    low, high = said
    whole = isinstance(low, int) and isinstance(high, int)
    return Int(low, high) if whole else Float(float(low), float(high))


def _checked(name: str, domain: Int | Float) -> Int | Float:
    field = f"space.{name}"
    low, high, step = domain.low, domain.high, domain.step
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InputError(f"{domain} has an end that is no number", field=field, value=domain)
    if low > high:
        message = f"from {low} to {high} is the wrong way round"
        raise InputError(message, field=field, value=(low, high), nearest=(high, low))
    if step is not None and not step > 0:
        raise InputError(f"a step of {step} leads nowhere", field=field, value=step, nearest=1)
    if domain.log and low <= 0:
        message = f"a logarithmic range begins above 0, not at {low}"
        raise InputError(message, field=field, value=low, nearest=min(high, 1) if high > 0 else None)
    if domain.log and step not in (None, 1):
        raise InputError("a logarithmic range has no steps", field=field, value=step)
    return domain


def _choice(name: str, given: Sequence[Any]) -> Choice:
    """Each value once, in the order given; 1, 1.0 and True are three."""
    if not given:
        raise _empty(name, given)
    return Choice(*{(type(one), repr(one)): one for one in given}.values())


def _steps(name: str, domain: Float) -> list[float]:
    if domain.step is None:
        near = Float(domain.low, domain.high, step=(domain.high - domain.low) / 10 or 1.0)
        raise _uncountable(name, domain, near)
    count = int((domain.high - domain.low) / domain.step * (1 + 1e-12)) + 1
    if count > _MOST_COUNTED:
        raise _uncountable(name, domain, domain)
    return [float(f"{domain.low + at * domain.step:.12g}") for at in range(count)]


def _uncountable(name: str, domain: Domain, nearest: Domain) -> InputError:
    message = f"{domain!r} is continuous, and a grid needs steps; method tpe does without"
    return InputError(message, field=f"space.{name}", value=domain, nearest=nearest)


def _empty(name: str, said: object) -> InputError:
    nearest = range(said.start, said.stop, -said.step) if isinstance(said, range) and said.start != said.stop else None
    return InputError(f"{said!r} is empty", field=f"space.{name}", value=said, nearest=nearest)
