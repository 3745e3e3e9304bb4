"""The desk by the clock: who is told when, how it starts and stops, and what the log answers."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from orderwright.core import messages as m
from orderwright.core.model import SECOND, OrderStatus
from orderwright.errors import CommitFailed, LogFenced, LogLocked, UnknownName
from orderwright.journal.lease import LEASE_US
from orderwright.journal.memory import MemoryJournal
from orderwright.journal.sqlite import SqliteJournal
from orderwright.live import SystemClock
from orderwright.live.book import Answer
from orderwright.live.desk import Busy, Stopping
from orderwright.live.loop import CommitInThread, LiveLoop
from orderwright.ports import Clock
from tests.builders import NOW, a_limit_buy, a_market_buy, an_execution, an_id
from tests.live.builders import Fixture, Live, a_log

GONE = 2**30
"""A process number that no process has."""


def submit(number: int = 1) -> m.SubmitOrder:
    return m.SubmitOrder(instruction=a_limit_buy(1, 99, number))


def denied(number: int = 1) -> m.SubmitOrder:
    return m.SubmitOrder(instruction=a_market_buy(10**7, number))


async def soon(*, rounds: int = 20) -> None:
    """Let everything run that can run now."""
    for _ in range(rounds):
        await asyncio.sleep(0)


async def _started(live: Live) -> asyncio.Task[None]:
    running = asyncio.create_task(live.loop.run())
    await live.loop.started()
    return running


async def _end(live: Live, running: asyncio.Task[None]) -> None:
    live.loop.stop()
    await running


# Who is told when


def test_an_answer_waits_for_its_commit() -> None:
    live = Live(Fixture(), by_hand=True)

    async def work() -> None:
        running = await _started(live)
        asking = asyncio.ensure_future(live.loop.ask("main", submit()))
        await soon()
        assert not asking.done()
        assert live.fixture.exchanges["main"].sent == []
        live.hand.finish()
        answer = await asking
        assert answer.order is not None
        assert answer.order.status is OrderStatus.SUBMITTED
        assert len(live.fixture.exchanges["main"].sent) == 1
        await _end(live, running)

    live.run(work)


def test_what_is_decided_during_a_commit_is_settled_by_the_next_one() -> None:
    live = Live(Fixture(), by_hand=True)

    async def work() -> None:
        running = await _started(live)
        first = live.loop.put("main", submit(1))
        await soon()
        before = asyncio.ensure_future(live.loop.settled())
        second = live.loop.put("main", submit(2))
        await soon()
        after = asyncio.ensure_future(live.loop.read(lambda: live.fixture.desk.books["main"].state.sequence))
        await soon()
        live.hand.finish()
        await soon()
        assert (first.done(), before.done(), second.done(), after.done()) == (True, True, False, False)
        live.hand.finish()
        assert (await second).sequence == await after == live.fixture.desk.reached["main"]
        await live.loop.settled()
        await _end(live, running)

    live.run(work)


def test_an_order_is_not_shown_ahead_of_the_log() -> None:
    live = Live(Fixture(), by_hand=True)

    async def work() -> None:
        running = await _started(live)
        asking = live.loop.put("main", submit())
        await soon()
        looking = asyncio.ensure_future(live.loop.order("main", an_id()))
        await soon()
        assert not looking.done()
        live.hand.finish()
        assert await looking == (await asking).order
        await _end(live, running)

    live.run(work)


def test_several_commands_are_taken_all_or_none_and_answered_in_their_order() -> None:
    live = Live(Fixture(most_waiting=5))

    async def work() -> None:
        running = await _started(live)
        answers = await live.loop.ask_all("main", [submit(number) for number in range(1, 6)])
        assert [answer.order.order_id for answer in answers if answer.order] == [an_id(n) for n in range(1, 6)]
        with pytest.raises(Busy):
            await live.loop.ask_all("main", [submit(number) for number in range(6, 12)])
        await live.loop.settled()
        assert live.fixture.desk.books["main"].state.find(an_id(6)) is None
        with pytest.raises(UnknownName):
            await live.loop.ask_all("mian", [submit(7), submit(8)])
        await _end(live, running)

    live.run(work)


def test_who_stops_waiting_has_not_taken_the_command_back() -> None:
    live = Live(Fixture())

    async def work() -> None:
        running = await _started(live)
        asking = asyncio.create_task(live.loop.ask("main", submit()))
        await asyncio.sleep(0)
        asking.cancel()
        await _end(live, running)
        assert live.fixture.log.recall_order("main", an_id())

    live.run(work)


def test_deadlines_come_though_nobody_asks() -> None:
    live = Live(Fixture())

    async def work() -> None:
        running = await _started(live)
        await live.loop.ask("main", submit())
        await asyncio.sleep(7)
        found = await live.loop.order("main", an_id())
        assert found is not None
        assert found.status is OrderStatus.UNKNOWN
        await _end(live, running)

    live.run(work)


def test_a_loop_with_nothing_to_do_sleeps() -> None:
    live = Live(Fixture())

    async def work() -> int:
        running = await _started(live)
        await asyncio.sleep(5)
        before = live.time.steps
        await asyncio.sleep(100)
        await _end(live, running)
        return live.time.steps - before

    assert live.run(work) < 800


# Start


def test_no_command_is_decided_before_every_book_has_looked_at_its_exchange(tmp_path: Path) -> None:
    fixture = Fixture(a_log(tmp_path))
    fixture.open("other")
    fixture.open("main")
    fixture.put(submit())
    fixture.turn()
    fixture.exchanges["main"].mail = [m.AckReport(order_id=an_id(), time=NOW, exchange_order_id="x1")]
    live = Live(fixture, by_hand=True)

    async def work() -> Answer:
        asking = live.loop.put("main", m.CancelOrder(order_id=an_id()))
        running = asyncio.create_task(live.loop.run())
        await soon()
        ready = [live.loop.is_ready]
        assert fixture.desk.books["main"].state.orders[an_id()].status is OrderStatus.OPEN
        live.hand.finish()
        await live.loop.started()
        ready.append(live.loop.is_ready)
        await soon()
        live.hand.finish()
        answer = await asking
        await _end(live, running)
        assert [*ready, live.loop.is_ready] == [False, True, False]
        return answer

    answer = live.run(work)
    assert answer.order is not None
    assert answer.order.status is OrderStatus.PENDING_CANCEL
    fixture.log.close()


def test_after_a_start_what_was_in_flight_is_asked_about_before_anything_is_sent(tmp_path: Path) -> None:
    log = a_log(tmp_path)
    before = Fixture(log)
    before.open()
    before.put(submit())
    before.turn()
    log.close()
    after = Fixture(a_log(tmp_path))
    live = Live(after)

    async def work() -> None:
        running = await _started(live)
        await live.loop.ask("main", submit(2))
        await _end(live, running)

    live.run(work)
    sent = after.exchanges["main"].sent
    assert [(type(action), action.order_id) for action in sent] == [(m.AskOrder, an_id(1)), (m.SendOrder, an_id(2))]
    after.log.close()


def test_a_start_that_fails_is_told_to_who_waits_for_it() -> None:
    log = BadDisk()
    live = Live(Fixture(log))
    log.fails = True
    live.fixture.exchanges["main"].mail = [m.AckReport(order_id=an_id(9), time=NOW)]

    async def work() -> None:
        running = asyncio.create_task(live.loop.run())
        with pytest.raises(CommitFailed):
            await live.loop.started()
        with pytest.raises(CommitFailed):
            await running

    live.run(work)


# Stop


def test_a_stop_takes_nothing_more_and_finishes_what_was_taken() -> None:
    live = Live(Fixture(), by_hand=True)

    async def work() -> None:
        running = await _started(live)
        first = live.loop.put("main", submit(1))
        await soon()
        second = live.loop.put("main", submit(2))
        live.loop.stop()
        with pytest.raises(Stopping):
            live.loop.put("main", submit(3))
        await soon()
        live.hand.finish()
        await soon()
        assert not running.done()
        live.hand.finish()
        await running
        assert first.done()
        assert second.done()

    live.run(work)
    assert len(live.fixture.exchanges["main"].sent) == 2


def test_a_stop_with_a_limit_waits_for_what_is_under_way_to_an_exchange() -> None:
    live = Live(Fixture())

    async def work() -> float:
        running = await _started(live)
        await live.loop.ask("main", submit())
        live.loop.stop(limit=4)
        began = live.time.at
        await asyncio.sleep(1.5)
        assert not running.done()
        live.fixture.exchanges["main"].mail = [m.AckReport(order_id=an_id(), time=NOW)]
        await running
        return live.time.at - began

    assert 1.5 <= live.run(work) < 2
    assert live.fixture.desk.books["main"].state.orders[an_id()].status is OrderStatus.OPEN


def test_a_stop_ends_at_its_limit_though_an_exchange_does_not_answer() -> None:
    live = Live(Fixture())

    async def work() -> float:
        running = await _started(live)
        await live.loop.ask("main", submit())
        live.loop.stop(limit=2)
        began = live.time.at
        await running
        return live.time.at - began

    assert 2 <= live.run(work) < 2.1


def test_what_was_not_decided_within_the_limit_is_dropped_and_its_callers_are_told() -> None:
    live = Live(Fixture(), by_hand=True)

    async def work() -> None:
        running = await _started(live)
        asked = [live.loop.put("main", submit(number)) for number in range(1, 2_000)]
        await soon(rounds=100)
        assert live.fixture.desk.waiting > 0
        live.loop.stop(limit=1)
        await asyncio.sleep(1.5)
        live.hand.finish()
        await soon(rounds=100)
        live.hand.finish()
        await running
        answered = [one for one in asked if one.exception() is None]
        assert 0 < len(answered) < 1_999
        assert len(live.fixture.exchanges["main"].sent) == len(answered)
        assert all(isinstance(one.exception(), Stopping) for one in asked if one not in answered)

    live.run(work)


# What ends it


class BadDisk(MemoryJournal):
    fails = False

    def commit(self) -> None:
        if self.fails:
            raise CommitFailed("the disk is gone")


def test_a_failed_commit_ends_the_loop_and_everybody_who_waits_is_told() -> None:
    log = BadDisk()
    live = Live(Fixture(log), by_hand=True)

    async def work() -> None:
        running = await _started(live)
        asked = [live.loop.put("main", submit(1))]
        await soon()
        asked.append(live.loop.put("main", submit(2)))
        await soon()
        settling = asyncio.ensure_future(live.loop.settled())
        await soon()
        log.fails = True
        live.hand.finish()
        ends = await asyncio.gather(*asked, settling, running, return_exceptions=True)
        assert [str(end) for end in ends] == ["the disk is gone"] * 4
        with pytest.raises(CommitFailed):
            await live.loop.settled()
        with pytest.raises(CommitFailed):
            await live.loop.ask("main", submit(3))
        assert not live.loop.is_ready

    live.run(work)
    assert live.fixture.exchanges["main"].sent == []


def test_a_fault_while_acting_ends_the_loop() -> None:
    live = Live(Fixture())

    def told(_: object) -> None:
        raise RuntimeError("a fault of ours")

    async def work() -> None:
        running = await _started(live)
        live.fixture.desk.put("main", submit(), told)
        with pytest.raises(RuntimeError, match="a fault of ours"):
            await running

    live.run(work)


def test_who_waits_for_a_loop_that_is_cancelled_is_told_that_it_has_ended() -> None:
    live = Live(Fixture(), by_hand=True)

    async def work() -> None:
        running = await _started(live)
        asking = live.loop.put("main", submit())
        await soon()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        with pytest.raises(Stopping, match="the service was ended"):
            await asking

    live.run(work)


# The lease of the log


def _other(folder: Path, live: Live, **words: bool) -> SqliteJournal:
    return a_log(folder, clock=live.clock.now, **words)


def _on_a_log(folder: Path) -> Live:
    time = [NOW]  # until there is a loop, whose clock goes on from there
    clocks: list[Clock] = []
    live = Live(Fixture(a_log(folder, clock=lambda: clocks[0].now() if clocks else time[0])))
    clocks.append(live.clock)
    return live


def test_the_lease_is_kept_while_there_is_nothing_to_do_so_a_second_process_is_refused_by_name(tmp_path: Path) -> None:
    live = _on_a_log(tmp_path)

    async def work() -> None:
        running = await _started(live)
        for _ in range(4):
            await asyncio.sleep(25)
            with pytest.raises(LogLocked, match=r"log\.sqlite: \d+@.* is writing this log"):
                _other(tmp_path, live)
        await _end(live, running)

    live.run(work)
    live.fixture.log.close()


@pytest.mark.parametrize("busy", [False, True])
def test_a_process_whose_log_was_taken_over_stops(tmp_path: Path, busy: bool) -> None:
    live = _on_a_log(tmp_path)

    async def work() -> None:
        running = await _started(live)
        other = _other(tmp_path, live, take_over=True)
        if busy:
            with pytest.raises(LogFenced, match="has taken this log over"):
                await live.loop.ask("main", submit())
        with pytest.raises(LogFenced, match="has taken this log over"):
            await running
        assert live.time.at < 20
        assert other.recall_order("main", an_id()) == []
        other.close()

    live.run(work)
    assert live.fixture.exchanges["main"].sent == []
    live.fixture.log.close()


@pytest.mark.parametrize("given_up", [False, True])
def test_after_a_take_over_nothing_leaves_before_what_the_other_may_still_send_is_dead(
    tmp_path: Path, given_up: bool
) -> None:
    first = Fixture(a_log(tmp_path, clock=lambda: NOW))
    first.open()
    first.put(submit(1))
    first.turn()
    if given_up:
        first.log.close()
    second = Fixture(a_log(tmp_path, clock=lambda: NOW, take_over=True))
    live = Live(second)

    async def work() -> list[float]:
        running = await _started(live)
        await live.loop.ask("main", submit(2))
        left: list[float] = []
        for _ in range(100):
            await asyncio.sleep(0.1)
            if not left and any(isinstance(one, m.SendOrder) for one in second.exchanges["main"].sent):
                left.append(live.time.at)
        await _end(live, running)
        return left

    (left,) = live.run(work)
    assert left < 1 if given_up else 6 <= left < 7
    assert (second.desk.books["main"].state.controls.epoch > 0) is not given_up
    second.log.close()
    first.log.close()


@pytest.mark.parametrize("again", ["takes it over", "when the lease has run out", "when its process is gone"])
def test_who_took_the_log_over_and_ended_before_it_could_say_so_leaves_the_quiet_time_to_the_next(
    tmp_path: Path, again: str
) -> None:
    first = Fixture(a_log(tmp_path, clock=lambda: NOW))
    first.open()
    first.put(submit(1))
    first.turn()
    Fixture(a_log(tmp_path, clock=lambda: NOW, take_over=True)).log.close()
    if again != "when the lease has run out":
        _hold(tmp_path, f"{GONE}@{socket.gethostname()}" if again == "when its process is gone" else "1@elsewhere")
    third = Fixture(a_log(tmp_path, clock=lambda: NOW, take_over=again == "takes it over"))
    third.open()
    third.put(submit(2))
    third.turn()
    third.turn()

    controls = third.desk.books["main"].state.controls
    assert controls.epoch == 3
    assert controls.quiet_until is not None
    assert not any(isinstance(one, m.SendOrder) for one in third.exchanges["main"].sent)
    third.log.close()
    fourth = Fixture(a_log(tmp_path, clock=lambda: NOW))
    fourth.open()
    fourth.turn()
    assert fourth.desk.books["main"].state.controls.epoch == 3
    fourth.log.close()
    first.log.close()


def _hold(folder: Path, holder: str) -> None:
    """As if somebody else held the log's lease."""
    connection = sqlite3.connect(next(folder.glob("*.sqlite")))
    connection.execute("UPDATE lease SET holder = ?, expires = ?", (holder, NOW + LEASE_US))
    connection.commit()
    connection.close()


# What the log answers


class Counting(MemoryJournal):
    recalled = 0

    def recall_order(self, book: str, order_id: str) -> list[m.AnyOrderEvent]:
        self.recalled += 1
        return super().recall_order(book, order_id)


def test_a_finished_order_is_answered_from_memory_for_its_time_and_then_from_the_log() -> None:
    log = Counting()
    fixture = Fixture(log)
    fixture.open(ttl_us=60 * SECOND)
    live = Live(fixture)

    async def work() -> None:
        running = await _started(live)
        fill = m.FillReport(order_id=an_id(), time=NOW, execution=an_execution(1, 99))
        await live.loop.ask("main", submit())
        fixture.exchanges["main"].mail = [fill]
        await asyncio.sleep(2)
        log.recalled = 0
        first = await live.loop.order("main", an_id())
        assert (first is not None and first.status, log.recalled) == (OrderStatus.FILLED, 0)
        await asyncio.sleep(60)
        later = await live.loop.order("main", an_id())
        assert (later, log.recalled) == (first, 1)
        assert later is not first
        await _end(live, running)

    live.run(work)


def test_an_order_that_lives_is_answered_from_memory_however_old_it_is() -> None:
    log = Counting()
    fixture = Fixture(log)
    fixture.open(ttl_us=0)
    live = Live(fixture)

    async def work() -> None:
        running = await _started(live)
        await live.loop.ask("main", submit())
        fixture.exchanges["main"].mail = [m.AckReport(order_id=an_id(), time=NOW)]
        await asyncio.sleep(1_000)
        log.recalled = 0
        found = await live.loop.order("main", an_id())
        assert (found is not None and found.status, log.recalled) == (OrderStatus.OPEN, 0)
        ended = await live.loop.ask("main", denied(2))
        assert (await live.loop.order("main", an_id(2)), log.recalled) == (ended.order, 1)
        await _end(live, running)

    live.run(work)


def test_an_order_is_found_by_its_id_its_number_and_its_callers_own_key(tmp_path: Path) -> None:
    fixture = Fixture(a_log(tmp_path))
    live = Live(fixture)

    async def work() -> None:
        running = await _started(live)
        instruction = a_limit_buy(1, 99, idempotency_key="mine")
        asked = await live.loop.ask("main", m.SubmitOrder(instruction=instruction))
        assert await live.loop.order_of_key("main", "mine") == asked.order
        assert await live.loop.order_of_number(1) == ("main", asked.order)
        assert await live.loop.order("main", an_id(7)) is None
        assert await live.loop.order_of_key("main", "yours") is None
        assert await live.loop.order_of_number(7) is None
        with pytest.raises(UnknownName):
            await live.loop.order("mian", an_id())
        await _end(live, running)

    live.run(work)
    fixture.log.close()


# With a real thread and a real clock


def test_it_runs_with_a_thread_that_commits_and_the_systems_clock(tmp_path: Path) -> None:
    fixture = Fixture(a_log(tmp_path))
    clock = SystemClock()
    fixture.clock.time = clock.now()
    fixture.open()

    async def work() -> list[Answer]:
        committer = CommitInThread()
        loop = LiveLoop(fixture.desk, clock=clock, committer=committer)
        running = asyncio.create_task(loop.run())
        await loop.started()
        many = [loop.ask("main", submit(number)) for number in range(1, 301)]
        answers = await asyncio.gather(*many)
        loop.stop()
        await running
        committer.close()
        return answers

    answers = asyncio.run(work())
    assert [answer.order.order_id for answer in answers if answer.order] == [an_id(n) for n in range(1, 301)]
    assert len(fixture.exchanges["main"].sent) == 300
    assert fixture.log.latest("orders", by=["status"])[0]["quantity"] == Decimal(1)
    fixture.log.close()
