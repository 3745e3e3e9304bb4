"""Reading a log for a mirror: logs of older versions, and values that no log can have."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderwright.errors import LogDamaged
from orderwright.journal import MemoryJournal, open_log
from orderwright.journal.reading import LogReader
from orderwright.mirror import source
from orderwright.mirror.duck import MemoryMirror
from orderwright.mirror.refreshing import refresh
from orderwright.mirror.schema import TABLES
from tests.journal.desk import Desk
from tests.mirror.world import ask, contents, some_of_everything


def test_every_table_has_the_columns_of_the_schema(tmp_path: Path) -> None:
    journal = MemoryJournal()
    some_of_everything(journal)
    log = source.source_of(journal)
    (batch,) = source.batches(log, source.heads(log), {})

    assert {name: rows.schema for name, rows in batch.tables.items()} == {
        name: source.arrow_schema(name) for name in TABLES
    }
    journal.close()


def test_what_an_older_log_does_not_say_is_null(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    log = open_log(path)
    some_of_everything(log)
    log.close()
    older = sqlite3.connect(path)
    older.execute("UPDATE log SET body = json_remove(body, '$.mid', '$.rule', '$.bid', '$.instruction.decision_time')")
    older.commit()
    older.execute("PRAGMA wal_checkpoint")
    older.close()
    mirror = MemoryMirror()
    spoilt = _unchecked(path)
    refresh(spoilt, mirror)

    assert ask(mirror, "SELECT DISTINCT mid, rule FROM steps WHERE kind IN ('order_ended', 'order_withdrawn')") == [
        (None, None)
    ]
    assert ask(mirror, "SELECT DISTINCT bid, decision_time FROM placed") == [(None, None)]
    assert ask(mirror, "SELECT count(*) FROM placed WHERE ask IS NOT NULL") == [(7,)]
    spoilt.connection.close()
    mirror.close()


def _unchecked(path: Path) -> LogReader:
    """A reader that does not look at digests, for a log whose bodies were rewritten."""
    return LogReader(sqlite3.connect(path, check_same_thread=False))


def test_money_that_no_log_can_have_is_an_error_and_not_rounded(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    log = open_log(path)
    Desk(log).trade(1).commit()
    log.close()
    spoilt = _unchecked(path)
    mirror = MemoryMirror()
    for wrong in ("0.0000000000000000001", "lots", "1e400"):
        spoilt.connection.execute("UPDATE log SET last_price = ? WHERE execution_id = 'e1'", (wrong,))
        with pytest.raises(LogDamaged, match=r"a value that no log can have.*orderwright log verify"):
            refresh(spoilt, mirror)
    spoilt.connection.execute("UPDATE log SET last_price = '100', body = '{' WHERE execution_id = 'e1'")
    spoilt.connection.execute("UPDATE log SET body = '{' WHERE kind = 'order_received'")
    with pytest.raises(LogDamaged, match=r"malformed JSON.*orderwright log verify"):
        refresh(spoilt, mirror)
    assert mirror.reached() == {}
    spoilt.connection.close()
    mirror.close()


@settings(max_examples=5)
@given(cuts=st.lists(st.integers(1, 40), max_size=3), stretch=st.integers(3, 9), batch=st.integers(9, 30))
def test_however_it_is_cut_the_mirror_is_the_same(cuts: list[int], stretch: int, batch: int) -> None:
    journal = MemoryJournal()
    some_of_everything(journal)
    some_of_everything(journal, "other")
    log = source.source_of(journal)
    whole, pieces = MemoryMirror(), MemoryMirror()
    refresh(journal, whole)
    heads = source.heads(log)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "STRETCH", stretch)
        patch.setattr(source, "BATCH", batch)
        for upto in sorted(cuts):
            part = {
                book: source.Head(min(upto, head.sequence), head.digest, head.number) for book, head in heads.items()
            }
            pieces.append(source.batches(log, part, pieces.reached()))
        refresh(journal, pieces)

    assert contents(pieces) == contents(whole)
    for mirror in (whole, pieces):
        mirror.close()
    journal.close()
