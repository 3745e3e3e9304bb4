"""The market's own prices, where the caller has them: trades, or candles at the time that they were complete."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

from orderwright.errors import InputError

if TYPE_CHECKING:
    import duckdb
    import pyarrow

    from orderwright.analytics.execution_facts import Floats, Ints
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


def volumes(connection: duckdb.DuckDBPyConnection) -> dict[int, tuple[Ints, Floats]]:
    """The times and volumes of the registered bars, by the number of their market, in order of time."""
    import numpy as np

    from orderwright.analytics.execution_facts import columns
    from orderwright.analytics.expressions import bars_table, markets

    table = bars_table()
    rows = table.inner_join(markets(), ["exchange", "symbol"]).select("market", "time", "volume")
    known = columns(connection, rows.order_by("market", "time"))
    starts = [int(at) for at in np.flatnonzero(np.diff(known["market"], prepend=-1))]
    return {
        int(known["market"][low]): (known["time"][low:high], known["volume"][low:high])
        for low, high in pairwise([*starts, len(known["market"])])
    }
