"""A key sees its own books only: every route of the table, with another user's key; and the stream."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from orderwright.service.app import every_route
from orderwright.service.routing import Route
from tests.service.shell import Shell, a_shell

ALICE, SECRET = "alice-of-the-first-book", "alices own idempotency key"
GUARDED = [route for route in every_route() if route.scope is not None]
UNGUARDED = {
    ("GET", "/health"),
    ("GET", "/ready"),
    ("POST", "/api/tradingview/webhook"),
    ("POST", "/api/tradingview/webhook/{token}"),
}
ORDER = {"symbol": "BTCUSDT", "side": "buy", "order_type": "limit", "quantity": "0.001", "price": "20000"}


class Walls(Shell):
    """A shell in which alice has an order, a fill and a key, and bob has a key; nothing of hers may reach him."""

    async def prepare(self) -> None:
        self.alice, self.bob = await self.key(ALICE), await self.key("bob")
        self.operator = await self.key("operator", "admin")
        resting = await self.ask(
            "POST", "/api/orders/create", self.alice, json={**ORDER, "idempotency_key": SECRET, "strategy": ALICE}
        )
        bought = {"symbol": "BTCUSDT", "side": "buy", "quantity": "0.001"}
        filled = await self.ask("POST", "/api/orders/create", self.alice, json=bought)
        assert (resting.status_code, filled.status_code) == (201, 201), resting.text + filled.text
        self.order, self.number = resting.json()["client_order_id"], str(resting.json()["id"])
        self.secrets = [ALICE, SECRET, self.order, filled.json()["client_order_id"], self.alice[3:13]]

    def path_of(self, route: Route, number: bool = False) -> str:
        """The route's path, with what is alice's in it."""
        hers = {
            "order_id": self.number if number else self.order,
            "book": ALICE,
            "key_id": self.alice[3:13],
            "alert": self.order,
        }
        return route.path.format(**hers)

    def shown(self, answer: httpx.Response) -> list[str]:
        """What of hers is in an answer, but for what the question itself said."""
        return [secret for secret in self.secrets if secret in str(without_echo(json_of(answer)))]


def json_of(answer: httpx.Response) -> Any:
    return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text


def without_echo(said: Any) -> Any:
    """An answer without what a problem document repeats of the question."""
    if isinstance(said, dict):
        echo = ("value", "detail") if "code" in said else ()
        return {name: without_echo(value) for name, value in said.items() if name not in echo}
    return [without_echo(one) for one in said] if isinstance(said, list) else said


def walled(scene: Any) -> None:
    async def run() -> None:
        async with a_shell() as shell:
            walls = Walls(shell.service, shell.app, shell.client)
            await walls.prepare()
            await scene(walls)

    asyncio.run(run())


def hers(route: Route) -> list[dict[str, str]]:
    """Queries that name what is alice's, by the fields that the route has."""
    named = {"book": ALICE, "user_id": ALICE, "account": f"{ALICE}@simulated", "live": ALICE, "simulated": ALICE}
    fields = route.query.__struct_fields__ if route.query is not None else ()
    queries = [{name: value} for name, value in named.items() if name in fields]
    both = {name: value for name, value in named.items() if name in ("live", "simulated") and name in fields}
    return [{}, *queries, *([both] if both else [])]


def test_the_routes_without_a_key_are_those_that_are_meant_to_be() -> None:
    assert {(route.method, route.path) for route in every_route() if route.scope is None} == UNGUARDED


def test_no_route_answers_without_a_key() -> None:
    async def scene(walls: Walls) -> None:
        for route in GUARDED:
            answer = await walls.ask(route.method, walls.path_of(route), json=route.example or {})
            assert answer.status_code in (401, 429), route.path
            assert walls.shown(answer) == []

    walled(scene)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_route_tells_or_does_anything_of_anothers_book(method: str) -> None:
    async def scene(walls: Walls) -> None:
        state = walls.service.desk.books[ALICE].state
        before = state.sequence
        for route in GUARDED:
            if route.method != method:
                continue
            for query in hers(route):
                for number in (False, True):
                    path = walls.path_of(route, number)
                    body = {"json": body_of(route, walls)} if method == "POST" else {}
                    answer = await walls.ask(method, path, walls.bob, params=query, **body)
                    assert walls.shown(answer) == [], (route.path, query, answer.text)
                    assert answer.status_code < 500, (route.path, query, answer.text)
                    if "{" in route.path or (query and "account" not in query):  # that only picks among one's own
                        assert answer.status_code in (403, 404, 422), (route.path, query, answer.text)
        await walls.service.loop.settled()
        changed = [e for _, e in walls.service.desk.journal.events(ALICE, before) if not is_of_the_market(e)]
        assert changed == []

    walled(scene)


def is_of_the_market(event: Any) -> bool:
    return type(event).__name__ in ("PriceSeen", "OrderAccepted", "OrderFilled")


def body_of(route: Route, walls: Walls) -> dict[str, Any]:
    """A body that names what is alice's."""
    if route.path == "/api/orders/batch":
        return {"orders": [{**ORDER, "user_id": ALICE}, {**ORDER, "book": ALICE}]}
    if route.path == "/api/log/orders":
        return {"book": ALICE, "orders": [walls.order]}
    return {**(route.example or {}), "book": ALICE}


def test_what_is_named_in_a_body_is_refused_too() -> None:
    async def scene(walls: Walls) -> None:
        for words in ({"user_id": ALICE}, {"book": ALICE}, {"account": f"{ALICE}@simulated"}):
            for path, body in (
                ("/api/orders/create", ORDER),
                ("/api/signals", {"symbol": "BTCUSDT", "action": "buy", "quantity": "0.001", "signal_id": "s"}),
                ("/api/orders/cancel-all", {}),
            ):
                answer = await walls.ask("POST", path, walls.bob, json={**body, **words})
                nothing = path.endswith("cancel-all") and answer.json() == {"books": ["bob"], "orders": []}
                assert nothing or answer.status_code in (403, 404, 422), (path, words, answer.text)
            batch = await walls.ask("POST", "/api/orders/batch", walls.bob, json={"orders": [{**ORDER, **words}]})
            assert batch.status_code in (403, 404, 422) or '"ok":true' not in batch.text, batch.text
        found = await walls.ask("GET", f"/api/orders/{walls.order}", walls.alice)
        assert found.json()["status"] == "open"

    walled(scene)


def test_the_owner_and_the_operator_see_what_others_do_not() -> None:
    async def scene(walls: Walls) -> None:
        for key in (walls.alice, walls.operator):
            assert (await walls.ask("GET", f"/api/orders/{walls.order}", key)).json()["idempotency_key"] == SECRET
            assert (await walls.ask("GET", "/api/balances", key, params={"book": ALICE})).status_code == 200
        assert (await walls.ask("GET", f"/api/orders/{walls.order}", walls.bob)).status_code == 404

    walled(scene)


def test_the_stream_shows_a_key_its_own_books_alone(tmp_path: Path) -> None:
    async def scene(walls: Walls) -> None:
        admission = walls.app.admission
        principal = admission.admit(walls.bob, None)  # type: ignore[arg-type]  # a good key needs no address
        assert admission.books_of(principal) == ["bob"]
        assert not principal.sees(ALICE)
        assert admission.still(principal)
        await walls.service.keys.revoke(walls.bob[3:13])
        assert not admission.still(principal)

    walled(scene)
