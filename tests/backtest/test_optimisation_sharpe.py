"""The deflated Sharpe ratio against its paper, and against what it is for: the best of trials without skill."""

import math

import numpy as np
import pytest

from orderwright.backtest.optimisation.sharpe import (
    Deflated,
    Moments,
    deflated_sharpe_ratio,
    expected_best_sharpe,
    moments,
    of_trials,
    probabilistic_sharpe_ratio,
)
from orderwright.errors import InputError

PER_DAY = math.sqrt(250)
FIVE_YEARS = Moments(count=1250, sharpe=2.5 / PER_DAY, skew=-3, kurtosis=10)
VARIANCE = 0.5 / 250


def test_the_numerical_example_of_bailey_and_lopez_de_prado_2014() -> None:
    found = deflated_sharpe_ratio(FIVE_YEARS, VARIANCE, 100)
    assert round(found.threshold, 4) == 0.1132
    assert round(found.value, 4) == 0.9004
    assert found == Deflated(
        found.value, found.threshold, probabilistic_sharpe_ratio(FIVE_YEARS), 100, VARIANCE, FIVE_YEARS
    )


def test_the_paper_s_other_figures_46_trials_and_88_with_normal_returns() -> None:
    normal = Moments(count=1250, sharpe=2.5 / PER_DAY, skew=0, kurtosis=3)
    assert round(deflated_sharpe_ratio(FIVE_YEARS, VARIANCE, 46).value, 4) == 0.9505
    assert round(deflated_sharpe_ratio(normal, VARIANCE, 88).value, 4) == 0.9505


def test_one_trial_is_not_deflated() -> None:
    assert expected_best_sharpe(VARIANCE, 1) == 0
    assert deflated_sharpe_ratio(FIVE_YEARS, VARIANCE, 1).value == probabilistic_sharpe_ratio(FIVE_YEARS)


def test_fewer_than_one_trial_is_refused() -> None:
    with pytest.raises(InputError, match=r"^trials: 0 trials cannot have been made \(nearest: 1\)$"):
        expected_best_sharpe(VARIANCE, 0)


def test_moments_of_a_few_returns_worked_out_by_hand() -> None:
    # mean 1, deviations -1 -1 -1 3: variance 3 (of four) or 4 (of three), third moment 6, fourth 21
    found = moments(np.array([0.0, 0.0, 0.0, 4.0]))
    assert (found.count, found.sharpe) == (4, 0.5)
    assert [found.skew, found.kurtosis] == pytest.approx([6 / 3**1.5, 21 / 9])


def test_what_never_moves_has_no_sharpe_ratio() -> None:
    found = of_trials(np.zeros(100), np.array([math.nan, math.nan]))
    assert math.isnan(found.value)
    assert math.isnan(found.of.sharpe)


def test_trials_without_a_sharpe_ratio_count_as_trials_and_not_in_the_variance() -> None:
    returns = np.random.default_rng(1).normal(0.001, 0.01, 500)
    found = of_trials(returns, np.array([0.1, 0.3, math.nan]))
    assert found.trials == 3
    assert found.variance == pytest.approx(0.02)
    assert of_trials(returns, np.array([0.1, 0.3, math.nan]), 2).trials == 2


def test_the_expected_best_of_trials_without_skill_is_what_is_seen() -> None:
    random = np.random.default_rng(7)
    best = random.normal(0, 0.05, (4_000, 100)).max(axis=1).mean()
    assert expected_best_sharpe(0.05**2, 100) == pytest.approx(best, rel=0.02)


def test_the_best_of_many_random_strategies_is_rarely_taken_for_skill() -> None:
    random = np.random.default_rng(3)
    believed = 0
    for _ in range(100):
        returns = random.normal(0, 0.01, (50, 250))
        sharpes = returns.mean(axis=1) / returns.std(axis=1, ddof=1)
        believed += of_trials(returns[sharpes.argmax()], sharpes).value > 0.95
    assert believed <= 5
