"""Setting alerts up: messages to paste, tokens to keep, and the documentation that tells of them."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from orderwright.core.numbers import moment
from orderwright.service.tradingview.body import Body
from orderwright.service.tradingview.reading import read
from orderwright.service.tradingview.routes import ROUTES
from orderwright.service.tradingview.templates import TEMPLATES, message
from orderwright.service.tradingview.tokens import hash_of
from tests.builders import NOW
from tests.commands import orderwright
from tests.conftest import ROOT
from tests.service.builders import a_service

CONFIG = "strategies:\n  trend: {{token_hash: {hash}}}\n  other: {{}}\ntradingview:\n  secret: a secret of the test\n"
FILLED = {
    "{{exchange}}": "BINANCE",
    "{{ticker}}": "BTCUSDT",
    "{{close}}": "50000.5",
    "{{time}}": moment(NOW),
    "{{timenow}}": moment(NOW),
    "{{strategy.order.action}}": "buy",
    "{{strategy.order.id}}": "Long",
    "{{strategy.order.price}}": "50000.5",
    "{{strategy.order.contracts}}": "0.02",
    "{{strategy.position_size}}": "0.02",
    "{{strategy.market_position}}": "long",
    "{{strategy.market_position_size}}": "0.02",
}


def filled(text: str) -> str:
    """A message as TradingView fills it in."""
    for placeholder, value in FILLED.items():
        text = text.replace(placeholder, value)
    assert "{{" not in text, text
    return text


def told(*arguments: str) -> dict[str, Any]:
    ran = orderwright("tradingview", *arguments, "--json")
    assert (ran.code, ran.err) == (0, "")
    said: dict[str, Any] = json.loads(ran.out)
    return said


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(hash="a" * 64))
    return str(path)


BECOMES = {
    "strategy": ("buy", "0.02", None),
    "order": ("buy", None, "0.02"),
    "buy": ("buy", None, None),
    "sell": ("sell", None, None),
    "close": ("close", None, None),
}


@pytest.mark.parametrize("kind", TEMPLATES)
def test_every_message_is_read_as_it_is_meant_once_it_is_filled_in(kind: str) -> None:
    body = Body(filled(message(kind, "trend")).encode())
    assert body.pairs is not None
    reading = read(body.pairs, now=NOW)

    target, quantity = reading.target_position, reading.quantity
    numbers = tuple(None if one is None else f"{one:f}" for one in (target, quantity))
    assert (str(reading.action), *numbers) == BECOMES[kind]
    assert (reading.strategy, reading.time, reading.notes) == ("trend", NOW, ())
    assert reading.alert_id


def test_the_message_of_a_strategy_comes_with_its_url_and_a_place_for_the_secret_where_it_is_needed(
    config: str,
) -> None:
    with_token = told("message", "trend", "--config", config, "--host", "https://alerts.example.com/")
    without = told("message", "other", "--kind", "close", "--config", config)

    assert with_token["url"] == "https://alerts.example.com/api/tradingview/webhook/YOUR-TOKEN"
    assert with_token["message"] == message("strategy", "trend")
    assert without["url"] == "https://YOUR-HOST/api/tradingview/webhook"
    assert json.loads(without["message"])["secret"] == "YOUR-SECRET"


def test_a_name_that_is_not_there_is_refused_with_the_nearest(config: str) -> None:
    strategy = orderwright("tradingview", "message", "tredn", "--config", config)
    kind = orderwright("tradingview", "message", "trend", "--kind", "stratgy", "--config", config)

    assert (strategy.code, kind.code) == (2, 2)
    assert strategy.err.endswith("unknown strategy 'tredn' (nearest: trend)\n")
    assert orderwright("tradingview", "token", "tredn", "--config", config).err == strategy.err
    assert kind.err.endswith("unknown kind of message 'stratgy' (nearest: strategy)\n")


@pytest.mark.parametrize("command", ["message", "token"])
def test_where_no_file_was_read_the_error_says_so(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = orderwright("tradingview", command, "trend")

    assert ran.code == 2
    assert "unknown strategy 'trend'" in ran.err
    assert "--config" in ran.err


@pytest.mark.parametrize(
    ("host", "reached"),
    [("alerts.example.com/", "https://alerts.example.com"), ("http://127.0.0.1:8004", "http://127.0.0.1:8004")],
)
def test_an_address_without_a_scheme_is_reached_over_https(host: str, reached: str, config: str) -> None:
    for command in ("message", "token"):
        url = told(command, "trend", "--config", config, "--host", host)["url"]
        assert url.startswith(f"{reached}/api/tradingview/webhook/")


def test_a_token_opens_the_webhook_that_is_configured_with_its_hash(config: str) -> None:
    made = told("token", "trend", "--config", config)
    assert made["token_hash"] == hash_of(made["token"])

    async def try_it() -> int:
        strategies = {"trend": {"token_hash": made["token_hash"]}}
        async with a_service(routes=ROUTES, strategies=strategies) as running:
            path = made["url"].removeprefix("https://YOUR-HOST")
            answer = await running.post(path, content=filled(message("order", "trend")).encode())
            return answer.status_code

    assert asyncio.run(try_it()) == 200


def test_the_page_shows_the_messages_as_they_are_and_names_no_host_but_example_com() -> None:
    page = (ROOT / "docs" / "tradingview.md").read_text()

    assert message("strategy", "trend") in page
    assert message("order", "trend") in page
    hosts = set(re.findall(r"https?://([A-Za-z0-9.-]+)", page)) - {"127.0.0.1"}
    assert {host.removesuffix(".") for host in hosts} <= {"alerts.example.com", "YOUR-HOST", "www.tradingview.com"}
