"""`orderwright stats`, `report --html`, `mirror` and `log seal`, on the log of a small run."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.commands import Ran, an_alert, at, orderwright, write_alerts, write_market


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's log, log.sqlite, and its candles, candles.csv. Three orders: two bought, one never reached."""
    folder = tmp_path_factory.mktemp("execution")
    alerts = [
        an_alert(2, alert_id="1", strategy="dip", price="50000"),
        an_alert(20, alert_id="2", strategy="trend", quantity="0.01"),
        an_alert(30, alert_id="3", strategy="dip", order_type="limit", price="40000", time_in_force="ioc"),
    ]
    candles, log = write_market(folder / "candles.csv"), folder / "log.sqlite"
    words = ("--candles", candles, "--symbol", "BTCUSDT", "--log", log, "--slippage-bps", "3")
    ran = orderwright("run", "--signals", write_alerts(folder / "signals.jsonl", *alerts), *words)
    assert (ran.code, ran.err) == (0, "")
    return folder


def cells(ran: Ran) -> list[list[str]]:
    assert (ran.code, ran.err) == (0, "")
    return [re.split(r" {2,}", line.strip()) for line in ran.out.splitlines()[1:]]


def refusal(ran: Ran) -> str:
    assert (ran.code, ran.out) == (2, "")
    return ran.err.removeprefix("orderwright: ").rstrip("\n")


def test_stats_show_a_line_for_each_group_and_one_for_all(folder: Path) -> None:
    names, trend, dip, everything = cells(orderwright("stats", "--log", folder / "log.sqlite", "--by", "strategy"))

    assert names[:7] == ["strategy", "orders", "filled %", "refused %", "cancelled %", "traded USD", "slippage bps"]
    assert {row[0]: row[1:5] for row in (trend, dip, everything)} == {
        "trend": ["1", "100", "0", "0"],
        "dip": ["2", "50", "0", "50"],
        "all": ["3", "66.7", "0", "33.3"],
    }
    assert everything[6] == "3"


def test_stats_of_a_window_count_back_from_the_newest_row(folder: Path) -> None:
    log = folder / "log.sqlite"

    def orders(*words: object) -> int:
        ran = orderwright("stats", "--log", log, "--json", *words)
        assert (ran.code, ran.err) == (0, "")
        totals: dict[str, Any] = json.loads(ran.out)["totals"]
        return int(totals["orders"])

    assert orders() == 3
    assert orders("--window", "11m") == 0  # the newest row is the last price, at the end of the candles
    assert orders("--window", "41m") == 2
    assert orders("--since", at(20), "--until", at(30)) == 1
    assert orders("--since", at(40)) == 0
    assert orders("--strategy", "dip") == 2


def test_a_window_without_orders_says_so(folder: Path) -> None:
    ran = orderwright("stats", "--log", folder / "log.sqlite", "--since", at(40))

    assert ran.code == 0
    assert "There are no orders in this window." in ran.out


def test_the_page_is_written_with_the_candles_as_the_market(folder: Path, tmp_path: Path) -> None:
    page, mirror = tmp_path / "page.html", tmp_path / "log.duckdb"
    words = ("--log", folder / "log.sqlite", "--symbol", "BTCUSDT", "--candles", folder / "candles.csv")
    ran = orderwright("report", *words, "--html", page, "--mirror", mirror)

    assert ran == Ran(0, f"{page}: 3 orders\n", "")
    text = page.read_text(encoding="utf-8")
    assert "<h1>Book main: how well orders were executed</h1>" in text
    assert "<script src=" not in text
    with duckdb.connect(str(mirror), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (3,)


def test_the_only_book_of_a_log_need_not_be_named(folder: Path, tmp_path: Path) -> None:
    log, page = tmp_path / "orders.sqlite", tmp_path / "page.html"
    words = ("--strategy", "dca", "--data", folder / "candles.csv", "--log", log)
    assert orderwright("backtest", *words).code == 0

    assert json.loads(orderwright("report", "--log", log, "--json").out)["book"] == "backtest"
    assert orderwright("report", "--log", log, "--html", page) == Ran(0, f"{page}: 1 order\n", "")
    assert "<h1>Book backtest: how well orders were executed</h1>" in page.read_text(encoding="utf-8")
    assert json.loads(orderwright("stats", "--log", log, "--json").out)["totals"]["orders"] == 1


def test_of_several_books_main_is_meant_or_one_has_to_be_named(tmp_path: Path) -> None:
    candles, log = write_market(tmp_path / "candles.csv"), tmp_path / "log.sqlite"
    signals = write_alerts(tmp_path / "signals.jsonl", an_alert(2))
    words = ("run", "--signals", signals, "--candles", candles, "--symbol", "BTCUSDT", "--log", log)
    for book in ("ann", "bob"):
        assert orderwright(*words, "--book", book).code == 0

    said = "book: the log has 2 books: name one of ann, bob (nearest: ann)"
    assert refusal(orderwright("report", "--log", log)) == said
    assert refusal(orderwright("report", "--log", log, "--html", tmp_path / "page.html")) == said
    assert json.loads(orderwright("report", "--log", log, "--book", "bob", "--json").out)["book"] == "bob"
    assert orderwright(*words, "--book", "main").code == 0
    assert json.loads(orderwright("report", "--log", log, "--json").out)["book"] == "main"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("stats", "--by", "symbl"), "by: unknown group 'symbl' (nearest: symbol)"),
        (
            ("stats", "--window", "1 fortnight"),
            "window: 'fortnight' is not a unit of time: us, ms, s, m, h, d, w (nearest: 1d)",
        ),
        (
            ("stats", "--window", "1d", "--since", "2024-01-01T00:00:00Z"),
            "window: give a window, or since and until",
        ),
        (
            ("stats", "--since", "2024-01-01"),
            "since: a time zone is missing: 2024-01-01 (nearest: 2024-01-01T00:00:00Z)",
        ),
        (("stats", "--exchange", "simulatd"), "exchange: unknown exchange 'simulatd' (nearest: simulated)"),
        (("stats", "--strategy", "drip"), "strategy: unknown strategy 'drip' (nearest: dip)"),
        (("stats", "--book", "mian"), "book: unknown book 'mian' (nearest: main)"),
        (("stats", "--candles", "candles.csv"), "symbol: of which symbol the candles are has to be said"),
        (
            ("report", "--window", "1d"),
            "html: the plain report is of the whole book: add --html, or ask `orderwright stats`",
        ),
        (("report", "--html", "p.html", "--live", "binance"), "simulated: two exchanges are compared: name both"),
        (
            ("stats", "--mirror", "mirror"),
            "mirror: mirror could be a DuckDB file or a folder of Parquet files: "
            "name it mirror.duckdb or mirror/ (nearest: mirror.duckdb)",
        ),
    ],
    ids=lambda it: " ".join(it) if isinstance(it, tuple) else "",
)
def test_a_bad_question_is_an_input_error_that_names_it(folder: Path, words: tuple[str, ...], message: str) -> None:
    assert refusal(orderwright(words[0], "--log", folder / "log.sqlite", *words[1:])) == message


@pytest.mark.parametrize("name", ["log.duckdb", "parquet/"])
def test_a_mirror_is_built_once_and_then_has_nothing_to_add(folder: Path, tmp_path: Path, name: str) -> None:
    mirror = f"{tmp_path}/{name}"
    built = orderwright("mirror", "build", mirror, "--log", folder / "log.sqlite")
    again = orderwright("mirror", "build", mirror, "--log", folder / "log.sqlite")
    anew = orderwright("mirror", "rebuild", mirror, "--log", folder / "log.sqlite")

    assert (built.code, again.code, anew.code) == (0, 0, 0)
    assert " 0 new rows; main up to row " in again.out
    assert anew == built


def test_a_mirror_that_is_no_mirror_is_left_alone(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.duckdb"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    before = other.read_bytes()
    ran = orderwright("mirror", "build", other, "--log", folder / "log.sqlite")

    assert (ran.code, ran.out) == (1, "")
    assert str(other) in ran.err
    assert other.read_bytes() == before


def test_a_month_that_is_not_over_is_not_sealed(folder: Path, tmp_path: Path) -> None:
    sealed = tmp_path / "sealed"
    ran = orderwright("log", "seal", sealed, "--log", folder / "log.sqlite")

    assert ran == Ran(0, f"{sealed}: no month is over that was not sealed before\n", "")
    assert orderwright("log", "verify-sealed", tmp_path / "nowhere").code == 1
