"""Whatever may be said about one order: a venue that tells anything in any order, a user, and time."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from msgspec import structs

from orderwright.core import messages as m
from orderwright.core.model import SECOND, OrderStatus
from tests.builders import NOW, Harness, an_execution, an_id

numbers = st.integers(0, 3)
amounts = st.integers(0, 12).map(Decimal)
executions = st.builds(
    an_execution, st.integers(0, 6), st.sampled_from([0, 99, 100]), st.sampled_from(["a", "b", "c", "d"])
)
statuses = st.sampled_from([status for status in OrderStatus if status not in ("pending", "denied")])
ends = st.sampled_from([OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.FILLED, OrderStatus.REJECTED])
THIS: dict[str, Any] = {"order_id": st.just(an_id()), "time": st.just(NOW)}
reports: st.SearchStrategy[m.AnyReport] = st.one_of(
    st.builds(m.AckReport, **THIS, exchange_order_id=st.sampled_from(["", "V1"])),
    st.builds(m.RejectReport, **THIS, number=numbers, final_status=st.none() | ends),
    st.builds(m.PendingReport, **THIS, number=numbers),
    st.builds(m.FillReport, **THIS, execution=executions),
    st.builds(m.CorrectReport, **THIS, corrects=st.sampled_from(["a", "b", "c"]), execution=executions),
    st.builds(m.BustReport, **THIS, execution_id=st.sampled_from(["a", "b", "c"])),
    st.builds(m.ReplacedReport, **THIS, number=numbers, quantity=st.none() | amounts.filter(bool)),
    st.builds(m.RestateReport, **THIS, quantity=amounts.filter(bool)),
    st.builds(m.TriggerReport, **THIS),
    st.builds(m.EndReport, **THIS, status=ends, cumulative=st.none() | amounts),
    st.builds(m.StatusReport, **THIS, status=statuses, cumulative=amounts, quantity=st.none() | amounts.filter(bool)),
    st.builds(m.UnreachableReport, **THIS, number=numbers),
    st.builds(m.NotSentReport, **THIS, number=numbers),
    st.builds(m.NotFoundReport, **THIS, asked_at=st.just(NOW)),
)
commands: st.SearchStrategy[m.Input] = st.one_of(
    st.builds(m.CancelOrder, order_id=st.just(an_id())),
    st.builds(m.ReplaceOrder, order_id=st.just(an_id()), quantity=amounts.filter(bool)),
    st.builds(m.ResolveUnknown, order_id=st.just(an_id()), number=numbers, by=st.just("ann")),
)
pauses = st.sampled_from([1, 3 * SECOND, 6 * SECOND, 90 * SECOND])

words = st.lists(reports | reports | commands | pauses, max_size=30)
"""Reports and commands about order 1, and microseconds that go by."""


def drive(harness: Harness, word: m.Input | int) -> m.AnyReport | None:
    """Say it; a report is told now. Returns the report as it was told."""
    if isinstance(word, int):
        harness.wait(word)
        return None
    if isinstance(word, m.Report):
        asked = {"asked_at": harness.now} if isinstance(word, m.NotFoundReport) else {}
        word = structs.replace(word, time=harness.now, **asked)
    harness.run(word)
    return word if isinstance(word, m.Report) else None
