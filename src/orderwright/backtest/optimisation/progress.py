"""A progress bar for people: on stderr, and only where it is a terminal, unless asked for."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Callable, Iterator
from typing import Literal

from orderwright.errors import InputError

_EVERY_S = 0.05
Asked = bool | Literal["always"]
Told = Callable[[int, int, float], None]
"""(trials done, trials in all, the best value yet)"""


def quiet(done: int, total: int, best: float) -> None:
    """Tells nobody."""


@contextlib.contextmanager
def progress_bar(what: str, asked: Asked | Told) -> Iterator[Told]:
    """asked: True on a terminal, "always" anywhere, False nowhere; a function is called itself. Raises InputError."""
    if callable(asked):
        yield asked
        return
    if asked not in (True, False, "always"):
        message = f'{asked!r} is none of True, False, "always" and a function'
        raise InputError(message, field="progress", value=asked, nearest=True)
    if not asked or (asked is True and not sys.stderr.isatty()):
        yield quiet
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[best]}"),
    )
    terminal = Console(stderr=True, force_terminal=True if asked == "always" else None)
    with Progress(*columns, console=terminal, transient=asked != "always") as bar:
        task = bar.add_task("", total=None, best="")
        shown = -math.inf

        def show(done: int, total: int, best: float) -> None:
            nonlocal shown
            if done < total and time.monotonic() < shown + _EVERY_S:
                return
            shown = time.monotonic()
            bar.update(task, total=total, completed=done, best="" if math.isnan(best) else f"best {best:.4g}")

        yield show
