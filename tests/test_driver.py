"""The driver: nothing leaves before its intent is durable; what memory forgot comes back from the journal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from orderwright.core import messages as m
from orderwright.core.evolve import Changes
from orderwright.core.model import SECOND, Account, OrderStatus, VenueTraits
from orderwright.driver import CommitOnThread, Driver
from orderwright.errors import CommitFailed
from orderwright.journal.memory import MemoryJournal
from tests.builders import NOW, a_fill, a_limit_buy, a_quote, an_id, an_instrument

LATER = NOW + 60 * SECOND


class Diary(MemoryJournal):
    """A journal that writes down when it was written and committed, and can be told to fail."""

    def __init__(self, diary: list[str]) -> None:
        super().__init__()
        self.diary, self.full = diary, False

    def append(self, book: str, sequence: int, event: m.AnyEvent, changes: Changes) -> None:
        super().append(book, sequence, event, changes)
        self.diary.append(f"append {m.kind_of(event)}")

    def write(self) -> None:
        self.diary.append("write")

    def commit(self) -> None:
        if self.full:
            raise CommitFailed("database or disk is full")
        self.diary.append("commit")


class Venue:
    """A venue that notes what it is sent."""

    traits = VenueTraits()

    def __init__(self, diary: list[str]) -> None:
        self.diary = diary
        self.sent: list[m.VenueAction] = []

    def send(self, action: m.VenueAction) -> None:
        self.sent.append(action)
        self.diary.append(f"send {type(action).__name__}")

    def poll(self, limit: int) -> tuple[int, tuple[m.AnyReport, ...]]:
        return limit, ()


class ByHand:
    """A committer whose commit runs when the test says so."""

    def __init__(self) -> None:
        self.waiting: Callable[[], None] | None = None

    def start(self, commit: Callable[[], None]) -> None:
        self.waiting = commit

    def wait(self) -> None:
        commit, self.waiting = self.waiting, None
        if commit is not None:
            commit()


def a_driver(diary: list[str] | None = None, journal: MemoryJournal | None = None, **words: object) -> Driver:
    """A driver over a book that has begun, on a venue that says nothing."""
    diary = diary if diary is not None else []
    journal = journal if journal is not None else Diary(diary)
    replies: list[m.Reply | m.RaiseAlert] = []
    driver = Driver("main", journal, {"simulated": Venue(diary)}, handler=replies.append, **words)  # type: ignore[arg-type]
    driver.turn(commands_of_opening(), NOW)
    driver.turn((), NOW)  # the day begins
    driver.flush()
    diary.clear()
    return driver


def commands_of_opening() -> list[m.Input]:
    return [
        m.DefineInstrument(instrument=an_instrument()),
        m.OpenAccount(account=Account(account="main")),
        m.MoveCash(account="main", asset="USDT", amount=Decimal(1_000_000), reference="opening"),
    ]


def a_submit(number: int = 1, **words: object) -> m.SubmitOrder:
    return m.SubmitOrder(instruction=a_limit_buy(1, 100, number, **words))


def an_ack(number: int = 1) -> m.AckReport:
    return m.AckReport(order_id=an_id(number), time=LATER, exchange_order_id=f"x{number}")


def test_a_turn_appends_writes_and_commits_before_it_sends() -> None:
    diary: list[str] = []
    a_driver(diary).turn([a_submit(1), a_submit(2)], LATER)
    assert diary == [
        "append order_received",
        "append order_received",
        "write",
        "commit",
        "send SendOrder",
        "send SendOrder",
    ]


def test_nothing_is_sent_when_the_commit_fails() -> None:
    diary: list[str] = []
    driver = a_driver(diary)
    driver.journal.full = True  # type: ignore[attr-defined]
    with pytest.raises(CommitFailed, match="disk is full"):
        driver.turn([a_submit()], LATER)
    assert diary == ["append order_received", "write"]


def test_with_a_commit_under_way_the_next_turn_is_decided_but_neither_written_nor_sent() -> None:
    diary: list[str] = []
    committer = ByHand()
    driver = a_driver(diary, committer=committer)
    driver.turn([a_submit(1)], LATER)
    driver.decide([a_submit(2)], LATER)
    assert diary == ["append order_received", "write", "append order_received"]
    driver.settle()
    assert diary[3:] == ["commit", "send SendOrder", "write"]
    driver.flush()
    assert diary[6:] == ["commit", "send SendOrder"]


def test_a_commit_that_fails_on_the_thread_is_raised_before_anything_is_sent() -> None:
    diary: list[str] = []
    committer = CommitOnThread()
    driver = a_driver(diary, committer=committer)
    driver.journal.full = True  # type: ignore[attr-defined]
    driver.turn([a_submit(1)], LATER)
    with pytest.raises(CommitFailed, match="disk is full"):
        driver.flush()
    committer.close()
    assert "send SendOrder" not in diary


def test_a_reply_is_given_only_after_the_commit_of_its_turn() -> None:
    diary: list[str] = []
    driver = a_driver(diary)
    driver.handler = lambda word: diary.append(f"say {type(word).__name__}")
    driver.turn([m.CancelOrder(order_id=an_id(9))], LATER)
    assert diary == ["write", "commit", "say Reply"]


def test_time_comes_before_other_inputs_and_the_market_before_time() -> None:
    diary: list[str] = []
    driver = a_driver(diary)
    tomorrow = NOW + 86_400 * SECOND
    quote = m.QuoteSeen(exchange="simulated", symbol="BTC/USDT", quote=a_quote(time=tomorrow))
    driver.turn([quote, a_submit()], tomorrow)
    assert diary[:3] == ["append price_seen", "append day_started", "append order_received"]


def test_a_late_fill_of_an_order_that_left_memory_is_recognised_and_counted_once() -> None:
    driver = a_driver()
    driver.turn(
        [
            a_submit(),
            an_ack(),
            a_fill("0.4", 100, "e1"),
            m.EndReport(order_id=an_id(), time=LATER, status=OrderStatus.CANCELLED),
        ],
        LATER,
    )
    driver.state.finished.clear()
    driver.turn([a_fill("0.4", 100, "e1")], LATER)
    assert driver.state.positions["main", "BTC/USDT"].size == Decimal("0.4")
    driver.turn([a_fill("0.1", 100, "e2")], LATER)
    assert driver.state.positions["main", "BTC/USDT"].size == Decimal("0.5")


def test_an_idempotency_key_that_left_memory_is_recognised() -> None:
    driver = a_driver()
    driver.turn([a_submit(1, idempotency_key="mine")], LATER)
    before = driver.state.sequence
    driver.state.keys.clear()
    driver.turn([a_submit(2, idempotency_key="mine")], LATER)
    assert driver.state.sequence == before


def test_time_that_goes_back_is_taken_as_no_time_passed() -> None:
    driver = a_driver()
    driver.turn([a_submit(1)], LATER)
    driver.turn([a_submit(2)], LATER - 30 * SECOND)
    assert driver.state.orders[an_id(2)].created_at == LATER


def test_recovery_asks_about_every_request_in_flight() -> None:
    first = a_driver()
    first.turn([a_submit(1), a_submit(2), an_ack(2)], LATER)
    first.turn([m.CancelOrder(order_id=an_id(2))], LATER)
    venue = Venue([])
    second = Driver("main", first.journal, {"simulated": venue})
    second.recover()
    asked = [(action.order_id, action.number) for action in venue.sent if isinstance(action, m.AskOrder)]
    assert asked == [(an_id(1), 0), (an_id(2), 1)]
    assert len(venue.sent) == 2


def test_a_driver_on_a_log_has_the_state_of_the_one_that_wrote_it() -> None:
    first = a_driver()
    first.turn([a_submit(1), a_submit(2), an_ack(1), a_fill("0.3", 100, "e1")], LATER)
    second = Driver("main", first.journal, {"simulated": Venue([])})
    for field in (
        "orders",
        "balances",
        "positions",
        "controls",
        "day",
        "accounts",
        "instruments",
        "exposures",
        "sequence",
        "now",
    ):
        assert getattr(second.state, field) == getattr(first.state, field), field


@pytest.mark.parametrize("on_thread", [False, True])
def test_after_a_failed_commit_nothing_is_ever_sent_and_every_call_says_why(on_thread: bool) -> None:
    diary: list[str] = []
    committer = CommitOnThread() if on_thread else None
    driver = a_driver(diary, committer=committer)
    driver.journal.full = True  # type: ignore[attr-defined]
    with contextlib.suppress(CommitFailed):  # at once, or from the thread
        driver.turn([a_submit(1)], LATER)
    with pytest.raises(CommitFailed, match="disk is full"):
        driver.flush()
    driver.journal.full = False  # type: ignore[attr-defined]
    submit, decide = partial(driver.turn, [a_submit(2)], LATER), partial(driver.decide, [], LATER)
    for again in (driver.flush, driver.settle, submit, decide):
        with pytest.raises(CommitFailed, match="disk is full"):
            again()
    if committer is not None:
        committer.close()
    assert not [line for line in diary if line.startswith("send")]


def test_a_batch_of_any_size_is_taken_in_turns_that_memory_can_hold(tmp_path: Path) -> None:
    """On SQLite: 12,000 orders that end within one call, then a late fill of the first and its submission again."""
    from orderwright.journal.sqlite import open_log

    journal, venue = open_log(tmp_path / "log.sqlite"), Venue([])
    driver = Driver("main", journal, {"simulated": venue})
    driver.turn(commands_of_opening(), NOW)
    count = 12_000
    lives: list[m.Input] = []
    for number in range(1, count + 1):
        lives += [a_submit(number), m.RejectReport(order_id=an_id(number), time=LATER, code="no")]
    driver.turn(lives, LATER)
    rows = driver.state.sequence
    driver.turn([a_submit(1)], LATER)
    assert (driver.state.sequence, len(venue.sent)) == (rows, count)
    driver.turn([a_fill("0.5", 100, "late", 1)], LATER)
    assert driver.state.positions["main", "BTC/USDT"].size == Decimal("0.5")
    journal.close()


def test_recovery_fetches_the_trades_of_an_order_whose_fills_have_not_all_come() -> None:
    first = a_driver()
    end = m.EndReport(order_id=an_id(), time=LATER, status=OrderStatus.CANCELLED, cumulative=Decimal("0.7"))
    first.turn([a_submit(), an_ack(), a_fill("0.3", 100, "e1"), end], LATER)
    venue = Venue([])
    Driver("main", first.journal, {"simulated": venue}).recover()
    assert [type(action) for action in venue.sent] == [m.FetchTrades]
