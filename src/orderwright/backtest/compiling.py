"""How a plain function over arrays becomes machine code: once on a machine, then from Numba's cache.

- Each kernel is compiled for one signature when it is first called, and that is the only time types are looked at.
- Numba knows compiled code by the one file that its function stands in. Kernels call functions of other files, so here
  compiled code is known by the contents of all of them (`SOURCES`).
- Where no folder can be written to, kernels are compiled anew in every process, and all else is the same.
- The one line that says so goes through `announce`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from numba import njit
from numba.core import event
from numba.extending import register_jitable

from orderwright.backtest import announcing

F = TypeVar("F", bound=Callable[..., Any])

READ_FLOATS, READ_INTS, READ_SIGNS = (f'Array({kind}, 1, "C", readonly=True)' for kind in ("float64", "int64", "int8"))
"""Numba's words for arrays that a kernel only reads; it then takes those that nobody may write to as well."""

COMPILING = "Compiling the kernels (once on this machine)..."
_said: list[str] = []


def announce(line: str) -> None:
    """Tell the user, once."""
    if line not in _said:
        _said.append(line)
        announcing.announce(line)


class _Teller(event.Listener):
    """Hears of a compilation before it begins; loading from the cache is none."""

    def on_start(self, event: Any) -> None:  # noqa: ARG002  # any compilation
        announce(COMPILING)

    def on_end(self, event: Any) -> None:
        """Nothing to say."""


class Kernel:
    """A function that becomes machine code when it is first called. function: the same in plain Python, while all that
    it calls is."""

    __slots__ = ("_compiled", "_options", "_signature", "function")

    def __init__(self, function: Callable[..., Any], signature: str, options: dict[str, Any]) -> None:
        self.function, self._signature, self._options = function, signature, options
        self._compiled: Callable[..., Any] | None = None

    def __call__(self, *arguments: Any) -> Any:
        compiled = self._compiled
        if compiled is None:
            compiled = self._compiled = self._compile()
        return compiled(*arguments)

    def _compile(self) -> Callable[..., Any]:
        with event.install_listener("numba:compile", _Teller()):
            try:
                dispatcher = njit(cache=True, **self._options)(self.function)
                _know_by_contents(dispatcher)
                dispatcher.compile(self._signature)
            except (RuntimeError, OSError):  # no folder to keep it in, or a full one
                dispatcher = njit(**self._options)(self.function)
                dispatcher.compile(self._signature)
        dispatcher.disable_compile()
        return dispatcher  # type: ignore[no-any-return]


def kernel(signature: str, **options: Any) -> Callable[[Callable[..., Any]], Kernel]:
    """Compile for this signature (Numba's words), or load what was compiled before. options: as of `numba.njit`."""
    options = {"error_model": "numpy", "_nrt": False, **options}  # no checks that cannot fail, no counts of references
    return lambda function: Kernel(function, signature, options)


def part(function: F) -> F:
    """A function that kernels call: compiled into each of them, and plain Python to everybody else."""
    return register_jitable(_nrt=False, error_model="numpy")(function)


_HERE = Path(__file__).parent
SOURCES = (_HERE / "kernel", _HERE / "sizes.py", _HERE / "quick_checks.py", _HERE / "compiling.py")


@cache
def _contents() -> str:
    """A digest of every file that a kernel's code may come from."""
    files = [file for source in SOURCES for file in (sorted(source.glob("*.py")) if source.is_dir() else [source])]
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _know_by_contents(dispatcher: Any) -> None:
    """Numba keeps (time, size) of the one file beside what it has compiled, and compares; let it compare ours too."""
    kept: Any = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if hasattr(kept, "_source_stamp"):
        kept._source_stamp = (kept._source_stamp, _contents())
