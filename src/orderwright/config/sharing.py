"""Strategies that trade in one account: its position is one for all of them, so they trade against each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from orderwright.config import owning
from orderwright.config.schema import Configuration

if TYPE_CHECKING:
    from orderwright.config.owners import StrategyKeys

_SEPARATORS = re.compile(r"[/_-]")


def shared_accounts(configuration: Configuration) -> list[str]:
    """A sentence for each account in which more than one strategy may trade the same symbol."""
    strategies = configuration.strategies
    by_account: dict[str, list[str]] = {}
    for name in strategies:
        for account in _accounts_of(configuration, name):
            by_account.setdefault(account, []).append(name)
    found: dict[tuple[str, ...], str] = {}
    for account, names in by_account.items():
        meeting = tuple(name for name in names if _meets(strategies, name, names))
        if meeting:
            found.setdefault(meeting, account)
    return [_sentence(account, names) for names, account in found.items()]


def _accounts_of(configuration: Configuration, strategy: str) -> Iterator[str]:
    """Where a strategy may trade: its own accounts, else its user's one, else all that its user has."""
    its = configuration.strategies[strategy]
    if its.accounts:
        yield from its.accounts
        return
    book = owning.book_of_strategy(configuration, strategy) or owning.MAIN
    user = its.user or owning.owner_of(configuration, book)
    named = configuration.users[user].account if user in configuration.users else None
    if named is not None:
        yield named
        return
    theirs = [
        name
        for name, account in configuration.accounts.items()
        if owning.book_of_account(configuration, name) == book
        and (account.user or owning.owner_of(configuration, book)) == user
    ]
    yield from theirs or [f"of {user}"]


def _meets(strategies: dict[str, StrategyKeys], name: str, names: list[str]) -> bool:
    """Whether another strategy of the account may trade the same symbol."""
    return any(
        name in pair and _may_be_one(strategies[pair[0]].symbol, strategies[pair[1]].symbol)
        for pair in combinations(names, 2)
    )


def _may_be_one(one: str | None, other: str | None) -> bool:
    return not one or not other or _SEPARATORS.sub("", one).upper() == _SEPARATORS.sub("", other).upper()


def _sentence(account: str, names: tuple[str, ...]) -> str:
    which = ", ".join(names[:-1]) + f" and {names[-1]}"
    return (
        f"strategies {which} share the account {account}: its position is one for all of them, so a target or a close "
        "of one trades away what another holds. Give each an account of its own (strategies.NAME.accounts; "
        "docs/tradingview.md, Two strategies)"
    )


__all__ = ["shared_accounts"]
