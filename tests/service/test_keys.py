"""Keys: who comes in, with what, until when; and that a key itself is kept nowhere."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from orderwright.core.model import MINUTE
from orderwright.errors import InputError
from orderwright.service.admission import FAILURES_PER_MINUTE
from orderwright.service.keys import digest_of, new_key
from orderwright.service.limiting import Buckets
from tests.service.shell import a_shell


def test_a_key_is_let_in_by_either_header_and_says_whose_it_is() -> None:
    async def scene() -> None:
        async with a_shell() as shell:
            key = await shell.key("alice")
            mine = {"user": "alice", "scope": "trade", "key_id": key[3:13], "books": ["alice"]}
            assert (await shell.ask("GET", "/api/me", key)).json() == mine
            bearer = {"Authorization": f"Bearer {key}"}
            assert (await shell.ask("GET", "/api/me", headers=bearer)).json() == mine

    asyncio.run(scene())


def test_a_request_without_a_good_key_is_told_which_header_to_add() -> None:
    async def scene() -> None:
        async with a_shell() as shell:
            key = await shell.key("alice")
            other = new_key("alice", "trade", 0).text
            cases: list[tuple[dict[str, str], str]] = [
                ({}, "no_key"),
                ({"Authorization": "Basic abc"}, "no_key"),
                ({"Authorization": "Bearer nonsense"}, "unknown_key"),
                ({"Authorization": f"Bearer {other}"}, "unknown_key"),
                ({"Authorization": f"Bearer {key[:13]}{other[13:]}"}, "unknown_key"),
                ({"X-API-Key": key[:-1]}, "unknown_key"),
            ]
            for headers, code in cases:
                answer = await shell.ask("GET", "/api/me", headers=headers)
                assert (answer.status_code, answer.json()["code"]) == (401, code)
                assert answer.headers["www-authenticate"] == 'Bearer realm="orderwright"'
            said = (await shell.ask("GET", "/api/me")).json()["detail"]
            assert "Authorization: Bearer ow_..." in said

    asyncio.run(scene())


def test_a_key_that_was_revoked_or_has_expired_is_good_no_more() -> None:
    async def scene() -> None:
        async with a_shell() as shell:
            admin, short = await shell.key("operator", "admin"), await shell.key("bob", lifetime_us=1)
            key = await shell.key("alice")
            assert (await shell.ask("GET", "/api/me", short)).json()["code"] == "key_expired"
            first = await shell.ask("POST", f"/api/keys/{key[3:13]}/revoke", admin)
            again = await shell.ask("POST", f"/api/keys/{key[3:13]}/revoke", admin)
            assert (first.status_code, first.json()) == (200, again.json())
            assert (await shell.ask("GET", "/api/me", key)).json()["code"] == "key_revoked"
            listed = (await shell.ask("GET", "/api/keys", admin)).json()["keys"]
            assert [(one["user"], one["status"]) for one in listed] == [
                ("operator", "good"),
                ("bob", "expired"),
                ("alice", "revoked"),
            ]
            missing = await shell.ask("POST", "/api/keys/0000000000/revoke", admin)
            assert (missing.status_code, missing.json()["code"]) == (404, "unknown_key")

    asyncio.run(scene())


def test_a_key_is_issued_over_rest_shown_once_and_kept_as_a_hash(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"

    async def scene() -> str:
        async with a_shell(log=log) as shell:
            admin = await shell.key("operator", "admin")
            assert (await shell.ask("POST", "/api/users", admin, json={"user": "alice"})).status_code == 201
            assert (await shell.ask("POST", "/api/users", admin, json={"user": "alice"})).status_code == 200
            wanted = {"user": "alice", "scope": "read", "label": "page", "expires_in": "90d"}
            answer = await shell.ask("POST", "/api/keys", admin, json=wanted)
            issued = answer.json()
            assert (answer.status_code, issued["issued"]["scope"], issued["issued"]["label"]) == (201, "read", "page")
            assert issued["key"] not in (await shell.ask("GET", "/api/keys", admin)).text
            assert (await shell.ask("GET", "/api/me", issued["key"])).json()["user"] == "alice"
            return str(issued["key"])

    async def later(key: str) -> None:
        async with a_shell(log=log) as shell:
            assert (await shell.ask("GET", "/api/me", key)).json()["scope"] == "read"

    key = asyncio.run(scene())
    asyncio.run(later(key))
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert key.encode() not in kept
    assert key[14:].encode() not in kept
    assert digest_of(key).encode() in kept


def test_what_cannot_be_a_key_or_a_user_is_refused_with_the_field() -> None:
    async def scene() -> None:
        async with a_shell() as shell:
            admin = await shell.key("operator", "admin")
            await shell.key("alice")
            cases: list[tuple[str, dict[str, Any], tuple[int, str, str | None]]] = [
                ("/api/keys", {"user": "alcie"}, (422, "user", "alice")),
                ("/api/keys", {"user": "alice", "scope": "traed"}, (422, "scope", "trade")),
                ("/api/keys", {"user": "alice", "expires_in": "soon"}, (422, "expires_in", "90d")),
                ("/api/keys", {"user": "alice", "lable": "x"}, (422, "lable", "label")),
                ("/api/users", {"user": "no name"}, (422, "user_id", None)),
                ("/api/users", {"user": "system"}, (422, "user_id", None)),
            ]
            for path, body, expected in cases:
                answer = await shell.ask("POST", path, admin, json=body)
                said = answer.json()
                assert (answer.status_code, said["field"], said.get("nearest")) == expected

    asyncio.run(scene())


def test_a_scope_holds_those_before_it_and_no_other() -> None:
    async def scene() -> None:
        async with a_shell() as shell:
            keys = {scope: await shell.key("alice", scope) for scope in ("read", "trade", "admin")}
            order = {"symbol": "BTCUSDT", "side": "buy", "quantity": "0.001"}
            statuses = {
                scope: [
                    (await shell.ask("GET", "/api/orders/list", key)).status_code,
                    (await shell.ask("POST", "/api/orders/create", key, json=order)).status_code,
                    (await shell.ask("GET", "/api/keys", key)).status_code,
                ]
                for scope, key in keys.items()
            }
            assert statuses == {"read": [200, 403, 403], "trade": [200, 201, 403], "admin": [200, 201, 200]}

    asyncio.run(scene())


def test_a_key_that_asks_too_often_waits_and_others_do_not() -> None:
    async def scene() -> None:
        async with a_shell(service={"requests_per_minute": 3}) as shell:
            one, other = await shell.key("alice"), await shell.key("alice")
            assert [(await shell.ask("GET", "/api/me", one)).status_code for _ in range(3)] == [200] * 3
            late = await shell.ask("GET", "/api/me", one)
            assert (late.status_code, late.json()["code"]) == (429, "too_many")
            assert 1 <= int(late.headers["retry-after"]) <= 20
            assert (await shell.ask("GET", "/api/me", other)).status_code == 200

    asyncio.run(scene())


def test_an_address_that_guesses_keys_is_slowed_down_and_a_good_key_from_it_is_not() -> None:
    async def scene() -> None:
        async with a_shell() as shell:
            key = await shell.key("alice")
            guesses = [await shell.ask("GET", "/api/me", f"ow_{n}") for n in range(FAILURES_PER_MINUTE + 2)]
            assert {answer.status_code for answer in guesses[:FAILURES_PER_MINUTE]} == {401}
            assert guesses[-1].status_code == 429
            assert (await shell.ask("GET", "/api/me", key)).status_code == 200

    asyncio.run(scene())


def test_a_bucket_refills_evenly_and_only_the_last_names_are_kept() -> None:
    buckets = Buckets(2, most=2)
    assert [buckets.take("a", 0), buckets.take("a", 0), buckets.take("a", 0)] == [0, 0, 30]
    assert (buckets.take("a", MINUTE // 2), buckets.take("a", MINUTE // 2)) == (0, 30)
    buckets.take("b", 0)
    buckets.take("c", 0)
    assert buckets.take("a", MINUTE // 2) == 0  # forgotten, and full again


def test_no_repr_of_a_new_key_shows_it() -> None:
    made = new_key("alice", "trade", 0)
    assert made.text not in f"{made!r} {made} {[made]} {made.record!r}"


def test_without_auth_whoever_asks_by_a_name_of_this_machine_is_the_operator() -> None:
    async def scene() -> None:
        async with a_shell(service={"auth": False}) as shell:
            mine = (await shell.ask("GET", "/api/me")).json()
            assert (mine["user"], mine["scope"], mine["key_id"]) == ("main", "admin", "")
            for host in ("localhost:8004", "127.0.0.1", "[::1]:8004"):
                assert (await shell.ask("GET", "/api/me", headers={"Host": host})).status_code == 200
            foreign: list[dict[str, str]] = [
                {"Host": "evil.example.com"},
                {"Host": "127.0.0.1.evil.example.com:8004"},
                {"Host": ""},
                {"Origin": "https://evil.example.com"},
                {"Origin": "null"},
            ]
            for headers in foreign:
                answer = await shell.ask("GET", "/api/me", headers=headers)
                said = answer.json()
                (header, value), *_ = headers.items()
                assert (answer.status_code, said["code"], said["field"]) == (403, "foreign", header)
                assert said["value"] == value

    asyncio.run(scene())


def test_a_key_of_somebody_who_is_configured_no_more_may_only_read_and_the_start_says_so(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"

    async def before() -> dict[str, str]:
        async with a_shell(log=log, users={"bob": {}, "carl": {}}) as shell:
            return {user: await shell.key(user) for user in ("bob", "carl", "dora")}

    async def after(keys: dict[str, str]) -> None:
        async with a_shell(log=log, users={"bob": {}}) as shell:
            scopes = {user: (await shell.ask("GET", "/api/me", key)).json()["scope"] for user, key in keys.items()}
            assert scopes == {"bob": "trade", "carl": "read", "dora": "trade"}
            order = {"symbol": "BTCUSDT", "side": "buy", "quantity": "0.001"}
            assert (await shell.ask("POST", "/api/orders/create", keys["carl"], json=order)).status_code == 403
            assert shell.service.keys.warnings() == [
                "carl is in the log and not in users: their keys may only read; add carl to users, or revoke the keys"
            ]
            with pytest.raises(InputError):
                await shell.service.keys.issue("carl", "trade")
        async with a_shell(log=log) as shell:
            assert (await shell.ask("GET", "/api/me", keys["carl"])).json()["scope"] == "trade"
            assert shell.service.keys.warnings() == []

    asyncio.run(after(asyncio.run(before())))


def test_no_key_does_more_than_its_user_may_whenever_it_was_issued(tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"

    async def issue() -> str:
        async with a_shell(log=log, users={"ann": {"scope": "admin"}}) as shell:
            return await shell.key("ann", "admin")

    async def lowered(key: str) -> None:
        async with a_shell(log=log, users={"ann": {"scope": "read"}}) as shell:
            mine = (await shell.ask("GET", "/api/me", key)).json()
            assert (mine["scope"], mine["books"]) == ("read", ["ann"])
            assert not shell.service.keys.has_admin
            order = {"symbol": "BTCUSDT", "side": "buy", "quantity": "0.001"}
            assert (await shell.ask("POST", "/api/orders/create", key, json=order)).status_code == 403
            operator = (await shell.service.keys.issue("operator", "admin")).text
            refused = await shell.ask("POST", "/api/keys", operator, json={"user": "ann", "scope": "trade"})
            assert (refused.status_code, refused.json()["field"], refused.json()["nearest"]) == (422, "scope", "read")
            listed = (await shell.ask("GET", "/api/keys", operator)).json()["keys"]
            assert [(one["user"], one["scope"]) for one in listed] == [("ann", "read"), ("operator", "admin")]

    asyncio.run(lowered(asyncio.run(issue())))


def test_the_operators_orders_go_to_the_main_book_and_among_several_they_name_one() -> None:
    order = {"symbol": "BTCUSDT", "side": "buy", "quantity": "0.001"}

    async def bare() -> None:
        async with a_shell() as shell:
            key = (await shell.service.keys.issue("operator", "admin")).text
            made = (await shell.ask("POST", "/api/orders/create", key, json=order)).json()
            assert (made["book"], made["account"]) == ("main", "main@simulated")
            assert shell.service.books.all() == ["main"]

    async def several() -> None:
        async with a_shell(users={"ann": {}, "bob": {}}) as shell:
            key = (await shell.service.keys.issue("operator", "admin")).text
            refused = await shell.ask("POST", "/api/orders/create", key, json=order)
            assert (refused.status_code, refused.json()["field"]) == (422, "book")
            made = await shell.ask("POST", "/api/orders/create", key, json={**order, "book": "bob"})
            assert (made.status_code, made.json()["book"]) == (201, "bob")
            assert (await shell.ask("GET", "/api/log/books", key)).json()["default"] == "ann"
            assert shell.service.books.all() == ["ann", "bob"]

    asyncio.run(bare())
    asyncio.run(several())


def test_a_double_click_takes_all_of_a_key() -> None:
    for _ in range(20):
        assert re.fullmatch(r"ow_[0-9a-f]{10}_[A-Za-z0-9]{43}", new_key("alice", "trade", 0).text)
