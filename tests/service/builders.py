"""A whole service in one process: a desk on a log, its loop, books and door, and a client of its REST routes.

    async with a_service(log=tmp_path / "log.sqlite") as running:
        answer = await running.post("/api/orders/create", {"symbol": "BTCUSDT", "side": "buy", "quantity": "0.001"})

Who asks is in a header of the test's own, so that every scope and book can be tried without keys.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.requests import Request

from orderwright.config.schema import Configuration
from orderwright.journal.memory import MemoryJournal
from orderwright.journal.sqlite import open_log
from orderwright.live.desk import Desk
from orderwright.live.loop import CommitInThread, LiveLoop
from orderwright.service.books import Books
from orderwright.service.door import Door
from orderwright.service.orders import routes as orders
from orderwright.service.parts import Principal, Problem, Service
from orderwright.service.questions import routes as questions
from orderwright.service.questions.execution import Execution
from orderwright.service.questions.reads import Reads
from orderwright.service.routing import Route, install
from tests.builders import NOW

ROUTES: list[Route] = [*orders.ROUTES, *questions.ROUTES]
WHO = "x-test-principal"
OPERATOR = Principal(user="main", scope="admin", books=None, key_id="operator")


class ByHand:
    """A clock that is set; it moves by a microsecond whenever it is read, as no two moments are the same."""

    def __init__(self, time: int = NOW) -> None:
        self.time = time

    def now(self) -> int:
        self.time += 1
        return self.time

    def pass_by(self, microseconds: int) -> None:
        """Let time pass."""
        self.time += microseconds


class Running:
    """A service that runs. client: sends what `as_who` names as its caller, the operator unless said."""

    def __init__(self, service: Service, client: httpx.AsyncClient, clock: ByHand) -> None:
        self.service, self.client, self.clock = service, client, clock

    async def get(self, path: str, *, as_who: Principal = OPERATOR, **query: object) -> httpx.Response:
        """A question."""
        return await self.client.get(path, params={k: str(v) for k, v in query.items()}, headers=_who(as_who))

    async def post(
        self,
        path: str,
        body: object = None,
        *,
        as_who: Principal = OPERATOR,
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        """A command."""
        said = content if content is not None else b"" if body is None else json.dumps(body).encode()
        return await self.client.post(path, content=said, headers={**_who(as_who), **(headers or {})})

    async def create(self, *, as_who: Principal = OPERATOR, **words: object) -> httpx.Response:
        """A resting limit order of a little Bitcoin, or what is said."""
        wanted = {"symbol": "BTC/USDT", "side": "buy", "order_type": "limit", "quantity": "0.001", "price": "20000"}
        given = {name: value for name, value in {**wanted, **words}.items() if value is not None}
        return await self.post("/api/orders/create", given, as_who=as_who)

    async def later(self, microseconds: int = 1_000_000) -> None:
        """Let time pass, and all that comes of it be durable."""
        self.clock.pass_by(microseconds)
        for name in list(self.service.desk.books):
            self.service.loop.look_at(name)
        desk, quiet = self.service.desk, 0
        while quiet < 3:
            await asyncio.sleep(0)
            await self.service.loop.settled()
            quiet = quiet + 1 if desk.is_idle and not desk.wants(self.clock.time) else 0


def _who(principal: Principal) -> dict[str, str]:
    books = None if principal.books is None else sorted(principal.books)
    return {WHO: json.dumps({"user": principal.user, "scope": principal.scope, "books": books})}


async def authenticate(request: Request, route: Route) -> Principal:
    """The caller of the test's header; 403 where the scope does not reach."""
    said = json.loads(request.headers[WHO])
    books = None if said["books"] is None else frozenset(said["books"])
    principal = Principal(user=said["user"], scope=said["scope"], books=books)
    if route.scope is not None and not principal.may(route.scope):
        raise Problem(403, "scope", f"this needs a key of scope {route.scope}", field="scope", value=principal.scope)
    return principal


def a_configuration(**sections: Any) -> Configuration:
    """The defaults, with whole sections as given."""
    return Configuration.model_validate(sections)


def a_user(name: str, *, scope: str = "trade", books: Iterable[str] | None = None) -> Principal:
    """Somebody who sees the book of their own name, or those named."""
    return Principal(user=name, scope=scope, books=frozenset([name] if books is None else books))


@asynccontextmanager
async def a_service(
    *,
    log: Path | None = None,
    configuration: Configuration | None = None,
    clock: ByHand | None = None,
    most_waiting: int = 10_000,
    routes: Iterable[Route] = (),
    **sections: Any,
) -> AsyncIterator[Running]:
    """A service that runs until the block ends. log: a file; None for memory. sections: of the configuration."""
    configuration = configuration or a_configuration(**sections)
    clock = clock or ByHand()
    journal = MemoryJournal() if log is None else open_log(log, clock=clock.now)
    desk = Desk(journal, most_waiting=most_waiting)
    books = Books(desk, configuration, clock)
    books.open()
    committer = CommitInThread()
    loop = LiveLoop(desk, clock=clock, committer=committer)
    books.loop = loop
    service = Service(desk, loop)
    params = configuration.order_params
    service.door = Door(loop, books, clock, order_type=params.default_order_type, time_in_force=params.time_in_force)
    service.reads, service.execution = Reads(loop, desk.journal), Execution(desk.journal)
    service.books, service.clock, service.config = books, clock, configuration
    app = FastAPI()
    install(app, service, [*ROUTES, *routes], authenticate)
    running = asyncio.create_task(loop.run())
    try:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield Running(service, client, clock)
    finally:
        loop.stop()
        await running
        service.reads.close()
        service.execution.close()
        committer.close()
        journal.close()
