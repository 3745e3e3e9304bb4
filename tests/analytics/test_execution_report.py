"""The report of a window: groups, intervals, quantiles, reasons, stories, and what it says where there is nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from orderwright.analytics.execution import execution_report
from orderwright.analytics.execution_groups import KINDS
from orderwright.analytics.execution_sums import quantiles, ranked, time_bins
from orderwright.analytics.records import (
    MARK_OUTS,
    Bins,
    Estimate,
    ExecutionReport,
    Figures,
    Quantiles,
    ReasonCount,
    Shortfall,
)
from orderwright.analytics.statistics import difference, mean, ratio, student
from orderwright.analytics.windows import parse_window
from orderwright.core.numbers import ZERO
from orderwright.errors import InputError, UnknownName
from orderwright.journal.memory import MemoryJournal
from orderwright.mirror.duck import MemoryMirror
from orderwright.mirror.refreshing import refresh
from tests.analytics.mirror_tables import HandWritten, a_random_log, at, near
from tests.builders import a_fill, a_harness, a_market_buy


def _three_orders() -> HandWritten:
    """Two buys that fill and one that is rejected; an hour lies between the first and the second."""
    log = HandWritten("binance BTC/USDT", "kraken BTC/USDT")
    one = log.order(1, "buy 2 market", strategy="trend").step(50, "order_accepted", "open")
    one.fill(100, 1, "100.02", fee="0.1").fill(200, 1, "100.04", fee="0.1", liquidity="maker")
    two = log.order(2, "sell 4 limit", 3_600_000, "kraken BTC/USDT").step(3_600_020, "order_accepted", "open")
    two.fill(3_600_400, 4, "99.95", fee="0.4")
    three = log.order(3, "buy 1 market", 3_600_500, "kraken BTC/USDT")
    three.step(3_600_600, "order_rejected", "rejected", error_code="-2010", reason="insufficient balance")
    return log


def test_the_totals_of_a_report_are_those_of_its_orders() -> None:
    report = execution_report(_three_orders().write())

    assert (report.first_time, report.last_time, report.currency) == (at(0), at(3_600_500), "USD")
    assert report.totals == Figures(
        name="all",
        orders=3,
        filled=2,
        traded=Decimal("599.86"),
        fees=Decimal("0.6"),
        cost=Decimal("0.06") + Decimal("0.2") + Decimal("0.6"),
        cost_bps=near(10_000 * 0.86 / 600),
        success=ratio(2, 3),
        rejected=ratio(1, 3),
        cancelled=ratio(0, 3),
        fill_ratio=Estimate(count=3, value=near(2 / 3), low=0.0, high=1.0),
        slippage=_near(2, 4.0, 2.0),
        slippage_quantiles=_quantiles(3.0, 5.0),
        fill_time=_near(2, 300.0, 20_000.0),
        fill_time_quantiles=_quantiles(200.0, 400.0),
        ack_time_quantiles=_quantiles(20.0, 50.0),
        effective_spread_bps=near(8.0),
        improvement_bps=near(5_000 * (-0.02 / 100.01 - 0.04 / 99.99)),
        maker_share=near(100.04 / 599.86),
        mark_outs=dict.fromkeys(MARK_OUTS),
        retries=0,
        unknown_ms=0.0,
    )
    assert report.shortfall == Shortfall(
        paper=Decimal(600),
        total=Decimal("0.86"),
        delay=ZERO,
        impact=Decimal("0.26"),
        fees=Decimal("0.6"),
        opportunity=ZERO,
        total_bps=near(10_000 * 0.86 / 600),
        orders=2,
    )


def _near(count: int, value: float, variance: float) -> Any:
    exact = mean(count, value, variance)
    return type(exact)(count=count, value=near(value), low=near(exact.low), high=near(exact.high))


def _quantiles(low: float, high: float) -> Quantiles:
    """Of two values."""
    shares = (0.05, 0.25, 0.5, 0.75, 0.95)
    names = ("p05", "p25", "p50", "p75", "p95")
    return Quantiles(**{name: near(low + share * (high - low)) for name, share in zip(names, shares, strict=True)})


def test_orders_are_grouped_by_what_they_have_in_common() -> None:
    report = execution_report(_three_orders().write())
    found = {kind: [(group.name, group.orders, group.traded) for group in groups] for kind, groups in report.by.items()}

    assert found == {
        "exchange": [("binance", 1, Decimal("200.06")), ("kraken", 2, Decimal("399.8"))],
        "symbol": [("BTC/USDT", 3, Decimal("599.86"))],
        "strategy": [("", 2, Decimal("399.8")), ("trend", 1, Decimal("200.06"))],
        "order_type": [("limit", 1, Decimal("399.8")), ("market", 2, Decimal("200.06"))],
        "hour": [("12", 1, Decimal("200.06")), ("13", 2, Decimal("399.8"))],
        "day": [("2026-01-05", 3, Decimal("599.86"))],
    }
    assert report.reasons == [ReasonCount(status="rejected", code="-2010", count=1, example="insufficient balance")]
    assert report.cost_by_hour == {
        "binance": [*[None] * 12, near(13.0), *[None] * 11],
        "kraken": [*[None] * 13, near(15.0), *[None] * 10],
    }


def test_the_costliest_orders_come_with_their_stories() -> None:
    worst, other = execution_report(_three_orders().write()).worst

    assert (worst.number, worst.status, worst.cost, worst.average_price) == (
        2,
        "filled",
        Decimal("0.6"),
        Decimal("99.95"),
    )
    assert worst.cost_bps == near(15.0)
    assert [(step.time, step.text) for step in worst.steps] == [
        (at(3_600_000), "received, market at 100"),
        (at(3_600_020), "accepted by the exchange"),
        (at(3_600_400), "filled 4 at 99.95 as taker, fee 0.4 USDT"),
    ]
    assert (other.number, other.strategy, other.cost) == (1, "trend", Decimal("0.26"))
    assert [step.text for step in other.steps[2:]] == [
        "filled 1 at 100.02 as taker, fee 0.1 USDT",
        "filled 1 at 100.04 as maker, fee 0.1 USDT",
    ]


@pytest.mark.parametrize("seed", range(6))
def test_groups_of_any_kind_add_up_to_the_totals(seed: int) -> None:
    report = execution_report(a_random_log(seed, 120).write())

    for kind in KINDS:
        groups = report.by[kind]
        assert sum((group.traded for group in groups), ZERO) == report.totals.traded
        assert sum((group.fees for group in groups), ZERO) == report.totals.fees
        assert sum((group.cost or ZERO for group in groups), ZERO) == report.totals.cost
        assert sum(group.orders for group in groups) == report.totals.orders
        assert sum(group.slippage.count for group in groups) == report.totals.slippage.count
        assert sum(group.retries for group in groups) == report.totals.retries


@pytest.mark.parametrize("seed", range(3))
def test_the_parts_of_the_shortfall_add_up_to_it(seed: int) -> None:
    whole = execution_report(a_random_log(seed, 120).write()).shortfall

    assert whole.delay + whole.impact + whole.fees + whole.opportunity == whole.total != ZERO


def test_money_in_another_currency_is_converted_by_the_newest_price_or_left_out_and_named() -> None:
    log = HandWritten("kraken ETH/EUR", "kraken EUR/USDT", "kraken ETH/XYZ")
    log.price(-5, "1.10", "1.12", "kraken EUR/USDT")
    log.order(1, "buy 1 market", market="kraken ETH/EUR").fill(9, 1, "101", fee="1", fee_asset="EUR")
    log.order(2, "buy 1 market", market="kraken ETH/XYZ").fill(9, 1, "103")
    report = execution_report(log.write())

    assert (report.totals.traded, report.totals.fees, report.totals.cost) == (
        Decimal("112.11"),
        Decimal("1.11"),
        Decimal("2.22"),
    )
    assert report.totals.slippage.count == 2
    assert "Orders in XYZ are left out of money: no price of it was logged." in report.notes


def test_what_is_missing_is_noted() -> None:
    log = HandWritten()
    log.order(1, "buy 2 market").fill(5, 1, "101", fee="3", fee_asset="ABC")
    log.order(2, "buy 2 market").step(5, "order_ended", "cancelled")
    log.order(3, "buy 2 market", arrival_price=None, bid=None, ask=None).fill(5, 2, "101")

    assert execution_report(log.write()).notes == [
        "1 fees in ABC are left out: no price of it was logged.",
        "1 orders that traded have no arrival price: they count in no cost and no slippage.",
        "2 orders ended unfilled or unpriced: they are not in the shortfall.",
        "1 orders have not ended: they are not in the shortfall, and in no success ratio.",
        "No price was logged soon after a fill: there are no mark-outs.",
    ]


def test_a_report_is_of_the_window_and_the_names_that_were_asked_for() -> None:
    connection = _three_orders().write()
    asked: dict[str, dict[str, Any]] = {
        "all": {},
        "from": {"start": at(3_600_000)},
        "until": {"end": at(3_600_000)},
        "kraken": {"exchange": "kraken"},
        "limit": {"order_type": "limit", "symbol": "BTC/USDT", "book": "main"},
        "trend": {"strategy": "trend"},
    }

    found = {name: execution_report(connection, **words).totals.orders for name, words in asked.items()}
    assert found == {"all": 3, "from": 2, "until": 1, "kraken": 2, "limit": 1, "trend": 1}


def test_a_window_without_orders_says_so() -> None:
    start = at(7_200_000)
    expected = ExecutionReport(
        title="How well orders were executed",
        start=start,
        end=None,
        first_time=None,
        last_time=None,
        currency="USD",
        totals=Figures(name="all"),
        shortfall=Shortfall(),
        by={},
        reasons=[],
        slippage_bins=Bins(),
        fill_time_bins=Bins(),
        cost_by_hour={},
        worst=[],
        notes=["There are no orders in this window."],
    )

    assert execution_report(_three_orders().write(), start=start) == expected
    assert execution_report(HandWritten().write(), start=start) == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"exchange": "krakn"}, r"exchange: unknown exchange 'krakn' \(nearest: kraken\)"),
        ({"symbol": "BTC/USD"}, r"symbol: unknown symbol 'BTC/USD' \(nearest: BTC/USDT\)"),
        ({"strategy": "trnd"}, r"strategy: unknown strategy 'trnd' \(nearest: trend\)"),
        ({"order_type": "markt"}, r"order_type: unknown order type 'markt' \(nearest: market\)"),
        ({"user": "ann"}, r"user: unknown user 'ann'"),
        ({"book": "mian"}, r"book: unknown book 'mian' \(nearest: main\)"),
    ],
)
def test_a_name_that_no_order_has_is_refused_with_the_nearest(words: dict[str, str], message: str) -> None:
    with pytest.raises(UnknownName, match=message):
        execution_report(_three_orders().write(), **words)  # type: ignore[arg-type]  # all of them are text


def test_an_end_before_the_start_is_refused() -> None:
    with pytest.raises(InputError, match=r"end: the window ends \(2026-01-05T11.*before it starts \(2026-01-05T12"):
        execution_report(HandWritten().write(), start=at(0), end=at(-1))


def test_windows_are_read_as_people_write_them() -> None:
    found = [parse_window(text) for text in ("90s", "15m", "4h", "1d", " 2 W ")]

    assert found == [90_000_000, 900_000_000, 14_400_000_000, 86_400_000_000, 1_209_600_000_000]


@pytest.mark.parametrize(
    ("text", "nearest"),
    [("1 day", "1d"), ("5 mins", "5m"), ("1x", "1d"), ("d", "1d"), ("-1d", "1d"), ("0h", "1h"), ("999999w", "5214w")],
)
def test_a_window_that_is_none_is_refused_with_a_good_one(text: str, nearest: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_window(text)

    assert (refused.value.field, refused.value.nearest) == ("window", nearest)


@pytest.mark.parametrize(
    ("freedom", "exact"), [(1, 12.7062), (2, 4.30265), (3, 3.18245), (5, 2.57058), (10, 2.22814), (30, 2.04227)]
)
def test_students_quantile_is_near_the_printed_tables(freedom: int, exact: float) -> None:
    assert student(freedom) == near(exact, rel=0.006 if freedom == 3 else 0.0012)


def test_intervals_are_those_of_the_textbooks() -> None:
    """Wilson for 8 of 10; Welch for 3 values around 4 and 3 around 1, variances 1 and 4."""
    share = ratio(8, 10)
    gap = difference((3, 4.0, 1.0), (3, 1.0, 4.0))

    assert (share.low, share.high) == (near(0.49016, abs=1e-5), near(0.94332, abs=1e-5))
    assert (gap.value, gap.low) == (3.0, near(3 - 3.1825 * (5 / 3) ** 0.5 / 1.0, rel=0.15))
    assert (ratio(0, 0), mean(0, 0.0, 0.0), mean(1, 2.0, 0.0).low) == (type(share)(), type(share)(), None)


def test_quantiles_by_group_are_those_of_each_groups_values() -> None:
    chance = np.random.default_rng(1)
    values, groups = chance.normal(size=5_000), chance.integers(0, 7, 5_000)
    values[::9] = np.nan
    found = quantiles(groups, 8, ranked(values))

    for group in range(7):
        mine = values[(groups == group) & ~np.isnan(values)]
        exact = np.quantile(mine, [0.05, 0.25, 0.5, 0.75, 0.95])
        one = found[group]
        assert [one.p05, one.p25, one.p50, one.p75, one.p95] == near(list(exact))
    assert found[7] == Quantiles()


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([0.0, 0.4, 3.0], Bins(edges=[0.0, 1.0, 2.0, 5.0], counts=[2, 0, 1])),
        ([1.0, 20.0], Bins(edges=[1.0, 2.0, 5.0, 10.0, 20.0, 50.0], counts=[1, 0, 0, 0, 1])),
        ([150.0, 499.0], Bins(edges=[100.0, 200.0, 500.0], counts=[1, 1])),
        ([7_200_000.0], Bins(edges=[5_000_000.0, 10_000_000.0], counts=[1])),
        ([], Bins()),
    ],
)
def test_times_are_counted_from_nothing_to_hours(times: list[float], expected: Bins) -> None:
    assert time_bins(ranked(np.array(times))) == expected


def test_a_run_of_the_core_is_mirrored_and_reported() -> None:
    """From the core through a journal and its mirror: an order that pays two ticks above the middle."""
    from orderwright.core.evolve import evolve
    from orderwright.core.state import State

    harness = a_harness()
    harness.submit(a_market_buy(2))
    harness.run(a_fill(2, "100.02", fee=Decimal("0.2"), fee_asset="USDT"))
    journal, state = MemoryJournal(), State(book="main")
    for sequence, event in enumerate(harness.history, start=1):
        journal.append("main", sequence, event, evolve(state, event))
    mirror = MemoryMirror()
    refresh(journal, mirror)
    with mirror.reading() as connection:
        totals = execution_report(connection).totals
    mirror.close()
    journal.close()

    assert (totals.orders, totals.filled, totals.traded, totals.fees) == (1, 1, Decimal("200.04"), Decimal("0.2"))
    assert (totals.cost, totals.slippage.value) == (Decimal("0.24"), near(2.0))
