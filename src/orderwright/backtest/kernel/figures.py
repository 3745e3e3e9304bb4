"""The seed's figures of a run, and its trades, as arrays; for results, and for anybody who wants them fast.

    figures(outcome, bars_per_year, initial_balance) -> Figures
    round_trips(outcome, bars) -> Trips

Both take what either engine hands over, and need Numba, which is imported when they are first called.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from orderwright.backtest.bars import Bars
from orderwright.backtest.outcome import Floats, Ints, Outcome


class Figures(NamedTuple):
    """final_balance: quote units. sharpe_ratio, sortino_ratio: a year, as QuantStats defines them, of the returns of
    all bars, the first against the initial balance; NaN where nothing moved. max_drawdown: percent, positive."""

    final_balance: float
    sharpe_ratio: float
    sortino_ratio: float
    max_drawdown: float


@dataclass(frozen=True, slots=True, eq=False)
class Trips:
    """m round trips, from nothing to nothing; a fill that turns a position round closes one and opens the next, with
    its fee and slippage shared by quantity. All arrays are [m], in the order of their exits.

    symbol: int64, index into `Outcome.symbols`. side: int64, 1 long, -1 short. quantity: float64, base units, all that
    was entered. entry_bar, exit_bar: int64. entry_time, exit_time: int64, microseconds. entry_price, exit_price:
    float64, quote units, averages. profit: float64, quote units, after the fees of both sides. returns: float64,
    profit by the value of the entry. fees, slippage: float64, quote units. entry_reason, exit_reason: int64, by
    REASONS. bars: int64, from the bar of the entry to that of the exit.

    still_open: the trips that have no exit at the end, in the same form (None in itself): their exit_bar and exit_time
    are those of the last bar, exit_price is its close, exit_reason is -1; profit is before the fee of an exit.
    """

    symbol: Ints
    side: Ints
    quantity: Floats
    entry_bar: Ints
    exit_bar: Ints
    entry_time: Ints
    exit_time: Ints
    entry_price: Floats
    exit_price: Floats
    profit: Floats
    returns: Floats
    fees: Floats
    slippage: Floats
    entry_reason: Ints
    exit_reason: Ints
    still_open: Trips | None = None

    def __len__(self) -> int:
        return len(self.side)

    @property
    def bars(self) -> Ints:
        return self.exit_bar - self.entry_bar

    @property
    def closed(self) -> int:
        """How many have closed."""
        return len(self)

    @property
    def open(self) -> int:
        """How many are still open at the end."""
        return 0 if self.still_open is None else len(self.still_open)

    @property
    def won(self) -> int:
        """How many brought something."""
        return int(np.count_nonzero(self.profit > 0))

    @property
    def lost(self) -> int:
        """How many cost something."""
        return int(np.count_nonzero(self.profit < 0))


def figures(outcome: Outcome, bars_per_year: float, initial_balance: float) -> Figures:
    """The figures of `outcome.equity`. bars_per_year: what Sharpe and Sortino are annualised by."""
    return figures_of(outcome.equity, bars_per_year, initial_balance)


def figures_of(equity: Floats, bars_per_year: float, initial_balance: float) -> Figures:
    """The same of equity alone, float64[n]."""
    from orderwright.backtest.kernel.measure import DEEPEST, DOWNS, MEAN, SQUARES, measure

    n = len(equity)
    if not n:
        return Figures(initial_balance, math.nan, math.nan, 0.0)
    found = np.empty(4)
    measure(np.ascontiguousarray(equity, dtype=np.float64), initial_balance, found)
    root = math.sqrt(bars_per_year) if bars_per_year > 0 else math.nan
    spread = math.sqrt(found[SQUARES] / (n - 1)) if n > 1 else 0.0
    down = math.sqrt(found[DOWNS] / n)
    mean = float(found[MEAN])
    sharpe = mean / spread * root if spread > 0 else math.nan
    sortino = mean / down * root if down > 0 else math.nan
    return Figures(float(equity[-1]), sharpe, sortino, 100.0 * float(found[DEEPEST]))


def round_trips(outcome: Outcome, bars: Sequence[Bars]) -> Trips:
    """The round trips of `outcome.fills`; bars as they were run, in the order of `outcome.symbols`."""
    from orderwright.backtest.kernel import measure

    fills, symbols = outcome.fills, len(bars)
    instruments = [one.candles.instrument for one in bars]
    tick, step = (np.array([float(getattr(one, name)) for one in instruments]) for name in ("tick_size", "step_size"))
    held, going, going_amounts = np.zeros(symbols, np.int64), np.zeros((symbols, 8), np.int64), np.zeros((symbols, 6))
    trips, amounts = np.empty((len(fills), 8), np.int64), np.empty((len(fills), 6))
    columns = (fills.bar, fills.time, fills.symbol, fills.side, fills.price, fills.quantity, fills.reason)
    closed = measure.pair(*columns, fills.fee, fills.slippage, tick, step, held, going, going_amounts, trips, amounts)
    found = _trips(trips[:closed], amounts[:closed])
    left = np.flatnonzero(held)
    if not len(left):
        return found
    for at in left.tolist():
        one = bars[at]
        size = held[at] * step[at]
        going[at, measure.EXIT_BAR], going[at, measure.EXIT_REASON] = len(one) - 1, -1
        going[at, measure.EXIT_TIME] = _last_close(one)
        going_amounts[at, measure.EXIT_QUANTITY] += abs(size)
        going_amounts[at, measure.EXIT_VALUE] += abs(size) * one.close[-1]
    return _trips(trips[:closed], amounts[:closed], _trips(going[left], going_amounts[left]))


def _last_close(bars: Bars) -> int:
    """When the last bar closes."""
    candles = bars.candles
    look = getattr(candles, "times_at", None)  # candles that make their columns when asked need not make this one
    return int(candles.times[-1] if look is None else look(len(candles) - 1)) + candles.interval


def _trips(rows: Ints, amounts: Floats, still_open: Trips | None = None) -> Trips:
    from orderwright.backtest.kernel import measure as c

    side, quantity, entry, exit_ = (
        rows[:, c.SIDE], amounts[:, c.QUANTITY], amounts[:, c.ENTRY_VALUE], amounts[:, c.EXIT_VALUE],
    )  # fmt: skip
    profit = side * (exit_ - entry) - amounts[:, c.FEES]
    return Trips(
        symbol=rows[:, c.SYMBOL],
        side=side,
        quantity=quantity,
        entry_bar=rows[:, c.ENTRY_BAR],
        exit_bar=rows[:, c.EXIT_BAR],
        entry_time=rows[:, c.ENTRY_TIME],
        exit_time=rows[:, c.EXIT_TIME],
        entry_price=entry / quantity,
        exit_price=exit_ / amounts[:, c.EXIT_QUANTITY],
        profit=profit,
        returns=profit / entry,
        fees=amounts[:, c.FEES],
        slippage=amounts[:, c.SLIPPAGE],
        entry_reason=rows[:, c.ENTRY_REASON],
        exit_reason=rows[:, c.EXIT_REASON],
        still_open=still_open,
    )
