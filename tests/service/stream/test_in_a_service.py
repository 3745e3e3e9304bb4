"""The stream and the log's routes in a whole service: its keys, its doors, its handlers."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from orderwright import Broker, Trade
from orderwright.journal.tables import TABLES
from orderwright.service.stream import portions, words
from tests.service.running import Served, a_served

_USERS = count()
REST = {"symbol": "BTC/USDT", "side": "buy", "order_type": "limit", "quantity": "0.001", "price": "20000"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with a_served(tmp_path_factory.mktemp("service") / "log.sqlite") as served:
        yield served


def stream(served: Served, headers: dict[str, str], **options: Any) -> ClientConnection:
    url = served.url.replace("http", "ws", 1) + "/api/stream"
    socket: ClientConnection = connect(url, additional_headers=headers, proxy=None, **options)
    return socket


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def hear(socket: ClientConnection, *kinds: str) -> dict[str, Any]:
    """The next message, of these types."""
    while True:
        said: dict[str, Any] = json.loads(socket.recv(10))
        if not kinds or said["type"] in kinds:
            return said


def say(socket: ClientConnection, **words: Any) -> None:
    socket.send(json.dumps(words))


def ask(served: Served, key: str) -> httpx.Client:
    return httpx.Client(base_url=served.url, headers=bearer(key), trust_env=False)


def test_orders_over_the_stream_are_what_they_are_over_rest(served: Served) -> None:
    user = f"streamer{next(_USERS)}"
    with stream(served, {"X-API-Key": served.new_key(user)}) as socket:
        assert list(hear(socket)["books"]) == [user]
        say(socket, op="create", id=1, body=REST | {"idempotency_key": "k"})
        first = hear(socket, "answer")
        say(socket, op="create", id=2, body=REST | {"idempotency_key": "k"})
        again = hear(socket, "answer")
        say(socket, op="create", id=3, body=REST | {"idempotency_key": "k", "quantity": "0.002"})
        other = hear(socket, "answer")
        assert [one["status"] for one in (first, again, other)] == [201, 200, 409]
        assert first["ok"]["client_order_id"] == again["ok"]["client_order_id"]
        assert again["ok"]["repeated"]
        say(socket, op="amend", id=4, order=first["ok"]["id"], body={"price": "20001"})
        assert hear(socket, "answer")["status"] == 200
        say(socket, op="batch", id=5, body={"orders": [REST, {"action": "cancel", "order_id": "f" * 30}]})
        assert [one["status"] for one in hear(socket, "answer")["ok"]["results"]] == [201, 404]
        say(socket, op="cancel_all", id=6)
        assert len(hear(socket, "answer")["ok"]["orders"]) == 2


def test_events_over_the_stream_and_page_by_page_are_the_same(served: Served) -> None:
    user = f"streamer{next(_USERS)}"
    key = served.new_key(user)
    with ask(served, key) as client, stream(served, bearer(key)) as socket:
        assert client.post("/api/orders/create", json=REST).status_code == 201
        served.settle()
        end = client.get("/api/log/books").json()["books"][user]
        hear(socket, "hello")
        say(socket, op="subscribe", books={user: 0})
        streamed = [hear(socket, "event") for _ in range(end)]
        paged: list[Any] = []
        while len(paged) < end:
            page = client.get("/api/log/events", params={"book": user, "after": len(paged), "limit": 3}).json()
            assert page["next"] == len(paged) + len(page["events"])
            paged += page["events"]
        assert paged[:end] == streamed
        order = client.get("/api/orders/list").json()["orders"][0]
        assert [one["order"] for one in streamed if one.get("order")][-1] == order


def test_a_long_history_comes_in_portions_and_is_whole(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    key = served.new_key(f"streamer{next(_USERS)}")
    with ask(served, key) as client, Broker(url=served.url, key=key) as broker:
        for number in range(6):
            client.post("/api/orders/create", json=REST | {"idempotency_key": str(number)})
        served.settle()
        whole = broker.journal.history("story")
        assert client.post("/api/log/rows", json={"ask": "history", "table": "story"}).json()["earlier"] is None
        monkeypatch.setattr(portions, "MOST_ROWS", 2)
        said = client.post("/api/log/rows", json={"ask": "history", "table": "story"}).json()
        assert said["earlier"] is not None
        assert len(said["rows"]) < len(whole)
        assert broker.journal.history("story") == whole
        assert broker.journal.history("story", limit=5) == whole[-5:]


def test_nothing_of_another_user_is_heard_asked_for_or_cancelled(served: Served) -> None:
    mine, theirs = f"mine{next(_USERS)}", f"theirs{next(_USERS)}"
    key, other = served.new_key(mine), served.new_key(theirs)
    with ask(served, other) as client:
        order_id = client.post("/api/orders/create", json=REST).json()["client_order_id"]
    with ask(served, key) as client, stream(served, bearer(key)) as socket:
        hear(socket, "hello")
        for book in (theirs, "main", "system"):
            say(socket, op="subscribe", books={book: 0}, id=book)
            assert hear(socket)["problem"]["code"] == "unknown_name"
            assert client.get("/api/log/events", params={"book": book}).status_code == 422
            assert client.post("/api/log/orders", json={"book": book, "orders": [order_id]}).status_code == 422
        say(socket, op="cancel", id=1, order=order_id)
        assert hear(socket, "answer")["status"] == 404
        for table in TABLES:
            for where in ({}, {"book": theirs}, {"book": [theirs, mine, "system"]}, {"book": None}):
                for question in ("latest", "history"):
                    answer = client.post("/api/log/rows", json={"ask": question, "table": table, "where": where})
                    assert answer.status_code == 200
                    assert {row["book"] for row in answer.json()["rows"]} <= {mine}


@pytest.mark.parametrize(
    "body",
    [
        {"ask": "latest", "table": "orders", "as_of": 10**30},
        {"ask": "latest", "table": "orders", "where": {"id": 10**30}},
        {"ask": "latest", "table": "orders", "where": {"symbl": "x"}},
        {"ask": "latest", "table": "orders", "by": ["'; DROP TABLE log; --"]},
        {"ask": "latest", "table": "sqlite_master"},
        {"ask": "newest", "table": "orders"},
        {"ask": "history", "table": "orders", "limit": 0},
    ],
)
def test_a_question_that_makes_no_sense_is_a_422(served: Served, body: dict[str, Any]) -> None:
    with ask(served, served.key) as client:
        answer = client.post("/api/log/rows", json=body)
    assert (answer.status_code, "field" in answer.json()) == (422, True)


def test_no_order_of_a_key_that_was_revoked_is_taken(served: Served) -> None:
    key = served.new_key(f"streamer{next(_USERS)}")
    with stream(served, bearer(key)) as socket:
        hear(socket, "hello")
        served.run(lambda: served.service.keys.revoke(key.split("_")[1]))
        with contextlib.suppress(ConnectionClosed):
            say(socket, op="create", id=1, body=REST)
        with pytest.raises(ConnectionClosed) as closed:
            hear(socket, "answer")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401


def test_revoking_a_key_cuts_its_connections_at_once_and_no_others(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "HEARTBEAT", 3_600.0)
    user = f"streamer{next(_USERS)}"
    key, other = served.new_key(user), served.new_key(user)
    with stream(served, bearer(key)) as socket, stream(served, bearer(other)) as kept:
        for one in (socket, kept):
            hear(one, "hello")
            say(one, op="subscribe")
            hear(one, "subscribed")
        served.run(lambda: served.service.keys.revoke(key.split("_")[1]))
        with pytest.raises(ConnectionClosed) as closed:
            hear(socket, "event")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401
        with ask(served, other) as client:
            assert client.post("/api/orders/create", json=REST).status_code == 201
        assert hear(kept, "event")["book"] == user


def test_where_no_key_is_asked_for_pages_of_other_sites_are_kept_out() -> None:
    with a_served(service={"auth": False}) as served:
        with stream(served, {}) as socket:
            assert (hear(socket)["user"], served.service.books.first_user) == ("main", "main")
        with pytest.raises(InvalidStatus) as refused, stream(served, {}, origin="http://evil.example.com"):
            pass
        assert refused.value.response.status_code == 403


def test_a_log_in_memory_is_followed_and_asked_too() -> None:
    with a_served() as served:
        key = served.new_key("alice")
        with Broker(url=served.url, key=key) as broker, stream(served, bearer(key)) as socket:
            hear(socket, "hello")
            say(socket, op="subscribe", kinds=["order_received"])
            trade = broker.submit(Trade("BTC", "USDT", "buy", "0.001"))
            assert hear(socket, "event")["order"]["client_order_id"] == trade.order_id
            for _ in range(100):
                if broker.update():
                    break
                served.settle()
            assert [one.order_id for one in broker.load(status="closed")] == [trade.order_id]
            assert {row.asset for row in broker.balances()} == {"BTC", "USDT"}
