"""Bad input, each kind of it: a clear message, exit code 2 for the user's input and 1 for ours, nothing half done.

What cannot be understood (no number, no time, an unknown symbol, half a line) is an input error: nothing is done at
all. What is understood and not allowed (a price off the tick, an expired order) is an order that is denied: logged,
and shown with its reason.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orderwright.analytics import questions
from orderwright.core.model import STATUS_GROUPS
from orderwright.journal.maintenance import head, verify
from orderwright.journal.sqlite import SqliteJournal, open_log
from orderwright.venues.executor import VenueExecutor
from tests.commands import Ran, an_alert, at, orderwright, write_alerts, write_market

VALID = ", ".join(dict.fromkeys([*STATUS_GROUPS, *questions.STATUSES])).upper()


class Desk:
    """A folder with an hour of candles, one good alert and no log yet."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "log.sqlite"
        self.signals = write_alerts(folder / "signals.jsonl", an_alert())
        self.candles = write_market(folder / "candles.csv")

    def run(self, *more: str, **changes: object) -> Ran:
        """orderwright run, with options changed: deposit="USDT=5" is --deposit USDT=5."""
        options = {"signals": self.signals, "candles": self.candles, "symbol": "BTC/USDT", "log": self.log} | changes
        words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
        return orderwright("run", *words, *more)

    def send(self, *alerts: dict[str, Any] | str) -> Ran:
        """A run of these alerts."""
        write_alerts(self.signals, *alerts)
        return self.run()

    def write(self, name: str, body: str) -> Path:
        path = self.folder / name
        path.write_text(body, encoding="utf-8")
        return path

    def refusal(self, ran: Ran) -> str:
        """What an input error said, the folder taken out; and nothing was done."""
        assert (ran.code, ran.out) == (2, "")
        assert not self.log.exists()
        return ran.err.replace(str(self.folder), "FOLDER").removeprefix("orderwright: ").removesuffix("\n")

    def orders(self) -> list[dict[str, Any]]:
        journal = open_log(self.log, read_only=True)
        rows = journal.latest("orders")
        journal.close()
        return rows


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# --- signals that cannot be understood ---


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"ticker": "BTCUSDT", ', "not valid JSON: Expecting property name enclosed in double quotes (column 23)"),
        ("buy 1 BTC", "not valid JSON: Expecting value (column 1)"),
        ("[]", 'not a JSON object, such as {"ticker": "BTCUSDT", "action": "buy"}'),
        ("{}", "ticker: is missing"),
    ],
)
def test_a_malformed_line_is_an_input_error(desk: Desk, line: str, message: str) -> None:
    assert desk.refusal(desk.send(an_alert(), line)) == f"FOLDER/signals.jsonl, line 2: {message}"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"ticker": "ETHUSDT"}, "ticker: unknown symbol 'ETHUSDT' (nearest: BTC/USDT)"),
        ({"ticker": 5}, "ticker: 5 is not text: write it in quotes"),
        ({"action": "bye"}, "action: unknown action 'bye'; known: buy, sell, close, target (nearest: buy)"),
        ({"action": ["buy"]}, "action: a list is not text: write it in quotes"),
        ({"quantity": "much"}, "quantity: 'much' is not a number"),
        ({"quantity": True}, "quantity: true is not a number"),
        ({"quantity": float("nan")}, "quantity: 'NaN' is not a finite number"),
        ({"price": float("inf")}, "price: 'Infinity' is not a finite number"),
        ({"quantity": int("9" * 30)}, f"quantity: {'9' * 30} has more than 18 digits before the point"),
        (
            {"price": "50000." + "3" * 30},
            f"price: 50000.{'3' * 30} has more than 18 digits after the point (nearest: 50000.{'3' * 18})",
        ),
        ({"time": "tomorrow"}, "time: 'tomorrow' is not a time (write 2024-08-05T00:01:00Z)"),
        ({"expire_at": 12}, "expire_at: 12 is not a time (write 2024-08-05T00:01:00Z)"),
        ({"post_only": "yes"}, "post_only: 'yes' is neither true nor false"),
        ({"quanity": "1"}, "quanity: unknown field (nearest: quantity)"),
        ({"side": "buy"}, "side: given twice, as action too"),
    ],
)
def test_a_field_that_cannot_be_understood_is_an_input_error(desk: Desk, words: dict[str, Any], message: str) -> None:
    assert desk.refusal(desk.send(an_alert(), an_alert(3, **words))) == f"FOLDER/signals.jsonl, line 2: {message}"


def test_an_input_error_leaves_a_log_that_is_there_as_it_was(desk: Desk) -> None:
    assert desk.run().code == 0
    before = desk.log.read_bytes(), head(desk.log)
    for ran in (desk.run(taker_fee="much"), desk.send(an_alert(5), "{")):
        assert (ran.code, ran.out) == (2, "")
        assert (desk.log.read_bytes(), head(desk.log)) == before


# --- signals that are understood and not allowed ---


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        ({"quantity": "-1"}, "quantity_not_positive", "quantity -1: must be above 0"),
        (
            {"quantity": "0.000001"},
            "quantity_too_small",
            "quantity 0.000001: below the smallest quantity 0.00001 (nearest that passes: 0.00001)",
        ),
        (
            {"quantity": "0.0200001"},
            "quantity_off_step",
            "quantity 0.0200001: not a multiple of the step size 0.00001 (nearest that passes: 0.02)",
        ),
        (
            {"order_type": "limit", "price": "40000.005"},
            "price_off_tick",
            "price 40000.005: not a multiple of the tick size 0.01 (nearest that passes: 40000.01)",
        ),
        ({"order_type": "limit", "price": "-1"}, "price_not_positive", "price -1: must be above 0"),
        ({"order_type": "limit"}, "price_missing", "price: a limit order needs a price"),
        ({"quantity": None}, "quantity_missing", "quantity: a quantity is needed"),
        (
            {"order_type": "limit", "price": "40000", "time_in_force": "gtd", "expire_at": at(1)},
            "expiry_past",
            "expire_at 2024-01-01T00:01:00Z: expires in the past: it is 2024-01-01T00:02:00Z",
        ),
    ],
)
def test_an_order_that_is_not_allowed_is_denied_and_logged_with_its_reason(
    desk: Desk, words: dict[str, Any], code: str, reason: str
) -> None:
    ran = desk.send(an_alert(**words))
    assert (ran.code, ran.err) == (0, "")
    (order,) = desk.orders()
    assert (order["status"], order["error_code"], order["risk_check_reason"]) == ("denied", code, reason)
    assert f"{code}      1  {reason}" in ran.out
    assert re.search(r"^orders +1 denied *$", ran.out, re.MULTILINE)


def test_a_repeated_alert_becomes_one_order_and_the_run_says_so(desk: Desk) -> None:
    alert = an_alert(alert_id="1", strategy="dip")
    ran = desk.send(alert, alert, an_alert(5, alert_id="1", strategy="dip"))
    assert len(desk.orders()) == 1
    assert "\n3 signals, 2 of them seen before; 60 candles; 14 new rows in the log\n" in ran.out


def test_an_unknown_account_is_refused_and_logged_without_an_order(desk: Desk) -> None:
    ran = desk.send(an_alert(account="papr"))
    assert (ran.code, desk.orders()) == (0, [])
    assert "unknown_account      1  account papr: " in ran.out


def test_a_signals_file_without_signals_is_a_run_without_signals(desk: Desk) -> None:
    ran = desk.send()
    assert (ran.code, ran.err) == (0, "")
    assert "\nno signals; 60 candles; 6 new rows in the log\n" in ran.out
    assert verify(desk.log).problems == []


def test_signals_outside_the_candles_are_left_alone_and_taken_in_by_a_run_with_theirs(desk: Desk) -> None:
    late = an_alert(50)
    lines = desk.candles.read_text().splitlines(keepends=True)
    early = desk.write("early.csv", "".join(lines[:31]))
    write_alerts(desk.signals, an_alert() | {"time": "2023-12-31T00:00:00Z"}, an_alert(), late)
    ran = desk.run(candles=early)
    assert "\n3 signals, 2 of them outside the candles and left alone; 30 candles; 13 new rows in the log\n" in ran.out
    assert [order["status"] for order in desk.orders()] == ["filled"]
    ran = desk.run()
    assert "\n3 signals, 1 of them seen before, 1 of them outside the candles and left alone; 60 candles; " in ran.out
    assert [order["status"] for order in desk.orders()] == ["filled", "filled"]


# --- candles ---


def spoilt(lines: list[str], at: int, column: int, value: str) -> list[str]:
    cells = lines[at].split(",")
    cells[column] = value
    return [*lines[:at], ",".join(cells), *lines[at + 1 :]]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]],
            ", line 5: time: 2024-01-01T00:02:00Z is before 2024-01-01T00:03:00Z in the row above",
        ),
        (lambda lines: [*lines[:4], *lines[3:]], ", line 5: time: 2024-01-01T00:02:00Z is there twice"),
        (lambda lines: spoilt(lines, 3, 1, "NaN"), ", line 4: open: the number is missing (NaN)"),
        (lambda lines: spoilt(lines, 3, 5, ""), ", line 4: volume: the number is missing (NaN)"),
        (lambda lines: spoilt(lines, 3, 4, "-5"), ", line 4: close: -5 is not a positive price"),
        (lambda lines: spoilt(lines, 3, 2, "much"), ", line 4: high: 'much' is not a number"),
        (lambda lines: spoilt(lines, 3, 0, "soon"), ", line 4: time: 'soon' is not a time (ISO 8601 or epoch)"),
        (lambda lines: [*lines[:3], "2024,1"], ", line 4: the row has 2 columns, the first one has 6"),
        (lambda lines: [line.rsplit(",", 1)[0] for line in lines], ": volume: no such column; there are: timestamp, open, high, low, close"),  # noqa: E501
        (lambda lines: lines[:1], ": the file has no rows"),
        (lambda lines: [], ": the file is empty"),
    ],
)  # fmt: skip
def test_bad_candles_are_an_input_error_that_names_line_and_column(
    desk: Desk, spoil: Callable[[list[str]], list[str]], message: str
) -> None:
    lines = spoil(desk.candles.read_text().splitlines())
    candles = desk.write("bad.csv", "\n".join(lines))
    assert desk.refusal(desk.run(candles=candles)) == f"FOLDER/bad.csv{message}"


def test_gaps_in_the_candles_are_allowed_and_counted(desk: Desk) -> None:
    lines = desk.candles.read_text().splitlines()
    candles = desk.write("gaps.csv", "\n".join([*lines[:10], *lines[13:20], *lines[21:]]))
    ran = desk.run(candles=candles)
    assert ran.code == 0
    assert "\n1 signal; 56 candles, 4 missing; 13 new rows in the log\n" in ran.out


# --- options ---

PATHS = ("nearer-first", "open-high-low-close", "open-low-high-close", "worst-case")


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("deposit", "USDT", "deposit: 'USDT' is not ASSET=AMOUNT, such as USDT=10000"),
        ("deposit", "=5", "deposit: '=5' is not ASSET=AMOUNT, such as USDT=10000"),
        ("deposit", "USDT=much", "deposit: 'much' is not a number"),
        ("deposit", "USDT=NaN", "deposit: 'NaN' is not a finite number"),
        ("deposit", "USDT=-5", "deposit: -5 is not above 0"),
        ("deposit", f"USDT={'9' * 30}", f"deposit: {'9' * 30} has more than 18 digits before the point"),
        ("taker_fee", "0.1%", "taker_fee: '0.1%' is not a number"),
        ("taker_fee", "1", "taker_fee: 1 is not a rate: 0.001 is 0.1 %"),
        ("maker_fee", "-0.1", "maker_fee: -0.1 is not a rate: 0.001 is 0.1 %"),
        ("fee_in", "qoute", "fee_in: unknown fee_in 'qoute' (nearest: quote)"),
        ("path", "neerer", "path: unknown path 'neerer' (nearest: nearer-first)"),
        ("path", "x", f"path: unknown path 'x'; known: {', '.join(PATHS)}"),
        ("symbol", "BTC", "symbol: 'BTC' does not tell its quote asset: write it as BASE/QUOTE, like BTC/USDT"),
        ("slippage_bps", "-1", "slippage_bps: -1 is below 0 (nearest: 0)"),
        ("slippage_bps", "10000", "slippage_bps: 10000 is not below 10000"),
        ("latency_ms", "20-86400000", "latency_ms: 86400000 is not below 86400000"),
        ("spread_bps", "wide", "spread_bps: 'wide' is not a number"),
        ("latency_ms", "-5", "latency_ms: '-5' is not a time such as 50, or a range such as 20-80"),
        ("latency_ms", "80-20", "latency_ms: 80-20: the second is below the first"),
        ("volume_share", "0", "volume_share: 0 is not a share above 0 and up to 1"),
        ("book", "a,b", "book: 'a,b' is not a name of up to 64 letters, digits, '-', '_' and '.'"),
        ("account", "", "account: '' is not a name of up to 64 letters, digits, '-', '_' and '.'"),
    ],
)  # fmt: skip
def test_a_bad_option_is_an_input_error_that_names_it(desk: Desk, option: str, value: str, message: str) -> None:
    assert desk.refusal(desk.run(**{option: value})) == message


def test_the_same_asset_deposited_twice_is_an_input_error(desk: Desk) -> None:
    """Two deposits alike would be taken for one that was told twice."""
    ran = desk.run("--deposit", "USDT=5", "--deposit", "usdt=5")
    assert desk.refusal(ran) == "deposit: USDT is there twice: add the amounts up"


def test_an_option_that_does_not_exist_is_refused_by_the_command_line_itself(desk: Desk) -> None:
    ran = desk.run(tker_fee="1")
    assert (ran.code, ran.out, desk.log.exists()) == (2, "", False)
    assert "No such option: --tker-fee" in ran.err


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"limts": {}}', "limts: unknown setting (nearest: limits)"),
        ('{"limits": {"max_ordr_value": 1}}', "max_ordr_value: unknown setting (nearest: max_order_value)"),
        ('{"limits": 5}', 'limits: not a JSON object, such as {"max_order_value": "5000"}'),
        ("[]", 'not a JSON object, such as {"limits": {"max_order_value": "5000"}}'),
        ("{", "not valid JSON: Input data was truncated"),
        ('{"collar_bps": true}', "Expected `decimal | null`, got `bool` - at `collar_bps`"),
        ('{"limits": {"max_order_value": "NaN"}}', "max_order_value: 'NaN' is not a finite number"),
        ('{"limits": {"max_order_value": -5}}', "max_order_value: -5 is below 0 (nearest: 0)"),
        ('{"bar_ms": 0}', "bar_ms: 0 ms is no time (nearest: 1)"),
        ('{"linger": {}}', 'linger: not a list, such as [{"name": "enough", "after_ms": 60000}]'),
        (
            '{"linger": [{"name": "x", "day_end": "9pm"}]}',
            "linger.x.day_end: not a time of day in UTC from 00:01 to 24:00, such as 21:30",
        ),
        ('{"collar_bps": ' + "1" * 30 + "}", f"collar_bps: {'1' * 30} has more than 18 digits before the point"),
    ],
)  # fmt: skip
def test_bad_settings_are_an_input_error_that_names_file_and_field(desk: Desk, body: str, message: str) -> None:
    settings = desk.write("settings.json", body)
    assert desk.refusal(desk.run(settings=settings)) == f"FOLDER/settings.json: {message}"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ('{"name": "y", "after": 5}', "after: unknown setting (nearest: after_ms)"),
        ('{"name": "y", "do": "cancle"}', "do: unknown do 'cancle' (nearest: cancel)"),
        ("5", 'linger.2: not a JSON object, such as {"name": "enough", "after_ms": 60000}'),
    ],
)  # fmt: skip
def test_a_bad_rule_for_orders_that_linger_is_named_by_its_number(desk: Desk, rule: str, message: str) -> None:
    settings = desk.write("settings.json", f'{{"linger": [{{"name": "x", "after_ms": 5}}, {rule}]}}')
    assert desk.refusal(desk.run(settings=settings)) == f"FOLDER/settings.json, linger rule 2: {message}"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "FOLDER/instruments.json: not valid JSON: Input data was truncated"),
        ("{}", "FOLDER/instruments.json: no instrument in it"),
        (
            '{"BTC/USDT": {"tick_szie": "0.01"}}',
            "FOLDER/instruments.json, BTC/USDT: tick_szie: unknown field 'tick_szie' (nearest: tick_size)",
        ),
        (
            '{"BTC/USDT": {"tick_size": "0", "step_size": "0.1"}}',
            "FOLDER/instruments.json, BTC/USDT: tick_size: 0 is not a positive number",
        ),
        (
            '{"ETH/USDT": {"tick_size": "0.01", "step_size": "0.1"}}',
            "symbol: unknown symbol 'BTC/USDT' (nearest: ETH/USDT)",
        ),
    ],
)
def test_bad_instruments_are_an_input_error(desk: Desk, body: str, message: str) -> None:
    instruments = desk.write("instruments.json", body)
    assert desk.refusal(desk.run(instruments=instruments)) == message


@pytest.mark.parametrize("option", ["signals", "candles", "instruments", "settings"])
def test_a_missing_file_or_a_folder_in_its_place_is_an_input_error(desk: Desk, option: str) -> None:
    missing = desk.run(**{option: desk.folder / "nothing.csv"})
    assert desk.refusal(missing) == "FOLDER/nothing.csv: cannot be read: No such file or directory"
    assert desk.refusal(desk.run(**{option: desk.folder})) == "FOLDER: cannot be read: Is a directory"


def test_a_log_that_is_a_folder_or_in_none_is_an_input_error(desk: Desk) -> None:
    assert desk.refusal(desk.run(log=desk.folder)) == "FOLDER: log: is a folder: name a file in it"
    assert desk.refusal(desk.run(log=desk.folder / "no" / "log")) == "FOLDER/no: log: there is no such folder"


# --- questions to a log ---


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("orders", "--as-of", "soon"), "as-of: 'soon' is not a time (write 2024-08-05T00:01:00Z)"),
        (("positions", "--as-of", "24:00"), "as-of: '24:00' is not a time (write 2024-08-05T00:01:00Z)"),
        (
            ("orders", "--as-of", "2024-01-01 10:00"),
            "as-of: a time zone is missing: 2024-01-01 10:00 (nearest: 2024-01-01T10:00Z)",
        ),
        (("balances", "--as-of", "²"), "as-of: '²' is not a time (write 2024-08-05T00:01:00Z)"),
        (
            ("orders", "--status", "opne"),
            f"status: unknown status 'opne': did you mean OPEN? known are {VALID} (nearest: open)",
        ),
        (
            ("orders", "--status", "canceled"),
            f"status: unknown status 'canceled': did you mean CANCELLED? known are {VALID} (nearest: cancelled)",
        ),
        (
            ("orders", "--symbol", "BTC"),
            "symbol: 'BTC' does not tell its quote asset: write it as BASE/QUOTE, like BTC/USDT",
        ),
        (("history", "99"), "order: no order '99' in this log (see `orderwright orders`)"),
        (("history", "abc"), "order: no order 'abc' in this log (see `orderwright orders`)"),
        (("report", "--book", "mian"), "book: unknown book 'mian' (nearest: main)"),
        (
            ("log", "verify", "--head", "main:3"),
            "head: a head is book:sequence:digest, or a digest of 64 hex digits",
        ),
    ],
)
def test_a_bad_question_is_an_input_error(desk: Desk, words: tuple[str, ...], message: str) -> None:
    assert desk.run().code == 0
    assert orderwright(*words, "--log", desk.log) == Ran(2, "", f"orderwright: {message}\n")


READERS = [
    ("orders",), ("fills",), ("history", "1"), ("positions",), ("balances",), ("report",), ("log", "verify"),
    ("log", "head"), ("log", "rebuild"), ("log", "backup", "copy.sqlite"),
]  # fmt: skip


@pytest.mark.parametrize("words", READERS, ids=" ".join)
def test_a_log_that_is_not_there_is_an_input_error_and_is_not_made(desk: Desk, words: tuple[str, ...]) -> None:
    assert desk.refusal(orderwright(*words, "--log", desk.log)) == "FOLDER/log.sqlite: log: there is no such file"
    ran = orderwright(*words, "--log", desk.folder)
    assert desk.refusal(ran) == "FOLDER: log: is a folder, not a log"


# --- a log that cannot be used ---


def test_a_file_that_is_no_log_is_refused_and_left_alone(desk: Desk) -> None:
    desk.log.write_text("order,price\n1,2\n")
    ran = desk.run()
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        f"orderwright: {desk.log} is not a log: it begins with b'order,price\\n1,2\\n', a log with b'SQLite format 3'. "
        "If it was a log: `orderwright log restore BACKUP` brings back a good copy\n"
    )
    assert desk.log.read_text() == "order,price\n1,2\n"


def test_a_log_with_a_changed_row_is_refused_and_left_alone(desk: Desk) -> None:
    assert desk.run().code == 0
    with sqlite3.connect(desk.log) as connection:
        connection.execute(
            "UPDATE log SET body = replace(body, '0.02', '0.03') WHERE position = (SELECT max(position) - 3 FROM log)"
        )
        (sequence,) = connection.execute("SELECT (max(position) & 0xffffffff) - 3 FROM log").fetchone()
    connection.close()
    before = head(desk.log)
    message = (
        f"orderwright: {desk.log} is damaged: book 'main': sequence {sequence} is not what was written. "
        "Bring back a good copy: `orderwright log restore BACKUP`\n"
    )
    write_alerts(desk.signals, an_alert(5))
    assert desk.run() == Ran(1, "", message)
    assert orderwright("orders", "--log", desk.log) == Ran(1, "", message)
    ran = orderwright("log", "verify", "--log", desk.log)
    assert (ran.code, ran.err) == (1, "")
    assert f"wrong book main, sequence {sequence}: " in ran.out
    assert head(desk.log) == before


@pytest.mark.parametrize("words", READERS, ids=" ".join)
def test_a_log_with_pages_overwritten_is_damaged_whatever_is_asked_of_it(desk: Desk, words: tuple[str, ...]) -> None:
    assert desk.run().code == 0
    body = desk.log.read_bytes()
    desk.log.write_bytes(body[:8192] + b"\xa5" * (len(body) - 8192))
    words = (*words[:-1], str(desk.folder / words[-1])) if "backup" in words else words
    ran = orderwright(*words, "--log", desk.log)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"orderwright: {desk.log} is damaged: ")
    assert "Traceback" not in ran.err
    assert not (desk.folder / "copy.sqlite").exists()
    again = desk.run()
    assert (again.code, again.out) == (1, "")
    assert again.err.startswith(f"orderwright: {desk.log} is damaged: ")


def test_a_log_of_a_newer_program_is_refused_and_left_alone(desk: Desk) -> None:
    assert desk.run().code == 0
    with sqlite3.connect(desk.log) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = desk.log.read_bytes()
    for ran in (desk.run(), orderwright("orders", "--log", desk.log), orderwright("log", "head", "--log", desk.log)):
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.endswith(
            f"the log has schema version 99 and this program knows versions up to {version}: "
            "update orderwright, or open the log with the version that wrote it\n"
        )
    assert desk.log.read_bytes() == before


HOLD = """
import sys
from orderwright.journal.sqlite import open_log
journal = open_log(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def test_a_log_that_another_process_writes_is_refused_until_that_process_is_gone(desk: Desk) -> None:
    words = [sys.executable, "-c", HOLD, str(desk.log)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            ran = desk.run()
            assert (ran.code, ran.out) == (1, "")
            holder = re.escape(f"{other.pid}@{socket.gethostname()}")
            assert re.match(f"orderwright: {re.escape(str(desk.log))}: {holder} is writing this log", ran.err)
            assert desk.orders() == []
        finally:
            os.kill(other.pid, signal.SIGKILL)
    assert desk.run().code == 0
    assert [order["status"] for order in desk.orders()] == ["filled"]


def test_a_log_that_another_process_holds_can_be_taken_over(desk: Desk) -> None:
    words = [sys.executable, "-c", HOLD, str(desk.log)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            assert desk.run("--take-over").code == 0
        finally:
            os.kill(other.pid, signal.SIGKILL)
    assert [order["status"] for order in desk.orders()] == ["filled"]


# --- a full disk ---


class FullDisk:
    """Lets a log grow by so many pages, and keeps what was sent to the venue, in order, `failed` where a commit did."""

    def __init__(self, patch: pytest.MonkeyPatch, pages: int) -> None:
        self.said: list[str] = []
        self._pages = pages
        patch.setattr(sys.modules["orderwright.bootstrap.run"], "open_log", self._open)
        send, write, commit = VenueExecutor.send, SqliteJournal.write, SqliteJournal.commit

        def recorded(executor: VenueExecutor, action: Any) -> None:
            self.said.append(action.order_id)
            send(executor, action)

        def noted(step: Callable[[SqliteJournal], None]) -> Callable[[SqliteJournal], None]:
            def run(journal: SqliteJournal) -> None:
                try:
                    step(journal)
                except BaseException:
                    self.said.append("failed")
                    raise

            return run

        patch.setattr(VenueExecutor, "send", recorded)
        patch.setattr(SqliteJournal, "write", noted(write))
        patch.setattr(SqliteJournal, "commit", noted(commit))

    def _open(self, log: Path, **how: Any) -> SqliteJournal:
        journal = open_log(log, **how)
        if journal._connection is not None:
            pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
            journal._connection.execute(f"PRAGMA max_page_count = {pages + self._pages}")
        return journal


@pytest.mark.parametrize("pages", [0, 1, 5, 20])
def test_a_full_disk_ends_the_run_with_nothing_sent_that_is_not_on_disk(desk: Desk, pages: int) -> None:
    alerts = [
        an_alert(minute, order_type="limit", price=str(40_000 - minute), quantity="0.001", alert_id=f"{minute}-{n}")
        for minute in range(1, 21)
        for n in range(5)
    ]
    write_alerts(desk.signals, *alerts)
    with pytest.MonkeyPatch.context() as patch:
        disk = FullDisk(patch, pages)
        ran = desk.run()
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        f"orderwright: {desk.log}: database or disk is full. What was committed before is whole; nothing after it is "
        "in the log\n"
    )
    sent = disk.said[: disk.said.index("failed")]
    assert set(disk.said[len(sent) :]) == {"failed"}, "something was sent after a commit had failed"
    assert set(sent) <= {order["client_order_id"] for order in desk.orders()}
    assert len(sent) < len(alerts)
    assert verify(desk.log).problems == []

    assert desk.run("--take-over").code == 0  # the lease is still this process's own
    assert {order["status"] for order in desk.orders()} == {"open"}
    assert len(desk.orders()) == len(alerts)
    assert verify(desk.log).problems == []


# --- as a process of its own ---


def as_process(*words: object) -> Ran:
    command = [sys.executable, "-m", "orderwright.cli", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return Ran(done.returncode, done.stdout, done.stderr)


def test_a_process_ends_with_2_for_the_users_input_and_1_for_a_log_that_cannot_be_used(desk: Desk) -> None:
    missing = as_process("orders", "--log", desk.log)
    assert missing == Ran(2, "", f"orderwright: {desk.log}: log: there is no such file\n")
    desk.log.write_text("x" * 100)
    unusable = as_process("orders", "--log", desk.log)
    assert (unusable.code, unusable.out) == (1, "")
    assert unusable.err.startswith(f"orderwright: {desk.log} is not a log: ")
