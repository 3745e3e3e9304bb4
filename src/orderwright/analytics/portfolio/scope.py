"""Whose accounts a question is about: from a user and exchanges to accounts, book by book.

Accounts, instruments and settings are taken as they are defined now, also in answers as of a past moment: the user and
exchange of an account and the assets of a symbol do not change their meaning. What is counted with them is as of then.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from msgspec import Struct

from orderwright.core.numbers import EXACT
from orderwright.errors import InputError, UnknownName
from orderwright.ports import Journal, Row

P = ParamSpec("P")
T = TypeVar("T")


class Owned(Struct, frozen=True):
    """An account of a book: whose it is, and where."""

    book: str
    account: str
    exchange: str
    user: str
    leverage: Decimal


class Scope(Struct, frozen=True):
    """The accounts that a question is about, by book and name."""

    accounts: dict[tuple[str, str], Owned]

    @property
    def books(self) -> dict[str, list[str]]:
        """Each book's accounts of the scope."""
        found: dict[str, list[str]] = {}
        for book, account in self.accounts:
            found.setdefault(book, []).append(account)
        return found


def exact(ask: Callable[P, T]) -> Callable[P, T]:
    """Run in the context in which sums and products of money are exact."""

    @wraps(ask)
    def asked(*args: P.args, **kwargs: P.kwargs) -> T:
        with decimal.localcontext(EXACT):
            return ask(*args, **kwargs)

    return asked


def scope_of(journal: Journal, user: str | None, exchanges: Sequence[str] | None, account: str | None = None) -> Scope:
    """The accounts of a user (None: of everybody) on some exchanges (None: on all), or one of them by its name.

    A user without an account on a known exchange has none there: an empty scope. Raises UnknownName for a user, an
    exchange or an account that the log does not know.
    """
    if isinstance(exchanges, str):
        raise InputError("name exchanges in a list", field="exchanges", value=exchanges, nearest=[exchanges])
    rows = journal.latest("accounts", where=None if user is None else {"user_id": user})
    if user is not None and not rows:
        users = [row["user_id"] for row in journal.latest("accounts") if row["user_id"]]
        raise UnknownName("user", user, users, field="user")
    if exchanges is not None:
        _check_exchanges(journal, rows, exchanges)
    if account is not None:
        _check_account(journal, rows, account)
        rows = [row for row in rows if row["account"] == account]
    owned = [
        Owned(row["book"], row["account"], row["exchange"], row["user_id"] or "", row["leverage"])
        for row in rows
        if exchanges is None or row["exchange"] in exchanges
    ]
    return Scope({(one.book, one.account): one for one in owned})


def _check_exchanges(journal: Journal, rows: Iterable[Row], exchanges: Sequence[str]) -> None:
    known = {row["exchange"] for row in rows}
    for name in exchanges:
        if name not in known:
            known |= {row["exchange"] for table in ("accounts", "instruments") for row in journal.latest(table)}
            if name not in known:
                raise UnknownName("exchange", name, known, field="exchange")


def _check_account(journal: Journal, rows: Iterable[Row], account: str) -> None:
    """One of another user is known, and not in the scope; of one that nobody has the nearest is offered."""
    if all(row["account"] != account for row in rows):
        known = {row["account"] for row in journal.latest("accounts")}
        if account not in known:
            raise UnknownName("account", account, known, field="account")


def owned_rows(
    journal: Journal, table: str, scope: Scope, as_of: int | None, **where: object
) -> Iterator[tuple[Owned, Row]]:
    """The newest rows of a read model that has accounts, each with whose it is; `where` picks more closely."""
    for book, accounts in scope.books.items():
        for row in journal.latest(table, where={"book": book, "account": accounts, **where}, as_of=as_of):
            yield scope.accounts[book, row["account"]], row


def one_or_all(exchange: str | None) -> tuple[str, ...] | None:
    """The exchanges that a question about one, or about all of them, is about."""
    return None if exchange is None else (exchange,)


def whose(one: Owned) -> dict[str, Any]:
    """What every record of an account begins with."""
    return {"book": one.book, "user": one.user, "exchange": one.exchange, "account": one.account}
