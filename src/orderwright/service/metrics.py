"""GET /metrics, for Prometheus. It names books and money, so it needs an operator's key (`authorization: credentials`
in the scrape configuration)."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from orderwright.service.parts import Call, Problem
from orderwright.service.routing import Route

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def metrics(call: Call[Any, Any]) -> Response:
    """Every figure as it is now, all of it durable."""
    observing = call.service.observing
    if observing is None:
        raise Problem(503, "no_metrics", "the service keeps no metrics", headers={"Retry-After": "60"})
    await call.service.loop.settled()
    return Response(observing.metrics(), media_type=MEDIA_TYPE)


ROUTES = [
    Route(
        "GET",
        "/metrics",
        metrics,
        scope="admin",
        answers={200: str, 503: None},
        summary="Figures for Prometheus",
        tag="service",
    )
]
