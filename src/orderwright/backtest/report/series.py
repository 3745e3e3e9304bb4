"""What the charts are drawn of: candles and curves, thinned to what an eye and a browser can take.

A bar of the chart stands for `every` bars of the run: first open, highest high, lowest low, last close; the last
equity, the deepest drawdown. The page is given the finest that fits (`MOST`) and thins further itself, by how far it is
zoomed in; `plot()` is given `DRAWN`.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from orderwright.backtest.bars import Bars
from orderwright.backtest.metrics import drawdowns_of
from orderwright.backtest.outcome import Floats, Ints
from orderwright.backtest.report.subject import Run

MOST, DRAWN = 60_000, 5_000


class CandleSeries(Struct, frozen=True, kw_only=True):
    """m candles of a symbol. time: int64[m], open times, microseconds. The rest: float64[m], quote units."""

    every: int
    time: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats


class Curves(Struct, frozen=True, kw_only=True):
    """The account at m moments. time: int64[m], close times, microseconds. equity, hold: float64[m], quote units;
    drawdown: float64[m], percent, 0 or less; hold is what buying at the start and holding would have come to."""

    every: int
    time: Ints
    equity: Floats
    hold: Floats
    drawdown: Floats


def candles_of(bars: Bars, most: int) -> CandleSeries:
    every = _every(len(bars), most)
    first, last = _edges(len(bars), every)
    return CandleSeries(
        every=every,
        time=bars.candles.times[first],
        open=bars.open[first],
        high=np.maximum.reduceat(bars.high, first) if len(first) else bars.high,
        low=np.minimum.reduceat(bars.low, first) if len(first) else bars.low,
        close=bars.close[last],
    )


def curves_of(result: Run, most: int) -> Curves:
    equity = result.outcome.equity
    every = _every(len(equity), most)
    first, last = _edges(len(equity), every)
    below = drawdowns_of(equity, result.initial_balance) * 100
    return Curves(
        every=every,
        time=result.outcome.times[last],
        equity=equity[last],
        hold=hold_of(result)[last],
        drawdown=np.minimum.reduceat(below, first) if len(first) else below,
    )


def hold_of(result: Run) -> Floats:
    """float64[n]: the initial balance, shared out equally, all in at each symbol's first open and held, without costs.
    Before a symbol's first bar its share is money."""
    times, bars = result.outcome.times, result.bars
    if not len(bars):
        return np.full(len(times), result.initial_balance)
    held = np.zeros(len(times))
    for one in bars:
        if not len(one):
            held += 1.0
            continue
        seen = np.searchsorted(one.candles.close_times, times, side="right")
        held += np.concatenate(([1.0], one.close / one.open[0]))[seen]
    return held / len(bars) * result.initial_balance


def packed(values: NDArray[Any], *, kind: str = "f8") -> dict[str, Any]:
    """An array as the page's script reads it: base64 of little-endian numbers, and of what kind they are."""
    raw = np.ascontiguousarray(values, dtype=f"<{kind}").tobytes()
    return {"kind": kind, "data": base64.b64encode(raw).decode("ascii")}


def milliseconds(times: Ints) -> dict[str, Any]:
    """Times for the page's script, which counts in milliseconds."""
    return packed(times / 1_000)


def prices(values: Floats, tick: float) -> dict[str, Any]:
    """Prices as whole ticks, which take half the room; as they are where they do not fit."""
    ticks = np.rint(values / tick)
    if len(ticks) and ticks.max() >= 2**31:
        return packed(values)
    return packed(ticks, kind="i4") | {"step": tick}


def _every(n: int, most: int) -> int:
    return max(1, -(-n // most))


def _edges(n: int, every: int) -> tuple[Ints, Ints]:
    """The first and the last bar of each bar of the chart."""
    first = np.arange(0, n, every, dtype=np.int64)
    return first, np.minimum(first + every, n) - 1
