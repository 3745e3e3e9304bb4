"""The kernel's pieces, each beside its plain twin: averages, figures, round trips, scores, and how it is compiled."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwright.backtest import announcing, compiling, kernel
from orderwright.backtest.bars import read_bars
from orderwright.backtest.kernel.averages import rolling_sum, sma_cross_signals
from orderwright.backtest.kernel.figures import Figures, figures_of, round_trips
from orderwright.backtest.kernel.money import add, times, twice, two_product
from orderwright.backtest.metrics import drawdowns_of, equity_metrics
from orderwright.backtest.outcome import Fills, Outcome
from orderwright.backtest.rules import FixedQuantity, Rules, TargetPosition
from orderwright.core.numbers import ROUNDED
from orderwright.errors import InputError
from tests.backtest.markets import bars_of

ROOT = Path(__file__).resolve().parent.parent.parent


# Averages


def plain_cross(close: list[int], fast: int, slow: int) -> list[int]:
    """The twin: every sum anew."""
    signals = []
    for at in range(len(close)):
        left, right = slow * sum(close[at + 1 - fast : at + 1]), fast * sum(close[at + 1 - slow : at + 1])
        signals.append((left > right) - (left < right) if at + 1 >= slow else 0)
    return signals


@given(st.lists(st.integers(1, 12), min_size=1, max_size=40), st.integers(1, 6), st.integers(1, 6))
def test_a_cross_of_averages_is_exact(close: list[int], fast: int, more: int) -> None:
    slow = fast + more
    expected = plain_cross(close, fast, slow)
    assert sma_cross_signals(np.array(close), fast, slow).tolist() == expected
    prices = np.array(close) * 0.05
    assert sma_cross_signals(prices, fast, slow, tick=0.05).tolist() == expected


@given(st.lists(st.integers(-(10**9), 10**9), max_size=40), st.integers(1, 12))
def test_a_rolling_sum_is_the_sum(values: list[int], window: int) -> None:
    expected = [sum(values[at + 1 - window : at + 1]) if at + 1 >= window else 0 for at in range(len(values))]
    assert rolling_sum(np.array(values, dtype=np.int64), window).tolist() == expected


def test_lengths_and_prices_that_cannot_be_averaged_are_refused() -> None:
    with pytest.raises(InputError, match="fast: the fast average") as caught:
        sma_cross_signals(np.arange(1, 99), 50, 20)
    assert caught.value.nearest == 19
    with pytest.raises(InputError, match="too large for exact sums"):
        sma_cross_signals(np.full(99, 2**60), 5, 20)
    with pytest.raises(InputError, match="0 is not a number of bars"):
        rolling_sum(np.arange(5), 0)


# Money


@given(st.decimals(1, 10**9, places=8), st.integers(1, 10**12), st.decimals(0, 1, places=6))
def test_pairs_of_floats_carry_thirty_digits(cash: Decimal, steps: int, rate: Decimal) -> None:
    value = times(*two_product(float(steps), 3.0), *twice(rate))
    pair = add(*twice(cash), -value[0], -value[1])
    exact = ROUNDED.subtract(cash, ROUNDED.multiply(Decimal(3 * steps), rate))
    found = ROUNDED.add(Decimal(pair[0]), Decimal(pair[1]))
    assert abs(found - exact) <= Decimal("1e-29") * max(cash, Decimal(3 * steps))


# Figures


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=60), st.floats(1, 1e6), st.integers(1, 60))
def test_figures_are_those_of_the_metrics(equity: list[float], initial: float, again: int) -> None:
    """Against metrics.py, which is NumPy and held to QuantStats; long runs cross the kernel's blocks."""
    curve = np.array(equity * again)
    years = 8_766.0
    expected = equity_metrics(curve, np.arange(len(curve)), curve * 0, initial, years)
    found = figures_of(curve, years, initial)
    assert found.final_balance == curve[-1]
    assert found.max_drawdown == pytest.approx(
        -100 * drawdowns_of(curve, initial).min(initial=0.0), rel=1e-12, abs=1e-12
    )
    for name, value in (("sharpe", found.sharpe_ratio), ("sortino", found.sortino_ratio)):
        assert value == pytest.approx(expected[name], rel=1e-6, abs=1e-6, nan_ok=True)


def test_figures_over_many_blocks() -> None:
    rng = np.random.default_rng(2)
    curve = 10_000 * np.exp(np.cumsum(rng.normal(0.0001, 0.01, 10_001)))
    expected = equity_metrics(curve, np.arange(10_001), curve * 0, 10_000, 365.25)
    found = figures_of(curve, 365.25, 10_000)
    assert found == pytest.approx(
        Figures(curve[-1], expected["sharpe"], expected["sortino"], -100 * expected["max_drawdown"]), rel=1e-9
    )


def test_equity_that_is_ruined_returns_nothing_more() -> None:
    found = figures_of(np.array([50.0, -10.0, -20.0, -5.0]), 4.0, 100.0)
    returns = np.array([-0.5, -1.2, 0, 0])
    assert found.max_drawdown == pytest.approx(120)
    assert found.sharpe_ratio == pytest.approx(returns.mean() / returns.std(ddof=1) * 2)


# Round trips


def fills_of(*rows: tuple[int, int, int, int, int]) -> Outcome:
    """Fills of (bar, side, ticks, steps, reason), each at a fee of 1 and a slippage of 0.5."""
    bar, side, price, quantity, reason = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    count = len(rows)
    fills = Fills(
        bar, bar * 10, np.zeros(count, np.int64), side, price, quantity, np.ones(count), np.full(count, 0.5), reason
    )
    nothing = np.zeros(0)
    return Outcome(("BTC/USDT",), np.zeros(0, np.int64), nothing, nothing, fills)


FLAT = bars_of([(10_000, 10_000, 10_000, 10_000)] * 9)


def test_a_round_trip_goes_from_nothing_to_nothing() -> None:
    trips = round_trips(
        fills_of((1, 1, 10_000, 200_000, 0), (2, 1, 11_000, 200_000, 5), (5, -1, 12_000, 400_000, 2)), [FLAT]
    )
    assert (len(trips), trips.open, trips.won, trips.lost) == (1, 0, 1, 0)
    row = {name: getattr(trips, name).tolist() for name in trips.__slots__ if name != "still_open"}
    assert row == {
        "symbol": [0],
        "side": [1],
        "quantity": [4.0],
        "entry_bar": [1],
        "exit_bar": [5],
        "entry_time": [10],
        "exit_time": [50],
        "entry_price": [105.0],
        "exit_price": [120.0],
        "profit": [57.0],
        "returns": [57 / 420],
        "fees": [3.0],
        "slippage": [1.5],
        "entry_reason": [0],
        "exit_reason": [2],
    }
    assert trips.bars.tolist() == [4]


def test_a_fill_that_turns_a_position_round_is_split() -> None:
    trips = round_trips(fills_of((0, 1, 10_000, 100_000, 0), (3, -1, 9_000, 400_000, 6)), [FLAT])
    assert (trips.profit.tolist(), trips.fees.tolist(), trips.lost) == ([-11.25], [1.25], 1)
    rest = trips.still_open
    assert rest is not None
    assert (rest.side.tolist(), rest.quantity.tolist(), rest.entry_bar.tolist()) == ([-1], [pytest.approx(3)], [3])
    assert (rest.exit_bar.tolist(), rest.exit_price.tolist(), rest.exit_reason.tolist()) == ([8], [100.0], [-1])
    assert rest.profit.tolist() == [pytest.approx(-30.75)]


# Runs


def a_market(bars: int = 3_000) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.01, bars))), 2)
    opens = np.concatenate([[100.0], close[:-1]])
    high, low = np.round(np.maximum(opens, close) * 1.003, 2), np.round(np.minimum(opens, close) * 0.997, 2)
    times = 1_700_000_040 + 60 * np.arange(bars)
    return {"time": times, "open": opens, "high": high, "low": low, "close": close}


def test_scores_are_those_of_the_run() -> None:
    bars = read_bars(a_market(), "BTC/USDT")
    rules = Rules(commission=Decimal("0.001"), stop_loss=Decimal("0.03"), allow_short=True)
    scorer = kernel.Scorer(bars, rules, 525_960.0)
    for fast in (3, 10, 30):
        signals = sma_cross_signals(bars.candles.close, fast, 2 * fast)
        outcome = kernel.run(bars, signals, rules)
        found, trips = figures_of(outcome.equity, 525_960.0, 10_000.0), round_trips(outcome, [bars])
        score = scorer.score(signals)
        assert score == (*found, trips.closed, trips.won, trips.lost, outcome.ties)
        assert score == kernel.score(bars, signals, rules, 525_960.0)


def test_more_fills_than_were_expected_are_all_there() -> None:
    bars = read_bars(a_market(), "BTC/USDT")
    signals = np.where(np.arange(3_000) % 2, -1, 1).astype(np.int8)
    outcome = kernel.run(bars, signals, Rules(sizing=FixedQuantity(Decimal("0.5"))))
    assert outcome.fills.bar.tolist() == list(range(1, 3_000))


def test_signals_of_another_length_and_balances_beyond_all_steps_are_refused() -> None:
    bars = read_bars(a_market(20), "BTC/USDT")
    with pytest.raises(InputError, match=r"19 signals for 20 bars"):
        kernel.run(bars, np.zeros(19, np.int8), Rules())
    with pytest.raises(InputError, match="a coarser step is needed"):
        kernel.run(bars, np.zeros(20, np.int8), Rules(initial_balance=Decimal(10) ** 15))
    with pytest.raises(InputError, match="finer than 9 decimal places"):
        kernel.run(bars, np.zeros(20, np.int8), Rules(slippage=Decimal("0.00000000012")))
    with pytest.raises(InputError, match="TargetPosition moves"):
        kernel.run(bars, np.zeros(20, np.int8), Rules(sizing=TargetPosition(), limit_entry=Decimal("0.01")))


def test_a_linear_contract_pays_a_dearer_open_whole_and_spot_what_it_can() -> None:
    from msgspec import structs

    bars = bars_of([(10_000, 10_000, 10_000, 10_000), (12_000, 12_000, 12_000, 12_000)])
    signals = np.array([1, 0], dtype=np.int8)
    rules = Rules(initial_balance=Decimal(1_000))
    assert kernel.run(bars, signals, rules).fills.quantity.tolist() == [833_333]
    contract = structs.replace(bars.candles.instrument, linear=True)
    candles = bars.candles
    columns = (candles.times, candles.open, candles.high, candles.low, candles.close, candles.volume)
    linear = type(bars)(
        type(candles)(candles.symbol, contract, candles.interval, *columns),
        bars.open,
        bars.high,
        bars.low,
        bars.close,
        bars.volume,
    )
    assert kernel.run(linear, signals, rules).fills.quantity.tolist() == [1_000_000]


# Compiling


def test_the_line_about_compiling_is_said_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "_said", [])
    compiling.announce("Compiling")
    compiling.announce("Compiling")
    assert capsys.readouterr().err == "Compiling\n"


def test_a_program_that_keeps_a_log_has_such_lines_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "_said", [])
    told: list[str] = []
    with announcing.told_by(told.append):
        compiling.announce("Compiling")
    compiling.announce("Another")

    assert (told, capsys.readouterr().err) == (["Compiling"], "Another\n")


RUNS = """
import sys
import numpy as np
from orderwright.backtest.kernel.averages import sma_cross_signals
print(sma_cross_signals(np.array([1, 2, 3, 4]), 1, 2).tolist(), "pandas" in sys.modules)
"""


def ran(**variables: str) -> tuple[str, str]:
    """(stdout, stderr) of a process that needs one kernel."""
    done = subprocess.run(
        [sys.executable, "-c", RUNS],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **variables},
        cwd=ROOT,
    )
    return done.stdout.strip(), done.stderr.strip()


def test_kernels_are_compiled_once_on_a_machine_and_that_is_said(tmp_path: Path) -> None:
    answer = "[0, 1, 1, 1] False"
    assert ran(NUMBA_CACHE_DIR=str(tmp_path)) == (answer, "Compiling the kernels (once on this machine)...")
    assert ran(NUMBA_CACHE_DIR=str(tmp_path)) == (answer, "")


def test_kernels_work_where_no_folder_can_be_written_to(tmp_path: Path) -> None:
    nowhere = tmp_path / "a file"
    nowhere.write_text("in the way")
    assert ran(NUMBA_CACHE_DIR=str(nowhere / "kernels"))[0] == "[0, 1, 1, 1] False"


def test_numba_is_not_imported_before_a_kernel_is_used() -> None:
    code = "import sys, orderwright.backtest.backtester; print('numba' in sys.modules, 'pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"
