"""A log cut at any row recovers to a state from which the run ends as if it had not been cut.

The simulated exchange keeps nothing of its own: it too is rebuilt from the log, and what was on its
way to it is sent again.
"""

from __future__ import annotations

import json
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from orderwright.alerts import read_signals
from orderwright.bootstrap.run import RunOptions, _account, _exchange, _opening, _run
from orderwright.config import load_settings
from orderwright.core.evolve import evolve
from orderwright.core.messages import AnyEvent, OrderReceived, OrderWithdrawn, RequestSubmitted
from orderwright.core.model import LingerRule
from orderwright.core.numbers import EXACT, ZERO
from orderwright.core.state import State
from orderwright.journal.memory import MemoryJournal
from orderwright.market.candles import Candles
from orderwright.market.instruments import default_instrument
from orderwright.market.random_market import START, random_candles

MINUTE = 60
BTC = default_instrument("BTC/USDT")
SIGNALS: list[tuple[float, dict[str, Any]]] = [
    (1.0, {"action": "buy", "quantity": "0.02"}),
    (2.5, {"action": "buy", "order_type": "limit", "quantity": "0.02", "price": "49950"}),
    (3.0, {"action": "sell", "order_type": "stop", "quantity": "0.01", "stop_price": "49900"}),
    (3.0, {"action": "buy", "order_type": "stop", "quantity": "0.01", "stop_price": "50200"}),
    (4.0, {"action": "buy", "quantity": "0.0000001"}),
    (5.0, {"action": "sell", "order_type": "take_profit", "quantity": "0.01", "stop_price": "50150"}),
    (6.2, {"action": "buy", "order_type": "limit", "quantity": "0.05", "price": "49900",
           "time_in_force": "gtd", "expire_at": 19}),
    (8.0, {"action": "buy", "execute_at": "next_open", "quantity": "0.01"}),
    (9.0, {"action": "sell", "order_type": "limit", "price": "50100", "quantity": "0.01"}),
    (12.0, {"action": "close"}),
    (15.0, {"action": "buy", "quote_quantity": "700"}),
    (15.0, {"action": "buy", "order_type": "limit", "quantity": "0.01", "price": "49990"}),
    (21.0, {"action": "target", "target_quantity": "0.03"}),
    (25.4, {"action": "close"}),
]  # fmt: skip


BRACKETS: list[tuple[float, dict[str, Any]]] = [
    (1.0, {"action": "buy", "quantity": "0.02", "stop_loss_percent": "0.3", "take_profit_percent": "0.4"}),
    (3.0, {"action": "buy", "quantity": "0.03", "trail_percent": "0.2"}),
    (5.0, {"action": "buy", "order_type": "limit", "quantity": "0.02", "price": "49950", "stop_loss": "49800",
           "trail_amount": "120", "time_in_force": "gtd", "expire_at": 8}),
    (9.0, {"action": "buy", "order_type": "limit", "quantity": "0.02", "price": "49900", "take_profit": "50000",
           "time_in_force": "gtd", "expire_at": 19}),
    (12.0, {"action": "buy", "quantity": "0.01", "take_profit_percent": "0.1", "stop_loss_percent": "5"}),
    (20.0, {"action": "close"}),
    (22.0, {"action": "buy", "quantity": "0.02", "trail_percent": "0.1", "take_profit_percent": "0.3"}),
    (23.0, {"action": "sell", "order_type": "stop", "quantity": "0.01", "stop_price": "49000", "trail_amount": "90"}),
    (25.0, {"action": "buy", "quantity": "0.02", "take_profit_percent": "0.2"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def signals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(SIGNALS, tmp_path_factory.mktemp("cut") / "signals.jsonl")


@pytest.fixture(scope="module")
def brackets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(BRACKETS, tmp_path_factory.mktemp("cut") / "brackets.jsonl")


def written(signals: list[tuple[float, dict[str, Any]]], path: Path) -> Path:
    lines = []
    for number, (minute, words) in enumerate(signals):
        said: dict[str, Any] = {"ticker": "BTCUSDT", "alert_id": str(number), **words}
        said["time"] = START + int(minute * MINUTE * 1_000_000)
        if "expire_at" in said:
            said["expire_at"] = START + said["expire_at"] * MINUTE * 1_000_000
        lines.append(json.dumps(said))
    path.write_text("\n".join(lines))
    return path


def options(signals: Path, **more: Any) -> RunOptions:
    return RunOptions(
        signals=signals, candles=Path("-"), symbol="BTC/USDT", log=Path("-"), slippage_bps="1", spread_bps="1", **more
    )


RULES = (
    LingerRule(name="chase", do="nearer", after_ms=150_000, times=2, within_bps=Decimal(15)),
    LingerRule(name="now", do="market", after_ms=250_000),
    LingerRule(name="gone", moved_bps=Decimal(60)),
    LingerRule(name="turned", on_reversal=True),
)


def finish(
    journal: MemoryJournal,
    asked: RunOptions,
    candles: Candles,
    rules: tuple[LingerRule, ...] = (),
    **sending: Any,
) -> None:
    """Run, or go on running, to the end of the candles."""
    account = _account(asked)
    exchange = _exchange(asked, candles, account)
    settings = structs.replace(load_settings(None, candles.interval), linger=rules, **sending)
    opening = _opening(settings, account, BTC, [("USDT", Decimal(9000))])
    known = read_signals(asked.signals, {"BTC/USDT": BTC}, account=asked.account)
    span = (int(candles.times[0]), int(candles.close_times[-1]))
    _run(asked, journal, exchange, known, opening, span, None)


def cut(events: list[AnyEvent], rows: int) -> MemoryJournal:
    """A log that ends after so many rows."""
    journal, state = MemoryJournal(), State(book="main")
    with localcontext(EXACT):
        for sequence, event in enumerate(events[:rows], start=1):
            journal.append("main", sequence, event, evolve(state, event))
    return journal


def outcome(journal: MemoryJournal) -> dict[str, Any]:
    """How it ended: every order, fill, balance and position; not when which row was written."""
    when = (
        "id",
        "sequence",
        "time",
        "updated_at",
        "created_at",
        "filled_at",
        "event",
        "estimated_cost",
        "estimated_fee",
        "estimated_slippage",
    )
    return {
        table: sorted(
            ({name: value for name, value in row.items() if name not in when} for row in journal.latest(table)), key=str
        )
        for table in ("orders", "fills", "ledger", "positions")
    }


@pytest.mark.parametrize("seed", [11, 12, 13, 14])
def test_a_log_cut_at_any_row_recovers_and_ends_as_if_it_had_not_been_cut(signals: Path, seed: int) -> None:
    candles = random_candles(seed, 40, BTC, volatility=0.0012)
    asked = options(signals)
    whole = MemoryJournal()
    finish(whole, asked, candles)
    events, expected = [event for _, event in whole.events("main")], outcome(whole)
    assert len(expected["orders"]) == 14
    different = []
    for rows in range(len(events)):
        journal = cut(events, rows)
        finish(journal, asked, candles)
        if outcome(journal) != expected:
            different.append((rows, type(events[rows - 1]).__name__, type(events[rows]).__name__))
    assert different == []


@pytest.mark.parametrize("seed", [11, 13])
def test_a_log_cut_while_rules_act_on_orders_that_linger_ends_as_if_it_had_not_been_cut(
    signals: Path, seed: int
) -> None:
    candles = random_candles(seed, 40, BTC, volatility=0.0012)
    asked = options(signals)
    whole = MemoryJournal()
    finish(whole, asked, candles, RULES)
    events, expected = [event for _, event in whole.events("main")], outcome(whole)
    acted = {event.rule for event in events if isinstance(event, RequestSubmitted | OrderWithdrawn) and event.rule}
    assert {"chase", "now"} <= acted
    different = []
    for rows in range(len(events)):
        journal = cut(events, rows)
        finish(journal, asked, candles, RULES)
        if outcome(journal) != expected:
            different.append((rows, type(events[rows - 1]).__name__, type(events[rows]).__name__))
    assert different == []


COLLARS: list[dict[str, Any]] = [
    {"remainder": "retry", "retry_delay_ms": 20_000, "execution_timeout_ms": 200_000},
    {"remainder": "rest", "execution_timeout_ms": 150_000, "rate_limit_orders": 1, "rate_limit_window_ms": 90_000},
]


@pytest.mark.parametrize("sending", COLLARS, ids=["retry", "rest, and wait for the rate"])
def test_a_log_cut_while_orders_are_sent_at_their_collars_ends_as_if_it_had_not_been_cut(
    signals: Path, sending: dict[str, Any]
) -> None:
    candles = random_candles(12, 40, BTC, volatility=0.0012)
    asked = options(signals)
    whole = MemoryJournal()
    finish(whole, asked, candles, max_slippage_bps=ZERO, **sending)  # so near that most of it does not fill at once
    events, expected = [event for _, event in whole.events("main")], outcome(whole)
    waited = {event.wait_for for event in events if isinstance(event, OrderReceived)}
    causes = {event.cause for event in events if isinstance(event, RequestSubmitted)}
    assert "retry" in causes if sending["remainder"] == "retry" else {"queue"} <= waited | causes
    different = []
    for rows in range(len(events)):
        journal = cut(events, rows)
        finish(journal, asked, candles, max_slippage_bps=ZERO, **sending)
        if outcome(journal) != expected:
            different.append((rows, type(events[rows - 1]).__name__, type(events[rows]).__name__))
    assert different == []


@pytest.mark.parametrize("seed", [13, 18])
def test_a_log_cut_while_brackets_and_trails_stand_ends_as_if_it_had_not_been_cut(brackets: Path, seed: int) -> None:
    candles = random_candles(seed, 40, BTC, volatility=0.0012)
    asked = options(brackets)
    whole = MemoryJournal()
    finish(whole, asked, candles)
    events, expected = [event for _, event in whole.events("main")], outcome(whole)
    acted = {event.rule for event in events if isinstance(event, RequestSubmitted | OrderWithdrawn) and event.rule}
    assert {"group", "trail"} <= acted
    different = []
    for rows in range(len(events)):
        journal = cut(events, rows)
        finish(journal, asked, candles)
        if outcome(journal) != expected:
            different.append((rows, type(events[rows - 1]).__name__, type(events[rows]).__name__))
    assert different == []


@pytest.mark.parametrize("latency", ["30", "20-900"])
def test_a_log_cut_while_messages_are_on_their_way_loses_and_doubles_nothing(signals: Path, latency: str) -> None:
    """What was on its way is sent again and arrives later than it would have: prices may differ, nothing else."""
    candles = random_candles(11, 40, BTC, volatility=0.0012)
    asked = options(signals, latency_ms=latency)
    whole = MemoryJournal()
    finish(whole, asked, candles)
    events = [event for _, event in whole.events("main")]
    ids = {row["client_order_id"] for row in whole.latest("orders")}
    for rows in range(len(events)):
        journal = cut(events, rows)
        finish(journal, asked, candles)
        orders, fills = journal.latest("orders"), journal.latest("fills")
        assert {row["client_order_id"] for row in orders} == ids
        assert not [row for row in orders if row["status"] in ("pending", "submitted", "unknown")]
        assert sum(row["filled_quantity"] for row in orders) == sum(fill["quantity"] for fill in fills)
        bought = sum(fill["quantity"] if fill["side"] == "buy" else -fill["quantity"] for fill in fills)
        assert {row["asset"]: row["total"] for row in journal.latest("ledger")}["BTC"] == bought


@pytest.mark.parametrize(("seed", "latency"), [(14, "0"), (18, "20-900")])
def test_a_log_cut_while_brackets_fill_in_parts_never_sells_more_than_was_bought(
    brackets: Path, seed: int, latency: str
) -> None:
    """What was taken of the candle at the cut can be had again, so quantities may differ; sums may not."""
    candles = random_candles(seed, 40, BTC, volatility=0.0012)
    asked = options(brackets, volume_share="0.0002", latency_ms=latency)
    whole = MemoryJournal()
    finish(whole, asked, candles)
    events = [event for _, event in whole.events("main")]
    assert "group" in {getattr(event, "rule", "") for event in events}
    for rows in range(0, len(events), 3):
        journal = cut(events, rows)
        finish(journal, asked, candles)
        filled: dict[str, Decimal] = {}
        orders = {row["client_order_id"]: row for row in journal.latest("orders")}
        for row in orders.values():
            entry = orders.get(row["parent_id"] or "", row)["client_order_id"]
            filled[entry] = filled.get(entry, ZERO) + (1 if row["side"] == "buy" else -1) * row["filled_quantity"]
        bought = {order_id: left for order_id, left in filled.items() if orders[order_id]["side"] == "buy"}
        assert min(bought.values()) >= 0
        assert {row["asset"]: row["total"] for row in journal.latest("ledger")}["BTC"] == sum(filled.values())
