"""What an optimisation found, and how far it is to be believed."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from orderwright.backtest.metrics import returns_of
from orderwright.backtest.optimisation.objectives import Objective
from orderwright.backtest.optimisation.sharpe import Deflated, of_trials
from orderwright.backtest.optimisation.space import Space
from orderwright.backtest.optimisation.trials import Trial, Trials
from orderwright.backtest.optimisation.walking import WalkForwardResult
from orderwright.errors import InputError, UnknownName

if TYPE_CHECKING:
    import pandas as pd

    from orderwright.backtest.result import BacktestResult


class Found:
    """The best parameters, every trial, and what speaks for and against them.

    best_parameters: of the best trial (of several objectives: the best of the Pareto front by the first one).
    best: their result over the optimised part. held_out: over the last part, that the search has not seen; None where
    nothing was held out. walk_forward: where that was asked for. method, seed, space, objectives: what was searched,
    and how. all_trials: every trial, in columns.
    """

    def __init__(
        self,
        trials: Trials,
        best: BacktestResult,
        held_out: BacktestResult | None,
        walk_forward: WalkForwardResult | None,
        *,
        strategy: str,
        space: Space,
        method: str,
        seed: int,
        independent_trials: float | None = None,
    ) -> None:
        self.all_trials, self.best, self.held_out, self.walk_forward = trials, best, held_out, walk_forward
        self.strategy, self.space, self.method, self.seed = strategy, space, method, seed
        self._independent_trials = independent_trials
        at = trials.best()
        assert at is not None
        self.best_trial: Trial = trials[at]
        best.trials, best.deflated_sharpe = len(trials), self.deflated.value  # so that its own page says so too

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.best_parameters.items())
        values = ", ".join(f"{name} {value:.4g}" for name, value in self.best_trial.values.items())
        return f"{type(self).__name__}({self.strategy}({shown}): {values}; {len(self.all_trials):,} trials)"

    @property
    def best_parameters(self) -> dict[str, Any]:
        return self.best_trial.parameters

    @property
    def best_value(self) -> float:
        """The best trial's first objective."""
        return self.best_trial.values[self.objectives[0].name]

    @property
    def objectives(self) -> tuple[Objective, ...]:
        return self.all_trials.objectives

    @cached_property
    def trials(self) -> pd.DataFrame:
        """A row a trial: number, parameters, figures, objectives, state (done, refused, undefined). Made when first
        asked for."""
        return self.all_trials.to_frame()

    @property
    def refused(self) -> int:
        """How many combinations the strategy or the constraint refused; they are no trials of anything."""
        return self.all_trials.count("refused")

    @cached_property
    def pareto(self) -> list[Trial]:
        """The trials that no other beats in one objective without losing in another, best by the first one first."""
        return [self.all_trials[at] for at in self.all_trials.front()]

    @cached_property
    def deflated(self) -> Deflated:
        """The deflated Sharpe ratio of the best trial with all that it is made of (sharpe.py); per bar."""
        outcome, rules = self.best.outcome, self.best.rules
        returns = returns_of(outcome.equity, float(rules.initial_balance))
        return of_trials(returns, self.trial_sharpes / self.root, self._independent_trials)

    @property
    def deflated_sharpe_ratio(self) -> float:
        """The probability (0 to 1) that the best trial's true Sharpe ratio is above what luck alone would have shown
        among as many trials. nan where nothing was traded."""
        return self.deflated.value

    @property
    def root(self) -> float:
        """What makes a Sharpe ratio per bar one per year: the root of the bars in a year."""
        return math.sqrt(self.best.bars_per_year)

    @cached_property
    def trial_sharpes(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """float64, annualised: of each combination that was tried, once."""
        seen: dict[str, float] = {}
        for trial in self.all_trials:
            if trial.state != "refused":
                seen[repr(trial.parameters)] = trial.figures["sharpe_ratio"]
        return np.array(list(seen.values()))

    def axes(self, x: str | None, y: str | None) -> tuple[str, str]:
        """Two parameters to draw. Raises UnknownName, and InputError where there are not two."""
        names = self.all_trials.names
        for name, field in ((x, "x"), (y, "y")):
            if name is not None and name not in names:
                raise UnknownName("parameter", name, names, field=field)
        ranked = [name for name in self.importance if name not in (x, y)]
        first = x or (ranked.pop(0) if ranked else None)
        second = y or (ranked.pop(0) if ranked else None)
        if first is None or second is None or first == second:
            raise InputError("a heat map needs two parameters", field="y", value=y, nearest=None)
        return first, second

    @cached_property
    def importance(self) -> dict[str, float]:
        """How much of the first objective's variance a parameter's value alone tells (the correlation ratio, 0 to 1;
        Pearson, 1905), the largest first. Continuous parameters are cut into ten parts of as many trials."""
        values = self.all_trials.values()
        known = np.isfinite(values)
        found = {}
        for name in self.all_trials.names:
            found[name] = _told_by(np.array(groups(self.all_trials.parameters(name)))[known], values[known])
        return dict(sorted(found.items(), key=lambda one: -one[1]))


def groups(column: list[Any]) -> list[int]:
    """A number for each value: equal ones share it; of more than twenty different numbers, those of a tenth of the
    trials do."""
    different = {repr(one): at for at, one in enumerate(dict.fromkeys(map(repr, column)))}
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in column)
    if len(different) <= 20 or not numbers:
        places = {shown: at for at, shown in enumerate(dict.fromkeys(map(repr, column)))}
        return [places[repr(one)] for one in column]
    edges = np.quantile(np.array(column, dtype=np.float64), np.linspace(0, 1, 11)[1:-1])
    return [int(one) for one in np.searchsorted(edges, np.array(column, dtype=np.float64), "right")]


def _told_by(group: np.ndarray[Any, np.dtype[np.int64]], values: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    whole = float(((values - values.mean()) ** 2).sum()) if len(values) else 0.0
    if not whole > 0:
        return 0.0
    between = 0.0
    for one in np.unique(group):
        part = values[group == one]
        between += len(part) * float(part.mean() - values.mean()) ** 2
    return between / whole
