"""The table that a mirror keeps of how well each order was executed: after any refreshes what the expression says."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pytest

from orderwright.analytics import measuring
from orderwright.analytics.execution import execution_report
from orderwright.analytics.expressions import sql
from orderwright.analytics.measuring import MEASURED, measure
from orderwright.analytics.order_quality import order_quality
from orderwright.journal import MemoryJournal
from orderwright.mirror import source
from orderwright.mirror.duck import DuckMirror, MemoryMirror
from orderwright.mirror.parquet import ParquetMirror
from orderwright.mirror.refreshing import rebuild, refresh
from orderwright.mirror.schema import TABLES
from orderwright.ports import Batch, Mirror, Reached
from tests.analytics.mirror_tables import HandWritten, a_random_log, at
from tests.journal.desk import Desk
from tests.mirror.world import some_of_everything

Row = dict[str, Any]


def _batches(log: HandWritten, cuts: dict[str, list[int]]) -> Iterator[Batch]:
    """The rows of a log by hand as a mirror gets them, each book cut after some sequences."""
    connection = log.write()
    for book, ends in cuts.items():
        for after, upto in zip([0, *ends], ends, strict=False):
            where = f"book = '{book}' AND sequence > {after} AND sequence <= {upto}"
            tables: dict[str, pa.Table] = {}
            for name in TABLES:
                rows = connection.execute(f"SELECT * FROM {name} WHERE {where}").to_arrow_table()
                tables[name] = rows.cast(source.arrow_schema(name))
            yield Batch(book=book, after=after, reached=Reached(upto, f"d{upto}"), tables=tables)


def _cut(log: HandWritten, seed: int) -> list[Batch]:
    """A log's batches in an order in which a mirror could get them: each book goes on, whichever is next."""
    chance = random.Random(seed)
    cuts = {
        book: [*sorted(chance.sample(range(1, last), min(3, last - 1))), last] for book, last in log.sequences.items()
    }
    waiting: dict[str, list[Batch]] = {}
    for batch in _batches(log, cuts):
        waiting.setdefault(batch.book, []).append(batch)
    found = []
    while any(waiting.values()):
        found.append(waiting[chance.choice([book for book, rest in waiting.items() if rest])].pop(0))
    return found


def _told(connection: duckdb.DuckDBPyConnection, query: str) -> dict[int, Row]:
    answer = connection.execute(query)
    names = [column[0] for column in answer.description or []]
    return {row[0]: dict(zip(names, row, strict=True)) for row in answer.fetchall()}


@cache
def _quality() -> str:
    return sql(order_quality().select(list(MEASURED)))


def _expected(connection: duckdb.DuckDBPyConnection) -> dict[int, Row]:
    rows = _told(connection, _quality())
    return {number: {name: _near(value) for name, value in row.items()} for number, row in rows.items()}


def _near(value: Any) -> Any:
    return pytest.approx(value, rel=1e-9, abs=1e-8) if isinstance(value, float) else value


def _check(mirror: Mirror) -> None:
    with mirror.reading() as connection:
        assert _told(connection, "SELECT * FROM measured") == _expected(connection)


@pytest.mark.parametrize("seed", range(6))
def test_after_any_refreshes_the_table_is_what_the_expression_says(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random logs of two books with prices, fees in other assets, busts and mark-outs that come later."""
    monkeypatch.setattr(measuring, "CHUNK", 15)
    mirror = MemoryMirror(derive=measure)
    log = a_random_log(seed, 40)
    for batch in _cut(log, seed):
        mirror.append([batch])
        if seed == 0:
            _check(mirror)
    _check(mirror)
    mirror.close()


def test_a_mark_out_comes_with_the_price_after_the_fill() -> None:
    log = HandWritten()
    log.order(1, "buy 1 market").fill(100, 1, "100")
    filled = log.sequences["main"]
    log.price(200_000, "101", "101").price(300_000, "102", "102")
    first, second, third = _batches(log, {"main": [filled, filled + 1, filled + 2]})
    mirror = MemoryMirror(derive=measure)
    found = []
    for batch in (first, second, third):
        mirror.append([batch])
        with mirror.reading() as connection:
            found += connection.execute("SELECT mark_out_5m, count(*) OVER () FROM measured").fetchall()
    mirror.close()

    assert found == [(None, 1), (None, 1), (pytest.approx(200), 1)]


def test_assets_that_are_defined_otherwise_are_so_for_the_orders_before() -> None:
    log = HandWritten()
    log.order(1, "buy 1 market").fill(100, 1, "100")
    before = log.sequences["main"]
    log.put("instruments", 200, exchange="binance", symbol="BTC/USDT", base="XBT", quote="USDT")
    mirror = MemoryMirror(derive=measure)
    for batch in _batches(log, {"main": [before, before + 1]}):
        mirror.append([batch])
    with mirror.reading() as connection:
        assert connection.execute("SELECT base, quote FROM measured").fetchall() == [("XBT", "USDT")]
    mirror.close()


def test_a_crash_before_the_measuring_is_made_good_by_the_next_refresh(tmp_path: Any) -> None:
    def crash(connection: duckdb.DuckDBPyConnection) -> None:
        measure(connection)
        raise KeyboardInterrupt

    journal, path = MemoryJournal(), tmp_path / "mirror.duckdb"
    desk = Desk(journal).trade(1).commit()
    refresh(journal, DuckMirror(path, derive=measure))
    desk.trade(2).commit()
    with pytest.raises(KeyboardInterrupt):
        refresh(journal, DuckMirror(path, derive=crash))
    with DuckMirror(path).reading() as connection:
        assert connection.execute("SELECT id FROM measured").fetchall() == [(1,)]
        assert execution_report(connection).totals.orders == 2, "what is behind is not believed"

    assert refresh(journal, DuckMirror(path, derive=measure)).rows == 0
    _check(DuckMirror(path))
    assert refresh(journal, DuckMirror(path, derive=measure)).rows == 0
    _check(DuckMirror(path))
    journal.close()


def test_a_rebuild_measures_too(tmp_path: Any) -> None:
    journal = MemoryJournal()
    some_of_everything(journal)
    mirror = DuckMirror(tmp_path / "mirror.duckdb", derive=measure)
    rebuild(journal, mirror)
    _check(mirror)
    journal.close()


def test_a_report_is_the_same_with_the_table_and_without(tmp_path: Any) -> None:
    """Kept in DuckDB, measured when asked in a mirror without it, and over Parquet files."""
    log = a_random_log(3, 60)
    batches = list(_batches(log, {book: [last] for book, last in log.sequences.items()}))
    kept, without, files = MemoryMirror(derive=measure), MemoryMirror(), ParquetMirror(tmp_path / "mirror")
    reports = []
    for mirror in (kept, without, files):
        mirror.append(batches)
        with mirror.reading() as connection:
            report = execution_report(connection, start=at(1_000), symbol="BTC/USDT")
            reports.append(_rounded(msgspec.to_builtins(report)))
    kept.close()
    without.close()

    assert reports[0]["totals"]["orders"] > 10
    assert reports[1] == reports[2] == reports[0]


def _rounded(told: Any) -> Any:
    """Doubles may be added up in another order."""
    if isinstance(told, dict):
        return {name: _rounded(value) for name, value in told.items()}
    if isinstance(told, list):
        return [_rounded(value) for value in told]
    return round(told, 6) if isinstance(told, float) else told


def test_the_columns_are_those_of_the_expression() -> None:
    found = order_quality().drop("market").schema()

    assert list(found.names) == list(MEASURED)
    assert {name: str(kind).replace(" ", "") for name, kind in found.items() if kind.is_decimal()}.keys() == {
        name for name, kind in MEASURED.items() if kind.startswith("decimal")
    }
