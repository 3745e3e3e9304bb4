"""Long answers on their way: sent in pieces, each when the one before is taken, and counted while they wait.

What one key lets wait is bounded: more is a 429, so a caller that asks much and reads little holds MOST_OF_ONE bytes
and no more. An answer to what has been done (an order, a batch) is counted and never refused.
"""

from __future__ import annotations

from collections import Counter

from starlette.responses import Response
from starlette.types import Send

from orderwright.service.parts import Problem

LARGE = 64 * 1024
"""Bytes; a shorter answer is handed to the network whole."""
MOST_OF_ONE = 32 << 20
MOST_OF_ALL = 192 << 20


class Waiting:
    """Bytes of long answers that were not taken yet, by who asked."""

    def __init__(self, *, most_of_one: int = MOST_OF_ONE, most_of_all: int = MOST_OF_ALL) -> None:
        self._most_of_one, self._most_of_all = most_of_one, most_of_all
        self._of: Counter[str] = Counter()
        self.bytes = 0

    def check(self, who: str, size: int) -> None:
        """Raises Problem (429, 503) where that is more than may wait. One answer alone may always."""
        own = self._of.get(who, 0)
        if own and own + size > self._most_of_one:
            detail = "answers to this key wait to be read: read them first, or ask for less"
            raise Problem(429, "unread", detail, headers={"Retry-After": "5"})
        if self.bytes and self.bytes + size > self._most_of_all:
            raise Problem(503, "busy", "too many long answers wait to be read", headers={"Retry-After": "5"})

    async def send(self, who: str, response: Response, send: Send) -> None:
        """An answer, piece by piece."""
        body = memoryview(response.body)
        self._of[who] += len(body)
        self.bytes += len(body)
        try:
            await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
            for first in range(0, len(body), LARGE):
                piece, is_more = bytes(body[first : first + LARGE]), first + LARGE < len(body)
                await send({"type": "http.response.body", "body": piece, "more_body": is_more})
        finally:
            self.bytes -= len(body)
            self._of[who] -= len(body)
            if not self._of[who]:
                del self._of[who]


__all__ = ["LARGE", "Waiting"]
