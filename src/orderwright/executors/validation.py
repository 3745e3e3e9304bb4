"""Is a trade well formed, and does it fit its instrument? The core's own validator, over a list of instruments.

It is asked before anything is sent, so that what the exchange would refuse costs no request. The core asks again, with
limits and money; this only needs the trade, the trading pairs and, where there is one, the market.
"""

from __future__ import annotations

import abc
import decimal
from collections.abc import Callable, Iterable

from orderwright.core.model import Account, Instrument, Settings
from orderwright.core.numbers import EXACT
from orderwright.core.reasons import Reason, Refusal
from orderwright.core.sizing import size
from orderwright.core.validation import OrderValidator
from orderwright.errors import nearest_name
from orderwright.executors.trade import Trade
from orderwright.ports import Feed

_NO_ID = "0" * 30
_ANY = Account(account="any")


class IValidation(abc.ABC):
    """What a trade must pass before it is sent."""

    @abc.abstractmethod
    def validate(self, trade: Trade) -> Refusal | None:
        """Why the trade is not to be sent; None where it is."""


class Validation(IValidation):
    """The trading pairs, and the core's validator over them.

    market: where prices are asked for (the price collar, the value of a market order); without one what needs a price
    is left to the core. clock: microseconds, for times that are over; without one none is.
    """

    def __init__(
        self,
        instruments: Iterable[Instrument],
        *,
        settings: Settings | None = None,
        market: Feed | None = None,
        clock: Callable[[], int] = lambda: 0,
    ) -> None:
        self.instruments = {instrument.symbol: instrument for instrument in instruments}
        self.settings = settings or Settings()
        self.market, self.clock = market, clock
        self.validator = OrderValidator()

    def validate(self, trade: Trade) -> Refusal | None:
        instrument = self.instruments.get(trade.symbol)
        if instrument is None:
            nearest = nearest_name(trade.symbol, self.instruments)
            return Refusal(Reason.UNKNOWN_SYMBOL, "the exchange does not list it", "symbol", trade.symbol, nearest)
        now = self.clock()
        instruction = trade.instruction(_NO_ID, now=now, account=_ANY.account)
        quote = self.market.quote(trade.symbol, now) if self.market is not None else None
        with decimal.localcontext(EXACT):
            refusal = self.validator.shape(instruction, now)
            if refusal is not None:
                return refusal
            sized = size(instruction, instrument, _ANY, quote)
            if isinstance(sized, Refusal):
                return None if self.market is None else sized
            collar = self.settings if quote is not None else Settings()
            return self.validator.fit(instruction, sized, instrument, quote, collar)
