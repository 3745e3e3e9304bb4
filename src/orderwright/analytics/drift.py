"""How far simulated slippage is from the live one, and a model fitted to the live one that a backtest can be given.

- Slippage is that of `order_quality` against arrival, each order that traded alike.
- The difference of the two means comes with Welch's interval: the two need not vary alike.
- The model is base_bps + root_bps x sqrt(quantity / volume), fitted to the live orders by least squares with both
  coefficients at least 0. The volume is that of the first bar that was complete when the order was sent or after (the
  candle it traded in), at most a day later. Without bars, or where all orders are alike in quantity / volume, only the
  base is fitted: the mean.
- It is for takers; of orders that rested it learns how well they did without crossing.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import Struct

from orderwright.analytics.records import Drift
from orderwright.analytics.statistics import difference, mean
from orderwright.errors import InputError, UnknownName

if TYPE_CHECKING:
    import duckdb
    import pyarrow
    from ibis.expr.types import Table

    from orderwright.analytics.expressions import Floats

LONGEST_BAR = 86_400_000_000


class OrdersOf(Struct, frozen=True, kw_only=True):
    """Which orders: those of all that is named. At least one thing is."""

    exchange: str | None = None
    book: str | None = None
    strategy: str | None = None
    account: str | None = None
    order_type: str | None = None


class Fitted(Struct, frozen=True, kw_only=True):
    """base_bps + root_bps x sqrt(quantity / volume). orders: how many it was fitted to."""

    base_bps: float
    root_bps: float
    orders: int

    @property
    def model(self) -> str:
        """The simulation model that takes such slippage."""
        base = Decimal(repr(round(self.base_bps, 4)))
        return f'FittedSlippage(base_bps=Decimal("{base}"), root_bps={round(self.root_bps, 4)!r})'


def slippage_drift(
    connection: duckdb.DuckDBPyConnection,
    live: OrdersOf,
    simulated: OrdersOf,
    *,
    bars: pyarrow.Table | None = None,
) -> Drift:
    """Live slippage less simulated slippage of the orders of a mirror, and the fitted model of the live one.

    bars: as for `execution_report`. Raises InputError where a group names nothing or the two are the same, UnknownName
    for a name that no order has.
    """
    from orderwright.analytics.bars import registered

    if live == simulated:
        raise InputError("live and simulated are the same orders", field="simulated", value=simulated)
    with registered(connection, bars):
        slips, shares = _slippage(connection, live, "live", bars=bars is not None)
        others, _ = _slippage(connection, simulated, "simulated", bars=False)
    one, other = _moments(slips), _moments(others)
    fitted = fit(slips, shares)
    return Drift(
        live=mean(*one),
        simulated=mean(*other),
        difference=difference(one, other),
        base_bps=None if fitted is None else fitted.base_bps,
        root_bps=None if fitted is None else fitted.root_bps,
        model="" if fitted is None else fitted.model,
    )


def fit(slippage: Floats, shares: Floats) -> Fitted | None:
    """The model of slippages (bps, float64[n]) of orders that were `shares` (quantity / volume, float64[n], NaN where
    not known) of the market. Least squares with non-negative coefficients; None without any slippage."""
    import numpy as np

    if not len(slippage):
        return None
    rows = ~np.isnan(shares)
    y, x = slippage[rows], np.sqrt(shares[rows])
    if len(y) < 3 or np.ptp(x) == 0:
        return Fitted(base_bps=max(float(slippage.mean()), 0.0), root_bps=0.0, orders=len(slippage))
    base, root = _least_squares(x, y)
    return Fitted(base_bps=base, root_bps=root, orders=len(y))


def _least_squares(x: Floats, y: Floats) -> tuple[float, float]:
    """The best a + b x with a, b >= 0. With two coefficients the best lies inside or on one of the two edges."""
    import numpy as np

    gap = x - x.mean()
    b = float(gap @ (y - y.mean()) / (gap @ gap))
    a = float(y.mean()) - b * float(x.mean())
    if a >= 0 and b >= 0:
        return a, b
    edges = [(max(float(y.mean()), 0.0), 0.0), (0.0, max(float(x @ y / (x @ x)), 0.0))]
    return min(edges, key=lambda edge: float(np.sum((y - edge[0] - edge[1] * x) ** 2)))


def _moments(values: Floats) -> tuple[int, float, float]:
    if not len(values):
        return 0, 0.0, 0.0
    return len(values), float(values.mean()), float(values.var(ddof=1)) if len(values) > 1 else 0.0


def _slippage(
    connection: duckdb.DuckDBPyConnection, orders: OrdersOf, field: str, *, bars: bool
) -> tuple[Floats, Floats]:
    """The slippage of the orders that traded, in bps, and which share of a bar's volume each was."""
    import msgspec

    from orderwright.analytics.expressions import arrays, distinct
    from orderwright.analytics.measuring import orders_of

    wanted = {name: value for name, value in msgspec.structs.asdict(orders).items() if value is not None}
    if not wanted:
        raise InputError("name an exchange, a book, a strategy, an account or an order type", field=field)
    for name, value in wanted.items():
        known = distinct(connection, "placed", name)
        if value not in known:
            raise UnknownName(name.replace("_", " "), value, known, field=field)
    with orders_of(connection, wanted) as rows:
        found = arrays(connection, _shares(rows.filter(rows.slippage_bps.notnull()), bars=bars))
    return found["slippage_bps"], found["share"]


def _shares(rows: Table, *, bars: bool) -> Table:
    """(slippage_bps, share): quantity / volume of the bar that each order traded in; null where there is none."""
    import ibis

    from orderwright.analytics.expressions import as_double, bars_table

    if not bars:
        return rows.select("slippage_bps", share=ibis.null("float64"))
    volumes = bars_table().select("exchange", "symbol", "volume", complete="time")
    found = rows.asof_join(volumes, on=rows.created <= volumes.complete, predicates=["exchange", "symbol"])
    near = (found.complete - found.created <= LONGEST_BAR) & (found.volume > 0)
    share = as_double(found.filled_quantity) / found.volume
    return found.select("slippage_bps", share=near.ifelse(share, ibis.null("float64")))
