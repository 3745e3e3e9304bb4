"""What each command shows of a small log: an hour of a made-up market, seven signals, and what became of them."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orderwright.journal.maintenance import verify
from tests.commands import Ran, an_alert, at, orderwright, write_alerts, write_market

MONEY = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?")
ALERTS = (
    an_alert(2, alert_id="1", strategy="dip"),
    an_alert(3, alert_id="2", order_type="limit", price="40000"),
    an_alert(4, alert_id="3", order_type="limit", price="40000.005"),
    an_alert(5, alert_id="4", action="sell", quantity="0.01"),
    an_alert(6, alert_id="5", order_type="limit", price="39000", time_in_force="gtd", expire_at=at(20)),
    an_alert(7, alert_id="6", order_type="limit", price="39000", time_in_force="ioc"),
    an_alert(30, alert_id="7", order_type="stop", stop_price="60000", quantity="0.001"),
)
WHY_OFF_TICK = "price 40000.005: not a multiple of the tick size 0.01 (nearest that passes: 40000.01)"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of a run."""
    folder = tmp_path_factory.mktemp("commands")
    log = folder / "log.sqlite"
    signals = write_alerts(folder / "signals.jsonl", *ALERTS)
    candles = write_market(folder / "candles.csv")
    ran = orderwright("run", "--signals", signals, "--candles", candles, "--symbol", "BTCUSDT", "--log", log)
    assert (ran.code, ran.err) == (0, "")
    return log


@pytest.fixture
def log(made: Path, tmp_path: Path) -> Path:
    """A copy of it, to do with as one likes."""
    with sqlite3.connect(made) as source, sqlite3.connect(tmp_path / "log.sqlite") as target:
        source.backup(target)
    source.close()
    target.close()
    return tmp_path / "log.sqlite"


def cells(ran: Ran) -> list[list[str]]:
    """The cells of a table, row by row, its title left out: columns are two spaces apart or more, and one may be
    empty."""
    assert (ran.code, ran.err) == (0, "")
    return [re.split(r" {2,}", line.strip()) for line in ran.out.splitlines()[1:]]


def read(*words: object) -> Any:
    """What a command says with --json; every number that is money is text, in its one form."""
    ran = orderwright(*words, "--json")
    assert (ran.code, ran.err) == (0, "")
    return json.loads(ran.out, parse_float=_no_float)


def _no_float(digits: str) -> None:
    pytest.fail(f"{digits} is a JSON float: money is text")


def statuses(log: Path, *words: object) -> list[tuple[int, str]]:
    return [(row["id"], row["status"]) for row in read("orders", "--log", log, *words)]


OFF_TICK = "price_off_tick"
EVERY = [(1, "filled"), (2, "open"), (3, "denied"), (4, "filled"), (5, "expired"), (6, "expired"), (7, "open")]


# --- orders ---


def test_orders_are_listed_with_what_became_of_them(log: Path) -> None:
    ran = orderwright("orders", "--log", log)
    assert ran.out.splitlines()[0] == "7 of 7 orders"
    assert cells(ran) == [
        ["order", "created (UTC)", "symbol", "side", "type", "quantity", "price", "filled", "average", "status", "why"],
        ["1", "2024-01-01 00:02:00.000", "BTC/USDT", "buy", "market", "0.02", "0.02", "50007.5", "filled"],
        ["2", "2024-01-01 00:03:00.000", "BTC/USDT", "buy", "limit", "0.02", "40000", "0", "open"],
        ["3", "2024-01-01 00:04:00.000", "BTC/USDT", "buy", "limit", "0.02", "40000.005", "0", "denied", OFF_TICK],
        ["4", "2024-01-01 00:05:00.000", "BTC/USDT", "sell", "market", "0.01", "0.01", "49967.03", "filled"],
        ["5", "2024-01-01 00:06:00.000", "BTC/USDT", "buy", "limit", "0.02", "39000", "0", "expired"],
        ["6", "2024-01-01 00:07:00.000", "BTC/USDT", "buy", "limit", "0.02", "39000", "0", "expired"],
        ["7", "2024-01-01 00:30:00.000", "BTC/USDT", "buy", "stop_loss", "0.001", "0", "open"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("word", "ids"),
    [
        ("open", [2, 7]),
        ("OPEN", [2, 7]),
        ("pending", []),
        ("closed", [1, 3, 4, 5, 6]),
        ("cancelled", []),
        ("filled", [1, 4]),
        ("denied", [3]),
        ("expired", [5, 6]),
    ],
)
def test_orders_of_a_status_or_a_group_of_them_are_found(log: Path, word: str, ids: list[int]) -> None:
    assert statuses(log, "--status", word) == [row for row in EVERY if row[0] in ids]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2023-12-31T00:00:00Z", []),
        (at(2), [(1, "filled")]),
        (at(10), [(1, "filled"), (2, "open"), (3, "denied"), (4, "filled"), (5, "open"), (6, "expired")]),
        ("2024-01-01T02:19:59.999+02:00", [*EVERY[:4], (5, "open"), (6, "expired")]),
        (at(20), EVERY[:6]),
        ("1704069000", EVERY),
    ],
)
def test_orders_are_shown_as_they_were_at_a_moment(log: Path, moment: str, expected: list[tuple[int, str]]) -> None:
    assert statuses(log, "--as-of", moment) == expected


def test_open_orders_as_of_a_moment_are_those_that_were_open_then(log: Path) -> None:
    assert statuses(log, "--as-of", at(10), "--status", "open") == [(2, "open"), (5, "open")]


def test_a_limit_shows_the_newest_orders_and_says_how_many_there_are(log: Path) -> None:
    ran = orderwright("orders", "--log", log, "--limit", 2)
    assert ran.out.splitlines()[0] == "2 of 7 orders"
    assert statuses(log, "--limit", 2) == EVERY[-2:]


@pytest.mark.parametrize("symbol", ["BTC/USDT", "btcusdt", "BTC-USDT", "BINANCE:BTCUSDT"])
def test_orders_and_fills_of_a_symbol_are_found_by_any_of_its_spellings(log: Path, symbol: str) -> None:
    assert statuses(log, "--symbol", symbol) == EVERY
    assert len(read("fills", "--log", log, "--symbol", symbol)) == 2


def test_a_symbol_without_orders_has_none(log: Path) -> None:
    assert orderwright("orders", "--log", log, "--symbol", "ETHUSDT") == Ran(0, "no orders\n", "")
    assert orderwright("fills", "--log", log, "--symbol", "ETHUSDT") == Ran(0, "no fills\n", "")
    assert read("orders", "--log", log, "--symbol", "ETHUSDT") == []


# --- fills, history ---


def test_fills_are_listed_with_their_fees(log: Path) -> None:
    ran = orderwright("fills", "--log", log)
    assert ran.out.splitlines()[0] == "2 of 2 fills"
    assert cells(ran) == [
        ["order", "time (UTC)", "symbol", "side", "quantity", "price", "fee", "in", "liquidity"],
        ["1", "2024-01-01 00:02:00.000", "BTC/USDT", "buy", "0.02", "50007.5", "1.00015", "USDT", "taker"],
        ["4", "2024-01-01 00:05:00.000", "BTC/USDT", "sell", "0.01", "49967.03", "0.4996703", "USDT", "taker"],
    ]
    assert [fill["id"] for fill in read("fills", "--log", log, "--limit", 1)] == [4]


def test_an_orders_history_is_found_by_its_number_and_by_its_id(log: Path) -> None:
    row = read("orders", "--log", log)[4]
    by_number, by_id = (orderwright("history", word, "--log", log) for word in ("5", row["client_order_id"]))
    assert by_number == by_id
    title = f"order 5 ({row['client_order_id']}): buy BTC/USDT, limit"
    assert by_number.out.splitlines()[0] == title
    assert [[event, status] for _, _, event, status, *_ in cells(by_number)[1:]] == [
        ["order_received", "submitted"],
        ["order_accepted", "open"],
        ["order_ended", "expired"],
    ]
    assert read("history", 5, "--log", log) == read("history", row["client_order_id"], "--log", log)


def test_the_history_of_an_order_that_a_rule_ended_says_which(tmp_path: Path) -> None:
    settings = tmp_path / "settings.json"
    settings.write_text('{"linger": [{"name": "enough", "do": "market", "after_ms": 60000}]}')
    signals = write_alerts(tmp_path / "s.jsonl", an_alert(2, order_type="limit", price="40000"))
    words = ("--candles", write_market(tmp_path / "c.csv"), "--symbol", "BTCUSDT", "--settings", settings)
    log = tmp_path / "log.sqlite"
    assert orderwright("run", "--signals", signals, "--log", log, *words).code == 0
    first, second = (cells(orderwright("history", number, "--log", log)) for number in (1, 2))
    (order, successor) = read("orders", "--log", log)

    assert [row[2:] for row in first[1:] if "rule enough" in row] == [
        ["request_submitted", "pending_cancel", "0.02", "40000", "0", "rule enough"]
    ]
    assert second[1][-1] == f"in the place of {order['client_order_id']}"
    assert (order["status"], successor["status"]) == ("cancelled", "filled")


def test_the_history_of_a_denied_order_says_why(log: Path) -> None:
    assert cells(orderwright("history", 3, "--log", log))[-1][-1] == f"price_off_tick {WHY_OFF_TICK}"


# --- balances, positions, report ---


def test_balances_show_what_is_owned_locked_and_free(log: Path) -> None:
    ran = orderwright("balances", "--log", log)
    total = Decimal(10_000) - Decimal("1000.15") - Decimal("1.00015") + Decimal("499.6703") - Decimal("0.4996703")
    locked = (Decimal("0.02") * 40_000 + Decimal("0.001") * 60_000) * Decimal("1.001")
    assert (total, locked) == (Decimal("9498.0204797"), Decimal("860.86"))
    assert cells(ran) == [
        ["account", "asset", "total", "locked", "free"],
        ["paper", "BTC", "0.01", "0", "0.01"],
        ["paper", "USDT", "9498.0204797", "860.86", "8637.1604797"],
    ]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2023-12-31T00:00:00Z", {}),
        ("2024-01-01T00:00:00Z", {"USDT": ("10000", "0")}),
        (at(2), {"BTC": ("0.02", "0"), "USDT": ("8998.84985", "0")}),
        (at(3), {"BTC": ("0.02", "0"), "USDT": ("8998.84985", "800.8")}),
    ],
)
def test_balances_are_shown_as_they_were_at_a_moment(
    log: Path, moment: str, expected: dict[str, tuple[str, str]]
) -> None:
    rows = read("balances", "--log", log, "--as-of", moment)
    assert {row["asset"]: (row["total"], row["locked"]) for row in rows} == expected


def test_positions_show_size_cost_and_profit_now_and_as_of_a_moment(log: Path) -> None:
    assert cells(orderwright("positions", "--log", log)) == [
        ["account", "symbol", "size", "cost", "realised"],
        ["paper", "BTC/USDT", "0.01", "500.075", "-0.4047"],
    ]
    (row,) = read("positions", "--log", log, "--as-of", at(2))
    assert (row["size"], row["cost"], row["realised"]) == ("0.02", "1000.15", "0")
    assert orderwright("positions", "--log", log, "--as-of", at(1)) == Ran(0, "no positions\n", "")
    assert orderwright("balances", "--log", log, "--as-of", "2023-12-31T00:00:00Z") == Ran(0, "no balances\n", "")


def test_a_report_is_a_books_account_of_itself(log: Path) -> None:
    ran = orderwright("report", "--log", log)
    assert ran.out.splitlines()[0] == "book main, 2024-01-01 00:02:00.000 to 2024-01-01 01:00:00.000"
    shown = {row[0]: row[1:] for row in cells(ran)}
    assert shown["orders"] == ["1 denied, 2 expired, 2 filled, 2 open"]
    assert shown["fills"] == ["2"]
    assert shown["traded, USDT"] == ["1499.8203"]
    assert shown["fees, USDT"] == ["1.4998203"]
    assert shown["realised profit before fees, USDT"] == ["-0.4047"]
    assert shown["balance, USDT"] == ["9498.0204797"]
    assert shown["price_off_tick"] == ["1", WHY_OFF_TICK]
    report = read("report", "--log", log)
    assert report["orders"] == {"denied": 1, "expired": 2, "filled": 2, "open": 2}
    assert report["balances"] == {"BTC": "0.01", "USDT": "9498.0204797"}
    assert report["refused"] == [{"code": "price_off_tick", "count": 1, "example": WHY_OFF_TICK}]


def test_a_run_shows_the_same_report_and_as_json_both(log: Path) -> None:
    folder = log.parent
    options = (
        *("--signals", write_alerts(folder / "signals.jsonl", *ALERTS)),
        *("--candles", write_market(folder / "candles.csv")),
        *("--symbol", "BTC/USDT"),
    )
    again = orderwright("run", *options, "--log", log)
    report = orderwright("report", "--log", log)
    assert again.out == (f"{report.out}\n7 signals, 7 of them seen before; 60 candles; no new rows in the log\n")
    found = read("run", *options, "--log", folder / "other.sqlite")
    assert found["run"]["signals"] == 7
    assert found["summary"] == read("report", "--log", folder / "other.sqlite")


# --- every number as JSON ---

QUESTIONS = [
    ("orders",), ("fills",), ("history", "1"), ("positions",), ("balances",), ("report",), ("log", "head"),
    ("log", "verify"),
]  # fmt: skip
COUNTS = {
    "id", "sequence", "time", "created_at", "updated_at", "filled_at", "venue_time", "standing", "rows", "first_time",
    "last_time", "count", "fills", "denied", "expired", "filled", "open", "accepted", "refused", "ok",
}  # fmt: skip
AMOUNTS = {
    "quantity", "price", "filled_quantity", "remaining_quantity", "filled_quote", "average_fill_price", "fee", "total",
    "locked", "free", "size", "cost", "realised", "equity", "slippage_bps", "slippage_median_bps", "time_to_fill_ms",
    "arrival_price", "estimated_cost", "estimated_fee", "estimated_slippage",
    "stop_price",
}  # fmt: skip


def leaves(value: Any, name: str = "") -> list[tuple[str, Any]]:
    """(name, value) of everything that is no list or object."""
    if isinstance(value, dict):
        return [leaf for key, one in value.items() for leaf in leaves(one, key)]
    if isinstance(value, list):
        return [leaf for one in value for leaf in leaves(one, name)]
    return [(name, value)]


@pytest.mark.parametrize("words", QUESTIONS, ids=" ".join)
def test_json_has_money_as_canonical_text_and_only_counts_and_times_as_numbers(
    log: Path, words: tuple[str, ...]
) -> None:
    for name, value in leaves(read(*words, "--log", log)):
        if isinstance(value, int):
            assert name in COUNTS, f"{name} is {value!r}"
        if name in AMOUNTS and value is not None:
            assert isinstance(value, str), f"{name} is {value!r}"
            assert MONEY.fullmatch(value), f"{name} is {value!r}"


# --- log ---


def test_a_head_that_was_kept_shows_a_tail_that_was_cut_off(log: Path) -> None:
    kept = orderwright("log", "head", "--log", log).out.strip()
    assert re.fullmatch(r"main:\d+:[0-9a-f]{64}", kept)
    assert read("log", "head", "--log", log) == {"head": kept}
    assert orderwright("log", "verify", "--log", log, "--head", kept).code == 0
    rows = int(kept.split(":")[1])

    with sqlite3.connect(log) as connection:
        connection.execute("DELETE FROM log WHERE position = (SELECT max(position) FROM log)")
    connection.close()
    orderwright("log", "rebuild", "--log", log)

    assert orderwright("log", "verify", "--log", log).code == 0, "without the head nothing shows it"
    ran = orderwright("log", "verify", "--log", log, "--head", kept)
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.splitlines()[0].startswith(f"wrong book main, sequence {rows}: ")
    found = json.loads(orderwright("log", "verify", "--log", log, "--head", kept, "--json").out)
    assert (found["ok"], found["rows"], len(found["problems"])) == (False, rows - 1, 1)


def test_a_sound_log_verifies_and_says_so(log: Path) -> None:
    kept = orderwright("log", "head", "--log", log).out.strip()
    rows = int(kept.split(":")[1])
    assert orderwright("log", "verify", "--log", log) == Ran(
        0,
        f"{rows} rows checked: every row is as it was written, and the read models are what a replay gives\n"
        f"head {kept}\n",
        "",
    )
    assert read("log", "verify", "--log", log) == {"ok": True, "rows": rows, "head": kept, "problems": []}


def test_a_changed_row_and_a_changed_balance_are_found(log: Path) -> None:
    with sqlite3.connect(log) as connection:
        connection.execute("UPDATE log SET body = replace(body, '50007.5', '50007.4')")
        connection.execute("UPDATE ledger SET total = '9999' WHERE total = '8998.84985'")
    connection.close()
    ran = orderwright("log", "verify", "--log", log)
    assert ran.code == 1
    assert re.search(r"^wrong book main, sequence \d+: ", ran.out, re.MULTILINE)
    assert ": damaged\n" in ran.out


def test_rebuild_makes_the_read_models_again_from_the_log(log: Path) -> None:
    before = read("balances", "--log", log), read("orders", "--log", log), read("positions", "--log", log)
    with sqlite3.connect(log) as connection:
        connection.execute("UPDATE ledger SET total = '0'")
        connection.execute("DELETE FROM positions")
    connection.close()
    assert orderwright("log", "verify", "--log", log).code == 1
    rows = read("log", "head", "--log", log)["head"].split(":")[1]
    assert orderwright("log", "rebuild", "--log", log) == Ran(0, f"{log}: read models rebuilt from {rows} rows\n", "")
    after = read("balances", "--log", log), read("orders", "--log", log), read("positions", "--log", log)
    assert after == before
    assert orderwright("log", "verify", "--log", log).code == 0


def test_a_backup_is_a_whole_log_and_is_never_written_over_another_file(log: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    rows = read("log", "head", "--log", log)["head"].split(":")[1]
    ran = orderwright("log", "backup", copy, "--log", log)
    assert ran == Ran(0, f"{copy}: a verified copy of {log}, {rows} rows\n", "")
    assert read("orders", "--log", copy) == read("orders", "--log", log)
    again = orderwright("log", "backup", copy, "--log", log)
    assert (again.code, again.out) == (1, "")
    assert again.err == f"orderwright: {copy} exists already: a backup never overwrites; name another file\n"


def test_a_backup_comes_back_where_there_is_no_log_or_where_it_was_said(log: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    assert orderwright("log", "backup", copy, "--log", log).code == 0
    rows = read("log", "head", "--log", log)["head"].split(":")[1]
    restored = f"{log}: restored from {copy}, {rows} rows\n"

    refused = orderwright("log", "restore", copy, "--log", log)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == f"orderwright: {log} exists already: say overwrite to put the backup in its place\n"
    log.write_bytes(b"damaged")
    assert orderwright("log", "restore", copy, "--log", log, "--overwrite") == Ran(0, restored, "")
    log.unlink()
    assert orderwright("log", "restore", copy, "--log", log) == Ran(0, restored, "")
    assert verify(log).problems == []
    assert read("orders", "--log", log) == read("orders", "--log", copy)


def test_a_backup_that_is_damaged_does_not_come_back(log: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    assert orderwright("log", "backup", copy, "--log", log).code == 0
    with sqlite3.connect(copy) as connection:
        connection.execute("UPDATE ledger SET total = '0'")
    connection.close()
    before = log.read_bytes()
    ran = orderwright("log", "restore", copy, "--log", log, "--overwrite")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"orderwright: {copy} does not verify: ")
    assert log.read_bytes() == before
    missing = orderwright("log", "restore", tmp_path / "no", "--log", log)
    assert missing == Ran(2, "", f"orderwright: {tmp_path / 'no'}: log: there is no such file\n")


def test_a_backup_or_a_log_cannot_be_put_where_no_file_can_be(log: Path, tmp_path: Path) -> None:
    no = tmp_path / "no"
    for words, field in ((("backup", "PLACE", "--log", log), "target"), (("restore", log, "--log", "PLACE"), "log")):
        in_none, a_folder = (
            orderwright("log", *(place if word == "PLACE" else word for word in words))
            for place in (no / "copy", tmp_path)
        )
        assert in_none == Ran(2, "", f"orderwright: {no}: {field}: there is no such folder\n")
        assert a_folder == Ran(2, "", f"orderwright: {tmp_path}: {field}: is a folder: name a file in it\n")


# --- help ---

COMMANDS = [
    (), ("run",), ("orders",), ("fills",), ("history",), ("positions",), ("balances",), ("report",), ("log",),
    ("log", "verify"), ("log", "head"), ("log", "rebuild"), ("log", "backup"), ("log", "restore"),
]  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help(words: tuple[str, ...]) -> None:
    ran = orderwright(*words, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: {' '.join(('orderwright', *words))} ")


@pytest.mark.parametrize("words", [(), ("log",)], ids=" ".join)
def test_a_command_left_out_shows_the_help(words: tuple[str, ...]) -> None:
    ran = orderwright(*words)
    assert ran.code == 2
    assert ran.out + ran.err == orderwright(*words, "--help").out


def test_help_imports_nothing_heavy() -> None:
    """Heavy libraries are loaded where they are used: numpy and pyarrow take longer than the whole of the help."""
    program = (
        "import sys\n"
        "from orderwright import cli\n"
        "sys.argv = ['orderwright', '--help']\n"
        "try:\n"
        "    cli.main()\n"
        "finally:\n"
        "    print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: orderwright ")
    heavy = {"numpy", "pyarrow", "pandas", "msgspec", "sqlite3", "asyncio", "rich"}
    assert heavy & set(done.stderr.split()) == set()


def test_questions_to_a_log_import_neither_numpy_nor_pyarrow(log: Path) -> None:
    program = (
        "import sys\n"
        "from orderwright import cli\n"
        f"sys.argv = ['orderwright', 'orders', '--symbol', 'BTCUSDT', '--log', {str(log)!r}]\n"
        "try:\n"
        "    cli.main()\n"
        "finally:\n"
        "    print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("7 of 7 orders\n")
    assert {"numpy", "pyarrow", "pandas"} & set(done.stderr.split()) == set()
