"""BacktestResult: the seed's fields worked out by hand, and everything else made when it is asked for."""

from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from orderwright.backtest import metrics
from orderwright.backtest.result import SCALARS
from orderwright.backtest.trades import RoundTrip
from orderwright.errors import InputError
from tests.backtest.results import MINUTE, Fill, a_flat_market, a_market, a_result, bought_and_sold

CLOSES = [100.0, 100.0, 110.0, 120.0, 90.0, 90.0, 80.0, 85.0]
TWO_TRADES: list[Fill] = [
    (1, 1, 100.0, 10.0, "entry"),
    (3, -1, 120.0, 10.0, "signal"),
    (4, 1, 90.0, 20.0, "entry"),
    (6, -1, 80.0, 20.0, "stop_loss"),
]


def rounded(trade: RoundTrip) -> RoundTrip:
    """The same to nine places."""
    floats = {name: value for name in trade.__struct_fields__ if isinstance(value := getattr(trade, name), float)}
    return structs.replace(trade, **{name: round(value, 9) for name, value in floats.items()})


def when(day: int) -> dt.datetime:
    """The open of a day of the flat market."""
    return dt.datetime(2024, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=day)


def test_the_fields_of_the_seed_are_worked_out_by_hand() -> None:
    """10 units from 100 to 120 and 20 from 90 to 80, fees of 0.1 % each way: 2.2 and 3.4."""
    result = a_result(a_flat_market(CLOSES), TWO_TRADES)

    assert {name: getattr(result, name) for name in SCALARS[:9]} == pytest.approx(
        {
            "initial_balance": 10_000.0,
            "final_balance": 9_994.4,
            "total_return": -5.6,
            "total_return_pct": -0.056,
            "total_trades": 2,
            "winning_trades": 1,
            "losing_trades": 1,
            "win_rate": 50.0,
            "max_drawdown": 100 * (1 - 9_994.4 / 10_197.8),
        }
    )


def test_the_ratios_of_the_seed_are_those_of_the_metrics() -> None:
    market = a_market(300)
    result = a_result(market, bought_and_sold(market))

    assert (result.sharpe_ratio, result.sortino_ratio) == pytest.approx(
        (result.metrics["sharpe"], result.metrics["sortino"]), rel=1e-9
    )
    assert result.max_drawdown == pytest.approx(-100 * result.metrics["max_drawdown"], rel=1e-9)
    assert result.total_return == pytest.approx(10_000 * result.metrics["total_return"], rel=1e-9)


def test_a_trade_is_a_round_trip() -> None:
    result = a_result(a_flat_market(CLOSES), TWO_TRADES)

    assert [rounded(trade) for trade in result.trades] == [
        RoundTrip(
            symbol="BTC/USDT",
            side="long",
            quantity=10.0,
            entry_time=when(1),
            exit_time=when(3),
            entry_price=100.0,
            exit_price=120.0,
            profit=197.8,
            return_pct=19.78,
            fees=2.2,
            slippage=0.5,
            bars=2,
            entry_bar=1,
            exit_bar=3,
            entry_reason="entry",
            exit_reason="signal",
        ),
        RoundTrip(
            symbol="BTC/USDT",
            side="long",
            quantity=20.0,
            entry_time=when(4),
            exit_time=when(6),
            entry_price=90.0,
            exit_price=80.0,
            profit=-203.4,
            return_pct=-11.3,
            fees=3.4,
            slippage=0.5,
            bars=2,
            entry_bar=4,
            exit_bar=6,
            entry_reason="entry",
            exit_reason="stop_loss",
        ),
    ]


def test_a_trade_that_is_open_at_the_end_is_in_no_count() -> None:
    result = a_result(a_flat_market(CLOSES), TWO_TRADES[:3])
    (still,) = result.open_trades

    assert (result.total_trades, result.open_count, len(result.trades)) == (1, 1, 1)
    assert (still.entry_bar, still.exit_bar, still.exit_time, still.exit_reason) == (4, None, None, None)
    assert still.profit == pytest.approx(20 * (85 - 90) - 1.8)
    assert "1 trade is still open: it is in the balance at the last close, and in no count" in result.notes


def test_a_short_trade_gains_when_prices_fall() -> None:
    result = a_result(a_flat_market(CLOSES), [(3, -1, 120.0, 10.0, "entry"), (6, 1, 80.0, 10.0, "take_profit")])
    (trade,) = result.trades

    assert (trade.side, trade.entry_price, trade.exit_price) == ("short", 120.0, 80.0)
    assert trade.profit == pytest.approx(400 - 2.0)


def test_a_position_built_and_sold_in_parts_is_one_trade() -> None:
    fills: list[Fill] = [
        (1, 1, 100.0, 10.0, "rebalance"),
        (2, 1, 110.0, 10.0, "rebalance"),
        (3, -1, 120.0, 5.0, "rebalance"),
        (4, -1, 90.0, 15.0, "signal"),
    ]
    (trade,) = a_result(a_flat_market(CLOSES), fills).trades

    assert (trade.quantity, trade.entry_price, trade.exit_price) == pytest.approx((20.0, 105.0, 97.5))
    assert trade.profit == pytest.approx(600 + 1_350 - 2_100 - 4.05)
    assert (trade.bars, trade.exit_reason) == (3, "signal")


def test_a_fill_that_turns_a_position_round_ends_one_trade_and_begins_the_next() -> None:
    fills: list[Fill] = [
        (1, 1, 100.0, 10.0, "order"),
        (3, -1, 120.0, 15.0, "order"),
        (4, 1, 90.0, 5.0, "order"),
    ]
    first, second = a_result(a_flat_market(CLOSES), fills).trades

    assert (first.side, first.quantity, second.side, second.quantity) == ("long", 10.0, "short", 5.0)
    assert first.profit == pytest.approx(200 - 1.0 - 1.2)
    assert second.profit == pytest.approx(150 - 0.6 - 0.45)


def test_the_equity_curve_is_indexed_as_the_data_was() -> None:
    import pandas as pd

    index = pd.date_range("2024-01-01", periods=len(CLOSES), freq="D", name="timestamp")
    curve = a_result(a_flat_market(CLOSES, index=index), TWO_TRADES).equity_curve

    assert list(curve.columns) == ["equity", "position", "drawdown", "returns"]
    assert curve.index.equals(index)
    assert curve["position"].tolist() == pytest.approx([0, 1_000, 1_100, 0, 1_800, 1_800, 0, 0])
    assert curve["equity"].iloc[-1] == pytest.approx(9_994.4)
    assert curve["drawdown"].max() == pytest.approx(100 * (1 - 9_994.4 / 10_197.8))
    assert (1 + curve["returns"]).prod() == pytest.approx(0.99944)


def test_data_without_an_index_is_indexed_by_close_times() -> None:
    curve = a_result(a_flat_market(CLOSES), TWO_TRADES).equity_curve

    assert str(curve.index[0]) == "2024-01-02 00:00:00+00:00"


def test_the_metrics_have_every_name_once_and_are_made_once() -> None:
    result = a_result(a_flat_market(CLOSES), TWO_TRADES)

    assert result.metrics is result.metrics
    assert {"cagr", "cvar", "sqn", "turnover", "buy_and_hold", "expectancy"} <= set(result.metrics)
    assert result.metrics["expectancy"] == pytest.approx(-2.8)
    assert result.metrics["fees"] == pytest.approx(5.6)
    assert result.metrics["slippage"] == pytest.approx(1.0)
    assert result.metrics["traded"] == pytest.approx(5_600.0)


def test_bars_a_year_can_be_given() -> None:
    market = a_market(300)
    result = a_result(market, bought_and_sold(market))
    again = result.annualised(252)

    assert result.bars_per_year == pytest.approx(365.25)
    assert again.sharpe_ratio == pytest.approx(result.sharpe_ratio * math.sqrt(252 / 365.25), rel=1e-12)
    with pytest.raises(InputError, match=r"bars_per_year: 0 bars a year cannot be \(nearest: 252\)"):
        result.annualised(0)


@pytest.mark.parametrize("n", [1, 2, 30])
def test_a_run_without_a_trade_has_every_field(n: int) -> None:
    result = a_result(a_market(n, interval=MINUTE))

    assert (result.total_trades, result.win_rate, result.total_return, result.max_drawdown) == (0, 0, 0, 0)
    assert result.trades == result.open_trades == []
    assert math.isnan(result.sharpe_ratio)
    assert math.isnan(result.sortino_ratio)
    assert math.isnan(result.metrics["expectancy"])
    assert len(result.equity_curve) == n
    assert "trades            none" in result.summary()


def test_a_ruined_account_has_every_field() -> None:
    result = a_result(a_flat_market([100, 100, 300, 250, 300]), [(1, -1, 100.0, 100.0, "entry")])

    assert result.final_balance == pytest.approx(10_000 - 20_000 - 10)
    assert result.max_drawdown == pytest.approx(100 * 2.001)
    assert math.isfinite(result.sharpe_ratio)
    assert math.isnan(result.metrics["cagr"])


def test_the_result_as_a_dictionary_is_json() -> None:
    result = a_result(a_flat_market(CLOSES), TWO_TRADES)
    told = json.loads(json.dumps(result.to_dict(), allow_nan=False))

    assert {name: told[name] for name in SCALARS} == {name: getattr(result, name) for name in SCALARS}
    assert told["trades"][0]["entry_time"] == "2024-01-02T00:00:00Z"
    assert told["rules"]["commission"] == "0.001"
    assert set(told["metrics"]) == set(result.metrics)
    assert {type(value) for value in result.metrics.values()} == {float}
    json.dumps(a_result(a_market(1)).to_dict(), allow_nan=False)


def test_the_best_of_many_trials_says_so() -> None:
    market = a_market(50)
    result = a_result(market, bought_and_sold(market, 5))
    result.deflated_sharpe, result.trials = 0.42, 500

    assert "the best of 500 trials: the best of many looks good by luck alone" in result.notes
    assert (result.annualised(252).deflated_sharpe, result.annualised(252).trials) == (0.42, 500)


def test_a_result_says_what_it_is_in_a_line() -> None:
    result = a_result(a_flat_market(CLOSES), TWO_TRADES)

    assert repr(result).startswith("<BacktestResult Cross on BTC/USDT: -0.06 %, 2 trades, Sharpe -")
    assert result.summary().splitlines()[0] == (
        "Cross (fast=2, slow=5) on BTC/USDT, 2024-01-01 00:00 to 2024-01-09 00:00 UTC, 8 bars of 1 d"
    )


def test_trades_of_several_symbols_come_in_the_order_in_which_they_closed() -> None:
    one, other = a_flat_market(CLOSES), a_flat_market(CLOSES, "ETH/USDT")
    late: list[Fill] = [(1, 1, 100.0, 1.0, "entry"), (5, -1, 90.0, 1.0, "signal")]
    result = a_result([one, other], [TWO_TRADES, late])

    assert [(trade.symbol, trade.exit_bar) for trade in result.trades] == [
        ("BTC/USDT", 3),
        ("ETH/USDT", 5),
        ("BTC/USDT", 6),
    ]


def test_the_result_of_random_runs_adds_up() -> None:
    """What the trades made is what the balance gained, and the figures of the equity are those of `metrics`."""
    for seed in range(10):
        market = a_market(150, seed=seed)
        draw = np.random.default_rng(seed)
        fills: list[Fill] = [
            (
                int(bar),
                int(draw.choice([-1, 1])),
                float(market.open[bar]),
                round(float(draw.uniform(0.001, 0.02)), 5),
                "order",
            )
            for bar in np.sort(draw.choice(np.arange(1, 150), 40, replace=False))
        ]
        result = a_result(market, fills)
        made = sum(one.profit for one in [*result.trades, *result.open_trades])
        equity = metrics.equity_metrics(
            result.outcome.equity, result.outcome.times, result.outcome.position, 10_000.0, result.bars_per_year
        )

        assert made == pytest.approx(result.total_return, rel=1e-9)
        assert result.sharpe_ratio == pytest.approx(equity["sharpe"], rel=1e-9)
        assert result.sortino_ratio == pytest.approx(equity["sortino"], rel=1e-9)
        assert result.winning_trades == sum(one.profit > 0 for one in result.trades)


def test_notes_of_the_data_and_of_the_run_come_once_each() -> None:
    market = replace(a_market(5), notes=("a gap of 3 bars", "a gap of 3 bars"))
    result = a_result(market, outcome={"notes": ("no look-ahead seen",), "ties": 2})

    assert result.notes == (
        "a gap of 3 bars",
        "no look-ahead seen",
        "2 sizes came within rounding of a whole step: engines may differ by it",
    )
