"""What an orders run came to, over arrays, after it; and that it is what the book says."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from orderwright.backtest.bars import Bars
from orderwright.backtest.data import BarsOnHand
from orderwright.backtest.outcome import Fills, Floats
from orderwright.backtest.trading import Trading


def curves(fills: Fills, several: Sequence[Bars], data: BarsOnHand, balance: float) -> tuple[Floats, Floats]:
    """(equity, value of what is held), float64[n] each, at each close of any symbol. balance: at the start."""
    times = data.times
    n = len(times)
    cash, value = np.zeros(n), np.zeros(n)
    for at, bars in enumerate(several):
        instrument, closes = bars.candles.instrument, data.closes(bars.symbol)
        mine = fills.symbol == at
        steps = (fills.side * fills.quantity)[mine]
        paid = steps.astype(np.float64) * fills.price[mine] * float(instrument.tick_size * instrument.step_size)
        row = np.searchsorted(times, closes[fills.bar[mine]])
        cash -= np.bincount(row, weights=paid + fills.fee[mine], minlength=n)
        held = np.zeros(n, dtype=np.int64)
        np.add.at(held, row, steps)
        last = np.searchsorted(closes, times, side="right") - 1
        price = np.where(last >= 0, bars.close[np.maximum(last, 0)], 0.0)
        value += np.cumsum(held) * float(instrument.step_size) * price
    return balance + np.cumsum(cash) + value, value


def check_end(equity: float, several: Sequence[Bars], trading: Trading, balance: Decimal) -> None:
    """The arrays must end where the book does."""
    closes = {one.symbol: trading.instruments[one.symbol].price(int(one.candles.close[-1])) for one in several}
    total = float(trading.worth(closes))
    if abs(total - equity) > 1e-9 * max(abs(total), float(balance)):
        raise AssertionError(f"equity by arrays {equity!r}, by the book {total}")


__all__ = ["check_end", "curves"]
