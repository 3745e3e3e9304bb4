"""What a fill costs.

- A fee is a rate times the fill's value in quote: one rate for makers, one for takers.
- It is taken in the quote asset, in the asset received (a buy's base, a sell's quote: as Binance does), or in a third
  asset at a fixed rate of conversion. An account that cannot pay in the third asset pays in what it receives, as an
  account does that has run out of BNB. A linear contract brings nothing in, so there `received` means quote.
- Fees are rounded down to `places` decimal places (18 unless said; Binance has 8). Down, so that the sum of an order's
  fees never exceeds the rate on its whole value, which is what was reserved for it.
- There are no tiers, minimum fees, rebates on volume, funding payments or borrowing costs. A maker rate may be
  negative: a rebate, paid in the same asset.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Protocol

from orderwright.core.model import Account, Instrument
from orderwright.core.numbers import ONE, PLACES, ROUNDED, ZERO, canonical

_QUANTA = [ONE.scaleb(-places) for places in range(PLACES + 1)]

CanPay = Callable[[str, Decimal], bool]


class FeeModel(Protocol):
    def fee(
        self, instrument: Instrument, buy: bool, quantity: Decimal, price: Decimal, maker: bool, can_pay: CanPay
    ) -> tuple[Decimal, str]:
        """The fee of a fill and its asset. can_pay: whether the account has an amount of an asset free."""

    def on_top(self, instrument: Instrument) -> Decimal:
        """The most a buy pays in quote on top of its value, as a share of it: what its reservation must hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """taken_in: `quote`, `received`, or an asset's name; conversion: how much of that asset one quote unit is worth."""

    maker: Decimal = ZERO
    taker: Decimal = ZERO
    taken_in: str = "quote"
    conversion: Decimal = ONE
    places: int = PLACES

    @classmethod
    def of(cls, account: Account) -> Fees:
        """The account's own rates."""
        return cls(maker=account.maker_fee, taker=account.taker_fee, taken_in=account.fee_in)

    def fee(
        self, instrument: Instrument, buy: bool, quantity: Decimal, price: Decimal, maker: bool, can_pay: CanPay
    ) -> tuple[Decimal, str]:
        rate = self.maker if maker else self.taker
        if not rate:
            return ZERO, ""
        value = quantity * price * rate
        if self._in_quote(instrument):
            return self._down(value), instrument.quote
        if self.taken_in != "received":
            amount = self._down(value * self.conversion)
            if can_pay(self.taken_in, amount):
                return amount, self.taken_in
        if buy and not instrument.linear:
            return self._down(quantity * rate), instrument.base
        return self._down(value), instrument.quote

    def on_top(self, instrument: Instrument) -> Decimal:
        if instrument.linear or self._in_quote(instrument):
            return max(self.maker, self.taker, ZERO)
        return ZERO

    def _in_quote(self, instrument: Instrument) -> bool:
        return self.taken_in in ("quote", instrument.quote) or (instrument.linear and self.taken_in == "received")

    def _down(self, amount: Decimal) -> Decimal:
        return canonical(amount.quantize(_QUANTA[self.places], rounding=ROUND_DOWN, context=ROUNDED))
