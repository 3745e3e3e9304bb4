"""The way the price takes within a candle, of which only four prices are known.

- It begins at the open and ends at the close; between them it visits one extreme, then the other, and moves straight
  from each to the next. So between two of these points it passes every price between them.
- Which extreme comes first is the model's choice. By default the one nearer to the open: over the many ways a price
  can wander, the nearer one is likelier to be reached first.
- The four points lie at the open time, at one third and two thirds of the candle, and at its close time.
- A path is chosen when the price first moves in its candle, and does not change, whatever orders come later. It may
  know of the orders that were there at the open, exits of what filled at the open itself among them.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Bar(NamedTuple):
    """One candle, in ticks, and whether a stop waits above or below its open, within its range."""

    open: int
    high: int
    low: int
    close: int
    stop_above: bool = False
    stop_below: bool = False


Path = tuple[int, int, int, int]


class PathModel(Protocol):
    """The four points of a candle, in order, in ticks."""

    def __call__(self, bar: Bar, /) -> Path: ...


def open_high_low_close(bar: Bar) -> Path:
    return bar.open, bar.high, bar.low, bar.close


def open_low_high_close(bar: Bar) -> Path:
    return bar.open, bar.low, bar.high, bar.close


def nearer_first(bar: Bar) -> Path:
    """The extreme nearer to the open comes first; where both are as near, the one away from the close."""
    up, down = bar.high - bar.open, bar.open - bar.low
    high_first = up < down or (up == down and bar.close < bar.open)
    return open_high_low_close(bar) if high_first else open_low_high_close(bar)


def worst_case(bar: Bar) -> Path:
    """Stops first: the extreme that reaches a waiting stop comes before the other, so that a loss is taken before a
    profit. With stops on both sides, or on none, the nearer extreme comes first."""
    if bar.stop_above == bar.stop_below:
        return nearer_first(bar)
    return open_high_low_close(bar) if bar.stop_above else open_low_high_close(bar)
