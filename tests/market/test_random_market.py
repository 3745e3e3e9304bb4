"""The made-up market: one seed, one history, and always a possible one."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwright.errors import InputError
from orderwright.market.candles import check_candles
from orderwright.market.files import load_candles, write_candles_csv
from orderwright.market.instruments import default_instrument
from orderwright.market.random_market import MINUTE, START, random_candles

BTC = default_instrument("BTC/USDT")


def test_the_same_seed_gives_the_same_history_byte_for_byte() -> None:
    once, again = (random_candles(7, 1_000, BTC) for _ in range(2))

    for name in ("times", "open", "high", "low", "close", "volume"):
        assert getattr(once, name).tobytes() == getattr(again, name).tobytes()


def test_another_seed_gives_another_history() -> None:
    assert random_candles(7, 10, BTC) != random_candles(8, 10, BTC)


@given(
    seed=st.integers(0, 2**32),
    n=st.integers(1, 200),
    volatility=st.floats(0, 1),
    price=st.decimals("0.01", "1000000", places=2),
)
def test_every_history_is_a_possible_one(seed: int, n: int, volatility: float, price: Decimal) -> None:
    candles = random_candles(seed, n, BTC, volatility=volatility, start_price=price)

    check_candles(candles)
    assert (len(candles), candles.gaps(), BTC.price(candles.open[0])) == (n, [], price)
    assert np.array_equal(candles.open[1:], candles.close[:-1])
    assert (candles.volume > 0).all()


def test_the_walk_begins_where_and_when_it_is_told() -> None:
    candles = random_candles(1, 3, BTC, start=START + 5, interval=2 * MINUTE, start_price=Decimal("123.45"))

    assert candles.times.tolist() == [START + 5, START + 5 + 2 * MINUTE, START + 5 + 4 * MINUTE]
    assert (candles.open[0], candles.interval) == (12_345, 2 * MINUTE)


def test_the_returns_have_the_volatility_that_was_asked_for() -> None:
    closes = random_candles(3, 20_000, BTC, volatility=0.001).close

    assert np.diff(np.log(closes)).std() == pytest.approx(0.001, rel=0.03)


def test_a_random_market_survives_a_file(tmp_path: Path) -> None:
    candles = random_candles(5, 500, BTC)
    write_candles_csv(candles, tmp_path / "made_up.csv")

    assert load_candles(tmp_path / "made_up.csv", "BTC/USDT", BTC) == candles


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"n": 0}, "n: 0 is not positive"),
        ({"interval": -1}, "interval: -1 is not positive"),
        ({"start_price": Decimal(0)}, "start_price: 0 is not positive"),
        ({"turnover": 0.0}, "turnover: 0.0 is not positive"),
        ({"volatility": -0.1}, "volatility: -0.1 is not between 0 and 1"),
        ({"volatility": float("nan")}, "volatility: nan is not between 0 and 1"),
    ],
)
def test_arguments_out_of_range_are_refused(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        random_candles(1, changes.pop("n", 10), BTC, **changes)

    assert str(caught.value) == expected
