"""Users, and the keys with which they trade.

- A secret is given in and taken out by name (`reveal`); nothing else shows it: no repr, text, error, dict, pickle, JSON
  or message of msgspec.
- A user is created by `link`, if they are not there yet. One user has one set of credentials for each exchange.
- Without a user or an exchange the only one there is is meant, or the first that was linked.
- In memory only: storing them, encrypted, comes with the service.
"""

from __future__ import annotations

import abc
from typing import Any

from msgspec import Struct, structs

from orderwright.errors import InputError, UnknownName

SHOWN = "***"


class Secret(Struct, frozen=True, dict=True):
    """Text that is not shown. What is encoded, printed, copied to a dict or pickled is `***`."""

    shown: str = SHOWN

    @classmethod
    def of(cls, value: str | Secret) -> Secret:
        """The secret of a text; a secret stays what it is."""
        if isinstance(value, Secret):
            return value
        secret = cls()
        secret.__dict__["_reveal"] = lambda: value  # a closure: no printer of attributes looks into it
        return secret

    def reveal(self) -> str:
        """The text itself. "" for a secret that has lost it (it was pickled or decoded)."""
        reveal = self.__dict__.get("_reveal")
        return reveal() if reveal is not None else ""

    def __bool__(self) -> bool:
        return bool(self.reveal())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.reveal() == other.reveal()

    def __hash__(self) -> int:
        return hash(self.reveal())

    def __repr__(self) -> str:
        return f"<secret {SHOWN}>"

    __str__ = __repr__

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _: dict[int, Any]) -> Secret:
        return self


class UserCreds(Struct, frozen=True, kw_only=True):
    """One user's credentials on one exchange. account: theirs there; without one it bears the user's name. testnet is
    the default: live is written out."""

    user_id: str
    exchange: str = "simulated"
    api_key: Secret | str = Secret()
    api_secret: Secret | str = Secret()
    passphrase: Secret | str = Secret()
    account: str = ""
    testnet: bool = True

    def __post_init__(self) -> None:
        for name in _SECRETS:
            structs.force_setattr(self, name, Secret.of(getattr(self, name)))
        structs.force_setattr(self, "exchange", _exchange(self.exchange))

    def reveal(self, name: str) -> str:
        """The text of `api_key`, `api_secret` or `passphrase`, for whoever signs with it. Raises UnknownName."""
        if name not in _SECRETS:
            raise UnknownName("secret", name, _SECRETS, field="name")
        return Secret.of(getattr(self, name)).reveal()

    def redact(self, text: str) -> str:
        """A text without what is secret here: for errors that others have written."""
        for name in _SECRETS:
            secret = self.reveal(name)
            if secret:
                text = text.replace(secret, SHOWN)
        return text

    @property
    def user(self) -> UserInfo:
        return UserInfo(user_id=self.user_id, exchange=self.exchange, account=self.account)


_SECRETS = ("api_key", "api_secret", "passphrase")


def without_secrets(executor: Any, user_id: str, exchange: str, message: str, otherwise: str) -> str:
    """An error's text without the keys that an executor signs a user's requests with. otherwise: said where the keys
    are not known, and so cannot be struck out."""
    try:
        creds: object = executor.get_api_key(user_id, exchange)
    except Exception:  # noqa: BLE001  # whose keys they are cannot be told
        return otherwise
    return creds.redact(message) if isinstance(creds, UserCreds) else otherwise


class UserInfo(Struct, frozen=True, kw_only=True):
    """Whose orders, and where. exchange and account "": the user's own default."""

    user_id: str = ""
    exchange: str = ""
    account: str = ""


class ICredentials(abc.ABC):
    """Where users and their credentials are kept."""

    @abc.abstractmethod
    def link(self, user_creds: UserCreds) -> UserInfo:
        """Keep the credentials, creating the user if they are not there. Newer ones for the same exchange replace the
        older."""

    @abc.abstractmethod
    def get_creds_by_user_exchange(self, user_id: str, exchange: str) -> UserCreds:
        """The credentials of a user on an exchange. Raises UnknownName for a user or an exchange that is not linked."""


class MemoryCredentials(ICredentials):
    """Users and credentials, for as long as the process lives. paper: an unknown user is created on the first question,
    with an account and no keys (simulation needs none)."""

    def __init__(self, *creds: UserCreds, paper: bool = False) -> None:
        self.paper = paper
        self._users: dict[str, dict[str, UserCreds]] = {}
        for linked in creds:
            self.link(linked)

    def link(self, user_creds: UserCreds) -> UserInfo:
        if not user_creds.exchange:
            raise InputError("is missing", field="exchange")
        self._users.setdefault(user_creds.user_id, {})[user_creds.exchange] = user_creds
        return user_creds.user

    def get_creds_by_user_exchange(self, user_id: str, exchange: str) -> UserCreds:
        exchange = _exchange(exchange)
        linked = self._users.get(user_id) if user_id or self.paper else next(iter(self._users.values()), None)
        if linked and not exchange:
            return next(iter(linked.values()))
        if linked and exchange in linked:
            return linked[exchange]
        if self.paper:
            creds = UserCreds(user_id=user_id, exchange=exchange or "simulated")
            self.link(creds)
            return creds
        if not linked:
            raise UnknownName("user", user_id, self._users, field="user_id")
        raise UnknownName("exchange", exchange, linked, field="exchange")

    @property
    def users(self) -> tuple[str, ...]:
        """The users there are, in the order in which they came."""
        return tuple(self._users)


def _exchange(name: str) -> str:
    return name.strip().lower()
