"""What is kept of orders that belong together, and for how long: in a book that works, and in a replay of its log."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, localcontext

from orderwright.core import messages as m
from orderwright.core.model import Bracket
from orderwright.core.numbers import EXACT
from orderwright.journal.replay import Replay
from orderwright.simulation.models import Models
from orderwright.simulation.models.path import open_low_high_close
from tests.simulation.book import Book
from tests.simulation.builders import SYMBOL, an_instrument, flat, order_id, some_candles

BOTH = Bracket(stop_loss=Decimal(98), take_profit=Decimal(104))
KEY = ("main", SYMBOL)


def replayed(book: Book, *, forgetful: bool = False) -> Replay:
    """The log of a book through a replay. forgetful: one that keeps no finished order."""
    events = [event for _, event in book.engine.driver.journal.events("main")]

    def recall(order_id: str, sequence: int) -> list[m.AnyOrderEvent]:
        before: Iterable[m.AnyEvent] = events[: sequence - 1]
        return [event for event in before if isinstance(event, m.OrderEvent) and event.order_id == order_id]

    replay = Replay("main", recall)
    with localcontext(EXACT):
        for event in events:
            replay.apply(event)
            if forgetful:
                replay.state.finished.clear()
    return replay


def test_a_replay_forgets_groups_that_are_over() -> None:
    book = Book(some_candles(*flat(100, 100), *[(100, 105, 99, 100), *flat(100)] * 3))
    for number, minute in ((1, 2), (2, 4), (3, 6)):
        book.at(minute).place(number, bracket=BOTH)
    state = replayed(book.at(9)).state

    assert len(book.fills()) == 6
    assert (state.groups, state.unsettled, state.bracketed) == ({}, {}, {})
    assert state.balances == book.engine.state.balances


def test_a_replay_keeps_a_group_that_is_not_over() -> None:
    book = Book(some_candles(*flat(100, 100, 100))).place(bracket=BOTH).at(3)
    state = replayed(book).state

    assert (list(state.groups), state.unsettled) == ([order_id(1)], {})
    assert state.bracketed == book.engine.state.bracketed == {KEY: {order_id(1): None}}


def test_a_replay_puts_a_group_together_again_that_comes_back_to_life() -> None:
    """A fill of an exit is busted: exits follow, for what is left of what the entry has brought."""
    candles = some_candles(*flat(100, 100), (100, 105, 99, 100), *flat(100, 100, 100))
    book = Book(candles, deposits={"USDT": Decimal(1_000), "BTC": Decimal(2)})
    book.place(quantity="2", bracket=BOTH).at(4)
    target = next(one for one in book.engine.state.finished.values() if one.filled and one.instruction.parent_id)
    bust = m.BustReport(order_id=target.order_id, time=book.engine.now, execution_id=next(iter(target.executions)))
    assert book.engine.state.groups == {}
    book.engine.do(bust)
    live, state = book.at(6).engine.state, replayed(book, forgetful=True).state

    assert len(live.orders) == 2
    assert {name: (set(group.members), group.entry is not None) for name, group in state.groups.items()} == {
        name: (set(group.members), group.entry is not None) for name, group in live.groups.items()
    }
    assert (state.balances, state.exposures) == (live.balances, live.exposures)


def test_only_brackets_whose_entry_has_filled_are_looked_at_when_a_position_changes() -> None:
    """However many entries wait, a fill costs the same."""
    future = an_instrument(linear=True)
    candles = some_candles(*flat(100, 100, 100, 100), (100, 100, 97, 98), instrument=future)
    book = Book(candles, models=Models(path=open_low_high_close))
    for number in range(1, 21):
        book.place(number, kind="limit", price="50", bracket=Bracket(stop_loss=Decimal(40)))
    state = book.place(30, bracket=BOTH).at(3).engine.state

    assert len(state.groups) == 21
    assert state.bracketed == {KEY: {order_id(30): None}}

    book.at(5)
    assert len(state.groups) == 20
    assert state.bracketed == {}
