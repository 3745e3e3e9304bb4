"""The models by themselves: what each makes of plain numbers."""

from __future__ import annotations

from decimal import Decimal
from statistics import fmean, median

import pytest

from orderwright.core.model import Account
from orderwright.simulation.models.chance import normal, uniform
from orderwright.simulation.models.fees import Fees
from orderwright.simulation.models.latency import LognormalLatency, UniformLatency
from orderwright.simulation.models.spread import SpreadBps, SpreadTicks
from orderwright.simulation.models.volume import VolumeShare
from tests.simulation.builders import Trader, an_instrument, flat, order_in, some_candles

SPOT, LINEAR = an_instrument(), an_instrument(linear=True)


@pytest.mark.parametrize(
    ("fees", "buy", "maker", "expected"),
    [
        (Fees(maker=Decimal("0.001"), taker=Decimal("0.002")), True, True, ("0.3", "USDT")),
        (Fees(maker=Decimal("0.001"), taker=Decimal("0.002")), False, False, ("0.6", "USDT")),
        (Fees(taker=Decimal("0.002"), taken_in="received"), True, False, ("0.006", "BTC")),
        (Fees(taker=Decimal("0.002"), taken_in="received"), False, False, ("0.6", "USDT")),
        (Fees(taker=Decimal("0.002"), taken_in="BNB", conversion=Decimal("0.0015")), True, False, ("0.0009", "BNB")),
        (Fees(taker=Decimal("0.002"), taken_in="BNB", conversion=Decimal(1)), True, False, ("0.006", "BTC")),
        (Fees(taker=Decimal("0.0000123"), places=4), True, False, ("0.0036", "USDT")),
        (Fees(maker=Decimal("-0.0001")), True, True, ("-0.03", "USDT")),
        (Fees(), True, True, ("0", "")),
    ],
)
def test_a_fee_is_a_rate_of_the_value(fees: Fees, buy: bool, maker: bool, expected: tuple[str, str]) -> None:
    """3 at 100 is worth 300; the account has half a BNB."""

    def can_pay(asset: str, amount: Decimal) -> bool:
        return asset == "BNB" and amount <= Decimal("0.5")

    fee, asset = fees.fee(SPOT, buy, Decimal(3), Decimal(100), maker, can_pay)

    assert (fee, asset) == (Decimal(expected[0]), expected[1])


def test_a_linear_contract_pays_its_fee_in_quote() -> None:
    fees = Fees(taker=Decimal("0.001"), taken_in="received")

    assert fees.fee(LINEAR, True, Decimal(1), Decimal(100), False, lambda *_: True) == (Decimal("0.1"), "USDT")


def test_an_accounts_own_rates_are_taken_where_its_orders_fill() -> None:
    account = Account(account="main", maker_fee=Decimal("0.001"), taker_fee=Decimal("0.002"), fee_in="received")
    trader = Trader(some_candles(*flat(100), (100, 101, 99, 100)), accounts=[account])
    trader.place(1).place(2, **order_in("sell 1 limit 101")).run(5)

    taker, maker = trader.executions(1)[0], trader.executions(2)[0]
    assert (taker.fee, taker.fee_asset, taker.liquidity) == (Decimal("0.002"), "BTC", "taker")
    assert (maker.fee, maker.fee_asset, maker.liquidity) == (Decimal("0.101"), "USDT", "maker")


@pytest.mark.parametrize(
    ("model", "price", "around"),
    [
        (SpreadTicks(2), 100, (99, 101)),
        (SpreadTicks(3), 100, (98, 102)),
        (SpreadTicks(9), 2, (1, 7)),
        (SpreadBps(Decimal(10)), 100_000, (99_950, 100_050)),
        (SpreadBps(Decimal("0.1")), 100_000, (99_999, 100_001)),
    ],
)
def test_a_spread_is_rounded_away_from_the_middle(
    model: SpreadTicks | SpreadBps, price: int, around: tuple[int, int]
) -> None:
    assert model.around(price) == around


def test_a_share_of_a_volume_is_whole_steps() -> None:
    assert VolumeShare(Decimal("0.1")).allowed(999) == 99


def test_draws_are_spread_as_they_say() -> None:
    events = [str(number) for number in range(2_000)]
    draws = [uniform(1, "BTC/USDT", event) for event in events]

    assert all(0 < draw < 1 for draw in draws)
    assert fmean(draws) == pytest.approx(0.5, abs=0.02)
    assert fmean(normal(1, "BTC/USDT", event) for event in events) == pytest.approx(0, abs=0.06)
    assert len({uniform(*key) for key in [(1, "A", "e"), (2, "A", "e"), (1, "B", "e"), (1, "A", "f")]}) == 4


def test_latencies_are_what_they_are_named_for() -> None:
    events = [str(number) for number in range(2_000)]
    even = [UniformLatency(1, 10, 20).request("BTC/USDT", event) for event in events]
    skewed = [LognormalLatency(1, 50_000).request("BTC/USDT", event) for event in events]

    assert set(even) == set(range(10, 21))
    assert median(skewed) == pytest.approx(50_000, rel=0.05)
    assert fmean(skewed) > median(skewed)
