"""What an alert trades for: a token or the name of a strategy stands for user, book, accounts and sizing.

Without a token the alert's `strategy` has to name one that is configured; where it names none of them, or was not
filled in, the alert trades for the service's default user, with the default sizing, under the name it says. A name that
is nearly that of a configured strategy is refused: it was meant to be that one.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from orderwright.core.model import Sizing, Terms
from orderwright.errors import InputError

if TYPE_CHECKING:
    from orderwright.config.owners import SizingKeys
    from orderwright.config.schema import Configuration

_NEARLY = 0.8


class Strategy(Struct, frozen=True, kw_only=True):
    """Who an alert trades for. accounts: where, the first of them for what opens; empty for the user's own. short:
    accounts that may be short. symbol: for alerts that name none."""

    name: str
    user: str = ""
    book: str = ""
    accounts: tuple[str, ...] = ()
    terms: Terms = Terms()
    symbol: str = ""


def sizing_of(keys: SizingKeys | None) -> Sizing:
    """The sizing of a strategy; 10 % of the equity where none is configured."""
    if keys is None:
        return Sizing()
    return Sizing(by=keys.by, amount=keys.amount, multiple=keys.multiple, stop_percent=keys.stop_percent)


def strategies_of(configuration: Configuration) -> dict[str, Strategy]:
    """Every strategy that is configured, by name."""
    from orderwright.config import owning

    found = {}
    for name, keys in configuration.strategies.items():
        book = owning.book_of_strategy(configuration, name) or ""
        user = keys.user or (owning.owner_of(configuration, book) if book else "")
        found[name] = Strategy(
            name=name,
            user=user,
            book=book,
            accounts=tuple(keys.accounts) or _account_of_user(configuration, user),
            terms=terms_of(configuration, name) or Terms(),
            symbol=keys.symbol or "",
        )
    return found


def terms_of(configuration: Configuration, strategy: str) -> Terms | None:
    """What the signals of a configured strategy may do and how they are sized; None for any other name: its signals are
    taken as they stand."""
    keys = configuration.strategies.get(strategy)
    if keys is None:
        return None
    return Terms(sizing=sizing_of(keys.sizing), flip=keys.flip, allow_short=keys.allow_short)


def _account_of_user(configuration: Configuration, user: str) -> tuple[str, ...]:
    account = configuration.users[user].account if user in configuration.users else None
    return (account,) if account else ()


def strategy_of(known: Mapping[str, Strategy], token: str | None, said: str) -> Strategy:
    """Who an alert trades for. token: the strategy that its token stands for. said: what its `strategy` says. Raises
    InputError for a misspelt name."""
    if token is not None:
        return known[token]
    if said in known:
        return known[said]
    near = difflib.get_close_matches(said.lower(), {name.lower(): name for name in known}, n=1, cutoff=_NEARLY)
    if said and near:
        nearest = next(name for name in known if name.lower() == near[0])
        raise InputError(f"there is no strategy {said!r}", field="strategy", value=said, nearest=nearest)
    return Strategy(name=said)


__all__ = ["Strategy", "sizing_of", "strategies_of", "strategy_of", "terms_of"]
