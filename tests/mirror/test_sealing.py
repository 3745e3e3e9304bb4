"""Closed months as Parquet files that prove themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from orderwright.core.model import DAY
from orderwright.errors import InputError, LogDamaged, LogError
from orderwright.journal import MemoryJournal, open_log
from orderwright.journal.seal import decode
from orderwright.mirror.sealing import Month, seal, verify_sealed
from tests.builders import NOW
from tests.journal.desk import Desk

MONTH = 31 * DAY


def three_months(journal: MemoryJournal) -> Desk:
    """Orders on 5 January, 5 February and 8 March 2026; another book has a row in January alone."""
    desk = Desk(journal).trade(1).pass_time(MONTH).trade(2).pass_time(MONTH).trade(3).commit()
    Desk(journal, "other/book").commit()
    return desk


@pytest.fixture
def journal() -> Iterator[MemoryJournal]:
    journal = MemoryJournal()
    yield journal
    journal.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "sealed"


def test_each_closed_month_becomes_one_file_of_whole_rows(folder: Path, journal: MemoryJournal) -> None:
    desk = three_months(journal)
    months = seal(journal, folder)

    assert [(month.book, month.month, month.first, month.last, month.rows) for month in months] == [
        ("main", "2026-01", 1, 8, 8),
        ("main", "2026-02", 9, 12, 4),
    ]
    assert [month.file for month in months] == ["main/2026-01.parquet", "main/2026-02.parquet"]
    rows = parquet.read_table(folder / months[0].file)
    assert rows.column_names == ["position", "time", "kind", "schema", "body", "digest"]
    assert [decode(body) for body in rows["body"].to_pylist()] == desk.log[:8]
    assert rows["digest"][-1].as_py().hex() == months[0].last_digest == months[1].before


def test_the_month_that_is_not_over_is_left_out_unless_the_clock_says_that_it_is(
    folder: Path, journal: MemoryJournal
) -> None:
    three_months(journal)
    seal(journal, folder)

    assert seal(journal, folder, now=NOW + 26 * DAY) == []  # 31 January, before the log's newest row
    assert [(month.book, month.month) for month in seal(journal, folder, now=NOW + 27 * DAY)] == [
        ("other/book", "2026-01")
    ]
    assert [month.month for month in seal(journal, folder, now=NOW + 100 * DAY)] == ["2026-03"]
    assert verify_sealed(folder).heads.keys() == {"main", "other/book"}


def test_sealing_again_changes_nothing(folder: Path, journal: MemoryJournal) -> None:
    desk = three_months(journal)
    seal(journal, folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    assert seal(journal, folder) == []
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    desk.pass_time(MONTH).trade(4).commit()
    assert [month.month for month in seal(journal, folder)] == ["2026-03"]


def test_sealed_months_verify(folder: Path, journal: MemoryJournal) -> None:
    three_months(journal)
    months = seal(journal, folder)
    report = verify_sealed(folder)

    assert (report.ok, report.rows, report.heads) == (True, 12, {"main": (12, months[-1].last_digest)})


def changed(path: Path, column: str, at: int, value: object) -> None:
    """Change one value of a sealed file, keeping it a good Parquet file."""
    rows = parquet.read_table(path)
    values = rows[column].to_pylist()
    values[at] = value
    index = rows.column_names.index(column)
    field = rows.schema.field(column)
    parquet.write_table(rows.set_column(index, field, pyarrow.array(values, field.type)), path)


def test_a_changed_row_is_found(folder: Path, journal: MemoryJournal) -> None:
    three_months(journal)
    months = seal(journal, folder)
    path = folder / months[1].file
    body = parquet.read_table(path)["body"][2].as_py()
    changed(path, "body", 2, body.replace('"quantity":"1"', '"quantity":"9"'))

    assert [str(problem) for problem in verify_sealed(folder).problems] == [
        "book main, sequence 11: main/2026-02.parquet: sequence 11: the row is not what was written, or the key is "
        "another one"
    ]


def test_a_changed_byte_anywhere_is_found(folder: Path, journal: MemoryJournal) -> None:
    three_months(journal)
    path = folder / seal(journal, folder)[0].file
    whole = path.read_bytes()
    for at in (10, len(whole) // 2, len(whole) - 10):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert not verify_sealed(folder).ok
    path.write_bytes(whole)
    assert verify_sealed(folder).ok


def test_a_missing_month_and_a_missing_row_are_found(folder: Path, journal: MemoryJournal) -> None:
    three_months(journal)
    months = seal(journal, folder)
    first = folder / months[0].file
    parquet.write_table(parquet.read_table(first).slice(0, 7), first)
    (folder / months[1].file).unlink()

    first_told, second_told = (str(problem) for problem in verify_sealed(folder).problems)
    assert "main/2026-01.parquet has not the rows that were sealed" in first_told
    assert "main/2026-02.parquet cannot be read" in second_told


def test_a_manifest_that_leaves_a_month_out_is_found(folder: Path, journal: MemoryJournal) -> None:
    three_months(journal)
    seal(journal, folder, now=NOW + 100 * DAY)
    path = folder / "sealed.json"
    text = path.read_text()
    start, end = text.index('    {\n      "book": "main",\n      "month": "2026-02"'), text.index("2026-03")
    path.write_text(text[:start] + text[text.rindex("    {", 0, end) :])

    (problem,) = verify_sealed(folder).problems
    assert str(problem) == "book main, sequence 13: 2026-03 does not follow the month before it"


def test_a_sealed_file_that_differs_is_an_error_and_not_overwritten(folder: Path, journal: MemoryJournal) -> None:
    desk = three_months(journal)
    path = folder / seal(journal, folder)[0].file
    path.write_bytes(b"something else")
    with pytest.raises(LogDamaged, match="not the file that was sealed"):
        seal(journal, folder)
    path.unlink()
    with pytest.raises(LogDamaged, match="sealed and is missing"):
        seal(journal, folder)
    march = folder / "main" / "2026-03.parquet"
    march.write_bytes(b"in the way")
    path.write_bytes(b"")
    assert march.read_bytes() == b"in the way"
    assert len(desk.log) == 16


def test_a_file_in_the_way_is_not_overwritten(folder: Path, journal: MemoryJournal) -> None:
    three_months(journal)
    (folder / "main").mkdir(parents=True)
    (folder / "main" / "2026-01.parquet").write_bytes(b"in the way")

    with pytest.raises(LogDamaged, match="holds something else: it is not overwritten"):
        seal(journal, folder)
    assert (folder / "main" / "2026-01.parquet").read_bytes() == b"in the way"


def test_a_crash_before_the_manifest_is_mended(folder: Path, journal: MemoryJournal) -> None:
    three_months(journal)
    months = seal(journal, folder)
    (folder / "sealed.json").unlink()

    assert seal(journal, folder) == months


def test_months_of_another_log_are_not_sealed_beside_these(folder: Path, journal: MemoryJournal) -> None:
    three_months(journal)
    seal(journal, folder)
    other = MemoryJournal()
    Desk(other).buy(1).pass_time(MONTH).trade(2).pass_time(MONTH).trade(3).commit()

    with pytest.raises(LogDamaged, match="is not in the log as it was sealed"):
        seal(other, folder)
    other.close()


def test_a_log_with_a_key_is_sealed_and_verified_with_it(folder: Path, tmp_path: Path) -> None:
    key, file = b"secret", tmp_path / "log.sqlite"
    log = open_log(file, key=key)
    Desk(log).trade(1).pass_time(MONTH).trade(2).commit()

    with pytest.raises(LogDamaged, match=r"sequence 1.*the key is another one.*Nothing was sealed"):
        seal(log, folder)
    (month,) = seal(log, folder, key=key)
    assert isinstance(month, Month)
    assert verify_sealed(folder, key=key).ok
    assert not verify_sealed(folder).ok
    log.close()


def test_what_cannot_be_sealed_or_verified_is_named(folder: Path) -> None:
    journal = MemoryJournal(keep=1)
    with pytest.raises(InputError, match="keeps only the newest"):
        seal(journal, folder)
    with pytest.raises(LogError, match="no months are sealed here"):
        verify_sealed(folder)
    journal.close()
