"""The SQL views and macros of the portfolio questions say what the Python answers say, now and as of then."""

from __future__ import annotations

import decimal
import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from orderwright.analytics import portfolio
from orderwright.analytics.portfolio.valuation import Valuer
from orderwright.analytics.portfolio.views import views
from orderwright.core import messages as m
from orderwright.core.model import DAY, OrderStatus, Settings
from orderwright.core.numbers import EXACT, QUANTUM, ZERO
from orderwright.journal import MemoryJournal, open_log
from orderwright.mirror import open_mirror
from orderwright.mirror.duck import MemoryMirror
from orderwright.mirror.refreshing import refresh
from orderwright.mirror.schema import TABLES
from orderwright.mirror.views import VIEWS
from orderwright.ports import Journal
from tests.analytics.portfolio_books import FUTURE, Trader, a_traded_book
from tests.builders import MIDNIGHT, NOW, a_limit_buy, an_id, an_instrument

D = Decimal
LATER = NOW + DAY
MOMENTS = (None, LATER, LATER - 1, NOW, NOW - 1)
ASKED = (("USD", None), ("EUR", None), ("ETH", LATER), ("BTC", LATER - 1), ("USD", NOW - 1))
PRICE = ("book", "exchange", "symbol", "last", "bid", "ask", "mid", "time")
WHOLE = ("currency", "total", "available", "in_orders", "in_positions", "unrealised", "missing", "complete")
PROFIT = ("currency", "profit", "brought", "inventory", "fees", "fills", "missing", "complete")
USERS = ("ann", "bob")
EUROS = Settings(currency="EUR", parity=("EUR", "EURC"))
Row = dict[str, Any]
Ask = Callable[[str], list[Row]]


def a_busy_book(journal: Journal) -> Trader:
    """The traded book, and after it: an order being replaced by a larger one, one being cancelled, one whose outcome
    is unknown, one that ended ahead of its fills, one that waits; fees in a third asset, a corrected fill, cross
    markets."""
    trader = a_traded_book(journal)
    trader.quote("binance", "ETH/BTC", "0.07").quote("kraken", "EUR/USDT", "1.3")
    trader.cash("bob-b", "ETH", "3.5").cash("bob-b", "USDT", "777.77")
    trader.order(5, "ann-k", "EUR/USDT", "buy", 40, "1.3", "carry").fill(5, 15, "1.29", "0.01", "EUR")
    trader.run(m.ReplaceOrder(order_id=an_id(5), quantity=D(60), price=D("1.31")))
    trader.order(6, "ann-k", FUTURE, "buy", 3, 105).fill(6, 2, 104, "0.001", "BTC")
    trader.run(m.CancelOrder(order_id=an_id(6)))
    trader.order(7, "bob-b", "ETH/BTC", "sell", 2, "0.08").fill(7, 1, "0.081", "0.5", "USDT")
    trader.wait(3 * DAY).correct(7, "e7", 1, "0.082")
    trader.quote("binance", "BTC/USDT", "111.3").quote("binance", "ETH/BTC", "0.069")
    trader.order(8, "bob-b", "BTC/USDT", "sell", "0.3", 150, "trend")
    trader.order(9, "bob-b", "ETH/BTC", "sell", 1, "0.09").fill(9, "0.25", "0.09")
    ended = OrderStatus.CANCELLED
    trader.run(m.EndReport(order_id=an_id(9), time=trader.now, status=ended, cumulative=D("0.75")))
    for number, execute_at in ((10, None), (11, trader.now + DAY)):
        trader.run(m.SubmitOrder(instruction=a_limit_buy(1, 70, number, account="ann-b", execute_at=execute_at)))
    return trader.run(m.UnreachableReport(order_id=an_id(10), time=trader.now, number=0))


@pytest.fixture(scope="module")
def book() -> Journal:
    return a_busy_book(MemoryJournal()).journal


@pytest.fixture(scope="module")
def mirror(book: Journal) -> Iterator[MemoryMirror]:
    kept = MemoryMirror(views())
    refresh(book, kept)  # type: ignore[arg-type]
    yield kept
    kept.close()


@pytest.fixture
def ask(mirror: MemoryMirror) -> Iterator[Ask]:
    with mirror.reading() as connection:
        yield lambda sql: rows_of(connection, sql)


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Row]:
    answer = connection.execute(sql)
    names = [column[0] for column in answer.description or ()]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def call(macro: str, *values: object) -> str:
    shown = ["NULL" if value is None else repr(value) for value in values]
    return f"{macro}({', '.join(shown)})"


def said(record: Any, *names: str) -> Row:
    """A Python answer as a row, with some of its fields or all: tuples as lists, `user` as the mirror calls it."""
    row = msgspec.structs.asdict(record)
    kept = {name: list(row[name]) if isinstance(row[name], tuple) else row[name] for name in names or row}
    return {"user_id" if name == "user" else name: value for name, value in kept.items()}


def same(found: list[Row], expected: list[Row], off: Decimal = ZERO) -> None:
    """The same rows, in the columns of what is expected; money may be off by the last places of its products."""
    alike = [{name: row[name] for name in line} for row, line in zip(found, expected, strict=True)]
    for row, line in zip(alike, expected, strict=True):
        for name, value in line.items():
            if isinstance(value, Decimal) and row[name] is not None and abs(row[name] - value) <= off:
                row[name] = value
    assert alike == expected


def off(currency: str) -> Decimal:
    """Dollars are at par with what the books trade in; everything else is divided by a price."""
    return ZERO if currency == "USD" else QUANTUM * 10_000


def test_no_view_takes_the_name_of_a_table_or_of_another_view() -> None:
    assert not set(views()) & (set(TABLES) | set(VIEWS))


def test_every_view_keeps_money_as_decimal(ask: Ask) -> None:
    for name in views():
        if "(" not in name:
            types = {row["column_type"] for row in ask(f"DESCRIBE {name}")}
            assert not types & {"DOUBLE", "FLOAT"}, name
            assert {kind for kind in types if kind.startswith("DECIMAL")} <= {"DECIMAL(38,18)"}, (name, types)


@pytest.mark.parametrize("moment", MOMENTS)
def test_prices_and_balances_are_those_of_the_log(ask: Ask, book: Journal, moment: int | None) -> None:
    balances = [said(one) for one in portfolio.latest_balances(book, as_of=moment)]
    same(ask(f"FROM {call('latest_balances_as_of', moment)}"), balances)
    for user in USERS:
        prices = [said(one, *PRICE) for one in portfolio.latest_prices(book, user=user, as_of=moment)]
        found = ask(f"SELECT *, quote_time AS time FROM {call('user_prices_as_of', moment)} WHERE user_id = '{user}'")
        same(found, prices)


@pytest.mark.parametrize("moment", MOMENTS)
def test_what_is_open_is_what_the_log_says(ask: Ask, book: Journal, moment: int | None) -> None:
    opened = portfolio.open_balances(book, as_of=moment)

    same(ask(f"FROM {call('working_orders_as_of', moment)}"), [said(order) for order in opened.orders])
    same(ask(f"FROM {call('open_positions_as_of', moment)}"), [said(one) for one in opened.positions])


def test_what_may_still_fill_counts_replaces_unknown_outcomes_and_fills_to_come(ask: Ask) -> None:
    found = ask("SELECT order_id, status, quantity, exposed FROM working_orders")

    assert {row["order_id"]: (row["status"], row["quantity"], row["exposed"]) for row in found} == {
        an_id(4): ("open", D(1), D(1)),
        an_id(5): ("pending_replace", D(40), D(45)),
        an_id(6): ("pending_cancel", D(3), D(1)),
        an_id(7): ("partially_filled", D(2), D(1)),
        an_id(8): ("open", D("0.3"), D("0.3")),
        an_id(9): ("partially_filled", D(1), D("0.5")),
        an_id(10): ("unknown", D(1), D(1)),
        an_id(11): ("pending", D(1), ZERO),
    }


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_history_of_balances_ends_at_the_moment(ask: Ask, book: Journal, moment: int | None) -> None:
    names = ("book", "user", "exchange", "account", "asset", "time", "change", "total", "locked", "free", "order_id")

    same(
        ask(f"FROM {call('balance_history_as_of', moment)}"),
        [said(one, *names) for one in portfolio.balance_history(book, as_of=moment)],
    )


@pytest.mark.parametrize(("currency", "moment"), ASKED)
def test_a_total_in_any_currency_says_what_of_it_is_locked_and_what_is_missing(
    ask: Ask, book: Journal, currency: str, moment: int | None
) -> None:
    whole, parts, assets = [], [], []
    for user in USERS:
        answer = portfolio.total_balance(book, user=user, currency=currency, as_of=moment)
        if answer.assets:
            whole.append({"user_id": user} | said(answer, *WHOLE))
            parts += [{"user_id": user} | said(part) for part in answer.exchanges]
            assets += [{"user_id": user} | said(one) for one in answer.assets]

    same(ask(f"FROM {call('total_in', currency, moment)}"), whole, off(currency))
    same(ask(f"FROM {call('total_by_exchange_in', currency, moment)}"), parts, off(currency))
    same(ask(f"FROM {call('asset_totals_in', currency, moment)}"), assets, off(currency))


@pytest.mark.parametrize(("currency", "moment"), ASKED)
def test_exposure_counts_positions_working_orders_and_the_worst_of_them(
    ask: Ask, book: Journal, currency: str, moment: int | None
) -> None:
    answer = portfolio.exposure(book, ("user", "exchange", "symbol"), currency=currency, as_of=moment)

    same(
        ask(f"FROM {call('exposure_in', currency, moment)}"),
        [{name: value for name, value in said(one).items() if name != "account"} for one in answer],
        off(currency),
    )


@pytest.mark.parametrize(("currency", "moment"), ASKED)
@pytest.mark.parametrize("word", ["day", "strategy", "symbol", "exchange"])
def test_profit_is_that_of_the_python_answer(
    ask: Ask, book: Journal, word: str, currency: str, moment: int | None
) -> None:
    answer = portfolio.profit(book, ("user", word), currency=currency, as_of=moment)

    same(
        ask(f"FROM {call(f'profit_by_{word}_in', currency, moment)}"),
        [said(one, "user", word, *PROFIT) for one in answer],
        off(currency),
    )


@pytest.mark.parametrize(("currency", "moment"), [("USD", None), ("BTC", LATER - 1)])
def test_equity_is_told_for_the_end_of_each_day(ask: Ask, book: Journal, currency: str, moment: int | None) -> None:
    last = MIDNIGHT + (5 if moment is None else 1) * DAY - 1
    expected = []
    for user, exchange in (("ann", "binance"), ("ann", "kraken"), ("bob", "binance")):
        for point in portfolio.equity_curve(
            book, user=user, exchange=exchange, currency=currency, every=DAY, start=MIDNIGHT + DAY - 1, end=last
        ):
            owner = {"user_id": user, "exchange": exchange, "day": point.time + 1 - DAY}
            expected.append(owner | said(point, "equity", "missing", "complete"))

    same(ask(f"FROM {call('equity_in', currency, moment)}"), expected, off(currency))


@pytest.mark.parametrize("seed", [0, 1])
def test_an_asset_is_converted_the_way_that_valuation_finds(seed: int) -> None:
    chance = random.Random(seed)
    names = ["BTC", "ETH", "USDT", "USDC", "EUR", "USD", "XYZ"]
    trader = Trader(MemoryJournal())
    pairs = {(chance.choice(["binance", "kraken"]), "/".join(chance.sample(names, 2))) for _ in range(12)}
    for exchange, symbol in sorted(pairs):
        trader.run(m.DefineInstrument(instrument=an_instrument(symbol, exchange=exchange)))
    for _ in range(2):
        for exchange, symbol in chance.sample(sorted(pairs), 6):
            trader.quote(exchange, symbol, Decimal(chance.randint(1, 10**6)).scaleb(-4))
        trader.wait(1)
    own = MemoryMirror(views())
    refresh(trader.journal, own)  # type: ignore[arg-type]

    priced = 0
    for currency in ("USD", "BTC", "EUR"):
        for moment in (NOW, NOW + 1):
            with own.reading() as connection, decimal.localcontext(EXACT):
                rates = Valuer(trader.journal, ["main"], currency).at(moment)["main"]
                for row in rows_of(connection, f"FROM rates_at('{currency}', [{moment}])"):
                    assert row["rate"] == rates.rate(row["exchange"], row["asset"]), row
                    priced += row["rate"] is not None
    own.close()
    assert priced > 30


def test_a_view_counts_in_the_books_own_currency_with_its_own_parity(ask: Ask) -> None:
    trader = Trader(MemoryJournal(), "euros")
    trader.run(*(m.Configure(settings=said) for said in (Settings(bar_ms=1), EUROS)))
    trader.cash("ann-k", "EUR", 1000).cash("ann-k", "EURC", 5).cash("ann-k", "USDT", 500)
    own = MemoryMirror(views())
    refresh(trader.journal, own)  # type: ignore[arg-type]
    answer = portfolio.total_balance(trader.journal, user="ann", currency="EUR")

    with own.reading() as connection:
        same(rows_of(connection, "FROM total_balance"), [{"user_id": "ann"} | said(answer, *WHOLE)])
        assert rows_of(connection, "SELECT currency, equity, missing FROM equity") == [
            {"currency": "EUR", "equity": D(1005), "missing": ["USDT"]}
        ]
        assert rows_of(connection, "SELECT currency, parity FROM settings ORDER BY sequence") == [
            {"currency": "USD", "parity": ",".join(Settings().parity)},
            {"currency": "EUR", "parity": "EUR,EURC"},
        ]
    own.close()


def test_a_book_of_no_parity_assets_counts_its_currency_alone() -> None:
    trader = Trader(MemoryJournal())
    trader.run(m.Configure(settings=Settings(currency="USDT", parity=()))).cash("bob-b", "USDT", 7)
    trader.cash("bob-b", "USD", 1)
    own = MemoryMirror(views())
    refresh(trader.journal, own)  # type: ignore[arg-type]

    with own.reading() as connection:
        assert rows_of(connection, "SELECT total, currency, missing FROM total_balance") == [
            {"total": D(7), "currency": "USDT", "missing": ["USD"]}
        ]
    own.close()


@pytest.mark.parametrize(
    ("size", "price", "value"),
    [
        ("123456789012345678.5", "0.00000000000000001", "1.234567890123456785"),
        ("-0.000000001", "50000.123456789", "-0.000050000123456789"),
        ("99999999.99999999", "999999.9999", "99999999989999.990000000001"),
    ],
)
def test_a_product_is_exact_to_18_places(book: Journal, size: str, price: str, value: str) -> None:
    own = MemoryMirror(views())
    refresh(book, own)  # type: ignore[arg-type]
    with own.reading() as connection:
        connection.execute(
            "INSERT INTO positions (book, sequence, time, account, symbol, size, cost, realised) "
            f"VALUES ('main', 999, {LATER}, 'ann-k', 'BTC/USDT', {size}, 0, 0)"
        )
        connection.execute(
            "INSERT INTO prices (book, sequence, time, exchange, symbol, last, quote_time) "
            f"VALUES ('main', 999, {LATER}, 'kraken', 'BTC/USDT', {price}, {LATER})"
        )
        assert rows_of(
            connection, "SELECT value FROM open_positions WHERE symbol = 'BTC/USDT' AND exchange = 'kraken'"
        ) == [{"value": D(value)}]
    own.close()


@pytest.mark.parametrize("name", ["mirror.duckdb", "mirror/"])
def test_every_kind_of_mirror_says_the_same(ask: Ask, tmp_path: Path, name: str) -> None:
    log = open_log(tmp_path / "log")
    a_busy_book(log)
    kept = open_mirror(f"{tmp_path}/{name}", views())
    refresh(log, kept)
    log.close()

    with kept.reading() as connection:
        for asked in [*(name for name in views() if "(" not in name), call("total_in", "BTC", NOW)]:
            assert rows_of(connection, f"FROM {asked} ORDER BY ALL") == ask(f"FROM {asked} ORDER BY ALL"), asked


def test_an_empty_mirror_answers_with_no_rows() -> None:
    empty = MemoryMirror(views())
    with empty.reading() as connection:
        for name in views():
            if "(" not in name:
                assert rows_of(connection, f"FROM {name}") == [], name
    empty.close()
