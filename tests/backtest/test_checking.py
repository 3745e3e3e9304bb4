"""Signals are signals, and know no future."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from orderwright.backtest.bars import Bars, read_bars
from orderwright.backtest.checking import (
    LookAheadError,
    SignalsFailed,
    check_look_ahead,
    checked_signals,
    cuts_for,
    frame_of,
    has_signals,
    head,
)
from orderwright.backtest.strategy import Strategy
from orderwright.errors import InputError

N = 200


class Says(Strategy):
    """Says what a function of the data says."""

    def __init__(self, rule: Any) -> None:
        super().__init__("says")
        self.rule = rule

    def generate_signals(self, data: pd.DataFrame) -> Any:
        return self.rule(data)


def some_bars() -> Bars:
    rng = np.random.default_rng(5)
    close = np.round(100 + np.cumsum(rng.normal(0, 0.5, N)), 2)
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    index = pd.date_range("2024-01-01", periods=N, freq="h", tz="UTC")
    return read_bars(pd.DataFrame(prices, index=index), "BTC/USDT")


def rising(data: pd.DataFrame) -> pd.Series[int]:
    return np.sign(data["close"].diff().fillna(0)).astype(int)


def signals_of(rule: Any) -> Any:
    return checked_signals(Says(rule), some_bars())


def changed(at: int, value: Any) -> Any:
    """The rule, with one signal of another value."""

    def rule(data: pd.DataFrame) -> Any:
        said = rising(data).astype(object)
        said.iloc[at] = value
        return said

    return rule


def test_a_series_a_list_and_an_array_are_signals() -> None:
    expected = rising(frame_of(some_bars())).tolist()
    for shape in (lambda s: s, lambda s: s.tolist(), lambda s: s.to_numpy(), lambda s: s.astype(float)):
        found = signals_of(lambda data, shape=shape: shape(rising(data)))
        assert (found.dtype, found.tolist()) == (np.int8, expected)


@pytest.mark.parametrize(
    ("value", "shown", "nearest"),
    [(2, "2", 1), (-0.5, "-0.5", -1), (float("nan"), "NaN", 0), ("buy", "'buy'", 0), (None, "None", 0)],
)
def test_another_value_is_named_with_its_row(value: Any, shown: str, nearest: int) -> None:
    with pytest.raises(InputError) as caught:
        signals_of(changed(7, value))
    assert (caught.value.where, caught.value.field, caught.value.nearest) == ("row 8", "signals", nearest)
    assert f"says gave {shown} for bar 7 (2024-01-01T07:00:00Z)" in str(caught.value)


def test_another_length_is_refused() -> None:
    with pytest.raises(InputError, match=r"199 signals for 200 bars \(nearest: 200\)"):
        signals_of(lambda data: rising(data).iloc[1:])
    with pytest.raises(InputError, match="200x1 signals for 200 bars"):
        signals_of(lambda data: rising(data).to_frame())


def test_another_index_is_refused() -> None:
    with pytest.raises(InputError, match="row 1 is 0 there") as caught:
        signals_of(lambda data: rising(data).reset_index(drop=True))
    assert caught.value.nearest == "2024-01-01 00:00:00+00:00"


def test_what_a_strategy_raises_is_told_with_its_cause() -> None:
    with pytest.raises(SignalsFailed, match="says in generate_signals: KeyError: 'cloze'") as caught:
        signals_of(lambda data: data["cloze"])
    assert isinstance(caught.value.__cause__, KeyError)


def test_what_a_strategy_refuses_itself_stays_what_it_is() -> None:
    def refuse(data: pd.DataFrame) -> Any:
        raise InputError("too few", field="slow_period")

    with pytest.raises(InputError, match="slow_period: too few"):
        signals_of(refuse)


def test_a_strategy_may_change_the_data_it_is_shown() -> None:
    def greedy(data: pd.DataFrame) -> Any:
        data["close"] = 0.0
        return [0] * len(data)

    bars = some_bars()
    frame = frame_of(bars)
    checked_signals(Says(greedy), bars, frame)
    assert frame["close"].tolist() == bars.close.tolist()


def test_other_columns_of_the_data_are_shown_too() -> None:
    bars = some_bars()
    data = pd.DataFrame({"Close": bars.close, "funding": np.arange(N)}, index=bars.index)
    frame = frame_of(bars, data)
    assert list(frame) == ["open", "high", "low", "close", "volume", "funding"]


def test_two_other_columns_of_one_name_are_refused() -> None:
    bars = some_bars()
    data = pd.DataFrame(np.ones((N, 3)), columns=["close", "funding", "funding"], index=bars.index)
    with pytest.raises(InputError, match=r"^funding: two columns of the data have this name$"):
        frame_of(bars, data)


@pytest.mark.parametrize("said", [[[1], [1, 2]] * (N // 2), np.ones(N) * 1j])
def test_lists_of_lists_and_complex_numbers_are_no_signals(said: Any) -> None:
    with pytest.raises(InputError, match="signals: says gave"):
        signals_of(lambda data: said)


# Look-ahead


def test_a_peek_at_a_few_bars_is_found_where_the_signal_changes() -> None:
    """One bar in five hundred is sold before it falls; the others follow an average."""
    found = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        close = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.003, 4_000))), 2)
        index = pd.date_range("2024-01-01", periods=len(close), freq="h")
        bars = read_bars(pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), close), index=index), "BTC/USDT")

        def peek(data: pd.DataFrame) -> Any:
            average = data["close"].rolling(200).mean()
            falls = data["close"].shift(-1) < data["close"]
            rare = np.arange(len(data)) % 500 == 250
            return np.where(rare & falls, -1, np.where(data["close"] > average, 1, 0))

        try:
            check_look_ahead(Says(peek), bars, checked_signals(Says(peek), bars))
        except LookAheadError:
            found += 1
    assert found >= 6


def test_cuts_are_as_many_as_the_work_allows() -> None:
    assert [cuts_for(bars) for bars in (0, 200, 8_192, 16_384, 65_536, 10**6)] == [64, 64, 64, 32, 8, 8]


@pytest.mark.parametrize(
    "peek",
    [
        lambda data: np.sign(data["close"].shift(-1) - data["close"]).fillna(0),
        lambda data: (data["close"] > data["close"].mean()).astype(int),
        lambda data: (data["close"] == data["close"].rolling(5, center=True).max()).astype(int),
        lambda data: (data["close"] > data["close"].iloc[-1]).astype(int),
    ],
    ids=["the next bar", "the mean of all", "a centred window", "the last bar"],
)
def test_a_strategy_that_peeks_is_named(peek: Any) -> None:
    bars, strategy = some_bars(), Says(peek)
    signals = checked_signals(strategy, bars)
    with pytest.raises(LookAheadError, match="says looks ahead: its signal for bar") as caught:
        check_look_ahead(strategy, bars, signals)
    at = caught.value.bar
    assert f"is {signals[at]} with all 200 bars, but" in str(caught.value)


def test_a_strategy_that_does_not_peek_passes() -> None:
    bars, strategy = some_bars(), Says(rising)
    check_look_ahead(strategy, bars, checked_signals(strategy, bars), samples=50)


def test_a_cut_at_which_a_strategy_cannot_say_anything_tells_nothing() -> None:
    def long_only(data: pd.DataFrame) -> Any:
        if len(data) < N:
            raise InputError("too few bars", field="data")
        return rising(data)

    bars, strategy = some_bars(), Says(long_only)
    check_look_ahead(strategy, bars, checked_signals(strategy, bars))


def test_the_same_cuts_are_made_for_the_same_seed() -> None:
    def lengths(seed: int) -> list[int]:
        seen: list[int] = []

        def noting(data: pd.DataFrame) -> Any:
            seen.append(len(data))
            return rising(data)

        strategy = Says(noting)
        check_look_ahead(strategy, some_bars(), checked_signals(strategy, some_bars()), samples=5, seed=seed)
        return seen

    assert lengths(1) == lengths(1) != lengths(2)
    assert len(lengths(1)) == 6


def test_the_first_bars_are_bars() -> None:
    bars = some_bars()
    few = head(bars, 10)
    assert few.close.tolist() == bars.close[:10].tolist()
    assert few.candles == bars.candles[:10]


def test_who_has_signals() -> None:
    class Orders(Strategy):
        def on_bar(self, context: Any, bar: Any) -> None:
            """Nothing."""

    assert has_signals(Says(rising))
    assert not has_signals(Orders())
