"""The SQL views of the portfolio questions, over a mirror that is filled by hand from the traded book's read models."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orderwright.analytics.portfolio import latest_balances, open_balances
from orderwright.analytics.portfolio.views import views
from orderwright.core.model import DAY
from orderwright.core.numbers import ZERO
from orderwright.journal import MemoryJournal, open_log
from orderwright.mirror.duck import DuckMirror
from orderwright.mirror.refreshing import refresh
from orderwright.mirror.schema import TABLES
from orderwright.mirror.views import VIEWS
from orderwright.ports import Journal
from tests.analytics.portfolio_books import FUTURE, a_traded_book
from tests.builders import MIDNIGHT, NOW, an_id

D = Decimal
PRICE = "user_id, exchange, symbol, mid, quote_time"
LATER = NOW + DAY
TYPES = {"string": "VARCHAR", "int64": "BIGINT", "boolean": "BOOLEAN", "decimal(38, 18)": "DECIMAL(38, 18)"}


@pytest.fixture(scope="module")
def book() -> Journal:
    return a_traded_book(MemoryJournal()).journal


@pytest.fixture
def mirror(book: Journal) -> duckdb.DuckDBPyConnection:
    """The mirror's tables, with what the views look at."""
    connection = duckdb.connect()
    for name, columns in TABLES.items():
        listed = ", ".join(f"{column} {TYPES[kind]}" for column, kind in columns.items())
        connection.execute(f"CREATE TABLE {name} ({listed})")
    for name, rows in tables_of(book).items():
        insert(connection, name, rows)
    for name, sql in views().items():
        connection.execute(f"CREATE VIEW {name} AS {sql}")
    return connection


def tables_of(book: Journal) -> dict[str, list[dict[str, Any]]]:
    steps = book.history("orders")
    keys = {row["client_order_id"]: row["id"] for row in steps}
    fills = [row for row in book.history("fills") if row["standing"]]
    voids = [
        {**row, "voids": row["execution_id"], "execution_id": None}
        for row in book.history("fills")
        if not row["standing"]
    ]
    return {
        "placed": [{**row, "order_id": row["client_order_id"]} for row in steps if row["event"] == "order_received"],
        "steps": [{**row, "kind": row["event"]} for row in steps],
        "fills": fills + voids,
        "ledger": [{**row, "n": n, "id": keys.get(row["order_id"])} for n, row in enumerate(book.history("ledger"))],
        **{name: book.history(name) for name in ("positions", "prices", "accounts", "instruments")},
    }


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, Any]]) -> None:
    columns = TABLES[table]
    marks = ", ".join("?" * len(columns))
    connection.executemany(
        f"INSERT INTO {table} VALUES ({marks})", [[row.get(name) for name in columns] for row in rows]
    )


def asked(mirror: duckdb.DuckDBPyConnection, view: str, columns: str = "*") -> list[tuple[Any, ...]]:
    return mirror.execute(f"SELECT {columns} FROM {view}").fetchall()


def test_no_view_takes_the_name_of_a_table_or_of_another_view() -> None:
    assert not set(views()) & (set(TABLES) | set(VIEWS))


def test_every_view_keeps_money_as_decimal(mirror: duckdb.DuckDBPyConnection) -> None:
    for name in views():
        types = mirror.execute(f"SELECT column_type FROM (DESCRIBE {name})").fetchall()
        assert not {kind for (kind,) in types if kind in ("DOUBLE", "FLOAT")}, name
        assert all(kind == "DECIMAL(38,18)" for (kind,) in types if kind.startswith("DECIMAL")), (name, types)


def test_the_newest_balances_are_those_of_the_log(mirror: duckdb.DuckDBPyConnection, book: Journal) -> None:
    names = ("book", "user", "exchange", "account", "asset", "total", "locked", "free", "time")
    expected = [tuple(getattr(one, name) for name in names) for one in latest_balances(book)]

    assert asked(mirror, "latest_balances") == expected
    assert asked(mirror, "total_balances") == [(*row[1:3], *row[4:8]) for row in expected]


def test_what_is_open_is_what_the_log_says(mirror: duckdb.DuckDBPyConnection, book: Journal) -> None:
    opened = open_balances(book)
    position = ("account", "symbol", "linear", "size", "cost", "price", "value", "unrealised")

    assert asked(
        mirror, "working_orders", "user_id, order_id, status, remaining_quantity, asset, locked, created_at"
    ) == [("ann", an_id(4), "open", D(1), "USDT", D(90), LATER)]
    assert asked(mirror, "open_positions", ", ".join(position)) == [
        tuple(getattr(one, name) for name in position) for one in opened.positions
    ]


def test_the_newest_prices_are_told_for_each_user_of_a_symbol(mirror: duckdb.DuckDBPyConnection) -> None:
    assert asked(mirror, "(FROM user_prices ORDER BY user_id, exchange)", PRICE) == [
        ("ann", "binance", "BTC/USDT", D(110), LATER),
        ("ann", "kraken", FUTURE, D(108), LATER),
        (None, "kraken", "EUR/USDT", D("1.25"), NOW),
    ]


def test_exposure_is_the_value_of_positions(mirror: duckdb.DuckDBPyConnection) -> None:
    assert asked(mirror, "exposure") == [
        ("ann", "binance", "BTC/USDT", "USDT", D(220), ZERO, D(220), D(220)),
        ("ann", "binance", "XYZ/USDT", "USDT", None, None, None, None),
        ("ann", "kraken", FUTURE, "USDT", ZERO, D(108), D(108), D(-108)),
    ]


def test_profit_is_what_fills_brought_and_paid_and_a_busted_one_is_booked_back(
    mirror: duckdb.DuckDBPyConnection,
) -> None:
    def line(group: object, brought: int, fees: str) -> tuple[object, ...]:
        return ("ann", group, "USDT", D(brought), D(fees), D(brought) - D(fees))

    assert asked(mirror, "profit_by_day") == [line(MIDNIGHT, -230, "1.5"), line(MIDNIGHT + DAY, 100, "0")]
    assert asked(mirror, "profit_by_strategy") == [line("carry", -30, "0"), line("trend", -100, "1.5")]
    assert asked(mirror, "profit_by_symbol") == [
        line("BTC/USDT", -200, "1"),
        line(FUTURE, 100, "0.5"),
        line("XYZ/USDT", -30, "0"),
    ]
    assert asked(mirror, "profit_by_exchange") == [line("binance", -230, "1"), line("kraken", 100, "0.5")]


def test_equity_is_told_for_the_end_of_each_day(mirror: duckdb.DuckDBPyConnection) -> None:
    assert asked(mirror, "equity") == [
        ("ann", "binance", MIDNIGHT, D(9_969), ["XYZ"]),
        ("ann", "binance", MIDNIGHT + DAY, D(9_989), ["XYZ"]),
        ("ann", "kraken", MIDNIGHT, D("4999.5"), []),
        ("ann", "kraken", MIDNIGHT + DAY, D("4991.5"), []),
        ("bob", "binance", MIDNIGHT, D(100), []),
        ("bob", "binance", MIDNIGHT + DAY, D(110), []),
    ]


def test_the_history_of_a_balance_is_the_ledgers(mirror: duckdb.DuckDBPyConnection, book: Journal) -> None:
    expected = [(row["account"], row["asset"], row["change"], row["total"]) for row in book.history("ledger")]

    assert asked(mirror, "balance_history", "account, asset, change, total") == expected


@pytest.mark.parametrize(
    ("size", "price", "value"),
    [
        ("123456789012345678.5", "0.00000000000000001", "1.234567890123456785"),
        ("-0.000000001", "50000.123456789", "-0.000050000123456789"),
        ("99999999.99999999", "999999.9999", "99999999989999.990000000001"),
    ],
)
def test_a_product_is_exact_to_18_places(mirror: duckdb.DuckDBPyConnection, size: str, price: str, value: str) -> None:
    place = {"book": "main", "sequence": 99, "time": LATER}
    insert(mirror, "positions", [{**place, "account": "bob-b", "symbol": "ETH/BTC", "size": D(size), "cost": ZERO}])
    insert(
        mirror,
        "prices",
        [{**place, "exchange": "binance", "symbol": "ETH/BTC", "last": D(price), "quote_time": LATER}],
    )

    assert mirror.execute("SELECT value FROM open_positions WHERE symbol = 'ETH/BTC'").fetchall() == [(D(value),)]


def test_the_views_of_a_refreshed_mirror_say_what_those_of_the_handmade_one_say(
    mirror: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    log = open_log(tmp_path / "log")
    a_traded_book(log)
    kept = DuckMirror(tmp_path / "mirror.duckdb", views=views())
    refresh(log, kept)
    log.close()

    with kept.reading() as connection:
        for name in views():
            if name != "balance_history":  # its `n` is numbered otherwise by hand
                assert asked(connection, name) == asked(mirror, name), name
