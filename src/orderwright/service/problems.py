"""Errors as RFC 9457 problem documents: what is wrong, in which field, with which value, and what would pass."""

from __future__ import annotations

import errno
import sqlite3

import msgspec
from starlette.responses import Response

from orderwright.core.reasons import Refusal
from orderwright.errors import CommitFailed, InputError, LogError, LogFenced, UnknownName
from orderwright.live.desk import Busy, Stopping
from orderwright.service.parts import Problem

MEDIA_TYPE = "application/problem+json"
TITLES = {
    400: "Bad request",
    401: "No valid key",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "Conflict",
    413: "Too large",
    414: "Address too long",
    415: "Unsupported media type",
    422: "Refused",
    429: "Too many requests",
    431: "Headers too large",
    500: "Fault of ours",
    503: "Busy",
}


def problem_of(error: Exception) -> Problem:
    """Any error as what the caller may know of it: never a trace, never a secret."""
    match error:
        case Problem():
            return error
        case UnknownName():
            return Problem(
                422, "unknown_name", error.message, field=error.field, value=error.value, nearest=error.nearest
            )
        case InputError():
            return Problem(422, "invalid", error.message, field=error.field, value=error.value, nearest=error.nearest)
        case Busy():
            return Problem(503, "busy", str(error), headers={"Retry-After": str(error.retry_after)})
        case Stopping() | CommitFailed() | LogFenced():
            return Problem(503, "stopping", "the service is stopping", headers={"Retry-After": "5"})
        case LogError():
            return Problem(503, "log", "the log cannot be used now", headers={"Retry-After": "5"})
        case OSError(errno=errno.EMFILE | errno.ENFILE):
            detail = "too many connections and files are open here now; try again"
            return Problem(503, "busy", detail, headers={"Retry-After": "5"})
        case sqlite3.OperationalError() if "unable to open" in str(error):  # as it says that no file can be opened now
            return Problem(503, "log", "the log cannot be used now", headers={"Retry-After": "5"})
        case _:
            return Problem(500, "fault", "something went wrong here; it was logged")


def refused(refusal: Refusal, status: int = 422) -> Problem:
    """A refusal of the core as a problem."""
    return Problem(
        status,
        refusal.code,
        refusal.rule,
        field=refusal.field or None,
        value=refusal.value or None,
        nearest=refusal.nearest,
        extra={"number": int(refusal.reason)},
    )


def described(problem: Problem) -> dict[str, object]:
    """A problem as its document says it."""
    said: dict[str, object] = {
        "type": f"urn:orderwright:{problem.code}",
        "title": TITLES.get(problem.status, "Error"),
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
    }
    for name in ("field", "value", "nearest"):
        value = getattr(problem, name)
        if value is not None:
            said[name] = value if isinstance(value, str | int | bool) else str(value)[:200]
    return said | problem.extra


def path_shown(path: str) -> str:
    """A path as it may be logged: the token in a webhook's is a secret."""
    before, webhook, token = path.partition("/tradingview/webhook/")
    return f"{before}{webhook}***" if token else path


def respond(problem: Problem) -> Response:
    """The answer for a problem."""
    return Response(
        msgspec.json.encode(described(problem)),
        status_code=problem.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


__all__ = ["MEDIA_TYPE", "TITLES", "described", "path_shown", "problem_of", "refused", "respond"]
