"""Exposure: what positions and working orders stake on the market, by user, account, exchange and symbol.

Of one account's symbol, at the middle of its market and in the currency:

- long is the value of a position above zero, short of one below; gross = long + short, net = long - short;
- buying and selling are the values of what working orders may still fill, requests whose outcome is unknown included;
- worst is the larger of position + buying and selling - position, as the limits of `core.risk` count it.

A group adds these up. A deposit is no position: it is in the balances.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from orderwright.analytics.portfolio.balances import unfinished
from orderwright.analytics.portfolio.records import Exposure
from orderwright.analytics.portfolio.scope import Owned, exact, one_or_all, owned_rows, scope_of
from orderwright.analytics.portfolio.valuation import Rates, Valuer
from orderwright.core.model import OrderSide, OrderStatus
from orderwright.core.numbers import ZERO
from orderwright.errors import UnknownName
from orderwright.ports import Journal

GROUPS = ("user", "account", "exchange", "symbol")
_SUMS = ("long", "short", "gross", "net", "buying", "selling", "worst")


@exact
def exposure(
    journal: Journal,
    by: Sequence[str] | str = ("exchange", "symbol"),
    *,
    user: str | None = None,
    exchange: str | None = None,
    account: str | None = None,
    currency: str = "USD",
    as_of: int | None = None,
) -> list[Exposure]:
    """The exposure of each group with a position or a working order, in the groups' order. by: any of GROUPS; none of
    them gives the whole in one record. Raises UnknownName."""
    words = groups_of(by, GROUPS)
    scope = scope_of(journal, user, one_or_all(exchange), account)
    rates = Valuer(journal, scope.books, currency).at(as_of)
    sizes: dict[tuple[Owned, str], list[Decimal]] = {}
    for one, row in owned_rows(journal, "positions", scope, as_of):
        if row["size"]:
            sizes[one, row["symbol"]] = [row["size"], ZERO, ZERO]
    for one, order in unfinished(journal, scope, as_of):
        if order.exposed and order.status is not OrderStatus.PENDING:
            amounts = sizes.setdefault((one, order.instruction.symbol), [ZERO, ZERO, ZERO])
            amounts[1 if order.instruction.side is OrderSide.BUY else 2] += order.exposed
    found: dict[tuple[str, ...], Exposure] = {} if words else {(): Exposure(currency=currency)}
    for (one, symbol), (size, buys, sells) in sizes.items():
        named: dict[str, Any] = {word: symbol if word == "symbol" else getattr(one, word) for word in words}
        staked = _staked(rates[one.book], one, symbol, size, buys, sells)
        key = tuple(named.values())
        found[key] = _add(found.get(key, Exposure(**named, currency=currency)), staked, symbol)
    return [found[key] for key in sorted(found)]


def groups_of(by: Sequence[str] | str, known: Sequence[str]) -> tuple[str, ...]:
    """The words of a grouping, each once; text is split at commas. Raises UnknownName with the nearest."""
    words = [word.strip() for word in by.split(",") if word.strip()] if isinstance(by, str) else by
    for word in words:
        if word not in known:
            raise UnknownName("group", word, known, field="by")
    return tuple(dict.fromkeys(words))


def _staked(
    rates: Rates, one: Owned, symbol: str, size: Decimal, buys: Decimal, sells: Decimal
) -> dict[str, Decimal] | None:
    """The figures of one position; None without a price."""
    unit = rates.unit(one.exchange, symbol)
    if unit is None:
        return None
    worst = max(size + buys, sells - size, ZERO)
    amounts = (max(size, ZERO), max(-size, ZERO), abs(size), size, buys, sells, worst)
    return {name: amount * unit for name, amount in zip(_SUMS, amounts, strict=True)}


def _add(known: Exposure, staked: dict[str, Decimal] | None, symbol: str) -> Exposure:
    if staked is None:
        missing = tuple(sorted({*known.missing, symbol}))
        return msgspec.structs.replace(known, missing=missing, complete=False)
    return msgspec.structs.replace(known, **{name: getattr(known, name) + staked[name] for name in _SUMS})
