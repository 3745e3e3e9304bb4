"""Is a Sharpe ratio more than luck? The best of many trials looks good even where none is.

Bailey and López de Prado (2012), "The Sharpe Ratio Efficient Frontier", Journal of Risk 15(2): the probabilistic
Sharpe ratio, the probability that the true Sharpe ratio is above a benchmark, given how long, how skewed and how
fat-tailed the returns are:

    PSR(SR*) = Z[(SR - SR*) sqrt(T - 1) / sqrt(1 - skew SR + (kurtosis - 1) / 4 SR^2)]

Bailey and López de Prado (2014), "The Deflated Sharpe Ratio", Journal of Portfolio Management 40(5): the same against
the Sharpe ratio that the best of N trials would be expected to show if none had any skill:

    SR0 = sqrt(V) ((1 - g) Z^-1[1 - 1/N] + g Z^-1[1 - 1/(N e)])        g: Euler and Mascheroni's constant
    DSR = PSR(SR0)

Every ratio here is per return, not annualised. N should be the number of independent trials. Trials that resemble each
other count for less than one each; how much less is a matter of judgement, so N is the plain number of trials unless
the caller says another, and the deflated ratio errs on the side of caution.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from msgspec import Struct

from orderwright.backtest.outcome import Floats
from orderwright.errors import InputError

EULER = 0.5772156649015329
_NORMAL = NormalDist()


class Moments(Struct, frozen=True):
    """Of a run's returns: their number, Sharpe ratio (per return), skewness and kurtosis (3 for a normal one)."""

    count: int
    sharpe: float
    skew: float
    kurtosis: float


def moments(returns: Floats) -> Moments:
    """returns: float64[T], fractions per bar. The Sharpe ratio takes the sample's deviation (T - 1), skewness and
    kurtosis the population's, as the paper does. All are nan where nothing moved."""
    count = len(returns)
    centred = returns - returns.mean() if count else returns
    variance = float(centred @ centred) / count if count else 0.0
    if count < 2 or variance <= 0 or not math.isfinite(variance):
        return Moments(count, math.nan, math.nan, math.nan)
    scaled = centred / math.sqrt(variance)
    sharpe = float(returns.mean()) / math.sqrt(variance * count / (count - 1))
    return Moments(count, sharpe, float((scaled**3).mean()), float((scaled**4).mean()))


def probabilistic_sharpe_ratio(of: Moments, benchmark: float = 0.0) -> float:
    """The probability (0 to 1) that the true Sharpe ratio is above `benchmark` (per return); nan without one."""
    spread = 1 - of.skew * of.sharpe + (of.kurtosis - 1) / 4 * of.sharpe**2
    if of.count < 2 or not spread > 0:
        return math.nan
    return _NORMAL.cdf((of.sharpe - benchmark) * math.sqrt(of.count - 1) / math.sqrt(spread))


def expected_best_sharpe(variance: float, trials: float) -> float:
    """SR0: what the best of `trials` independent trials without skill would show, where the trials' Sharpe ratios have
    this variance. 0 for one trial: then nothing was chosen. Raises InputError for fewer than one."""
    if not trials >= 1:
        raise InputError(f"{trials:g} trials cannot have been made", field="trials", value=trials, nearest=1)
    if trials == 1:
        return 0.0
    high, higher = 1 - 1 / trials, 1 - 1 / (trials * math.e)
    return math.sqrt(variance) * ((1 - EULER) * _NORMAL.inv_cdf(high) + EULER * _NORMAL.inv_cdf(higher))


class Deflated(Struct, frozen=True):
    """What the deflated Sharpe ratio of a best trial was made of. All ratios per return.

    value: the deflated Sharpe ratio itself, a probability. threshold: SR0. probabilistic: against zero. trials: N.
    variance: V, of the trials' Sharpe ratios.
    """

    value: float
    threshold: float
    probabilistic: float
    trials: float
    variance: float
    of: Moments


def deflated_sharpe_ratio(of: Moments, variance: float, trials: float) -> Deflated:
    """The deflated Sharpe ratio of the best of `trials`, whose Sharpe ratios (per return) have this variance.

    Raises InputError for fewer than one trial.
    """
    threshold = expected_best_sharpe(variance, trials)
    value = probabilistic_sharpe_ratio(of, threshold)
    return Deflated(value, threshold, probabilistic_sharpe_ratio(of), trials, variance, of)


def of_trials(returns: Floats, sharpes: Floats, trials: float | None = None) -> Deflated:
    """The same from arrays. returns: float64[T] of the best trial; sharpes: float64[N], each trial's, per return. Those
    that never traded have none (nan): they count as trials, and not in the variance."""
    known = sharpes[np.isfinite(sharpes)]
    variance = float(known.var(ddof=1)) if len(known) > 1 else 0.0
    return deflated_sharpe_ratio(moments(returns), variance, max(1, len(sharpes)) if trials is None else trials)
