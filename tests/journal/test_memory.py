"""The bounded journal in memory: the present is whole, the past is what was kept."""

from __future__ import annotations

from orderwright.core.recovery import restore
from orderwright.journal import MemoryJournal
from tests.builders import an_id
from tests.journal.desk import Desk, order_from


def test_a_bounded_journal_keeps_live_orders_and_the_newest_finished_ones() -> None:
    desk = Desk(MemoryJournal(keep=2)).buy(1).accept(1)
    for number in range(2, 50):
        desk.trade(number)
    desk.commit()
    journal = desk.journal

    assert [row["client_order_id"] for row in journal.latest("orders")] == [an_id(1), an_id(48), an_id(49)]
    assert journal.recall_order("main", an_id(2)) == []
    assert len(journal.recall_order("main", an_id(49))) == 4
    assert len(list(journal.events("main"))) < 20


def test_a_bounded_journal_answers_for_the_present() -> None:
    desk = Desk(MemoryJournal(keep=1)).buy(1).accept(1).fill(1)
    for number in range(2, 9):
        desk.trade(number)
        desk.commit()
        kept = desk.journal.open_state("main")
        assert (kept.balances, kept.positions) == (desk.state.balances, desk.state.positions)
        assert [order_from(rows) for rows in kept.orders] == list(desk.state.orders.values())

    restored = restore("main", desk.journal.open_state("main"))
    assert (restored.controls, restored.accounts) == (desk.state.controls, desk.state.accounts)
    assert restored.instruments == desk.state.instruments


def test_a_fill_of_an_order_that_was_dropped_is_taken_in() -> None:
    desk = Desk(MemoryJournal(keep=1)).buy(1).accept(1).fill(1).end(1).trade(2).fill(1).commit()

    assert desk.journal.open_state("main").balances == desk.state.balances
