"""Many orders in one request, and signals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.service.builders import Running, a_user
from tests.service.test_orders import run

LIMIT = {"symbol": "BTC/USDT", "side": "buy", "order_type": "limit", "quantity": "0.001", "price": "20000"}


def test_each_item_of_a_batch_has_the_result_that_it_alone_would_have_had(tmp_path: Path) -> None:
    async def story(running: Running) -> None:
        open_one = (await running.create()).json()
        await running.later()
        answer = await running.post(
            "/api/orders/batch",
            [
                {**LIMIT, "idempotency_key": "a"},
                {**LIMIT, "idempotency_key": "a"},
                {**LIMIT, "idempotency_key": "a", "price": "20001"},
                {**LIMIT, "quantity": "1000000"},
                {**LIMIT, "side": "by"},
                {"action": "cancel", "order_id": open_one["id"], "cause": "changed my mind"},
                {"action": "cancel", "order_id": open_one["client_order_id"]},
                {"action": "amend", "order_id": "0" * 30, "price": 21000},
                {"action": "destroy"},
                7,
            ],
        )
        said = answer.json()
        assert (answer.status_code, said["accepted"], said["refused"]) == (200, 4, 6)
        assert [(one["index"], one["status"]) for one in said["results"]] == [
            (0, 201),
            (1, 200),
            (2, 409),
            (3, 422),
            (4, 422),
            (5, 200),
            (6, 200),
            (7, 404),
            (8, 422),
            (9, 422),
        ]
        results = said["results"]
        assert results[1]["order"] == {**results[0]["order"], "repeated": True}
        assert (results[2]["problem"]["field"], results[2]["problem"]["nearest"]) == ("price", "20000")
        assert results[3]["problem"]["order"]["status"] == "denied"
        assert (results[4]["problem"]["field"], results[4]["problem"]["nearest"]) == ("side", "buy")
        assert results[5]["order"]["status"] == "pending_cancel"
        assert results[8]["problem"]["field"] == "action"

    run(story, log=tmp_path / "log.sqlite")


@pytest.mark.parametrize(
    "body",
    [
        json.dumps([LIMIT, LIMIT]),
        json.dumps({"orders": [LIMIT, LIMIT]}),
        json.dumps(LIMIT) + "\n" + json.dumps(LIMIT) + "\n",
        json.dumps(LIMIT) + "\r\n\r\n" + json.dumps(LIMIT),
        json.dumps({"orders": [LIMIT, LIMIT]}, indent=1),
        json.dumps([LIMIT, LIMIT], indent=1),
    ],
)
def test_a_batch_is_an_array_or_lines(body: str) -> None:
    async def story(running: Running) -> None:
        answer = await running.post("/api/orders/batch", content=body.encode())
        assert [one["status"] for one in answer.json()["results"]] == [201, 201], answer.text

    run(story)


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"", 400, "body"),
        (b"   ", 400, "body"),
        (b"[]", 422, "orders"),
        (b"{", 422, "body"),
        (b"nonsense", 422, "body"),
        (b"[" + b",".join([b"{}"] * 1001) + b"]", 422, "orders"),
        (b"\n".join([b"{}"] * 1001), 422, "orders"),
        (b"[" * 100_000, 422, "body"),
        (b'\xff\xfe{"a": 1}', 422, "body"),
        (b'{"orders": []}', 422, "orders"),
    ],
)
def test_a_body_that_is_no_batch_is_refused_whole(body: bytes, status: int, field: str) -> None:
    async def story(running: Running) -> None:
        answer = await running.post("/api/orders/batch", content=body)
        assert (answer.status_code, answer.json()["field"]) == (status, field)

    run(story)


def test_a_batch_for_which_there_is_no_room_is_not_begun() -> None:
    async def story(running: Running) -> None:
        answer = await running.post("/api/orders/batch", [LIMIT] * 41)
        assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "busy", "1")
        assert (await running.get("/api/orders/list")).json()["orders"] == []

    run(story, most_waiting=40)


def test_a_signal_becomes_an_order_and_the_same_again_becomes_nothing(tmp_path: Path) -> None:
    async def story(running: Running) -> None:
        said = {"symbol": "BTCUSDT", "action": "BUY", "quantity": "0.001", "strategy": "dip", "signal_id": "s1"}
        first = await running.post("/api/signals", said)
        assert (first.status_code, first.json()["verdict"], first.json()["order"]["side"]) == (201, "accepted", "buy")
        assert first.json()["order"]["source_signal_id"] == "s1"
        again = await running.post("/api/signals", said)
        assert (again.status_code, again.json()["verdict"]) == (200, "repeated")
        assert again.json()["order"]["client_order_id"] == first.json()["order"]["client_order_id"]
        await running.later()
        close = await running.post("/api/signals", {"symbol": "BTCUSDT", "action": "close", "strategy": "dip"})
        assert (close.status_code, close.json()["order"]["side"]) == (201, "sell")
        await running.later()
        nothing = await running.post("/api/signals", {"symbol": "BTCUSDT", "action": "close"})
        assert (nothing.status_code, nothing.json()["code"]) == (422, "nothing_to_close")
        listed = (await running.get("/api/signals")).json()["signals"]
        assert [(one["action"], one["verdict"]) for one in listed] == [
            ("buy", "accepted"),
            ("close", "accepted"),
            ("close", "refused"),
        ]

    run(story, log=tmp_path / "log.sqlite")


@pytest.mark.parametrize(
    ("words", "status", "field"),
    [
        ({"action": "bye"}, 422, "action"),
        ({"symbol": "BTCUSTD"}, 422, "symbol"),
        ({"quantity": "-1"}, 422, "quantity"),
        ({"quantity": "1000000"}, 422, "quantity"),
        ({"user_id": "bob"}, 403, "user_id"),
        ({"colour": "red"}, 422, "colour"),
    ],
)
def test_a_signal_that_is_refused_says_why(words: dict[str, Any], status: int, field: str) -> None:
    async def story(running: Running) -> None:
        await running.create(user_id="ann")
        said = {"symbol": "BTCUSDT", "action": "buy", "quantity": "0.001", **words}
        answer = await running.post("/api/signals", said, as_who=a_user("ann"))
        assert (answer.status_code, answer.json()["field"]) == (status, field), answer.text

    run(story)
