"""uvicorn's HTTP protocol, with an end to its patience: the head of a request is bounded in size, in lines and in time,
and an answer that nobody takes is dropped, with its connection.

A client that sends its headers byte by byte (Slowloris), or without end, would keep a connection for ever; so would one
that does not read, and the answer in memory with it.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 15.0
UNREAD_SECONDS = 30.0
"""How long a connection may take nothing of what waits for it. Long answers wait in small pieces (large.py)."""
MOST_HEAD = 32 * 1024
MOST_HEADERS = 100
MOST_AFTER = 4 * 1024 * 1024
"""Bytes of a body that may still come when its request is answered already."""
_HEAD = (
    "HTTP/1.1 {status} {title}\r\ncontent-type: application/problem+json\r\ncache-control: no-store\r\n"
    "x-content-type-options: nosniff\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
)


class PatientProtocol(HttpToolsProtocol):
    """Counts what comes before the end of the headers, and how long it takes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head, self._lines, self._raw, self._after = 0, 0, 0, 0
        self._is_cut = False
        self._late: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._late = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._heard()
        self._taken()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._taken()
        self._unread = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        self._taken()
        super().resume_writing()

    def _taken(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def data_received(self, data: bytes) -> None:
        if self._is_cut:
            return
        super().data_received(data)
        if self._late is not None:  # the head has not ended: a line without end is in no count of lines
            self._raw += len(data)
            if self._raw > MOST_HEAD:
                self._cut()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # the parser's words are no use to a caller
        self._say(400, "Bad Request", "http", "this is no HTTP request")
        self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head, self._lines, self._raw, self._after = 0, 0, 0, 0
        if self._late is None:
            self._late = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._lines += 1
        self._count(len(name) + len(value))

    def on_headers_complete(self) -> None:
        self._heard()
        if not self._is_cut:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        if self.cycle.response_complete:  # nobody reads it
            self._after += len(body)
            if self._after > MOST_AFTER:
                self.transport.close()

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > MOST_HEAD or self._lines > MOST_HEADERS:
            self._cut()

    def _cut(self) -> None:
        if self._is_cut:
            return
        self._is_cut = True
        detail = f"the head of a request is at most {MOST_HEADERS} lines and {MOST_HEAD // 1024} KiB"
        self._say(431, "Request Header Fields Too Large", "headers", detail)
        self.transport.close()

    def _say(self, status: int, title: str, code: str, detail: str) -> None:
        """A problem document, unless an answer is under way."""
        cycle: Any = self.cycle  # None before the first request
        if self.transport.is_closing() or (cycle is not None and not cycle.response_complete):
            return
        said = {"type": f"urn:orderwright:{code}", "title": title, "status": status, "detail": detail, "code": code}
        body = msgspec.json.encode(said)
        self.transport.write(_HEAD.format(status=status, title=title, length=len(body)).encode() + body)

    def _heard(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        self._late = None
        if not self.transport.is_closing():
            self.transport.close()


__all__ = ["MOST_HEAD", "MOST_HEADERS", "PatientProtocol"]
