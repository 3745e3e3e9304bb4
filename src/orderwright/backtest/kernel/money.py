"""Cash in twice float64: a number is the unevaluated sum of two floats, some 31 decimal digits (Dekker, "A
floating-point technique for extending the available precision", 1971; Knuth, TAOCP 2, 4.2.2, theorem B).

Sums and products of money are then as good as the exact ones of the order engine wherever a size is decided, after any
number of fills. None of it may be reordered: kernels that call it are compiled without fast math.
"""

from __future__ import annotations

from decimal import Decimal

from orderwright.backtest.compiling import part
from orderwright.core.numbers import ROUNDED

_SPLIT = 134217729.0  # 2^27 + 1

Twice = tuple[float, float]


def twice(number: Decimal) -> Twice:
    """The pair nearest to a Decimal."""
    high = float(number)
    return high, float(ROUNDED.subtract(number, Decimal(high)))


@part
def two_sum(a: float, b: float) -> Twice:
    """a + b and what float64 loses of it."""
    total = a + b
    part_of_b = total - a
    return total, (a - (total - part_of_b)) + (b - part_of_b)


@part
def two_product(a: float, b: float) -> Twice:
    """a x b and what float64 loses of it."""
    product = a * b
    c = _SPLIT * a
    a_high = c - (c - a)
    a_low = a - a_high
    c = _SPLIT * b
    b_high = c - (c - b)
    b_low = b - b_high
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


@part
def add(high: float, low: float, more_high: float, more_low: float) -> Twice:
    """The sum of two pairs."""
    total, lost = two_sum(high, more_high)
    return two_sum(total, lost + (low + more_low))


@part
def times(high: float, low: float, by_high: float, by_low: float) -> Twice:
    """The product of two pairs."""
    product, lost = two_product(high, by_high)
    return two_sum(product, lost + (high * by_low + low * by_high))
