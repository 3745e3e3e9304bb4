"""What either engine hands over: the fills and the equity of a run, as arrays. `BacktestResult` is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orderwright.backtest.executed import Executed

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

REASONS = ("entry", "signal", "stop_loss", "take_profit", "trailing_stop", "rebalance", "order")
"""Why a fill happened, by its number in `Fills.reason`; `order` where a strategy sent the order itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Fills:
    """m fills in the order in which they happened.

    bar: int64[m], the index of the bar in which each happened (of its own symbol). time: int64[m], microseconds UTC.
    symbol: int64[m], index into `Outcome.symbols`. side: int64[m], 1 bought, -1 sold. price: int64[m], ticks.
    quantity: int64[m], steps. fee: float64[m], quote units. slippage: float64[m], quote units paid beyond the
    market's price. reason: int64[m].
    """

    bar: Ints
    time: Ints
    symbol: Ints
    side: Ints
    price: Ints
    quantity: Ints
    fee: Floats
    slippage: Floats
    reason: Ints

    def __len__(self) -> int:
        return len(self.bar)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """symbols: as in `Fills.symbol`. times: int64[n], close times of the bars (microseconds; of several symbols, of all
    together, each once). equity: float64[n], quote units, at each of them. position: float64[n], the value of what is
    held (signed, quote units) at each. ties: how many sizes came within rounding of a whole step (docs/backtest.md).
    orders: how many left for the exchange, exits included. log: the orders engine's journal. executed: what became of
    its orders."""

    symbols: tuple[str, ...]
    times: Ints
    equity: Floats
    position: Floats
    fills: Fills
    ties: int = 0
    orders: int = 0
    log: Any = None
    notes: tuple[str, ...] = ()
    executed: Executed | None = None
