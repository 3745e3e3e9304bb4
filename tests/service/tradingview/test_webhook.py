"""The webhook as TradingView meets it: who may send, what is stored, what is answered, and nothing done twice."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from orderwright.config.mapping import warnings_of
from orderwright.config.sharing import shared_accounts
from orderwright.core import messages as m
from orderwright.core.model import SECOND
from orderwright.core.numbers import moment
from orderwright.service.tradingview.guard import problems_of, sender_of
from orderwright.service.tradingview.intake import STRANGERS_A_MINUTE
from orderwright.service.tradingview.routes import MOST_BYTES, ROUTES
from orderwright.service.tradingview.tokens import hash_of, is_strong, new_token
from tests.builders import NOW
from tests.service.builders import Running, a_configuration, a_service, a_user

TOKEN = "0123456789abcdef0123456789abcdef"
SECRET = "a secret of the test"
PATH = "/api/tradingview/webhook"
BUY = {"ticker": "BTCUSDT", "action": "buy", "quantity": "0.001"}
STRATEGY = {"trend": {"token_hash": hash_of(TOKEN)}}


def run(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """The test as a plain function: its coroutine on a loop of its own."""

    @functools.wraps(test)
    def plain(**fixtures: Any) -> None:
        asyncio.run(test(**fixtures))

    return plain


@asynccontextmanager
async def a_webhook(log: Path | None = None, **sections: Any) -> AsyncIterator[Running]:
    """A service with the strategy `trend`, whose token is TOKEN."""
    given = {"strategies": STRATEGY, **sections}
    async with a_service(log=log, routes=ROUTES, **given) as running:
        yield running


async def send(running: Running, body: object, *, path: str = f"/{TOKEN}", **headers: str) -> httpx.Response:
    said = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await running.post(PATH + path, content=said, headers=named)


async def stored(running: Running, **query: Any) -> list[dict[str, Any]]:
    answer = await running.get("/api/tradingview/alerts", **query)
    return list(answer.json()["alerts"])


async def orders(running: Running) -> list[dict[str, Any]]:
    answer = await running.get("/api/orders/list")
    return list(answer.json()["orders"])


# Once, and only once


@run
async def test_an_alert_is_stored_becomes_an_order_and_is_answered() -> None:
    async with a_webhook() as running:
        answer = await send(running, {**BUY, "alert_id": "1", "secret": "hunter2hunter2"})

        said = answer.json()
        (alert,) = await stored(running)
        (order,) = await orders(running)
        assert (answer.status_code, said["verdict"], said["duplicate"]) == (200, "accepted", False)
        assert order["client_order_id"] == said["order_id"] == alert["order_id"]
        assert order["source_signal_id"] == said["alert"] == alert["alert"]
        assert (order["strategy"], order["source"], order["quantity"]) == ("trend", "tradingview", "0.001")
        assert json.loads(alert["body"]) == {**BUY, "alert_id": "1", "secret": "***"}


@run
async def test_a_duplicate_is_stored_answered_with_the_first_order_and_does_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    alert = {**BUY, "alert_id": "bar 7"}
    async with a_webhook(log) as running:
        first = (await send(running, alert)).json()
        running.clock.pass_by(86_400 * SECOND)
        again = (await send(running, {**alert, "quantity": "5"})).json()
        assert (again["duplicate"], again["order_id"], again["duplicate_of"]) == (
            True,
            first["order_id"],
            first["alert"],
        )

    async with a_webhook(log) as running:
        after_a_restart = await send(running, alert)
        assert after_a_restart.status_code == 200
        assert after_a_restart.json()["order_id"] == first["order_id"]
        assert len(await orders(running)) == 1
        assert [one["verdict"] for one in await stored(running)] == ["duplicate", "duplicate", "accepted"]


@pytest.mark.parametrize(
    "other",
    [{"action": "sell"}, {"ticker": "ETHUSDT"}, {"alert_id": "bar 8"}, {"strategy": "another chart"}],
    ids=str,
)
@run
async def test_an_alert_that_differs_in_action_ticker_strategy_or_id_is_another_one(other: dict[str, str]) -> None:
    async with a_webhook() as running:
        await send(running, {**BUY, "alert_id": "bar 7"})
        answer = await send(running, {**BUY, "alert_id": "bar 7", **other})

        assert answer.json()["verdict"] in ("accepted", "denied")


@run
async def test_without_an_id_the_same_text_is_a_duplicate_within_the_window_and_only_there(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    async with a_webhook(log) as running:
        first = await send(running, BUY)
        running.clock.pass_by(59 * SECOND)
        within = await send(running, BUY)
        spaced = await send(running, json.dumps(BUY).encode() + b" ")
        now = running.clock.time

    async with a_service(log=log, routes=ROUTES, strategies=STRATEGY) as running:
        running.clock.time = now
        restarted = await send(running, BUY)
        running.clock.pass_by(2 * SECOND)
        after = await send(running, BUY)
        again = await send(running, BUY)

    verdicts = [one.json()["verdict"] for one in (first, within, spaced, restarted, after, again)]
    assert verdicts == ["accepted", "duplicate", "accepted", "duplicate", "accepted", "duplicate"]
    assert "give each alert an alert_id" in within.json()["detail"]


@run
async def test_a_hundred_deliveries_at_once_make_one_order() -> None:
    async with a_webhook() as running:
        answers = await asyncio.gather(*(send(running, {**BUY, "alert_id": "x"}) for _ in range(100)))

        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["order_id"] for answer in answers}) == 1
        assert sum(not answer.json()["duplicate"] for answer in answers) == 1
        assert len(await orders(running)) == 1
        assert len(await stored(running)) == 100


@run
async def test_a_close_goes_to_every_account_of_the_strategy_in_one_turn(tmp_path: Path) -> None:
    accounts = {name: {"book": "desk", "user": "desk"} for name in ("one", "two", "three")}
    strategies = {"trend": {"token_hash": hash_of(TOKEN), "book": "desk", "accounts": ["one", "two"]}}
    async with a_webhook(accounts=accounts, strategies=strategies, books={"desk": {}}) as running:
        for account in ("one", "two"):
            await send(running, {**BUY, "account": account, "alert_id": account})
        elsewhere = await send(running, {**BUY, "account": "three", "alert_id": "three"})
        await running.later()
        before = running.service.desk.reached["desk"]
        closed = (await send(running, {"ticker": "BTCUSDT", "action": "close", "alert_id": "c"})).json()
        again = (await send(running, {"ticker": "BTCUSDT", "action": "close", "alert_id": "c"})).json()

        assert (elsewhere.status_code, elsewhere.json()["field"]) == (422, "account")
        assert [(order["account"], order["side"]) for order in closed["orders"]] == [("one", "sell"), ("two", "sell")]
        assert (again["duplicate"], again["order_id"]) == (True, closed["order_id"])
        events = [event for _, event in running.service.desk.journal.events("desk", before)]
        kinds = ["SignalReceived", "OrderReceived", "SignalReceived", "OrderReceived", "AlertReceived"]
        assert [type(event).__name__ for event in events[:5]] == kinds


# Who may send


@run
async def test_without_authentication_every_alert_is_refused_and_the_check_says_so() -> None:
    async with a_webhook(strategies={}) as running:
        answer = await send(running, BUY, path="")

        assert (answer.status_code, answer.json()["code"]) == (403, "not_configured")
        assert await orders(running) == []
        (alert,) = await stored(running)
        assert (alert["book"], alert["verdict"], alert["reason"]) == ("system", "refused", "not_configured")
    assert "refuses every alert" in problems_of(a_configuration())[0]


def signed(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


RAW = json.dumps(BUY).encode()


@pytest.mark.parametrize(
    ("require", "path", "headers", "more", "status"),
    [
        ([], "", {}, {}, 401),
        ([], "", {"x_tradingview_signature": signed(RAW)}, {}, 200),
        ([], "", {"x_tradingview_signature": "sha256=" + signed(RAW)}, {}, 200),
        ([], "", {"x_tradingview_signature": signed(RAW).upper()}, {}, 200),
        ([], "", {"x_tradingview_signature": signed(RAW, "another")}, {}, 401),
        ([], f"/{TOKEN}", {"x_tradingview_signature": signed(RAW, "another")}, {}, 401),
        ([], f"/{TOKEN}x", {}, {}, 401),
        ([], f"/{TOKEN}", {}, {}, 200),
        ([], "", {}, {"passphrase": SECRET}, 200),
        ([], "", {}, {"secret": TOKEN}, 200),
        ([], "", {}, {"apikey": "wrong"}, 401),
        ([], f"/{TOKEN}", {}, {"token": "wrong"}, 401),
        (["token"], "", {}, {"passphrase": SECRET}, 401),
        (["token", "body"], f"/{TOKEN}", {}, {}, 401),
        (["token", "body"], f"/{TOKEN}", {}, {"passphrase": SECRET}, 200),
        (["signature"], f"/{TOKEN}", {}, {}, 401),
    ],
)
@run
async def test_each_layer_lets_in_what_proves_itself(
    require: list[str], path: str, headers: dict[str, str], more: dict[str, str], status: int
) -> None:
    async with a_webhook(tradingview={"secret": SECRET, "require": require}) as running:
        answer = await send(running, {**BUY, **more}, path=path, **headers)

        assert answer.status_code == status
        assert len(await orders(running)) == (status == 200)


@run
async def test_only_listed_addresses_may_send_and_a_proxy_is_believed_only_where_it_is_trusted() -> None:
    keys = {"addresses": ["52.89.214.238", "10.0.0.0/8"]}
    async with a_webhook(tradingview=keys) as running:
        direct = await send(running, {**BUY, "alert_id": "1"}, x_forwarded_for="52.89.214.238")
    async with a_webhook(tradingview=keys, service={"trusted_proxies": ["127.0.0.1"]}) as running:
        listed = await send(running, {**BUY, "alert_id": "1"}, x_forwarded_for="52.89.214.238")
        forged = await send(running, {**BUY, "alert_id": "2"}, x_forwarded_for="52.89.214.238, 203.0.113.9")

    assert [answer.status_code for answer in (direct, listed, forged)] == [403, 200, 403]
    assert sender_of("::1", "1.1.1.1, 10.1.1.1", ["::1", "10.0.0.0/8"]) == "1.1.1.1"
    assert sender_of("9.9.9.9", "1.1.1.1", ["10.0.0.0/8"]) == "9.9.9.9"


@pytest.mark.parametrize("require", [[], ["token"], ["body"], ["token", "address"]], ids=str)
@run
async def test_a_list_of_addresses_holds_whatever_else_is_required(require: list[str]) -> None:
    keys = {"addresses": ["10.0.0.0/8"], "require": require}
    async with a_webhook(tradingview=keys) as running:
        answer = await send(running, {**BUY, "secret": TOKEN})

        assert (answer.status_code, answer.json()["code"]) == (403, "address")
        assert await orders(running) == []


@run
async def test_strangers_are_stored_so_many_a_minute_and_cannot_fill_the_log() -> None:
    async with a_webhook() as running:
        answers = [await send(running, b"x" * 5_000, path="/nobody") for _ in range(STRANGERS_A_MINUTE + 3)]

        assert [answer.status_code for answer in answers[-4:]] == [401, 429, 429, 429]
        alerts = await stored(running, limit=500)
        assert len(alerts) == STRANGERS_A_MINUTE
        assert max(len(alert["body"]) for alert in alerts) <= 1_000


@run
async def test_no_secret_is_in_the_log_in_an_answer_or_in_a_record(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    async with a_webhook(log, tradingview={"secret": SECRET}) as running:
        said = [
            await send(running, {**BUY, "secret": SECRET, "comment": f"it is {SECRET}"}),
            await send(running, {**BUY, "secret": "wrong but secret"}),
            await send(running, {"api_key": "exchange-key-1", "api_secret_key": "exchange-key-2", **BUY}),
            await send(running, b'{"secret": "wrong but secret", broken'),
        ]
        assert [answer.status_code for answer in said] == [200, 401, 422, 422]
        assert said[2].json()["detail"].startswith("an alert must not carry exchange keys")

    text = _bytes_in(tmp_path) + b"".join(answer.content for answer in said)
    for secret in (SECRET, "wrong but secret", "exchange-key-1", "exchange-key-2", TOKEN):
        assert secret.encode() not in text


def _bytes_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


# Bad and stale


@run
async def test_a_stale_alert_is_refused_by_its_own_time_unless_it_is_a_duplicate() -> None:
    async with a_webhook() as running:
        fresh = {**BUY, "alert_id": "1", "timestamp": moment(NOW - 299 * SECOND)}
        first = await send(running, fresh)
        running.clock.pass_by(60 * SECOND)
        again = await send(running, fresh)
        stale = await send(running, {**fresh, "alert_id": "2"})
        lagging = await send(running, {**BUY, "alert_id": "3", "max_lag": "10", "timestamp": moment(NOW)})
        future = await send(running, {**BUY, "alert_id": "4", "timestamp": moment(NOW + 3_600 * SECOND)})
        bar = await send(running, {**BUY, "alert_id": "5", "time": moment(NOW - 3_600 * SECOND), "interval": "60"})

        answers = [first, again, stale, lagging, future, bar]
        assert [answer.status_code for answer in answers] == [200, 200, 422, 422, 422, 200]
        assert again.json()["duplicate"]
        assert stale.json()["code"] == "stale"
        assert [alert["verdict"] for alert in await stored(running, alert_id="2")] == ["refused"]


@pytest.mark.parametrize(
    ("body", "status", "field", "nearest"),
    [
        ({**BUY, "ticker": "BTCUSD"}, 422, "ticker", "BTC/USDT"),
        ({**BUY, "quantiy": 1}, 422, "quantiy", "quantity"),
        ({**BUY, "account": "mian"}, 422, "account", None),
        (b"{", 422, "body", None),
        (b" ", 400, "body", None),
        (b"x" * (MOST_BYTES + 1), 413, "body", None),
    ],
    ids=["ticker", "near miss", "account", "no JSON", "empty", "too large"],
)
@run
async def test_a_bad_alert_is_a_problem_that_names_the_field(
    body: object, status: int, field: str, nearest: str | None
) -> None:
    async with a_webhook() as running:
        answer = await send(running, body)

        said = answer.json()
        assert (answer.status_code, said["field"], said.get("nearest")) == (status, field, nearest)
        assert await orders(running) == []
        kept = await stored(running)
        assert [alert["verdict"] for alert in kept] == ["refused"] * (status == 422)


@run
async def test_a_misspelt_strategy_is_refused_and_an_unknown_one_trades_for_the_default_user() -> None:
    async with a_webhook(tradingview={"secret": SECRET}) as running:
        near = await send(running, {**BUY, "secret": SECRET, "strategy": "trnd"}, path="")
        named = await send(running, {**BUY, "secret": SECRET, "strategy": "trend", "alert_id": "1"}, path="")
        other = await send(running, {**BUY, "secret": SECRET, "strategy": "my_strategy", "alert_id": "2"}, path="")
        unfilled = await send(running, {**BUY, "secret": SECRET, "strategy": "{{strategy}}", "alert_id": "3"}, path="")

        assert (near.status_code, near.json()["nearest"]) == (422, "trend")
        assert [answer.status_code for answer in (named, other, unfilled)] == [200, 200, 200]
        strategies = {order["source_signal_id"]: order["strategy"] for order in await orders(running)}
        assert [strategies[answer.json()["alert"]] for answer in (named, other, unfilled)] == [
            "trend",
            "my_strategy",
            None,
        ]


@run
async def test_when_nothing_can_be_stored_the_answer_is_a_5xx() -> None:
    async with a_webhook() as running:
        running.service.loop.stop()
        answer = await send(running, BUY)

        assert answer.status_code == 503


# Targets and sizes


@run
async def test_a_target_survives_missed_alerts_and_twice_equals_once() -> None:
    async with a_webhook() as running:
        for number, (target, became) in enumerate([("0.02", "buy"), ("0.02", None), ("0.005", "sell"), ("0", "sell")]):
            answer = await send(running, {"ticker": "BTCUSDT", "position_size": target, "alert_id": str(number)})
            await running.later()
            found = [order["side"] for order in answer.json()["orders"]]
            assert found == ([became] if became else [])
        state = running.service.desk.books["main"].state
        assert {position.size for position in state.positions.values()} == {0}


@run
async def test_a_buy_without_a_quantity_is_sized_by_its_strategy() -> None:
    sizing = {"by": "quote", "amount": "500"}
    strategies = {"trend": {"token_hash": hash_of(TOKEN), "sizing": sizing}}
    async with a_webhook(strategies=strategies) as running:
        await send(running, {"ticker": "BTCUSDT", "action": "buy"})
        (order,) = await orders(running)

        assert 495 < float(order["estimated_cost"]) <= 500


@pytest.mark.parametrize(("interval", "bars"), [(None, 3_600), ("5m", 300)])
@run
async def test_a_size_by_volatility_is_measured_in_the_market_where_the_alert_says_none(
    interval: str | None, bars: int
) -> None:
    sizing = {"by": "volatility", "amount": "0.1", "multiple": "2"}
    trend = {"token_hash": hash_of(TOKEN), "sizing": sizing} | ({"interval": interval} if interval else {})
    async with a_webhook(strategies={"trend": trend}) as running:
        now = running.service.clock.now()
        await send(running, {"ticker": "BTCUSDT", "action": "buy"})
        await send(running, {"ticker": "BTCUSDT", "action": "buy", "atr": "250", "alert_id": "2"})
        events = [event for _, event in running.service.desk.journal.events("main")]
        measured, told = (event.stake for event in events if isinstance(event, m.SignalReceived))
        feed = running.service.books.exchanges_on_paper.feed("simulated", "BTC/USDT")
        candles = feed.candles(bars * SECOND, now // (bars * SECOND) - 15, 15)

    ranges = np.maximum(candles.high[1:], candles.close[:-1]) - np.minimum(candles.low[1:], candles.close[:-1])
    assert measured is not None
    assert float(measured.volatility or 0) == pytest.approx(ranges.mean() * float(feed.instrument.tick_size))
    assert measured.quantity > 0
    assert told is not None
    assert told.volatility == 250


# What the sender is told


SHORT = {"strategy": "trend", "ticker": "BTCUSDT", "action": "sell", "market_position": "short"}


@pytest.mark.parametrize(
    ("limits", "alert", "verdict", "has_order", "reason"),
    [
        ({}, BUY, "accepted", True, None),
        ({}, {**BUY, "action": "sell"}, "nothing", False, "nothing_to_close"),
        ({}, {**BUY, "action": "close", "quantity": None}, "nothing", False, "nothing_to_close"),
        ({}, {"ticker": "BTCUSDT", "action": "buy", "risk_percent": "1"}, "nothing", False, "bracket"),
        ({"max_order_value": 10}, BUY, "denied", True, "order_value"),
    ],
)
@run
async def test_the_list_says_exactly_what_the_sender_was_told(
    limits: dict[str, Any], alert: dict[str, Any], verdict: str, has_order: bool, reason: str | None
) -> None:
    async with a_webhook(account_limits=limits) as running:
        said = (await send(running, {**alert, "alert_id": "1"})).json()
        again = (await send(running, {**alert, "alert_id": "1"})).json()
        second, first = await stored(running)

        names = ("alert", "verdict", "order_id", "reason", "detail")
        assert {name: said[name] for name in names} == {name: first[name] for name in names}
        assert {name: again[name] for name in names} == {name: second[name] for name in names}
        assert (said["verdict"], said["order_id"] is not None, said["reason"]) == (verdict, has_order, reason)
        assert (said["detail"] is None) == (verdict == "accepted")
        assert [order["client_order_id"] for order in await orders(running)] == [said["order_id"]] * has_order
        assert (again["verdict"], again["order_id"]) == ("duplicate", said["order_id"])


@run
async def test_a_short_that_becomes_flat_on_spot_is_noted_and_the_note_is_stored() -> None:
    async with a_webhook() as running:
        await send(running, {**BUY, "alert_id": "1"})
        await running.later()
        said = (await send(running, {**SHORT, "market_position_size": "0.01", "alert_id": "2"})).json()
        (alert,) = await stored(running, alert_id="2")

        assert said["notes"] == ["to flat instead of -0.01: spot is never sold short"]
        assert alert["notes"] == said["notes"][0]
        assert said["orders"][0]["quantity"] == "0.001"


@run
async def test_a_buy_that_a_shared_account_makes_a_sell_is_noted() -> None:
    other = "fedcba9876543210fedcba9876543210"
    strategies = {**STRATEGY, "other": {"token_hash": hash_of(other)}}
    target = {"ticker": "BTCUSDT", "action": "buy", "market_position": "long"}
    async with a_webhook(strategies=strategies) as running:
        first = (await send(running, {**target, "market_position_size": "0.02", "alert_id": "1"})).json()
        await running.later()
        less = {**target, "market_position_size": "0.01", "alert_id": "2"}
        said = (await send(running, less, path=f"/{other}")).json()

        (order,) = said["orders"]
        assert first["notes"] == []
        assert (order["side"], order["quantity"]) == ("sell", "0.01")
        assert said["notes"] == [
            f"buy became a sell: the target of 0.01 is for the whole position of account {order['account']}, whoever "
            "traded it, and that was 0.02"
        ]


@run
async def test_strategies_with_accounts_of_their_own_do_not_meet() -> None:
    other = "fedcba9876543210fedcba9876543210"
    names = {"trend": TOKEN, "dip": other}
    strategies = {name: {"user": "ada", "accounts": [name], "token_hash": hash_of(names[name])} for name in names}
    accounts = {name: {"user": "ada", "deposits": {"USDT": 5000}} for name in names}
    target = {"ticker": "BTCUSDT", "action": "buy", "market_position": "long"}
    sections: dict[str, Any] = {"users": {"ada": {"book": "ada"}}, "accounts": accounts, "strategies": strategies}
    async with a_webhook(**sections) as running:
        for number, (token, size) in enumerate([(TOKEN, "0.02"), (other, "0.01"), (other, "0.01"), (TOKEN, "0.02")]):
            await send(running, {**target, "market_position_size": size, "alert_id": str(number)}, path=f"/{token}")
            await running.later()
        state = running.service.desk.books["ada"].state

        assert {account: float(found.size) for (account, _), found in state.positions.items()} == {
            "trend": 0.02,
            "dip": 0.01,
        }
    assert shared_accounts(a_configuration(**sections)) == []


@pytest.mark.parametrize(
    ("sections", "shared"),
    [
        ({"strategies": {"a": {}, "b": {}}}, "strategies a and b share the account of main"),
        ({"users": {"ada": {}}, "strategies": {"a": {"user": "ada"}, "b": {"user": "ada"}}}, "the account of ada"),
        (
            {"accounts": {"one": {"user": "ada"}}, "strategies": {"a": {"user": "ada"}, "b": {"accounts": ["one"]}}},
            "a and b share the account one",
        ),
        ({"strategies": {"a": {"symbol": "BTC/USDT"}, "b": {"symbol": "BTCUSDT"}}}, "a and b share"),
        ({"strategies": {"a": {"symbol": "BTC/USDT"}, "b": {"symbol": "ETH/USDT"}}}, None),
        ({"strategies": {"a": {}}}, None),
        ({"strategies": {"a": {"user": "ada"}, "b": {"user": "bob"}}}, None),
    ],
    ids=str,
)
def test_the_check_warns_of_strategies_that_share_an_account(sections: dict[str, Any], shared: str | None) -> None:
    found = [problem for problem in warnings_of(a_configuration(**sections)) if " share the account " in problem]

    assert len(found) == (shared is not None)
    assert shared is None or shared in found[0]


@run
async def test_a_message_under_the_address_of_another_strategy_is_refused_and_other_names_are_noted() -> None:
    strategies = {**STRATEGY, "other": {}}
    async with a_webhook(strategies=strategies, tradingview={"secret": SECRET}) as running:
        wrong = await send(running, {**BUY, "strategy": "other", "alert_id": "1"})
        chart = await send(running, {**BUY, "strategy": "RSI of mine", "alert_id": "2"})
        unfilled = await send(running, {**BUY, "strategy": "{{strategy}}", "alert_id": "3"})
        unknown = await send(running, {**BUY, "strategy": "c", "secret": SECRET, "alert_id": "4"}, path="")

        said = wrong.json()
        assert (wrong.status_code, said["field"], said["value"], said["nearest"]) == (422, "strategy", "other", "trend")
        assert chart.json()["notes"] == ["strategy 'RSI of mine': not used, the token is that of 'trend'"]
        assert unfilled.json()["notes"] == ["strategy: placeholder not expanded: {{strategy}}"]
        assert unknown.json()["notes"] == [
            "strategy 'c' is not configured (there is: trend, other): it trades for main with the default sizing"
        ]


@run
async def test_a_perpetual_where_only_spot_is_traded_says_so() -> None:
    async with a_webhook() as running:
        said = (await send(running, {**BUY, "ticker": "BINANCE:BTCUSDT.P"})).json()

        assert said["detail"] == "unknown symbol 'BTCUSDT.P': a perpetual future, and only spot is traded here"
        assert said["nearest"] == "BTC/USDT"


# Stored alerts


@pytest.mark.parametrize(
    "wrong",
    [{"action": "byu"}, {"quantiy": "1"}, {"quantity": "0,001"}, {"quantity": "{{strategy.order.contracts}}"}],
    ids=str,
)
@run
async def test_a_refused_alert_is_found_by_what_it_says(wrong: dict[str, str]) -> None:
    async with a_webhook() as running:
        answer = await send(running, {**BUY, "ticker": "BINANCE:BTCUSDT", "alert_id": "b1", **wrong})
        by_id = await stored(running, alert_id="b1")
        by_ticker = await stored(running, ticker="BTC/USDT", verdict="refused", strategy="trend")

        assert answer.status_code == 422
        assert by_id == by_ticker
        (alert,) = by_id
        assert (alert["ticker"], alert["action"]) == ("BTCUSDT", wrong.get("action", "buy"))


@run
async def test_a_ticker_is_found_in_any_spelling_and_a_word_that_is_none_is_an_error() -> None:
    async with a_webhook() as running:
        for number, written in enumerate(("BTCUSDT", "BTC/USDT", "btc-usdt")):
            await send(running, {**BUY, "ticker": written, "alert_id": str(number)})
        found = [len(await stored(running, ticker=name)) for name in ("BTC/USDT", "BTCUSDT", "BTC_USDT", "ETHUSDT")]
        verdict = (await running.get("/api/tradingview/alerts", verdict="refusd")).json()
        strategy = (await running.get("/api/tradingview/alerts", strategy="trnd")).json()

        assert found == [3, 3, 3, 0]
        assert (verdict["status"], verdict["field"], verdict["nearest"]) == (422, "verdict", "refused")
        assert (strategy["status"], strategy["field"], strategy["nearest"]) == (422, "strategy", "trend")


@run
async def test_stored_alerts_are_paged_newest_first_and_seen_only_by_their_owner() -> None:
    async with a_webhook() as running:
        await asyncio.gather(*(send(running, {**BUY, "alert_id": str(number)}) for number in range(25)))
        pages: list[list[int]] = []
        cursor: str | None = None
        while cursor is not None or not pages:
            query: dict[str, Any] = {"limit": 10} | ({"cursor": cursor} if cursor else {})
            said = (await running.get("/api/tradingview/alerts", **query)).json()
            pages.append([alert["sequence"] for alert in said["alerts"]])
            cursor = said["cursor"]
        stranger = await running.get("/api/tradingview/alerts", as_who=a_user("somebody"))
        hidden = await running.get("/api/tradingview/alerts", as_who=a_user("somebody"), book="main")
        wrong = await running.get("/api/tradingview/alerts", cursor="nonsense")

        every = [sequence for page in pages for sequence in page]
        assert [len(page) for page in pages] == [10, 10, 5]
        assert every == sorted(set(every), reverse=True)
        assert stranger.json() == {"alerts": [], "cursor": None}
        assert (hidden.status_code, wrong.status_code) == (404, 422)


@run
async def test_an_alert_played_again_by_hand_is_a_new_one_linked_to_the_first() -> None:
    async with a_webhook() as running:
        first = (await send(running, {**BUY, "alert_id": "1", "timestamp": moment(NOW)})).json()
        running.clock.pass_by(3_600 * SECOND)
        path = f"/api/tradingview/alerts/{first['alert']}/replay"
        foreign = await running.post(path, as_who=a_user("somebody"))
        reader = await running.post(path, as_who=a_user("main", scope="read"))
        keys: tuple[dict[str, str], ...] = (
            {},
            {},
            {"Idempotency-Key": "a"},
            {"Idempotency-Key": "a"},
            {"Idempotency-Key": "b"},
        )
        played = [(await running.post(path, headers=key)).json() for key in keys]
        running.clock.pass_by(61 * SECOND)
        played.append((await running.post(path)).json())
        nonsense = await running.post(path, headers={"Idempotency-Key": " "})
        refused = (await send(running, BUY, path="/nobody")).json()
        never = await running.post(f"/api/tradingview/alerts/{refused['alert']}/replay")

        assert (foreign.status_code, reader.status_code, never.status_code) == (404, 403, 409)
        assert [one["verdict"] for one in played] == [
            *("accepted", "duplicate", "accepted", "duplicate", "accepted", "accepted")
        ]
        assert [one["detail"] for one in played[1:4:2]] == [
            "it was played again within 60 s: to play it once more, send an Idempotency-Key",
            "it was played again under this Idempotency-Key before",
        ]
        assert (nonsense.status_code, nonsense.json()["field"]) == (422, "Idempotency-Key")
        assert len({first["order_id"], *(one["order_id"] for one in played)}) == 5
        assert {one["replay_of"] for one in played} == {first["alert"]}
        links = [alert["replay_of"] for alert in await stored(running, book="main")]
        assert links == [*([first["alert"]] * 6), None]


@run
async def test_an_alert_is_not_played_again_in_the_book_of_somebody_else(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    people = {"users": {"alice": {}, "bob": {}}, "books": {"a": {"user": "alice"}, "b": {"user": "bob"}}}
    alice, bob = a_user("alice", books=["a"]), a_user("bob", books=["b"])

    def trend(book: str) -> dict[str, Any]:
        return {"trend": {"token_hash": hash_of(TOKEN), "book": book}}

    async with a_webhook(log, **people, strategies=trend("a")) as running:
        first = (await send(running, BUY)).json()
        path = f"/api/tradingview/alerts/{first['alert']}/replay"
        clock = running.clock
        assert (await running.post(path, as_who=alice)).json()["book"] == "a"
        assert (await running.post(path, as_who=bob)).status_code == 404
    async with a_webhook(log, clock=clock, **people, strategies=trend("b")) as running:
        for who in (alice, None):
            moved = await (running.post(path, as_who=who) if who else running.post(path))
            assert (moved.status_code, moved.json()["code"], moved.json()["field"]) == (409, "strategy_moved", "alert")
        assert (await running.post(path, as_who=bob)).status_code == 404
        assert not running.service.desk.books["b"].state.orders
        assert await stored(running, book="b") == []


# Configuration


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        ({}, "refuses every alert"),
        ({"tradingview": {"secret": "short"}}, "can be guessed"),
        ({"tradingview": {"secret": SECRET, "require": ["token"]}}, "token can never pass"),
        ({"tradingview": {"secret": SECRET, "require": ["address"]}}, "address can never pass"),
        ({"tradingview": {"addresses": ["1.1.1.1"], "require": ["address"]}}, "everybody's alerts"),
        ({"tradingview": {"secret": SECRET, "addresses": ["nowhere"]}}, "neither an address nor a network"),
        ({"strategies": {"a": {"token": "abc"}}}, "fewer than 128 bits"),
        ({"strategies": {"a": {"token_hash": "abc"}}}, "not a SHA-256"),
        ({"strategies": {"a": STRATEGY["trend"], "b": STRATEGY["trend"]}}, "the same token"),
    ],
    ids=str,
)
def test_the_check_of_the_configuration_says_what_is_weak(sections: dict[str, Any], says: str) -> None:
    assert any(says in problem for problem in problems_of(a_configuration(**sections)))


def test_a_good_configuration_has_no_problems_and_tokens_have_their_bits() -> None:
    assert problems_of(a_configuration(strategies=STRATEGY)) == []
    assert is_strong(new_token())
    assert is_strong("0123456789abcdef" * 2)
    assert not is_strong("0123456789abcdef")
    assert len({new_token() for _ in range(100)}) == 100
