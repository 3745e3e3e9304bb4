"""The execution report: how well the orders of a window were executed, and where it went wrong.

The figures are defined in `order_quality` (one order) and docs/execution_quality.md. A window holds the orders that
were created in it. Groups are by exchange, symbol, strategy, order type, hour and day (UTC). The mean of a ratio or a
time counts each order alike; cost in bps, maker share and mark-outs weigh each by what was traded.

Money is in the report's currency: quote assets at parity with it count one for one, others by their newest logged
price; what has none is left out of money, and a note says so.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orderwright.analytics.bars import registered
from orderwright.analytics.records import Bins, ExecutionReport, Figures, Shortfall
from orderwright.core.model import Settings
from orderwright.core.numbers import moment, rounded
from orderwright.errors import InputError, UnknownName

if TYPE_CHECKING:
    import duckdb
    import pyarrow
    from ibis.expr.types import BooleanValue

    from orderwright.analytics.execution_arrays import Quality
    from orderwright.analytics.execution_facts import Facts, Floats
    from orderwright.analytics.execution_groups import Cells

TITLE = "How well orders were executed"
BINS = 40
_QUANTILES = {"slippage_quantiles": "slippage", "fill_time_quantiles": "fill_time", "ack_time_quantiles": "ack"}


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
    from orderwright.analytics import execution_facts

    _check_window(start, end, worst)
    with registered(connection, bars):
        filters = {"exchange": exchange, "symbol": symbol, "strategy": strategy, "order_type": order_type}
        names = execution_facts.known_names(connection)
        for field, name in {**filters, "user_id": user, "book": book}.items():
            _check_name(connection, names, field, name)
        chosen = _chosen(start, end, {**filters, "user_id": user, "book": book})
        facts = execution_facts.fetch(connection, chosen, names, bars=bars is not None)
        frame = {"title": title, "start": start, "end": end, "currency": currency}
        if not len(facts):
            return _nothing(frame)
        return _report(connection, facts, frame, (currency, *parity) if currency in parity else (currency,), worst)


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


def _check_name(
    connection: duckdb.DuckDBPyConnection, names: dict[str, list[str]], field: str, name: str | None
) -> None:
    from orderwright.analytics.execution_facts import distinct

    if name is None:
        return
    known = names[field] if field in names else distinct(connection, "placed", field)
    if name not in known:
        what = {"user_id": "user", "order_type": "order type"}.get(field, field)
        raise UnknownName(what, name, known, field=what.replace(" ", "_"))


def _chosen(start: int | None, end: int | None, filters: dict[str, str | None]) -> list[BooleanValue]:
    from orderwright.analytics.expressions import unbound

    placed = unbound("placed")
    chosen = [placed[field] == name for field, name in filters.items() if name is not None]
    chosen += [] if start is None else [placed.time >= start]
    return chosen + ([] if end is None else [placed.time < end])


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
    connection: duckdb.DuckDBPyConnection, facts: Facts, frame: dict[str, Any], parity: tuple[str, ...], worst: int
) -> ExecutionReport:
    import numpy as np

    from orderwright.analytics import execution_groups as grouping
    from orderwright.analytics.execution_arrays import CORES, quality
    from orderwright.analytics.execution_stories import reasons, stories

    figures = quality(facts)
    made = grouping.cells(facts, figures)
    rates = [_rate(facts, quote, parity) for quote in made.quotes]
    nowhere = np.zeros(len(made.quote), np.int64)
    all_sums = grouping.sums_by(made, nowhere, 1, rates)
    ranks = _ranks(figures)
    totals = grouping.figures_of(all_sums, 0, "all", **_of_group(ranks, np.zeros(len(made.of), np.int64), 1)[0])
    order_rates = np.array([float("nan") if rate is None else float(rate) for rate in rates])[made.quote[made.of]]
    times = facts.orders["time"]
    with ThreadPoolExecutor(CORES) as threads:
        groups = threads.map(lambda kind: _groups(made, kind, rates, ranks), grouping.KINDS)
        by = dict(zip(grouping.KINDS, groups, strict=True))
    return ExecutionReport(
        **frame,
        first_time=int(times.min()),
        last_time=int(times.max()),
        totals=totals,
        shortfall=grouping.shortfall_of(all_sums),
        by=by,
        reasons=reasons(connection, facts, figures),
        slippage_bins=_bins(figures.slippage),
        fill_time_bins=_bins(figures.fill_time),
        cost_by_hour=_by_hour(made, rates),
        worst=stories(connection, facts, figures, order_rates, worst),
        notes=_notes(facts, figures, made, rates),
    )


def _ranks(figures: Quality) -> dict[str, Any]:
    from orderwright.analytics.execution_sums import ranked

    with ThreadPoolExecutor(len(_QUANTILES)) as threads:
        ranks = threads.map(lambda name: ranked(getattr(figures, name)), _QUANTILES.values())
        return dict(zip(_QUANTILES, ranks, strict=True))


def _of_group(ranks: dict[str, Any], groups: Any, count: int) -> list[dict[str, Any]]:
    """The quantile fields of each group."""
    from orderwright.analytics.execution_sums import quantiles

    columns = {field: quantiles(groups, count, of) for field, of in ranks.items()}
    return [{field: column[group] for field, column in columns.items()} for group in range(count)]


def _groups(made: Cells, kind: str, rates: list[Decimal | None], ranks: dict[str, Any]) -> list[Figures]:
    """The groups of a kind that have orders: the league table of exchanges dearest last, hours and days in order, the
    rest the largest first."""
    from orderwright.analytics.execution_groups import figures_of, sums_by

    names, codes = made.names[kind], made.codes[kind]
    sums = sums_by(made, codes, len(names), rates)
    quantiles = _of_group(ranks, codes[made.of], len(names))
    found = [
        figures_of(sums, group, name, **quantiles[group])
        for group, name in enumerate(names)
        if sums.plain["orders"][group]
    ]
    if kind in ("hour", "day"):
        return found
    if kind == "exchange":
        return sorted(found, key=lambda one: (one.cost_bps is None, one.cost_bps or 0.0, one.name))
    return sorted(found, key=lambda one: (-one.traded, -one.orders, one.name))


def _rate(facts: Facts, quote: str, parity: tuple[str, ...]) -> Decimal | None:
    """What a unit of a quote asset is worth in the report's currency."""
    from orderwright.analytics.execution_arrays import latest_prices

    if quote in parity:
        return Decimal(1)
    for (_, base, other), price in sorted(latest_prices(facts).items()):
        if base == quote and other in parity and price > 0:
            return rounded(Decimal(repr(price)))
        if other == quote and base in parity and price > 0:
            return rounded(Decimal(repr(1 / price)))
    return None


def _bins(values: Floats) -> Bins:
    """A histogram of `BINS` bins from the 1st to the 99th percentile: a few far out would leave all others in one."""
    import numpy as np

    some = values[~np.isnan(values)]
    if not len(some):
        return Bins()
    ends = np.partition(some, [len(some) // 100, len(some) - 1 - len(some) // 100])
    low, high = float(ends[len(some) // 100]), float(ends[len(some) - 1 - len(some) // 100])
    if low == high:
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(some, bins=BINS, range=(low, np.nextafter(high, np.inf)))
    return Bins(edges=[float(edge) for edge in edges], counts=[int(count) for count in counts])


def _by_hour(made: Cells, rates: list[Decimal | None]) -> dict[str, list[float | None]]:
    from orderwright.analytics.execution_groups import figures_of, sums_by

    names = made.names["exchange"]
    sums = sums_by(made, made.codes["exchange"] * 24 + made.codes["hour"], len(names) * 24, rates)
    found: dict[str, list[float | None]] = {}
    for number, name in enumerate(names):
        costs = [figures_of(sums, number * 24 + hour, name).cost_bps for hour in range(24)]
        if any(cost is not None for cost in costs):
            found[name] = costs
    return found


def _notes(facts: Facts, figures: Quality, made: Cells, rates: list[Decimal | None]) -> list[str]:
    import numpy as np

    notes = []
    assets = facts.names["fee_asset"]
    for number, count in sorted(figures.left_out.items()):
        name = assets[number - 1] if number > 0 else "an unnamed asset"
        notes.append(f"{count} fees in {name} are left out: no price of it was logged.")
    for quote, rate in zip(made.quotes, rates, strict=True):
        if rate is None:
            notes.append(f"Orders in {quote or 'an unknown asset'} are left out of money: no price of it was logged.")
    bought = figures.filled > 0
    unpriced = int((bought & np.isnan(figures.slippage)).sum())
    if unpriced:
        notes.append(f"{unpriced} orders that traded have no arrival price: they count in no cost and no slippage.")
    lost = int((figures.over & np.isnan(figures.opportunity + figures.delay + figures.paper)).sum())
    if lost:
        notes.append(f"{lost} orders ended unfilled or unpriced: they are not in the shortfall.")
    working = int((~figures.over).sum())
    if working:
        notes.append(f"{working} orders have not ended: they are not in the shortfall, and in no success ratio.")
    if all(np.isnan(mark).all() for mark in figures.marks.values()) and bought.any():
        notes.append("No price was logged soon after a fill: there are no mark-outs.")
    return notes
