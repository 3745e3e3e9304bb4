"""The commands of the portfolio questions, on the traded book."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from orderwright.commands.options import moment_of, step_of
from orderwright.commands.portfolio import app
from orderwright.core.model import DAY, SECOND
from orderwright.errors import InputError
from orderwright.journal import open_log
from tests.analytics.portfolio_books import FUTURE, a_traded_book
from tests.builders import MIDNIGHT, NOW


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("portfolio") / "log.sqlite"
    journal = open_log(path)
    a_traded_book(journal)
    journal.close()
    return path


def run(*words: object) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        app([str(word) for word in words], standalone_mode=False)
    return out.getvalue()


def read(*words: object) -> Any:
    return json.loads(run(*words, "--json"))


def cells(shown: str) -> list[list[str]]:
    return [line.split() for line in shown.splitlines()[1:]]


def test_the_total_is_shown_by_asset_by_exchange_and_in_all(log: Path) -> None:
    shown = run("portfolio", "--log", log, "--user", "ann", "--currency", "eur").splitlines()

    assert [line.split() for line in shown] == [
        ["assets"],
        ["exchange", "asset", "total", "locked", "free", "price", "value"],
        ["binance", "BTC", "2", "0", "2", "88", "176"],
        ["binance", "USDT", "9769", "90", "9679", "0.8", "7815.2"],
        ["binance", "XYZ", "10", "0", "10"],
        ["kraken", "USDT", "4999.5", "0", "4999.5", "0.8", "3999.6"],
        ["worth", "in", "EUR"],
        ["exchange", "total", "available", "in", "orders", "in", "positions", "unrealised"],
        ["binance", "7991.2", "7743.2", "72", "176", "0"],
        ["kraken", "3993.2", "3959.6", "0", "33.6", "-6.4"],
        ["in", "all,", "EUR"],
        ["total", "available", "in", "orders", "in", "positions", "unrealised"],
        ["11984.4", "11702.8", "72", "209.6", "-6.4"],
        ["incomplete:", "no", "price", "for", "XYZ"],
    ]
    found = read("portfolio", "--log", log, "--user", "ann")
    assert (found["total"], found["missing"], found["complete"]) == ("14980.5", ["XYZ"], False)


def test_profit_is_shown_by_the_groups_asked_for(log: Path) -> None:
    assert cells(run("profit", "--log", log, "--user", "ann", "--by", "day,strategy")) == [
        ["day", "(UTC)", "strategy", "profit", "brought", "inventory", "fees", "fills"],
        ["2026-01-05", "carry", "-30", "-30", "0", "0", "1"],
        ["2026-01-05", "trend", "-1.5", "-200", "200", "1.5", "3"],
        ["2026-01-06", "trend", "12", "100", "-88", "0", "1"],
        ["incomplete:", "no", "price", "for", "XYZ"],
    ]
    (line,) = read("profit", "--log", log, "--exchange", "kraken", "--since", "2026-01-06T00:00:00Z")
    assert (line["day"], line["profit"], line["strategy"]) == (MIDNIGHT + DAY, "-8", None)


def test_the_other_questions_are_commands_too(log: Path) -> None:
    noon = "2026-01-05T12:00:00Z"
    assert cells(run("prices", "--log", log, "--user", "ann", "--as-of", noon))[1] == [
        "binance", "BTC/USDT", "100", "100", "100", "100", "2026-01-05", "12:00:00.000",
    ]  # fmt: skip
    assert cells(run("balances", "--log", log, "--exchange", "binance"))[1] == ["ann-b", "BTC", "2", "0", "2"]
    assert [row["user"] for row in read("balances", "--log", log, "--user", "bob")] == ["bob"]
    assert [row["locked"] for row in read("open", "--log", log)["orders"]] == ["90"]
    assert run("open", "--log", log, "--user", "bob") == "no working orders\nno open positions\n"
    assert cells(run("open", "--log", log, "--exchange", "kraken"))[-1][2:] == [
        FUTURE,
        "-1",
        "100",
        "108",
        "-108",
        "-8",
    ]
    assert [row["net"] for row in read("exposure", "--log", log, "--by", "user")] == ["112"]
    assert cells(run("exposure", "--log", log, "--by", "symbol", "--exchange", "kraken"))[1][0] == FUTURE
    assert len(read("balance-history", "--log", log, "--user", "ann", "--asset", "btc", "--limit", 2)) == 2
    assert "fill_busted" in run("balance-history", "--log", log, "--since", "2026-01-06T00:00:00Z")
    points = read("equity", "--log", log, "--user", "bob", "--since", noon, "--every", "12h")
    assert [(point["time"], point["equity"]) for point in points] == [
        (NOW, "100"),
        (NOW + DAY // 2, "100"),
        (NOW + DAY, "110"),
    ]


@pytest.mark.parametrize(
    ("words", "field", "nearest"),
    [
        (("portfolio", "--as-of", "2024-01-01"), "as-of", "2024-01-01T00:00:00Z"),
        (("profit", "--since", "2024-01-01T10:00"), "since", "2024-01-01T10:00Z"),
        (("profit", "--by", "dya"), "by", "day"),
        (("balances", "--user", "amn"), "user", "ann"),
        (("equity", "--every", "day"), "every", "1d"),
        (("equity", "--currency", "eurr"), "currency", "EUR"),
    ],
)
def test_a_mistake_is_told_with_the_nearest_good_value(
    log: Path, words: tuple[str, ...], field: str, nearest: str
) -> None:
    with pytest.raises(InputError) as error:
        run(*words, "--log", log)
    assert (error.value.field, error.value.nearest) == (field, nearest)


def test_a_log_that_is_not_there_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        run("prices", "--log", tmp_path / "none.sqlite")


@pytest.mark.parametrize(
    "written", ["2026-01-05T12:00:00Z", "2026-01-05 13:00:00+01:00", "2026-01-05T12:00Z", "1767614400", str(NOW)]
)
def test_a_time_with_a_zone_or_in_digits_is_taken(written: str) -> None:
    assert moment_of(written, "since") == NOW


def test_steps_are_numbers_with_a_unit() -> None:
    assert [step_of(step) for step in ("90s", "1m", "2h", "1d", "1w")] == [
        90 * SECOND,
        60 * SECOND,
        7_200 * SECOND,
        DAY,
        7 * DAY,
    ]
