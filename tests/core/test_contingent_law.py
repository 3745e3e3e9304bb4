"""Reports in any order, and again and again: a bracket's exits ask for what is left, and never sell it twice."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orderwright.core import messages as m
from orderwright.core.groups import brought
from orderwright.core.model import DONE, RECANCEL, Balance, Bracket, Execution, Order, OrderType, TradingState
from orderwright.core.numbers import ZERO
from tests.builders import NOW, Harness, a_harness, a_market_buy, an_id
from tests.core.contingent import NAMES, Exchange

BRACKETS = (
    Bracket(stop_loss_percent=Decimal(2), take_profit_percent=Decimal(4)),
    Bracket(stop_loss=Decimal(90), take_profit=Decimal(120), arm="full"),
)
FILLS = 8
steps = st.lists(
    st.tuples(st.sampled_from(["fill", "again", "bust", "stop", "target"]), st.integers(0, 7)), max_size=25
)


def fill(order_id: str, name: str, quantity: Decimal, fee: Decimal = ZERO) -> m.FillReport:
    execution = Execution(
        execution_id=name, quantity=quantity, price=Decimal(100), fee=fee, fee_asset="BTC" if fee else ""
    )
    return m.FillReport(order_id=order_id, time=NOW, execution=execution)


@settings(max_examples=150)
@given(steps=steps, bracket=st.sampled_from(BRACKETS), fee=st.sampled_from([ZERO, Decimal("0.001")]))
def test_exits_ask_for_what_is_left_whatever_the_order_of_reports(
    steps: list[tuple[str, int]], bracket: Bracket, fee: Decimal
) -> None:
    """Each of the entry's fills of 1 comes any number of times, and may be busted; exits fill in parts meanwhile."""
    harness = a_harness()
    exchange = Exchange(harness)
    exchange.obey(harness.submit(a_market_buy(FILLS, bracket=bracket))[1])
    for number, (what, which) in enumerate(steps):
        said: m.AnyReport
        if what in ("fill", "again"):
            said = fill(an_id(), f"fill {which}", Decimal(1), fee)
        elif what == "bust":
            said = m.BustReport(order_id=an_id(), time=NOW, execution_id=f"fill {which}")
        else:
            order = harness.state.orders.get(NAMES[what])
            if order is None or not order.requests:
                continue
            said = fill(order.order_id, f"exit {number}", min(Decimal("0.5"), order.leaves))
        harness.run(said)
        if what == "again":
            harness.run(said)
        exchange.obey(harness.wait(0)[1])
        check(harness.state, harness.order())


def check(state: Any, entry: Order) -> None:
    group = state.groups.get(entry.order_id)
    if group is None:
        return
    bought = brought(entry, state.instrument_of(entry))
    left = bought - group.filled
    armed = entry.instruction.bracket.arm == "fill" or entry.status in DONE  # type: ignore[union-attr]
    resting = [order for order in group.members.values() if order.status not in DONE and order.requests]
    for order in resting:
        assert order.quantity == order.filled + left
        assert order.exposed == left > 0
    sides = {order.instruction.type for order in resting}
    assert len(sides) == len(resting), "one of each kind"
    assert not armed or left <= 0 or len(resting) == 2
    assert state.balances.get(("main", "BTC"), Balance()).locked == max(left, ZERO) * bool(resting)


rough = st.lists(
    st.tuples(
        st.sampled_from(["fill", "fill", "fill", "bust", "stop", "target", "refuse", "halt", "go on", "wait"]),
        st.integers(0, FILLS - 1),
    ),
    max_size=30,
)


class Moody(Exchange):
    """An exchange that refuses the next so many orders and replaces."""

    refusals = 0

    def _answer(self, action: m.AnyAction) -> None:
        if self.refusals and isinstance(action, m.SendOrder | m.SendReplace):
            self.refusals -= 1
            number = action.number if isinstance(action, m.SendReplace) else 0
            self.harness.run(m.RejectReport(order_id=action.order_id, time=self.harness.now, number=number))
        else:
            super()._answer(action)


@settings(max_examples=150)
@given(steps=rough, bracket=st.sampled_from(BRACKETS))
def test_what_has_filled_is_protected_or_somebody_is_told(steps: list[tuple[str, int]], bracket: Bracket) -> None:
    """Under fills in parts, refusals, busts and HALTED: no exit asks for more than is left, and once trading goes on
    a stop asks for all of it; or an alert says that it does not."""
    harness = a_harness()
    exchange = Moody(harness)
    exchange.obey(harness.submit(a_market_buy(FILLS, bracket=bracket))[1])
    for number, (what, which) in enumerate(steps):
        if what == "fill":
            harness.run(fill(an_id(), f"fill {which}", Decimal(1)))
        elif what == "bust":
            harness.run(m.BustReport(order_id=an_id(), time=harness.now, execution_id=f"fill {which}"))
        elif what in ("halt", "go on"):
            trading = TradingState.HALTED if what == "halt" else TradingState.ACTIVE
            harness.run(m.SetTradingState(state=trading))
        elif what == "refuse":
            exchange.refusals = which % 3
        elif what in ("stop", "target"):
            order = harness.state.orders.get(NAMES[what])
            if order is not None and order.requests and order.leaves:
                harness.run(fill(order.order_id, f"exit {number}", min(Decimal("0.5"), order.leaves)))
        exchange.obey(harness.wait(RECANCEL if what == "wait" else 0)[1])
        no_more_than_is_left(harness)
    exchange.refusals = 0
    harness.run(m.SetTradingState(state=TradingState.ACTIVE))
    for _ in range(3):
        exchange.obey(harness.wait(RECANCEL)[1])
    protected_or_told(harness)


def no_more_than_is_left(harness: Harness) -> None:
    group = harness.state.groups.get(an_id())
    if group is None or group.entry is None or harness.state.controls.trading is TradingState.HALTED:
        return
    left = max(brought(group.entry, harness.state.instrument_of(group.entry)) - group.filled, ZERO)
    for order in group.members.values():
        if order.status not in DONE and not any(request.state == "refused" for request in order.requests):
            assert order.exposed <= left
    balance = harness.state.balances.get(("main", "BTC"), Balance())
    assert balance.locked <= max(balance.total, ZERO)


def protected_or_told(harness: Harness) -> None:
    entry, group = harness.order(), harness.state.groups.get(an_id())
    orders = group.members.values() if group is not None else ()
    left = brought(entry, harness.state.instrument_of(entry)) - sum((order.filled for order in orders), ZERO)
    armed = entry.instruction.bracket.arm == "fill" or entry.status in DONE  # type: ignore[union-attr]
    if group is None or left <= 0 or not armed:
        return
    stops = [order.leaves for order in orders if order.instruction.type is not OrderType.LIMIT and order.requests]
    told = [action for action in harness.actions if isinstance(action, m.RaiseAlert) and action.topic == "group"]
    assert left in stops or told
