"""The market's own prices, where the caller has them: trades, or candles at the time that they were complete."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from orderwright.errors import InputError

if TYPE_CHECKING:
    import duckdb
    import pyarrow

    from orderwright.market.candles import Candles


@contextmanager
def registered(connection: duckdb.DuckDBPyConnection, bars: pyarrow.Table | None) -> Iterator[None]:
    """The table `bars` for the time of a question. Raises InputError for one that lacks a column."""
    from orderwright.analytics.expressions import BARS

    if bars is None:
        yield
        return
    missing = [name for name in BARS if name not in bars.column_names]
    if missing:
        raise InputError(f"no column {missing[0]!r}; needed: {', '.join(BARS)}", field="bars", value=bars.column_names)
    connection.register("bars", bars.select(list(BARS)))
    try:
        yield
    finally:
        connection.unregister("bars")


def bars_of(candles: Candles) -> pyarrow.Table:
    """Candles as bars: each at its close, when it was complete."""
    import pyarrow as pa

    instrument, count = candles.instrument, len(candles)
    return pa.table(
        {
            "exchange": [instrument.exchange] * count,
            "symbol": [candles.symbol] * count,
            "time": pa.array(candles.close_times, pa.int64()),
            "price": pa.array(candles.close * float(instrument.tick_size), pa.float64()),
            "volume": pa.array(candles.volume * float(instrument.step_size), pa.float64()),
        }
    )
