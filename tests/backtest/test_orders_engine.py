"""The orders engine: when orders fill, what it costs, what is told, and what is refused."""

from __future__ import annotations

import gc
from collections import Counter
from decimal import Decimal

import numpy as np
import pytest
from msgspec import structs

from orderwright.backtest import orders
from orderwright.backtest.bars import Bars
from orderwright.backtest.context import Context
from orderwright.backtest.records import Bar, OrderHandle
from orderwright.backtest.rules import FixedQuantity, Rules, VolatilityRisk
from orderwright.backtest.signal_trader import SignalTrader
from orderwright.backtest.strategy import Strategy
from orderwright.backtest.trading import StrategyError
from orderwright.core.model import RiskLimits, Settings
from orderwright.errors import InputError
from orderwright.journal.memory import MemoryJournal
from orderwright.simulation.faults import BAD_DAY
from orderwright.simulation.models import Models
from orderwright.simulation.models.fees import Fees
from orderwright.simulation.models.latency import ConstantLatency
from orderwright.simulation.models.volume import VolumeShare
from tests.backtest.failing import FAILING_BARS, HOOKS, FailingIn, assert_told
from tests.backtest.trading_worlds import COSTLY, FREE, Acting, a_walk, fills_of, some_bars
from tests.builders import MINUTE, NOW

BARS = some_bars((100, 101, 99, 100), (102, 103, 101, 103), (104, 106, 104, 105), (105, 105, 100, 101))


def test_an_order_placed_at_a_close_fills_at_the_next_open() -> None:
    outcome = orders.run(Acting(lambda context: context.buy(2)), [BARS], FREE)
    assert fills_of(outcome) == [(1, 1, 102.0, 2.0, "order")]
    assert outcome.equity.tolist() == [1_000, 1_002, 1_006, 998]
    assert outcome.position.tolist() == [0, 206, 210, 202]
    assert outcome.times.tolist() == [NOW + MINUTE * at for at in (1, 2, 3, 4)]


def test_at_this_close_it_fills_at_the_close_it_was_decided_on() -> None:
    rules = structs.replace(FREE, fill_at="this_close")
    outcome = orders.run(Acting(lambda context: context.buy(2)), [BARS], rules)
    assert fills_of(outcome) == [(0, 1, 100.0, 2.0, "order")]
    assert outcome.equity.tolist() == [1_000, 1_006, 1_010, 1_002]


def test_a_taker_pays_commission_and_slippage_and_both_are_told() -> None:
    outcome = orders.run(Acting(lambda context: context.buy(2)), [BARS], COSTLY)
    assert fills_of(outcome) == [(1, 1, 102.06, 2.0, "order")]
    assert outcome.fills.fee.tolist() == [pytest.approx(0.20412)]
    assert outcome.fills.slippage.tolist() == [pytest.approx(0.12)]
    assert outcome.equity[-1] == pytest.approx(1_000 - 204.12 - 0.20412 + 202)


def test_the_position_is_known_when_the_next_bar_is_asked_about() -> None:
    strategy = Acting(lambda context: context.buy(2), None, lambda context: context.sell(1))
    orders.run(strategy, [BARS], FREE)
    assert strategy.seen == [("BTC/USDT", 0, 0.0), ("BTC/USDT", 1, 2.0), ("BTC/USDT", 2, 2.0), ("BTC/USDT", 3, 1.0)]
    assert strategy.heard == [("fill", "buy", 2.0, 102.0), ("fill", "sell", 1.0, 105.0)]


def test_an_order_after_the_last_bar_never_fills() -> None:
    strategy = Acting(None, None, None, lambda context: context.buy(1))
    outcome = orders.run(strategy, [BARS], FREE)
    assert (len(outcome.fills), outcome.orders, str(strategy.handles[0].status)) == (0, 1, "open")


def test_a_refusal_is_in_the_handle_and_is_told() -> None:
    strategy = Acting(lambda context: context.buy("50"))
    outcome = orders.run(strategy, [BARS], FREE)
    handle = strategy.handles[0]
    why = "quantity 50: needs 5000 USDT, 1000 is free (nearest that passes: 10)"
    assert (handle.refused, handle.reason, len(outcome.fills)) == (True, why, 0)
    assert strategy.heard == [("order", "denied", why)]


def test_a_resting_limit_fills_inside_the_bar_that_comes_to_it() -> None:
    outcome = orders.run(Acting(lambda context: context.buy(1, price=100.5)), [BARS], COSTLY)
    assert fills_of(outcome) == [(3, 1, 100.5, 1.0, "order")]
    assert outcome.fills.slippage.tolist() == [0]


def test_orders_of_an_answer_to_a_fill_go_out_at_once() -> None:
    class Answering(Acting):
        def on_fill(self, context: Context, fill: object) -> None:
            super().on_fill(context, fill)
            if len(self.heard) == 1:
                context.sell(1, price=106)

    outcome = orders.run(Answering(lambda context: context.buy(1)), [BARS], FREE)
    assert fills_of(outcome) == [(1, 1, 102.0, 1.0, "order"), (2, -1, 106.0, 1.0, "order")]


def test_several_symbols_share_one_balance_and_come_in_order_of_their_closes() -> None:
    late = some_bars(50, 51, 52, symbol="ETH/USDT", start=NOW + MINUTE)
    strategy = Acting(lambda context: context.buy(4))
    outcome = orders.run(strategy, [BARS, late], FREE)
    assert [(symbol, index) for symbol, index, _ in strategy.seen] == [
        ("BTC/USDT", 0),
        ("BTC/USDT", 1),
        ("ETH/USDT", 0),
        ("BTC/USDT", 2),
        ("ETH/USDT", 1),
        ("BTC/USDT", 3),
        ("ETH/USDT", 2),
    ]
    assert fills_of(outcome) == [(1, 1, 102.0, 4.0, "order"), (1, 1, 51.0, 4.0, "order")]
    assert outcome.equity.tolist() == [1_000, 1_004, 1_012, 1_000]


def test_bars_of_other_lengths_go_on_when_one_symbol_is_over() -> None:
    short = some_bars(50, 51, symbol="ETH/USDT")
    outcome = orders.run(Acting(lambda context: context.buy(1)), [BARS, short], FREE)
    assert outcome.equity.tolist() == [1_000, 1_001, 1_003, 999]


def test_warm_up_bars_are_seen_by_indicators_and_not_asked_about() -> None:
    class Warm(Acting):
        warm_up = 2

        def on_start(self, context: Context) -> None:
            self.doubled = context.indicator(lambda close: close * 2)

        def on_bar(self, context: Context, bar: Bar) -> None:
            self.heard.append((bar.index, list(self.doubled)))

    strategy = Warm()
    orders.run(strategy, [BARS], FREE)
    assert strategy.heard == [(2, [200, 206, 210]), (3, [200, 206, 210, 202])]


def test_an_error_of_the_strategy_names_it_and_the_bar_and_keeps_its_cause() -> None:
    def act(_: Context) -> None:
        raise KeyError("signal")

    with pytest.raises(StrategyError) as told:
        orders.run(Acting(None, act), [BARS], FREE)
    assert str(told.value) == "acting.on_bar at bar 1 of BTC/USDT (2026-01-05T12:02:00Z): KeyError: 'signal'"
    assert (told.value.strategy, told.value.bar, told.value.time) == ("acting", 1, NOW + 2 * MINUTE)
    assert isinstance(told.value.__cause__, KeyError)


@pytest.mark.parametrize("hook", HOOKS)
def test_an_error_in_any_hook_says_where_it_was(hook: str) -> None:
    with pytest.raises(StrategyError) as told:
        orders.run(FailingIn(hook), [FAILING_BARS], FREE)
    assert_told(told.value, hook)


def test_an_error_in_a_fill_at_the_open_names_the_bar_that_opens() -> None:
    class Telling(Acting):
        def on_fill(self, context: Context, fill: object) -> None:
            raise ValueError("no")

    buy = lambda context: context.buy(1)  # noqa: E731
    with pytest.raises(StrategyError, match=r"acting\.on_fill at bar 1 of BTC/USDT"):
        orders.run(Telling(buy), [BARS], FREE)
    with pytest.raises(StrategyError, match=r"acting\.on_fill at bar 0 of BTC/USDT"):
        orders.run(Telling(buy), [BARS], structs.replace(FREE, fill_at="this_close"))


def test_fees_in_base_make_the_holding_smaller_and_the_equity_with_it() -> None:
    models = Models(fees=Fees(taker=Decimal("0.01"), taken_in="received"))
    looks = [lambda context: context.equity] * 2
    strategy = Acting(lambda context: context.buy(2), *looks, lambda context: context.close())
    outcome = orders.run(strategy, [some_bars(100, 100, 110, 110, 120)], FREE, models=models)
    # 1.98 of 2 arrive; they are sold at 120, and 1 % of the proceeds goes
    assert outcome.equity.tolist() == pytest.approx([1_000, 998, 1_017.8, 1_017.8, 1_035.224], rel=1e-12)
    assert strategy.handles[1:3] == [998, 1_017.8]
    assert outcome.fills.fee.tolist() == pytest.approx([2, 2.376])


def test_fees_in_a_third_asset_are_paid_from_what_is_held_of_it() -> None:
    class Two(Strategy):
        def on_bar(self, context: Context, bar: Bar) -> None:
            if (bar.symbol, bar.index) == ("BNB/USDT", 0):
                context.buy(10, symbol="BNB/USDT")  # there is none yet to pay with: 0.1 of it goes
            if (bar.symbol, bar.index) == ("BTC/USDT", 1):
                context.buy(2, symbol="BTC/USDT")  # costs 0.2 BNB
            self.equity = context.equity

    bars = [some_bars(100, 100, 100, 110), some_bars(10, 10, 11, 12, symbol="BNB/USDT")]
    fees = Fees(taker=Decimal("0.01"), taken_in="BNB", conversion=Decimal("0.1"))
    strategy = Two()
    outcome = orders.run(strategy, bars, FREE, models=Models(fees=fees))
    assert outcome.equity.tolist() == pytest.approx([1_000, 999, 1_006.7, 1_036.4], rel=1e-12)
    assert strategy.equity == 1_036.4
    assert outcome.fills.fee.tolist() == pytest.approx([1, 2])


def test_the_daily_loss_stops_what_adds_at_the_close_that_shows_it() -> None:
    bars = some_bars(100, 100, 99, 95, 90, 80, 80, 80)
    limits = RiskLimits(max_daily_loss=Decimal(50))
    buy = lambda context: context.buy(1)  # noqa: E731
    strategy = Acting(lambda context: context.buy(4), None, buy, None, None, buy)
    outcome = orders.run(strategy, [bars], FREE, settings=Settings(limits=limits))
    assert fills_of(outcome) == [(1, 1, 100.0, 4.0, "order"), (3, 1, 95.0, 1.0, "order")]
    assert "only what reduces a position is allowed" in strategy.handles[2].reason


def test_a_log_that_is_given_keeps_everything_and_the_default_one_only_the_newest() -> None:
    log = MemoryJournal()
    bars = a_walk(50)
    act = [lambda context: context.buy(1, price=1)] * 50
    outcome = orders.run(Acting(*act), [bars], FREE, log=log)
    assert outcome.log is log
    assert len(log.latest("orders")) == 50
    again = orders.run(Acting(*act), [bars], FREE, keep=5)
    assert len(again.log.latest("orders")) == 50  # all of them rest; none has finished


def test_orders_that_have_ended_are_forgotten() -> None:
    class Resting(Strategy):
        order: OrderHandle | None = None

        def on_bar(self, context: Context, bar: Bar) -> None:
            if self.order is not None:
                self.order.cancel()
            self.order = context.buy(1, price=bar.close / 2)

    class Told(Resting):
        def on_order(self, context: Context, order: OrderHandle) -> None:
            """Hears of each end."""

    def alive() -> Counter[str]:
        gc.collect()
        return Counter(type(one).__name__ for one in gc.get_objects())

    def kept(strategy: Strategy) -> tuple[int, int]:
        before = alive()
        run = orders.OrdersRun(strategy, [a_walk(1_300)], FREE, None, None, None, None, 0, 20, None)
        assert run.run(None).orders == 1_300
        more = alive() - before
        return more["VenueOrder"], more["OrderHandle"]

    for strategy in (Resting(), Told()):
        orders_kept, handles = kept(strategy)
        assert orders_kept <= 1_001  # the exchange remembers 1,000
        assert handles <= 1


def test_with_latency_an_order_misses_the_open_and_fills_at_the_close() -> None:
    models = Models(latency=ConstantLatency(request_us=1_000, report_us=1_000), stops_in_market="trigger")
    outcome = orders.run(Acting(lambda context: context.buy(2)), [BARS], FREE, models=models)
    assert fills_of(outcome) == [(1, 1, 103.0, 2.0, "order")]


def test_a_share_of_the_volume_fills_an_order_bar_by_bar() -> None:
    models = Models(volume=VolumeShare(Decimal("0.001")))
    outcome = orders.run(Acting(lambda context: context.buy(2)), [BARS], FREE, models=models)
    assert fills_of(outcome) == [(1, 1, 102.0, 1.0, "order"), (2, 1, 104.0, 1.0, "order")]


def test_a_bad_line_gives_one_history_for_one_seed() -> None:
    bars = a_walk(300)

    def run(seed: int) -> list[tuple[int, int, float, float, str]]:
        act = [lambda context: context.target(1), lambda context: context.target(0)] * 150
        return fills_of(orders.run(Acting(*act), [bars], FREE, faults=BAD_DAY, seed=seed))

    assert run(1) == run(1) != run(2)


@pytest.mark.parametrize(
    ("bars", "message"),
    [
        ([], "bars: no bars"),
        ([BARS, BARS], "bars: it is there twice"),
        ([BARS, some_bars(1, symbol="ETH/BTC")], "ETH/BTC is traded in BTC, BTC/USDT in USDT"),
    ],
)
def test_bars_that_cannot_be_run_together_are_refused(bars: list[Bars], message: str) -> None:
    with pytest.raises(InputError, match=message):
        orders.run(Acting(), bars, FREE)


class _Walker(Strategy):
    """Limits, markets, cancels and replaces, by a keyed choice: enough to go through most of the engine."""

    def on_bar(self, context: Context, bar: Bar) -> None:
        step, held = bar.index % 7, context.position()
        if step == 0:
            context.buy(percent=30)
        elif step == 1:
            self.order = context.buy(1, price=bar.close * 0.999, expire_after=3)
        elif step == 3 and not self.order.done:
            self.order.replace(price=bar.close * 0.9995)
        elif step == 5 and held:
            context.sell(percent=50)
        elif step == 6:
            context.cancel_all()
            if bar.index % 3 == 0:
                context.close()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_skipping_quiet_bars_changes_nothing(seed: int) -> None:
    """A strategy that looks at its cash on every bar keeps the engine going along with each of them."""

    class Looking(_Walker):
        def on_bar(self, context: Context, bar: Bar) -> None:
            context.trading.wake = 0
            super().on_bar(context, bar)

    bars = a_walk(400, seed)
    lazy, eager = (orders.run(kind("walker"), [bars], COSTLY) for kind in (_Walker, Looking))
    assert fills_of(lazy) == fills_of(eager)
    assert np.array_equal(lazy.equity, eager.equity)
    assert len(lazy.fills) > 100


def signals(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int8)


def test_a_signal_takes_the_whole_balance_costs_included() -> None:
    outcome = orders.run(SignalTrader(signals(1, 0, -1, 0), COSTLY), [some_bars(100, 100, 101, 101)], COSTLY)
    quantity = 9.98501  # 1000 / (100.05 x 1.001), floored to 0.00001
    assert fills_of(outcome) == [(1, 1, 100.05, quantity, "entry"), (3, -1, 100.94, quantity, "signal")]


def test_a_flip_closes_and_enters_at_the_same_open() -> None:
    rules = structs.replace(FREE, allow_short=True, sizing=FixedQuantity(Decimal(5)))
    bars = some_bars(100, 100, (90, 95, 85, 90), 80)
    outcome = orders.run(SignalTrader(signals(1, -1, 0, 0), rules), [bars], rules)
    assert fills_of(outcome) == [(1, 1, 100, 5, "entry"), (2, -1, 90, 5, "signal"), (2, -1, 90, 5, "entry")]
    assert outcome.equity.tolist() == [1_000, 1_000, 950, 1_000]


def test_a_flip_goes_on_where_an_exit_was_faster_than_the_close() -> None:
    rules = structs.replace(FREE, allow_short=True, take_profit=Decimal("0.02"), sizing=FixedQuantity(Decimal(5)))
    models = Models(latency=ConstantLatency(4_000_000, 4_000_000), stops_in_market="trigger")
    bars = some_bars(*[100] * 4, *[103] * 4, 104, 104)
    says = signals(0, 1, 0, -1, 0, 0, 0, 0, 0, 0)
    outcome = orders.run(SignalTrader(says, rules), [bars], rules, models=models)
    assert [(side, reason) for _, side, _, _, reason in fills_of(outcome)] == [
        (1, "entry"),
        (-1, "take_profit"),
        (-1, "entry"),
    ]


def test_an_entry_that_fills_before_its_cancel_is_turned_all_the_same() -> None:
    rules = structs.replace(FREE, limit_entry=Decimal("0.05"), limit_bars=9, sizing=FixedQuantity(Decimal(5)))
    models = Models(latency=ConstantLatency(4_000_000, 4_000_000), stops_in_market="trigger")
    bars = some_bars(100, 100, 100, 94, 94, 94, 94)
    outcome = orders.run(SignalTrader(signals(1, 0, -1, 0, 0, 0, 0), rules), [bars], rules, models=models)
    assert [(side, reason) for _, side, _, _, reason in fills_of(outcome)] == [(1, "entry"), (-1, "signal")]


def test_what_is_left_of_a_fee_in_base_does_not_keep_the_next_signal_out() -> None:
    models = Models(fees=Fees(taker=Decimal("0.0012345"), taken_in="received"))
    says = signals(1, -1, 1, -1, 0)
    outcome = orders.run(SignalTrader(says, FREE), [some_bars(*[100] * 5)], FREE, models=models)
    assert [reason for *_, reason in fills_of(outcome)] == ["entry", "signal", "entry", "signal"]


def test_exits_are_at_the_exchange_from_the_fill_on_and_cancel_each_other() -> None:
    rules = structs.replace(FREE, stop_loss=Decimal("0.05"), take_profit=Decimal("0.1"))
    bars = some_bars(100, (100, 104, 99, 100), (100, 111, 100, 110), (110, 110, 80, 80))
    outcome = orders.run(SignalTrader(signals(1, 0, 0, 0), rules), [bars], rules)
    assert fills_of(outcome) == [(1, 1, 100.0, 10.0, "entry"), (2, -1, 110.0, 10.0, "take_profit")]
    bars = some_bars(100, (100, 104, 99, 100), (98, 98, 90, 92), 92)
    outcome = orders.run(SignalTrader(signals(1, 0, 0, 0), rules), [bars], rules)
    assert fills_of(outcome) == [(1, 1, 100.0, 10.0, "entry"), (2, -1, 95.0, 10.0, "stop_loss")]


def test_a_trailing_stop_follows_closes_alone() -> None:
    rules = structs.replace(FREE, trailing_stop=Decimal("0.1"))
    bars = some_bars(100, (100, 130, 100, 120), (120, 121, 112, 115), (115, 115, 100, 101), 101)
    outcome = orders.run(SignalTrader(signals(1, 0, 0, 0, 0), rules), [bars], rules)
    assert fills_of(outcome) == [(1, 1, 100.0, 10.0, "entry"), (3, -1, 108.0, 10.0, "trailing_stop")]


def test_a_limit_entry_waits_for_as_many_bars_as_it_was_given() -> None:
    rules = structs.replace(FREE, limit_entry=Decimal("0.05"), limit_bars=2)
    bars = some_bars(100, 100, 98, (98, 98, 94, 95), 95)
    outcome = orders.run(SignalTrader(signals(1, 0, 0, 0, 0), rules), [bars], rules)
    assert fills_of(outcome) == []
    outcome = orders.run(SignalTrader(signals(0, 1, 0, 0, 0), rules), [bars], rules)
    assert fills_of(outcome) == [(3, 1, 95.0, 10.52631, "entry")]


def test_an_entry_that_follows_a_cancelled_one_goes_out_when_the_cancel_is_known() -> None:
    rules = structs.replace(FREE, limit_entry=Decimal("0.05"), limit_bars=1)
    bars = some_bars(100, 100, (100, 100, 94, 100), 100)
    outcome = orders.run(SignalTrader(signals(1, 1, 0, 0), rules), [bars], rules)
    assert fills_of(outcome) == [(2, 1, 95.0, 10.52631, "entry")]


def test_volatility_sizing_enters_only_with_enough_bars() -> None:
    rules = Rules(initial_balance=Decimal(1_000), sizing=VolatilityRisk(percent=Decimal(1), window=2))
    bars = some_bars((100, 102, 98, 100), (100, 103, 99, 100), 100, 100)
    outcome = orders.run(SignalTrader(signals(1, 1, 0, 0), rules, bars=bars), [bars], rules)
    assert fills_of(outcome) == [(2, 1, 100.0, 2.5, "entry")]  # 1 % of 1000 / an average range of 4
