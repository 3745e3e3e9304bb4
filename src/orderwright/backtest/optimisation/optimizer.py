"""`optimize`: which parameters of a strategy were best, and whether to believe it.

In this order, and nothing is begun before all of it is checked: the space against the strategy, the objectives, the
data; the last part is held back; the search sees the rest and nothing else; then the best parameters are run once more
over it, and once over what was held back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from orderwright.backtest.arguments import whole_number
from orderwright.backtest.optimisation.measuring import Measure, market_of
from orderwright.backtest.optimisation.objectives import Objective, parse_objectives
from orderwright.backtest.optimisation.progress import Asked, Told, progress_bar
from orderwright.backtest.optimisation.result import OptimizationResult
from orderwright.backtest.optimisation.space import Parameters, Space, parse_space
from orderwright.backtest.optimisation.study import fingerprint, masked
from orderwright.backtest.optimisation.trials import Trials
from orderwright.backtest.optimisation.walking import Walked, WalkForwardResult
from orderwright.backtest.optimisation.windows import (
    Market,
    Span,
    Step,
    WalkForward,
    parse_walk_forward,
    split,
    steps,
)
from orderwright.backtest.optimisation.workers import crew
from orderwright.backtest.rules import Rules
from orderwright.backtest.strategy import Strategy
from orderwright.errors import InputError, UnknownName

if TYPE_CHECKING:
    from orderwright.backtest.backtester import Backtester

Method = Literal["grid", "tpe", "genetic"]
METHODS: tuple[Method, ...] = ("grid", "tpe", "genetic")
DEFAULT_TRIALS = 100
_BLOCK = 32


class Search(Struct, frozen=True, kw_only=True):
    """How to search, whatever the bars. study: where trials are kept; None: nowhere."""

    space: Space
    objectives: tuple[Objective, ...]
    method: Method
    n_trials: int | None
    n_jobs: int
    seed: int
    study: str | Path | None
    name: str

    def __repr__(self) -> str:
        place = None if self.study is None else masked(self.study)
        return f"Search({self.method} over {self.space.described()}, study={place!r})"

    def run(self, measure: Measure, told: Told, part: str = "") -> Trials:
        """All trials, over the bars of the measure. Raises InputError where not one of them could be done."""
        if self.method == "grid":
            trials = self._grid(measure, told, part)
        else:
            trials = self._adaptive(measure, told, part)
        if trials.best() is None:
            why = f"; the last reason: {trials.refusal}" if trials.refusal else ""
            message = f"none of {len(trials):,} trials gave a {self.objectives[0].name}{why}"
            raise InputError(message, field="space", value=self.space.described())
        return trials

    def count(self) -> int:
        """How many trials that makes, those refused among them."""
        if self.method != "grid":
            return self.n_trials or DEFAULT_TRIALS
        size = len(self.space)
        return size if self.n_trials is None else min(size, self.n_trials)

    def _grid(self, measure: Measure, told: Told, part: str) -> Trials:
        from orderwright.backtest.optimisation.grid import chosen, search_grid
        from orderwright.backtest.optimisation.study import already

        numbers = chosen(len(self.space), self.n_trials, self.seed)
        study = self._study(measure, part) if self.study is not None else None
        block = _BLOCK if measure.quick and (self.n_jobs > 1 or study is not None) else 1
        there = 0 if study is None else already(study)
        with crew(measure, self.n_jobs) as workers:
            trials = search_grid(self.space, numbers, self.objectives, workers, told, block=block, study=study)
        trials.already = there
        return trials

    def _adaptive(self, measure: Measure, told: Told, part: str) -> Trials:
        from orderwright.backtest.optimisation.adaptive import search_adaptively
        from orderwright.backtest.optimisation.study import already

        study = self._study(measure, part)
        there = already(study)
        with crew(measure, self.n_jobs) as workers:
            trials = search_adaptively(
                self.space,
                self.count(),
                self.objectives,
                workers,
                told,
                method=self.method,
                seed=self.seed,
                study=study,
            )
        trials.already = there
        return trials

    def _study(self, measure: Measure, part: str) -> Any:
        from orderwright.backtest.optimisation.study import open_study

        made_for = fingerprint(
            measure.strategy,
            self.space,
            self.objectives,
            measure.market,
            measure.rules_text,
            self.method,
            self.seed,
            constraint=measure.constraint,
            bars_per_year=measure.bars_per_year,
        )
        return open_study(self.study, f"{self.name}{part}", made_for, self.objectives)


def optimize(
    strategy: type[Strategy],
    data: Any,
    space: Mapping[str, Any],
    objective: Any = "sharpe_ratio",
    method: Method = "grid",
    n_trials: int | None = None,
    n_jobs: int = 1,
    *,
    backtester: Backtester | None = None,
    symbol: str = "BTC/USDT",
    engine: Literal["orders", "kernel"] | None = None,
    study: str | Path | None = None,
    name: str | None = None,
    holdout: float = 0.2,
    walk_forward: int | WalkForward | None = None,
    constraint: Callable[[Parameters], bool] | None = None,
    independent_trials: float | None = None,
    bars_per_year: float | None = None,
    seed: int = 0,
    progress: Asked | Told = True,
) -> OptimizationResult:
    """Search the space for the parameters with which the strategy does best.

    strategy: a Strategy class; its parameters are its constructor's. data, symbol, engine: as `Backtester.run` takes
    them; backtester: with the rules to trade by; bars_per_year: what ratios are annualised by (None: as the bars are
    spaced). space: values by parameter (space.py). objective: a figure of the
    result, a function of it (made large), or a list of them: then the result has a Pareto front. method: "grid" tries
    every combination, or `n_trials` of them; "tpe" and "genetic" learn from trial to trial (adaptive.py; 100 of them
    unless said). n_jobs: processes. study: a file or a database URL in which trials are kept under `name`, to go on
    later or to share; trials that are there already count (study.py). holdout: the last part of the bars, a fraction,
    which the search does not see. walk_forward: a number of windows, or a WalkForward (walking.py). constraint: says of
    parameters whether they are to be tried. independent_trials: how many the trials count for in the deflated Sharpe
    ratio; all of them unless given. seed: of what is random. progress: a bar on a terminal; "always", False, or a
    function of (trials done, in all, best value).

    Combinations that the strategy or the constraint refuses are counted, and skipped. Raises InputError, before any
    work, for a space, an objective, a method or data that cannot be; and where no trial at all could be done.
    """
    search = _search(strategy, space, objective, method, n_trials, n_jobs, seed, study, name, symbol)
    walk = parse_walk_forward(walk_forward)
    market = market_of(data, symbol)
    whole = Measure(
        strategy,
        _rules(backtester),
        market,
        search.objectives,
        engine=engine,
        constraint=constraint,
        bars_per_year=bars_per_year,
    )
    inside, outside = split(len(market), holdout)
    planned = steps(len(inside), walk) if walk else []
    measure = whole.over(inside)
    with progress_bar("optimising", progress) as told:
        trials = search.run(measure, told)
    walked = _walk(search, measure, walk, planned, progress) if walk else None
    best = trials[trials.best() or 0].parameters
    found = OptimizationResult(
        trials,
        measure.result(best),
        whole.result(best, outside) if outside else None,
        walked,
        strategy=strategy.__name__,
        space=search.space,
        method=method,
        seed=seed,
        independent_trials=independent_trials,
    )
    found.best.deflated_sharpe, found.best.trials = found.deflated_sharpe_ratio, len(found.trial_sharpes)
    return found


def walk_forward(
    strategy: type[Strategy],
    data: Any,
    space: Mapping[str, Any],
    objective: Any = "sharpe_ratio",
    method: Method = "grid",
    n_trials: int | None = None,
    n_jobs: int = 1,
    *,
    windows: int | WalkForward = 5,
    backtester: Backtester | None = None,
    symbol: str = "BTC/USDT",
    engine: Literal["orders", "kernel"] | None = None,
    study: str | Path | None = None,
    name: str | None = None,
    constraint: Callable[[Parameters], bool] | None = None,
    bars_per_year: float | None = None,
    seed: int = 0,
    progress: Asked | Told = True,
) -> WalkForwardResult:
    """Walk forward over all of the data, without another search: as `optimize`, whose words these are. Raises
    InputError as it does, and where the windows do not fit the bars."""
    search = _search(strategy, space, objective, method, n_trials, n_jobs, seed, study, name, symbol)
    walk = parse_walk_forward(windows) or WalkForward()
    market = market_of(data, symbol)
    measure = Measure(
        strategy,
        _rules(backtester),
        market,
        search.objectives,
        engine=engine,
        constraint=constraint,
        bars_per_year=bars_per_year,
    )
    planned = steps(len(market), walk)
    return _walk(search, measure, walk, planned, progress)


def _search(
    strategy: object,
    space: Mapping[str, Any],
    objective: Any,
    method: str,
    n_trials: int | None,
    n_jobs: int,
    seed: int,
    study: str | Path | None,
    name: str | None,
    symbol: str,
) -> Search:
    if not (isinstance(strategy, type) and issubclass(strategy, Strategy)):
        near = type(strategy).__name__ if isinstance(strategy, Strategy) else "a Strategy class"
        raise InputError(f"{strategy!r} is not a Strategy class", field="strategy", value=strategy, nearest=near)
    found: Method | None = next((one for one in METHODS if one == method), None)
    if found is None:
        raise UnknownName("method", str(method), METHODS, field="method")
    search = Search(
        space=parse_space(strategy, space),
        objectives=parse_objectives(objective),
        method=found,
        n_trials=None if n_trials is None else whole_number(n_trials, "n_trials"),
        n_jobs=whole_number(n_jobs, "n_jobs"),
        seed=whole_number(seed, "seed", least=0),
        study=study,
        name=name or f"{strategy.__name__} {symbol}",
    )
    search.count()  # a grid over a continuous parameter cannot be counted: said now
    return search


def _rules(backtester: Backtester | None) -> Rules:
    if backtester is None:
        from orderwright.backtest.backtester import Backtester

        backtester = Backtester()
    if backtester.order_params is not None:
        message = "a search scores its trials without order_params; run the backtests one by one"
        raise InputError(message, field="order_params", value=", ".join(backtester.order_params))
    return backtester.rules


def _walk(
    search: Search, measure: Measure, walk: WalkForward, planned: list[Step], progress: Asked | Told
) -> WalkForwardResult:
    walked = []
    total = search.count() * len(planned)
    with progress_bar("walking forward", progress) as told:
        for at, step in enumerate(planned):
            inside = measure.over(step.in_sample)
            done = at * search.count()
            trials = search.run(inside, _shifted(told, done, total), f" walk-forward {at + 1} of {len(planned)}")
            walked.append(_step(measure, step, trials))
    rules = measure.rules
    return WalkForwardResult(walk, walked, float(rules.initial_balance), measure.bars_per_year)


def _shifted(told: Told, done: int, total: int) -> Told:
    return lambda now, _, best: told(done + now, total, best)


def _step(measure: Measure, step: Step, trials: Trials) -> Walked:
    best = trials[trials.best() or 0]
    result = measure.result(best.parameters, step.out_of_sample)
    times = measure.market.times
    return Walked(
        step,
        int(times[step.in_sample.start]),
        int(times[step.out_of_sample.start]),
        int(times[step.out_of_sample.stop - 1]),
        best.parameters,
        best.values,
        best.figures["total_return_pct"],
        result.total_return_pct,
        result.sharpe_ratio,
        result.max_drawdown,
        result.total_trades,
        result.outcome.times,
        result.outcome.equity,
        result.outcome.position,
    )


__all__ = ["METHODS", "Market", "Method", "Search", "Span", "optimize", "walk_forward"]
