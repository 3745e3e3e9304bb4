"""A strategy's thread: what it does there keeps nobody else waiting, and does not keep the process from ending."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
_Work = tuple[Callable[[], Any], Callable[[Any, BaseException | None], None]]


class Worker:
    """Made on the event loop's thread. `call` is for that thread, `look` and `wait_for` are for the strategy's."""

    def __init__(self, name: str) -> None:
        self._loop, self._home = asyncio.get_running_loop(), threading.get_ident()
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"strategy {name}", daemon=True)
        self._thread.start()

    @property
    def is_home(self) -> bool:
        """Whether this is the event loop's thread."""
        return threading.get_ident() == self._home

    async def call(self, work: Callable[[], T]) -> T:
        """Do something on the strategy's thread, after what was given to it before; what it returns or raises."""
        future: asyncio.Future[T] = self._loop.create_future()

        def done(found: Any, error: BaseException | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(found)
            else:
                future.set_exception(error)

        self._queue.put((work, done))
        return await future

    def look(self, at: Callable[[], T]) -> T:
        """What a function finds on the event loop's thread, where nothing changes meanwhile."""
        if self.is_home:
            return at()
        future: Future[T] = Future()

        def find() -> None:
            try:
                future.set_result(at())
            except BaseException as error:  # noqa: BLE001  # it is the strategy's thread that asked
                future.set_exception(error)

        self._loop.call_soon_threadsafe(find)
        return future.result()

    def wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """What a coroutine comes to on the event loop."""
        assert not self.is_home, "the event loop cannot wait for itself"
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:  # the event loop is closed
            work.close()
            raise
        return future.result()

    def close(self) -> None:
        """Take nothing more. The thread ends with what it is doing; nobody waits for that."""
        self._queue.put(None)

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            work, done = item
            found: Any = None
            error: BaseException | None = None
            try:
                found = work()
            except BaseException as raised:  # noqa: BLE001  # `call` raises it where somebody hears it
                error = raised
            try:
                self._loop.call_soon_threadsafe(done, found, error)
            except RuntimeError:  # the event loop is closed: nobody hears it any more
                return


__all__ = ["Worker"]
