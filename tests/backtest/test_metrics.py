"""The figures of a backtest: QuantStats' where it defines them, the others worked out by hand, and no crash ever."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orderwright.backtest import metrics
from orderwright.backtest.outcome import Floats, Ints

DAY = 86_400_000_000
START = 1_704_067_200_000_000  # 2024-01-01T00:00:00Z
INITIAL = 10_000.0
YEARS = 252.0
NOT_OF_THE_EQUITY = {"longest_drawdown_bars", "time_in_market"}


def days(n: int) -> Ints:
    return START + DAY * np.arange(n, dtype=np.int64)


def a_walk(seed: int, n: int, volatility: float = 0.02, drift: float = 0.0005) -> Floats:
    """Equity of a random strategy that is out of the market a third of the time."""
    draw = np.random.default_rng(seed)
    returns = draw.standard_t(4, n) * volatility + drift
    returns[draw.random(n) < 1 / 3] = 0.0
    return INITIAL * np.cumprod(1 + np.clip(returns, -0.5, 0.5), dtype=np.float64)


def equity_metrics(equity: Floats, times: Ints | None = None, years: float = YEARS) -> dict[str, float]:
    times = days(len(equity)) if times is None else times
    return metrics.equity_metrics(equity, times, np.ones(len(equity)), INITIAL, years)


def of_quantstats(equity: Floats, times: Ints, years: float) -> dict[str, float]:
    """The same of QuantStats, from the same returns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs are not ours to mend
        import pandas as pd
        import quantstats.stats

        qs: Any = quantstats.stats  # its types say whole numbers of periods; it takes any
        index = pd.DatetimeIndex(times.astype("datetime64[us]"))
        returns = pd.Series(metrics.returns_of(equity, INITIAL), index=index)
        found: dict[str, Any] = {
            "total_return": qs.comp(returns),
            "cagr": qs.cagr(returns, periods=years),
            "volatility": qs.volatility(returns, periods=years),
            "sharpe": qs.sharpe(returns, periods=years),
            "sortino": qs.sortino(returns, periods=years),
            "calmar": qs.calmar(returns, periods=years),
            "omega": qs.omega(returns, periods=years),
            "profit_factor": qs.profit_factor(returns),
            "max_drawdown": qs.max_drawdown(returns),
            "longest_drawdown_days": qs.drawdown_details(qs.to_drawdown_series(returns).round(12))["days"].max(),
            "ulcer_index": qs.ulcer_index(returns),
            "recovery_factor": qs.recovery_factor(returns),
            "value_at_risk": qs.value_at_risk(returns),
            "cvar": qs.conditional_value_at_risk(returns, method="parametric"),
            "cvar_historical": qs.conditional_value_at_risk(returns, method="historical"),
            "tail_ratio": qs.tail_ratio(returns),
            "skew": qs.skew(returns),
            "kurtosis": qs.kurtosis(returns),
            "exposure": qs.exposure(returns),
            "best_bar": qs.best(returns),
            "worst_bar": qs.worst(returns),
        }
    return {name: float(value) for name, value in found.items()}


def compare(equity: Floats, times: Ints, years: float) -> None:
    ours, theirs = equity_metrics(equity, times, years), of_quantstats(equity, times, years)

    assert set(ours) - set(theirs) == NOT_OF_THE_EQUITY
    assert {name: ours[name] for name in theirs} == pytest.approx(theirs, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("seed", "n"), [(1, 2_148), (2, 500), (3, 60), (4, 8)])
def test_the_figures_of_the_equity_are_those_of_quantstats(seed: int, n: int) -> None:
    compare(a_walk(seed, n), days(n), YEARS)


def test_the_figures_of_minutes_are_those_of_quantstats_too() -> None:
    times = START + 60_000_000 * np.arange(5_000, dtype=np.int64)
    compare(a_walk(5, 5_000, volatility=0.0002, drift=0.0), times, 525_960.0)


@pytest.mark.parametrize(
    ("name", "symbol"), [("nasdaq-GOOG-1d.csv", "GOOG/USD"), ("binance-spot-BTCUSDT-1m.feather", "BTC/USDT")]
)
def test_the_figures_of_real_prices_are_those_of_quantstats(shared: Path, name: str, symbol: str) -> None:
    from orderwright.market.files import load_candles

    candles = load_candles(shared / "data" / "candles" / name, symbol)
    price = candles.close.astype(float)
    compare(price / price[0] * INITIAL * 0.99, candles.close_times, metrics.bars_per_year(candles.times))


def test_the_years_of_bars_follow_their_spacing(shared: Path) -> None:
    from orderwright.market.files import load_candles

    google = load_candles(shared / "data" / "candles" / "nasdaq-GOOG-1d.csv", "GOOG/USD")

    assert metrics.bars_per_year(google.times) == pytest.approx(252, rel=0.005)
    assert metrics.bars_per_year(START + 60_000_000 * np.arange(1_000, dtype=np.int64)) == pytest.approx(525_960)
    assert metrics.bars_per_year(days(1), DAY) == 365.25
    assert math.isnan(metrics.bars_per_year(days(1)))


def test_the_figures_of_trades_are_worked_out_by_hand() -> None:
    profits, returns = np.array([30.0, -10.0, 20.0, 0.0]), np.array([0.03, -0.01, 0.02, 0.0])

    assert metrics.trade_metrics(profits, returns, np.array([4.0, 2.0, 9.0, 1.0])) == pytest.approx(
        {
            "expectancy": 10.0,
            "average_trade": 0.01,
            "best_trade": 0.03,
            "worst_trade": -0.01,
            "average_win": 25.0,
            "average_loss": 10.0,
            "payoff": 2.5,
            "trade_profit_factor": 5.0,
            "sqn": 2 * 10 / math.sqrt((400 + 400 + 100 + 100) / 3),
            "average_bars": 4.0,
            "longest_bars": 9.0,
        }
    )


def test_the_costs_are_worked_out_by_hand() -> None:
    equity = np.array([100.0, 110.0, 90.0, 100.0])

    assert metrics.cost_metrics(600.0, 0.6, 0.3, equity, 2.0) == pytest.approx(
        {"traded": 600.0, "turnover": 3.0, "fees": 0.6, "fees_bps": 10.0, "slippage": 0.3, "slippage_bps": 5.0}
    )


def test_the_longest_drawdown_is_counted_from_the_first_bar_below_to_the_last() -> None:
    equity = INITIAL * np.array([1.0, 0.9, 1.1, 1.0, 1.05, 1.09, 1.2, 1.1])
    found = equity_metrics(equity)

    assert (found["longest_drawdown_bars"], found["longest_drawdown_days"]) == (3, 3)


def test_equity_that_never_moves_has_figures() -> None:
    found = equity_metrics(np.full(10, INITIAL))
    nothing = {"cagr", "volatility", "total_return", "max_drawdown", "exposure", "skew", "kurtosis", "value_at_risk"}

    assert {name: found[name] for name in nothing} == dict.fromkeys(nothing, 0.0)
    assert all(math.isnan(found[name]) for name in ("sharpe", "sortino", "calmar", "omega", "tail_ratio"))


def test_one_bar_and_none_have_figures() -> None:
    one = equity_metrics(np.array([11_000.0]), years=365.25)
    none = equity_metrics(np.empty(0), np.empty(0, dtype=np.int64))

    assert (one["total_return"], one["best_bar"]) == pytest.approx((0.1, 0.1))
    assert math.isnan(one["sharpe"])
    assert none["total_return"] == 0
    assert math.isnan(none["cagr"])


def test_a_ruined_account_has_figures() -> None:
    """A short that went wrong: equity falls through zero, and what comes after has no return."""
    equity = np.array([10_000.0, 4_000.0, -2_000.0, -1_000.0, -1_000.0])
    found = equity_metrics(equity)

    assert metrics.returns_of(equity, INITIAL).tolist() == pytest.approx([0, -0.6, -1.5, 0, 0])
    assert (found["total_return"], found["max_drawdown"]) == pytest.approx((-1.1, -1.2))
    assert math.isnan(found["cagr"])
    assert math.isfinite(found["sharpe"])


def test_no_trade_has_figures() -> None:
    none = np.empty(0)
    found = metrics.trade_metrics(none, none, none)

    assert all(math.isnan(value) for value in found.values())
    assert metrics.cost_metrics(0.0, 0.0, 0.0, np.full(3, 5.0), 1.0) == pytest.approx(
        {"traded": 0, "turnover": 0, "fees": 0, "fees_bps": math.nan, "slippage": 0, "slippage_bps": math.nan},
        nan_ok=True,
    )
    assert metrics.finite({"sqn": math.nan, "fees": 1.0}) == {"sqn": None, "fees": 1.0}
