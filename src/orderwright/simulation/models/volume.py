"""How much of a candle's volume our orders can have.

- A candle's whole volume is known at its open: how much fills there depends on trades that come later in it.
- All orders of a symbol share it, in the order in which they meet the price; it does not come back within the candle.
- What is left of a resting or market order waits for the next candle. An IOC order's rest expires; a FOK order fills
  only where all of it can.
- The trades and quotes feeds need no such model: at most the trade's or the displayed size fills.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol


class VolumeModel(Protocol):
    def allowed(self, volume: int) -> int | None:
        """The steps that may fill of a candle with this volume (in steps); None: any quantity."""


@dataclass(frozen=True, slots=True)
class AnyVolume:
    """Any quantity fills at once, whatever was traded."""

    def allowed(self, volume: int) -> int | None:  # noqa: ARG002  # whatever it was
        return None


@dataclass(frozen=True, slots=True)
class VolumeShare:
    """At most this share of each candle's volume, 0 to 1, rounded down to the step."""

    share: Decimal

    def allowed(self, volume: int) -> int | None:
        top, bottom = self.share.as_integer_ratio()
        return volume * top // bottom
