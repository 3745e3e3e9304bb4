"""What goes wrong between us and an exchange, by chance and by seed.

A wrapper around any connector. On the way out a request may be

- refused, and nothing is done (`refused`);
- lost before it arrives: nothing is done, and nobody says so (`never_reached`);
- carried out, and its answer lost (`lost_answer`): the order is live, and whoever sent it only sees a time-out.

On the way back a report may come late and out of order (`delayed`, up to delay_ms), twice (`repeated`), or never
(`dropped`). A question may stay without an answer (`lost_question`).

Draws are keyed (models/chance.py), a request's by its client id and a report's by what it says, so one seed gives one
history, whatever is called how often. After `until` nothing goes wrong any more, and what was delayed arrives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from heapq import heappop, heappush
from itertools import count

from msgspec import Struct

from orderwright.core import messages as m
from orderwright.core.model import Account, Balance, Order, Position, VenueTraits
from orderwright.errors import InputError, Refused, Unreachable
from orderwright.market.candles import Candles
from orderwright.market.feeds import Quotes, Trades
from orderwright.ports import Connector
from orderwright.simulation.desk import KEEP_FINISHED
from orderwright.simulation.exchange import SimulatedExchange
from orderwright.simulation.models import Models
from orderwright.simulation.models.chance import uniform
from orderwright.simulation.moments import PRICES, Moment

_RATES = ("lost_answer", "never_reached", "refused", "lost_question", "delayed", "repeated", "dropped")


class Faults(Struct, frozen=True, kw_only=True):
    """How often each thing goes wrong, as a chance from 0 to 1. until: microseconds, None for ever."""

    lost_answer: float = 0.0
    never_reached: float = 0.0
    refused: float = 0.0
    lost_question: float = 0.0
    delayed: float = 0.0
    repeated: float = 0.0
    dropped: float = 0.0
    delay_ms: int = 5_000
    until: int | None = None

    def __post_init__(self) -> None:
        for name in _RATES:
            chance = getattr(self, name)
            if not 0 <= chance <= 1:
                raise InputError(f"{chance} is not a chance from 0 to 1", field=name, value=chance)
        if self.lost_answer + self.never_reached + self.refused > 1:
            message = "lost_answer, never_reached and refused are more than 1 together"
            raise InputError(message, field="lost_answer", value=self.lost_answer)
        if self.delay_ms < 0:
            raise InputError(f"{self.delay_ms} is below 0", field="delay_ms", value=self.delay_ms, nearest=0)


NO_FAULTS = Faults()
BAD_DAY = Faults(
    lost_answer=0.03,
    never_reached=0.02,
    refused=0.02,
    lost_question=0.05,
    delayed=0.08,
    repeated=0.05,
    dropped=0.03,
)


class FaultyConnector:
    """A connector behind a bad line."""

    def __init__(self, connector: Connector, faults: Faults = BAD_DAY, seed: int = 0) -> None:
        self.connector, self.faults, self.seed = connector, faults, seed
        self.now = 0
        self._held: list[tuple[int, int, m.AnyReport]] = []
        self._count = count()

    @property
    def traits(self) -> VenueTraits:
        return self.connector.traits

    def send(self, action: m.VenueAction) -> None:
        """Send it, or not, as chance has it. Raises Refused and Unreachable."""
        if self._is_calm():
            self.connector.send(action)
        elif isinstance(action, m.AskOrder | m.FetchTrades):
            self._ask(action)
        else:
            self._send(action)

    def poll(self, limit: int) -> tuple[int, Sequence[m.AnyReport]]:
        """What comes through, and what has come late."""
        while True:
            due = self.next_held(limit)
            time, reports = self.connector.poll(limit if due is None else due)
            self.now = max(self.now, time)
            if reports:
                reports = self.let_through(reports, time)
            elif due is not None:
                time, reports = due, self.release(due)
            else:
                return limit, ()
            if reports:
                return time, reports

    def next_held(self, limit: int) -> int | None:
        """When the next late report is due, at most `limit`; None where none is."""
        return self._held[0][0] if self._held and self._held[0][0] <= limit else None

    def release(self, time: int) -> list[m.AnyReport]:
        """The late reports that are due at a time."""
        self.now = max(self.now, time)
        due: list[m.AnyReport] = []
        while self._held and self._held[0][0] <= time:
            due.append(heappop(self._held)[2])
        return due

    def let_through(self, reports: Iterable[m.AnyReport], time: int) -> list[m.AnyReport]:
        """Those of the reports that arrive now; some come late or again, some never."""
        self.now = max(self.now, time)
        if self._is_calm():
            return list(reports)
        through: list[m.AnyReport] = []
        for report in reports:
            name = m.describe(report)
            if self._happens("dropped", name):
                continue
            if self._happens("delayed", name):
                self._hold(report, time, name)
            else:
                through.append(report)
            if self._happens("repeated", name):
                self._hold(report, time, f"again {name}")
        return through

    def _send(self, action: m.SendOrder | m.SendReplace | m.SendCancel) -> None:
        faults, draw = self.faults, uniform(self.seed, "request", action.client_id)
        if draw < faults.refused:
            raise Refused("refused by chance: the exchange is busy", "fault")
        if draw < faults.refused + faults.never_reached:
            raise Unreachable("timed out")
        self.connector.send(action)
        if draw < faults.refused + faults.never_reached + faults.lost_answer:
            raise Unreachable("timed out waiting for the answer")

    def _ask(self, action: m.AskOrder | m.FetchTrades) -> None:
        if self._happens("lost_question", f"{type(action).__name__} {action.order_id} {self.now}"):
            raise Unreachable("timed out")
        self.connector.send(action)

    def _hold(self, report: m.AnyReport, time: int, name: str) -> None:
        delay = int(uniform(self.seed, "delay", name) * 1_000 * self.faults.delay_ms)
        heappush(self._held, (time + delay, next(self._count), report))

    def _happens(self, fault: str, name: str) -> bool:
        chance: float = getattr(self.faults, fault)
        return chance > 0 and uniform(self.seed, fault, name) < chance

    def _is_calm(self) -> bool:
        return self.faults.until is not None and self.now >= self.faults.until


class FaultyExchange(SimulatedExchange):
    """The simulated exchange behind a bad line: for all that builds on a SimulatedExchange and its virtual time."""

    def __init__(
        self,
        feeds: Iterable[Candles | Quotes | Trades],
        models: Models | None = None,
        accounts: Iterable[Account] = (),
        *,
        faults: Faults = BAD_DAY,
        seed: int = 0,
        keep: int = KEEP_FINISHED,
    ) -> None:
        super().__init__(feeds, models, accounts, keep=keep)
        self.line = FaultyConnector(_Behind(self), faults, seed)
        self._restoring = False

    def send(self, action: m.VenueAction) -> None:
        if self._restoring:
            super().send(action)
        else:
            self.line.send(action)

    def poll(self, limit: int) -> tuple[int, Sequence[m.AnyReport]]:
        return self.line.poll(limit)

    def next_moment(self, limit: int) -> Moment | None:
        moment, due = super().next_moment(limit), self.line.next_held(limit)
        late = (due, PRICES) if due is not None else None
        return min((each for each in (moment, late) if each is not None), default=None)

    def happen(self, limit: int) -> tuple[int, Sequence[m.AnyReport]]:
        moment, due = super().next_moment(limit), self.line.next_held(limit)
        if due is not None and (moment is None or (due, PRICES) < moment):
            self.wait_until(due)
            return due, self.line.release(due)
        time, reports = super().happen(limit)
        return time, self.line.let_through(reports, time)

    def wait_until(self, time: int) -> None:
        super().wait_until(time)
        self.line.now = max(self.line.now, time)

    def restore(
        self,
        orders: Iterable[Order],
        balances: Mapping[tuple[str, str], Balance],
        time: int,
        positions: Mapping[tuple[str, str], Position] | None = None,
        left: Mapping[str, Decimal] | None = None,
    ) -> None:
        self._restoring = True
        super().restore(orders, balances, time, positions, left)
        self._restoring = False


class _Behind:
    """The exchange itself, without the line."""

    def __init__(self, exchange: FaultyExchange) -> None:
        self._exchange = exchange

    @property
    def traits(self) -> VenueTraits:
        return self._exchange.traits

    def send(self, action: m.VenueAction) -> None:
        SimulatedExchange.send(self._exchange, action)

    def poll(self, limit: int) -> tuple[int, Sequence[m.AnyReport]]:
        return SimulatedExchange.poll(self._exchange, limit)
