"""What the exchange does with a request: accept, refuse in Binance's words, change, cancel, expire, answer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orderwright.core import messages as m
from orderwright.core.model import Account, OrderStatus
from orderwright.simulation.models import Models
from orderwright.simulation.models.latency import ConstantLatency, LognormalLatency
from orderwright.simulation.models.volume import VolumeShare
from tests.simulation.builders import (
    MINUTE,
    SECOND,
    START,
    SYMBOL,
    Trader,
    an_instrument,
    an_order,
    flat,
    order_id,
    order_in,
    rows,
    some_candles,
)

TIGHT = an_instrument(
    min_quantity=Decimal("0.01"),
    max_quantity=Decimal(50),
    market_max_quantity=Decimal(20),
    min_notional=Decimal(10),
    max_notional=Decimal(4_000),
    price_min=Decimal(50),
    price_max=Decimal(150),
)
REFUSALS = """
    order                             | code  | message
    buy 1 limit 99.001                | -1013 | Filter failure: PRICE_FILTER
    buy 1 limit 49.99                 | -1013 | Filter failure: PRICE_FILTER
    buy 1 limit 150.01                | -1013 | Filter failure: PRICE_FILTER
    buy 1 stop_loss 101.005           | -1013 | Filter failure: PRICE_FILTER
    buy 0.1005 limit 99               | -1013 | Filter failure: LOT_SIZE
    buy 0.009 limit 99                | -1013 | Filter failure: LOT_SIZE
    buy 0 limit 99                    | -1013 | Filter failure: LOT_SIZE
    buy 51 limit 99                   | -1013 | Filter failure: LOT_SIZE
    buy 21 market                     | -1013 | Filter failure: MARKET_LOT_SIZE
    buy 0.05 market                   | -1013 | Filter failure: NOTIONAL
    buy 0.1 limit 99                  | -1013 | Filter failure: NOTIONAL
    buy 45 limit 99                   | -1013 | Filter failure: NOTIONAL
    buy 1 market post_only            | -1102 | A mandatory parameter was not sent, was empty/null, or malformed.
    buy 1 limit 100 post_only         | -2010 | Order would immediately match and take.
    sell 1 limit 99 post_only         | -2010 | Order would immediately match and take.
    buy 1 stop_loss 99                | -2010 | Stop price would trigger immediately.
    sell 1 take_profit 99             | -2010 | Stop price would trigger immediately.
    buy 1 limit 99 reduce_only        | -2022 | ReduceOnly Order is rejected.
"""


@pytest.mark.parametrize(("order", "code", "message"), rows(REFUSALS))
def test_filters_are_enforced_as_the_real_one_does(order: str, code: str, message: str) -> None:
    trader = Trader(some_candles(*flat(100, 100), instrument=TIGHT)).place(minute=1, **order_in(order)).run(10)

    assert trader.said() == ["rejected"]
    assert trader.refusal() == (code, message)


@pytest.mark.parametrize(
    "order",
    ["buy 50 limit 60", "buy 20 market", "buy 0.1 market", "sell 1 limit 100.01 post_only", "buy 1 stop_loss 101"],
)
def test_what_fits_is_accepted(order: str) -> None:
    trader = Trader(some_candles(*flat(100, 100), instrument=TIGHT)).place(minute=1, **order_in(order)).run(10)

    assert trader.said()[0] == "accepted"


def test_strange_symbols_accounts_and_closed_markets_are_refused() -> None:
    accounts = [Account(account="main")]
    trader = Trader(some_candles(*flat(100)), accounts=accounts).place(1, symbol="ETH/USDT").place(2, account="other")
    closed = Trader(some_candles(*flat(100), instrument=an_instrument(trading=False))).place()

    assert trader.run(1).refusal(1) == ("-1121", "Invalid symbol.")
    assert trader.refusal(2) == ("-2015", "Invalid API-key, IP, or permissions for action.")
    assert closed.run(1).refusal() == ("-1013", "Market is closed.")


# Money


SHORT_OF = ("-2010", "Account has insufficient balance for requested action.")


def test_an_order_reserves_what_it_may_take_and_releases_it_at_its_end() -> None:
    trader = Trader(some_candles(*flat(*[100] * 5)), deposits={"USDT": "1000", "BTC": "3"})
    trader.place(1, **order_in("buy 5 limit 90")).place(2, **order_in("sell 2 limit 110")).run(1)
    assert (trader.balance("USDT"), trader.balance("BTC")) == ((1000, 450), (3, 2))

    trader.place(3, minute=1, **order_in("buy 6.2 limit 90")).place(4, minute=1, **order_in("sell 1.1 limit 110")).run(
        2
    )
    assert (trader.refusal(3), trader.refusal(4)) == (SHORT_OF, SHORT_OF)

    trader.cancel(1, 2).cancel(2, 2).place(5, minute=2.1, **order_in("buy 6.2 limit 90")).run(3)
    assert (trader.said(1), trader.said(5)) == (["accepted", "cancelled"], ["accepted"])
    assert (trader.balance("USDT"), trader.balance("BTC")) == ((1000, 558), (3, 0))


def test_a_buy_reserves_the_fee_where_it_is_taken_in_quote() -> None:
    account = Account(account="main", maker_fee=Decimal("0.01"), taker_fee=Decimal("0.02"))
    trader = Trader(some_candles((100, 100, 80, 100)), accounts=[account], deposits={"USDT": "1000"})
    trader.place(1, **order_in("buy 5 limit 90")).run(0.1)
    assert trader.balance("USDT") == (1000, 459)

    assert trader.run(1).story() == "90x5 @0.6667"
    assert trader.balance("USDT") == (545.5, 0)


def test_a_market_order_fills_what_can_be_paid_for_and_expires() -> None:
    trader = Trader(some_candles(*flat(100, 110)), deposits={"USDT": "1000"})

    trader.place(minute=1, **order_in("buy 10 market")).run(5)

    assert trader.story() == "110x9.09 @1"
    assert trader.said() == ["accepted", "filled", "expired"]
    assert trader.refusal() == SHORT_OF
    assert trader.balance("USDT") == (0.1, 0)


def test_a_linear_contract_is_margined_and_settles_its_profit() -> None:
    trader = Trader(
        some_candles(*flat(100, 100, 90, 90), instrument=an_instrument(linear=True)), deposits={"USDT": "1000"}
    )
    trader.place(1, minute=0.5, **order_in("sell 8 market")).run(1.5)
    assert trader.balance("USDT") == (1000, 800)

    trader.place(2, minute=1.5, **order_in("sell 3 market")).place(
        3, minute=1.5, **order_in("buy 9 limit 90 reduce_only")
    )
    assert trader.run(9).refusal(2) == SHORT_OF

    assert trader.story(3) == "90x8 @2"
    assert (trader.said(3)[-1], trader.refusal(3)[0]) == ("expired", "-2022")
    assert trader.balance("USDT") == (1080, 0)


# Replace


def test_a_replace_changes_quantity_and_price() -> None:
    trader = Trader(some_candles((100, 100, 100, 100), (100, 101, 94, 95))).place(**order_in("buy 2 limit 90"))
    trader.replace(minute=0.5, quantity="3", price="95").run(5)

    assert trader.said() == ["accepted", "replaced", "filled"]
    assert trader.story() == "95x3 @1.6667"


REPLACES = """
    what                                        | changes                 | first
    less of it keeps its place                  | quantity=30             | 1
    more of it goes to the back                 | quantity=80             | 2
    another price goes to the back of that one  | price=98 back to 99     | 2
"""


@pytest.mark.parametrize(("what", "changes", "first"), rows(REPLACES))
def test_only_less_at_the_same_price_keeps_its_place(what: str, changes: str, first: str) -> None:
    models = Models(volume=VolumeShare(Decimal("0.01")))
    trader = Trader(some_candles((100, 100, 100, 100), (100, 101, 99, 100)), models=models)
    trader.place(1, **order_in("buy 60 limit 99")).place(2, **order_in("buy 60 limit 99"))
    if "back" in changes:
        trader.replace(1, 0.5, price="98").replace(1, 0.6, request=2, price="99")
    else:
        trader.replace(1, 0.5, quantity=changes.split("=")[1])

    trader.run(1.9)

    assert [number for number in (1, 2) if trader.fills(number)] == [int(first)], what


REFUSED_REPLACES = """
    order                        | changes          | code  | message
    buy 9 limit 99               | quantity=4       | -2038 | Order amend rejected: the quantity is below what has been filled.
    buy 9 limit 99               | price=99.001     | -1013 | Filter failure: PRICE_FILTER
    buy 9 limit 99               | price=100        | -2010 | Account has insufficient balance for requested action.
    buy 9 limit 99 post_only     | price=110        | -2010 | Order would immediately match and take.
    buy 9 limit 99               | stop_price=120   | -2038 | Order amend rejected: the order has no such price.
    sell 3 stop_loss 99          | stop_price=98    | -2011 | Unknown order sent.
"""  # noqa: E501  # a table's row is one line


@pytest.mark.parametrize(("order", "changes", "code", "message"), rows(REFUSED_REPLACES))
def test_a_replace_that_cannot_be_leaves_the_order_as_it_was(order: str, changes: str, code: str, message: str) -> None:
    models = Models(volume=VolumeShare(Decimal("0.005")))
    candles = some_candles((100, 100, 100, 100), (100, 101, 99, 100), (100, 100, 100, 100))
    trader = Trader(candles, models=models, deposits={"USDT": "891", "BTC": "3"}).place(**order_in(order))
    name, value = changes.split("=")
    asked: dict[str, Any] = {name: value}

    trader.replace(minute=2.5, **asked).run(2.6)

    assert trader.said()[-1] == "rejected"
    assert trader.refusal() == (code, message)


def test_a_replace_down_to_what_has_filled_fills_the_order() -> None:
    models = Models(volume=VolumeShare(Decimal("0.005")))
    trader = Trader(some_candles((100, 101, 99, 100)), models=models, deposits={"USDT": "1000"})

    trader.place(**order_in("buy 9 limit 99")).replace(minute=1, quantity="5").cancel(minute=2, request=2).run(3)

    assert trader.said() == ["accepted", "filled", "replaced", "rejected"]
    assert trader.refusal() == ("-2011", "Unknown order sent.")
    assert trader.balance("USDT") == (505, 0)


# Cancel and expiry


def test_a_cancelled_order_does_not_fill() -> None:
    trader = Trader(some_candles(*flat(100), (100, 101, 99, 100))).place(**order_in("buy 1 limit 99.5"))

    assert trader.cancel(minute=1).run(5).said() == ["accepted", "cancelled"]


def test_a_cancel_that_comes_too_late_is_refused_and_says_how_the_order_ended() -> None:
    trader = Trader(some_candles(*flat(100))).place().cancel(minute=1).run(5)
    refused = trader.about()[-1]

    assert isinstance(refused, m.RejectReport)
    assert (refused.number, refused.code, refused.final_status) == (1, "-2011", OrderStatus.FILLED)


@pytest.mark.parametrize(
    ("what", "minute", "said"),
    [
        ("a close at the time of expiry still fills", 2, ["accepted", "filled"]),
        ("an open at that time does not", 1, ["accepted", "expired"]),
    ],
)
def test_an_order_expires_by_the_exchanges_own_timer(what: str, minute: int, said: list[str]) -> None:
    candles = some_candles((100, 100, 100, 100), (99, 102, 99, 102), (102, 102, 102, 102))
    order = "buy 1 limit 99.5" if minute == 1 else "sell 1 limit 102"

    trader = Trader(candles, models=Models(intrabar=True))
    trader.place(minute=0.5 if minute == 1 else 1.9, expire_at=START + minute * MINUTE, **order_in(f"{order} gtd")).run(
        9
    )

    assert trader.said() == said, what


def test_a_day_order_without_a_time_ends_with_the_utc_day() -> None:
    trader = Trader(some_candles(*flat(100))).place(**order_in("buy 1 limit 50 day")).run(60 * 25)

    assert (trader.said(), trader.about()[-1].time) == (["accepted", "expired"], START + 1440 * MINUTE)


# Latency, duplicates, windows, questions


def test_a_request_arrives_after_its_latency_and_a_report_comes_after_its_own() -> None:
    models = Models(latency=ConstantLatency(request_us=50_000, report_us=20_000))
    trader = Trader(some_candles(*flat(100, 101)), models=models).place().run(5)

    assert [(time - START, report.time - START) for time, report in trader.reports] == [
        (70_000, 50_000),
        (60_020_000, 60_000_000),
    ]
    assert trader.story() == "100x1 @1", "inside the candle it sees the close alone"


def test_a_draw_depends_on_the_request_and_not_on_what_came_before_it() -> None:
    def latency_of(number: int, *earlier: int) -> int:
        trader = Trader(some_candles(*flat(100)), models=Models(latency=LognormalLatency(7, 50_000)))
        for sent in (*earlier, number):
            trader.exchange.send(an_order(sent))
        return trader.run(5).about(number)[0].time - START

    assert latency_of(3) == latency_of(3, 1, 2) != latency_of(2)


@pytest.mark.parametrize(("late_us", "said"), [(0, ["accepted", "filled"]), (1, ["rejected"])])
def test_a_request_outside_its_window_is_refused(late_us: int, said: list[str]) -> None:
    models = Models(latency=ConstantLatency(request_us=5 * SECOND + late_us))
    trader = Trader(some_candles(*flat(100)), models=models)
    trader.exchange.send(an_order(lifetime_ms=5_000))

    assert trader.run(5).said() == said
    if said == ["rejected"]:
        assert trader.refusal() == ("-1021", "Timestamp for this request is outside of the recvWindow.")


def test_whatever_is_sent_twice_happens_once() -> None:
    trader = Trader(some_candles(*flat(100), (100, 101, 94, 95)), deposits={"USDT": "1000"})
    for _ in range(2):
        trader.place(1, **order_in("buy 2 limit 90"))
    for _ in range(2):
        trader.replace(1, 0.5, price="95")
    for _ in range(2):
        trader.cancel(1, 0.6, request=2)
    trader.place(1, **order_in("buy 2 limit 90")).run(5)

    assert trader.said() == [
        *("accepted", "status"),
        *("replaced", "replaced"),
        *("cancelled", "cancelled"),
        "status",
    ]
    assert trader.balance("USDT") == (1000, 0)


def test_a_refused_order_stays_refused() -> None:
    trader = Trader(some_candles(*flat(100)), deposits={"USDT": "10"}).place(minute=0.1)
    trader.run(0.2)
    trader.exchange.deposit("main", "USDT", Decimal(1000))

    assert trader.place(minute=0.2).send(ask(1), 0.3).run(5).said() == ["rejected"] * 3


def test_a_question_is_answered_with_how_things_stand() -> None:
    trader = Trader(some_candles(*flat(100, 100))).place(1).place(2, **order_in("buy 2 limit 90"))

    trader.send(ask(1), 1).send(ask(2), 1).send(ask(3), 1).run(5)

    one, two, three = trader.about(1)[-1], trader.about(2)[-1], trader.about(3)[-1]
    now = START + MINUTE
    assert one == m.StatusReport(
        order_id=order_id(1),
        time=now,
        status=OrderStatus.FILLED,
        cumulative=Decimal(1),
        quantity=Decimal(1),
        exchange_order_id=f"sim-{order_id(1)}",
    )
    assert isinstance(two, m.StatusReport)
    assert (two.status, two.price) == (OrderStatus.OPEN, Decimal(90))
    assert three == m.NotFoundReport(order_id=order_id(3), time=now, asked_at=now)


def test_trades_are_told_again_when_they_are_asked_for() -> None:
    trader = Trader(some_candles(*flat(100, 100))).place(1)
    trader.send(m.FetchTrades(order_id=order_id(1), account="main", exchange="simulated", symbol=SYMBOL), 1).run(5)

    first, again = trader.executions(1)
    assert first == again
    assert trader.said() == ["accepted", "filled", "filled"]


def ask(number: int) -> m.AskOrder:
    return m.AskOrder(order_id=order_id(number), account="main", exchange="simulated", symbol=SYMBOL, number=0)
