"""/api/stream: who may come in, how many, and the socket's own protocol."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from fastapi import FastAPI
from starlette.websockets import WebSocket

from orderwright.core import messages as m
from orderwright.core.evolve import Changes
from orderwright.service.finding import SYSTEM
from orderwright.service.parts import Principal, Problem, Service
from orderwright.service.routing import Route
from orderwright.service.stream import words as w
from orderwright.service.stream.connection import Admits, Connection, close
from orderwright.service.stream.entry import routes_of
from orderwright.service.stream.pages import Pages
from orderwright.service.stream.tails import Tails

PATH = "/api/stream"


class Stream:
    """Every connection of a service."""

    def __init__(self, service: Service, admits: Admits, routes: Iterable[Route]) -> None:
        self._service, self._admits, self._routes = service, admits, routes_of(routes)
        self._pages = Pages(service.desk.journal)
        self.tails = Tails(service.desk, self._pages)
        service.desk.watchers += [self.tails, self]
        self._connections: set[Connection] = set()
        self._open = 0
        self._of_key: Counter[str] = Counter()
        self._strangers: Counter[str] = Counter()

    async def serve(self, socket: WebSocket) -> None:
        """One connection, until it ends. Until its key has come it is a stranger, of which there are few: they cannot
        take the places of those that have one."""
        one = Connection(socket, self._service, self._admits, self._routes, self.tails, self._pages)
        is_stranger = not one.known()
        address = socket.client.host if socket.client is not None else ""
        if is_stranger and not self._has_room_for(address):
            await socket.accept()
            await close(socket, w.TOO_MANY, "too many connections without a key: send it in the Authorization header")
            return
        counted: list[str] = []

        def end_stranger() -> None:
            nonlocal is_stranger
            if is_stranger:
                is_stranger = False
                _less(self._strangers, address)

        def count(principal: Principal) -> None:
            end_stranger()
            key = principal.key_id or principal.user
            if self._open >= w.MAX_CONNECTIONS:
                raise Problem(429, "too_many", "too many connections")
            if self._of_key[key] >= w.MAX_OF_ONE_KEY:
                raise Problem(429, "too_many", f"a key may have {w.MAX_OF_ONE_KEY} connections")
            self._of_key[key] += 1
            self._open += 1
            self._connections.add(one)
            counted.append(key)

        if is_stranger:
            self._strangers[address] += 1
        try:
            await one.run(count)
        finally:
            end_stranger()
            self._connections.discard(one)
            for key in counted:
                self._open -= 1
                _less(self._of_key, key)

    def _has_room_for(self, address: str) -> bool:
        of_one = self._strangers.get(address, 0)
        return of_one < w.MAX_STRANGERS_OF_ONE and self._strangers.total() < w.MAX_STRANGERS

    def close(self) -> None:
        """The service has ended: no more is read from its log."""
        self.tails.close()
        for watcher in (self.tails, self):
            if watcher in self._service.desk.watchers:
                self._service.desk.watchers.remove(watcher)
        self._pages.close()

    # What the desk tells a watcher

    def seen(self, book: str, sequence: int, event: m.AnyEvent, changes: Changes) -> None:
        """Not durable yet: of no interest."""

    def committed(self, reached: dict[str, int], rows: int, seconds: float) -> None:  # noqa: ARG002  # as the desk says it
        """A key may have been revoked: its connections are cut at once."""
        if SYSTEM in reached:
            for connection in list(self._connections):
                connection.look()

    def acted(self) -> None:
        """Of no interest here."""


def _less(counts: Counter[str], name: str) -> None:
    counts[name] -= 1
    if not counts[name]:
        del counts[name]


def mount(app: FastAPI, service: Service, admits: Admits, routes: Iterable[Route]) -> Stream:
    """Serve the stream at PATH. routes: those of REST, through which its orders go. To be closed when the service
    ends."""
    stream = Stream(service, admits, routes)
    app.add_api_websocket_route(PATH, stream.serve)
    return stream


__all__ = ["PATH", "Stream", "mount"]
