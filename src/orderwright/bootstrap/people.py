"""`orderwright users` and `orderwright keys`: users and keys in a log that no service has open.

Reading is possible at any time. Writing needs the log: where a service is running, it is asked instead
(POST /api/users, POST /api/keys), which the error says.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from orderwright.bootstrap.run import opened
from orderwright.config.owning import OPERATOR
from orderwright.core import messages as m
from orderwright.core.model import ApiKey, User
from orderwright.driver import Driver
from orderwright.errors import InputError, LogLocked, UnknownName
from orderwright.live.clock import SystemClock
from orderwright.service.keys import SYSTEM, NewKey, may_be_issued, new_key

if TYPE_CHECKING:
    from orderwright.journal.sqlite import SqliteJournal

MAIN = "main"
OFFLINE = "command line"


class KnownUser(Struct, frozen=True):
    """A user, their books (none before the next start, where they were just added), and how many keys they have that
    were not revoked."""

    user: str
    books: list[str]
    keys: int


class People:
    """The users and keys of an open log. ceilings: of each user that the configuration names, the scope that their keys
    have at most."""

    def __init__(self, journal: SqliteJournal, ceilings: Mapping[str, str]) -> None:
        self._driver = Driver(SYSTEM, journal, {})
        self._journal, self._clock = journal, SystemClock(not_before=self._driver.state.now)
        self._ceilings = {**ceilings, OPERATOR: "admin"}
        self._configured = list(ceilings)

    def users(self) -> list[KnownUser]:
        """Everybody who is known."""
        books: dict[str, set[str]] = {}
        for row in self._journal.latest("accounts"):
            if row["user_id"]:
                books.setdefault(row["user_id"], set()).add(row["book"])
        names = dict.fromkeys([*self._configured, *books, *self._driver.state.users])
        if not names:
            names[MAIN] = None  # whom the first start makes
        keys = [key.user for key, revoked_at in self.all_keys() if revoked_at is None]
        if OPERATOR in keys:
            names.setdefault(OPERATOR)
        return [KnownUser(name, sorted(books.get(name, ())), keys.count(name)) for name in names]

    def all_keys(self) -> list[tuple[ApiKey, int | None]]:
        """(key, when it was revoked) of every key, oldest first."""
        state = self._driver.state
        return [(key, state.revoked.get(key.key_id)) for key in state.api_keys.values()]

    def add_user(self, user: str) -> bool:
        """Whether somebody new was added; their book is made at the next start. Raises InputError."""
        from orderwright.service.books import check_user_name

        check_user_name(user)
        if any(known.user == user for known in self.users()):
            return False
        self._tell(m.AddUser(user=User(user=user, by=OFFLINE)))
        return True

    def issue(self, user: str, scope: str, *, label: str = "", lifetime_us: int | None = None) -> NewKey:
        """A new key. Raises UnknownName, InputError for a scope that is more than the user's."""
        known = [OPERATOR, *(one.user for one in self.users())]
        if user not in known:
            raise UnknownName("user", user, known, field="user")
        others = "trade" if user in self._driver.state.users else "read"
        ceiling = self._ceilings.get(user, "admin" if user == OPERATOR or not self._ceilings else others)
        may_be_issued(user, scope, ceiling)
        made = new_key(user, scope, self._clock.now(), label=label, lifetime_us=lifetime_us, by=OFFLINE)
        self._tell(m.IssueKey(key=made.record))
        return made

    def revoke(self, key_id: str) -> bool:
        """Whether a key was good until now. Raises UnknownName."""
        state = self._driver.state
        if key_id not in state.api_keys:
            raise UnknownName("key", key_id, state.api_keys, field="key_id")
        if key_id in state.revoked:
            return False
        self._tell(m.RevokeKey(key_id=key_id, by=OFFLINE))
        return True

    def _tell(self, said: m.Input) -> None:
        self._driver.turn([said], self._clock.now())


@contextlib.contextmanager
def people(log: Path | None, *, to_write: str = "", ceilings: Mapping[str, str] | None = None) -> Iterator[People]:
    """The users and keys of a log. to_write: how a running service is asked for the same, such as `POST /api/keys`;
    empty to read only. ceilings: the scope of each configured user. Raises InputError where there is no log,
    LogLocked."""
    if log is None:
        raise InputError("the log is in memory: it has no users and keys but those of its service", field="log")
    if not to_write:
        if not log.is_file():
            raise InputError("there is no such log yet; `orderwright serve` begins one", field="log", value=str(log))
        with opened(log, read_only=True) as journal:
            yield People(journal, ceilings or {})
        return
    try:
        with opened(log) as journal:
            yield People(journal, ceilings or {})
    except LogLocked:
        asked = f"Ask the running service instead: {to_write}, with a key of scope admin; without one, stop it first"
        raise LogLocked(f"{log}: a service has it open. {asked}") from None


__all__ = ["KnownUser", "People", "people"]
