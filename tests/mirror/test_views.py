"""The arithmetic of the views."""

from __future__ import annotations

import random
from decimal import Decimal

import pyarrow

from orderwright.core.numbers import EXACT, divided
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
    mirror = MemoryMirror()
    with mirror.reading() as connection:
        connection.register("given", _given(pairs))
        found = [product for (product,) in connection.execute("SELECT exact_product(a, b) FROM given").fetchall()]
    mirror.close()

    assert found == [EXACT.multiply(a, b) for a, b in pairs]


def test_exact_quotient_is_rounded_half_to_even_at_18_places() -> None:
    chance = random.Random(2)
    pairs = [(Decimal("1E-18"), Decimal(2)), (Decimal("3E-18"), Decimal(2)), (Decimal(0), Decimal(7))]
    for _ in range(500):
        a = Decimal(chance.randint(0, 10 ** chance.randint(1, 18))).scaleb(-chance.choice([0, 6, 18]))
        b = Decimal(chance.randint(1, 10 ** chance.randint(1, 20))).scaleb(-chance.choice([9, 10, 18]))
        if b < 10**11 and a < b * 10**18:
            pairs.append((a, b))
    pairs.append((Decimal(1), Decimal(0)))
    mirror = MemoryMirror()
    with mirror.reading() as connection:
        connection.register("given", _given(pairs))
        found = [quotient for (quotient,) in connection.execute("SELECT exact_quotient(a, b) FROM given").fetchall()]
    mirror.close()

    assert found == [*(divided(a, b) for a, b in pairs[:-1]), None]


def _given(pairs: list[tuple[Decimal, Decimal]]) -> pyarrow.Table:
    money = pyarrow.decimal128(38, 18)
    return pyarrow.table({name: pyarrow.array([pair[at] for pair in pairs], money) for at, name in enumerate("ab")})
