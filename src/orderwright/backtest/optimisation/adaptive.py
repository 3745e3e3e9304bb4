"""Searches that learn from the trials before: TPE and NSGA-II, both Optuna's.

- `tpe`: the tree-structured Parzen estimator (Bergstra et al., 2011, "Algorithms for Hyper-Parameter Optimization"):
  models where good parameters lie, and draws from there.
- `genetic`: NSGA-II (Deb et al., 2002): keeps a population, crosses and mutates the best of it; for several objectives.

A trial's chance is keyed by the seed and its number. So a search in one process repeats, one that was interrupted goes
on as if it had not been, and processes that share a study draw differently. With more processes several trials are in
the air at once, and a search knows less when it draws.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from orderwright.backtest.optimisation.objectives import Objective
from orderwright.backtest.optimisation.progress import Told
from orderwright.backtest.optimisation.space import Parameters, Space
from orderwright.backtest.optimisation.study import (
    SCORE,
    distributions,
    kept_score,
    score_to_keep,
    silenced,
    unlabelled,
)
from orderwright.backtest.optimisation.trials import Score, Trials
from orderwright.backtest.optimisation.workers import Crew

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial

Workers = Crew[list[Parameters], list[Score]]
Waiting = tuple["Trial", Callable[[], list[Score]], str]
POPULATION = 20
_LARGE = 2**32


def search_adaptively(
    space: Space,
    n_trials: int,
    objectives: Sequence[Objective],
    workers: Workers,
    told: Told,
    *,
    method: str,
    seed: int,
    study: Study,
) -> Trials:
    """Trials until the study has `n_trials`, those counted that were in it. Where several processes share it, each may
    finish the one that it has begun, so there may be a few more."""
    search = _Search(space, objectives, workers, study)
    with silenced():
        study.sampler = _sampler(method, seed, several=workers.size > 1)
        try:
            while search.count() < n_trials or search.waiting:
                while len(search.waiting) < workers.size and search.count() + len(search.waiting) < n_trials:
                    search.ask()
                if search.waiting:
                    search.tell()
                told(search.count(), n_trials, search.best)
        finally:
            search.give_up()
    return search.trials()


class _Search:
    def __init__(self, space: Space, objectives: Sequence[Objective], workers: Workers, study: Study) -> None:
        self._space, self._objectives, self._workers, self._study = space, objectives, workers, study
        self._distributions, self._scores = distributions(space), dict[str, Score]()
        self.waiting: deque[Waiting] = deque()
        self.best = math.nan
        self._finished = 0
        for trial in study.get_trials(deepcopy=False):
            if (score := kept_score(trial)) is not None:
                self._note(_key(unlabelled(space, trial.params)), score)

    def count(self) -> int:
        """How many are finished, in the whole study."""
        trials = self._study.get_trials(deepcopy=False)
        while self._finished < len(trials) and _counts(trials[self._finished]):
            self._finished += 1  # none of these changes any more
        return self._finished + sum(map(_counts, trials[self._finished :]))

    def ask(self) -> None:
        """Draw a trial and begin on it; parameters that were drawn before have their score already."""
        trial = self._study.ask(self._distributions)
        parameters = unlabelled(self._space, trial.params)
        key = _key(parameters)
        known = self._scores.get(key)
        answer = self._workers.start([parameters]) if known is None else _said(known)
        self.waiting.append((trial, answer, key))

    def tell(self) -> None:
        from optuna.trial import TrialState

        trial, answer, key = self.waiting[0]
        (score,) = answer()
        self.waiting.popleft()
        trial.set_user_attr(SCORE, score_to_keep(score))
        if score.state == "done":
            self._study.tell(trial, score.values)
        else:
            self._study.tell(trial, state=TrialState.PRUNED)  # a sampler learns from it to keep away
        self._note(key, score)

    def give_up(self) -> None:
        """What was begun and not finished does not look as if it still ran."""
        from optuna.trial import TrialState

        for trial, _, _ in self.waiting:
            self._study.tell(trial, state=TrialState.FAIL)

    def trials(self) -> Trials:
        found = Trials(self._space.names, self._objectives)
        for trial in self._study.get_trials(deepcopy=False):
            if (score := kept_score(trial)) is not None:
                found.add(trial.number, unlabelled(self._space, trial.params), score)
        return found

    def _note(self, key: str, score: Score) -> None:
        self._scores[key] = score
        self.best = score.values[0] if self._objectives[0].better(score.values[0], self.best) else self.best


def _counts(trial: FrozenTrial) -> bool:
    return trial.state.is_finished() and SCORE in trial.user_attrs


def _key(parameters: Parameters) -> str:
    return repr(sorted(parameters.items()))


def _said(score: Score) -> Callable[[], list[Score]]:
    return lambda: [score]


def _sampler(method: str, seed: int, *, several: bool) -> BaseSampler:
    """Optuna's sampler of that name, made anew for each trial by seed and number: it keeps nothing but its chance, all
    else is in the study."""
    from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler

    def made(number: int) -> BaseSampler:
        chance = (seed * 1_000_003 + number) % _LARGE
        if method == "genetic":
            return NSGAIISampler(population_size=POPULATION, seed=chance)
        return TPESampler(seed=chance, multivariate=True, constant_liar=several)

    class ByNumber(BaseSampler):
        def __init__(self) -> None:
            self._of = made(0)

        def before_trial(self, study: Study, trial: Any) -> None:
            self._of = made(trial.number)
            self._of.before_trial(study, trial)

        def infer_relative_search_space(self, study: Study, trial: Any) -> dict[str, Any]:
            return self._of.infer_relative_search_space(study, trial)

        def sample_relative(self, study: Study, trial: Any, search_space: dict[str, Any]) -> dict[str, Any]:
            return self._of.sample_relative(study, trial, search_space)

        def sample_independent(self, study: Study, trial: Any, param_name: str, param_distribution: Any) -> Any:
            return self._of.sample_independent(study, trial, param_name, param_distribution)

        def after_trial(self, study: Study, trial: Any, state: Any, values: Sequence[float] | None) -> None:
            self._of.after_trial(study, trial, state, values)

    return ByNumber()
