"""`Backtester`: its arguments are checked, its engines are chosen, the seed's example runs."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace

from orderwright.backtest import Backtester, SimpleMovingAverageStrategy, Strategy
from orderwright.backtest.checking import LookAheadError, SignalsFailed
from orderwright.backtest.rules import FixedQuantity, PercentOfEquity, Rules, TargetPosition, VolatilityRisk
from orderwright.errors import InputError, UnknownName
from orderwright.simulation.models import Models
from tests.backtest.markets import INSTRUMENT, bars_of


def a_frame(bars: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    close = np.round(50_000 * np.exp(np.cumsum(rng.normal(0, 0.01, bars))), 2)
    opens = np.concatenate([[50_000.0], close[:-1]])
    frame = {
        "timestamp": pd.date_range("2024-01-01", periods=bars, freq="h").astype(str),
        "open": opens,
        "high": np.round(np.maximum(opens, close) * 1.002, 2),
        "low": np.round(np.minimum(opens, close) * 0.998, 2),
        "close": close,
        "volume": 1.0,
    }
    return pd.DataFrame(frame)


def the_seeds() -> Backtester:
    return Backtester(initial_balance=10000, commission=0.001, slippage=0.0005)


class ByRow(Strategy):
    """Long in even rows."""

    def generate_signals(self, data: pd.DataFrame) -> pd.Series[int]:
        return pd.Series(np.where(np.arange(len(data)) % 2 == 0, 1, -1), index=data.index)


class ByOrders(Strategy):
    """Buys once."""

    def on_bar(self, context: Any, bar: Any) -> None:
        if bar.index == 3:
            context.buy("0.01")


def test_floats_text_and_whole_numbers_become_exact_rules() -> None:
    backtester = Backtester(
        "2500.5",
        0.001,
        "0.0005",
        allow_short=True,
        sizing=VolatilityRisk(Decimal(2), 20),
        stop_loss=0.02,
        take_profit="0.05",
        trailing_stop=Decimal("0.03"),
        limit_entry=0.001,
        limit_bars=3,
        fill_at="this_close",
        path="worst",
    )
    assert backtester.rules == Rules(
        initial_balance=Decimal("2500.5"),
        commission=Decimal("0.001"),
        slippage=Decimal("0.0005"),
        allow_short=True,
        sizing=VolatilityRisk(Decimal(2), 20),
        stop_loss=Decimal("0.02"),
        take_profit=Decimal("0.05"),
        trailing_stop=Decimal("0.03"),
        limit_entry=Decimal("0.001"),
        limit_bars=3,
        fill_at="this_close",
        path="worst",
    )


@pytest.mark.parametrize(
    ("arguments", "field", "nearest"),
    [
        ({"commission": 1.5}, "commission", "0.015"),
        ({"commission": -0.1}, "commission", 0),
        ({"slippage": 5}, "slippage", "0.05"),
        ({"initial_balance": 0}, "initial_balance", 10_000),
        ({"initial_balance": "lots"}, "initial_balance", None),
        ({"stop_loss": 2}, "stop_loss", "0.02"),
        ({"stop_loss": -0.02}, "stop_loss", "0.02"),
        ({"stop_loss": 0}, "stop_loss", None),
        ({"take_profit": 15}, "take_profit", "0.15"),
        ({"take_profit": 3, "allow_short": True}, "take_profit", "0.03"),
        ({"trailing_stop": 1}, "trailing_stop", "0.01"),
        ({"limit_entry": 1}, "limit_entry", "0.01"),
        ({"limit_bars": 0}, "limit_bars", 1),
        ({"limit_bars": 1.5}, "limit_bars", 2),
        ({"fill_at": "next_opn"}, "fill_at", "next_open"),
        ({"path": "worse"}, "path", "worst"),
        ({"sizing": 50}, "sizing", "PercentOfEquity(100)"),
        ({"sizing": PercentOfEquity(Decimal(150))}, "sizing.percent", "100"),
        ({"sizing": FixedQuantity(Decimal(0))}, "sizing.quantity", None),
        ({"sizing": VolatilityRisk(window=0)}, "sizing.window", 1),
        ({"sizing": TargetPosition(), "stop_loss": 0.1}, "stop_loss", "None, or PercentOfEquity"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_can(arguments: Any, field: str, nearest: Any) -> None:
    with pytest.raises(InputError) as caught:
        Backtester(**arguments)
    assert (caught.value.field, caught.value.nearest) == (field, nearest)


def test_the_seeds_example_runs() -> None:
    data = a_frame().set_index("timestamp")
    result = the_seeds().run(SimpleMovingAverageStrategy(fast_period=20, slow_period=50), data, symbol="BTC/USDT")
    assert (result.engine, result.symbols, result.warm_up) == ("kernel", ("BTC/USDT",), 49)
    assert result.parameters == {"fast_period": 20, "slow_period": 50}
    assert result.total_trades == len(result.trades) > 0
    assert result.final_balance == pytest.approx(10_000 + result.total_return)
    assert list(result.equity_curve.index[:2]) == ["2024-01-01 00:00:00", "2024-01-01 01:00:00"]


def test_both_engines_give_the_same_result() -> None:
    kernel, orders = (
        the_seeds().run(SimpleMovingAverageStrategy(5, 12), a_frame(), engine=engine) for engine in ("kernel", "orders")
    )
    assert (kernel.engine, orders.engine) == ("kernel", "orders")
    assert kernel.total_trades == orders.total_trades
    for name in ("final_balance", "sharpe_ratio", "sortino_ratio", "max_drawdown", "win_rate"):
        assert getattr(kernel, name) == pytest.approx(getattr(orders, name), rel=1e-9)
    assert [trade.profit for trade in kernel.trades] == pytest.approx([trade.profit for trade in orders.trades])
    assert kernel.log is None
    assert orders.log is not None


@pytest.mark.parametrize("given", [{"models": Models()}, {"keep": 5}, {"log": "x.sqlite"}])
def test_what_only_the_order_engine_knows_goes_there(given: Any, tmp_path: Path) -> None:
    if "log" in given:
        given = {"log": tmp_path / given["log"]}
    assert the_seeds().run(ByRow(), a_frame(60), **given).engine == "orders"
    with pytest.raises(InputError, match=f"{next(iter(given))} is of the orders engine") as caught:
        the_seeds().run(ByRow(), a_frame(60), engine="kernel", **given)
    assert caught.value.nearest == "orders"


def test_a_strategy_of_orders_goes_to_the_order_engine() -> None:
    assert the_seeds().run(ByOrders(), a_frame(30)).engine == "orders"
    with pytest.raises(InputError, match="ByOrders has no generate_signals"):
        the_seeds().run(ByOrders(), a_frame(30), engine="kernel")


def test_several_symbols_share_one_balance_on_the_order_engine() -> None:
    data = {"BTC/USDT": a_frame(30), "ETH/USDT": a_frame(30)}
    result = the_seeds().run(ByOrders(), data)
    assert (result.engine, result.symbols) == ("orders", ("BTC/USDT", "ETH/USDT"))
    with pytest.raises(InputError, match="2 symbols share one balance"):
        the_seeds().run(ByRow(), data, engine="kernel")


def test_unknown_engines_and_things_that_are_no_strategy_are_refused() -> None:
    with pytest.raises(UnknownName, match="unknown engine 'kernal'"):
        the_seeds().run(ByRow(), a_frame(30), engine="kernal")
    with pytest.raises(InputError, match=r"ByRow is a class; give an object of it \(nearest: ByRow\(\)\)"):
        the_seeds().run(ByRow, a_frame(30))  # type: ignore[arg-type]


def test_a_strategy_that_peeks_is_stopped_unless_told_otherwise() -> None:
    class Peeks(Strategy):
        def generate_signals(self, data: pd.DataFrame) -> pd.Series[int]:
            return np.sign(data["close"].shift(-1) - data["close"]).fillna(0)

    with pytest.raises(LookAheadError, match="Peeks looks ahead"):
        the_seeds().run(Peeks(), a_frame())
    assert the_seeds().run(Peeks(), a_frame(), check_look_ahead=False).total_return > 0


def test_bars_of_the_warm_up_are_not_traded() -> None:
    result = the_seeds().run(ByRow(), a_frame(60), warm_up=30)
    assert result.outcome.fills.bar[0] == 31
    assert (result.outcome.equity[:31] == 10_000).all()


def test_progress_is_told() -> None:
    seen: list[tuple[int, int]] = []
    the_seeds().run(ByRow(), a_frame(60), progress=lambda done, whole: seen.append((done, whole)))
    assert seen == [(60, 60)]


def test_fewer_bars_than_the_slow_period_are_refused() -> None:
    with pytest.raises(InputError, match="30 bars are too few") as caught:
        the_seeds().run(SimpleMovingAverageStrategy(20, 50), a_frame(30))
    assert caught.value.field == "slow_period"


class Bytes(Strategy):
    """Long above 50,000, as int8: pandas lends such an array read-only."""

    def generate_signals(self, data: pd.DataFrame) -> pd.Series[int]:
        return (data["close"] > 50_000).astype("int8")


def test_signals_that_are_lent_read_only_are_traded() -> None:
    by_kernel, by_orders = (the_seeds().run(Bytes(), a_frame(), engine=engine) for engine in ("kernel", "orders"))
    assert len(by_kernel.fills) == len(by_orders.fills) == 1


class OverWriting(Strategy):
    """Writes to what it is shown."""

    def signals(self, bars: Any) -> Any:
        bars.close[:] = 1
        return np.ones(len(bars), np.int8)


def test_a_strategy_cannot_change_the_prices_that_it_is_shown() -> None:
    data = {name: column.to_numpy() for name, column in a_frame().items()}
    before = data["close"].tolist()
    with pytest.raises(SignalsFailed, match="read-only"):
        the_seeds().run(OverWriting(), data)
    assert data["close"].tolist() == before


def test_a_result_stays_when_the_arrays_it_was_made_of_change() -> None:
    data = {name: column.to_numpy(copy=True) for name, column in a_frame().items()}
    result = the_seeds().run(SimpleMovingAverageStrategy(3, 7), data)
    for name in ("open", "high", "low", "close"):
        data[name][:] = 1.0
    again = the_seeds().run(SimpleMovingAverageStrategy(3, 7), a_frame())
    assert result.metrics == again.metrics
    assert result.outcome.position.tolist() == again.outcome.position.tolist()


LIMITS: list[dict[str, Any]] = [
    {"min_quantity": Decimal("0.001")},
    {"min_notional": Decimal(5)},
    {"max_quantity": Decimal(1)},
    {"market_max_quantity": Decimal(1)},
    {"max_notional": Decimal(100_000)},
    {"price_min": Decimal(1)},
    {"price_max": Decimal(1_000_000)},
    {"trading": False},
]


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: next(iter(limit)))
def test_an_instrument_with_limits_goes_to_the_order_engine(limit: dict[str, Any]) -> None:
    instrument = replace(INSTRUMENT, **limit)
    assert the_seeds().run(Bytes(), a_frame(60), instrument=INSTRUMENT).engine == "kernel"
    assert the_seeds().run(Bytes(), a_frame(60), instrument=instrument).engine == "orders"
    with pytest.raises(InputError, match=f"BTC/USDT has {next(iter(limit))}") as caught:
        the_seeds().run(Bytes(), a_frame(60), instrument=instrument, engine="kernel")
    assert (caught.value.field, caught.value.nearest) == ("engine", "orders")


def test_figures_are_indexed_as_the_data_is() -> None:
    curve = the_seeds().run(ByRow(), a_frame(60)).equity_curve
    assert curve.index.tolist() == list(range(60))


@pytest.mark.parametrize(
    ("words", "field"),
    [({"bars_per_year": "x"}, "bars_per_year"), ({"bars_per_year": 0}, "bars_per_year"), ({"keep": -1}, "keep")],
)
def test_arguments_of_a_run_that_cannot_be_meant_are_named(words: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as caught:
        the_seeds().run(ByRow(), a_frame(60), **words)
    assert (caught.value.field, caught.value.value) == (field, words[field])


def test_numbers_of_bars_beyond_any_use_are_refused() -> None:
    with pytest.raises(InputError, match=r"limit_bars: .* \(nearest: 1000000\)"):
        Backtester(limit_bars=10**30)
    with pytest.raises(InputError, match=r"sizing.window: .* \(nearest: 1000000\)"):
        Backtester(sizing=VolatilityRisk(Decimal(1), 10**30))


def test_numbers_of_numpy_are_numbers() -> None:
    tester = Backtester(np.int64(1_000), np.float64(0.001), np.float32(0.0005))  # type: ignore[arg-type]
    assert (tester.rules.initial_balance, tester.rules.commission) == (Decimal(1_000), Decimal("0.001"))
    assert tester.rules.slippage == Decimal("0.0005")


def test_one_bar_is_annualised_by_its_interval() -> None:
    outcome = the_seeds().run(Bytes(), bars_of([(10_000, 10_100, 9_900, 10_050)]))
    assert (outcome.bars_per_year, outcome.final_balance) == (525_960, 10_000)
