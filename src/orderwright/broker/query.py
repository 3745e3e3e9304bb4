"""What is asked of a broker, as typed records: whose (`FindParams`), which orders (`Query`). Of when: times.py.

Each is checked when it is made: an unknown key or word is refused with the nearest known one, and so is what
contradicts itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from orderwright.analytics.questions import STATUSES, statuses_of, unknown_status
from orderwright.core.model import STATUS_GROUPS, OrderSide, Source
from orderwright.errors import InputError, UnknownName
from orderwright.executors.words import order_type_of, word_of


class FindParams(Struct, frozen=True, kw_only=True):
    """Whose orders: they scope what is asked and fill in what a submitted trade does not say. None or "": any."""

    user_id: str | None = None
    exchange: str | None = None
    symbol: str | None = None
    strategy: str | None = None
    episode: str | None = None
    account: str | None = None

    @classmethod
    def of(cls, params: Mapping[str, object], where: str = "find_params") -> FindParams:
        """Raises UnknownName for a key that it does not have, InputError for a value that is not text."""
        check_keys(params, cls.__struct_fields__, where)
        return cls(**{name: _text(value, name) for name, value in params.items()})


class Query(Struct, frozen=True, kw_only=True):
    """Which orders. statuses: None for any. The rest is None for any; limit: the newest so many."""

    statuses: frozenset[str] | None = None
    user_id: str | None = None
    exchange: str | None = None
    symbol: str | None = None
    strategy: str | None = None
    episode: str | None = None
    account: str | None = None
    order_id: str | None = None
    idempotency_key: str | None = None
    signal_id: str | None = None
    parent_id: str | None = None
    source: str | None = None
    side: str | None = None
    order_type: str | None = None
    limit: int | None = None

    @classmethod
    def of(
        cls,
        scope: FindParams,
        status: str | Iterable[str] | None,
        exact_status: str | None,
        words: Mapping[str, object],
    ) -> Query:
        """The question of `load`, within a scope that its own words overrule. Raises InputError or UnknownName."""
        check_keys(words, [name for name in cls.__struct_fields__ if name != "statuses"], "load")
        found = {name: getattr(scope, name) for name in FindParams.__struct_fields__}
        for name, value in words.items():
            if value is not None:
                found[name] = _READERS[name](value, name) if name in _READERS else _text(value, name)
        return cls(statuses=_statuses(status, exact_status), **found)

    def where(self) -> dict[str, object]:
        """What `latest` and `history` of the orders table take."""
        columns = {name: getattr(self, name) for name in self.__struct_fields__ if name not in ("statuses", "limit")}
        found: dict[str, object] = {
            _COLUMNS.get(name, name): value for name, value in columns.items() if value is not None
        }
        if self.statuses is not None:
            found["status"] = self.statuses
        return found


_COLUMNS = {"order_id": "client_order_id", "signal_id": "source_signal_id"}


def check_keys(words: Iterable[str], known: Iterable[str], where: str) -> None:
    """Raises UnknownName, with the nearest key, for one that is not known."""
    names = list(known)
    for word in words:
        if word not in names:
            nearest = next((name for alias, name in _ALIASES.items() if alias == word and name in names), None)
            if nearest is not None:
                message = f"unknown key of {where}, {word!r}"
                raise InputError(message, field=word, value=word, nearest=nearest)
            raise UnknownName(f"key of {where}", word, names, field=word)


_ALIASES = {"user": "user_id", "pair": "symbol", "ticker": "symbol", "type": "order_type", "id": "order_id"}


def _statuses(status: str | Iterable[str] | None, exact: str | None) -> frozenset[str] | None:
    found: frozenset[str] | None = None
    if status is not None:
        words = list(status) if isinstance(status, list | tuple | set | frozenset) else [status]
        found = frozenset().union(*(statuses_of(word) for word in words))
    if exact is None:
        return found
    if str(exact).lower() in STATUS_GROUPS and str(exact).lower() not in STATUSES:
        members = ", ".join(sorted(STATUS_GROUPS[str(exact).lower()]))
        message = f"{exact} is a group ({members}): ask for it by status"
        raise InputError(message, field="exact_status", value=exact)
    if str(exact).lower() not in STATUSES:
        raise unknown_status(exact, "exact_status", STATUSES)
    if found is not None and exact.lower() not in found:
        message = f"no order that is {exact} is among those of status={status!r}"
        raise InputError(message, field="exact_status", value=exact, nearest=sorted(found)[0])
    return frozenset({exact.lower()})


def _text(value: object, field: str) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    if field == "episode" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise InputError(f"{value!r} is not text", field=field, value=value)


def _limit(value: object, field: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError(f"{value!r} is not a number of orders from 1 up", field=field, value=value, nearest=1)
    return value


_READERS: dict[str, Any] = {
    "limit": _limit,
    "side": lambda value, field: word_of(value, field, OrderSide).value,
    "order_type": lambda value, _: order_type_of(value).value,
    "source": lambda value, field: word_of(value, field, Source).value,
}
