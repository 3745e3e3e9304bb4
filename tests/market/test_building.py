"""Candles from trades, and longer ones from shorter ones."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwright.core.model import DAY
from orderwright.errors import InputError
from orderwright.market.building import candles_from_trades, resample
from orderwright.market.candles import Candles
from orderwright.market.feeds import Trades, trades_from_floats
from orderwright.market.files import load_candles, load_trades
from orderwright.market.instruments import default_instrument
from orderwright.market.random_market import random_candles
from tests.commands import orderwright

MINUTE = 60_000_000
SECOND = 1_000_000
TIME = 1_704_067_200_000_000  # 2024-01-01T00:00:00Z, a Monday
BTC = default_instrument("BTC/USDT")
EXACT = msgspec.structs.replace(BTC, tick_size=Decimal("0.1"), step_size=Decimal("0.00000001"))
TRADES = "data/trades/kraken-spot-BTCUSDT-trades.feather"
CANDLES = "data/candles/kraken-spot-BTCUSDT-1m.feather"


def some_trades(*rows: tuple[float, float, float]) -> Trades:
    """(seconds after the beginning of 2024, price, size) of each."""
    seconds, price, size = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    return trades_from_floats(BTC, TIME + (seconds * SECOND).astype(np.int64), price, size)


def rows_of(candles: Candles) -> list[tuple[float, ...]]:
    """(minutes after the beginning of 2024, open, high, low, close, volume) of each."""
    prices = (column * 0.01 for column in (candles.open, candles.high, candles.low, candles.close))
    columns = ((candles.times - TIME) / MINUTE, *prices, candles.volume / 100_000)
    return [tuple(map(float, row)) for row in np.round(np.array(columns).T, 9)]


SOME = some_trades((0, 10, 1), (30, 12, 2), (59.9, 9, 1), (60, 11, 1), (60, 10, 3), (250, 8, 1))


def test_a_candle_has_the_first_highest_lowest_and_last_price_and_the_sum_of_sizes() -> None:
    assert rows_of(candles_from_trades(SOME, MINUTE)) == [
        (0, 10, 12, 9, 9, 4),
        (1, 11, 11, 10, 10, 4),
        (4, 8, 8, 8, 8, 1),
    ]


def test_gaps_are_reported_or_filled_with_the_close_before() -> None:
    filled = candles_from_trades(SOME, MINUTE, fill_gaps=True)

    assert candles_from_trades(SOME, MINUTE).gaps() == [(TIME + MINUTE, 2)]
    assert filled.gaps() == []
    assert rows_of(filled) == [
        (0, 10, 12, 9, 9, 4),
        (1, 11, 11, 10, 10, 4),
        (2, 10, 10, 10, 10, 0),
        (3, 10, 10, 10, 10, 0),
        (4, 8, 8, 8, 8, 1),
    ]


def test_longer_candles_are_made_of_shorter_ones() -> None:
    longer = resample(candles_from_trades(SOME, MINUTE), 2 * MINUTE, fill_gaps=True)

    assert (longer.interval, longer.gaps()) == (2 * MINUTE, [])
    assert rows_of(longer) == [(0, 10, 12, 9, 10, 8), (2, 10, 10, 10, 10, 0), (4, 8, 8, 8, 8, 1)]


def test_a_week_begins_on_a_monday() -> None:
    days = random_candles(1, 20, BTC, start=TIME - 2 * DAY, interval=DAY)

    assert resample(days, 7 * DAY).times.tolist() == [TIME - 7 * DAY, TIME, TIME + 7 * DAY, TIME + 14 * DAY]


def test_real_trades_add_up_to_the_candles_that_the_exchange_gave(shared: Path) -> None:
    trades = load_trades(shared / TRADES, "BTCUSDT", EXACT)

    assert candles_from_trades(trades, MINUTE) == load_candles(shared / CANDLES, "BTCUSDT", EXACT)


@pytest.mark.parametrize("interval", [5 * MINUTE, 60 * MINUTE, DAY])
def test_longer_candles_of_candles_are_those_of_the_trades(shared: Path, interval: int) -> None:
    trades, candles = load_trades(shared / TRADES, "BTCUSDT", EXACT), load_candles(shared / CANDLES, "BTCUSDT", EXACT)

    assert resample(candles, interval) == candles_from_trades(trades, interval)


@given(st.lists(st.tuples(st.integers(0, 900), st.integers(1, 50), st.integers(1, 9)), min_size=1, max_size=40))
def test_candles_are_what_pandas_resamples_to(rows: list[tuple[int, int, int]]) -> None:
    made = candles_from_trades(some_trades(*sorted(rows, key=lambda row: row[0])), MINUTE, fill_gaps=True)

    frame = pd.DataFrame(sorted(rows, key=lambda row: row[0]), columns=["time", "price", "size"])
    groups = frame.set_index(pd.to_datetime(frame["time"], unit="s")).resample("1min")
    expected = groups["price"].ohlc()
    expected["close"] = expected["close"].ffill()
    expected = expected.T.fillna(expected["close"]).T
    expected["volume"] = groups["size"].sum()
    assert [row[1:] for row in rows_of(made)] == [tuple(row) for row in expected.to_numpy().tolist()]


def test_no_trades_make_no_candles() -> None:
    none = some_trades()

    assert [len(candles_from_trades(none, MINUTE, fill_gaps=fill)) for fill in (False, True)] == [0, 0]
    assert len(resample(candles_from_trades(none, MINUTE), 2 * MINUTE)) == 0


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: candles_from_trades(SOME, 0), "interval: 0 microseconds is not an interval"),
        (
            lambda: resample(candles_from_trades(SOME, MINUTE), 100 * SECOND),
            "interval: 100s is not a whole number of the candles' own 1m (nearest: 1m or 2m)",
        ),
        (
            lambda: resample(candles_from_trades(SOME, MINUTE), 7 * SECOND),
            "interval: 7s is not a whole number of the candles' own 1m (nearest: 1m)",
        ),
        (
            lambda: resample(candles_from_trades(SOME, MINUTE), 0),
            "interval: 0 microseconds is not a whole number of the candles' own 1m (nearest: 1m)",
        ),
        (
            lambda: candles_from_trades(SOME, 2, fill_gaps=True),
            "interval: without gaps there would be 125,000,001 candles: take a longer interval",
        ),
    ],
)
def test_an_interval_that_will_not_do_is_refused(build: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        build()

    assert str(caught.value) == message


def test_the_command_makes_candles_of_trades_and_of_candles(shared: Path, tmp_path: Path) -> None:
    minutes, hours = tmp_path / "minutes.csv", tmp_path / "hours.csv"

    first = orderwright("candles", shared / TRADES, "--out", minutes)
    second = orderwright("candles", minutes, "--interval", "1h", "--fill-gaps", "--out", hours)

    assert first == (
        0,
        f"{minutes}: 5,388 candles of 1m from 26,921 trades; "
        "2,334 missing in 1,367 gaps, most (11) after 2023-11-18T02:06:00Z\n",
        "",
    )
    assert second == (0, f"{hours}: 129 candles of 1h from 5,388 candles; none is missing\n", "")
    assert load_candles(minutes, "BTC/USDT", EXACT) == load_candles(shared / CANDLES, "BTC/USDT", EXACT)


def test_the_command_says_what_is_wrong_and_writes_nothing_over(tmp_path: Path) -> None:
    trades = tmp_path / "trades.csv"
    trades.write_text("time,price,size\n2024-01-01T00:00:00Z,10,1\n2024-01-01T00:03:00Z,11,1\n", encoding="utf-8")
    made = tmp_path / "made.csv"

    assert orderwright("candles", trades, "--out", made).out == (
        f"{made}: 2 candles of 1m from 2 trades; 2 missing after 2024-01-01T00:00:00Z\n"
    )
    assert orderwright("candles", trades, "--out", made).err == (
        f"orderwright: {made}: out: is there already: name another file\n"
    )
    assert orderwright("candles", trades, "--out", tmp_path / "made.txt").err == (
        "orderwright: out: candles are written as CSV (nearest: made.csv)\n"
    )
    assert orderwright("candles", made, "--interval", "90s", "--out", tmp_path / "more.csv").err.startswith(
        "orderwright: interval: 90s is not a whole number of the candles' own 3m (nearest: 3m)"
    )
