"""The scenarios of the FIX Trading Community's "Order State Change Matrices" (Volume 4, Appendix D), step by step.

What the client sends is a command of ours, what the venue sends is a report; after each of the venue's messages the
published OrdStatus, CumQty, LeavesQty and AvgPx are compared with what the core makes of it. A step marked as an
alternative is a branch: the run goes there in a copy, and on without it.
"""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from orderwright.core import messages as m
from orderwright.core.fix import fix_status
from orderwright.core.model import OrderStatus
from orderwright.core.reasons import Reason
from tests.builders import NOW, Harness, a_fill, a_harness, a_limit_buy, an_execution, an_id

Step = dict[str, Any]
Seen = dict[str, str | None]

PRICE = 100

# Where we differ on purpose, and nowhere else: (scenario, step) -> (what we show instead, why).
ROUND_THE_CLOCK = "exchanges trade round the clock: there is no DoneForDay, and nothing is restated for the next day"
DIFFERENT: dict[tuple[str, str], tuple[Seen, str]] = {
    ("B.1.f", "2"): ({"OrdStatus": None}, "a cancel of an order that we do not know is refused by us and never leaves"),
    ("D.2.b", "7"): (
        {"LeavesQty": "9000"},
        "there the second replace is pending on the first one's quantity; ours is what the venue has replaced so far",
    ),
    ("H.1.b", "1.4"): ({"OrdStatus": "PartiallyFilled"}, ROUND_THE_CLOCK),
    ("H.1.c", "1.4"): ({"OrdStatus": "PartiallyFilled"}, ROUND_THE_CLOCK),
    ("J.1.c", "1.4"): ({"OrdStatus": "PartiallyFilled"}, ROUND_THE_CLOCK),
}


class Run(NamedTuple):
    """One scenario under way: orders by the id of their first message, requests by the id of theirs."""

    harness: Harness
    orders: dict[str, int]
    requests: dict[str, tuple[int, int]]

    def order_of(self, step: Step) -> int:
        """The number of the order that a step is about."""
        if step["ClOrdID"] in self.requests:
            return self.requests[step["ClOrdID"]][0]
        return self.orders.get(step["ClOrdID"], 1)


def test_the_core_agrees_with_every_published_step_but_those_where_we_differ_on_purpose(shared: Path) -> None:
    published = json.loads((shared / "cases" / "fix_order_state_matrices.json").read_text())
    differences: dict[tuple[str, str], Seen] = {}
    compared = branches = 0
    for scenario in published["scenarios"]:
        run = Run(a_harness(deposits={"USDT": 10_000_000}), {}, {})
        for step in scenario["steps"]:
            here = run
            if step.get("alternative"):
                here, branches = copy.deepcopy(run), branches + 1
            if step["dir"] == "client->venue":
                ask(here, step)
                continue
            tell(here, step)
            compared += 1
            wrong = {name: seen for name, (told, seen) in compare(here, step).items() if told != seen}
            if wrong:
                differences[scenario["id"], step["t"]] = wrong
    assert differences == {key: seen for key, (seen, _) in DIFFERENT.items()}
    assert (len(published["scenarios"]), compared, branches) == (22, 149, 24)


def test_possible_resends_and_duplicate_ids_are_recognised_before_they_leave() -> None:
    harness = a_harness(deposits={"USDT": 10_000_000})
    harness.submit(a_limit_buy(10_000, PRICE))

    assert harness.submit(a_limit_buy(10_000, PRICE)) == ([], [m.Reply(outcome="duplicate", order_id=an_id())])
    events, [reply] = harness.submit(a_limit_buy(20_000, PRICE))

    assert isinstance(reply, m.Reply)
    assert reply.refusal is not None
    assert (events, reply.outcome, reply.refusal.reason) == ([], "refused", Reason.DUPLICATE_ORDER_ID)


def ask(run: Run, step: Step) -> None:
    """A message of the client, as a command."""
    name, quantity = step["ClOrdID"], step["OrderQty"]
    number = run.requests.get(str(step.get("OrigClOrdID", name)), (1, 0))[0]
    if step["msg"] == "NewOrderSingle":
        number = run.orders.setdefault(name, len(run.orders) + 1)
        run.requests.setdefault(name, (number, 0))
        run.harness.submit(a_limit_buy(quantity, PRICE, number))
        return
    if name not in run.requests:
        order = run.harness.state.find(an_id(number))
        run.requests[name] = (number, len(order.requests) if order is not None else 1)
    if step["msg"] == "OrderCancelRequest":
        run.harness.run(m.CancelOrder(order_id=an_id(number)))
        return
    order = run.harness.order(number)
    price = Decimal(PRICE + 1) if quantity == order.quantity else None  # C.2.a replaces something else: the price
    run.harness.run(m.ReplaceOrder(order_id=an_id(number), quantity=Decimal(quantity), price=price))


def tell(run: Run, step: Step) -> None:
    """A message of the venue, as a report; none for what our venues do not say."""
    number, request = run.requests.get(step["ClOrdID"], (1, 0))
    report = report_of(run, step, an_id(number), request)
    if report is not None:
        run.harness.run(report)


def report_of(run: Run, step: Step, order_id: str, request: int) -> m.AnyReport | None:
    if step["msg"] == "OrderCancelReject":
        return m.RejectReport(order_id=order_id, time=NOW, number=request)
    execution_id, _, earlier = step.get("ExecID(ExecRefID)", f"at {step['t']}").rstrip(")").partition("(")
    quantity, price = step.get("LastQty", 0), step.get("LastPx", PRICE)
    match step["ExecType"]:
        case "New":
            return m.AckReport(order_id=order_id, time=NOW, exchange_order_id="V1")
        case "Rejected" if run.harness.order(order_id).status is not OrderStatus.SUBMITTED:
            return None  # F.1.b: the duplicate never left, so no venue refuses it
        case "Rejected":
            return m.RejectReport(order_id=order_id, time=NOW)
        case "PendingCancel" | "PendingReplace":
            return m.PendingReport(order_id=order_id, time=NOW, number=request)
        case "Trade":
            return a_fill(quantity, price, execution_id, run.order_of(step))
        case "TradeCancel":
            return m.BustReport(order_id=order_id, time=NOW, execution_id=earlier)
        case "TradeCorrect":
            corrects, changed = (earlier, quantity) if earlier else CORRECTIONS[step["t"]]
            return m.CorrectReport(
                order_id=order_id, time=NOW, corrects=corrects, execution=an_execution(changed, price, execution_id)
            )
        case "Replaced":
            return m.ReplacedReport(order_id=order_id, time=NOW, number=request, quantity=Decimal(step["OrderQty"]))
        case "Restated":
            return m.RestateReport(order_id=order_id, time=NOW, quantity=Decimal(step["OrderQty"]))
        case "Canceled":
            return m.EndReport(
                order_id=order_id, time=NOW, status=OrderStatus.CANCELLED, cumulative=Decimal(step["CumQty"])
            )
        case "OrderStatus":
            return m.StatusReport(
                order_id=order_id, time=NOW, status=OrderStatus.OPEN, cumulative=Decimal(step["CumQty"])
            )
        case "DoneForDay":
            return None
        case other:
            raise AssertionError(f"no report for {other}")


# J.1.c names neither the corrected executions nor new ids: its note says which they are.
CORRECTIONS = {"2.3": ("at 1.3", 1_500), "2.4": ("at 2.2", 500)}


def compare(run: Run, step: Step) -> dict[str, tuple[str | None, str | None]]:
    """What was published and what we show, by the name of the field."""
    order = run.harness.state.find(an_id(run.order_of(step)))
    if order is None:
        return {"OrdStatus": (step["OrdStatus"], None)}
    shown = {
        "OrdStatus": fix_status(order),
        "CumQty": str(order.filled),
        "LeavesQty": str(order.leaves),
        "AvgPx": str(order.filled_quote / order.filled) if order.filled else None,
    }
    return {name: (str(step[name]), seen) for name, seen in shown.items() if name in step}
