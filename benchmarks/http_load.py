"""A service in a child process, and a client that costs it little: raw sockets, keep-alive connections, no library.

Client and server share the machine's cores, so what the client needs is taken from the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

READY_S = 30.0
CONFIGURATION = {
    "service": {"requests_per_minute": 1_000_000_000},
    "execution": {"simulation": {"deposits": {"USDT": 1_000_000_000, "BTC": 1_000_000}}},
    "order_params": {"log_level": "error"},
}


class Child:
    """A server in a process of its own. key: what its requests are to bring; "" for none."""

    def __init__(self, process: subprocess.Popen[str], port: int, key: str = "") -> None:
        self.process, self.port, self.key = process, port, key

    def head(self, path: str, length: int) -> bytes:
        """The head of a POST."""
        authorization = f"Authorization: Bearer {self.key}\r\n" if self.key else ""
        return (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{authorization}"
            f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        ).encode()

    def post(self, path: str, body: bytes) -> bytes:
        """One request: head and body."""
        return self.head(path, len(body)) + body

    def get(self, path: str) -> dict[str, object]:
        """Ask it something, outside the clock."""
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        with urllib.request.urlopen(
            urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers), timeout=30
        ) as answer:
            found: dict[str, object] = json.load(answer)
            return found

    def peak_mb(self) -> float:
        """The most memory it has had, MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        return int(found[1]) / 1024 if found else 0.0


@contextlib.contextmanager
def served(folder: Path) -> Iterator[Child]:
    """`orderwright serve` on a new SQLite log, with its first key."""
    configuration = folder / "bench.yaml"
    configuration.write_text(json.dumps(CONFIGURATION))  # JSON is YAML too
    command = ["-m", "orderwright", "serve", "--config", str(configuration), "--port", "0"]
    with _child(
        [*command, "--log", str(folder / "log.sqlite")], r"listens on http://[^ ]*:(\d+)", r"(ow_\S+)"
    ) as child:
        yield child


@contextlib.contextmanager
def answering_nothing() -> Iterator[Child]:
    """The same server with nothing behind it: every POST is answered with an empty 204."""
    with _child(["-m", "benchmarks.http_empty"], r"port (\d+)", None) as child:
        yield child


def environment() -> dict[str, str]:
    """That of this process, without what would configure a service."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ORDERWRIGHT")}


@contextlib.contextmanager
def _child(arguments: list[str], port: str, key: str | None) -> Iterator[Child]:
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=sys.stderr, text=True, env=environment()
    )
    watchdog = threading.Timer(READY_S, process.kill)
    watchdog.start()
    try:
        said, patterns = "", [pattern for pattern in (port, key) if pattern is not None]
        while not all(re.search(pattern, said) for pattern in patterns):
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise SystemExit(f"the server did not start: {said}")
            said += line
        watchdog.cancel()
        found = [re.search(pattern, said) for pattern in patterns]
        yield Child(process, *(int(one[1]) if one and n == 0 else one[1] if one else "" for n, one in enumerate(found)))  # type: ignore[arg-type]
    finally:
        watchdog.cancel()
        process.terminate()
        process.wait(30)


class Load:
    """What was measured. latencies: seconds, of each request. bad: the first answers that were not as wanted."""

    def __init__(self, wanted: tuple[bytes, ...]) -> None:
        self.wanted, self.latencies, self.bad = wanted, list[float](), list[bytes]()
        self.seconds = 0.0

    def at(self, share: float) -> float:
        """A percentile of the latency, milliseconds."""
        ordered = sorted(self.latencies)
        return 1_000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds


class _Connection(asyncio.Protocol):
    """One keep-alive connection: one request at a time."""

    def __init__(self, load: Load, idle: Callable[[_Connection], None]) -> None:
        self._load, self._idle = load, idle
        self._transport: asyncio.Transport | None = None
        self._got, self._needs, self._began = b"", -1, 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none of asyncio's own classes

    def send(self, request: bytes, began: float) -> None:
        """began: when it was due."""
        self._began = began
        assert self._transport is not None
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._got += data
        if self._needs < 0:
            end = self._got.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._got[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            self._needs = end + 4 + length
        if len(self._got) < self._needs:
            return
        if not self._got.startswith(self._load.wanted) and len(self._load.bad) < 3:
            self._load.bad.append(self._got[:600])
        self._load.latencies.append(time.perf_counter() - self._began)
        self._got, self._needs = self._got[self._needs :], -1
        self._idle(self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def drive(
    port: int,
    requests: Iterator[bytes],
    count: int,
    *,
    connections: int,
    rate: float | None = None,
    wanted: tuple[bytes, ...] = (b"HTTP/1.1 20",),
) -> Load:
    """Send so many requests: as fast as they are answered, or `rate` a second whether they are answered or not; what
    has to wait for a connection waits within its latency."""
    loop, load, done = asyncio.get_running_loop(), Load(wanted), asyncio.Event()
    due: deque[float] = deque()
    free: list[_Connection] = []
    begun = 0

    def idle(one: _Connection) -> None:
        if len(load.latencies) >= count:
            done.set()
        elif rate is None:
            if begun < count:
                begin(one, time.perf_counter())
        elif due:
            begin(one, due.popleft())
        else:
            free.append(one)

    def begin(one: _Connection, at: float) -> None:
        nonlocal begun
        begun += 1
        one.send(next(requests), at)

    opened = [
        (await loop.create_connection(lambda: _Connection(load, idle), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    start = time.perf_counter()
    if rate is None:
        for one in opened:
            begin(one, time.perf_counter())
    else:
        free += opened
        for number in range(count):
            at = start + number / rate
            await asyncio.sleep(at - time.perf_counter())
            if free:
                begin(free.pop(), at)
            else:
                due.append(at)
    await asyncio.wait_for(done.wait(), 120)
    load.seconds = time.perf_counter() - start
    for one in opened:
        one.close()
    if load.bad:
        raise SystemExit(f"answers that were not wanted: {load.bad}")
    return load


__all__ = ["Child", "Load", "answering_nothing", "drive", "environment", "served"]
