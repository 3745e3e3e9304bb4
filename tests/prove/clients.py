"""Clients that trade with a service over everything it takes: create, batch, cancel, webhook, WebSocket.

They cost little, since they share the machine's cores with the service: raw sockets, keep-alive, no library but for the
WebSocket. Each notes what it sends before it sends it and what it was told after it was told it. They go on until they
are told that it is over; when a connection breaks they come again, and send what was not answered under its key.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.prove.told import MARK, Told

PAUSE_S = 0.02
BROKEN = (ConnectionError, OSError, EOFError, WebSocketException)
FINE = frozenset({200, 201})
SYMBOLS = (("BTC/USDT", "0.001", 20_000, 90_000), ("ETH/USDT", "0.01", 1_500, 9_000), ("SOL/USDT", "0.1", 90, 900))


class Connection:
    """One keep-alive connection; one request at a time."""

    def __init__(self, port: int, key: str) -> None:
        self._port, self._key = port, key
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """(status, what the body says). Raises OSError or EOFError where the connection breaks."""
        if self._writer is None or self._reader is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        raw = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(raw)}"]
        lines += ["Content-Type: application/json"] if body is not None else []
        lines += [f"X-API-Key: {self._key}"] if self._key else []
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        try:
            self._writer.write("\r\n".join([*lines, "", ""]).encode() + raw)
            return await self._answer(self._reader)
        except BaseException:
            self.close()
            raise

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, Any]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length:")[2].partition("\r\n")[0] or 0)
        raw = await reader.readexactly(length)
        if "connection: close" in head:
            self.close()
        is_json = "application/json" in head or "+json" in head
        return int(head.split(" ", 2)[1]), json.loads(raw) if is_json and raw else raw.decode()

    def close(self) -> None:
        """Cut it."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None


class Load:
    """Clients of one service. port, key, token: where, as whom, and of the webhook. name: begins the marks, so that two
    loads share none. most: orders, after which the clients stop by themselves."""

    def __init__(self, port: int, key: str, token: str, told: Told, *, name: str, seed: int = 1, most: int = 0) -> None:
        self.port, self.key, self.token, self.told = port, key, token, told
        self._name, self._random, self._most = name, Random(f"{seed} {name}"), most
        self._number = 0
        self._own: deque[str] = deque(maxlen=500)
        self.is_over = False
        self.breaks = 0

    async def run(
        self, *, creates: int = 4, batches: int = 1, streams: int = 1, alerts: int = 1, cancels: int = 1
    ) -> None:
        """So many clients of each kind, until `is_over`."""
        kinds = ((self._create, creates), (self._batch, batches), (self._alert, alerts), (self._cancel, cancels))
        working = [self._work(kind) for kind, count in kinds for _ in range(count)]
        working += [self._stream() for _ in range(streams)]
        async with asyncio.TaskGroup() as group:
            for one in working:
                group.create_task(one)

    @property
    def goes_on(self) -> bool:
        return not self.is_over and not (self._most and self._number >= self._most)

    async def repeat(self, connection: Connection, marks: list[str]) -> None:
        """Send orders again under their keys: each is the one it was. What has no key is left alone."""
        for mark in marks:
            body = self.told.sent.get(mark)
            if body is None and (before := self.told.orders.get(mark)) is not None:
                body = before.body
            if body is None or "idempotency_key" not in body:
                continue
            self.told.sent.setdefault(mark, body)
            status, said = await connection.ask("POST", "/api/orders/create", body)
            self._take(mark, status, said)

    # The clients

    async def _work(self, kind: Callable[[Connection], Awaitable[None]]) -> None:
        connection = Connection(self.port, self.key)
        while self.goes_on:
            try:
                await kind(connection)
            except BROKEN:
                connection.close()
                await self._broken()
                connection = Connection(self.port, self.key)
        connection.close()

    async def _broken(self) -> None:
        self.breaks += 1
        await asyncio.sleep(PAUSE_S)

    async def _create(self, connection: Connection) -> None:
        mark, body = self._order()
        headers, said = {}, body
        if "idempotency_key" in body and self._random.random() < 0.5:  # the key in the header instead
            headers = {"Idempotency-Key": body["idempotency_key"]}
            said = {name: value for name, value in body.items() if name != "idempotency_key"}
        for _ in range(2 if "idempotency_key" in body and self._random.random() < 0.2 else 1):
            self.told.sent.setdefault(mark, body)
            self._take(mark, *await connection.ask("POST", "/api/orders/create", said, headers))

    async def _batch(self, connection: Connection) -> None:
        marks = dict(self._order() for _ in range(self._random.randint(2, 20)))
        self.told.sent.update(marks)
        status, said = await connection.ask("POST", "/api/orders/batch", list(marks.values()))
        if status != 200:
            self._wrong(status, said)
            if status == 503:
                await asyncio.sleep(PAUSE_S)
            return
        for mark, result in zip(marks, said["results"], strict=True):
            self._take(mark, result["status"], result.get("order") or result.get("problem"))

    async def _alert(self, connection: Connection) -> None:
        self._number += 1
        name = f"{self._name}-a{self._number}"
        body = {
            "ticker": "BTCUSDT", "action": "buy", "order_type": "limit", "quantity": "0.001",
            "price": str(self._random.randint(15_000, 20_000)), "alert_id": name,
        }  # fmt: skip
        self.told.alerts_sent[name] = body
        for _ in range(2 if self._random.random() < 0.3 else 1):
            status, said = await connection.ask("POST", f"/api/tradingview/webhook/{self.token}", body)
            self.take_alert(name, status, said)
        await asyncio.sleep(PAUSE_S)

    def take_alert(self, name: str, status: int, said: Any) -> None:
        """An answer to an alert."""
        if status != 200:
            self._wrong(status, said)
            return
        if not said["order_id"] or self.told.alerts.setdefault(name, said["order_id"]) != said["order_id"]:
            self.told.wrong.append(f"alert {name} has another order now: {said}")
        self.told.alerts_sent.pop(name, None)

    async def _cancel(self, connection: Connection) -> None:
        await asyncio.sleep(PAUSE_S)
        if not self._own:
            return
        chosen = self.told.orders[self._random.choice(self._own)]
        name = chosen.order_id if self._random.random() < 0.5 else str(chosen.number)
        status, said = await connection.ask("POST", f"/api/orders/{name}/cancel")
        if status == 200:
            self.told.cancelled.add(chosen.order_id)
        elif status != 409:  # it has ended already
            self._wrong(status, said)

    async def _stream(self) -> None:
        while self.goes_on:
            try:
                await self._streamed()
            except BROKEN:
                await self._broken()

    async def _streamed(self) -> None:
        """Orders over a WebSocket, a few under way at once."""
        room = asyncio.Semaphore(16)
        headers = {"Authorization": f"Bearer {self.key}"}
        address = f"ws://127.0.0.1:{self.port}/api/stream"
        async with connect(address, additional_headers=headers, compression=None, max_queue=None) as stream:

            async def listen() -> None:
                async for frame in stream:
                    said = json.loads(frame)
                    if said["type"] == "answer":
                        self._take(said["id"], said["status"], said.get("ok") or said.get("problem"))
                        room.release()

            listening = asyncio.create_task(listen())
            try:
                while self.goes_on and not listening.done():
                    try:
                        await asyncio.wait_for(room.acquire(), 0.2)
                    except TimeoutError:
                        continue
                    mark, body = self._order()
                    self.told.sent[mark] = body
                    await stream.send(json.dumps({"op": "create", "id": mark, "body": body}))
                    await asyncio.sleep(0.002)
                if not listening.done():  # what is under way is still answered
                    for _ in range(16):
                        await asyncio.wait_for(room.acquire(), 5)
            except TimeoutError:
                pass
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
        if self.goes_on:
            await self._broken()

    # What they send, and what they make of the answers

    def _order(self) -> tuple[str, dict[str, Any]]:
        self._number += 1
        mark, draw = f"{self._name}-{self._number}", self._random
        symbol, quantity, low, high = draw.choice(SYMBOLS)
        body: dict[str, Any] = {"symbol": symbol, "side": draw.choice(("buy", "sell")), "quantity": quantity}
        if draw.random() < 0.7:  # it rests far from the market
            buys = body["side"] == "buy"
            price = draw.randint(low * 8 // 10, low) if buys else draw.randint(high, high * 12 // 10)
            body |= {"order_type": "limit", "price": str(price)}
        if draw.random() < 0.8:
            body["idempotency_key"] = mark
        return mark, {**body, "metadata": {MARK: mark}}

    def _take(self, mark: str, status: int, said: Any) -> None:
        if status in FINE:
            self.told.acknowledge(mark, said)
            self._own.append(mark)
        elif status == 503:
            self.told.busy += 1
        else:
            self._wrong(status, said)

    def _wrong(self, status: int, said: Any) -> None:
        if status == 503:
            self.told.busy += 1
        else:
            self.told.wrong.append(f"{status}: {json.dumps(said)[:300]}")


__all__ = ["BROKEN", "PAUSE_S", "Connection", "Load"]
