"""Cash in and out, and what working orders lock of it, to the last digit."""

from decimal import Decimal
from typing import Any

import pytest

from orderwright.core import messages as m
from orderwright.core.evolve import evolve
from orderwright.core.model import Account, Balance, OrderStatus
from orderwright.core.portfolio import LedgerRow
from orderwright.core.reasons import Reason, Refusal
from tests.builders import NOW, Harness, a_fill, a_harness, a_limit_buy, a_limit_sell, a_market_buy, an_id
from tests.tables import rows


def balance(harness: Harness, asset: str = "USDT") -> Balance:
    return harness.state.balances["main", asset]


def money(total: str | int, locked: str | int = 0) -> Balance:
    return Balance(Decimal(total), Decimal(locked))


def move(harness: Harness, amount: str | int, kind: Any = "deposit", **words: Any) -> list[m.AnyEvent]:
    said = {"account": "main", "asset": "USDT"} | words
    return harness.run(m.MoveCash(amount=Decimal(amount), kind=kind, **said))[0]


# Deposits and withdrawals.


def test_a_deposit_with_a_reference_counts_once() -> None:
    harness = a_harness(deposits={})

    first = move(harness, 100, reference="tx 1")
    events, actions = harness.run(m.MoveCash(account="main", asset="USDT", amount=Decimal(100), reference="tx 1"))

    assert first == [
        m.CashMoved(time=NOW, account="main", asset="USDT", amount=Decimal(100), cause="deposit", reference="tx 1")
    ]
    assert (events, actions) == ([], [m.Reply(outcome="duplicate", text="tx 1")])
    assert balance(harness) == money(100)


def test_without_a_reference_two_deposits_are_two() -> None:
    harness = a_harness(deposits={})

    move(harness, 100)
    move(harness, 100)

    assert balance(harness) == money(200)


@pytest.mark.parametrize(
    ("kind", "amount", "refusal"),
    [
        ("deposit", 0, Refusal(Reason.QUANTITY_NOT_POSITIVE, "a deposit is above 0", "amount", "0")),
        ("deposit", -1, Refusal(Reason.QUANTITY_NOT_POSITIVE, "a deposit is above 0", "amount", "-1")),
        ("withdrawal", 1, Refusal(Reason.QUANTITY_NOT_POSITIVE, "a withdrawal is below 0", "amount", "1")),
        ("withdrawal", -71, Refusal(Reason.BUYING_POWER, "only 70 USDT is free", "amount", "-71", "-70")),
    ],
)
def test_cash_that_cannot_be_moved_is_refused(kind: Any, amount: int, refusal: Refusal) -> None:
    harness = a_harness(deposits={"USDT": 100})
    harness.submit(a_limit_buy("0.3", 100))

    command = m.MoveCash(account="main", asset="USDT", amount=Decimal(amount), kind=kind)

    assert harness.run(command) == ([], [m.Reply(outcome="refused", refusal=refusal)])
    assert balance(harness) == money(100, 30)


def test_a_withdrawal_takes_what_is_free_and_an_adjustment_goes_either_way() -> None:
    harness = a_harness(deposits={"USDT": 100})
    harness.submit(a_limit_buy("0.3", 100))

    move(harness, -70, "withdrawal")
    move(harness, -5, "adjustment")

    assert balance(harness) == money(25, 30)


def test_an_account_that_nobody_opened_is_refused_with_the_one_that_was_meant() -> None:
    harness = a_harness()

    _, actions = harness.run(m.MoveCash(account="mian", asset="USDT", amount=Decimal(1)))

    refusal = Refusal(Reason.UNKNOWN_ACCOUNT, "unknown account", "account", "mian", "main")
    assert actions == [m.Reply(outcome="refused", refusal=refusal)]


# What orders lock. One line an event of one order, and the balance after it.

BUY = """
    what happens               | USDT   | locked
    submit 8 100               | 1000   | 800.8    # with the fee of 0.1 % on top
    ack                        | 1000   | 800.8
    fill 3 100 0.3             | 699.7  | 500.5
    fill 2 90 0.18             | 519.52 | 300.3    # a better price leaves more free
    replace 10                 | 519.52 | 500.5    # the larger side of a replace in flight
    refused                    | 519.52 | 300.3
    replace 6                  | 519.52 | 300.3
    replaced                   | 519.52 | 100.1
    unknown cancel             | 519.52 | 100.1
    fill 0.5 100 0.05          | 469.47 | 50.05
    cancelled                  | 469.47 | 0
    fill 0.25 100 0.025        | 444.445 | 0       # late; it counts
"""

SELL = """
    what happens               | BTC    | locked
    submit 8 100               | 10     | 8
    fill 3 100 0.3             | 7      | 5
    replace 9                  | 7      | 6
    replaced                   | 7      | 6
    fill 6 100 0.6             | 1      | 0
    bust                       | 7      | 6        # it lives again
    fill 6 100 0.6             | 1      | 0
"""


def _step(harness: Harness, step: int, what: str, *rest: str, sell: bool) -> None:
    order_id, asked = an_id(), len(harness.order().requests) if harness.state.find(an_id()) else 0
    match what:
        case "submit":
            quantity, price = rest
            harness.submit((a_limit_sell if sell else a_limit_buy)(quantity, price))
        case "ack":
            harness.run(m.AckReport(order_id=order_id, time=NOW))
        case "fill":
            quantity, price, fee = rest
            harness.run(a_fill(quantity, price, f"e{step}", fee=Decimal(fee), fee_asset="USDT"))
        case "bust":
            harness.run(m.BustReport(order_id=order_id, time=NOW, execution_id=f"e{step - 1}"))
        case "replace":
            harness.run(m.ReplaceOrder(order_id=order_id, quantity=Decimal(rest[0])))
        case "replaced":
            harness.run(m.ReplacedReport(order_id=order_id, time=NOW, number=asked - 1))
        case "refused":
            harness.run(m.RejectReport(order_id=order_id, time=NOW, number=asked - 1))
        case "unknown":
            harness.run(m.CancelOrder(order_id=order_id))
            harness.run(m.UnreachableReport(order_id=order_id, time=NOW, number=asked))
        case "cancelled":
            harness.run(m.EndReport(order_id=order_id, time=NOW, status=OrderStatus.CANCELLED))


@pytest.mark.parametrize(("table", "asset"), [(BUY, "USDT"), (SELL, "BTC")], ids=["buy", "sell"])
def test_an_order_locks_what_it_may_still_take_and_frees_the_rest(table: str, asset: str) -> None:
    account = Account(account="main", taker_fee=Decimal("0.001"))
    harness = a_harness(accounts=[account], deposits={"USDT": 1000, "BTC": 10} if asset == "BTC" else {"USDT": 1000})

    for step, row in enumerate(rows(table)):
        _step(harness, step, *row["what happens"].split(), sell=asset == "BTC")
        assert (row["what happens"], balance(harness, asset)) == (row["what happens"], money(row[asset], row["locked"]))


def test_a_market_order_frees_what_it_did_not_need() -> None:
    account = Account(account="main", slippage_bps=Decimal(100))
    harness = a_harness(accounts=[account], deposits={"USDT": 1000})

    harness.submit(a_market_buy(2))
    locked = balance(harness).locked
    harness.run(a_fill(2, "100.5"))

    assert locked == Decimal("202.0202")
    assert balance(harness) == money(799)


def test_an_order_that_never_left_or_was_refused_locks_nothing() -> None:
    harness = a_harness(deposits={"USDT": 1000})

    harness.submit(a_limit_buy(1, 100, number=1, execute_at=NOW + 1), a_limit_buy(99, 100, number=2))
    harness.submit(a_limit_buy(1, 100, number=3))
    harness.run(m.RejectReport(order_id=an_id(3), time=NOW))

    assert balance(harness) == money(1000)


def test_every_change_of_a_balance_makes_a_ledger_row_with_the_balance_after_it() -> None:
    harness = a_harness(deposits={"USDT": 1000})
    ledger: list[LedgerRow] = []
    replayed = a_harness(deposits={"USDT": 1000}).state
    harness.submit(a_limit_buy(2, 100))
    harness.run(a_fill(1, 90, fee=Decimal("0.5"), fee_asset="BNB"), m.CancelOrder(order_id=an_id()))
    harness.run(m.EndReport(order_id=an_id(), time=NOW, status=OrderStatus.CANCELLED))
    for event in harness.events:
        ledger += evolve(replayed, event).ledger or []

    shown = [(asset, *(str(number.normalize()) for number in numbers)) for _, asset, *numbers in ledger]
    assert shown == [
        ("USDT", "0", "1E+3", "2E+2"),
        ("BTC", "1", "1", "0"),
        ("USDT", "-9E+1", "9.1E+2", "1E+2"),
        ("BNB", "-0.5", "-0.5", "0"),
        ("USDT", "0", "9.1E+2", "0"),
    ]
