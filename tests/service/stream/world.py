"""A service's stream as a client meets it: a real server on a free port of 127.0.0.1, a real log, and time by hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from fastapi import FastAPI
from msgspec import Struct
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect

from orderwright.core import messages as m
from orderwright.core.ids import order_id_of
from orderwright.core.model import Account, Instruction, OrderSide, OrderType
from orderwright.engine import Engine
from orderwright.journal import MemoryJournal, open_log
from orderwright.live.book import LiveBook
from orderwright.live.desk import Desk
from orderwright.live.loop import CommitInThread, LiveLoop
from orderwright.ports import Journal
from orderwright.service.parts import Call, Principal, Problem, Result, Service
from orderwright.service.routing import Route
from orderwright.service.stream import mount
from orderwright.service.stream.mounting import Stream
from orderwright.service.stream.protocol import UVICORN
from orderwright.simulation.exchange import SimulatedExchange
from orderwright.simulation.models import Models
from tests.face.builders import SHOWN, some_market
from tests.simulation.builders import MINUTE

KEYS = {
    "alice-key": Principal(user="alice", scope="trade", books=frozenset({"main", "second"}), key_id="a"),
    "bob-key": Principal(user="bob", scope="read", books=frozenset({"bobs"}), key_id="b"),
    "chief-key": Principal(user="chief", scope="admin", books=None, key_id="c"),
}


class HandClock:
    def __init__(self) -> None:
        self.time = SHOWN

    def now(self) -> int:
        return self.time


class Doorman:
    """Knows KEYS; those in `revoked` are good no longer, those in `spent` have asked too often."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.revoked: set[str] = set()
        self.spent: set[str] = set()

    def admit(self, key: str, socket: WebSocket) -> Principal:
        if key not in KEYS:
            raise Problem(401, "no_key", "no valid key")
        return KEYS[key]

    def spend(self, principal: Principal) -> None:
        if principal.key_id in self.spent:
            raise Problem(429, "too_many", "too often", headers={"Retry-After": "2"})

    def still(self, principal: Principal) -> bool:
        return principal.key_id not in self.revoked

    def books_of(self, principal: Principal) -> list[str]:
        return [book for book in self._desk.books if principal.sees(book)]


class Buy(Struct, forbid_unknown_fields=True):
    quantity: Decimal
    price: Decimal
    number: int


class Buys(Struct, forbid_unknown_fields=True):
    orders: list[Buy]


class World:
    """books: of the desk, each with an account that has money. `routes` stand for those of REST."""

    def __init__(self, journal: Journal, books: tuple[str, ...] = ("main", "second", "bobs")) -> None:
        self.journal, self.clock = journal, HandClock()
        self.desk = Desk(journal)
        for name in books:
            engine = Engine(
                name,
                self.desk.journal,
                {"simulated": SimulatedExchange([some_market()], Models())},
                start=SHOWN,
            )
            engine.tell(
                [
                    m.OpenAccount(account=Account(account="main")),
                    m.DefineInstrument(instrument=some_market().instrument),
                    m.MoveCash(account="main", asset="USDT", amount=Decimal(10_000_000)),
                ]
            )
            self.desk.open(LiveBook(engine))
        self.committer = CommitInThread()
        self.loop = LiveLoop(self.desk, clock=self.clock, committer=self.committer)
        self.service = Service(self.desk, self.loop)
        self.doorman = Doorman(self.desk)
        self.routes = [
            Route("POST", "/api/orders/create", self._create, scope="trade", body=Buy),
            Route("POST", "/api/orders/batch", self._batch, scope="trade", body=Buys),
            Route("POST", "/api/orders/{order_id}/cancel", self._cancel, scope="trade"),
        ]
        self.stream: Stream
        self.port = 0

    async def buy(self, number: int, price: int = 100, quantity: int = 1, book: str = "main") -> str:
        """A limit order; at 100 or more the next minutes fill it."""
        return str((await self._buy(Buy(Decimal(quantity), Decimal(price), number), book))["client_order_id"])

    async def _buy(self, said: Buy, book: str = "main") -> dict[str, Any]:
        instruction = Instruction(
            order_id=order_id_of(SHOWN, book, "main", str(said.number)),
            account="main",
            symbol="BTC/USDT",
            side=OrderSide.BUY,
            type=OrderType.LIMIT,
            quantity=said.quantity,
            price=said.price,
        )
        answer = await self.loop.ask(book, m.SubmitOrder(instruction=instruction))
        assert answer.order is not None
        return {"client_order_id": instruction.order_id, "status": answer.order.status, "sequence": answer.sequence}

    async def _create(self, call: Call[Buy, None]) -> Result:
        return Result(status=201, body=await self._buy(call.body))

    async def _batch(self, call: Call[Buys, None]) -> dict[str, Any]:
        return {"orders": list(await asyncio.gather(*map(self._buy, call.body.orders)))}

    async def _cancel(self, call: Call[None, None]) -> dict[str, Any]:
        answer = await self.loop.ask("main", m.CancelOrder(order_id=call.path["order_id"]))
        if answer.order is None:
            raise Problem(404, "no_order", "there is no such order", field="order_id", value=call.path["order_id"])
        return {"status": answer.order.status}

    async def pass_minutes(self, minutes: int = 1) -> None:
        """The market goes on, and what happens is durable."""
        self.clock.time += minutes * MINUTE
        for book in self.desk.books:
            self.loop.look_at(book)
        await until(lambda: self.desk.is_idle and not self.desk.wants(self.clock.time))
        await self.loop.settled()

    def log(self, book: str = "main") -> list[tuple[int, str]]:
        """(sequence, kind) of all that is durable."""
        return [(sequence, m.kind_of(event)) for sequence, event in self.journal.events(book)]

    @contextlib.asynccontextmanager
    async def client(self, key: str = "alice-key", **options: Any) -> AsyncIterator[Client]:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        words: dict[str, Any] = {"additional_headers": headers, "max_size": None, "proxy": None}
        async with connect(f"ws://127.0.0.1:{self.port}/api/stream", **(words | options)) as socket:
            yield Client(socket)


class Client:
    """A client that reads JSON."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, **words: Any) -> None:
        await self.socket.send(msgspec.json.encode(words).decode())

    async def hear(self) -> dict[str, Any]:
        said: dict[str, Any] = msgspec.json.decode(await self.socket.recv())
        return said

    async def hear_until(self, book: str, sequence: int) -> list[dict[str, Any]]:
        """Events, up to this one."""
        found: list[dict[str, Any]] = []
        while not found or (found[-1]["book"], found[-1]["sequence"]) != (book, sequence):
            said = await self.hear()
            assert said["type"] == "event", said
            found.append(said)
        return found

    async def subscribe(self, **words: Any) -> dict[str, Any]:
        """The answer to it."""
        await self.say(op="subscribe", **words)
        return await self.hear()


async def until(happened: Callable[[], bool]) -> None:
    """Let the world go on until it has happened."""
    while not happened():  # noqa: ASYNC110  # nothing tells it
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def a_world(path: Path | None = None, **server: Any) -> AsyncIterator[World]:
    """Everything runs until the block ends. path: of the log; None: memory."""
    journal: Journal = MemoryJournal() if path is None else open_log(path)
    world = World(journal)
    app = FastAPI()
    world.stream = mount(app, world.service, world.doorman, world.routes)
    options: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": 0,
        "log_level": "error",
        "lifespan": "off",
        "timeout_graceful_shutdown": 1,
    }
    running = asyncio.create_task(world.loop.run())
    serving = _Quiet(uvicorn.Config(app, **(options | UVICORN | server)))
    served = asyncio.create_task(serving.serve())
    try:
        await until(lambda: serving.started)
        world.port = serving.servers[0].sockets[0].getsockname()[1]
        await world.loop.settled()
        yield world
    finally:
        serving.should_exit = True
        await served
        world.loop.stop()
        await running
        world.stream.close()
        world.committer.close()
        journal.close()


class _Quiet(uvicorn.Server):
    """Leaves the signals to the test run."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


__all__ = ["KEYS", "Client", "World", "a_world", "until"]
