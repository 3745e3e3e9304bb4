"""Verification finds every kind of damage; rebuild, backup and restore."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from orderwright.core import messages as m
from orderwright.core.evolve import Changes
from orderwright.core.model import Action, Signal
from orderwright.errors import InputError, LogDamaged, LogError, LogLocked
from orderwright.journal import open_log
from orderwright.journal.maintenance import Problem, backup, head, rebuild, restore, verify
from orderwright.journal.replay import Replay
from orderwright.journal.schema import MODELS
from tests.builders import SYMBOL, an_execution, an_id
from tests.journal.desk import Desk
from tests.journal.test_sqlite import edit

BASE = 1 << 40


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log of two books with something of everything: 19 rows in main, 6 in other."""
    path = tmp_path / "a.log"
    journal = open_log(path)
    desk, other = Desk(journal), Desk(journal, "other")
    signal = Signal(signal_id="s1", symbol=SYMBOL, action=Action.BUY, account="main", quantity=Decimal(1), alert_id="a")
    desk.trade(1).pass_time(1_000).buy(2).accept(2).fill(2).end(2)
    other.buy(1)
    desk.run(m.ReceiveSignal(signal=signal, order_id=an_id(3))).fill(2)
    desk.run(m.BustReport(order_id=an_id(1), time=desk.now, execution_id="e1"))
    corrected = an_execution(1, "100.5", "e9")
    desk.run(m.CorrectReport(order_id=an_id(1), time=desk.now, corrects="e2", execution=corrected))
    quote = desk.state.market["simulated", SYMBOL]
    desk.append(m.PriceSeen(time=desk.now, exchange="simulated", symbol=SYMBOL, quote=quote))
    other.accept(1).commit()
    journal.close()
    return path


def contents(path: Path, *tables: str) -> dict[str, list[object]]:
    connection = sqlite3.connect(path)
    found: dict[str, list[object]] = {
        t: connection.execute(f"SELECT * FROM {t} ORDER BY 1, 2, 3").fetchall() for t in tables
    }
    connection.close()
    return found


def problem(path: Path, **words: str) -> Problem:
    problems = verify(path, **words).problems  # type: ignore[arg-type]
    assert problems, "nothing was found"
    return problems[0]


def test_a_whole_log_verifies_and_says_its_heads(path: Path) -> None:
    report = verify(path)

    assert report.problems == []
    assert report.ok
    assert report.rows == 18 + 6
    assert report.head == head(path)
    assert [part.split(":")[:2] for part in head(path).split(",")] == [["main", "18"], ["other", "6"]]


@pytest.mark.parametrize(
    ("damage", "sequence", "what"),
    [
        ("UPDATE log SET body = replace(body, '\"100\"', '\"101\"') WHERE position = {7}", 7, "changed"),
        ("UPDATE log SET time = time - 1 WHERE position = {7}", 7, "changed"),
        ("UPDATE log SET kind = 'order_ended' WHERE position = {7}", 7, "changed"),
        ("UPDATE log SET digest = zeroblob(32) WHERE position = {7}", 7, "changed"),
        (
            "UPDATE log SET last_price = '99' WHERE position = {7}",
            7,
            "column last_price is '99' and its body says '100'",
        ),
        ("UPDATE log SET status = 'cancelled' WHERE position = {7}", 7, "column status"),
        ("UPDATE log SET account = 'x' WHERE position = {4}", 4, "column account"),
        ("DELETE FROM log WHERE position = {7}", 7, "rows 7 to 7 are missing"),
        ("DELETE FROM log WHERE position BETWEEN {1} AND {3}", 1, "rows 1 to 3 are missing"),
        (
            "UPDATE log SET position = 0 WHERE position = {7}; UPDATE log SET position = {7} WHERE position = {8};"
            "UPDATE log SET position = {8} WHERE position = 0",
            7,
            "reordered: what was written here stands at 8",
        ),
    ],
)
def test_a_damaged_row_is_found(path: Path, damage: str, sequence: int, what: str) -> None:
    edit(path, damage.replace("{", f"({BASE} + ").replace("}", ")"))

    found = problem(path)
    assert (found.table, found.book, found.sequence) == ("log", "main", sequence)
    assert what in str(found)


def test_a_row_of_no_book_is_found(path: Path) -> None:
    edit(
        path,
        f"INSERT INTO log (position, time, kind, schema, body, digest) VALUES ({9 * BASE + 1}, 1, 'x', 1, '{{}}', '')",
    )

    assert "book number 9" in str(problem(path))


def test_a_renamed_book_is_found(path: Path) -> None:
    edit(path, "UPDATE books SET name = 'another' WHERE name = 'other'")

    found = problem(path)
    assert (found.table, found.book, found.sequence) == ("log", "another", 1)
    assert "the book's name" in str(found)
    with pytest.raises(LogDamaged, match="'another': sequence 1 is not what was written"):
        open_log(path)


def test_books_that_changed_their_names_are_found(path: Path) -> None:
    edit(
        path,
        "UPDATE books SET name = '' WHERE number = 1; UPDATE books SET name = 'main' WHERE number = 2;"
        "UPDATE books SET name = 'other' WHERE number = 1",
    )

    assert [(found.book, found.sequence) for found in verify(path).problems] == [("other", 1), ("main", 1)]


def test_a_deleted_book_shows_against_a_head_kept_elsewhere(path: Path) -> None:
    kept = head(path)
    edit(path, "DELETE FROM books WHERE name = 'other'")
    assert "book number 2, which has no name" in str(problem(path))

    edit(path, f"DELETE FROM log WHERE position >= {2 * BASE}")
    rebuild(path)
    assert verify(path).ok
    assert "of book 'other': a tail was cut off" in str(problem(path, head=kept))


def test_a_tail_that_was_cut_off_shows_against_a_head_kept_elsewhere(path: Path) -> None:
    kept = head(path)
    digest = kept.split(",")[0].split(":")[2]
    assert verify(path, kept).ok
    assert verify(path, digest).ok
    edit(
        path,
        f"DELETE FROM log WHERE position = {BASE + 18}; DELETE FROM prices; DELETE FROM series WHERE model = 'prices';"
        f"DELETE FROM controls WHERE name LIKE 'price%'",
    )

    assert verify(path).ok
    assert "a tail was cut off" in str(problem(path, head=kept))
    assert "sequence 18" in str(problem(path, head=kept))
    assert "a tail was cut off" in str(problem(path, head=digest))
    with pytest.raises(InputError):
        verify(path, "main:nonsense")


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (
            "UPDATE ledger SET total = '5' WHERE sequence = 3 AND series >> 20 = 1",
            Problem(
                "the row differs from a replay",
                table="ledger",
                key="(1048577, 3, 0)",
                column="total",
                expected="1000000",
                found="5",
            ),
        ),
        ("DELETE FROM keys", Problem("the row is missing", table="keys", key="(1, 'signal||BTC/USDT|buy|a')")),
        (
            "INSERT INTO positions VALUES (1048577, 999, '1', '1', '0')",
            Problem("the row is not in a replay", table="positions", key="(1048577, 999)"),
        ),
        (
            "UPDATE orders SET status = 'open' WHERE id = 1",
            Problem(
                "the row differs from a replay",
                table="orders",
                key="(1,)",
                column="status",
                expected="partially_filled",
                found="open",
            ),
        ),
    ],
)
def test_a_read_model_that_differs_from_a_replay_is_found_and_rebuilt(
    path: Path, damage: str, expected: Problem
) -> None:
    edit(path, damage)

    assert problem(path) == expected
    rebuild(path)
    assert verify(path).ok


def test_a_rebuild_gives_every_read_model_again(path: Path) -> None:
    before = contents(path, *MODELS)
    edit(path, "".join(f"DELETE FROM {model};" for model in MODELS))

    assert rebuild(path) == 24
    assert contents(path, *MODELS) == before


def test_a_rebuild_waits_for_no_writer(path: Path) -> None:
    journal = open_log(path)
    with pytest.raises(LogLocked):
        rebuild(path)
    journal.close()


def test_a_backup_of_a_log_in_use_is_one_verified_file(path: Path, tmp_path: Path) -> None:
    journal = open_log(path)
    report = backup(path, tmp_path / "copy")
    journal.close()

    assert report.head == head(path) == head(tmp_path / "copy")
    assert [file.name for file in tmp_path.glob("copy*")] == ["copy"]
    assert contents(tmp_path / "copy", "log", *MODELS) == contents(path, "log", *MODELS)
    with pytest.raises(LogError, match="never overwrites"):
        backup(path, tmp_path / "copy")


def test_a_damaged_log_gives_no_backup(path: Path, tmp_path: Path) -> None:
    edit(path, "DELETE FROM keys")

    with pytest.raises(LogDamaged, match="keys"):
        backup(path, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_restored_log_goes_on_where_the_backup_ended(path: Path, tmp_path: Path) -> None:
    backup(path, tmp_path / "copy")
    path.write_bytes(b"ruined")

    with pytest.raises(LogError, match="exists already"):
        restore(tmp_path / "copy", path)
    report = restore(tmp_path / "copy", path, overwrite=True)

    assert report.ok
    journal = open_log(path)
    assert journal.open_state("main").sequence == 18
    journal.close()
    restore(tmp_path / "copy", tmp_path / "new")
    assert head(tmp_path / "new") == head(path)


def test_a_log_in_use_is_not_replaced(path: Path, tmp_path: Path) -> None:
    backup(path, tmp_path / "copy")
    journal = open_log(path)

    with pytest.raises(LogLocked):
        restore(tmp_path / "copy", path, overwrite=True)
    journal.close()
    assert verify(path).ok


def test_a_damaged_backup_replaces_nothing(path: Path, tmp_path: Path) -> None:
    backup(path, tmp_path / "copy")
    edit(tmp_path / "copy", "UPDATE log SET status = 'open' WHERE status = 'filled'")

    with pytest.raises(LogDamaged, match="status"):
        restore(tmp_path / "copy", path, overwrite=True)
    assert verify(path).ok


def test_a_log_that_is_being_written_is_verified_as_of_one_moment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that come while the replay runs are neither missing nor too many."""
    journal = open_log(path)
    desk = Desk(journal, "third")
    replay = Replay.apply
    wrote: list[int] = []

    def apply(self: Replay, event: m.AnyEvent) -> Changes:
        if not wrote:
            wrote.append(1)
            desk.trade(7).commit()
        return replay(self, event)

    monkeypatch.setattr(Replay, "apply", apply)
    found = verify(path)
    journal.close()

    assert wrote
    assert (found.problems, found.rows) == ([], 24)
