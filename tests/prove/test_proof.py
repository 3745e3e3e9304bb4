"""What `make prove` runs beside the suite: longer, harder, with figures. Nothing here is run by `make test`.

- kill -9 under the load of several clients, again and again: every order that was acknowledged is in the log, once;
- a soak: clients that trade and read at random, with slow readers and connections that are cut; what each has been told
  is compared with the log;
- two services on one log; a clock that goes back; what strangers send.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from orderwright.journal.maintenance import verify
from orderwright.journal.sqlite import open_log
from orderwright.live.clock import SystemClock
from tests.service.shell import Process, a_process

pytestmark = pytest.mark.prove
FREE = """
service: {requests_per_minute: null}
order_params: {log_level: error}
execution: {simulation: {deposits: {USDT: 1000000000}}}
"""
ORDER = {"symbol": "BTCUSDT", "side": "buy", "order_type": "limit", "quantity": "0.001", "price": "20000"}
Say = Callable[[str], None]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    def said(text: str) -> None:
        with capsys.disabled():
            print(f"\nprove: {text}", flush=True)  # noqa: T201  # its figures are what it is run for

    return said


def orders_in(log: Path) -> dict[str, dict[str, Any]]:
    """The orders of a log, by their keys; each key has one."""
    journal = open_log(log, read_only=True)
    try:
        rows = [row for row in journal.latest("orders") if row["idempotency_key"]]
    finally:
        journal.close()
    found = {row["idempotency_key"]: row for row in rows}
    assert len(found) == len(rows), "a key has two orders"
    return found


async def load(service: Process, key: str, first: int, told: dict[str, str], clients: int) -> None:
    """Clients that create orders until the service is gone. told: what was acknowledged, by key."""
    numbers = iter(range(first, first + 10**9))

    async def client(http: httpx.AsyncClient) -> None:
        while True:
            name = f"k{next(numbers)}"
            try:
                answer = await http.post("/api/orders/create", json={**ORDER, "idempotency_key": name})
            except httpx.TransportError:
                return
            if answer.status_code == 201:
                told[name] = answer.json()["client_order_id"]

    async with httpx.AsyncClient(base_url=service.address, headers={"X-API-Key": key}, timeout=30) as http:
        await asyncio.gather(*(client(http) for _ in range(clients)))


def test_every_acknowledged_order_is_there_after_each_kill(tmp_path: Path, say: Say) -> None:
    log, told, key, starts = tmp_path / "log.sqlite", dict[str, str](), "", []
    chance, kept = random.Random(6), dict[str, dict[str, Any]]()
    for kill in range(8):
        began = time.perf_counter()
        with a_process(tmp_path, "--log", str(log), config=FREE) as service:
            starts.append(time.perf_counter() - began)
            key = key or service.key

            async def scene(service: Process = service, kill: int = kill, key: str = key) -> None:
                asyncio.get_running_loop().call_later(chance.uniform(0.3, 1.5), service.process.kill)
                await load(service, key, 1_000_000 * kill, told, 16)

            asyncio.run(scene())
        kept = orders_in(log)
        lost = {name for name, order_id in told.items() if kept.get(name, {}).get("client_order_id") != order_id}
        assert lost == set()
    assert len(told) > 500
    assert verify(log).ok
    say(f"8 kills under load: {len(told):,} orders acknowledged, {len(kept):,} in the log, 0 lost, 0 twice; "
        f"started within {max(starts):.1f} s")  # fmt: skip


class Reader:
    """A client of the stream that is cut now and then and goes on where it was. rows: what it has heard of `main`."""

    def __init__(self, service: Process, key: str, seed: int, slow: bool) -> None:
        self._url = service.address.replace("http", "ws") + "/api/stream"
        self._key, self._chance, self._slow = key, random.Random(seed), slow
        self.rows: list[int] = []
        self._heard = asyncio.Event()
        self.cuts = 0

    async def run(self, until: asyncio.Event) -> None:
        while not until.is_set():
            headers = {"Authorization": f"Bearer {self._key}"}
            try:
                async with websockets.connect(self._url, additional_headers=headers) as socket:
                    after = {"main": self.rows[-1] if self.rows else 0}
                    await socket.send(json.dumps({"op": "subscribe", "books": after}))
                    left = self._chance.randint(20, 400)
                    while left and not until.is_set():
                        self._take(json.loads(await asyncio.wait_for(socket.recv(), 0.5)))
                        left -= 1
                        if self._slow:
                            await asyncio.sleep(0.005)
                    self.cuts += 1
                    socket.transport.abort()
            except (TimeoutError, websockets.WebSocketException, OSError):
                self.cuts += 1

    def _take(self, said: dict[str, Any]) -> None:
        if "kind" in said:
            self.rows.append(said["sequence"])
            self._heard.set()

    async def has(self, newest: int) -> None:
        """Wait until it has heard of so many rows."""
        while len(self.rows) < newest:
            self._heard.clear()
            await self._heard.wait()


def test_a_soak_with_slow_readers_and_cut_connections_loses_and_repeats_nothing(tmp_path: Path, say: Say) -> None:
    log, told = tmp_path / "log.sqlite", dict[str, str]()
    with a_process(tmp_path, "--log", str(log), config=FREE) as service:

        async def scene() -> list[Reader]:
            readers = [Reader(service, service.key, seed, slow=seed % 2 == 0) for seed in range(6)]
            over = asyncio.Event()
            following = [asyncio.create_task(reader.run(over)) for reader in readers]
            try:
                await asyncio.wait_for(load(service, service.key, 0, told, 6), 15)
            except TimeoutError:
                pass
            journal = open_log(log, read_only=True)
            newest = journal.open_state("main").sequence
            journal.close()
            async with asyncio.timeout(120):
                await asyncio.gather(*(reader.has(newest) for reader in readers))
            over.set()
            await asyncio.gather(*following)
            return readers

        readers = asyncio.run(scene())
        assert service.stop() == 0
    kept = orders_in(log)
    assert len(told) > 500
    assert {name: row["client_order_id"] for name, row in kept.items() if name in told} == told
    rows = 0
    for reader in readers:
        assert reader.rows == list(range(1, len(reader.rows) + 1)), "a row was lost, repeated, or out of order"
        assert len(reader.rows) > len(told)
        rows += len(reader.rows)
    say(f"soak: {len(told):,} orders, {rows:,} rows to {len(readers)} readers over "
        f"{sum(one.cuts for one in readers)} cuts, none repeated; every client's orders are in the log")  # fmt: skip


def test_large_bodies_do_no_harm(tmp_path: Path, say: Say) -> None:
    with a_process(tmp_path, config=FREE) as service, service.client() as client:
        statuses = []
        for body in (b" " * 10_000_000, b"[" * 1_000_000, b'{"a":' * 200_000, b'"' + b"a" * 1_000_000 + b'"'):
            began = time.perf_counter()
            try:
                statuses.append(client.post("/api/orders/create", content=body).status_code)
            except httpx.TransportError:
                statuses.append(413)  # it was cut off while it was still sending
            assert time.perf_counter() - began < 10
        assert set(statuses) <= {413, 422}
        assert client.get("/ready").status_code == 200
    say(f"bodies of 1 to 10 MB: {statuses}, and ready")


def test_a_clock_that_goes_back_never_goes_back_for_the_log(say: Say) -> None:
    wall, steady = [10**18], [0]
    clock = SystemClock(wall=lambda: wall[0], steady=lambda: steady[0])
    times = [clock.now()]
    chance = random.Random(1)
    for _ in range(100_000):
        step = chance.randint(0, 2_000_000)
        steady[0] += step
        wall[0] += step if chance.random() < 0.9999 else -3_600 * 10**9
        times.append(clock.now())
    assert all(one <= two for one, two in pairwise(times))
    say("100,000 readings of a clock that is set back an hour now and then: none goes back")
