"""The desk by the clock, under asyncio.

    loop = LiveLoop(desk, clock=SystemClock(), committer=CommitInThread())
    running = asyncio.create_task(loop.run())
    await loop.started()                                                # every book is recovered
    answer = await loop.ask("main", m.SubmitOrder(instruction=...))     # durable when this returns
    loop.stop(limit=5)
    await running

What it needs of the world is passed in: a clock, a committer, and the event loop's own timers (a loop of virtual time
runs it in one thread, one seed giving one history). `ask` answers with what was decided, once that is on disk; a reader
of the state waits for `settled` before it lets anything out.

- Start: each book is looked at before the first command is taken, so what was in flight is asked about first.
- While it runs: decide a slice, begin a commit where none is under way, let others have the event loop; when a commit
  has ended, act on it at once and begin the next. With nothing to do the lease of the log is renewed, every KEEP_US.
- Stop: nothing more is taken. What was taken is decided, committed and acted on, and requests that are under way to an
  exchange may still be answered, within a limit; after it what was not decided is dropped, what was decided is
  committed.
- A failed commit, a lease that was lost, or a fault of ours ends everything: `run` raises it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

from orderwright.core import messages as m
from orderwright.core.model import SECOND, Order
from orderwright.live.book import Answer
from orderwright.live.desk import Busy, Desk, Stopping
from orderwright.live.space import SpaceGuard
from orderwright.ports import Clock

KEEP_US = 5 * SECOND
GUARD_US = SECOND
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
            with contextlib.suppress(RuntimeError):  # the event loop is closed: nobody is there to be told
                loop.call_soon_threadsafe(ended, future.exception())

        self._thread.submit(commit).add_done_callback(done)

    def close(self) -> None:
        """Wait for the commit under way and end the thread."""
        self._thread.shutdown()


class LiveLoop:
    """Runs a desk until it is stopped or fails. guard: what watches the disk. stopwatch: seconds, for how long a commit
    takes."""

    def __init__(
        self,
        desk: Desk,
        *,
        clock: Clock,
        committer: AsyncCommitter,
        guard: SpaceGuard | None = None,
        stopwatch: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.desk, self.clock, self.guard = desk, clock, guard
        self._committer, self._stopwatch = committer, stopwatch
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0
        self._began = 0.0
        self._ready = asyncio.Event()
        self._stopping = False
        self._stop_limit: float | None = None
        self._limit_timer: asyncio.TimerHandle | None = None
        self._keep_at = self._guard_at = 0
        self._turns = 0
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        desk.wake = self._wake.set

    # What others ask of it

    async def ask(self, book: str, said: m.Input) -> Answer:
        """Decide one command; its answer, durable. Raises Busy, Stopping, UnknownName (nothing was taken), or what has
        ended the desk (whether it was taken, the log says). Who stops waiting has not taken the command back."""
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
        return future

    async def ask_all(self, book: str, said: Iterable[m.Input]) -> list[Answer]:
        """Several commands in their order, in as few turns as may be; all or none is taken in. Raises as `ask` does."""
        commands = list(said)
        self._check()
        if self.desk.waiting + len(commands) > self.desk.most_waiting:
            raise Busy(f"{self.desk.waiting} commands wait already; try again")
        return await asyncio.gather(*[self.put(book, one) for one in commands])

    async def read(self, look: Callable[[], T]) -> T:
        """What `look` finds in the newest state, once all of that is durable: what leaves the process is in the log.
        What it returns must not change by itself (live/book.py, `snapshot`)."""
        found = look()
        await self.settled()
        return found

    async def order(self, book: str, order_id: str) -> Order | None:
        """An order as it stands, durable: from memory while it lives and for a time after, else from the log. Raises
        UnknownName for a book that is not open."""
        found = self.desk.remembered(book, order_id, self.clock.now())
        await self.settled()
        return found if found is not None else self.desk.recorded(book, order_id)

    async def order_of_key(self, book: str, key: str) -> Order | None:
        """The order that came under a caller's own key."""
        order_id = self.desk.id_of_key(book, key)
        await self.settled()
        return await self.order(book, order_id) if order_id else None

    async def order_of_number(self, number: int) -> tuple[str, Order] | None:
        """(book, order) of an integer id; None where the log has none, or none in an open book."""
        await self.settled()
        found = self.desk.id_of_number(number)
        if found is None or found[0] not in self.desk.books:
            return None
        order = await self.order(*found)
        return (found[0], order) if order is not None else None

    async def settled(self) -> None:
        """Wait until all that was decided is durable and acted on. Raises what has ended the desk."""
        desk = self.desk
        if desk.failure is not None:
            raise desk.failure
        if not desk.is_committing and not desk.has_decided:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((self._turns + desk.is_committing + desk.has_decided, future))
        self._wake.set()
        await future

    def look_at(self, book: str) -> None:
        """An exchange has something to say: look at its book soon."""
        self.desk.look_at(book)

    @property
    def is_ready(self) -> bool:
        """Whether commands are taken, and made durable."""
        return self._ready.is_set() and not self._stopping and self.desk.failure is None

    async def started(self) -> None:
        """Wait until every book is recovered. Raises what has ended the desk before that."""
        await self._ready.wait()
        if self.desk.failure is not None:
            raise self.desk.failure

    # Its life

    async def run(self) -> None:
        """Run until `stop`, or raise what has ended the desk (CommitFailed, LogFenced, or a fault of ours)."""
        try:
            await self._recover()
            while not self._is_done:
                self.step()
                await self._pause()
        except BaseException as error:
            self._fail(error if isinstance(error, Exception) else Stopping("the service was ended"))
            raise
        finally:
            self._ready.set()
            for timer in (self._timer, self._limit_timer):
                if timer is not None:
                    timer.cancel()

    def stop(self, limit: float | None = None) -> None:
        """Take nothing more; `run` returns when what was taken is durable and acted on. limit: seconds, after which
        what was not decided by then is dropped (its callers get Stopping), and no exchange is waited for; None: no
        exchange is waited for at all, and the commands are, however long they take."""
        self._stopping, self._stop_limit = True, limit
        if self._limit_timer is not None:
            self._limit_timer.cancel()
        if limit is not None:
            self._limit_timer = asyncio.get_running_loop().call_later(limit, self._limit_is_over)
        self._wake.set()

    def step(self) -> None:
        """Decide what is there; begin a commit where none is under way."""
        desk = self.desk
        if desk.failure is not None:
            raise desk.failure
        now = self.clock.now()
        if self.guard is not None and now >= self._guard_at:
            self._guard_at = now + GUARD_US
            self.guard.look(desk)
        if desk.wants(now) and not desk.is_full and not (self._stopping and self._has_taken_all()):
            desk.decide(now)
        if not desk.is_committing and (desk.has_decided or now >= self._keep_at):
            self._keep_at = now + KEEP_US
            self._begin()

    async def _recover(self) -> None:
        """Let every book look at its exchanges, and make that durable, before a command is decided."""
        now = self.clock.now()
        self.desk.recover(now)
        self._keep_at = now + KEEP_US
        if self.desk.has_decided:
            self._begin()
        await self.settled()
        self._ready.set()

    def _begin(self) -> None:
        """Write what was decided and commit it. Where there are no rows, all that it rests on is durable: it is done at
        once, and a lease that is due is renewed by a commit."""
        desk = self.desk
        only_said = desk.has_decided and not desk.has_rows
        self._began = self._stopwatch()
        desk.write()
        if only_said:
            desk.commit()
            self._ended(None)
        else:
            self._committer.start(desk.commit, self._ended)

    def _ended(self, error: BaseException | None) -> None:
        """A commit is over: act on it at once, and begin the next."""
        desk = self.desk
        self._wake.set()
        if desk.failure is not None:
            return
        if error is not None:
            self._fail(error)
            return
        try:
            self._turns += 1
            desk.perform(self._stopwatch() - self._began)
            self._release(None)
            if desk.has_decided:
                self._begin()
        except Exception as fault:  # noqa: BLE001  # `run` raises it
            self._fail(fault)

    def _fail(self, error: BaseException) -> None:
        """Nothing more is done, and whoever waits is told why."""
        self.desk.fail(error)
        self._release(error)

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
        """Let others have the event loop, until something is to be done: a command, a commit that has ended, a
        deadline."""
        desk, wake = self.desk, self._wake
        if not wake.is_set():
            if desk.is_committing and (desk.is_full or (self._stopping and self._has_taken_all())):
                await wake.wait()  # only the end of the commit matters
            elif not self._is_done and not desk.wants(now := self.clock.now()):
                self._set_timer(now)
                await wake.wait()
        wake.clear()
        await asyncio.sleep(0)

    def _set_timer(self, now: int) -> None:
        at = self.desk.next_time()
        at = now + SECOND if at is None else min(max(at, now), now + SECOND)
        if self._timer is not None:
            if now < self._timer_at <= at:
                return
            self._timer.cancel()
        self._timer_at = at
        self._timer = asyncio.get_running_loop().call_later((at - now) / SECOND, self._rung)

    def _rung(self) -> None:
        self._timer = None
        self._wake.set()

    # Stopping

    def _has_taken_all(self) -> bool:
        """Whether no command waits any more, and no exchange is waited for."""
        if self.desk.waiting:
            return False
        if self._stop_limit is None:
            return True
        return not any(book.is_waiting_for_venue for book in self.desk.books.values())

    @property
    def _is_done(self) -> bool:
        desk = self.desk
        return self._stopping and not desk.is_committing and not desk.has_decided and self._has_taken_all()

    def _limit_is_over(self) -> None:
        self._stop_limit = None
        self.desk.drop_waiting(Stopping("the service is stopping: this was not decided, and will not be"))
        self._wake.set()

    def _check(self) -> None:
        if self.desk.failure is not None:
            raise self.desk.failure
        if self._stopping:
            raise Stopping("the service is stopping")


__all__ = ["AsyncCommitter", "CommitInThread", "LiveLoop"]
