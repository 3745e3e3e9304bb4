"""The page's small charts, as plain Plotly figures: returns by the calendar, the spread of the trades."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from orderwright.analytics.page.look import COST, GAIN, SURFACE, Figure, axis, layout_of, mark, reach
from orderwright.analytics.page.text import number
from orderwright.backtest.outcome import Floats
from orderwright.backtest.report.calendar import Calendar

_BARS = 40
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


def calendar(found: Calendar) -> Figure | None:
    """A map of returns in percent. Both colours reach as far; one cell in twenty may be beyond them."""
    sizes = sorted(abs(cell) for row in found.cells for cell in row if cell is not None)
    if not sizes:
        return None
    limit = sizes[min(len(sizes) - 1, int(len(sizes) * 0.95))] * 100 or 1.0
    places = 1 if limit >= 1 else 2
    cells = {
        "type": "heatmap",
        "x": list(range(len(found.columns))),
        "y": found.rows,
        "z": [[None if cell is None else cell * 100 for cell in row] for row in found.cells],
        "zmin": -limit,
        "zmax": limit,
        "colorscale": [[0, "var(--deep-cost)"], [0.5, "var(--zero)"], [1, "var(--deep-gain)"]],
        "xgap": 2,
        "ygap": 2,
        "hoverongaps": False,
        "text": [["" if cell is None else number(cell * 100, places=places) for cell in row] for row in found.cells],
        "texttemplate": "%{text}",
        "customdata": found.names,
        "hovertemplate": "%{customdata}<br>%{z:.2f} %<extra></extra>",
        "showscale": False,
    }
    names: Figure = {"tickvals": list(range(len(found.columns))), "ticktext": found.columns, "side": "top"}
    rows = axis("", type="category", autorange="reversed", automargin=True)
    height = max(110, 60 + (34 if len(found.rows) < 20 else 22) * len(found.rows))
    layout = layout_of(height=height, xaxis=axis("", **names), yaxis=rows, margin={"l": 8, "r": 8, "t": 30, "b": 4})
    return {"data": [cells], "layout": layout, "narrow": {"texttemplate": ""}}


def spread(returns: Floats) -> Figure | None:
    """How many trades had which return (percent). A bar is either of winners or of losers; the outermost hold what is
    beyond them too."""
    if not len(returns):
        return None
    edges = _bin_edges(returns)
    width = edges[1] - edges[0]
    middles = (edges[:-1] + edges[1:]) / 2
    counts, _ = np.histogram(np.clip(returns, middles[0], middles[-1]), edges)
    bars = {
        "type": "bar",
        "x": middles.tolist(),
        "y": counts.tolist(),
        "width": float(width),
        "marker": {
            "color": [GAIN if middle > 0 else COST for middle in middles],
            "line": {"color": SURFACE, "width": 1},
        },
        "customdata": [f"{number(low)} to {number(high)}" for low, high in pairwise(edges.tolist())],
        "hovertemplate": "%{customdata} %: %{y:,} trades<extra></extra>",
    }
    whole: Figure = {"dtick": 1} if counts.max() < 8 else {}
    across = axis("return of a trade, %", range=reach([float(edges[0]), float(edges[-1])], len(counts)))
    layout = layout_of(xaxis=across, yaxis=axis("trades", grid=True, **whole))
    mean = float(returns.mean())
    if edges[0] <= mean <= edges[-1]:
        mark(layout, {"mean": (mean, f"{number(mean)} %")})
    return {"data": [bars], "layout": layout}


def _bin_edges(returns: Floats) -> Floats:
    """Equal bins with an edge at 0, in round steps, over all but the outermost hundredths."""
    low, high = (float(at) for at in np.quantile(returns, (0.01, 0.99)))
    width = _round_up((max(high, 0) - min(low, 0)) / _BARS or 1.0)
    first, last = min(math.floor(low / width), -1), max(math.ceil(high / width), 1)
    return width * np.arange(first, last + 1, dtype=np.float64)


def _round_up(width: float) -> float:
    """The next round step: 1, 2, 2.5 or 5 of some power of ten."""
    power = 10.0 ** math.floor(math.log10(width))
    return next(power * step for step in _STEPS if power * step >= width * 0.999)
