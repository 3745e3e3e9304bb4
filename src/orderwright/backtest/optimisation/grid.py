"""A grid: every combination once, or so many of them, drawn by the seed.

In a study that is shared, nobody claims a combination: a process takes the blocks in a random order of its own, and
before each it leaves out what is there by now. A block that two of them happen to work on costs time and nothing else,
since a combination has one result; and a process that dies leaves nothing to clear away.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from orderwright.backtest.optimisation.objectives import Objective
from orderwright.backtest.optimisation.progress import Told
from orderwright.backtest.optimisation.space import Grid, Parameters, Space
from orderwright.backtest.optimisation.study import (
    SCORE,
    distributions,
    kept_score,
    labelled,
    score_to_keep,
    silenced,
    unlabelled,
)
from orderwright.backtest.optimisation.trials import Score, Trials
from orderwright.backtest.optimisation.workers import Crew

if TYPE_CHECKING:
    from optuna.study import Study

Workers = Crew[list[Parameters], list[Score]]
_SHUFFLED_WHOLE = 10_000_000


def chosen(size: int, n_trials: int | None, seed: int) -> Sequence[int]:
    """The numbers of the combinations to try: all of them, or as many as asked, drawn without repeats. More trials of
    the same seed are those of fewer and some more."""
    if n_trials is None or n_trials >= size:
        return range(size)
    generator = np.random.default_rng(seed)
    if size <= _SHUFFLED_WHOLE:
        return [int(one) for one in generator.permutation(size)[:n_trials]]
    drawn: dict[int, None] = {}
    while len(drawn) < n_trials:
        drawn[int(generator.integers(size))] = None
    return list(drawn)


def search_grid(
    space: Space,
    numbers: Sequence[int],
    objectives: Sequence[Objective],
    workers: Workers,
    told: Told,
    *,
    block: int,
    study: Study | None = None,
) -> Trials:
    """Score the combinations of these numbers, in blocks of so many, and keep them in the study where there is one."""
    search = _Search(space, numbers, objectives, told, study)
    for scores in workers.over(search.questions(block)):
        search.take(scores)
    return search.trials.ordered()


class _Search:
    """What is tried, what is being tried, and what is known: by this process or, through the study, by another."""

    def __init__(
        self, space: Space, numbers: Sequence[int], objectives: Sequence[Objective], told: Told, study: Study | None
    ) -> None:
        self.trials = Trials(space.names, objectives)
        self._space, self._grid, self._numbers, self._told = space, space.grid(), numbers, told
        self._kept = None if study is None else Kept(space, self._grid, study)
        self._known: set[int] = set()
        self._asked: deque[Sequence[int]] = deque()
        self._best = math.nan

    def questions(self, block: int) -> Iterator[list[Parameters]]:
        starts: Sequence[int] = range(0, len(self._numbers), block)
        if self._kept is not None:
            starts = random.sample(starts, len(starts))  # each process its own way: the result is the same
        wanted = set(self._numbers) if self._kept else set()
        for start in starts:
            part = self._numbers[start : start + block]
            if self._kept is not None:
                for number, score in self._kept.fresh():
                    self._add(number, score, wanted)
                part = [number for number in part if number not in self._known]
            if part:
                self._asked.append(part)
                yield [self._grid[number] for number in part]

    def take(self, scores: list[Score]) -> None:
        for number, score in zip(self._asked.popleft(), scores, strict=True):
            if self._kept is not None:
                self._kept.add(number, score)
            self._add(number, score)

    def _add(self, number: int, score: Score, wanted: set[int] | None = None) -> None:
        """Another process's trial counts where it is one of those that were asked for."""
        if self._kept is not None:
            if number in self._known or (wanted is not None and number not in wanted):
                return
            self._known.add(number)
        self.trials.add(number, self._grid[number], score)
        first = self.trials.objectives[0]
        self._best = score.values[0] if first.better(score.values[0], self._best) else self._best
        self._told(len(self.trials), len(self._numbers), self._best)


class Kept:
    """The trials of a grid in a study."""

    def __init__(self, space: Space, grid: Grid, study: Study) -> None:
        self._space, self._grid, self._study = space, grid, study
        self._distributions, self._read = distributions(space), 0

    def fresh(self) -> list[tuple[int, Score]]:
        """(number in the grid, score) of what was added since it was last asked, by whomever."""
        trials = self._study.get_trials(deepcopy=False)
        found = []
        for trial in trials[self._read :]:
            score = kept_score(trial)
            number = self._grid.number_of(unlabelled(self._space, trial.params)) if score else None
            if score is not None and number is not None:
                found.append((number, score))
        self._read = len(trials)
        return found

    def add(self, number: int, score: Score) -> None:
        from optuna.trial import TrialState, create_trial

        done = score.state == "done"
        with silenced():
            trial = create_trial(
                state=TrialState.COMPLETE if done else TrialState.PRUNED,
                values=score.values if done else None,
                params=labelled(self._space, self._grid[number]),
                distributions=self._distributions,
                user_attrs={SCORE: score_to_keep(score)},
            )
            self._study.add_trial(trial)
