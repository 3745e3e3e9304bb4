"""The law: for all that the kernel can express, the kernel, its twin and the order engine give the same fills and the
same equity, away from rounding ties; and ties differ by one step."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from orderwright.backtest import kernel, orders
from orderwright.backtest.bars import Bars
from orderwright.backtest.kernel.twin import twin
from orderwright.backtest.outcome import REASONS, Outcome
from orderwright.backtest.rules import FixedQuantity, PercentOfEquity, Rules, TargetPosition
from orderwright.backtest.signal_trader import SignalTrader
from tests.backtest.markets import bars_of, markets, some_rules, some_signals

SLOW_TO_DRAW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)
Fill = tuple[int, int, int, int, int, str]


def fills_of(outcome: Outcome) -> list[Fill]:
    """(bar, time, side, price, quantity, reason) of each."""
    fills = outcome.fills
    columns = (fills.bar, fills.time, fills.side, fills.price, fills.quantity)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [(*row, REASONS[reason]) for row, reason in zip(rows, fills.reason, strict=True)]


def by_kernel(bars: Bars, signals: list[int], rules: Rules) -> Outcome:
    return kernel.run(bars, np.array(signals, dtype=np.int8), rules)


def by_orders(bars: Bars, signals: list[int], rules: Rules) -> Outcome:
    trader = SignalTrader(np.array(signals, dtype=np.int8), rules, bars=bars)
    return orders.run(trader, [bars], rules, warm_up=0)


def same(one: Outcome, other: Outcome) -> None:
    assert fills_of(one) == fills_of(other)
    for name in ("equity", "position"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9, atol=1e-9, err_msg=name)
    for name in ("fee", "slippage"):
        np.testing.assert_allclose(getattr(one.fills, name), getattr(other.fills, name), rtol=1e-9, atol=1e-9)
    assert one.times.tolist() == other.times.tolist()


@settings(max_examples=250, suppress_health_check=SLOW_TO_DRAW)
@given(st.data())
def test_the_kernel_does_what_its_twin_does(data: st.DataObject) -> None:
    bars, rules = data.draw(markets()), data.draw(some_rules())
    signals = data.draw(some_signals(len(bars)))
    compiled, plain = by_kernel(bars, signals, rules), twin(bars, signals, rules)
    assert (compiled.ties, compiled.orders) == (plain.ties, plain.orders)
    same(compiled, plain)


@settings(max_examples=150, suppress_health_check=SLOW_TO_DRAW)
@given(st.data())
def test_the_kernel_does_what_the_order_engine_does(data: st.DataObject) -> None:
    bars, rules = data.draw(markets()), data.draw(some_rules())
    signals = data.draw(some_signals(len(bars)))
    arrays = by_kernel(bars, signals, rules)
    event("a tie" if arrays.ties else "no tie")
    if not arrays.ties:
        same(arrays, by_orders(bars, signals, rules))


@pytest.mark.parametrize("fill_at", ["next_open", "this_close"])
@pytest.mark.parametrize("path", ["nearest", "worst", "high_first", "low_first"])
def test_every_exit_at_once_on_a_longer_market(fill_at: Any, path: Any) -> None:
    rng = np.random.default_rng(7)
    rows, close = [], 50_000
    for _ in range(1_500):
        points = [max(100, close + int(step)) for step in rng.integers(-300, 301, 4)]
        close = points[-1]
        rows.append((points[0], max(points), min(points), close))
    bars, signals = bars_of(rows), rng.choice([0, 0, 1, 1, -1], 1_500).tolist()
    rules = Rules(
        commission=Decimal("0.001"),
        slippage=Decimal("0.0005"),
        allow_short=True,
        fill_at=fill_at,
        path=path,
        stop_loss=Decimal("0.006"),
        take_profit=Decimal("0.015"),
        trailing_stop=Decimal("0.007"),
        sizing=PercentOfEquity(Decimal(37)),
    )
    arrays = by_kernel(bars, signals, rules)
    assert {fill[5] for fill in fills_of(arrays)} == {"entry", "signal", "stop_loss", "take_profit", "trailing_stop"}
    assert arrays.ties == 0
    same(arrays, by_orders(bars, signals, rules))


# Ties

EVEN = [(10_000, 10_000, 10_000, 10_000)] * 3
"""A market at 100.00 that does not move: 1,000 buys 10 units, to the step."""


def test_a_size_that_is_a_whole_step_is_a_tie_and_is_taken_whole() -> None:
    rules = Rules(initial_balance=Decimal(1_000))
    for run in (by_kernel, twin, by_orders):
        outcome = run(bars_of(EVEN), [1, 0, 0], rules)
        assert outcome.ties == 1
        assert [fill[2:] for fill in fills_of(outcome)] == [(1, 10_000, 1_000_000, "entry")]


def test_a_size_a_billionth_below_a_whole_step_is_one_less_where_the_money_does_not_pay_for_it() -> None:
    rules = Rules(initial_balance=Decimal("999.9999999999999"))
    for run in (by_kernel, twin, by_orders):
        outcome = run(bars_of(EVEN), [1, 0, 0], rules)
        assert outcome.ties == 1
        assert [fill[4] for fill in fills_of(outcome)] == [999_999]


def test_a_part_of_the_money_that_is_a_billionth_below_a_whole_step_is_taken_whole() -> None:
    rules = Rules(initial_balance=Decimal("1999.9999999999999"), sizing=PercentOfEquity(Decimal(50)))
    for run in (by_kernel, twin, by_orders):
        outcome = run(bars_of(EVEN), [1, 0, 0], rules)
        assert outcome.ties == 1
        assert [fill[4] for fill in fills_of(outcome)] == [1_000_000]


def test_a_fixed_quantity_is_no_tie_while_there_is_money_to_spare() -> None:
    rules = Rules(initial_balance=Decimal(1_001), sizing=FixedQuantity(Decimal(10)))
    outcome = by_kernel(bars_of(EVEN), [1, 0, 0], rules)
    assert (outcome.ties, [fill[4] for fill in fills_of(outcome)]) == (0, [1_000_000])


def test_ties_are_rare_on_a_market_that_moves() -> None:
    rng = np.random.default_rng(3)
    close = 50_000 + np.cumsum(rng.integers(-40, 41, 20_000))
    opens = np.concatenate([[50_000], close[:-1]])
    rows = list(zip(opens, np.maximum(opens, close), np.minimum(opens, close), close, strict=True))
    rules = Rules(commission=Decimal("0.001"), slippage=Decimal("0.0005"), sizing=TargetPosition(Decimal(90)))
    outcome = by_kernel(bars_of(rows), rng.choice([0, 1, 1, -1], 20_000).tolist(), rules)
    assert outcome.orders > 5_000
    assert outcome.ties < 20
