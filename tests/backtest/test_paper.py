"""A strategy on paper: what it does there is what its backtest said, also across a restart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from msgspec import structs

from orderwright.backtest import orders
from orderwright.backtest.backtester import Backtester
from orderwright.backtest.bars import Bars, read_bars
from orderwright.backtest.checking import LookAheadError
from orderwright.backtest.context import Context
from orderwright.backtest.indicators import sma
from orderwright.backtest.outcome import Outcome
from orderwright.backtest.paper import bars_of, trade
from orderwright.backtest.records import Bar, OrderHandle
from orderwright.backtest.signal_trader import SignalTrader
from orderwright.backtest.strategies import SimpleMovingAverageStrategy
from orderwright.backtest.strategy import Strategy
from orderwright.backtest.trading import StrategyError
from orderwright.broker import Broker, Fill
from orderwright.core.model import Instruction, OrderSide
from orderwright.errors import InputError
from orderwright.simulation.models import Models
from orderwright.simulation.models.slippage import SlippageBps
from tests.backtest.failing import FAILING_BARS, HOOKS, FailingIn, assert_told
from tests.backtest.signal_strategies import Peeking, RelativeStrength, Told, frame
from tests.backtest.trading_worlds import COSTLY, Acting, a_walk, some_bars


class Crossing(Strategy):
    """SMA cross with a protected entry, and a limit order now and then. Keeps nothing of its own between bars."""

    warm_up = 8

    def on_start(self, context: Context) -> None:
        self.fast, self.slow = context.indicator(sma, 3), context.indicator(sma, 8)

    def on_bar(self, context: Context, bar: Bar) -> None:
        if self.fast[-1] > self.slow[-1]:
            if not context.position() and not context.orders():
                context.buy(percent=50, stop_loss="1%", take_profit="2%")
                context.buy(0.5, price=bar.close * 0.995, expire_after=5)
        elif context.position() or context.orders():
            context.close()


@contextmanager
def a_broker(bars: Bars, log: Path | None = None) -> Iterator[Broker]:
    models = Models(slippage=SlippageBps(Decimal(5)), stops_in_market="trigger")
    options: dict[str, Any] = {"deposits": {"USDT": 1_000}, "slippage_bps": 5, "models": models}
    with Broker(log=log, feeds=[bars.candles], **options) as broker:
        yield broker


def on_paper(fills: list[Fill]) -> list[tuple[Any, ...]]:
    return [
        (one.execution.time, one.side, one.execution.price, one.execution.quantity, one.execution.fee) for one in fills
    ]


def in_backtest(outcome: Outcome, bars: Bars) -> list[tuple[Any, ...]]:
    fills, instrument = outcome.fills, bars.candles.instrument
    return [
        (
            int(fills.time[at]),
            OrderSide.BUY if fills.side[at] > 0 else OrderSide.SELL,
            instrument.price(int(fills.price[at])),
            instrument.quantity(int(fills.quantity[at])),
            pytest.approx(Decimal(fills.fee[at]), rel=Decimal("1e-12")),
        )
        for at in range(len(fills))
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_paper_and_backtest_have_the_same_fills(seed: int) -> None:
    bars = a_walk(400, seed)
    with a_broker(bars) as broker:
        paper = on_paper(trade(Crossing(), broker))
    assert paper == in_backtest(orders.run(Crossing(), [bars], COSTLY), bars)
    assert len(paper) > 20


@pytest.mark.parametrize("cut", [60, 131, 250])
def test_it_goes_on_where_the_log_ends(cut: int, tmp_path: Path) -> None:
    bars, log = a_walk(400, 2), tmp_path / "paper.sqlite"
    with a_broker(bars) as broker:
        whole = on_paper(trade(Crossing(), broker))
    with a_broker(bars, log) as broker:
        first = on_paper(trade(Crossing(), broker, until=int(bars.candles.close_times[cut])))
    with a_broker(bars, log) as broker:
        rest = on_paper(trade(Crossing(), broker))
    assert first + rest == whole


@pytest.mark.parametrize("cut", [None, 60, 131, 200])
def test_signals_are_traded_on_paper_as_in_a_backtest(cut: int | None, tmp_path: Path) -> None:
    bars, strategy = a_walk(300, 3), SimpleMovingAverageStrategy(3, 8)
    rules = structs.replace(COSTLY, limit_entry=Decimal("0.002"), limit_bars=4, stop_loss=Decimal("0.02"))
    fills: list[tuple[Any, ...]] = []
    for until in (None if cut is None else int(bars.candles.close_times[cut]), None):
        with a_broker(bars, tmp_path / "paper.sqlite") as broker:
            fills += on_paper(trade(strategy, broker, rules=rules, until=until))
    trader = SignalTrader(strategy.signals(bars), rules, bars=bars)
    assert fills == in_backtest(orders.run(trader, [bars], rules), bars)
    assert len(fills) > 20


@pytest.mark.parametrize("cut", [None, 40, 97, 111])
def test_a_users_pandas_strategy_trades_on_paper_as_in_a_backtest(cut: int | None, tmp_path: Path) -> None:
    bars, strategy = a_walk(220, 4), RelativeStrength(7)
    fills: list[tuple[Any, ...]] = []
    for until in (None if cut is None else int(bars.candles.close_times[cut]), None):
        with a_broker(bars, tmp_path / "paper.sqlite") as broker:
            fills += on_paper(trade(strategy, broker, until=until))
    result = Backtester(1_000, "0.001", "0.0005").run(strategy, bars)
    assert fills == in_backtest(result.outcome, bars)
    assert len(fills) > 6


def test_a_data_frame_is_traded_on_paper(tmp_path: Path) -> None:
    bars = read_bars(frame(a_walk(220, 4)), "BTC/USDT")
    with a_broker(bars, tmp_path / "paper.sqlite") as broker:
        fills = on_paper(trade(RelativeStrength(7), broker, bars=bars))
    assert fills == in_backtest(Backtester(1_000, "0.001", "0.0005").run(RelativeStrength(7), bars).outcome, bars)
    assert len(fills) > 6


def test_signals_are_asked_of_the_bars_so_far_and_not_of_those_of_the_warm_up() -> None:
    asked: list[int] = []

    class Counting(Strategy):
        warm_up = 3

        def generate_signals(self, data: pd.DataFrame) -> pd.Series[int]:
            asked.append(len(data))
            return pd.Series(0, index=data.index)

    with a_broker(a_walk(6)) as broker:
        trade(Counting(), broker)
    assert asked == [4, 5, 6]


def test_a_strategy_that_says_another_thing_later_is_stopped() -> None:
    bars = some_bars(100, 99, 101)
    with a_broker(bars) as broker, pytest.raises(LookAheadError) as caught:
        trade(Peeking(), broker)
    message = (
        "Peeking looks ahead: its signal for bar 1 (2026-01-05T12:01:00Z) was 0 with the bars up to 1, and is 1 with"
    )
    assert caught.value.message == f"{message} those up to 2"
    assert (caught.value.bar, caught.value.value) == (1, 1)


def test_what_is_no_signal_is_refused_on_paper_too() -> None:
    with a_broker(some_bars(100, 101)) as broker, pytest.raises(InputError, match="a signal is 1, -1 or 0"):
        trade(Told(), broker)  # its signals are volumes of 1,000


def test_a_strategy_of_orders_has_no_rules_and_a_silent_one_nothing_to_do() -> None:
    with a_broker(a_walk(20)) as broker:
        with pytest.raises(InputError, match="rules: Crossing has no signals, and sends its own orders"):
            trade(Crossing(), broker, rules=COSTLY)
        with pytest.raises(InputError, match="Strategy has neither generate_signals nor on_bar"):
            trade(Strategy(), broker)


def test_rules_that_paper_cannot_keep_are_refused() -> None:
    with a_broker(a_walk(20)) as broker:
        for rules in (structs.replace(COSTLY, fill_at="this_close"), structs.replace(COSTLY, allow_short=True)):
            with pytest.raises(InputError):
                trade(SimpleMovingAverageStrategy(3, 8), broker, rules=rules)


def test_a_bar_that_was_cut_short_is_asked_again_and_doubles_nothing(tmp_path: Path) -> None:
    bars, log = a_walk(20), tmp_path / "paper.sqlite"

    class Failing(Strategy):
        def __init__(self, fails: bool) -> None:
            super().__init__("failing")
            self.fails = fails

        def on_bar(self, context: Context, bar: Bar) -> None:
            if bar.index == 5:
                self.first = context.buy(1, price=50)
                if self.fails:
                    raise RuntimeError("the plug was pulled")
                context.buy(2, price=60)

    with a_broker(bars, log) as broker, pytest.raises(StrategyError, match="the plug was pulled"):
        trade(Failing(fails=True), broker)
    with a_broker(bars, log) as broker:
        again = Failing(fails=False)
        trade(again, broker)
        placed = broker.load(strategy="failing")
    assert [(str(one.price), str(one.quantity)) for one in placed] == [("50", "1"), ("60", "2")]
    assert again.first.order_id == placed[0].order_id


class Pairing(Strategy):
    """Protects what it holds by two orders; fails after so many of them."""

    def __init__(self, fails_after: int | None = None) -> None:
        super().__init__("pairing")
        self.fails_after, self.pair = fails_after, []  # type: ignore[var-annotated]

    def on_bar(self, context: Context, bar: Bar) -> None:
        if bar.index == 2:
            context.buy(2)
        if bar.index == 5:
            submit, sent = context.trading.submit, count()

            def cut(instruction: Instruction) -> OrderHandle:
                if next(sent) == self.fails_after:
                    raise RuntimeError("the plug was pulled")
                return submit(instruction)

            context.trading.submit = cut  # type: ignore[method-assign]
            both = {"side": "sell", "quantity": 1}
            self.pair = context.oco({**both, "price": "102"}, {**both, "stop_price": "97"})
            if self.fails_after == 2:
                raise RuntimeError("the plug was pulled")


@pytest.mark.parametrize("sent", [1, 2])
def test_a_pair_that_was_cut_short_is_one_pair_after_the_restart(sent: int, tmp_path: Path) -> None:
    bars, log = some_bars(*[100] * 6, 103, 103, 96, 96), tmp_path / "paper.sqlite"
    with a_broker(bars, log) as broker, pytest.raises(StrategyError, match="the plug was pulled"):
        trade(Pairing(sent), broker)
    with a_broker(bars, log) as broker:
        again = Pairing()
        trade(again, broker)
        placed = broker.load(strategy="pairing")
    assert [str(one.status) for one in again.pair] == ["filled", "cancelled"]
    assert [(str(one.quantity), str(one.status)) for one in placed] == [
        ("2", "filled"),
        ("1", "filled"),
        ("1", "cancelled"),
    ]
    assert len({one.said.group for one in again.pair}) == 1


def test_a_strategy_that_raises_on_paper_is_named_with_hook_and_bar() -> None:
    class Dividing(Strategy):
        def generate_signals(self, data: pd.DataFrame) -> pd.Series[int]:
            return pd.Series(0 // (3 - len(data)), index=data.index)

    with a_broker(some_bars(100, 101, 102, 103)) as broker, pytest.raises(StrategyError) as told:
        trade(Dividing(), broker)
    where = "Dividing.generate_signals at bar 2 of BTC/USDT (2026-01-05T12:03:00Z)"
    assert str(told.value) == f"{where}: ZeroDivisionError: integer division or modulo by zero"
    assert isinstance(told.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize("hook", HOOKS)
def test_an_error_in_any_hook_says_where_it_was_on_paper_too(hook: str) -> None:
    with a_broker(FAILING_BARS) as broker, pytest.raises(StrategyError) as told:
        trade(FailingIn(hook), broker)
    assert_told(told.value, hook)


def test_what_was_deposited_counts_in_equity() -> None:
    strategy = Acting(lambda context: context.equity)
    bars = some_bars(100, 110)
    with Broker(feeds=[bars.candles], deposits={"USDT": 1_000, "BTC": 2}) as broker:
        trade(strategy, broker)
    assert strategy.handles == [1_200]


def test_another_order_under_a_key_that_was_used_is_refused_and_said(tmp_path: Path) -> None:
    bars, log = a_walk(6), tmp_path / "paper.sqlite"

    class Changing(Strategy):
        def __init__(self, price: int) -> None:
            super().__init__("changing")
            self.wanted = price

        def on_bar(self, context: Context, bar: Bar) -> None:
            if bar.index == 5:
                self.order = context.buy(1, price=self.wanted)

    with a_broker(bars, log) as broker:
        trade(Changing(50), broker)
    with a_broker(bars, log) as broker:
        other = Changing(60)
        trade(other, broker)
    assert (other.order.refused, "the key was used for another order" in other.order.reason) == (True, True)


def test_without_candles_there_is_nothing_to_trade_on() -> None:
    with a_broker(a_walk(6)) as broker, pytest.raises(InputError, match="candles"):
        trade(Crossing(), broker, "ETH/USDT")


def test_bars_of_candles_have_the_floats_nearest_to_their_prices() -> None:
    bars = a_walk(50)
    made = bars_of(bars.candles)
    assert (made.close.tolist(), made.volume.tolist()) == (bars.close.tolist(), bars.volume.tolist())
