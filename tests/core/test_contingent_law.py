"""Reports in any order, and again and again: a bracket's exits ask for what is left, and never sell it twice."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orderwright.core import messages as m
from orderwright.core.groups import brought
from orderwright.core.model import DONE, Balance, Bracket, Execution, Order
from orderwright.core.numbers import ZERO
from tests.builders import NOW, a_harness, a_market_buy, an_id
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
