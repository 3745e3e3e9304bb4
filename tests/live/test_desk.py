"""A desk turned by hand: what is visible when, whose turn it is, and what ends everything."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orderwright.core import messages as m
from orderwright.core.evolve import Changes
from orderwright.core.model import DAY, SECOND, Execution, Order, OrderSide, OrderStatus, OrderType, TradingState, Trail
from orderwright.engine import Engine
from orderwright.errors import CommitFailed, InputError, UnknownName, Unreachable
from orderwright.journal.memory import MemoryJournal
from orderwright.live.book import Answer, LiveBook
from orderwright.live.desk import MOST_ROWS, Busy
from orderwright.market.instruments import default_instrument
from orderwright.market.random_market import START, random_candles
from orderwright.simulation.exchange import SimulatedExchange
from tests.builders import NOW, SYMBOL, a_limit_buy, a_market_buy, an_execution, an_id, an_instruction
from tests.live.builders import OPENING, Fixture, a_log


def submit(number: int = 1, quantity: int = 1, **words: Any) -> m.SubmitOrder:
    return m.SubmitOrder(instruction=a_limit_buy(quantity, 99, number, **words))


def orders_of(answers: list[Answer]) -> list[Order]:
    return [answer.order for answer in answers if answer.order is not None]


# What is visible when


def test_nothing_is_sent_and_nobody_is_told_before_the_commit_has_ended() -> None:
    desk = Fixture()
    desk.open()
    desk.put(submit())
    desk.decide()
    assert desk.desk.books["main"].state.orders
    desk.desk.write()
    desk.desk.commit()
    assert (desk.exchanges["main"].sent, desk.heard) == ([], [])
    desk.desk.perform()
    (answer,) = desk.answers
    (sent,) = desk.exchanges["main"].sent
    assert isinstance(sent, m.SendOrder)
    assert sent.order_id == an_id()
    assert answer.order is not None
    assert answer.order.status is OrderStatus.SUBMITTED
    assert answer.sequence == desk.desk.reached["main"]


def test_a_duplicate_that_writes_no_row_waits_for_the_commit_of_what_it_repeats(tmp_path: Path) -> None:
    desk = Fixture(a_log(tmp_path))
    desk.open()
    desk.put(submit())
    desk.decide()
    desk.desk.write()
    desk.put(submit())
    desk.decide()
    assert desk.desk.has_decided
    assert not desk.desk.has_rows
    desk.desk.commit()
    desk.desk.perform()
    assert [answer.reply for answer in desk.answers] == [None]
    desk.commit()
    assert [answer.reply.outcome if answer.reply else None for answer in desk.answers] == [None, "duplicate"]
    assert len(desk.exchanges["main"].sent) == 1
    desk.log.close()


def test_an_answer_is_a_copy_that_later_events_do_not_change() -> None:
    desk = Fixture()
    desk.open()
    desk.put(submit())
    desk.turn()
    (before,) = orders_of(desk.answers)
    desk.exchanges["main"].mail = [m.AckReport(order_id=an_id(), time=NOW, exchange_order_id="x1")]
    desk.desk.look_at("main")
    desk.turn()
    assert before.status is OrderStatus.SUBMITTED
    assert desk.desk.books["main"].state.orders[an_id()].status is OrderStatus.OPEN


def test_what_ended_in_a_turn_that_is_not_durable_is_found_by_the_next(tmp_path: Path) -> None:
    desk = Fixture(a_log(tmp_path))
    desk.open()
    desk.put(m.SubmitOrder(instruction=a_market_buy(10**7)))
    desk.decide()
    desk.desk.write()
    desk.put(m.CancelOrder(order_id=an_id()))
    desk.decide()
    desk.put(m.CancelOrder(order_id=an_id()))
    desk.decide()
    desk.desk.commit()
    desk.desk.perform()
    desk.commit()
    assert [order.status for order in orders_of(desk.answers)] == [OrderStatus.DENIED] * 3
    desk.log.close()


def test_a_book_can_be_opened_while_a_commit_is_under_way(tmp_path: Path) -> None:
    desk = Fixture(a_log(tmp_path))
    desk.open()
    desk.put(submit())
    desk.decide()
    desk.desk.write()
    desk.open("other", opening=False)
    for said in OPENING:
        desk.desk.put("other", said)
    desk.put(submit(2), "other")
    desk.decide()
    desk.desk.commit()
    desk.desk.perform()
    desk.turn()
    assert [answer.book for answer in desk.answers] == ["main", "other"]
    assert desk.log.recall_order("other", an_id(2))
    desk.log.close()


def test_a_book_that_is_open_is_not_opened_again() -> None:
    desk = Fixture()
    book = desk.open()
    with pytest.raises(InputError, match="book 'main' is open already"):
        desk.desk.open(book)


def test_a_books_own_engine_does_not_commit_into_the_desks_commit() -> None:
    desk = Fixture()
    book = desk.open()
    desk.put(submit())
    desk.decide()
    desk.desk.write()
    with pytest.raises(AssertionError, match="put commands to it"):
        book.engine.tell([m.MoveCash(account="main", asset="USDT", amount=Decimal(1))])


def test_money_paid_in_reaches_the_simulated_exchange_when_it_is_durable() -> None:
    desk = Fixture()
    exchange = SimulatedExchange([random_candles(1, 60, default_instrument(SYMBOL), start=START)])
    journal: Any = desk.desk.journal
    desk.desk.open(LiveBook(Engine("main", journal, {"simulated": exchange}, start=START)))
    desk.clock.time = START + SECOND
    for said in OPENING[1:3]:
        desk.put(said)
    desk.decide()
    assert exchange.balances == {}
    desk.turn()
    assert exchange.balances["main", "USDT"].total == Decimal(1_000_000)


# Whose turn it is


def test_commands_of_a_book_are_decided_in_the_order_they_came() -> None:
    desk = Fixture()
    desk.open()
    for number in range(1, 300):
        desk.put(submit(number))
    desk.turn()
    assert [order.order_id for order in orders_of(desk.answers)] == [an_id(number) for number in range(1, 300)]


def test_a_busy_book_does_not_keep_the_others_waiting() -> None:
    desk = Fixture()
    for name in ("a", "z"):
        desk.open(name)
    for number in range(1, 500):
        desk.put(submit(number), "a")
    desk.put(submit(1), "z")
    desk.desk.decide(desk.clock.now())
    desk.commit()
    assert [answer.book for answer in desk.answers].count("z") == 1


def test_an_exchange_that_tells_without_end_does_not_keep_the_commands_waiting() -> None:
    desk = Fixture()
    desk.open()
    exchange = desk.exchanges["main"]
    exchange.on_poll = lambda: exchange.mail.append(m.AckReport(order_id=an_id(77), time=NOW))
    desk.put(submit())
    desk.desk.decide(desk.clock.now())
    desk.commit()
    assert len(desk.answers) == 1


def test_reports_that_are_too_many_for_a_turn_are_all_heard_in_several() -> None:
    desk = Fixture()
    desk.open()
    desk.put(submit(quantity=100))
    desk.turn()
    fills = [
        m.FillReport(order_id=an_id(), time=NOW, execution=an_execution("0.01", 99, f"e{number}"))
        for number in range(5_000)
    ]
    desk.exchanges["main"].mail = list(fills)
    desk.desk.look_at("main")
    desk.decide()
    assert MOST_ROWS <= desk.desk.rows < MOST_ROWS + 100
    assert desk.desk.is_full
    desk.turn()
    order = desk.desk.books["main"].state.orders[an_id()]
    assert (order.filled, list(order.executions)) == (Decimal(50), [f"e{number}" for number in range(5_000)])


def test_a_full_queue_is_busy_but_has_room_for_what_makes_risk_smaller() -> None:
    desk = Fixture(most_waiting=10)
    desk.open()
    for number in range(1, 11):
        desk.put(submit(number))
    with pytest.raises(Busy, match="10 commands wait already"):
        desk.put(submit(11))
    desk.put(m.SetTradingState(state=TradingState.HALTED))
    desk.put(m.CancelAll())
    with pytest.raises(Busy, match="12 commands wait already"):
        desk.put(m.CancelAll())
    desk.turn()
    assert len(desk.answers) == 12
    assert desk.desk.waiting == 0


def test_a_book_that_is_not_there_is_named_with_the_nearest() -> None:
    desk = Fixture()
    desk.open()
    with pytest.raises(UnknownName, match="main"):
        desk.put(submit(), "mian")
    assert desk.desk.waiting == 0


def test_a_book_with_nothing_to_do_is_not_looked_at_before_the_day_ends() -> None:
    desk = Fixture()
    feed = random_candles(1, 60, default_instrument(SYMBOL), start=NOW)
    for number in range(30):
        journal: Any = desk.desk.journal
        exchange = SimulatedExchange([feed])
        name = f"b{number:02}"
        desk.desk.open(LiveBook(Engine(name, journal, {"simulated": exchange}, start=NOW)))
        desk.put(OPENING[1], name)
    desk.turn()
    assert desk.desk.next_time() == NOW // DAY * DAY + DAY
    assert not desk.desk.wants(NOW + 3_600 * SECOND)


def test_times_that_are_not_wanted_any_more_are_forgotten() -> None:
    desk = Fixture()
    desk.open()
    for number in range(1, 400):
        desk.put(submit(number))
        desk.turn()
        desk.clock.time += 100_000
    assert len(desk.desk._times) <= 66


def test_an_order_that_follows_the_price_is_looked_at_every_second() -> None:
    desk = Fixture()
    book = desk.open(poll_us=10 * SECOND)
    stop = an_instruction(
        1,
        side=OrderSide.SELL,
        type=OrderType.STOP_LOSS,
        price=None,
        stop_price=Decimal(90),
        trail=Trail(percent=Decimal(5)),
    )
    desk.clock.time += SECOND // 2
    desk.put(m.SubmitOrder(instruction=stop))
    desk.turn()
    assert book.next_time(desk.clock.now()) == desk.clock.now() + SECOND // 2
    desk.clock.time += SECOND // 2
    desk.turn()
    assert book.next_time(desk.clock.now()) == desk.clock.now() + SECOND


# Time


def test_a_simulated_exchange_that_was_asleep_catches_up_report_by_report() -> None:
    desk = Fixture()
    exchange = SimulatedExchange([random_candles(3, 600, default_instrument(SYMBOL), start=START)])
    journal: Any = desk.desk.journal
    book = desk.desk.open(LiveBook(Engine("main", journal, {"simulated": exchange}, start=START)))
    desk.clock.time = START + 90 * SECOND
    instrument = m.DefineInstrument(instrument=default_instrument(SYMBOL))
    for said in (instrument, *OPENING[1:]):
        desk.put(said)
    desk.turn()
    far = a_limit_buy("0.01", "49800", 1)
    desk.put(m.SubmitOrder(instruction=far))
    desk.turn()
    desk.clock.time = START + 580 * 60 * SECOND
    desk.turn()
    order = book.state.find(an_id())
    assert order is not None
    assert order.status is OrderStatus.FILLED
    (trade,) = [one for one in order.executions.values() if isinstance(one, Execution)]
    assert START < trade.time < desk.clock.time
    assert order.updated_at == desk.clock.time


def test_a_clock_behind_the_log_takes_nothing_back(tmp_path: Path) -> None:
    desk = Fixture(a_log(tmp_path))
    book = desk.open()
    desk.clock.time = NOW - 3_600 * SECOND
    desk.put(submit())
    desk.turn()
    (order,) = orders_of(desk.answers)
    assert order.created_at == book.state.now == NOW
    desk.log.close()


# What goes wrong


class BadDisk(MemoryJournal):
    """Fails from the moment the test says so."""

    fails = False

    def commit(self) -> None:
        if self.fails:
            raise CommitFailed("the disk is gone")


def test_a_failed_commit_ends_every_book_and_everybody_is_told() -> None:
    log = BadDisk()
    desk = Fixture(log)
    for name in ("main", "other"):
        desk.open(name)
    log.fails = True
    desk.put(submit(1))
    desk.decide()
    desk.desk.write()
    desk.put(submit(2), "other")
    desk.decide()
    desk.put(submit(3))
    with pytest.raises(CommitFailed) as raised:
        desk.desk.commit()
    desk.desk.fail(raised.value)
    assert desk.heard == [raised.value] * 3
    assert desk.exchanges["main"].sent == desk.exchanges["other"].sent == []
    with pytest.raises(CommitFailed, match="the disk is gone"):
        desk.put(submit(4))
    with pytest.raises(CommitFailed, match="the disk is gone"):
        desk.desk.decide(NOW)
    with pytest.raises(CommitFailed, match="the disk is gone"):
        desk.open("third")
    assert desk.desk.waiting == 0


def test_a_fault_while_acting_leaves_nobody_without_a_word() -> None:
    desk = Fixture()
    desk.open()

    def told(_: object) -> None:
        raise RuntimeError("a fault of ours")

    desk.put(submit(1))
    desk.desk.put("main", submit(2), told)
    desk.put(submit(3))
    desk.decide()
    desk.desk.write()
    desk.desk.commit()
    with pytest.raises(RuntimeError, match="a fault of ours") as raised:
        desk.desk.perform()
    desk.desk.fail(raised.value)
    first, last = desk.heard
    assert isinstance(first, Answer)
    assert last is raised.value
    assert [action.order_id for action in desk.exchanges["main"].sent] == [an_id(1), an_id(2)]


def test_whoever_asked_for_what_ends_the_desk_is_told_so_too() -> None:
    desk, error = Fixture(), ArithmeticError("a fault of ours")
    book = desk.open()

    def fail(said: Sequence[m.Input], now: int) -> None:
        if said:
            raise error

    book.driver.decide = fail  # type: ignore[method-assign,assignment]
    desk.put(submit(1))
    desk.put(submit(2))
    with pytest.raises(ArithmeticError, match="a fault of ours"):
        desk.decide()
    desk.desk.fail(error)
    assert desk.heard == [error, error]


@pytest.mark.parametrize("error", [Unreachable("the line is dead"), ValueError("key=12345")])
def test_an_exchange_that_cannot_be_asked_is_asked_again_and_people_are_told_once(error: Exception) -> None:
    desk = Fixture()
    book = desk.open()

    def fail() -> None:
        raise error

    exchange = desk.exchanges["main"]
    exchange.on_poll = fail
    desk.put(submit())
    desk.turn()
    assert len(desk.answers) == 1
    text = f"an exchange cannot be asked what has happened ({type(error).__name__}); it is asked again"
    assert desk.alerts == [("main", text)]
    assert book.trouble == type(error).__name__
    exchange.on_poll = lambda: None
    exchange.mail = [m.AckReport(order_id=an_id(), time=NOW)]
    desk.clock.time += SECOND
    desk.turn()
    assert (book.trouble, book.state.orders[an_id()].status) == ("", OrderStatus.OPEN)


@pytest.mark.parametrize("error", [Unreachable("the line is dead"), ValueError("what?")])
def test_a_request_that_may_have_gone_out_is_unknown_and_asked_about(error: Exception) -> None:
    desk = Fixture()
    book = desk.open()

    def fail(action: m.VenueAction) -> None:
        if isinstance(action, m.SendOrder):
            raise error

    desk.exchanges["main"].on_send = fail
    desk.put(submit())
    desk.turn()
    assert book.state.orders[an_id()].status is OrderStatus.UNKNOWN
    assert [type(action) for action in desk.exchanges["main"].sent] == [m.AskOrder]


# Who watches


class Watching:
    def __init__(self) -> None:
        self.said: list[object] = []

    def seen(self, book: str, sequence: int, event: m.AnyEvent, changes: Changes) -> None:
        self.said.append((book, sequence, m.kind_of(event)))

    def committed(self, reached: dict[str, int], rows: int, seconds: float) -> None:
        self.said.append((dict(reached), rows, seconds))

    def acted(self) -> None:
        self.said.append("acted")


def test_who_watches_sees_each_event_then_the_commit_then_that_it_was_acted_on() -> None:
    watching = Watching()
    desk = Fixture(watchers=[watching])
    desk.open(opening=False)
    desk.put(OPENING[1])
    desk.decide()
    desk.desk.write()
    desk.desk.commit()
    desk.desk.perform(0.25)
    seen = [("main", 1, "account_opened"), ("main", 2, "day_started")]
    assert watching.said == [*seen, ({"main": 2}, 2, 0.25), "acted"]
