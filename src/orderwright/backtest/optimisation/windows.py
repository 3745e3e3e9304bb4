"""Which bars are searched, and which are kept back to see whether what was found holds.

    |------------------- optimised, 80 % -------------------|- held out -|

    walk-forward, rolling:                   walk-forward, anchored:
    |-- in-sample --|out|                    |-- in-sample --|out|
        |-- in-sample --|out|                |---- in-sample ----|out|
            |-- in-sample --|out|            |------ in-sample ------|out|

- The held-out part is the last one, and no bar of it is looked at before the search is over. The instrument is of all
  the bars: it is the market's, and known beforehand. Where data comes without one, its tick is the grid that holds
  every price and its step is made of prices and volumes, held-out ones among them: a finer price there makes a finer
  tick here. Bars made with an instrument (`read_bars(..., instrument=...)`) leave nothing to be taken from them.
- Walk-forward windows lie in the optimised part. Out-of-sample windows are equally long, follow each other without a
  gap and end with the part; what does not divide is added in sample.
- What is measured out of sample may look back as far as it likes (indicators need it), and trades inside its window
  alone, starting flat with the initial balance.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from orderwright.backtest.bars import Bars
from orderwright.backtest.outcome import Ints, Outcome
from orderwright.core.numbers import parse_decimal, text
from orderwright.errors import InputError
from orderwright.market.candles import Candles

if TYPE_CHECKING:
    import pandas as pd

LEAST_BARS, LEAST_WINDOW = 2, 10


class Span(Struct, frozen=True):
    """Bars from start up to stop (not included), counted on the timeline."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


class WalkForward(Struct, frozen=True):
    """windows: how many times parameters are chosen anew. anchored: every search begins with the first bar, where a
    rolling one keeps its length. in_sample: how many times as long as an out-of-sample window the first search is."""

    windows: int = 5
    anchored: bool = False
    in_sample: float = 4.0


class Step(Struct, frozen=True):
    """One step of a walk: search here, trade there."""

    in_sample: Span
    out_of_sample: Span


class Market:
    """The bars of one symbol or several on one timeline: the close times of all, each once. data: by symbol, what its
    bars were made of, where that was a DataFrame: a strategy may want its other columns."""

    def __init__(self, bars: Sequence[Bars], data: Mapping[str, pd.DataFrame] | None = None) -> None:
        self.bars, self.data = tuple(bars), dict(data or {})
        closes = [one.candles.close_times for one in self.bars]
        self.times: Ints = closes[0] if len(closes) == 1 else np.unique(np.concatenate(closes))

    def __len__(self) -> int:
        return len(self.times)

    def cut(self, span: Span) -> Market:
        """The bars that close inside a span."""
        rows = self.rows(span)
        data = {one.symbol: self.data[one.symbol].iloc[part] for one, part in rows if one.symbol in self.data}
        return Market([cut(one, part.start, part.stop) for one, part in rows], data)

    def rows(self, span: Span) -> list[tuple[Bars, slice]]:
        """Each symbol's bars, and which of them close inside a span."""
        if len(self.bars) == 1:
            return [(self.bars[0], slice(span.start, span.stop))]
        first = int(self.times[span.start])
        last = int(self.times[min(span.stop, len(self)) - 1])
        found = []
        for one in self.bars:
            closes = one.candles.close_times
            start, stop = np.searchsorted(closes, first, "left"), np.searchsorted(closes, last, "right")
            found.append((one, slice(int(start), int(stop))))
        return found


def cut(bars: Bars, start: int, stop: int) -> Bars:
    """A part of the bars. Its notes are those of the whole. Ticks are counted now, once for all trials."""
    rows = slice(start, stop)
    columns = {name: getattr(bars, name)[rows] for name in ("open", "high", "low", "close", "volume")}
    index = None if bars.index is None else bars.index[rows]  # type: ignore[index]  # whatever the data came with
    some = bars.candles[rows]
    ticks = (some.times, some.open, some.high, some.low, some.close, some.volume)
    candles = Candles(some.symbol, some.instrument, some.interval, *ticks)
    return dataclasses.replace(bars, candles=candles, index=index, **columns)


def tail(outcome: Outcome, before: Sequence[int], start: int) -> Outcome:
    """An outcome from a moment on (close time of the first bar that counts), as if it had begun there; nothing was
    traded before. before: by symbol, how many bars lie before it."""
    first = int(np.searchsorted(outcome.times, start))
    fills = outcome.fills
    moved = dataclasses.replace(fills, bar=fills.bar - np.asarray(before, dtype=np.int64)[fills.symbol])
    return Outcome(
        outcome.symbols,
        outcome.times[first:],
        outcome.equity[first:],
        outcome.position[first:],
        moved,
        outcome.ties,
        outcome.orders,
        outcome.log,
        outcome.notes,
        outcome.executed,
    )


def split(count: int, holdout: object) -> tuple[Span, Span | None]:
    """(the optimised part, the held-out part or None) of so many bars. holdout: a fraction, 0 for none.

    Raises InputError (field `holdout`) for a fraction below 0 or of more than nine tenths, and where a part is empty.
    """
    share = parse_decimal(holdout, "holdout")
    if not 0 <= share <= parse_decimal("0.9", "holdout"):
        near = 0 if share < 0 else text(share / 100) if 5 <= share <= 90 else "0.9" if share <= 1 else "0.2"
        message = f"{text(share)} is not a fraction of the bars that could be held out"
        raise InputError(message, field="holdout", value=holdout, nearest=near)
    held = int(count * share)
    if count - held < LEAST_BARS or (share and held < LEAST_BARS):
        message = f"{count} bars are too few to hold out {text(share)} of them"
        raise InputError(message, field="holdout", value=holdout, nearest=0)
    return Span(0, count - held), Span(count - held, count) if held else None


def steps(count: int, walk: WalkForward) -> list[Step]:
    """The steps of a walk over so many bars. Raises InputError (field `walk_forward`) where they do not fit."""
    if walk.windows < 1 or walk.in_sample <= 0:
        wrong = walk.windows if walk.windows < 1 else walk.in_sample
        raise InputError(f"{wrong} is not above 0", field="walk_forward", value=wrong, nearest=1)
    length = int(count / (walk.windows + walk.in_sample))
    if length < LEAST_WINDOW:
        most = int(count / LEAST_WINDOW - walk.in_sample)
        several = f"{walk.windows:,} window{'s' * (walk.windows > 1)}"
        message = f"{count:,} bars are too few for {several} of {LEAST_WINDOW} bars or more"
        raise InputError(message, field="walk_forward", value=walk.windows, nearest=most if most > 0 else None)
    first = count - walk.windows * length
    starts = [first + at * length for at in range(walk.windows)]
    return [Step(Span(0 if walk.anchored else at - first, at), Span(at, at + length)) for at in starts]


def parse_walk_forward(said: object) -> WalkForward | None:
    """How many windows, or all of it. Raises InputError (field `walk_forward`)."""
    if said is None or isinstance(said, WalkForward):
        return said
    if isinstance(said, bool) or not isinstance(said, int):
        message = f"{said!r} is neither a number of windows nor a WalkForward"
        raise InputError(message, field="walk_forward", value=said, nearest=WalkForward())
    return WalkForward(said)
