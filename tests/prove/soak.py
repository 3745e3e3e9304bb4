"""A soak: clients that trade at random, and readers of the stream that are cut, cut themselves, or read slowly.

Each reader goes on after the last row that it has, whenever its connection ends, also over a stop of the service and
its next start. What each has seen in the end is the log: every row, in its order, once, with the log's own words. The
balances that follow from the deposits and fills it saw are those that the service tells.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from zlib import crc32

from msgspec import structs
from websockets.asyncio.client import ClientConnection, connect

from orderwright.core.numbers import EXACT
from orderwright.journal.sqlite import open_log
from orderwright.service.stream.words import TOO_SLOW
from tests.prove.clients import BROKEN, PAUSE_S, Connection, Load
from tests.prove.serving import TOKEN, Process, clean, log_in, peak_mb, port_of, serving
from tests.prove.told import Told, compared, require, verified

USERS = ("alice", "bob")
CATCH_UP_S = 60.0
HABITS = ("steady", "cut", "slow", "cut and slow")
PAGE = 2_000
Figures = dict[str, Any]
Moved = dict[tuple[str, str], Decimal]


class Reader:
    """One reader and everything that it has seen. rows: (sequence, digest of the event) by book. moved: what deposits
    and fills have changed, by account and asset. stall_s: how long a slow one may read nothing."""

    def __init__(self, key: str, habit: str, seed: int, stall_s: float) -> None:
        self.key, self.habit, self.stall_s = key, habit, stall_s
        self.rows: dict[str, list[tuple[int, int]]] = {}
        self.moved: Moved = defaultdict(Decimal)
        self.connections, self.cut_by_service = 0, 0
        self.is_over = False
        self.hurries = False
        self._random = Random(seed)

    async def run(self, port: int) -> None:
        """Read until it is over, connecting as often as it takes."""
        while not self.is_over:
            self.connections += 1
            try:
                await self._read(port)
            except BROKEN:
                pass
            await asyncio.sleep(PAUSE_S)

    def place(self) -> dict[str, int]:
        return {book: seen[-1][0] if seen else 0 for book, seen in self.rows.items()}

    async def _read(self, port: int) -> None:
        own = socket.socket()
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096 if "slow" in self.habit else 65_536)
        own.setblocking(False)
        await asyncio.get_running_loop().sock_connect(own, ("127.0.0.1", port))
        headers = {"Authorization": f"Bearer {self.key}"}
        address = f"ws://127.0.0.1:{port}/api/stream"
        async with connect(
            address, sock=own, additional_headers=headers, compression=None, max_queue=8, close_timeout=1
        ) as stream:
            hello = json.loads(await stream.recv())
            for book in hello["books"]:
                self.rows.setdefault(book, [])
            await stream.send(json.dumps({"op": "subscribe", "books": self.place()}))
            left = self._random.randint(1, 600) if "cut" in self.habit else 10**9
            try:
                await self._frames(stream, left)
            finally:
                self.cut_by_service += stream.close_code == TOO_SLOW

    async def _frames(self, stream: ClientConnection, left: int) -> None:
        while not self.is_over:
            try:
                said = json.loads(await asyncio.wait_for(stream.recv(), 0.25))
            except TimeoutError:
                continue
            if said["type"] == "event":
                self._see(said)
                left -= 1
            require(said["type"] != "problem", f"a reader was told {said}")
            if left <= 0 and not self.hurries:
                if self._random.random() < 0.5:
                    stream.transport.abort()
                return
            if "slow" in self.habit and not self.hurries and self._random.random() < 0.003:
                await asyncio.sleep(self._random.uniform(0, self.stall_s))

    def _see(self, said: dict[str, Any]) -> None:
        event = said["event"]
        self.rows[said["book"]].append((said["sequence"], digest(said["kind"], event)))
        if said["kind"] == "cash_moved":
            self.moved[event["account"], event["asset"]] += Decimal(event["amount"])
        for fill in said.get("fills", ()):
            base, _, quote = fill["symbol"].partition("/")
            sign, quantity = (1 if fill["side"] == "buy" else -1), Decimal(fill["quantity"])
            account = fill["account"]
            self.moved[account, base] += sign * quantity
            self.moved[account, quote] -= sign * EXACT.multiply(quantity, Decimal(fill["price"]))
            self.moved[account, fill["fee_asset"]] -= Decimal(fill["fee"])


def digest(kind: str, event: dict[str, Any]) -> int:
    return crc32(json.dumps([kind, event], sort_keys=True).encode())


def soaked(folder: Path, *, seconds: float, readers: int = 8, seed: int = 1, stall_s: float = 8.0) -> Figures:
    """Trade and read for so long; then stop the service, start it again, let everybody catch up, and compare."""
    began, told = time.perf_counter(), Told()
    with serving(folder) as service:
        key = service.key
        all_of_them = asyncio.run(_traded(service, told, seconds, readers, seed, stall_s))
        peak = peak_mb(service)
        require(service.stop() == 0, f"it did not end with 0: {service.told_errors()}")
        clean(service, key)
    require(not told.wrong, f"{len(told.wrong)} answers that nobody may get: {told.wrong[:3]}")
    newest, shown = newest_rows(log_in(folder)), Counter[str]()
    with serving(folder) as service:
        balances = asyncio.run(_caught_up(service, key, all_of_them, newest))
        clean(service, key)
    logged = rows_of(log_in(folder))
    for reader in all_of_them:
        _compare(reader, logged)
        _compare_balances(reader, balances)
        shown.update(rows=sum(map(len, reader.rows.values())), cuts=reader.connections - 2, slow=reader.cut_by_service)
    found = structs.asdict(compared(log_in(folder), told)) | {"rows": verified(log_in(folder))}
    more = {
        "readers": readers,
        "rows_read": shown["rows"],
        "connections_cut": shown["cuts"],
        "cut_as_slow": shown["slow"],
    }
    return found | more | {"balances": len(balances), "peak_mb": peak, "seconds": time.perf_counter() - began}


async def _traded(service: Process, told: Told, seconds: float, count: int, seed: int, stall_s: float) -> list[Reader]:
    port, keys = port_of(service), [service.key]
    admin = Connection(port, service.key)
    for user in USERS:
        status, said = await admin.ask("POST", "/api/users", {"user": user})
        require(status == 201, f"a user: {status} {said}")
        status, said = await admin.ask("POST", "/api/keys", {"user": user, "scope": "trade"})
        require(status == 201, f"a key: {status} {said}")
        keys.append(said["key"])
    readers = [Reader(keys[n % len(keys)], HABITS[n % len(HABITS)], seed * 1_000 + n, stall_s) for n in range(count)]
    loads = [Load(port, key, TOKEN, told, name=f"u{n}", seed=seed) for n, key in enumerate(keys)]
    following = [asyncio.create_task(reader.run(port)) for reader in readers]
    trading = [asyncio.create_task(load.run(creates=2, batches=1, streams=1, alerts=1, cancels=1)) for load in loads]
    await asyncio.wait([*following, *trading], timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    for load in loads:
        load.is_over = True
    await asyncio.gather(*trading)
    status, said = await admin.ask("POST", "/api/orders/cancel-all", {})
    require(status == 200, f"cancel-all: {status} {said}")
    admin.close()
    await _end(readers, following)
    return readers


async def _caught_up(service: Process, key: str, readers: list[Reader], newest: dict[str, int]) -> dict[Any, Decimal]:
    """Let every reader read up to where the log was; the balances by account and asset, as the service tells them."""
    port = port_of(service)
    for reader in readers:
        reader.hurries, reader.is_over = True, False
    following = [asyncio.create_task(reader.run(port)) for reader in readers]
    until = time.perf_counter() + CATCH_UP_S
    while not all(_is_there(reader, newest) for reader in readers):
        behind = [(reader.habit, reader.place()) for reader in readers if not _is_there(reader, newest)]
        require(time.perf_counter() < until, f"readers did not catch up to {newest}: {behind}")
        require(not any(task.done() for task in following), "a reader has ended")
        await asyncio.sleep(PAUSE_S)
    await _end(readers, following)
    asking = Connection(port, key)
    status, said = await asking.ask("GET", "/api/orders/list?status=open&limit=1")
    require(status == 200 and not said["orders"], f"orders work on after cancel-all: {said}")
    status, said = await asking.ask("GET", "/api/balances")
    require(status == 200, f"balances: {status} {said}")
    asking.close()
    return {(row["account"], row["asset"]): Decimal(row["total"]) for row in said["balances"]}


async def _end(readers: list[Reader], following: list[asyncio.Task[None]]) -> None:
    for reader in readers:
        reader.is_over = True
    await asyncio.gather(*following)


def _is_there(reader: Reader, newest: dict[str, int]) -> bool:
    return bool(reader.rows) and all(place >= newest[book] for book, place in reader.place().items())


def _compare(reader: Reader, logged: dict[str, list[tuple[int, int]]]) -> None:
    for book, seen in reader.rows.items():
        there = logged[book][: len(seen)]
        if seen != there:
            at = next((n for n, pair in enumerate(zip(seen, there, strict=False)) if pair[0] != pair[1]), len(there))
            require(
                False, f"{reader.habit} of {book}: {seen[at - 1 : at + 3]} where the log has {there[at - 1 : at + 3]}"
            )


def _compare_balances(reader: Reader, balances: dict[Any, Decimal]) -> None:
    accounts = {account for account, _ in reader.moved}
    expected = {place: total for place, total in balances.items() if place[0] in accounts}
    found = {place: total for place, total in reader.moved.items() if total or place in expected}
    require(found == expected, f"balances from what {reader.habit} saw: {found}, not {expected}")


def newest_rows(log: Path) -> dict[str, int]:
    """The newest sequence of each book."""
    return {book: seen[-1][0] for book, seen in rows_of(log).items() if seen}


def rows_of(log: Path) -> dict[str, list[tuple[int, int]]]:
    """The rows of each book as a reader should see them."""
    journal = open_log(log, read_only=True)
    found: dict[str, list[tuple[int, int]]] = {}
    try:
        for book in journal.books():
            own = found[book] = []
            while rows := journal.rows(book, own[-1][0] if own else 0, upto=2**40, limit=PAGE):
                own += [(row.sequence, digest(row.kind, json.loads(row.body))) for row in rows]
    finally:
        journal.close()
    return found


__all__ = ["newest_rows", "rows_of", "soaked"]
