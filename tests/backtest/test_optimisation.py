"""Optimisation as a user meets it: the search, the part it does not see, the walk, the page, and what is refused."""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from msgspec import structs

from orderwright.backtest import Backtester, BacktestResult, SimpleMovingAverageStrategy, Strategy, VolatilityRisk
from orderwright.backtest.bars import Bars, read_bars
from orderwright.backtest.kernel.measure import measure
from orderwright.backtest.optimisation import Float, WalkForward, optimize, walk_forward
from orderwright.backtest.optimisation.measuring import TrialFailed
from orderwright.backtest.optimisation.pictures import _ticks
from orderwright.backtest.optimisation.sharpe import of_trials
from orderwright.backtest.optimisation.windows import Span, cut, steps
from orderwright.errors import InputError, OrderwrightError, UnknownName
from orderwright.market.instruments import default_instrument
from orderwright.market.random_market import random_candles

COUNT = 1_500


def bars_of(symbol: str, seed: int, count: int = COUNT) -> Bars:
    """A made-up market without limits that the kernel does not know."""
    instrument = structs.replace(default_instrument(symbol), min_notional=Decimal(0))
    return read_bars(random_candles(seed, count, instrument), symbol)


BARS = bars_of("BTC/USDT", 7)
SPACE = {"fast_period": range(3, 12, 2), "slow_period": [5, 20, 60]}
TESTER = Backtester(10_000, "0.0005", "0.0001")


def search(space: dict[str, Any] = SPACE, strategy: type[Strategy] = SimpleMovingAverageStrategy, **words: Any) -> Any:
    known: dict[str, Any] = {"backtester": TESTER, "progress": False}
    return optimize(strategy, words.pop("data", BARS), space, **known | words)


class Watching(SimpleMovingAverageStrategy):
    """Notes the last bar that it is ever shown while `seen` is there to note it."""

    seen: ClassVar[list[int]] = []

    def signals(self, bars: Bars) -> Any:
        Watching.seen.append(int(bars.candles.times[-1]))
        return super().signals(bars)


class Buying(Strategy):
    """A strategy of orders: buys at the first bar that it is asked about, and sells so many bars later."""

    def __init__(self, wait: int = 5, warm_up: int = 0) -> None:
        super().__init__()
        self.wait, self.warm_up = wait, warm_up

    def on_start(self, context: Any) -> None:
        self._since = 0

    def on_bar(self, context: Any, bar: Any) -> None:
        if self._since == 0:
            context.buy(0.01)
        elif self._since == self.wait:
            context.close()
        self._since += 1


class Peeking(Strategy):
    """Knows the next close."""

    def __init__(self, shift: int = 1) -> None:
        super().__init__()
        self.shift = shift

    def generate_signals(self, data: Any) -> Any:
        rises = data["close"].shift(-self.shift) > data["close"]
        return rises.astype(int) * 2 - 1


class Hinted(Strategy):
    """Trades on a column of the user's own."""

    def __init__(self, level: float = 0.5) -> None:
        super().__init__()
        self.level = level

    def generate_signals(self, data: Any) -> Any:
        return (data["hint"] > self.level).astype(int) * 2 - 1


class Failing(Strategy):
    """Raises for one of its parameters."""

    def __init__(self, period: int = 1) -> None:
        super().__init__()
        self.period = period

    def signals(self, bars: Bars) -> Any:
        if self.period == 3:
            raise ZeroDivisionError("three")
        return np.zeros(len(bars), dtype=np.int8)


class Silent(SimpleMovingAverageStrategy):
    """Says nothing before a bar."""

    def __init__(self, fast_period: int, slow_period: int, until: int) -> None:
        super().__init__(fast_period, slow_period)
        self.until = until

    def signals(self, bars: Bars) -> Any:
        found = super().signals(bars).copy()
        found[: self.until] = 0
        return found


def trades_and_return(result: BacktestResult) -> float:
    return result.total_trades + result.total_return_pct / 1_000


# --- the search ---


def test_a_grid_is_what_running_every_combination_comes_to() -> None:
    found = search(objective=["sharpe_ratio", "max_drawdown"])
    inside = cut(BARS, 0, COUNT * 4 // 5)
    for trial in found.all_trials:
        if trial.parameters["fast_period"] >= trial.parameters["slow_period"]:
            assert trial.state == "refused"
            continue
        result = TESTER.run(SimpleMovingAverageStrategy(**trial.parameters), inside)
        assert trial.values == {"sharpe_ratio": result.sharpe_ratio, "max_drawdown": result.max_drawdown}
        assert trial.figures == {
            "total_return_pct": result.total_return_pct,
            "sharpe_ratio": result.sharpe_ratio,
            "max_drawdown": result.max_drawdown,
            "total_trades": result.total_trades,
        }
    assert (len(found.all_trials), found.refused) == (15, 4)
    assert found.best_trial.values["sharpe_ratio"] == max(found.trials["sharpe_ratio"].dropna())
    assert found.best.sharpe_ratio == found.best_value
    assert found.best.parameters == found.best_parameters


def test_what_the_kernel_counts_as_it_goes_is_what_results_say() -> None:
    quick = search(objective="total_return_pct")
    slow = search(objective=lambda result: result.total_return_pct)
    assert quick.all_trials.values().tolist() == pytest.approx(slow.all_trials.values().tolist(), nan_ok=True, rel=0)
    assert quick.best_parameters == slow.best_parameters


def test_both_engines_find_the_same() -> None:
    few = {"fast_period": [3, 7], "slow_period": [20, 60]}
    kernel, orders = (search(few, engine=engine, holdout=0.5) for engine in ("kernel", "orders"))
    assert orders.best.engine == "orders"
    assert orders.all_trials.values().tolist() == pytest.approx(kernel.all_trials.values().tolist(), rel=1e-9)
    assert orders.held_out.sharpe_ratio == pytest.approx(kernel.held_out.sharpe_ratio, rel=1e-9)


def test_two_processes_find_what_one_does() -> None:
    few = {"fast_period": range(3, 12, 2), "slow_period": [5, 60]}
    one, two = (search(few, n_jobs=jobs, objective=trades_and_return) for jobs in (1, 2))
    assert two.trials.equals(one.trials)
    assert two.summary() == one.summary()


@pytest.mark.parametrize("count", [1, 2, 5, 1_023, 1_026, 3_000])
def test_figures_are_summed_in_the_order_that_is_written_down(count: int) -> None:
    equity = 10_000 * np.cumprod(1 + np.random.default_rng(count).normal(0, 1e-3, count))
    compiled, plain = np.empty(4), np.empty(4)
    measure(equity, 10_000.0, compiled)
    measure.function(equity, 10_000.0, plain)
    assert compiled.tolist() == plain.tolist()  # to the last bit, whichever process compiled it


def test_drawdown_is_made_small_and_may_be_made_large() -> None:
    small, large = search(objective="max_drawdown"), search(objective="maximise max_drawdown")
    drawdowns = small.trials["max_drawdown"].dropna()
    assert (small.best_value, large.best_value) == (drawdowns.min(), drawdowns.max())


def test_a_metric_can_be_an_objective() -> None:
    found = search(objective="calmar")
    assert found.best_value == found.best.metrics["calmar"]


def test_a_constraint_leaves_combinations_out() -> None:
    found = search(constraint=lambda parameters: parameters["slow_period"] > 4 * parameters["fast_period"])
    done = found.trials[found.trials["state"] == "done"]
    assert (done["slow_period"] > 4 * done["fast_period"]).all()
    assert found.refused == 15 - len(done)


def test_part_of_a_grid() -> None:
    assert len(search(n_trials=6).all_trials) == 6


@pytest.mark.parametrize("method", ["tpe", "genetic"])
def test_a_search_that_learns_finds_something_of_a_continuous_space(method: str) -> None:
    space = {"fast_period": (2, 30), "slow_period": (5, 100)}
    found = search(space, method=method, n_trials=30, objective=["sharpe_ratio", "max_drawdown"])
    assert len(found.all_trials) == 30
    assert found.pareto[0].parameters == found.best_parameters
    assert found.pareto[0].values["sharpe_ratio"] == max(found.trials["sharpe_ratio"].dropna())


def test_several_symbols_and_strategies_of_orders_go_through_the_order_engine() -> None:
    data = {"BTC/USDT": cut(BARS, 0, 300), "ETH/USDT": bars_of("ETH/USDT", 8, 300)}
    found = search({"wait": [2, 9]}, Buying, data=data, objective="total_return")
    assert (found.best.engine, found.best.symbols) == ("orders", ("BTC/USDT", "ETH/USDT"))
    assert [len(part.outcome.times) for part in (found.best, found.held_out)] == [240, 60]


def test_an_instrument_with_limits_goes_through_the_order_engine() -> None:
    limited = read_bars(random_candles(7, 300, default_instrument("BTC/USDT")), "BTC/USDT")
    words: dict[str, Any] = {"data": limited, "holdout": 0}
    assert search({"fast_period": [5], "slow_period": [20]}, **words).best.engine == "orders"
    with pytest.raises(InputError, match="BTC/USDT has min_notional 5"):
        search(engine="kernel", **words)


def test_what_a_dataframe_has_beyond_prices_is_there_for_the_strategy() -> None:
    import pandas as pd

    prices = {name: getattr(BARS, name) for name in ("open", "high", "low", "close", "volume")}
    index = pd.DatetimeIndex(BARS.candles.times.astype("datetime64[us]"))
    frame = pd.DataFrame({**prices, "hint": np.sin(np.arange(COUNT) / 40)}, index=index)
    found = search({"level": Float(-0.5, 0.5, step=0.5)}, Hinted, data=frame)
    by_hand = TESTER.run(Hinted(**found.best_parameters), frame.iloc[: COUNT * 4 // 5])
    assert found.best.sharpe_ratio == by_hand.sharpe_ratio
    assert found.held_out.total_trades > 0


# --- the part that is not seen ---


def test_the_search_never_sees_the_held_out_part() -> None:
    Watching.seen.clear()
    done = []

    def told(now: int, total: int, best: float) -> None:
        if now == total:
            done.append(len(Watching.seen))

    search(strategy=Watching, progress=told, walk_forward=2)
    last = int(BARS.candles.times[COUNT * 4 // 5 - 1])
    assert max(Watching.seen[: done[-1]]) == last
    assert Watching.seen[-1] == int(BARS.candles.times[-1])  # when the search is over, it is measured there
    assert sum(time > last for time in Watching.seen) == 1


def test_the_held_out_part_begins_flat_and_its_signals_know_what_was_before() -> None:
    found = search({"fast_period": [5], "slow_period": [60]})
    first = COUNT * 4 // 5
    held = found.held_out
    assert held.outcome.times.tolist() == BARS.candles.close_times[first:].tolist()
    signals = SimpleMovingAverageStrategy(5, 60).signals(BARS)[first:]
    entry = int(np.argmax(signals > 0)) + 1  # the next open; within the warm-up, had it begun with nothing
    assert entry < 60
    assert held.fills.bar[0] == entry
    assert held.outcome.equity[0] == 10_000


@pytest.mark.parametrize("engine", ["kernel", "orders"])
def test_sizes_look_back_over_the_boundary_as_they_do_by_hand(engine: Any) -> None:
    tester, few = Backtester(sizing=VolatilityRisk(Decimal(1), 90)), cut(BARS, 0, 400)
    space, first = {"fast_period": [3], "slow_period": [9]}, 320
    held = search(space, data=few, backtester=tester, engine=engine).held_out
    by_hand = tester.run(Silent(3, 9, first), few, engine=engine)
    assert held.fills.bar[0] < 90  # before there would be as many ranges, had it begun with nothing
    assert (held.fills.bar + first).tolist() == by_hand.fills.bar.tolist()
    for column in ("time", "side", "price", "quantity", "fee", "reason"):
        assert getattr(held.fills, column).tolist() == getattr(by_hand.fills, column).tolist()
    assert held.outcome.equity.tolist() == by_hand.outcome.equity[first:].tolist()
    assert held.outcome.times.tolist() == by_hand.outcome.times[first:].tolist()


def test_signals_of_several_symbols_know_what_was_before() -> None:
    data = {"BTC/USDT": cut(BARS, 0, 400), "ETH/USDT": bars_of("ETH/USDT", 8, 400)}
    tester = Backtester(sizing=VolatilityRisk(Decimal(1), 90))
    held = search({"fast_period": [3], "slow_period": [60]}, data=data, backtester=tester).held_out
    by_hand = tester.run(Silent(3, 60, 320), data)
    assert set(held.fills.symbol.tolist()) == {0, 1}
    assert (held.fills.bar + 320).tolist() == by_hand.fills.bar.tolist()
    assert held.fills.quantity.tolist() == by_hand.fills.quantity.tolist()
    assert held.outcome.equity.tolist() == by_hand.outcome.equity[320:].tolist()


def test_held_out_prices_on_the_market_s_own_grid_change_nothing_of_the_search() -> None:
    first = COUNT * 4 // 5
    rises = np.where(np.arange(COUNT) < first, 1, 3)
    prices = {name: getattr(BARS.candles, name) * rises for name in ("open", "high", "low", "close")}
    other = read_bars(dataclasses.replace(BARS.candles, **prices), "BTC/USDT")
    one, two = search(), search(data=other)
    assert two.trials.equals(one.trials)
    assert two.deflated_sharpe_ratio == one.deflated_sharpe_ratio
    assert two.held_out.total_return != one.held_out.total_return


def test_a_strategy_of_orders_is_asked_from_the_held_out_part_s_first_bar_on() -> None:
    found = search({"wait": [5], "warm_up": [50]}, Buying, data=cut(BARS, 0, 500), objective="total_return")
    assert (found.best.fills.bar[0], found.held_out.fills.bar[0]) == (51, 1)
    assert found.held_out.fills.bar.tolist() == [1, 6]
    assert found.held_out.outcome.times.tolist() == BARS.candles.close_times[400:500].tolist()
    assert found.held_out.total_trades == 1


def test_nothing_is_held_out_where_nothing_is_asked_for() -> None:
    found = search(holdout=0)
    assert found.held_out is None
    assert len(found.best.outcome.times) == COUNT


def test_the_deflated_sharpe_ratio_is_that_of_the_best_among_all_trials() -> None:
    found = search()
    equity = found.best.outcome.equity
    returns = equity / np.concatenate([[10_000], equity[:-1]]) - 1
    sharpes = found.trials.loc[found.trials["state"] != "refused", "sharpe_ratio"].to_numpy()
    by_hand = of_trials(returns, sharpes / math.sqrt(found.best.bars_per_year))
    assert found.deflated_sharpe_ratio == pytest.approx(by_hand.value)
    assert found.deflated.trials == 11
    assert (found.best.deflated_sharpe, found.best.trials) == (found.deflated_sharpe_ratio, 11)
    assert found.deflated.of.sharpe * found.root == pytest.approx(found.best.sharpe_ratio)
    assert search(independent_trials=2).deflated.trials == 2
    assert search(independent_trials=2).deflated_sharpe_ratio > found.deflated_sharpe_ratio


# --- walking forward ---


def test_a_walk_chooses_in_sample_and_trades_after_it() -> None:
    walk = search(walk_forward=3).walk_forward
    planned = steps(COUNT * 4 // 5, WalkForward(3))
    assert [step.step for step in walk.steps] == planned
    for step in walk.steps:
        alone = search(data=cut(BARS, step.step.in_sample.start, step.step.in_sample.stop), holdout=0)
        assert (step.parameters, step.value["sharpe_ratio"]) == (alone.best_parameters, alone.best_value)
        span = step.step.out_of_sample
        assert step.times.tolist() == BARS.candles.close_times[span.start : span.stop].tolist()
        assert step.equity[-1] == pytest.approx(10_000 * (1 + step.return_pct / 100))


def test_the_stitched_equity_goes_from_window_to_window() -> None:
    walk = walk_forward(
        SimpleMovingAverageStrategy,
        BARS,
        SPACE,
        windows=WalkForward(4, anchored=True),
        backtester=TESTER,
        progress=False,
    )
    growth = math.prod(1 + step.return_pct / 100 for step in walk.steps)
    assert walk.equity[-1] == pytest.approx(10_000 * growth)
    assert walk.total_return_pct == pytest.approx((growth - 1) * 100)
    assert len(walk.times) == len(walk.equity) == 4 * len(walk.steps[0].step.out_of_sample)
    assert (np.diff(walk.times) > 0).all()
    assert walk.steps[-1].step == steps(COUNT, WalkForward(4, anchored=True))[-1]
    inside = sum(math.log1p(step.in_sample_return_pct / 100) for step in walk.steps)
    per_bar = inside / sum(len(step.step.in_sample) for step in walk.steps)
    expected = math.log(growth) / len(walk.equity) / per_bar if per_bar > 0 else math.nan
    assert walk.efficiency == pytest.approx(expected, nan_ok=True)


# --- studies ---


def test_a_finished_study_does_nothing_when_it_is_run_again(tmp_path: Path) -> None:
    place = tmp_path / "study.journal"
    whole = search(strategy=Watching, study=place)
    Watching.seen.clear()
    again = search(strategy=Watching, study=place)
    assert again.trials.equals(whole.trials)
    assert len(Watching.seen) == 2  # the best one's results, and no trial


def test_a_study_is_for_one_search(tmp_path: Path) -> None:
    place = tmp_path / "study.journal"
    search(study=place, name="one")
    others: list[tuple[str, dict[str, Any]]] = [
        ("data", {"data": cut(BARS, 0, COUNT - 10)}),
        ("rules", {"backtester": Backtester(5_000)}),
        ("rules", {"engine": "orders"}),
        ("space", {"space": {"fast_period": [3]}}),
        ("objective", {"objective": "total_return"}),
        ("strategy", {"strategy": Watching}),
        ("method", {"method": "tpe"}),
        ("seed", {"seed": 1}),
        ("data", {"holdout": 0.1}),
        ("constraint", {"constraint": lambda parameters: parameters["fast_period"] < 9}),
        ("bars per year", {"bars_per_year": 252}),
    ]
    for part, words in others:
        with pytest.raises(InputError, match=rf"was made for another search \(.*{part}: ") as refused:
            search(study=place, name="one", **words)
        assert refused.value.field == "study"
    assert len(search(study=place, name="another", objective="total_return").all_trials) == 15


@pytest.mark.parametrize("words", ["objective", "constraint"])
def test_a_function_of_the_same_name_that_does_something_else_is_another_search(tmp_path: Path, words: str) -> None:
    place, few = tmp_path / "study.journal", {"fast_period": [3, 5], "slow_period": [60]}

    def signed(sign: int) -> Any:
        if words == "constraint":
            return lambda parameters: parameters["fast_period"] * sign < 9
        return lambda result: result.total_return_pct * sign

    first = search(few, study=place, **{words: signed(1)})
    assert search(few, study=place, **{words: signed(1)}).trials.equals(first.trials)
    with pytest.raises(InputError, match=rf"another search \({words}: (maximize )?<lambda> \w+ there, .* here\)"):
        search(few, study=place, **{words: signed(-1)})


def test_walks_keep_their_windows_in_the_study_too(tmp_path: Path) -> None:
    place = tmp_path / "study.journal"
    first = search(strategy=Watching, study=place, walk_forward=2)
    Watching.seen.clear()
    again = search(strategy=Watching, study=place, walk_forward=2)
    assert again.summary() == first.summary()
    assert len(Watching.seen) == 4


# --- what is refused, before any work ---


@pytest.mark.parametrize(
    ("words", "field", "nearest"),
    [
        ({"objective": "sharp_ratio"}, "objective", "sharpe_ratio"),
        ({"objective": []}, "objective", "sharpe_ratio"),
        ({"objective": ["sharpe_ratio", "sharpe_ratio"]}, "objective", None),
        ({"objective": 7}, "objective", "sharpe_ratio"),
        ({"method": "gird"}, "method", "grid"),
        ({"n_trials": 0}, "n_trials", 1),
        ({"n_jobs": 0}, "n_jobs", 1),
        ({"seed": -1}, "seed", 0),
        ({"holdout": 20}, "holdout", "0.2"),
        ({"holdout": 1.5}, "holdout", "0.2"),
        ({"holdout": 0.95}, "holdout", "0.9"),
        ({"objective": "maximise nothing"}, "objective", None),
        ({"walk_forward": 500}, "walk_forward", 116),
        ({"walk_forward": "five"}, "walk_forward", WalkForward()),
        ({"space": {"fats_period": [1]}}, "space", "fast_period"),
        ({"space": {"fast_period": (2.0, 9.0)}}, "space.fast_period", Float(2.0, 9.0, step=0.7)),
        ({"strategy": SimpleMovingAverageStrategy()}, "strategy", "SimpleMovingAverageStrategy"),
        ({"engine": "kernel", "strategy": Buying, "space": {"wait": [1]}}, "engine", "orders"),
        ({"progress": "sometimes"}, "progress", True),
        ({"study": "no/such/folder/study.sqlite"}, "study", None),
    ],
)
def test_bad_words_are_refused_before_any_work(words: dict[str, Any], field: str, nearest: object) -> None:
    Watching.seen.clear()
    if words == {"walk_forward": 500}:
        words = {"walk_forward": 5_000}
    with pytest.raises(InputError) as refused:
        search(**{"strategy": Watching} | words)
    assert refused.value.field == field
    if nearest is not None:
        assert refused.value.nearest == nearest
    assert Watching.seen == []


def test_a_misspelt_method_is_an_unknown_name() -> None:
    with pytest.raises(UnknownName, match=r"unknown method 'gird' \(nearest: grid\)"):
        search(method="gird")


def test_a_space_of_which_nothing_can_be_done_says_why() -> None:
    with pytest.raises(InputError, match=r"none of 1 trials gave a sharpe_ratio; the last reason: .*not below slow"):
        search({"fast_period": [60], "slow_period": [20]})
    with pytest.raises(InputError, match="it needs 4,999 bars before it begins, and there are 1,200"):
        search({"slow_period": [5_000]})


def test_a_strategy_that_peeks_is_named() -> None:
    with pytest.raises(InputError, match="Peeking looks ahead"):
        search({"shift": [1, 2]}, Peeking)


def test_a_strategy_that_peeks_at_one_of_several_symbols_is_named_with_it() -> None:
    import pandas as pd

    other = bars_of("ETH/USDT", 8, 300)
    flat = {name: np.full(300, 100.0) for name in ("open", "high", "low", "close")}
    index = pd.DatetimeIndex(other.candles.times.astype("datetime64[us]"))
    data = {"BTC/USDT": pd.DataFrame(flat, index=index), "ETH/USDT": other}  # nothing is to be known of the first
    with pytest.raises(InputError, match="ETH/USDT: signals: Peeking looks ahead"):
        search({"shift": [1]}, Peeking, data=data)
    with pytest.raises(InputError, match="Peeking looks ahead"):
        walk_forward(Peeking, data, {"shift": [1]}, windows=2, progress=False)


def test_what_a_strategy_raises_comes_with_its_parameters() -> None:
    line = inspect.getsourcelines(Failing.signals)[1] + 2
    for jobs in (1, 2):
        with pytest.raises(OrderwrightError) as failed:
            search({"period": [1, 2, 3]}, Failing, n_jobs=jobs)
        assert str(failed.value) == (
            f"Failing in generate_signals: ZeroDivisionError: three (with period=3; {__file__}, line {line})"
        )
    with pytest.raises(TrialFailed):
        search({"period": [3]}, Failing)


def test_whole_numbers_that_are_many_are_drawn_in_whole_parts() -> None:
    names, places = _ticks([*range(2, 40), 45], 15)
    assert names[:2] == ["2–4", "5–7"]
    assert (names[-1], places[0], places[-1]) == ("44–45", 0, len(names) - 1)


def test_the_page_shows_a_figure_once(tmp_path: Path) -> None:
    search(holdout=0).report(tmp_path / "page.html")
    search(objective="calmar", holdout=0).report(tmp_path / "calmar.html")
    assert "Best sharpe_ratio" not in (tmp_path / "page.html").read_text()
    assert "Best calmar" in (tmp_path / "calmar.html").read_text()


def test_trials_without_a_trade_have_no_sharpe_ratio_and_are_no_error_beside_others() -> None:
    found = search({"fast_period": [5], "slow_period": [20, 1_199]})
    assert found.trials["state"].tolist() == ["done", "undefined"]
    assert found.deflated.trials == 2


# --- what is shown ---


def test_the_page_needs_nothing_else_and_says_what_it_means(tmp_path: Path) -> None:
    found = search(walk_forward=3, objective=["sharpe_ratio", "max_drawdown"])
    found.report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    for section in ("Is it luck?", "Held out", "Walk-forward", "Where it did well", "Pareto front", "Trial by trial"):
        assert f">{section}<" in page
    assert "The best of 11 different trials without any skill would be expected to show a Sharpe ratio of" in page
    assert 'src="http' not in page
    assert "NaN" not in page.split('id="figures">')[1].split("</script>")[0]
    found.report(tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text() == page


def test_a_search_of_one_parameter_has_a_page_without_a_map(tmp_path: Path) -> None:
    found = search({"fast_period": range(3, 9)}, holdout=0)
    found.report(tmp_path / "page.html")
    assert "Where it did well" not in (tmp_path / "page.html").read_text()
    with pytest.raises(InputError, match="a heat map needs two parameters"):
        found.heatmap()
    with pytest.raises(InputError, match="a front needs two objectives"):
        found.plot_pareto()


def test_pictures_for_a_notebook() -> None:
    found = search(objective=["sharpe_ratio", "max_drawdown"])
    heat = found.heatmap("fast_period", "slow_period").data[0]
    assert (list(heat.y), len(heat.z), len(heat.z[0])) == ([0, 1, 2], 3, 5)
    cells = {
        (trial.parameters["fast_period"], trial.parameters["slow_period"]): trial.values["sharpe_ratio"]
        for trial in found.all_trials
    }
    assert heat.z[1][4] == cells[11, 20]
    assert heat.z[0][4] is None  # 11 is not below 5
    assert len(found.plot_pareto().data[1].x) == len(found.pareto)
    assert len(found.plot_history().data[0].x) == 11
    with pytest.raises(UnknownName, match=r"unknown parameter .fast. .nearest: fast_period"):
        found.heatmap("fast")


def test_the_summary_is_plain_json() -> None:
    said = json.loads(json.dumps(search(walk_forward=2).summary()))
    assert said["trials"] == {"all": 15, "refused": 4, "undefined": 0}
    assert len(said["walk_forward"]["windows"]) == 2
    assert said["held_out"]["bars"] == 300


def test_importance_names_the_parameter_that_matters_first() -> None:
    found = search({"fast_period": [5, 6], "slow_period": [10, 30, 60, 100]})
    assert list(found.importance) == ["slow_period", "fast_period"]
    assert 0 <= found.importance["fast_period"] <= found.importance["slow_period"] <= 1


def test_a_span_has_a_length() -> None:
    assert len(Span(3, 10)) == 7
