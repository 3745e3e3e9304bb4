"""The market of the live service: a function of seed, symbol and time."""

from __future__ import annotations

from dataclasses import astuple
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from orderwright.core.model import Quote
from orderwright.errors import InputError
from orderwright.market.candles import check_candles
from orderwright.market.live_prices import BLOCK, LivePrices, first_price_of, live_prices

SECOND, MINUTE, DAY = 1_000_000, 60_000_000, 86_400_000_000
NOW = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z


def a_market(symbol: str = "BTC/USDT", seed: int = 7, spread_bps: str = "2", tick_ms: int = 1_000) -> LivePrices:
    return live_prices(symbol, "simulated", seed=seed, spread_bps=Decimal(spread_bps), tick_ms=tick_ms)


def test_a_quote_stands_for_one_tick_and_lies_around_the_price() -> None:
    quote = a_market().quote(NOW + 1)

    assert quote == Quote(Decimal("44284.48"), NOW, Decimal("44280.05"), Decimal("44288.91"))
    assert a_market().quote(NOW + SECOND - 1) == quote
    assert a_market().quote(NOW + SECOND) != quote


def test_the_same_seed_is_the_same_market_in_whatever_order_it_is_asked() -> None:
    one, other = a_market(), a_market()
    times = [NOW + number * 777 * SECOND for number in range(200)]

    forwards = [one.quote(time) for time in times]
    backwards = [other.quote(time) for time in reversed(times)]

    assert forwards == backwards[::-1]
    assert a_market(seed=8).quote(NOW) != forwards[0]


@pytest.mark.parametrize("rows", [64, 4 * BLOCK, 64 * BLOCK])
def test_a_row_is_the_same_in_a_block_of_any_size(rows: int) -> None:
    market = a_market()
    number = market.row(NOW) // rows
    bid, ask = market.block(number, rows)

    for place in (0, 1, rows // 2, rows - 1):
        assert (bid[place], ask[place]) == a_market().at(number * rows + place)


def test_the_price_at_a_time_does_not_depend_on_the_tick() -> None:
    """A coarser tick looks at fewer moments of the same market, to within what moves between two of them."""
    fine, coarse = a_market(tick_ms=1_000, spread_bps="0"), a_market(tick_ms=60_000, spread_bps="0")
    moves = [float(fine.quote(NOW + n * MINUTE).last / coarse.quote(NOW + n * MINUTE).last) for n in range(200)]

    assert max(abs(np.log(moves))) < 0.006


def test_returns_are_those_of_brownian_motion_with_the_volatility_of_a_year() -> None:
    closes = a_market().candles(MINUTE, NOW // MINUTE, 20_000).close
    returns = np.diff(np.log(closes))

    assert returns.std() * np.sqrt(365 * 1_440) == pytest.approx(0.6, rel=0.03)
    assert abs(np.corrcoef(returns[1:], returns[:-1])[0, 1]) < 0.02


def test_the_price_stays_about_where_it_began() -> None:
    closes = a_market().candles(DAY, NOW // DAY - 2_000, 2_000).close * 0.01

    assert 25_000 < closes.min() < 50_000 < closes.max() < 100_000


def test_candles_are_made_of_the_prices_in_them() -> None:
    market = a_market(spread_bps="0")
    rows = [market.at(market.row(NOW) + second)[0] for second in range(61)]
    candles = market.candles(MINUTE, NOW // MINUTE, 1)
    check_candles(candles)

    assert (candles.open[0], candles.high[0], candles.low[0], candles.close[0]) == (
        rows[0], max(rows), min(rows), rows[60],
    )  # fmt: skip


@pytest.mark.parametrize("interval", [SECOND, 7 * SECOND, MINUTE, 60 * MINUTE, DAY])
def test_candles_are_the_same_however_many_are_asked_for_and_follow_on(interval: int) -> None:
    market, first = a_market(), NOW // interval
    many = market.candles(interval, first, 30)
    one = a_market().candles(interval, first + 20, 1)
    check_candles(many)

    assert [list(column) for column in astuple(one)[3:]] == [list(column) for column in astuple(many[20:21])[3:]]
    assert list(many.open[1:]) == list(many.close[:-1])


def test_symbols_have_prices_and_ticks_that_fit_them() -> None:
    found = {symbol: (m := a_market(symbol)).instrument.price(m.at(0)[0]) for symbol in ("ETH/USDT", "DOGE/USDT")}

    assert found == {"ETH/USDT": Decimal("2740.12"), "DOGE/USDT": Decimal("0.13867")}
    assert a_market("DOGE/USDT").instrument.tick_size == Decimal("0.00001")
    assert {first_price_of(base, 7) for base in ("WIF", "PEPE")} == {Decimal(81), Decimal(410)}


@pytest.mark.parametrize("tick_ms", [100, 1_000, 7_000])
def test_the_quotes_stay_between_what_is_known_of_them_before_they_are_made(tick_ms: int) -> None:
    market = a_market(tick_ms=tick_ms, spread_bps="20")
    row = market.row(NOW)
    first, lowest_bid, lowest_ask, highest_bid, highest_ask = (column.tolist() for column in market.reach(row, 40))
    cells = [[market.at(row) for row in range(start, end)] for start, end in pairwise(first)]

    assert first[0] <= row < first[1]
    assert sum(map(len, cells)) == first[-1] - first[0] > 0
    for at, rows in enumerate(cells):
        assert lowest_bid[at] <= min(bid for bid, _ in rows) <= max(bid for bid, _ in rows) <= highest_bid[at]
        assert lowest_ask[at] <= min(ask for _, ask in rows) <= max(ask for _, ask in rows) <= highest_ask[at]
        assert highest_ask[at] < lowest_bid[at] * 1.06


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"tick_ms": 0}, "tick_ms: 0 is not between 1 and 3600000 ms (nearest: 1)"),
        ({"tick_ms": 4_000_000}, "tick_ms: 4000000 is not between 1 and 3600000 ms (nearest: 3600000)"),
        ({"spread_bps": "10000"}, "spread_bps: 10000 is not from 0 to 10000"),
    ],
)
def test_what_is_out_of_range_is_refused(words: dict[str, object], told: str) -> None:
    with pytest.raises(InputError) as refused:
        a_market(**words)  # type: ignore[arg-type]

    assert str(refused.value) == told


def test_candles_are_of_whole_ticks() -> None:
    with pytest.raises(InputError, match=r"interval: candles are made of whole ticks of 1000 ms \(nearest: 1\)"):
        a_market().candles(SECOND + 1, 0, 1)
