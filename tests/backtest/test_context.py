"""What a strategy is shown and what it can say: nothing from the future, every order the engine knows, clear errors."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from orderwright.backtest import orders
from orderwright.backtest.context import Context
from orderwright.backtest.records import Bar
from orderwright.backtest.strategy import Strategy
from orderwright.backtest.trading import StrategyError
from orderwright.core.model import Bracket, LingerRule, Source, Trail
from orderwright.errors import InputError
from tests.backtest.trading_worlds import COSTLY, FREE, Acting, a_walk, fills_of, some_bars
from tests.builders import MINUTE, NOW

BARS = some_bars((100, 101, 99, 100), (102, 103, 101, 103), (104, 106, 104, 105), (105, 105, 100, 101))
EXITS = Bracket(stop_loss_percent=Decimal(2), take_profit=Decimal(120))
PATIENCE = LingerRule(name="patience", after_ms=1)


def seen(look: Callable[[Context], Any], at: int = 1) -> Any:
    """What a strategy sees at a bar of BARS."""
    strategy = Acting(*[None] * at, look)
    orders.run(strategy, [BARS], FREE)
    return strategy.handles[0]


def started(start: Callable[[Context], Any]) -> Any:
    """What a strategy gets in on_start."""

    class Starting(Strategy):
        def on_start(self, context: Context) -> None:
            self.got = start(context)

        def on_bar(self, context: Context, bar: Bar) -> None:
            pass

    strategy = Starting()
    orders.run(strategy, [BARS], FREE)
    return strategy.got


def test_a_bar_is_what_has_just_closed() -> None:
    assert seen(lambda context: context.bar) == Bar("BTC/USDT", 1, NOW + 2 * MINUTE, 102, 103, 101, 103, 1_000)
    assert seen(lambda context: context.now) == NOW + 2 * MINUTE


def test_history_ends_with_the_current_bar() -> None:
    last = seen(lambda context: context.history(2), at=2)
    assert (last.close.tolist(), last.high.tolist(), last.time.tolist()) == (
        [103, 105],
        [103, 106],
        [NOW + 2 * MINUTE, NOW + 3 * MINUTE],
    )
    assert len(seen(lambda context: context.bars())) == 6
    assert seen(lambda context: len(context.bars(99).close)) == 2


def test_what_a_strategy_is_shown_cannot_be_written_to() -> None:
    def write(context: Context) -> None:
        context.history(1).close[0] = 1

    with pytest.raises(StrategyError, match="read-only"):
        seen(write)


class Reading(Strategy):
    """Notes what an indicator says at each bar."""

    def __init__(self, *args: Any) -> None:
        super().__init__()
        self.args, self.read = args, []  # type: ignore[var-annotated]

    def on_start(self, context: Context) -> None:
        self.indicator = context.indicator(*self.args)

    def on_bar(self, context: Context, bar: Bar) -> None:
        self.read.append(self.indicator[-1])
        with pytest.raises(IndexError):
            self.indicator[bar.index + 1]
        assert len(self.indicator.array) == len(self.indicator) == bar.index + 1


def test_an_indicator_shows_no_bar_that_has_not_closed() -> None:
    strategy = Reading(np.cumsum)
    orders.run(strategy, [BARS], FREE)
    assert strategy.read == [100, 203, 308, 409]


def test_an_indicator_takes_columns_by_their_names() -> None:
    strategy = Reading(lambda high, low, add: high - low + add, "high", "low", 1)
    orders.run(strategy, [BARS], FREE)
    assert strategy.read == [3, 3, 3, 6]


def test_several_arrays_make_several_indicators() -> None:
    low, high = started(lambda context: context.indicator(lambda close: (close - 1, close + 1)))
    assert (list(low), list(high)) == ([99, 102, 104, 100], [101, 104, 106, 102])


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda close: close - close.mean(), "looks ahead"),
        (lambda close: np.roll(close, -1), "looks ahead"),
        (lambda close: close[1:], "one value a bar, 4"),
        (lambda _: "much", "no numbers"),
    ],
)
def test_an_indicator_that_peeks_or_has_another_length_is_refused(function: Any, message: str) -> None:
    with pytest.raises(StrategyError, match=message):
        started(lambda context: context.indicator(function))


def test_indicators_are_made_before_the_first_bar() -> None:
    with pytest.raises(StrategyError, match="in on_start"):
        seen(lambda context: context.indicator(np.cumsum))


def test_money_is_what_the_account_has_now() -> None:
    got: list[Any] = []
    strategy = Acting(
        lambda context: context.buy(2, price="50"),
        lambda context: got.extend((context.cash, context.equity, context.position())),
        lambda context: context.buy(1),
        lambda context: got.extend((context.cash, context.equity, context.position(), context.average_price())),
    )
    orders.run(strategy, [BARS], FREE)
    assert got == [900, 1_000, 0, 795, 996, 1, 105]


def placed(**words: Any) -> Any:
    """The instruction of an order with these words, sent at the first bar."""
    strategy = Acting(lambda context: context.order("buy", 1, **words))
    orders.run(strategy, [BARS], FREE)
    return strategy.handles[0].said


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({}, {"type": "market"}),
        ({"price": 90.004}, {"type": "limit", "price": "90.00"}),
        ({"price": "90.01", "post_only": True}, {"price": "90.01", "post_only": True}),
        ({"stop_price": 110}, {"type": "stop_loss", "stop_price": "110"}),
        ({"stop_price": 110, "price": 111}, {"type": "stop_loss_limit", "price": "111"}),
        ({"order_type": "TAKE_PROFIT", "stop_price": 90}, {"type": "take_profit"}),
        ({"price": 90, "expire_after": 2}, {"time_in_force": "gtd", "expire_at": NOW + 3 * MINUTE}),
        ({"price": 90, "expire_after": 9}, {"time_in_force": "gtd", "expire_at": NOW + 10 * MINUTE}),
        ({"price": 90, "expire_after": dt.timedelta(seconds=90)}, {"expire_at": NOW + MINUTE + 90_000_000}),
        ({"price": 90, "time_in_force": "IOC"}, {"time_in_force": "ioc"}),
        ({"stop_loss": "2%", "take_profit": 120}, {"bracket": EXITS}),
        ({"trail": "3%"}, {"bracket": Bracket(trail=Trail(percent=Decimal(3)))}),
        ({"stop_price": 110, "trail": 5}, {"trail": Trail(amount=Decimal(5)), "bracket": None}),
        ({"tag": "first"}, {"metadata": {"tag": "first"}}),
        ({"linger": (PATIENCE,)}, {"linger": (PATIENCE,)}),
        ({"group": "pair"}, {"group": "pair"}),
    ],
)  # fmt: skip
def test_any_order_that_the_engine_knows_can_be_sent(words: dict[str, Any], expected: dict[str, Any]) -> None:
    said = placed(**words)
    for name, value in expected.items():
        found = getattr(said, name)
        assert str(found) == value if isinstance(value, str) else found == value


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"symbol": "BTC/USD"}, "unknown symbol 'BTC/USD'.*nearest: BTC/USDT"),
        ({"quote": 5}, "three ways to say one thing"),
        ({"price": float("nan")}, "nan is no price"),
        ({"order_type": "stopp"}, "unknown order type 'stopp'"),
        ({"stop_los": 5}, "unknown word of an order 'stop_los'.*nearest: stop_loss"),
        ({"price": 5, "expire_after": 0}, "expire_after: 0 is below 1"),
        ({"price": 5, "expire_after": 1, "time_in_force": "ioc"}, "good till a date"),
        ({"stop_loss": 90, "bracket": Bracket(stop_loss=Decimal(90))}, "one of the two"),
    ],
)
def test_what_can_be_no_order_says_why(words: dict[str, Any], message: str) -> None:
    with pytest.raises(StrategyError, match=message) as told:
        placed(**words)
    assert isinstance(told.value.__cause__, InputError)


def test_a_float_is_rounded_to_the_grid_and_exact_numbers_are_not() -> None:
    strategy = Acting(lambda context: context.buy(0.1 + 0.2), lambda context: context.buy("0.123456789"))
    orders.run(strategy, [BARS], FREE)
    assert [handle.quantity for handle in strategy.handles] == [0.3, 0.123456789]
    assert "step" in strategy.handles[1].reason


def test_sizes_in_percent_and_in_quote_leave_room_for_the_costs() -> None:
    strategy = Acting(
        lambda context: context.buy(percent=50),
        lambda context: context.buy(quote=100),
        lambda context: context.buy(),
        lambda context: context.sell(percent=50),
    )
    outcome = orders.run(strategy, [some_bars(100, 100, 100, 100, 100)], COSTLY)
    # a unit costs 100.05 x 1.001 = 100.15005; the open that is met slips to the same 100.05
    assert [quantity for _, _, _, quantity, _ in fills_of(outcome)] == [4.99250, 0.99850, 3.99401, 4.9925]


def test_a_target_is_reached_from_either_side_and_counts_what_is_on_its_way() -> None:
    def twice(context: Context) -> Any:
        first = context.target(3)
        return first, context.target(3)

    strategy = Acting(twice, lambda context: context.target(percent=10), lambda context: context.target(0))
    outcome = orders.run(strategy, [some_bars(100, 100, 100, 100)], FREE)
    assert fills_of(outcome) == [(1, 1, 100, 3, "order"), (2, -1, 100, 2, "order"), (3, -1, 100, 1, "order")]
    assert strategy.handles[0][1] is None


def test_close_cancels_what_rests_and_sells_what_is_held() -> None:
    def rest(context: Context) -> Any:
        context.buy(1)
        return context.buy(1, price=50)

    strategy = Acting(rest, None, lambda context: context.close(), lambda context: context.close())
    outcome = orders.run(strategy, [BARS], FREE)
    assert fills_of(outcome) == [(1, 1, 102, 1, "order"), (3, -1, 105, 1, "order")]
    assert (str(strategy.handles[0].status), strategy.handles[2]) == ("cancelled", None)


def test_what_closes_a_position_is_the_strategys_order_like_what_opened_it() -> None:
    strategy = Acting(lambda context: context.buy(1), None, lambda context: context.close())
    orders.run(strategy, [BARS], FREE)

    opened, closed = (handle.said for handle in strategy.handles)
    assert (closed.source, closed.strategy) == (opened.source, opened.strategy) == (Source.STRATEGY, opened.strategy)


def test_an_order_can_be_replaced_and_cancelled_by_its_handle() -> None:
    strategy = Acting(
        lambda context: context.buy(1, price=90),
        lambda context: strategy.handles[0].replace(price=100.5, quantity=2),
        None,
        lambda context: strategy.handles[0].cancel(),
    )
    outcome = orders.run(strategy, [BARS], FREE)
    order = strategy.handles[0]
    assert fills_of(outcome) == [(3, 1, 100.5, 2, "order")]
    assert (str(order.status), order.filled, order.average_price, order.price) == ("filled", 2, 100.5, 100.5)
    assert "filled" in order.problem


def test_an_order_is_the_same_object_wherever_it_is_met() -> None:
    class Meeting(Acting):
        def on_fill(self, context: Context, fill: Any) -> None:
            self.heard.append(fill.order)

    strategy = Meeting(lambda context: context.buy(1), None, lambda context: context.buy(1, price=1))
    orders.run(strategy, [BARS], FREE)
    assert strategy.heard == [strategy.handles[0]]
    strategy = Meeting(lambda context: context.buy(1, price=1), lambda context: context.orders())
    orders.run(strategy, [BARS], FREE)
    assert strategy.handles[1] == [strategy.handles[0]]


def test_one_order_of_a_pair_cancels_the_other() -> None:
    strategy = Acting(
        lambda context: context.buy(1),
        lambda context: context.oco(
            {"side": "sell", "quantity": 1, "price": 105.5}, {"side": "sell", "quantity": 1, "stop_price": 95}
        ),
    )
    outcome = orders.run(strategy, [BARS], FREE)
    assert fills_of(outcome) == [(1, 1, 102, 1, "order"), (2, -1, 105.5, 1, "order")]
    assert [str(order.status) for order in strategy.handles[1]] == ["filled", "cancelled"]


def test_of_a_pair_that_is_refused_in_part_nothing_is_sent() -> None:
    strategy = Acting(
        lambda context: context.buy(1),
        lambda context: context.oco(
            {"side": "sell", "quantity": 1, "price": 105.5}, {"side": "sell", "quantity": 1, "stop_price": "95.001"}
        ),
        lambda context: context.orders(),
    )
    outcome = orders.run(strategy, [BARS], FREE)
    why = "stop_price 95.001: not a multiple of the tick size 0.01 (nearest that passes: 95)"
    assert [(order.refused, order.reason) for order in strategy.handles[1]] == [
        (True, f"not sent: order 2 of its group is denied ({why})"),
        (True, why),
    ]
    assert (strategy.handles[2], len(outcome.fills)) == ([], 1)


def test_each_order_of_a_pair_may_sell_all_that_is_held() -> None:
    strategy = Acting(
        lambda context: context.buy(3),
        lambda context: context.oco({"side": "sell", "price": 110}, {"side": "sell", "stop_price": 90}),
    )
    orders.run(strategy, [BARS], FREE)
    assert [order.quantity for order in strategy.handles[1]] == [3, 3]


def test_a_brackets_exits_come_with_the_fill_and_say_what_they_are() -> None:
    strategy = Acting(
        lambda context: context.buy(1, stop_loss="1%", take_profit="3%"), lambda context: context.orders()
    )
    outcome = orders.run(strategy, [BARS], FREE)
    assert fills_of(outcome) == [(1, 1, 102, 1, "order"), (2, -1, 105.06, 1, "take_profit")]
    assert [(order.price, order.stop_price) for order in strategy.handles[1]] == [(None, 100.98), (105.06, None)]


def test_a_trailing_stop_of_ones_own_follows_every_close() -> None:
    strategy = Acting(
        lambda context: context.buy(1),
        lambda context: context.sell(1, order_type="stop_loss", trail="2%"),
    )
    outcome = orders.run(strategy, [some_bars(100, 100, 110, 120, 119, 117, 110)], FREE)
    assert fills_of(outcome) == [(1, 1, 100, 1, "order"), (5, -1, 117, 1, "trailing_stop")]


def test_an_order_that_expires_is_told() -> None:
    strategy = Acting(lambda context: context.buy(1, price=50, expire_after=2))
    orders.run(strategy, [a_walk(6)], FREE)
    assert [word[:2] for word in strategy.heard] == [("order", "expired")]
