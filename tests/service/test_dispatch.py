"""Finding a route by a look-up: what Starlette's own patterns find, and nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.routing import Match
from starlette.routing import Route as Served
from starlette.types import ASGIApp, Receive, Scope, Send

from orderwright.service.app import every_route
from orderwright.service.dispatch import Dispatch
from orderwright.service.routing import Route

ROUTES = every_route()
WORDS = ("list", "12", "main", "a b", "x.y", "%41", "")


def served_as(name: str) -> ASGIApp:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"name": name, "params": scope.get("path_params", {})})

    return serve


async def found_at(dispatch: Dispatch, scope: Scope) -> dict[str, Any]:
    said: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("nothing is read to find a route")

    async def send(message: Any) -> None:
        said.append(message)

    await dispatch(scope, receive, send)
    return dict(said[0])


def by_patterns(method: str, path: str) -> dict[str, Any]:
    """What Starlette finds: routes without parameters come first."""
    scope = {"type": "http", "method": method, "path": path}
    for route in sorted(ROUTES, key=lambda one: one.path.count("{")):
        match, more = Served(route.path, served_as(""), methods=[route.method]).matches(scope)
        if match is Match.FULL and method == route.method:
            return {"name": f"{route.method} {route.path}", "params": more["path_params"]}
    return {"name": "the rest", "params": {}}


def by_look_up(method: str, path: str) -> dict[str, Any]:
    routes = [(one.method, one.path, served_as(f"{one.method} {one.path}")) for one in ROUTES]
    scope = {"type": "http", "method": method, "path": path}
    return asyncio.run(found_at(Dispatch(served_as("the rest"), routes), scope))


@pytest.mark.parametrize("route", ROUTES, ids=lambda one: f"{one.method} {one.path}")
def test_every_route_is_found_as_by_its_pattern_and_what_is_like_it_too(route: Route) -> None:
    paths = [route.path, route.path + "/", route.path + "/more", route.path.rpartition("/")[0], "/" + route.path]
    for word in WORDS:
        filled = "/".join(word if part.startswith("{") else part for part in route.path.split("/"))
        paths += [filled, filled + "/", f"{filled}/{word}"]
    for path in paths:
        for method in ("GET", "POST", "HEAD", "OPTIONS", "DELETE"):
            assert by_look_up(method, path) == by_patterns(method, path), (method, path)


def test_a_socket_goes_to_the_application_behind_it() -> None:
    dispatch = Dispatch(served_as("the rest"), [("GET", "/api/stream", served_as("a route"))])
    scope = {"type": "websocket", "path": "/api/stream"}
    assert asyncio.run(found_at(dispatch, scope)) == {"name": "the rest", "params": {}}
