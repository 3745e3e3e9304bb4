"""What an orders run came to, over arrays, after it; and that it is what the book says.

Cash is added up in twice float64 (kernel/money.py), and so is the worth of a short: what is left of an account that was
once a hundred million times as large is then still right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from orderwright.backtest.bars import Bars
from orderwright.backtest.data import BarsOnHand
from orderwright.backtest.kernel.money import add, times, twice, two_product
from orderwright.backtest.order_fills import BookedFills
from orderwright.backtest.outcome import Fills, Floats, Ints
from orderwright.backtest.trading import Trading
from orderwright.core.numbers import ZERO

Pair = tuple[Any, Any]
"""Two float64[n], whose sum is meant."""


def curves(
    booked: BookedFills, fills: Fills, several: Sequence[Bars], data: BarsOnHand, balance: Decimal
) -> tuple[Floats, Floats]:
    """(equity, value of what is held), float64[n] each, at each close of any symbol. balance: at the start."""
    n = len(data.times)
    rows, value = np.zeros(len(fills), dtype=np.int64), np.zeros(n)
    for at, bars in enumerate(several):
        mine = fills.symbol == at
        rows[mine] = np.searchsorted(data.times, data.closes(bars.symbol)[fills.bar[mine]])
    equity: Pair = _cash(rows, booked, balance, n)
    for at, bars in enumerate(several):
        mine = np.flatnonzero(fills.symbol == at)
        held = np.zeros(n, dtype=np.int64)
        np.add.at(held, rows[mine], fills.side[mine] * fills.quantity[mine])
        last = np.searchsorted(data.closes(bars.symbol), data.times, side="right") - 1
        worth = _worth(np.cumsum(held), last, bars)
        if taken := booked.in_base.get(bars.symbol):
            worth = add(*worth, *_fees_in_base(taken, rows, last, bars))
        equity = add(*equity, *worth)
        value += worth[0]
    return equity[0] + equity[1], value


def _cash(rows: Ints, booked: BookedFills, balance: Decimal, n: int) -> Pair:
    """Cash after each row."""
    order = np.argsort(rows, kind="stable")
    after = [twice(balance)]
    for high, low in zip(*(column[order].tolist() for column in booked.cash()), strict=True):
        after.append(add(*after[-1], high, low))
    sums = np.array(after)[np.searchsorted(rows[order], np.arange(n), side="right")]
    return sums[:, 0], sums[:, 1]


def _worth(steps: Ints, last: Ints, bars: Bars) -> Pair:
    """What so many steps are worth at the closes of these bars (-1: none yet). The last digits only matter beside a
    debt."""
    instrument, seen = bars.candles.instrument, np.maximum(last, 0)
    if steps.min() >= 0:
        return steps * float(instrument.step_size) * np.where(last >= 0, bars.close[seen], 0.0), 0.0
    ticks = np.where(last >= 0, bars.candles.close[seen], 0).astype(np.float64)
    pair = two_product(ticks, steps.astype(np.float64))  # type: ignore[arg-type]  # of arrays, item by item
    return times(*pair, *twice(instrument.tick_size * instrument.step_size))


def _fees_in_base(taken: Mapping[int, Decimal], rows: Ints, last: Ints, bars: Bars) -> Pair:
    """What the holding is worth less because fees were taken of it. taken: by the fill's number."""
    order, total = sorted(taken, key=lambda fill: rows[fill]), [ZERO]
    for fill in order:
        total.append(total[-1] + taken[fill])
    less = np.array(total, dtype=np.float64)[np.searchsorted(rows[order], np.arange(len(last)), side="right")]
    return -less * np.where(last >= 0, bars.close[np.maximum(last, 0)], 0.0), 0.0


def check_end(equity: Floats, several: Sequence[Bars], trading: Trading, balance: Decimal) -> None:
    """The arrays must end where the book does."""
    closes = {one.symbol: trading.instruments[one.symbol].price(int(one.candles.close[-1])) for one in several}
    total, end = float(trading.worth(closes)), float(equity[-1])
    if abs(total - end) > 1e-9 * max(abs(total), float(balance)) + 1e-15 * float(np.abs(equity).max()):
        raise AssertionError(f"equity by arrays {end!r}, by the book {total}")


__all__ = ["check_end", "curves"]
