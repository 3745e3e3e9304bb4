"""The validator: the core's own, over a list of trading pairs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orderwright.core.model import Quote, Settings
from orderwright.core.reasons import Reason, Refusal
from orderwright.executors import Trade, Validation
from tests.builders import NOW, SYMBOL, a_quote, an_instrument

PAIR = an_instrument(min_notional=Decimal(5))


class Market:
    """BTC/USDT at 99.99 / 100.01, or without a price."""

    def __init__(self, quote: Quote | None) -> None:
        self._quote = quote

    def quote(self, symbol: str, time: int) -> Quote | None:
        return self._quote

    def symbols(self) -> list[str]:
        return [SYMBOL]


def a_limit(**words: Any) -> Trade:
    plain: dict[str, Any] = {"base": "BTC", "quote": "USDT", "side": "buy", "quantity": 1, "price": 100}
    return Trade(**(plain | words), order_type="limit")


def test_a_trade_that_fits_passes() -> None:
    assert Validation([PAIR]).validate(a_limit()) is None


@pytest.mark.parametrize(
    ("trade", "reason", "nearest"),
    [
        (a_limit(base="BTT"), Reason.UNKNOWN_SYMBOL, "BTC/USDT"),
        (a_limit(price=None), Reason.PRICE_MISSING, None),
        (a_limit(quantity=None), Reason.QUANTITY_MISSING, None),
        (a_limit(price="100.001"), Reason.PRICE_OFF_TICK, "100"),
        (a_limit(quantity="1.000001"), Reason.QUANTITY_OFF_STEP, "1"),
        (a_limit(quantity="0.01"), Reason.VALUE_TOO_SMALL, "0.05"),
        (a_limit(time_in_force="gtd", expire_at=NOW), Reason.EXPIRY_PAST, None),
    ],
)
def test_a_trade_that_does_not_is_refused_with_the_nearest_that_would(
    trade: Trade, reason: Reason, nearest: str | None
) -> None:
    refusal = Validation([PAIR], clock=lambda: NOW).validate(trade)
    assert refusal is not None
    assert (refusal.reason, refusal.nearest) == (reason, nearest)


def test_without_a_clock_no_time_is_over() -> None:
    assert Validation([PAIR]).validate(a_limit(time_in_force="gtd", expire_at=NOW)) is None


def test_a_pair_that_is_not_traded_is_refused() -> None:
    refusal = Validation([an_instrument(trading=False)]).validate(a_limit())
    assert refusal == Refusal(Reason.NOT_TRADING, "the exchange does not trade it now", "symbol", SYMBOL)


def test_with_a_market_a_quote_amount_is_sized_and_held_against_the_smallest_value() -> None:
    market = Validation([PAIR], market=Market(a_quote()))
    assert market.validate(Trade("BTC", "USDT", "buy", quote_quantity=50)) is None
    refusal = market.validate(Trade("BTC", "USDT", "buy", quote_quantity=4))
    assert refusal is not None
    assert refusal.reason is Reason.VALUE_TOO_SMALL


def test_without_a_market_what_needs_a_price_is_left_to_the_core() -> None:
    trade = Trade("BTC", "USDT", "buy", quote_quantity=4)
    assert Validation([PAIR]).validate(trade) is None
    refusal = Validation([PAIR], market=Market(None)).validate(trade)
    assert refusal is not None
    assert refusal.reason is Reason.NO_MARKET_PRICE


def test_the_collar_needs_a_market() -> None:
    settings = Settings(collar_bps=Decimal(100))
    assert Validation([PAIR], settings=settings).validate(a_limit(price=150)) is None
    refusal = Validation([PAIR], settings=settings, market=Market(a_quote())).validate(a_limit(price=150))
    assert refusal is not None
    assert (refusal.reason, refusal.nearest) == (Reason.PRICE_COLLAR, "101.01")
