"""An event loop of virtual time in one thread: nothing waits, one seed gives one history, and it can be cut
anywhere."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")


class Crash(SystemExit):
    """The process is gone: nothing of it runs on. A SystemExit, since asyncio lets no other error out."""


class _Jump:
    """Instead of waiting for sockets, time goes on to the next timer."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise AssertionError("everything waits, and nothing will ever happen")
        self._loop.at += timeout
        return []

    def close(self) -> None:
        """There is nothing to close."""


class VirtualLoop(asyncio.BaseEventLoop):
    """at: seconds since it began. steps: callbacks that have run, one for each await that went on and each timer;
    crash_at: the one at which all ends with Crash, before it does anything (0: never). on_crash: is called then, with
    everything as it was."""

    def __init__(self, crash_at: int = 0) -> None:
        super().__init__()
        self.at, self.steps, self.crash_at = 0.0, 0, crash_at
        self.on_crash: Callable[[], None] = lambda: None
        self._selector = _Jump(self)
        self.set_exception_handler(lambda _, context: self.errors.append(context))
        self.errors: list[dict[str, Any]] = []

    def time(self) -> float:
        return self.at

    def call_soon(  # type: ignore[override]  # any callback, with any arguments
        self, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        return super().call_soon(self._step, callback, *args, context=context)

    def call_at(  # type: ignore[override]  # the same
        self, when: float, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return super().call_at(when, self._step, callback, *args, context=context)

    def _step(self, callback: Callable[..., object], *args: object) -> None:
        self.steps += 1
        if self.steps == self.crash_at:
            raise Crash
        callback(*args)

    def _process_events(self, events: object) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps."""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it to its end, or to the crash; what is left of it then is dropped without a word."""
        try:
            return self.run_until_complete(work)
        except Crash:
            self.on_crash()
            raise
        finally:
            self.crash_at = 0
            for task in asyncio.all_tasks(self):
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                with contextlib.suppress(BaseException):
                    task.get_coro().close()
            self.close()


class VirtualClock:
    """The `Clock` of a virtual loop. start: microseconds at its beginning."""

    def __init__(self, loop: VirtualLoop, start: int) -> None:
        self._loop, self._start = loop, start

    def now(self) -> int:
        return self._start + round(self._loop.at * 1_000_000)


class VirtualCommitter:
    """Commits as a thread would, at times of its own. pause: seconds until a commit is done, and from there until it is
    heard of. crash_after: the number of the commit at whose end, before it is heard of, all ends with Crash (0: none).
    is_unheard: whether one is done, and was not heard of."""

    def __init__(self, loop: VirtualLoop, pause: Callable[[], float], crash_after: int = 0) -> None:
        self._loop, self._pause, self._crash_after = loop, pause, crash_after
        self.is_unheard = False

    def start(self, commit: Callable[[], None], ended: Callable[[BaseException | None], None]) -> None:
        def run() -> None:
            error: BaseException | None = None
            try:
                commit()
                self.is_unheard = True
                self._crash_after -= 1
                if self._crash_after == 0:
                    raise Crash
            except Exception as raised:  # noqa: BLE001  # as a thread's future keeps it
                error = raised
            self._loop.call_later(self._pause(), hear, error)

        def hear(error: BaseException | None) -> None:
            self.is_unheard = False
            ended(error)

        self._loop.call_later(self._pause(), run)

    def close(self) -> None:
        """There is no thread."""


class CommitByHand:
    """Commits when the test says so."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Callable[[], None], Callable[[BaseException | None], None]]] = []

    def start(self, commit: Callable[[], None], ended: Callable[[BaseException | None], None]) -> None:
        assert not self._waiting, "one commit at a time"
        self._waiting.append((commit, ended))

    @property
    def is_waiting(self) -> bool:
        return bool(self._waiting)

    def finish(self) -> None:
        """The commit that was begun is done, or fails, and is heard of."""
        commit, ended = self._waiting.pop()
        error: BaseException | None = None
        try:
            commit()
        except Exception as raised:  # noqa: BLE001  # as a thread's future keeps it
            error = raised
        ended(error)

    def close(self) -> None:
        """There is no thread."""
