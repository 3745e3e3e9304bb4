"""Answers that are not read, bodies that do not end, and what else one caller could hold on to."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from orderwright.errors import InputError, few_nearest, nearest_name
from orderwright.service import patience
from orderwright.service.edge import Incoming
from orderwright.service.large import LARGE, Waiting
from orderwright.service.parts import Problem
from orderwright.service.problems import problem_of
from orderwright.service.serving import bind, server_of
from orderwright.service.stream import portions
from tests.service.shell import PATIENCE_S, a_process, a_shell


def test_an_answer_that_nobody_reads_is_dropped_with_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "UNREAD_SECONDS", 0.05)
    ended = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Waiting().send("somebody", Response(b"a" * 50_000_000), send)
        ended.set()

    async def scene() -> None:
        listener = bind("127.0.0.1", 0)
        server = server_of(app, stop_timeout_s=1, trusted_proxies=[])
        serving = asyncio.create_task(server.serve([listener]))
        await server.listening.wait()
        with socket.create_connection(listener.getsockname(), timeout=PATIENCE_S) as caller:
            caller.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await asyncio.wait_for(ended.wait(), PATIENCE_S)
            assert not server.server_state.connections
        server.should_exit = True
        await serving

    asyncio.run(scene())


def test_answers_that_wait_are_bounded_by_who_asked_and_in_all() -> None:
    async def scene() -> None:
        waiting, let_go = Waiting(most_of_one=5 * LARGE, most_of_all=8 * LARGE), asyncio.Event()
        got: list[Message] = []

        async def slow(message: Message) -> None:
            await let_go.wait()
            got.append(message)

        body = bytes(range(256)) * (LARGE // 64)  # four pieces
        waiting.check("a", 100 * LARGE)  # alone it may be of any size
        first = asyncio.create_task(waiting.send("a", Response(body), slow))
        await asyncio.sleep(0)
        waiting.check("a", LARGE)
        with pytest.raises(Problem) as too_many:
            waiting.check("a", 2 * LARGE)
        assert (too_many.value.status, too_many.value.code) == (429, "unread")
        waiting.check("b", 4 * LARGE)
        with pytest.raises(Problem) as busy:
            waiting.check("b", 5 * LARGE)
        assert busy.value.status == 503
        let_go.set()
        await first
        assert [(len(one.get("body", b"")), one.get("more_body")) for one in got] == [
            (0, None),
            *[(LARGE, True)] * 3,
            (LARGE, False),
        ]
        assert b"".join(one.get("body", b"") for one in got) == body
        assert waiting.bytes == 0
        waiting.check("a", 5 * LARGE)

    asyncio.run(scene())


def test_a_history_in_portions_is_the_history_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    times = [1, 1, 2, 3, 3, 3, 3, 3, 3, 4, 5, 5, 6, 7]
    rows = [{"time": time, "number": number} for number, time in enumerate(times)]
    size = len('{"time":1,"number":1}')

    def told(limit: int | None, since: int | None) -> list[dict[str, Any]]:
        found: list[list[Any]] = []
        as_of: int | None = None
        left = limit
        while left is None or left > 0:
            seen = [row for row in rows if as_of is None or row["time"] <= as_of]
            seen = [row for row in seen if since is None or row["time"] >= since]
            part, as_of = portions.portion(lambda most, seen=seen: seen[-most:], left, since)  # type: ignore[misc]
            found.append([msgspec.json.decode(row) for row in part])
            if as_of is None:
                break
            left = None if left is None else left - len(part)
        return [row for part in reversed(found) for row in part]

    for most_rows, most_bytes in ((100, 10_000), (3, 10_000), (1, 10_000), (100, 3 * size), (100, size), (4, 2 * size)):
        monkeypatch.setattr(portions, "MOST_ROWS", most_rows)
        monkeypatch.setattr(portions, "MOST_BYTES", most_bytes)
        assert told(None, None) == rows
        assert told(None, 3) == rows[3:]
        for limit in range(1, 15):
            assert told(limit, None) == rows[-limit:], (most_rows, most_bytes, limit)
    monkeypatch.setattr(portions, "MOST_ROWS_AT_ONCE", 5)
    with pytest.raises(InputError, match="at most 5 rows"):
        portions.whole(rows)


def test_a_body_has_one_time_limit_however_many_chunks_it_comes_in() -> None:
    async def scene() -> None:
        async def drips() -> Message:
            await asyncio.sleep(0)
            return {"type": "http.request", "body": b" ", "more_body": True}

        incoming = Incoming(drips, 10_000_000, seconds=0.02)

        async def read_all() -> None:
            for _ in range(1_000_000):
                await incoming()

        with pytest.raises(Problem) as slow:
            await read_all()
        assert (slow.value.status, slow.value.code) == (408, "too_slow")

    asyncio.run(scene())


def test_a_header_of_ours_that_stands_twice_with_different_values_is_refused() -> None:
    order = {"symbol": "BTCUSDT", "side": "buy", "order_type": "limit", "quantity": "0.001", "price": "20000"}

    async def scene() -> None:
        async with a_shell() as shell:
            key = await shell.key("alice")
            for second, status in (("other", 400), ("one", 201)):
                headers = [("X-API-Key", key), ("Idempotency-Key", "one"), ("idempotency-key", second)]
                answer = await shell.client.post("/api/orders/create", json=order, headers=headers)
                assert answer.status_code == status, answer.text
                if status == 400:
                    assert (answer.json()["code"], answer.json()["field"]) == ("header_twice", "Idempotency-Key")
            assert len((await shell.ask("GET", "/api/orders/list", key)).json()["orders"]) == 1

    asyncio.run(scene())


def test_a_batch_of_misspelt_names_is_told_the_nearest_of_the_first_few() -> None:
    wrong = {"symbol": "BTC/USDX", "side": "buy", "quantity": "1"}

    async def scene() -> None:
        async with a_shell() as shell:
            key = await shell.key("alice")
            answer = await shell.ask("POST", "/api/orders/batch", key, json=[wrong] * 100)
            told = [one["problem"].get("nearest") for one in answer.json()["results"]]
            assert told == ["BTC/USDT"] * 20 + [None] * 80
            again = await shell.ask("POST", "/api/orders/create", key, json=wrong)
            assert again.json()["nearest"] == "BTC/USDT"

    asyncio.run(scene())


def test_no_nearest_name_is_looked_for_to_what_is_too_long_to_be_one() -> None:
    assert nearest_name("a" * 63 + "b", ["a" * 64]) == "a" * 64
    assert nearest_name("a" * 64 + "b", ["a" * 64]) is None
    with few_nearest(1):
        assert [nearest_name("by", ["buy"]), nearest_name("by", ["buy"])] == ["buy", None]
    assert nearest_name("by", ["buy"]) == "buy"


def test_no_more_files_to_open_is_busy_and_no_fault() -> None:
    for error in (OSError(errno.EMFILE, "Too many open files"), OSError(errno.ENFILE, "Too many open files")):
        assert (problem_of(error).status, problem_of(error).headers) == (503, {"Retry-After": "5"})
    assert problem_of(sqlite3.OperationalError("unable to open database file")).status == 503
    for fault in (OSError(errno.EIO, "Input/output error"), sqlite3.OperationalError("no such column: a")):
        assert problem_of(fault).code == "fault"


def test_half_a_body_at_the_stop_is_no_fault_in_the_log(tmp_path: Path) -> None:
    with a_process(tmp_path, config="service:\n  stop_timeout_s: 1\n") as service:
        port = int(service.address.rpartition(":")[2])
        head = f"POST /api/orders/create HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {service.key}\r\nContent-Length: 99"
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
            connection.sendall(head.encode() + b"\r\n\r\n{")
            with service.client() as client:
                client.get("/health")  # the head before it was read
            assert service.stop() == 0
        assert "Traceback" not in service.told_errors()


def test_an_answer_that_is_cut_off_by_the_stop_is_no_fault_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    begun = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        begun.set()
        await asyncio.Event().wait()

    async def scene() -> None:
        listener = bind("127.0.0.1", 0)
        server = server_of(app, stop_timeout_s=0, trusted_proxies=[])
        serving = asyncio.create_task(server.serve([listener]))
        await server.listening.wait()
        with socket.create_connection(listener.getsockname(), timeout=PATIENCE_S) as caller:
            caller.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await asyncio.wait_for(begun.wait(), PATIENCE_S)
            server.should_exit = True
            await serving
            await asyncio.sleep(0)

    logger = logging.getLogger("uvicorn.error")
    logger.addHandler(caplog.handler)
    try:
        asyncio.run(scene())
    finally:
        logger.removeHandler(caplog.handler)
    assert [record.message for record in caplog.records if record.exc_info] == []
