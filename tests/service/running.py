"""A whole service as it is served, on a free port, for clients that wait for their answers: it runs on a thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from orderwright.bootstrap.serve import assembled
from orderwright.config import mapping
from orderwright.config.schema import Configuration
from orderwright.service.app import App
from orderwright.service.parts import Service
from orderwright.service.serving import Life, address_of, bind


class Served:
    """url: where it is. key: of the first user, who may do everything. `run`: on the service's thread."""

    def __init__(self, service: Service, url: str, loop: asyncio.AbstractEventLoop) -> None:
        self.service, self.url, self.key, self._loop = service, url, "", loop

    def run(self, work: Callable[[], Any]) -> Any:
        """The result of a coroutine function."""
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(20)

    def new_key(self, user: str, scope: str = "trade") -> str:
        """A key of a user, who is made if need be."""

        async def make() -> str:
            if not self.service.books.knows(user):
                await self.service.keys.add_user(user)
            return (await self.service.keys.issue(user, scope)).text

        made: str = self.run(make)
        return made

    def settle(self) -> None:
        """Let every book look at its exchanges, and all of that be durable."""

        async def look() -> None:
            for _ in range(4):
                for name in list(self.service.desk.books):
                    self.service.loop.look_at(name)
                await asyncio.sleep(0)
                await self.service.loop.settled()

        self.run(look)


class _Quiet(Life):
    """Leaves the signals to the test run."""

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def a_served(log: Path | None = None, **sections: Any) -> Iterator[Served]:
    """A service until the block ends. log: a file; None for memory. sections: of the configuration."""
    database = {"type": "memory"} if log is None else {"type": "sqlite", "path": str(log)}
    words = {"service": {"port": 0, "requests_per_minute": None}, "database": database} | sections
    configuration = Configuration.model_validate(words)
    told: dict[str, Any] = {}
    started = threading.Event()

    async def live() -> None:
        listener = bind("127.0.0.1", 0)
        with assembled(configuration, mapping.log_place(configuration)) as service:
            app = App(service)
            life = _Quiet(service, app.asgi, listener)
            told["served"] = Served(service, address_of(listener), asyncio.get_running_loop())
            told["life"] = life

            async def begin() -> None:
                await service.keys.settle_users()
                told["served"].key = (await service.keys.issue(service.books.first_user, "admin")).text

            try:
                await life.run(begin, started.set)
            finally:
                app.close()
                listener.close()

    def work() -> None:
        try:
            asyncio.run(live())
        except BaseException as error:
            told["error"] = error
            raise
        finally:
            started.set()

    thread = threading.Thread(target=work, name="service")
    thread.start()
    try:
        started.wait(20)
        if "error" in told or "served" not in told:
            raise told.get("error") or AssertionError("the service did not start")
        yield told["served"]
    finally:
        if "life" in told and thread.is_alive():
            served: Served = told["served"]
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                served._loop.call_soon_threadsafe(told["life"].stop)
        thread.join(20)


__all__ = ["Served", "a_served"]
