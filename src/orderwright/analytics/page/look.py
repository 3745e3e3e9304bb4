"""How all charts of the report page look: one layout, one kind of axis, lines with names.

A colour is written `var(--name)`: the page's script puts the style sheet's value in its place, so that the charts
follow light, dark and print. Blue is in our favour, orange is a cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orderwright.analytics.page.text import finite
from orderwright.analytics.records import Bins

Figure = dict[str, Any]

GAIN, COST, PLAIN, INK, MUTED, LINE, SURFACE = (
    f"var(--{name})" for name in ("gain", "cost", "plain", "ink", "muted", "line", "surface")
)


def reach(values: Sequence[float], bars: int) -> list[float]:
    """From where to where an axis goes; a few bars do not fill it."""
    low, high = min(values), max(values)
    spare = (high - low or 1.0) if bars < 3 else 0.0
    return [low - spare, high + spare]


def counts_axis(bins: Bins) -> Figure:
    """The axis of a histogram's counts; no ticks between whole orders."""
    whole: Figure = {"dtick": 1} if max(bins.counts) < 8 else {}
    return axis("orders", grid=True, **whole)


def mark(layout: Figure, lines: dict[str, tuple[float | None, str]]) -> None:
    """Upright lines with their names above the plot. A name stands on the side away from the other line, or where the
    plot has room for it; two names on one side stand one above the other."""
    marked = sorted((place, f"{name} {shown}") for name, (place, shown) in lines.items() if finite(place) is not None)
    low, high = layout["xaxis"]["range"]
    sides: list[str] = []
    for at, (place, words) in enumerate(marked):
        part = ((place or 0.0) - low) / (high - low)
        sides.append(
            "left" if part < 0.3 else "right" if part > 0.7 else "right" if at == 0 and len(marked) > 1 else "left"
        )
        top = 1.02 if sides.count(sides[-1]) == 1 else 1.1
        layout["shapes"].append(_upright(place, top, dash="dot" if words.startswith("mean") else "solid"))
        layout["annotations"].append(_name(place, top, words, sides[-1]))
    layout["margin"] = layout["margin"] | {"t": 48 if len(set(sides)) < len(sides) else 30}


def _upright(place: float | None, top: float, *, dash: str) -> Figure:
    line = {"color": INK, "width": 1.5, "dash": dash}
    return {"type": "line", "x0": place, "x1": place, "y0": 0, "y1": top, "yref": "paper", "line": line}


def _name(place: float | None, top: float, words: str, side: str) -> Figure:
    where = {"x": place, "y": top, "yref": "paper", "yanchor": "bottom", "xanchor": side}
    return where | {"text": words, "showarrow": False, "font": {"color": INK, "size": 12}}


def axis(title: str, *, grid: bool = False, **more: Any) -> Figure:
    look = {
        "title": {"text": title, "standoff": 10},
        "showgrid": grid,
        "gridcolor": LINE,
        "zeroline": grid,
        "zerolinecolor": MUTED,
        "zerolinewidth": 1,
        "linecolor": LINE,
        "ticks": "",
        "fixedrange": True,
        "automargin": True,
    }
    return look | more


def layout_of(**more: Any) -> Figure:
    look: Figure = {
        "height": 300,
        "margin": {"l": 8, "r": 8, "t": 12, "b": 8},
        "font": {"family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "size": 12, "color": MUTED},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "dragmode": False,
        "separators": ".,",
        "hoverlabel": {"bgcolor": SURFACE, "bordercolor": MUTED, "font": {"color": INK, "size": 13}, "align": "left"},
        "shapes": [],
        "annotations": [],
    }
    return look | more
