"""One order at a time: hand-worked orders and their whole rows."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from orderwright.analytics.records import MARK_OUTS
from tests.analytics.mirror_tables import HandWritten, Row, at

UNPRICED: Row = dict.fromkeys(
    (
        *("end_price", "average_price", "slippage_bps", "send_slippage_bps", "decision_slippage_bps"),
        *("effective_spread_bps", "improvement_bps", "arrival_value", "arrival_cost", "opportunity", "shortfall"),
        *("ack_ms", "first_fill_ms", "last_fill_ms", "maker_share", "twap", "twap_bps", "error_code", "reason"),
        *("fees_left_out", *(f"mark_out_{name}" for name in MARK_OUTS)),
        *("acknowledged", "first_fill", "last_fill", "ended"),
    )
)
UNTRADED: Row = UNPRICED | {
    **dict.fromkeys(("filled_quantity", "filled_quote", "fees", "delay", "impact"), Decimal(0)),
    **dict.fromkeys(("fills", "replaces", "retries"), 0),
    "unknown_ms": 0.0,
    "fill_ratio": 0.0,
    "sent": at(0),
    "created": at(0),
    "status": "open",
    **dict.fromkeys(("decision_price", "arrival_price", "send_price"), 100.0),
}
"""The row of an order of 2 BTC that was accepted and waits for its first fill."""


def _bought(log: HandWritten) -> None:
    """A market order to buy, in two fills; the market rises after it and then falls."""
    log.price(0, "99.99", "100.01").price(1_100, "100.12", "100.14").price(30_000, "99.89", "99.91")
    order = log.order(1, "buy 2 market").step(50, "order_accepted", "open")
    order.fill(100, 1, "100.02", fee="0.1").fill(200, 1, "100.04", fee="0.1")


def _mark(then: float, *fills: float, side: int = 1) -> float:
    return float(np.mean([side * 10_000 * (then - price) / price for price in fills]))


BOUGHT = UNTRADED | {
    "status": "filled",
    "acknowledged": at(50),
    "first_fill": at(100),
    "last_fill": at(200),
    "ended": at(200),
    "ack_ms": 50.0,
    "first_fill_ms": 100.0,
    "last_fill_ms": 200.0,
    "filled_quantity": Decimal(2),
    "filled_quote": Decimal("200.06"),
    "fees": Decimal("0.2"),
    "fills": 2,
    "average_price": 100.03,
    "slippage_bps": 3.0,
    "send_slippage_bps": 3.0,
    "decision_slippage_bps": 3.0,
    "effective_spread_bps": 6.0,
    "improvement_bps": 10_000 * (100.01 - 100.03) / 100.01,
    "arrival_value": Decimal(200),
    "arrival_cost": Decimal("0.26"),
    "fill_ratio": 1.0,
    "maker_share": 0.0,
    "impact": Decimal("0.06"),
    "opportunity": Decimal(0),
    "shortfall": Decimal("0.26"),
    "twap": 100.0,
    "twap_bps": 3.0,
    "mark_out_1s": _mark(100.13, 100.02, 100.04),
    "mark_out_10s": _mark(100.13, 100.02, 100.04),
    "mark_out_1m": _mark(99.90, 100.02, 100.04),
}


def _sold_in_part(log: HandWritten) -> None:
    """A limit order to sell that rests, fills by half, and is cancelled when the market has gone."""
    order = log.order(1, "sell 2 limit", decision_price="100.1").step(50, "order_accepted", "open")
    order.fill(1_000, 1, "100.01", fee="0.05", liquidity="maker")
    order.step(5_000, "request_submitted", "pending_cancel", number=1, request="cancel")
    order.step(6_000, "request_submitted", "pending_cancel", number=2, request="cancel")
    order.step(7_000, "order_ended", "cancelled", mid="99.6", reason="asked for")


SOLD_IN_PART = UNTRADED | {
    "status": "cancelled",
    "reason": "asked for",
    "acknowledged": at(50),
    "ack_ms": 50.0,
    "first_fill": at(1_000),
    "last_fill": at(1_000),
    "ended": at(7_000),
    "first_fill_ms": 1_000.0,
    "last_fill_ms": 1_000.0,
    "decision_price": 100.1,
    "end_price": 99.6,
    "filled_quantity": Decimal(1),
    "filled_quote": Decimal("100.01"),
    "fees": Decimal("0.05"),
    "fills": 1,
    "average_price": 100.01,
    "slippage_bps": -1.0,
    "send_slippage_bps": -1.0,
    "decision_slippage_bps": 10_000 * (100.1 - 100.01) / 100.1,
    "effective_spread_bps": 2.0,
    "improvement_bps": 10_000 * (100.01 - 99.99) / 99.99,
    "maker_share": 1.0,
    "fill_ratio": 0.5,
    "arrival_value": Decimal(100),
    "arrival_cost": Decimal("0.04"),
    "delay": Decimal("0.1"),
    "impact": Decimal("-0.01"),
    "opportunity": Decimal("0.5"),
    "shortfall": Decimal("0.64"),
    "retries": 1,
}


def _waited(log: HandWritten) -> None:
    """An order for the next open: when it is sent the market is elsewhere, and what it asks for has changed."""
    log.price(0, "99.99", "100.01").price(1_000, "100.39", "100.41").price(1_500, "100.49", "100.51")
    order = log.order(1, "buy 3 market", wait_for="time", quantity="3", decision_price="99.5")
    order.step(1_000, "request_submitted", "submitted", number=0, request="new", mid="100.4", quantity="2")
    order.step(1_030, "order_accepted", "open").fill(2_000, 2, "100.5")


WAITED = UNTRADED | {
    "status": "filled",
    "sent": at(1_000),
    "acknowledged": at(1_030),
    "ack_ms": 30.0,
    "first_fill": at(2_000),
    "last_fill": at(2_000),
    "ended": at(2_000),
    "first_fill_ms": 2_000.0,
    "last_fill_ms": 2_000.0,
    "decision_price": 99.5,
    "send_price": 100.4,
    "filled_quantity": Decimal(2),
    "filled_quote": Decimal(201),
    "fills": 1,
    "average_price": 100.5,
    "slippage_bps": 50.0,
    "send_slippage_bps": 10_000 * 0.1 / 100.4,
    "decision_slippage_bps": 10_000 / 99.5,
    "effective_spread_bps": 100.0,
    "improvement_bps": 10_000 * (100.01 - 100.5) / 100.01,
    "arrival_value": Decimal(200),
    "arrival_cost": Decimal(1),
    "delay": Decimal("1.8"),
    "impact": Decimal("0.2"),
    "opportunity": Decimal(0),
    "shortfall": Decimal(2),
    "fill_ratio": 1.0,
    "maker_share": 0.0,
    "twap": 100.45,
    "twap_bps": 10_000 * 0.05 / 100.45,
}


def _unknown_then_filled(log: HandWritten) -> None:
    """No answer for a while, then a fill, and its acknowledgement last."""
    order = log.order(1, "buy 2 market").step(100, "request_unknown", "unknown", number=0)
    order.step(1_100, "request_asked", number=0).step(2_100, "request_not_found", number=0)
    order.fill(2_600, 2, "100").step(2_700, "order_accepted")


UNKNOWN = UNTRADED | {
    "status": "filled",
    "acknowledged": at(2_700),
    "ack_ms": 2_700.0,
    "unknown_ms": 2_500.0,
    "first_fill": at(2_600),
    "last_fill": at(2_600),
    "ended": at(2_600),
    "first_fill_ms": 2_600.0,
    "last_fill_ms": 2_600.0,
    "average_price": 100.0,
    "fills": 1,
    "fill_ratio": 1.0,
    "filled_quantity": Decimal(2),
    "filled_quote": Decimal(200),
    "maker_share": 0.0,
    **dict.fromkeys(("slippage_bps", "send_slippage_bps", "decision_slippage_bps", "effective_spread_bps"), 0.0),
    "improvement_bps": 10_000 * 0.01 / 100.01,
    "arrival_value": Decimal(200),
    **dict.fromkeys(("arrival_cost", "opportunity", "shortfall"), Decimal(0)),
}


def _replaced_twice(log: HandWritten) -> None:
    order = log.order(1, "buy 2 limit").step(50, "order_accepted", "open")
    order.step(60, "request_submitted", "pending_replace", number=1, request="replace")
    order.step(80, "order_replaced", "open", number=1, quantity="4", price="100.2")
    order.step(90, "request_submitted", "pending_replace", number=2, request="replace")
    order.step(99, "order_replaced", "open", number=2, quantity="5", price="100.3")


REPLACED = UNTRADED | {
    "acknowledged": at(50),
    "ack_ms": 50.0,
    "quantity": Decimal(5),
    "paper": Decimal(500),
    "replaces": 2,
}


def _denied(log: HandWritten) -> None:
    log.order(1, "buy 2 market").step(0, "order_denied", "denied", error_code="order_value", reason="at most 10")


def _rejected(log: HandWritten) -> None:
    order = log.order(1, "buy 2 market")
    order.step(9, "order_rejected", "rejected", error_code="-2010", reason="insufficient")


DENIED = UNTRADED | {"status": "denied", "error_code": "order_value", "reason": "at most 10", "ended": at(0)}
REJECTED = UNTRADED | {"status": "rejected", "error_code": "-2010", "reason": "insufficient", "ended": at(9)}


def _busted_and_corrected(log: HandWritten) -> None:
    """Three fills: one is taken back, one corrected to another price."""
    order = log.order(1, "buy 2 market").step(50, "order_accepted", "open")
    order.fill(100, "0.5", "101", fee="0.1").fill(200, "0.5", "100.1", fee="0.2").fill(300, 1, "102", fee="0.3")
    order.bust(400, "e1-1", "partially_filled").fill(500, 1, "100.3", fee="0.4", voids="e1-3")


CORRECTED = UNTRADED | {
    "status": "partially_filled",
    "acknowledged": at(50),
    "ack_ms": 50.0,
    "first_fill": at(200),
    "last_fill": at(500),
    "first_fill_ms": 200.0,
    "last_fill_ms": 500.0,
    "fills": 2,
    "filled_quantity": Decimal("1.5"),
    "filled_quote": Decimal("150.35"),
    "fees": Decimal("0.6"),
    "average_price": 150.35 / 1.5,
    "maker_share": 0.0,
    "fill_ratio": 0.75,
    **dict.fromkeys(("slippage_bps", "send_slippage_bps", "decision_slippage_bps"), 100 * (150.35 / 1.5 - 100)),
    "effective_spread_bps": 200 * (150.35 / 1.5 - 100),
    "improvement_bps": 10_000 * (100.01 - 150.35 / 1.5) / 100.01,
    "arrival_value": Decimal(150),
    "arrival_cost": Decimal("0.95"),
    "impact": Decimal("0.35"),
}


def _fees_in_other_assets(log: HandWritten) -> None:
    """A fee in the base asset, one in an asset with a price, one in an asset without."""
    log.put("instruments", 0, exchange="binance", symbol="BNB/USDT", base="BNB", quote="USDT")
    log.price(-90_000, "300", market="binance BNB/USDT")
    order = log.order(1, "buy 2 market").fill(100, 1, "100", fee="0.001", fee_asset="BTC")
    order.fill(100, "0.5", "100", fee="0.002", fee_asset="BNB").fill(100, "0.5", "100", fee="7", fee_asset="XYZ")


FEES = UNTRADED | {
    "status": "filled",
    "first_fill": at(100),
    "last_fill": at(100),
    "ended": at(100),
    "fills": 3,
    "first_fill_ms": 100.0,
    "last_fill_ms": 100.0,
    "fees": Decimal("0.7"),
    "fees_left_out": "XYZ",
    "filled_quantity": Decimal(2),
    "filled_quote": Decimal(200),
    "average_price": 100.0,
    "maker_share": 0.0,
    **dict.fromkeys(("slippage_bps", "send_slippage_bps", "decision_slippage_bps", "effective_spread_bps"), 0.0),
    "improvement_bps": 10_000 * 0.01 / 100.01,
    "arrival_value": Decimal(200),
    "fill_ratio": 1.0,
    "arrival_cost": Decimal("0.7"),
    "shortfall": Decimal("0.7"),
    "opportunity": Decimal(0),
}

CASES: dict[str, tuple[Callable[[HandWritten], None], Row]] = {
    "bought": (_bought, BOUGHT),
    "sold in part": (_sold_in_part, SOLD_IN_PART),
    "waited": (_waited, WAITED),
    "unknown for a while": (_unknown_then_filled, UNKNOWN),
    "replaced twice": (_replaced_twice, REPLACED),
    "denied": (_denied, DENIED),
    "rejected": (_rejected, REJECTED),
    "busted and corrected": (_busted_and_corrected, CORRECTED),
    "fees in other assets": (_fees_in_other_assets, FEES),
}
WORDS = ("id", "book", "order_id", "account", "exchange", "user_id", "strategy", "episode", "symbol", "market", "base")
OTHER_WORDS = ("quote", "side", "order_type", "time_in_force", "source", "signal_id", "parent_id")


@pytest.mark.parametrize("name", CASES)
def test_an_order_worked_out_by_hand(name: str) -> None:
    write, expected = CASES[name]
    log = HandWritten()
    write(log)
    row = log.quality()[1]
    kept = {column: value for column, value in row.items() if column not in (*WORDS, *OTHER_WORDS)}
    usual = {"quantity": Decimal(2), "paper": Decimal(str(expected["decision_price"])) * 2}

    assert kept == {name: _near(value) for name, value in (usual | expected).items()}


def _near(value: Any) -> Any:
    """Money and counts are exact; what is a double is so but for its last digits."""
    return pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value


def test_the_words_of_an_order_stand_in_its_row() -> None:
    log = HandWritten()
    log.order(7, "sell 2 limit", user_id="ann", strategy="trend", episode="3", signal_id="s1", parent_id="p")
    row = log.quality()[7]

    assert {name: row[name] for name in (*WORDS, *OTHER_WORDS)} == {
        "id": 7,
        "book": "main",
        "order_id": f"{7:030x}",
        "account": "main",
        "exchange": "binance",
        "user_id": "ann",
        "strategy": "trend",
        "episode": "3",
        "symbol": "BTC/USDT",
        "market": 0,
        "base": "BTC",
        "quote": "USDT",
        "side": "sell",
        "order_type": "limit",
        "time_in_force": "gtc",
        "source": "manual",
        "signal_id": "s1",
        "parent_id": "p",
    }


def _bars(*rows: tuple[float, float, float]) -> pa.Table:
    times, prices, volumes = zip(*rows, strict=True)
    market = {"exchange": ["binance"] * len(rows), "symbol": ["BTC/USDT"] * len(rows)}
    clock = [at(time) for time in times]
    return pa.table(market | {"time": clock, "price": list(map(float, prices)), "volume": list(map(float, volumes))})


def test_bars_give_a_vwap_and_mark_fills() -> None:
    """Bars after sending and up to the last fill: 100.1 x 1 and 100.3 x 3."""
    log = HandWritten()
    log.order(1, "buy 2 market").fill(500, 1, "100.2").fill(3_000, 1, "100.4")
    row = log.quality(bars=_bars((0, 90, 9), (500, 100.1, 1), (3_000, 100.3, 3), (4_000, 100.6, 9)))[1]

    assert row["vwap"] == pytest.approx(100.25)
    assert row["vwap_bps"] == pytest.approx(10_000 * (100.3 - 100.25) / 100.25)
    assert row["mark_out_1s"] == pytest.approx(_mark(100.6, 100.4)), "of the first fill there is no bar within 1 s"
    assert row["mark_out_10s"] == pytest.approx(_mark(100.6, 100.2, 100.4))


def test_a_price_of_the_same_moment_counts_only_if_it_was_logged_after_the_fill() -> None:
    log = HandWritten()
    log.price(1_000, "90", "90")
    log.order(1, "buy 2 market", 0).fill(1_000, 1, "100")
    before = log.quality()[1]["mark_out_1s"]
    log.price(1_000, "101", "101")

    assert (before, log.quality()[1]["mark_out_1s"]) == (None, pytest.approx(100))


def test_what_was_paid_exactly_at_a_price_is_nothing_and_not_the_noise_of_doubles() -> None:
    """0.1 x 0.3 and the like: the doubles of value and quantity do not divide into the price's."""
    log = HandWritten()
    for number, (quantity, price) in enumerate((("0.1", "0.3"), ("0.00007", "43210.99"), ("3", "1.1")), start=1):
        order = log.order(number, f"{'sell' if number == 2 else 'buy'} {quantity} market", arrival_price=price)
        order.fill(5, quantity, price)
    rows = log.quality().values()

    found = [(row["slippage_bps"], row["effective_spread_bps"]) for row in rows]
    assert [str(value) for pair in found for value in pair] == ["0.0"] * 6


def test_a_fee_in_another_asset_is_worth_what_that_was_worth_then() -> None:
    log = HandWritten("binance BTC/USDT", "binance BNB/USDT")
    log.price(0, "300", market="binance BNB/USDT")
    log.order(1, "buy 1 market").fill(100, 1, "100", fee="0.01", fee_asset="BNB")
    log.price(200, "400", market="binance BNB/USDT")
    log.order(2, "buy 1 market", 300).fill(400, 1, "100", fee="0.01", fee_asset="BNB")

    assert [row["fees"] for row in log.quality().values()] == [Decimal(3), Decimal(4)]
