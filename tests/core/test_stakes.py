"""What a strategy's signal comes to: which way it may trade and how much, in tables that a trader can read.

The market stands at 99.99 / 100.01. A position is what an order of the test has filled at 100.
"""

from decimal import Decimal
from typing import Any

import pytest

from orderwright.core import messages as m
from orderwright.core.model import Account, Action, Bracket, OrderType, Quote, Signal, Sizing, Terms
from tests.builders import (
    NOW,
    SYMBOL,
    Harness,
    a_fill,
    a_harness,
    a_limit_buy,
    a_limit_sell,
    a_quote,
    an_id,
    an_instrument,
)
from tests.tables import rows, words

MARKETS = {"spot": an_instrument(), "linear": an_instrument(linear=True)}


def holding(position: str, market: str = "spot", **more: Any) -> Harness:
    """A book with a position of so many BTC at 100, bought or sold short by order 90."""
    harness = a_harness(instruments=[MARKETS[market]], **more)
    size = Decimal(position)
    if size:
        order = a_limit_buy(size, 100, number=90) if size > 0 else a_limit_sell(-size, 100, number=90)
        harness.submit(order)
        harness.run(a_fill(abs(size), 100, number=90))
    return harness


def a_signal(cell: str, terms: Terms, **more: Any) -> Signal:
    """`sell 2`, `buy`, `close`, `target -1`, with words behind: reduce, stop=95, price=90, volatility=5."""
    action, *rest = cell.split()
    quantity = next((word for word in rest if word.lstrip("-").replace(".", "").isdigit()), None)
    said = words(" ".join(word for word in rest if word != quantity))
    changes: dict[str, Any] = {"signal_id": "s1", "symbol": SYMBOL, "account": "main", "strategy": "trend"}
    if quantity is not None:
        changes["target_quantity" if action == "target" else "quantity"] = Decimal(quantity)
    changes["reduce_only"] = "reduce" in said
    if "stop" in said:
        changes["bracket"] = Bracket(stop_loss=Decimal(said["stop"]))
    if "stop%" in said:
        changes["bracket"] = Bracket(stop_loss_percent=Decimal(said["stop%"]))
    if "price" in said:
        changes |= {"price": Decimal(said["price"]), "order_type": OrderType.LIMIT}
    if "volatility" in said:
        changes["volatility"] = Decimal(said["volatility"])
    if "quote" in said:
        changes["quote_quantity"] = Decimal(said["quote"])
    return Signal(action=Action(action), terms=terms, **(changes | more))


def outcome(harness: Harness, signal: Signal, number: int = 1) -> str:
    """What the signal became: `sell 1`, with `reduce` behind what only closes; or the reason it did not."""
    events, _ = harness.run(m.ReceiveSignal(signal=signal, order_id=an_id(number)))
    verdict = events[0]
    assert isinstance(verdict, m.SignalReceived)
    if verdict.reason is not None:
        return verdict.reason.name.lower()
    order = harness.order(number)
    reduce = " reduce" if order.instruction.reduce_only else ""
    return f"{order.instruction.side} {order.quantity.normalize():f}{reduce}"


# Which way

WAYS = """
market | position | signal        | terms      | becomes           # why
spot   |  0       | buy 1         |            | buy 1             # opens
spot   |  2       | buy 1         |            | buy 1             # adds
spot   |  2       | sell          |            | sell 2            # closes all of it
spot   |  2       | sell 1        |            | sell 1            # closes a part
spot   |  2       | sell 3        |            | sell 2            # the rest would be a short
spot   |  2       | sell 3        | flip short | sell 2            # spot is never sold short, whatever is allowed
spot   |  0       | sell          |            | nothing_to_close
spot   |  0       | sell 1        | flip short | nothing_to_close
spot   |  2       | sell reduce   |            | sell 2            # exit_long
spot   |  0       | buy 1 reduce  |            | nothing_to_close  # exit_short
spot   |  2       | close         |            | sell 2 reduce
linear |  0       | sell 1        |            | nothing_to_close  # shorts are off
linear |  0       | sell 1        | short      | sell 1            # opens a short
linear | -1       | sell 1        | short      | sell 1            # adds to it
linear |  2       | sell 3        | short      | sell 2 reduce     # closes the long, and does not flip
linear |  2       | sell 3        | flip       | sell 2 reduce     # may flip, but not be short
linear |  2       | sell 3        | flip short | sell 3            # closes 2 and opens 1
linear |  2       | sell          | flip short | sell 3            # its size is 1: 2 to close and 1 to open
linear |  2       | sell 3 reduce | flip short | sell 2 reduce     # an exit opens nothing
linear | -2       | buy 3         |            | buy 2 reduce      # closes the short, and does not flip
linear | -2       | buy           | flip       | buy 3
linear | -2       | buy           |            | buy 2 reduce
linear | -2       | buy quote=100 |            | buy 0.9999 reduce # 100 USDT of it at 100.01
linear | -2       | close         |            | buy 2 reduce
linear |  2       | sell reduce   |            | sell 2 reduce
"""


@pytest.mark.parametrize("row", rows(WAYS), ids=str)
def test_a_signal_trades_the_way_its_strategy_may(row: dict[str, str]) -> None:
    said = words(row["terms"])
    terms = Terms(sizing=Sizing(by="base", amount=Decimal(1)), flip="flip" in said, allow_short="short" in said)

    assert outcome(holding(row["position"], row["market"]), a_signal(row["signal"], terms)) == row["becomes"]


TARGETS = """
market | position | target | terms      | becomes
spot   |  0       |  1     |            | buy 1
spot   |  1       |  3     |            | buy 2
spot   |  3       |  1     |            | sell 2
spot   |  3       |  3     |            | nothing_to_close   # it is there
spot   |  3       |  0     |            | sell 3 reduce      # closes
spot   |  3       | -1     | flip short | sell 3 reduce      # spot goes to flat at most
spot   |  0       | -1     | flip short | nothing_to_close
linear |  2       | -1     |            | sell 2 reduce      # shorts are off
linear |  2       | -1     | short      | sell 2 reduce      # it may not flip: flat
linear |  2       | -1     | flip short | sell 3
linear |  0       | -1     | short      | sell 1
linear | -2       |  1     |            | buy 2 reduce       # it may not flip
linear | -2       |  1     | flip       | buy 3
linear | -2       |  0     |            | buy 2 reduce
"""


@pytest.mark.parametrize("row", rows(TARGETS), ids=str)
def test_a_target_goes_as_far_as_its_strategy_may(row: dict[str, str]) -> None:
    said = words(row["terms"])
    terms = Terms(flip="flip" in said, allow_short="short" in said)
    signal = a_signal(f"target {row['target']}", terms)

    assert outcome(holding(row["position"], row["market"]), signal) == row["becomes"]


@pytest.mark.parametrize("market", ["spot", "linear"])
def test_a_target_twice_equals_once_whatever_is_working(market: str) -> None:
    harness = holding("0", market)
    terms = Terms(allow_short=True, flip=True)
    bracket = Bracket(stop_loss=Decimal(90), take_profit=Decimal(120))
    entry = a_signal("target 2", terms, signal_id="a", bracket=bracket)
    again = a_signal("target 2", terms, signal_id="b")

    first = outcome(harness, entry)
    while_it_works = outcome(harness, again, number=2)
    harness.run(m.AckReport(order_id=an_id(1), time=NOW), a_fill(2, 100, number=1))
    harness.wait(0)
    with_its_exits_out = outcome(harness, a_signal("target 2", terms, signal_id="c"), number=3)

    assert len([order for order in harness.state.orders.values() if order.instruction.group]) == 2
    assert (first, while_it_works, with_its_exits_out) == ("buy 2", "nothing_to_close", "nothing_to_close")


def test_a_sell_of_a_long_that_its_exits_hold_cancels_them_first() -> None:
    harness = holding("0")
    bracket = Bracket(stop_loss=Decimal(90), take_profit=Decimal(120))
    outcome(harness, a_signal("buy 2", Terms(), signal_id="a", bracket=bracket))
    harness.run(m.AckReport(order_id=an_id(1), time=NOW), a_fill(2, 100, number=1))
    harness.wait(0)
    exits = [order.order_id for order in harness.state.orders.values() if order.instruction.group]
    harness.run(*(m.AckReport(order_id=exit_, time=NOW) for exit_ in exits))

    events, _ = harness.run(m.ReceiveSignal(signal=a_signal("sell", Terms(), signal_id="b"), order_id=an_id(2)))

    cancelled = [event.order_id for event in events if isinstance(event, m.RequestSubmitted)]
    assert sorted(cancelled) == sorted(exits)
    assert harness.order(2).wait_for == "cancels"


def test_a_second_sell_while_the_first_is_working_sells_nothing_more() -> None:
    harness = holding("2")

    first = outcome(harness, a_signal("sell", Terms(), signal_id="a"))
    second = outcome(harness, a_signal("sell", Terms(), signal_id="b"), number=2)

    assert (first, second) == ("sell 2", "nothing_to_close")


def test_spot_that_was_deposited_can_be_sold_by_quantity_and_only_so() -> None:
    harness = a_harness(deposits={"BTC": 2})

    assert outcome(harness, a_signal("sell", Terms(), signal_id="a")) == "nothing_to_close"
    assert outcome(harness, a_signal("sell 1", Terms(), signal_id="b"), number=2) == "sell 1"


# How much: 1,000,000 USDT of equity, unless the row has a position; a buyer pays 100.01

SIZES = """
signal                | sizing                         | becomes             # why
buy 3                 | equity 1                       | buy 3               # its own quantity
buy                   | base 0.123456                  | buy 0.12345         # floored to the step
buy                   | quote 1000                     | buy 9.999           # 1000 / 100.01
buy quote=1000        | equity 1                       | buy 9.999           # its own amount
buy                   | equity 10                      | buy 999.9       # 100,000 / 100.01
buy                   | equity 100                     | buy 9999.00009
buy price=80          | equity 10                      | buy 1250            # at its limit
buy stop=95           | risk 1                         | buy 1996.00798      # 10,000 / (100.01 - 95)
buy stop%=10          | risk 1                         | buy 999.9       # 10,000 / 10.001
buy                   | risk 1                         | bracket             # no stop to risk to
buy                   | risk 1 stop_percent=5          | buy 1999.80001      # 10,000 / 5.0005
buy stop=101          | risk 1                         | bracket             # on the wrong side
buy stop=99.01        | risk 5                         | buy 9999.00009      # 50,000 would be 5,000,000 USDT
buy volatility=2.5    | volatility 1 multiple=2        | buy 2000            # 10,000 / (2 x 2.5)
buy                   | volatility 1                   | quantity_missing
buy volatility=0      | volatility 1                   | quantity_not_positive
buy volatility=-1     | volatility 1                   | quantity_not_positive
buy price=0           | equity 10                      | price_not_positive
buy price=-1          | risk 1                         | price_not_positive
buy price=0 quote=5   | equity 10                      | price_not_positive
buy                   | quote 0.0001                   | quantity_too_small
"""


@pytest.mark.parametrize("row", rows(SIZES), ids=str)
def test_a_signal_without_a_quantity_gets_one_from_its_strategy(row: dict[str, str]) -> None:
    by, amount, *rest = row["sizing"].split()
    more = {name: Decimal(value) for name, value in words(" ".join(rest)).items()}
    terms = Terms(sizing=Sizing(by=by, amount=Decimal(amount), **more))  # type: ignore[arg-type]

    assert outcome(a_harness(), a_signal(row["signal"], terms)) == row["becomes"]


@pytest.mark.parametrize("by", ["equity", "quote", "risk"])
@pytest.mark.parametrize("stop", ["0", "-1"])
def test_a_stop_price_that_is_none_sizes_nothing(by: str, stop: str) -> None:
    terms = Terms(sizing=Sizing(by=by, amount=Decimal(1)))  # type: ignore[arg-type]
    signal = a_signal("buy stop=50", terms, order_type=OrderType.STOP_LOSS, stop_price=Decimal(stop))

    assert outcome(a_harness(), signal) == "stop_price_not_positive"


def test_a_price_that_the_allowance_for_slippage_takes_to_nothing_sizes_nothing() -> None:
    account = Account(account="main", slippage_bps=Decimal(10_000))
    instrument = an_instrument(linear=True)
    harness = a_harness(accounts=[account], instruments=[instrument])
    terms = Terms(sizing=Sizing(by="quote", amount=Decimal(10)), allow_short=True)

    assert outcome(harness, a_signal("sell", terms)) == "price_not_positive"


def test_a_buy_leaves_room_for_the_fee_and_for_slippage() -> None:
    account = Account(account="main", taker_fee=Decimal("0.01"), slippage_bps=Decimal(100))
    harness = a_harness(accounts=[account], quote=a_quote(100, 100))
    terms = Terms(sizing=Sizing(by="equity", amount=Decimal(100)))

    became = outcome(harness, a_signal("buy", terms))

    assert became == "buy 9802.96049"  # 1,000,000 / (101 x 1.01)
    assert harness.order().estimated_cost <= 1_000_000 < harness.order().estimated_cost + Decimal("0.0011")


def test_a_size_by_risk_with_the_strategys_stop_brings_that_stop() -> None:
    harness = a_harness()
    terms = Terms(sizing=Sizing(by="risk", amount=Decimal(1), stop_percent=Decimal(5)))

    outcome(harness, a_signal("buy", terms))

    assert harness.order().instruction.bracket == Bracket(stop_loss_percent=Decimal(5))


def test_the_verdict_has_every_figure_that_the_size_was_made_of() -> None:
    harness = a_harness()
    terms = Terms(sizing=Sizing(by="risk", amount=Decimal(1)))

    events, _ = harness.run(m.ReceiveSignal(signal=a_signal("buy stop=95", terms), order_id=an_id(1)))

    verdict = events[0]
    assert isinstance(verdict, m.SignalReceived)
    assert verdict.stake == m.Stake(
        by="risk",
        quantity=Decimal("1996.00798"),
        equity=Decimal(1_000_000),
        price=Decimal("100.01"),
        rate=Decimal(1),
        stop=Decimal(95),
    )


def test_what_is_left_out_of_a_signal_is_in_its_verdict() -> None:
    events, _ = holding("2").run(m.ReceiveSignal(signal=a_signal("sell 3", Terms()), order_id=an_id(1)))

    verdict = events[0]
    assert isinstance(verdict, m.SignalReceived)
    assert verdict.stake == m.Stake(quantity=Decimal(2), note="closes the long of 2: it may not open the other side")


def test_without_a_market_nothing_is_sized_and_equity_is_the_accounts_own() -> None:
    two = [Account(account="main"), Account(account="other")]
    harness = a_harness(accounts=two, quote=Quote(last=Decimal(100), time=NOW - 3_600_000_000))
    terms = Terms(sizing=Sizing(by="equity", amount=Decimal(10)))

    stale = outcome(harness, a_signal("buy", terms, signal_id="a"))
    harness.quote(100, 100)
    empty = outcome(harness, a_signal("buy", terms, signal_id="b", account="other"), number=2)

    assert (stale, empty) == ("no_market_price", "quantity_too_small")
