"""Every field of the durable state names the rows that restore it; this walks them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from orderwright.core import messages as m
from orderwright.core.model import (
    DAY,
    SECOND,
    Account,
    ApiKey,
    Bracket,
    LingerRule,
    OrderType,
    RiskLimits,
    Settings,
    TradingState,
    Trail,
    User,
)
from orderwright.core.state import State, deadline_of
from orderwright.driver import Driver
from orderwright.journal.memory import MemoryJournal
from orderwright.ports import Connector
from tests.builders import NOW, a_fill, a_limit_buy, a_quote, an_id, an_instruction, an_instrument

CACHES = {"finished", "keys", "market", "best"}
COMPARED = {"timers", "exposures", "interest", "unsettled"}  # in tests of their own
"""Not restored: the journal and the market bring them back when an input needs them."""


class Silent:
    from orderwright.core.model import VenueTraits

    traits = VenueTraits()

    def send(self, action: m.VenueAction) -> None:
        """Say nothing."""

    def poll(self, limit: int) -> tuple[int, tuple[m.AnyReport, ...]]:
        return limit, ()


TRAIL = Trail(percent=Decimal(3))
VENUES: dict[str, Connector] = {"simulated": Silent()}


def a_full_book() -> Driver:
    """A book in which every durable field holds something."""
    driver = Driver("main", MemoryJournal(), VENUES)
    settings = Settings(
        limits=RiskLimits(max_orders_per_second=50, max_daily_loss=Decimal(10**6)),
        max_price_age_ms=10**9,
        linger=(LingerRule(name="run away", moved_bps=Decimal(5_000)),),
    )
    opening: list[m.Input] = [
        m.Configure(settings=settings),
        m.DefineInstrument(instrument=an_instrument()),
        m.DefineInstrument(instrument=an_instrument("ETH/BTC")),
        m.DefineInstrument(instrument=an_instrument("SOL/USDT", linear=True)),
        m.OpenAccount(account=Account(account="main", taker_fee=Decimal("0.001"))),
        m.MoveCash(account="main", asset="USDT", amount=Decimal(100_000), reference="first"),
    ]
    driver.turn(opening, NOW)
    driver.turn([m.QuoteSeen(exchange="simulated", symbol="BTC/USDT", quote=a_quote(time=NOW))], NOW + DAY)
    later = NOW + DAY + SECOND
    driver.turn([m.MoveCash(account="main", asset="USDT", amount=Decimal(5), reference="second")], later)
    orders = [
        a_limit_buy(2, 100, 1),
        a_limit_buy(3, 99, 2),
        a_limit_buy(1, 98, 3, execute_at=later + 500 * SECOND),
        an_instruction(4, type=OrderType.MARKET, price=None),
        a_limit_buy(2, 50, 6, symbol="SOL/USDT"),
        a_limit_buy(1, 40, 7, symbol="SOL/USDT", linger=(LingerRule(name="enough", do="market", after_ms=1),)),
        a_limit_buy(2, 30, 8, symbol="SOL/USDT", bracket=Bracket(stop_loss_percent=Decimal(2), trail=TRAIL)),
        a_limit_buy(1, 20, 9, symbol="SOL/USDT", group="either"),
        a_limit_buy(2, 21, 10, symbol="SOL/USDT", group="either"),
    ]
    driver.turn([m.SubmitOrder(instruction=order) for order in orders], later)
    driver.turn([m.AckReport(order_id=an_id(7), time=later)], later)
    fills = [a_fill("0.5", 100, "e1", 1), a_fill(1, 100, "e2", 4), a_fill(2, 50, "e3", 6), a_fill(1, 30, "e4", 8)]
    driver.turn(fills, later + 1)
    driver.turn([m.ReplaceOrder(order_id=an_id(1), quantity=Decimal(4)), m.CancelOrder(order_id=an_id(2))], later + 2)
    driver.turn([m.ClosePosition(account="main", symbol="BTC/USDT", order_id=an_id(5))], later + 3)
    rate = structs.replace(
        settings,
        limits=RiskLimits(max_orders_per_second=50),
        rate_limit_orders=1,
        rate_limit_window_ms=10**6,
        execution_timeout_ms=10**7,
    )
    late = [a_limit_buy(1, 10, 11, symbol="SOL/USDT"), a_limit_buy(1, 10, 12, symbol="SOL/USDT")]
    driver.turn([m.Configure(settings=rate), *(m.SubmitOrder(instruction=order) for order in late)], later + 3)
    lost = m.UnreachableReport(order_id=an_id(11), time=later, number=0)
    driver.turn([lost, m.ResolveUnknown(order_id=an_id(11), number=0, by="ann")], later + 3)
    stop = m.SetTradingState(
        state=TradingState.REDUCING, cause="test", until=later + 900 * SECOND, by="ann", role="operator"
    )
    driver.turn([stop], later + 4)
    key = ApiKey(key_id="k1", user="ann", scope="trade", digest="0" * 64)
    driver.turn([m.AddUser(user=User(user="ann")), m.IssueKey(key=key), m.RevokeKey(key_id="k1")], later + 5)
    driver.turn([], later + 2_000)  # order 7 has lingered: its successor waits
    return driver


@pytest.fixture(scope="module")
def pair() -> tuple[State, State]:
    """The state of a full book, and the one restored from its journal."""
    driver = a_full_book()
    return driver.state, Driver("main", driver.journal, VENUES).state


@pytest.mark.parametrize("field", sorted(set(State.__struct_fields__) - CACHES - COMPARED))
def test_every_durable_field_of_the_state_is_restored(pair: tuple[State, State], field: str) -> None:
    before, after = pair
    assert getattr(before, field), f"the book of this test has nothing in {field}"
    assert getattr(after, field) == getattr(before, field)


def test_exposures_are_restored_where_there_are_any(pair: tuple[State, State]) -> None:
    def working(state: State) -> dict[Any, Any]:
        return {key: exposure for key, exposure in state.exposures.items() if exposure.orders}

    before, after = pair
    assert working(before)
    assert working(before) == working(after)


def test_which_markets_orders_work_in_is_restored(pair: tuple[State, State]) -> None:
    def working(state: State) -> dict[Any, int]:
        return {key: interest.orders for key, interest in state.interest.items() if interest.orders}

    before, after = pair
    assert working(before)
    assert working(before) == working(after)


def test_every_group_is_looked_at_once_after_a_restart(pair: tuple[State, State]) -> None:
    before, after = pair
    assert (set(before.unsettled), set(after.unsettled)) == (set(), set(before.groups))


def test_timers_are_restored_as_the_deadlines_that_still_stand(pair: tuple[State, State]) -> None:
    def standing(state: State) -> dict[str, Any]:
        orders = state.orders.values()
        return {order.order_id: deadline_of(state, order) for order in orders}

    before, after = pair
    assert standing(before) == standing(after)
    restored = {order_id: time for time, order_id in after.timers}
    assert restored == {order_id: time for order_id, time in standing(before).items() if time is not None}
