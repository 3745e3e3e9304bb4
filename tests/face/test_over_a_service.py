"""A broker over a running service where that differs from one of its own: answers that are lost, keys, other books."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import httpx
import pytest

from orderwright import Broker, InputError, OrderStatus, Trade, UnknownName
from orderwright.broker.query import FindParams, Query
from orderwright.broker.remote import RemoteBroker
from orderwright.broker.remote_service import ATTEMPTS, ServiceClient
from orderwright.broker.searching import find_trades
from orderwright.broker.times import Window
from orderwright.errors import ServiceError, ServiceLost, ServiceRefused
from tests.service.running import Served, a_served

_USERS = count()
CREATE = "/api/orders/create"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with a_served(tmp_path_factory.mktemp("service") / "log.sqlite") as served:
        yield served


class Wire(httpx.BaseTransport):
    """A network on which answers, or requests, of a path are lost; `lost` counts down. sent: paths that went out."""

    def __init__(self, path: str, lost: int, *, reached: bool) -> None:
        self._real, self._path, self.lost, self._reached = httpx.HTTPTransport(), path, lost, reached
        self.sent: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != self._path or not self.lost:
            self.sent.append(request.url.path)
            return self._real.handle_request(request)
        self.lost -= 1
        if not self._reached:
            raise httpx.ConnectError("connection refused", request=request)
        answer = self._real.handle_request(request)
        answer.read()
        answer.close()
        raise httpx.ReadTimeout("", request=request)

    def close(self) -> None:
        self._real.close()


def over(served: Served, wire: httpx.BaseTransport, key: str | None = None) -> Broker:
    key = served.new_key(f"wired{next(_USERS)}") if key is None else key
    client = ServiceClient(served.url, key, transport=wire, pause=lambda _: None)
    return RemoteBroker(client=client)


def a_rest(**words: Any) -> Trade:
    return Trade("BTC", "USDT", "buy", "0.01", order_type="limit", price=20_000, **words)


def test_an_answer_that_was_lost_is_asked_for_again_and_makes_one_order(served: Served) -> None:
    with over(served, Wire(CREATE, ATTEMPTS - 1, reached=True)) as broker:
        trade = broker.submit(a_rest())
        assert [one.order_id for one in broker.load()] == [trade.order_id]


def test_where_no_answer_ever_comes_it_is_said_that_the_order_may_exist_and_again_is_safe(served: Served) -> None:
    with over(served, Wire(CREATE, ATTEMPTS, reached=True)) as broker:
        trade = a_rest()
        with pytest.raises(ServiceLost, match="may have been done: asking again is safe") as lost:
            broker.submit(trade)
        assert (lost.value.may_exist, trade.is_order_id, bool(trade.idempotency_key)) == (True, False, True)
        assert len(broker.load()) == 1
        broker.submit(trade)
        assert [one.order_id for one in broker.load()] == [trade.order_id]


def test_where_the_service_was_never_reached_it_is_said_that_nothing_was_done(served: Served) -> None:
    with over(served, Wire(CREATE, ATTEMPTS, reached=False)) as broker:
        trade = a_rest(idempotency_key="mine")
        with pytest.raises(ServiceLost, match="connection refused; nothing was done") as lost:
            broker.submit(trade)
        assert (lost.value.may_exist, broker.load()) == (False, [])
        assert broker.submit(trade).is_order_id
        assert len(broker.load()) == 1


def test_a_cancel_whose_answer_was_lost_cancels_once_and_is_no_refusal(served: Served) -> None:
    with over(served, Wire("/api/orders/batch", 1, reached=True)) as broker:
        trade = broker.submit(a_rest())
        broker.cancel(trade)
        until(served, lambda: broker.check_trade(trade).status is OrderStatus.CANCELLED)
        kinds = [one.event for one in broker.load(latest_group=False)]
        assert kinds.count("request_submitted") == 1


class LostThen(httpx.BaseTransport):
    """The first request gets through and its answer is lost; what is asked after it is answered so."""

    def __init__(self, path: str, status: int, body: bytes) -> None:
        self._real, self._path, self._said, self.asked = httpx.HTTPTransport(), path, (status, body), 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != self._path or self.asked == 2:
            return self._real.handle_request(request)
        self.asked += 1
        if self.asked == 2:
            return httpx.Response(self._said[0], content=self._said[1], request=request)
        answer = self._real.handle_request(request)
        answer.read()
        answer.close()
        raise httpx.ReadTimeout("", request=request)

    def close(self) -> None:
        self._real.close()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, b'{"code": "unknown_key", "detail": "the key has expired"}'),
        (403, b'{"code": "scope", "detail": "this key only reads"}'),
        (403, b'{"code": "not_yours", "detail": "not your book"}'),
        (400, b'{"code": "invalid", "detail": "is missing", "field": "symbol"}'),
        (404, b"<html>"),
        (200, b"<html>"),
    ],
)
def test_what_a_later_attempt_is_refused_with_says_nothing_of_one_whose_answer_was_lost(
    served: Served, status: int, body: bytes
) -> None:
    with over(served, LostThen(CREATE, status, body)) as broker:
        trade = a_rest()
        with pytest.raises(ServiceLost, match="it may have been done: asking again is safe") as lost:
            broker.submit(trade)
        assert (lost.value.may_exist, bool(trade.idempotency_key)) == (True, True)
        broker.submit(trade)
        assert [one.order_id for one in broker.load()] == [trade.order_id]


class Answers(httpx.BaseTransport):
    """A service that answers so, and counts how often it was asked."""

    def __init__(self, status: int, body: bytes, **headers: str) -> None:
        self._said, self.asked = (status, headers, body), 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        status, headers, body = self._said
        return httpx.Response(status, headers=headers, content=body, request=request)


@pytest.mark.parametrize(
    ("status", "body", "kind", "asked"),
    [
        (503, b'{"code": "busy", "detail": "10000 commands wait already"}', ServiceRefused, ATTEMPTS),
        (429, b'{"code": "too_many", "detail": "too often"}', ServiceRefused, ATTEMPTS),
        (503, b'{"code": "stopping", "detail": "the service is stopping"}', ServiceLost, ATTEMPTS),
        (401, b'{"code": "unknown_key", "detail": "this key is not known"}', ServiceRefused, 1),
        (500, b'{"code": "fault", "detail": "something went wrong"}', ServiceLost, 1),
        (200, b"<html>", ServiceError, 1),
        (404, b"<html>", ServiceError, 1),
        (422, b'{"code": "invalid", "detail": "is missing", "field": "symbol"}', InputError, 1),
    ],
)
def test_each_answer_that_is_none_is_told_apart(status: int, body: bytes, kind: type[Exception], asked: int) -> None:
    wire, pauses = Answers(status, body, **{"Retry-After": "1"}), list[float]()
    client = ServiceClient("http://127.0.0.1:1", "secret-key", transport=wire, pause=pauses.append)
    with pytest.raises(kind) as told:
        client.post(CREATE, {})
    client.close()
    assert type(told.value) is kind or kind is InputError
    assert (wire.asked, len(pauses)) == (asked, asked - 1)
    assert all(pause <= 2 for pause in pauses)
    assert "secret-key" not in f"{told.value} {told.value!r} {client!r}"


@pytest.mark.parametrize(
    "url", ["", "localhost:8004", "ftp://127.0.0.1", "http://", "http://a:b@127.0.0.1", "http://x/?key=y"]
)
def test_an_address_that_is_none_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(InputError) as refused:
        Broker(url=url)
    assert refused.value.field == "url"
    assert "a:b" not in str(refused.value)
    assert "key=y" not in f"{refused.value.value}"


def test_a_key_that_is_not_let_in_and_a_book_that_is_not_its_own(served: Served) -> None:
    with pytest.raises(ServiceRefused, match="key") as refused:
        Broker(url=served.url, key="ow_wrong")
    assert (refused.value.status, "ow_wrong" in str(refused.value)) == (401, False)
    key = served.new_key("owner")
    with pytest.raises(UnknownName) as unknown:
        Broker(url=served.url, key=key, book="main")
    assert unknown.value.field == "book"
    with Broker(url=served.url, key=served.key, book="owner") as chief:
        assert chief.book == "owner"
        chief.open_book("main")
        assert (chief.book, repr(chief)) == ("main", f"<Broker {served.url}, book 'main'>")


def test_a_key_that_may_only_read_places_no_order(served: Served) -> None:
    with Broker(url=served.url, key=served.new_key("reader", "read")) as broker:
        with pytest.raises(ServiceRefused, match="scope"):
            broker.submit(a_rest())
        assert broker.load() == []


def test_a_key_without_a_service_and_what_a_service_has_of_its_own_are_refused(served: Served) -> None:
    with pytest.raises(InputError, match="url"):
        Broker(key="ow_1")
    for words in ({"deposits": {"USDT": 1}}, {"seed": 0}, {"executor": object()}):
        with pytest.raises(InputError, match="leave it out"):
            Broker(url=served.url, key=served.key, **words)
    with Broker(url=served.url, key=served.new_key(f"plain{next(_USERS)}")) as broker:
        for call in (
            lambda: broker.see("BTC/USDT", 1),
            lambda: broker.opened,
            broker.refresh_mirror,
            lambda: broker.open_account("somebody"),
            lambda: broker.open_account(deposits={"USDT": 1}),
            lambda: broker.submit(a_rest(parent_id="x")),
        ):
            with pytest.raises(InputError):
                call()
        assert (broker.done, broker.markets, broker.exchanges) == (False, [], ["simulated"])


def test_what_is_read_from_afar_is_what_is_read_beside_the_log(served: Served) -> None:
    with Broker(url=served.url, key=served.new_key("both")) as broker:
        for at in range(12):
            trade = broker.submit(a_rest() if at % 3 else Trade("BTC", "USDT", "buy", "0.001"))
            if at % 4 == 1:
                broker.cancel(trade)
        until(served, lambda: all(one.is_done or one.status is OrderStatus.OPEN for one in broker.load()))
        engine = served.service.desk.books["both"].engine

        async def beside(latest: bool) -> list[Trade]:
            log = served.service.desk.journal
            return find_trades(log, engine, Query.of(FindParams(), None, None, {}), Window(), latest=latest)

        assert broker.load() == served.run(lambda: beside(latest=True))
        assert broker.load(latest_group=False) == served.run(lambda: beside(latest=False))
        assert broker.state.sequence >= engine.state.sequence - 1
        assert {key: one.total for key, one in broker.state.balances.items()} == {
            key: one.total for key, one in engine.state.balances.items()
        }


def until(served: Served, happened: Callable[[], bool]) -> None:
    for _ in range(500):
        if happened():
            return
        served.settle()
    raise AssertionError("it never happened")
