"""Is an order allowed? Each limit as a table: what the book has, the order, and what becomes of it."""

from decimal import Decimal
from typing import Any

import pytest

from orderwright.core import messages as m
from orderwright.core.model import (
    DAY,
    SECOND,
    Account,
    Balance,
    OrderStatus,
    Position,
    RiskLimits,
    Settings,
    TradingState,
)
from orderwright.core.reasons import Refusal
from orderwright.core.risk import daily_loss
from tests.builders import MIDNIGHT, NOW, Harness, a_fill, a_harness, a_quote, an_execution, an_id, an_instrument
from tests.tables import order_of, rows, words

# The market is 100 / 100, the step 0.001. `before` is what happened: `have 2` is a filled buy of 2 at 100,
# `working`, `unknown`, `replacing` an order that is open, unanswered, or open with a replace of its quantity out.
SPOT = """
    limits              | before                                  | order                            | reason                | nearest
    # value of one order
    max_order=500       |                                         | buy 5 limit price=100            |                       |
    max_order=500       |                                         | buy 5.001 limit price=100        | order_value           | 5
    max_order=500       |                                         | buy 6 limit price=90             | order_value           | 5.555
    max_order=500       |                                         | buy 6 market                     | order_value           | 5
    max_order=500       | have 5, have 1                          | sell 6 limit price=100           |                       |
    min_order=50        |                                         | buy 0.5 limit price=100          |                       |
    min_order=50        |                                         | buy 0.499 limit price=100        | order_value_small     | 0.5
    min_order=50        |                                         | buy 0.1 limit price=99.97        | order_value_small     | 0.501
    min_order=50        | have 6                                  | sell 0.1 limit price=100         |                       |
    # value of a position with its working orders
    max_symbol=1000     |                                         | buy 10 limit price=100           |                       |
    max_symbol=1000     |                                         | buy 10.001 limit price=100       | symbol_position_value | 10
    max_symbol=1000     | have 6                                  | buy 4.5 limit price=100          | symbol_position_value | 4
    max_symbol=1000     | have 6, working buy 3                   | buy 2 limit price=100            | symbol_position_value | 1
    max_symbol=1000     | have 6, unknown buy 3                   | buy 2 limit price=100            | symbol_position_value | 1
    max_symbol=1000     | have 6, replacing buy 1 to 3            | buy 2 limit price=100            | symbol_position_value | 1
    max_symbol=1000     | have 6, replacing buy 3 to 1            | buy 2 limit price=100            | symbol_position_value | 1
    max_symbol=1000     | have 6, working buy 4                   | buy 1 limit price=100            | symbol_position_value |
    max_symbol=1000     | have 6, cancelled buy 4                 | buy 4 limit price=100            |                       |
    max_symbol=1000     | have 6, working sell 5                  | buy 5 limit price=100            | symbol_position_value | 4
    max_symbol=1000     | have 6                                  | buy 5 limit price=50             | symbol_position_value | 4
    max_symbol=1000     | have 6, price 200                       | buy 0.001 limit price=200        | symbol_position_value |
    max_symbol=1000     | have 6, price 200                       | sell 6 limit price=200           |                       |
    max_position=1000   | have 6                                  | buy 4.001 limit price=100        | position_value        | 4
    max_position=1000   | have 6, eth 3                           | buy 2 limit price=100            | position_value        | 1
    max_position=1000   | have 6, working eth 3                   | buy 2 limit price=100            | position_value        | 1
    max_position=1000   | have 6, eth 4                           | buy 0.001 limit price=100        | position_value        |
    # the day's loss: realised and unrealised; what was moved in or out is neither
    max_loss=100        | have 10, price 90.01                    | buy 1 limit price=90             |                       |
    max_loss=100        | have 10, price 90                       | buy 1 limit price=90             | reducing              |
    max_loss=100        | have 10, price 90, resume               | buy 1 limit price=90             | daily_loss            |
    max_loss=100        | have 10, price 90                       | sell 1 limit price=90            |                       |
    max_loss=100        | have 10, price 90, sold 10, resume      | buy 1 limit price=90             | daily_loss            |
    max_loss=100        | have 10, price 90, sold 5, resume       | buy 1 limit price=90             | daily_loss            |
    max_loss=100        | withdraw 500                            | buy 1 limit price=100            |                       |
    max_loss=100        | have 10, deposit 500, price 90, resume  | buy 1 limit price=90             | daily_loss            |
    max_loss=100        | have 10, price 120, price 111           | buy 1 limit price=100            |                       |
    max_loss=100        | have 10, deposit 5 BTC, price 91        | buy 1 limit price=91             |                       |
    max_loss=100        | deposit 50 BTC, price 50                | buy 1 limit price=50             |                       |
    # numbers of orders
    max_open=2          | working buy 1, working buy 1            | buy 1 limit price=100            | open_orders           |
    max_open=2          | working buy 1, unknown buy 1            | buy 1 limit price=100            | open_orders           |
    max_open=2          | working buy 1, cancelled buy 1          | buy 1 limit price=100            |                       |
    max_open=2          | working eth 1, working eth 1            | buy 1 limit price=100            |                       |
    max_open=2          | have 1, working buy 1, working buy 1    | sell 1 limit price=100           |                       |
    max_day=2           | working buy 1, cancelled buy 1          | buy 1 limit price=100            | daily_orders          |
    max_day=2           | working buy 1, refused buy 1            | buy 1 limit price=100            |                       |
    max_day=2           | have 1, working buy 1                   | sell 1 limit price=100           |                       |
    max_second=2        | working buy 1, working buy 1            | buy 1 limit price=100            | order_rate            |
    max_second=2        | working buy 1, working buy 1, wait 1    | buy 1 limit price=100            |                       |
    # buying power: what is free, reservations taken off
    money=1000          |                                         | buy 10 limit price=100           |                       |
    money=1000          |                                         | buy 10.001 limit price=100       | buying_power          | 10
    money=1000          |                                         | buy 11 limit price=99.97         | buying_power          | 10.003
    money=1000 fee=0.001|                                         | buy 10 limit price=100           | buying_power          | 9.99
    money=1000 slip=100 |                                         | buy 10 market                    | buying_power          | 9.9
    money=1000          | working buy 3, working buy 4            | buy 3 limit price=100            |                       |
    money=1000          | working buy 3, working buy 4            | buy 4 limit price=100            | buying_power          | 3
    money=1000          | working buy 3, unknown buy 4            | buy 4 limit price=100            | buying_power          | 3
    money=1000          | working buy 3, replacing buy 1 to 4     | buy 4 limit price=100            | buying_power          | 3
    money=1000          | working buy 10                          | buy 1 limit price=100            | buying_power          |
    money=1000          | working buy 3, cancelled buy 7          | buy 7 limit price=100            |                       |
    money=1000          | partly buy 8 3                          | buy 2 limit price=100            |                       |
    money=1000          | partly buy 8 3                          | buy 3 limit price=100            | buying_power          | 2
    money=1000          | better buy 8 50                         | buy 6 limit price=100            |                       |
    money=1000          | have 5                                  | sell 6 limit price=100           | buying_power          | 5
    money=1000          | have 5, working sell 3                  | sell 3 limit price=100           | buying_power          | 2
    money=1000          |                                         | sell 1 limit price=100           | buying_power          |
    # the trading state, and orders that may only reduce
                        | halted                                  | buy 1 limit price=100            | halted                |
                        | have 1, halted                          | sell 1 limit price=100           | halted                |
                        | reducing                                | buy 1 limit price=100            | reducing              |
                        | have 1, reducing                        | sell 1 limit price=100           |                       |
                        | have 1                                  | sell 1 limit price=100 reduce_only |                     |
                        | have 1                                  | buy 1 limit price=100 reduce_only  | reduce_only         |
"""  # noqa: E501  # a table

# A futures contract on the same price, 10 of margin to a hundred of value where leverage=10.
LINEAR = """
    limits              | before                         | order                              | reason                | nearest
    money=1000          |                                | buy 10 limit price=100             |                       |
    money=1000          |                                | buy 10.001 limit price=100         | buying_power          | 10
    money=1000          |                                | sell 10 limit price=100            |                       |
    money=1000          |                                | sell 10.001 limit price=100        | buying_power          | 10
    money=1000 leverage=10 |                             | buy 100 limit price=100            |                       |
    money=1000 leverage=10 |                             | buy 101 limit price=100            | buying_power          | 100
    money=1000          | have 6                         | buy 4 limit price=100              |                       |
    money=1000          | have 6                         | buy 5 limit price=100              | buying_power          | 4
    money=1000          | short 6                        | sell 5 limit price=100             | buying_power          | 4
    money=1000          | have 6, working buy 3          | buy 2 limit price=100              | buying_power          | 1
    # closing needs no margin, a flip the new side's
    money=1000          | have 10                        | sell 10 limit price=100            |                       |
    money=1000          | have 10                        | sell 20 limit price=100            |                       |
    money=1000          | have 10                        | sell 20.001 limit price=100        | buying_power          | 20
    money=1000          | have 10, working sell 4        | sell 13 limit price=100            | buying_power          | 12
    money=1000          | have 10, working sell 4        | sell 6 limit price=100             |                       |
    money=1000          | short 10                       | buy 20 limit price=100             |                       |
    # limits: the worse side; what only reduces passes
    max_symbol=1000     | short 6                        | sell 5 limit price=100             | symbol_position_value | 4
    max_symbol=1000     | have 6, working sell 10        | sell 7 limit price=100             | symbol_position_value | 6
    max_symbol=1000     | have 6                         | sell 17 limit price=100            | symbol_position_value | 16
    max_symbol=1000     | have 6, price 200              | sell 6 limit price=200             |                       |
    max_symbol=1000     | have 6, price 200              | sell 7 limit price=200             | symbol_position_value | 6
    max_order=500       | have 5, have 1                 | sell 6 limit price=100             |                       |
    max_order=500       | have 5, have 1                 | sell 6.001 limit price=100         | order_value           | 6
    max_loss=100        | short 10, price 110, resume    | sell 1 limit price=100             | daily_loss            |
    max_loss=100        | short 10, price 110            | buy 1 limit price=110              |                       |
                        | have 6, reducing               | sell 6 limit price=100             |                       |
                        | have 6, reducing               | sell 7 limit price=100             | reducing              |
                        | short 6, reducing              | buy 6 limit price=100              |                       |
                        | have 6                         | sell 7 limit price=100 reduce_only | reduce_only           | 6
                        | have 6, working sell 4         | sell 3 limit price=100 reduce_only | reduce_only           | 2
                        | have 6                         | buy 1 limit price=100 reduce_only  | reduce_only           |
"""  # noqa: E501  # a table

_LIMITS = {
    "max_order": "max_order_value",
    "min_order": "min_order_value",
    "max_position": "max_position_value",
    "max_symbol": "max_symbol_position_value",
    "max_loss": "max_daily_loss",
}
_COUNTS = {
    "max_open": "max_open_orders_per_symbol",
    "max_day": "max_daily_orders",
    "max_second": "max_orders_per_second",
}


def harness_of(limits: str, *, linear: bool = False) -> Harness:
    """A book under the limits that a row names."""
    said = words(limits)
    bounds: dict[str, Any] = {_LIMITS[name]: Decimal(value) for name, value in said.items() if name in _LIMITS}
    bounds |= {_COUNTS[name]: int(value) for name, value in said.items() if name in _COUNTS}
    account = Account(
        account="main",
        taker_fee=Decimal(said.get("fee", "0")),
        slippage_bps=Decimal(said.get("slip", "0")),
        leverage=Decimal(said.get("leverage", "1")),
    )
    step = Decimal("0.001")
    harness = a_harness(
        settings=Settings(limits=RiskLimits(**bounds)),
        accounts=[account],
        instruments=[an_instrument(step_size=step, linear=linear), an_instrument("ETH/USDT", step_size=step)],
        deposits={"USDT": said.get("money", "1000000")},
        quote=a_quote(100, 100),
    )
    harness.run(m.QuoteSeen(exchange="simulated", symbol="ETH/USDT", quote=a_quote(100, 100)))
    return harness


def prepare(harness: Harness, before: str) -> None:
    """Let happen what a row says had happened."""
    for number, step in enumerate(filter(None, (step.strip() for step in before.split(","))), start=100):
        _happen(harness, number, *step.split())


def _happen(harness: Harness, number: int, what: str, *rest: str) -> None:
    order_id, price = an_id(number), harness.state.market["simulated", "BTC/USDT"].mid
    filled = {"have": "buy", "short": "sell", "sold": "sell", "eth": "buy"}
    if what in filled:
        symbol = "ETH/USDT" if what == "eth" else "BTC/USDT"
        harness.submit(order_of(f"{filled[what]} {rest[0]} limit price={price} symbol={symbol}", number))
        harness.run(a_fill(rest[0], price, number=number))
        assert harness.order(number).status is OrderStatus.FILLED
    elif what == "price":
        harness.quote(rest[0], rest[0])
    elif what in ("deposit", "withdraw"):
        asset = rest[1] if len(rest) > 1 else "USDT"
        amount = Decimal(rest[0]) * (1 if what == "deposit" else -1)
        kind: Any = "deposit" if what == "deposit" else "withdrawal"
        harness.run(m.MoveCash(account="main", asset=asset, amount=amount, kind=kind))
    elif what in ("halted", "reducing"):
        harness.run(m.SetTradingState(state=TradingState(what)))
    elif what == "resume":
        harness.run(m.SetTradingState(state=TradingState.ACTIVE))
    elif what == "wait":
        harness.wait(int(rest[0]) * SECOND)
    elif what == "refused":
        harness.submit(order_of(f"{rest[0]} {rest[1]} limit price=100.001", number))
    else:
        _work(harness, number, order_id, what, *rest)


def _work(harness: Harness, number: int, order_id: str, what: str, side: str, quantity: str, *rest: str) -> None:
    symbol = "BTC/USDT"
    if side == "eth":
        side, symbol = "buy", "ETH/USDT"
    harness.submit(order_of(f"{side} {quantity} limit price=100 symbol={symbol}", number))
    if what == "unknown":
        harness.run(m.UnreachableReport(order_id=order_id, time=NOW, number=0))
        return
    harness.run(m.AckReport(order_id=order_id, time=NOW))
    if what == "cancelled":
        harness.run(m.CancelOrder(order_id=order_id))
        harness.run(m.EndReport(order_id=order_id, time=NOW, status=OrderStatus.CANCELLED))
    elif what == "replacing":
        harness.run(m.ReplaceOrder(order_id=order_id, quantity=Decimal(rest[1])))
        assert harness.order(number).status is OrderStatus.PENDING_REPLACE
    elif what == "partly":
        harness.run(a_fill(rest[0], 100, number=number))
    elif what == "better":
        harness.run(a_fill(quantity, rest[0], number=number))
    else:
        assert what == "working", what


def refusal_of(harness: Harness, order: str) -> Refusal | None:
    """Why the core refuses an order; None where it sends it."""
    _, actions = harness.submit(order_of(order, now=harness.now))
    return next((action.refusal for action in actions if isinstance(action, m.Reply)), None)


def _check(row: dict[str, str], *, linear: bool) -> None:
    harness = harness_of(row["limits"], linear=linear)
    prepare(harness, row["before"])

    refusal = refusal_of(harness, row["order"])

    code, nearest = (refusal.code, refusal.nearest) if refusal is not None else ("", None)
    assert (code, nearest) == (row["reason"], row["nearest"] or None)
    assert harness.order().status is (OrderStatus.DENIED if code else OrderStatus.SUBMITTED)


@pytest.mark.parametrize("row", rows(SPOT), ids=str)
def test_a_limit_refuses_what_breaches_it_and_names_the_nearest_that_does_not(row: dict[str, str]) -> None:
    _check(row, linear=False)


@pytest.mark.parametrize("row", rows(LINEAR), ids=str)
def test_futures_need_margin_for_what_they_open_and_may_always_reduce(row: dict[str, str]) -> None:
    _check(row, linear=True)


@pytest.mark.parametrize(
    ("linear", "row"),
    [(linear, row) for linear, table in ((False, SPOT), (True, LINEAR)) for row in rows(table) if row["nearest"]],
    ids=str,
)
def test_the_nearest_quantity_passes_and_one_step_more_does_not(linear: bool, row: dict[str, str]) -> None:
    side, _, rest = row["order"].split(maxsplit=2)
    step = Decimal("0.001") if row["reason"] != "order_value_small" else Decimal("-0.001")
    nearest = Decimal(row["nearest"])

    for quantity, passes in ((nearest, True), (nearest + step, False)):
        harness = harness_of(row["limits"], linear=linear)
        prepare(harness, row["before"])
        assert (refusal_of(harness, f"{side} {quantity} {rest}") is None) is passes


def test_a_refusal_of_risk_says_what_would_be_and_what_the_limit_is() -> None:
    harness = harness_of("max_symbol=1000")
    prepare(harness, "have 6, working buy 3")

    assert str(refusal_of(harness, "buy 2 limit price=100")) == (
        "quantity 2: the value of the position in BTC/USDT with working orders would be 1100, the limit is 1000"
        " (nearest that passes: 1)"
    )


# The rate per second refuses what increases and only delays what reduces.


def test_a_reducing_order_over_the_rate_waits_for_the_next_second() -> None:
    harness = harness_of("max_second=2")
    prepare(harness, "have 5, working buy 1")

    refused = refusal_of(harness, "sell 1 limit price=100")
    waiting = harness.order().status, harness.order().wait_for, harness.order().wait_until
    harness.wait(SECOND)

    assert refused is None
    assert waiting == (OrderStatus.PENDING, "rate", NOW + SECOND)
    assert harness.order().status is OrderStatus.SUBMITTED


def test_reducing_orders_over_the_rate_go_out_a_few_a_second() -> None:
    harness = harness_of("max_second=2")
    prepare(harness, "have 9")
    harness.wait(SECOND)
    harness.submit(*(order_of("sell 1 limit price=100", number, harness.now) for number in range(1, 8)))

    sent = []
    for _ in range(4):
        sent.append(sum(harness.order(number).status is OrderStatus.SUBMITTED for number in range(1, 8)))
        harness.wait(SECOND)

    assert sent == [2, 4, 6, 7]


# The day.


def test_the_number_of_orders_of_the_day_begins_anew_at_midnight() -> None:
    harness = harness_of("max_day=1")
    prepare(harness, "working buy 1")

    assert refusal_of(harness, "buy 1 limit price=100") is not None
    harness.wait(DAY // 2)
    harness.quote(100, 100)

    assert harness.state.day is not None
    assert harness.state.day.start == MIDNIGHT + DAY
    harness.submit(order_of("buy 1 limit price=100", 2))
    assert harness.order(2).status is OrderStatus.SUBMITTED


def test_an_order_that_waited_for_midnight_belongs_to_the_new_day() -> None:
    harness = harness_of("max_day=1")
    harness.submit(order_of(f"buy 1 limit price=100 execute={DAY // 2 // SECOND}", 2))
    prepare(harness, "working buy 1")
    harness.wait(DAY // 2 - SECOND)
    harness.quote(100, 100)
    harness.wait(SECOND)

    assert harness.order(2).status is OrderStatus.SUBMITTED
    assert harness.state.controls.orders_today == 1


def test_a_breach_of_the_daily_loss_sets_reducing_until_the_next_utc_day_and_alerts() -> None:
    harness = harness_of("max_loss=100")
    prepare(harness, "have 10")
    events, actions = harness.quote(90, 90)
    cause = "the day's loss 100 reached the limit 100"

    assert m.TradingStateSet(time=NOW, state=TradingState.REDUCING, cause=cause, until=MIDNIGHT + DAY) in events
    assert [action.topic for action in actions if isinstance(action, m.RaiseAlert)] == ["daily_loss"]
    assert harness.quote(89, 89) == ([], [])
    harness.wait(DAY // 2)
    assert harness.state.controls.trading is TradingState.ACTIVE
    harness.quote(89, 89)
    assert refusal_of(harness, "buy 1 limit price=89") is None


def test_an_asset_that_had_no_price_when_the_day_began_is_neither_profit_nor_loss() -> None:
    harness = a_harness(
        settings=Settings(limits=RiskLimits(max_daily_loss=Decimal(100))),
        deposits={"USDT": 1000, "DOGE": 10**6},
        quote=a_quote(100, 100),
    )
    assert harness.state.day is not None
    assert harness.state.day.unpriced == ("DOGE",)

    assert daily_loss(harness.state, NOW) == 0
    assert refusal_of(harness, "buy 1 limit price=100") is None


def test_an_asset_that_had_a_price_and_has_none_now_denies_what_increases() -> None:
    harness = harness_of("max_loss=100")
    prepare(harness, "eth 1")
    harness.wait(DAY // 2)  # a new day, which knows no price of ETH and so leaves it out
    prices_again = m.QuoteSeen(exchange="simulated", symbol="ETH/USDT", quote=a_quote(100, 100, time=harness.now))
    harness.quote(100, 100)
    left_out = refusal_of(harness, "buy 1 limit price=100")
    harness.run(prices_again)
    harness.wait(DAY // 2)
    harness.run(m.QuoteSeen(exchange="simulated", symbol="ETH/USDT", quote=a_quote(100, 100, time=harness.now)))
    harness.wait(DAY // 2)  # this day began with a price of ETH half a day old: none
    harness.quote(100, 100)

    assert left_out is None
    assert harness.state.day is not None
    assert harness.state.day.unpriced == ("ETH",)


def test_a_loss_that_cannot_be_valued_denies_what_increases() -> None:
    harness = harness_of("max_loss=100")
    prepare(harness, "eth 1")
    harness.wait(61 * SECOND)
    harness.quote(100, 100)

    refusal = refusal_of(harness, "buy 1 limit price=100")

    assert refusal is not None
    assert (refusal.code, refusal.value) == ("no_conversion_price", "ETH")


# Other quote currencies.


def crossed(**limits: Any) -> Harness:
    """A book that trades ETH/BTC at 0.05 and values it by BTC/USDT at 100."""
    harness = a_harness(
        settings=Settings(limits=RiskLimits(**limits)),
        instruments=[an_instrument(), an_instrument("ETH/BTC", tick_size=Decimal("0.0001"))],
        deposits={"BTC": 10, "ETH": 10},
        quote=a_quote(100, 100),
    )
    harness.run(m.QuoteSeen(exchange="simulated", symbol="ETH/BTC", quote=a_quote("0.05", "0.05")))
    return harness


def test_a_value_in_another_quote_currency_is_converted_at_its_market() -> None:
    harness = crossed(max_order_value=Decimal(50))

    refusal = refusal_of(harness, "buy 11 limit price=0.05 symbol=ETH/BTC")
    harness.submit(order_of("buy 10 limit price=0.05 symbol=ETH/BTC", 2))

    assert refusal is not None
    assert (refusal.code, refusal.nearest) == ("order_value", "10")
    assert harness.order(2).status is OrderStatus.SUBMITTED


@pytest.mark.parametrize(
    "limits",
    [
        {"max_order_value": Decimal(50)},
        {"max_position_value": Decimal(500)},
        {"max_symbol_position_value": Decimal(500)},
        {"max_daily_loss": Decimal(500)},
    ],
    ids=str,
)
def test_without_a_recent_conversion_price_what_increases_is_denied_and_what_reduces_passes(
    limits: dict[str, Decimal],
) -> None:
    harness = crossed(**limits)
    harness.wait(DAY // 2)  # a day that began with prices
    for symbol, price in (("BTC/USDT", 100), ("ETH/BTC", "0.05")):
        quote = a_quote(price, price, time=harness.now)
        harness.run(m.QuoteSeen(exchange="simulated", symbol=symbol, quote=quote))
    assert harness.state.day is not None
    harness.state.day.unpriced = ()
    harness.wait(61 * SECOND)
    quote = a_quote("0.05", "0.05", time=harness.now)
    harness.run(m.QuoteSeen(exchange="simulated", symbol="ETH/BTC", quote=quote))

    refusal = refusal_of(harness, "buy 1 limit price=0.05 symbol=ETH/BTC")
    harness.submit(order_of("sell 1 limit price=0.05 symbol=ETH/BTC", 2))

    assert refusal is not None
    assert (refusal.code, refusal.value) == ("no_conversion_price", "BTC")
    assert harness.order(2).status is OrderStatus.SUBMITTED


def test_a_circle_of_markets_without_a_way_to_the_currency_is_no_price_and_no_endless_loop() -> None:
    harness = a_harness(
        settings=Settings(limits=RiskLimits(max_order_value=Decimal(50))),
        instruments=[an_instrument("ETH/BTC"), an_instrument("BTC/ETH")],
        deposits={"BTC": 10},
    )
    for symbol in ("ETH/BTC", "BTC/ETH"):
        harness.run(m.QuoteSeen(exchange="simulated", symbol=symbol, quote=a_quote(1, 1)))

    refusal = refusal_of(harness, "buy 1 limit price=1 symbol=ETH/BTC")

    assert refusal is not None
    assert refusal.code == "no_conversion_price"


def test_an_asset_is_valued_by_the_first_parity_market_whatever_was_defined_first() -> None:
    markets = [an_instrument(symbol) for symbol in ("BTC/EUR", "BTC/DAI", "BTC/USDT", "BTC/USDC")]

    for order in (markets, markets[::-1]):
        assert a_harness(instruments=order).state.routes == {("simulated", "BTC"): "BTC/USDT"}
    euro = a_harness(instruments=markets, settings=Settings(currency="EUR", parity=("EUR",)))
    assert euro.state.routes == {("simulated", "BTC"): "BTC/EUR"}


# Replaces are checked for what they add, and their order's value for the whole of it.

REPLACES = """
    limits          | before                    | replace              | reason                | nearest
    max_order=500   | working buy 3             | quantity=5           |                       |
    max_order=500   | working buy 3             | quantity=5.001       | order_value           | 5
    max_order=500   | working buy 3             | price=170            | order_value           | 2.941
    max_symbol=1000 | have 6, working buy 3     | quantity=4           |                       |
    max_symbol=1000 | have 6, working buy 3     | quantity=5           | symbol_position_value | 4
    max_symbol=1000 | have 6, price 200, working sell 3 | quantity=4   |                       |
    max_symbol=1000 | working buy 9, price 200  | quantity=8           |                       |
    money=1000      | working buy 3             | quantity=10          |                       |
    money=1000      | working buy 3             | quantity=10.001      | buying_power          | 10
    money=1000      | working buy 3, working buy 4 | quantity=8        | buying_power          | 7
    money=1000      | partly buy 8 3            | quantity=10          |                       |
    money=1000      | partly buy 8 3            | quantity=11          | buying_power          | 10
    money=1000      | working buy 8             | price=126            | buying_power          | 7.936
    max_loss=100    | working buy 3, reducing   | quantity=2           |                       |
    max_loss=100    | working buy 3, reducing   | quantity=4           | reducing              |
                    | working buy 3, halted     | quantity=2           | halted                |
                    | working buy 3, halted     | quantity=4           | halted                |
"""


@pytest.mark.parametrize("row", rows(REPLACES), ids=str)
def test_a_replace_is_checked_for_what_it_adds(row: dict[str, str]) -> None:
    harness = harness_of(row["limits"])
    prepare(harness, row["before"])
    number = 99 + len(row["before"].split(","))
    while harness.state.find(an_id(number)) is None:
        number -= 1
    new: dict[str, Any] = {name: Decimal(value) for name, value in words(row["replace"]).items()}

    _, actions = harness.run(m.ReplaceOrder(order_id=an_id(number), **new))

    refusal = next((action.refusal for action in actions if isinstance(action, m.Reply)), None)
    code, nearest = (refusal.code, refusal.nearest) if refusal is not None else ("", None)
    assert (code, nearest) == (row["reason"], row["nearest"] or None)


def test_the_price_of_a_futures_order_that_only_closes_can_be_changed_without_margin() -> None:
    harness = harness_of("money=1000", linear=True)
    prepare(harness, "have 10, working sell 10")

    events, _ = harness.run(m.ReplaceOrder(order_id=an_id(101), price=Decimal(120)))

    assert [m.kind_of(event) for event in events] == ["request_submitted"]
    assert harness.order(101).reserved == 0


def test_a_flip_locks_the_margin_of_its_new_side() -> None:
    harness = harness_of("money=1000", linear=True)
    prepare(harness, "have 10, working sell 15")

    locked = harness.state.balances["main", "USDT"].locked
    assert locked == harness.order(101).reserved
    assert 0 <= 500 - locked < Decimal("1e-16")
    harness.run(m.FillReport(order_id=an_id(101), time=NOW, execution=an_execution(15, 110)))
    position, balance = harness.state.positions["main", "BTC/USDT"], harness.state.balances["main", "USDT"]
    assert position == Position(Decimal(-5), Decimal(550), Decimal(100))
    assert balance == Balance(Decimal(1100), Decimal(0))


def test_what_futures_hold_as_margin_cannot_be_withdrawn() -> None:
    harness = harness_of("money=1000", linear=True)
    prepare(harness, "have 6")

    _, actions = harness.run(m.MoveCash(account="main", asset="USDT", amount=Decimal(-500), kind="withdrawal"))

    assert isinstance(actions[0], m.Reply)
    assert actions[0].refusal is not None
    assert (actions[0].refusal.code, actions[0].refusal.nearest) == ("buying_power", "-400")
