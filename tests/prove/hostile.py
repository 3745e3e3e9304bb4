"""What strangers send, to every route of the table, over raw sockets.

Large and endless bodies, deep JSON, wrong types and numbers in every field, tricks in paths and queries, floods and
trickles of headers, every method, pipelines, half-closed sockets, nonsense over the WebSocket. No answer is a 5xx (but
for the documented 503), none has a trace or a secret, neither have the log lines; memory is bounded; and afterwards the
service still trades.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

from orderwright.service import describing
from orderwright.service.app import every_route
from orderwright.service.routing import Route
from orderwright.service.serving import KEEP_ALIVE_S
from tests.prove.clients import BROKEN, Connection
from tests.prove.serving import CONFIG, SECRET, TOKEN, Process, clean, log_in, peak_mb, port_of, serving
from tests.prove.told import require, verified

Figures = dict[str, Any]
PATIENCE_S = 30.0
MOST_PEAK_MB = 600.0
"""The first analytic question brings its libraries, some 240 MiB; all the rest is the service."""
FORBIDDEN = ("Traceback", 'File "', "/site-packages/", TOKEN, SECRET)
MB = 2**20
DEEP = 100_000
VALUES = (
    "null", "true", "-1", "0", "1", '""', '"x"', "[]", "{}", '[[["a"]]]', '{"a":{"b":1}}', "NaN", "Infinity",
    "-Infinity", "1e999", "-1e-999", "1e30", "9" * 5_000, "0." + "1" * 5_000, '"NaN"', '"Infinity"', '"1e999"',
    f'"{"9" * 5_000}"', f'"{"long" * 5_000}"', r'"\u0000"', r'"\ud800"', r'"\u202e\u0000\ufeff"', '"\\u00e9💥"',
    '"../../etc/passwd"', '"\'; DROP TABLE log; --"', '"{}"', '"%s%n%x"', "9223372036854775808", "1.5", "-0",
)  # fmt: skip
TEXTS = (
    "", "x", "-1", "0", "1", "99999999999999999999", "1e999", "NaN", "Infinity", "null", "true", "\0", "\r\nX: y",
    "💥", "\ud800",
    "../../etc/passwd", "a" * 3_000, "' OR 1=1 --", "%", "%zz", "2026-99-99", "1970-01-01", "9999-12-31T23:59:59Z",
)  # fmt: skip
SEGMENTS = (
    "..", ".", "..%2f..%2fetc%2fpasswd", "%2e%2e%2f", "%00", "a%00b", "%ff%fe", "%c0%af", "💥", "%F0%9F%92%A5",
    "a" * 300,
    "a" * 3_500, "-1", "0", "9" * 40, "1.5", "1e3", " ", "%20", "null", "'; DROP TABLE log; --", "%", "%zz", ";a=b",
    "..;", "\\..\\",
)  # fmt: skip
PATHS = (
    "/", "//", "/api", "/api/", "/api/orders/../../health", "/api/orders/%2e%2e/%2e%2e/ready", "//health", "/health/",
    "/HEALTH", "/%00",
    "/api/orders/list%2f..", "/api/orders//list", "/api/orders/list/", "/" + "a/" * 1_500, "/" + "%41" * 3_000,
    "/health?" + "a=b&" * 3_000,
    "/api/orders/list?" + "&".join(["limit=1"] * 50), "/api/orders/list?limit", "/api/orders/list?=1",
    "/api/orders/list?%ff=%fe", "*",
    "http://elsewhere.example/health", "/health#there", "/.env", "/.git/config", "/etc/passwd",
    "/api/orders/list?cursor=" + "9" * 500,
)  # fmt: skip
METHODS = (
    "HEAD",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "PUT",
    "PATCH",
    "DELETE",
    "GET",
    "POST",
    "PROPFIND",
    "FOO",
    "get",
    "G" * 60,
)
KINDS = (
    "text/plain", "text/xml", "multipart/form-data", "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "application/json; charset=utf-16", "application/octet-stream", "", "a" * 2_000, "application/json, text/html",
    "\xff", "application/vnd.x+json",
)  # fmt: skip
FRAMES = (
    "", "{", "null", "[]", "1", '"x"', "{}", '{"op":null}', '{"op":"nothing"}',
    '{"op":"subscribe","books":{"main":-1}}',
    '{"op":"subscribe","books":{"main":99999999999999999999}}', '{"op":"subscribe","books":{"nowhere":0}}',
    '{"op":"create"}',
    '{"op":"create","id":1,"body":null}', '{"op":"create","id":1,"body":NaN}', '{"op":"cancel","id":1,"order":[]}',
    '{"op":"batch","id":1,"body":[]}',
    '{"op":"create","id":"' + "x" * 50_000 + '"}', '{"op":"auth","key":"x"}', "[" * DEEP,
    '{"op":"create","id":1,"body":' + '{"a":' * DEEP + "1" + "}" * DEEP + "}",
    '{"op":"subscribe","kinds":["' + "x" * 10_000 + '"]}', "\ud7ff\x00", '{"op":"ping","id":1e999}',
)  # fmt: skip


class Stranger:
    """Sends bytes and reads what comes back. seen: how many answers there were of each status, 0 for none at all."""

    def __init__(self, port: int, key: str) -> None:
        self.port, self.key = port, key
        self.seen: Counter[int] = Counter()
        self._socket: socket.socket | None = None

    def ask(
        self, method: str, path: str, body: bytes | None = None, kind: str = "application/json", more: str = ""
    ) -> int:
        """One request over a connection that is kept; the status, 0 where it was closed without an answer."""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {self.key}\r\n{more}"
        if body is not None:
            head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        raw = (head + "\r\n").encode("utf-8", "surrogatepass") + (body or b"")
        was_open = self._socket is not None
        status = self._once(raw, method)
        if not status and was_open:  # a connection that was kept may be closed by now
            status = self._once(raw, method)
        return self._count(status, f"{method} {path[:120]} {(body or b'')[:200]!r}")

    def send(self, raw: bytes, *, half_close: bool = False) -> list[int]:
        """Bytes over a connection of their own, until the other side closes or says nothing more; the statuses."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as connection:
            said = b""
            try:
                connection.sendall(raw)
                if half_close:
                    connection.shutdown(socket.SHUT_WR)
                while part := connection.recv(65_536):
                    said += part
            except OSError:  # it was cut
                pass
        statuses = [int(part[:3]) for part in said.split(b"HTTP/1.1 ")[1:] if part[:3].isdigit()]
        for status in statuses or [0]:
            self._count(status, repr(raw[:200]), said)
        return statuses

    def _once(self, raw: bytes, method: str) -> int:
        try:
            if self._socket is None:
                self._socket = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._said = b""
            try:
                self._socket.sendall(raw)
            except ConnectionError:
                pass  # it was cut before all was sent; what it said first is still there
            return self._read(self._socket, method)
        except ConnectionError:
            self.close()
            return 0
        except TimeoutError:
            self.close()
            require(False, f"no answer within {PATIENCE_S:.0f} s: {raw[:300]!r}")
            return 0

    def _read(self, connection: socket.socket, method: str) -> int:
        while b"\r\n\r\n" not in self._said:
            part = connection.recv(65_536)
            if not part:
                self.close()
                return 0
            self._said += part
        head, _, body = self._said.partition(b"\r\n\r\n")
        lower, status = head.lower(), int(head[9:12])
        length = int(lower.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        while len(body) < length and method != "HEAD":
            part = connection.recv(65_536)
            if not part:
                break
            body += part
        self._said = head + body
        if b"connection: close" in lower or (b"content-length" not in lower and status != 204):
            self.close()
        return status

    def _count(self, status: int, what: str, said: bytes | None = None) -> int:
        self.seen[status] += 1
        text = (self._said if said is None else said).decode("utf-8", "replace")
        require(status < 500 or status == 503, f"{status} to {what}: {text[:2_000]}")
        for word in (*FORBIDDEN, self.key):
            require(not word or word not in text, f"{word!r} is in the answer to {what}: {text[:2_000]}")
        return status

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def stood_against(folder: Path, *, share: float = 1.0, seed: int = 1, slow: bool = True) -> Figures:
    """share: of the single requests that are sent. slow: also what takes until the service's patience ends."""
    began, chance = time.perf_counter(), Random(seed)
    config = CONFIG.replace("log_level: warning", "log_level: info")
    with serving(folder, config=config) as service, contextlib.ExitStack() as at_end:
        stranger = at_end.enter_context(contextlib.closing(Stranger(port_of(service), service.key)))
        order = _an_order(service)
        routes = [*every_route(), *describing.routes([])]
        waiting = _slow_ones(stranger.port) if slow else []
        for attack in (_fields, _queries, _segments, _methods, _kinds, _bodies):
            for one in attack(stranger, routes, order):
                if chance.random() < share or attack is _bodies:
                    one()
            require(service.process.poll() is None, f"{attack.__name__} ended it: {service.told_errors()[-2_000:]}")
        _raw(stranger)
        asyncio.run(_frames(stranger))
        stranger.close()
        if slow:
            _cut_by_now(waiting)
        require(_an_order(service) != order, "it takes no orders any more")
        figures: Figures = {"peak_mb": peak_mb(service), "routes": len(routes), "requests": stranger.seen.total()}
        require(figures["peak_mb"] < MOST_PEAK_MB, f"{figures['peak_mb']:.0f} MiB of memory")
        require(service.stop() == 0, "it did not end with 0")
        clean(service, service.key)
    answers = {str(status): count for status, count in sorted(stranger.seen.items())}
    return figures | {"answers": answers, "rows": verified(log_in(folder)), "seconds": time.perf_counter() - began}


def _an_order(service: Process) -> str:
    """Its id; the trading state may have been set by what came before."""

    async def create() -> str:
        connection = Connection(port_of(service), service.key)
        for path in ("/health", "/ready"):
            status, said = await connection.ask("GET", path)
            require(status == 200, f"{path}: {status} {said}")
        await connection.ask("POST", "/api/trading-state", {"state": "active"})
        body = {"symbol": "BTCUSDT", "side": "buy", "order_type": "limit", "quantity": "0.001", "price": "20000"}
        status, said = await connection.ask("POST", "/api/orders/create", body)
        require(status == 201, f"an order: {status} {said}")
        connection.close()
        return str(said["client_order_id"])

    return asyncio.run(create())


Requests = Iterator[Callable[[], object]]


def _fields(stranger: Stranger, routes: list[Route], order: str) -> Requests:
    """Every field of every body, and of the records in it, with every wrong value."""
    for route in routes:
        if route.method != "POST":
            continue
        example = route.example if isinstance(route.example, dict) else {}
        names = dict.fromkeys([*example, *(_names(route.body) if route.body is not None else ())])
        for name in names:
            for value in VALUES:
                others = ", ".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in example.items() if k != name)
                body = f"{{{others}{', ' if others else ''}{json.dumps(name)}: {value}}}"
                yield partial(stranger.ask, "POST", _path(route, order), _raw_of(body))
        for value in VALUES:
            yield partial(stranger.ask, "POST", _path(route, order), _raw_of(value))
            yield partial(stranger.ask, "POST", _path(route, order), _raw_of(f"[{value}]"))


def _queries(stranger: Stranger, routes: list[Route], order: str) -> Requests:
    for route in routes:
        names = list(_names(route.query)) if route.query is not None else ["nothing"]
        for name in names:
            for value in TEXTS:
                path = f"{_path(route, order)}?{name}={quote(value, errors='surrogatepass')}"
                yield partial(stranger.ask, route.method, path, _body_for(route))


def _segments(stranger: Stranger, routes: list[Route], order: str) -> Requests:
    for path in PATHS:
        for method in ("GET", "POST"):
            yield partial(stranger.ask, method, path, b"{}" if method == "POST" else None)
    for route in routes:
        if "{" in route.path:
            before, _, rest = route.path.partition("{")
            for segment in SEGMENTS:
                path = f"{before}{segment}{rest.partition('}')[2]}".replace(" ", "%20")
                yield partial(stranger.ask, route.method, path, _body_for(route))


def _methods(stranger: Stranger, routes: list[Route], order: str) -> Requests:
    for path in dict.fromkeys(_path(route, order) for route in routes):
        for method in METHODS:
            yield partial(stranger.ask, method, path)


def _kinds(stranger: Stranger, routes: list[Route], order: str) -> Requests:
    for route in routes:
        if route.method != "POST":
            continue
        for kind in KINDS:
            yield partial(stranger.ask, "POST", _path(route, order), _body_for(route), kind)
        for encoding in ("gzip", "br", "identity", "chunked, gzip"):
            more = f"Content-Encoding: {encoding}\r\n"
            yield partial(stranger.ask, "POST", _path(route, order), b"\x1f\x8b{}", more=more)


def _bodies(stranger: Stranger, routes: list[Route], order: str) -> Requests:
    """Too large, endless, deep, and not even text."""
    bodies = [
        b" " * 10 * MB, b"[" * DEEP, b'{"a":' * DEEP, b"[" * 30_000 + b"]" * 30_000,
        b'{"symbol":' + b"[" * DEEP + b"]" * DEEP + b"}",
        b'"' + b"a" * 900_000 + b'"', b"9" * 900_000, b"[" + b"1," * 400_000 + b"1]", b"\xff\xfe{\x00}\x00",
        b"\x00" * 1_000, b"", b" ",
        b"\xef\xbb\xbf{}", b'{"a":1,"a":2}', b"{}{}", b"{} \n" * 2_000,
        b'{"symbol":"BTCUSDT"' + b',"x":1' * 100_000 + b"}",
    ]  # fmt: skip
    for route in routes:
        if route.method == "POST":
            for body in bodies:
                yield partial(stranger.ask, "POST", _path(route, order), body)
            yield partial(_endless, stranger, _path(route, order))


def _endless(stranger: Stranger, path: str) -> None:
    """Chunks without end: it is cut off, after not much more than a body may be."""
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nX-API-Key: {stranger.key}\r\nTransfer-Encoding: chunked\r\n"
    chunk, sent = b"10000\r\n" + b" " * 65_536 + b"\r\n", 0
    with socket.create_connection(("127.0.0.1", stranger.port), timeout=PATIENCE_S) as connection:
        try:
            connection.sendall(f"{head}Content-Type: application/json\r\n\r\n".encode())
            while sent < 64 * MB:
                connection.sendall(chunk)
                sent += 65_536
        except ConnectionError:
            stranger.seen[0] += 1
            return
        except TimeoutError:
            pass
    require(False, f"{sent >> 20} MiB of chunks were taken at {path}")


def _raw(stranger: Stranger) -> None:
    """What is no proper HTTP, or a strange one."""
    get = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
    post = b"POST /api/orders/create HTTP/1.1\r\nHost: localhost\r\n"
    close = b"Connection: close\r\n\r\n"
    for raw in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 300, b"\x00" * 5_000, b"GET\r\n\r\n",
        b"GET /health\r\n\r\n",
        b"GET /health HTTP/9.9\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", get + b"X: a\r\n" * 2_000 + b"\r\n",
        get + b"X: " + b"a" * 10 * MB,
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n", get + b"Content-Length: -1\r\n" + close,
        get + b"Content-Length: 1e9\r\n" + close,
        post + b"Content-Length: 99999999999999999999999\r\n" + close,
        post + b"Content-Length: 5\r\nContent-Length: 6\r\n" + close + b"12345",
        post + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n" + close + b"0\r\n\r\n",
        post + b"Transfer-Encoding: chunked\r\n" + close + b"zz\r\n",
        post + b"Transfer-Encoding: chunked\r\n" + close + b"fffffffffffffffff\r\n",
        post + b"Transfer-Encoding: identity, chunked, x\r\n" + close,
        get + b"Host: twice\r\n" + close, get + b"Bad Header\r\n" + close, get + b": no name\r\n" + close,
        get + b"X\x00Y: 1\r\n" + close,
        get + b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nConnection: Upgrade, HTTP2-Settings, close\r\n\r\n",
        get + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 0\r\n\r\n",
        get + b"Expect: 200-maybe\r\n" + close,
        get + b"X-Request-ID: \x1b[31m" + b"x" * 500 + b"\r\n" + close,
        get + b"Authorization: " + b"Bearer " * 500 + b"\r\n" + close,
    ):  # fmt: skip
        stranger.send(raw, half_close=True)
    require(stranger.send(b"GET /health HTTP/1.0\r\n\r\n") == [200], "HTTP/1.0 is not answered")
    require(stranger.send(get + close, half_close=True) == [200], "a half-closed connection is not answered")
    pipeline = (get + b"\r\n") * 49 + get + close
    require(stranger.send(pipeline) == [200] * 50, "a pipeline is not answered in full")


async def _frames(stranger: Stranger) -> None:
    """Nonsense over the WebSocket: each frame is answered, or ends the connection, and that is all."""
    from websockets.asyncio.client import connect

    address = f"ws://127.0.0.1:{stranger.port}/api/stream"
    frames: list[str | bytes] = [*FRAMES, b"\x00\xff", "x" * 2 * MB, b"x" * 2 * MB]
    for frame in frames:
        try:
            headers = {"X-API-Key": stranger.key}
            async with connect(address, additional_headers=headers, max_size=None, close_timeout=1) as stream:
                await stream.recv()
                await stream.send(frame)
                said = str(await asyncio.wait_for(stream.recv(), PATIENCE_S))
                for word in (*FORBIDDEN, stranger.key):
                    require(word not in said, f"{word!r} is in {said[:2_000]}")
                status = json.loads(said).get("problem", {}).get("status", 200)
                require(status < 500 or status == 503, f"{said[:1_000]} to {frame[:200]!r}")
                stranger.seen[status] += 1
        except BROKEN:
            stranger.seen[0] += 1


def _slow_ones(port: int) -> list[socket.socket]:
    """Connections that say hardly anything: nothing at all, half a head, half a body."""
    half = b"POST /api/orders/create HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
    found = []
    for start in (b"", b"GET /health HTT", b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", half) * 50:
        connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        connection.sendall(start)
        found.append(connection)
    return found


def _cut_by_now(waiting: list[socket.socket]) -> None:
    """All of them have been closed, or are within the service's patience."""
    until = time.monotonic() + KEEP_ALIVE_S + 15  # one that was answered before its body had come is kept so long
    for connection in waiting:
        connection.settimeout(max(until - time.monotonic(), 0.1))
        try:
            while connection.recv(4_096):
                pass
        except ConnectionError:
            pass
        except TimeoutError:
            require(False, "a connection that says nothing is kept for ever")
        finally:
            connection.close()


def _path(route: Route, order: str) -> str:
    named = {"order_id": order, "book": "main", "key_id": "0123456789", "alert": order, "token": TOKEN}
    return route.path.format_map(_Named(named))


class _Named(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "x"


def _body_for(route: Route) -> bytes | None:
    return None if route.method == "GET" else json.dumps(route.example or {}).encode()


def _names(record: type[Struct]) -> Iterator[str]:
    for one in msgspec.structs.fields(record):
        yield one.encode_name


def _raw_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


__all__ = ["stood_against"]
