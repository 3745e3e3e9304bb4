"""The built-in strategies of orders: every fill on markets small enough to work out by hand, and sense on real ones."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from orderwright.backtest import orders
from orderwright.backtest.bars import Bars
from orderwright.backtest.outcome import Outcome
from orderwright.backtest.paper import bars_of, trade
from orderwright.backtest.rules import Rules
from orderwright.backtest.strategies import DCAStrategy, GridStrategy, MarketMakerStrategy
from orderwright.backtest.strategy import Strategy
from orderwright.broker import Broker
from orderwright.core.model import DAY, OrderSide
from orderwright.errors import InputError
from orderwright.market.candles import candles_from_floats
from orderwright.market.files import load_candles
from orderwright.market.random_market import random_candles
from tests.backtest.strategy_bars import BTC, MINUTE

FREE = Rules()
CHEAP = Rules(commission=Decimal("0.0002"))
START = 1_704_067_200_000_000  # 2024-01-01T00:00:00Z
ALL: list[Callable[[], Strategy]] = [lambda: DCAStrategy(every=300), lambda: GridStrategy(0.002), MarketMakerStrategy]

Filled = tuple[int, int, float, float]
"""(bar, 1 bought or -1 sold, price, quantity) of a fill."""


def a_market(*rows: tuple[float, float, float, float], interval: int = MINUTE, symbol: str = "BTC/USDT") -> Bars:
    """(open, high, low, close) of each bar."""
    open_, high, low, close = np.array(rows, dtype=np.float64).T
    times = START + interval * np.arange(len(rows))
    prices = (open_, high, low, close)
    instrument = structs.replace(BTC, symbol=symbol, base=symbol.partition("/")[0])
    return bars_of(candles_from_floats(instrument, times, prices, np.ones(len(rows)), interval=interval))


def still(*closes: float, interval: int = MINUTE) -> Bars:
    return a_market(*((close, close, close, close) for close in closes), interval=interval)


def fills_of(outcome: Outcome) -> list[Filled]:
    fills = outcome.fills
    columns = (fills.bar, fills.side, fills.price, fills.quantity)
    return [(bar, side, price / 100, quantity / 100_000) for bar, side, price, quantity in np.array(columns).T.tolist()]


def paper_fills(fills: list[Any]) -> list[tuple[int, float, float]]:
    said = [(fill.side, fill.execution.price, fill.execution.quantity) for fill in fills]
    return [(1 if side is OrderSide.BUY else -1, float(price), float(quantity)) for side, price, quantity in said]


def test_dollar_cost_averaging_spends_the_same_at_every_n_th_bar() -> None:
    market = still(10, 10, 20, 20, 25, 25, 40)

    outcome = orders.run(DCAStrategy(amount=100, every=2), [market], FREE)

    assert fills_of(outcome) == [(1, 1, 10, 10), (3, 1, 20, 5), (5, 1, 25, 4)]
    assert outcome.equity.tolist() == [10_000, 10_000, 10_100, 10_100, 10_175, 10_175, 10_460]


def test_dollar_cost_averaging_goes_by_the_calendar_where_it_is_told_to() -> None:
    market = still(*[10.0] * 30, interval=DAY // 8)

    outcome = orders.run(DCAStrategy(amount="50", every="1d"), [market], FREE)

    # the first close, and then each midnight's, which the 8th bar ends at
    assert [bar for bar, *_ in fills_of(outcome)] == [1, 8, 16, 24]


def test_dollar_cost_averaging_waits_where_the_money_has_run_out() -> None:
    outcome = orders.run(DCAStrategy(amount=4_000, every=1), [still(*[10.0] * 6)], FREE)

    assert fills_of(outcome) == [(1, 1, 10, 400), (2, 1, 10, 400)]
    assert outcome.orders == 2


def test_a_grid_sells_what_each_rung_bought_one_rung_higher_and_buys_again() -> None:
    market = a_market(
        (100, 100, 100, 100),
        (100, 100, 45, 60),  # the rung at 50 buys
        (60, 120, 60, 90),  # and sells at 100
        (90, 90, 20, 30),  # those at 50 and 25 buy
        (30, 55, 30, 55),  # that at 25 sells, at 50
        (55, 55, 55, 55),
    )

    outcome = orders.run(GridStrategy(spacing=1, levels=2), [market], FREE)

    assert fills_of(outcome) == [(1, 1, 50, 100), (2, -1, 100, 100), (3, 1, 50, 100), (3, 1, 25, 200), (4, -1, 50, 200)]
    assert outcome.equity[-1] == 10_000 + 100 * 50 + 200 * 25 + 100 * (55 - 50)


def test_a_grid_gives_each_symbol_an_equal_share() -> None:
    bitcoin, ether = a_market((100,) * 4, (100, 100, 20, 20)), a_market((10,) * 4, (10, 10, 2, 2), symbol="ETH/USDT")

    outcome = orders.run(GridStrategy(spacing=1, levels=2), [bitcoin, ether], FREE)

    bought = zip(outcome.fills.symbol.tolist(), fills_of(outcome), strict=True)
    assert sorted(bought) == [
        (0, (1, 1, 25, 100)),
        (0, (1, 1, 50, 50)),
        (1, (1, 1, 2.5, 1_000)),
        (1, (1, 1, 5, 500)),
    ]


def test_a_market_maker_keeps_a_quote_on_each_side_and_within_what_it_may_hold() -> None:
    strategy = MarketMakerStrategy(spread=0.02, size_percent=10, target_percent=15, max_percent=30, skew=0)
    market = a_market(
        (100, 100, 100, 100),  # a bid of 10 at 99, nothing to ask for
        (100, 100, 98, 100),  # bought; a bid of 10.01 at 99, an ask of 10 at 101
        (100, 100, 99.5, 100),
        (100, 100, 98, 100),  # bought; a bid of 10.02001 at 99
        (100, 100, 98, 100),  # bought: about as much as it may hold, so no more
        (100, 100, 98, 100),
        (100, 102, 100, 100),  # sold
    )

    outcome = orders.run(strategy, [market], FREE)

    assert fills_of(outcome) == [(1, 1, 99, 10), (3, 1, 99, 10.01), (4, 1, 99, 10.02001), (6, -1, 101, 10)]


def test_a_market_maker_follows_the_price_and_leans_against_what_it_holds() -> None:
    strategy = MarketMakerStrategy(spread=0.04, size_percent=20, target_percent=20, max_percent=40, skew=0.5)
    market = a_market(
        (100, 100, 100, 100),  # holds nothing: half of half the spread up, a bid of 20 at 99
        (110, 110, 110, 110),  # moved to 108.9
        (110, 110, 108, 110),  # bought, 1.77 too many: a tenth of that down, a bid at 107.69 and an ask at 112.09
        (110, 113, 107, 110),  # bought and sold
    )

    outcome = orders.run(strategy, [market], FREE)

    assert fills_of(outcome) == [(2, 1, 108.9, 20), (3, 1, 107.69, 16.44363), (3, -1, 112.09, 18.22181)]


@pytest.mark.parametrize("file", ["binance-spot-BTCUSDT-1m.feather", "kraken-spot-BTCUSDT-1m.feather"])
@pytest.mark.parametrize("make", ALL)
def test_on_real_candles_each_trades_within_its_money(make: Callable[[], Strategy], file: str, shared: Path) -> None:
    bars = bars_of(load_candles(shared / "data/candles" / file, "BTC/USDT")[:4_000])

    outcome = orders.run(make(), [bars], CHEAP)

    fills, tick, step = outcome.fills, float(bars.candles.instrument.tick_size), 0.00001
    paid = np.cumsum(-fills.side * fills.price * tick * fills.quantity * step - fills.fee)
    assert len(fills) >= 8
    assert (10_000 + paid).min() >= 0
    assert (outcome.position >= 0).all()
    assert np.isclose(outcome.equity[-1], 10_000 + paid[-1] + outcome.position[-1], rtol=1e-12)


def test_the_same_object_runs_again_as_if_new(shared: Path) -> None:
    bars = bars_of(load_candles(shared / "data/candles/kraken-spot-BTCUSDT-1m.feather", "BTC/USDT")[:2_000])

    for make in ALL:
        strategy = make()
        once, again = (fills_of(orders.run(strategy, [bars], CHEAP)) for _ in range(2))
        assert once == again


@pytest.mark.parametrize("make", ALL)
def test_on_paper_each_trades_as_it_did_in_the_backtest_through_a_restart_too(
    make: Callable[[], Strategy], tmp_path: Path
) -> None:
    candles = random_candles(11, 400, BTC, volatility=0.001)
    middle = int(candles.times[200])

    def on_paper(log: Path, until: int | None) -> list[Any]:
        with Broker(log=log, feeds=[candles], maker_fee="0.0002", taker_fee="0.0002") as broker:
            return trade(make(), broker, "BTC/USDT", until=until)

    once = on_paper(tmp_path / "once.sqlite", None)
    twice = on_paper(tmp_path / "twice.sqlite", middle) + on_paper(tmp_path / "twice.sqlite", None)

    backtest = fills_of(orders.run(make(), [bars_of(candles)], CHEAP))
    assert paper_fills(once) == paper_fills(twice) == [fill[1:] for fill in backtest]
    assert len(once) >= 2


def test_a_grid_sells_what_is_left_where_fees_are_taken_out_of_what_it_bought() -> None:
    times = START + MINUTE * np.arange(3)
    prices = [
        np.array(column, dtype=np.float64) for column in ((100, 100, 50), (100, 100, 120), (100, 45, 50), (100, 50, 90))
    ]
    candles = candles_from_floats(BTC, times, (prices[0], prices[1], prices[2], prices[3]), np.ones(3), interval=MINUTE)

    with Broker(feeds=[candles], maker_fee="0.01", taker_fee="0.01", fee_in="received") as broker:
        bought, sold = trade(GridStrategy(spacing=1, levels=1), broker, "BTC/USDT")

    # 10,000 pay for 198.01980 at 50 and 1 % more; 1 % of what came in was taken out of it
    assert paper_fills([bought, sold]) == [(1, 50, 198.0198), (-1, 100, 196.0396)]


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (DCAStrategy, (0,), "amount: 0 is not positive (nearest: 100)"),
        (DCAStrategy, (100, 0), "every: 0 is below 1 (nearest: 1)"),
        (DCAStrategy, (100, "1x"), "every: 'x' is not a unit of time: us, ms, s, m, h, d, w (nearest: 1d)"),
        (GridStrategy, (-0.01,), "spacing: -0.01 is not positive (nearest: 0.01)"),
        (GridStrategy, (0.01, 0), "levels: 0 is below 1 (nearest: 1)"),
        (GridStrategy, (0.01, 5, 101), "percent: 101 is not between 0 and 100 (nearest: 100)"),
        (MarketMakerStrategy, (0,), "spread: 0 is not positive (nearest: 0.002)"),
        (MarketMakerStrategy, (0.01, 5, 50, 40), "target_percent: 50 is not below max_percent, 40 (nearest: 20)"),
        (MarketMakerStrategy, (0.01, 5, 25, 50, 2), "skew: 2 is not between 0 and 1 (nearest: 1)"),
    ],
)
def test_an_argument_that_will_not_do_is_refused(kind: Callable[..., object], arguments: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        kind(*arguments)

    assert str(caught.value) == message


def test_a_length_in_bars_may_come_as_text_from_a_command_line() -> None:
    market = still(*[10.0] * 6)

    assert fills_of(orders.run(DCAStrategy(every="2"), [market], FREE)) == fills_of(
        orders.run(DCAStrategy(every=2), [market], FREE)
    )
