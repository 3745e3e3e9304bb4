"""The pictures of the trials as plain Plotly figures, in the look of every page (analytics/page/look.py).

On a page the style sheet gives the colours; `shown` puts those of the light page in, for a notebook.
"""

from __future__ import annotations

import html
import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from orderwright.analytics.page.look import GAIN, INK, PLAIN, SURFACE, Figure, axis, layout_of, mark, reach
from orderwright.analytics.page.text import number
from orderwright.backtest.outcome import Floats, Ints

if TYPE_CHECKING:
    import plotly.graph_objects as go  # type: ignore[import-untyped]  # it ships no types

    from orderwright.backtest.optimisation.found import Found

LIGHT = {
    "gain": "#1f6fc4",
    "cost": "#d9640a",
    "deep-gain": "#1f6fc4",
    "deep-cost": "#d9640a",
    "zero": "#f3f4f6",
    "plain": "#7d93b0",
    "ink": "#161b26",
    "muted": "#596273",
    "line": "#e1e5eb",
    "surface": "#ffffff",
    "raised": "#f0f2f5",
}
_MOST_CELLS, _PARTS, _MOST_POINTS, _BINS = 60, 15, 4_000, 40
_FAINT = 0.55


def shown(figure: Figure) -> go.Figure:
    """A figure for a notebook, in the colours of the light page."""
    import plotly.graph_objects as go

    def coloured(value: Any) -> Any:
        if isinstance(value, str) and value.startswith("var(--"):
            return LIGHT[value[6:-1]]
        if isinstance(value, dict):
            return {key: coloured(one) for key, one in value.items()}
        return [coloured(one) for one in value] if isinstance(value, list) else value

    layout = coloured(figure["layout"]) | {"paper_bgcolor": LIGHT["surface"], "plot_bgcolor": LIGHT["surface"]}
    return go.Figure(
        {"data": coloured(figure["data"]), "layout": layout | {"margin": {"l": 60, "r": 30, "t": 50, "b": 50}}}
    )


# --- where good parameters lie ---


def heat_map(result: Found, x: str, y: str) -> Figure:
    """The first objective by two parameters; of several trials at one place the best. Blank where nothing was done. The
    ring is the best trial. Blue is good; where no value is bad, the palest is the worst."""
    objective, values = result.objectives[0], result.all_trials.values()
    most = _MOST_CELLS if result.method == "grid" else _PARTS  # trials that are scattered would be lone dots
    across, at_x = _ticks(result.all_trials.parameters(x), most)
    upwards, at_y = _ticks(result.all_trials.parameters(y), most)
    cells = np.full((len(upwards), len(across)), np.nan)
    sign = 1 if objective.large_is_good else -1
    for column, row, value in zip(at_x, at_y, (values * sign).tolist(), strict=True):
        cells[row, column] = np.fmax(cells[row, column], value)
    cells *= sign
    known = cells[np.isfinite(cells)]
    few = len(across) <= 12 and len(upwards) <= 14
    places = _places(known)
    heat = {
        "type": "heatmap",
        "x": list(range(len(across))),
        "y": list(range(len(upwards))),
        "z": [[_json(cell) for cell in row] for row in cells],
        "text": [["" if math.isnan(cell) else number(cell, places=places) for cell in row] for row in cells],
        "texttemplate": "%{text}" if few else "",
        "customdata": [[f"{_safe(x)} {across[c]}, {_safe(y)} {one}" for c in range(len(across))] for one in upwards],
        "hovertemplate": f"%{{customdata}}<br>{_safe(objective.name)} %{{text}}<extra></extra>",
        "hoverongaps": False,
        "xgap": 1,
        "ygap": 1,
        "colorbar": {
            "title": {"text": _safe(objective.name), "side": "right"},
            "thickness": 12,
            "outlinewidth": 0,
            "len": 1,
            "tickfont": {"size": 11},
        },
    } | _colours(known, objective.large_is_good)
    best = result.all_trials.best() or 0
    rings = [_ring(at_x[best], at_y[best], 18, SURFACE), _ring(at_x[best], at_y[best], 13, INK)]
    layout = layout_of(
        height=max(320, min(620, 110 + 26 * len(upwards))),
        xaxis=axis(_safe(x), **_named(across)),
        yaxis=axis(_safe(y), **_named(upwards)),
    )
    return {"data": [heat, *rings], "layout": layout, "narrow": {"texttemplate": "", "showscale": False}}


def _ring(x: int, y: int, size: int, colour: str) -> Figure:
    look = {"symbol": "circle-open", "size": size, "color": colour, "line": {"width": 3, "color": colour}}
    return {"type": "scatter", "mode": "markers", "x": [x], "y": [y], "marker": look, "hoverinfo": "skip"}


def _ticks(column: Sequence[Any], most: int) -> tuple[list[str], list[int]]:
    """(names along an axis, the place of each trial): the values in their order; very many numbers in equal parts."""
    numeric = all(isinstance(one, int | float) and not isinstance(one, bool) for one in column)
    if not numeric:
        different = list(dict.fromkeys(map(str, column)))
        return [_safe(one) for one in different], [different.index(str(one)) for one in column]
    found = sorted(set(column))
    if len(found) <= most:
        places = {one: at for at, one in enumerate(found)}
        return [f"{one:g}" for one in found], [places[one] for one in column]
    if all(isinstance(one, int) for one in found):
        return _whole_parts(column, found[0], found[-1])
    edges = np.linspace(found[0], found[-1], _PARTS + 1)
    at = np.clip(np.searchsorted(edges, np.array(column, dtype=float), "right") - 1, 0, _PARTS - 1)
    return [f"{low:.3g}–{high:.3g}" for low, high in itertools.pairwise(edges)], at.tolist()


def _whole_parts(column: Sequence[int], low: int, high: int) -> tuple[list[str], list[int]]:
    """Parts of whole numbers, equally many in each but the last."""
    each = math.ceil((high - low + 1) / _PARTS)
    starts = range(low, high + 1, each)
    ends = [min(start + each - 1, high) for start in starts]
    names = [f"{start:,}–{end:,}" if end > start else f"{start:,}" for start, end in zip(starts, ends, strict=True)]
    return names, [(one - low) // each for one in column]


def _named(names: Sequence[str]) -> Figure:
    every = math.ceil(len(names) / 16)
    ticks = {"tickvals": list(range(0, len(names), every)), "ticktext": list(names[::every])}
    return ticks | {"range": [-0.5, len(names) - 0.5]}


def _colours(known: Floats, large_is_good: bool) -> Figure:
    """Orange to blue around zero, where there are values on both sides; else pale to blue."""
    if not len(known):
        return {"colorscale": [[0, "var(--zero)"], [1, "var(--deep-gain)"]]}
    low, high = float(known.min()), float(known.max())
    good, bad = ("var(--deep-gain)", "var(--deep-cost)") if large_is_good else ("var(--deep-cost)", "var(--deep-gain)")
    if low < 0 < high:
        limit = float(np.quantile(np.abs(known), 0.98)) or 1.0
        return {"zmin": -limit, "zmax": limit, "colorscale": [[0, bad], [0.5, "var(--zero)"], [1, good]]}
    if low == high:
        low, high = low - 1, high + 1
    pale = [[0, "var(--zero)"], [1, "var(--deep-gain)"]]
    return {
        "zmin": low,
        "zmax": high,
        "colorscale": pale if large_is_good else [[0, "var(--deep-gain)"], [1, "var(--zero)"]],
    }


# --- trials ---


def pareto(result: Found) -> Figure:
    """All trials by the first two objectives, and those that no other beats."""
    one, two = result.objectives[:2]
    xs, ys = result.all_trials.values(0), result.all_trials.values(1)
    known = np.flatnonzero(np.isfinite(xs) & np.isfinite(ys))
    drawn = _thinned(known, _MOST_POINTS)
    front = sorted(result.all_trials.front(), key=lambda at: xs[at])
    values = f"{_safe(one.name)} %{{x:.3f}}<br>{_safe(two.name)} %{{y:.3f}}<extra></extra>"
    rest = {
        "type": "scatter",
        "mode": "markers",
        "name": "a trial",
        "x": xs[drawn].tolist(),
        "y": ys[drawn].tolist(),
        "marker": {"size": 6, "color": PLAIN, "opacity": _FAINT},
        "hovertemplate": values,
    }
    line = {
        "type": "scatter",
        "mode": "lines+markers" if len(result.objectives) == 2 else "markers",
        "name": "the front",
        "x": [float(xs[at]) for at in front],
        "y": [float(ys[at]) for at in front],
        "line": {"color": GAIN, "width": 2},
        "marker": {"size": 10, "color": GAIN, "line": {"color": SURFACE, "width": 1.5}},
        "customdata": [_words(result.all_trials[at].parameters) for at in front],
        "hovertemplate": f"%{{customdata}}<br>{values}",
    }
    layout = layout_of(
        height=380, xaxis=axis(_better(one), grid=True, zeroline=False), yaxis=axis(_better(two), grid=True)
    )
    return {"data": [rest, line], "layout": layout}


def _better(objective: Any) -> str:
    return f"{_safe(objective.name)} ({'more' if objective.large_is_good else 'less'} is better)"


def history(result: Found) -> Figure:
    """Each trial's first objective in the order of the trials, and the best so far."""
    objective, values = result.objectives[0], result.all_trials.values()
    known = np.flatnonzero(np.isfinite(values))
    sign = 1 if objective.large_is_good else -1
    best = np.maximum.accumulate(values[known] * sign) * sign
    drawn = _thinned(np.arange(len(known)), _MOST_POINTS)
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": (known[drawn] + 1).tolist(),
        "y": values[known[drawn]].tolist(),
        "marker": {"size": 5, "color": PLAIN, "opacity": _FAINT},
        "hovertemplate": "trial %{x:,}: %{y:.4f}<extra></extra>",
    }
    steps = np.flatnonzero(np.append(True, np.diff(best) != 0)) if len(best) else np.arange(0)
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": [*(known[steps] + 1).tolist(), *(known[-1:] + 1).tolist()],
        "y": [*best[steps].tolist(), *best[-1:].tolist()],
        "line": {"color": GAIN, "width": 2.5, "shape": "hv"},
        "hovertemplate": "best after trial %{x:,}: %{y:.4f}<extra></extra>",
    }
    layout = layout_of(xaxis=axis("trial"), yaxis=axis(_safe(objective.name), grid=True))
    return {"data": [dots, line], "layout": layout}


def importance(result: Found) -> Figure | None:
    """How much each parameter's value alone tells of the first objective."""
    found = list(result.importance.items())
    if len(found) < 2:
        return None
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": [share * 100 for _, share in found],
        "y": [_safe(name) for name, _ in found],
        "text": [f"{share * 100:.0f} %" for _, share in found],
        "textposition": "outside",
        "textfont": {"color": INK},
        "cliponaxis": False,
        "marker": {"color": PLAIN},
        "hovertemplate": "%{y}: %{x:.1f} %<extra></extra>",
    }
    rows = axis("", type="category", autorange="reversed", automargin=True)
    most = max(share for _, share in found) * 100
    across = axis("of the differences between trials, %", grid=True, range=[0, max(most * 1.15, 1)])
    return {"data": [bars], "layout": layout_of(height=130 + 40 * len(found), bargap=0.45, xaxis=across, yaxis=rows)}


def sharpes(result: Found) -> Figure | None:
    """How many trials had which Sharpe ratio, with the best one and what the best of as many would show by luck."""
    known = result.trial_sharpes[np.isfinite(result.trial_sharpes)]
    if len(known) < 2 or known.min() == known.max():
        return None
    counts, edges = np.histogram(known, bins=min(_BINS, max(8, len(known) // 4)))
    middles = (edges[:-1] + edges[1:]) / 2
    bars = {
        "type": "bar",
        "x": middles.tolist(),
        "y": counts.tolist(),
        "width": float(edges[1] - edges[0]),
        "marker": {"color": PLAIN, "line": {"color": SURFACE, "width": 1}},
        "customdata": [f"{number(a)} to {number(b)}" for a, b in itertools.pairwise(edges)],
        "hovertemplate": "Sharpe ratio %{customdata}: %{y:,} trials<extra></extra>",
    }
    luck, best = result.deflated.threshold * result.root, result.deflated.of.sharpe * result.root
    seen = [*edges.tolist(), *(one for one in (luck, best) if math.isfinite(one))]
    whole: Figure = {"dtick": 1} if counts.max() < 8 else {}
    layout = layout_of(
        xaxis=axis("Sharpe ratio a year", range=reach(seen, len(counts))), yaxis=axis("trials", grid=True, **whole)
    )
    spare = (layout["xaxis"]["range"][1] - layout["xaxis"]["range"][0]) * 0.03
    layout["xaxis"]["range"] = [layout["xaxis"]["range"][0] - spare, layout["xaxis"]["range"][1] + spare]
    mark(layout, {"luck alone:": (luck, number(luck)), "the best:": (best, number(best))})
    return {"data": [bars], "layout": layout}


def _thinned(places: Ints, most: int) -> Ints:
    return places[:: max(1, math.ceil(len(places) / most))]


def _places(values: Floats) -> int:
    return 2 if not len(values) or float(np.abs(values).max()) >= 1 else 3


def _json(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _words(parameters: dict[str, Any]) -> str:
    return _safe(
        ", ".join(
            f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in parameters.items()
        )
    )


def _safe(words: str) -> str:
    """Plotly reads a little markup in labels."""
    return html.escape(str(words), quote=False)
