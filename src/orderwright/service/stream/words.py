"""What is said over the stream: messages, the words that pick events, and the codes that a connection is closed with.

In (text frames of JSON; `id` is the client's own and comes back with the answer):

    {"op": "auth", "key": "..."}                     first, where no Authorization header was sent
    {"op": "subscribe", "books": {"main": 41}}       from the row after 41; null: from now; no books: all, from now
    {"op": "unsubscribe", "books": ["main"]}
    {"op": "create", "id": 1, "body": {...}}         orders: entry.py
    {"op": "ping", "id": 2}

Out: `hello`, `subscribed`, `event`, `at` (how far each book has been told, every HEARTBEAT seconds), `answer`,
`problem`, `pong`. Records here are what is sent, field by field; what is empty is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from orderwright.core import messages as m
from orderwright.service.parts import Problem
from orderwright.service.problems import described
from orderwright.service.views import OrderView

MAX_FRAME = 1 << 20
"""Bytes of a frame that a client may send."""
MAX_QUEUED = 4_096
MAX_QUEUED_BYTES = 8 << 20
"""What may wait for one reader; one that lets more come is cut."""
MAX_CONNECTIONS = 1_000
MAX_OF_ONE_KEY = 32
MAX_STRANGERS, MAX_STRANGERS_OF_ONE = 100, 20
"""Connections whose key has not come yet: in all, and of one address. They take no place of those that are known."""
MAX_IN_FLIGHT = 256
"""Orders of one connection that were not answered yet; more are not read meanwhile."""
MAX_FAULTS = 50
"""Messages that made no sense, after which a connection is closed."""
AUTH_TIMEOUT = 10.0
SEND_TIMEOUT = 30.0
HEARTBEAT = 15.0
OPS_PER_SECOND = 20
"""Messages that are no orders: more wait."""

BAD_MESSAGES, NO_KEY, TOO_SLOW, GONE, TOO_MANY = 4400, 4401, 4408, 4410, 4429
BINARY, TOO_LARGE, FAULT = 1003, 1009, 1011

GROUPS = ("orders", "fills", "balances", "positions")
"""Words for all events about an order, and all that booked a fill, changed a balance or a position."""
KINDS = frozenset(m.kind_of(kind) for kind in m.AnyEvent.__args__)


class Auth(Struct, tag_field="op", tag="auth", forbid_unknown_fields=True):
    key: str
    id: str | int | None = None


class Subscribe(Struct, tag_field="op", tag="subscribe", forbid_unknown_fields=True):
    """books: by name, the sequence to go on after, None for now; None: all of the key's, from now. kinds: of events,
    or GROUPS; None: all."""

    books: dict[str, int | None] | None = None
    kinds: list[str] | None = None
    id: str | int | None = None


class Unsubscribe(Struct, tag_field="op", tag="unsubscribe", forbid_unknown_fields=True):
    books: list[str] | None = None
    id: str | int | None = None


class Ping(Struct, tag_field="op", tag="ping", forbid_unknown_fields=True):
    id: str | int | None = None


class Entry(Struct, forbid_unknown_fields=True):
    """The base of orders. body: that of the REST route of the same name."""

    id: str | int
    body: msgspec.Raw = msgspec.Raw(b"{}")


class Create(Entry, tag_field="op", tag="create"):
    pass


class Batch(Entry, tag_field="op", tag="batch"):
    pass


class CancelAll(Entry, tag_field="op", tag="cancel_all"):
    pass


class Cancel(Entry, tag_field="op", tag="cancel", kw_only=True):
    order: str | int


class Amend(Entry, tag_field="op", tag="amend", kw_only=True):
    order: str | int


Said = Auth | Subscribe | Unsubscribe | Ping | Create | Batch | CancelAll | Cancel | Amend
OPS = tuple(str(one.__struct_config__.tag) for one in Said.__args__)


class Out(Struct, tag_field="type", omit_defaults=True, kw_only=True):
    """The base of what is sent."""


class Hello(Out, tag="hello"):
    """Who the key is, and its books with the newest sequence of each."""

    user: str
    scope: str
    books: dict[str, int]
    time: str


class Subscribed(Out, tag="subscribed"):
    """After which sequence of each book the events begin."""

    books: dict[str, int]
    id: str | int | UnsetType = UNSET


class Event(Out, tag="event", kw_only=True):
    """One row of the log: the event whole, and what it changed, as it was after it."""

    book: str
    sequence: int
    time: str
    kind: str
    order: OrderView | None = None
    fills: list[Mapping[str, Any]] = []
    balances: list[Mapping[str, Any]] = []
    positions: list[Mapping[str, Any]] = []
    event: msgspec.Raw


class At(Out, tag="at"):
    """Everything up to these sequences has been told, or did not match the kinds that are wanted."""

    books: dict[str, int]
    time: str


class Answered(Out, tag="answer", kw_only=True):
    """What became of an order message; ok: what the REST route answers, or problem."""

    id: str | int
    status: int
    ok: Any = UNSET
    problem: dict[str, Any] | UnsetType = UNSET


class Wrong(Out, tag="problem"):
    """A message that could not be taken."""

    problem: dict[str, Any]
    id: str | int | UnsetType = UNSET


class Pong(Out, tag="pong"):
    time: str
    id: str | int | UnsetType = UNSET


def told(problem: Problem) -> dict[str, Any]:
    """A problem as over REST, with what stands in a header there."""
    later = problem.headers.get("Retry-After")
    return dict(described(problem)) | ({} if later is None else {"retry_after": later})


def known_id(given: str | int | None) -> str | int | UnsetType:
    """The client's id, to be sent back."""
    return UNSET if given is None else given
