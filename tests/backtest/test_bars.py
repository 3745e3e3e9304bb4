"""The data door: whatever holds prices becomes bars, or is refused with its row."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwright.backtest.bars import Bars, read_bars
from orderwright.core.model import Instrument
from orderwright.errors import InputError
from orderwright.market.candles import PRICES, Candles, candles_from_floats
from orderwright.market.files import write_candles_csv
from tests.backtest.markets import INSTRUMENT

MINUTE_S = 60
FIRST = 1_700_000_040


def columns(**changes: Any) -> dict[str, Any]:
    """Three minutes of a market, with changes."""
    plain = {
        "timestamp": np.array([FIRST, FIRST + MINUTE_S, FIRST + 2 * MINUTE_S]),
        "open": np.array([100.0, 101.5, 102.0]),
        "high": np.array([102.0, 103.0, 102.5]),
        "low": np.array([99.5, 101.0, 98.0]),
        "close": np.array([101.5, 102.0, 99.0]),
        "volume": np.array([1.0, 2.0, 0.5]),
    }
    return {name: value for name, value in {**plain, **changes}.items() if value is not None}


def refused(**changes: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        read_bars(columns(**changes), "BTC/USDT")
    return caught.value


def told(error: InputError) -> tuple[Any, ...]:
    return error.field, error.value, error.nearest, error.where


def test_arrays_by_name_become_bars() -> None:
    bars = read_bars(columns(), "btcusdt")
    candles = bars.candles
    assert (bars.symbol, len(bars), bars.index, bars.notes) == ("BTC/USDT", 3, None, ())
    assert candles == Candles(
        "BTC/USDT",
        Instrument(
            symbol="BTC/USDT",
            base="BTC",
            quote="USDT",
            tick_size=Decimal("0.01"),
            step_size=Decimal("0.00000001"),
            min_quantity=Decimal("0.00000001"),
        ),
        60_000_000,
        1_000_000 * columns()["timestamp"],
        np.array([10_000, 10_150, 10_200]),
        np.array([10_200, 10_300, 10_250]),
        np.array([9_950, 10_100, 9_800]),
        np.array([10_150, 10_200, 9_900]),
        np.array([100_000_000, 200_000_000, 50_000_000]),
    )


def test_columns_are_copied_and_nobody_may_write_to_them() -> None:
    data = columns()
    bars = read_bars(data, "BTC/USDT")
    before = {name: getattr(bars, name).tolist() for name in (*PRICES, "volume")}
    times = bars.candles.times.tolist()
    again = read_bars(data, "BTC/USDT")
    for column in data.values():
        column[:] = 1
    assert {name: getattr(bars, name).tolist() for name in before} == before
    assert again.candles.times.tolist() == times
    for owner, name in ((bars, "close"), (bars.candles, "close"), (bars.candles, "times")):
        with pytest.raises(ValueError, match="read-only"):
            getattr(owner, name)[0] = 1


@pytest.mark.parametrize(
    "index",
    [
        pd.to_datetime(columns()["timestamp"], unit="s"),
        pd.to_datetime(columns()["timestamp"], unit="s", utc=True).tz_convert("Europe/Berlin"),
        pd.Index(["2023-11-14T22:14:00Z", "2023-11-14 22:15", "2023-11-14T22:16:00+00:00"], name="timestamp"),
        pd.Index(columns()["timestamp"]),
        pd.Index(columns()["timestamp"] * 1_000),
        pd.Index(columns()["timestamp"] * 1e6),
        None,
    ],
    ids=["datetimes", "zoned", "text", "seconds", "milliseconds", "floats", "a column"],
)
def test_a_frame_has_its_times_in_its_index_or_a_column(index: Any) -> None:
    frame = pd.DataFrame(columns())
    if index is not None:
        frame = frame.drop(columns="timestamp").set_index(index)
    bars = read_bars(frame.rename(columns=str.title), "BTC/USDT")
    assert bars.candles.times.tolist() == (1_000_000 * columns()["timestamp"]).tolist()
    assert index is None or (bars.index == frame.index).all()


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_datetimes_of_any_unit_are_read(unit: str) -> None:
    times = columns()["timestamp"].astype("datetime64[s]").astype(f"datetime64[{unit}]")
    assert read_bars(columns(timestamp=times), "BTC/USDT").candles.times[0] == FIRST * 1_000_000


def test_a_file_candles_and_bars_are_read_too(tmp_path: Path) -> None:
    bars = read_bars(columns(), "BTC/USDT")
    write_candles_csv(bars.candles, tmp_path / "btc.csv")
    assert read_bars(tmp_path / "btc.csv", "BTC/USDT").candles == bars.candles
    assert read_bars(str(tmp_path / "btc.csv"), "BTC/USDT").close.tolist() == bars.close.tolist()
    assert read_bars(bars.candles, "BTC/USDT").high.tolist() == bars.high.tolist()
    assert read_bars(bars, "BTC/USDT") is bars


def test_bars_survive_pickling_and_slicing() -> None:
    bars = read_bars(columns(), "BTC/USDT")
    again: Bars = pickle.loads(pickle.dumps(bars))
    assert again.candles == bars.candles
    assert bars.candles[1:].close.tolist() == [10_200, 9_900]
    assert bars.candles[1:].times.tolist() == bars.candles.times[1:].tolist()


def test_volume_may_be_missing() -> None:
    assert read_bars(columns(volume=None), "BTC/USDT").volume.tolist() == [0, 0, 0]


def test_a_name_that_is_no_pair_is_traded_in_dollars() -> None:
    assert read_bars(columns(), "goog").symbol == "GOOG/USD"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"close": None, "clsoe": np.ones(3)}, ("close", None, "clsoe", "")),
        ({"low": np.array([99.5, np.nan, 98])}, ("low", None, None, "row 2")),
        ({"high": np.array([102, np.inf, 103])}, ("high", np.inf, None, "row 2")),
        ({"open": np.array([100, 101.5, 0])}, ("open", 0.0, None, "row 3")),
        ({"open": np.array([-1.0, 101.5, 0])}, ("open", -1.0, None, "row 1")),
        ({"high": np.array([102.0, 100.5, 103])}, ("high", Decimal("100.50"), "101", "row 2")),
        ({"close": np.array([101.5, 104, 99])}, ("high", Decimal("103.00"), "104", "row 2")),
        ({"open": np.array([99, 101.5, 102])}, ("low", Decimal("99.50"), "99", "row 1")),
        ({"volume": np.array([1, -2.0, 1])}, ("volume", -2.0, None, "row 2")),
        ({"timestamp": np.array([FIRST, FIRST, FIRST + 60])}, ("time", FIRST * 1_000_000, None, "row 2")),
        ({"timestamp": np.array([FIRST, FIRST + 60, FIRST + 1])}, ("time", (FIRST + 1) * 1_000_000, None, "row 3")),
        ({"timestamp": np.array([1, 2, 3])}, ("time", 1, None, "row 1")),
    ],
)
def test_what_cannot_be_trusted_is_named(changes: dict[str, Any], expected: tuple[Any, ...]) -> None:
    field, value, nearest, where = told(refused(**changes))
    assert (field, nearest, where) == (expected[0], expected[2], expected[3])
    assert expected[1] is None or value == expected[1]


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
@pytest.mark.parametrize("instrument", [None, INSTRUMENT])
def test_a_volume_that_is_none_is_named_in_few_words(bad: float, instrument: Instrument | None) -> None:
    with pytest.raises(InputError, match=r"^row 2: volume: .{1,40}$"):
        read_bars(columns(volume=np.array([1.0, bad, 1.0])), "BTC/USDT", instrument=instrument)


@pytest.mark.parametrize("row", [0, 1, 2])
@pytest.mark.parametrize("kind", ["datetime64[us]", object])
def test_a_time_that_is_missing_is_named_wherever_it_is(row: int, kind: Any) -> None:
    times = pd.to_datetime(columns()["timestamp"], unit="s").to_series().astype("datetime64[us]")
    times.iloc[row] = pd.NaT
    with pytest.raises(InputError, match=f"^row {row + 1}: time: the time is missing$"):
        read_bars(columns(timestamp=times.astype(kind).to_numpy()), "BTC/USDT")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (np.ones((3, 2)), "open: an array of 3x2 is not a column: one value for each bar"),
        (5.0, "open: 5.0 is not a column: one value for each bar"),
        ("abc", "open: 'abc' is not a column: one value for each bar"),
        (
            np.ma.masked_array([100.0, 101.5, 102.0], [False, True, False]),
            "row 2: open: the number is missing (masked)",
        ),
    ],
)
def test_what_is_no_column_is_refused(column: Any, message: str) -> None:
    assert str(refused(open=column)) == message


@pytest.mark.parametrize(
    ("words", "field", "nearest"),
    [
        ({"interval": 0}, "interval", 60_000_000),
        ({"interval": "1d"}, "interval", 60_000_000),
        ({"interval": 1.5}, "interval", 2),
        ({"interval": 10**30}, "interval", 315_619_200_000_000),
        ({"symbol": 5}, "symbol", "BTC/USDT"),
        ({"symbol": None}, "symbol", "BTC/USDT"),
        ({"instrument": 5}, "instrument", None),
    ],
)
def test_arguments_that_cannot_be_meant_are_named(words: dict[str, Any], field: str, nearest: object) -> None:
    with pytest.raises(InputError) as caught:
        read_bars(columns(), **{"symbol": "BTC/USDT", **words})
    known = caught.value
    assert (known.field, known.value, known.nearest) == (field, words[field], nearest)


def test_prices_are_found_on_either_level_of_columns() -> None:
    plain = pd.DataFrame(columns()).set_index("timestamp")
    for levels in (lambda name: (name, "GOOG"), lambda name: ("GOOG", name)):
        frame = plain.set_axis(pd.MultiIndex.from_tuples([levels(name.title()) for name in plain]), axis=1)
        assert read_bars(frame, "GOOG").close.tolist() == columns()["close"].tolist()


def test_periods_and_dates_are_times() -> None:
    stamps = pd.date_range("2024-01-01", periods=3, freq="D")
    frame = pd.DataFrame(columns(timestamp=None))
    expected = stamps.astype("datetime64[us]").astype(np.int64).tolist()
    for index in (stamps.to_period("D"), pd.Index(stamps.date)):
        bars = read_bars(frame.set_index(index), "BTC/USDT")
        assert bars.candles.times.tolist() == expected
        assert (bars.index == index).all()


def test_a_frame_keeps_its_own_index_where_a_column_has_the_times() -> None:
    bars = read_bars(pd.DataFrame(columns()), "BTC/USDT")
    assert list(bars.index) == [0, 1, 2]  # type: ignore[call-overload]  # a pandas index


def test_too_few_bars_are_refused() -> None:
    one = {name: column[:1] for name, column in columns().items()}
    with pytest.raises(InputError, match=r"one bar is too few \(nearest: 2\)"):
        read_bars(one, "BTC/USDT")
    with pytest.raises(InputError, match="0 bars are too few"):
        read_bars({name: column[:0] for name, column in columns().items()}, "BTC/USDT")


def test_columns_of_other_lengths_are_refused() -> None:
    assert "open 2" in str(refused(open=np.array([1.0, 2.0])))


def test_what_are_no_bars_is_refused() -> None:
    with pytest.raises(InputError, match="list is not what bars come in"):
        read_bars([1, 2, 3], "BTC/USDT")


def test_gaps_are_noted() -> None:
    times = np.array([FIRST, FIRST + 60, FIRST + 240])
    bars = read_bars(columns(timestamp=times), "BTC/USDT", interval=60_000_000)
    assert bars.notes == ("2 bars are missing: 1 gap of 2 after 2023-11-14T22:15:00Z",)


def days(*numbers: int) -> dict[str, Any]:
    """Daily bars of a market at 100, on days counted from a Monday."""
    times = np.array([1_704_067_200 + 86_400 * day for day in numbers])
    flat = np.full(len(times), 100.0)
    return columns(timestamp=times, open=flat, high=flat, low=flat, close=flat, volume=None)


def test_weekends_and_holidays_of_daily_bars_are_no_gaps(shared: Path) -> None:
    assert read_bars(shared / "data/candles/nasdaq-GOOG-1d.csv", "GOOG").notes == ()
    weeks = [day for day in range(70) if day % 7 < 5]
    for holidays in ([8], [21, 22, 23, 24, 25]):
        open_days = [day for day in weeks if day not in holidays]
        assert read_bars(days(*open_days), "GOOG").notes == ()


def test_more_than_a_week_without_daily_bars_is_a_gap_of_the_days_that_have_some() -> None:
    some = [day for day in range(70) if day % 7 < 5 and not 8 <= day <= 16]
    assert read_bars(days(*some), "GOOG").notes == ("7 bars are missing: 1 gap of 7 after 2024-01-08T00:00:00Z",)


def test_a_market_that_never_rests_misses_every_day() -> None:
    some = [day for day in range(70) if day not in (5, 6)]
    assert read_bars(days(*some), "BTC/USD").notes == ("2 bars are missing: 1 gap of 2 after 2024-01-05T00:00:00Z",)


def test_a_week_with_holes_is_no_weekend() -> None:
    bars = read_bars(days(0, 1, 4, 7, 8), "GOOG")
    assert bars.notes == ("4 bars are missing: 2 gaps, the longest of 2 after 2024-01-02T00:00:00Z",)


def test_prices_with_many_places_are_rounded_and_it_is_noted() -> None:
    third = 100 / 3
    bars = read_bars(columns(open=np.array([101 + third / 100, 101.5, 102])), "BTC/USDT")
    assert bars.notes == ("prices have more than 8 decimal places: rounded to 0.00000001",)
    assert bars.candles.instrument.tick_size == Decimal("1E-8")
    assert bars.open[0] == 101.33333333


def test_prices_with_many_places_are_refused_where_the_tick_was_said() -> None:
    instrument = read_bars(columns(), "BTC/USDT").candles.instrument
    with pytest.raises(InputError, match=r"row 1: open: 101\.005 is not on the tick 0\.01") as caught:
        read_bars(columns(open=np.array([101.005, 101.5, 102])), "BTC/USDT", instrument=instrument)
    assert caught.value.nearest == "101"


@pytest.mark.parametrize(
    ("factor", "tick", "step"),
    [(1, "0.01", "0.00000001"), (1e-2, "0.001", "0.0000001"), (1e-6, "0.0000001", "0.001"), (1e4, "0.01", "1E-8")],
)
def test_low_prices_have_fine_ticks_and_coarse_steps(factor: float, tick: str, step: str) -> None:
    prices = {name: np.round(columns()[name] * factor, 9) for name in PRICES}
    instrument = read_bars(columns(**prices), "BTC/USDT").candles.instrument
    assert (instrument.tick_size, instrument.step_size) == (Decimal(tick), Decimal(step))


def test_large_volumes_have_coarse_steps() -> None:
    bars = read_bars(columns(volume=np.array([1e12, 2.0**49, 0])), "BTC/USDT")
    assert bars.candles.instrument.step_size == Decimal("0.001")
    assert bars.candles.volume[0] == 10**15


@given(
    st.lists(st.tuples(*[st.integers(1, 10**7)] * 4), min_size=2, max_size=30),
    st.integers(0, 8),
    st.lists(st.sampled_from((1, 1, 1, 3)), min_size=30, max_size=30),
)
def test_the_quick_pass_agrees_with_the_slow_checks(rows: list[tuple[int, ...]], places: int, apart: list[int]) -> None:
    """Random columns, most of them no bars: both refuse, or both give the same candles."""
    prices = tuple(np.array(column) / 10**places for column in zip(*rows, strict=True))
    times = FIRST + 60 * np.cumsum(apart[: len(rows)])
    data = {"time": times, **dict(zip(PRICES, prices, strict=True))}
    bars = read_or_refusal(lambda: read_bars(data, "BTC/USDT").candles)
    instrument = bars.instrument if isinstance(bars, Candles) else _coarse(places)
    slow = read_or_refusal(lambda: candles_from_floats(instrument, times * 1_000_000, prices, np.zeros(len(rows))))
    assert bars == slow


def read_or_refusal(read: Callable[[], Candles]) -> Candles | tuple[str | None, str | None]:
    """The candles; or field and row of the refusal."""
    try:
        return read()
    except InputError as error:
        return error.field, error.where


def _coarse(places: int) -> Instrument:
    return Instrument(
        symbol="BTC/USDT",
        base="BTC",
        quote="USDT",
        tick_size=Decimal(1).scaleb(-max(places, 2)),
        step_size=Decimal("0.01"),
    )
