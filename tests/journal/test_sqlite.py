"""The SQLite journal as a file: crash, fence, lease, full disk, other schemas."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwright.core import messages as m
from orderwright.core.evolve import Changes
from orderwright.core.numbers import text
from orderwright.errors import CommitFailed, LogDamaged, LogError, LogFenced, LogLocked, LogNewer, UnknownName
from orderwright.journal import SqliteJournal, open_log
from orderwright.journal.lease import LEASE_US
from orderwright.journal.maintenance import verify
from orderwright.journal.rows import money
from orderwright.journal.schema import MODELS
from tests.builders import NOW, an_id
from tests.journal.desk import Desk

NEW_IN_3 = "DROP TABLE alerts; ALTER TABLE log DROP COLUMN estimated_slippage; ALTER TABLE lease DROP COLUMN taken"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.log"


def edit(path: Path, sql: str) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(sql)
    connection.close()


def sequences(path: Path) -> list[int]:
    reader = open_log(path, read_only=True)
    found = [sequence for sequence, _ in reader.events("main")]
    reader.close()
    return found


def test_a_crash_loses_only_what_was_not_committed(path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from orderwright.journal import open_log\n"
        "from tests.journal.desk import Desk\n"
        "desk = Desk(open_log(Path(sys.argv[1]))).trade(1).commit().buy(2)\n"
        "desk.journal.write(); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(path)], check=False, cwd=Path.cwd()).returncode == 9

    journal = open_log(path)  # the holder's process is gone, so its lease does not count
    assert [sequence for sequence, _ in journal.events("main")] == list(range(1, 9))
    assert journal.recall_order("main", an_id(2)) == []
    assert verify(path).problems == []
    journal.close()


def test_reading_goes_on_beside_a_transaction_and_sees_what_is_committed(path: Path) -> None:
    desk = Desk(open_log(path)).buy(1).commit().accept(1)
    desk.journal.write()
    assert [row["status"] for row in desk.journal.latest("orders")] == ["submitted"]

    thread = threading.Thread(target=desk.journal.commit)
    thread.start()
    thread.join()
    assert [row["status"] for row in desk.journal.latest("orders")] == ["open"]
    desk.journal.close()


def test_a_late_fill_finds_its_finished_order_after_a_restart(path: Path) -> None:
    desk = Desk(open_log(path)).buy(1).accept(1).fill(1).end(1).commit()
    desk.journal.close()
    desk.journal = open_log(path)
    desk.fill(1).commit()

    assert [(row["id"], row["status"]) for row in desk.journal.latest("orders")] == [(1, "filled")]
    desk.journal.close()
    assert verify(path).problems == []


def test_a_doubled_fill_and_a_doubled_key_are_refused_by_the_indexes(path: Path) -> None:
    for number, twice in enumerate((_the_same_fill, _the_same_reference)):
        desk = Desk(open_log(path.with_name(f"{number}.log"))).buy(1).fill(1).commit()
        twice(desk)
        with pytest.raises(CommitFailed, match="UNIQUE"):
            desk.journal.write()
        with pytest.raises(CommitFailed, match="earlier"):
            desk.journal.commit()
        desk.journal.close()
        assert len(sequences(path.with_name(f"{number}.log"))) == 6


def test_an_order_received_again_when_its_pointer_has_left_memory_is_refused_by_the_index(path: Path) -> None:
    desk = Desk(open_log(path)).trade(1).commit()
    desk.journal.close()
    desk.journal = open_log(path)
    received = next(event for event in desk.log if isinstance(event, m.OrderReceived))
    desk.journal.append("main", 9, msgspec.structs.replace(received, time=desk.now), Changes(desk.state.find(an_id(1))))

    with pytest.raises(CommitFailed, match="an order was received that the log has already"):
        desk.journal.write()
    desk.journal.close()
    assert len(sequences(path)) == 8
    assert verify(path).ok


def _the_same_fill(desk: Desk) -> None:
    event = desk.log[-1]
    desk.journal.append("main", 7, event, Changes(desk.state.find(an_id(1))))


def _the_same_reference(desk: Desk) -> None:
    event = m.CashMoved(time=NOW, account="main", asset="USDT", amount=Decimal(1), cause="deposit", reference="r")
    desk.journal.append("main", 7, event, Changes())
    desk.journal.append("main", 8, event, Changes())


def test_a_second_writer_is_refused_and_told_whom_to_ask(path: Path) -> None:
    first = open_log(path)

    with pytest.raises(LogLocked, match=rf"{os.getpid()}@{socket.gethostname()}.*--take-over"):
        open_log(path)
    first.close()
    open_log(path).close()


def test_a_reader_needs_no_lease_and_can_write_nothing(path: Path) -> None:
    desk = Desk(open_log(path)).trade(1).commit()
    reader = open_log(path, read_only=True, book="main")

    assert reader.latest("balances") == desk.journal.latest("balances")
    with pytest.raises(LogError, match="reading only"):
        reader.write()
    with pytest.raises(UnknownName):
        open_log(path, read_only=True, book="mian")
    reader.close()
    desk.journal.close()


def test_a_lease_that_ran_out_or_whose_process_is_gone_does_not_count(path: Path) -> None:
    first = open_log(path, clock=lambda: NOW)
    second = open_log(path, clock=lambda: NOW + LEASE_US + 1)
    assert (first.epoch, second.epoch) == (1, 2)
    second.close()
    first.close()

    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    holder = f"{gone.pid}@{socket.gethostname()}"
    edit(path, f"UPDATE lease SET holder = '{holder}', expires = {2**62}")
    open_log(path).close()

    edit(path, f"UPDATE lease SET holder = '{holder}.elsewhere', expires = {2**62}")
    with pytest.raises(LogLocked, match="elsewhere"):
        open_log(path)


def test_a_writer_that_was_taken_over_writes_nothing_more(path: Path) -> None:
    stale = Desk(open_log(path)).commit()
    fresh = open_log(path, take_over=True)
    stale.buy(1)

    with pytest.raises(LogFenced, match="taken this log over"):
        stale.journal.write()
    with pytest.raises(LogFenced):
        stale.journal.append("main", 7, stale.log[-1], Changes())
    stale.journal.close()
    assert sequences(path) == [1, 2, 3, 4]
    with pytest.raises(LogLocked):  # the stale one's end did not give up the other's lease
        open_log(path)
    fresh.close()


def test_the_lease_is_renewed_by_writing_and_by_renew(path: Path) -> None:
    now = NOW
    journal = open_log(path, clock=lambda: now)
    desk = Desk(journal).commit()
    for _ in range(4):
        now += LEASE_US // 2
        desk.pass_time(1).run(m.MoveCash(account="main", asset="USDT", amount=Decimal(1))).commit()
    now += LEASE_US // 2
    journal.renew()
    now += LEASE_US - 1

    with pytest.raises(LogLocked):
        open_log(path, clock=lambda: now)
    journal.close()


def test_a_process_that_missed_another_ones_rows_is_fenced(path: Path) -> None:
    stale = Desk(open_log(path)).commit()
    nonce = stale.journal._lease.nonce  # type: ignore[attr-defined]
    other = Desk(open_log(path, take_over=True), "spare")
    other.book, other.state.sequence = "main", 4
    other.journal.append("main", 5, other.log[-1], Changes())
    other.commit()
    edit(path, f"UPDATE lease SET nonce = '{nonce}'")  # even if the lease says nothing
    stale.run(m.MoveCash(account="main", asset="USDT", amount=Decimal(1)))

    with pytest.raises(LogFenced, match="written to the book since"):
        stale.journal.write()
    stale.journal.close()
    other.journal.close()


def test_a_full_disk_ends_the_journal_and_leaves_the_log_whole(path: Path) -> None:
    desk = Desk(open_log(path)).trade(1).commit()
    assert isinstance(desk.journal, SqliteJournal)
    connection = desk.journal._connection
    assert connection is not None
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    for number in range(2, 60):
        desk.trade(number)

    with pytest.raises(CommitFailed, match="full"):
        desk.journal.write()
    for again in (desk.journal.write, desk.journal.commit):
        with pytest.raises(CommitFailed, match="earlier write failed"):
            again()
    with pytest.raises(CommitFailed):
        desk.buy(60)
    desk.journal.close()
    assert sequences(path) == list(range(1, 9))
    assert verify(path).problems == []


def test_a_log_with_a_key_opens_with_that_key_only(path: Path) -> None:
    Desk(open_log(path, key=b"secret")).trade(1).commit().journal.close()

    open_log(path, key=b"secret").close()
    with pytest.raises(LogDamaged, match="key"):
        open_log(path, key=b"other")
    with pytest.raises(LogError, match="with that key"):
        open_log(path)
    assert verify(path, key=b"secret").problems == []


def test_opening_finds_a_damaged_tail(path: Path) -> None:
    Desk(open_log(path)).trade(1).commit().journal.close()
    edit(path, "UPDATE log SET body = replace(body, '100', '101') WHERE position = (SELECT max(position) FROM log)")

    with pytest.raises(LogDamaged, match=r"a\.log.*sequence 8 is not what was written.*log restore"):
        open_log(path)


@pytest.mark.parametrize("content", [b"hello, this is not a database at all", b"SQLite format 3\0" + b"rubbish" * 400])
def test_a_file_that_is_no_log_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    for read_only in (True, False):
        with pytest.raises(LogDamaged, match=r"a\.log.*log restore"):
            open_log(path, read_only=read_only)
    assert path.read_bytes() == content


def test_another_programs_database_is_refused(path: Path) -> None:
    edit(path, "CREATE TABLE mine (a)")

    with pytest.raises(LogDamaged, match="not a log"):
        open_log(path)


def test_a_missing_log_is_not_made_by_reading(path: Path) -> None:
    with pytest.raises(LogError, match="no such log"):
        open_log(path, read_only=True)
    assert not path.exists()


def test_a_newer_schema_is_refused(path: Path) -> None:
    open_log(path).close()
    edit(path, "PRAGMA user_version = 99")

    with pytest.raises(LogNewer, match="99"):
        open_log(path)


@pytest.mark.parametrize(
    "older",
    [f"DROP TABLE controls; {NEW_IN_3}; PRAGMA user_version = 1", f"{NEW_IN_3}; PRAGMA user_version = 2"],
    ids=["version 1", "version 2"],
)
def test_an_older_schema_is_brought_up_to_date(path: Path, older: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orderwright.core.placing.estimated_slippage", lambda *_: None)  # the older ones did not
    desk = Desk(open_log(path)).trade(1).buy(2).commit()
    before = desk.journal.open_state("main")
    desk.journal.close()
    edit(path, older)

    journal = open_log(path)
    assert journal.open_state("main") == before
    journal.close()
    assert verify(path).problems == []


def test_every_read_model_has_a_table(path: Path) -> None:
    open_log(path).close()
    connection = sqlite3.connect(path)
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()

    assert set(MODELS) <= tables


@given(
    st.decimals(allow_nan=False, allow_infinity=False, places=12) | st.decimals(allow_nan=False, allow_infinity=False)
)
def test_money_is_written_as_canonical_text(number: Decimal) -> None:
    assert money(number) == text(number)
