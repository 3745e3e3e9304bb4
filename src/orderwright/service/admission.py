"""Who comes in: the key of a request or a socket, its scope, and how often.

A key stands in `Authorization: Bearer KEY` or in `X-API-Key`. With `service.auth: off` (on loopback, in simulation)
nobody needs one, and whoever asks is the first user, with scope admin; then `edge.py` looks at Host and Origin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection, Request

from orderwright.service.keys import Keys, unauthorised
from orderwright.service.limiting import Buckets
from orderwright.service.parts import Principal, Problem
from orderwright.service.routing import Route

if TYPE_CHECKING:
    from orderwright.ports import Clock
    from orderwright.service.books import Books

FAILURES_PER_MINUTE = 30
"""Of one address. A good key is never refused because of them: others may sit behind the same address."""
NOBODY = Principal(user="", scope="read", books=frozenset())


class Admission:
    """needs_key: False where whoever asks is the operator. per_minute: requests of one key; None for any number."""

    def __init__(
        self, keys: Keys, books: Books, clock: Clock, *, needs_key: bool = True, per_minute: int | None = None
    ) -> None:
        self._keys, self._books, self._clock, self._needs_key = keys, books, clock, needs_key
        self._requests = Buckets(per_minute) if per_minute is not None else None
        self._failures = Buckets(FAILURES_PER_MINUTE)

    async def __call__(self, request: Request, route: Route) -> Principal:
        """Who asks for a route. Raises Problem: 401, 403 where the key's scope is too small, 429."""
        if route.scope is None:
            return NOBODY
        principal = self.admit(key_in(request) if self._needs_key else "", request)
        if not principal.may(route.scope):
            detail = f"this needs a key with scope {route.scope}; yours has {principal.scope}"
            raise Problem(403, "scope", detail, field="scope", value=principal.scope, nearest=route.scope)
        return principal

    def admit(self, key: str, connection: HTTPConnection) -> Principal:
        """Whose key it is ("" for none). Raises Problem: 401, 429."""
        if not self._needs_key:
            return Principal(user=self._books.first_user, scope="admin", books=None)
        try:
            principal = self._keys.authenticate(key)
        except Problem:
            self._count_failure(connection)
            raise
        self.spend(principal)
        return principal

    def spend(self, principal: Principal) -> None:
        """Count a request of a key: one over HTTP, or an order message of a socket. Raises Problem: 429."""
        if self._requests is not None and principal.key_id:
            wait = self._requests.take(principal.key_id, self._clock.now())
            if wait:
                raise _too_many("this key has asked too often (service.requests_per_minute)", wait)

    def _count_failure(self, connection: HTTPConnection) -> None:
        address = connection.client.host if connection.client is not None else ""
        wait = self._failures.take(address, self._clock.now())
        if wait:
            raise _too_many("too many requests without a valid key from this address", wait)

    def still(self, principal: Principal) -> bool:
        """Whether who was let in would be let in now."""
        return not principal.key_id or self._keys.is_good(principal.key_id)

    def books_of(self, principal: Principal) -> list[str]:
        """The books that are seen, as of now: a user may have got one since."""
        if principal.books is None:
            return self._books.all()
        return sorted(self._books.books_of(principal.user))


def key_in(connection: HTTPConnection) -> str:
    """The key that came with a request; "" for none. Raises Problem for a header that is none of ours."""
    given = connection.headers.get("authorization", "")
    if not given:
        return connection.headers.get("x-api-key", "").strip()
    scheme, _, key = given.partition(" ")
    if scheme.lower() != "bearer":
        raise unauthorised("no_key", "the Authorization header is `Bearer ow_...`")
    return key.strip()


def _too_many(detail: str, wait: int) -> Problem:
    return Problem(429, "too_many", detail, headers={"Retry-After": str(wait)}, extra={"retry_after_s": wait})


__all__ = ["NOBODY", "Admission", "key_in"]
