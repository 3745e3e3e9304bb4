"""The driver: recall, decide, evolve, append, commit, perform.

One driver for backtest, paper and live: those differ in clock, journal and connectors, never in rules. A *turn* takes
the inputs that are ready and, for each of them,

1. recalls: what the input names and memory no longer holds (a finished order, an old signal key) comes back from the
   journal, so that a late fill or an old alert is still recognised;
2. decides: the pure core says what happened and what is to be done;
3. evolves: each event changes the state, and says what it changed;
4. appends: event and changes go to the journal, numbered.

Then the turn's rows are written and committed once for all of them, and only then

5. performs: requests are sent, replies given, alerts raised. No order leaves before its intent is on disk.

Rows carry the state after their event (balances, filled quantity), so an event is evolved before it is appended;
nothing can see that state before the commit, and if the commit fails the process stops with nothing sent.

The commit may run on a thread (`Committer`): the next turn is then decided and evolved while it runs, but its rows are
written, and its own commit begun, only when it has ended. What a turn wants done waits for its own commit.
"""

from __future__ import annotations

import decimal
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from orderwright.core import messages as m
from orderwright.core.asking import fetch_trades, question
from orderwright.core.deadlines import next_deadline
from orderwright.core.evolve import cash_key, evolve, order_key, signal_key
from orderwright.core.numbers import EXACT
from orderwright.core.oms import decide
from orderwright.core.recovery import order_from, restore
from orderwright.core.reports import REPORTS
from orderwright.core.state import KEEP_KEYS, State, remember
from orderwright.ports import Connector, Journal

MAX_TURN = 1_000
_NAMES_ORDER: frozenset[type[Any]] = REPORTS | {
    m.CancelOrder,
    m.ReplaceOrder,
    m.ApproveOrder,
    m.DenyOrder,
    m.ResolveUnknown,
    m.RefreshOrder,
}
TIME_PASSED = m.TimePassed()


class Committer(Protocol):
    """Runs a commit: at once, or on a thread while the next turn is decided."""

    def start(self, commit: Callable[[], None]) -> None:
        """Begin a commit; the one before it has ended."""

    def wait(self) -> None:
        """Return when the commit that was begun has ended; raises what it raised."""


class CommitNow:
    """The plain committer: the commit runs on the caller's thread, before `start` returns."""

    def start(self, commit: Callable[[], None]) -> None:
        commit()

    def wait(self) -> None:
        return


class CommitOnThread:
    """One commit at a time on a thread of its own: a sync to disk holds no interpreter lock, so the next turn is
    decided meanwhile. Close it when the driver is done."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._commit: Future[None] | None = None

    def start(self, commit: Callable[[], None]) -> None:
        self._commit = self._thread.submit(commit)

    def wait(self) -> None:
        commit, self._commit = self._commit, None
        if commit is not None:
            commit.result()

    def close(self) -> None:
        """Wait for the commit under way and end the thread."""
        self._thread.shutdown()


class _OrNeverAgain:
    """After a failure the state is ahead of the log: the driver is over, and what it wanted done is never done. A
    class, not a generator: every turn comes through here twice."""

    __slots__ = ("failure",)

    def __init__(self) -> None:
        self.failure: BaseException | None = None

    def __enter__(self) -> None:
        if self.failure is not None:
            raise self.failure

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self.failure = error


class Driver:
    """One book, its journal and its venues.

    `executors` maps an exchange's name to what carries out requests there. `handler` takes what is not for a
    venue (replies and alerts) once it may be seen.
    """

    def __init__(
        self,
        book: str,
        journal: Journal,
        executors: Mapping[str, Connector],
        *,
        committer: Committer | None = None,
        handler: Callable[[m.RaiseAlert | m.Reply], None] | None = None,
    ) -> None:
        self.journal, self.executors = journal, executors
        self.committer = committer if committer is not None else CommitNow()
        self.handler = handler
        self._outbox: list[m.AnyAction] = []
        self._committing: list[m.AnyAction] = []
        self._or_never_again = _OrNeverAgain()
        with decimal.localcontext(EXACT):
            self.state: State = restore(book, journal.open_state(book))
            for order in [order for order in self.state.orders.values() if order.wait_for == "parent"]:
                self._recall_order(order.instruction.parent_id)  # it goes out for what is left of it

    def recover(self) -> None:
        """The first thing a driver does once its venues are there: ask each about every request that was in flight and
        for the trades of every order whose fills have not all come, before anything new is sent. It only asks, so it
        needs no turn and leaves no row; the answers are inputs like any other."""
        for order in self.state.orders.values():
            asked: list[m.AskOrder | m.FetchTrades] = [
                question(self.state, order, request.number) for request in order.requests if request.in_flight
            ]
            if order.has_gap:
                asked.append(fetch_trades(self.state, order))
            for action in asked:
                self.executors[action.exchange].send(action)

    def turn(self, inputs: Iterable[m.Input], now: int) -> None:
        """Decide inputs at one time, make them durable, then act: MAX_TURN of them at once, so that what is not yet
        committed is always in memory. now: microseconds, clamped never to go back.

        A turn that fails ends the driver: nothing that was not durable is ever performed, and every later call raises
        what it raised.
        """
        waiting = list(inputs)
        for first in range(0, max(len(waiting), 1), MAX_TURN):
            self.decide(waiting[first : first + MAX_TURN], now)
            self.settle()

    def decide(self, inputs: Sequence[m.Input], now: int) -> None:
        """The first half of a turn: recall, decide, evolve and append up to MAX_TURN inputs. Nothing is visible yet."""
        if len(inputs) > MAX_TURN:
            raise ValueError(f"{len(inputs)} inputs are more than a turn takes ({MAX_TURN})")
        with self._or_never_again, decimal.localcontext(EXACT):
            state, append, outbox, book = self.state, self.journal.append, self._outbox, self.state.book
            now = max(now, state.now)
            shown = next((at for at, said in enumerate(inputs) if type(said) is not m.QuoteSeen), len(inputs))
            for said in itertools.chain(inputs[:shown], self._overdue(now), inputs[shown:]):
                self._recall(said)
                events, actions = decide(state, said, now)
                for event in events:
                    changes = evolve(state, event)
                    append(book, state.sequence, event, changes)
                if actions:
                    outbox += actions

    def settle(self) -> None:
        """The second half: commit what was decided, and perform what the commit before it has made safe."""
        with self._or_never_again:
            self.committer.wait()
            self._perform()
            self.journal.write()
            self._committing, self._outbox = self._outbox, []
            self.committer.start(self.journal.commit)
            if isinstance(self.committer, CommitNow):
                self._perform()

    def flush(self) -> None:
        """Wait for the commit under way and act on it. Call it before reading the log, and at the end."""
        with self._or_never_again:
            self.committer.wait()
            self._perform()

    @property
    def failure(self) -> BaseException | None:
        """What has ended this driver; None while it works."""
        return self._or_never_again.failure

    def next_deadline(self) -> int | None:
        """When the core wants a turn even without an input, microseconds; None for never."""
        return next_deadline(self.state)

    def _overdue(self, now: int) -> Iterable[m.Input]:
        """Once the market is shown, time comes first: no decision on a day that is over, or before what fell due."""
        while (deadline := next_deadline(self.state)) is not None and deadline <= now:
            before = self.state.sequence
            yield TIME_PASSED
            if self.state.sequence == before:
                raise AssertionError(f"deadline {deadline} of book {self.state.book} is due, and nothing came of it")

    def _recall(self, said: m.Input) -> None:
        """Bring back what the input names: from memory, else from the journal."""
        kind = type(said)
        if kind in _NAMES_ORDER:
            if said.order_id not in self.state.orders:  # type: ignore[union-attr]
                self._recall_order(said.order_id)  # type: ignore[union-attr]
        elif kind is m.SubmitOrder:
            instruction = said.instruction  # type: ignore[union-attr]
            if instruction.order_id <= self.state.last_order_id:  # ids grow: a greater one is new
                self._recall_order(instruction.order_id)
            if instruction.idempotency_key:
                order_id = self._recall_key(order_key(instruction.idempotency_key))
                if order_id:
                    self._recall_order(order_id)
        elif kind is m.ClosePosition:
            self._recall_order(said.order_id)  # type: ignore[union-attr]
        elif kind is m.ReceiveSignal:
            order_id = self._recall_key(signal_key(said.signal.key))  # type: ignore[union-attr]
            if order_id:
                self._recall_order(order_id)
        elif kind is m.MoveCash and said.reference:  # type: ignore[union-attr]
            self._recall_key(cash_key(said.reference))  # type: ignore[union-attr]

    def _recall_order(self, order_id: str) -> None:
        if self.state.find(order_id) is None:
            events = self.journal.recall_order(self.state.book, order_id)
            if events:
                self.state.recall(order_from(events))

    def _recall_key(self, key: str) -> str | None:
        keys = self.state.keys
        if key not in keys:
            order_id = self.journal.recall_key(self.state.book, key)
            if order_id is None:
                return None
            remember(keys, key, order_id, KEEP_KEYS)
        return keys[key]

    def _perform(self) -> None:
        actions, self._committing = self._committing, []
        for action in actions:
            if isinstance(action, m.Reply | m.RaiseAlert):
                if self.handler is not None:
                    self.handler(action)
            else:
                self.executors[action.exchange].send(action)


__all__ = ["CommitNow", "CommitOnThread", "Committer", "Driver"]
