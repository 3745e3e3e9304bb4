"""The command that people start: its first words, its end, and that a log has one of it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import httpx
from websockets.sync.client import connect

from orderwright.journal.sqlite import open_log
from tests.service.shell import PATIENCE_S, a_process

ORDER = {"symbol": "BTCUSDT", "side": "buy", "order_type": "limit", "quantity": "0.001", "price": "20000"}


def command(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """(exit code, what it said, its errors) of one command."""
    done = subprocess.run(
        [sys.executable, "-m", "orderwright", *arguments],
        capture_output=True,
        check=False,
        text=True,
        cwd=folder,
        timeout=PATIENCE_S,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_first_start_prints_a_key_once_and_the_next_start_goes_on_with_it(tmp_path: Path) -> None:
    with a_process(tmp_path) as first:
        key = first.key
        assert f'curl -H "Authorization: Bearer {key}" {first.address}/api/me' in first.said
        with first.client() as client:
            assert client.get("/api/me").json()["scope"] == "admin"
            assert client.get("/ready").json() == {"ready": True, "status": "ready", "disk_low": False}
            order = client.post("/api/orders/create", json=ORDER).json()
        assert first.stop() == 0
        assert key not in first.told_errors()
    assert (tmp_path / "data" / "orderwright.sqlite").is_file()
    with a_process(tmp_path) as second:
        assert second.key == ""
        with second.client(key) as client:
            found = client.get(f"/api/orders/{order['client_order_id']}").json()
            assert (found["status"], found["price"]) == ("open", "20000")
        assert second.stop() == 0


def test_it_says_which_file_it_has_read_and_when_it_has_stopped(tmp_path: Path) -> None:
    (tmp_path / "orderwright.yaml").write_text("order_params: {log_level: error}\n", encoding="utf-8")
    with a_process(tmp_path) as service:
        assert "configuration: orderwright.yaml)" in service.said
        service.process.send_signal(signal.SIGINT)
        assert service.process.wait(PATIENCE_S) == 0
        assert service.last_words() == "Orderwright has stopped; what was committed is in the log"


def test_a_start_imports_nothing_that_it_has_no_use_for(tmp_path: Path) -> None:
    heavy = {"pandas", "numba", "duckdb", "ibis", "rich", "pydantic_settings", "apprise", "httpx"}
    program = (
        "import sys, orderwright.commands.serve as serve, orderwright.bootstrap.serve\n"
        "serve.loaded_for(None, port=0)\n"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ORDERWRIGHT", "CONFIG_"))}
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path, env=clean
    )

    assert ran.stdout == "[]\n"


def test_two_services_on_one_log_are_one_until_the_second_takes_it_over(tmp_path: Path) -> None:
    with a_process(tmp_path) as first:
        code, _, said = command(tmp_path, "serve", "--port", "0")
        assert (code, said.count("\n")) == (1, 1)
        assert f"{first.process.pid}@" in said
        assert "--take-over" in said
        with a_process(tmp_path, "--take-over") as second:
            with second.client(first.key) as client:
                assert client.post("/api/orders/create", json=ORDER).status_code == 201
            with first.client() as client:
                refused = client.post("/api/orders/create", json=ORDER)
            assert (refused.status_code, refused.json().get("code")) == (503, "stopping"), refused.text
            assert first.process.wait(PATIENCE_S) == 1
            line = first.told_errors().strip().splitlines()[-1]
            assert re.fullmatch(r"orderwright: .* has taken this log over; this process must stop", line), line
            assert second.stop() == 0


def test_an_address_that_is_taken_is_one_line_and_leaves_the_log_alone(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, _, said = command(tmp_path, "serve", "--port", port)
    assert (code, said.count("\n")) == (2, 1)
    assert f"127.0.0.1:{port} cannot be listened on" in said
    assert not (tmp_path / "data").exists()


def test_users_and_keys_are_kept_on_the_log_while_the_service_is_stopped(tmp_path: Path) -> None:
    log = ("--log", "log.sqlite")
    with a_process(tmp_path, *log) as first:
        admin = first.key
        code, _, said = command(tmp_path, "keys", "issue", "main", *log)
        assert code == 1
        assert "Ask the running service instead: POST /api/keys, with a key of scope admin" in said
        assert "--take-over" not in said
        assert first.key[3:13] in command(tmp_path, "keys", "list", *log)[1]
        assert first.stop() == 0
    assert command(tmp_path, "users", "add", "alice", *log)[0] == 0
    code, said, _ = command(tmp_path, "keys", "issue", "alice", "--scope", "read", "--expires-in", "90d", *log)
    issued = said.split()[0]
    code, _, errors = command(tmp_path, "keys", "issue", "alcie", *log)
    assert (code, errors) == (2, "orderwright: user: unknown user 'alcie' (nearest: alice)\n")
    (tmp_path / "read.yaml").write_text("users: {alice: {scope: read}}\n", encoding="utf-8")
    code, _, errors = command(tmp_path, "keys", "issue", "alice", "--config", "read.yaml", *log)
    assert (code, errors) == (
        2,
        "orderwright: scope: the keys of alice may do at most read (users.alice.scope) (nearest: read)\n",
    )
    with a_process(tmp_path, *log) as second:
        with second.client(issued) as client:
            assert client.get("/api/me").json() == {
                "user": "alice",
                "scope": "read",
                "key_id": issued[3:13],
                "books": ["alice"],
            }
        with second.client(admin) as client:
            assert client.get("/api/balances", params={"book": "alice"}).status_code == 200
        assert second.stop() == 0
    assert command(tmp_path, "keys", "revoke", issued[3:13], *log)[0] == 0
    with a_process(tmp_path, *log) as third, third.client(issued) as client:
        assert client.get("/api/me").json()["code"] == "key_revoked"


def test_a_kill_under_load_loses_no_order_that_was_acknowledged(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    told: list[str] = []
    with a_process(tmp_path, "--log", str(log)) as first, first.client() as client:
        for number in range(60):
            said = client.post("/api/orders/create", json={**ORDER, "idempotency_key": f"k{number}"})
            told.append(said.json()["client_order_id"])
        first.kill()
        key = first.key
    with a_process(tmp_path, "--log", str(log)) as second, second.client(key) as client:
        for number in (0, 30, 59):
            again = client.post("/api/orders/create", json={**ORDER, "idempotency_key": f"k{number}"})
            assert (again.status_code, again.json()["client_order_id"]) == (200, told[number])
        assert second.stop() == 0
    journal = open_log(log, read_only=True)
    kept = {row["client_order_id"] for row in journal.latest("orders")}
    journal.close()
    assert kept == set(told)


def test_a_disk_that_fails_ends_the_service_with_one_line(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    with a_process(tmp_path, "--log", str(log)) as service, service.client() as client:
        assert client.post("/api/orders/create", json=ORDER).status_code == 201
        other = sqlite3.connect(log)
        other.execute("UPDATE lease SET nonce = 'another'")
        other.commit()
        other.close()
        refused = client.post("/api/orders/create", json=ORDER)
        assert (refused.status_code, refused.json()["code"]) == (503, "stopping")
        assert service.process.wait(PATIENCE_S) == 1
        assert service.told_errors().splitlines()[-1].startswith("orderwright: ")


def test_slow_and_endless_heads_and_bodies_are_cut(tmp_path: Path) -> None:
    with a_process(tmp_path) as service:
        host, port = "127.0.0.1", int(service.address.rpartition(":")[2])

        def said_to(request: bytes) -> bytes:
            with socket.create_connection((host, port), timeout=PATIENCE_S) as connection:
                heard = b""
                try:
                    connection.sendall(request)
                    while part := connection.recv(65_536):
                        heard += part
                except ConnectionError:
                    pass
            return heard

        lines = b"".join(b"X-Header-%d: a\r\n" % number for number in range(500))
        flood = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
        assert said_to(flood + lines + b"\r\n").startswith(b"HTTP/1.1 431 ")
        assert said_to(flood + b"X-Long: " + b"a" * 100_000).startswith(b"HTTP/1.1 431 ")
        assert said_to(b"NONSENSE\r\n\r\n").startswith(b"HTTP/1.1 400 ")
        both = b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert said_to(b"POST /api/orders/create HTTP/1.1\r\nHost: localhost\r\n" + both).startswith(b"HTTP/1.1 400 ")
        with service.client() as client:
            assert client.get("/health").status_code == 200


def test_what_is_under_way_when_it_is_stopped_ends_well(tmp_path: Path) -> None:
    with a_process(tmp_path) as service:
        began = time.monotonic()
        body = b'{"symbol": "BTCUSDT", "side": "buy", "order_type": "limit", "quantity": "0.001", "price": "20000"}'
        head = (
            f"POST /api/orders/create HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {service.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        port = int(service.address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
            connection.sendall(head.encode() + body[:10])
            with service.client() as client:
                client.get("/health")  # the head before it was read
            service.process.terminate()
            while True:  # until nothing is accepted any more
                try:
                    httpx.get(f"{service.address}/ready", timeout=PATIENCE_S)
                except httpx.TransportError:
                    break
            connection.sendall(body[10:])
            assert connection.recv(65_536).startswith(b"HTTP/1.1 201 ")
        assert service.process.wait(PATIENCE_S) == 0
        assert time.monotonic() - began < PATIENCE_S


def test_the_stream_shows_a_key_its_own_books_alone(tmp_path: Path) -> None:
    with a_process(tmp_path) as service, service.client() as client:
        keys = {}
        for user in ("alice", "bob"):
            client.post("/api/users", json={"user": user})
            keys[user] = client.post("/api/keys", json={"user": user, "scope": "read"}).json()["key"]
        heard = {user: first_words(service.address, key, "alice") for user, key in keys.items()}
        mine = json.loads(heard["alice"][-1])
        assert (mine["kind"], mine["book"], mine["sequence"]) == ("instrument_defined", "alice", 1)
        assert not any('"sequence"' in said for said in heard["bob"])
        assert '"code":"unknown_name"' in heard["bob"][-1]


def first_words(address: str, key: str, book: str) -> list[str]:
    """What a key hears when it subscribes to all of a book: up to the first row, or the refusal."""
    heard: list[str] = []
    with connect(
        f"{address.replace('http', 'ws')}/api/stream", additional_headers={"Authorization": f"Bearer {key}"}
    ) as it:
        it.send(json.dumps({"op": "subscribe", "books": {book: 0}, "id": "1"}))
        while not heard or (
            '"sequence"' not in heard[-1] and '"problem"' not in heard[-1] and '"status"' not in heard[-1]
        ):
            heard.append(str(it.recv(timeout=PATIENCE_S)))
    return heard
