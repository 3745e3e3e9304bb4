"""The collector of cyclic garbage in a service."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from orderwright.live import garbage


class Knot:
    """Refers to itself: nothing but the collector frees it."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture
def settled() -> Iterator[None]:
    before = gc.get_threshold()
    garbage.settle()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


@pytest.mark.usefixtures("settled")
def test_what_was_there_at_the_start_is_not_looked_at_again_and_new_garbage_is_still_freed() -> None:
    assert gc.get_freeze_count() > 10_000
    knot = weakref.ref(Knot())
    assert knot() is not None
    kept = [[] for _ in range(2 * garbage.YOUNG)]  # type: list[list[int]]
    assert len(kept) == 2 * garbage.YOUNG
    assert knot() is None
