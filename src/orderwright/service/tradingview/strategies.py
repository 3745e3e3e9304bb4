"""What an alert trades for: a token or the name of a strategy stands for user, book, accounts and sizing.

A token decides; an alert that names another configured strategy beside it is refused, for one of the two is wrong.
Without a token the alert's `strategy` has to name one that is configured; where it names none of them, or was not
filled in, the alert trades for the service's default user, with the default sizing, under the name it says, and that is
noted. A name that is nearly that of a configured strategy is refused: it was meant to be that one.
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

_NEARLY, _MOST_NAMED = 0.8, 5


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


def strategy_of(known: Mapping[str, Strategy], said: str) -> Strategy:
    """Who an alert without a token trades for. said: what its `strategy` says. Raises InputError for a misspelt
    name."""
    if said in known:
        return known[said]
    near = difflib.get_close_matches(said.lower(), {name.lower(): name for name in known}, n=1, cutoff=_NEARLY)
    if said and near:
        nearest = next(name for name in known if name.lower() == near[0])
        raise InputError(f"there is no strategy {said!r}", field="strategy", value=said, nearest=nearest)
    return Strategy(name=said)


def check_named(known: Mapping[str, Strategy], strategy: Strategy, said: str) -> None:
    """Raises InputError where an alert under the token of one strategy names another that is configured."""
    if said != strategy.name and said in known:
        message = f"the token is that of {strategy.name!r}, and the alert is of another strategy: one of them is wrong"
        raise InputError(message, field="strategy", value=said, nearest=strategy.name)


def notes_on(known: Mapping[str, Strategy], strategy: Strategy, said: str) -> list[str]:
    """What the sender should know of who the alert trades for."""
    if strategy.name in known:
        other = bool(said) and said != strategy.name
        return [f"strategy {said!r}: not used, the token is that of {strategy.name!r}"] if other else []
    names = ", ".join(list(known)[:_MOST_NAMED]) + (", ..." if len(known) > _MOST_NAMED else "")
    what = f"strategy {said!r} is not configured" if said else "the alert names no strategy"
    return [f"{what} (there is: {names or 'none'}): it trades for {strategy.user} with the default sizing"]


__all__ = ["Strategy", "check_named", "notes_on", "sizing_of", "strategies_of", "strategy_of", "terms_of"]
