"""Routes as a table: path, scope, what comes in, what goes out. FastAPI serves them; the OpenAPI page is made of them.

    ROUTES = [Route("POST", "/api/orders/create", create, scope="trade", body=CreateOrder, answers={200: OrderView})]

A handler is `async def create(call: Call[CreateOrder, None]) -> OrderView | Result`; it raises `Problem`, or any error
of orderwright.errors. Reading, scope, limits and answering are done here, the same for all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec
from fastapi import FastAPI
from msgspec import Struct, field
from starlette.requests import Request
from starlette.responses import Response

from orderwright.service.parts import Call, Principal, Problem, Result, Service
from orderwright.service.problems import problem_of, respond
from orderwright.service.reading import convert, decode

Handler = Callable[[Call[Any, Any]], Awaitable[Any]]
Authenticate = Callable[[Request, "Route"], Awaitable[Principal]]


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
    answers: Mapping[int, Any] = field(default_factory=lambda: {200: None})
    summary: str = ""
    example: Any = None
    raw: bool = False
    tag: str = ""


def install(app: FastAPI, service: Service, routes: Iterable[Route], authenticate: Authenticate) -> None:
    """Serve the routes."""
    for route in routes:
        app.add_api_route(
            route.path,
            _endpoint(service, route, authenticate),
            methods=[route.method],
            name=route.handler.__name__,
            include_in_schema=False,  # described from the table
            response_model=None,
        )


def _endpoint(service: Service, route: Route, authenticate: Authenticate) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            principal = await authenticate(request, route)
            body = await _body(request, route)
            query = convert(dict(request.query_params), route.query) if route.query is not None else None
            call: Call[Any, Any] = Call(
                service=service,
                principal=principal,
                body=body,
                query=query,
                path=dict(request.path_params),
                request=request,
            )
            return answer(await route.handler(call))
        except Exception as error:  # noqa: BLE001  # whatever it is, the caller gets a problem document and no trace
            return respond(problem_of(error))

    return endpoint


async def _body(request: Request, route: Route) -> Any:
    if route.body is None or route.raw:
        return None
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


__all__ = ["Authenticate", "Route", "answer", "install"]
