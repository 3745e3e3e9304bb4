"""The edge: what no route ever sees, and what every answer carries."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from orderwright.service import health
from orderwright.service.parts import Call
from orderwright.service.routing import Route
from tests.service.shell import Shell, a_shell

CREATE = "/api/orders/create"
JSON = {"Content-Type": "application/json"}


def shelled(scene: Any, **sections: Any) -> None:
    async def run() -> None:
        async with a_shell(**sections) as shell:
            await scene(shell, await shell.key("alice"))

    asyncio.run(run())


def test_every_answer_is_marked_as_private_unframed_and_known_by_an_id() -> None:
    async def scene(shell: Shell, key: str) -> None:
        for method, path in (("GET", "/health"), ("GET", "/api/nothing"), ("PUT", "/health"), ("GET", "/api/me")):
            headers = (await shell.ask(method, path)).headers
            assert {
                name: headers[name] for name in headers if name.startswith(("x-", "cache", "content-sec", "ref"))
            } == {
                "x-content-type-options": "nosniff",
                "cache-control": "no-store",
                "x-frame-options": "DENY",
                "referrer-policy": "no-referrer",
                "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
                "x-request-id": headers["x-request-id"],
            }
            assert "server" not in headers
            assert not any(name.startswith("access-control") for name in headers)
        own = await shell.ask("GET", "/health", headers={"X-Request-ID": "trace-7"})
        assert own.headers["x-request-id"] == "trace-7"
        bad = await shell.ask("GET", "/health", headers={"X-Request-ID": "a b"})
        assert bad.headers["x-request-id"] != "a b"

    shelled(scene)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (400, "body_missing", "body")),
        (b"{", (422, "invalid", "body")),
        (b"\xff\xfe", (422, "invalid", "body")),
        (b"[1, 2]", (422, "invalid", "body")),
        (b'"text"', (422, "invalid", "body")),
        (b"[" * 100_000, (422, "invalid", "body")),
        (b'{"metadata": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001, (422, "invalid", "metadata")),
        (b'{"symbol": "BTCUSDT", "side": "buy", "quantity": NaN}', (422, "invalid", "body")),
        (b'{"symbol": "BTCUSDT", "side": "buy", "quantity": "NaN"}', (422, "invalid", "quantity")),
        (b'{"symbol": "BTCUSDT", "side": "buy", "quantity": Infinity}', (422, "invalid", "body")),
        (b'{"symbol": "BTCUSDT", "side": "buy", "quantity": "-Infinity"}', (422, "invalid", "quantity")),
        (b'{"symbol": "BTCUSDT", "side": "buy", "quantity": 1e400}', (422, "invalid", "quantity")),
        (b'{"symbol": "BTCUSDT", "side": "buy", "quantity": 1, "quantity": 100}', (422, "invalid", "quantity")),
        (b'{"symbol": "BTCUSDT", "side": "buy", "quantity": {"a": 1}}', (422, "invalid", "quantity")),
        (b'{"symbol": "BTCUSDT", "side": "buy", "quantity": true}', (422, "invalid", "quantity")),
        (b'{"symbol": "BTCUSDT", "side": "bye", "quantity": 1}', (422, "invalid", "side")),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_a_body_that_is_no_order_is_refused_and_nothing_is_done(body: bytes, expected: tuple[int, str, str]) -> None:
    async def scene(shell: Shell, key: str) -> None:
        before = shell.service.desk.books["alice"].state.last_order_id
        answer = await shell.ask("POST", CREATE, key, content=body, headers=JSON)
        said = answer.json()
        assert (answer.status_code, said["code"], said["field"]) == expected, said
        assert answer.headers["content-type"] == "application/problem+json"
        assert shell.service.desk.books["alice"].state.last_order_id == before

    shelled(scene)


def test_a_body_that_is_too_large_is_refused_whether_its_length_was_said_or_not() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b" " * 1_000

    async def scene(shell: Shell, key: str) -> None:
        for content in (b" " * 30_000, chunks()):
            answer = await shell.ask("POST", CREATE, key, content=content, headers=JSON)
            said = answer.json()
            assert (answer.status_code, said["code"], said["nearest"]) == (413, "too_large", 20_000)

    shelled(scene, service={"max_body_bytes": 20_000})


def test_an_address_or_method_that_is_not_there_is_a_problem_document() -> None:
    async def scene(shell: Shell, key: str) -> None:
        cases = [
            ("GET", "/api/orders/create/", 404),
            ("GET", "/API/ME", 404),
            ("GET", "/api/me/", 404),
            ("GET", "/api/orders/%2e%2e%2f%2e%2e/etc/passwd", 404),
            ("GET", "/api/orders/..%00", 404),
            ("GET", "//api/me", 404),
            ("DELETE", "/api/me", 405),
            ("GET", CREATE, 404),  # `create` is no order id
            ("TRACE", "/health", 405),
            ("GET", "/" + "a" * 5_000, 414),
        ]
        for method, path, status in cases:
            answer = await shell.ask(method, path, key)
            assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), path
        assert (await shell.ask("DELETE", "/api/me")).headers["allow"] == "GET, HEAD, OPTIONS"
        options = await shell.ask("OPTIONS", "/api/keys")
        assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
        head = await shell.ask("HEAD", "/health")
        assert head.status_code == 200

    shelled(scene)


def test_a_method_that_a_webhook_does_not_take_is_answered_without_its_token() -> None:
    async def scene(shell: Shell, key: str) -> None:
        for method, path, status in (("GET", "", 405), ("DELETE", "", 405), ("POST", "/more", 404)):
            answer = await shell.ask(method, f"/api/tradingview/webhook/secret-of-a-strategy{path}", key)
            assert answer.status_code == status
            assert "secret-of-a-strategy" not in answer.text

    shelled(scene)


def test_a_query_that_says_a_thing_twice_or_one_that_is_not_known_is_refused() -> None:
    async def scene(shell: Shell, key: str) -> None:
        for query, field in (
            ("symbol=BTCUSDT&symbol=ETHUSDT", "symbol"),
            ("simbol=BTCUSDT", "simbol"),
            ("limit=x", "limit"),
        ):
            answer = await shell.ask("GET", f"/api/orders/list?{query}", key)
            assert (answer.status_code, answer.json()["field"]) == (422, field)

    shelled(scene)


def test_a_body_of_another_kind_is_refused_by_its_type() -> None:
    async def scene(shell: Shell, key: str) -> None:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await shell.ask("POST", CREATE, key, content=b"symbol=BTCUSDT", headers=form)
        assert (answer.status_code, answer.json()["nearest"]) == (415, "application/json")

    shelled(scene)


def test_no_page_of_another_origin_is_let_in_unless_it_is_configured() -> None:
    asked = {"Origin": "https://desk.example.com", "Access-Control-Request-Method": "POST"}

    async def closed(shell: Shell, key: str) -> None:
        answer = await shell.ask("OPTIONS", CREATE, headers=asked)
        assert not any(name.startswith("access-control") for name in answer.headers)

    async def opened(shell: Shell, key: str) -> None:
        answer = await shell.ask("OPTIONS", CREATE, headers=asked)
        assert answer.headers["access-control-allow-origin"] == "https://desk.example.com"
        other = await shell.ask("OPTIONS", CREATE, headers={**asked, "Origin": "https://evil.example.com"})
        assert "access-control-allow-origin" not in other.headers
        simple = await shell.ask("GET", "/health", headers={"Origin": "https://desk.example.com"})
        assert simple.headers["access-control-allow-origin"] == "https://desk.example.com"

    shelled(closed)
    shelled(opened, service={"cors_origins": ["https://desk.example.com"]})


def test_a_fault_of_ours_is_logged_with_its_trace_and_told_without(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(call: Call[None, None]) -> None:
        raise RuntimeError("the secret of the house")

    async def scene(shell: Shell, key: str) -> None:
        served = next(one for one in shell.app.fastapi.router.routes if getattr(one, "path", "") == "/health")
        served.app.route = Route("GET", "/health", broken, scope=None)  # type: ignore[attr-defined]
        logging.getLogger().addHandler(caplog.handler)
        try:
            answer = await shell.ask("GET", "/health", headers={"X-Request-ID": "trace-8"})
        finally:
            logging.getLogger().removeHandler(caplog.handler)
        assert (answer.status_code, answer.json()["code"], answer.json()["request_id"]) == (500, "fault", "trace-8")
        assert "secret" not in answer.text
        assert "Traceback" not in answer.text

    shelled(scene, order_params={"log_level": "error"})
    logged = [record for record in caplog.records if record.exc_info]
    assert [str(record.exc_info[1]) for record in logged if record.exc_info] == ["the secret of the house"]
    assert "trace-8" in logged[0].getMessage()


def test_readiness_says_how_the_service_stands() -> None:
    async def scene(shell: Shell, key: str) -> None:
        service = shell.service

        async def ready() -> tuple[int, Any]:
            answer = await shell.ask("GET", "/ready")
            return answer.status_code, answer.json()

        assert await ready() == (200, {"ready": True, "status": "ready", "disk_low": False})
        service.ready = False
        assert await ready() == (503, {"ready": False, "status": "starting", "disk_low": False})
        service.stopping = True
        assert await ready() == (503, {"ready": False, "status": "stopping", "disk_low": False})
        assert (await shell.ask("GET", "/health")).json() == {"status": "alive", "version": health.Alive().version}

    shelled(scene)
