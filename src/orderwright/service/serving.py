"""A service from its start to its end: uvicorn and the desk in one event loop of ours.

- The address is bound before the log is opened: an address that is taken leaves the log alone.
- SIGTERM or SIGINT: nothing more is accepted, requests and commits under way end within `stop_timeout_s`, and the
  process ends with 0. A second signal does not wait.
- What ends the desk (a commit that failed, another process that took the log over) ends the process, with 1 and a line.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import uvicorn

from orderwright.errors import InputError, OrderwrightError
from orderwright.service.patience import PatientProtocol
from orderwright.service.stream.protocol import UVICORN

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from orderwright.service.parts import Service

BACKLOG = 2_048
MOST_CONNECTIONS = 4_000
KEEP_ALIVE_S = 65
_LOG = logging.getLogger("orderwright.service")


class ServiceFailed(OrderwrightError):
    """A fault of ours has ended the service; the log lines have its trace."""


class _NotCutOff(logging.Filter):
    """Leaves out the trace of what was still under way when the time to stop was over: that is no fault."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


_NOT_CUT_OFF = _NotCutOff()


class Server(uvicorn.Server):
    """uvicorn's server, without its own way with signals. listening: is set when it takes connections."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        logging.getLogger("uvicorn.error").addFilter(_NOT_CUT_OFF)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(host: str, port: int) -> socket.socket:
    """A listening address. Raises InputError for one that cannot be had."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise InputError(f"is no address here: {error.strerror}", field="service.host", value=host) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        message = f"{host}:{port} cannot be listened on: {error.strerror}"
        raise InputError(message, field="service.port", value=port, nearest=0 if port else None) from None
    return listener


def address_of(listener: socket.socket) -> str:
    """Where a client finds it, as a URL."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def server_of(app: ASGIApp, *, stop_timeout_s: int, trusted_proxies: list[str]) -> Server:
    """uvicorn as we run it."""
    settings: dict[str, Any] = {
        **UVICORN,
        "http": PatientProtocol,
        "lifespan": "off",
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "proxy_headers": bool(trusted_proxies),
        "forwarded_allow_ips": trusted_proxies or None,
        "timeout_keep_alive": KEEP_ALIVE_S,
        "timeout_graceful_shutdown": stop_timeout_s,
        "limit_concurrency": MOST_CONNECTIONS,
        "backlog": BACKLOG,
    }
    return Server(uvicorn.Config(app, **settings))


class Life:
    """Serves until it is told to stop, or fails. told: is called once, when requests are taken in."""

    def __init__(self, service: Service, app: ASGIApp, listener: socket.socket) -> None:
        keys = service.config.service
        self._service, self._listener, self._limit = service, listener, float(keys.stop_timeout_s)
        self._server = server_of(app, stop_timeout_s=keys.stop_timeout_s, trusted_proxies=keys.trusted_proxies)
        self._stop = asyncio.Event()

    async def run(self, begin: Callable[[], Any], told: Callable[[], None]) -> None:
        """begin: a coroutine function, called when every book is recovered, before requests are taken in. Raises what
        has ended the service, or ServiceFailed for a fault of ours."""
        service = self._service
        desk = asyncio.create_task(service.loop.run(), name="desk")
        serving = asyncio.create_task(self._server.serve([self._listener]), name="server")
        stop = asyncio.create_task(self._stop.wait(), name="stop")
        try:
            with self._signals():
                start = asyncio.create_task(self._start(begin, told), name="start")
                await asyncio.wait({desk, serving, stop, start}, return_when=asyncio.FIRST_COMPLETED)
                if start.done() and start.exception() is None:
                    await asyncio.wait({desk, serving, stop}, return_when=asyncio.FIRST_COMPLETED)
                await self._end(desk, serving, start)
        finally:
            stop.cancel()
        for task in (desk, serving, start):
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                raise explained(error)

    def stop(self) -> None:
        """End in good order."""
        if self._stop.is_set():
            self._server.force_exit = True
        self._stop.set()

    async def _start(self, begin: Callable[[], Any], told: Callable[[], None]) -> None:
        await self._service.loop.started()
        await begin()
        await self._server.listening.wait()
        self._service.ready = True
        told()

    async def _end(self, desk: asyncio.Task[None], serving: asyncio.Task[None], start: asyncio.Task[None]) -> None:
        service = self._service
        service.ready, service.stopping = False, True
        if not start.done():
            start.cancel()
        if service.desk.failure is not None:
            self._server.force_exit = True
        self._server.should_exit = True
        loop = asyncio.get_running_loop()
        until = loop.time() + self._limit
        await asyncio.wait({serving}, timeout=self._limit + 1)
        service.loop.stop(max(until - loop.time(), 0.1))
        await asyncio.wait({desk, start}, timeout=self._limit + 1)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        caught = (signal.SIGTERM, signal.SIGINT)
        for one in caught:
            try:
                loop.add_signal_handler(one, self.stop)
            except (NotImplementedError, RuntimeError, ValueError):  # not on Windows, nor beside the main thread
                signal.signal(one, lambda *_: loop.call_soon_threadsafe(self.stop))
        try:
            yield
        finally:
            for one in caught:
                with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                    loop.remove_signal_handler(one)


def explained(error: BaseException) -> BaseException:
    """One line for what has ended the service; a fault of ours is logged with its trace."""
    if isinstance(error, OrderwrightError) or not isinstance(error, Exception):
        return error
    _LOG.error("a fault of ours has ended the service", exc_info=error)
    return ServiceFailed(f"a fault of ours has ended the service: {type(error).__name__}; what was committed is whole")


def runner() -> asyncio.Runner:
    """An event loop: uvloop's, where that runs."""
    if sys.platform == "win32":
        return asyncio.Runner()
    import uvloop

    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


__all__ = ["Life", "Server", "ServiceFailed", "address_of", "bind", "runner", "server_of"]
