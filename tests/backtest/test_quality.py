"""How well a run's orders were executed: by the orders engine, by the kernel, on the page and in the notes."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import numpy as np
import pytest
from msgspec import structs

from orderwright.backtest import kernel, orders
from orderwright.backtest.bars import Bars
from orderwright.backtest.context import Context
from orderwright.backtest.outcome import Outcome
from orderwright.backtest.quality import execution_of
from orderwright.backtest.report import render
from orderwright.backtest.result import BacktestResult
from orderwright.backtest.rules import FixedQuantity, Rules
from orderwright.backtest.signal_trader import SignalTrader
from orderwright.backtest.strategy import Strategy
from orderwright.simulation.faults import Faults
from orderwright.simulation.models import Models
from orderwright.simulation.models.fees import Fees
from orderwright.simulation.models.volume import VolumeShare
from tests.backtest.trading_worlds import COSTLY, FREE, Acting, some_bars
from tests.builders import NOW

BARS = some_bars((100, 101, 99, 100), (102, 103, 101, 103), (104, 106, 104, 105), (105, 105, 100, 101))


def a_result(outcome: Outcome, bars: Bars | list[Bars] = BARS, rules: Rules = FREE) -> BacktestResult:
    several = [bars] if isinstance(bars, Bars) else bars
    return BacktestResult(outcome, several, rules, strategy="acting", parameters={}, engine="orders")


def by_orders(strategy: Strategy, rules: Rules = FREE, models: Models | None = None) -> BacktestResult:
    return a_result(orders.run(strategy, [BARS], rules, models=models), rules=rules)


def test_orders_are_counted_by_how_they_ended() -> None:
    def two(context: Context) -> None:
        context.buy(1)
        context.buy(1, price=50, tag="too low").cancel()

    last = lambda context: context.buy(1, price=40)  # noqa: E731
    result = by_orders(Acting(two, lambda context: context.buy("50"), last))

    assert (result.orders, len(result.fills)) == (3, 1)
    assert dict(result.execution.ended) == {"cancelled": 1, "denied": 1, "filled": 1}
    assert (result.execution.live, result.execution.fill_ratio) == (1, 0.5)


def test_an_order_that_our_checks_refuse_is_told_with_its_reason() -> None:
    result = by_orders(Acting(None, lambda context: context.buy("50")))
    why = "quantity 50: needs 5150 USDT, 1000 is free (nearest that passes: 9.70873)"
    time = dt.datetime.fromtimestamp(NOW / 1e6 + 120, dt.UTC)

    assert result.refused == [(time, why)]
    assert result.notes == (f"1 order was refused, at 2026-01-05T12:02:00Z: {why}",)
    assert dict(result.execution.refusals) == {"buying_power": 1}
    assert result.to_dict()["refused"] == [{"time": time.isoformat(), "reason": why}]
    assert why in render(result)


def test_several_refusals_are_one_note_that_counts_their_reasons() -> None:
    result = by_orders(Acting(*[lambda context: context.buy("50")] * 2, lambda context: context.sell("3")))

    assert len(result.refused) == 3
    assert result.notes[0].startswith("3 orders were refused (3 buying power); the first at 2026-01-05T12:01:00Z: ")


def test_of_several_symbols_a_refusal_names_its_own() -> None:
    late = some_bars(50, 51, symbol="ETH/USDT")
    strategy = Acting(lambda context: context.buy("50", symbol="ETH/USDT"))
    result = a_result(orders.run(strategy, [BARS, late], FREE), [BARS, late])

    assert result.refused[0][1].startswith("ETH/USDT: quantity 50: needs 2500 USDT")


def test_an_order_that_the_exchange_refuses_is_told_too() -> None:
    outcome = orders.run(Acting(lambda context: context.buy(1)), [BARS], FREE, faults=Faults(refused=1.0))
    result = a_result(outcome)

    assert (result.orders, dict(result.execution.ended)) == (1, {"rejected": 1})
    assert [why for _, why in result.refused] == ["refused by chance: the exchange is busy"]


def test_the_exits_of_a_bracket_are_orders_and_no_wishes() -> None:
    result = by_orders(Acting(lambda context: context.buy(2, stop_loss="1%", take_profit="50%")))

    assert result.orders == 3
    assert dict(result.execution.ended) == {"cancelled": 1, "filled": 2}
    assert result.execution.fill_ratio == 1


def test_an_entry_that_never_fills_sends_no_exits() -> None:
    result = by_orders(Acting(lambda context: context.buy(1, price=50, stop_loss="1%", expire_after=1)))

    assert (result.orders, dict(result.execution.ended)) == (1, {"expired": 1})


def test_what_filled_in_part_counts_in_part() -> None:
    models = Models(volume=VolumeShare(Decimal("0.0005")))
    result = by_orders(Acting(lambda context: context.buy(2, price=103, expire_after=1)), models=models)

    assert result.execution.fill_ratio == 0.25
    assert dict(result.execution.ended) == {"expired": 1}


def test_each_kind_of_fill_has_its_costs() -> None:
    """Bought at 102.06 where the market was 102, and 100 at the decision; sold at 104.94, of 105 then and 103."""
    result = by_orders(Acting(lambda context: context.buy(2), None, lambda context: context.sell(2)), COSTLY)
    (kind,) = result.execution.kinds

    assert (kind.reason, kind.fills) == ("order", 2)
    costs = [kind.traded, kind.fees, kind.slippage, kind.decision_cost, kind.decided]
    assert costs == pytest.approx([414.0, 0.414, 0.24, 4.24, 410.0])
    assert result.execution.decision_bps == pytest.approx(10_000 * 4.24 / 410)


@pytest.mark.parametrize("fill_at", ["next_open", "this_close"])
def test_both_engines_say_the_same_of_the_same_signals(fill_at: str) -> None:
    chance = np.random.default_rng(5)
    prices = 100 + np.cumsum(chance.normal(0, 1, (300, 1)), axis=0) + chance.normal(0, 0.5, (300, 2))
    rows = [(o, max(o, c) + 0.5, min(o, c) - 0.5, c) for o, c in np.round(prices, 2).tolist()]
    bars = some_bars(*rows)
    rules = structs.replace(
        COSTLY,
        allow_short=True,
        fill_at=fill_at,
        stop_loss=Decimal("0.02"),
        take_profit=Decimal("0.03"),
        sizing=FixedQuantity(Decimal(1)),
    )
    signals = chance.choice(np.array([0, 0, 1, -1], dtype=np.int8), 300)
    arrays = kernel.run(bars, signals, rules)
    real = orders.run(SignalTrader(signals, rules), [bars], rules)
    one, other = (execution_of(outcome, [bars], rules) for outcome in (arrays, real))

    assert arrays.orders == real.orders == sum(other.ended.values()) + other.live
    assert len(one.kinds) == 4
    for mine, theirs in zip(one.kinds, other.kinds, strict=True):
        assert (mine.reason, mine.fills) == (theirs.reason, theirs.fills)
        for name in ("traded", "fees", "slippage", "decision_cost", "decided"):
            assert getattr(mine, name) == pytest.approx(getattr(theirs, name), rel=1e-9, abs=1e-9), name


def test_a_run_without_an_order_has_no_figures_and_no_section() -> None:
    result = by_orders(Acting())

    assert result.execution.kinds == ()
    assert all(map(math.isnan, (result.execution.fill_ratio, result.execution.decision_bps)))
    assert (result.refused, result.notes) == ([], ())
    assert 'id="execution"' not in render(result)


def test_a_fee_that_is_taken_of_what_was_bought_is_missing_in_the_equity() -> None:
    models = Models(fees=Fees(taker=Decimal("0.01"), taken_in="received"), stops_in_market="trigger")
    result = by_orders(Acting(lambda context: context.buy(5), None, lambda context: context.close()), models=models)

    assert result.fills.quantity.tolist() == [500_000, 495_000]
    assert result.outcome.equity.tolist() == pytest.approx([1_000, 490 + 4.95 * 103, 490 + 4.95 * 105, 1_004.5525])
