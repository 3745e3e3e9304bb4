"""The volatility of a market, for signals that are sized by it and do not say it themselves.

It is the average true range (J. W. Wilder, New Concepts in Technical Trading Systems, 1978): the mean over the last 14
bars that are complete of

    max(high - low, |high - close before|, |low - close before|)

in quote units per unit of base. The bars are the exchange's own, of the strategy's `interval`, or of an hour where it
names none. Prices are ticks, so the sum is exact; the mean has 18 places.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import structs

from orderwright.analytics.windows import parse_length
from orderwright.core.model import Action, Signal
from orderwright.core.numbers import divided

if TYPE_CHECKING:
    from orderwright.config.schema import Configuration
    from orderwright.market.live_prices import LivePrices

BARS = 14
INTERVAL = "1h"
Feed = Callable[[str, str], "LivePrices"]


def average_true_range(prices: LivePrices, interval: int, now: int) -> Decimal:
    """Of the bars of `interval` microseconds (made whole ticks of the market) that are complete at `now`."""
    interval = max(interval // prices.tick_us, 1) * prices.tick_us
    candles = prices.candles(interval, now // interval - BARS - 1, BARS + 1)
    ticks = 0
    for bar in range(1, BARS + 1):
        before, high, low = int(candles.close[bar - 1]), int(candles.high[bar]), int(candles.low[bar])
        ticks += max(high, before) - min(low, before)
    return divided(ticks * prices.instrument.tick_size, Decimal(BARS))


def with_volatility(signal: Signal, configuration: Configuration, feed: Feed, exchange: str, now: int) -> Signal:
    """The signal with the volatility that its sizing needs, where it says none itself. feed: the market of (exchange,
    symbol)."""
    terms = signal.terms
    if terms is None or terms.sizing.by != "volatility" or signal.volatility:
        return signal
    opens = signal.action in (Action.BUY, Action.SELL)
    if not opens or signal.quantity is not None or signal.quote_quantity is not None:
        return signal
    interval = interval_of(configuration, signal.strategy)
    return structs.replace(signal, volatility=average_true_range(feed(exchange, signal.symbol), interval, now))


def interval_of(configuration: Configuration, strategy: str) -> int:
    """Microseconds of the bars by which a strategy's volatility is measured."""
    keys = configuration.strategies.get(strategy)
    named = keys is not None and "interval" in keys.model_fields_set
    return parse_length(keys.interval if keys is not None and named else INTERVAL, "interval")


__all__ = ["average_true_range", "interval_of", "with_volatility"]
