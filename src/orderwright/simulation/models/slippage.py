"""How much worse than the market's price a taker fills.

- It is always against the taker and rounded to the tick, again against the taker; a price is never below one tick.
- A limit is never passed: what would slip beyond it fills at the limit.
- It comes on top of the spread. What rests does not slip.
- It does not move the market: the next order finds the price that the data say.
- A fitted model is as good as the orders it was fitted to: it knows nothing of markets or sizes that they did not see.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil, sqrt
from typing import Protocol

BPS = 10_000


class SlippageModel(Protocol):
    def slipped(self, price: int, buy: bool, quantity: int, volume: int) -> int:
        """The price, in ticks, that a taker of `quantity` steps pays where the market asks `price`.

        volume: steps of the candle, the quoted size or the trade that it takes from.
        """


@dataclass(frozen=True, slots=True)
class NoSlippage:
    """The market's price."""

    def slipped(self, price: int, buy: bool, quantity: int, volume: int) -> int:  # noqa: ARG002  # whatever the size
        return price


@dataclass(frozen=True, slots=True)
class SlippageBps:
    """A fixed share of the price, in basis points."""

    bps: Decimal

    def slipped(self, price: int, buy: bool, quantity: int, volume: int) -> int:  # noqa: ARG002  # whatever the size
        top, bottom = self.bps.as_integer_ratio()
        worse = -(-price * top // (BPS * bottom))
        return price + worse if buy else max(price - worse, 1)


@dataclass(frozen=True, slots=True)
class SquareRootImpact:
    """sigma x sqrt(quantity / volume) of the price: the square-root law of market impact (Almgren et al., "Direct
    Estimation of Equity Market Impact", 2005; sigma is the volatility over the time that the volume took). Where the
    volume is 0 the whole sigma is taken."""

    sigma: float

    def slipped(self, price: int, buy: bool, quantity: int, volume: int) -> int:
        worse = ceil(price * self.sigma * (sqrt(quantity / volume) if volume else 1.0))
        return price + worse if buy else max(price - worse, 1)


@dataclass(frozen=True, slots=True)
class FittedSlippage:
    """base_bps + root_bps x sqrt(quantity / volume) of the price, in basis points: what `analytics.drift` fits to the
    slippage that was seen live. Where the volume is 0 the whole of root_bps is taken."""

    base_bps: Decimal
    root_bps: float

    def slipped(self, price: int, buy: bool, quantity: int, volume: int) -> int:
        root = self.root_bps * (sqrt(quantity / volume) if volume else 1.0)
        worse = ceil(price * (Fraction(self.base_bps) + Fraction(root)) / BPS)
        return price + worse if buy else max(price - worse, 1)
