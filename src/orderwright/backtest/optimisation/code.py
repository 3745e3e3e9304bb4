"""What a function does, as a digest: so that a study knows the objective or the constraint it was made with from
another one, or from an edited one of the same name.

Digested are bytecode, names and constants (those of functions inside it too), defaults, and what it closes over or
reads of its module: plain values and what holds them, functions of the same module by their own code, anything else as
it is shown. A call of another module is a name: what stands behind it is not looked at. Bytecode is Python's own, so
another version of Python makes another digest.
"""

from __future__ import annotations

import dis
import functools
import hashlib
from collections.abc import Iterator
from types import CodeType, FunctionType, MethodType, ModuleType

_READS = ("LOAD_GLOBAL", "LOAD_NAME")


def named_code(function: object) -> str:
    """Its name and the digest of its code: one that does something else has another, in every process."""
    digest = hashlib.sha256(_told(function, "", frozenset()).encode()).hexdigest()[:16]
    return f"{getattr(function, '__name__', type(function).__name__)} {digest}"


def _told(value: object, home: str, inside: frozenset[int]) -> str:
    """A text that is the same for the same value in every process. home: the module whose functions are looked into;
    inside: what is being told, since a function may call itself."""
    if id(value) in inside:
        return "itself"
    inside |= {id(value)}

    def several(values: object) -> list[str]:
        return [_told(one, home, inside) for one in values]  # type: ignore[attr-defined]  # anything to go through

    kind = type(value).__name__
    match value:
        case tuple() | list():
            return f"{kind}{several(value)}"
        case set() | frozenset():
            return f"{kind}{sorted(several(value))}"  # their order changes from process to process
        case dict():
            return f"{kind}{several(value.items())}"
        case CodeType():
            return f"code{[value.co_code.hex(), value.co_names, value.co_freevars, *several(value.co_consts)]}"
        case MethodType():
            return f"method{several((value.__func__, getattr(value.__self__, '__dict__', {})))}"
        case functools.partial():
            return f"partial{several((value.func, value.args, value.keywords))}"
        case FunctionType() if home in ("", value.__module__):
            return f"function{list(_parts(value, inside))}"
        case FunctionType() | type():
            return f"{value.__module__}.{value.__qualname__}"
        case ModuleType():
            return value.__name__
    if home == "" and isinstance(function := getattr(type(value), "__call__", None), FunctionType):  # noqa: B004
        return f"{kind}{several((function, getattr(value, '__dict__', {})))}"
    return _shown(value)


def _parts(function: FunctionType, inside: frozenset[int]) -> Iterator[str]:
    home = function.__module__
    for part in (function.__code__, function.__defaults__, function.__kwdefaults__):
        yield _told(part, home, inside)
    for cell in function.__closure__ or ():
        try:
            yield _told(cell.cell_contents, home, inside)
        except ValueError:  # not yet filled: a function that names what comes after it
            yield "empty"
    for name in sorted(set(_reads(function.__code__))):
        if name in function.__globals__:
            yield f"{name}: {_told(function.__globals__[name], home, inside)}"


def _reads(code: CodeType) -> Iterator[str]:
    """The names of its module that it reads, functions inside it included."""
    yield from (one.argval for one in dis.get_instructions(code) if one.opname in _READS)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _reads(constant)


def _shown(value: object) -> str:
    """As it is shown, unless that tells where in memory it lies."""
    shown = repr(value)
    return f"{type(value).__module__}.{type(value).__qualname__}" if " at 0x" in shown else shown
