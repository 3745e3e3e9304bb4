"""The bid and the ask around a price of which only trades are known: candles and trades. Quotes have their own.

- The price of a candle or a trade is taken as the middle; half of the spread lies on each side of it.
- A taker pays it: buys take the ask, sells hit the bid. An order that rests fills where the market trades, at its
  limit, and pays no spread.
- A random spread is drawn anew for each price, and is the same whenever that price comes again: it has no memory.
- Bid and ask are rounded to the tick, away from the middle; a bid is never below one tick.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from orderwright.simulation.models.chance import uniform

BPS = 10_000


class SpreadModel(Protocol):
    def around(self, price: int) -> tuple[int, int]:
        """(bid, ask) around a price, all in ticks."""


@dataclass(frozen=True, slots=True)
class NoSpread:
    """Bid and ask are the price."""

    def around(self, price: int) -> tuple[int, int]:
        return price, price


@dataclass(frozen=True, slots=True)
class SpreadBps:
    """The whole spread in basis points of the price: SpreadBps(200) is 1 % on each side."""

    bps: Decimal

    def around(self, price: int) -> tuple[int, int]:
        top, bottom = self.bps.as_integer_ratio()
        half, whole = price * top, 2 * BPS * bottom
        return max((price * whole - half) // whole, 1), -((-price * whole - half) // whole)


@dataclass(frozen=True, slots=True)
class SpreadTicks:
    """The whole spread in ticks; an odd number is rounded up to the next even one."""

    ticks: int

    def around(self, price: int) -> tuple[int, int]:
        half = (self.ticks + 1) // 2
        return max(price - half, 1), price + half


@dataclass(frozen=True, slots=True)
class RandomSpread:
    """The whole spread in basis points of the price, evenly spread from least_bps to most_bps, keyed by the price."""

    seed: int
    least_bps: Decimal
    most_bps: Decimal

    def around(self, price: int) -> tuple[int, int]:
        share = Decimal(int(uniform(self.seed, "spread", str(price)) * BPS)) / BPS
        return SpreadBps(self.least_bps + (self.most_bps - self.least_bps) * share).around(price)
