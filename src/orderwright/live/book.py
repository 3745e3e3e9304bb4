"""One book of a desk: what waits to be decided, and what was decided and waits for its commit.

A book is an `Engine` whose turns are cut in two. `decide` takes what is there, in the order of every turn: the market
is shown, then come the exchanges' reports, then what time brings, then what was asked. Nothing of it can be seen
outside until the desk has committed it; then `perform` carries it out.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable
from decimal import Decimal

from msgspec import Struct, structs

from orderwright.core import messages as m
from orderwright.core.model import SECOND, Order
from orderwright.core.numbers import EXACT, ZERO
from orderwright.core.state import State
from orderwright.engine import Engine
from orderwright.venues.executor import VenueExecutor

FAR = 2**62


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


class LiveBook:
    """engine: the book and its exchanges, restored. watch_us: how often rules that follow the price look at the market
    though nothing happens; poll_us: how often real exchanges are asked what has come. alert: takes what the book
    raises, once it is durable."""

    def __init__(
        self,
        engine: Engine,
        *,
        watch_us: int = SECOND,
        poll_us: int = SECOND // 10,
        alert: Callable[[str, m.RaiseAlert], None] | None = None,
    ) -> None:
        self.engine, self.driver, self.name = engine, engine.driver, engine.state.book
        self.waiting: deque[tuple[m.Input, Told | None]] = deque()
        self._watch_us, self._poll_us, self._alert = watch_us, poll_us, alert
        self._looking = engine.session.looking
        self._decided: list[tuple[Told | None, Answer] | m.AnyAction | Effect] = []
        self._committing: list[tuple[Told | None, Answer] | m.AnyAction | Effect] = []

    @property
    def state(self) -> State:
        """The newest state, ahead of the log by what is being committed. To be read, never changed."""
        return self.engine.state

    # Decide

    def decide(self, now: int, most: int) -> int:
        """Take in what has happened up to now and at most so many commands; how many of them. now: microseconds."""
        driver, looking = self.driver, self._looking
        shown = looking.changed(now)
        if shown:
            driver.decide(shown, now)
        looking.note((), now)
        self._hear(now)
        driver.decide((), now)
        self._keep()
        taken = 0
        while self.waiting and taken < most:
            said, told = self.waiting.popleft()
            self._take(said, told, now)
            taken += 1
        return taken

    def _hear(self, now: int) -> None:
        """The exchanges' reports up to now, each at its time."""
        while True:
            time, reports = self.engine.venue.poll(now)
            if not reports:
                return
            self.driver.decide(reports, min(time, now))
            self._looking.note(reports, time)

    def _take(self, said: m.Input, told: Told | None, now: int) -> None:
        """One command; its answer waits for the commit, as does all it has caused."""
        state = self.state
        cash = self._cash_of(said)
        self.driver.decide((said,), now)
        reply = self._keep()
        if cash is not None:
            self._decided.append(self._to_exchange(said, *cash))
        if isinstance(said, m.DefineInstrument):  # its market was shown to a book that did not know it
            self._looking.again()
        if isinstance(said, m.OpenAccount):
            self._decided.append(self._to_exchange(said, "", ZERO))
        order_id = (reply.order_id if reply is not None else "") or _order_of(said)
        order = state.find(order_id) if order_id else None
        answer = Answer(
            book=self.name,
            sequence=state.sequence,
            reply=reply,
            order=snapshot(order) if order is not None else None,
        )
        self._decided.append((told, answer))

    def _keep(self) -> m.Reply | None:
        """Put away what the driver wants done until it is durable; the reply, if one was given."""
        found = None
        for action in self.driver.take():
            if type(action) is m.Reply:
                found = action
            else:
                self._decided.append(action)
        return found

    def _cash_of(self, said: m.Input) -> tuple[str, Decimal] | None:
        """(asset, total before) where money may move on a simulated exchange."""
        if not isinstance(said, m.MoveCash):
            return None
        balance = self.state.balances.get((said.account, said.asset))
        return said.asset, balance.total if balance is not None else ZERO

    def _to_exchange(self, said: m.OpenAccount | m.MoveCash | m.Input, asset: str, before: Decimal) -> Effect:
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
        self._committing, self._decided = self._decided, []

    @property
    def has_decided(self) -> bool:
        """Whether something waits for a commit to begin."""
        return bool(self._decided)

    def perform(self) -> None:
        """Carry out what is durable now."""
        due, self._committing = self._committing, []
        for one in due:
            if isinstance(one, tuple):
                told, answer = one
                if told is not None:
                    told(answer)
            elif isinstance(one, m.RaiseAlert):
                if self._alert is not None:
                    self._alert(self.name, one)
            elif isinstance(one, m.Message):
                self.driver.perform((one,))
            else:
                one()

    def fail(self, error: BaseException) -> None:
        """The log could not be written: nothing that waits is ever done, and whoever waits is told so."""
        self.driver.fail(error)
        waiting = [told for _, told in self.waiting]
        waiting += [one[0] for one in (*self._committing, *self._decided) if isinstance(one, tuple)]
        self.waiting.clear()
        self._committing, self._decided = [], []
        for told in waiting:
            if told is not None:
                told(error)

    # Time

    def next_time(self, now: int) -> int | None:
        """When this book wants to be looked at next, though nobody asks; None for never. Microseconds."""
        if self.waiting:
            return now
        engine, state = self.engine, self.state
        times = [self.driver.next_deadline(), self._looking.next_mark]
        venue = engine.venue
        if isinstance(venue, VenueExecutor) and venue.has_news:
            return now
        for exchange in engine.simulated.values():
            moment = exchange.next_moment(FAR)
            times.append(None if moment is None else moment[0])
        if not engine.simulated:
            times.append(now + self._poll_us)
        if engine.session.watch is not None and (state.orders or state.positions):
            times.append((now // self._watch_us + 1) * self._watch_us)
        return min((time for time in times if time is not None), default=None)


def _order_of(said: m.Input) -> str:
    if isinstance(said, m.SubmitOrder):
        return said.instruction.order_id
    return getattr(said, "order_id", "")


def snapshot(order: Order) -> Order:
    """A copy that stays as it is, whatever becomes of the order."""
    return structs.replace(
        order,
        executions=dict(order.executions),
        requests=[copy.copy(request) for request in order.requests],
        lingered=dict(order.lingered),
    )


__all__ = ["Answer", "LiveBook", "Told", "snapshot"]
