"""The stream as its readers see it: every row once, from wherever they come."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosed

from orderwright.journal.seal import decode
from orderwright.service.stream import connection, outgoing, pages
from orderwright.service.stream import words as limits
from tests.service.stream.world import Client, World, a_world, until


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 20))


def places(events: list[dict[str, Any]]) -> list[tuple[int, str]]:
    return [(event["sequence"], event["kind"]) for event in events]


async def trade(world: World) -> None:
    """Five orders, of which some fill."""
    for number in range(5):
        await world.buy(number, 100 if number % 2 else 90)
    await world.pass_minutes(2)


@pytest.mark.parametrize("kept", ["sqlite", "memory"])
def test_a_reader_from_the_beginning_gets_the_whole_log(kept: str, tmp_path: Path) -> None:
    async def read() -> None:
        async with a_world(tmp_path / "log.sqlite" if kept == "sqlite" else None) as world:
            await trade(world)
            async with world.client() as client:
                hello = await client.hear()
                end = len(world.log())
                assert (hello["type"], hello["user"], hello["books"]["main"]) == ("hello", "alice", end)
                assert await client.subscribe(books={"main": 0}, id=7) == {
                    "type": "subscribed",
                    "books": {"main": 0},
                    "id": 7,
                }
                events = await client.hear_until("main", end)
            assert places(events) == world.log()[:end]
            told = [decode(msgspec.json.encode(event["event"])) for event in events]
            assert told == [event for _, event in world.journal.events("main")][:end]

    run(read())


def test_resuming_at_every_place_gives_what_one_uncut_reader_gets(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(pages, "PAGE", 3)
    monkeypatch.setattr(pages, "PAGE_AT_ONCE", 2)

    async def read() -> None:
        async with a_world(tmp_path / "log.sqlite") as world:
            async with world.client() as uncut:
                await uncut.hear()
                await uncut.subscribe(books={"main": 0})
                await trade(world)
                end = len(world.log())
                whole = await uncut.hear_until("main", end)
            assert places(whole) == world.log()[:end]
            for after in range(end):
                async with world.client() as client:
                    await client.hear()
                    await client.subscribe(books={"main": after})
                    assert await client.hear_until("main", end) == whole[after:]

    run(read())


def test_readers_that_come_and_go_while_the_book_moves_miss_nothing_and_get_nothing_twice(
    tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    monkeypatch.setattr(pages, "PAGE_AT_ONCE", 3)

    async def come_and_go(world: World, cut: int, seen: list[tuple[int, str]]) -> None:
        while True:
            async with world.client() as client:
                await client.hear()
                await client.subscribe(books={"main": len(seen)})
                for _ in range(cut):
                    event = await client.hear()
                    seen.append((event["sequence"], event["kind"]))

    async def read() -> None:
        async with a_world(tmp_path / "log.sqlite") as world:
            readers: list[list[tuple[int, str]]] = [[] for _ in range(4)]
            going = [asyncio.create_task(come_and_go(world, 3 + 4 * at, seen)) for at, seen in enumerate(readers)]
            for number in range(60):
                await world.buy(number, 100 if number % 3 else 90)
                if number % 5 == 0:
                    await world.pass_minutes()
            end = len(world.log())
            await until(lambda: all(len(seen) >= end for seen in readers))
            for task in going:
                task.cancel()
            await asyncio.gather(*going, return_exceptions=True)
            assert [seen[:end] for seen in readers] == [world.log()[:end]] * 4

    run(read())


def test_an_event_says_what_it_changed(tmp_path: Path) -> None:
    async def read() -> None:
        async with a_world(tmp_path / "log.sqlite") as world, world.client() as client:
            await client.hear()
            await client.subscribe(kinds=["fills"])
            order_id = await world.buy(1, quantity=2)
            await world.pass_minutes()
            event = await client.hear()
            row = world.journal.latest("orders")[0]
            assert (event["kind"], event["sequence"]) == ("order_filled", row["sequence"])
            assert event["order"] | {"status": "filled"} == event["order"]
            assert (event["order"]["client_order_id"], event["order"]["filled_quantity"]) == (order_id, "2")
            assert [(one["quantity"], one["price"], one["order_id"]) for one in event["fills"]] == [
                ("2", "100", order_id)
            ]
            assert {one["asset"]: one["total"] for one in event["balances"]} == {"BTC": "2", "USDT": "9999800"}
            assert [(one["size"], one["cost"]) for one in event["positions"]] == [("2", "200")]

    run(read())


def test_kinds_pick_events_and_the_place_goes_on_all_the_same(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(limits, "HEARTBEAT", 0.05)

    async def read() -> None:
        async with a_world(tmp_path / "log.sqlite") as world, world.client() as client:
            await client.hear()
            await client.subscribe(books={"main": 0}, kinds=["order_received", "balances"])
            await trade(world)
            end, found = len(world.log()), list[dict[str, Any]]()
            while not found or found[-1]["type"] != "at" or found[-1]["books"] != {"main": end}:
                found.append(await client.hear())
            events = [one for one in found if one["type"] == "event"]
            assert all(one["kind"] == "order_received" or one["balances"] for one in events)
            assert [one["sequence"] for one in events if one["kind"] == "order_received"] == [
                sequence for sequence, kind in world.log()[:end] if kind == "order_received"
            ]

    run(read())


def test_several_books_each_in_its_order_and_one_can_be_left(tmp_path: Path) -> None:
    async def read() -> None:
        async with a_world(tmp_path / "log.sqlite") as world, world.client() as client:
            await client.hear()
            answer = await client.subscribe()
            assert answer["books"] == {"main": len(world.log()), "second": len(world.log("second"))}
            await asyncio.gather(world.buy(1, 90), world.buy(2, 90, book="second"), world.buy(3, 90, book="bobs"))
            found = [await client.hear() for _ in range(2)]
            assert {(one["book"], one["kind"]) for one in found} == {
                ("main", "order_received"),
                ("second", "order_received"),
            }
            await client.say(op="unsubscribe", books=["main"], id="x")
            while (said := await client.hear())["type"] == "event":
                pass
            assert (said["type"], list(said["books"]), said["id"]) == ("subscribed", ["second"], "x")
            await world.buy(4, 90)
            await world.buy(5, 90, book="second")
            assert (await client.hear())["book"] == "second"

    run(read())


def test_a_slow_reader_is_cut_and_resumes_without_a_gap(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(outgoing, "MAX_QUEUED", 20)
    monkeypatch.setattr(outgoing.Outgoing.__init__, "__kwdefaults__", {"most": 20, "most_bytes": 100_000})

    async def read() -> None:
        async with a_world(tmp_path / "log.sqlite") as world:
            async with world.client(max_queue=1) as slow:
                await slow.hear()
                await slow.subscribe(books={"main": 0})
                await slow.hear_until("main", 3)
                gate = asyncio.Event()
                original = WebSocket.send_text

                async def stuck(self: Any, data: str) -> None:
                    await gate.wait()
                    await original(self, data)

                monkeypatch.setattr(WebSocket, "send_text", stuck)
                for number in range(30):
                    await world.buy(number, 90)
                await until(lambda: not world.stream.tails._tails)  # it was cut
                monkeypatch.setattr(WebSocket, "send_text", original)
                got, code, reason = await to_the_end(slow)
            assert (code, reason[:37]) == (4408, "you read too slowly; sent up to main=")
            last = got[-1]["sequence"] if got else 3
            end = len(world.log())
            assert last < end
            async with world.client() as again:
                await again.hear()
                await again.subscribe(books={"main": last})
                rest = await again.hear_until("main", end)
            assert places(rest) == world.log()[last:end]

    run(read())


def test_a_reader_that_takes_nothing_at_all_is_dropped_and_remembered_by_nobody(
    tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(outgoing.Outgoing.__init__, "__kwdefaults__", {"most": 50, "most_bytes": 50_000})
    monkeypatch.setattr(connection.close, "__defaults__", (0.01,))

    async def read() -> None:
        async with a_world(tmp_path / "log.sqlite") as world:
            plug = socket.socket()
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            plug.connect(("127.0.0.1", world.port))
            head = "GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            head += "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
            plug.sendall((head + "Authorization: Bearer alice-key\r\n\r\n").encode())
            plug.setblocking(False)
            await asyncio.get_running_loop().sock_recv(plug, 16)
            message = b'{"op": "subscribe", "books": {"main": 0}}'
            plug.sendall(bytes([0x81, 0x80 | len(message), 0, 0, 0, 0]) + message)
            await until(lambda: bool(world.stream.tails._tails))
            number = 0
            while world.stream._open:
                await asyncio.gather(*(world.buy(number + at, 90, 1) for at in range(100)))
                number += 100
            assert number < 100_000  # the operating system's buffers, and then it was cut
            plug.close()

    run(read())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"op": "subscribe", "books": {"bobs": None}}, ("unknown_name", "books", None)),
        ({"op": "subscribe", "books": {"mian": None}}, ("unknown_name", "books", "main")),
        ({"op": "subscribe", "books": {"main": 999}}, ("invalid", "books.main", 4)),
        ({"op": "subscribe", "books": {"main": -1}}, ("invalid", "books.main", 4)),
        ({"op": "subscribe", "kinds": ["fils"]}, ("unknown_name", "kinds", "fills")),
        ({"op": "subscribe", "books": {"main": "1"}}, ("invalid", "books[...]", None)),
        ({"op": "subscribe", "boks": {}}, ("invalid", "boks", None)),
        ({"op": "subscrib"}, ("unknown_name", "op", "subscribe")),
        ({"op": "unsubscribe", "books": ["main"]}, ("unknown_name", "books", None)),
        ({"op": "auth", "key": "alice-key"}, ("has_key", "op", None)),
        ({"op": "cancel", "id": 1}, ("invalid", "order", None)),
        ({}, ("unknown_name", "op", None)),
    ],
)
def test_what_cannot_be_taken_is_named_and_changes_nothing(
    words: dict[str, Any], expected: tuple[Any, ...], tmp_path: Path
) -> None:
    async def read() -> None:
        async with a_world(tmp_path / "log.sqlite") as world, world.client() as client:
            await client.hear()
            await client.say(**words)
            said = await client.hear()
            problem = said["problem"]
            assert said["type"] == "problem"
            assert (problem["code"], problem.get("field"), problem.get("nearest")) == expected
            await client.say(op="ping", id=3)
            assert (await client.hear())["id"] == 3

    run(read())


@pytest.mark.parametrize("garbage", ["", "{", "[]", "null", '"hello"', "[" * 50_000, '{"op": 5}', "NaN", "\x00"])
def test_garbage_is_answered_with_a_problem_and_the_connection_goes_on(garbage: str, tmp_path: Path) -> None:
    async def read() -> None:
        async with a_world(tmp_path / "log.sqlite") as world, world.client() as client:
            await client.hear()
            await client.socket.send(garbage)
            assert (await client.hear())["type"] == "problem"
            await client.say(op="ping")
            assert (await client.hear())["type"] == "pong"

    run(read())


@pytest.mark.parametrize(("frame", "code"), [(b'{"op": "ping"}', 1003), ("x" * (1 << 20) + "x", 1009)])
def test_binary_and_huge_frames_end_the_connection(frame: Any, code: int, tmp_path: Path) -> None:
    async def read() -> None:
        async with a_world(tmp_path / "log.sqlite") as world, world.client() as client:
            await client.hear()
            assert await closing(client, frame) == code
            async with world.client() as another:
                assert (await another.hear())["type"] == "hello"

    run(read())


async def to_the_end(client: Client) -> tuple[list[dict[str, Any]], int, str]:
    """What still comes, and the code and reason that the connection is closed with."""
    got: list[dict[str, Any]] = []
    said = None
    while said is None:
        try:
            got.append(await client.hear())
        except ConnectionClosed as closed:
            said = closed.rcvd
            break
    assert said is not None
    return got, said.code, said.reason


async def closing(client: Client, *frames: Any) -> int:
    """The code that the connection is closed with, after these."""
    with contextlib.suppress(ConnectionClosed):
        for frame in frames:
            await client.socket.send(frame)
    return (await to_the_end(client))[1]


def test_too_much_nonsense_ends_the_connection(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(limits, "MAX_FAULTS", 3)

    async def read() -> None:
        async with a_world(tmp_path / "log.sqlite") as world, world.client() as client:
            assert await closing(client, *["?"] * 4) == 4400

    run(read())


def test_a_key_comes_in_the_header_or_in_the_first_message_and_is_needed(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(limits, "AUTH_TIMEOUT", 0.05)

    async def read() -> None:
        async with a_world(tmp_path / "log.sqlite") as world:
            async with world.client("") as browser:
                await browser.say(op="auth", key="bob-key")
                assert (await browser.hear())["books"] == {"bobs": 4}
            async with world.client("wrong") as stranger:
                assert (await stranger.hear())["problem"]["code"] == "no_key"
                assert await closing(stranger) == 4401
            async with world.client("") as stranger:
                await stranger.say(op="auth", key="wrong")
                assert await closing(stranger) == 4401
            async with world.client("") as silent:
                assert await closing(silent) == 4401
            async with world.client("") as hasty:
                await hasty.say(op="subscribe")
                assert await closing(hasty) == 4401

    run(read())


def test_a_key_that_was_revoked_ends_its_connections(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(limits, "HEARTBEAT", 0.01)

    async def read() -> None:
        async with a_world(tmp_path / "log.sqlite") as world, world.client() as client:
            await client.hear()
            world.doorman.revoked.add("a")
            assert await closing(client) == 4401

    run(read())


def test_a_key_that_has_expired_is_told_no_event_more(tmp_path: Path) -> None:
    async def read() -> None:
        async with a_world(tmp_path / "log.sqlite") as world, world.client() as client:
            await client.hear()
            await client.subscribe(books={"main": len(world.log())})
            world.doorman.revoked.add("a")
            await world.buy(1)
            with pytest.raises(ConnectionClosed) as closed:
                await client.hear()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4401

    run(read())


def test_a_key_has_so_many_connections_and_no_more(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(limits, "MAX_OF_ONE_KEY", 1)

    async def read() -> None:
        async with a_world(tmp_path / "log.sqlite") as world:
            async with world.client() as first, world.client() as second, world.client("bob-key") as bob:
                assert (await first.hear())["type"] == "hello"
                assert await closing(second) == 4429
                assert (await bob.hear())["type"] == "hello"
            await until(lambda: not world.stream._open)
            async with world.client() as again:
                assert (await again.hear())["type"] == "hello"

    run(read())


def test_connections_without_a_key_take_no_place_of_those_that_have_one(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(limits, "MAX_STRANGERS_OF_ONE", 2)
    monkeypatch.setattr(limits, "MAX_CONNECTIONS", 2)

    async def read() -> None:
        async with a_world(tmp_path / "log.sqlite") as world:
            async with world.client("") as first, world.client("") as second, world.client("") as third:
                assert await closing(third) == 4429
                async with world.client() as known:
                    assert (await known.hear())["type"] == "hello"
                    await first.say(op="auth", key="bob-key")
                    assert (await first.hear())["type"] == "hello"
                    async with world.client("") as fourth:  # in the place of the first
                        await fourth.say(op="auth", key="chief-key")
                        assert await closing(fourth) == 4429  # as many as there may be are known
                assert world.stream._strangers.total() == 1
                await second.socket.close()
            await until(lambda: not world.stream._open and not world.stream._strangers)

    run(read())


def test_a_reader_of_rows_that_the_log_does_not_have_is_told_so(monkeypatch: Any) -> None:

    async def read() -> None:
        async with a_world() as world, world.client() as client:
            await client.hear()
            await trade(world)
            rows = world.journal.rows
            monkeypatch.setattr(
                world.journal, "rows", lambda *args, **words: [one for one in rows(*args, **words) if one.sequence > 6]
            )
            await client.subscribe(books={"main": 2})
            assert await closing(client) == 4410

    run(read())


def test_orders_are_answered_durable_and_each_under_its_id(tmp_path: Path) -> None:
    async def read() -> None:
        async with a_world(tmp_path / "log.sqlite") as world, world.client() as client:
            await client.hear()
            for number in range(50):
                await client.say(op="create", id=number, body={"quantity": "1", "price": 90, "number": number})
            answers = [await client.hear() for _ in range(50)]
            assert [(one["id"], one["status"]) for one in answers] == [(number, 201) for number in range(50)]
            sequences = [one["ok"]["sequence"] for one in answers]
            assert sequences == sorted(sequences)
            rows = sorted(world.journal.latest("orders"), key=lambda row: row["id"])
            logged = [row["client_order_id"] for row in rows]
            assert logged == [one["ok"]["client_order_id"] for one in answers]
            await client.say(op="cancel", id="c", order=logged[0])
            assert await client.hear() == {
                "type": "answer",
                "id": "c",
                "status": 200,
                "ok": {"status": "pending_cancel"},
            }

    run(read())


def test_a_batch_is_one_message(tmp_path: Path) -> None:
    async def read() -> None:
        async with a_world(tmp_path / "log.sqlite") as world, world.client() as client:
            await client.hear()
            orders = [{"quantity": 1, "price": "90", "number": number} for number in range(20)]
            await client.say(op="batch", id="b", body={"orders": orders})
            answer = await client.hear()
            assert [one["status"] for one in answer["ok"]["orders"]] == ["submitted"] * 20

    run(read())


@pytest.mark.parametrize(
    ("key", "words", "expected"),
    [
        ("bob-key", {"op": "create", "body": {}}, (403, "scope", "op")),
        ("alice-key", {"op": "create", "body": {"quantity": 1}}, (422, "invalid", "price")),
        (
            "alice-key",
            {"op": "create", "body": {"quantity": "x", "price": 1, "number": 1}},
            (422, "invalid", "quantity"),
        ),
        ("alice-key", {"op": "create", "body": 5}, (422, "invalid", "body")),
        ("alice-key", {"op": "cancel", "order": "0" * 30}, (404, "no_order", "order_id")),
        ("alice-key", {"op": "amend", "order": "0" * 30, "body": {}}, (404, "not_here", "op")),
    ],
)
def test_an_order_that_cannot_be_taken_is_a_problem_under_its_id(
    key: str, words: dict[str, Any], expected: tuple[Any, ...], tmp_path: Path
) -> None:
    async def read() -> None:
        async with a_world(tmp_path / "log.sqlite") as world, world.client(key) as client:
            await client.hear()
            rows = len(world.log())
            await client.say(id="mine", **words)
            answer = await client.hear()
            problem = answer["problem"]
            assert (answer["type"], answer["id"]) == ("answer", "mine")
            assert (answer["status"], problem["code"], problem["field"]) == expected
            assert len(world.log()) == rows

    run(read())


def test_orders_that_come_too_often_are_told_when_to_come_again(tmp_path: Path) -> None:
    async def read() -> None:
        async with a_world(tmp_path / "log.sqlite") as world, world.client() as client:
            await client.hear()
            world.doorman.spent.add("a")
            await client.say(op="create", id=1, body={"quantity": 1, "price": 90, "number": 1})
            answer = await client.hear()
            assert (answer["id"], answer["status"], answer["problem"]["retry_after"]) == (1, 429, "2")

    run(read())


def test_orders_of_a_key_that_was_revoked_are_not_taken(tmp_path: Path) -> None:
    async def read() -> None:
        async with a_world(tmp_path / "log.sqlite") as world, world.client() as client:
            await client.hear()
            rows = len(world.log())
            world.doorman.revoked.add("a")
            order = b'{"op": "create", "id": 1, "body": {"quantity": 1, "price": 90, "number": 1}}'
            assert await closing(client, order.decode()) == 4401
            assert len(world.log()) == rows

    run(read())
