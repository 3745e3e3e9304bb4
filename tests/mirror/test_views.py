"""The arithmetic of the views."""

from __future__ import annotations

import random
from decimal import Decimal

import pyarrow

from orderwright.core.numbers import EXACT
from orderwright.mirror import MemoryMirror


def test_exact_product_is_exact_wherever_the_product_has_18_places() -> None:
    chance = random.Random(1)
    pairs: list[tuple[Decimal, Decimal]] = []
    while len(pairs) < 1_000:
        places = chance.randint(0, 18)
        one, other = (
            Decimal(chance.randint(-(10**digits), 10**digits)).scaleb(-below, EXACT)
            for digits, below in ((chance.randint(1, 18), places), (chance.randint(1, 18), 18 - places))
        )
        if abs(EXACT.multiply(one, other)) < 10**19:
            pairs.append((one, other))
    money = pyarrow.decimal128(38, 18)
    given = pyarrow.table(
        {"a": pyarrow.array([a for a, _ in pairs], money), "b": pyarrow.array([b for _, b in pairs], money)}
    )
    mirror = MemoryMirror()
    with mirror.reading() as connection:
        connection.register("given", given)
        found = [product for (product,) in connection.execute("SELECT exact_product(a, b) FROM given").fetchall()]
    mirror.close()

    assert found == [EXACT.multiply(a, b) for a, b in pairs]
