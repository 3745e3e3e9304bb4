"""Indicators beside pandas, beside published tables, and beside the plainest loop."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from orderwright.backtest import indicators
from orderwright.backtest.outcome import Floats
from orderwright.errors import InputError

PERIODS = [1, 2, 3, 7, 14, 50, 199, 200, 201]
NAN = float("nan")

# StockCharts ChartSchool, "Moving Averages - Simple and Exponential": ten days of INTC, to two places.
INTEL = [22.27, 22.19, 22.08, 22.17, 22.18, 22.13, 22.23, 22.43, 22.24, 22.29, 22.15, 22.39, 22.38, 22.61, 23.36]
INTEL_EMA = [22.22, 22.21, 22.24, 22.27, 22.33, 22.52]

# StockCharts ChartSchool, "Relative Strength Index (RSI)": 14 days of QQQQ.
QQQQ = [
    *(44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826, 45.8931, 46.0328),
    *(45.6140, 46.2820, 46.2820, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439, 46.2122, 46.2521, 45.7137, 46.4515),
    *(45.7835, 45.3548, 44.0288, 44.1783, 44.2181, 44.5672, 43.4205, 42.6628, 43.1314),
]
QQQQ_RSI = [
    *(70.53, 66.32, 66.55, 69.41, 66.36, 57.97, 62.93, 63.26, 56.06, 62.38, 54.71, 50.42, 39.99, 41.46, 41.87),
    *(45.46, 37.30, 33.08, 37.77),
]


def a_walk(bars: int = 200, seed: int = 5) -> Floats:
    """Prices on a grid of 0.01, around 1000."""
    return np.round(1000 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.003, bars))), 2)


def a_market(bars: int = 200) -> tuple[Floats, Floats, Floats]:
    close = a_walk(bars)
    reach = np.random.default_rng(6).uniform(0, 5, (2, bars))
    return close + reach[0], close - reach[1], close


def same(found: Floats, expected: object, closeness: float = 1e-12) -> None:
    np.testing.assert_allclose(found, np.asarray(expected, dtype=np.float64), rtol=closeness, atol=0)


def to_two_places(found: Floats, expected: list[float]) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.005 + 1e-9)


@pytest.mark.parametrize("period", PERIODS)
def test_averages_and_channels_are_those_of_pandas(period: int) -> None:
    walk = a_walk()
    rolling = pd.Series(walk).rolling(period)

    same(indicators.sma(walk, period), rolling.mean())
    same(indicators.highest(walk, period), rolling.max())
    same(indicators.lowest(walk, period), rolling.min())


@pytest.mark.parametrize("period", [2, 3, 7, 50, 200])
def test_bands_are_a_mean_and_deviations_of_the_population(period: int) -> None:
    walk = a_walk()
    windows = sliding_window_view(walk, period)
    middle, spread = windows.mean(axis=1), windows.std(axis=1)

    found = indicators.bollinger(walk, period, 2.5)

    unknown = np.full(period - 1, NAN)
    for band, at in zip(found, (-2.5, 0, 2.5), strict=True):
        same(band, np.concatenate([unknown, middle + at * spread]))


@pytest.mark.parametrize("period", PERIODS)
def test_an_exponential_average_begins_with_a_mean_and_goes_on_as_pandas_does(period: int) -> None:
    walk = a_walk(5_000)
    seeded = walk.copy()
    seeded[: period - 1] = NAN
    seeded[period - 1] = walk[:period].mean()

    same(indicators.ema(walk, period), pd.Series(seeded).ewm(span=period, adjust=False).mean())


def test_an_exponential_average_is_the_published_one() -> None:
    to_two_places(indicators.ema(INTEL, 10), [NAN] * 9 + INTEL_EMA)


def test_wilders_strength_is_the_published_one() -> None:
    to_two_places(indicators.rsi(QQQQ, 14), [NAN] * 14 + QQQQ_RSI)


@pytest.mark.parametrize("period", [1, 2, 14])
def test_strength_by_plain_means_is_what_the_usual_lines_of_pandas_give(period: int) -> None:
    data = pd.DataFrame({"close": a_walk()})
    delta = data["close"].diff()
    gain = (delta.where(delta > 0, 0)).rolling(window=period).mean()
    loss = (-delta.where(delta < 0, 0)).rolling(window=period).mean()
    with np.errstate(divide="ignore"):
        expected = 100 - (100 / (1 + gain / loss))

    np.testing.assert_allclose(indicators.rsi(data["close"], period, smoothing="mean"), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("smoothing", ["wilder", "mean"])
def test_what_never_falls_has_strength_100_and_what_never_moves_has_none(smoothing: indicators.Smoothing) -> None:
    rising = indicators.rsi(np.arange(1.0, 9.0), 3, smoothing=smoothing)
    still = indicators.rsi(np.full(8, 5.0), 3, smoothing=smoothing)

    assert rising[3:].tolist() == [100.0] * 5
    assert np.isnan(still).all()


@pytest.mark.parametrize("period", [1, 3, 14])
def test_the_average_true_range_is_that_of_the_plainest_loop(period: int) -> None:
    high, low, close = a_market()
    ranges = [high[0] - low[0]]
    ranges += [max(high[at], close[at - 1]) - min(low[at], close[at - 1]) for at in range(1, len(close))]
    wilder = [NAN] * (period - 1) + [float(np.mean(ranges[:period]))]
    for one in ranges[period:]:
        wilder.append(wilder[-1] + (one - wilder[-1]) / period)

    same(indicators.true_range(high, low, close), ranges)
    same(indicators.atr(high, low, close, period), wilder)
    same(indicators.atr(high, low, close, period, smoothing="mean"), pd.Series(ranges).rolling(period).mean())


def test_equal_prices_have_themselves_as_mean_and_no_deviation() -> None:
    dime = np.full(100, 0.1)

    lower, middle, upper = (band[19:] for band in indicators.bollinger(dime, 20))

    assert lower.tolist() == middle.tolist() == upper.tolist() == dime[19:].tolist()


def test_a_window_forgets_what_has_left_it() -> None:
    spike = np.concatenate([np.full(10, 0.1), [1e12], np.full(30, 0.1)])

    assert indicators.sma(spike, 5)[15:].tolist() == [0.1] * 26
    assert indicators.deviation(spike, 5)[15:].tolist() == [0.0] * 26


def test_an_unknown_value_makes_unknown_the_windows_that_hold_it_and_no_other() -> None:
    walk = a_walk(30)
    walk[[0, 1, 2, 13]] = NAN
    unknown = np.isin(np.arange(30), [*range(6), *range(13, 17)])

    for indicator in (indicators.sma, indicators.highest, indicators.lowest, indicators.deviation):
        assert np.isnan(indicator(walk, 4)).tolist() == unknown.tolist()


def test_a_cross_is_to_come_from_the_line_or_beyond_it() -> None:
    values = [NAN, 1, 2, 3, 2, 3, 1, 2, 1]
    line = [2.0] * 9

    assert np.flatnonzero(indicators.crossed_above(values, line)).tolist() == [3, 5]
    assert np.flatnonzero(indicators.crossed_above(values, 2)).tolist() == [3, 5]
    assert np.flatnonzero(indicators.crossed_below(values, line)).tolist() == [6, 8]
    assert np.flatnonzero(indicators.crossed_below(values, 1.5)).tolist() == [6, 8]


def test_previous_moves_what_stood_there_on() -> None:
    same(indicators.previous([1, 2, 3], 2), [NAN, NAN, 1])
    same(indicators.previous([1, 2], 5), [NAN, NAN])


CAUSAL: list[Callable[[Floats, Floats, Floats], Floats]] = [
    lambda high, low, close: indicators.sma(close, 7),
    lambda high, low, close: indicators.ema(close, 7),
    lambda high, low, close: indicators.deviation(close, 7),
    lambda high, low, close: indicators.rsi(close, 7),
    lambda high, low, close: indicators.rsi(close, 7, smoothing="mean"),
    lambda high, low, close: indicators.atr(high, low, close, 7),
    lambda high, low, close: indicators.highest(high, 7),
    lambda high, low, close: indicators.lowest(low, 7),
    lambda high, low, close: indicators.previous(close, 7),
]


@pytest.mark.parametrize("indicator", CAUSAL)
def test_what_comes_later_changes_nothing(indicator: Callable[[Floats, Floats, Floats], Floats]) -> None:
    high, low, close = a_market(60)
    whole = indicator(high, low, close)

    for bars in range(1, 60):
        np.testing.assert_array_equal(indicator(high[:bars], low[:bars], close[:bars]), whole[:bars])


@given(
    st.lists(st.integers(99_990, 100_010), max_size=40),
    st.integers(1, 6),
    st.integers(1, 6),
    st.sampled_from([1, 10**9, 2**40]),
)
def test_a_cross_of_averages_is_exact(ticks: list[int], fast: int, slow: int, scale: int) -> None:
    expected = []
    for bar in range(len(ticks)):
        if bar + 1 < max(fast, slow):
            expected.append(0)
            continue
        quick = Fraction(sum(ticks[bar + 1 - fast : bar + 1]), fast)
        steady = Fraction(sum(ticks[bar + 1 - slow : bar + 1]), slow)
        expected.append((quick > steady) - (quick < steady))

    found = indicators.sma_cross(np.array(ticks, dtype=np.int64) * scale, fast, slow)

    assert found.tolist() == expected


def test_a_cross_of_averages_is_exact_where_int64_ends() -> None:
    ticks = np.array([1, 2**62, 1, 2**62, 1, 2**62 - 2], dtype=np.int64)

    assert indicators.sma_cross(ticks, 2, 4).tolist() == [0, 0, 0, 0, 0, -1]


@pytest.mark.parametrize(
    ("indicator", "period", "message"),
    [
        (indicators.sma, 0, "period: 0 is below 1 (nearest: 1)"),
        (indicators.ema, 2.5, "period: 2.5 is not a whole number (nearest: 2)"),
        (indicators.highest, True, "period: True is not a whole number (nearest: 1)"),
        (indicators.rsi, "14", "period: '14' is not a whole number (nearest: 1)"),
    ],
)
def test_what_is_no_period_is_refused(indicator: Callable[..., Floats], period: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        indicator([1.0, 2.0], period)

    assert str(caught.value) == message


def test_other_mistakes_are_named_too() -> None:
    with pytest.raises(InputError, match="smoothing: 'sma' is neither wilder nor mean"):
        indicators.rsi([1.0], 2, smoothing="sma")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="values: an array of 2 dimensions; one was expected"):
        indicators.sma([[1.0]], 1)


@pytest.mark.parametrize("length", [0, 1, 4])
def test_too_few_bars_are_all_unknown(length: int) -> None:
    short = np.arange(1.0, length + 1)

    for indicator in (indicators.sma, indicators.ema, indicators.deviation, indicators.highest, indicators.rsi):
        assert np.isnan(indicator(short, 5)).tolist() == [True] * length
