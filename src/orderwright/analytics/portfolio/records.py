"""The answers to the portfolio questions, as records; `portfolio` and `profit` give them.

Times are microseconds, money is Decimal. A value is in the currency that was asked for; None means that nothing was
logged to value it by. `missing` names what was left out of a total for that reason (an asset, or a symbol with an open
futures position), and `complete` says whether there was none.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from orderwright.core.numbers import ZERO


class Price(Struct, frozen=True, kw_only=True):
    """The newest logged price of a symbol. time: the quote's own."""

    book: str
    exchange: str
    symbol: str
    last: Decimal
    bid: Decimal | None
    ask: Decimal | None
    mid: Decimal
    time: int


class AssetBalance(Struct, frozen=True, kw_only=True):
    """One asset of one account. time: when it last changed."""

    book: str
    user: str
    exchange: str
    account: str
    asset: str
    total: Decimal
    locked: Decimal
    free: Decimal
    time: int


class BalanceChange(Struct, frozen=True, kw_only=True):
    """One change of a balance, or of what is locked of it, and the balance after it. event: what caused it."""

    book: str
    user: str
    exchange: str
    account: str
    asset: str
    time: int
    change: Decimal
    total: Decimal
    locked: Decimal
    free: Decimal
    event: str
    order_id: str | None


class WorkingOrder(Struct, frozen=True, kw_only=True):
    """An order that has not ended, and what it locks. exposed: what may still fill of it."""

    book: str
    user: str
    exchange: str
    account: str
    order_id: str
    symbol: str
    side: str
    order_type: str
    status: str
    strategy: str
    quantity: Decimal
    price: Decimal | None
    exposed: Decimal
    asset: str
    locked: Decimal
    created_at: int


class OpenPosition(Struct, frozen=True, kw_only=True):
    """A position that is not flat. cost, value and unrealised are in the symbol's quote asset; price is the middle of
    the market as last logged."""

    book: str
    user: str
    exchange: str
    account: str
    symbol: str
    linear: bool
    size: Decimal
    cost: Decimal
    realised: Decimal
    price: Decimal | None
    value: Decimal | None
    unrealised: Decimal | None


class OpenBalances(Struct, frozen=True, kw_only=True):
    """What is not free: locked, order by order, and in open positions."""

    orders: tuple[WorkingOrder, ...]
    positions: tuple[OpenPosition, ...]


class AssetTotal(Struct, frozen=True, kw_only=True):
    """One asset on one exchange, all accounts of a book together. price: of one unit, in the currency."""

    book: str
    exchange: str
    asset: str
    total: Decimal
    locked: Decimal
    free: Decimal
    price: Decimal | None
    value: Decimal | None


class ExchangeTotal(Struct, frozen=True, kw_only=True):
    """total = available + in_orders + in_positions. unrealised: the part of it that open futures would bring."""

    exchange: str
    total: Decimal = ZERO
    available: Decimal = ZERO
    in_orders: Decimal = ZERO
    in_positions: Decimal = ZERO
    unrealised: Decimal = ZERO


class TotalBalance(Struct, frozen=True, kw_only=True):
    """What everything is worth. total = available + in_orders + in_positions, and the sum of `exchanges`."""

    currency: str
    as_of: int | None
    total: Decimal
    available: Decimal
    in_orders: Decimal
    in_positions: Decimal
    unrealised: Decimal
    exchanges: tuple[ExchangeTotal, ...]
    assets: tuple[AssetTotal, ...]
    missing: tuple[str, ...]
    complete: bool


class Exposure(Struct, frozen=True, kw_only=True):
    """What a group of positions stakes on the market. A field of the group that was not asked for is None.

    long and short: the values of positions above and below zero; gross is their sum, net their difference. buying and
    selling: what working orders may add. worst: gross with the worse side of each position's orders filled.
    """

    user: str | None = None
    account: str | None = None
    exchange: str | None = None
    symbol: str | None = None
    currency: str
    long: Decimal = ZERO
    short: Decimal = ZERO
    gross: Decimal = ZERO
    net: Decimal = ZERO
    buying: Decimal = ZERO
    selling: Decimal = ZERO
    worst: Decimal = ZERO
    missing: tuple[str, ...] = ()
    complete: bool = True


class EquityPoint(Struct, frozen=True, kw_only=True):
    """Equity at the end of a moment: balances and the unrealised profit of futures."""

    time: int
    equity: Decimal
    missing: tuple[str, ...]
    complete: bool


class Profit(Struct, frozen=True, kw_only=True):
    """What a group of fills made in a period; see `profit` for the definition. A field of the group that was not asked
    for is None; day is its first microsecond, UTC.

    profit = brought + inventory - fees. fills: how many were booked in the period, corrections among them.
    """

    day: int | None = None
    user: str | None = None
    account: str | None = None
    exchange: str | None = None
    strategy: str | None = None
    symbol: str | None = None
    currency: str
    profit: Decimal
    brought: Decimal
    inventory: Decimal
    fees: Decimal
    fills: int
    missing: tuple[str, ...]
    complete: bool
