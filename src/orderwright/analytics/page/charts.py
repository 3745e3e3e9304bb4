"""The charts of the report page, as plain Plotly figures: dicts of data and layout; `narrow` changes the first trace
where the screen is narrow.

Floats are for drawing only. Text that comes from users is escaped, because Plotly reads a little markup in labels.
"""

from __future__ import annotations

import html
import itertools
import math
from bisect import bisect_right
from collections.abc import Sequence
from decimal import Decimal

from orderwright.analytics.page.look import (
    COST,
    GAIN,
    INK,
    MUTED,
    PLAIN,
    SURFACE,
    Figure,
    axis,
    counts_axis,
    layout_of,
    mark,
    reach,
)
from orderwright.analytics.page.text import amount, bps, count, finite, number, places_for, span
from orderwright.analytics.records import MARK_OUTS, Bins, Drift, Estimate, ExecutionReport, Figures, Shortfall

HORIZONS = {"1s": "1 s", "10s": "10 s", "1m": "1 min", "5m": "5 min"}
PARTS = ("delay", "impact", "fees", "opportunity")
_MOST_TICKS = 7


def slippage(bins: Bins, mean: float | None, median: float | None) -> Figure | None:
    """Slippage against arrival: bars from edge to edge, with lines at the mean and the median."""
    if not any(bins.counts):
        return None
    edges = list(itertools.pairwise(bins.edges))
    bars = {
        "type": "bar",
        "x": [(low + high) / 2 for low, high in edges],
        "y": bins.counts,
        "width": [high - low or 1.0 for low, high in edges],
        "marker": {"color": [_side(low, high) for low, high in edges], "line": {"color": SURFACE, "width": 1}},
        "customdata": [f"{number(low)} to {bps(high)}" for low, high in edges],
        "hovertemplate": "%{customdata}: %{y:,} orders<extra></extra>",
    }
    seen = [*bins.edges, *(line for line in (mean, median) if line is not None and finite(line) is not None)]
    layout = layout_of(xaxis=axis("slippage, bps", range=reach(seen, len(edges))), yaxis=counts_axis(bins))
    mark(layout, {"median": (median, bps(median)), "mean": (mean, bps(mean))})
    return {"data": [bars], "layout": layout}


def fill_times(bins: Bins, median: float | None, most: float | None) -> Figure | None:
    """Fill times: bars of one width whatever their span, since fills take from milliseconds to hours."""
    if not any(bins.counts):
        return None
    edges = bins.edges
    every = math.ceil(len(edges) / _MOST_TICKS)
    bars = {
        "type": "bar",
        "x": [at + 0.5 for at in range(len(bins.counts))],
        "y": bins.counts,
        "width": 1,
        "marker": {"color": PLAIN, "line": {"color": SURFACE, "width": 1}},
        "customdata": [f"{span(low)} to {span(high)}" for low, high in itertools.pairwise(edges)],
        "hovertemplate": "%{customdata}: %{y:,} orders<extra></extra>",
    }
    ticks: Figure = {"tickvals": list(range(0, len(edges), every)), "ticktext": [span(edge) for edge in edges[::every]]}
    layout = layout_of(
        xaxis=axis("time to the last fill", range=reach([0, len(bins.counts)], len(bins.counts)), **ticks),
        yaxis=counts_axis(bins),
    )
    mark(
        layout, {"median": (_place(median, edges), span(median)), "95th percentile": (_place(most, edges), span(most))}
    )
    return {"data": [bars], "layout": layout}


def cost_by_hour(costs: dict[str, list[float | None]]) -> Figure | None:
    """Cost in bps as a map of exchange and hour of the day. Both colours reach as far; 1 in 20 may be beyond them."""
    values = sorted(
        abs(cost) for row in costs.values() for cost in row if finite(cost) is not None and cost is not None
    )
    if not values:
        return None
    limit = values[min(len(values) - 1, int(len(values) * 0.95))] or 1.0
    names = [html.escape(name, quote=False) for name in costs]
    cells = {
        "type": "heatmap",
        "x": list(range(max(map(len, costs.values())))),
        "y": names,
        "z": [[finite(cost) for cost in row] for row in costs.values()],
        "zmin": -limit,
        "zmax": limit,
        "colorscale": [[0, "var(--deep-gain)"], [0.5, "var(--zero)"], [1, "var(--deep-cost)"]],
        "xgap": 2,
        "ygap": 2,
        "hoverongaps": False,
        "text": [["" if finite(cost) is None else number(cost, places=1) for cost in row] for row in costs.values()],
        "texttemplate": "%{text}",
        "hovertemplate": "%{y}, %{x:02d}:00 to %{x:02d}:59 UTC<br>%{z:.2f} bps<extra></extra>",
        "colorbar": {"title": {"text": "bps"}, "thickness": 10, "outlinewidth": 0, "len": 1, "tickfont": {"size": 11}},
    }
    hours: Figure = {"tickvals": list(range(0, 24, 3)), "ticktext": [f"{hour:02d}" for hour in range(0, 24, 3)]}
    rows = axis("", type="category", autorange="reversed", automargin=True)
    layout = layout_of(height=120 + 38 * len(names), xaxis=axis("hour of the day, UTC", **hours), yaxis=rows)
    return {"data": [cells], "layout": layout, "narrow": {"texttemplate": "", "showscale": False}}


def waterfall(shortfall: Shortfall, currency: str) -> Figure | None:
    """The shortfall: each part begins where the one before ends, and the last bar is the whole."""
    if not shortfall.orders:
        return None
    sums = [getattr(shortfall, part) for part in (*PARTS, "total")]
    places = places_for(sums)
    bars = {
        "type": "waterfall",
        "x": [part.capitalize() for part in (*PARTS, "total")],
        "y": [float(one) for one in sums],
        "measure": ["relative"] * len(PARTS) + ["total"],
        "text": [amount(one, places) for one in sums],
        "constraintext": "none",
        "customdata": [bps(of_paper(one, shortfall)) for one in sums],
        "textposition": "outside",
        "textfont": {"color": INK},
        "cliponaxis": False,
        "increasing": {"marker": {"color": COST}},
        "decreasing": {"marker": {"color": GAIN}},
        "totals": {"marker": {"color": MUTED}},
        "connector": {"line": {"color": MUTED, "width": 1, "dash": "dot"}},
        "hovertemplate": "%{x}: %{text} "
        + html.escape(currency)
        + "<br>%{customdata} of the paper value<extra></extra>",
    }
    money = axis(
        f"cost, {html.escape(currency, quote=False)}",
        grid=True,
        tickformat="~s" if max(map(abs, sums)) >= 10_000 else ",",
    )
    return {"data": [bars], "layout": layout_of(bargap=0.35, xaxis=axis("", type="category"), yaxis=money)}


def of_paper(part: Decimal, shortfall: Shortfall) -> float | None:
    """A part of the shortfall in bps of the paper value."""
    return float(part) / float(shortfall.paper) * 10_000 if shortfall.paper else None


def mark_outs(totals: Figures) -> Figure | None:
    """How the market moved after the fills, by horizon; above zero is in our favour."""
    values = [finite(totals.mark_outs.get(name)) for name in MARK_OUTS]
    if all(value is None for value in values):
        return None
    bars = {
        "type": "bar",
        "x": [HORIZONS.get(name, name) for name in MARK_OUTS],
        "y": values,
        "text": ["" if value is None else number(value, sign=True) for value in values],
        "textposition": "outside",
        "textfont": {"color": INK},
        "cliponaxis": False,
        "marker": {"color": [COST if (value or 0) < 0 else GAIN for value in values]},
        "hovertemplate": "after %{x}: %{text} bps<extra></extra>",
    }
    after, moved = axis("after the fill", type="category"), axis("in our favour, bps", grid=True)
    return {"data": [bars], "layout": layout_of(bargap=0.45, xaxis=after, yaxis=moved)}


def drift(found: Drift) -> Figure | None:
    """Live and simulated slippage and their difference, with the interval of each."""
    rows = {"Live": found.live, "Simulated": found.simulated, "Live less simulated": found.difference}
    known = {name: one for name, one in rows.items() if finite(one.value) is not None}
    if not known:
        return None
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": [one.value for one in known.values()],
        "y": list(known),
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [_arm(one, one.high) for one in known.values()],
            "arrayminus": [_arm(one, one.low) for one in known.values()],
            "color": MUTED,
            "thickness": 1.5,
            "width": 6,
        },
        "marker": {
            "size": 11,
            "color": [
                PLAIN if one is not found.difference else _side(one.value or 0, one.value or 0)
                for one in known.values()
            ],
        },
        "customdata": [count(one.count, "order") for one in known.values()],
        "hovertemplate": "%{y}: %{x:.2f} bps, %{customdata}<extra></extra>",
    }
    across = axis("slippage, bps", grid=True, rangemode="tozero")
    rows_axis = axis("", type="category", autorange="reversed", automargin=True)
    return {"data": [dots], "layout": layout_of(height=210, xaxis=across, yaxis=rows_axis)}


def figures(report: ExecutionReport) -> dict[str, Figure]:
    """Every chart that the report has data for, by the id of its element."""
    totals = report.totals
    drawn = {
        "slippage": slippage(report.slippage_bins, totals.slippage.value, totals.slippage_quantiles.p50),
        "fill-times": fill_times(report.fill_time_bins, totals.fill_time_quantiles.p50, totals.fill_time_quantiles.p95),
        "shortfall": waterfall(report.shortfall, report.currency),
        "mark-outs": mark_outs(totals),
        "hours": cost_by_hour(report.cost_by_hour),
        "drift": drift(report.drift) if report.drift else None,
    }
    return {f"chart-{name}": figure for name, figure in drawn.items() if figure is not None}


def _side(low: float, high: float) -> str:
    """The colour of a span of slippage: a cost, in our favour, or both."""
    return COST if low >= 0 else GAIN if high <= 0 else PLAIN


def _arm(one: Estimate, bound: float | None) -> float:
    bound = finite(bound)
    return abs(bound - one.value) if bound is not None and one.value is not None else 0.0


def _place(value: float | None, edges: Sequence[float]) -> float | None:
    """Where a value stands on the axis of bars of one width; within a bar by ratio, where that can be."""
    value = finite(value)
    if value is None or not edges[0] <= value <= edges[-1]:
        return None
    at = min(bisect_right(edges, value), len(edges) - 1) - 1
    low, high = edges[at], edges[at + 1]
    if low > 0 and high > low:
        return at + math.log(value / low) / math.log(high / low)
    return at + (value - low) / (high - low) if high > low else at + 0.5
