"""How a row is written down and sealed.

The body is the event as JSON, by one encoder. The digest of a row is SHA-256 over

    digest before it | position "|" time "|" kind "|" schema "|" | body

where the digest before it is that of the book's row before it, and for the first row `genesis` of the book's name
(numbers in decimal text), so a row cannot be changed, moved or taken out without breaking every later one, nor a book
be renamed. With a key it is HMAC-SHA-256 over the same, which who has not the key cannot make again.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

import msgspec

from orderwright.core import messages as m

SCHEMA = 1
"""The schema number of the bodies that this program writes."""

CHAIN, KEYED_CHAIN = "sha256", "hmac-sha256"

encode = msgspec.json.Encoder().encode
decode: Callable[[str | bytes], m.AnyEvent] = msgspec.json.Decoder(m.AnyEvent).decode
"""The event of a body, equal to the one that was encoded. Raises msgspec.MsgspecError."""


Sealer = Callable[[bytes], bytes]


def genesis(book: str) -> bytes:
    """What stands for the digest before a book's first row."""
    return hashlib.sha256(b"orderwright book|" + book.encode()).digest()


def sealer(key: bytes | None) -> Sealer:
    """What makes a digest of bytes."""
    if key is None:
        sha256 = hashlib.sha256
        return lambda message: sha256(message).digest()
    return lambda message: hmac.digest(key, message, "sha256")


def sealed(before: bytes, position: int, time: int, kind: str, schema: int, body: bytes) -> bytes:
    """The bytes that a row's digest covers."""
    return b"%b%d|%d|%b|%d|%b" % (before, position, time, kind.encode(), schema, body)
