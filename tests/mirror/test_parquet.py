"""The mirror as a Parquet folder: crashes between files and manifest, compaction, and folders that are not ours."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from orderwright.errors import LogDamaged, LogError, LogLocked, LogNewer
from orderwright.journal import MemoryJournal
from orderwright.mirror import parquet
from orderwright.mirror.duck import MemoryMirror
from orderwright.mirror.parquet import Manifest, ParquetMirror
from orderwright.mirror.refreshing import Refreshed, rebuild, refresh
from orderwright.mirror.schema import VERSION
from tests.journal.desk import Desk
from tests.mirror.world import ask, contents


@pytest.fixture
def journal() -> Iterator[MemoryJournal]:
    journal = MemoryJournal()
    yield journal
    journal.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*.parquet")}


def named(folder: Path) -> set[str]:
    """What the manifest says that there is, files that will be removed next time not counted."""
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
    return {file.name for file in manifest.files}


def test_a_crash_between_files_and_manifest_leaves_the_mirror_as_it_was(
    folder: Path, journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(journal).trade(1).commit()
    refresh(journal, ParquetMirror(folder))
    before = contents(ParquetMirror(folder))
    desk.trade(2).commit()

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ParquetMirror, "_keep", crash)
    with pytest.raises(KeyboardInterrupt):
        refresh(journal, ParquetMirror(folder))
    monkeypatch.undo()

    assert files(folder) - named(folder)  # some were written
    assert contents(ParquetMirror(folder)) == before
    assert refresh(journal, ParquetMirror(folder)).books == {"main": 12}
    whole = MemoryMirror()
    refresh(journal, whole)
    assert contents(ParquetMirror(folder)) == contents(whole)
    whole.close()


def test_a_file_half_written_is_never_part_of_it(
    folder: Path, journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    Desk(journal).trade(1).commit()

    def crash(path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(parquet, "sync", crash)
    with pytest.raises(KeyboardInterrupt):
        refresh(journal, ParquetMirror(folder))
    monkeypatch.undo()

    assert ParquetMirror(folder).reached() == {}
    assert refresh(journal, ParquetMirror(folder)).books == {"main": 8}


def test_many_small_refreshes_leave_few_files(folder: Path, journal: MemoryJournal) -> None:
    desk = Desk(journal)
    for number in range(1, 25):
        desk.trade(number).commit()
        refresh(journal, ParquetMirror(folder))

    steps = {name for name in named(folder) if name.startswith("steps/")}
    assert 1 <= len(steps) <= 6  # at most one for each power of two
    assert ask(ParquetMirror(folder), "SELECT count(*), min(sequence), max(sequence) FROM steps") == [(96, 5, 100)]


def test_a_full_file_is_not_written_again(
    folder: Path, journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "MAX_ROWS", 8)
    desk = Desk(journal)
    for number in range(1, 7):
        desk.trade(number).commit()
        refresh(journal, ParquetMirror(folder))

    assert sorted(name for name in named(folder) if name.startswith("steps/")) == [
        "steps/1/main-1-12.parquet",
        "steps/1/main-13-20.parquet",
        "steps/1/main-21-28.parquet",
    ]


def test_files_that_were_replaced_go_with_the_next_change(folder: Path, journal: MemoryJournal) -> None:
    desk = Desk(journal).trade(1).commit()
    refresh(journal, ParquetMirror(folder))
    desk.trade(2).commit()
    with ParquetMirror(folder).reading() as connection:
        refresh(journal, ParquetMirror(folder))  # joins files that this reader has open
        assert connection.execute("SELECT count(*) FROM steps").fetchall() == [(4,)]
    desk.trade(3).commit()
    refresh(journal, ParquetMirror(folder))

    replaced = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest).replaced
    assert "steps/1/main-1-8.parquet" not in files(folder)
    assert files(folder) == named(folder) | set(replaced)


def test_a_rebuild_is_a_generation_of_its_own(folder: Path, journal: MemoryJournal) -> None:
    desk = Desk(journal).trade(1).commit()
    refresh(journal, ParquetMirror(folder))
    rebuild(journal, ParquetMirror(folder))
    assert {name.split("/")[1] for name in named(folder)} == {"2"}
    desk.trade(2).commit()
    refresh(journal, ParquetMirror(folder))

    assert {name.split("/")[1] for name in files(folder)} == {"2"}
    assert {path.name for path in folder.glob("manifest*")} == {"manifest.json", "manifest.lock"}


def test_books_of_any_name_have_files(folder: Path, journal: MemoryJournal) -> None:
    for book in ("../../etc", "a/b", "straße", "it's"):
        Desk(journal, book).trade(1).commit()
    refresh(journal, ParquetMirror(folder))

    assert ask(ParquetMirror(folder), "SELECT book, count(*) FROM steps GROUP BY ALL ORDER BY ALL") == [
        ("../../etc", 4),
        ("a/b", 4),
        ("it's", 4),
        ("straße", 4),
    ]
    assert all(path.resolve().is_relative_to(folder.resolve()) for path in folder.rglob("*"))


def test_one_process_writes_at_a_time(folder: Path, journal: MemoryJournal) -> None:
    refresh(journal, ParquetMirror(folder))
    Desk(journal).commit()

    with (folder / "manifest.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for attempt in (refresh, rebuild):
            with pytest.raises(LogLocked, match="another process is writing"):
                attempt(journal, ParquetMirror(folder))
    assert refresh(journal, ParquetMirror(folder)).books == {"main": 4}


def test_a_folder_of_something_else_is_left_alone(folder: Path, journal: MemoryJournal) -> None:
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")

    for act in (refresh, rebuild):
        with pytest.raises(LogDamaged, match="not a mirror of a log, and is left as it is"):
            act(journal, ParquetMirror(folder))
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]


def test_a_damaged_manifest_or_a_missing_file_is_named_and_a_rebuild_helps(
    folder: Path, journal: MemoryJournal
) -> None:
    Desk(journal).trade(1).commit()
    refresh(journal, ParquetMirror(folder))
    before = contents(ParquetMirror(folder))
    next(iter(sorted(folder.glob("steps/*/*.parquet")))).unlink()
    with pytest.raises(LogDamaged, match=r"steps/1/main-1-8.parquet is missing.*orderwright mirror rebuild"):
        contents(ParquetMirror(folder))
    (folder / "manifest.json").write_text("{")
    with pytest.raises(LogDamaged, match=r"manifest.json.*orderwright mirror rebuild"):
        refresh(journal, ParquetMirror(folder))

    rebuild(journal, ParquetMirror(folder))
    assert contents(ParquetMirror(folder)) == before


@pytest.mark.parametrize(("version", "error", "said"), [(99, LogNewer, "update"), (0, LogError, "mirror rebuild")])
def test_a_mirror_of_another_version_is_refused(
    folder: Path, journal: MemoryJournal, version: int, error: type[LogError], said: str
) -> None:
    Desk(journal).commit()
    refresh(journal, ParquetMirror(folder))
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace(f'"version": {VERSION}', f'"version": {version}'))

    with pytest.raises(error, match=said):
        refresh(journal, ParquetMirror(folder))
    rebuild(journal, ParquetMirror(folder))
    assert refresh(journal, ParquetMirror(folder)) == Refreshed(0, {"main": 4})
