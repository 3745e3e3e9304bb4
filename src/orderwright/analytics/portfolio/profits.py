"""Profit: what fills made, by day, strategy, symbol, exchange, account and user.

A fill moves assets: the base (of futures: contracts), the quote, and the fee's asset. What a group's fills have moved
up to a moment, each asset added up, is worth something at that moment's prices (`valuation`); call that V. Then

    profit of a period = V at its end - V at its start
                       = brought + inventory - fees

- brought: what the period's fills brought in quote, sells less buys; fees: what they paid. Both at the prices of the
  period's end, which matters only where the quote or the fee's asset is not the currency itself.
- inventory: the rest, which is the change of the value of what the group's fills hold, those before the period
  included, from the prices of its start to the prices of its end.

Profit is a difference of sums, so it adds up exactly, over groups and over days that follow one another, to that of
the whole; and for an account into which nothing but the currency was paid, it is the change of equity less the cash
that was moved. (A deposit of anything else changes its value too; that is no fill's doing and in no group.)

A corrected or busted fill is booked back when it was corrected, as in the balances: each day's profit is that day's,
and in the whole a fill counts as it now stands. A period is [start, end), days are UTC, and a price is the last one
before a moment. What had no price at a moment is left out of V then, and named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from msgspec import Struct, field

from orderwright.analytics.portfolio.exposures import groups_of
from orderwright.analytics.portfolio.records import Profit
from orderwright.analytics.portfolio.scope import Owned, Scope, exact, one_or_all, scope_of
from orderwright.analytics.portfolio.valuation import Market, Rates, Valuer
from orderwright.core.model import DAY
from orderwright.core.numbers import ZERO, moment
from orderwright.errors import InputError
from orderwright.ports import Journal, Row

GROUPS = ("day", "user", "account", "exchange", "strategy", "symbol")
MOST_DAYS = 10_000

Holding = tuple[str, str, str, bool]
"""(book, exchange, asset or symbol, whether it is a contract)"""
Group = tuple[str, ...]
Amounts = defaultdict[Holding, Decimal]


class _Kind(Struct, frozen=True):
    """What the fills of one group, account and symbol have in common."""

    group: Group
    base: Holding
    quote: Holding


class _Fill(Struct, gc=False):
    """What one fill moved, or one that was booked back."""

    time: int
    kind: _Kind
    base: Decimal
    quote: Decimal
    fee: Decimal
    fee_in: Holding


def _amounts() -> Amounts:
    return defaultdict(lambda: ZERO)


class _Made(Struct):
    """A group: what its fills hold and, of the period, what they brought, paid and how many they were. worth: V at the
    period's start, and what had no price then."""

    held: Amounts = field(default_factory=_amounts)
    brought: Amounts = field(default_factory=_amounts)
    fees: Amounts = field(default_factory=_amounts)
    fills: int = 0
    worth: Decimal = ZERO
    missing: frozenset[str] = frozenset()


@exact
def profit(
    journal: Journal,
    by: Sequence[str] | str = ("day",),
    *,
    user: str | None = None,
    exchange: str | None = None,
    account: str | None = None,
    start: int | None = None,
    end: int | None = None,
    currency: str = "USD",
    as_of: int | None = None,
) -> list[Profit]:
    """The profit of each group in which something was booked or has changed its value, in the groups' order. by: any of
    GROUPS; none of them gives the whole in one record.

    start and end are microseconds, None for the first fill and for now. Raises UnknownName for a word, user, exchange
    or currency that is not known, InputError for a period that ends before it begins.
    """
    words = groups_of(by, GROUPS)
    if as_of is not None:
        end = as_of + 1 if end is None else min(end, as_of + 1)
    if start is not None and end is not None and start >= end:
        raise InputError(
            "the period would end before it begins", field="start", value=moment(start), nearest=moment(end - 1)
        )
    scope = scope_of(journal, user, one_or_all(exchange), account)
    valuer = Valuer(journal, scope.books, currency)
    fills = _fills(journal, scope, valuer, tuple(word for word in words if word != "day"), end)
    moments = _moments(fills, valuer, start, end, daily="day" in words)
    return _lines(words, fills, valuer, moments)


def _moments(
    fills: list[_Fill], valuer: Valuer, start: int | None, end: int | None, *, daily: bool
) -> list[int | None]:
    """The moments at which the periods begin and end; None is now."""
    start = start if start is not None else fills[0].time if fills else end
    if not daily:
        return [start, end]
    newest = [quote.time for markets in valuer.markets.values() for quote in markets.prices.values()]
    until = end if end is not None else 1 + max([*newest, *(fill.time for fill in fills[-1:])], default=0)
    first = until if start is None else start
    midnights = range((first // DAY + 1) * DAY, until, DAY)
    if len(midnights) > MOST_DAYS:
        raise InputError(f"{len(midnights):,} days are too many", field="start", value=start, nearest=end)
    return [first, *midnights, end]


def _lines(words: Sequence[str], fills: list[_Fill], valuer: Valuer, moments: list[int | None]) -> list[Profit]:
    """Book the fills period by period, and say after each what it made."""
    made: defaultdict[Group, _Made] = defaultdict(_Made)
    if words in ((), ("day",)):
        made[()] = _Made()
    waiting = iter(fills)
    fill = _book(made, waiting, next(waiting, None), moments[0])
    _begin(made, valuer, moments[0])
    lines = []
    for start, end in pairwise(moments):
        fill = _book(made, waiting, fill, end)
        rates = valuer.at(None if end is None else end - 1)
        day = None if start is None else start // DAY * DAY
        for group, one in made.items():
            line = _line(words, group, day, one, rates, valuer.currency)
            if line.fills or line.profit or not words:
                lines.append(line)
    return sorted(lines, key=lambda line: [getattr(line, word) for word in words])


def _book(
    made: defaultdict[Group, _Made], waiting: Iterator[_Fill], fill: _Fill | None, until: int | None
) -> _Fill | None:
    """Book the fills before a moment; returns the first one after it."""
    while fill is not None and (until is None or fill.time < until):
        kind = fill.kind
        one, fee = made[kind.group], fill.fee
        one.held[kind.base] += fill.base
        one.held[kind.quote] += fill.quote
        one.brought[kind.quote] += fill.quote
        if fee:
            one.held[fill.fee_in] -= fee
            one.fees[fill.fee_in] += fee
        one.fills += 1
        fill = next(waiting, None)
    return fill


def _begin(made: dict[Group, _Made], valuer: Valuer, start: int | None) -> None:
    """What each group's fills were worth when the first period began."""
    rates = valuer.at(None if start is None else start - 1)
    for one in made.values():
        one.worth, one.missing = _worth(one.held, rates)
        _next_period(one)


def _next_period(one: _Made) -> None:
    one.brought.clear()
    one.fees.clear()
    one.fills = 0


def _line(
    words: Sequence[str], group: Group, day: int | None, one: _Made, rates: dict[str, Rates], currency: str
) -> Profit:
    """What a group made in the period that ends; then its next one begins."""
    worth, missing = _worth(one.held, rates)
    brought, unknown_quote = _worth(one.brought, rates)
    fees, unknown_fee = _worth(one.fees, rates)
    made = worth - one.worth
    unpriced = one.missing | missing | unknown_quote | unknown_fee
    named: dict[str, Any] = dict(zip((word for word in words if word != "day"), group, strict=True))
    line = Profit(
        **named,
        day=day if "day" in words else None,
        currency=currency,
        profit=made,
        brought=brought,
        inventory=made - brought + fees,
        fees=fees,
        fills=one.fills,
        missing=tuple(sorted(unpriced)),
        complete=not unpriced,
    )
    one.worth, one.missing = worth, missing
    _next_period(one)
    return line


def _worth(amounts: Amounts, rates: dict[str, Rates]) -> tuple[Decimal, frozenset[str]]:
    """The value of some holdings, and the names of those without a price."""
    total, missing = ZERO, []
    for (book, exchange, name, contract), amount in amounts.items():
        if amount:
            rate = rates[book].unit(exchange, name) if contract else rates[book].rate(exchange, name)
            if rate is None:
                missing.append(name)
            else:
                total += amount * rate
    return total, frozenset(missing)


def _fills(journal: Journal, scope: Scope, valuer: Valuer, words: Sequence[str], end: int | None) -> list[_Fill]:
    """Every fill before `end`, and every booking back of one, oldest first."""
    found: list[_Fill] = []
    for book, accounts in scope.books.items():
        where = {"book": book, "account": accounts}
        kinds: dict[tuple[str, str, str | None], _Kind] = {}
        booked: dict[tuple[int, str], _Fill] = {}
        for row in journal.history("moves", where=where, as_of=None if end is None else end - 1):
            key = (row["id"], row["execution_id"])
            if row["standing"]:
                same = (row["account"], row["symbol"], row["strategy"])
                kind = kinds.get(same)
                if kind is None:
                    one = scope.accounts[book, row["account"]]
                    market = valuer.markets[book].listed[one.exchange, row["symbol"]]
                    kind = kinds[same] = _kind(row, one, market, words)
                fill = booked[key] = _fill(row, kind)
                found.append(fill)
            elif key in booked:
                found.append(_back(booked[key], row["time"]))
    found.sort(key=lambda fill: fill.time)
    return found


def _kind(row: Row, one: Owned, market: Market, words: Sequence[str]) -> _Kind:
    place = (one.book, one.exchange)
    return _Kind(
        tuple([(row[word] or "") if word in ("strategy", "symbol") else getattr(one, word) for word in words]),
        (*place, market.symbol if market.linear else market.base, market.linear),
        (*place, market.quote, False),
    )


def _fill(row: Row, kind: _Kind) -> _Fill:
    quantity = row["quantity"]
    signed = quantity if row["side"] == "buy" else -quantity
    quote = kind.quote
    fee_in = quote if row["fee_asset"] == quote[2] else (quote[0], quote[1], row["fee_asset"] or "", False)
    return _Fill(row["time"], kind, signed, -signed * row["price"], row["fee"], fee_in)


def _back(fill: _Fill, time: int) -> _Fill:
    """The fill, booked back."""
    return _Fill(time, fill.kind, -fill.base, -fill.quote, -fill.fee, fill.fee_in)
