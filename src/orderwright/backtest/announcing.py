"""What the user is told while something takes its time: on stderr, or wherever a program that runs us has it told."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

Tell = Callable[[str], object]


def _on_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


_tellers: list[Tell] = [_on_stderr]


def announce(line: str) -> None:
    """Tell the user a line."""
    _tellers[-1](line)


@contextlib.contextmanager
def told_by(tell: Tell) -> Iterator[None]:
    """Lines go to `tell` meanwhile."""
    _tellers.append(tell)
    try:
        yield
    finally:
        _tellers.remove(tell)


__all__ = ["announce", "told_by"]
