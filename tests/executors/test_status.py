"""The standard status, and the many spellings that are cast into it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwright.core.model import Liquidity, OrderStatus
from orderwright.core.numbers import canonical, divided
from orderwright.errors import InputError, UnknownName
from orderwright.executors import Status
from orderwright.executors.spellings import STATUSES
from tests.builders import NOW, a_fill, a_harness, a_limit_buy, an_execution, an_id

S = OrderStatus
HALF = Decimal("0.5")


def test_of_a_status_without_a_word_nothing_is_known() -> None:
    status = Status()
    assert (status.unknown, status.ok, status.done, status.fills) == (True, False, False, ())


# One order in the words of each


ONE = Status(
    order_id="mine-1",
    exchange_order_id="28",
    status=S.PARTIALLY_FILLED,
    symbol="BTC/USDT",
    quantity=Decimal(1),
    filled_quantity=HALF,
    remaining=HALF,
    average_price=Decimal(100),
    filled_quote=Decimal(50),
    price=Decimal(101),
    time=NOW,
)
SPELLINGS: dict[str, dict[str, Any]] = {
    "ours": {
        "order_id": "mine-1",
        "exchange_order_id": "28",
        "status": "partially_filled",
        "symbol": "BTC/USDT",
        "quantity": Decimal(1),
        "filled_quantity": "0.5",
        "remaining": 0.5,
        "average_price": 100,
        "filled_quote": "50",
        "price": "101",
        "time": NOW,
    },
    "binance": {
        "symbol": "BTCUSDT",
        "orderId": 28,
        "clientOrderId": "mine-1",
        "price": "101.00000000",
        "origQty": "1.00000000",
        "executedQty": "0.50000000",
        "cummulativeQuoteQty": "50.00000000",
        "status": "PARTIALLY_FILLED",
        "stopPrice": "0.00000000",
        "time": NOW // 1_000 - 1,
        "updateTime": NOW // 1_000,
    },
    "ccxt": {
        "id": "28",
        "clientOrderId": "mine-1",
        "timestamp": NOW // 1_000 - 1,
        "lastTradeTimestamp": NOW // 1_000,
        "status": "open",
        "symbol": "BTC/USDT",
        "price": 101.0,
        "amount": 1.0,
        "filled": 0.5,
        "remaining": 0.5,
        "cost": 50.0,
        "average": 100.0,
        "stopPrice": None,
        "trades": [],
    },
    "bybit": {
        "orderId": "28",
        "orderLinkId": "mine-1",
        "orderStatus_": "",
        "status": "PartiallyFilled",
        "symbol": "BTCUSDT",
        "qty": "1",
        "cumExecQty": "0.5",
        "cumExecValue": "50",
        "avgPrice": "100",
        "leavesQty": "0.5",
        "price": "101",
        "updatedTime": str(NOW // 1_000),
    },
    "okx": {
        "ordId": "28",
        "clOrdId": "mine-1",
        "status": "partially_filled",
        "instId": "BTC-USDT",
        "sz": "1",
        "accFillSz": "0.5",
        "avgPx": "100",
        "filled_quote": "50",
        "px": "101",
        "uTime": str(NOW // 1_000),
    },
    "coinbase": {
        "order_id": "28",
        "client_order_id": "mine-1",
        "status": "OPEN",
        "product_id": "BTC-USDT",
        "size": "1",
        "filled_size": "0.5",
        "filled_value": "50",
        "average_filled_price": "100",
        "limit_price": "101",
        "updated_at": "2026-01-05T12:00:00Z",
    },
}


@pytest.mark.parametrize("exchange", SPELLINGS)
def test_one_order_is_one_status_in_everybodys_words(exchange: str) -> None:
    assert Status.cast(**SPELLINGS[exchange]).to(raw={}) == ONE


def test_the_seed_casts_on_an_instance() -> None:
    assert Status().cast(**SPELLINGS["ours"]) == ONE


def test_what_is_not_known_is_kept() -> None:
    assert Status.cast(**SPELLINGS["binance"], side="BUY", workingTime=5).raw == {"side": "BUY", "workingTime": 5}


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("NEW", S.OPEN),
        ("open", S.OPEN),
        ("Live", S.OPEN),
        ("Untriggered", S.OPEN),
        ("PENDING_NEW", S.SUBMITTED),
        ("pending cancel", S.PENDING_CANCEL),
        ("PENDING-REPLACE", S.PENDING_REPLACE),
        ("canceled", S.CANCELLED),
        ("CANCELLED", S.CANCELLED),
        ("EXPIRED_IN_MATCH", S.EXPIRED),
        ("Rejected", S.REJECTED),
        ("denied", S.DENIED),
        ("unknown", S.UNKNOWN),
        (S.OPEN, S.OPEN),
    ],
)
def test_a_status_word_is_read_in_any_case(word: str, meant: OrderStatus) -> None:
    assert Status.cast(id="1", status=word).status is meant


@pytest.mark.parametrize("word", ["FILLED", "closed", "executed"])
def test_a_filled_order_has_filled_whole(word: str) -> None:
    status = Status.cast(id="1", status=word, amount="2", average="10")
    assert (status.status, status.filled_quantity, status.remaining) == (S.FILLED, Decimal(2), Decimal(0))


def test_an_order_of_which_something_has_filled_is_partially_filled() -> None:
    assert Status.cast(id="1", status="NEW", origQty="2", executedQty="1").status is S.PARTIALLY_FILLED


def test_nothing_remains_of_an_order_that_has_ended() -> None:
    status = Status.cast(id="1", status="canceled", amount=2, filled=0.5, remaining=1.5, average=10)
    assert (status.remaining, status.done) == (Decimal(0), True)


def test_what_is_missing_follows_from_the_rest() -> None:
    status = Status.cast(id="1", status="open", amount=2, remaining=1.5, cost=5)
    assert (status.filled_quantity, status.average_price) == (HALF, Decimal(10))


def test_trades_are_read_each_once_and_give_what_has_filled() -> None:
    binance = {"price": "100", "qty": "0.3", "commission": "0.03", "commissionAsset": "USDT", "tradeId": 56}
    ccxt = {
        "id": "57",
        "price": 101.0,
        "amount": 0.2,
        "fee": {"cost": 0.02, "currency": "BNB"},
        "takerOrMaker": "maker",
        "timestamp": NOW // 1_000,
        "cost": None,
    }
    status = Status.cast(orderId=1, status="PARTIALLY_FILLED", origQty="1", fills=[binance, ccxt, binance])
    assert status.fills == (
        an_execution("0.3", 100, "56", fee=Decimal("0.03"), fee_asset="USDT"),
        an_execution("0.2", 101, "57", fee=Decimal("0.02"), fee_asset="BNB", liquidity=Liquidity.MAKER, time=NOW),
    )
    assert (status.filled_quantity, status.filled_quote, status.average_price) == (
        HALF,
        Decimal("50.2"),
        Decimal("100.4"),
    )
    assert status.fees == {"USDT": Decimal("0.03"), "BNB": Decimal("0.02")}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"id": "1"}, "status: is missing"),
        ({"status": "open"}, "order_id: an id is missing"),
        ({"status": None, "id": 1}, "status: is missing"),
        ({"id": 1, "status": "fillled"}, r"status: unknown status 'fillled' \(nearest: filled\)"),
        ({"id": 1, "status": "filled", "amount": 2, "filled": 1}, "status: filled contradicts the rest: 1 of 2"),
        ({"id": 1, "status": "filled"}, "status: filled contradicts the rest: 0 of"),
        ({"id": 1, "status": "closed", "amount": 2, "filled": 1, "remaining": 1}, "contradicts"),
        ({"id": 1, "status": "PARTIALLY_FILLED", "amount": 2}, "status: partially_filled contradicts the rest: 0 of 2"),
        ({"id": 1, "status": "PARTIALLY_FILLED", "amount": 2, "filled": 2}, "contradicts the rest: 2 of 2"),
        ({"id": 1, "status": "open", "amount": 2, "filled": 2}, "status: open contradicts the rest: 2 has filled"),
        ({"id": 1, "status": "rejected", "amount": 2, "filled": 1}, "status: rejected contradicts the rest: 1 has"),
        (
            {"id": 1, "status": "canceled", "amount": 2, "filled": 3},
            "filled_quantity: 3 contradicts the rest: the order",
        ),
        ({"id": 1, "status": "open", "amount": 2, "filled": 1, "remaining": 3}, "remaining: 3 contradicts the rest"),
        ({"id": 1, "status": "canceled", "amount": 2, "remaining": 0}, "filled_quantity: is missing: nothing remains"),
        ({"id": 1, "status": "open", "filled": -1}, "filled_quantity: is below 0"),
        ({"id": 1, "status": "open", "amount": 2, "origQty": 3}, "quantity|amount: two values for one thing: amount 2"),
        ({"id": 1, "status": "open", "amount": "two"}, "amount: 'two' is not a number"),
        ({"id": 1, "status": "open", "trades": "none"}, "trades: 'none' is not a list of trades"),
        ({"id": 1, "status": "open", "trades": [5]}, r"trades\[0\]: 5 is not a trade"),
        ({"id": 1, "status": "open", "fills": [{"qty": 1, "price": 1}]}, "the trade's execution_id is missing"),
        (
            {"id": 1, "status": "open", "fills": [{"id": 1, "qty": 0, "price": 1}]},
            r"fills\[0\].quantity: is not above 0",
        ),
        (
            {"id": 1, "status": "open", "fills": [{"id": 1, "qty": 1, "price": 1}, {"id": 1, "qty": 2, "price": 1}]},
            "two trades with the id 1 differ",
        ),
        (
            {"id": 1, "status": "canceled", "filled": 1, "fills": [{"id": 1, "qty": 2, "price": 1}]},
            "filled_quantity: 1 contradicts the rest: its trades add up to 2",
        ),
        ({"clientOrderId": "a", "order_id": "b", "id": "c", "status": "open"}, "order_id: 'b' contradicts id 'c'"),
    ],
)
def test_what_lacks_something_or_contradicts_itself_is_refused(words: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Status.cast(**words)


def test_an_unknown_status_offers_the_nearest() -> None:
    with pytest.raises(UnknownName) as caught:
        Status.cast(id=1, status="CANECELLED")
    assert (caught.value.field, caught.value.nearest) == ("status", "cancelled")


def test_every_status_of_ours_is_read() -> None:
    assert {STATUSES[status.value.replace("_", "")] for status in OrderStatus} == set(OrderStatus)


def test_a_status_comes_from_an_order_of_the_core() -> None:
    harness = a_harness()
    harness.submit(a_limit_buy(1, 100))
    harness.run(a_fill("0.5", 100))
    assert Status.from_order(harness.order()) == Status(
        order_id=an_id(),
        status=S.PARTIALLY_FILLED,
        filled_quantity=HALF,
        remaining=HALF,
        average_price=Decimal(100),
        fills=(an_execution("0.5", 100),),
        time=NOW,
        symbol="BTC/USDT",
        quantity=Decimal(1),
        price=Decimal(100),
        filled_quote=Decimal(50),
    )


@pytest.mark.parametrize(
    ("status", "ok", "unknown"),
    [
        (Status(order_id="1", status=S.OPEN), True, False),
        (Status(order_id="1", status=S.FILLED), True, False),
        (Status(order_id="1", status=S.CANCELLED), True, False),
        (Status(order_id="1", status=S.REJECTED), False, False),
        (Status(order_id="1", status=S.DENIED), False, False),
        (Status(order_id="1", status=S.UNKNOWN), False, True),
        (Status(order_id="1", status=S.OPEN, error="the cancel was refused"), False, False),
    ],
)
def test_a_status_says_whether_it_went_well(status: Status, ok: bool, unknown: bool) -> None:
    assert (status.ok, status.unknown, status.message) == (ok, unknown, status.error)


QUANTITIES = st.integers(1, 10**9).map(lambda steps: Decimal(steps).scaleb(-5))


@given(
    QUANTITIES,
    st.integers(0, 100),
    st.integers(1, 10**6).map(Decimal),
    st.sampled_from([S.OPEN, S.CANCELLED, S.EXPIRED, S.PENDING_CANCEL, S.UNKNOWN]),
)
def test_a_status_that_went_through_a_dict_and_json_is_the_same(
    whole: Decimal, percent: int, price: Decimal, word: OrderStatus
) -> None:
    filled = canonical(whole * percent / 100)
    if word is S.OPEN and filled:
        word = S.FILLED if percent == 100 else S.PARTIALLY_FILLED
    done = word in (S.FILLED, S.CANCELLED, S.EXPIRED)
    status = Status(
        order_id="a",
        status=word,
        quantity=whole,
        filled_quantity=filled,
        remaining=Decimal(0) if done else whole - filled,
        filled_quote=filled * price,
        average_price=canonical(divided(filled * price, filled)) if filled else None,
        fills=(an_execution(filled, price, time=NOW),) if filled else (),
        error="why",
        time=NOW,
    )
    assert Status.cast(**msgspec.json.decode(msgspec.json.encode(status.as_dict()))) == status
