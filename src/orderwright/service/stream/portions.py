"""A long answer in portions: the rows of a history that fit into one answer, and where the rest begins.

A history is asked for from its end: an answer has the newest rows, and `earlier`, the `as_of` to ask the next one with.
It is cut between two times, so no row is told twice or left out, however much is written meanwhile. The rows are
encoded where they were read, off the event loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw

from orderwright.errors import InputError

MOST_ROWS = 20_000
"""Rows of one answer. Only where more than that have one and the same time it has more."""
MOST_BYTES = 8 << 20
MOST_ROWS_AT_ONCE, MOST_BYTES_AT_ONCE = 100_000, 32 << 20
"""Of what cannot be told in portions: the latest of each group, and rows of one and the same time."""
Rows = list[dict[str, Any]]


def portion(ask: Callable[[int], Rows], limit: int | None, since: int | None) -> tuple[list[Raw], int | None]:
    """(rows, the `as_of` to go on with, None where there are no more). ask: for so many rows at most, the newest,
    oldest first. Raises InputError."""
    wanted = MOST_ROWS_AT_ONCE + 1 if limit is None else limit
    found = ask(min(wanted, MOST_ROWS + 1))
    fitting, size = list[Raw](), 0
    for row in reversed(found):
        fitting.append(Raw(msgspec.json.encode(row)))
        size += _size(fitting[-1])
        if size > MOST_BYTES:
            break
    if size <= MOST_BYTES and len(found) <= MOST_ROWS:
        return fitting[::-1], None
    oldest, newest = found[-len(fitting)]["time"], found[-1]["time"]
    if oldest < newest:
        newer = sum(row["time"] > oldest for row in found[-len(fitting) :])
        return fitting[:newer][::-1], oldest
    same = [row for row in ask(min(wanted, MOST_ROWS_AT_ONCE + 1)) if row["time"] == newest]
    return whole(same), None if newest == since else newest - 1


def whole(found: Rows) -> list[Raw]:
    """All rows. Raises InputError for more than an answer may have."""
    rows, size = list[Raw](), 0
    for row in found:
        rows.append(Raw(msgspec.json.encode(row)))
        size += _size(rows[-1])
        if size > MOST_BYTES_AT_ONCE or len(rows) > MOST_ROWS_AT_ONCE:
            most = f"{MOST_ROWS_AT_ONCE:,} rows and {MOST_BYTES_AT_ONCE >> 20} MiB"
            raise InputError(f"an answer has at most {most}: ask for less", field="where", nearest=len(rows) - 1)
    return rows


def _size(row: Raw) -> int:
    return len(memoryview(row))


__all__ = ["MOST_ROWS_AT_ONCE", "portion", "whole"]
