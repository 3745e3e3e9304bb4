"""An optimisation as plain values: for JSON, and for whoever reads it by machine."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from orderwright.market.times import iso

if TYPE_CHECKING:
    from orderwright.backtest.optimisation.found import Found
    from orderwright.backtest.optimisation.walking import WalkForwardResult
    from orderwright.backtest.result import BacktestResult

_FIELDS = ("total_return_pct", "sharpe_ratio", "sortino_ratio", "max_drawdown", "total_trades", "win_rate")


def summary(result: Found) -> dict[str, Any]:
    """What is not defined is None."""
    found, trials = result.deflated, result.all_trials
    return {
        "strategy": result.strategy,
        "method": result.method,
        "seed": result.seed,
        "space": result.space.described(),
        "objectives": {one.name: one.direction for one in result.objectives},
        "trials": {"all": len(trials), "refused": result.refused, "undefined": trials.count("undefined")},
        "best_parameters": plain(result.best_parameters),
        "best_value": plain(result.best_value),
        "best": _part(result.best),
        "held_out": None if result.held_out is None else _part(result.held_out),
        "deflated_sharpe_ratio": plain(found.value),
        "probabilistic_sharpe_ratio": plain(found.probabilistic),
        "sharpe_ratio_of_luck": plain(found.threshold * result.root),
        "pareto": [{"parameters": plain(one.parameters), "values": plain(one.values)} for one in result.pareto]
        if len(result.objectives) > 1
        else None,
        "walk_forward": None if result.walk_forward is None else _walk(result.walk_forward),
    }


def _part(result: BacktestResult) -> dict[str, Any]:
    times = result.outcome.times
    spanned = {"start": iso(int(times[0])), "end": iso(int(times[-1])), "bars": len(times)} if len(times) else {}
    return spanned | {name: plain(getattr(result, name)) for name in _FIELDS}


def _walk(found: WalkForwardResult) -> dict[str, Any]:
    return {
        "total_return_pct": plain(found.total_return_pct),
        "sharpe_ratio": plain(found.sharpe_ratio),
        "max_drawdown": plain(found.max_drawdown),
        "total_trades": found.total_trades,
        "efficiency": plain(found.efficiency),
        "windows": [
            {
                "in_sample_start": iso(step.in_sample_start),
                "start": iso(step.start),
                "end": iso(step.end),
                "parameters": plain(step.parameters),
                "in_sample_return_pct": plain(step.in_sample_return_pct),
                "return_pct": plain(step.return_pct),
                "sharpe_ratio": plain(step.sharpe_ratio),
                "total_trades": step.trades,
            }
            for step in found.steps
        ],
    }


def plain(value: Any) -> Any:
    """A value that JSON has: no nan, no infinity; what it does not know as its repr."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int | str | bool | None) else repr(value)
