"""What `optimize` hands over: what was found (found.py), and the ways to look at it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orderwright.backtest.optimisation.found import Found
from orderwright.errors import InputError

if TYPE_CHECKING:
    import plotly.graph_objects as go  # type: ignore[import-untyped]  # it ships no types


class OptimizationResult(Found):
    """What was found, with its pictures and its page."""

    def heatmap(self, x: str | None = None, y: str | None = None) -> go.Figure:
        """The first objective by two parameters, the best of all others at each place. Without names: the two that
        matter most. Raises UnknownName, and InputError where there is one parameter only."""
        from orderwright.backtest.optimisation.pictures import heat_map, shown

        return shown(heat_map(self, *self.axes(x, y)))

    def plot_pareto(self) -> go.Figure:
        """The trials by two objectives, and their front. Raises InputError where there was one objective."""
        from orderwright.backtest.optimisation.pictures import pareto, shown

        if len(self.objectives) < 2:
            raise InputError(
                "a front needs two objectives", field="objective", nearest='["sharpe_ratio", "max_drawdown"]'
            )
        return shown(pareto(self))

    def plot_history(self) -> go.Figure:
        """Each trial's first objective in the order in which they were made, and the best so far."""
        from orderwright.backtest.optimisation.pictures import history, shown

        return shown(history(self))

    def report(self, path: str | Path) -> None:
        """All of it as one page of HTML that needs nothing else. Raises InputError where it cannot be written."""
        from orderwright.backtest.optimisation.page import write_page

        write_page(self, path)

    def summary(self) -> Mapping[str, Any]:
        """The figures as plain values, for JSON; what is not defined is None."""
        from orderwright.backtest.optimisation.summary import summary

        return summary(self)
