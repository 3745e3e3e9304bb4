"""Quotes and trades as arrays."""

import numpy as np
import pytest

from orderwright.errors import InputError
from orderwright.market.feeds import quotes_from_floats, trades_from_floats
from orderwright.market.instruments import default_instrument

MINUTE = 60_000_000
TIME = 1_704_067_200_000_000  # 2024-01-01T00:00:00Z
BTC = default_instrument("BTC/USDT")
TIMES = np.array([TIME, TIME, TIME + 1])
ONES = np.ones(3)


def test_quotes_become_ticks_and_steps() -> None:
    quotes = quotes_from_floats(BTC, TIMES, 99.5 * ONES, 100 * ONES, 0.5 * ONES, 2 * ONES)[1:]

    columns = (quotes.times, quotes.bid, quotes.ask, quotes.bid_size, quotes.ask_size)
    assert [column.tolist() for column in columns] == [
        [TIME, TIME + 1],
        [9_950, 9_950],
        [10_000, 10_000],
        [50_000, 50_000],
        [200_000, 200_000],
    ]
    assert (quotes.symbol, quotes.instrument, len(quotes)) == ("BTC/USDT", BTC, 2)


def test_trades_become_ticks_and_steps() -> None:
    trades = trades_from_floats(BTC, TIMES, 99.5 * ONES, 0.5 * ONES, [1, -1, 0])[1:]

    columns = (trades.times, trades.price, trades.size, trades.aggressor)
    assert [column.tolist() for column in columns] == [[TIME, TIME + 1], [9_950, 9_950], [50_000, 50_000], [-1, 0]]
    assert (trades.symbol, trades.aggressor.dtype.name, len(trades)) == ("BTC/USDT", "int8", 2)


def test_a_crossed_quote_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        quotes_from_floats(BTC, TIMES, np.array([99.0, 101, 99]), 100 * ONES, ONES, ONES)

    assert str(caught.value) == "row 2: bid: 101 is above the ask 100 (nearest: 100)"


def test_a_trade_out_of_order_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        trades_from_floats(BTC, np.array([TIME, TIME - 1, TIME]), ONES, ONES)

    assert str(caught.value) == (
        "row 2: time: 2023-12-31T23:59:59.999999Z is before 2024-01-01T00:00:00Z in the row above"
    )


def test_an_aggressor_that_is_neither_side_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        trades_from_floats(BTC, TIMES, ONES, ONES, [1, 2, 0])

    assert str(caught.value) == "row 2: aggressor: 2 is not 1, -1 or 0"
