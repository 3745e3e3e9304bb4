"""Users and keys over REST: for an operator's key (scope admin), but for `who am I`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from orderwright.core.model import ApiKey
from orderwright.errors import InputError
from orderwright.service.keys import NewKey, Scope
from orderwright.service.parts import Call, Principal, Result
from orderwright.service.routing import Route
from orderwright.service.views import iso, iso_or_none


class Me(Struct, frozen=True, kw_only=True):
    """Whose key this is, and what it may do. books: those it sees."""

    user: str
    scope: str
    key_id: str
    books: list[str]


class UserView(Struct, frozen=True, kw_only=True):
    """A user, their books, what their keys may do at most, and how many good keys they have."""

    user: str
    default_book: str
    books: list[str]
    scope: str
    keys: int


class Users(Struct, frozen=True, kw_only=True):
    users: list[UserView]


class AddUser(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """user: 1 to 64 letters, digits, '.', '_', '@' and '-'."""

    user: Annotated[str, Meta(min_length=1, max_length=64)]


class KeyView(Struct, frozen=True, kw_only=True):
    """A key, without the key itself. status: good, expired or revoked. Times are ISO 8601, UTC."""

    key_id: str
    user: str
    scope: str
    status: str
    label: str
    issued_at: str
    expires_at: str | None
    revoked_at: str | None
    issued_by: str


class Listed(Struct, frozen=True, kw_only=True):
    keys: list[KeyView]


class IssueKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """user: whose. expires_in: a length such as 90d or 12h; without it the key does not expire. label: what for."""

    user: Annotated[str, Meta(min_length=1, max_length=64)]
    scope: Scope = "trade"
    label: Annotated[str, Meta(max_length=100)] = ""
    expires_in: Annotated[str, Meta(max_length=20)] | None = None


class IssuedKey(Struct, frozen=True, kw_only=True):
    """key: the key itself, shown this once: it is kept nowhere. header: how to send it."""

    key: str
    header: str
    issued: KeyView


async def me(call: Call[None, None]) -> Me:
    """Who is asking."""
    principal, service = call.principal, call.service
    books = service.books.all() if principal.books is None else sorted(principal.books)
    return Me(user=principal.user, scope=principal.scope, key_id=principal.key_id, books=books)


async def list_users(call: Call[None, None]) -> Users:
    """Everybody who has a book."""
    await call.service.loop.settled()
    return Users(users=[_user(call, user) for user in call.service.books.users()])


async def add_user(call: Call[AddUser, None]) -> Result:
    """Somebody new, with a book and a paper account. One who is there already stays as they are."""
    known = call.service.books.knows(call.body.user)
    await call.service.keys.add_user(call.body.user, by=by(call.principal))
    return Result(status=200 if known else 201, body=_user(call, call.body.user))


async def list_keys(call: Call[None, None]) -> Listed:
    """Every key, without the keys themselves."""
    await call.service.loop.settled()
    keys, now = call.service.keys, call.service.clock.now()
    return Listed(keys=[view_of(key, revoked_at, now, keys.scope_of(key)) for key, revoked_at in keys.all()])


async def issue_key(call: Call[IssueKey, None]) -> Result:
    """A new key. It is in this answer and nowhere else."""
    said, keys = call.body, call.service.keys
    lifetime_us = lifetime_of(said.expires_in)
    made: NewKey = await keys.issue(
        said.user, said.scope, label=said.label, lifetime_us=lifetime_us, by=by(call.principal)
    )
    issued = view_of(made.record, None, call.service.clock.now())
    return Result(status=201, body=IssuedKey(key=made.text, header=f"Authorization: Bearer {made.text}", issued=issued))


async def revoke_key(call: Call[None, None]) -> KeyView:
    """Let a key in no more. Revoking it again changes nothing."""
    service, key_id = call.service, call.path["key_id"]
    revoked_at = await service.keys.revoke(key_id, by=by(call.principal))
    key = next(key for key, _ in service.keys.all() if key.key_id == key_id)
    return view_of(key, revoked_at, service.clock.now(), service.keys.scope_of(key))


def _user(call: Call[AddUser, None] | Call[None, None], user: str) -> UserView:
    books, keys = call.service.books, call.service.keys
    good = sum(key.user == user and keys.is_good(key.key_id) for key, _ in keys.all())
    return UserView(
        user=user,
        default_book=books.default_book(user),
        books=sorted(books.books_of(user)),
        scope=books.ceiling_of(user),
        keys=good,
    )


def view_of(key: ApiKey, revoked_at: int | None, now: int, scope: str | None = None) -> KeyView:
    """A key as it may be shown. scope: what it may do now, where that is less than what it was issued for."""
    expired = key.expires_at is not None and now >= key.expires_at
    return KeyView(
        key_id=key.key_id,
        user=key.user,
        scope=key.scope if scope is None else scope,
        status="revoked" if revoked_at is not None else "expired" if expired else "good",
        label=key.label,
        issued_at=iso(key.issued_at),
        expires_at=iso_or_none(key.expires_at),
        revoked_at=iso_or_none(revoked_at),
        issued_by=key.by,
    )


def lifetime_of(text: str | None) -> int | None:
    """Microseconds of a length such as 90d; None for none. Raises InputError."""
    from orderwright.analytics.windows import parse_length

    if text is None:
        return None
    try:
        return parse_length(text, "expires_in")
    except InputError as error:
        raise InputError(error.message, field="expires_in", value=text, nearest="90d") from None


def by(principal: Principal) -> str:
    """Who it was, for the log."""
    return f"{principal.user}/{principal.key_id}" if principal.key_id else principal.user


ROUTES = [
    Route("GET", "/api/me", me, answers={200: Me}, summary="Whose key is this?", tag="users and keys"),
    Route(
        "GET", "/api/users", list_users, scope="admin", answers={200: Users}, summary="The users", tag="users and keys"
    ),
    Route(
        "POST",
        "/api/users",
        add_user,
        scope="admin",
        body=AddUser,
        answers={200: UserView, 201: UserView, 503: None},
        summary="Add a user, with a book and a paper account",
        example={"user": "alice"},
        tag="users and keys",
    ),
    Route(
        "GET", "/api/keys", list_keys, scope="admin", answers={200: Listed}, summary="The keys", tag="users and keys"
    ),
    Route(
        "POST",
        "/api/keys",
        issue_key,
        scope="admin",
        body=IssueKey,
        answers={201: IssuedKey, 503: None},
        summary="Issue a key; it is shown once",
        example={"user": "main", "scope": "trade", "label": "my laptop", "expires_in": "90d"},
        tag="users and keys",
    ),
    Route(
        "POST",
        "/api/keys/{key_id}/revoke",
        revoke_key,
        scope="admin",
        answers={200: KeyView, 404: None, 503: None},
        summary="Let a key in no more",
        tag="users and keys",
    ),
]
