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
DIP = """
from orderwright import Strategy


class Dip(Strategy):
    def on_bar(self, context, bar):
        context.buy(1)
"""


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


def test_a_default_that_is_written_out_is_no_change() -> None:
    own = "books: {bob: {limits: {max_order_value: null}}}\n"
    text = "service: {port: 8004, auth: on}\nusers: {bob: {scope: read}}\n" + own
    ran = orderwright("config", "show", "--changed", "--json", "--config", a_file(text))

    assert json.loads(ran.out) == {
        "books.bob.limits.max_order_value": {"value": "", "origin": "my.yaml, line 3"},
        "users.bob.scope": {"value": "read", "origin": "my.yaml, line 2"},
    }


def test_a_file_to_begin_with_is_good_changes_nothing_and_replaces_nothing() -> None:
    first = orderwright("config", "init", "config/mine.yaml")
    again = orderwright("config", "init", "config/mine.yaml")
    changed = orderwright("config", "show", "--json", "--config", "config/mine.yaml")
    defaults = orderwright("config", "show", "--json")

    def values(out: str) -> dict[str, str]:
        return {name: one["value"] for name, one in json.loads(out).items()}

    assert (first.code, again.code) == (0, 2)
    assert again.err == "orderwright: config/mine.yaml: is there already, and left as it is\n"
    assert values(changed.out) == values(defaults.out)
    assert orderwright("config", "check", "--config", "config/mine.yaml").code == 0
    assert orderwright("config", "show", "--changed", "--config", "config/mine.yaml").out == "everything is a default\n"


def test_a_key_of_the_file_to_begin_with_is_set_by_taking_its_mark_away() -> None:
    orderwright("config", "init")
    path = Path("orderwright.yaml")
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("    # slippage: 0 ", "    slippage: 0.001 ").replace("  # port: 8004", "  port: 9000")
    )

    shown = orderwright("config", "show", "--changed", "--json")

    assert {name: one["value"] for name, one in json.loads(shown.out).items()} == {
        "service.port": "9000",
        "execution.simulation.slippage": "0.001",
    }


def test_the_file_of_the_working_folder_is_read_unless_another_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    a_file("service: {port: 1}", "orderwright.yaml")
    a_file("service: {port: 2}", "of_variable.yaml")
    a_file("service: {port: 3}", "of_option.yaml")

    def port(*words: str) -> str:
        told: str = json.loads(orderwright("config", "show", "--json", *words).out)["service.port"]["value"]
        return told

    alone = port()
    monkeypatch.setenv("CONFIG_PATH", "of_variable.yaml")

    assert (alone, port(), port("--config", "of_option.yaml")) == ("1", "2", "3")


def test_where_no_file_was_read_that_is_said() -> None:
    checked = orderwright("config", "check")
    missed = orderwright("tradingview", "message", "trend")
    named = orderwright("tradingview", "message", "trend", "--config", a_file("strategies: {other: {}}"))

    no_file = "no configuration file was read; name it with --config"
    assert (checked.code, checked.out.splitlines()[0]) == (0, f"{no_file}. Defaults and environment: good")
    assert missed.code == named.code == 2
    assert missed.err.rstrip().endswith(f"({no_file})")
    assert "no configuration file" not in named.err


def test_a_class_is_found_beside_the_configuration_that_names_it(tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    folder.mkdir()
    (folder / "dip_beside.py").write_text(DIP, encoding="utf-8")
    path = folder / "my.yaml"
    text = "strategies: {a: {symbol: BTC/USDT, class: 'dip_beside.py:Dip'}}"
    path.write_text(text, encoding="utf-8")
    nowhere = folder / "nowhere.yaml"
    nowhere.write_text(text.replace("dip_beside", "dop"), encoding="utf-8")

    found = orderwright("config", "check", "--config", path)
    missed = orderwright("config", "check", "--config", nowhere)

    assert found.code == 0, found.out
    assert missed.out.splitlines()[1].endswith(f"strategies.a.class: there is no file {folder / 'dop.py'}")


def test_a_class_may_stand_in_the_working_folder_too(tmp_path: Path) -> None:
    (tmp_path / "desk").mkdir()
    a_file(DIP, "dip_here.py")
    path = a_file("strategies: {a: {symbol: BTC/USDT, class: 'dip_here.py:Dip'}}", "desk/my.yaml")

    assert orderwright("config", "check", "--config", path).code == 0


def test_the_webhook_line_names_what_lets_an_alert_in() -> None:
    def line(text: str) -> str:
        out = orderwright("config", "check", "--json", "--config", a_file(text)).out
        told: str = json.loads(out)["summary"]["webhook"]
        return told

    token = "a-token-of-more-than-128-bits-0123"
    assert line(f"strategies: {{a: {{token: {token}}}}}") == (
        "a strategy's token in the path or a strategy's token in the body"
    )
    assert line("tradingview: {secret: 0123456789abcdef}") == "a signature or the secret in the body"


def test_a_table_in_a_file_ends_where_its_words_end() -> None:
    shown = orderwright("config", "check").out.splitlines()

    assert [line for line in shown if line != line.rstrip()] == []


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


def test_the_checklist_takes_a_token_of_every_strategy_for_a_secret_and_names_commands_that_are_there() -> None:
    tokens = "strategies: {a: {token: a-token-of-more-than-128-bits-0123}}"
    webhook = checklist(loaded_from(tokens).configuration, now=0.0)[2]
    costs = checklist(loaded_from("").configuration, now=0.0)[8]

    assert (webhook.done, webhook.why) == (
        True,
        "every strategy has a token of its own, which proves as much as a signature",
    )
    assert "`orderwright stats`" in costs.how


@pytest.mark.parametrize(
    ("text", "number", "why"),
    [
        ("exchanges: {binance: {api_key: k, api_secret: s}}", 0, "the keys are set, but no account is live"),
        ("tradingview: {secret: short}", 2, "the secret is shorter than 16 characters"),
        ("strategies: {a: {token: a-token-of-more-than-128-bits-0123}, b: {}}", 2, "no secret, and no token: b"),
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
