"""The searches themselves, over a job that is a formula: resumed, shared, repeated, in other processes."""

import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from orderwright.backtest.optimisation.adaptive import search_adaptively
from orderwright.backtest.optimisation.code import named_code
from orderwright.backtest.optimisation.grid import search_grid
from orderwright.backtest.optimisation.objectives import Objective, parse_objectives
from orderwright.backtest.optimisation.progress import quiet
from orderwright.backtest.optimisation.space import Choice, Float, Int, Parameters, Space
from orderwright.backtest.optimisation.study import masked, open_study
from orderwright.backtest.optimisation.trials import Score, Trial, Trials, nothing
from orderwright.backtest.optimisation.workers import Crew, crew
from orderwright.errors import InputError
from tests.backtest.test_optimisation_code import among

ONE = parse_objectives("sharpe_ratio")
TWO = parse_objectives(["sharpe_ratio", "max_drawdown"])
SPACE = Space({"x": Int(0, 9), "y": Choice(1, 2, 3)})
OPEN = Space({"x": Float(-4.0, 4.0), "y": Float(-4.0, 4.0)})
MADE_FOR = {"strategy": "a formula", "data": "none"}


class Formula:
    """x y less squares, refused on a diagonal; `asked` counts what this process was asked."""

    def __init__(self, objectives: int = 1, stop_after: int | None = None) -> None:
        self.objectives, self.stop_after, self.asked = objectives, stop_after, 0

    def __call__(self, several: list[Parameters]) -> list[Score]:
        return [self._one(one) for one in several]

    def _one(self, parameters: Parameters) -> Score:
        if self.asked == self.stop_after:
            raise KeyboardInterrupt
        self.asked += 1
        x, y = parameters["x"], parameters["y"]
        if x == y:
            return nothing("refused", self.objectives, "x is y")
        if x == 0:
            return nothing("undefined", self.objectives)
        value = -((x - 2) ** 2) - (y - 1) ** 2 / 2
        return Score("done", (value, abs(x) + abs(y))[: self.objectives], (value, value / 2, 1.0, 3.0))


class Several(Crew[Any, Any]):
    """Stands for several processes: all that they were given is in the air until an answer is asked for."""

    def __init__(self, job: Formula, size: int) -> None:
        super().__init__(job, None, size)
        self.most, self._given = 0, 0

    def start(self, asked: Any) -> Callable[[], Any]:
        self._given += 1
        self.most = max(self.most, self._given)
        return lambda: self._answer(asked)

    def _answer(self, asked: Any) -> Any:
        self._given -= 1
        return self._job(asked)


def grid(job: Formula, study: Any = None, *, numbers: Sequence[int] = range(30), block: int = 4) -> Trials:
    with crew(job, 1) as workers:
        return search_grid(SPACE, numbers, ONE, workers, quiet, block=block, study=study)


def adaptive(
    job: Formula,
    n_trials: int,
    study: Any,
    *,
    method: str = "tpe",
    seed: int = 5,
    objectives: Sequence[Objective] = ONE,
    workers: Several | None = None,
    space: Space = OPEN,
) -> Trials:
    with crew(job, 1) as alone:
        crewed = workers or alone
        return search_adaptively(space, n_trials, objectives, crewed, quiet, method=method, seed=seed, study=study)


def rows(trials: Trials) -> list[Trial]:
    return [_comparable(one) for one in trials]


def _comparable(one: Trial) -> Trial:
    """nan is not equal to itself; here it is to be."""
    values = {name: "none" if math.isnan(value) else value for name, value in one.values.items()}
    figures = {name: "none" if math.isnan(value) else value for name, value in one.figures.items()}
    return Trial(one.number, one.parameters, values, figures, one.state)  # type: ignore[arg-type]


@pytest.fixture(params=["study.sqlite", "study.journal"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / str(request.param)


def test_a_grid_tries_every_combination_once_and_counts_what_is_refused() -> None:
    job = Formula()
    trials = grid(job)
    assert (job.asked, len(trials), trials.count("refused"), trials.count("undefined")) == (30, 30, 3, 3)
    assert trials.refusal == "x is y"
    best = trials.best()
    assert best is not None
    assert trials[best].parameters == {"x": 2, "y": 1}


def test_a_study_changes_nothing_of_a_grid(tmp_path: Path) -> None:
    place = tmp_path / "study.journal"
    assert rows(grid(Formula(), open_study(place, "one", MADE_FOR, ONE))) == rows(grid(Formula()))


def test_an_interrupted_grid_goes_on_where_it_was(place: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        grid(Formula(stop_after=17), open_study(place, "one", MADE_FOR, ONE), block=5)
    rest = Formula()
    assert rows(grid(rest, open_study(place, "one", MADE_FOR, ONE))) == rows(grid(Formula()))
    assert rest.asked == 30 - 15  # what was finished in whole blocks is not done again
    again = Formula()
    assert rows(grid(again, open_study(place, "one", MADE_FOR, ONE))) == rows(grid(Formula()))
    assert again.asked == 0


def test_part_of_a_grid_leaves_out_what_the_study_has_beyond_it(tmp_path: Path) -> None:
    place = tmp_path / "study.journal"
    grid(Formula(), open_study(place, "one", MADE_FOR, ONE))
    fewer = Formula()
    trials = grid(fewer, open_study(place, "one", MADE_FOR, ONE), numbers=[7, 3, 20])
    assert (fewer.asked, [one.number for one in trials]) == (0, [3, 7, 20])


@pytest.mark.parametrize("method", ["tpe", "genetic"])
def test_a_search_that_learns_repeats_by_its_seed(method: str) -> None:
    first, again, other = (
        rows(adaptive(Formula(), 50, open_study(None, "x", MADE_FOR, ONE), method=method, seed=seed))
        for seed in (5, 5, 6)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("method", ["tpe", "genetic"])
def test_an_interrupted_search_goes_on_as_if_it_had_not_been(tmp_path: Path, method: str) -> None:
    whole = adaptive(Formula(), 45, open_study(None, "x", MADE_FOR, ONE), method=method)
    place = tmp_path / "study.journal"
    adaptive(Formula(), 30, open_study(place, "x", MADE_FOR, ONE), method=method)
    rest = Formula()
    resumed = adaptive(rest, 45, open_study(place, "x", MADE_FOR, ONE), method=method)
    assert rows(resumed) == rows(whole)
    assert 0 < rest.asked <= 15  # a child may be its parent again, which has its score
    idle = Formula()
    assert rows(adaptive(idle, 45, open_study(place, "x", MADE_FOR, ONE), method=method)) == rows(whole)
    assert idle.asked == 0


def test_a_search_that_was_stopped_leaves_nothing_running(tmp_path: Path) -> None:
    study = open_study(tmp_path / "study.journal", "x", MADE_FOR, ONE)
    with pytest.raises(KeyboardInterrupt):
        adaptive(Formula(stop_after=8), 20, study)
    assert [one.state.name for one in study.get_trials()] == ["COMPLETE"] * 8 + ["FAIL"]
    assert len(adaptive(Formula(), 20, study)) == 20


def test_tpe_learns() -> None:
    trials = adaptive(Formula(), 60, open_study(None, "x", MADE_FOR, ONE))
    best = trials.best()
    assert best is not None
    assert trials.values()[best] > -0.3  # of a random search in this space one in three hundred is


def test_genetic_finds_a_front_that_no_trial_beats() -> None:
    trials = adaptive(Formula(2), 80, open_study(None, "x", MADE_FOR, TWO), method="genetic", objectives=TWO)
    front = [trials[at].values for at in trials.front()]
    assert len(front) >= 3
    for one in trials:
        for best in front:
            assert not (
                one.values["sharpe_ratio"] > best["sharpe_ratio"] and one.values["max_drawdown"] < best["max_drawdown"]
            )


def test_parameters_that_come_again_are_not_tried_again() -> None:
    job = Formula()
    few = Space({"x": Int(1, 2), "y": Choice(1, 2)})
    assert len(adaptive(job, 20, open_study(None, "x", MADE_FOR, ONE), space=few)) == 20
    assert job.asked == 4


def test_several_at_once_make_the_same_number_of_trials() -> None:
    job = Formula()
    workers = Several(job, 3)
    trials = adaptive(job, 20, open_study(None, "x", MADE_FOR, ONE), workers=workers)
    assert [one.number for one in trials] == list(range(20))
    assert workers.most == 3


SHARING = """
import sys
sys.path[:0] = {path!r}
from tests.backtest.test_optimisation_code import among, named_code
from tests.backtest.test_optimisation_search import Formula, MADE_FOR, ONE, adaptive, grid, open_study
gridding, learning = Formula(), Formula()
grid(gridding, open_study(sys.argv[1], "shared", MADE_FOR, ONE), block=3)
adaptive(learning, 30, open_study(sys.argv[2], "shared", MADE_FOR, ONE))
print(gridding.asked, learning.asked, named_code(among))
"""


def test_two_processes_share_a_study_and_know_a_function_by_the_same_digest(tmp_path: Path) -> None:
    database, journal = str(tmp_path / "study.sqlite"), str(tmp_path / "study.journal")
    code = SHARING.format(path=[str(Path(__file__).parents[2])])
    words = [sys.executable, "-c", code, database, journal]
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [one.communicate(timeout=60)[0].split() for one in both]
    assert [one.returncode for one in both] == [0, 0]
    assert [one[2:] for one in said] == [named_code(among).split()] * 2  # whatever order a set has there
    of_grid, of_learning = (sum(int(one[at]) for one in said) for at in (0, 1))
    idle = Formula()
    assert rows(grid(idle, open_study(database, "shared", MADE_FOR, ONE))) == rows(grid(Formula()))
    assert 30 <= of_grid <= 60
    assert len(adaptive(idle, 30, open_study(journal, "shared", MADE_FOR, ONE))) == of_learning
    assert 30 <= of_learning <= 31  # each may finish the one that it has begun
    assert idle.asked == 0


def test_a_study_for_another_search_is_refused_and_what_differs_is_named(place: Path) -> None:
    open_study(place, "one", MADE_FOR, ONE)
    with pytest.raises(InputError) as refused:
        open_study(place, "one", MADE_FOR | {"data": "others"}, ONE)
    assert str(refused.value) == (
        f"study: the study 'one' at {place} was made for another search (data: none there, others here): "
        "give another name"
    )
    open_study(place, "two", MADE_FOR | {"data": "others"}, ONE)


def test_of_a_space_and_of_rules_the_entries_that_differ_are_shown_whole(place: Path) -> None:
    long = ", ".join(f"p{at}: Int(low=3, high=7, step=2, log=False)" for at in range(6))
    made_for = MADE_FOR | {"space": long, "rules": '{"commission":"0.001","path":"nearest"} on kernel'}
    open_study(place, "one", made_for, ONE)
    other = made_for | {"space": long.replace("p5: Int(low=3", "p5: Int(low=4")}
    with pytest.raises(InputError) as refused:
        open_study(place, "one", other | {"rules": '{"commission":"0.002","path":"nearest"} on orders'}, ONE)
    assert (
        "(space: p5: Int(low=3, high=7, step=2, log=False) there, p5: Int(low=4, high=7, step=2, log=False) here; "
        'rules: "commission":"0.001", kernel there, "commission":"0.002", orders here)'
    ) in str(refused.value)


def test_another_number_of_objectives_is_another_search(place: Path) -> None:
    open_study(place, "one", MADE_FOR | {"objective": "one"}, ONE)
    with pytest.raises(InputError, match="objective: one there, two here"):
        open_study(place, "one", MADE_FOR | {"objective": "two"}, TWO)


def test_a_study_of_another_program_is_left_alone(tmp_path: Path) -> None:
    import optuna

    place = tmp_path / "study.sqlite"
    storage = optuna.storages.RDBStorage(f"sqlite:///{place}")
    study = optuna.create_study(study_name="one", storage=storage)
    study.add_trial(optuna.trial.create_trial(value=1.0))
    with pytest.raises(InputError, match="was made by another program"):
        open_study(place, "one", MADE_FOR, ONE)


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("postgresql://me:secret@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:s@cr:t@host/db", "postgresql://me:***@host/db"),
        ("mysql://host/db?user=me&password=secret&ssl=1", "mysql://host/db?user=me&password=***&ssl=1"),
        ("mysql://host/db?ssl_key_password=secret&ssl=1", "mysql://host/db?ssl_key_password=***&ssl=1"),
        ("postgresql://me@host/db?sslpassword=secret", "postgresql://me@host/db?sslpassword=***"),
        (
            "postgresql://host/db?a=1&SSLKEY=secret&authToken=secret",
            "postgresql://host/db?a=1&SSLKEY=***&authToken=***",
        ),
        ("postgresql://host/db?client_secret=secret", "postgresql://host/db?client_secret=***"),
        ("connection failed: host=h sslpassword='se cret' port=1", "connection failed: host=h sslpassword=*** port=1"),
        ("/home/me/study.sqlite", "/home/me/study.sqlite"),
    ],
)
def test_a_password_is_never_shown(place: str, shown: str) -> None:
    assert masked(place) == shown


@pytest.mark.parametrize(
    "place",
    [
        "nosuchbase://me:secret@host/db",
        "nosuchbase://host/db?ssl_key_password=secret",
        "postgresql+nosuchdriver://me:secret@host/db",
        "sqlite:////no/such/place",
    ],
)
def test_a_database_that_cannot_be_used_is_an_error_without_the_password(place: str) -> None:
    with pytest.raises(InputError) as refused:
        open_study(place, "one", MADE_FOR, ONE)
    assert refused.value.field == "study"
    assert "secret" not in f"{refused.value} {refused.value!r} {refused.value.value}"


def test_a_folder_is_no_study(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder: name a file in it"):
        open_study(tmp_path, "one", MADE_FOR, ONE)
    with pytest.raises(InputError) as refused:
        open_study(tmp_path / "no" / "study.sqlite", "one", MADE_FOR, ONE)
    assert str(refused.value) == f"study: there is no folder {tmp_path / 'no'}"


def test_a_job_that_cannot_be_sent_is_refused() -> None:
    job: Any = lambda several: several  # noqa: E731 - just what cannot be pickled
    with pytest.raises(InputError, match="define strategy and functions in a module"), crew(job, 2):
        pass
