"""Python's collector of cyclic garbage, set for a service.

A full pass looks at every order in memory, and nothing is answered meanwhile: 100 ms with 10,000 orders, once a second
under load. Orders are freed without it, as soon as nothing refers to them; what does need it is young nearly always,
and is found by the passes over young objects.
"""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 5_000, 5, 1_000
"""New objects before the youngest are looked at; how many such passes before those that survived; and before all."""


def settle() -> None:
    """Everything is loaded: what there is now stays, and is not looked at again."""
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)


__all__ = ["MIDDLE", "OLD", "YOUNG", "settle"]
