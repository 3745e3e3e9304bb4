"""What the commands say of the log that a service has left behind, where no log and no book are named."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.commands import orderwright
from tests.service.shell import a_shell

ORDER = {"symbol": "BTCUSDT", "side": "buy", "order_type": "limit", "quantity": "0.001", "price": "20000"}
SERVICE_LOG = Path("data/orderwright.sqlite")


@pytest.fixture(autouse=True)
def _working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def a_service_has_been(*users: str, log: Path = SERVICE_LOG) -> None:
    """One order of each user is in a log."""

    async def scene() -> None:
        async with a_shell(log=log, users={user: {} for user in users}) as shell:
            for user in users:
                answer = await shell.ask("POST", "/api/orders/create", await shell.key(user), json=ORDER)
                assert answer.status_code == 201, answer.text

    log.parent.mkdir(exist_ok=True)
    asyncio.run(scene())


def orders(*words: str) -> list[str]:
    """The book of each order that a command tells of."""
    ran = orderwright("orders", "--json", *words)
    assert ran.code == 0, ran.err
    return [row["book"] for row in json.loads(ran.out)]


def test_the_log_of_the_service_is_asked_where_no_other_is_there() -> None:
    a_service_has_been("ada")

    assert orders() == ["ada"]
    assert orderwright("portfolio").code == 0
    assert orderwright("log", "verify").code == 0


def test_a_log_in_the_working_folder_comes_first() -> None:
    a_service_has_been("ada")
    a_service_has_been("bob", log=Path("orderwright.sqlite"))

    assert orders() == ["bob"]
    assert orders("--log", str(SERVICE_LOG)) == ["ada"]


def test_a_log_that_is_named_is_never_another() -> None:
    a_service_has_been("ada")

    missing = orderwright("orders", "--log", "orderwright.sqlite")

    assert (missing.code, missing.err) == (2, "orderwright: orderwright.sqlite: log: there is no such file\n")


def test_the_book_of_the_service_itself_is_not_counted_among_those_that_could_be_meant() -> None:
    a_service_has_been("ada")

    ran = orderwright("report", "--json")

    assert (ran.code, json.loads(ran.out)["book"]) == (0, "ada")


def test_orders_fills_and_positions_are_those_of_one_book_where_it_is_named() -> None:
    a_service_has_been("ada", "bob")

    assert sorted(orders()) == ["ada", "bob"]
    assert orders("--book", "bob") == ["bob"]
    assert orderwright("fills", "--book", "bob").out == "no fills\n"
    assert orderwright("positions", "--book", "bob").out == "no positions\n"
    several = orderwright("report")
    assert (several.code, several.err) == (
        2,
        "orderwright: book: the log has 2 books: name one of ada, bob (nearest: ada)\n",
    )
