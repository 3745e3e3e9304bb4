"""One collar, three ways to run: a backtest, paper and the live desk give the same fills."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from orderwright.backtest import orders
from orderwright.backtest.backtester import Backtester
from orderwright.backtest.bars import Bars
from orderwright.backtest.context import Context
from orderwright.backtest.optimisation.optimizer import optimize
from orderwright.backtest.paper import trade
from orderwright.backtest.strategies import SimpleMovingAverageStrategy
from orderwright.broker import Broker
from orderwright.core import messages as m
from orderwright.core.model import Account, OrderSide, Settings
from orderwright.core.order_params import sent_by
from orderwright.engine import Engine
from orderwright.errors import InputError, UnknownName
from orderwright.live.book import LiveBook
from orderwright.simulation.exchange import SimulatedExchange
from tests.backtest.trading_worlds import FREE, Acting, a_walk, some_bars
from tests.builders import a_market_buy, a_market_sell, an_instrument
from tests.live.builders import Fixture

PARAMS: list[dict[str, Any]] = [
    {"max_slippage_bps": "10"},
    {"max_slippage_bps": "10", "remainder": "retry", "retry_delay_ms": 20_000, "execution_timeout_ms": 170_000},
    {"max_slippage_bps": "10", "remainder": "rest", "execution_timeout_ms": 170_000},
]
Row = tuple[int, OrderSide, Decimal, Decimal]


def gapping(bars: int = 60, seed: int = 3) -> Bars:
    """A walk that opens some way from where it closed: beyond a collar of 10 bps, often."""
    chance = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(chance.normal(0, 0.002, bars))), 2)
    opened = np.round(np.concatenate(([100.0], close[:-1])) * (1 + chance.normal(0, 0.0015, bars)), 2)
    high, low = np.maximum(opened, close) + 0.02, np.minimum(opened, close) - 0.02
    return some_bars(*zip(opened, high, low, close, strict=True))


def buying_and_selling(bars: Bars) -> Acting:
    """Buys 1 BTC at every eighth close, and sells 1 four closes later."""
    acts: list[Callable[[Context], Any] | None] = [None] * len(bars)
    for at in range(4, len(bars), 4):
        acts[at] = (lambda context: context.buy(1)) if at % 8 == 4 else (lambda context: context.sell(1))
    return Acting(*acts)


def in_backtest(bars: Bars, settings: Settings) -> list[Row]:
    fills = orders.run(buying_and_selling(bars), [bars], FREE, settings=settings).fills
    instrument = bars.candles.instrument
    sides = [OrderSide.BUY if side > 0 else OrderSide.SELL for side in fills.side]
    prices = [instrument.price(int(price)) for price in fills.price]
    quantities = [instrument.quantity(int(quantity)) for quantity in fills.quantity]
    return list(zip(map(int, fills.time), sides, prices, quantities, strict=True))


def on_paper(bars: Bars, settings: Settings) -> list[Row]:
    costs: dict[str, Any] = {"deposits": {"USDT": 1_000}, "maker_fee": 0, "taker_fee": 0}
    with Broker(feeds=[bars.candles], settings=settings, **costs) as broker:
        fills = trade(buying_and_selling(bars), broker)
    return [(one.execution.time, one.side, one.execution.price, one.execution.quantity) for one in fills]


def on_the_live_desk(bars: Bars, settings: Settings) -> list[Row]:
    desk = Fixture()
    exchange, start = SimulatedExchange([bars.candles]), int(bars.candles.times[0])
    desk.clock.time = start
    journal: Any = desk.desk.journal
    desk.desk.open(LiveBook(Engine("main", journal, {"simulated": exchange}, start=start)))
    account = Account(account="main", traits=exchange.traits)
    opening: list[m.Input] = [m.Configure(settings=settings), m.DefineInstrument(instrument=an_instrument())]
    money = m.MoveCash(account="main", asset="USDT", amount=Decimal(1_000))
    for said in (*opening, m.OpenAccount(account=account), money):
        desk.put(said)
    desk.turn()
    for at, close in enumerate(map(int, bars.candles.close_times)):
        while (wanted := desk.desk.next_time()) is not None and wanted < close:
            desk.clock.time = max(wanted, desk.clock.time + 1)
            desk.turn()
        desk.clock.time = close
        desk.turn()
        if at >= 4 and at % 4 == 0:
            order = a_market_buy(1, at) if at % 8 == 4 else a_market_sell(1, at)
            desk.put(m.SubmitOrder(instruction=order))
            desk.turn()
    events = [event for _, event in desk.log.events("main")]
    sides = {event.order_id: event.instruction.side for event in events if isinstance(event, m.OrderReceived)}
    fills = [(event.order_id, event.execution) for event in events if isinstance(event, m.OrderFilled)]
    return [(one.time, sides[order_id], one.price, one.quantity) for order_id, one in fills]


@pytest.mark.parametrize("params", PARAMS, ids=lambda params: params.get("remainder", "cancel"))
def test_a_backtest_paper_and_the_live_desk_fill_alike_at_a_collar(params: dict[str, Any]) -> None:
    bars, settings = gapping(), sent_by(Settings(), params)
    backtest = in_backtest(bars, settings)
    assert on_paper(bars, settings) == backtest
    assert on_the_live_desk(bars, settings) == backtest
    assert 3 < len(backtest) < 14 if "remainder" not in params else len(backtest) > 5


def test_no_fill_is_ever_beyond_the_collar() -> None:
    bars = gapping(200)
    closes = {int(time): price for time, price in zip(bars.candles.close_times, bars.close, strict=True)}
    fills = in_backtest(bars, sent_by(Settings(), PARAMS[0]))
    assert len(fills) > 15
    for time, side, price, _ in fills:
        decided = Decimal(str(closes[time if time in closes else max(one for one in closes if one <= time)]))
        beyond = price / decided - 1 if side is OrderSide.BUY else 1 - price / decided
        assert beyond <= Decimal("0.001")


def test_without_order_params_market_orders_have_no_collar() -> None:
    bars = gapping()
    assert len(in_backtest(bars, Settings())) == 14


def test_a_backtester_with_order_params_takes_the_orders_engine_and_sizes_by_the_collar() -> None:
    bars, strategy = a_walk(200, 5), SimpleMovingAverageStrategy(3, 8)
    plain = Backtester(1_000).run(strategy, bars)
    result = Backtester(1_000, order_params={"max_slippage_bps": 50}).run(strategy, bars)

    assert (plain.engine, result.engine) == ("kernel", "orders")
    assert len(result.trades) == len(plain.trades) > 5


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"max_slipage_bps": 3}, UnknownName),
        ({"max_slippage_bps": -1}, InputError),
        ({"rate_queue": "1.5"}, InputError),
    ],
)
def test_order_params_that_mean_nothing_are_refused_at_once(params: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        Backtester(order_params=params)


def test_the_kernel_and_a_search_by_it_refuse_order_params() -> None:
    tester = Backtester(order_params={"max_slippage_bps": 3})
    bars = a_walk(100)
    with pytest.raises(InputError, match="order_params is of the orders engine"):
        tester.run(SimpleMovingAverageStrategy(3, 8), bars, engine="kernel")
    with pytest.raises(InputError, match="order_params"):
        optimize(SimpleMovingAverageStrategy, bars, {"fast_period": [3], "slow_period": [8]}, backtester=tester)


def test_what_the_seeds_order_params_say_besides_is_of_a_service() -> None:
    seeds = {"default_order_type": "market", "time_in_force": "gtc", "log_level": "info", "max_slippage_bps": 10}
    assert sent_by(Settings(), seeds) == Settings(max_slippage_bps=Decimal(10))
