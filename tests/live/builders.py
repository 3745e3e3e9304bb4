"""A desk with books on fake exchanges, turned by hand or by a loop of virtual time."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from orderwright.core import messages as m
from orderwright.core.model import SECOND, Account, Quote, VenueTraits
from orderwright.engine import Engine
from orderwright.journal.memory import MemoryJournal
from orderwright.journal.sqlite import SqliteJournal, open_log
from orderwright.live.book import Answer, LiveBook
from orderwright.live.desk import Desk
from orderwright.live.loop import LiveLoop
from orderwright.live.space import SpaceGuard
from orderwright.ports import Journal
from tests.builders import NOW, SYMBOL, an_instrument
from tests.live.virtual import CommitByHand, VirtualClock, VirtualLoop

T = TypeVar("T")
ACCOUNT = Account(account="main", traits=VenueTraits())
OPENING: tuple[m.Input, ...] = (
    m.DefineInstrument(instrument=an_instrument()),
    m.OpenAccount(account=ACCOUNT),
    m.MoveCash(account="main", asset="USDT", amount=Decimal(1_000_000), reference="usdt"),
    m.MoveCash(account="main", asset="BTC", amount=Decimal(1_000), reference="btc"),
)


class FakeExchange:
    """Takes everything down and says what the test puts into `mail`. on_send, on_poll: called first, and may raise."""

    traits = VenueTraits()

    def __init__(self) -> None:
        self.sent: list[m.VenueAction] = []
        self.mail: list[m.AnyReport] = []
        self.polls = 0
        self.on_send: Callable[[m.VenueAction], None] = lambda _: None
        self.on_poll: Callable[[], None] = lambda: None

    def send(self, action: m.VenueAction) -> None:
        self.on_send(action)
        self.sent.append(action)

    def poll(self, limit: int) -> tuple[int, Sequence[m.AnyReport]]:
        self.polls += 1
        self.on_poll()
        reports, self.mail = self.mail, []
        return limit, reports

    def symbols(self) -> list[str]:
        return [SYMBOL]

    def quote(self, symbol: str, time: int) -> Quote:
        return Quote(Decimal("99.99"), time // SECOND * SECOND, Decimal("99.99"), Decimal("100.01"))


class HandClock:
    """A clock that the test moves."""

    def __init__(self, time: int = NOW) -> None:
        self.time = time

    def now(self) -> int:
        return self.time


class Fixture:
    """A desk turned by hand. heard: what was told, in order."""

    def __init__(self, journal: Journal | None = None, **words: Any) -> None:
        self.log = journal if journal is not None else MemoryJournal()
        self.desk = Desk(self.log, **words)
        self.clock = HandClock()
        self.exchanges: dict[str, FakeExchange] = {}
        self.heard: list[Answer | BaseException] = []
        self.alerts: list[tuple[str, str]] = []

    def open(self, name: str = "main", *, opening: bool = True, **words: Any) -> LiveBook:
        """A book, set up, and nothing of it left to be done."""
        exchange = self.exchanges[name] = FakeExchange()
        journal: Any = self.desk.journal
        engine = Engine(name, journal, {"simulated": exchange}, markets={"simulated": exchange}, clock=self.clock)
        alert = lambda book, said: self.alerts.append((book, said.text))  # noqa: E731
        book = self.desk.open(LiveBook(engine, alert=alert, **words))
        if opening:
            for said in OPENING:
                self.desk.put(name, said)
            self.turn()
        return book

    def put(self, said: m.Input, book: str = "main") -> None:
        self.desk.put(book, said, self.heard.append)

    def decide(self) -> None:
        """Everything that is there now, slice by slice."""
        for _ in range(100):
            if not self.desk.wants(self.clock.now()) or self.desk.is_full:
                return
            self.desk.decide(self.clock.now())

    def commit(self) -> None:
        self.desk.write()
        self.desk.commit()
        self.desk.perform()

    def turn(self) -> None:
        """Decide, commit and perform until nothing is left to be done."""
        for _ in range(50):
            self.decide()
            if not self.desk.has_decided:
                return
            self.commit()
        raise AssertionError("the desk does not come to rest")

    @property
    def answers(self) -> list[Answer]:
        assert all(isinstance(one, Answer) for one in self.heard), self.heard
        return [one for one in self.heard if isinstance(one, Answer)]


class Live:
    """The same under a loop of virtual time, its commits ended by hand (`committer.finish`) or at once (`by_hand`
    off)."""

    def __init__(
        self,
        fixture: Fixture,
        *,
        by_hand: bool = False,
        guard: SpaceGuard | None = None,
        books: Sequence[str] = ("main",),
    ) -> None:
        self.fixture = fixture
        for name in books:
            if name not in fixture.desk.books:
                fixture.open(name)
        self.time = VirtualLoop()
        fixture.clock = HandClock()
        self.clock = VirtualClock(self.time, NOW)
        self.hand = CommitByHand()
        committer = self.hand if by_hand else _AtOnce(self.time)
        self.loop = LiveLoop(fixture.desk, clock=self.clock, committer=committer, guard=guard, stopwatch=self.time.time)

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run the loop, and beside it what the test does."""
        return self.time.run(work())


class _AtOnce:
    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def start(self, commit: Callable[[], None], ended: Callable[[BaseException | None], None]) -> None:
        def run() -> None:
            error: BaseException | None = None
            try:
                commit()
            except Exception as raised:  # noqa: BLE001  # as a thread's future keeps it
                error = raised
            ended(error)

        self._loop.call_later(0.001, run)

    def close(self) -> None:
        """There is no thread."""


def a_log(folder: Path, **words: Any) -> SqliteJournal:
    return open_log(folder / "log.sqlite", **words)
