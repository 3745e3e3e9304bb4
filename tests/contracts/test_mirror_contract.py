"""What every mirror does: one suite, run by the one in memory, the DuckDB file and the Parquet folder."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pytest

from orderwright.core import messages as m
from orderwright.core.model import Execution, OrderStatus
from orderwright.errors import LogError
from orderwright.journal import MemoryJournal, open_log
from orderwright.mirror import source
from orderwright.mirror.duck import DuckMirror, MemoryMirror
from orderwright.mirror.parquet import ParquetMirror
from orderwright.mirror.refreshing import Refreshed, rebuild, refresh
from orderwright.mirror.schema import TABLES
from orderwright.mirror.views import VIEWS
from orderwright.ports import Batch, Mirror, Reached
from tests.builders import MINUTE, NOW, SYMBOL, an_id
from tests.journal.desk import Desk
from tests.mirror.world import TRICKY, ask, asked, contents, some_of_everything

MINE = {"mine": "SELECT client_order_id, status FROM orders WHERE user_id IS NOT NULL"}
Make = Callable[[], Mirror]


@pytest.fixture(params=["memory", "duckdb", "parquet"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    numbers = itertools.count()
    kept: list[MemoryMirror] = []

    def one() -> Mirror:
        place = tmp_path / f"mirror-{next(numbers)}"
        if request.param == "duckdb":
            return DuckMirror(place, MINE, patience_ms=0)
        if request.param == "parquet":
            return ParquetMirror(place, MINE)
        kept.append(MemoryMirror(MINE))
        return kept[-1]

    yield one
    for mirror in kept:
        mirror.close()


@pytest.fixture
def mirror(make: Make) -> Mirror:
    return make()


@pytest.fixture
def journal() -> Iterator[MemoryJournal]:
    journal = MemoryJournal()
    yield journal
    journal.close()


def exactly(number: object) -> Decimal:
    """As DECIMAL(38, 18) comes back."""
    return Decimal(str(number)).quantize(Decimal(1).scaleb(-18))


def test_a_mirror_that_is_not_there_yet_has_reached_nothing(mirror: Mirror) -> None:
    assert mirror.reached() == {}


def test_an_empty_log_gives_empty_tables_and_views(mirror: Mirror, journal: MemoryJournal) -> None:
    assert refresh(journal, mirror) == Refreshed(0, {})
    assert contents(mirror) == {table: [] for table in TABLES}
    assert [ask(mirror, f"SELECT count(*) FROM {view}") for view in VIEWS] == [[(0,)]] * len(VIEWS)


def test_every_event_of_an_order_is_a_step(mirror: Mirror, journal: MemoryJournal) -> None:
    Desk(journal).trade(1).commit()
    refresh(journal, mirror)

    nothing = dict.fromkeys(("error_code", "reason", "number", "request", "asked_quantity", "rule", "mid"))
    same = {"book": "main", "time": NOW, "id": 1, "quantity": exactly(2), "price": exactly(100)} | nothing
    assert asked(mirror, "SELECT * FROM steps ORDER BY sequence") == [
        same
        | {
            "sequence": sequence,
            "kind": kind,
            "status": status,
            "filled_quantity": exactly(filled),
            "remaining_quantity": exactly(2 - filled),
            "filled_quote": exactly(100 * filled),
            "mid": None if mid is None else exactly(mid),
        }
        for sequence, kind, status, filled, mid in (
            (5, "order_received", "submitted", 0, 100),
            (6, "order_accepted", "open", 0, None),
            (7, "order_filled", "partially_filled", 1, None),
            (8, "order_filled", "filled", 2, None),
        )
    ]


def test_what_only_the_event_itself_says_is_there(mirror: Mirror, journal: MemoryJournal) -> None:
    some_of_everything(journal)
    refresh(journal, mirror)

    assert ask(mirror, "SELECT bid, ask, wait_for, decision_time FROM placed WHERE id IN (1, 5, 7) ORDER BY id") == [
        (exactly("99.99"), exactly("100.01"), None, None),
        (exactly("99.99"), exactly("100.01"), "time", None),
        (exactly("99.99"), exactly("100.01"), None, ask(mirror, "SELECT max(time) FROM steps")[0][0] - 5),
    ]
    assert ask(mirror, "SELECT id, kind, number, request FROM steps WHERE number IS NOT NULL ORDER BY sequence") == [
        (3, "request_submitted", 1, "replace"),
        (3, "order_replaced", 1, None),
        (3, "request_submitted", 2, "cancel"),
    ]
    assert ask(mirror, "SELECT base, quote, tick_size, step_size, linear FROM instruments") == [
        ("BTC", "USDT", exactly("0.01"), exactly("0.00001"), False)
    ]
    assert ask(mirror, "SELECT day, equity FROM days ORDER BY sequence")[0] == (NOW - 720 * MINUTE, exactly(1_000_000))


def test_text_comes_as_it_was_written(mirror: Mirror, journal: MemoryJournal) -> None:
    some_of_everything(journal)
    refresh(journal, mirror)

    assert ask(mirror, "SELECT user_id FROM placed WHERE user_id IS NOT NULL") == [(TRICKY,)]
    assert ask(mirror, "SELECT reference FROM cash WHERE reference IS NOT NULL") == [(TRICKY,)]
    assert ask(mirror, "SELECT reason FROM steps WHERE kind = 'order_rejected'") == [("no,\nno",)]
    assert ask(mirror, "SELECT voids, execution_id FROM fills WHERE voids IS NOT NULL ORDER BY sequence") == [
        ("wrong", "right"),
        ("never", None),
    ]


def test_the_tables_are_those_of_the_log(mirror: Mirror, journal: MemoryJournal) -> None:
    """Row by row, against the journal's own answers."""
    some_of_everything(journal)
    refresh(journal, mirror)

    for table in ("ledger", "positions", "prices"):
        columns = [name for name in TABLES[table] if name not in ("n", "id")]
        expected = [tuple(row[name] for name in columns) for row in journal.history(table)]
        assert ask(mirror, f"SELECT {', '.join(columns)} FROM {table}") != []
        assert sorted(ask(mirror, f"SELECT {', '.join(columns)} FROM {table}")) == sorted(expected)
    fills = [row for row in journal.history("fills") if row["standing"]]
    columns = ["book", "sequence", "time", "id", "execution_id", "quantity", "price", "fee", "venue_time"]
    assert sorted(ask(mirror, f"SELECT {', '.join(columns)} FROM fills WHERE execution_id IS NOT NULL")) == sorted(
        tuple(row[name] for name in columns) for row in fills
    )


def test_sums_are_exact_to_the_last_of_36_digits(mirror: Mirror, journal: MemoryJournal) -> None:
    large, small = Decimal("999999999999999999.999999999999999999"), Decimal("0.000000000000000001")
    desk = Desk(journal)
    for amount in (large, small, small, large.copy_negate()):
        desk.append(m.CashMoved(time=NOW, account="main", asset="GWEI", amount=amount, cause="adjustment"))
    desk.commit()
    refresh(journal, mirror)

    assert ask(mirror, "SELECT amount FROM cash WHERE asset = 'GWEI' ORDER BY sequence") == [
        (large,),
        (small,),
        (small,),
        (large.copy_negate(),),
    ]
    assert ask(mirror, "SELECT sum(amount), max(amount) FROM cash WHERE asset = 'GWEI'") == [(2 * small, large)]
    assert ask(mirror, "SELECT total FROM ledger WHERE asset = 'GWEI' ORDER BY sequence LIMIT 2")[-1] == (
        large + small,
    )


def test_a_second_refresh_changes_nothing(mirror: Mirror, journal: MemoryJournal) -> None:
    desk = some_of_everything(journal)
    first = refresh(journal, mirror)
    before = contents(mirror)

    assert first == Refreshed(sum(map(len, before.values())), {"main": len(desk.log)})
    assert refresh(journal, mirror) == Refreshed(0, {"main": len(desk.log)})
    assert contents(mirror) == before


def test_bit_by_bit_is_the_same_as_at_once(make: Make, journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two books, refreshed after each few events, against one that is made of all of it."""
    bit_by_bit, at_once = make(), make()
    first, second = Desk(journal), Desk(journal, "other")
    for number in range(1, 5):
        first.trade(number)
        second.buy(number).accept(number).end(number)
        first.commit()
        if number != 3:
            refresh(journal, bit_by_bit)
    some_of_everything(journal, "third")
    monkeypatch.setattr(source, "STRETCH", 3)
    monkeypatch.setattr(source, "BATCH", 7)
    refresh(journal, bit_by_bit)
    monkeypatch.undo()
    refresh(journal, at_once)

    assert contents(bit_by_bit) == contents(at_once)
    assert bit_by_bit.reached() == at_once.reached()
    assert bit_by_bit.reached().keys() == {"main", "other", "third"}


def test_memory_and_file_give_the_same_mirror(make: Make, journal: MemoryJournal, tmp_path: Path) -> None:
    some_of_everything(journal)
    file = open_log(tmp_path / "log.sqlite")
    some_of_everything(file)
    reader = open_log(tmp_path / "log.sqlite", read_only=True)  # while another one holds it for writing
    of_memory, of_file = make(), make()

    assert refresh(journal, of_memory) == refresh(reader, of_file)
    assert contents(of_memory) == contents(of_file)
    assert of_memory.reached() == of_file.reached()
    reader.close()
    file.close()


def test_only_what_is_committed_is_mirrored(mirror: Mirror, tmp_path: Path) -> None:
    file = open_log(tmp_path / "log.sqlite")
    desk = Desk(file).trade(1).commit()
    committed = len(desk.log)
    desk.buy(2)
    file.write()

    assert refresh(file, mirror).books == {"main": committed}
    desk.commit()
    assert refresh(file, mirror).books == {"main": committed + 1}
    file.close()


def a_batch(after: int, *amounts: int) -> Batch:
    rows = [
        {"book": "b", "sequence": after + at, "time": 1, "account": "a", "asset": "X", "amount": Decimal(amount)}
        for at, amount in enumerate(amounts, start=1)
    ]
    upto = after + len(amounts)
    tables = {"cash": pyarrow.Table.from_pylist(rows, schema=source.arrow_schema("cash"))}
    return Batch(book="b", after=after, reached=Reached(upto, f"d{upto}"), tables=tables)


def test_a_row_is_taken_in_once(mirror: Mirror) -> None:
    assert mirror.append([a_batch(0, 10, 20), a_batch(0, 10, 20)]) == 2
    assert mirror.append([a_batch(0, 10, 20, 30)]) == 1
    assert mirror.append([a_batch(1, 20)]) == 0
    assert ask(mirror, "SELECT amount FROM cash ORDER BY sequence") == [(exactly(10),), (exactly(20),), (exactly(30),)]
    assert mirror.reached() == {"b": Reached(3, "d3")}


def test_a_gap_between_batches_is_refused(mirror: Mirror) -> None:
    mirror.append([a_batch(0, 10)])

    with pytest.raises(LogError, match="rows up to 1 and these begin after 2"):
        mirror.append([a_batch(2, 30)])
    assert mirror.reached() == {"b": Reached(1, "d1")}


def test_the_batches_before_a_failure_are_kept(mirror: Mirror) -> None:
    def until_it_fails() -> Iterator[Batch]:
        yield a_batch(0, 10)
        yield a_batch(1, 20)
        raise LogError("the disk of the log is gone")

    with pytest.raises(LogError, match="disk"):
        mirror.append(until_it_fails())
    assert mirror.reached() == {"b": Reached(2, "d2")}
    assert ask(mirror, "SELECT sum(amount) FROM cash") == [(exactly(30),)]


def test_a_batch_is_taken_in_whole_or_not_at_all(mirror: Mirror) -> None:
    mirror.append([a_batch(0, 10)])
    whole = a_batch(1, 20)
    nonsense = Batch(book="b", after=1, reached=whole.reached, tables={**whole.tables, "days": None})

    with pytest.raises((AttributeError, TypeError, duckdb.Error, LogError)):
        mirror.append([nonsense])
    assert mirror.reached() == {"b": Reached(1, "d1")}
    assert ask(mirror, "SELECT amount FROM cash") == [(exactly(10),)]
    assert mirror.append([whole]) == 1


def test_a_rebuild_gives_what_a_refresh_gave(mirror: Mirror, journal: MemoryJournal) -> None:
    desk = some_of_everything(journal)
    refresh(journal, mirror)
    before = contents(mirror)

    assert rebuild(journal, mirror) == Refreshed(sum(map(len, before.values())), {"main": len(desk.log)})
    assert contents(mirror) == before
    desk.buy(9).commit()
    assert refresh(journal, mirror).books == {"main": len(desk.log)}


def test_a_rebuild_that_fails_leaves_the_old_one(mirror: Mirror, journal: MemoryJournal) -> None:
    some_of_everything(journal)
    refresh(journal, mirror)
    before, reached = contents(mirror), mirror.reached()

    def until_it_fails() -> Iterator[Batch]:
        yield a_batch(0, 1)
        raise LogError("half way")

    with pytest.raises(LogError, match="half way"), mirror.anew() as fresh:
        fresh.append(until_it_fails())
    assert contents(mirror) == before
    assert mirror.reached() == reached


def test_a_mirror_of_another_log_is_refused(mirror: Mirror, journal: MemoryJournal) -> None:
    Desk(journal).trade(1).commit()
    refresh(journal, mirror)
    before = contents(mirror)
    other, shorter, elsewhere = MemoryJournal(), MemoryJournal(), MemoryJournal()
    Desk(other).buy(1).accept(1).end(1).fill(1, price=99).commit()
    Desk(shorter).commit()
    Desk(elsewhere, "elsewhere").trade(1).commit()

    for log, said in ((other, "not the one that was mirrored"), (shorter, "only up to 4"), (elsewhere, "another log")):
        with pytest.raises(LogError, match=f"{said}.*orderwright mirror rebuild"):
            refresh(log, mirror)
        log.close()
    assert contents(mirror) == before


def test_a_journal_that_keeps_only_the_newest_is_mirrored_anew(mirror: Mirror) -> None:
    journal = MemoryJournal(keep=2)
    desk = Desk(journal)
    for number in range(1, 4):
        desk.trade(number).commit()
        refresh(journal, mirror)

    assert ask(mirror, "SELECT order_id FROM placed ORDER BY id") == [(an_id(2),), (an_id(3),)]
    assert ask(mirror, "SELECT client_order_id, status FROM orders ORDER BY id") == [
        (an_id(2), "filled"),
        (an_id(3), "filled"),
    ]
    journal.close()


def test_the_orders_view_says_what_the_log_says(mirror: Mirror, journal: MemoryJournal) -> None:
    some_of_everything(journal)
    refresh(journal, mirror)

    def shown(row: dict[str, Any], name: str) -> Any:
        value = row[name]
        is_time = name in ("created_at", "updated_at", "filled_at") and value is not None
        return dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=value) if is_time else value  # noqa: DTZ001  # the view's are naive

    found = asked(mirror, "SELECT * FROM orders ORDER BY id")
    not_here = {"metadata", "exchange_order_id", "risk_check_passed", "risk_check_reason", "idempotency_key", "time"}
    expected = journal.latest("orders")
    assert len(found) == 8
    assert [{name: row[name] for name in expected[0] if name not in not_here} for row in found] == [
        {name: shown(row, name) for name in row if name not in not_here}
        for row in sorted(expected, key=lambda r: r["id"])
    ]


def test_the_other_views_say_what_the_log_says(mirror: Mirror, journal: MemoryJournal) -> None:
    some_of_everything(journal)
    refresh(journal, mirror)

    def rows(view: str, *columns: str) -> list[tuple[Any, ...]]:
        return sorted(ask(mirror, f"SELECT {', '.join(columns)} FROM {view}"))

    def kept(table: str, *columns: str, **where: Any) -> list[tuple[Any, ...]]:
        return sorted(tuple(row[column] for column in columns) for row in journal.latest(table, where=where))

    assert rows("open_orders", "id", "status") == [(2, "partially_filled"), (8, "open")]
    balances = ("account", "asset", "total", "locked", "free")
    assert rows("balances", *balances) == kept("balances", *balances)
    positions = ("account", "symbol", "size", "cost", "realised")
    assert rows("latest_positions", *positions) == kept("positions", *positions)
    prices = ("exchange", "symbol", "last", "bid", "ask")
    assert rows("latest_prices", *prices) == kept("prices", *prices)
    fills = ("order_id", "execution_id", "symbol", "side", "quantity", "price", "fee")
    assert rows("standing_fills", *fills) == kept("fills", *fills, standing=True)
    assert rows("realised_by_day", "day", "realised") == [
        (dt.date(2026, 1, 5), exactly("-0.25")),
        (dt.date(2026, 1, 6), exactly("6.8125")),
    ]
    assert ask(mirror, "SELECT exchange, mid FROM latest_prices") == [("simulated", exactly(100))]
    assert {(row["account"], row["exchange"]) for row in asked(mirror, "SELECT * FROM balances")} == {
        ("main", "simulated")
    }


def test_values_in_views_are_exact_where_a_product_has_18_places(mirror: Mirror, journal: MemoryJournal) -> None:
    desk = Desk(journal)
    step = "0.00000001"
    desk.buy(1).accept(1)
    for quantity, price in ((Decimal("0.12345678"), Decimal("98765.4321098765")), (Decimal(step), Decimal(step))):
        trade = Execution(execution_id=f"x{price}", quantity=quantity, price=price, time=NOW)
        desk.append(m.OrderFilled(time=NOW, order_id=an_id(1), execution=trade))
    desk.commit()
    refresh(journal, mirror)

    expected = Decimal("0.12345678") * Decimal("98765.4321098765") + Decimal(step) * Decimal(step)
    assert ask(mirror, "SELECT sum(value) FROM standing_fills") == [(expected,)]
    assert ask(mirror, "SELECT filled_quote FROM orders") == [(expected,)]


def test_views_of_others_are_made_with_ours(mirror: Mirror, journal: MemoryJournal) -> None:
    some_of_everything(journal)
    refresh(journal, mirror)

    assert ask(mirror, "SELECT * FROM mine") == [(an_id(3), OrderStatus.CANCELLED.value)]


def test_two_may_read_at_once(mirror: Mirror, journal: MemoryJournal) -> None:
    Desk(journal).commit()
    refresh(journal, mirror)

    with mirror.reading() as one, mirror.reading() as two:
        assert one.execute("SELECT symbol FROM instruments").fetchall() == [(SYMBOL,)]
        assert two.execute("SELECT symbol FROM instruments").fetchall() == [(SYMBOL,)]
