"""A broker on a market that a reader can follow: one flat candle a minute at these prices, no fees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orderwright import Broker, Trade
from orderwright.market.candles import Candles
from tests.simulation.builders import MINUTE, START, an_instrument, flat, some_candles

PRICES = (100, 100, 101, 102, 103, 104, 105, 106, 107, 108)
SHOWN = START + MINUTE
"""When the first candle has closed: a broker's market begins here, at 100."""


def some_market(prices: Sequence[float] = PRICES, symbol: str = "BTC/USDT") -> Candles:
    base, quote = symbol.split("/")
    return some_candles(*flat(*prices), instrument=an_instrument(symbol=symbol, base=base, quote=quote))


def a_broker(prices: Sequence[float] = PRICES, **options: Any) -> Broker:
    words: dict[str, Any] = {"feeds": [some_market(prices)], "maker_fee": 0, "taker_fee": 0}
    return Broker(**(words | options))


def a_buy(quantity: object = "1", **words: Any) -> Trade:
    """At market."""
    return Trade("BTC", "USDT", "buy", quantity, **words)  # type: ignore[arg-type]  # tests pass what users may


def a_limit(price: object, quantity: object = "1", **words: Any) -> Trade:
    return Trade("BTC", "USDT", "buy", quantity, order_type="limit", price=price, **words)  # type: ignore[arg-type]
