"""The law: for all that the kernel can express, the kernel, its twin and the order engine give the same fills and the
same equity, away from rounding ties; and ties differ by one step."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from msgspec import structs

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
    assert one.orders == other.orders


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


@settings(max_examples=60, suppress_health_check=SLOW_TO_DRAW)
@given(st.data())
def test_limit_entries_that_follow_a_close_pay_the_slippage_that_the_order_engine_sees(data: st.DataObject) -> None:
    """Reversals: each leaves at an open that may have crossed the limit already, which then is a taker, at its limit at
    worst."""
    bars = data.draw(markets())
    rules = structs.replace(
        data.draw(some_rules()),
        sizing=FixedQuantity(Decimal("0.5")),
        allow_short=True,
        slippage=data.draw(st.sampled_from((Decimal("0.0005"), Decimal("0.002")))),
        limit_entry=data.draw(st.sampled_from((Decimal("0.0002"), Decimal("0.001"), Decimal("0.004")))),
    )
    signals = data.draw(st.lists(st.sampled_from((0, 1, -1)), min_size=len(bars), max_size=len(bars)))
    arrays = by_kernel(bars, signals, rules)
    if not arrays.ties:
        same(arrays, by_orders(bars, signals, rules))


def test_a_taker_at_its_limit_paid_what_the_limit_left_of_the_slippage() -> None:
    """Long from 100.00; the open of 101.00 ends that, and has crossed the limit of the short that follows (100.20)."""
    rules = Rules(
        slippage=Decimal("0.01"), allow_short=True, limit_entry=Decimal("0.002"), sizing=FixedQuantity(Decimal(1))
    )
    rows = [(10_000, 10_000, 10_000, 10_000), (10_000, 10_000, 9_900, 10_000), (10_100, 10_100, 10_100, 10_100)]
    for run in (by_kernel, twin, by_orders):
        outcome = run(bars_of([*rows, rows[-1]]), [1, -1, 0, 0], rules)
        assert [fill[2:] for fill in fills_of(outcome)] == [
            (1, 9_980, 100_000, "entry"),
            (-1, 9_999, 100_000, "signal"),
            (-1, 10_020, 100_000, "entry"),
        ]
        assert outcome.fills.slippage.tolist() == pytest.approx([0.0, 1.01, 0.8])


def test_equity_is_exact_where_little_is_left_of_much() -> None:
    """A hundred million falls to one: what is left is still right to a billionth."""
    rules = Rules(initial_balance=Decimal(100_000_000), commission=Decimal("0.0001234567"))
    rows = [(10_000_000,) * 4, (10_000_000,) * 4, (10_000_003, 10_000_003, 7, 7), (7,) * 4]
    bars, signals = bars_of(rows), [1, 0, 0, -1]
    outcome = by_orders(bars, signals, rules)
    ((_, _, _, price, steps, _),) = fills_of(outcome)
    paid = Decimal(price) * steps * Decimal("0.0000001")
    left = rules.initial_balance - paid * (1 + rules.commission) + Decimal(7) * steps * Decimal("0.0000001")
    assert outcome.equity[-1] == pytest.approx(float(left), rel=1e-12)
    same(by_kernel(bars, signals, rules), outcome)


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


def test_a_take_profit_that_is_reached_when_it_arrives_is_taken_at_the_first_price() -> None:
    """A short at one tick: its take profit is at one tick too, and the path rises through its stop."""
    rules = Rules(allow_short=True, stop_loss=Decimal("0.2"), take_profit=Decimal("0.3"), path="high_first")
    rows = [(1, 1, 1, 1), (1, 5, 1, 5), (5, 5, 5, 5)]
    for run in (by_kernel, twin, by_orders):
        fills = fills_of(run(bars_of(rows), [-1, 0, 0], rules))
        assert [(bar, side, price, reason) for bar, _, side, price, _, reason in fills] == [
            (1, -1, 1, "entry"),
            (1, 1, 1, "take_profit"),
        ]


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
