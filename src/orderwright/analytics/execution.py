"""The execution report: how well the orders of a window were executed, and where it went wrong.

The figures are defined in `order_quality` (one order) and docs/execution_quality.md. A window holds the orders that
were created in it. Groups are by exchange, symbol, strategy, order type, hour and day (UTC). The mean of a ratio or a
time counts each order alike; cost in bps, maker share and mark-outs weigh each by what was traded.

Money is in the report's currency: quote assets at parity with it count one for one, others by their newest logged
price; what has none is left out of money, and a note says so.
"""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orderwright.analytics.bars import registered
from orderwright.analytics.expressions import arrays, distinct, latest_prices, sql, unbound
from orderwright.analytics.records import Bins, ExecutionReport, Figures, Shortfall
from orderwright.core.model import Settings
from orderwright.core.numbers import moment, rounded
from orderwright.errors import InputError, UnknownName

if TYPE_CHECKING:
    import duckdb
    import pyarrow
    from ibis.expr.types import Table

    from orderwright.analytics.execution_groups import Group
    from orderwright.analytics.expressions import Ints

TITLE = "How well orders were executed"
_QUANTILES = {
    "slippage_quantiles": "slippage_bps",
    "fill_time_quantiles": "last_fill_ms",
    "ack_time_quantiles": "ack_ms",
}


def execution_report(
    connection: duckdb.DuckDBPyConnection,
    *,
    start: int | None = None,
    end: int | None = None,
    exchange: str | None = None,
    symbol: str | None = None,
    strategy: str | None = None,
    user: str | None = None,
    order_type: str | None = None,
    book: str | None = None,
    account: str | None = None,
    episode: str | None = None,
    bars: pyarrow.Table | None = None,
    currency: str = "USD",
    parity: tuple[str, ...] = Settings().parity,
    title: str = TITLE,
    worst: int = 10,
) -> ExecutionReport:
    """The report of the orders of a mirror that were created from `start` up to but not at `end` (microseconds), of
    one exchange, symbol and so on where named.

    bars: the market's own trades or complete candles (exchange, symbol, time, price, volume), to mark fills against
    where no price was logged. worst: how many of the costliest orders are told. Raises InputError for an end before the
    start or a bad `bars`, UnknownName for a name that no order has.
    """
    from orderwright.analytics.execution_groups import cells
    from orderwright.analytics.measuring import orders_of

    _check_window(start, end, worst)
    names = {"exchange": exchange, "symbol": symbol, "strategy": strategy, "order_type": order_type}
    names |= {"user_id": user, "book": book, "account": account, "episode": episode}
    with registered(connection, bars):
        for field, name in names.items():
            _check_name(connection, field, name)
        frame = {"title": title, "start": start, "end": end, "currency": currency}
        same = (currency, *parity) if currency in parity else (currency,)
        with (
            orders_of(connection, names, start=start, end=end, bars=bars is not None) as orders,
            cells(connection, orders) as shift,
        ):
            return _report(connection, orders, shift, frame, same, worst)


def _check_window(start: int | None, end: int | None, worst: int) -> None:
    if start is not None and end is not None and end < start:
        raise InputError(
            f"the window ends ({moment(end)}) before it starts ({moment(start)})",
            field="end",
            value=end,
            nearest=moment(start),
        )
    if worst < 0:
        raise InputError(f"{worst} orders cannot be told", field="worst", value=worst, nearest=0)


def _check_name(connection: duckdb.DuckDBPyConnection, field: str, name: str | None) -> None:
    if name is None:
        return
    known = {*distinct(connection, "placed", field)}
    if field in ("exchange", "symbol"):
        known |= {*distinct(connection, "instruments", field)}
    if name not in known:
        what = {"user_id": "user", "order_type": "order type"}.get(field, field)
        raise UnknownName(what, name, sorted(known), field=what.replace(" ", "_"))


def _nothing(frame: dict[str, Any]) -> ExecutionReport:
    return ExecutionReport(
        **frame,
        first_time=None,
        last_time=None,
        totals=Figures(name="all"),
        shortfall=Shortfall(),
        by={},
        reasons=[],
        slippage_bins=Bins(),
        fill_time_bins=Bins(),
        cost_by_hour={},
        worst=[],
        notes=["There are no orders in this window."],
    )


def _report(
    connection: duckdb.DuckDBPyConnection,
    orders: Table,
    shift: dict[str, float],
    frame: dict[str, Any],
    parity: tuple[str, ...],
    worst: int,
) -> ExecutionReport:
    from orderwright.analytics import execution_groups as grouping
    from orderwright.analytics import execution_sums as sums
    from orderwright.analytics.execution_stories import reasons, stories

    span = connection.execute("SELECT min(first_time), max(last_time) FROM execution_cells").fetchall()[0]
    if span[0] is None:
        return _nothing(frame)
    rates = _rates(connection, parity)
    whole = grouping.groups(connection, (), rates, shift)[0]
    ranks = Ranks(connection, orders)
    return ExecutionReport(
        **frame,
        first_time=span[0],
        last_time=span[1],
        totals=grouping.figures_of(whole, "all", ranks.of_all()),
        shortfall=grouping.shortfall_of(whole),
        by={kind: _groups(connection, kind, rates, shift, ranks) for kind in grouping.KINDS},
        reasons=reasons(connection, orders),
        slippage_bins=sums.bins(ranks.ranked["slippage_bps"]),
        fill_time_bins=sums.time_bins(ranks.ranked["last_fill_ms"]),
        cost_by_hour=_by_hour(grouping.groups(connection, ("exchange", "hour"), rates, shift)),
        worst=stories(connection, grouping.alike(orders), rates, worst),
        notes=_notes(connection, orders, whole),
    )


class Ranks:
    """The values that quantiles are taken of, in order, and the cell of each order."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, orders: Table) -> None:
        from orderwright.analytics.execution_groups import in_cells
        from orderwright.analytics.execution_sums import ranked

        found = arrays(connection, in_cells(orders, *_QUANTILES.values()))
        self._cells: Ints = found["cell"]
        with ThreadPoolExecutor(len(_QUANTILES)) as threads:
            ranks = threads.map(lambda column: ranked(found[column]), _QUANTILES.values())
            self.ranked = dict(zip(_QUANTILES.values(), ranks, strict=True))

    def of_all(self) -> dict[str, Any]:
        """The quantile fields of all orders."""
        from orderwright.analytics.execution_sums import quantiles_of_all

        return {field: quantiles_of_all(self.ranked[column]) for field, column in _QUANTILES.items()}

    def by(self, groups: Ints, count: int) -> list[dict[str, Any]]:
        """The quantile fields of each of `count` groups. groups: the group of each cell."""
        import numpy as np

        from orderwright.analytics.execution_sums import quantiles

        of_orders = groups.astype(np.uint32)[self._cells]
        with ThreadPoolExecutor(len(_QUANTILES)) as threads:
            found = threads.map(lambda column: quantiles(of_orders, count, self.ranked[column]), _QUANTILES.values())
            columns = dict(zip(_QUANTILES, found, strict=True))
        return [{field: column[group] for field, column in columns.items()} for group in range(count)]


def _groups(
    connection: duckdb.DuckDBPyConnection,
    kind: str,
    rates: dict[str, Decimal | None],
    shift: dict[str, float],
    ranks: Ranks,
) -> list[Figures]:
    """The groups of a kind: the league table of exchanges dearest last, hours and days in order, the rest the largest
    first."""
    from orderwright.analytics.execution_groups import figures_of, groups, places

    made = groups(connection, (kind,), rates, shift)
    quantiles = ranks.by(places(connection, kind), len(made))
    found = [
        figures_of(group, _shown(kind, group.name[0]), of_group)
        for group, of_group in zip(made, quantiles, strict=True)
    ]
    if kind in ("hour", "day"):
        return found
    if kind == "exchange":
        return sorted(found, key=lambda one: (one.cost_bps is None, one.cost_bps or 0.0, one.name))
    return sorted(found, key=lambda one: (-one.traded, -one.orders, one.name))


def _shown(kind: str, name: Any) -> str:
    if kind == "day":
        return (dt.date(1970, 1, 1) + dt.timedelta(days=name)).isoformat()
    return f"{name:02d}" if kind == "hour" else str(name)


def _rates(connection: duckdb.DuckDBPyConnection, parity: tuple[str, ...]) -> dict[str, Decimal | None]:
    """What a unit of each quote asset of the cells is worth in the report's currency, None where not known."""
    quotes = [quote for (quote,) in connection.execute("SELECT DISTINCT quote FROM execution_cells").fetchall()]
    rates: dict[str, Decimal | None] = {quote: Decimal(1) if quote in parity else None for quote in sorted(quotes)}
    if None not in rates.values():
        return rates
    prices = latest_prices()
    known = connection.execute(sql(prices.order_by("exchange", "base", "quote"))).fetchall()
    return {quote: rate or _rate(quote, known, parity) for quote, rate in rates.items()}


def _rate(quote: str, prices: list[tuple[str, str, str, str, float | None]], parity: tuple[str, ...]) -> Decimal | None:
    for _, _, base, other, price in prices:
        if price and price > 0 and base == quote and other in parity:
            return rounded(Decimal(repr(price)))
        if price and price > 0 and other == quote and base in parity:
            return rounded(Decimal(repr(1 / price)))
    return None


def _by_hour(groups: list[Group]) -> dict[str, list[float | None]]:
    from orderwright.analytics.execution_groups import cost_bps_of

    found: dict[str, list[float | None]] = {}
    for group in groups:
        exchange, hour = group.name
        cost_bps = cost_bps_of(group)
        if cost_bps is not None:
            found.setdefault(exchange, [None] * 24)[hour] = cost_bps
    return found


def _notes(connection: duckdb.DuckDBPyConnection, orders: Table, whole: Group) -> list[str]:
    notes = []
    if whole.plain("left_out"):
        for name, count in connection.execute(sql(_left_out(orders))).fetchall():
            asset = name or "an unnamed asset"
            notes.append(f"{count} fees in {asset} are left out: no price of it was logged.")
    for quote, rate in whole.rates.items():
        if rate is None:
            notes.append(f"Orders in {quote or 'an unknown asset'} are left out of money: no price of it was logged.")
    if unpriced := whole.plain("unpriced"):
        notes.append(f"{unpriced} orders that traded have no arrival price: they count in no cost and no slippage.")
    if lost := whole.plain("over") - whole.plain("whole"):
        notes.append(f"{lost} orders ended unfilled or unpriced: they are not in the shortfall.")
    if working := whole.plain("orders") - whole.plain("over"):
        notes.append(f"{working} orders have not ended: they are not in the shortfall, and in no success ratio.")
    if whole.plain("bought") and not whole.plain("marked"):
        notes.append("No price was logged soon after a fill: there are no mark-outs.")
    return notes


def _left_out(orders: Table) -> Table:
    """How many fees were left out, by asset."""
    fills = unbound("fills")
    void = fills.filter(fills.voids.notnull()).select("id", execution_id="voids").distinct()
    fills = fills.anti_join(void, ["id", "execution_id"])
    fees = fills.filter(fills.fee != 0).select("id", fees_left_out=fills.fee_asset.fill_null(""))
    left = fees.inner_join(orders.select("id", "fees_left_out"), ["id", "fees_left_out"])
    return left.group_by("fees_left_out").agg(count=left.count()).order_by("fees_left_out")
