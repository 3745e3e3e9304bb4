"""What the exchange refuses, in Binance's codes and words.

The rules of form and of the instrument are those of `core.validation`: one ladder, climbed here a second time, on the
exchange's own numbers, so that nothing depends on what the core has checked. Here they only get the exchange's names.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from orderwright.core.model import Instruction, Instrument, OrderType, Settings
from orderwright.core.numbers import ZERO
from orderwright.core.reasons import Reason
from orderwright.core.sizing import Sized
from orderwright.core.validation import fit, shape


class VenueRefusal(NamedTuple):
    code: str
    message: str


OUTSIDE_WINDOW = VenueRefusal("-1021", "Timestamp for this request is outside of the recvWindow.")
INVALID_SYMBOL = VenueRefusal("-1121", "Invalid symbol.")
INVALID_ACCOUNT = VenueRefusal("-2015", "Invalid API-key, IP, or permissions for action.")
INSUFFICIENT_BALANCE = VenueRefusal("-2010", "Account has insufficient balance for requested action.")
WOULD_TAKE = VenueRefusal("-2010", "Order would immediately match and take.")
WOULD_TRIGGER = VenueRefusal("-2010", "Stop price would trigger immediately.")
UNKNOWN_ORDER = VenueRefusal("-2011", "Unknown order sent.")
REDUCE_ONLY = VenueRefusal("-2022", "ReduceOnly Order is rejected.")
BELOW_FILLED = VenueRefusal("-2038", "Order amend rejected: the quantity is below what has been filled.")
TRIGGERED = VenueRefusal("-2038", "Order amend rejected: the stop price has been reached.")
NO_SUCH_PRICE = VenueRefusal("-2038", "Order amend rejected: the order has no such price.")

_MARKET_CLOSED = VenueRefusal("-1013", "Market is closed.")
_MALFORMED = VenueRefusal("-1102", "A mandatory parameter was not sent, was empty/null, or malformed.")
_PRICE_FILTER = VenueRefusal("-1013", "Filter failure: PRICE_FILTER")
_LOT_SIZE = VenueRefusal("-1013", "Filter failure: LOT_SIZE")
_MARKET_LOT_SIZE = VenueRefusal("-1013", "Filter failure: MARKET_LOT_SIZE")
_NOTIONAL = VenueRefusal("-1013", "Filter failure: NOTIONAL")

_BY_REASON = {
    Reason.NOT_TRADING: _MARKET_CLOSED,
    Reason.PRICE_OFF_TICK: _PRICE_FILTER,
    Reason.STOP_PRICE_OFF_TICK: _PRICE_FILTER,
    Reason.PRICE_TOO_LOW: _PRICE_FILTER,
    Reason.PRICE_TOO_HIGH: _PRICE_FILTER,
    Reason.QUANTITY_NOT_POSITIVE: _LOT_SIZE,
    Reason.QUANTITY_TOO_SMALL: _LOT_SIZE,
    Reason.QUANTITY_OFF_STEP: _LOT_SIZE,
    Reason.QUANTITY_TOO_LARGE: _LOT_SIZE,
    Reason.VALUE_TOO_SMALL: _NOTIONAL,
    Reason.VALUE_TOO_LARGE: _NOTIONAL,
}
_ANY_TIME = 0  # the orders' times are the exchange's own business: what has expired on its way expires, is not refused
_NO_COLLAR = Settings()


def refused_by_filters(
    order: Instruction, quantity: Decimal, instrument: Instrument, market_price: Decimal | None
) -> VenueRefusal | None:
    """The first filter that an order of this quantity does not pass. market_price values what has no price of its own;
    where it is None too, the value is not checked."""
    refusal = shape(order, _ANY_TIME)
    if refusal is None:
        basis = order.price or order.stop_price or market_price
        value = quantity * basis if basis is not None else ZERO
        sized = Sized(quantity, basis, value, ZERO, ZERO, ZERO, "")
        refusal = fit(order, sized, instrument, None, _NO_COLLAR)
        if refusal is None:
            return None
    if (
        refusal.reason is Reason.QUANTITY_TOO_LARGE
        and order.type is OrderType.MARKET
        and instrument.market_max_quantity is not None
    ):
        return _MARKET_LOT_SIZE
    return _BY_REASON.get(refusal.reason, _MALFORMED)
