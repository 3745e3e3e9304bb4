"""Fills to positions, balances and profit: exact tables, and what is conserved whatever happens."""

import decimal
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwright.core.model import Balance, Execution, Instrument, OrderSide, Position
from orderwright.core.numbers import EXACT, QUANTUM, ZERO
from orderwright.core.portfolio import book_execution, change_position, post, unrealised
from tests.builders import an_execution, an_instrument
from tests.tables import rows, words

SPOT = an_instrument()
LINEAR = an_instrument(linear=True)

# One line a fill: `buy 1 100 fee=0.1 in=USDT`. After it: size, cost and realised profit of the position, and what
# moved in base, quote and another fee asset.
SPOT_TABLE = """
    fill                          | size  | cost                 | realised             | BTC    | USDT   | BNB
    buy 1 100                     | 1     | 100                  | 0                    | 1      | -100   |
    buy 1 110                     | 2     | 210                  | 0                    | 1      | -110   |
    sell 0.5 120                  | 1.5   | 157.5                | 7.5                  | -0.5   | 60     |
    sell 1.5 100                  | 0     | 0                    | 0                    | -1.5   | 150    |
    # a cost that does not divide: shares of 18 places, and flat is 0 exactly
    buy 3 1                       | 3     | 3                    | 0                    | 3      | -3     |
    buy 4 1.25                    | 7     | 8                    | 0                    | 4      | -5     |
    sell 1 2                      | 6     | 6.857142857142857143 | 0.857142857142857143 | -1     | 2      |
    sell 6 2                      | 0     | 0                    | 6                    | -6     | 12     |
    # fees are moves of their own asset; in base from a buy they make the position smaller at the same cost
    buy 1 100 fee=0.1 in=USDT     | 1     | 100                  | 6                    | 1      | -100.1 |
    buy 1 100 fee=0.001 in=BTC    | 1.999 | 200                  | 6                    | 0.999  | -100   |
    buy 1 100 fee=0.01 in=BNB     | 2.999 | 300                  | 6                    | 1      | -100   | -0.01
    sell 2.999 100 fee=0.3 in=USDT | 0    | 0                    | 5.9                  | -2.999 | 299.6  |
    # a rebate
    buy 1 100 fee=-0.02 in=USDT   | 1     | 100                  | 5.9                  | 1      | -99.98 |
    # selling more than it holds: the rest came in as a deposit, which has no cost and no profit
    sell 3 120                    | 0     | 0                    | 25.9                 | -3     | 360    |
    sell 1 120                    | 0     | 0                    | 25.9                 | -1     | 120    |
    # a fee in base that takes the last of the position takes its cost with it
    buy 0.001 100                 | 0.001 | 0.1                  | 25.9                 | 0.001  | -0.1   |
    sell 0.0005 100 fee=0.0005 in=BTC | 0 | 0                    | 25.85                | -0.001 | 0.05   |
"""

LINEAR_TABLE = """
    fill                          | size | cost | realised | BTC    | USDT  | BNB
    buy 2 100                     | 2    | 200  | 0        |        | 0     |
    sell 1 120                    | 1    | 100  | 20       |        | 20    |
    sell 3 130 fee=0.5 in=USDT    | -2   | 260  | 50       |        | 29.5  |       # flips: the rest opens short
    sell 1 100                    | -3   | 360  | 50       |        | 0     |
    buy 1 140                     | -2   | 240  | 30       |        | -20   |
    buy 2 120 fee=0.1 in=BNB      | 0    | 0    | 30       |        | 0     | -0.1
    sell 1 100                    | -1   | 100  | 30       |        | 0     |
    buy 2 90                      | 1    | 90   | 40       |        | 10    |
"""


def execution_of(cell: str) -> tuple[OrderSide, Execution]:
    side, quantity, price, *rest = cell.split()
    said = words(" ".join(rest))
    fee, asset = Decimal(said.get("fee", "0")), said.get("in", "")
    return OrderSide(side), an_execution(quantity, price, fee=fee, fee_asset=asset)


def _replayed(table: str, instrument: Instrument) -> Iterator[tuple[dict[str, str], Position, dict[str, Decimal]]]:
    position = Position()
    for row in rows(table):
        side, execution = execution_of(row["fill"])
        with decimal.localcontext(EXACT):
            yield row, position, dict(book_execution(position, instrument, side, execution))


@pytest.mark.parametrize(("table", "instrument"), [(SPOT_TABLE, SPOT), (LINEAR_TABLE, LINEAR)], ids=["spot", "linear"])
def test_fills_make_the_position_and_move_the_money(table: str, instrument: Instrument) -> None:
    for row, position, moves in _replayed(table, instrument):
        expected = Position(Decimal(row["size"]), Decimal(row["cost"]), Decimal(row["realised"]))
        moved = {asset: Decimal(row[asset]) for asset in ("BTC", "USDT", "BNB") if row[asset]}
        assert (row["fill"], position, moves) == (row["fill"], expected, moved)


def test_a_flat_position_costs_nothing_however_odd_its_shares_were() -> None:
    position = Position()
    with decimal.localcontext(EXACT):
        change_position(position, Decimal(7), Decimal("0.000000000000000001"))
        for _ in range(6):
            change_position(position, Decimal(-1), Decimal(1))
        change_position(position, Decimal(-1), Decimal(1))

    assert (str(position.size), str(position.cost)) == ("0", "0E-18")
    assert not position.cost


# Taking a fill back.


@pytest.mark.parametrize(
    ("instrument", "fee_asset"),
    [(SPOT, "USDT"), (SPOT, "BTC"), (SPOT, "BNB"), (LINEAR, "USDT"), (LINEAR, "BNB")],
    ids=["spot-USDT", "spot-BTC", "spot-BNB", "linear-USDT", "linear-BNB"],
)
@pytest.mark.parametrize("before", ["", "buy 3 90"])
def test_a_busted_fill_leaves_size_and_money_as_they_were(instrument: Instrument, fee_asset: str, before: str) -> None:
    position, moved = Position(), defaultdict[str, Decimal](Decimal)
    if before:
        side, first = execution_of(before)
        book_execution(position, instrument, side, first)
    size = position.size
    execution = an_execution(2, 100, fee=Decimal("0.01"), fee_asset=fee_asset)

    for sign in (1, -1):
        for asset, amount in book_execution(position, instrument, OrderSide.BUY, execution, sign):
            moved[asset] += amount

    assert position.size == size
    cash = {asset: amount for asset, amount in moved.items() if amount}
    assert cash == ({"USDT": position.realised} if instrument.linear and position.realised else {})


def test_a_busted_sell_of_a_long_brings_the_holding_back_at_its_own_price() -> None:
    position = Position()
    book_execution(position, SPOT, OrderSide.BUY, an_execution(2, 100))
    sale = an_execution(1, 130)

    book_execution(position, SPOT, OrderSide.SELL, sale)
    sold = Position(position.size, position.cost, position.realised)
    book_execution(position, SPOT, OrderSide.SELL, sale, -1)

    assert sold == Position(Decimal(1), Decimal(100), Decimal(30))
    assert position == Position(Decimal(2), Decimal(230), Decimal(30))
    assert position.realised + unrealised(position, Decimal(100)) == 0


# What is conserved.

signed = st.decimals(-50, 50, places=5).filter(bool)
prices = st.decimals("0.01", 1000, places=2)
trades = st.lists(st.tuples(signed, prices, st.decimals(-1, 1, places=8), st.sampled_from(["USDT", "BTC", "BNB"])))


@given(trades)
def test_spot_cash_is_what_the_trades_cost_and_their_fees(fills: list[tuple[Decimal, Decimal, Decimal, str]]) -> None:
    position, balances = Position(), dict[tuple[str, str], Balance]()
    with decimal.localcontext(EXACT):
        for quantity, price, fee, asset in fills:
            side = OrderSide.BUY if quantity > 0 else OrderSide.SELL
            execution = an_execution(abs(quantity), price, fee=fee, fee_asset=asset)
            rows_made = post(balances, "main", book_execution(position, SPOT, side, execution))
            for account, moved, _, total, locked in rows_made:
                assert balances[account, moved] == Balance(total, locked)
            assert position.size >= 0
            assert position.cost == 0 if not position.size else True
        fees = {name: sum((fee for *_, fee, asset in fills if asset == name), ZERO) for name in ("USDT", "BTC", "BNB")}
        cash = -sum((quantity * price for quantity, price, *_ in fills), ZERO)

    totals = {asset: balance.total for (_, asset), balance in balances.items()}
    assert totals.get("USDT", ZERO) == cash - fees["USDT"]
    assert totals.get("BTC", ZERO) == sum((quantity for quantity, *_ in fills), ZERO) - fees["BTC"]
    assert totals.get("BNB", ZERO) == -fees["BNB"]


@given(st.lists(st.tuples(signed, prices)), prices)
def test_linear_profit_at_any_price_is_the_signed_cash_of_the_fills(
    fills: list[tuple[Decimal, Decimal]], price: Decimal
) -> None:
    """The 18 places of a cost's share cancel: what one closing keeps too much, the rest of the position has less."""
    position, moved = Position(), ZERO
    with decimal.localcontext(EXACT):
        for quantity, paid in fills:
            moved += change_position(position, quantity, paid)
        size = sum((quantity for quantity, _ in fills), ZERO)
        cash = -sum((quantity * paid for quantity, paid in fills), ZERO)

        assert position.size == size
        assert moved == position.realised
        assert position.realised + unrealised(position, price) == cash + size * price
        if not size:
            assert position.cost == 0
        exponent = position.cost.as_tuple().exponent
        assert isinstance(exponent, int)
        assert exponent >= QUANTUM.as_tuple().exponent  # type: ignore[operator]


@given(st.lists(st.tuples(signed, prices), min_size=1), st.data())
def test_taking_every_fill_back_in_any_order_leaves_no_size_and_no_money(
    fills: list[tuple[Decimal, Decimal]], data: st.DataObject
) -> None:
    position, balances = Position(), dict[tuple[str, str], Balance]()
    executions = [
        (OrderSide.BUY if quantity > 0 else OrderSide.SELL, an_execution(abs(quantity), price, fee=Decimal("0.1")))
        for quantity, price in fills
    ]
    with decimal.localcontext(EXACT):
        for side, execution in executions:
            post(balances, "main", book_execution(position, LINEAR, side, execution))
        for side, execution in data.draw(st.permutations(executions)):
            post(balances, "main", book_execution(position, LINEAR, side, execution, -1))

    assert (position.size, position.cost) == (ZERO, ZERO)
    assert balances["main", "USDT"].total == position.realised == 0


def test_a_reservation_moves_with_the_cash_it_was_made_for() -> None:
    balances = {("main", "USDT"): Balance(Decimal(100), Decimal(30))}

    moves = [("BTC", Decimal(1)), ("USDT", Decimal(-20))]
    with_cash = post(balances, "main", moves, "USDT", Decimal(-20))
    alone = post(balances, "main", (), "USDT", Decimal(-10))

    one, zero = Decimal(1), Decimal(0)
    assert with_cash == [("main", "BTC", one, one, zero), ("main", "USDT", Decimal(-20), Decimal(80), Decimal(10))]
    assert alone == [("main", "USDT", zero, Decimal(80), zero)]
    assert balances == {("main", "USDT"): Balance(Decimal(80), zero), ("main", "BTC"): Balance(one, zero)}
