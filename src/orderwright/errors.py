"""The errors Orderwright raises, and whose fault each one is.

A refusal of an order is not an error: it is a value (`orderwright.core.reasons.Refusal`), logged like
everything else. Errors are for what stops a call::

    OrderwrightError
    ├── InputError            the caller's input is wrong; nothing was done       (exit code 2)
    │   └── UnknownName       a symbol, account, column ... that is not known
    ├── LogError              the log cannot be used                              (exit code 1)
    │   ├── LogDamaged        a row was changed, lost or reordered
    │   ├── LogNewer          written by a newer version of the program
    │   ├── LogLocked         another process is writing it
    │   ├── LogFenced         another process has written since: this one must stop
    │   └── CommitFailed      nothing after the last commit is durable; nothing more is sent
    ├── VenueError            what a venue did with a request
    │   ├── Refused           it said no: the outcome is known
    │   └── Unreachable       no answer: the outcome is not known
    └── ServiceError          what a running service (`Broker(url=...)`) did with a request
        ├── ServiceRefused    it let us not in, or not now: nothing was done
        └── ServiceLost       no answer; `may_exist` says whether it may have been done
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

LONGEST_NAME = 64
"""Characters; for a longer one no nearest name is looked for."""
_LEFT: ContextVar[list[int] | None] = ContextVar("left", default=None)


class OrderwrightError(Exception):
    """Anything Orderwright raises on purpose."""

    exit_code = 1


class InputError(OrderwrightError):
    """The caller's input is wrong; nothing was done.

    The message names what it can: `where` (file and line), `field`, `value` and the `nearest` value that would pass.
    """

    exit_code = 2

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        value: object = None,
        nearest: object = None,
        where: str | None = None,
    ) -> None:
        self.message, self.field, self.value, self.nearest, self.where = message, field, value, nearest, where
        super().__init__(message)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        name = f"{self.field}: " if self.field else ""
        hint = f" (nearest: {self.nearest})" if self.nearest is not None else ""
        return f"{place}{name}{self.message}{hint}"

    def at(self, where: str) -> InputError:
        """The same error, saying where (a file, a line)."""
        self.where = where if self.where is None else f"{where}, {self.where}"
        return self


class UnknownName(InputError):
    """A name that is not among the known ones; the nearest of them is offered, or, where none is like it, the first
    `most` of them."""

    def __init__(self, what: str, name: str, known: Iterable[str], *, field: str | None = None, most: int = 12) -> None:
        names = sorted(set(known))
        close = nearest_name(name, names)
        shown = ", ".join(names[:most]) + (", ..." if len(names) > most else "")
        hint = "" if close is not None else f"; known: {shown}" if names else "; there is none yet"
        message = f"unknown {what} {name!r}{hint}"
        super().__init__(message, field=field, value=name, nearest=close)


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name` (case is ignored), or None where nothing is like it, or it is too long to be one
    (`LONGEST_NAME`), or enough were looked for in this task (`few_nearest`)."""
    if len(name) > LONGEST_NAME:
        return None
    left = _LEFT.get()
    if left is not None:
        if not left[0]:
            return None
        left[0] -= 1
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    return by_lower[close[0]] if close else None


@contextmanager
def few_nearest(most: int) -> Iterator[None]:
    """Within the block at most so many nearest names are looked for: each takes up to a millisecond."""
    token = _LEFT.set([most])
    try:
        yield
    finally:
        _LEFT.reset(token)


class LogError(OrderwrightError):
    """The log cannot be used as asked."""


class LogDamaged(LogError):
    """A row of the log was changed, lost or reordered, or the file is not a log."""


class LogNewer(LogError):
    """The log was written by a newer version of the program."""


class LogLocked(LogError):
    """Another process holds the log's lease."""


class LogFenced(LogError):
    """Another process has written to the book since: this one is stale and must stop."""


class CommitFailed(LogError):
    """A commit failed. Nothing after the last good commit is durable, and nothing of it was sent."""


class VenueError(OrderwrightError):
    """What a venue did with a request."""


class Refused(VenueError):
    """The venue said no; the outcome is known. `code` is the venue's own."""

    def __init__(self, message: str, code: str = "") -> None:
        self.code = code
        super().__init__(message)


class Unreachable(VenueError):
    """No answer from the venue: whether the request was carried out is not known."""


class ServiceError(OrderwrightError):
    """What a running service did with a request."""


class ServiceRefused(ServiceError):
    """The service let us not in (the key, its scope) or not now (busy, too often): nothing was done. status: of
    HTTP."""

    def __init__(self, message: str, status: int) -> None:
        self.status = status
        super().__init__(message)


class ServiceLost(ServiceError):
    """The service did not answer. may_exist: whether it may have done what it was asked; asking again is safe."""

    def __init__(self, message: str, *, may_exist: bool) -> None:
        self.may_exist = may_exist
        super().__init__(message)


__all__ = [
    "CommitFailed",
    "InputError",
    "LogDamaged",
    "LogError",
    "LogFenced",
    "LogLocked",
    "LogNewer",
    "OrderwrightError",
    "Refused",
    "ServiceError",
    "ServiceLost",
    "ServiceRefused",
    "UnknownName",
    "Unreachable",
    "VenueError",
    "few_nearest",
    "nearest_name",
]
