"""What every kind of mirror does alike: which rows of a batch are new, and how it says what is wrong."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from orderwright.errors import LogDamaged, LogError, LogNewer
from orderwright.mirror.schema import VERSION
from orderwright.ports import Batch

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow

REBUILD = "`orderwright mirror rebuild` makes it anew from the log"


def new_rows(batch: Batch, have: int) -> Mapping[str, pyarrow.Table]:
    """The rows of a batch after sequence `have`, the last one that is there. Raises LogError where some between are
    missing."""
    if batch.reached.sequence <= have:
        return {}
    if batch.after > have:
        raise LogError(
            f"book {batch.book!r}: the mirror has rows up to {have} and these begin after {batch.after}: "
            "it was changed meanwhile; refresh it again"
        )
    if batch.after == have:
        return batch.tables
    from pyarrow import compute

    rest = {name: rows.filter(compute.field("sequence") > have) for name, rows in batch.tables.items()}
    return {name: rows for name, rows in rest.items() if rows.num_rows}


def check_version(path: Path, found: int) -> None:
    """Raises LogNewer, or LogError for an older one."""
    if found > VERSION:
        raise LogNewer(
            f"{path}: the mirror has version {found} and this program knows {VERSION}: update orderwright, "
            "or keep this mirror at another path"
        )
    if found < VERSION:
        raise LogError(f"{path}: the mirror has version {found}, from before {VERSION}: {REBUILD}")


def damaged(path: Path, found: object) -> LogDamaged:
    """The error for a mirror that cannot be read. Nothing is lost: the log has it all."""
    return LogDamaged(f"{path}: the mirror cannot be read ({found}). The log has all of it: {REBUILD}")


def no_mirror(path: Path) -> LogError:
    """The error for a mirror that is not there."""
    return LogError(f"{path}: there is no mirror yet: `orderwright mirror build` makes it")


def sync(path: Path) -> None:
    """Make a file, or a folder's entries, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
