"""An order's number, and pages of orders: the same of every journal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orderwright.journal import MemoryJournal, open_log
from orderwright.journal.reading import LogReader
from tests.builders import an_id
from tests.journal.desk import Desk


@pytest.fixture(params=["memory", "bounded memory", "sqlite"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    makes = {"memory": MemoryJournal, "bounded memory": lambda: MemoryJournal(2)}
    journal = makes[request.param]() if request.param in makes else open_log(tmp_path / "log.sqlite")
    yield journal
    journal.close()


def numbers(journal: LogReader, **words: Any) -> list[int]:
    asked: dict[str, Any] = {"books": None, "where": {}, "limit": 100, **words}
    return [row["id"] for row in journal.orders_page(**asked)]


def test_an_order_has_its_number_from_its_first_row_on(journal: Any) -> None:
    desk = Desk(journal).buy(1)
    assert journal.order_key("main", an_id(1)) == 1
    desk.commit()
    desk.buy(2).commit()
    assert [journal.order_key("main", an_id(n)) for n in (1, 2, 3)] == [1, 2, None]
    assert [journal.order_place(n) for n in (1, 2, 3)] == [("main", an_id(1)), ("main", an_id(2)), None]
    assert journal.order_key("other", an_id(1)) is None
    assert [(row["id"], row["client_order_id"]) for row in journal.latest("orders")] == [(1, an_id(1)), (2, an_id(2))]


def test_a_number_stays_when_the_orders_before_it_are_kept_no_more() -> None:
    journal = MemoryJournal(2)
    desk = Desk(journal)
    for n in range(1, 6):
        desk.buy(n).accept(n).end(n)
    desk.buy(6).commit()
    assert [journal.order_key("main", an_id(n)) for n in range(1, 7)] == [None, None, None, 4, 5, 6]
    assert [row["id"] for row in journal.latest("orders")] == [4, 5, 6]
    assert [journal.order_place(n) is not None for n in range(1, 7)] == [False] * 3 + [True] * 3


def test_pages_go_back_from_the_newest_and_are_picked_by_column(journal: Any) -> None:
    desk = Desk(journal)
    for n in (1, 2, 3, 4):
        desk.pass_time(1_000_000).buy(n)
    desk.accept(2).end(2).commit()
    rows = {row["id"]: row for row in journal.latest("orders")}
    assert numbers(journal) == [4, 3, 2, 1]
    assert numbers(journal, limit=2) == [4, 3]
    assert numbers(journal, limit=2, before=3) == [2, 1]
    assert numbers(journal, books={"main"}, before=2) == [1]
    assert numbers(journal, books={"other"}) == []
    assert numbers(journal, books=set()) == []
    assert numbers(journal, where={"status": [rows[2]["status"]]}) == [2]
    assert numbers(journal, where={"status": [rows[1]["status"]], "side": "buy"}) == [4, 3, 1]
    assert numbers(journal, where={"client_order_id": an_id(3)}) == [3]
    assert numbers(journal, where={"client_order_id": an_id(3)}, books={"other"}) == []
    assert numbers(journal, where={"idempotency_key": "mine"}) == []
    assert numbers(journal, start=rows[3]["created_at"]) == [4, 3]
    assert numbers(journal, end=rows[2]["created_at"]) == [2, 1]
    assert journal.orders_page(books=None, where={}, limit=1, before=2) == [rows[1]]
