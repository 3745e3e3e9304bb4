"""Running again on a log that is there: what a user changes between two runs, and what the log makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orderwright.core.model import RiskLimits
from orderwright.core.recovery import restore
from orderwright.journal.sqlite import open_log
from tests.commands import Ran, an_alert, orderwright, write_alerts, write_market


class Desk:
    """A folder with an hour of candles and a log to run signals into."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "log.sqlite"
        self.candles = write_market(folder / "candles.csv")

    def run(self, *alerts: dict[str, Any], **options: object) -> Ran:
        signals = write_alerts(self.folder / "signals.jsonl", *alerts)
        words: list[object] = [
            "run",
            "--signals",
            signals,
            "--candles",
            self.candles,
            "--symbol",
            "BTC/USDT",
            "--log",
            self.log,
        ]
        for name, value in options.items():
            words += [f"--{name}", value]
        ran = orderwright(*words)
        assert (ran.code, ran.err) == (0, "")
        return ran

    def orders(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(orderwright("orders", "--log", self.log, "--json").out)
        return found

    def balance(self) -> str:
        (row,) = json.loads(orderwright("balances", "--log", self.log, "--json").out)
        return str(row["total"])

    def balance_of(self, asset: str) -> str | None:
        rows = json.loads(orderwright("balances", "--log", self.log, "--json").out)
        return next((str(row["total"]) for row in rows if row["asset"] == asset), None)

    def limits(self) -> RiskLimits:
        journal = open_log(self.log, read_only=True)
        settings = restore("main", journal.open_state("main")).settings
        journal.close()
        return settings.limits


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_new_signal_that_is_older_than_the_log_is_left_alone_and_the_run_says_so(desk: Desk) -> None:
    desk.run(an_alert(10))
    ran = desk.run(an_alert(5), an_alert(10))
    assert "2 signals, 1 of them seen before, 1 older than the log and left alone; " in ran.out
    assert len(desk.orders()) == 1


def test_a_line_put_in_front_of_others_doubles_none_of_them(desk: Desk) -> None:
    desk.run(an_alert(10), an_alert(12, quantity="0.01"))
    desk.run(an_alert(10, quantity="0.03"), an_alert(10), an_alert(12, quantity="0.01"))
    assert [order["quantity"] for order in desk.orders()] == ["0.02", "0.01"]


def test_a_book_starts_with_its_money_once_whatever_a_later_run_says(desk: Desk) -> None:
    desk.run(deposit="USDT=5000")
    desk.run(deposit="USDT=7000")
    assert desk.balance() == "5000"


def test_a_log_keeps_its_limits_until_a_run_names_others(desk: Desk) -> None:
    settings = desk.folder / "settings.json"
    settings.write_text('{"limits": {"max_order_value": "100"}}')
    desk.run(settings=settings)
    desk.run()
    assert desk.limits().max_order_value == 100
    settings.write_text('{"limits": {"max_order_value": "200"}}')
    desk.run(settings=settings)
    assert desk.limits().max_order_value == 200


def test_a_random_market_is_never_written_over_a_file_that_is_there(desk: Desk) -> None:
    ran = orderwright("random-market", desk.candles)
    assert ran.code == 2
    assert "is there already: name another file" in ran.err


def test_deposits_are_what_a_book_starts_with_and_a_rerun_brings_none(desk: Desk) -> None:
    desk.run(an_alert(10), deposit="USDT=20000")
    before = desk.balance_of("USDT")
    desk.run(an_alert(10))
    desk.run(an_alert(10), deposit="EUR=500")
    desk.run(an_alert(10), deposit="USDT=30000")

    assert desk.balance_of("USDT") == before
    assert desk.balance_of("EUR") is None
