"""The FastAPI application of a service: its routes, its stream, its OpenAPI document, and the edge around them."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from orderwright import __version__
from orderwright.service import describing, health, metrics, people, stream
from orderwright.service.admission import Admission
from orderwright.service.dispatch import Dispatch
from orderwright.service.edge import Edge
from orderwright.service.parts import Problem, Service
from orderwright.service.problems import path_shown, respond
from orderwright.service.routing import Route, install

if TYPE_CHECKING:
    from orderwright.config.schema import Configuration

_ELSEWHERE = (
    "orderwright.service.orders.routes",
    "orderwright.service.questions.routes",
    "orderwright.service.tradingview.routes",
    "orderwright.service.stream.log",
    "orderwright.service.strategy.routes",
)
_NEEDED = (
    "orderwright.analytics.portfolio",
    "orderwright.analytics.summary",
    "orderwright.analytics.windows",
    "orderwright.service.docs_page",
)
"""What routes import when they are first asked: there at the start, when files can still be opened."""


class App:
    """asgi: what a server is given. routes: all of them. stream: to be closed when the service has ended."""

    def __init__(self, service: Service) -> None:
        keys: Configuration = service.config
        for name in _NEEDED:
            import_module(name)
        self.routes = every_route()
        self.admission = Admission(
            service.keys,
            service.books,
            service.clock,
            needs_key=keys.service.auth,
            per_minute=keys.service.requests_per_minute,
        )
        self.fastapi = FastAPI(
            title="Orderwright",
            version=__version__,
            openapi_url=None,  # described from the table of routes: see describing.py
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            exception_handlers={HTTPException: _no_such},
        )
        served = [*self.routes, *describing.routes(self.routes)]
        installed = install(self.fastapi, service, served, self.admission)
        self.stream = stream.mount(self.fastapi, service, self.admission, self.routes)
        self.asgi = Edge(
            _with_origins(Dispatch(self.fastapi, installed), keys.service.cors_origins),
            max_body_bytes=keys.service.max_body_bytes,
            own_names_only=not keys.service.auth,
            origins=keys.service.cors_origins,
        )

    def close(self) -> None:
        """The service has ended."""
        self.stream.close()


def every_route() -> list[Route]:
    """The table of routes, all modules together."""
    tables: Iterable[list[Route]] = (import_module(name).ROUTES for name in _ELSEWHERE)
    return [route for table in (health.ROUTES, people.ROUTES, metrics.ROUTES, *tables) for route in table]


def _with_origins(app: ASGIApp, origins: list[str]) -> ASGIApp:
    """CORS, where pages of other origins are configured; no header of it otherwise."""
    if not origins:
        return app
    from starlette.middleware.cors import CORSMiddleware

    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "X-API-Key", "Idempotency-Key"],
        expose_headers=["Retry-After", "X-Request-ID"],
        max_age=600,
    )


async def _no_such(request: Request, error: Exception) -> Response:
    """404 and 405 as problem documents; OPTIONS says what may be done."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = ", ".join(methods_at(request))
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": allowed})
        detail = f"{path_shown(request.url.path)} takes {allowed}"
        return respond(Problem(405, "method", detail, field="method", value=request.method, headers={"Allow": allowed}))
    if error.status_code == 404:
        detail = "nothing is at this address; /docs lists what there is"
        return respond(Problem(404, "no_such_address", detail, field="path", value=path_shown(request.url.path)[:200]))
    return respond(Problem(error.status_code, "http", str(error.detail)))


def methods_at(request: Request) -> list[str]:
    """Every method that some route of this path takes."""
    found = {"OPTIONS"}
    for route in request.app.router.routes:
        pattern = getattr(route, "path_regex", None)
        if pattern is not None and pattern.match(request.scope["path"]):
            found |= getattr(route, "methods", None) or set()
    return sorted(found)


__all__ = ["App", "every_route"]
