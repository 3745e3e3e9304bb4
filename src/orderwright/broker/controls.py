"""The kill switch of a broker's book, and the orders that wait for an approval; over a service it is the service's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orderwright.core import messages as m
from orderwright.core.model import TradingState
from orderwright.errors import InputError
from orderwright.executors import Trade
from orderwright.executors.words import word_of

if TYPE_CHECKING:
    from orderwright.broker.statistics import TellsStatistics

    Base = TellsStatistics
else:
    Base = object


class Controls(Base):
    """What somebody decides about a book. by, cause: who, and why: both are in the log."""

    def approve(self, trade: Trade | str, cause: str = "", *, by: str = "") -> Trade:
        """Let an order that waits for an approval go, a trade or an order id; price and risk are checked again. How it
        stands then, with the reason where it was refused. Over a service `by` is whose key it is."""
        order_id = self._known_id(trade)
        return self._changed(trade, order_id, self._opened.do(m.ApproveOrder(order_id=order_id, by=by, cause=cause)))

    def deny(self, trade: Trade | str, cause: str = "", *, by: str = "") -> Trade:
        """Deny an order that waits for an approval: it ends, and `cause` is its reason."""
        order_id = self._known_id(trade)
        return self._changed(trade, order_id, self._opened.do(m.DenyOrder(order_id=order_id, by=by, cause=cause)))

    def set_trading(self, state: str, cause: str = "") -> None:
        """How the book may trade from now on: active, reducing (only what reduces a position) or halted (only cancels).
        Raises InputError for another word, and where a service does not let this key."""
        self._check_open()
        found = word_of(state, "state", TradingState)
        reply = self._opened.do(m.SetTradingState(state=found, cause=cause))
        if reply is not None and reply.refusal is not None:
            why = reply.refusal
            raise InputError(why.rule, field=why.field or None, value=why.value, nearest=why.nearest)

    def halt(self, cause: str = "") -> None:
        """The kill switch: only cancels go out, until `set_trading("active")`."""
        self.set_trading("halted", cause)

    if TYPE_CHECKING:

        def _known_id(self, trade: Trade | str) -> str: ...

        def _changed(self, trade: Trade | str, order_id: str, reply: Any) -> Trade: ...


__all__ = ["Controls"]
