"""The mirror in a DuckDB file: who may open it when, and what is done about a file that cannot be gone on with."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orderwright.errors import LogDamaged, LogError, LogLocked, LogNewer
from orderwright.journal import MemoryJournal
from orderwright.mirror.duck import DuckMirror
from orderwright.mirror.refreshing import Refreshed, rebuild, refresh
from tests.journal.desk import Desk
from tests.mirror.world import ask, contents

_HOLD = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


@pytest.fixture
def journal() -> Iterator[MemoryJournal]:
    journal = MemoryJournal()
    Desk(journal).trade(1).commit()
    yield journal
    journal.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mirror.duckdb"


def a_mirror(path: Path) -> DuckMirror:
    return DuckMirror(path, patience_ms=0)


@pytest.fixture
def held(path: Path, journal: MemoryJournal) -> Iterator[int]:
    """Another process writes the mirror; its number."""
    refresh(journal, a_mirror(path))
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdout.readline()
        yield other.pid
        other.stdin.close()


def test_while_another_process_writes_it_says_which(path: Path, journal: MemoryJournal, held: int) -> None:
    mirror = a_mirror(path)

    with pytest.raises(LogLocked, match=rf"process {held} has the mirror open.*then try again"):
        refresh(journal, mirror)
    with pytest.raises(LogLocked, match=str(held)), mirror.reading():
        pass


def test_it_waits_a_while_for_the_other_process(path: Path, held: int) -> None:
    pauses: list[float] = []
    mirror = DuckMirror(path, patience_ms=200, pause=pauses.append)

    with pytest.raises(LogLocked):
        mirror.reached()
    assert pauses == [0.05] * 4


def test_others_may_read_it_once_it_is_refreshed(path: Path, journal: MemoryJournal) -> None:
    refresh(journal, a_mirror(path))
    program = "import duckdb, sys; print(duckdb.connect(sys.argv[1], read_only=True).sql('FROM steps').shape[0])"

    with a_mirror(path).reading() as connection:
        (ours,) = connection.execute("SELECT count(*) FROM steps").fetchone() or ()
        theirs = subprocess.run(
            [sys.executable, "-c", program, str(path)], check=True, capture_output=True, text=True
        ).stdout
    assert (ours, theirs.strip()) == (4, "4")


def test_where_nothing_is_new_the_file_is_not_even_opened_for_writing(path: Path, journal: MemoryJournal) -> None:
    mirror = a_mirror(path)
    refresh(journal, mirror)

    with mirror.reading():  # DuckDB would refuse a writer now
        assert refresh(journal, mirror) == Refreshed(0, {"main": 8})
        Desk(journal, "other").commit()
        with pytest.raises(LogLocked, match="has the mirror open"):
            refresh(journal, mirror)
    assert refresh(journal, mirror).books == {"main": 8, "other": 4}


def test_a_changed_view_is_made_anew_though_no_row_is_new(path: Path, journal: MemoryJournal) -> None:
    refresh(journal, DuckMirror(path, {"mine": "SELECT 1 AS one"}))
    refresh(journal, DuckMirror(path, {"mine": "SELECT 2 AS one"}))

    assert ask(a_mirror(path), "FROM mine") == [(2,)]


@pytest.mark.parametrize("content", [b"", b"my notes, which are worth more than any mirror"])
def test_what_is_no_mirror_is_left_alone(path: Path, journal: MemoryJournal, content: bytes) -> None:
    path.write_bytes(content)

    for attempt in (refresh, rebuild):
        with pytest.raises(LogDamaged, match="not a mirror of a log, and is left as it is"):
            attempt(journal, a_mirror(path))
    assert path.read_bytes() == content


def test_a_duckdb_file_of_somebody_else_is_left_alone(path: Path, journal: MemoryJournal) -> None:
    with duckdb.connect(path) as other:
        other.execute("CREATE TABLE theirs AS SELECT 42 AS answer")

    for attempt in (refresh, rebuild):
        with pytest.raises(LogDamaged, match="not a mirror"):
            attempt(journal, a_mirror(path))
    with duckdb.connect(path) as other:
        assert other.execute("FROM theirs").fetchall() == [(42,)]


def test_a_damaged_file_is_named_and_a_rebuild_helps(path: Path, journal: MemoryJournal) -> None:
    refresh(journal, a_mirror(path))
    before, whole = contents(a_mirror(path)), path.read_bytes()
    path.write_bytes(whole[:4096] + bytes(len(whole) // 2))

    with pytest.raises(LogDamaged, match=r"cannot be read.*orderwright mirror rebuild"):
        refresh(journal, a_mirror(path))
    rebuild(journal, a_mirror(path))
    assert contents(a_mirror(path)) == before


def test_a_file_that_was_begun_and_no_more_is_rebuilt(path: Path, journal: MemoryJournal) -> None:
    duckdb.connect(path).close()

    with pytest.raises(LogDamaged, match=r"there is nothing in it.*orderwright mirror rebuild"):
        refresh(journal, a_mirror(path))
    assert rebuild(journal, a_mirror(path)).books == {"main": 8}


@pytest.mark.parametrize(("version", "error", "said"), [("99", LogNewer, "update"), ("0", LogError, "mirror rebuild")])
def test_a_mirror_of_another_version_is_refused(
    path: Path, journal: MemoryJournal, version: str, error: type[LogError], said: str
) -> None:
    refresh(journal, a_mirror(path))
    with duckdb.connect(path) as connection:
        connection.execute("UPDATE mirror SET value = ? WHERE name = 'version'", [version])

    with pytest.raises(error, match=said):
        refresh(journal, a_mirror(path))
    rebuild(journal, a_mirror(path))
    assert refresh(journal, a_mirror(path)) == Refreshed(0, {"main": 8})


def test_a_rebuild_leaves_nothing_beside_the_file(path: Path, journal: MemoryJournal) -> None:
    refresh(journal, a_mirror(path))
    path.with_name(f"{path.name}.rebuilding").write_bytes(b"of a rebuild that was ended half way")
    rebuild(journal, a_mirror(path))

    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_place_where_there_can_be_none_is_named(tmp_path: Path, journal: MemoryJournal) -> None:
    with pytest.raises(LogError, match="there is no folder"):
        refresh(journal, a_mirror(tmp_path / "nowhere" / "mirror.duckdb"))
    with pytest.raises(LogError, match="is a folder"):
        refresh(journal, a_mirror(tmp_path))
    with (
        pytest.raises(LogError, match="no mirror yet: `orderwright mirror build`"),
        a_mirror(tmp_path / "no").reading(),
    ):
        pass
