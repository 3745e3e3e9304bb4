"""`orderwright config` as it is called."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orderwright.config.production import checklist
from tests.commands import orderwright
from tests.config.builders import loaded_from

ROOT = Path(__file__).resolve().parents[2]
DAY = 86_400.0


@pytest.fixture(autouse=True)
def _nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("ORDERWRIGHT__", "MAX_", "MIN_", "TRADINGVIEW_", "DATABASE_", "BINANCE_", "CONFIG_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def a_file(text: str, name: str = "my.yaml") -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_file_is_told_to_be_good_with_what_it_comes_to() -> None:
    ran = orderwright("config", "check", "--config", ROOT / "config/local.yaml")

    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert (ran.code, ran.err) == (0, "")
    assert lines[0].endswith("local.yaml: good")
    assert "listens http://localhost:8004, no key is asked for" in lines
    assert "log data/order_management.duckdb.sqlite, copied to data/order_management.duckdb every 5 s" in lines
    assert "limits max_order_value 1000, min_order_size 10, max_daily_orders 50" in lines
    assert [line for line in lines if line.startswith("note: ")] == [
        "note: messaging.type redis: this version has no redis; events stay on the bus inside the process (set "
        "messaging.type: none to say so, localhost is not asked)",
        "note: the TradingView webhook has no authentication: it refuses all alerts (set TRADINGVIEW_SECRET, "
        "or a strategy's token)",
        "note: service.auth is off: whoever is on this machine may trade",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("execution: {simulation: {symbols: [BTC/USDT, BTCUSDT]}}",
         "my.yaml, line 1: execution.simulation.symbols.2: BTC/USDT is named twice"),
        ("strategies: {a: {symbol: BTCUSDX}}",
         "my.yaml, line 1: strategies.a.symbol: unknown symbol 'BTCUSDX' (nearest: BTC/USDT)"),
        ("strategies: {a: {symbol: BTC/USDT, class: 'nowhere.py:Mine'}}",
         "my.yaml, line 1: strategies.a.class: there is no file nowhere.py"),
        ("strategies: {a: {symbol: BTC/USDT, class: sma, params: {fast_perod: 5}}}",
         "my.yaml, line 1: strategies.a.params: unknown parameter of SimpleMovingAverageStrategy 'fast_perod' "
         "(nearest: fast_period)"),
    ],
)  # fmt: skip
def test_what_would_only_show_at_the_start_is_told_before(text: str, told: str) -> None:
    ran = orderwright("config", "check", "--config", a_file(text))

    assert (ran.code, ran.out.splitlines()) == (2, ["my.yaml: 1 problem", f"  {told}"])
    assert [path.name for path in Path().iterdir()] == ["my.yaml"]


def test_an_alerts_address_that_cannot_be_read_is_told_without_its_password() -> None:
    ran = orderwright("config", "check", "--config", a_file("alerts: {urls: ['nonsense://me:hunter2@x']}"))

    assert ran.code == 2
    assert "my.yaml, line 1: alerts.urls" in ran.out
    assert "hunter2" not in ran.out


def test_a_weak_webhook_is_told_of() -> None:
    ran = orderwright("config", "check", "--config", a_file("tradingview: {secret: short}\n"))

    assert ran.code == 0
    assert [line for line in ran.out.splitlines() if line.startswith("note: ")] == [
        "note: tradingview.secret: shorter than 16 characters, so it can be guessed"
    ]


def test_a_wrong_file_is_told_all_that_is_wrong_and_ends_with_2() -> None:
    path = a_file("service:\n  prot: 1\n  port: x\nbooks: {a: {user: bo}}\nusers: {bob: {}}\n")

    ran = orderwright("config", "check", "--config", path)

    assert ran.code == 2
    assert ran.out.splitlines() == [
        "my.yaml: 2 problems",
        "  my.yaml, line 3: service.port: 'x' is not a number",
        "  my.yaml, line 2: service.prot: unknown key (nearest: port)",
    ]


def test_what_is_wrong_is_json_where_it_is_asked_for() -> None:
    path = a_file("execution: {mode: direct}\n")

    ran = orderwright("config", "check", "--json", "--config", path)
    told = json.loads(ran.out)

    assert ran.code == 2
    assert (told["good"], told["problems"]) == (
        False,
        [
            {
                "field": "execution.mode",
                "message": "direct is not available in this version",
                "value": "direct",
                "nearest": "simulation",
                "where": "my.yaml, line 1",
            }
        ],
    )


def test_a_file_that_is_not_there_or_no_yaml_is_one_problem() -> None:
    missing = orderwright("config", "check", "--config", "nowhere.yaml")
    broken = orderwright("config", "check", "--config", a_file("a: [1\n"))

    assert (missing.code, broken.code) == (2, 2)
    assert "nowhere.yaml: cannot be read: No such file or directory" in missing.out
    assert "my.yaml, line 2, column 1: not YAML" in broken.out


def test_everything_in_force_is_shown_with_its_origin_and_secrets_as_stars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADINGVIEW_SECRET", "hunter2")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///hunter2.sqlite")
    path = a_file(
        "service: {port: 9000}\nalerts: {urls: ['mailto://hunter2@example.com']}\nbooks: {main: {currency: EUR}}\n"
    )

    ran = orderwright("config", "show", "--json", "--config", path)
    plain = orderwright("config", "show", "--config", path)
    shown = json.loads(ran.out)

    assert (ran.code, plain.code) == (0, 0)
    assert shown["service.port"] == {"value": "9000", "origin": "my.yaml, line 1"}
    assert shown["service.host"] == {"value": "127.0.0.1", "origin": "default"}
    assert shown["tradingview.secret"] == {
        "value": "********",
        "origin": "environment variable TRADINGVIEW_SECRET",
    }
    assert shown["alerts.urls"] == {"value": "[********]", "origin": "my.yaml, line 2"}
    assert shown["books.main.currency"] == {"value": "EUR", "origin": "my.yaml, line 3"}
    assert "hunter2" not in ran.out + plain.out


def test_what_is_no_default_is_shown_alone() -> None:
    ran = orderwright("config", "show", "--changed", "--json", "--config", a_file("service: {port: 9000}\n"))

    assert json.loads(ran.out) == {"service.port": {"value": "9000", "origin": "my.yaml, line 1"}}


def test_a_file_to_begin_with_is_good_changes_nothing_and_replaces_nothing() -> None:
    first = orderwright("config", "init", "config/mine.yaml")
    again = orderwright("config", "init", "config/mine.yaml")
    changed = orderwright("config", "show", "--json", "--config", "config/mine.yaml")
    defaults = orderwright("config", "show", "--json")

    def values(out: str) -> dict[str, str]:
        return {name: one["value"] for name, one in json.loads(out).items()}

    assert (first.code, again.code) == (0, 2)
    assert "is there already, and left as it is" in again.err
    assert values(changed.out) == values(defaults.out)
    assert orderwright("config", "check", "--config", "config/mine.yaml").code == 0


def test_help_loads_neither_pydantic_nor_yaml() -> None:
    program = (
        "import sys; sys.argv = ['orderwright', '--help']\n"
        "from orderwright import cli\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'pydantic', 'pydantic_settings', 'yaml', 'duckdb'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ran.stdout.splitlines()[-1] == "[]"


def test_the_production_checklist_is_answered_point_by_point(shared: Path) -> None:
    (seed,) = (shared / "seeds").glob("004_*.txt")
    points = [line[6:] for line in seed.read_text(encoding="utf-8").splitlines() if line.startswith("- [ ] ")]

    ran = orderwright("config", "check", "--production", "--json")
    told = json.loads(ran.out)["production"]

    assert ran.code == 1
    assert [one["point"] for one in told] == points
    assert [one["done"] for one in told] == [False] * 9
    assert all(one["why"] and one["how"] for one in told)


def test_a_point_that_is_done_says_why(tmp_path: Path) -> None:
    text = """
environment: production
database: {path: o.sqlite}
execution: {simulation: {slippage: 0.0005, maker_fee: 0.001, taker_fee: 0.001}}
account_limits:
  {max_order_value: 50, max_position_value: 500, max_daily_loss: 50, max_open_orders_per_symbol: 5, min_order_size: 10}
order_params: {max_slippage_bps: 10}
tradingview: {secret: 0123456789abcdef}
alerts: {urls: ['mailto://a@example.com'], topics: [risk, daily_loss, rejected, unknown]}
accounts: {main: {exchange: binance, mode: live}}
exchanges: {binance: {api_key: k, api_secret: s}}
"""
    backup = tmp_path / "o-2026-11-20.backup.sqlite"
    backup.touch()
    os.utime(backup, (9 * DAY, 9 * DAY))
    configuration = loaded_from(text).configuration

    told = [(point.done, point.why) for point in checklist(configuration, now=10 * DAY)]

    assert told == [
        (True, "the keys are set, and live: main"),
        (True, "all five limits are set"),
        (True, "the secret is set"),
        (False, "orders are executed, but in simulation"),
        (True, "1 told of rejected, unknown"),
        (True, "the newest backup is 1.0 days old"),
        (True, "an order is worth 50 at most"),
        (True, "1 told of risk, daily_loss"),
        (True, "slippage 0.0005, at most 10 bps; fees are written out"),
    ]
    assert checklist(configuration, now=30 * DAY)[5].why == "the newest backup is 21 days old"


@pytest.mark.parametrize(
    ("text", "number", "why"),
    [
        ("exchanges: {binance: {api_key: k, api_secret: s}}", 0, "the keys are set, but no account is live"),
        ("tradingview: {secret: short}", 2, "the secret is shorter than 16 characters"),
        ("execution: {enabled: off}", 3, "execution.enabled is off: every order is denied"),
        ("execution: {approval: all}", 3, "every order waits for approval"),
        ("books: {main: {approval: all}}", 3, "every order in main waits for approval"),
        ("alerts: {urls: ['json://x'], topics: [fill]}", 4, "not told: rejected, unknown"),
        ("database: {type: memory}", 5, "the log is in memory: there is nothing to keep"),
        ("account_limits: {max_order_value: 5000}", 6, "an order may be worth 5000"),
    ],
)
def test_a_point_that_is_open_says_why(text: str, number: int, why: str) -> None:
    point = checklist(loaded_from(text).configuration, now=0.0)[number]

    assert (point.done, point.why) == (False, why)
    assert point.how
