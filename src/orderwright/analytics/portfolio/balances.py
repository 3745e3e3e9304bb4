"""Prices and balances of a user: the newest ones, what is not free, and every change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orderwright.analytics.portfolio.records import (
    AssetBalance,
    BalanceChange,
    OpenBalances,
    OpenPosition,
    Price,
    WorkingOrder,
)
from orderwright.analytics.portfolio.scope import Owned, Scope, exact, one_or_all, owned_rows, scope_of, whose
from orderwright.analytics.portfolio.valuation import Rates, Valuer, markets_of
from orderwright.core.model import DONE, Order, OrderStatus, Position, Quote
from orderwright.core.numbers import canonical
from orderwright.core.portfolio import unrealised
from orderwright.core.recovery import order_from
from orderwright.errors import UnknownName
from orderwright.ports import Journal, Row

_UNFINISHED = frozenset(status.value for status in OrderStatus if status not in DONE)


@exact
def latest_prices(
    journal: Journal,
    *,
    user: str | None = None,
    exchange: str | None = None,
    account: str | None = None,
    as_of: int | None = None,
) -> list[Price]:
    """The newest price of each of a user's symbols: those traded, with a working order, or whose base is held."""
    scope = scope_of(journal, user, one_or_all(exchange), account)
    wanted = {(one.book, one.exchange, row["symbol"]) for one, row in owned_rows(journal, "positions", scope, as_of)}
    for one, row in owned_rows(journal, "orders", scope, as_of, status=_UNFINISHED):
        wanted.add((one.book, one.exchange, row["symbol"]))
    held = {
        (one.book, one.exchange, row["asset"])
        for one, row in owned_rows(journal, "balances", scope, as_of)
        if row["total"]
    }
    for book in scope.books:
        listed = markets_of(journal, book).listed.values()
        wanted |= {
            (book, market.exchange, market.symbol) for market in listed if (book, market.exchange, market.base) in held
        }
    return [_price(row) for row in _price_rows(journal, scope, wanted, as_of)]


def _price_rows(journal: Journal, scope: Scope, wanted: Iterable[tuple[str, str, str]], as_of: int | None) -> list[Row]:
    symbols, found = set(wanted), []
    for book in scope.books:
        named: dict[str, set[str]] = {"exchange": set(), "symbol": set()}
        for owner, exchange, symbol in symbols:
            if owner == book:
                named["exchange"].add(exchange)
                named["symbol"].add(symbol)
        found += [
            row
            for row in journal.latest("prices", where={"book": book, **named}, as_of=as_of)
            if (book, row["exchange"], row["symbol"]) in symbols
        ]
    return sorted(found, key=lambda row: (row["book"], row["exchange"], row["symbol"]))


def _price(row: Row) -> Price:
    quote = Quote(row["last"], row["quote_time"], row["bid"], row["ask"])
    named = {name: row[name] for name in ("book", "exchange", "symbol", "last", "bid", "ask")}
    return Price(**named, mid=canonical(quote.mid), time=quote.time)


def latest_balances(
    journal: Journal,
    *,
    user: str | None = None,
    exchanges: Sequence[str] | None = None,
    account: str | None = None,
    as_of: int | None = None,
) -> list[AssetBalance]:
    """The newest balance of each asset of a user on some exchanges, or on every one."""
    scope = scope_of(journal, user, exchanges, account)
    found = [
        AssetBalance(**whose(one), **{name: row[name] for name in ("asset", "total", "locked", "free", "time")})
        for one, row in owned_rows(journal, "balances", scope, as_of)
    ]
    return sorted(found, key=lambda one: (one.book, one.user, one.exchange, one.account, one.asset))


@exact
def open_balances(
    journal: Journal,
    *,
    user: str | None = None,
    exchange: str | None = None,
    account: str | None = None,
    as_of: int | None = None,
) -> OpenBalances:
    """What is not free on an exchange: locked by each order that has not ended, and each open position."""
    scope = scope_of(journal, user, one_or_all(exchange), account)
    rates = Valuer(journal, scope.books, "USD").at(as_of)
    orders = [_working(one, order) for one, order in unfinished(journal, scope, as_of)]
    positions = [
        _open_position(one, row, rates[one.book])
        for one, row in owned_rows(journal, "positions", scope, as_of)
        if row["size"]
    ]
    return OpenBalances(
        orders=tuple(sorted(orders, key=lambda order: (order.created_at, order.order_id))),
        positions=tuple(sorted(positions, key=lambda one: (one.book, one.exchange, one.account, one.symbol))),
    )


def unfinished(journal: Journal, scope: Scope, as_of: int | None) -> list[tuple[Owned, Order]]:
    """The orders of a scope that had not ended, folded from their own events up to the moment."""
    found = []
    for one, row in owned_rows(journal, "orders", scope, as_of, status=_UNFINISHED):
        events = journal.recall_order(one.book, row["client_order_id"])
        found.append((one, order_from([event for event in events if as_of is None or event.time <= as_of])))
    return found


def _working(one: Owned, order: Order) -> WorkingOrder:
    said = order.instruction
    return WorkingOrder(
        **whose(one),
        order_id=said.order_id,
        symbol=said.symbol,
        side=said.side.value,
        order_type=said.type.value,
        status=order.status.value,
        strategy=said.strategy,
        quantity=order.quantity,
        price=order.price,
        exposed=order.exposed,
        asset=order.reserved_asset,
        locked=order.reserved,
        created_at=order.created_at,
    )


def _open_position(one: Owned, row: Row, rates: Rates) -> OpenPosition:
    price = rates.price(one.exchange, row["symbol"])
    position = Position(row["size"], row["cost"], row["realised"])
    return OpenPosition(
        **whose(one),
        **{name: row[name] for name in ("symbol", "size", "cost", "realised")},
        linear=rates.market(one.exchange, row["symbol"]).linear,
        price=price,
        value=None if price is None else position.size * price,
        unrealised=None if price is None else unrealised(position, price),
    )


def balance_history(
    journal: Journal,
    *,
    user: str | None = None,
    exchange: str | None = None,
    account: str | None = None,
    asset: str | None = None,
    start: int | None = None,
    as_of: int | None = None,
    limit: int | None = None,
) -> list[BalanceChange]:
    """Every change of a user's balances from `start` to `as_of`, both included, oldest first; of too many, the newest
    `limit`. Raises UnknownName for an asset that nobody has ever had."""
    scope = scope_of(journal, user, one_or_all(exchange), account)
    found = []
    names = ("asset", "time", "change", "total", "locked", "free", "event", "order_id")
    for book, accounts in scope.books.items():
        where: dict[str, object] = {"book": book, "account": accounts}
        if asset is not None:
            where["asset"] = asset
        for row in journal.history("ledger", where=where, limit=limit, since=start, as_of=as_of):
            owner = whose(scope.accounts[book, row["account"]])
            found.append(BalanceChange(**owner, **{name: row[name] for name in names}))
    if asset is not None and not found:
        _check_asset(journal, asset)
    found.sort(key=lambda change: change.time)
    return found if limit is None else found[max(0, len(found) - limit) :]


def _check_asset(journal: Journal, asset: str) -> None:
    known = {row["asset"] for row in journal.latest("balances")}
    if asset not in known:
        raise UnknownName("asset", asset, known, field="asset")
