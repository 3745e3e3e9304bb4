"""GET /health: does the process live? GET /ready: is what is asked taken in and made durable?

Neither needs a key, and neither names a book, a user or a figure. /health looks at nothing; /ready is 503 while the
service starts, stops, or has failed. With little free disk space it is still ready (cancels and closes go through), and
says so.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from orderwright import __version__
from orderwright.service.parts import Call, Result
from orderwright.service.routing import Route


class Alive(Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: Literal["alive"] = "alive"
    version: str = __version__


class Readiness(Struct, frozen=True, kw_only=True):
    """ready: orders are taken in and made durable. status: why not. disk_low: books are set REDUCING for want of disk
    space."""

    ready: bool
    status: Literal["ready", "starting", "stopping", "failed"]
    disk_low: bool = False


async def health(call: Call[None, None]) -> Alive:  # noqa: ARG001  # a handler's signature
    """Whether the process lives."""
    return Alive()


async def ready(call: Call[None, None]) -> Readiness | Result:
    """Whether orders are taken in."""
    said = readiness(call.service)
    return said if said.ready else Result(status=503, body=said, headers={"Retry-After": "1"})


def readiness(service: Any) -> Readiness:
    """How a service stands."""
    guard = service.loop.guard
    disk_low = guard is not None and guard.is_short
    if service.desk.failure is not None:
        return Readiness(ready=False, status="failed", disk_low=disk_low)
    if service.ready and service.loop.is_ready:
        return Readiness(ready=True, status="ready", disk_low=disk_low)
    return Readiness(ready=False, status="stopping" if service.stopping else "starting", disk_low=disk_low)


ROUTES = [
    Route("GET", "/health", health, scope=None, answers={200: Alive}, summary="Does the process live?", tag="service"),
    Route(
        "GET",
        "/ready",
        ready,
        scope=None,
        answers={200: Readiness, 503: Readiness},
        summary="Are orders taken in and made durable?",
        tag="service",
    ),
]
