"""A log in which a market order of a group goes on for what its collar left, cut at any row: the group fills what was
asked for once, whatever of the attempts had ended by then."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs

from orderwright.bootstrap.run import _account, _exchange, _opening
from orderwright.config import load_settings
from orderwright.core import messages as m
from orderwright.core.model import Instruction, OrderSide, OrderType
from orderwright.engine import Engine
from orderwright.journal.memory import MemoryJournal
from orderwright.market.candles import Candles
from orderwright.market.random_market import random_candles
from tests.laws.test_cut import BTC, cut, options

MINUTES = (2, 9, 20)
MOST = Decimal("0.3")
ASKED = structs.replace(options(Path("-")), volume_share="0.002")


def orders_of(candles: Candles) -> list[tuple[int, Instruction]]:
    """(when it is sent, the order): a market order and a limit far below, of which one cancels the other."""
    found: list[tuple[int, Instruction]] = []
    for minute in MINUTES:
        time, last = int(candles.close_times[minute]), BTC.price(int(candles.close[minute]))
        far = (last * Decimal("0.98")).quantize(BTC.tick_size)
        for kind, price in ((OrderType.MARKET, None), (OrderType.LIMIT, far)):
            said = Instruction(
                order_id=f"{len(found) + 1:030x}",
                account="paper",
                symbol=BTC.symbol,
                side=OrderSide.BUY,
                type=kind,
                quantity=MOST,
                price=price,
                group=f"pair {minute}",
            )
            found.append((time, said))
    return found


def finish(journal: MemoryJournal, candles: Candles) -> None:
    """Run, or go on running, to the end of the candles: what the log does not have is said to it again."""
    account = _account(ASKED)
    exchange = _exchange(ASKED, candles, account)
    settings = structs.replace(
        load_settings(None, candles.interval),
        max_slippage_bps=Decimal(5),
        remainder="retry",
        retry_attempts=2,
        retry_delay_ms=20_000,
        execution_timeout_ms=300_000,
    )
    engine = Engine("main", journal, {"simulated": exchange}, start=int(candles.times[0]), marks=False)
    engine.tell(_opening(settings, account, BTC, [("USDT", Decimal(90_000))]))
    for time, said in orders_of(candles):
        if engine.order(said.order_id) is None:
            engine.advance(max(time, engine.now))
            engine.session.deliver([m.SubmitOrder(instruction=said)], engine.now)
    engine.advance(int(candles.close_times[-1]))
    engine.driver.flush()


def filled_by_group(journal: MemoryJournal) -> dict[str, Decimal]:
    groups: dict[str, str] = {}
    filled: dict[str, Decimal] = {}
    for _, event in journal.events("main"):
        if isinstance(event, m.OrderReceived):
            groups[event.order_id] = event.instruction.group
        elif isinstance(event, m.OrderFilled):
            name = groups[event.order_id]
            filled[name] = filled.get(name, Decimal(0)) + event.execution.quantity
    return filled


@pytest.mark.parametrize("seed", [11, 12])
def test_a_log_of_groups_with_attempts_that_go_on_cut_at_any_row_fills_none_twice(seed: int) -> None:
    candles = random_candles(seed, 30, BTC, volatility=0.004)
    whole = MemoryJournal()
    finish(whole, candles)
    events = [event for _, event in whole.events("main")]
    attempts = {event.order_id for event in events if isinstance(event, m.OrderReceived) and event.attempt}
    filled = {event.order_id for event in events if isinstance(event, m.OrderFilled)}
    assert attempts & filled
    for rows in range(len(events)):
        journal = cut(events, rows)
        finish(journal, candles)
        assert all(quantity <= MOST for quantity in filled_by_group(journal).values()), rows
