"""Who owns what: the owner of a book, the book of a user or an account, limits of a book.

What is not written follows from what is. A book is that of the user who names it, else of the user of its name, else of
the only user there is, else of one called like it. A user's book is the one they own, else one of their own name. An
account is in its user's book, else in the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from orderwright.config.schema import Configuration, LimitKeys
from orderwright.errors import InputError

if TYPE_CHECKING:
    from orderwright.config.owners import AccountKeys

SYSTEM = "system"
"""The book of users, keys and what belongs to no book; it never trades."""
MAIN = "main"
"""The book, and its user, where nobody is configured."""
OPERATOR = "operator"
"""The user who runs the service: the first key is theirs, and their keys may do everything."""
SIMULATED = "simulated"


def mode_of(account: AccountKeys) -> Literal["simulation", "testnet", "live"]:
    """simulation, testnet or live: testnet is the default of a real exchange."""
    return account.mode or ("simulation" if account.exchange == SIMULATED else "testnet")


def owner_of(configuration: Configuration, book: str) -> str:
    """The user whose a book is."""
    users = configuration.users
    named = configuration.books[book].user if book in configuration.books else None
    if named is not None:
        return named
    naming = next((user for user, its in users.items() if its.book == book), None)
    if naming is not None:
        return naming
    return next(iter(users)) if len(users) == 1 else book


def book_of_user(configuration: Configuration, user: str) -> str:
    """The book of a user's orders that name none."""
    named = configuration.users[user].book if user in configuration.users else None
    if named is not None:
        return named
    return next((book for book in configuration.books if owner_of(configuration, book) == user), user)


def book_of_account(configuration: Configuration, account: str) -> str:
    """The book that an account belongs to."""
    its = configuration.accounts[account]
    if its.book is not None:
        return its.book
    if its.user is not None:
        return book_of_user(configuration, its.user)
    return next(iter(books(configuration)))


def book_of_strategy(configuration: Configuration, strategy: str) -> str | None:
    """The book that a strategy trades in; None for the service's default."""
    its = configuration.strategies[strategy]
    if its.book is not None:
        return its.book
    if its.user is not None:
        return book_of_user(configuration, its.user)
    if its.accounts and its.accounts[0] in configuration.accounts:
        return book_of_account(configuration, its.accounts[0])
    return next(iter(books(configuration)), None)


def books(configuration: Configuration) -> list[str]:
    """Every book that is configured: by name, or by a user, an account or a strategy that names it."""
    named = [
        *configuration.books,
        *(book_of_user(configuration, user) for user in configuration.users),
        *(account.book for account in configuration.accounts.values()),
        *(book_of_user(configuration, its.user) for its in configuration.accounts.values() if its.user is not None),
        *(strategy.book for strategy in configuration.strategies.values()),
    ]
    found = [book for book in dict.fromkeys(named) if book is not None]
    return found or ([MAIN] if configuration.accounts else [])


def limits_of(configuration: Configuration, book: str) -> LimitKeys:
    """The limits of a book: those of account_limits, and its own instead where it has them."""
    own = configuration.books[book].limits if book in configuration.books else None
    if own is None:
        return configuration.account_limits
    changed = {name: getattr(own, name) for name in own.model_fields_set}
    return configuration.account_limits.model_copy(update=changed)


def problems(configuration: Configuration) -> Iterator[InputError]:
    """Books with two owners or none, and what names a book of somebody else's."""
    for name in configuration.books:
        unowned = configuration.books[name].user is None and owner_of(configuration, name) not in configuration.users
        if configuration.users and unowned:
            message = f"whose is it? There are {len(configuration.users)} users: name one of them"
            yield InputError(message, field=f"books.{name}.user", nearest=next(iter(configuration.users)))
    for name, keys in configuration.users.items():
        if keys.book is not None and owner_of(configuration, keys.book) != name:
            owner = owner_of(configuration, keys.book)
            message = f"the book {keys.book} is {owner}'s: a book has one owner"
            yield InputError(message, field=f"users.{name}.book", value=keys.book)
        book = book_of_user(configuration, name)
        if keys.book is None and owner_of(configuration, book) != name:
            owner = owner_of(configuration, book)
            its = f"write books: {{{_free_name(configuration, name)}: {{user: {name}}}}}"
            message = f"the book {book}, which would be theirs by its name, is {owner}'s: {its}, or any other name"
            yield InputError(message, field=f"users.{name}.book")
        if keys.account in configuration.accounts:
            book = book_of_account(configuration, str(keys.account))
            if book != book_of_user(configuration, name):
                message = (
                    f"the account {keys.account} is in the book {book}, not in {book_of_user(configuration, name)}"
                )
                yield InputError(message, field=f"users.{name}.account", value=keys.account)
    for name, account in configuration.accounts.items():
        book = book_of_account(configuration, name)
        owner = owner_of(configuration, book)
        if account.user is not None and account.user != owner:
            message = f"the book {book} is {owner}'s: an account of {account.user} cannot be in it"
            yield InputError(message, field=f"accounts.{name}.user", value=account.user, nearest=owner)
    yield from _strategies(configuration)
    operator = configuration.users.get(OPERATOR)
    if operator is not None and "scope" in operator.model_fields_set and operator.scope != "admin":
        message = "whose keys run the service: they may do everything"
        yield InputError(message, field=f"users.{OPERATOR}.scope", value=operator.scope, nearest="admin")
    for place in (configuration.books, configuration.users):
        if SYSTEM in place:
            section = "books" if place is configuration.books else "users"
            yield InputError(f"{SYSTEM} is the service's own", field=f"{section}.{SYSTEM}", value=SYSTEM)


def _free_name(configuration: Configuration, user: str) -> str:
    taken = set(books(configuration))
    return next(name for number in range(2, len(taken) + 3) if (name := f"{user}.{number}") not in taken)


def _strategies(configuration: Configuration) -> Iterator[InputError]:
    for name, strategy in configuration.strategies.items():
        book = book_of_strategy(configuration, name)
        if book is None:
            continue
        owner = owner_of(configuration, book)
        if strategy.user is not None and strategy.user != owner:
            message = f"the book {book} is {owner}'s: {strategy.user} cannot trade in it"
            yield InputError(message, field=f"strategies.{name}.user", value=strategy.user, nearest=owner)
        for number, account in enumerate(strategy.accounts, start=1):
            if account in configuration.accounts and book_of_account(configuration, account) != book:
                place = book_of_account(configuration, account)
                message = f"the account {account} is in the book {place}, and the strategy in {book}"
                yield InputError(message, field=f"strategies.{name}.accounts.{number}", value=account)


__all__ = [
    "MAIN",
    "OPERATOR",
    "SIMULATED",
    "SYSTEM",
    "book_of_account",
    "book_of_strategy",
    "book_of_user",
    "books",
    "limits_of",
    "mode_of",
    "owner_of",
    "problems",
]
