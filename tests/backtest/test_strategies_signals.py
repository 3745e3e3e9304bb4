"""The built-in strategies of signals: what they say, on markets small enough to read, and on real ones."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from orderwright.backtest.backtester import Backtester
from orderwright.backtest.bars import Bars
from orderwright.backtest.checking import check_look_ahead
from orderwright.backtest.paper import bars_of, trade
from orderwright.backtest.rules import FixedQuantity
from orderwright.backtest.strategies import (
    BUILT_IN,
    BollingerStrategy,
    BreakoutStrategy,
    RSIStrategy,
    SimpleMovingAverageStrategy,
)
from orderwright.backtest.strategies.signalling import SignalStrategy
from orderwright.backtest.trades import RoundTrip
from orderwright.broker import Broker
from orderwright.errors import InputError
from orderwright.market.files import load_candles
from orderwright.market.instruments import default_instrument
from orderwright.market.random_market import random_candles
from tests.backtest.strategy_bars import BTC, bars_with

REAL = ["binance-spot-BTCUSDT-1m.feather", "binance-spot-ETHUSDT-1m.feather", "kraken-spot-BTCUSDT-1m.feather"]
OF_SIGNALS: list[Callable[[], SignalStrategy]] = [
    SimpleMovingAverageStrategy,
    RSIStrategy,
    lambda: RSIStrategy(smoothing="mean"),
    BreakoutStrategy,
    BollingerStrategy,
]


def frame_of(bars: Bars) -> pd.DataFrame:
    index = pd.to_datetime(bars.candles.times, unit="us", utc=True)
    columns = {"open": bars.open, "high": bars.high, "low": bars.low, "close": bars.close, "volume": bars.volume}
    return pd.DataFrame(columns, index=index)


def test_the_average_strategy_is_long_above_short_below_and_holds_between() -> None:
    strategy = SimpleMovingAverageStrategy(fast_period=1, slow_period=2)

    assert strategy.signals(bars_with([10, 11, 11, 10.5, 10.5, 12])).tolist() == [0, 1, 0, -1, 0, 1]


def test_averages_that_are_equal_but_for_rounding_are_equal() -> None:
    # 0.1 + 0.2 + 0.3 is not 0.6 in floats; as prices it is
    close = [0.2, 0.2, 0.1, 0.2, 0.3]

    assert float(np.mean(close[2:])) != np.mean(close[3:4])
    assert SimpleMovingAverageStrategy(1, 5).signals(bars_with([*close[:3], 0.3, 0.2])).tolist()[-1] == 0


def test_the_breakout_strategy_goes_with_what_leaves_the_range_before() -> None:
    strategy = BreakoutStrategy(entry_period=3, exit_period=2)

    #       the edges of the range before (11 and 9, then 12 and 10.5) are in it
    close = [10, 10, 10, 11, 11.5, 12.5, 11, 9.75, 9.5]
    assert strategy.signals(bars_with(close, reach=1)).tolist() == [0, 0, 0, 0, 0, 0, 0, -1, 0]
    assert strategy.signals(bars_with(close)).tolist() == [0, 0, 0, 1, 1, 1, -1, -1, -1]


def test_the_bollinger_strategy_buys_below_the_lower_band_and_sells_above_the_upper() -> None:
    strategy = BollingerStrategy(period=4, deviations=1.5)

    assert strategy.signals(bars_with([10, 10, 10, 8, 10, 10, 10, 12, 12])).tolist() == [
        0,
        0,
        0,
        1,
        0,
        0,
        0,
        -1,
        0,
    ]


@pytest.mark.parametrize("make", OF_SIGNALS)
def test_a_market_that_does_not_move_says_nothing(make: Callable[[], SignalStrategy]) -> None:
    assert not make().signals(bars_with([0.1] * 80)).any()


def test_the_strength_strategy_buys_what_fell_and_sells_what_rose() -> None:
    strategy = RSIStrategy(period=2, oversold=30, overbought=70)

    #       a fall, a rise of as much (50: hold), a rise
    assert strategy.signals(bars_with([10, 9, 8, 10, 12])).tolist() == [0, 0, 1, 0, -1]


@pytest.mark.parametrize("bound", [50, "50"])
def test_a_strength_on_the_bound_holds(bound: Any) -> None:
    strategy = RSIStrategy(period=2, oversold=bound, overbought=60, smoothing="mean")

    assert strategy.signals(bars_with([10, 9, 10])).tolist()[-1] == 0


@pytest.mark.parametrize("make", OF_SIGNALS)
@pytest.mark.parametrize("file", REAL)
def test_both_ways_of_asking_give_the_same_on_real_candles_and_neither_looks_ahead(
    make: Callable[[], SignalStrategy], file: str, shared: Path
) -> None:
    bars = bars_of(load_candles(shared / "data/candles" / file, "BTC/USDT")[:5_000])
    strategy = make()

    fast, series = strategy.signals(bars), strategy.generate_signals(frame_of(bars))

    assert fast.dtype == np.int8
    assert {-1, 1} <= set(fast.tolist())
    assert not fast[: strategy.warm_up].any()
    check_look_ahead(strategy, bars, fast, samples=16)
    pd.testing.assert_series_equal(series, pd.Series(fast, index=frame_of(bars).index, name="signal"))


@pytest.mark.parametrize("engine", ["kernel", "orders"])
def test_a_cross_becomes_a_round_trip(engine: str) -> None:
    backtester = Backtester(1_000, "0.01", 0, sizing=FixedQuantity(Decimal(2)))

    result = backtester.run(SimpleMovingAverageStrategy(1, 2), bars_with([10, 11, 12, 11, 10]), engine=engine)

    assert result.trades == [
        RoundTrip(
            symbol="BTC/USDT",
            side="long",
            quantity=2.0,
            entry_time=datetime(1970, 1, 1, 0, 3, tzinfo=UTC),
            exit_time=datetime(1970, 1, 1, 0, 5, tzinfo=UTC),
            entry_price=12.0,
            exit_price=10.0,
            profit=pytest.approx(-4 - 0.24 - 0.2),  # type: ignore[arg-type]
            return_pct=pytest.approx(-18.5),  # type: ignore[arg-type]
            fees=pytest.approx(0.44),  # type: ignore[arg-type]
            slippage=0.0,
            bars=2,
            entry_bar=2,
            exit_bar=4,
            entry_reason="entry",
            exit_reason="signal",
        )
    ]


@pytest.mark.parametrize("make", OF_SIGNALS)
def test_on_real_candles_both_engines_trade_them_alike(make: Callable[[], SignalStrategy], shared: Path) -> None:
    bars = bars_of(load_candles(shared / "data/candles" / REAL[0], "BTC/USDT", BTC)[:2_500])

    kernel, orders = (Backtester().run(make(), bars, engine=engine) for engine in ("kernel", "orders"))

    assert kernel.total_trades == orders.total_trades > 5
    np.testing.assert_allclose(kernel.outcome.equity, orders.outcome.equity, rtol=1e-9)
    assert 5_000 < kernel.final_balance < 11_000  # fees and slippage eat a strategy that trades by the minute


@pytest.mark.parametrize("make", OF_SIGNALS)
def test_on_paper_each_trades_at_the_prices_of_the_backtest(make: Callable[[], SignalStrategy]) -> None:
    candles = random_candles(12, 1_200, BTC, volatility=0.002)

    with Broker(feeds=[candles]) as broker:
        fills = [fill.execution for fill in trade(make(), broker, "BTC/USDT")]

    backtest = Backtester(slippage=0).run(make(), candles).outcome.fills
    assert [float(fill.price * 100) for fill in fills] == backtest.price.tolist()
    np.testing.assert_allclose([float(fill.quantity * 100_000) for fill in fills], backtest.quantity, atol=1)
    assert len(fills) > 2


def test_several_symbols_share_one_balance() -> None:
    markets = {
        symbol: random_candles(seed, 300, default_instrument(symbol), volatility=0.002)
        for seed, symbol in enumerate(["BTC/USDT", "ETH/USDT"])
    }

    result = Backtester(commission=0, slippage=0).run(SimpleMovingAverageStrategy(5, 20), markets)

    fills = result.outcome.fills
    first = [float(fills.price[at] * fills.quantity[at]) / 10_000_000 for at in (0, 1)]
    assert {trade.symbol for trade in result.trades} == set(markets)
    assert first == pytest.approx([5_000, 5_000], rel=0.02)


@pytest.mark.parametrize("make", OF_SIGNALS)
def test_what_comes_later_changes_no_signal(make: Callable[[], SignalStrategy]) -> None:
    walk = np.round(100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.02, 120))), 2)
    strategy = make()
    whole = strategy.signals(bars_with(walk, reach=1)).tolist()

    for bars in range(strategy.warm_up + 1, 120):
        assert strategy.signals(bars_with(walk[:bars], reach=1)).tolist() == whole[:bars]


@pytest.mark.parametrize("make", OF_SIGNALS)
def test_columns_are_found_in_any_case_and_missing_ones_are_named(make: Callable[[], SignalStrategy]) -> None:
    frame = frame_of(bars_with(range(100, 200), reach=1))
    strategy = make()

    upper = frame.rename(columns=str.title)
    assert strategy.generate_signals(upper).tolist() == strategy.generate_signals(frame).tolist()
    with pytest.raises(InputError) as caught:
        strategy.generate_signals(frame.rename(columns={"close": "closing"}))
    assert str(caught.value) == "close: no such column; there are: open, high, low, closing, volume (nearest: closing)"


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (SimpleMovingAverageStrategy, (50, 20), "fast_period: 50 is not below slow_period, 20 (nearest: 19)"),
        (SimpleMovingAverageStrategy, (20, 20), "fast_period: 20 is not below slow_period, 20 (nearest: 19)"),
        (SimpleMovingAverageStrategy, (0, 20), "fast_period: 0 is below 1 (nearest: 1)"),
        (SimpleMovingAverageStrategy, (1, 1), "slow_period: 1 is below 2 (nearest: 2)"),
        (SimpleMovingAverageStrategy, (5.5, 20), "fast_period: 5.5 is not a whole number (nearest: 6)"),
        (RSIStrategy, (-3,), "period: -3 is below 1 (nearest: 1)"),
        (RSIStrategy, (14, 80), "oversold: 80 is not below overbought, 70 (nearest: 30)"),
        (RSIStrategy, (14, 30, 130), "overbought: 130 is not between 0 and 100 (nearest: 100)"),
        (BreakoutStrategy, (20, None), "exit_period: None is not a whole number (nearest: 1)"),
        (BollingerStrategy, (1,), "period: 1 is below 2 (nearest: 2)"),
        (BollingerStrategy, (20, 0), "deviations: 0 is not positive (nearest: 1)"),
        (BollingerStrategy, (20, "wide"), "deviations: 'wide' is not a number"),
        (
            partial(RSIStrategy, smoothing="plain"),  # type: ignore[arg-type]
            (),
            "smoothing: 'plain' is neither wilder nor mean (nearest: wilder)",
        ),
    ],
)
def test_an_argument_that_will_not_do_is_refused(kind: Callable[..., object], arguments: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        kind(*arguments)

    assert str(caught.value) == message


@pytest.mark.parametrize("make", OF_SIGNALS)
def test_too_few_bars_are_refused_and_just_enough_are_not(make: Callable[[], SignalStrategy]) -> None:
    strategy = make()
    field, longest = strategy.longest()
    enough = strategy.warm_up + 1

    assert len(strategy.signals(bars_with([10] * enough))) == enough
    for ask in (strategy.signals, lambda bars: strategy.generate_signals(frame_of(bars))):
        with pytest.raises(InputError) as caught:
            ask(bars_with([10] * (enough - 1)))
        assert (caught.value.field, caught.value.value, caught.value.nearest) == (field, longest, longest - 1)


def test_every_built_in_strategy_is_made_without_a_word_and_says_what_it_does() -> None:
    for name, kind in BUILT_IN.items():
        strategy = kind()
        assert strategy.name == kind.__name__
        assert kind(name=name).name == name
        assert inspect.getdoc(kind) != inspect.getdoc(kind.__mro__[1])
        for parameter in set(inspect.signature(kind).parameters) - {"name"}:
            assert hasattr(strategy, parameter)
