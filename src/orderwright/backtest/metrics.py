"""The figures of a backtest beyond the seed's: of its equity bar by bar, and of its trades.

Those of the equity are defined as QuantStats defines them (0.0.80 and later), and a test compares them. They are taken
from the return of every bar, the first one against the initial balance, and are fractions: 0.125 is 12.5 %, and a
drawdown is negative, as there. (`BacktestResult.max_drawdown` and its neighbours are the seed's: percent, positive.)

A figure that is not defined (of no trade, of equity that never moves) is NaN. Where equity has reached zero or less,
the run is ruined: the return of that bar stands as it is, and those after it are 0.

Years are counted in bars, as `bars_per_year` says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist

import numpy as np

from orderwright.backtest.outcome import Floats, Ints

YEAR = 31_557_600_000_000
"""Microseconds of 365.25 days."""
_DAY = 86_400_000_000
_TAIL = 0.05


def bars_per_year(times: Ints, interval: int = 0) -> float:
    """How many bars a year has: the bars of `times` (int64[n], microseconds, increasing) by the time that has elapsed
    from the first to the last, a year being 365.25 days.

    So daily candles of a stock count some 252, those of a market that never closes 365.25, its minutes 525,960. Data of
    a single session of a stock says nothing of its nights: give the figure then. One bar has no spacing: `interval`
    (microseconds) stands in for it; without that the answer is NaN.
    """
    elapsed = int(times[-1] - times[0]) if len(times) > 1 else 0
    if elapsed > 0:
        return (len(times) - 1) * YEAR / elapsed
    return YEAR / interval if interval > 0 else math.nan


def returns_of(equity: Floats, initial: float) -> Floats:
    """float64[n]: the return of each bar as a fraction, the first one against the initial balance; 0 after ruin."""
    growth = np.ones(len(equity))
    before = np.empty(len(equity))
    before[:1], before[1:] = initial, equity[:-1]
    np.divide(equity, before, out=growth, where=before > 0)
    return growth - 1


def drawdowns_of(equity: Floats, initial: float) -> Floats:
    """float64[n]: how far equity is below its highest so far (the initial balance counts), a fraction, 0 or less."""
    peak = np.maximum(np.maximum.accumulate(equity), initial) if len(equity) else equity
    return equity / peak - 1


def equity_metrics(equity: Floats, times: Ints, position: Floats, initial: float, years: float) -> dict[str, float]:
    """The figures of equity (float64[n], quote) at times (int64[n], microseconds), position being the value held then.

    years: bars per year. QuantStats: cagr, volatility, sharpe, sortino, calmar, max_drawdown, longest_drawdown_days,
    ulcer_index, recovery_factor, value_at_risk (normal, 95 %), cvar (the mean of the normal tail beyond it; also called
    expected shortfall), cvar_historical (of what was seen), skew, kurtosis (excess), omega, tail_ratio, profit_factor
    (of bars), exposure (bars whose return is not 0, rounded up to whole percent), best_bar, worst_bar.

    Ours: total_return; time_in_market, the share of bars at whose close something was held; longest_drawdown_bars.
    """
    returns = returns_of(equity, initial)
    below = drawdowns_of(equity, initial)
    mean, spread = _mean(returns), _deviation(returns)
    root = math.sqrt(years) if years > 0 else math.nan
    down = math.sqrt(float(np.mean(np.minimum(returns, 0) ** 2))) if len(returns) else math.nan
    deepest = float(below.min(initial=0.0))
    growth = _growth(equity, initial, years)
    longest_bars, longest_days = _longest(below, times)
    return {
        "total_return": float(equity[-1]) / initial - 1 if len(equity) else 0.0,
        "cagr": growth,
        "volatility": spread * root,
        "sharpe": ratio(mean, spread) * root,
        "sortino": ratio(mean, down) * root,
        "calmar": ratio(growth, -deepest),
        "omega": _omega(returns),
        "profit_factor": _profit_factor(returns),
        "max_drawdown": deepest,
        "longest_drawdown_days": longest_days,
        "longest_drawdown_bars": longest_bars,
        "ulcer_index": math.sqrt(ratio(float(np.sum(below * below)), len(below) - 1)) if len(below) > 1 else math.nan,
        "recovery_factor": ratio(abs(float(returns.sum())), -deepest),
        **_tails(returns, mean, spread),
        "skew": _skew(returns),
        "kurtosis": _kurtosis(returns),
        "exposure": _exposure(returns),
        "time_in_market": _mean((position != 0).astype(float)),
        "best_bar": float(returns.max()) if len(returns) else math.nan,
        "worst_bar": float(returns.min()) if len(returns) else math.nan,
    }


def trade_metrics(profits: Floats, returns: Floats, bars: Floats) -> dict[str, float]:
    """The figures of m closed trades: profits (float64[m], quote, after fees), returns (float64[m], profit by the value
    of the entry), bars (float64[m], how long each was held).

    - expectancy: share of winners x average win - share of losers x average loss, quote a trade (Tharp, 1998, "Trade
      Your Way to Financial Freedom"); that is the mean profit.
    - average_trade, best_trade, worst_trade: of the returns. average_win, average_loss: of the profits.
    - trade_profit_factor: sum of the profits / sum of the losses (Schwager, 1984, "A Complete Guide to the Futures
      Markets"); `profit_factor` is QuantStats', of bars.
    - payoff: average win / average loss.
    - sqn: System Quality Number, sqrt(m) x mean / standard deviation (m - 1) of the profits (Tharp, 2008, "The
      Definitive Guide to Position Sizing"). His cap of 100 trades is left out, and profits stand for his multiples
      of the risk.
    - average_bars, longest_bars: how long they were held.
    """
    won, lost = profits[profits > 0], profits[profits < 0]
    win, loss = _mean(won), -_mean(lost)
    spread = _deviation(profits)
    return {
        "expectancy": _mean(profits),
        "average_trade": _mean(returns),
        "best_trade": float(returns.max()) if len(returns) else math.nan,
        "worst_trade": float(returns.min()) if len(returns) else math.nan,
        "average_win": win,
        "average_loss": loss,
        "payoff": ratio(win, loss),
        "trade_profit_factor": _profit_factor(profits) if len(profits) else math.nan,
        "sqn": math.sqrt(len(profits)) * ratio(_mean(profits), spread),
        "average_bars": _mean(bars),
        "longest_bars": float(bars.max()) if len(bars) else math.nan,
    }


def cost_metrics(traded: float, fees: float, slippage: float, equity: Floats, years: float) -> dict[str, float]:
    """What trading cost. traded: value of all fills, quote.

    - fees, slippage: quote; fees_bps, slippage_bps: of the value traded.
    - turnover: value traded a year by the mean equity, buys and sells both counted: 2 is a portfolio that was bought
      and sold once in a year (mutual funds count the smaller of the two alone: SEC, Form N-1A, Item 13).
    """
    elapsed = ratio(len(equity), years)
    return {
        "traded": traded,
        "turnover": ratio(ratio(traded, _mean(equity)), elapsed),
        "fees": fees,
        "fees_bps": ratio(fees, traded) * 10_000,
        "slippage": slippage,
        "slippage_bps": ratio(slippage, traded) * 10_000,
    }


def finite(found: Mapping[str, float]) -> dict[str, float | None]:
    """The same with None for what is not defined, for JSON; an infinite figure has no number there either."""
    return {name: value if math.isfinite(value) else None for name, value in found.items()}


def ratio(above: float, below: float) -> float:
    """above / below; NaN where below is 0 or not known."""
    return above / below if below else math.nan


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else math.nan


def _deviation(values: Floats) -> float:
    """The sample's standard deviation; exactly 0 where all values are one."""
    if len(values) < 2:
        return math.nan
    return 0.0 if values.min() == values.max() else float(values.std(ddof=1))


def _growth(equity: Floats, initial: float, years: float) -> float:
    """CAGR: the yearly growth that leads from the initial balance to the end; -1 where nothing is left."""
    wealth = float(equity[-1]) / initial if len(equity) else math.nan
    if wealth < 0 or not years > 0 or math.isnan(wealth):
        return math.nan
    with np.errstate(over="ignore"):  # a good hour, taken to the power of a year
        return float(np.float64(wealth) ** (years / len(equity)) - 1)


def _omega(returns: Floats) -> float:
    """Keating and Shadwick (2002): gains by losses, of bars, against 0."""
    if len(returns) < 2:
        return math.nan
    return ratio(float(returns[returns > 0].sum()), -float(returns[returns < 0].sum()))


def _profit_factor(values: Floats) -> float:
    gains, losses = float(values[values > 0].sum()), -float(values[values < 0].sum())
    if not losses:
        return math.inf if gains else 0.0
    return gains / losses


def _tails(returns: Floats, mean: float, spread: float) -> dict[str, float]:
    normal = NormalDist()
    quantile = normal.inv_cdf(_TAIL)
    if not len(returns):
        return dict.fromkeys(("value_at_risk", "cvar", "cvar_historical", "tail_ratio"), math.nan)
    low, high = (float(np.quantile(returns, at)) for at in (_TAIL, 1 - _TAIL))
    return {
        "value_at_risk": mean + spread * quantile,
        "cvar": mean - spread * normal.pdf(quantile) / _TAIL if spread else mean,
        "cvar_historical": _mean(returns[returns <= np.quantile(returns, 1 - 0.95)]),
        "tail_ratio": abs(ratio(high, low)),
    }


def _moment(returns: Floats, power: int) -> float:
    """Mean of a power of the deviations by their standard deviation (n); the deviations are scaled first."""
    centred = returns - returns.mean()
    centred /= np.abs(centred).max()
    return float(np.mean(centred**power) / np.mean(centred**2) ** (power / 2))


def _skew(returns: Floats) -> float:
    """Of a sample (Joanes and Gill, 1998, G1), as pandas has it."""
    n = len(returns)
    if n < 3 or returns.min() == returns.max():
        return math.nan if n < 3 else 0.0
    return math.sqrt(n * (n - 1)) / (n - 2) * _moment(returns, 3)


def _kurtosis(returns: Floats) -> float:
    """Excess kurtosis of a sample (Joanes and Gill, 1998, G2), as pandas has it."""
    n = len(returns)
    if n < 4 or returns.min() == returns.max():
        return math.nan if n < 4 else 0.0
    return (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (_moment(returns, 4) - 3) + 6)


def _exposure(returns: Floats) -> float:
    if not len(returns):
        return 0.0
    return math.ceil(int(np.count_nonzero(returns)) / len(returns) * 100) / 100


def _longest(below: Floats, times: Ints) -> tuple[float, float]:
    """The longest drawdown: in bars from the first below the peak to the last, and in days, whole ones and one more, as
    QuantStats counts them; 0 where equity never fell."""
    under = np.concatenate(([False], below < 0, [False]))
    edges = np.flatnonzero(under[1:] != under[:-1])
    starts, ends = edges[::2], edges[1::2] - 1
    if not len(starts):
        return 0.0, 0.0
    bars = int((ends - starts).max()) + 1
    days = int((times[ends] - times[starts]).max()) // _DAY + 1
    return float(bars), float(days)
