"""The pictures of what came after a search, as plain Plotly figures: the held-out part, and the walk."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from orderwright.analytics.page.look import COST, GAIN, INK, MUTED, PLAIN, Figure, axis, layout_of
from orderwright.backtest.outcome import Ints

if TYPE_CHECKING:
    from orderwright.backtest.optimisation.found import Found
    from orderwright.backtest.optimisation.walking import WalkForwardResult
    from orderwright.backtest.result import BacktestResult

_MOST_STEPS, _MANY = 1_500, 5


def held_out(result: Found) -> Figure | None:
    """The balance of the best parameters: over the part that was searched, and on over the part that was not."""
    if result.held_out is None:
        return None
    first, scale = _curve(result.best, 1.0)
    second, _ = _curve(result.held_out, scale)
    inside = _line(first, MUTED, "optimised") | {"fill": "none"}
    outside = _line(second, GAIN if second[1][-1] >= second[1][0] else COST, "held out")
    layout = layout_of(height=340, xaxis=axis("", type="date"), yaxis=_balance([*first[1], *second[1]]))
    seam = second[0][0]
    layout["shapes"].append(
        {
            "type": "line",
            "x0": seam,
            "x1": seam,
            "y0": 0,
            "y1": 1,
            "yref": "paper",
            "line": {"color": INK, "width": 1.5, "dash": "dot"},
        }
    )
    layout["annotations"] += [_beside(seam, "optimised", "right"), _beside(seam, "held out", "left")]
    layout["margin"] = layout["margin"] | {"t": 30}
    return {"data": [inside, outside], "layout": layout}


def _balance(seen: list[float]) -> Figure:
    """Logarithmic where it grew many times over: the beginning would lie flat."""
    many = min(seen) > 0 and max(seen) > _MANY * min(seen)
    return axis("balance", grid=True, zeroline=False, **({"type": "log", "dtick": "D2"} if many else {}))


def _beside(place: str, words: str, side: str) -> Figure:
    where = {
        "x": place,
        "y": 1.02,
        "yref": "paper",
        "yanchor": "bottom",
        "xanchor": side,
        "xshift": 6 if side == "left" else -6,
    }
    return where | {"text": words, "showarrow": False, "font": {"color": INK, "size": 12}}


def walked(found: WalkForwardResult) -> Figure:
    """The stitched balance out of sample, window by window."""
    every = max(1, math.ceil(len(found.times) / _MOST_STEPS))
    times, equity = found.times, found.equity
    drawn = np.unique(np.append(np.arange(0, len(times), every), len(times) - 1))
    line = _line((_dates(times[drawn]), equity[drawn].tolist()), GAIN, "out of sample")
    layout = layout_of(height=320, xaxis=axis("", type="date"), yaxis=_balance(line["y"]))
    for at, step in enumerate(found.steps):
        start, end = _dates(np.array([step.start, step.end]))
        if at % 2 == 0:
            band = {"type": "rect", "x0": start, "x1": end, "y0": 0, "y1": 1, "yref": "paper", "layer": "below"}
            layout["shapes"].append(band | {"fillcolor": "var(--raised)", "line": {"width": 0}})
        middle = _dates(np.array([(step.start + step.end) // 2]))[0]
        words = f"{step.return_pct:+.1f} %".replace("-", "−")
        layout["annotations"].append(_over(middle, words, COST if step.return_pct < 0 else GAIN))
    layout["margin"] = layout["margin"] | {"t": 30}
    return {"data": [line], "layout": layout}


def _over(place: str, words: str, colour: str) -> Figure:
    where = {"x": place, "y": 1.02, "yref": "paper", "yanchor": "bottom", "xanchor": "center"}
    return where | {"text": words, "showarrow": False, "font": {"color": colour, "size": 12}}


def growth(found: WalkForwardResult) -> Figure:
    """Of each window, the return a year in sample and out of sample."""
    per_year = found.bars_per_year
    inside = [_yearly(one.in_sample_return_pct, len(one.step.in_sample), per_year) for one in found.steps]
    outside = [_yearly(one.return_pct, len(one.step.out_of_sample), per_year) for one in found.steps]
    names = [str(at + 1) for at in range(len(found.steps))]

    def bars(name: str, values: list[float | None], colour: Any) -> Figure:
        look = {"type": "bar", "name": name, "x": names, "y": values, "marker": {"color": colour}}
        return look | {"hovertemplate": f"window %{{x}}, {name}: %{{y:.1f}} % a year<extra></extra>"}

    colours = [COST if (one or 0) < 0 else GAIN for one in outside]
    layout = layout_of(
        barmode="group", bargap=0.35, xaxis=axis("window", type="category"), yaxis=axis("growth a year, %", grid=True)
    )
    return {"data": [bars("in sample", inside, PLAIN), bars("out of sample", outside, colours)], "layout": layout}


def _yearly(percent: float, bars: int, per_year: float) -> float | None:
    """Percent a year of logarithmic growth: it adds up, and a short window does not explode."""
    return math.log1p(percent / 100) / bars * per_year * 100 if percent > -100 and per_year > 0 else None


def _curve(result: BacktestResult, scale: float) -> tuple[tuple[list[str], list[float]], float]:
    """((times, balances times `scale`), the scale for what follows), thinned."""
    equity, times = result.outcome.equity, result.outcome.times
    every = max(1, math.ceil(len(equity) / _MOST_STEPS))
    drawn = np.unique(np.append(np.arange(0, len(equity), every), len(equity) - 1))
    left = scale * float(equity[-1]) / float(result.rules.initial_balance)
    return (_dates(times[drawn]), (equity[drawn] * scale).tolist()), left


def _line(points: tuple[list[str], list[float]], colour: str, name: str) -> Figure:
    look = {"type": "scatter", "mode": "lines", "name": name, "x": points[0], "y": points[1]}
    return look | {"line": {"color": colour, "width": 2}, "hovertemplate": "%{x}<br>%{y:,.2f}<extra></extra>"}


def _dates(times: Ints) -> list[str]:
    return [str(one) for one in np.asarray(times, dtype="datetime64[us]").astype("datetime64[s]")]
