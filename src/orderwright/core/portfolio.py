"""Fills to balances, reservations, positions, profit and loss: exact, in Decimal.

Spot: a buy brings base and takes quote; a sell the reverse. Linear futures: only profit, loss and fees move the quote
asset; the contract is a position. Either way a position keeps the cost of its present size, never an average:

- what increases it adds quantity x price to the cost;
- what reduces it takes its share of the cost, cost x reduced / size, quantised to 18 places (design.md, "Money"), and
  realises the difference; the last of it takes all the cost that is left, so that a flat position costs 0 exactly;
- what flips it does both.

Realised profit is before fees; fees are moves of their own asset. A fee taken in base from a spot buy makes the
position smaller at the same cost. Spot that came in as a deposit has no cost: selling more than the position holds
realises nothing on the excess. A corrected or busted fill is booked back as the opposite trade at its own price, which
keeps cash, size and total profit exact; a spot position is then below zero where more was sold than was bought after
all. One case is not exact: the busted sale of a deposit comes back as a holding bought at the price of that sale.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from orderwright.core.model import Balance, Execution, Instrument, OrderSide, Position
from orderwright.core.numbers import ZERO, quantised_ratio

Move = tuple[str, Decimal]
LedgerRow = tuple[str, str, Decimal, Decimal, Decimal]
"""(account, asset, change of the total, total after, locked after)"""


def book_execution(
    position: Position, instrument: Instrument, side: OrderSide, execution: Execution, sign: int = 1
) -> list[Move]:
    """Change the position by one execution (sign -1 takes it back) and return what moves in each asset.

    The moves are in whole amounts of their asset; their order is base, quote, another fee asset.
    """
    quantity, price, fee = execution.quantity, execution.price, execution.fee
    signed = quantity if (side is OrderSide.BUY) == (sign == 1) else -quantity
    fee_in_base = bool(fee) and execution.fee_asset == instrument.base
    if instrument.linear:
        moves = [(instrument.quote, change_position(position, signed, price))]
    else:
        if sign == 1:
            _change_holding(position, signed, price)
            if fee_in_base:
                _charge_base_fee(position, fee)
        else:
            if fee_in_base:
                position.size += fee
            change_position(position, signed, price)
        moves = [(instrument.base, signed), (instrument.quote, -signed * price)]
    if not fee:
        return moves
    paid = -fee if sign == 1 else fee
    for index, (asset, amount) in enumerate(moves):
        if asset == execution.fee_asset:
            moves[index] = (asset, amount + paid)
            return moves
    moves.append((execution.fee_asset, paid))
    return moves


def change_position(position: Position, signed: Decimal, price: Decimal) -> Decimal:
    """Change a position by a signed quantity at a price; returns the profit realised, in quote."""
    size = position.size
    if not size or (size > 0) == (signed > 0):
        position.size = size + signed
        position.cost += abs(signed) * price
        return ZERO
    closed = min(abs(signed), abs(size))
    share = position.cost if closed == abs(size) else quantised_ratio(position.cost, closed, abs(size))
    proceeds = closed * price
    profit = proceeds - share if size > 0 else share - proceeds
    position.realised += profit
    position.cost -= share
    position.size = size + signed
    if abs(signed) > closed:  # flipped: the rest opens the other side
        position.cost = abs(position.size) * price
    return profit


def _change_holding(position: Position, signed: Decimal, price: Decimal) -> None:
    """A spot position cannot be short: what is sold beyond it came in as a deposit and has no cost."""
    if signed < 0 and -signed > position.size:
        signed = min(-position.size, ZERO)
    if signed:
        change_position(position, signed, price)


def _charge_base_fee(position: Position, fee: Decimal) -> None:
    """A fee that takes the last of a position takes its cost with it, so that a flat position costs 0 exactly."""
    position.size -= fee
    if position.size <= 0:
        position.realised -= position.cost
        position.size = position.cost = ZERO


def post(
    balances: dict[tuple[str, str], Balance],
    account: str,
    moves: Iterable[Move],
    reserved_asset: str = "",
    locked: Decimal = ZERO,
) -> list[LedgerRow]:
    """Change balances by moves, and the reservation in one asset; returns the ledger rows, balance after included."""
    rows: list[LedgerRow] = []
    for asset, amount in moves:
        balance = balances.get((account, asset))
        if balance is None:
            balance = balances[account, asset] = Balance()
        balance.total += amount
        if locked and asset == reserved_asset:
            balance.locked += locked
            locked = ZERO
        rows.append((account, asset, amount, balance.total, balance.locked))
    if locked:
        balance = balances.get((account, reserved_asset))
        if balance is None:
            balance = balances[account, reserved_asset] = Balance()
        balance.locked += locked
        rows.append((account, reserved_asset, ZERO, balance.total, balance.locked))
    return rows


def unrealised(position: Position, price: Decimal) -> Decimal:
    """Profit that closing the position at `price` would realise, before fees, in quote."""
    value = abs(position.size) * price
    return value - position.cost if position.size > 0 else position.cost - value
