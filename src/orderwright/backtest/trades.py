"""Round trips: what a strategy bought and sold again, or sold and bought back, as one trade each.

Floats, in quote units: they are for statistics and the eye. The exact fills, in ticks and steps, are `result.fills`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

from orderwright.backtest.kernel.figures import Trips
from orderwright.backtest.outcome import REASONS

Side = Literal["long", "short"]
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class RoundTrip(Struct, frozen=True, kw_only=True):
    """A position from nothing to nothing; the seeds' `BacktestResult.trades` holds these. (`orderwright.Trade` is
    another thing: an instruction.)

    quantity: base units, all that was entered. entry_price, exit_price: the average. profit: quote, after the fees of
    both sides. return_pct: profit by the value of the entry, percent. slippage: quote, paid beyond the market's price
    on both sides. bars: from the bar of the entry to that of the exit. entry_reason, exit_reason: one of
    `outcome.REASONS`. A trade that is still open (`BacktestResult.open_trades`) has no exit: its profit is at the last
    close, before the fee of an exit.
    """

    symbol: str
    side: Side
    quantity: float
    entry_time: dt.datetime
    exit_time: dt.datetime | None
    entry_price: float
    exit_price: float | None
    profit: float
    return_pct: float
    fees: float
    slippage: float
    bars: int
    entry_bar: int
    exit_bar: int | None
    entry_reason: str
    exit_reason: str | None


def records(trips: Trips | None, symbols: Sequence[str], *, closed: bool = True) -> list[RoundTrip]:
    """Arrays of round trips as a record each. closed: whether they have an exit."""
    if trips is None:
        return []
    columns = (
        trips.symbol,
        trips.side,
        trips.quantity,
        trips.entry_time,
        trips.exit_time,
        trips.entry_price,
        trips.exit_price,
        trips.profit,
        trips.returns,
        trips.fees,
        trips.slippage,
        trips.bars,
        trips.entry_bar,
        trips.exit_bar,
        trips.entry_reason,
        trips.exit_reason,
    )
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [_record(symbols[symbol], closed, row) for symbol, *row in rows]


def _record(symbol: str, closed: bool, row: list[Any]) -> RoundTrip:
    side, quantity, entered, left, price, exit_price, profit, gained, fees, slippage, bars, first, last, why, ended = (
        row
    )
    return RoundTrip(
        symbol=symbol,
        side="long" if side > 0 else "short",
        quantity=quantity,
        entry_time=time_of(entered),
        exit_time=time_of(left) if closed else None,
        entry_price=price,
        exit_price=exit_price if closed else None,
        profit=profit,
        return_pct=100 * gained,
        fees=fees,
        slippage=slippage,
        bars=bars,
        entry_bar=first,
        exit_bar=last if closed else None,
        entry_reason=REASONS[why],
        exit_reason=REASONS[ended] if closed else None,
    )


def time_of(microseconds: int) -> dt.datetime:
    """A time in microseconds as a datetime, UTC."""
    return _EPOCH + dt.timedelta(microseconds=microseconds)
