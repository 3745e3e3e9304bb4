"""A real exchange behind a bad network, for the live driver: tests/laws/world.py has its truth, this the way there.

Requests are under way for a time, arrive late, twice as an error or never; reports are lost, doubled, overtaken or held
up. What the exchange has it keeps, whatever becomes of the process that traded there; what is on its way back to a
process that is gone is lost. No order is kept, neither there nor back: of two replaces the second may be done first,
and told last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from heapq import heappop, heappush
from itertools import count
from random import Random

from orderwright.core import messages as m
from orderwright.core.model import SECOND, Quote, VenueTraits
from orderwright.errors import Refused, Unreachable
from tests.laws.world import OUTCOMES, Outcome, Venue

MILLISECOND = 1_000


class Network:
    """A `Connector`, and the market of the exchange behind it. check: is handed each action before anything becomes of
    it. faults: share of the messages that something happens to."""

    traits = VenueTraits()

    def __init__(self, random: Random, clock: Callable[[], int], check: Callable[[m.VenueAction], None]) -> None:
        self.truth = Venue()
        self.faults, self.trades = 0.15, True
        self._random, self._clock, self._check = random, clock, check
        self._numbers = count()
        self._there: list[tuple[int, int, m.VenueAction, Outcome]] = []
        self._back: list[tuple[int, int, m.AnyReport]] = []
        self._next_trade = 0
        self.price = Decimal(100)

    # Connector

    def send(self, action: m.VenueAction) -> None:
        self._check(action)
        chance = self._random.random()
        is_request = isinstance(action, m.SendAction)
        if is_request and chance < self.faults / 6:
            raise Refused("no", code="-1")
        outcome = self._random.choice(OUTCOMES) if self._random.random() < self.faults else "carried out"
        if outcome == "not sent":
            outcome = "lost"
        if chance < self.faults / 3:
            if self._random.random() < 0.5:
                self._leave(action, "carried out")
            raise Unreachable("the line went dead") if chance < self.faults / 4 else RuntimeError("what is this?")
        self._leave(action, outcome)

    def poll(self, limit: int) -> tuple[int, Sequence[m.AnyReport]]:
        self.advance()
        if self._random.random() < self.faults / 10:
            raise Unreachable("cannot be asked")
        now = self._clock()
        reports: list[m.AnyReport] = []
        while self._back and self._back[0][0] <= now and len(reports) < 5:
            reports.append(heappop(self._back)[2])
        return limit, reports

    def cut(self) -> None:
        """The process at this end is gone, and with it what it had not heard."""
        self.advance()
        self._back.clear()

    @property
    def is_quiet(self) -> bool:
        return not self._there and not self._back

    # Feed

    def symbols(self) -> list[str]:
        return ["BTC/USDT"]

    def quote(self, symbol: str, time: int) -> Quote:
        return Quote(self.price, time // SECOND * SECOND, self.price - Decimal("0.01"), self.price + Decimal("0.01"))

    # What happens there

    def advance(self) -> None:
        """Let everything happen up to now: requests arrive, orders trade."""
        now = self._clock()
        while self._there and self._there[0][0] <= now:
            time, _, action, outcome = heappop(self._there)
            self._trade_until(time)
            self.truth.inbox.append(action)
            self.truth.handle(0, outcome, time)
            self._send_back(time)
        self._trade_until(now)

    def _leave(self, action: m.VenueAction, outcome: Outcome) -> None:
        late = self._random.random() < self.faults / 3
        after = self._random.randrange(1, 8_000 if late else 120) * MILLISECOND
        heappush(self._there, (self._clock() + after, next(self._numbers), action, outcome))

    def _trade_until(self, now: int) -> None:
        while self._next_trade <= now:
            time = self._next_trade
            self._next_trade = (time or now) + self._random.randrange(50, 700) * MILLISECOND
            self.price += self._random.randrange(-20, 21) * Decimal("0.01")
            alive = [order_id for order_id, held in self.truth.orders.items() if held.alive]
            if time and alive and self.trades:
                part, fee = self._random.choice((20, 60, 100)), self._random.choice(("", "USDT"))
                self.truth.trade(self._random.choice(alive), part, self.price, fee, time)
                self._send_back(time)

    def _send_back(self, now: int) -> None:
        mail, self.truth.mail = self.truth.mail, []
        for report in mail:
            for _ in range(self._copies()):
                late = self._random.random() < self.faults / 3
                due = now + self._random.randrange(1, 6_000 if late else 90) * MILLISECOND
                heappush(self._back, (due, next(self._numbers), report))

    def _copies(self) -> int:
        chance = self._random.random()
        return 0 if chance < self.faults / 3 else 2 if chance < self.faults else 1
