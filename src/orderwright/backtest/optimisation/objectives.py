"""What to optimise: a figure of the result by its name, or anybody's function of the result.

A figure is made large where large is good and small where small is good (`max_drawdown`, `volatility`, what trading
costs). "minimise NAME" and "maximise NAME" say it outright.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from orderwright.backtest.result import SCALARS
from orderwright.errors import InputError, UnknownName

SMALL_IS_GOOD = frozenset(
    {
        "average_loss",
        "fees",
        "fees_bps",
        "longest_drawdown_bars",
        "longest_drawdown_days",
        "losing_trades",
        "max_drawdown",
        "slippage",
        "slippage_bps",
        "turnover",
        "ulcer_index",
        "volatility",
    }
)
"""Value at risk and its tail are not here: as QuantStats writes them they are returns, -2 % better than -3 %."""
FIELDS = SCALARS[1:]  # what it began with is no aim
"""Those of a result; where a metric has the same name, the field is meant: `max_drawdown` in percent, positive."""
_WORDS = {"minimise": False, "minimize": False, "maximise": True, "maximize": True}


class Objective(Struct, frozen=True):
    """name: shown and stored. figure: the result's field or metric; None where `function` makes it of the result."""

    name: str
    large_is_good: bool = True
    figure: str | None = None
    function: Callable[[Any], float] | None = None

    @property
    def direction(self) -> str:
        return "maximize" if self.large_is_good else "minimize"

    def of(self, result: Any) -> float:
        """The objective of a BacktestResult; nan where it has none. Raises InputError for what is no number."""
        found = self.function(result) if self.function else figure_of(result, self.figure or self.name)
        if found is None:
            return math.nan
        try:
            value = float(found)
        except (TypeError, ValueError):
            message = f"{self.name} gave {found!r}, which is not a number"
            raise InputError(message, field="objective", value=found) from None
        return value

    def better(self, one: float, other: float) -> bool:
        """Whether one value is better than another; anything is better than nan."""
        if math.isnan(one) or math.isnan(other):
            return math.isnan(other) and not math.isnan(one)
        return one > other if self.large_is_good else one < other


def figure_of(result: Any, name: str) -> Any:
    """A field of a result, or one of its metrics."""
    found = getattr(result, name, None)
    return result.metrics.get(name) if found is None else found


def names() -> tuple[str, ...]:
    """Every figure that can be optimised: a result's fields, then its metrics."""
    import numpy as np

    from orderwright.backtest.metrics import cost_metrics, equity_metrics, trade_metrics

    flat, none = np.ones(2), np.empty(0)
    metrics = (
        *equity_metrics(flat, np.arange(2), flat, 1.0, 1.0),
        *trade_metrics(none, none, none),
        *cost_metrics(0.0, 0.0, 0.0, flat, 1.0),
    )
    return tuple(dict.fromkeys((*FIELDS, *metrics)))


def parse_objectives(objective: Any) -> tuple[Objective, ...]:
    """One objective or several.

    Raises InputError (field `objective`) for an unknown figure, for one named twice and for none at all.
    """
    several = objective if isinstance(objective, list | tuple) else [objective]
    if not several:
        raise InputError("there is nothing to optimise", field="objective", value=objective, nearest="sharpe_ratio")
    known = names()
    found = tuple(_one(said, known) for said in several)
    for name in (named := [one.name for one in found]):
        if named.count(name) > 1:
            raise InputError(f"{name} is there twice", field="objective", value=name)
    return found


def _one(said: Any, known: Sequence[str]) -> Objective:
    if callable(said):
        return Objective(getattr(said, "__name__", type(said).__name__), True, None, said)
    if not isinstance(said, str):
        message = f"{said!r} is neither the name of a figure nor a function of the result"
        raise InputError(message, field="objective", value=said, nearest="sharpe_ratio")
    first, _, rest = said.strip().partition(" ")
    name = rest.strip() if first in _WORDS else said.strip()
    if name not in known:
        if difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.6):
            raise UnknownName("figure", name, known, field="objective")
        message = f"unknown figure {name!r}; known are {', '.join(FIELDS)} and every metric of a result"
        raise InputError(message, field="objective", value=name)
    large = _WORDS.get(first, name not in SMALL_IS_GOOD)
    return Objective(name, large, name)
