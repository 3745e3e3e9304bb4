"""A market order that may not slip further than it is told: it goes out as a limit at its collar.

- The collar is `max_slippage_bps` beyond the far side of the market (the last trade where only that is known), rounded
  to the tick inwards, so that it is never exceeded; never beyond `collar_bps` either, where that is set.
- Left as they are: a bracket's exits (what protects gets out), and an order that only reduces where no price is recent
  enough to measure by; any other is refused there, as every market order is.
- What did not fill follows `remainder`. cancel: the limit is good for this moment only (IOC), as it is for an order
  that says so itself. rest: it rests at the collar until `until`, then it is cancelled. retry: `retrying`.
"""

from __future__ import annotations

from decimal import Decimal

from orderwright.core.ids import is_order_id
from orderwright.core.model import (
    Instruction,
    Instrument,
    OrderSide,
    OrderType,
    Quote,
    Remainder,
    Settings,
    TimeInForce,
)
from orderwright.core.numbers import ceil_to, floor_to
from orderwright.core.requests import at_collar
from orderwright.core.sizing import BPS

_IMMEDIATE = frozenset({TimeInForce.IOC, TimeInForce.FOK})


def collared(settings: Settings, order: Instruction, instrument: Instrument, quote: Quote | None) -> Instruction:
    """The order as it goes out: a market order as a limit at its collar, where there is one; any other as it is."""
    if order.type is not OrderType.MARKET or quote is None or is_order_id(order.group):
        return order
    price = collar_of(settings, order.side, quote, instrument.tick_size)
    return order if price is None else at_collar(order, price, remainder_of(settings, order))


def collar_of(settings: Settings, side: OrderSide, quote: Quote, tick: Decimal) -> Decimal | None:
    """The collar of a market order, in quote per base; None where there is none. A sell's is one tick at least."""
    bps = settings.max_slippage_bps
    if bps is None:
        return None
    if settings.collar_bps is not None:
        bps = min(bps, settings.collar_bps)
    if side is OrderSide.BUY:
        return floor_to((quote.ask or quote.last) * (BPS + bps) / BPS, tick)
    return max(ceil_to((quote.bid or quote.last) * (BPS - bps) / BPS, tick), tick)


def remainder_of(settings: Settings, order: Instruction) -> Remainder:
    """What becomes of the rest: an order that is immediate by its own word has none."""
    return "cancel" if order.time_in_force in _IMMEDIATE else settings.remainder


def over_at(settings: Settings, remainder: Remainder, now: int) -> int | None:
    """When retrying or resting is over, in microseconds, for an order that goes out now."""
    return None if remainder == "cancel" else now + 1_000 * settings.execution_timeout_ms
