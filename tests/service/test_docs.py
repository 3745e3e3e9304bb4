"""/docs, and how errors say in plain words what would pass."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.service.shell import a_shell


def test_the_page_says_the_address_that_it_was_found_under_and_what_each_field_means() -> None:
    async def scene() -> None:
        async with a_shell() as shell:
            home = await shell.ask("GET", "/")
            assert (home.status_code, home.headers["location"]) == (307, "/docs")
            page = (await shell.ask("GET", "/docs", headers={"Host": "desk.example.com:8104"})).text
            assert "export URL=http://desk.example.com:8104 KEY=ow_..." in page
            assert "curl -X POST &quot;$URL/api/orders/create&quot;" in page
            assert '<a href="#orders">orders</a>' in page
            assert '<h2 id="orders">' in page
            assert "<td>buy or sell.</td>" in page
            odd = (await shell.ask("GET", "/docs", headers={"Host": "<b>"})).text
            assert "export URL=http://127.0.0.1:8004 KEY=ow_..." in odd
            ready = (await shell.ask("GET", "/openapi.json")).json()["paths"]["/ready"]["get"]["responses"]["200"]
            example = ready["content"]["application/json"]["example"]
            assert example == {"ready": True, "status": "ready", "disk_low": False}

    asyncio.run(scene())


CASES: list[tuple[str, Any, str, str | None, str]] = [
    ("/api/orders/create", {"symbol": "BTCUSDT", "side": "buy", "quantity": "abc"}, "quantity", None,
     "'abc' is not a number"),
    ("/api/orders/create", [], "body", None, "is a list [...]; an object {...} is wanted"),
    ("/api/orders/create", {"symbol": 1, "side": "buy"}, "symbol", None, "is a whole number; text is wanted"),
    ("/api/orders/create", {"symbol": "", "side": "buy"}, "symbol", None, "is to be at least 1 characters"),
    ("/api/signals", {"ticker": "BTCUSDT", "action": "buy"}, "ticker", "symbol", "unknown field"),
    ("/api/trading-state/main", {"state": "halted", "reason": "x"}, "reason", "cause", "unknown field"),
    ("/api/orders/batch", {"operations": []}, "operations", "orders",
     'a batch is a JSON array, {"orders": [...]} or JSON lines of creates, cancels and amends'),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "field", "nearest", "detail"), CASES, ids=range(len(CASES)))
def test_what_does_not_fit_is_said_in_plain_words(
    path: str, body: Any, field: str, nearest: str | None, detail: str
) -> None:
    async def scene() -> None:
        async with a_shell() as shell:
            key = (await shell.service.keys.issue("operator", "admin")).text
            said = (await shell.ask("POST", path, key, json=body)).json()
            assert (said["status"], said["field"], said.get("nearest"), said["detail"]) == (422, field, nearest, detail)

    asyncio.run(scene())


def test_who_approved_or_denied_an_order_and_why_is_in_its_history() -> None:
    order = {"symbol": "BTCUSDT", "side": "buy", "order_type": "limit", "quantity": "0.001", "price": "20000"}

    async def scene() -> None:
        async with a_shell(execution={"approval": "all"}) as shell:
            key = await shell.key("ann")
            first, second = [(await shell.ask("POST", "/api/orders/create", key, json=order)).json() for _ in range(2)]
            good, bad = first["client_order_id"], second["client_order_id"]
            assert (await shell.ask("POST", f"/api/orders/{good}/approve", key)).status_code == 200
            refused = await shell.ask("POST", f"/api/orders/{bad}/deny", key, json={"reason": "too large"})
            assert (refused.status_code, refused.json()["nearest"]) == (422, "cause")
            denied = await shell.ask("POST", f"/api/orders/{bad}/deny", key, json={"cause": "too large"})
            assert (denied.status_code, denied.json()["risk_check_reason"]) == (200, "denied by ann: too large")
            events = (await shell.ask("GET", f"/api/orders/{good}/history", key)).json()["events"]
            assert "approved by ann" in [event["detail"] for event in events]

    asyncio.run(scene())


def test_of_a_halted_book_the_trading_state_is_to_blame() -> None:
    order = {"symbol": "BTCUSDT", "side": "buy", "quantity": "0.001"}

    async def scene() -> None:
        async with a_shell() as shell:
            key = await shell.key("ann")
            halted = await shell.ask("POST", "/api/trading-state/ann", key, json={"state": "halted", "cause": "odd"})
            assert halted.status_code == 200
            said = (await shell.ask("POST", "/api/orders/create", key, json=order)).json()
            assert (said["code"], said["field"], said["value"]) == ("halted", "trading_state", "halted")

    asyncio.run(scene())
