"""The desk by the clock, under asyncio.

    loop = LiveLoop(desk, clock=SystemClock(), committer=CommitOnThread())
    running = asyncio.create_task(loop.run())
    answer = await loop.ask("main", m.SubmitOrder(instruction=...))     # durable when this returns
    await loop.stop()

What it needs of the world is passed in: a clock, a committer, and the event loop's own timers (a loop of virtual time
runs it in one thread, one seed giving one history). `ask` answers with what was decided, once that is on disk; a reader
of the state waits for `settled` before it lets anything out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

from orderwright.core import messages as m
from orderwright.live.book import Answer
from orderwright.live.desk import Busy, Desk, Stopping
from orderwright.ports import Clock

LONGEST_PAUSE = 1.0
T = TypeVar("T")


class AsyncCommitter(Protocol):
    """Runs a commit, elsewhere or at once, and says when it has ended."""

    def start(self, commit: Callable[[], None], ended: Callable[[BaseException | None], None]) -> None:
        """Begin a commit; `ended` is called on the event loop's thread, with what it raised."""

    def close(self) -> None:
        """No more commits come."""


class CommitInThread:
    """One commit at a time on a thread of its own: a sync to disk holds no interpreter lock."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit")

    def start(self, commit: Callable[[], None], ended: Callable[[BaseException | None], None]) -> None:
        loop = asyncio.get_running_loop()

        def done(future: Future[None]) -> None:
            loop.call_soon_threadsafe(ended, future.exception())

        self._thread.submit(commit).add_done_callback(done)

    def close(self) -> None:
        self._thread.shutdown()


class LiveLoop:
    """Runs a desk until it is stopped or fails. stopwatch: seconds, for how long a commit takes."""

    def __init__(
        self,
        desk: Desk,
        *,
        clock: Clock,
        committer: AsyncCommitter,
        stopwatch: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.desk, self.clock = desk, clock
        self._committer, self._stopwatch = committer, stopwatch
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._committing = False
        self._began = 0.0
        self._stopping = False
        self._turns = 0
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    # What others ask of it

    async def ask(self, book: str, said: m.Input) -> Answer:
        """Decide one command; its answer, durable. Raises Busy, Stopping, UnknownName (nothing was taken), or what has
        ended the desk (whether it was taken, the log says)."""
        return await self.put(book, said)

    def put(self, book: str, said: m.Input) -> asyncio.Future[Answer]:
        """The same, as a future: several can be put before the first is awaited, and keep their order."""
        self._check()
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def told(answer: Answer | BaseException) -> None:
            if future.done():
                return
            if isinstance(answer, BaseException):
                future.set_exception(answer)
            else:
                future.set_result(answer)

        self.desk.put(book, said, told)
        self._wake.set()
        return future

    async def ask_all(self, book: str, commands: Iterable[m.Input]) -> list[Answer]:
        """Several commands, in their order, in one turn if they fit; all of their answers. Raises Busy, before any was
        taken, where there is not room for all of them."""
        said = list(commands)
        if self.desk.waiting + len(said) > self.desk.most_waiting:
            raise Busy(f"{self.desk.waiting} commands wait already; try again")
        return [await future for future in [self.put(book, one) for one in said]]

    async def read(self, look: Callable[[], T]) -> T:
        """What `look` finds in the newest state, once all of that is durable: what leaves the process is in the log."""
        found = look()
        await self.settled()
        return found

    async def settled(self) -> None:
        """Wait until all that was decided is durable and acted on. Raises what has ended the desk."""
        if self.desk.failure is not None:
            raise self.desk.failure
        if not self._committing and not self.desk.has_decided:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        wanted = self._turns + (2 if self._committing and self.desk.has_decided else 1)
        self._waiting.append((wanted, future))
        self._wake.set()
        await future

    def look_at(self, book: str) -> None:
        """An exchange has something to say: look at its book soon."""
        self.desk.look_at(book)
        self._wake.set()

    # Its life

    async def run(self) -> None:
        """Run until `stop`, or raise what has ended the desk (CommitFailed, LogFenced, or a fault of ours)."""
        try:
            while not (self._stopping and self._is_done()):
                self.step()
                await self._pause()
        except BaseException as error:
            self.desk.fail(error)
            self._release(error)
            raise
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def stop(self) -> None:
        """Take nothing more; `run` returns when what was taken is durable and acted on."""
        self._stopping = True
        self._wake.set()

    def step(self) -> None:
        """Decide what is there; begin a commit where none is under way."""
        desk = self.desk
        if desk.failure is not None:
            raise desk.failure
        now = self.clock.now()
        if desk.wants(now) and not desk.is_full:
            desk.decide(now)
        if not self._committing and desk.has_decided:
            self._began = self._stopwatch()
            desk.write()
            self._committing = True
            self._committer.start(desk.journal.commit, self._ended)

    def _ended(self, error: BaseException | None) -> None:
        """A commit is over: act on it at once, and begin the next."""
        self._wake.set()
        if self.desk.failure is not None:
            return
        if error is not None:
            self.desk.fail(error)
            return
        try:
            self._committing = False
            self._turns += 1
            self.desk.perform(self._stopwatch() - self._began)
            self._release(None)
        except Exception as fault:  # noqa: BLE001  # `run` raises it
            self.desk.fail(fault)

    def _release(self, error: BaseException | None) -> None:
        """Wake who waits for what is durable now."""
        still = []
        for wanted, future in self._waiting:
            if error is None and wanted > self._turns:
                still.append((wanted, future))
            elif not future.done():
                future.set_result(None) if error is None else future.set_exception(error)
        self._waiting = still

    async def _pause(self) -> None:
        """Until something is to be done: a command, a commit that has ended, a deadline."""
        desk, wake = self.desk, self._wake
        if not wake.is_set():
            now = self.clock.now()
            if desk.wants(now) and not desk.is_full:
                await asyncio.sleep(0)
                return
            self._set_timer(now)
        await wake.wait()
        wake.clear()

    def _set_timer(self, now: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        at = self.desk.next_time()
        seconds = LONGEST_PAUSE if at is None else min(max(at - now, 0) / 1_000_000, LONGEST_PAUSE)
        self._timer = asyncio.get_running_loop().call_later(seconds, self._wake.set)

    def _is_done(self) -> bool:
        return not self._committing and not self.desk.has_decided and not self.desk.waiting

    def _check(self) -> None:
        if self.desk.failure is not None:
            raise self.desk.failure
        if self._stopping:
            raise Stopping("the service is stopping")


__all__ = ["AsyncCommitter", "CommitInThread", "LiveLoop"]
