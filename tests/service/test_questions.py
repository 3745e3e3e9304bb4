"""What is asked of the service: money, fills, the market, limits, the kill switch, execution."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orderwright.core.model import SECOND
from orderwright.core.numbers import moment
from orderwright.journal.reading import LogReader
from orderwright.service.parts import Problem
from orderwright.service.questions.reads import Reads
from tests.service.builders import OPERATOR, Running, a_user
from tests.service.test_orders import run

QUESTIONS = (
    "/api/orders/list",
    "/api/fills",
    "/api/signals",
    "/api/balances",
    "/api/balances/history",
    "/api/positions",
    "/api/portfolio/open",
    "/api/portfolio/total",
    "/api/portfolio/exposure",
    "/api/portfolio/profit",
    "/api/portfolio/equity",
    "/api/prices",
    "/api/exchanges",
    "/api/instruments",
    "/api/books",
    "/api/trading-state",
    "/api/limits",
    "/api/execution/stats",
    "/api/execution/running",
    "/api/execution/summary",
)


async def traded(running: Running) -> None:
    """Ann has bought and holds, Bob has bought and sold, each has an order that rests."""
    for user in ("ann", "bob"):
        await running.create(user_id=user, order_type="market", price=None, quantity="0.01", strategy=f"{user}s")
        await running.later()
        await running.create(user_id=user, quantity="0.002")
    await running.create(user_id="bob", side="sell", order_type="market", price=None, quantity="0.01")
    await running.later()


async def answered(running: Running, path: str, **query: Any) -> Any:
    """What a question is answered with."""
    answer = await running.get(path, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(params=["memory", "sqlite"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    """A log in memory, or in a file."""
    return tmp_path / "log.sqlite" if request.param == "sqlite" else None


@pytest.mark.parametrize("path", QUESTIONS)
def test_nobody_sees_what_is_anothers(path: str) -> None:
    async def story(running: Running) -> None:
        await traded(running)
        for words in ({}, {"user_id": "ann"}, {"book": "ann"}, {"symbol": "BTCUSDT"}):
            answer = await running.get(path, as_who=a_user("ann"), **words)
            assert "bob" not in answer.text, answer.text
            assert answer.status_code in (200, 422), answer.text
        if path != "/api/exchanges":
            other = await running.get(path, as_who=a_user("ann"), book="bob")
            assert other.status_code in (403, 422)
            assert other.json()["code"] in ("not_yours", "invalid")

    run(story)


@pytest.mark.parametrize("path", QUESTIONS)
def test_every_question_is_answered_before_anything_was_traded(path: str, log: Path | None) -> None:
    async def story(running: Running) -> None:
        answer = await running.get(path)
        assert answer.status_code == 200, answer.text

    run(story, log=log)


def test_balances_positions_and_fills_are_what_was_traded(log: Path | None) -> None:
    async def story(running: Running) -> None:
        await traded(running)
        balances = (await answered(running, "/api/balances", user_id="ann"))["balances"]
        fills = (await answered(running, "/api/fills", user_id="ann"))["fills"]
        (position,) = (await answered(running, "/api/positions"))["positions"]
        assert [(one["account"], one["asset"]) for one in balances] == [
            ("ann@simulated", "BTC"),
            ("ann@simulated", "USDT"),
        ]
        assert (balances[0]["total"], balances[0]["locked"]) == ("0.01", "0")
        assert balances[1]["locked"] == "40.04"
        assert [(one["side"], one["quantity"], one["strategy"]) for one in fills] == [("buy", "0.01", "anns")]
        assert (position["book"], position["size"], position["symbol"]) == ("ann", "0.01", "BTC/USDT")
        mine = (await answered(running, "/api/fills", order_id=1))["fills"]
        assert mine == fills
        assert [one["side"] for one in (await answered(running, "/api/fills", user_id="bob", limit=1))["fills"]] == [
            "sell"
        ]
        before = (await answered(running, "/api/balances", as_of=fills[0]["time"][:10] + "T00:00:00Z"))["balances"]
        assert before == []
        history = (await answered(running, "/api/balances/history", user_id="ann", asset="btc"))["changes"]
        assert [(one["change"], one["total"]) for one in history] == [("0.01", "0.01")]
        held = await answered(running, "/api/portfolio/open")
        assert [one["locked"] for one in held["orders"]] == ["40.04", "40.04"]
        assert [one["account"] for one in held["positions"]] == ["ann@simulated"]

    run(story, log=log)


def test_the_portfolio_is_valued_and_its_profit_told_by_group(log: Path | None) -> None:
    async def story(running: Running) -> None:
        await traded(running)
        total = await answered(running, "/api/portfolio/total", user_id="bob", currency="usdt")
        assert (total["currency"], total["complete"], total["in_positions"]) == ("USDT", True, "0")
        exposure = (await answered(running, "/api/portfolio/exposure", by="user"))["exposure"]
        assert [one["user"] for one in exposure] == ["ann", "bob", "main"][: len(exposure)]
        profit = (await answered(running, "/api/portfolio/profit", by="user,strategy"))["profit"]
        assert {(one["user"], one["strategy"]) for one in profit} >= {("ann", "anns"), ("bob", "bobs")}
        curve = (await answered(running, "/api/portfolio/equity", every="1h", user_id="ann"))["equity"]
        assert curve[-1]["time"].startswith("2026-01-05T12:00:0")

    run(story, log=log)


def test_the_market_now_and_as_it_was_logged() -> None:
    async def story(running: Running) -> None:
        await traded(running)
        now = (await answered(running, "/api/prices", symbol="btcusdt"))["prices"]
        assert [(one["exchange"], one["symbol"]) for one in now] == [("simulated", "BTC/USDT")]
        logged = (await answered(running, "/api/prices", as_of=running.clock.now(), user_id="ann"))["prices"]
        assert [(one["book"], one["symbol"]) for one in logged] == [("ann", "BTC/USDT")]
        exchanges = (await answered(running, "/api/exchanges"))["exchanges"]
        assert exchanges == [{"exchange": "simulated", "simulated": True, "symbols": ["BTC/USDT", "ETH/USDT"]}]
        (instrument,) = (await answered(running, "/api/instruments", symbol="ETHUSDT"))["instruments"]
        assert (instrument["symbol"], instrument["tick_size"]) == ("ETH/USDT", "0.01")
        books = (await answered(running, "/api/books", user_id="ann"))["books"]
        assert [(one["book"], one["open_orders"], one["trading_state"]) for one in books] == [("ann", 1, "active")]

    run(story, execution={"simulation": {"symbols": ["BTC/USDT", "ETH/USDT"]}})


def test_limits_are_told_with_what_of_them_is_used() -> None:
    async def story(running: Running) -> None:
        await traded(running)
        (book,) = (await answered(running, "/api/limits", book="ann"))["books"]
        limits = {one["limit"]: one for one in book["limits"]}
        assert limits["max_order_value"] == {
            "limit": "max_order_value",
            "value": "1000",
            "used": None,
            "share": None,
            "symbol": None,
        }
        assert (limits["max_daily_orders"]["used"], limits["max_daily_orders"]["share"]) == ("2", "0.04")
        assert limits["max_open_orders_per_symbol"] == {
            "limit": "max_open_orders_per_symbol",
            "value": "5",
            "used": "1",
            "share": "0.2",
            "symbol": "BTC/USDT",
        }
        assert float(limits["max_position_value"]["used"]) > 400

    run(
        story,
        account_limits={
            "max_order_value": "1000",
            "max_daily_orders": 50,
            "max_open_orders_per_symbol": 5,
            "max_position_value": "50000",
            "max_daily_loss": "100",
            "max_orders_per_second": 100,
        },
    )


def test_a_book_that_is_halted_takes_only_cancels_until_it_is_let_go_on(log: Path | None) -> None:
    async def story(running: Running) -> None:
        await traded(running)
        ann = a_user("ann")
        said = await running.post("/api/trading-state/ann", {"state": "HALTED", "cause": "lunch"}, as_who=ann)
        words = {"state": "halted", "cause": "lunch", "until": None, "by": "ann", "held": None}
        assert said.json() == {"book": "ann", **words}
        assert (await running.create(user_id="ann")).json()["code"] == "halted"
        assert (await running.create(user_id="bob")).status_code == 201
        assert (await running.post("/api/orders/cancel-all", {"book": "ann"})).json()["orders"] != []
        on = await running.post("/api/trading-state/ann", {"state": "active"}, as_who=ann)
        assert on.json()["state"] == "active"
        assert (await running.create(user_id="ann")).status_code == 201

    run(story, log=log)


def test_what_an_operator_has_stopped_only_an_operator_lets_go_on() -> None:
    async def story(running: Running) -> None:
        await traded(running)
        ann, admin = a_user("ann"), a_user("ann", scope="admin")
        stopped = (await running.post("/api/trading-state", {"state": "reducing", "cause": "odd prices"})).json()
        words = {"state": "reducing", "cause": "odd prices", "until": None, "by": "main", "held": "reducing"}
        assert stopped["books"] == [{"book": name, **words} for name in ("main", "ann", "bob")]
        assert (await answered(running, "/api/trading-state")) == stopped
        for who in (ann, admin):
            refused = await running.post("/api/trading-state/ann", {"state": "active"}, as_who=who)
            assert (refused.status_code, refused.json()["code"]) == (403, "not_yours")
            assert (await running.post("/api/trading-state", {"state": "active"}, as_who=who)).status_code == 403
        assert (await running.post("/api/trading-state/bob", {"state": "halted"}, as_who=ann)).status_code == 404
        assert (await running.post("/api/trading-state/system", {"state": "halted"})).status_code == 404
        assert (await running.post("/api/trading-state/ann", {"state": "active"})).json()["state"] == "active"

    run(story)


def test_a_cause_locks_nobody_out_whatever_it_says(log: Path | None) -> None:
    async def story(running: Running) -> None:
        await traded(running)
        path, ann = "/api/trading-state/ann", a_user("ann")
        for cause in ("operator: me", "free disk space is below its floor"):
            await running.post(path, {"state": "reducing", "cause": cause}, as_who=ann)
            assert (await running.post(path, {"state": "active"}, as_who=ann)).json()["state"] == "active"
        await running.post(path, {"state": "active", "cause": "operator: fine"})
        assert (await running.post(path, {"state": "halted"}, as_who=ann)).json()["state"] == "halted"

    run(story, log=log)


def test_an_owner_stops_further_what_an_operator_has_stopped_and_comes_back_to_it(log: Path | None) -> None:
    async def story(running: Running) -> None:
        await traded(running)
        path, ann = "/api/trading-state/ann", a_user("ann")
        soon = moment(running.clock.now() + 60 * SECOND)

        async def told(**words: str) -> tuple[str | None, ...]:
            said = (await running.post(path, words, as_who=ann)).json()
            return said["state"], said["by"], said["held"]

        await running.post(path, {"state": "reducing", "cause": "odd prices"})
        assert await told(state="halted") == ("halted", "ann", "reducing")
        refused = await running.post(path, {"state": "active"}, as_who=ann)
        assert (refused.status_code, refused.json()["field"], refused.json()["nearest"]) == (403, "state", "reducing")
        assert await told(state="reducing") == ("reducing", "ann", "reducing")
        assert await told(state="halted", until=soon) == ("halted", "ann", "reducing")
        await running.later(61 * SECOND)
        back = (await answered(running, "/api/trading-state", book="ann"))["books"][0]
        words = {"state": "reducing", "cause": "odd prices", "until": None, "by": "main", "held": "reducing"}
        assert back == {"book": "ann", **words}
        assert (await running.post(path, {"state": "active"}, as_who=ann)).status_code == 403
        await running.post(path, {"state": "active"})
        assert await told(state="halted") == ("halted", "ann", None)
        assert await told(state="active") == ("active", "ann", None)

    run(story, log=log)


@pytest.mark.parametrize(
    ("body", "field"),
    [({"state": "stopped"}, "state"), ({"state": "halted", "until": "2020-01-01T00:00:00Z"}, "until"), ({}, "state")],
)
def test_a_trading_state_that_is_none_is_refused(body: dict[str, Any], field: str) -> None:
    async def story(running: Running) -> None:
        answer = await running.post("/api/trading-state", body)
        assert (answer.status_code, answer.json()["field"]) == (422, field)

    run(story)


def test_how_well_orders_were_executed(log: Path | None) -> None:
    async def story(running: Running) -> None:
        await traded(running)
        report = await answered(running, "/api/execution/stats", book="bob", window="1h")
        assert (report["totals"]["orders"], report["totals"]["filled"]) == (3, 2)
        mine = (await running.get("/api/execution/stats", as_who=a_user("ann"))).json()
        assert mine["totals"]["orders"] == 2
        running_ = await answered(running, "/api/execution/running", book="bob")
        assert running_["figures"]["all"]["all"]["filled"] == 2
        assert running_["figures"]["all"]["all"]["slippage_bps"]["mean"]["count"] == 2
        summary = await answered(running, "/api/execution/summary", book="bob")
        assert (summary["orders"], summary["fills"]) == ({"filled": 2, "open": 1}, 2)
        drift = await answered(
            running, "/api/execution/drift", by="order_type", live="market", simulated="limit", book="bob"
        )
        assert drift["live"]["count"] == 2
        leak = await running.get("/api/execution/stats", as_who=a_user("ann"), strategy="bobss")
        assert (leak.status_code, leak.json()["detail"]) == (422, "no order of yours has the strategy 'bobss'")

    run(story, log=log)


@pytest.mark.parametrize(
    ("path", "words", "field"),
    [
        ("/api/balances", {"as_of": "soon"}, "as_of"),
        ("/api/balances", {"user_id": "nobody"}, "user"),
        ("/api/balances", {"exchange": "simulatd"}, "exchange"),
        ("/api/balances/history", {"asset": "DOGE"}, "asset"),
        ("/api/portfolio/total", {"currency": "XXX"}, "currency"),
        ("/api/portfolio/profit", {"by": "colour"}, "by"),
        ("/api/portfolio/exposure", {"by": "day"}, "by"),
        ("/api/portfolio/equity", {"every": "1 day"}, "every"),
        ("/api/portfolio/equity", {"every": "1us", "start": "2020-01-01T00:00:00Z"}, "every"),
        ("/api/prices", {"symbol": "BTCUSTD"}, "symbol"),
        ("/api/prices", {"exchange": "simulatd"}, "exchange"),
        ("/api/instruments", {"exchange": "simulatd"}, "exchange"),
        ("/api/fills", {"side": "up"}, "side"),
        ("/api/fills", {"limit": "0"}, "limit"),
        ("/api/execution/stats", {"window": "1d", "start": "2026-01-01T00:00:00Z"}, "window"),
        ("/api/execution/stats", {"window": "long"}, "window"),
        ("/api/execution/stats", {"symbol": "QQQ/USDT"}, "symbol"),
        ("/api/execution/drift", {"live": "a", "simulated": "a"}, "simulated"),
    ],
)
def test_a_question_that_cannot_be_answered_says_what_is_wrong(path: str, words: dict[str, Any], field: str) -> None:
    async def story(running: Running) -> None:
        await traded(running)
        answer = await running.get(path, **words)
        assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text

    run(story)


def test_a_question_that_takes_too_long_is_given_up_and_the_next_one_is_answered(tmp_path: Path) -> None:
    async def story(running: Running) -> None:
        reads = Reads(running.service.loop, running.service.desk.journal, threads=1, seconds=0.05, most=2)
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

        def forever(journal: LogReader) -> Any:
            return journal.connection.execute(endless).fetchone()

        with pytest.raises(Problem) as given_up:
            await reads.ask(forever)
        assert (given_up.value.status, given_up.value.code) == (503, "too_slow")
        assert await reads.ask(lambda journal: journal.books()) == ["main"]
        reads.close()

    run(story, log=tmp_path / "log.sqlite")
    assert OPERATOR.books is None
