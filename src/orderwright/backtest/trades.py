"""Round trips: what a strategy bought and sold again, or sold and bought back, as one trade each.

Floats, in quote units: they are for statistics and the eye. The exact fills, in ticks and steps, are `result.fills`.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

from msgspec import Struct

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


def records(trips, outcome, bars, *, closed):
    rows = trips.all[: trips.closed] if closed else trips.all[trips.closed :]
    out = []
    for r in rows:
        out.append(
            RoundTrip(
                symbol=outcome.symbols[r["symbol"]],
                side="long" if r["side"] > 0 else "short",
                quantity=r["eq"],
                entry_time=time_of(r["et"]),
                exit_time=time_of(r["xt"]) if closed else None,
                entry_price=r["ep"],
                exit_price=r["xp"] if closed else None,
                profit=r["profit"],
                return_pct=r["ret"] * 100,
                fees=r["fee"],
                slippage=r["sl"],
                bars=r["bars"],
                entry_bar=r["eb"],
                exit_bar=r["xb"] if closed else None,
                entry_reason=REASONS[r["er"]],
                exit_reason=REASONS[r["xr"]] if closed else None,
            )
        )
    return out


def time_of(microseconds: int) -> dt.datetime:
    """A time in microseconds as a datetime, UTC."""
    return _EPOCH + dt.timedelta(microseconds=microseconds)
