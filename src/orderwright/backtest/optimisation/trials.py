"""What became of every trial, in columns: a trial costs its own few numbers and nothing of the bars."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from msgspec import Struct

from orderwright.backtest.optimisation.objectives import Objective
from orderwright.backtest.outcome import Floats

if TYPE_CHECKING:
    import pandas as pd

State = Literal["done", "refused", "undefined"]
STATES: tuple[State, ...] = ("done", "refused", "undefined")
FIGURES = ("total_return_pct", "sharpe_ratio", "max_drawdown", "total_trades")


class Score(Struct, frozen=True, array_like=True):
    """What one trial gave. state: done; refused, where the strategy (or the constraint) does not take the parameters;
    undefined, where an objective is no number (a Sharpe ratio without a trade). values: by objective; figures: by
    `FIGURES`; both nan where there are none. reason: of a refusal."""

    state: State
    values: tuple[float, ...]
    figures: tuple[float, ...]
    reason: str = ""


def nothing(state: State, objectives: int, reason: str = "") -> Score:
    return Score(state, (math.nan,) * objectives, (math.nan,) * len(FIGURES), reason)


class Trial(Struct, frozen=True):
    """One trial: its parameters, its value by objective, and a few figures of its result."""

    number: int
    parameters: dict[str, Any]
    values: dict[str, float]
    figures: dict[str, float]
    state: State = "done"


class Trials:
    """All trials, in the order of their numbers. already: how many were in the study before the search."""

    def __init__(self, names: Sequence[str], objectives: Sequence[Objective]) -> None:
        self.names, self.objectives = tuple(names), tuple(objectives)
        self._numbers = array("q")
        self._states = array("b")
        self._parameters: tuple[list[Any], ...] = tuple([] for _ in self.names)
        self._values = tuple(array("d") for _ in self.objectives)
        self._figures = tuple(array("d") for _ in FIGURES)
        self.refusal = ""
        self.already = 0

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, number: int, parameters: Mapping[str, Any], score: Score) -> None:
        self._numbers.append(number)
        self._states.append(STATES.index(score.state))
        for name, column in zip(self.names, self._parameters, strict=True):
            column.append(parameters[name])
        for columns, found in ((self._values, score.values), (self._figures, score.figures)):
            for one, value in zip(columns, found, strict=True):
                one.append(value)
        self.refusal = score.reason or self.refusal

    def __getitem__(self, at: int) -> Trial:
        return Trial(
            self._numbers[at],
            {name: column[at] for name, column in zip(self.names, self._parameters, strict=True)},
            {one.name: column[at] for one, column in zip(self.objectives, self._values, strict=True)},
            {name: column[at] for name, column in zip(FIGURES, self._figures, strict=True)},
            STATES[self._states[at]],
        )

    def __iter__(self) -> Iterator[Trial]:
        return map(self.__getitem__, range(len(self)))

    def count(self, state: State) -> int:
        return self._states.count(STATES.index(state))

    def parameters(self, name: str) -> list[Any]:
        return self._parameters[self.names.index(name)]

    def values(self, objective: int = 0) -> Floats:
        """float64[trials] of an objective; nan where a trial has none."""
        return np.array(self._values[objective])

    def figure(self, name: str) -> Floats:
        """float64[trials] of one of `FIGURES`."""
        return np.array(self._figures[FIGURES.index(name)])

    def best(self) -> int | None:
        """The place of the best trial by the first objective; the first of equals; None where no trial is done."""
        values = self.values() * (1 if self.objectives[0].large_is_good else -1)
        return None if np.isnan(values).all() else int(np.nanargmax(values))

    def front(self) -> list[int]:
        """Places of the trials that no other beats in one objective without losing in another (the Pareto front), best
        by the first objective first; of equals the first. O(n log n) for two objectives."""
        signs = [1 if one.large_is_good else -1 for one in self.objectives]
        points = np.column_stack([self.values(at) * sign for at, sign in enumerate(signs)])
        places = np.flatnonzero(~np.isnan(points).any(axis=1))
        ordered = places[np.lexsort((places, *(-points[places, at] for at in range(points.shape[1] - 1, -1, -1))))]
        kept: list[int] = []
        for place in ordered.tolist():
            rivals = points[kept[-1:]] if len(signs) <= 2 else points[kept]
            if not (len(rivals) and (rivals >= points[place]).all(axis=1).any()):
                kept.append(place)
        return kept

    def ordered(self) -> Trials:
        """The same by number, each number once: whoever added them first, and in whichever order."""
        if (np.diff(self._numbers) > 0).all():
            return self
        _, places = np.unique(self._numbers, return_index=True)
        same = Trials(self.names, self.objectives)
        for at in places.tolist():
            one = self[at]
            score = Score(one.state, tuple(one.values.values()), tuple(one.figures.values()))
            same.add(one.number, one.parameters, score)
        same.refusal = self.refusal
        return same

    def to_frame(self) -> pd.DataFrame:
        """A row a trial: number, parameters, objectives, figures, state."""
        import pandas as pd

        columns: dict[str, Any] = {"number": np.array(self._numbers)}
        columns |= dict(zip(self.names, self._parameters, strict=True))
        columns |= {name: self.figure(name) for name in FIGURES}
        columns |= {one.name: self.values(at) for at, one in enumerate(self.objectives)}
        columns["state"] = [STATES[at] for at in self._states]
        return pd.DataFrame(columns)
