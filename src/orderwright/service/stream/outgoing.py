"""What waits to be sent over one connection: in order, bounded, written by one task.

What does not fit ends the connection: a reader that is slow is cut and resumes, instead of being remembered without
end. Whoever can wait (a reader that catches up) asks for room first.
"""

from __future__ import annotations

import asyncio
from collections import deque

from starlette.websockets import WebSocket, WebSocketDisconnect

from orderwright.service.stream.words import MAX_QUEUED, MAX_QUEUED_BYTES, SEND_TIMEOUT


class Outgoing:
    """The queue of one connection. most, most_bytes: what may wait."""

    def __init__(self, socket: WebSocket, *, most: int = MAX_QUEUED, most_bytes: int = MAX_QUEUED_BYTES) -> None:
        self._socket, self._most, self._most_bytes = socket, most, most_bytes
        self._waiting: deque[tuple[str, str, int]] = deque()
        self._bytes = 0
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._room.set()
        self.sent: dict[str, int] = {}
        """The newest row of each book that was handed to the network."""

    def put(self, text: str, book: str = "", sequence: int = 0) -> bool:
        """Send this after what waits; whether there was room for it. book, sequence: of the row that it is."""
        if len(self._waiting) >= self._most or self._bytes > self._most_bytes:
            return False
        self._waiting.append((text, book, sequence))
        self._bytes += len(text)
        if self._is_half_full:
            self._room.clear()
        self._news.set()
        return True

    async def room(self) -> None:
        """Wait until at most half of the queue is taken."""
        await self._room.wait()

    async def run(self) -> None:
        """Send what comes. Raises TimeoutError where a reader takes nothing for SEND_TIMEOUT, WebSocketDisconnect where
        it has gone."""
        waiting, socket = self._waiting, self._socket
        while True:
            await self._news.wait()
            self._news.clear()
            while waiting:
                text, book, sequence = waiting.popleft()
                self._bytes -= len(text)
                try:
                    async with asyncio.timeout(SEND_TIMEOUT):
                        await socket.send_text(text)
                except RuntimeError as error:  # what Starlette raises for a connection that was closed meanwhile
                    raise WebSocketDisconnect from error
                if book:
                    self.sent[book] = sequence
                if not self._is_half_full:
                    self._room.set()

    @property
    def _is_half_full(self) -> bool:
        return 2 * len(self._waiting) >= self._most or 2 * self._bytes > self._most_bytes
