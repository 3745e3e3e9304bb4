"""Below the floor of disk space trading is reduced, and goes on when there is space again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from orderwright.core import messages as m
from orderwright.core.model import TradingState
from orderwright.journal.memory import MemoryJournal
from orderwright.live.space import CAUSE, SpaceGuard
from tests.live.builders import Fixture, Live

MIB = 2**20
ACTIVE, REDUCING, HALTED = TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED


class Disk:
    def __init__(self, free: int = 1_000) -> None:
        self.free: int | OSError = free
        self.alerts: list[tuple[str, str, str]] = []

    def free_bytes(self) -> int:
        if isinstance(self.free, OSError):
            raise self.free
        return self.free * MIB

    def guard(self) -> SpaceGuard:
        def alert(book: str, said: m.RaiseAlert) -> None:
            self.alerts.append((book, said.topic, said.text))

        return SpaceGuard(self.free_bytes, 100 * MIB, alert=alert)


def states(live: Live) -> list[TradingState]:
    return [book.state.controls.trading for book in live.fixture.desk.books.values()]


def run(live: Live, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def all_of_it() -> None:
        running = asyncio.create_task(live.loop.run())
        await live.loop.started()
        await work()
        live.loop.stop()
        await running

    live.run(all_of_it)


def logged(live: Live, book: str = "main") -> list[tuple[TradingState, str]]:
    events = live.fixture.log.events(book)
    return [(event.state, event.cause) for _, event in events if isinstance(event, m.TradingStateSet)]


def test_below_the_floor_every_book_is_reducing_once_with_a_cause_and_an_alert_and_back_with_a_margin() -> None:
    disk = Disk(100)
    live = Live(Fixture(), guard=disk.guard(), books=("main", "other"))

    async def work() -> None:
        await asyncio.sleep(3)
        assert states(live) == [ACTIVE, ACTIVE]
        disk.free = 99
        await asyncio.sleep(3)
        assert states(live) == [REDUCING, REDUCING]
        disk.free = 124
        await asyncio.sleep(3)
        assert states(live) == [REDUCING, REDUCING]
        disk.free = 125
        await asyncio.sleep(3)
        assert states(live) == [ACTIVE, ACTIVE]
        disk.free = 101
        await asyncio.sleep(3)

    run(live, work)
    assert logged(live) == [(REDUCING, CAUSE), (ACTIVE, "there is disk space again")]
    assert logged(live) == logged(live, "other")
    assert disk.alerts == [
        ("system", "disk_space", "99 MiB of disk space are free; the floor is 100 MiB: every book is set REDUCING"),
        (
            "system",
            "disk_space",
            "125 MiB of disk space are free; the floor is 100 MiB: the books that were set REDUCING are ACTIVE again",
        ),
    ]


def test_what_somebody_else_has_set_stays_as_it_is() -> None:
    disk = Disk()
    live = Live(Fixture(), guard=disk.guard(), books=("halted", "reducing"))

    async def work() -> None:
        await live.loop.ask("halted", m.SetTradingState(state=HALTED, cause="ann"))
        await live.loop.ask("reducing", m.SetTradingState(state=REDUCING, cause="ann"))
        disk.free = 10
        await asyncio.sleep(2)
        disk.free = 1_000
        await asyncio.sleep(2)

    run(live, work)
    assert states(live) == [HALTED, REDUCING]
    assert logged(live, "reducing") == [(REDUCING, "ann")]


def test_a_book_that_comes_while_space_is_short_is_reduced_too_and_one_that_never_trades_is_let_be() -> None:
    disk = Disk(10)
    fixture = Fixture()
    fixture.open("main")
    fixture.open("system", opening=False)
    live = Live(fixture, guard=disk.guard(), books=())

    async def work() -> None:
        await asyncio.sleep(2)
        fixture.open("late", opening=False)
        await live.loop.ask("late", m.OpenAccount(account=fixture.desk.books["main"].state.accounts["main"]))
        await asyncio.sleep(2)

    run(live, work)
    assert states(live) == [REDUCING, ACTIVE, REDUCING]
    assert logged(live, "system") == []


def test_the_full_queue_of_a_busy_service_has_room_for_it() -> None:
    fixture = Fixture(most_waiting=0)
    fixture.desk.most_waiting = 10
    fixture.open()
    fixture.desk.most_waiting = 0
    disk = Disk(10)
    disk.guard().look(fixture.desk)
    fixture.turn()
    assert fixture.desk.books["main"].state.controls.trading is REDUCING


def test_after_a_restart_it_is_still_known_who_has_set_it() -> None:
    log = MemoryJournal()
    before = Fixture(log)
    before.open()
    disk = Disk(10)
    disk.guard().look(before.desk)
    before.turn()
    after = Fixture(log)
    after.open(opening=False)
    guard = disk.guard()
    disk.free = 110
    guard.look(after.desk)
    after.turn()
    assert (guard.is_short, after.desk.books["main"].state.controls.trading) == (True, REDUCING)
    disk.free = 200
    guard.look(after.desk)
    after.turn()
    assert (guard.is_short, after.desk.books["main"].state.controls.trading) == (False, ACTIVE)


def test_a_disk_that_cannot_be_asked_changes_nothing() -> None:
    fixture = Fixture()
    fixture.open()
    disk = Disk(10)
    guard = disk.guard()
    disk.free = OSError("gone")
    guard.look(fixture.desk)
    fixture.turn()
    assert (guard.is_short, fixture.desk.books["main"].state.controls.trading) == (False, ACTIVE)
