"""Routes as a table: path, scope, what comes in, what goes out. FastAPI serves them; the OpenAPI page is made of them.

    ROUTES = [Route("POST", "/api/orders/create", create, scope="trade", body=CreateOrder, answers={200: OrderView})]

A handler is `async def create(call: Call[CreateOrder, None]) -> OrderView | Result`; it raises `Problem`, or any error
of orderwright.errors. Reading, scope, limits and answering are done here, the same for all.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec
from fastapi import FastAPI
from msgspec import Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as Served
from starlette.types import Receive, Scope, Send

from orderwright.service.large import LARGE, Waiting
from orderwright.service.parts import Call, Principal, Problem, Result, Service
from orderwright.service.problems import path_shown, problem_of, respond
from orderwright.service.reading import convert, decode, single

Handler = Callable[[Call[Any, Any]], Awaitable[Any]]
Authenticate = Callable[[Request, "Route"], Awaitable[Principal]]
_LOG = logging.getLogger("orderwright.service")


class Route(Struct, frozen=True):
    """One thing that can be asked. scope: what the key needs; None for what needs no key (it sees to that itself).
    body, query: records. answers: by status, the record that is answered with. example: of the body. raw: the handler
    reads the body itself."""

    method: str
    path: str
    handler: Handler
    scope: str | None = "read"
    body: type[Struct] | None = None
    query: type[Struct] | None = None
    answers: Mapping[int, Any] = msgspec.field(default_factory=lambda: {200: None})
    summary: str = ""
    example: Any = None
    raw: bool = False
    tag: str = ""


def install(
    app: FastAPI, service: Service, routes: Iterable[Route], authenticate: Authenticate
) -> list[tuple[str, str, Endpoint]]:
    """Serve the routes; a path without a parameter comes before one that it would fit. (method, path, what serves it)
    of each, for who finds them in another way (dispatch.py)."""
    installed, waiting = [], Waiting()
    for route in sorted(routes, key=lambda route: route.path.count("{")):
        endpoint = Endpoint(service, route, authenticate, waiting)
        app.router.routes.append(Served(route.path, endpoint, methods=[route.method]))
        installed.append((route.method, route.path, endpoint))
    return installed


class Endpoint:
    """One route as an ASGI application: FastAPI's own way of calling a function costs more than most of ours do."""

    def __init__(
        self, service: Service, route: Route, authenticate: Authenticate, waiting: Waiting | None = None
    ) -> None:
        self.service, self.route, self._authenticate = service, route, authenticate
        self._waiting = waiting if waiting is not None else Waiting()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001  # whatever it is, the caller gets a problem document and no trace
            response = respond(told(error, request))
        if len(response.body) > LARGE:
            await self._send_long(request, response, send)
        else:
            await response(scope, receive, send)

    async def _send_long(self, request: Request, response: Response, send: Send) -> None:
        """Refused where too much waits for who asked, unless something has been done."""
        who = request.scope.get("orderwright.key") or (request.client.host if request.client is not None else "")
        try:
            if self.route.scope in (None, "read"):
                self._waiting.check(who, len(response.body))
        except Problem as problem:
            await respond(problem)(request.scope, request.receive, send)
        else:
            await self._waiting.send(who, response, send)

    async def _answer(self, request: Request) -> Response:
        route = self.route
        principal = await self._authenticate(request, route)
        request.scope["orderwright.key"] = principal.key_id
        body = await _body(request, route)
        query = convert(single(request.query_params.multi_items()), route.query) if route.query is not None else None
        call: Call[Any, Any] = Call(
            service=self.service,
            principal=principal,
            body=body,
            query=query,
            path=dict(request.path_params),
            request=request,
        )
        return answer(await route.handler(call))


def told(error: Exception, request: Request) -> Problem:
    """What the caller may know of an error; a fault of ours is logged, and named by the id of the request."""
    problem = problem_of(error)
    if problem.status >= 500 and not isinstance(error, Problem) and problem.code == "fault":
        request_id = request.scope.get("orderwright.request_id", "")
        _LOG.error(
            "a fault of ours: %s %s (request %s)",
            request.method,
            path_shown(request.url.path),
            request_id,
            exc_info=error,
        )
        problem.extra = {**problem.extra, "request_id": request_id}
    return problem


async def _body(request: Request, route: Route) -> Any:
    if route.body is None or route.raw:
        return None
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and kind != "application/json" and not kind.endswith("+json"):
        detail = "the body is JSON: send `Content-Type: application/json`"
        raise Problem(415, "media_type", detail, field="Content-Type", value=kind[:80], nearest="application/json")
    raw = await request.body()
    if not raw.strip():
        raise Problem(400, "body_missing", "a JSON body is needed", field="body")
    return decode(raw, route.body)


def answer(said: Any) -> Response:
    """A handler's word as a response: JSON, money as strings."""
    if isinstance(said, Response):
        return said
    result = said if isinstance(said, Result) else Result(body=said)
    content = b"" if result.status == 204 else msgspec.json.encode(result.body)
    return Response(content, status_code=result.status, headers=result.headers, media_type="application/json")


__all__ = ["Authenticate", "Endpoint", "Route", "answer", "install", "told"]
