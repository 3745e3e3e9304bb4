"""What everything is worth in a currency, at a moment and over time.

- Equity is what all balances are worth, and the unrealised profit of futures. A spot holding is a balance.
- Of a total, `in_orders` is what working orders lock. `in_positions` is, of spot, what fills have bought and no order
  locks, as far as it is still there; of futures, margin (cost / leverage) and unrealised profit. The rest is available.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import dropwhile

import msgspec

from orderwright.analytics.portfolio.records import AssetTotal, EquityPoint, ExchangeTotal, TotalBalance
from orderwright.analytics.portfolio.scope import Owned, Scope, exact, one_or_all, owned_rows, scope_of
from orderwright.analytics.portfolio.valuation import Rates, Valuer
from orderwright.core.model import DAY, Position
from orderwright.core.numbers import ZERO, canonical, divided, moment
from orderwright.core.portfolio import unrealised
from orderwright.errors import InputError
from orderwright.ports import Journal, Row

MOST_POINTS = 10_000
POINTS = 30


@exact
def total_balance(
    journal: Journal,
    *,
    user: str | None = None,
    exchange: str | None = None,
    account: str | None = None,
    currency: str = "USD",
    as_of: int | None = None,
) -> TotalBalance:
    """What a user's balances and positions are worth in a currency, on an exchange or in all."""
    scope = scope_of(journal, user, one_or_all(exchange), account)
    rates = Valuer(journal, scope.books, currency).at(as_of)
    assets, parts, missing = _balances_worth(journal, scope, rates, as_of)
    exchanges: dict[str, ExchangeTotal] = {}
    for one, part in parts:
        exchanges[one] = _sum(exchanges.get(one, ExchangeTotal(exchange=one)), part)
    whole = ExchangeTotal(exchange="")
    for part in exchanges.values():
        whole = _sum(whole, part)
    figures = {name: getattr(whole, name) for name in ExchangeTotal.__struct_fields__ if name != "exchange"}
    return TotalBalance(
        currency=currency,
        as_of=as_of,
        **figures,
        exchanges=tuple(exchanges[name] for name in sorted(exchanges)),
        assets=tuple(sorted(assets, key=lambda one: (one.book, one.exchange, one.asset))),
        missing=tuple(sorted(missing)),
        complete=not missing,
    )


def _sum(one: ExchangeTotal, other: ExchangeTotal) -> ExchangeTotal:
    names = [name for name in ExchangeTotal.__struct_fields__ if name != "exchange"]
    return msgspec.structs.replace(one, **{name: getattr(one, name) + getattr(other, name) for name in names})


Parts = list[tuple[str, ExchangeTotal]]


def _balances_worth(
    journal: Journal, scope: Scope, rates: dict[str, Rates], as_of: int | None
) -> tuple[list[AssetTotal], Parts, set[str]]:
    """Each asset, what each account adds to its exchange's total, and what has no price."""
    assets: dict[tuple[str, str, str], AssetTotal] = {}
    parts, missing = [], set()
    bound, futures, unpriced = _positions_worth(journal, scope, rates, as_of)
    for one, row in owned_rows(journal, "balances", scope, as_of):
        rate = rates[one.book].rate(one.exchange, row["asset"])
        key = (one.book, one.exchange, row["asset"])
        assets[key] = _asset_total(assets.get(key), key, row, rate)
        if rate is None:
            missing |= {row["asset"]} if row["total"] else set()
            continue
        spot, margin = bound.get((one.book, one.account, row["asset"]), (ZERO, ZERO))
        held = (min(spot, max(row["free"], ZERO)) + margin) * rate
        total, locked = row["total"] * rate, row["locked"] * rate
        available = total - locked - held
        part = ExchangeTotal(
            exchange=one.exchange, total=total, available=available, in_orders=locked, in_positions=held
        )
        parts.append((one.exchange, part))
    for name, profit in futures:
        parts.append((name, ExchangeTotal(exchange=name, total=profit, in_positions=profit, unrealised=profit)))
    return list(assets.values()), parts, missing | unpriced


def _asset_total(known: AssetTotal | None, key: tuple[str, str, str], row: Row, rate: Decimal | None) -> AssetTotal:
    sums = {name: row[name] + (ZERO if known is None else getattr(known, name)) for name in ("total", "locked", "free")}
    value = None if rate is None else sums["total"] * rate
    return AssetTotal(book=key[0], exchange=key[1], asset=key[2], **sums, price=rate, value=value)


Bound = dict[tuple[str, str, str], tuple[Decimal, Decimal]]


def _positions_worth(
    journal: Journal, scope: Scope, rates: dict[str, Rates], as_of: int | None
) -> tuple[Bound, list[tuple[str, Decimal]], set[str]]:
    """By (book, account, asset) what spot positions hold and what futures bind as margin, in units of the asset; the
    unrealised profit of futures by exchange; and the symbols without a price."""
    bound: Bound = {}
    futures, missing = [], set()
    for one, row in owned_rows(journal, "positions", scope, as_of):
        market = rates[one.book].market(one.exchange, row["symbol"])
        key = (one.book, one.account, market.quote if market.linear else market.base)
        spot, margin = bound.get(key, (ZERO, ZERO))
        if not market.linear:
            bound[key] = (spot + max(row["size"], ZERO), margin)
        elif row["size"]:
            bound[key] = (spot, margin + canonical(divided(row["cost"], one.leverage)))
            profit = _futures_profit(rates[one.book], one, row)
            if profit is None:
                missing.add(row["symbol"])
            else:
                futures.append((one.exchange, profit))
    return bound, futures, missing


def _futures_profit(rates: Rates, one: Owned, row: Row) -> Decimal | None:
    """What a futures position would bring, in the currency; None without a price."""
    price = rates.price(one.exchange, row["symbol"])
    rate = rates.rate(one.exchange, rates.market(one.exchange, row["symbol"]).quote)
    if price is None or rate is None:
        return None
    return unrealised(Position(row["size"], row["cost"], row["realised"]), price) * rate


@exact
def equity_curve(
    journal: Journal,
    *,
    user: str | None = None,
    exchange: str | None = None,
    account: str | None = None,
    currency: str = "USD",
    every: int = DAY,
    start: int | None = None,
    end: int | None = None,
    as_of: int | None = None,
) -> list[EquityPoint]:
    """Equity at `start`, and every so many microseconds, up to `end` (the newest of the scope's rows; not beyond
    `as_of`). Without a start: 30 points, the last of them at the end. Raises InputError for a step or a span that
    gives no curve."""
    scope = scope_of(journal, user, one_or_all(exchange), account)
    valuer = Valuer(journal, scope.books, currency)
    times = _times(journal, scope, every, start, _sooner(end, as_of))
    points = [_point(journal, scope, valuer, time) for time in times]
    if start is None:  # so far back there may have been nothing yet
        points = list(dropwhile(lambda found: not found[1], points))
    return [point for point, _ in points]


def _times(journal: Journal, scope: Scope, every: int, start: int | None, end: int | None) -> Sequence[int]:
    if every <= 0:
        raise InputError("a step has to be longer than nothing", field="every", value=every)
    if end is None:
        tables = ("balances", "positions")
        end = max((row["time"] for table in tables for _, row in owned_rows(journal, table, scope, None)), default=None)
        priced = [row["time"] for book in scope.books for row in journal.latest("prices", where={"book": book})]
        end = max([time for time in (end, *priced) if time is not None], default=start)
    if end is None:
        return ()
    first = end - (POINTS - 1) * every if start is None else start
    if first > end:
        raise InputError(
            "the curve would end before it begins", field="start", value=moment(first), nearest=moment(end)
        )
    times = range(first, end + 1, every)
    if len(times) > MOST_POINTS:
        wider = (end - first) // (MOST_POINTS - 1) + 1
        raise InputError(f"{len(times):,} points are too many", field="every", value=every, nearest=wider)
    return times


def _point(journal: Journal, scope: Scope, valuer: Valuer, time: int) -> tuple[EquityPoint, bool]:
    """Equity at a time, and whether there was any balance yet."""
    rates, total, missing = valuer.at(time), ZERO, set()
    owned = list(owned_rows(journal, "balances", scope, time))
    for one, row in owned:
        rate = rates[one.book].rate(one.exchange, row["asset"]) if row["total"] else ZERO
        if rate is None:
            missing.add(row["asset"])
        else:
            total += row["total"] * rate
    if valuer.has_futures:
        _, futures, unpriced = _positions_worth(journal, scope, rates, time)
        total += sum((profit for _, profit in futures), ZERO)
        missing |= unpriced
    return EquityPoint(time=time, equity=total, missing=tuple(sorted(missing)), complete=not missing), bool(owned)


def _sooner(end: int | None, as_of: int | None) -> int | None:
    return min((time for time in (end, as_of) if time is not None), default=None)
