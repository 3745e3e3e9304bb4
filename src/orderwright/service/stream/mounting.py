"""/api/stream: who may come in, how many, and the socket's own protocol."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from fastapi import FastAPI
from starlette.websockets import WebSocket

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
        service.desk.watchers.append(self.tails)
        self._open = 0
        self._of_key: Counter[str] = Counter()

    async def serve(self, socket: WebSocket) -> None:
        """One connection, until it ends."""
        if self._open >= w.MAX_CONNECTIONS:
            await socket.accept()
            await close(socket, w.TOO_MANY, "too many connections")
            return
        counted: list[str] = []

        def count(principal: Principal) -> None:
            key = principal.key_id or principal.user
            if self._of_key[key] >= w.MAX_OF_ONE_KEY:
                raise Problem(429, "too_many", f"a key may have {w.MAX_OF_ONE_KEY} connections")
            self._of_key[key] += 1
            counted.append(key)

        self._open += 1
        try:
            await Connection(socket, self._service, self._admits, self._routes, self.tails, self._pages).run(count)
        finally:
            self._open -= 1
            for key in counted:
                self._of_key[key] -= 1
                if not self._of_key[key]:
                    del self._of_key[key]

    def close(self) -> None:
        """The service has ended: no more is read from its log."""
        self.tails.close()
        if self.tails in self._service.desk.watchers:
            self._service.desk.watchers.remove(self.tails)
        self._pages.close()


def mount(app: FastAPI, service: Service, admits: Admits, routes: Iterable[Route]) -> Stream:
    """Serve the stream at PATH. routes: those of REST, through which its orders go. To be closed when the service
    ends."""
    stream = Stream(service, admits, routes)
    app.add_api_websocket_route(PATH, stream.serve)
    return stream


__all__ = ["PATH", "Stream", "mount"]
