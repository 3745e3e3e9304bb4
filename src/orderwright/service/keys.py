"""API keys: who is asking, and what they may do.

A key is `ow_<key id>_<secret>`: 10 hex digits that are public, and 256 random bits as letters and digits, so that a
double click takes all of it. It is shown once, when it is made.
What is kept, in the book `system` of the log, is its SHA-256. A slow hash (bcrypt, Argon2) is for passwords, which can
be guessed: of 2^256 keys none can, so a fast hash gives nothing away, and costs no tenth of a second at each request.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from orderwright.core import messages as m
from orderwright.core.model import ApiKey, User
from orderwright.errors import InputError, UnknownName
from orderwright.service.books import OPERATOR
from orderwright.service.parts import SCOPES, Principal, Problem

if TYPE_CHECKING:
    from orderwright.core.state import State
    from orderwright.live.desk import Desk
    from orderwright.live.loop import LiveLoop
    from orderwright.ports import Clock
    from orderwright.service.books import Books

SYSTEM = "system"
MOST_LABEL = 100
MOST_KEYS = 100_000
Scope = Literal["read", "trade", "admin"]
_SECRET_ALPHABET, _SECRET_LENGTH = string.ascii_letters + string.digits, 43
_KEY = re.compile(r"ow_([0-9a-f]{10})_[A-Za-z0-9_-]{43}")
_HEADER = "Authorization: Bearer ow_..."


class NewKey(Struct, frozen=True):
    """A key that was made. text is the only copy of the key itself; no repr shows it."""

    record: ApiKey
    text: str

    def __repr__(self) -> str:
        return f"NewKey({self.record.key_id})"


def digest_of(text: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(text.encode()).hexdigest()


def new_key(
    user: str, scope: str, now: int, *, label: str = "", lifetime_us: int | None = None, by: str = ""
) -> NewKey:
    """Make a key. Raises InputError for a label that is too long, or a lifetime that is none."""
    if len(label) > MOST_LABEL or not label.isprintable():
        raise InputError(
            f"a label is at most {MOST_LABEL} printable characters", field="label", value=label[:MOST_LABEL]
        )
    if scope not in SCOPES:
        raise UnknownName("scope", scope, SCOPES, field="scope")
    if lifetime_us is not None and lifetime_us <= 0:
        raise InputError("a key lives for some time", field="expires_in", value=lifetime_us)
    key_id = secrets.token_hex(5)
    text = f"ow_{key_id}_{''.join(secrets.choice(_SECRET_ALPHABET) for _ in range(_SECRET_LENGTH))}"
    expires_at = None if lifetime_us is None else now + lifetime_us
    record = ApiKey(
        key_id=key_id,
        user=user,
        scope=scope,
        digest=digest_of(text),
        label=label,
        issued_at=now,
        expires_at=expires_at,
        by=by,
    )
    return NewKey(record, text)


def may_be_issued(user: str, scope: str, ceiling: str) -> None:
    """Raises InputError for a key that could do more than its user may."""
    if scope in SCOPES and SCOPES.index(scope) > SCOPES.index(ceiling):
        message = f"the keys of {user} may do at most {ceiling} (users.{user}.scope)"
        raise InputError(message, field="scope", value=scope, nearest=ceiling)


class Keys:
    """The keys of a running service: those of the book `system`."""

    def __init__(self, desk: Desk, loop: LiveLoop, books: Books, clock: Clock) -> None:
        self._desk, self._loop, self._books, self._clock = desk, loop, books, clock

    @property
    def _state(self) -> State:
        return self._desk.books[SYSTEM].state

    def authenticate(self, text: str) -> Principal:
        """Whose key this is. Raises Problem (401) for none, one that is not known, was revoked, or has expired."""
        if not text:
            raise unauthorised("no_key", f"a key is needed: send it in a header, `{_HEADER}` (or X-API-Key)")
        found = _KEY.fullmatch(text)
        key = self._state.api_keys.get(found[1]) if found is not None else None
        if key is None or not hmac.compare_digest(key.digest, digest_of(text)):
            raise unauthorised("unknown_key", "this key is not known; see `orderwright keys list`")
        if key.key_id in self._state.revoked:
            raise unauthorised("key_revoked", f"the key {key.key_id} was revoked")
        if self._has_expired(key):
            raise unauthorised("key_expired", f"the key {key.key_id} has expired")
        return self._principal(key)

    def is_good(self, key_id: str) -> bool:
        """Whether a key that was good still is."""
        key = self._state.api_keys.get(key_id)
        return key is not None and key_id not in self._state.revoked and not self._has_expired(key)

    def _has_expired(self, key: ApiKey) -> bool:
        return key.expires_at is not None and self._clock.now() >= key.expires_at

    def _principal(self, key: ApiKey) -> Principal:
        scope = self.scope_of(key)
        books = None if scope == "admin" else self._books.books_of(key.user)
        return Principal(user=key.user, scope=scope, books=books, key_id=key.key_id)

    def scope_of(self, key: ApiKey) -> str:
        """What a key may do now: what it was issued for, and no more than its user may by now."""
        return min(key.scope, self._books.ceiling_of(key.user), key=SCOPES.index)

    def warnings(self) -> list[str]:
        """Of users who are in the log and not configured (any more) and have good keys, where users are configured."""
        good = [key for key in self._state.api_keys.values() if self.is_good(key.key_id)]
        return [
            f"{user} is in the log and not in users: their keys may only read; add {user} to users, or revoke the keys"
            for user in sorted({key.user for key in good if key.scope != "read"})
            if self._books.configuration.users and not self._books.is_expected(user)
        ]

    def all(self) -> list[tuple[ApiKey, int | None]]:
        """(key, when it was revoked) of every key, oldest first; microseconds."""
        revoked = self._state.revoked
        return [(key, revoked.get(key.key_id)) for key in self._state.api_keys.values()]

    @property
    def has_admin(self) -> bool:
        """Whether a key is good with which others can be issued."""
        return any(self.scope_of(key) == "admin" and self.is_good(key.key_id) for key in self._state.api_keys.values())

    async def issue(
        self, user: str, scope: str, *, label: str = "", lifetime_us: int | None = None, by: str = ""
    ) -> NewKey:
        """A new key, durable when this returns; its text is nowhere else. Raises UnknownName for a user who is not,
        InputError for a scope that is more than theirs."""
        if user != OPERATOR and not self._books.knows(user):
            raise UnknownName("user", user, self._books.users(), field="user")
        may_be_issued(user, scope, self._books.ceiling_of(user))
        if len(self._state.api_keys) >= MOST_KEYS:
            raise InputError(f"there are {MOST_KEYS:,} keys, which is as many as one service keeps", field="user")
        made = new_key(user, scope, self._clock.now(), label=label, lifetime_us=lifetime_us, by=by)
        await self._loop.ask(SYSTEM, m.IssueKey(key=made.record))
        return made

    async def revoke(self, key_id: str, by: str = "") -> int:
        """Let a key in no more, durable when this returns: since when, microseconds. Revoking it again changes nothing.
        Raises Problem (404) for a key that is not known."""
        if key_id not in self._state.api_keys:
            raise Problem(404, "unknown_key", "there is no such key", field="key_id", value=key_id[:64])
        await self._loop.ask(SYSTEM, m.RevokeKey(key_id=key_id, by=by))
        return self._state.revoked[key_id]

    async def add_user(self, user: str, by: str = "") -> str:
        """Somebody with a book and a paper account, durable when this returns: their default book."""
        book = await self._books.add_user(user)
        if user in self._books.configuration.users:
            return book
        await self._loop.ask(SYSTEM, m.AddUser(user=User(user=user, by=by)))
        return book

    async def settle_users(self) -> None:
        """Give a book to whoever was added while the service was stopped."""
        for user in list(self._state.users):
            await self._books.add_user(user)


def unauthorised(code: str, detail: str) -> Problem:
    """A 401, which says how a key is sent."""
    return Problem(401, code, detail, field="Authorization", headers={"WWW-Authenticate": 'Bearer realm="orderwright"'})


__all__ = ["SYSTEM", "Keys", "NewKey", "Scope", "digest_of", "may_be_issued", "new_key", "unauthorised"]
