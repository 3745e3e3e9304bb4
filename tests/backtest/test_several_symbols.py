"""Signals on several symbols with one balance: every fill on markets small enough to work out by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from orderwright.backtest.backtester import Backtester
from orderwright.backtest.bars import Bars
from orderwright.backtest.checking import LookAheadError
from orderwright.backtest.outcome import REASONS
from orderwright.backtest.result import BacktestResult
from orderwright.backtest.rules import FixedQuantity, PercentOfEquity, TargetPosition, VolatilityRisk
from orderwright.backtest.strategies import SimpleMovingAverageStrategy
from orderwright.backtest.strategy import Strategy
from orderwright.errors import InputError
from tests.backtest.signal_strategies import Peeking, RelativeStrength, Told, frame
from tests.backtest.trading_worlds import a_walk, some_bars
from tests.builders import MINUTE, NOW

BTC = some_bars(100, (100, 110, 100, 110), 112, 120, 120)
ETH = some_bars(50, (50, 50, 40, 40), 41, 50, 50, symbol="ETH/USDT")

Filled = tuple[str, int, int, float, float, str]
"""(base, bar, 1 bought or -1 sold, price, quantity, why) of a fill."""


def ran(of_btc: tuple[int, ...], of_eth: tuple[int, ...], *, eth: Bars = ETH, **words: Any) -> BacktestResult:
    tester = Backtester(**{"initial_balance": 1_000, "commission": 0, "slippage": 0, **words})
    return tester.run(Told(), {"BTC/USDT": frame(BTC, *of_btc), "ETH/USDT": frame(eth, *of_eth)})


def fills_of(result: BacktestResult) -> list[Filled]:
    fills, found = result.outcome.fills, []
    for at in range(len(fills)):
        bars = result.bars[int(fills.symbol[at])]
        instrument = bars.candles.instrument
        price, quantity = instrument.price(int(fills.price[at])), instrument.quantity(int(fills.quantity[at]))
        numbers = (int(fills.bar[at]), int(fills.side[at]), float(price), float(round(quantity, 5)))
        found.append((instrument.base, *numbers, REASONS[int(fills.reason[at])]))
    return found


def test_each_symbol_trades_its_own_signals_with_its_share_of_the_balance() -> None:
    result = ran((1, 0, -1, 0, 0), (1, 0, -1, 0, 0))
    assert fills_of(result) == [
        ("BTC", 1, 1, 100, 5, "entry"),
        ("ETH", 1, 1, 50, 10, "entry"),
        ("BTC", 3, -1, 120, 5, "signal"),
        ("ETH", 3, -1, 50, 10, "signal"),
    ]
    assert (result.engine, result.outcome.equity.tolist()) == ("orders", [1_000, 950, 970, 1_100, 1_100])


def test_a_share_is_of_equity_and_no_more_is_taken_than_is_free() -> None:
    # at the close of bar 1 BTC is worth 550, and 500 are free: half of 1,050 is not to be had
    assert fills_of(ran((1, 0, 0, 0, 0), (0, 1, 0, 0, 0), fill_at="this_close")) == [
        ("BTC", 0, 1, 100, 5, "entry"),
        ("ETH", 1, 1, 40, 12.5, "entry"),
    ]
    # at the close of bar 2 the ETH are worth 410 of 910, and 500 are free: half is 455
    assert fills_of(ran((0, 0, 1, 0, 0), (1, 0, 0, 0, 0), fill_at="this_close")) == [
        ("ETH", 0, 1, 50, 10, "entry"),
        ("BTC", 2, 1, 112, 4.0625, "entry"),
    ]


def test_costs_are_within_each_share() -> None:
    assert fills_of(ran((1, 0, 0, 0, 0), (1, 0, 0, 0, 0), commission="0.001", slippage="0.0005")) == [
        ("BTC", 1, 1, 100.05, 4.99251, "entry"),
        ("ETH", 1, 1, 50.03, 9.98402, "entry"),
    ]


@pytest.mark.parametrize(
    ("sizing", "btc", "eth"),
    [
        (PercentOfEquity(Decimal(50)), 2.5, 5),
        (TargetPosition(Decimal(50)), 2.5, 5),
        (FixedQuantity(Decimal(4)), 4, 4),
        (FixedQuantity(Decimal(8)), 8, 4),  # 200 are left for ETH
        (VolatilityRisk(Decimal(1), window=1), 2, 2),  # 1 % of 1,000 / a range of 5
    ],
)
def test_a_sizing_says_how_much_of_it(sizing: Any, btc: float, eth: float) -> None:
    btc_bars = some_bars((100, 100, 95, 100), 100)
    eth_bars = some_bars((50, 50, 45, 50), 50, symbol="ETH/USDT")
    tester = Backtester(1_000, 0, 0, sizing=sizing)
    result = tester.run(Told(), {"BTC/USDT": frame(btc_bars, 1, 0), "ETH/USDT": frame(eth_bars, 1, 0)})
    assert fills_of(result) == [("BTC", 1, 1, 100, btc, "entry"), ("ETH", 1, 1, 50, eth, "entry")]


def test_one_symbol_is_long_while_the_other_is_short_and_exits_are_each_ones_own() -> None:
    result = ran((1, 0, 0, 0, 0), (-1, 0, 0, 0, 0), allow_short=True, stop_loss="0.1", take_profit="0.15")
    assert fills_of(result) == [
        ("BTC", 1, 1, 100, 5, "entry"),
        ("ETH", 1, -1, 50, 10, "entry"),
        ("ETH", 1, 1, 42.5, 10, "take_profit"),
        ("BTC", 3, -1, 120, 5, "take_profit"),
    ]


def test_limit_entries_wait_for_bars_of_their_own_symbol() -> None:
    late = some_bars(50, 50, (50, 50, 45, 50), symbol="ETH/USDT", start=NOW + MINUTE)
    result = ran((1, 0, 0, 0, 0), (1, 0, 0), eth=late, limit_entry="0.05", limit_bars=2)
    assert fills_of(result) == [("ETH", 2, 1, 47.5, 10.52632, "entry")]


def test_a_users_pandas_strategy_runs_over_two_data_frames() -> None:
    markets = {symbol: frame(a_walk(1_000, seed, symbol=symbol)) for seed, symbol in ((1, "BTC/USDT"), (2, "ETH/USDT"))}
    result = Backtester().run(RelativeStrength(), markets)
    alone = {symbol: Backtester().run(RelativeStrength(), data, symbol) for symbol, data in markets.items()}
    when = sorted((one.symbol, one.entry_bar, one.exit_bar) for one in result.trades)
    assert when == sorted((one.symbol, one.entry_bar, one.exit_bar) for run in alone.values() for one in run.trades)
    assert result.strategy == "RSI_Strategy"
    assert len(when) > 10


def test_bars_of_the_warm_up_say_nothing() -> None:
    markets = {"BTC/USDT": frame(BTC, 1, 1, 0, 0, 0), "ETH/USDT": frame(ETH, 0, 0, 1, 0, 0)}
    result = Backtester(1_000, 0, 0).run(Told(), markets, warm_up=2)
    assert fills_of(result) == [("ETH", 3, 1, 50, 12.19512, "entry")]  # sized at the close, 41


def test_what_is_wrong_with_the_signals_of_one_symbol_is_said_with_its_name() -> None:
    markets = {"BTC/USDT": frame(BTC, 1, 0, 0, 0, 0), "ETH/USDT": frame(ETH)}
    with pytest.raises(InputError) as caught:
        Backtester().run(Told(), markets)
    assert (caught.value.field, caught.value.where) == ("signals", "ETH/USDT, row 1")


def test_a_strategy_that_peeks_is_named_with_the_symbol() -> None:
    markets = {"BTC/USDT": frame(BTC), "ETH/USDT": frame(a_walk(60, symbol="ETH/USDT"))}
    with pytest.raises(LookAheadError, match=r"^(BTC|ETH)/USDT: signals: Peeking looks ahead: its signal for bar"):
        Backtester().run(Peeking(), markets)


def test_a_strategy_with_neither_signals_nor_orders_is_refused() -> None:
    class Silent(Strategy):
        pass

    for data in (frame(BTC), {"BTC/USDT": frame(BTC), "ETH/USDT": frame(ETH)}):
        with pytest.raises(InputError, match="Silent has neither generate_signals nor on_bar"):
            Backtester().run(Silent(), data)


def test_the_built_in_strategies_are_traded_by_the_same_rules() -> None:
    markets = {symbol: a_walk(300, seed, symbol=symbol) for seed, symbol in ((1, "BTC/USDT"), (2, "ETH/USDT"))}
    strategy = SimpleMovingAverageStrategy(5, 20)

    class Plain(Strategy):
        warm_up = strategy.warm_up

        def generate_signals(self, data: pd.DataFrame) -> pd.Series[int]:
            return strategy.generate_signals(data)

    built_in, plain = (Backtester(stop_loss="0.02").run(one, markets) for one in (strategy, Plain()))
    assert fills_of(built_in) == fills_of(plain)
    assert {one.exit_reason for one in built_in.trades} == {"signal", "stop_loss"}
