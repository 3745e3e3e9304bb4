"""The log row by row, with what each row changed: the same of every journal, whatever the pages."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from orderwright.core import messages as m
from orderwright.journal import MemoryJournal, open_log
from orderwright.journal.seal import decode
from orderwright.ports import Journal, LoggedRow
from tests.builders import an_execution, an_id
from tests.journal.desk import Desk

ALL = 10**9


@pytest.fixture(params=["memory", "sqlite"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    journal: Journal = MemoryJournal() if request.param == "memory" else open_log(tmp_path / "log.sqlite")
    yield journal
    journal.close()


def busy(journal: Journal) -> Desk:
    desk = Desk(journal).trade(1).buy(2).accept(2).fill(2, execution_id="wrong").fill(2)
    desk.run(
        m.CorrectReport(
            order_id=an_id(2), time=desk.now, corrects="wrong", execution=an_execution(1, 99, execution_id="right")
        )
    )
    return desk.run(m.BustReport(order_id=an_id(2), time=desk.now, execution_id="right")).end(2).commit()


def test_every_row_of_the_log_comes_once_and_in_order_with_its_event(journal: Journal) -> None:
    desk = busy(journal)
    rows = journal.rows("main", upto=ALL, limit=ALL)
    assert [(row.sequence, row.kind, decode(row.body)) for row in rows] == [
        (sequence, m.kind_of(event), event) for sequence, event in enumerate(desk.log, start=1)
    ]


def test_a_row_has_what_the_read_models_have_at_its_sequence(journal: Journal) -> None:
    busy(journal)
    rows = journal.rows("main", upto=ALL, limit=ALL)
    assert [row.order for row in rows if row.order is not None] == journal.history("orders")
    assert _fills(rows) == journal.history("fills")
    assert [one for row in rows for one in row.balances] == journal.history("balances")
    assert [one for row in rows for one in row.positions] == journal.history("positions")
    places = [(one["sequence"], row.sequence) for row in rows for one in (*row.fills, *row.balances, *row.positions)]
    assert all(own == its for own, its in places)


def test_a_fill_and_what_it_moved_are_one_row(journal: Journal) -> None:
    Desk(journal).buy(1).accept(1).fill(1).commit()
    row = journal.rows("main", upto=ALL, limit=ALL)[-1]
    assert row.order is not None
    assert (row.kind, row.order["status"], row.order["filled_quantity"]) == (
        "order_filled",
        "partially_filled",
        Decimal(1),
    )
    assert [(fill["execution_id"], fill["price"], fill["standing"]) for fill in row.fills] == [
        ("e1", Decimal(100), True)
    ]
    assert {one["asset"] for one in row.balances} == {"BTC", "USDT"}
    assert [(one["symbol"], one["size"], one["cost"]) for one in row.positions] == [
        ("BTC/USDT", Decimal(1), Decimal(100))
    ]


def test_a_corrected_fill_takes_one_back_and_books_another(journal: Journal) -> None:
    busy(journal)
    rows = {row.kind: row for row in journal.rows("main", upto=ALL, limit=ALL)}
    told = {
        kind: [(fill["execution_id"], fill["standing"]) for fill in rows[kind].fills]
        for kind in ("fill_corrected", "fill_busted")
    }
    assert told == {"fill_corrected": [("wrong", False), ("right", True)], "fill_busted": [("right", False)]}


@pytest.mark.parametrize("size", [1, 3, 7])
def test_pages_of_any_size_are_the_whole(journal: Journal, size: int) -> None:
    busy(journal)
    found: list[LoggedRow] = []
    while page := journal.rows("main", found[-1].sequence if found else 0, upto=ALL, limit=size):
        assert len(page) <= size
        found += page
    assert found == journal.rows("main", upto=ALL, limit=ALL)


def test_nothing_beyond_upto_and_nothing_of_another_book(journal: Journal) -> None:
    busy(journal)
    Desk(journal, "other").trade(3).commit()
    assert [row.sequence for row in journal.rows("main", 4, upto=6, limit=ALL)] == [5, 6]
    assert journal.rows("nowhere", upto=ALL, limit=ALL) == []
    owners = [one["book"] for row in journal.rows("other", upto=ALL, limit=ALL) for one in (*row.balances, *row.fills)]
    assert set(owners) == {"other"}


def test_a_second_reader_sees_what_is_committed_and_nothing_else(tmp_path: Path) -> None:
    journal = open_log(tmp_path / "log.sqlite")
    reader = journal.reader()
    desk = busy(journal)
    desk.buy(5)
    journal.write()
    assert reader.rows("main", upto=ALL, limit=ALL)[-1].sequence == len(desk.log) - 1
    journal.commit()
    assert reader.rows("main", upto=ALL, limit=ALL)[-1].sequence == len(desk.log)
    reader.close()
    journal.close()


def _fills(rows: list[LoggedRow]) -> list[dict[str, object]]:
    return [fill for row in rows for fill in row.fills]
