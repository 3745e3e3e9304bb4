"""The edge: what every HTTP request passes before a route sees it, and every answer on its way out. Plain ASGI.

- A body is at most `max_body_bytes`, whether its length was said or it comes in chunks, and all of it comes within
  BODY_SECONDS. A header that is read does not stand twice with different values.
- Without keys (service.auth: off) only requests to this machine's own names pass, and pages of other origins are turned
  away: otherwise any web page could have the browser trade (DNS rebinding).
- Every answer says that it is not to be cached, framed, or guessed at, and has a request id, which the log has too.
- What nobody caught is logged, and answered by a problem document without a trace.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
import secrets
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orderwright.live.desk import Stopping
from orderwright.service.parts import Problem
from orderwright.service.problems import path_shown, problem_of, respond

BODY_SECONDS = 20.0
MOST_PATH = 4_096
OWN_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
OWN_HEADERS = frozenset(
    {
        b"authorization",
        b"x-api-key",
        b"idempotency-key",
        b"x-tradingview-signature",
        b"content-type",
        b"host",
        b"origin",
        b"x-request-id",
    }
)
"""What is read: given twice with different values, nobody can know which was meant."""
POLICY = "default-src 'none'; frame-ancestors 'none'"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PROCESS, _NUMBERS = secrets.token_hex(4), itertools.count(1)
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_POLICY = (b"content-security-policy", POLICY.encode())
_LOG = logging.getLogger("orderwright.service")


class Edge:
    """app: what is behind it. own_names_only: of a service without keys. origins: pages that may call it."""

    def __init__(
        self, app: ASGIApp, *, max_body_bytes: int, own_names_only: bool = False, origins: Iterable[str] = ()
    ) -> None:
        self._app, self._most, self._own_names_only = app, max_body_bytes, own_names_only
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket" and self._is_foreign(Headers(scope=scope)):
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "another origin"})
        elif scope["type"] == "websocket" and twice_in(scope):
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "a header stands twice"})
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        out = Outgoing(send, request_id_of(headers))
        scope["orderwright.request_id"] = out.request_id
        try:
            self._check(scope, headers)
            await self._app(scope, Incoming(receive, self._most), out)
        except asyncio.CancelledError:  # the service ends: nobody waits for this request any more
            if out.has_begun:
                raise
            await respond(problem_of(Stopping("the service is stopping")))(scope, receive, out)
        except Exception as error:
            problem = problem_of(error)
            if problem.code == "fault":
                path = path_shown(scope["path"])
                _LOG.exception("a fault of ours: %s %s (request %s)", scope["method"], path, out.request_id)
            if out.has_begun:
                raise
            await respond(problem)(scope, receive, out)

    def _check(self, scope: Scope, headers: Headers) -> None:
        """Raises Problem for what no route is to see."""
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._most:
            raise too_large(self._most)
        if len(scope["path"]) > MOST_PATH or len(scope["query_string"]) > 2 * MOST_PATH:
            raise Problem(414, "address_too_long", "this address is longer than any of ours")
        if name := twice_in(scope):
            raise Problem(400, "header_twice", "stands twice, with different values: which is meant?", field=name)
        if self._is_foreign_host(headers):
            detail = "without keys the service answers to its own machine alone: call it as localhost or 127.0.0.1"
            raise Problem(403, "foreign", detail, field="Host", value=headers.get("host", "")[:80], nearest="localhost")
        if self._is_foreign(headers):
            detail = "without keys pages of other origins are turned away (service.cors_origins names those that may)"
            raise Problem(403, "foreign", detail, field="Origin", value=headers.get("origin", "")[:80])

    def _is_foreign(self, headers: Headers) -> bool:
        """Whether a service without keys is called by another name, or by another's page."""
        if self._is_foreign_host(headers):
            return True
        origin = headers.get("origin") if self._own_names_only else None
        return origin is not None and origin not in self._origins and name_in(origin) not in OWN_NAMES

    def _is_foreign_host(self, headers: Headers) -> bool:
        return self._own_names_only and name_in(f"//{headers.get('host', '')}") not in OWN_NAMES


class Incoming:
    """The body as it comes: bounded in size, and in time from when it is first asked for. Raises Problem."""

    def __init__(self, receive: Receive, most: int, seconds: float = BODY_SECONDS) -> None:
        self._receive, self._most, self._seconds = receive, most, seconds
        self._until: float | None = None
        self._got, self._is_over = 0, False

    async def __call__(self) -> Message:
        if self._is_over:
            return await self._receive()  # from here on it says only that the other side has gone
        if self._until is None:
            self._until = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise Problem(408, "too_slow", "the body did not come in time", headers={"Connection": "close"}) from None
        if message["type"] == "http.request":
            self._got += len(message.get("body", b""))
            self._is_over = not message.get("more_body", False)
            if self._got > self._most:
                raise too_large(self._most)
        return message


class Outgoing:
    """The answer as it goes: with our headers."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send, self.request_id = send, request_id
        self.has_begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            headers: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
            names = {name for name, _ in headers}
            headers += [one for one in _HEADERS if one[0] not in names]
            if _POLICY[0] not in names:
                headers.append(_POLICY)
            headers.append((b"x-request-id", self.request_id.encode()))
            message["headers"] = headers
        await self._send(message)


def too_large(most: int) -> Problem:
    detail = f"a body is at most {most:,} bytes (service.max_body_bytes)"
    return Problem(413, "too_large", detail, field="body", nearest=most, headers={"Connection": "close"})


def twice_in(scope: Scope) -> str:
    """The header of ours that is given twice with different values; "" for none."""
    given = scope["headers"]
    if len({name for name, _ in given}) == len(given):
        return ""
    seen: dict[bytes, bytes] = {}
    for name, value in given:
        if name in OWN_HEADERS and seen.setdefault(name, value) != value:
            return str(name.decode()).title()
    return ""


def request_id_of(headers: Headers) -> str:
    """The caller's own, if it is one that can be logged; else a new one."""
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else f"{_PROCESS}{next(_NUMBERS):08x}"


def name_in(address: str) -> str:
    """The name of the machine in an address, lower case; "" for what is none."""
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


__all__ = ["Edge", "request_id_of", "too_large"]
