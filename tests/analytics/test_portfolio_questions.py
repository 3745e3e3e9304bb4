"""The portfolio questions on a small book that is worked out by hand: see `a_traded_book`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orderwright.analytics.portfolio import (
    balance_history,
    equity_curve,
    exposure,
    latest_balances,
    latest_prices,
    open_balances,
    profit,
    total_balance,
)
from orderwright.analytics.portfolio.records import (
    AssetBalance,
    AssetTotal,
    EquityPoint,
    ExchangeTotal,
    Exposure,
    OpenBalances,
    OpenPosition,
    Price,
    Profit,
    TotalBalance,
    WorkingOrder,
)
from orderwright.core.model import DAY
from orderwright.core.numbers import ZERO, moment
from orderwright.errors import InputError, UnknownName
from orderwright.journal import MemoryJournal, open_log
from orderwright.ports import Journal
from tests.analytics.portfolio_books import FUTURE, Trader, a_traded_book
from tests.builders import MIDNIGHT, NOW, an_id

LATER = NOW + DAY
D = Decimal


@pytest.fixture(params=["memory", "sqlite"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    """The traded book, in memory or on a log that is open for reading only."""
    made: Any = MemoryJournal() if request.param == "memory" else open_log(tmp_path / "log")
    a_traded_book(made)
    if request.param == "sqlite":
        made.close()
        made = open_log(tmp_path / "log", read_only=True)
    yield made
    made.close()


def owned(account: str) -> dict[str, Any]:
    exchange = "kraken" if account.endswith("k") else "binance"
    return {"book": "main", "user": account.partition("-")[0], "exchange": exchange, "account": account}


def a_balance(account: str, asset: str, total: str, locked: str = "0", time: int = NOW) -> AssetBalance:
    free = D(total) - D(locked)
    return AssetBalance(**owned(account), asset=asset, total=D(total), locked=D(locked), free=free, time=time)


ANN_BINANCE = [
    a_balance("ann-b", "BTC", "2", time=LATER),
    a_balance("ann-b", "USDT", "9769", "90", time=LATER),
    a_balance("ann-b", "XYZ", "10"),
]
ANN_KRAKEN = [a_balance("ann-k", "USDT", "4999.5")]
BOB = [a_balance("bob-b", "BTC", "1")]


def test_the_newest_prices_are_those_of_the_users_symbols_on_the_exchange(journal: Journal) -> None:
    def price(exchange: str, symbol: str, at: str, time: int) -> Price:
        same: dict[str, Any] = dict.fromkeys(("last", "bid", "ask", "mid"), D(at))
        return Price(book="main", exchange=exchange, symbol=symbol, time=time, **same)

    future, spot = price("kraken", FUTURE, "108", LATER), price("binance", "BTC/USDT", "110", LATER)
    assert latest_prices(journal, user="ann", exchange="kraken") == [future]
    assert latest_prices(journal, user="ann") == [spot, future]
    assert latest_prices(journal, user="bob") == [spot]  # what he holds, though he has never traded it
    assert latest_prices(journal, user="ann", exchange="binance", as_of=NOW) == [
        price("binance", "BTC/USDT", "100", NOW)
    ]


def test_the_newest_balances_are_there_for_some_exchanges_and_for_every_one(journal: Journal) -> None:
    assert latest_balances(journal, user="ann", exchanges=["binance"]) == ANN_BINANCE
    assert latest_balances(journal, user="ann", exchanges=["binance", "kraken"]) == ANN_BINANCE + ANN_KRAKEN
    assert latest_balances(journal, user="ann") == ANN_BINANCE + ANN_KRAKEN
    assert latest_balances(journal) == ANN_BINANCE + ANN_KRAKEN + BOB
    assert latest_balances(journal, user="bob", exchanges=["kraken"]) == []
    assert latest_balances(journal, user="bob", as_of=NOW - 1) == []


def test_the_open_balances_are_what_orders_lock_and_what_positions_hold(journal: Journal) -> None:
    order = WorkingOrder(
        **owned("ann-b"),
        order_id=an_id(4),
        symbol="BTC/USDT",
        side="buy",
        order_type="limit",
        status="open",
        strategy="trend",
        quantity=D(1),
        price=D(90),
        exposed=D(1),
        asset="USDT",
        locked=D(90),
        created_at=LATER,
    )
    spot = a_position("ann-b", "BTC/USDT", 2, 200, price=110, value=220, unrealised=20)
    unpriced = a_position("ann-b", "XYZ/USDT", 10, 30)
    future = a_position("ann-k", FUTURE, -1, 100, price=108, value=-108, unrealised=-8)

    assert open_balances(journal, user="ann", exchange="binance") == OpenBalances(
        orders=(order,), positions=(spot, unpriced)
    )
    assert open_balances(journal, user="ann", exchange="kraken") == OpenBalances(orders=(), positions=(future,))
    assert open_balances(journal, user="bob") == OpenBalances(orders=(), positions=())


def a_position(account: str, symbol: str, size: int, cost: int, **more: int) -> OpenPosition:
    priced = {name: D(more[name]) if name in more else None for name in ("price", "value", "unrealised")}
    said: dict[str, Any] = {"symbol": symbol, "size": D(size), "cost": D(cost), "realised": ZERO, **priced}
    return OpenPosition(**owned(account), linear=symbol == FUTURE, **said)


def an_exchange(name: str, total: str, available: str, in_orders: str, in_positions: str, unrealised: str = "0") -> Any:
    return ExchangeTotal(
        exchange=name,
        total=D(total),
        available=D(available),
        in_orders=D(in_orders),
        in_positions=D(in_positions),
        unrealised=D(unrealised),
    )


def test_the_total_says_apart_what_is_locked_and_names_what_has_no_price(journal: Journal) -> None:
    def asset(exchange: str, name: str, total: str, locked: str, price: str | None, value: str | None) -> AssetTotal:
        priced = {"price": price and D(price), "value": value and D(value)}
        sums = {"total": D(total), "locked": D(locked), "free": D(total) - D(locked)}
        return AssetTotal(book="main", exchange=exchange, asset=name, **sums, **priced)  # type: ignore[arg-type]

    assert total_balance(journal, user="ann") == TotalBalance(
        currency="USD",
        as_of=None,
        total=D("14980.5"),
        available=D("14628.5"),
        in_orders=D(90),
        in_positions=D(262),
        unrealised=D(-8),
        exchanges=(
            an_exchange("binance", "9989", "9679", "90", "220"),
            an_exchange("kraken", "4991.5", "4949.5", "0", "42", "-8"),  # margin 100 / 2 less the loss
        ),
        assets=(
            asset("binance", "BTC", "2", "0", "110", "220"),
            asset("binance", "USDT", "9769", "90", "1", "9769"),
            asset("binance", "XYZ", "10", "0", None, None),
            asset("kraken", "USDT", "4999.5", "0", "1", "4999.5"),
        ),
        missing=("XYZ",),
        complete=False,
    )


@pytest.mark.parametrize(
    ("words", "total", "complete"),
    [
        ({"user": "ann", "exchange": "kraken"}, "4991.5", True),
        ({"user": "ann", "currency": "USDC"}, "14980.5", False),  # one for one
        ({"user": "ann", "currency": "EUR"}, "11984.4", False),  # EUR/USDT at 1.25, inverted
        ({"user": "bob", "currency": "EUR"}, "88", True),  # BTC over USDT, by the other exchange's EUR
        ({"user": "bob", "currency": "BTC"}, "1", True),
        ({"user": "bob", "currency": "ETH"}, "0", False),  # ETH/BTC has never been priced
        ({"user": "bob", "as_of": NOW}, "100", True),
        ({"user": "bob", "exchange": "kraken"}, "0", True),
        ({}, "15090.5", False),
    ],
)
def test_the_total_is_told_in_any_currency(journal: Journal, words: dict[str, Any], total: str, complete: bool) -> None:
    answer = total_balance(journal, **words)

    assert (answer.total, answer.complete) == (D(total), complete)
    assert answer.total == answer.available + answer.in_orders + answer.in_positions


def test_exposure_counts_positions_and_what_orders_may_add(journal: Journal) -> None:
    def staked(exchange: str, symbol: str, long: int, short: int, buying: int, worst: int) -> Exposure:
        return Exposure(
            exchange=exchange,
            symbol=symbol,
            currency="USD",
            long=D(long),
            short=D(short),
            gross=D(long + short),
            net=D(long - short),
            buying=D(buying),
            worst=D(worst),
        )

    spot = staked("binance", "BTC/USDT", 220, 0, 110, 330)
    unpriced = Exposure(exchange="binance", symbol="XYZ/USDT", currency="USD", missing=("XYZ/USDT",), complete=False)
    future = staked("kraken", FUTURE, 0, 108, 0, 108)
    assert exposure(journal, user="ann") == [spot, unpriced, future]
    (whole,) = exposure(journal, (), user="ann")
    assert (whole.gross, whole.net, whole.worst, whole.missing) == (D(328), D(112), D(438), ("XYZ/USDT",))
    assert exposure(journal, user="bob") == []


def a_profit(profit: str, brought: str, inventory: str, fees: str, fills: int, *missing: str, **group: Any) -> Profit:
    figures: dict[str, Any] = {"profit": D(profit), "brought": D(brought), "inventory": D(inventory), "fees": D(fees)}
    return Profit(**group, currency="USD", **figures, fills=fills, missing=missing, complete=not missing)


def test_profit_by_symbol_is_what_fills_brought_and_hold_less_fees(journal: Journal) -> None:
    assert profit(journal, "symbol", user="ann") == [
        a_profit("19", "-200", "220", "1", 3, symbol="BTC/USDT"),
        a_profit("-8.5", "100", "-108", "0.5", 1, symbol=FUTURE),
        a_profit("-30", "-30", "0", "0", 1, "XYZ", symbol="XYZ/USDT"),
    ]
    assert profit(journal, (), user="bob") == [a_profit("0", "0", "0", "0", 0)]  # his deposit rose; no fill did that


def test_profit_by_day_books_a_busted_fill_back_when_it_was_busted(journal: Journal) -> None:
    tomorrow = MIDNIGHT + DAY
    assert profit(journal, ["day", "strategy"], user="ann") == [
        a_profit("-30", "-30", "0", "0", 1, "XYZ", day=MIDNIGHT, strategy="carry"),
        a_profit("-1.5", "-200", "200", "1.5", 3, day=MIDNIGHT, strategy="trend"),
        a_profit("12", "100", "-88", "0", 1, day=tomorrow, strategy="trend"),
    ]
    assert profit(journal, "day", user="ann", exchange="kraken", start=tomorrow) == [
        a_profit("-8", "0", "-8", "0", 0, day=tomorrow)
    ]


def test_the_history_of_a_balance_has_every_change(journal: Journal) -> None:
    changes = balance_history(journal, user="ann", exchange="binance", asset="BTC")

    assert [(one.time, one.change, one.total, one.event, one.order_id) for one in changes] == [
        (NOW, D(2), D(2), "order_filled", an_id(1)),
        (NOW, D(1), D(3), "order_filled", an_id(1)),
        (LATER, D(-1), D(2), "fill_busted", an_id(1)),
    ]
    assert balance_history(journal, user="ann", asset="BTC", start=NOW + 1) == changes[2:]
    assert balance_history(journal, user="ann", asset="BTC", as_of=NOW, limit=1) == changes[1:2]


def test_the_equity_curve_has_a_point_at_each_step(journal: Journal) -> None:
    def point(time: int, equity: str) -> EquityPoint:
        return EquityPoint(time=time, equity=D(equity), missing=("XYZ",), complete=False)

    assert equity_curve(journal, user="ann", start=NOW) == [point(NOW, "14968.5"), point(LATER, "14980.5")]
    whole = equity_curve(journal, user="bob", every=DAY // 2)
    assert [one.equity for one in whole] == [D(100), D(100), D(110)]  # of 30 points, those since there was anything


Ask = Callable[[Journal], object]
BAD: list[tuple[Ask, str, object]] = [
    (lambda j: total_balance(j, user="anne"), "user", "ann"),
    (lambda j: latest_balances(j, exchanges=["binanse"]), "exchange", "binance"),
    (lambda j: open_balances(j, user="ann", exchange="krakn"), "exchange", "kraken"),
    (lambda j: total_balance(j, currency="EURO"), "currency", "EUR"),
    (lambda j: balance_history(j, user="ann", asset="BTX"), "asset", "BTC"),
    (lambda j: profit(j, "days"), "by", "day"),
    (lambda j: exposure(j, ["strategy"]), "by", None),
    (lambda j: profit(j, start=NOW, end=NOW), "start", moment(NOW - 1)),
    (lambda j: equity_curve(j, start=NOW + 9 * DAY), "start", moment(LATER)),
    (lambda j: equity_curve(j, every=0), "every", None),
    (lambda j: equity_curve(j, every=1, start=NOW), "every", 8_640_865),
    (lambda j: latest_balances(j, exchanges="kraken"), "exchanges", ["kraken"]),
    (lambda j: exposure(j, account="anne-k"), "account", "ann-k"),
]


@pytest.mark.parametrize(("ask", "field", "nearest"), BAD)
def test_bad_input_names_the_field_and_the_nearest_good_value(ask: Ask, field: str, nearest: object) -> None:
    journal = MemoryJournal()
    a_traded_book(journal)

    with pytest.raises(InputError) as error:
        ask(journal)
    assert (error.value.field, error.value.nearest) == (field, nearest)


def test_an_empty_log_has_no_users_and_nothing_else() -> None:
    journal = MemoryJournal()

    assert latest_balances(journal) == []
    assert total_balance(journal).total == ZERO
    assert equity_curve(journal) == []
    assert profit(journal) == []
    with pytest.raises(UnknownName):
        total_balance(journal, user="ann")


def test_books_are_valued_by_their_own_prices_and_added_up() -> None:
    journal = MemoryJournal()
    a_traded_book(journal)
    other = Trader(journal, "other")
    other.cash("bob-b", "BTC", 2).quote("binance", "BTC/USDT", 7)

    assert total_balance(journal, user="bob").total == D(110 + 14)
    assert [one.price for one in total_balance(journal, user="bob").assets] == [D(110), D(7)]


def test_an_asset_is_converted_over_others_where_it_has_no_market_of_its_own() -> None:
    trader = a_traded_book(MemoryJournal())
    trader.quote("binance", "ETH/BTC", "0.05").cash("bob-b", "ETH", 1)

    dollars = total_balance(trader.journal, user="bob")
    euros = total_balance(trader.journal, user="bob", currency="EUR")
    assert (dollars.total, dollars.complete) == (D("115.5"), True)  # ETH -> BTC -> USDT
    assert (euros.total, euros.complete) == (D("92.4"), True)  # and -> EUR


def test_a_journal_with_bounded_memory_answers_for_the_present() -> None:
    whole, bounded = MemoryJournal(), MemoryJournal(keep=1)
    for journal in (whole, bounded):
        a_traded_book(journal)

    assert total_balance(bounded, user="ann") == total_balance(whole, user="ann")
    assert open_balances(bounded, user="ann") == open_balances(whole, user="ann")
    kept = bounded.latest("fills")
    assert bounded.latest("fills", where={"account": "ann-b"}) == [row for row in kept if row["account"] == "ann-b"]


ABOUT: list[Callable[..., Any]] = [
    latest_prices,
    latest_balances,
    open_balances,
    total_balance,
    balance_history,
    exposure,
    profit,
    equity_curve,
]


@pytest.mark.parametrize("ask", ABOUT, ids=lambda ask: ask.__name__)
def test_an_account_scopes_every_question(ask: Callable[..., Any], journal: Journal) -> None:
    exchange: dict[str, Any] = {"exchanges": ["kraken"]} if ask is latest_balances else {"exchange": "kraken"}

    assert ask(journal, account="ann-k") == ask(journal, user="ann", **exchange) != ask(journal)
    assert ask(journal, user="bob", account="bob-b") == ask(journal, user="bob")
    assert ask(journal, user="bob", account="ann-k") == ask(journal, user="bob", **exchange)
