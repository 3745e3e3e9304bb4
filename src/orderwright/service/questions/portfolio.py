"""The portfolio questions (analytics/portfolio), each from the log's read models, now or as of any moment."""

from __future__ import annotations

from functools import partial
from typing import Any

from msgspec import Struct

from orderwright.service.parts import Call
from orderwright.service.questions.asking import (
    Currency,
    Limit,
    Rows,
    Scope,
    ask,
    check_order,
    moment,
    question,
    scope_words,
)
from orderwright.service.questions.asking import shown as as_rows
from orderwright.service.views import plain
from orderwright.service.wanted import Short


class Valued(Scope, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same, in a currency."""

    currency: Currency = "USD"


class AskExposure(Valued, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """by: any of user, account, exchange, symbol, commas between."""

    by: Short = "exchange,symbol"


class AskProfit(Valued, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """by: any of day, user, account, exchange, strategy, symbol, commas between. start, end: of the period."""

    by: Short = "day"
    start: Short = ""
    end: Short = ""


class AskEquity(Valued, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """every: the step, such as 1h or 1d."""

    every: Short = "1d"
    start: Short = ""
    end: Short = ""


class AskHistory(Scope, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """asset: one asset. start: from when. limit: at most so many, the newest."""

    asset: Short = ""
    start: Short = ""
    limit: Limit = 100


class Balances(Struct, frozen=True, kw_only=True):
    """Total, locked and free of each asset of each account."""

    balances: Rows


class BalanceHistory(Struct, frozen=True, kw_only=True):
    """Every change of a balance, oldest first."""

    changes: Rows


class Positions(Struct, frozen=True, kw_only=True):
    """The positions that are not flat; value and unrealised are in the quote asset."""

    positions: Rows


class OpenBalances(Struct, frozen=True, kw_only=True):
    """What is not free: locked by working orders, and in open positions."""

    orders: Rows
    positions: Rows


class Exposures(Struct, frozen=True, kw_only=True):
    """What positions and working orders stake on the market, by group."""

    exposure: Rows


class Profits(Struct, frozen=True, kw_only=True):
    """What fills made, by group."""

    profit: Rows


class EquityCurve(Struct, frozen=True, kw_only=True):
    """Equity at each moment."""

    equity: Rows


async def balances(call: Call[None, Scope]) -> Balances:
    """The latest balance of each asset, or as of a moment."""
    from orderwright.analytics.portfolio import latest_balances

    words = scope_words(call.query)
    exchange = words.pop("exchange")
    exchanges = None if exchange is None else [exchange]
    found = await ask(call, lambda journal: latest_balances(journal, exchanges=exchanges, **words))
    return Balances(balances=as_rows(found))


async def balance_history(call: Call[None, AskHistory]) -> BalanceHistory:
    """Every change of a balance, and what caused it."""
    from orderwright.analytics.portfolio import balance_history as question

    asked, words = call.query, scope_words(call.query)
    start, asset = moment(asked.start, "start"), asked.asset.upper() or None
    check_order(start, words["as_of"])
    found = await ask(call, lambda journal: question(journal, asset=asset, start=start, limit=asked.limit, **words))
    return BalanceHistory(changes=as_rows(found))


async def positions(call: Call[None, Scope]) -> Positions:
    """Size, cost, profit and value."""
    from orderwright.analytics.portfolio import open_balances

    words = scope_words(call.query)
    found = await ask(call, lambda journal: open_balances(journal, **words))
    return Positions(positions=as_rows(found.positions))


async def open_(call: Call[None, Scope]) -> OpenBalances:
    """Locked by each working order, and in open positions."""
    from orderwright.analytics.portfolio import open_balances

    words = scope_words(call.query)
    found = await ask(call, lambda journal: open_balances(journal, **words))
    return OpenBalances(orders=as_rows(found.orders), positions=as_rows(found.positions))


async def total(call: Call[None, Valued]) -> dict[str, Any]:
    """What everything is worth, by exchange and in all; what has no price is named, and left out."""
    from orderwright.analytics.portfolio import total_balance

    words, currency = scope_words(call.query), call.query.currency.upper()
    found: dict[str, Any] = plain(await ask(call, lambda journal: total_balance(journal, currency=currency, **words)))
    return found


async def exposure(call: Call[None, AskExposure]) -> Exposures:
    """Long, short, gross, net, and what working orders may add."""
    from orderwright.analytics.portfolio import exposure as question

    asked, words = call.query, scope_words(call.query)
    found = await ask(call, lambda journal: question(journal, asked.by, currency=asked.currency.upper(), **words))
    return Exposures(exposure=as_rows(found))


async def profit(call: Call[None, AskProfit]) -> Profits:
    """What was brought in, what is held has gained, and fees."""
    from orderwright.analytics.portfolio import profit as question

    asked, words = call.query, scope_words(call.query)
    words |= {"start": moment(asked.start, "start"), "end": moment(asked.end, "end")}
    check_order(words["start"], words["end"])
    found = await ask(call, lambda journal: question(journal, asked.by, currency=asked.currency.upper(), **words))
    return Profits(profit=as_rows(found))


async def equity(call: Call[None, AskEquity]) -> EquityCurve:
    """Balances and the unrealised profit of futures, over time."""
    from orderwright.analytics.portfolio import equity_curve
    from orderwright.analytics.windows import parse_length

    asked, words = call.query, scope_words(call.query)
    words |= {"start": moment(asked.start, "start"), "end": moment(asked.end, "end")}
    check_order(words["start"], words["end"])
    every, currency = parse_length(asked.every, "every"), asked.currency.upper()
    found = await ask(call, lambda journal: equity_curve(journal, every=every, currency=currency, **words))
    return EquityCurve(equity=as_rows(found))


_route = partial(question, tag="portfolio")
ROUTES = [
    _route("/api/balances", balances, Scope, Balances, "Balances: total, locked, free"),
    _route("/api/balances/history", balance_history, AskHistory, BalanceHistory, "Every change of the balances"),
    _route("/api/positions", positions, Scope, Positions, "Open positions"),
    _route("/api/portfolio/open", open_, Scope, OpenBalances, "What is locked in orders and in positions"),
    _route("/api/portfolio/total", total, Valued, dict[str, Any], "What everything is worth"),
    _route("/api/portfolio/exposure", exposure, AskExposure, Exposures, "What is staked on the market"),
    _route("/api/portfolio/profit", profit, AskProfit, Profits, "Profit by day, strategy, symbol ..."),
    _route("/api/portfolio/equity", equity, AskEquity, EquityCurve, "Equity over time"),
]

__all__ = ["ROUTES"]
