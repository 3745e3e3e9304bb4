"""Which mirror a path names."""

from __future__ import annotations

from pathlib import Path

import pytest

from orderwright.errors import InputError
from orderwright.journal import MemoryJournal
from orderwright.mirror import DuckMirror, ParquetMirror, open_mirror, refresh


@pytest.mark.parametrize(
    ("name", "kind"), [("m.duckdb", DuckMirror), ("m.db", DuckMirror), ("m/", ParquetMirror), ("m.d/", ParquetMirror)]
)
def test_a_name_says_which_mirror_it_is_and_so_does_what_is_there(
    tmp_path: Path, name: str, kind: type[DuckMirror | ParquetMirror]
) -> None:
    journal = MemoryJournal()
    mirror = open_mirror(f"{tmp_path}/{name}")
    refresh(journal, mirror)

    assert type(mirror) is kind
    assert type(open_mirror(tmp_path / name)) is kind  # a Path has no / at its end
    journal.close()


def test_a_name_that_could_be_either_is_refused_with_both(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"name it .*/mine.duckdb or .*/mine/"):
        open_mirror(tmp_path / "mine")
