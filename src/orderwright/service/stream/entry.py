"""Orders over the stream: each message is the REST request of the same name, through the same handler.

    {"op": "create", "id": 1, "body": {"symbol": "BTC/USDT", "side": "buy", "quantity": "0.01"}}
    {"op": "batch", "id": 2, "body": {"orders": [...]}}
    {"op": "cancel", "id": 3, "order": "0199...", "body": {}}
    {"op": "amend", "id": 4, "order": 17, "body": {"price": "50000"}}

    {"type": "answer", "id": 1, "status": 200, "ok": {...}}    or "problem": {...}, as over REST

Messages of one connection are begun in their order, many at once: the next is begun when the one before has put its
commands or waits for something. Each is answered when it is durable. What was sent and not answered when a connection
breaks may have been taken: send it again under its idempotency key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from orderwright.service.parts import Call, Principal, Problem, Result, Service
from orderwright.service.problems import problem_of
from orderwright.service.reading import decode
from orderwright.service.routing import Route
from orderwright.service.stream import words as w

PATHS = {
    "create": ("POST", "/api/orders/create"),
    "batch": ("POST", "/api/orders/batch"),
    "cancel_all": ("POST", "/api/orders/cancel-all"),
    "cancel": ("POST", "/api/orders/{order_id}/cancel"),
    "amend": ("POST", "/api/orders/{order_id}/amend"),
}
"""The REST route of each op."""

Routes = Mapping[str, Route]


def routes_of(routes: Iterable[Route]) -> Routes:
    """By op: the routes that orders over the stream go through."""
    by_path = {(route.method, route.path): route for route in routes}
    return {op: by_path[path] for op, path in PATHS.items() if path in by_path}


class OrderEntry:
    """The orders of one connection. tell: sends an answer. spend: counts a message, raising Problem for one too many.
    request: handed to the handlers for its headers."""

    def __init__(
        self,
        service: Service,
        principal: Principal,
        routes: Routes,
        request: Any,
        tell: Callable[[w.Out], None],
        spend: Callable[[], None],
    ) -> None:
        self._service, self._principal, self._routes = service, principal, routes
        self._request, self._tell, self._spend = request, tell, spend
        self._room = asyncio.Semaphore(w.MAX_IN_FLIGHT)
        self._running: set[asyncio.Task[None]] = set()

    async def take(self, said: w.Entry) -> None:
        """Begin one; waits while too many are not answered."""
        await self._room.acquire()
        task = asyncio.create_task(self._answer(said, str(said.__struct_config__.tag)))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def end(self) -> None:
        """The connection has gone: what was begun goes on, nobody is told."""
        self._tell = _nobody

    async def _answer(self, said: w.Entry, op: str) -> None:
        try:
            self._tell(await self._do(said, op))
        except Exception as error:  # noqa: BLE001  # whatever it is, the sender gets a problem and the stream goes on
            problem = problem_of(error)
            self._tell(w.Answered(id=said.id, status=problem.status, problem=w.told(problem)))
        finally:
            self._room.release()

    async def _do(self, said: w.Entry, op: str) -> w.Answered:
        self._spend()
        route = self._routes.get(op)
        if route is None:
            raise Problem(404, "not_here", f"{op} is not served here", field="op", value=op)
        if route.scope is not None and not self._principal.may(route.scope):
            raise Problem(403, "scope", f"this key may {self._principal.scope}; {op} needs {route.scope}", field="op")
        body = None if route.body is None else decode(bytes(said.body), route.body)
        path = {"order_id": str(said.order)} if isinstance(said, w.Cancel | w.Amend) else {}
        call: Call[Any, Any] = Call(
            service=self._service,
            principal=self._principal,
            body=body,
            query=None if route.query is None else route.query(),
            path=path,
            request=self._request,
        )
        found = await route.handler(call)
        result = found if isinstance(found, Result) else Result(body=found)
        return w.Answered(id=said.id, status=result.status, ok=result.body)


def _nobody(said: w.Out) -> None:
    """Where answers go when the connection has gone."""


def encoded(said: w.Out) -> str:
    """What is sent, as text."""
    return msgspec.json.encode(said).decode()


__all__ = ["PATHS", "OrderEntry", "Routes", "encoded", "routes_of"]
