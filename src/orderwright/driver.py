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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from orderwright.core import groups
from orderwright.core import messages as m
from orderwright.core.alerts import became_of, conclude
from orderwright.core.asking import fetch_trades, question
from orderwright.core.deadlines import may_be_due, next_deadline
from orderwright.core.evolve import alert_key, cash_key, evolve, order_key, signal_key
from orderwright.core.model import Order
from orderwright.core.numbers import EXACT
from orderwright.core.oms import decide
from orderwright.core.placing import Decision
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
        self._at_once = type(self.committer) is CommitNow
        self._failure: BaseException | None = None
        with decimal.localcontext(EXACT):
            self.state: State = restore(book, journal.open_state(book))
            for order in list(self.state.orders.values()):
                self._recall_before(order)
                if groups.names_of(order.instruction):
                    self._recall_kin(order)

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
        waiting = inputs if type(inputs) is list else list(inputs)
        if len(waiting) <= MAX_TURN:
            self.decide(waiting, now)
            self.settle()
            return
        for first in range(0, len(waiting), MAX_TURN):
            self.decide(waiting[first : first + MAX_TURN], now)
            self.settle()

    def decide(self, inputs: Sequence[m.Input], now: int) -> None:
        """The first half of a turn: recall, decide, evolve and append up to MAX_TURN inputs. Nothing is visible yet."""
        if len(inputs) > MAX_TURN:
            raise ValueError(f"{len(inputs)} inputs are more than a turn takes ({MAX_TURN})")
        self._go_on()
        outside = decimal.getcontext()
        decimal.setcontext(EXACT)
        try:
            state, append, outbox = self.state, self.journal.append, self._outbox
            book, now = state.book, max(now, state.now)
            for said in self._in_time(inputs, now) if may_be_due(state, now) else inputs:
                recall = _RECALLS.get(type(said))
                if recall is not None:
                    recall(self, said)
                events, actions = decide(state, said, now)
                if type(said) is m.ReceiveAlert:
                    events, actions = self._take_signals(said, events, actions, now)
                for event in events:
                    changes = evolve(state, event)
                    append(book, state.sequence, event, changes)
                if actions:
                    outbox += actions
        except BaseException as error:
            self._failure = error
            raise
        finally:
            decimal.setcontext(outside)

    def _take_signals(
        self, alert: m.ReceiveAlert, events: list[m.AnyEvent], actions: list[m.AnyAction], now: int
    ) -> Decision:
        """The signals of an alert that is taken, each on what those before it have changed; then its own row, with what
        has become of it."""
        taken = events[0]
        if not isinstance(taken, m.AlertReceived) or taken.verdict != "accepted":
            return events, actions
        state, found = self.state, []
        for signal, order_id in alert.signals:
            said = m.ReceiveSignal(signal=signal, order_id=order_id)
            self._recall_signal(said)
            made, wanted = decide(state, said, now)
            found.append(became_of(state, said, alert.meant, made, wanted))
            for event in made:
                changes = evolve(state, event)
                self.journal.append(state.book, state.sequence, event, changes)
            self._outbox += [action for action in wanted if type(action) is not m.Reply]
        return conclude(taken, found)

    def _in_time(self, inputs: Sequence[m.Input], now: int) -> Iterator[m.Input]:
        """The market is shown first, and who has taken the log over; then time: no decision on a day that is over, or
        before what fell due; then the rest."""
        shown = next((at for at, said in enumerate(inputs) if type(said) not in _BEFORE_TIME), len(inputs))
        yield from inputs[:shown]
        while (deadline := next_deadline(self.state)) is not None and deadline <= now:
            before = self.state.sequence
            yield TIME_PASSED
            if self.state.sequence == before:
                raise AssertionError(f"deadline {deadline} of book {self.state.book} is due, and nothing came of it")
        yield from inputs[shown:]

    def settle(self) -> None:
        """The second half: commit what was decided, and perform what the commit before it has made safe."""
        self._go_on()
        try:
            if self._at_once:
                self.journal.write()
                self.journal.commit()
                if self._outbox:
                    self._committing, self._outbox = self._outbox, []
                    self._perform()
                return
            self.committer.wait()
            self._perform()
            self.journal.write()
            self._committing, self._outbox = self._outbox, []
            self.committer.start(self.journal.commit)
        except BaseException as error:
            self._failure = error
            raise

    def flush(self) -> None:
        """Wait for the commit under way and act on it. Call it before reading the log, and at the end."""
        self._go_on()
        try:
            self.committer.wait()
            self._perform()
        except BaseException as error:
            self._failure = error
            raise

    def _go_on(self) -> None:
        """After a failure the state is ahead of the log: the driver is over, and what it wanted done is never done."""
        if self._failure is not None:
            raise self._failure

    # The halves of a turn for who commits several drivers at once (live/desk.py)

    def take(self) -> list[m.AnyAction]:
        """What was decided since the last time and waits for its commit. It is the caller's now: to be handed to
        `perform` when it is durable, and only then."""
        taken, self._outbox = self._outbox, []
        return taken

    def perform(self, actions: Iterable[m.AnyAction]) -> None:
        """Carry out what is durable."""
        self._go_on()
        try:
            for action in actions:
                self._carry_out(action)
        except BaseException as error:
            self._failure = error
            raise

    def fail(self, error: BaseException) -> None:
        """The log could not be written: this driver is over."""
        if self._failure is None:
            self._failure = error

    @property
    def failure(self) -> BaseException | None:
        """What has ended this driver; None while it works."""
        return self._failure

    def next_deadline(self) -> int | None:
        """When the core wants a turn even without an input, microseconds; None for never."""
        return next_deadline(self.state)

    # What an input names comes back: from memory, else from the journal

    def _recall_named(self, said: Any) -> None:
        if said.order_id not in self.state.orders:
            self._recall_order(said.order_id)
            ended = self.state.find(said.order_id)
            if ended is not None and any(name not in self.state.groups for name in groups.names_of(ended.instruction)):
                self._recall_kin(ended)  # their group is over and has left memory; this may bring it back to life

    def _recall_submitted(self, said: m.SubmitOrder) -> None:
        instruction = said.instruction
        if instruction.order_id <= self.state.last_order_id:  # ids grow: a greater one is new
            self._recall_order(instruction.order_id)
        if instruction.idempotency_key:
            self._recall_keyed(order_key(instruction.idempotency_key))

    def _recall_signal(self, said: m.ReceiveSignal) -> None:
        self._recall_keyed(signal_key(said.signal.key))

    def _recall_alert(self, said: m.ReceiveAlert) -> None:
        if said.key:
            first = self._recall_key(alert_key(said.key))
            if first is not None:
                self._recall_order(first.rpartition("|")[2])
        for signal, _ in said.signals:
            self._recall_keyed(signal_key(signal.key))

    def _recall_cash(self, said: m.MoveCash) -> None:
        if said.reference:
            self._recall_key(cash_key(said.reference))

    def _recall_keyed(self, key: str) -> None:
        order_id = self._recall_key(key)
        if order_id:
            self._recall_order(order_id)

    def _recall_before(self, order: Order) -> None:
        """The orders in whose place this one stands: it goes out for what is left of them, and ends with them."""
        before: Order | None = order
        while before is not None and (before.wait_for == "parent" or before.attempt):
            parent_id = before.instruction.parent_id
            self._recall_order(parent_id)
            before = self.state.find(parent_id)

    def _recall_kin(self, order: Order) -> None:
        """Those that belong to an order, what has ended of them too."""

        def find(order_id: str) -> Order | None:
            self._recall_order(order_id)
            return self.state.find(order_id)

        groups.gathered(order, find)
        groups.adopt(self.state, order)

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
            self._carry_out(action)

    def _carry_out(self, action: m.AnyAction) -> None:
        if type(action) not in _TOLD:
            self.executors[action.exchange].send(action)  # type: ignore[union-attr, arg-type]
        elif self.handler is not None:
            self.handler(action)  # type: ignore[arg-type]


_BEFORE_TIME: frozenset[type[Any]] = frozenset({m.QuoteSeen, m.BeginEpoch})
_TOLD: frozenset[type[Any]] = frozenset({m.Reply, m.RaiseAlert})
_RECALLS: dict[type[Any], Callable[[Driver, Any], None]] = {
    **dict.fromkeys(_NAMES_ORDER | {m.ClosePosition}, Driver._recall_named),
    m.SubmitOrder: Driver._recall_submitted,
    m.ReceiveSignal: Driver._recall_signal,
    m.ReceiveAlert: Driver._recall_alert,
    m.MoveCash: Driver._recall_cash,
}


__all__ = ["CommitNow", "CommitOnThread", "Committer", "Driver"]
