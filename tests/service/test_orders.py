"""Orders over REST: placed, listed, changed, each answer as a caller sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orderwright.core.model import OrderStatus
from orderwright.service.views import OrderView, view_of_row
from tests.service.builders import OPERATOR, Running, a_service, a_user

SEED = {"symbol": "BTCUSDT", "side": "buy", "order_type": "market", "quantity": 0.001, "user_id": "user123"}


def run(story: Callable[[Running], Awaitable[None]], **words: Any) -> None:
    """Tell a story to a service of its own."""

    async def tell() -> None:
        async with a_service(**words) as running:
            await story(running)

    asyncio.run(tell())


@pytest.fixture(params=["memory", "sqlite"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    """A log in memory, or in a file."""
    return tmp_path / "log.sqlite" if request.param == "sqlite" else None


def test_the_order_of_the_seed_is_placed_for_a_user_who_is_made_for_it_and_fills(log: Path | None) -> None:
    async def story(running: Running) -> None:
        answer = await running.post("/api/orders/create", SEED)
        placed = answer.json()
        assert answer.status_code == 201
        assert answer.headers["location"] == f"/api/orders/{placed['client_order_id']}"
        assert (placed["user_id"], placed["book"], placed["status"]) == ("user123", "user123", "submitted")
        await running.later()
        found = (await running.get(f"/api/orders/{placed['id']}")).json()
        price = Decimal(found["average_fill_price"])
        assert found == {
            **placed,
            "status": "filled",
            "filled_quantity": "0.001",
            "remaining_quantity": "0",
            "average_fill_price": found["average_fill_price"],
            "filled_quote": str((price * Decimal("0.001")).normalize()),
            "exchange_order_id": f"sim-{placed['client_order_id']}",
            "filled_at": found["filled_at"],
            "updated_at": found["updated_at"],
            "quote_quantity": None,
            "expire_at": None,
            "execute_at": None,
            "post_only": False,
            "reduce_only": False,
            "group": None,
            "bracket": None,
            "trail": None,
            "linger": [],
            "wait_for": None,
            "wait_until": None,
            "submitted_at": placed["created_at"],
            "accepted_at": found["accepted_at"],
            "decision_price": None,
            "requests": found["requests"],
        }
        assert [request["state"] for request in found["requests"]] == ["done"]

    run(story, log=log)


def test_the_view_of_an_order_at_hand_is_the_view_of_its_row(log: Path | None) -> None:
    async def story(running: Running) -> None:
        await running.create(
            strategy="dip", idempotency_key="mine", metadata={"why": "dip", "n": 1}, signal_id="s1", episode="7"
        )
        await running.create(order_type="stop_loss", side="sell", price=None, stop_price="20000")
        await running.create(order_type=None, price=None)
        await running.create(quantity="1000000")
        await running.later()
        door = running.service.door
        rows = await running.service.reads.ask(lambda journal: journal.latest("orders"))
        assert len(rows) == 4
        for row in rows:
            book, order = await door.find(OPERATOR, row["client_order_id"])
            assert view_of_row(row) == door.view_of(book, order)

    run(story, log=log)


def test_a_market_order_shows_its_collar_as_that_and_no_price_of_its_own(log: Path | None) -> None:
    async def story(running: Running) -> None:
        placed = (await running.post("/api/orders/create", SEED)).json()
        await running.later()
        found = (await running.get(f"/api/orders/{placed['id']}")).json()
        listed = (await running.get("/api/orders/list", user_id="user123")).json()["orders"][0]

        assert (placed["order_type"], placed["price"]) == ("market", None)
        assert Decimal(found["average_fill_price"]) <= Decimal(placed["collar"])
        assert {(one["price"], one["collar"]) for one in (placed, found, listed)} == {(None, placed["collar"])}
        limit = (await running.post("/api/orders/create", {**SEED, "order_type": "limit", "price": "20000"})).json()
        assert (limit["price"], limit["collar"]) == ("20000", None)

    run(story, log=log, order_params={"max_slippage_bps": 50})


def test_the_same_key_and_order_again_is_answered_with_the_first_and_another_order_is_a_conflict(
    log: Path | None,
) -> None:
    async def story(running: Running) -> None:
        words: dict[str, Any] = {"execute_at": "after_ms:60000", "idempotency_key": "mine", "metadata": {"a": "b"}}
        first = await running.create(**words)
        running.clock.pass_by(5_000_000)
        again = await running.create(**words)
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.headers["idempotency-replayed"] == "true"
        assert again.json() == {**first.json(), "repeated": True}
        other = await running.create(**{**words, "quantity": "0.002"})
        assert (other.status_code, other.headers["content-type"]) == (409, "application/problem+json")
        assert other.json() == {
            "type": "urn:orderwright:idempotency_conflict",
            "title": "Conflict",
            "status": 409,
            "detail": "the idempotency key was used for an order with another quantity",
            "code": "idempotency_conflict",
            "field": "quantity",
            "value": "0.002",
            "nearest": "0.001",
            "order_id": first.json()["client_order_id"],
            "number": 103,
        }
        late = await running.create(**{**words, "execute_at": "after_ms:60001"})
        assert (late.status_code, late.json()["field"]) == (409, "execute_at")

    run(story, log=log)


def test_many_of_one_key_at_once_are_one_order(tmp_path: Path) -> None:
    async def story(running: Running) -> None:
        answers = await asyncio.gather(*(running.create(idempotency_key="mine") for _ in range(20)))
        assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
        assert len({answer.json()["client_order_id"] for answer in answers}) == 1
        assert len((await running.get("/api/orders/list")).json()["orders"]) == 1

    run(story, log=tmp_path / "log.sqlite")


def test_many_first_orders_of_a_new_user_at_once_make_one_book(tmp_path: Path) -> None:
    async def story(running: Running) -> None:
        answers = await asyncio.gather(*(running.create(user_id="new") for _ in range(8)))
        assert [answer.status_code for answer in answers] == [201] * 8
        assert {answer.json()["book"] for answer in answers} == {"new"}
        found = (await running.get("/api/balances", user_id="new")).json()["balances"]
        assert [(one["asset"], one["total"]) for one in found] == [("USDT", "10000")]

    run(story, log=tmp_path / "log.sqlite")


def test_a_key_may_come_in_the_header_but_not_two_of_them() -> None:
    async def story(running: Running) -> None:
        header = {"Idempotency-Key": "mine"}
        body = {**SEED, "order_type": "limit", "price": "20000"}
        first = await running.post("/api/orders/create", body, headers=header)
        again = await running.post("/api/orders/create", {**body, "idempotency_key": "mine"}, headers=header)
        assert again.json()["client_order_id"] == first.json()["client_order_id"]
        two = await running.post("/api/orders/create", {**body, "idempotency_key": "yours"}, headers=header)
        assert (two.status_code, two.json()["field"], two.json()["nearest"]) == (422, "idempotency_key", "mine")
        long = await running.post("/api/orders/create", body, headers={"Idempotency-Key": "k" * 129})
        assert (long.status_code, long.json()["field"]) == (422, "Idempotency-Key")

    run(story)


def test_an_order_that_our_checks_deny_is_a_problem_with_the_order_in_it(log: Path | None) -> None:
    async def story(running: Running) -> None:
        answer = await running.create(quantity="1000000", idempotency_key="big")
        said = answer.json()
        order = said.pop("order")
        assert answer.status_code == 422
        assert said == {
            "type": "urn:orderwright:buying_power",
            "title": "Refused",
            "status": 422,
            "detail": "needs 20020000000 USDT, 10000 is free",
            "code": "buying_power",
            "field": "quantity",
            "value": "1000000",
            "nearest": "0.4995",
            "number": 318,
        }
        assert (order["status"], order["risk_check_passed"]) == ("denied", "failed")
        again = await running.create(quantity="1000000", idempotency_key="big")
        assert (again.status_code, again.json()) == (422, {**said, "order": {**order, "repeated": True}})
        listed = (await running.get("/api/orders/list", status="closed")).json()["orders"]
        assert listed == [order]

    run(story, log=log)


@pytest.mark.parametrize(
    ("words", "field", "nearest"),
    [
        ({"side": "by"}, "side", "buy"),
        ({"order_type": "limt"}, "order_type", "limit"),
        ({"symbol": "BTCUSTD"}, "symbol", "BTC/USDT"),
        ({"time_in_force": "dayy"}, "time_in_force", "day"),
        ({"exchange": "simulatd"}, "exchange", "simulated"),
        ({"account": "main@simulatd"}, "account", "main@simulated"),
        ({"execute_at": "tomorrow"}, "execute_at", None),
        ({"execute_at": "after_ms:-1"}, "execute_at", None),
        ({"book": "mian"}, "book", "main"),
        ({"pric": "1"}, "pric", "price"),
        ({"quantity": "NaN"}, "quantity", None),
        ({"quantity": True}, "quantity", None),
        ({"trail": {"percnt": 1}}, "trail.percnt", "percent"),
        ({"bracket": {"stop_loss": "1"}, "stop_loss": "2"}, "stop_loss", None),
        ({"linger": [{"name": "x"}]}, "linger.x.when", None),
        ({"source": "somewhere"}, "source", None),
    ],
)
def test_what_is_wrong_is_said_by_field_with_what_would_pass(
    words: dict[str, Any], field: str, nearest: str | None
) -> None:
    async def story(running: Running) -> None:
        answer = await running.create(**words)
        assert answer.status_code == 422, answer.text
        assert (answer.json()["field"], answer.json().get("nearest")) == (field, nearest)
        assert (await running.get("/api/orders/list")).json() == {"orders": [], "next": None}

    run(story)


def test_words_are_taken_in_any_case_and_the_prices_tell_the_type() -> None:
    async def story(running: Running) -> None:
        loud = (await running.create(side="BUY", order_type="LIMIT", time_in_force="GTC", symbol="btc-usdt")).json()
        assert (loud["side"], loud["order_type"], loud["time_in_force"]) == ("buy", "limit", "gtc")
        plain = (await running.create(order_type=None)).json()
        stop = (await running.create(order_type="stop", price=None, stop_price="90000")).json()
        told = (await running.create(order_type=None, stop_price="90000", price="90001")).json()
        market = (await running.create(order_type=None, price=None)).json()
        found = [one["order_type"] for one in (plain, stop, told, market)]
        assert found == ["limit", "stop_loss", "stop_loss_limit", "market"]

    run(story)


def test_exits_beside_an_order_are_its_bracket_and_a_trail_beside_a_stop_is_its_own() -> None:
    async def story(running: Running) -> None:
        entry = (await running.create(stop_loss_percent="2", take_profit="90000")).json()
        found = (await running.get(f"/api/orders/{entry['id']}")).json()
        assert found["bracket"] == {"stop_loss_percent": "2", "take_profit": "90000"}
        trailed = await running.create(trail={"percent": "1"})
        found = (await running.get(f"/api/orders/{trailed.json()['id']}")).json()
        assert (found["bracket"], found["trail"]) == ({"trail": {"percent": "1"}}, None)
        bought = await running.create(order_type="market", price=None, quantity="0.01")
        await running.later()
        own = await running.create(order_type="stop", side="sell", price=None, trail={"percent": "1"})
        assert (bought.status_code, own.status_code) == (201, 201)
        found = (await running.get(f"/api/orders/{own.json()['id']}")).json()
        assert (found["bracket"], found["trail"]) == (None, {"percent": "1"})

    run(story)


def test_an_order_is_cancelled_and_what_has_ended_cannot_be_again(log: Path | None) -> None:
    async def story(running: Running) -> None:
        placed = (await running.create()).json()
        await running.later()
        answer = await running.post(f"/api/orders/{placed['client_order_id']}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "pending_cancel")
        await running.later()
        again = await running.post(f"/api/orders/{placed['id']}/cancel")
        assert (again.status_code, again.json()["code"], again.json()["detail"]) == (
            409,
            "not_open",
            "the order is cancelled",
        )
        assert again.json()["order"]["status"] == "cancelled"

    run(story, log=log)


def test_an_order_is_amended_and_what_changes_nothing_is_refused() -> None:
    async def story(running: Running) -> None:
        placed = (await running.create()).json()
        await running.later()
        path = f"/api/orders/{placed['client_order_id']}/amend"
        answer = await running.post(path, {"price": "21000", "quantity": 0.002})
        assert (answer.status_code, answer.json()["status"]) == (200, "pending_replace")
        await running.later()
        found = (await running.get(f"/api/orders/{placed['id']}")).json()
        assert (found["status"], found["price"], found["quantity"]) == ("open", "21000", "0.002")
        nothing = await running.post(path, {})
        assert (nothing.status_code, nothing.json()["field"]) == (422, "quantity")
        same = await running.post(path, {"price": "21000"})
        assert (same.status_code, same.json()["code"]) == (422, "nothing_changes")

    run(story)


def test_an_order_that_waits_for_approval_is_approved_or_denied() -> None:
    async def story(running: Running) -> None:
        one, other = (await running.create()).json(), (await running.create()).json()
        assert (one["status"], one["risk_check_passed"]) == ("pending", "pending")
        approved = await running.post(f"/api/orders/{one['id']}/approve")
        denied = await running.post(f"/api/orders/{other['id']}/deny")
        assert (approved.status_code, approved.json()["status"]) == (200, "submitted")
        assert (denied.status_code, denied.json()["status"]) == (200, "denied")
        again = await running.post(f"/api/orders/{one['id']}/approve")
        assert (again.status_code, again.json()["code"]) == (409, "not_waiting")

    run(story, execution={"approval": "all"})


def test_a_refresh_asks_the_exchange_and_says_how_the_order_stands() -> None:
    async def story(running: Running) -> None:
        placed = (await running.create()).json()
        await running.later()
        answer = await running.post(f"/api/orders/{placed['id']}/refresh")
        assert (answer.status_code, answer.json()["status"]) == (200, "open")

    run(story)


@pytest.mark.parametrize(
    "path",
    ["0" * 30, "f" * 30, "1", "999999999999999999", "9" * 19, "%00", "nonsense", "..%2f..%2fetc", "-1", "1.5", "é"],
)
def test_an_order_that_is_not_there_is_a_404_on_every_route(path: str) -> None:
    async def story(running: Running) -> None:
        answers = [await running.get(f"/api/orders/{path}"), await running.get(f"/api/orders/{path}/history")]
        for what in ("cancel", "refresh", "approve", "deny"):
            answers += [await running.post(f"/api/orders/{path}/{what}")]
        answers.append(await running.post(f"/api/orders/{path}/amend", {"price": "1"}))
        assert {answer.status_code for answer in answers} == {404}

    run(story)


def test_anothers_orders_are_not_there_and_naming_anothers_book_or_user_is_refused(log: Path | None) -> None:
    async def story(running: Running) -> None:
        mine, ann = (await running.create(user_id="bob")).json(), a_user("ann")
        await running.create(user_id="ann")
        for key in (mine["client_order_id"], mine["id"]):
            assert (await running.get(f"/api/orders/{key}", as_who=ann)).status_code == 404
            assert (await running.get(f"/api/orders/{key}/history", as_who=ann)).status_code == 404
            for what in ("cancel", "refresh", "approve", "deny"):
                assert (await running.post(f"/api/orders/{key}/{what}", as_who=ann)).status_code == 404
        listed = (await running.get("/api/orders/list", as_who=ann)).json()["orders"]
        assert [one["user_id"] for one in listed] == ["ann"]
        for words in ({"user_id": "bob"}, {"book": "bob"}, {"book": "nobodys"}):
            assert (await running.create(as_who=ann, **words)).json()["code"] == "not_yours"
            assert (await running.get("/api/orders/list", as_who=ann, **words)).status_code == 403
            assert (await running.post("/api/orders/cancel-all", words, as_who=ann)).status_code == 403
        batch = await running.post("/api/orders/batch", [{"action": "cancel", "order_id": mine["id"]}], as_who=ann)
        assert [one["status"] for one in batch.json()["results"]] == [404]
        cancelled = (await running.post("/api/orders/cancel-all", as_who=ann)).json()
        assert (cancelled["books"], [one["user_id"] for one in cancelled["orders"]]) == (["ann"], ["ann"])
        assert (await running.create(as_who=a_user("ann", scope="read"))).status_code == 403

    run(story, log=log)


def test_pages_have_every_order_once_though_orders_come_in_between(log: Path | None) -> None:
    async def story(running: Running) -> None:
        placed = [(await running.create()).json()["id"] for _ in range(7)]
        page = (await running.get("/api/orders/list", limit=3)).json()
        found = [one["id"] for one in page["orders"]]
        while page["next"] is not None:
            await running.create()
            page = (await running.get("/api/orders/list", limit=3, cursor=page["next"])).json()
            found += [one["id"] for one in page["orders"]]
        assert found == placed[::-1]

    run(story, log=log)


def test_orders_are_listed_by_what_is_named(log: Path | None) -> None:
    async def story(running: Running) -> None:
        await running.create(user_id="ann", strategy="dip")
        await running.create(user_id="bob", symbol="ETHUSDT", price="1000", quantity="0.1")
        began = running.clock.now()
        await running.later()
        await running.create(user_id="bob", order_type="market", price=None)
        await running.later()

        async def ids(**words: Any) -> list[int]:
            answer = await running.get("/api/orders/list", **words)
            assert answer.status_code == 200, answer.text
            return [one["id"] for one in answer.json()["orders"]]

        assert await ids() == [3, 2, 1]
        assert await ids(user_id="bob") == [3, 2]
        assert await ids(symbol="btcusdt") == [3, 1]
        assert await ids(status="OPEN") == [2, 1]
        assert await ids(status="filled") == [3]
        assert await ids(exact_status="OPEN", user_id="ann") == [1]
        assert await ids(status="closed", side="sell") == []
        assert await ids(strategy="dip") == [1]
        assert await ids(start=began) == [3]
        assert await ids(end=began) == [2, 1]
        assert await ids(book="bob", order_type="limit") == [2]

    run(story, log=log)


@pytest.mark.parametrize(
    ("words", "field", "nearest"),
    [
        ({"status": "CANECELLED"}, "status", "cancelled"),
        ({"exact_status": "closed"}, "exact_status", None),
        ({"exact_status": "opne"}, "exact_status", "open"),
        ({"status": "closed", "exact_status": "open"}, "exact_status", "denied"),
        ({"cursor": "zzz"}, "cursor", None),
        ({"limit": 0}, "limit", None),
        ({"limit": 1001}, "limit", None),
        ({"limit": "ten"}, "limit", None),
        ({"start": "yesterday"}, "start", None),
        ({"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"}, "end", "2026-01-02T00:00:00Z"),
        ({"side": "bye"}, "side", "buy"),
        ({"usr_id": "ann"}, "usr_id", "user_id"),
        ({"symbol": "?"}, "symbol", None),
    ],
)
def test_a_list_that_cannot_be_told_says_why(words: dict[str, Any], field: str, nearest: str | None) -> None:
    async def story(running: Running) -> None:
        answer = await running.get("/api/orders/list", **words)
        assert answer.status_code == 422, answer.text
        assert (answer.json()["field"], answer.json().get("nearest")) == (field, nearest)

    run(story)


def test_a_misspelt_status_is_asked_back() -> None:
    async def story(running: Running) -> None:
        said = (await running.get("/api/orders/list", status="CANECELLED")).json()
        assert said["detail"].startswith("unknown status 'CANECELLED': did you mean CANCELLED? known are PENDING, OPEN")

    run(story)


def test_the_history_of_an_order_tells_every_event(log: Path | None) -> None:
    async def story(running: Running) -> None:
        placed = (await running.create()).json()
        await running.later()
        await running.post(f"/api/orders/{placed['id']}/cancel")
        await running.later()
        said = (await running.get(f"/api/orders/{placed['client_order_id']}/history")).json()
        assert (said["order_id"], said["id"]) == (placed["client_order_id"], placed["id"])
        assert [(one["event"], one["status"]) for one in said["events"]] == [
            ("order_received", "submitted"),
            ("order_accepted", "open"),
            ("request_submitted", "pending_cancel"),
            ("order_ended", "cancelled"),
        ]

    run(story, log=log)


def test_everything_that_works_is_cancelled_at_once() -> None:
    async def story(running: Running) -> None:
        other = {"symbol": "ETHUSDT", "price": "1000"}
        several: list[dict[str, Any]] = [{"user_id": "ann"}, {"user_id": "bob"}, {"user_id": "bob", **other}]
        for words in several:
            assert (await running.create(quantity="0.01", **words)).status_code == 201
        await running.later()
        some = (await running.post("/api/orders/cancel-all", {"user_id": "bob", "symbol": "eth-usdt"})).json()
        assert (some["books"], [one["symbol"] for one in some["orders"]]) == (["bob"], ["ETH/USDT"])
        rest = (await running.post("/api/orders/cancel-all")).json()
        assert sorted(one["user_id"] for one in rest["orders"]) == ["ann", "bob"]
        await running.later()
        assert (await running.get("/api/orders/list", status="open")).json()["orders"] == []

    run(story)


def test_orders_keep_their_numbers_and_keys_over_a_restart(tmp_path: Path) -> None:
    log, kept = tmp_path / "log.sqlite", dict[str, Any]()

    async def before(running: Running) -> None:
        kept["first"] = (await running.create(idempotency_key="mine")).json()
        kept["time"] = running.clock.time

    async def after(running: Running) -> None:
        running.clock.pass_by(60_000_000)
        again = await running.create(idempotency_key="mine")
        assert (again.status_code, again.json()["id"]) == (200, kept["first"]["id"])
        new = await running.create()
        assert new.json()["id"] == kept["first"]["id"] + 1

    run(before, log=log)
    run(after, log=log)


def test_an_order_view_has_the_columns_of_the_seed_first() -> None:
    seed = (
        "id user_id exchange exchange_order_id client_order_id symbol side order_type quantity price stop_price status "
        "filled_quantity remaining_quantity average_fill_price source source_signal_id created_at updated_at filled_at "
        "risk_check_passed risk_check_reason metadata"
    )
    assert list(OrderView.__struct_fields__)[:23] == seed.split()
    assert OrderStatus.DENIED.value == "denied"


def test_no_order_signal_or_cancel_goes_to_a_book_that_its_key_does_not_see() -> None:
    async def story(running: Running) -> None:
        await running.create(user_id="ann")
        stranger = a_user("ann", books=["elsewhere"])
        signal = {"symbol": "ETH/USDT", "action": "buy", "quantity": "0.1"}
        for answer in (
            await running.create(as_who=stranger),
            await running.post("/api/signals", signal, as_who=stranger),
            await running.post("/api/orders/cancel-all", {"user_id": "ann"}, as_who=stranger),
        ):
            said = answer.json()
            assert (answer.status_code, said["code"], said["field"]) == (403, "not_yours", "book")
        assert len((await running.get("/api/orders/list")).json()["orders"]) == 1

    run(story)
