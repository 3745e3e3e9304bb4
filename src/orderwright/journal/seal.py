"""How a row is written down and sealed.

The body is the event as JSON, by one encoder. The digest of a row is SHA-256 over

    digest of the book's row before it (32 zero bytes for the first) | position "|" time "|" kind "|" schema "|" | body

(numbers in decimal text), so a row cannot be changed, moved or taken out without breaking every later one. With a key
it is HMAC-SHA-256 over the same, which who has not the key cannot make again.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import operator
import typing
from collections.abc import Callable
from typing import Any

import msgspec

from orderwright.core import messages as m
from orderwright.core.model import OrderStatus

SCHEMA = 1
"""The schema number of the bodies that this program writes."""

GENESIS = bytes(32)
CHAIN, KEYED_CHAIN = "sha256", "hmac-sha256"

encode = msgspec.json.Encoder().encode


def _readable(kind: type[m.Event]) -> type[msgspec.Struct]:
    """The event's class, or a twin of it where msgspec cannot read a field's type: a Literal of statuses, which is
    wider."""
    try:
        msgspec.json.Decoder(kind)
    except TypeError:
        fields = [
            (field.encode_name, OrderStatus, field.default)
            if typing.get_origin(field.type) is typing.Literal
            else (field.encode_name, field.type, field.default)
            for field in msgspec.structs.fields(kind)
        ]
        given = [
            (name, type_) if default is msgspec.NODEFAULT else (name, type_, default) for name, type_, default in fields
        ]
        return msgspec.defstruct(
            kind.__name__, given, tag=m.kind_of(kind), tag_field="kind", frozen=True, kw_only=True, gc=False
        )
    return kind


_KINDS = tuple(dict.fromkeys((*m.AnyEvent.__args__, *m.AnyOrderEvent.__args__)))
_TWINS = {_readable(kind): kind for kind in _KINDS}
_decode: Callable[[str | bytes], Any] = msgspec.json.Decoder(functools.reduce(operator.or_, _TWINS)).decode


def decode(body: str | bytes) -> m.AnyEvent:
    """The event of a body, equal to the one that was encoded. Raises msgspec.MsgspecError."""
    event = _decode(body)
    kind: Any = _TWINS[type(event)]
    found: m.AnyEvent = event if kind is type(event) else kind(**msgspec.structs.asdict(event))
    return found


Sealer = Callable[[bytes], bytes]


def sealer(key: bytes | None) -> Sealer:
    """What makes a digest of bytes."""
    if key is None:
        sha256 = hashlib.sha256
        return lambda message: sha256(message).digest()
    return lambda message: hmac.digest(key, message, "sha256")


def sealed(before: bytes, position: int, time: int, kind: str, schema: int, body: bytes) -> bytes:
    """The bytes that a row's digest covers."""
    return b"%b%d|%d|%b|%d|%b" % (before, position, time, kind.encode(), schema, body)
