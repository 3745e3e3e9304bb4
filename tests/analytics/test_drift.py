"""Live slippage against simulated slippage, and the model that is fitted to the live one."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from orderwright.analytics.bars import bars_of
from orderwright.analytics.drift import Fitted, OrdersOf, fit, slippage_drift
from orderwright.analytics.records import Drift
from orderwright.analytics.statistics import difference, mean
from orderwright.core.model import Instrument
from orderwright.errors import InputError, UnknownName
from orderwright.market.candles import Candles
from orderwright.simulation.models.slippage import FittedSlippage
from tests.analytics.mirror_tables import NOON, HandWritten, at, near

LIVE, SIMULATED = OrdersOf(exchange="binance"), OrdersOf(exchange="simulated")
MARKETS = ("binance BTC/USDT", "simulated BTC/USDT")
BASE, ROOT = 2.0, 40.0


def _a_month(seed: int = 5) -> tuple[HandWritten, pa.Table]:
    """400 orders on each side, a minute apart: live ones slip by 2 + 40 x sqrt(quantity / volume) bps and some noise,
    simulated ones by 1 bps."""
    chance, log = random.Random(seed), HandWritten(*MARKETS)
    volumes = []
    for number in range(400):
        time, quantity, volume = number * 60_000, chance.randint(1, 20), chance.choice([200, 400, 1_600])
        slip = BASE + ROOT * (quantity / volume) ** 0.5 + chance.gauss(0, 1)
        order = log.order(2 * number, f"buy {quantity} market", time)
        order.fill(time + 100, quantity, f"{100 + slip / 100:.8f}")
        log.order(2 * number + 1, f"sell {quantity} market", time, MARKETS[1]).fill(time + 9, quantity, "99.99")
        volumes.append(volume)
    count = len(volumes)
    clock = [at(60_000 * (number + 1) - 1) for number in range(count)]
    bars = {"exchange": ["binance"] * count, "symbol": ["BTC/USDT"] * count, "time": clock}
    return log, pa.table(bars | {"price": [100.0] * count, "volume": [float(volume) for volume in volumes]})


def test_a_known_model_is_found_again_within_its_error() -> None:
    log, bars = _a_month()
    found = slippage_drift(log.write(), LIVE, SIMULATED, bars=bars)

    assert found.base_bps == near(BASE, abs=0.3)
    assert found.root_bps == near(ROOT, abs=2.0)
    assert (found.live.count, found.simulated.count, found.simulated.value) == (400, 400, near(1.0))
    assert found.difference.low is not None
    assert found.difference.high is not None
    assert found.live.value is not None
    assert found.difference.low < found.live.value - 1.0 < found.difference.high
    model = eval(found.model, {"FittedSlippage": FittedSlippage, "Decimal": Decimal})  # what it says can be typed in
    assert model.base_bps == round(Decimal(repr(found.base_bps)), 4)


def test_without_bars_only_the_mean_is_fitted() -> None:
    log = HandWritten(*MARKETS)
    for number, price in enumerate(("100.01", "100.03", "100.05")):
        log.order(number, "buy 1 market").fill(5, 1, price)
        log.order(10 + number, "buy 1 market", market=MARKETS[1]).fill(5, 1, "100.01")
    found = slippage_drift(log.write(), LIVE, SIMULATED)
    exact = difference((3, 3.0, 4.0), (3, 1.0, 0.0))

    assert found == Drift(
        live=_near(mean(3, 3.0, 4.0)),
        simulated=_near(mean(3, 1.0, 0.0)),
        difference=_near(exact),
        base_bps=near(3.0),
        root_bps=0.0,
        model='FittedSlippage(base_bps=Decimal("3.0"), root_bps=0.0)',
    )


def _near(estimate: Any) -> Any:
    about = {name: near(getattr(estimate, name), abs=1e-6) for name in ("value", "low", "high")}
    return type(estimate)(count=estimate.count, **about)


@pytest.mark.parametrize(
    ("base", "root", "expected"),
    [(3.0, 10.0, (3.0, 10.0)), (-2.0, 10.0, (0.0, None)), (5.0, -8.0, (None, 0.0)), (-5.0, -8.0, (0.0, 0.0))],
)
def test_no_coefficient_is_below_zero(base: float, root: float, expected: tuple[float | None, float | None]) -> None:
    shares = np.linspace(0.01, 0.25, 50)
    found = fit(base + root * np.sqrt(shares), shares)

    assert found is not None
    assert min(found.base_bps, found.root_bps) >= 0
    for value, wanted in zip((found.base_bps, found.root_bps), expected, strict=True):
        assert wanted is None or value == near(wanted)


def test_orders_alike_in_size_tell_only_the_mean() -> None:
    assert fit(np.array([1.0, 2.0, 6.0]), np.full(3, 0.1)) == Fitted(base_bps=3.0, root_bps=0.0, orders=3)
    assert fit(np.array([]), np.array([])) is None


def test_groups_without_trades_have_no_drift() -> None:
    log = HandWritten(*MARKETS)
    log.order(1, "buy 1 market").fill(5, 1, "100.02")
    log.order(2, "buy 1 market", market=MARKETS[1])
    found = slippage_drift(log.write(), LIVE, SIMULATED)

    assert (found.live.count, found.simulated.count, found.difference.value) == (1, 0, None)


@pytest.mark.parametrize(
    ("live", "simulated", "error", "message"),
    [
        (OrdersOf(exchange="binanc"), SIMULATED, UnknownName, r"live: unknown exchange 'binanc' \(nearest: binance\)"),
        (LIVE, OrdersOf(), InputError, "simulated: name an exchange, a book, a strategy, an account or an order type"),
        (LIVE, LIVE, InputError, "simulated: live and simulated are the same orders"),
    ],
)
def test_groups_that_are_none_are_refused(
    live: OrdersOf, simulated: OrdersOf, error: type[Exception], message: str
) -> None:
    log = HandWritten(*MARKETS)
    for number, market in enumerate(MARKETS):
        log.order(number, "buy 1 market", market=market).fill(5, 1, "100.02")
    with pytest.raises(error, match=message):
        slippage_drift(log.write(), live, simulated)


def test_bars_without_a_column_are_refused() -> None:
    log = HandWritten(*MARKETS)
    with pytest.raises(InputError, match="bars: no column 'exchange'; needed: exchange, symbol, time, price, volume"):
        slippage_drift(log.write(), LIVE, SIMULATED, bars=pa.table({"time": [1]}))


def test_candles_become_bars_at_their_close() -> None:
    instrument = Instrument(
        symbol="BTC/USDT", base="BTC", quote="USDT", exchange="binance", tick_size=Decimal("0.5"), step_size=Decimal(2)
    )
    times, prices = np.array([NOON]), np.array([200])
    candles = Candles("BTC/USDT", instrument, 60_000_000, times, prices, prices, prices, prices, np.array([7]))

    assert bars_of(candles).to_pylist() == [
        {"exchange": "binance", "symbol": "BTC/USDT", "time": at(60_000), "price": 100.0, "volume": 14.0}
    ]


@pytest.mark.parametrize(
    ("model", "quantity", "volume", "expected"),
    [
        (FittedSlippage(Decimal(1), 0.0), 1, 1, (100_010, 99_990)),
        (FittedSlippage(Decimal("0.11"), 0.0), 1, 1, (100_002, 99_998)),
        (FittedSlippage(Decimal(1), 20.0), 25, 100, (100_110, 99_890)),
        (FittedSlippage(Decimal(0), 3.0), 1, 0, (100_030, 99_970)),
        (FittedSlippage(Decimal(20_000), 0.0), 1, 1, (300_000, 1)),
    ],
)
def test_the_fitted_model_is_rounded_against_the_taker(
    model: FittedSlippage, quantity: int, volume: int, expected: tuple[int, int]
) -> None:
    found = tuple(model.slipped(100_000, buy, quantity, volume) for buy in (True, False))

    assert found == expected
