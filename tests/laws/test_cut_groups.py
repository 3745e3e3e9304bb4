"""A log of orders of which one cancels the other, cut at any row: no two of them fill after a restart that would not
have filled without one."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from orderwright.bootstrap.run import RunOptions, _account, _exchange, _opening
from orderwright.config import load_settings
from orderwright.core import messages as m
from orderwright.core.model import HAS_PRICE, Instruction, OrderSide, OrderType
from orderwright.engine import Engine
from orderwright.journal.memory import MemoryJournal
from orderwright.market.candles import Candles
from orderwright.market.random_market import random_candles
from tests.laws.test_cut import BTC, cut, options, outcome

# In the minute, the orders of one group: side, type, quantity, price in basis points of the last close.
PAIRS: list[tuple[int, list[tuple[str, str, str, int]]]] = [
    (2, [("buy", "limit", "0.02", -2), ("buy", "limit", "0.02", -6)]),
    (5, [("buy", "limit", "0.02", -8), ("buy", "stop_loss", "0.03", 8)]),
    (9, [("sell", "limit", "0.02", 9), ("sell", "stop_loss", "0.02", -9)]),
    (14, [("sell", "limit", "0.02", -3), ("sell", "limit", "0.02", 3), ("sell", "stop_loss", "0.01", -6)]),
    (20, [("buy", "limit", "0.03", -4), ("buy", "limit", "0.01", -5), ("buy", "limit", "0.02", -9)]),
    (26, [("sell", "stop_loss", "0.02", -2), ("sell", "stop_loss", "0.02", -4)]),
]


def orders_of(candles: Candles) -> list[tuple[int, Instruction]]:
    """(when it is sent, the order)."""
    found: list[tuple[int, Instruction]] = []
    for minute, pair in PAIRS:
        time, last = int(candles.close_times[minute]), BTC.price(int(candles.close[minute]))
        for side, kind, quantity, away in pair:
            price = (last * (1 + Decimal(away) / 10_000)).quantize(BTC.tick_size)
            said = Instruction(
                order_id=f"{len(found) + 1:030x}",
                account="paper",
                symbol=BTC.symbol,
                side=OrderSide(side),
                type=OrderType(kind),
                quantity=Decimal(quantity),
                price=price if kind in HAS_PRICE else None,
                stop_price=price if kind not in HAS_PRICE else None,
                group=f"pair {minute}",
            )
            found.append((time, said))
    return found


def finish(journal: MemoryJournal, asked: RunOptions, candles: Candles) -> None:
    """Run, or go on running, to the end of the candles: what the log does not have is said to it again."""
    account = _account(asked)
    exchange = _exchange(asked, candles, account)
    settings = load_settings(None, candles.interval)
    engine = Engine("main", journal, {"simulated": exchange}, start=int(candles.times[0]), marks=False)
    engine.tell(_opening(settings, account, BTC, [("USDT", Decimal(9_000)), ("BTC", Decimal("0.04"))]))
    for time, said in orders_of(candles):
        if engine.order(said.order_id) is None:
            engine.advance(max(time, engine.now))
            engine.session.deliver([m.SubmitOrder(instruction=said)], engine.now)
    engine.advance(int(candles.close_times[-1]))
    engine.driver.flush()


def asked_for(**more: Any) -> RunOptions:
    return structs.replace(options(Path("-")), **more)


def filled_by_group(journal: MemoryJournal, candles: Candles) -> dict[str, Decimal]:
    groups = {said.order_id: said.group for _, said in orders_of(candles)}
    filled: dict[str, Decimal] = {}
    for row in journal.latest("orders"):
        name = groups[row["client_order_id"]]
        filled[name] = filled.get(name, Decimal(0)) + row["filled_quantity"]
    return filled


@pytest.mark.parametrize("seed", [11, 12, 13, 14])
def test_a_log_of_groups_cut_at_any_row_ends_as_if_it_had_not_been_cut(seed: int) -> None:
    candles, asked = random_candles(seed, 40, BTC, volatility=0.0012), asked_for()
    whole = MemoryJournal()
    finish(whole, asked, candles)
    events, expected = [event for _, event in whole.events("main")], outcome(whole)
    assert len(expected["fills"]) >= 4
    assert "group" in {event.rule for event in events if isinstance(event, m.RequestSubmitted)}
    different = []
    for rows in range(len(events)):
        journal = cut(events, rows)
        finish(journal, asked, candles)
        if outcome(journal) != expected:
            different.append((rows, type(events[rows - 1]).__name__, type(events[rows]).__name__))
    assert different == []


@pytest.mark.parametrize(("seed", "more"), [(11, {"volume_share": "0.001"}), (12, {"latency_ms": "20-900"})])
def test_a_log_of_groups_cut_while_they_fill_in_parts_or_are_on_their_way_fills_none_twice(
    seed: int, more: dict[str, str]
) -> None:
    candles, asked = random_candles(seed, 40, BTC, volatility=0.0012), asked_for(**more)
    whole = MemoryJournal()
    finish(whole, asked, candles)
    events = [event for _, event in whole.events("main")]
    most = {f"pair {minute}": max(Decimal(one[2]) for one in pair) for minute, pair in PAIRS}
    for rows in range(len(events)):
        journal = cut(events, rows)
        finish(journal, asked, candles)
        filled = filled_by_group(journal, candles)
        assert all(filled[name] <= most[name] for name in most), rows
