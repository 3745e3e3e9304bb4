"""What is said of a strategy that runs."""

from __future__ import annotations

from msgspec import Struct


class Progress(Struct, frozen=True, kw_only=True):
    """How far a strategy has got. state: waiting (for its first bar), running, stopped. bar: when the last bar that it
    was asked about closed, microseconds; late: how many it was not asked about. problem: what has stopped it."""

    name: str
    book: str
    account: str
    symbol: str
    state: str
    bar: int | None
    asked: int
    late: int
    problem: str


__all__ = ["Progress"]
