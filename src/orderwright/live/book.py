"""One book of a desk: what waits to be decided, and what was decided and waits for its commit.

A book is an `Engine` whose turns are cut in two. `decide` takes what is there, in the order of every turn: the market
is shown, then come the exchanges' reports, then what time brings, then what was asked. Nothing of it can be seen
outside until the desk has committed it; then `perform` carries it out.

A turn is bounded, in inputs and in rows, so that what is not durable is always in memory (where the driver's recall
finds it) and so that no exchange, however much it tells, keeps the commands from their turn.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal

from msgspec import Struct

from orderwright.core import messages as m
from orderwright.core.model import DONE, SECOND, Instruction, Order, Signal
from orderwright.core.numbers import EXACT, ZERO
from orderwright.core.state import State
from orderwright.driver import MAX_TURN
from orderwright.engine import Engine

HORIZON_US = 10 * SECOND
"""How far ahead a simulated exchange is asked when something happens on it; then it is asked again."""


class Answer(Struct, frozen=True, kw_only=True):
    """What became of a command, as it stood when it was decided; durable before anybody is told.

    reply: what it says where it did not become what it asked for, else None. order: the order it is about, a copy; None
    where it is about none, or about one that is not known. sequence: the book's row up to which this holds.
    """

    book: str
    sequence: int
    reply: m.Reply | None = None
    order: Order | None = None


Told = Callable[[Answer | BaseException], None]
Effect = Callable[[], None]
_Decided = tuple[Told, Answer] | m.AnyAction | Effect


class LiveBook:
    """engine: the book and its exchanges, restored. watch_us: how often rules that follow the price look at the market
    though nothing happens; poll_us: how often real exchanges are asked what has come, while an order is open (else once
    a second). ttl_us: how long a finished order is answered for from memory; then the log answers. alert: takes what
    the book raises, once it is durable."""

    def __init__(
        self,
        engine: Engine,
        *,
        watch_us: int = SECOND,
        poll_us: int = SECOND // 10,
        ttl_us: int = 300 * SECOND,
        alert: Callable[[str, m.RaiseAlert], None] | None = None,
    ) -> None:
        self.engine, self.driver, self.name = engine, engine.driver, engine.state.book
        self.waiting: deque[tuple[m.Input, Told | None]] = deque()
        self.trouble = ""
        """Why a real exchange could not be asked the last time; empty while it can."""
        self._watch_us, self._poll_us, self._ttl_us, self._alert = watch_us, poll_us, ttl_us, alert
        self._looking, self._venue = engine.session.looking, engine.venue
        self._decided: deque[_Decided] = deque()
        self._committing: deque[_Decided] = deque()
        self._unheard: tuple[int, Sequence[m.AnyReport]] = (0, ())
        self._first: m.BeginEpoch | None = None

    @property
    def state(self) -> State:
        """The newest state, ahead of the log by what is being committed. To be read, never changed."""
        return self.engine.state

    def begin(self, epoch: m.BeginEpoch) -> None:
        """The log was taken over from a process that may still send: that is noted before anything else is decided."""
        self._first = epoch

    # Decide

    def decide(self, now: int, commands: int, *, reports: int = MAX_TURN, rows: int = MAX_TURN) -> int:
        """Take in what has happened up to now, and at most so many commands and reports, until so many rows have come
        of it; how many commands. now: microseconds; a book is never behind its own log."""
        driver, looking, state = self.driver, self._looking, self.state
        now, full = max(now, state.now), state.sequence + rows
        if self._first is not None:
            driver.decide((self._first,), now)
            self._first = None
        shown = looking.changed(now)
        for first in range(0, len(shown), MAX_TURN):
            driver.decide(shown[first : first + MAX_TURN], now)
        looking.note((), now)
        self._hear(now, reports, full)
        driver.decide((), now)
        self._keep()
        taken = 0
        while self.waiting and taken < commands and state.sequence < full:
            self._take(*self.waiting[0], now)
            self.waiting.popleft()  # not before: whoever asked for what ends the desk is told so with the others
            taken += 1
        return taken

    @property
    def is_behind(self) -> bool:
        """Whether there is more to take in now: commands, or reports that were too many for one turn."""
        return bool(self.waiting or self._unheard[1])

    def _hear(self, now: int, most: int, full: int) -> None:
        """The exchanges' reports up to now, each at its time."""
        state = self.state
        while most > 0 and state.sequence < full:
            time, reports = self._unheard if self._unheard[1] else self._poll(now)
            if not reports:
                return
            some, rest = reports[:most], reports[most:]
            self._unheard = (time, rest)
            self.driver.decide(some, min(time, now))
            self._looking.note(some, time)
            most -= len(some)
        if not self._unheard[1]:
            self._unheard = self._poll(now)

    def _poll(self, now: int) -> tuple[int, Sequence[m.AnyReport]]:
        """What an exchange tells next. A real one that cannot be asked has said nothing: it is asked again, and the
        core's own timers ask about what is in flight. A fault of the simulated one is a fault of ours."""
        try:
            found = self._venue.poll(now)
        except Exception as error:
            if self.engine.clock is None:
                raise
            self._in_trouble(type(error).__name__)
            return now, ()
        if not found[1]:  # all of them were asked, and none of them failed
            self.trouble = ""
        return found

    def _in_trouble(self, kind: str) -> None:
        """Only the kind of error is told: its text may hold keys."""
        if self.trouble != kind and self._alert is not None:
            text = f"an exchange cannot be asked what has happened ({kind}); it is asked again"
            self._alert(self.name, m.RaiseAlert(topic="exchange", text=text))
        self.trouble = kind

    def _take(self, said: m.Input, told: Told | None, now: int) -> None:
        """One command; its answer waits for the commit, as does all it has caused."""
        state = self.state
        cash = self._cash_of(said) if type(said) is m.MoveCash else None
        self.driver.decide((said,), now)
        reply = self._keep()
        if cash is not None:
            self._decided.append(self._to_exchange(said, *cash))
        else:
            self._notice(said)
        if told is None:
            return
        order_id = (reply.order_id if reply is not None else "") or _order_of(said)
        order = state.find(order_id) if order_id else None
        answer = Answer(
            book=self.name,
            sequence=state.sequence,
            reply=reply,
            order=snapshot(order) if order is not None else None,
        )
        self._decided.append((told, answer))

    def _notice(self, said: m.Input) -> None:
        """What a command changes of what is shown to the book, and of what its simulated exchange knows."""
        wanted = _wanted(said)
        if wanted:
            if self.engine.session.watch is None:
                self.engine.look_out_for(wanted)
        elif isinstance(said, m.DefineInstrument):  # its market was shown to a book that did not know it
            self._looking.again()
        elif isinstance(said, m.Configure):
            self.engine.look_out_for(())
        elif isinstance(said, m.OpenAccount):
            self._decided.append(self._to_exchange(said, "", ZERO))

    def _keep(self) -> m.Reply | None:
        """Put away what the driver wants done until it is durable; the reply, if one was given."""
        found = None
        for action in self.driver.take():
            if type(action) is m.Reply:
                found = action
            else:
                self._decided.append(action)
        return found

    def _cash_of(self, said: m.MoveCash) -> tuple[str, Decimal]:
        """(asset, total before) where money may move on a simulated exchange."""
        balance = self.state.balances.get((said.account, said.asset))
        return said.asset, balance.total if balance is not None else ZERO

    def _to_exchange(self, said: m.Input, asset: str, before: Decimal) -> Effect:
        """What a simulated exchange is told of an account and its money."""
        assert isinstance(said, m.OpenAccount | m.MoveCash)
        account = said.account.account if isinstance(said, m.OpenAccount) else said.account
        state = self.state
        known = state.accounts.get(account)
        exchange = self.engine.simulated.get(known.exchange) if known is not None else None
        balance = state.balances.get((account, asset))
        moved = EXACT.subtract(balance.total, before) if balance is not None else ZERO

        def tell() -> None:
            if exchange is None:
                return
            if isinstance(said, m.OpenAccount):
                exchange.open_account(said.account)
            elif moved:
                exchange.deposit(account, asset, moved)

        return tell

    # Perform

    def written(self) -> None:
        """What was decided so far is on its way to the disk."""
        assert not self._committing
        self._committing, self._decided = self._decided, deque()

    @property
    def has_decided(self) -> bool:
        """Whether something waits for a commit to begin."""
        return bool(self._decided)

    def perform(self) -> None:
        """Carry out what is durable now, one after the other: whoever was not told when one of them fails is told by
        `fail`."""
        due, carry_out = self._committing, self.driver.perform
        while due:
            one = due.popleft()
            if type(one) is tuple:
                told, answer = one
                told(answer)
            elif isinstance(one, m.RaiseAlert):
                if self._alert is not None:
                    self._alert(self.name, one)
            elif isinstance(one, m.Message):
                carry_out((one,))
            else:
                one()  # type: ignore[operator]  # an Effect: the only kind that is left

    def fail(self, error: BaseException) -> None:
        """The log could not be written: nothing that waits is ever done, and whoever waits is told so."""
        self.driver.fail(error)
        decided = [one[0] for one in (*self._committing, *self._decided) if type(one) is tuple]
        self._committing, self._decided = deque(), deque()
        for told in decided:
            told(error)
        self.drop_waiting(error)

    def drop_waiting(self, error: BaseException) -> None:
        """What waits to be decided never is; whoever asked is told so."""
        while self.waiting:
            _, told = self.waiting.popleft()
            if told is not None:
                told(error)

    # Orders

    def remembered(self, order_id: str, now: int) -> Order | None:
        """An order as it stands in the newest state, if that still answers for it: while it lives, and `ttl_us` after
        it has ended. It may be ahead of the log: to be let out when the log has caught up."""
        order = self.state.find(order_id)
        if order is None or (order.status in DONE and now >= order.updated_at + self._ttl_us):
            return None
        return snapshot(order)

    @property
    def is_waiting_for_venue(self) -> bool:
        """Whether a request is under way to an exchange and no answer has come yet."""
        orders = self.state.orders.values()
        return any(request.state in ("sent", "pending") for order in orders for request in order.requests)

    # Time

    def next_time(self, now: int) -> int | None:
        """When this book wants to be looked at next, though nobody asks; None for never. Microseconds."""
        if self.is_behind:
            return now
        engine, state = self.engine, self.state
        times = [self.driver.next_deadline(), self._looking.next_mark]
        for exchange in engine.simulated.values():
            moment = exchange.next_moment(now + HORIZON_US)
            times.append(None if moment is None else moment[0])
        if not engine.simulated:
            times.append(now + (self._poll_us if state.orders else max(self._poll_us, SECOND)))
        elif state.orders:
            times.append(now + HORIZON_US)
        if engine.session.watch is not None and (state.orders or any(held.size for held in state.positions.values())):
            times.append((now // self._watch_us + 1) * self._watch_us)
        return min((time for time in times if time is not None), default=None)


def _wanted(said: m.Input) -> tuple[Instruction | Signal, ...]:
    """What a command wants to trade, where it may follow the price."""
    if isinstance(said, m.SubmitOrder):
        return (said.instruction,)
    if isinstance(said, m.ReceiveSignal):
        return (said.signal,)
    return tuple(signal for signal, _ in said.signals) if isinstance(said, m.ReceiveAlert) else ()


def _order_of(said: m.Input) -> str:
    if isinstance(said, m.SubmitOrder):
        return said.instruction.order_id
    return getattr(said, "order_id", "")


def snapshot(order: Order) -> Order:
    """A copy that stays as it is, whatever becomes of the order."""
    found = copy.copy(order)
    found.executions = dict(order.executions)
    found.requests = [copy.copy(request) for request in order.requests]
    found.lingered = dict(order.lingered)
    return found


__all__ = ["Answer", "LiveBook", "Told", "snapshot"]
