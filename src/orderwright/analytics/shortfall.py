"""Implementation shortfall: what a decision cost against having traded all of it at once, for nothing, at the decision
price (A. F. Perold, "The Implementation Shortfall: Paper versus Reality", 1988), and its four parts.

With side s (+1 to buy, -1 to sell), quantity Q, filled F for a value V, decision price D, the market's price S when
the order was sent, E when the rest was given up, and fees:

- delay        s (S - D) F      the market moved before the order was there
- impact       s (V - S F)      what filled did so at other prices than the market had had
- fees         fees             explicit
- opportunity  s (E - D)(Q - F) what did not fill, at what it would have cost in the end
- total        their sum, which is paper profit less real profit, whatever the end price is called

All exact: Decimal, nothing rounded. A fraction is of the paper investment D Q.
"""

from __future__ import annotations

import decimal
from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from orderwright.core.model import OrderSide
from orderwright.core.numbers import EXACT, ROUNDED, ZERO, text
from orderwright.errors import InputError


class OrderShortfall(Struct, frozen=True, kw_only=True):
    """The shortfall of one order in money, positive when it is a cost. paper: decision price x quantity."""

    paper: Decimal
    delay: Decimal
    impact: Decimal
    fees: Decimal
    opportunity: Decimal

    @property
    def total(self) -> Decimal:
        return EXACT.add(EXACT.add(self.delay, self.impact), EXACT.add(self.fees, self.opportunity))

    def fraction(self, part: Decimal) -> Decimal:
        """A part (or the total) of the paper investment."""
        return ROUNDED.divide(part, self.paper)


def shortfall(
    side: OrderSide,
    quantity: Decimal,
    decision_price: Decimal,
    fills: Iterable[tuple[Decimal, Decimal]],
    *,
    send_price: Decimal | None = None,
    fees: Decimal = ZERO,
    end_price: Decimal | None = None,
) -> OrderShortfall:
    """The shortfall of an order; fills are (price, quantity).

    send_price: the market's price when the order was sent; None: the decision price, so that there is no delay.
    end_price: the market's price when the rest was given up; needed where not all has filled. Raises InputError for
    quantities or prices that are not positive, more filled than ordered, or a missing end price.
    """
    _check("quantity", quantity)
    _check("decision_price", decision_price)
    with decimal.localcontext(EXACT):
        sign, send = (1 if side is OrderSide.BUY else -1), decision_price if send_price is None else send_price
        filled, value = ZERO, ZERO
        for price, part in fills:
            _check("fills", price)
            _check("fills", part)
            filled, value = filled + part, value + price * part
        if filled > quantity:
            raise InputError(
                f"{text(filled)} filled of {text(quantity)}", field="fills", value=filled, nearest=text(quantity)
            )
        rest = quantity - filled
        if rest and end_price is None:
            raise InputError(f"{text(rest)} did not fill: what was its price in the end?", field="end_price")
        missed = rest * ((end_price or decision_price) - decision_price)
        return OrderShortfall(
            paper=decision_price * quantity,
            delay=sign * (send - decision_price) * filled,
            impact=sign * (value - send * filled),
            fees=fees,
            opportunity=sign * missed,
        )


def _check(field: str, number: Decimal) -> None:
    if number <= 0:
        raise InputError(f"{text(number)} is not positive", field=field, value=number)
