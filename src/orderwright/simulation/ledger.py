"""The exchange's own money: balances by account and asset, what working orders have reserved of them, positions.

- An accepted order reserves what it may take: a buy its value at its limit (else its stop, else the ask of that
  moment) and the fee on top, where fees are taken in quote; a sell its quantity. A fill uses up its share; the end
  releases the rest. So no working order can overdraw a balance, and what is not free cannot be spent twice.
- Orders of one group reserve together what the one of them needs that needs most (order_list.py).
- A buy without a limit may meet a price above its reservation. It then fills what the free balance still pays for,
  and expires.
- A linear contract is margined 1 to 1 in quote. Its `locked` is the cost of the open position and of what orders may
  add to it. What reduces a position reserves nothing. Nobody is liquidated, and no funding is paid.
- Every fill moves whole amounts: quantity, quantity x price, fee. Nothing else changes a total but a deposit.
"""

from __future__ import annotations

from decimal import Decimal

from orderwright.core.model import Balance, Execution, Instrument, Position
from orderwright.core.numbers import ONE, ZERO, divided
from orderwright.core.portfolio import change_position
from orderwright.simulation.order import VenueOrder

Key = tuple[str, str]


class Ledger:
    """balances by (account, asset); positions in linear contracts by (account, symbol)."""

    def __init__(self) -> None:
        self.balances: dict[Key, Balance] = {}
        self.positions: dict[Key, Position] = {}

    def balance(self, account: str, asset: str) -> Balance:
        found = self.balances.get((account, asset))
        if found is None:
            found = self.balances[account, asset] = Balance()
        return found

    def position(self, order: VenueOrder) -> Position:
        key = (order.account, order.instrument.symbol)
        found = self.positions.get(key)
        if found is None:
            found = self.positions[key] = Position()
        return found

    def has_free(self, account: str, asset: str, amount: Decimal) -> bool:
        return self.balance(account, asset).free >= amount

    # Reservations

    def reserve(self, order: VenueOrder, price: Decimal | None, on_top: Decimal) -> bool:
        """Lock what the order may take, in place of what it had locked before; False, with nothing changed, where the
        account does not have it free. price: the highest it may pay; None where nobody knows, and then nothing is
        locked. on_top: the fee in quote, as a share of the value."""
        instrument = order.instrument
        if order.buy or instrument.linear:
            asset, unit = instrument.quote, price * (ONE + on_top) if price is not None else ZERO
        else:
            asset, unit = instrument.base, ONE
        balance = self.balance(order.account, asset)
        wanted = unit * self._opening(order)
        more = _more(order, wanted)
        if more > 0 and more > balance.free:
            return False
        balance.locked += more
        order.unit_cost, order.reserved_asset, order.reserved = unit, asset, wanted
        return True

    def adjust(self, order: VenueOrder) -> None:
        """Bring the reservation in line with what may still fill: nothing once the order has ended."""
        wanted = order.unit_cost * self._opening(order) if order.status is None else ZERO
        if wanted != order.reserved:
            self.balance(order.account, order.reserved_asset).locked += _more(order, wanted)
            order.reserved = wanted

    def _opening(self, order: VenueOrder) -> Decimal:
        """The part of what may still fill that does not reduce a position."""
        steps = order.leaves if order.together is None else min(order.leaves, order.together.room)
        leaves = order.instrument.quantity(steps)
        return max(leaves - self.reducible(order), ZERO) if order.instrument.linear else leaves

    def reducible(self, order: VenueOrder) -> Decimal:
        """How much of a position the order could close. What spot sells, it holds."""
        if not order.instrument.linear:
            return ZERO if order.buy else order.instrument.quantity(order.leaves)
        size = self.position(order).size
        return abs(size) if size and (size < 0) is order.buy else ZERO

    # Fills

    def affordable(self, order: VenueOrder, price: Decimal, steps: int, on_top: Decimal) -> int:
        """How many of these steps the account can pay for at a price."""
        if order.reduce_only:
            return min(steps, order.instrument.steps(self.reducible(order)))
        if not order.buy or order.limit is not None or order.instrument.linear:
            return steps
        each = price * (ONE + on_top)
        cost = order.instrument.quantity(steps) * each
        pays = self.balance(order.account, order.instrument.quote).free + order.reserved
        if order.together is not None:
            pays += max(one.reserved for one in order.together.members.values()) - order.reserved
        return steps if cost <= pays else max(order.instrument.steps(divided(pays, each)), 0)

    def settle(self, order: VenueOrder, execution: Execution) -> None:
        """Move what one execution moves."""
        account, instrument = order.account, order.instrument
        quantity = execution.quantity if order.buy else -execution.quantity
        quote = self.balance(account, instrument.quote)
        if instrument.linear:
            position = self.position(order)
            before = position.cost
            quote.total += change_position(position, quantity, execution.price)
            quote.locked += position.cost - before
        else:
            self.balance(account, instrument.base).total += quantity
            quote.total -= quantity * execution.price
        if execution.fee:
            self.balance(account, execution.fee_asset).total -= execution.fee
        self.adjust(order)
        if order.together is not None:
            for one in order.together.members.values():
                self.adjust(one)

    def margin(self, account: str, instrument: Instrument, position: Position) -> None:
        """Take over a linear position from before a restart."""
        self.positions[account, instrument.symbol] = position
        self.balance(account, instrument.quote).locked += position.cost


def _more(order: VenueOrder, wanted: Decimal) -> Decimal:
    """How much more is locked where an order wants so much; a list of orders shares what it has locked."""
    return wanted - order.reserved if order.together is None else order.together.more_for(order, wanted)
