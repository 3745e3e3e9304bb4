"""Running figures: what they say of values, that they merge, that they equal the report, and that memory is bounded."""

from __future__ import annotations

import math
import random
from decimal import Decimal
from statistics import fmean, variance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwright.analytics.execution import execution_report
from orderwright.analytics.records import Figures
from orderwright.analytics.running import KINDS, MOST_NAMES, OTHER, Running, RunningExecution, RunningFigures
from orderwright.core import messages as m
from orderwright.core.evolve import evolve
from orderwright.core.model import OrderStatus
from orderwright.core.state import State
from orderwright.errors import InputError
from orderwright.journal.memory import MemoryJournal
from orderwright.mirror.duck import MemoryMirror
from orderwright.mirror.refreshing import refresh
from tests.analytics.mirror_tables import near
from tests.builders import NOW, Harness, a_fill, a_harness, a_limit_buy, a_market_buy, a_market_sell, an_id

values = st.lists(st.floats(-1e6, 1e6), max_size=60)


def _of(numbers: list[float]) -> Running:
    running = Running()
    for number in numbers:
        running.add(number)
    return running


@given(one=values, other=values)
def test_two_merged_say_what_one_of_all_values_says(one: list[float], other: list[float]) -> None:
    both = one + other
    merged = _of(one)
    merged.merge(_of(other))

    assert merged.count == len(both)
    if both:
        assert (merged.low, merged.high) == (min(both), max(both))
        assert merged.mean == near(fmean(both), rel=1e-9, abs=1e-6)
    if len(both) > 1:
        assert merged.variance == near(variance(both), rel=1e-6, abs=1e-3)


def test_quantiles_are_near_the_true_ones_and_the_memory_does_not_grow() -> None:
    chance = random.Random(3)
    running, early = Running(), 0
    for count in range(200_000):
        running.add(chance.random())
        early = running.size if count == 20_000 else early

    assert [running.quantile(share) for share in (0.05, 0.5, 0.95)] == near([0.05, 0.5, 0.95], abs=0.02)
    assert running.size < 2 * early < 20_000


def test_a_value_that_is_no_number_is_refused() -> None:
    with pytest.raises(InputError, match="value: nan is not a finite number"):
        Running().add(math.nan)


def test_before_the_first_value_there_is_nothing_to_say() -> None:
    assert (Running().quantile(0.5), Running().estimate().value, Running().quantiles().p50) == (None, None, None)


def _some_orders() -> Harness:
    """Fills above and below the market, a reject, a cancel, and one that lives on."""
    harness = a_harness()
    for number in range(1, 41):
        order = (a_market_buy if number % 2 else a_market_sell)(1, number)
        harness.submit(order)
        harness.now += 40_000
        if number % 10 == 0:
            harness.run(m.RejectReport(order_id=an_id(number), time=NOW, code="-2010", message="no"))
            continue
        harness.run(m.AckReport(order_id=an_id(number), time=NOW))
        harness.now += 1_000 * number
        price, fee = f"{100 + number / 100:.2f}", Decimal(number) / 1000
        harness.run(a_fill(1, price, f"e{number}", number, fee=fee, fee_asset="USDT"))
    harness.submit(a_limit_buy(2, 100, 41))
    harness.run(m.AckReport(order_id=an_id(41), time=NOW), a_fill(1, 100, "e41", 41))
    harness.run(m.EndReport(order_id=an_id(41), time=NOW, status=OrderStatus.CANCELLED))
    return harness


def _journal(harness: Harness) -> MemoryJournal:
    journal, state = MemoryJournal(), State(book="main")
    for sequence, event in enumerate(harness.history, start=1):
        journal.append("main", sequence, event, evolve(state, event))
    return journal


def _report(journal: MemoryJournal) -> Figures:
    mirror = MemoryMirror()
    refresh(journal, mirror)
    with mirror.reading() as connection:
        totals = execution_report(connection).totals
    mirror.close()
    return totals


def test_running_figures_are_those_of_the_report() -> None:
    journal = _journal(_some_orders())
    running = RunningExecution()
    taken = running.catch_up(journal, "main")
    found, report = running.figures["all"]["all"], _report(journal)

    assert (found.orders, found.filled, found.rejected, found.cancelled) == (41, 36, 4, 1)
    assert (report.orders, report.filled, report.rejected.value) == (41, 36, near(4 / 41))
    for mine, theirs in ((found.slippage, report.slippage), (found.fill_time, report.fill_time)):
        exact = mine.estimate()
        assert (exact.count, exact.value) == (theirs.count, near(theirs.value))
        assert (exact.low, exact.high) == (near(theirs.low), near(theirs.high))
    assert found.fees == {"USDT": report.fees}
    assert found.ack_time.quantile(0.5) == report.ack_time_quantiles.p50 == 40.0
    assert (running.held, running.reached("main"), taken) == (0, running.reached("main"), running.reached("main"))
    journal.close()


def test_every_kind_of_group_adds_up_to_all() -> None:
    journal = _journal(_some_orders())
    running = RunningExecution()
    running.catch_up(journal, "main")
    whole = running.figures["all"]["all"]

    for kind in KINDS:
        merged = RunningFigures()
        for figures in running.figures[kind].values():
            merged.merge(figures)
        assert (merged.orders, merged.filled, merged.fees) == (whole.orders, whole.filled, whole.fees)
        assert merged.slippage.mean == near(whole.slippage.mean)
    assert list(running.figures["order_type"]) == ["market", "limit"]
    journal.close()


def test_an_event_that_was_taken_before_changes_nothing() -> None:
    journal = _journal(_some_orders())
    running = RunningExecution()
    running.catch_up(journal, "main")
    before = running.figures["all"]["all"].slippage.count
    for sequence, event in journal.events("main"):
        running.take("main", sequence, event)

    assert (running.figures["all"]["all"].slippage.count, running.catch_up(journal, "main")) == (before, 0)
    journal.close()


def test_it_goes_on_where_it_was_and_may_begin_late() -> None:
    events = list(enumerate(_some_orders().history, start=1))
    whole, late = RunningExecution(), RunningExecution()
    for sequence, event in events:
        whole.take("main", sequence, event)
    for sequence, event in events[len(events) // 2 :]:
        late.take("main", sequence, event)

    assert 0 < late.figures["all"]["all"].orders < whole.figures["all"]["all"].orders == 41
    assert late.reached("main") == whole.reached("main") == len(events)


def test_only_orders_that_live_are_held() -> None:
    running, most = RunningExecution(), 0
    for sequence, event in enumerate(_some_orders().history, start=1):
        running.take("main", sequence, event)
        most = max(most, running.held)

    assert (most, running.held) == (1, 0)


def test_names_are_bounded() -> None:
    running = RunningExecution()
    sequence = 0
    for number in range(1, MOST_NAMES + 50):
        instruction = a_market_buy(1, number, strategy=f"s{number}")
        received = m.OrderReceived(
            time=NOW, order_id=an_id(number), instruction=instruction, exchange="simulated", quantity=Decimal(1)
        )
        withdrawn = m.OrderWithdrawn(time=NOW, order_id=an_id(number), status=OrderStatus.CANCELLED)
        for event in (received, withdrawn):
            sequence += 1
            running.take("main", sequence, event)

    assert len(running.figures["strategy"]) == MOST_NAMES
    assert running.figures["strategy"][OTHER].orders == 50
