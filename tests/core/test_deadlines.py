"""Time is an input: what waits, what expires, when the day begins, and how a position is closed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

import pytest

from orderwright.core import messages as m
from orderwright.core.deadlines import next_deadline
from orderwright.core.model import (
    DAY,
    SECOND,
    Account,
    Instruction,
    OrderStatus,
    RiskLimits,
    Settings,
    TimeInForce,
    TradingState,
    VenueTraits,
)
from orderwright.core.numbers import ZERO
from orderwright.core.reasons import Reason
from orderwright.core.recovery import derive
from tests.builders import (
    HOUR,
    MIDNIGHT,
    MINUTE,
    NOW,
    SYMBOL,
    Harness,
    a_fill,
    a_harness,
    a_limit_buy,
    a_limit_sell,
    a_market_buy,
    a_quote,
    an_id,
    an_instrument,
)
from tests.core.scenarios import play, tables

EXPIRING = """
    The venue lets a good-till-date order expire
    said          | status    | leaves | events         | actions
    submit 10 60s | submitted | 10     | order_received | send
    ack           | open      | 10     | order_accepted |
    wait 60s      | open      | 10     |                |
    end expired   | expired   | 0      | order_ended    |
    wait 3600s    | expired   | 0      |                |

    The venue does not let it expire: it is cancelled a margin later, and that counts as its expiry
    said            | status           | leaves | events            | actions
    submit 10 60s   | submitted        | 10     | order_received    | send
    ack             | open             | 10     | order_accepted    |
    fill a 4        | partially_filled | 6      | order_filled      |
    wait 60.999999s | partially_filled | 6      |                   |
    wait 0.000001s  | pending_cancel   | 6      | request_submitted | send cancel
    end cancelled   | expired          | 0      | order_ended       |

    A fill overtook the acknowledgement: it expires all the same
    said          | status           | leaves | events            | actions
    submit 10 60s | submitted        | 10     | order_received    | send
    fill a 4      | partially_filled | 6      | order_filled      |
    wait 61s      | pending_cancel   | 6      | request_submitted | send cancel

    Its cancel is refused: it is cancelled again a minute later, not at once
    said            | status         | leaves | events            | actions
    submit 10 60s   | submitted      | 10     | order_received    | send
    ack             | open           | 10     | order_accepted    |
    wait 61s        | pending_cancel | 10     | request_submitted | send cancel
    refuse 1        | open           | 10     | request_refused   |
    wait 59.999999s | open           | 10     |                   |
    wait 0.000001s  | pending_cancel | 10     | request_submitted | send cancel

    It is not answered for when it should expire: the answer comes first
    said           | status         | leaves | events            | actions
    submit 10 3s   | submitted      | 10     | order_received    | send
    wait 5.999999s | submitted      | 10     |                   |
    wait 0.000001s | unknown        | 10     | request_unknown   | ask, alert
    status open    | open           | 10     | order_accepted    |
    wait 0s        | pending_cancel | 10     | request_submitted | send cancel

    A busted fill brings it back to life: it expires all the same
    said          | status         | leaves | events            | actions
    submit 10 60s | submitted      | 10     | order_received    | send
    fill a 10     | filled         | 0      | order_filled      |
    bust a        | open           | 10     | fill_busted       |
    wait 61s      | pending_cancel | 10     | request_submitted | send cancel
"""

FETCHING = """
    The claimed trades do not come: they are fetched again, at growing pauses, until they have come
    said            | status           | filled | leaves | events           | actions
    submit 10       | submitted        | 0      | 10     | order_received   | send
    ack             | open             | 0      | 10     | order_accepted   |
    status open 4   | open             | 0      | 10     | gap_seen         | fetch
    wait 9.999999s  | open             | 0      | 10     |                  |
    wait 0.000001s  | open             | 0      | 10     | trades_asked     | fetch
    wait 19.999999s | open             | 0      | 10     |                  |
    wait 0.000001s  | open             | 0      | 10     | trades_asked     | fetch
    wait 39.999999s | open             | 0      | 10     |                  |
    wait 0.000001s  | open             | 0      | 10     | trades_asked     | fetch
    wait 59.999999s | open             | 0      | 10     |                  |
    wait 0.000001s  | open             | 0      | 10     | trades_asked     | fetch
    wait 180s       | open             | 0      | 10     | 3 × trades_asked | 3 × fetch
    fill a 3        | partially_filled | 3      | 7      | order_filled     |
    wait 60s        | partially_filled | 3      | 7      | trades_asked     | fetch
    fill b 1        | partially_filled | 4      | 6      | order_filled     |
    wait 3600s      | partially_filled | 4      | 6      |                  |

    The end waits for its fills, which are fetched again until they come
    said            | status    | filled | leaves | events           | actions
    submit 10       | submitted | 0      | 10     | order_received   | send
    end cancelled 4 | open      | 0      | 4      | order_ended      | fetch
    wait 30s        | open      | 0      | 4      | 2 × trades_asked | 2 × fetch
    fill a 4        | cancelled | 4      | 0      | order_filled     |
    wait 3600s      | cancelled | 4      | 0      |                  |

    A larger claim is fetched at once, and its pauses begin anew
    said          | status    | filled | leaves | events           | actions
    submit 10     | submitted | 0      | 10     | order_received   | send
    end filled 10 | open      | 0      | 10     | order_ended      | fetch
    wait 69s      | open      | 0      | 10     | 2 × trades_asked | 2 × fetch
    end filled 12 | open      | 0      | 10     | order_ended      | fetch, ask
    wait 10s      | open      | 0      | 10     | trades_asked     | fetch
    fill a 10     | filled    | 10     | 0      | order_filled     |
    wait 3600s    | filled    | 10     | 0      |                  |

    A request is out meanwhile, and what is good till a time expires
    said            | status         | filled | leaves | events                   | actions
    submit 10 25s   | submitted      | 0      | 10     | order_received           | send
    status open 4   | open           | 0      | 10     | order_accepted, gap_seen | fetch
    wait 10s        | open           | 0      | 10     | trades_asked             | fetch
    wait 16s        | pending_cancel | 0      | 10     | request_submitted        | send cancel
    wait 4s         | pending_cancel | 0      | 10     | trades_asked             | fetch
    wait 2s         | pending_cancel | 0      | 10     | request_unknown          | ask, alert
    end cancelled 4 | open           | 0      | 4      | order_ended              | fetch
    wait 38s        | open           | 0      | 4      | 2 × trades_asked         | 2 × fetch
    fill a 4        | expired        | 4      | 0      | order_filled             |

    A claim without a gap fetches nothing
    said          | status           | filled | leaves | events         | actions
    submit 10     | submitted        | 0      | 10     | order_received | send
    fill a 4      | partially_filled | 4      | 6      | order_filled   |
    status open 4 | partially_filled | 4      | 6      |                |
    wait 3600s    | partially_filled | 4      | 6      |                |
"""

APPROVING = """
    Approved in time
    said      | status    | working | locked | code | events            | actions
    submit 10 | pending   | 0       | 0      |      | order_received    | alert
    wait 899s | pending   | 0       | 0      |      |                   |
    approve   | submitted | 1       | 1000   |      | request_submitted | send
    approve   | submitted | 1       | 1000   |      |                   | not_waiting

    Denied by a person
    said      | status  | working | locked | code            | events         | actions
    submit 10 | pending | 0       | 0      |                 | order_received | alert
    deny      | denied  | 0       | 0      | approval_denied | order_denied   |
    deny      | denied  | 0       | 0      | approval_denied |                | not_waiting

    Nobody approves it
    said      | status  | working | locked | code             | events         | actions
    submit 10 | pending | 0       | 0      |                  | order_received | alert
    wait 900s | denied  | 0       | 0      | approval_expired | order_denied   |
    approve   | denied  | 0       | 0      | approval_expired |                | not_waiting

    Withdrawn before anybody looked
    said      | status    | working | locked | code      | events          | actions
    submit 10 | pending   | 0       | 0      |           | order_received  | alert
    cancel    | cancelled | 0       | 0      | withdrawn | order_withdrawn |
    approve   | cancelled | 0       | 0      | withdrawn |                 | not_waiting

    Good till a time that comes before anybody looked
    said         | status  | working | locked | code            | events          | actions
    submit 10 5s | pending | 0       | 0      |                 | order_received  | alert
    wait 5s      | expired | 0       | 0      | expired_waiting | order_withdrawn |
    approve      | expired | 0       | 0      | expired_waiting |                 | not_waiting
"""


@pytest.mark.parametrize("table", tables(EXPIRING), ids=lambda table: table[0])
def test_expiry(table: list[str]) -> None:
    assert play(table) == table


@pytest.mark.parametrize("table", tables(FETCHING), ids=lambda table: table[0])
def test_fetching(table: list[str]) -> None:
    assert play(table) == table


def test_a_fetch_is_lost_with_the_process_and_the_restored_book_fetches_again() -> None:
    harness = a_harness()
    harness.submit(a_limit_buy(10, 100))
    harness.run(m.EndReport(order_id=an_id(), time=NOW, status=OrderStatus.FILLED))
    restored = Harness(harness.history, a_quote())
    restored.state.timers.clear()
    derive(restored.state)
    restored.now = NOW + HOUR
    asked = restored.run(m.TimePassed())

    assert asked == (
        [m.TradesAsked(time=NOW + HOUR, order_id=an_id(), ask_at=NOW + HOUR + 20 * SECOND)],
        [m.FetchTrades(order_id=an_id(), account="main", exchange="simulated", symbol=SYMBOL)],
    )


@pytest.mark.parametrize("table", tables(APPROVING), ids=lambda table: table[0])
def test_approval(table: list[str]) -> None:
    assert play(table, a_harness(settings=Settings(approval="all"))) == table


def test_an_order_good_for_the_day_expires_at_midnight_utc() -> None:
    harness = a_harness()
    _, [send] = harness.submit(a_limit_buy(10, 100, time_in_force=TimeInForce.DAY))

    assert isinstance(send, m.SendOrder)
    assert (harness.order().expire_at, send.expire_at) == (MIDNIGHT + DAY, MIDNIGHT + DAY)


@pytest.mark.parametrize(
    ("execute_at", "expire_at"),
    [(MIDNIGHT + DAY - 1, MIDNIGHT + DAY), (MIDNIGHT + DAY, MIDNIGHT + 2 * DAY), ("next_open", MIDNIGHT + DAY)],
    ids=["later today", "at midnight", "as the bar opens"],
)
def test_an_order_for_later_that_is_good_for_the_day_is_good_for_the_day_of_its_time(
    execute_at: int | Literal["next_open"], expire_at: int
) -> None:
    harness = a_harness()
    harness.submit(a_limit_buy(10, 100, time_in_force=TimeInForce.DAY, execute_at=execute_at))

    assert harness.order().expire_at == expire_at


@pytest.mark.parametrize(
    ("execute_at", "lives"),
    [(MINUTE, 1), (MINUTE, 0), (MINUTE, -1), ("next_open", 1), ("next_open", 0)],
    ids=["until after its time", "until its time", "until before it", "until after the open", "until the open"],
)
def test_what_is_good_till_a_time_is_refused_unless_it_is_still_good_when_it_is_executed(
    execute_at: int | Literal["next_open"], lives: int
) -> None:
    harness = a_harness(settings=Settings(bar_ms=60_000))
    harness.now = NOW + 1
    time = execute_at if execute_at == "next_open" else NOW + MINUTE
    until = NOW + MINUTE + lives
    harness.submit(a_limit_buy(10, 100, time_in_force=TimeInForce.GTD, expire_at=until, execute_at=time))

    assert harness.order().status is (OrderStatus.PENDING if lives > 0 else OrderStatus.DENIED)
    assert harness.order().code == ("" if lives > 0 else "expiry_past")


def test_a_venue_that_expires_nothing_is_not_told_of_it_and_gets_the_cancel_at_that_very_time() -> None:
    harness = a_harness(accounts=[Account(account="main", traits=VenueTraits(expires_orders=False))])
    _, [send] = harness.submit(a_limit_buy(10, 100, time_in_force=TimeInForce.GTD, expire_at=NOW + MINUTE))
    harness.run(m.AckReport(order_id=an_id(), time=NOW))
    before = harness.wait(MINUTE - 1)
    events, _ = harness.wait(1)

    assert isinstance(send, m.SendOrder)
    assert (send.expire_at, before) == (None, ([], []))
    assert events == [
        m.RequestSubmitted(
            time=NOW + MINUTE,
            order_id=an_id(),
            number=1,
            request="cancel",
            sign_at=NOW + MINUTE,
            lifetime_ms=5_000,
            cause="expired",
        )
    ]


def test_timers_of_orders_that_have_ended_do_not_pile_up() -> None:
    harness = a_harness(deposits={"USDT": 10_000_000})
    harness.submit(a_limit_buy(1, 100, 9_999, time_in_force=TimeInForce.GTD, expire_at=NOW + DAY))
    harness.run(m.AckReport(order_id=an_id(9_999), time=NOW))
    for number in range(2_000):
        harness.submit(a_limit_buy(1, 100, number, time_in_force=TimeInForce.GTD, expire_at=NOW + 30 * DAY))
        harness.run(a_fill(1, 100, number=number))

    assert len(harness.state.timers) <= 1_010
    assert next_deadline(harness.state) == MIDNIGHT + DAY
    harness.wait(DAY + SECOND)
    assert harness.order(9_999).status is OrderStatus.PENDING_CANCEL


# Waiting for a time


def an_order_for_later(when: int | Literal["next_open"]) -> Instruction:
    return a_market_buy(None, quote_quantity=Decimal(1_000), execute_at=when)


def test_an_order_for_later_is_sized_and_checked_at_the_price_of_its_time() -> None:
    harness = a_harness()
    received, actions = harness.submit(an_order_for_later(NOW + HOUR))
    waiting = harness.order().status, harness.state.balances["main", "USDT"].locked
    early = harness.wait(HOUR - 1)
    harness.quote(199, 200)
    events, [send] = harness.wait(1)

    assert [event.time for event in received] == [NOW]
    assert (actions, waiting, early) == ([], (OrderStatus.PENDING, ZERO), ([], []))
    assert events == [
        m.RequestSubmitted(
            time=NOW + HOUR,
            order_id=an_id(),
            number=0,
            request="new",
            sign_at=NOW + HOUR,
            lifetime_ms=5_000,
            quantity=Decimal(5),
            unit_cost=Decimal(200),
            arrival=Decimal("199.5"),
            cause="time",
            today=1,
            this_second=1,
        )
    ]
    assert isinstance(send, m.SendOrder)
    assert (send.quantity, send.sign_at) == (Decimal(5), NOW + HOUR)
    assert harness.state.balances["main", "USDT"].locked == 1_000


def test_an_order_for_later_is_denied_if_there_is_no_price_at_its_time() -> None:
    harness = a_harness()
    harness.submit(an_order_for_later(NOW + HOUR))
    events, actions = harness.wait(HOUR)

    assert [m.kind_of(event) for event in events] == ["order_denied"]
    assert (harness.order().status, harness.order().code, actions) == (OrderStatus.DENIED, "no_market_price", [])


def test_an_order_for_later_is_denied_if_its_money_has_gone_meanwhile() -> None:
    harness = a_harness(deposits={"USDT": 1_000})
    harness.submit(a_limit_buy(6, 100, execute_at=NOW + HOUR), a_limit_buy(6, 100, 2))
    harness.wait(HOUR)

    assert (harness.order(1).status, harness.order(1).code) == (OrderStatus.DENIED, "buying_power")


@pytest.mark.parametrize(
    ("submitted", "opens"),
    [(NOW, NOW), (NOW + 1, NOW + MINUTE), (NOW + MINUTE - 1, NOW + MINUTE)],
    ids=["as a bar opens", "just after", "just before the next"],
)
def test_next_open_is_when_the_next_bar_begins(submitted: int, opens: int) -> None:
    harness = a_harness(settings=Settings(bar_ms=60_000))
    harness.now = submitted
    harness.submit(an_order_for_later("next_open"))
    assert harness.order().wait_until == opens

    harness.wait(opens - submitted)
    assert harness.order().status is OrderStatus.SUBMITTED


def test_an_order_for_later_is_approved_when_it_comes_and_then_waits_for_its_time() -> None:
    harness = a_harness(settings=Settings(approval="all"))
    _, [alert] = harness.submit(a_limit_buy(10, 100, execute_at=NOW + HOUR))
    approved, _ = harness.run(m.ApproveOrder(order_id=an_id()))
    early = harness.wait(HOUR - 1)
    _, [send] = harness.wait(1)

    assert isinstance(alert, m.RaiseAlert)
    assert approved == [
        m.OrderDelayed(time=NOW, order_id=an_id(), wait_for="time", wait_until=NOW + HOUR, cause="approved")
    ]
    assert early == ([], [])
    assert isinstance(send, m.SendOrder)


def test_an_order_for_later_that_is_approved_after_its_time_goes_at_once() -> None:
    harness = a_harness(settings=Settings(approval="all"))
    harness.submit(a_limit_buy(10, 100, execute_at=NOW + MINUTE))
    harness.wait(5 * MINUTE)
    _, [send] = harness.run(m.ApproveOrder(order_id=an_id()))

    assert isinstance(send, m.SendOrder)


# Approval


def test_only_orders_above_the_value_need_approval() -> None:
    harness = a_harness(settings=Settings(approval="above", approval_above=Decimal(1_000)))
    harness.submit(a_limit_buy(10, 100, 1), a_limit_buy("10.00001", 100, 2))

    assert [harness.order(1).status, harness.order(2).wait_for] == [OrderStatus.SUBMITTED, "approval"]


def test_price_and_risk_are_checked_again_on_approval() -> None:
    harness = a_harness(settings=Settings(approval="all", collar_bps=Decimal(100)), deposits={"USDT": 1_000})
    harness.submit(a_limit_buy(6, 100, 1), a_limit_buy(6, 100, 2), a_limit_buy(1, 100, 3))
    harness.run(m.ApproveOrder(order_id=an_id(1)), m.ApproveOrder(order_id=an_id(2)))
    harness.quote(90, 91)
    harness.run(m.ApproveOrder(order_id=an_id(3)))

    assert [harness.order(number).code for number in (1, 2, 3)] == ["", "buying_power", "price_collar"]


# The rate per second


def test_above_the_rate_what_reduces_waits_for_the_next_second_in_turn_and_what_adds_is_denied() -> None:
    settings = Settings(limits=RiskLimits(max_orders_per_second=2))
    harness = a_harness(settings=settings, deposits={"USDT": 10_000, "BTC": 10})
    harness.submit(*(a_limit_sell(1, 100, number) for number in range(1, 6)), a_limit_buy(1, 100, 6))
    at_once = [harness.order(number).status for number in range(1, 7)]
    harness.wait(SECOND)
    next_second = [harness.order(number).status for number in range(1, 6)]
    harness.wait(SECOND)

    sent, waits = OrderStatus.SUBMITTED, OrderStatus.PENDING
    assert at_once == [sent, sent, waits, waits, waits, OrderStatus.DENIED]
    assert harness.order(6).code == "order_rate"
    assert next_second == [sent, sent, sent, sent, waits]
    assert harness.order(5).status is sent


def a_limited_seller(**words: Any) -> Harness:
    """A book that may send one order a second, with 10 BTC to sell."""
    settings = Settings(limits=RiskLimits(max_orders_per_second=1), **words)
    return a_harness(settings=settings, deposits={"USDT": 10_000, "BTC": 10})


def test_orders_for_one_time_keep_to_the_rate_what_reduces_in_turn_and_what_adds_is_denied() -> None:
    harness = a_limited_seller()
    harness.submit(*(a_limit_sell(1, 100, number, execute_at=NOW + MINUTE) for number in (1, 2, 3)))
    harness.submit(a_limit_buy(1, 100, 4, execute_at=NOW + MINUTE))
    events, actions = harness.wait(MINUTE)
    harness.wait(3 * SECOND)

    at = NOW + MINUTE
    delayed = [event for event in events if isinstance(event, m.OrderDelayed)]
    assert delayed == [m.OrderDelayed(time=at, order_id=an_id(number), wait_until=at + SECOND) for number in (2, 3)]
    assert len([action for action in actions if isinstance(action, m.SendOrder)]) == 1
    assert [harness.order(number).submitted_at for number in (1, 2, 3)] == [at, at + SECOND, at + 2 * SECOND]
    assert harness.order(4).code == "order_rate"


def test_approved_orders_that_reduce_keep_to_the_rate() -> None:
    harness = a_limited_seller(approval="all")
    harness.submit(*(a_limit_sell(1, 100, number) for number in (1, 2)))
    harness.run(*(m.ApproveOrder(order_id=an_id(number)) for number in (1, 2)))
    at_once = [harness.order(number).status for number in (1, 2)]
    harness.wait(SECOND)

    assert at_once == [OrderStatus.SUBMITTED, OrderStatus.PENDING]
    assert harness.order(2).submitted_at == NOW + SECOND


def test_a_close_that_waited_for_cancels_does_not_wait_for_the_rate() -> None:
    harness = a_limited_seller()
    harness.submit(a_limit_buy(5, 100))
    harness.run(a_fill(5, 100))
    harness.wait(SECOND)
    harness.submit(a_limit_sell(1, 110, 2))
    harness.run(CLOSE, cancelled(2))
    _, actions = harness.wait(0)

    assert sent_quantity(actions) == [("sell", "5.00000")]
    assert harness.state.controls.orders_this_second == 2


# The day


def test_a_day_begins_with_the_equity_of_what_has_a_price() -> None:
    instruments = [an_instrument(), an_instrument("ETH/USDT")]
    harness = a_harness(deposits={"USDT": 10_000, "BTC": 2, "ETH": 5}, instruments=instruments)
    harness.submit(a_limit_buy(1, 90))
    harness.now = MIDNIGHT + DAY - SECOND
    harness.quote(99, 101)
    harness.run(m.AckReport(order_id=an_id(), time=NOW))
    events, _ = harness.wait(SECOND)

    assert events == [
        m.DayStarted(time=MIDNIGHT + DAY, day=MIDNIGHT + DAY, equity=Decimal(10_200), unpriced=("ETH",)),
    ]
    assert (harness.state.controls.orders_today, next_deadline(harness.state)) == (0, MIDNIGHT + 2 * DAY)


def test_a_book_begins_its_first_day_as_soon_as_it_has_an_account() -> None:
    harness = a_harness(day=False, deposits={"USDT": 500})
    events, _ = harness.wait(0)

    assert events == [m.DayStarted(time=NOW, day=MIDNIGHT, equity=Decimal(500))]


def test_what_is_due_at_midnight_is_decided_on_the_new_day() -> None:
    harness = a_harness(settings=Settings(limits=RiskLimits(max_daily_orders=1)))
    harness.submit(a_limit_buy(1, 100, 1, execute_at=MIDNIGHT + DAY), a_limit_buy(1, 100, 2))
    harness.run(m.AckReport(order_id=an_id(2), time=NOW))
    events, _ = harness.wait(DAY // 2)

    assert [m.kind_of(event) for event in events] == ["day_started", "request_submitted"]
    assert harness.state.controls.orders_today == 1


# The daily loss


def a_loser() -> Harness:
    """A book that bought 10 BTC at 100 and may lose 100 a day; no order is open."""
    settings = Settings(limits=RiskLimits(max_daily_loss=Decimal(100)), max_price_age_ms=86_400_000)
    harness = a_harness(settings=settings, deposits={"USDT": 10_000})
    harness.submit(a_limit_buy(10, 100))
    harness.run(a_fill(10, 100))
    return harness


def test_the_days_loss_reaching_its_limit_leaves_only_reducing_until_the_next_utc_day() -> None:
    harness = a_loser()
    harness.quote(90, "90.02")
    before = harness.state.controls.trading
    events, [alert] = harness.quote("89.99", "90.01")
    cause = "the day's loss 100 reached the limit 100"
    harness.submit(a_limit_buy(1, 80, 2), a_limit_sell(1, 80, 3))

    assert before is TradingState.ACTIVE
    assert events == [
        m.TradingStateSet(time=NOW, state=TradingState.REDUCING, cause=cause, until=MIDNIGHT + DAY),
    ]
    assert isinstance(alert, m.RaiseAlert)
    assert alert.topic == "daily_loss"
    assert (harness.order(2).code, harness.order(3).status) == ("reducing", OrderStatus.SUBMITTED)


def test_reducing_ends_with_the_day_and_the_loss_is_counted_anew() -> None:
    harness = a_loser()
    harness.quote("89.99", "90.01")
    harness.now = MIDNIGHT + DAY - 1
    events, _ = harness.wait(1)
    again = harness.quote("89.99", "90.01")
    harness.submit(a_limit_buy(1, 80, 2))

    assert events == [
        m.DayStarted(time=MIDNIGHT + DAY, day=MIDNIGHT + DAY, equity=Decimal(9_900)),
        m.TradingStateSet(time=MIDNIGHT + DAY, state=TradingState.ACTIVE, cause="the time set for it is over"),
    ]
    assert [m.kind_of(event) for event in again[0]] == ["price_seen"]
    assert harness.order(2).status is OrderStatus.SUBMITTED


def test_a_deposit_is_no_profit_and_a_withdrawal_no_loss() -> None:
    harness = a_loser()
    harness.run(m.MoveCash(account="main", asset="USDT", amount=Decimal(-5_000), kind="withdrawal"))
    harness.quote(100, 100)
    withdrawn = harness.state.controls.trading
    harness.run(m.MoveCash(account="main", asset="USDT", amount=Decimal(1_000)))
    harness.quote(90, 90)

    assert (withdrawn, harness.state.controls.trading) == (TradingState.ACTIVE, TradingState.REDUCING)


def test_an_operators_halt_is_not_softened_by_a_loss_and_ends_when_it_was_to_end() -> None:
    harness = a_loser()
    harness.run(m.SetTradingState(state=TradingState.HALTED, cause="ann", until=NOW + MINUTE))
    harness.quote(50, 50)
    halted = harness.state.controls.trading
    harness.wait(MINUTE)
    ended = harness.state.controls.trading
    harness.quote(50, 50)

    assert [halted, ended, harness.state.controls.trading] == [
        TradingState.HALTED,
        TradingState.ACTIVE,
        TradingState.REDUCING,
    ]


# Closing a position


def a_holder() -> Harness:
    """A book with 10 BTC bought, and two more orders open: number 2 buys 5 at 90, number 3 sells 4 at 110."""
    harness = a_harness(deposits={"USDT": 10_000})
    harness.submit(a_limit_buy(10, 100, 1))
    harness.run(a_fill(10, 100))
    harness.submit(a_limit_buy(5, 90, 2), a_limit_sell(4, 110, 3))
    harness.run(*(m.AckReport(order_id=an_id(number), time=NOW) for number in (2, 3)))
    return harness


CLOSE = m.ClosePosition(account="main", symbol=SYMBOL, order_id=an_id(9))


def cancelled(number: int, cumulative: int = 0) -> m.EndReport:
    return m.EndReport(order_id=an_id(number), time=NOW, status=OrderStatus.CANCELLED, cumulative=Decimal(cumulative))


def sent_quantity(actions: list[m.AnyAction]) -> list[tuple[str, str]]:
    """(side, quantity) of the orders that were sent."""
    return [(action.instruction.side, f"{action.quantity:f}") for action in actions if isinstance(action, m.SendOrder)]


def test_a_close_sells_what_is_left_once_every_cancel_is_answered_fills_on_the_way_included() -> None:
    harness = a_holder()
    events, actions = harness.run(CLOSE)
    harness.run(a_fill(2, 90, "e2", 2), a_fill(1, 110, "e3", 3))
    _, first = harness.run(cancelled(2, 2))
    not_yet = harness.wait(SECOND)
    _, second = harness.run(cancelled(3, 1))
    _, closing = harness.wait(0)

    assert [m.kind_of(event) for event in events] == ["request_submitted", "request_submitted", "order_received"]
    assert [type(action) for action in actions] == [m.SendCancel, m.SendCancel]
    assert (first, not_yet, second) == ([], ([], []), [])
    assert sent_quantity(closing) == [("sell", "11.00000")]


def test_a_close_waits_for_the_fills_that_a_cancelled_order_claims() -> None:
    harness = a_holder()
    harness.run(CLOSE, cancelled(3), cancelled(2, 2))
    not_yet = harness.wait(SECOND)
    harness.run(a_fill(2, 90, "e2", 2))
    _, closing = harness.wait(0)

    assert not_yet == ([], [])
    assert sent_quantity(closing) == [("sell", "12.00000")]


def test_a_close_waits_for_an_unknown_cancel() -> None:
    harness = a_holder()
    harness.run(CLOSE, cancelled(3), m.UnreachableReport(order_id=an_id(2), time=NOW, number=1))
    _, asked = harness.wait(MINUTE)
    harness.run(m.StatusReport(order_id=an_id(2), time=harness.now, status=OrderStatus.CANCELLED))
    harness.quote(99, 101)
    _, closing = harness.wait(0)

    assert {type(action) for action in asked} == {m.AskOrder}
    assert sent_quantity(closing) == [("sell", "10.00000")]


def test_a_close_with_nothing_left_ends_without_an_order() -> None:
    harness = a_harness()
    harness.submit(a_limit_buy(5, 90, 2))
    harness.run(m.AckReport(order_id=an_id(2), time=NOW), CLOSE, cancelled(2))
    events, actions = harness.wait(0)

    assert actions == []
    assert events == [
        m.OrderWithdrawn(
            time=NOW,
            order_id=an_id(9),
            status=OrderStatus.CANCELLED,
            reason=Reason.NOTHING_TO_CLOSE,
            cause="nothing was left to close",
            mid=Decimal(100),
        )
    ]


def test_a_close_without_open_orders_goes_at_once_and_a_second_one_while_it_waits_is_the_same() -> None:
    holder, waiter = a_holder(), a_holder()
    holder.run(cancelled(2), cancelled(3))
    _, actions = holder.run(CLOSE)
    waiter.run(CLOSE)
    second = waiter.run(m.ClosePosition(account="main", symbol=SYMBOL, order_id=an_id(10)))

    assert sent_quantity(actions) == [("sell", "10.00000")]
    assert second == ([], [m.Reply(outcome="duplicate", order_id=an_id(9))])


def test_a_close_that_is_cancelled_while_it_waits_sells_nothing() -> None:
    harness = a_holder()
    harness.run(CLOSE, m.CancelOrder(order_id=an_id(9)), cancelled(2), cancelled(3))

    assert harness.wait(0) == ([], [])
    assert harness.order(9).status is OrderStatus.CANCELLED
    assert harness.state.closing == {}


def test_a_close_whose_cancel_is_refused_cancels_again() -> None:
    harness = a_holder()
    harness.run(CLOSE, cancelled(3), m.RejectReport(order_id=an_id(2), time=NOW, number=1))
    _, actions = harness.wait(MINUTE)

    assert [type(action) for action in actions] == [m.SendCancel]


def test_a_close_needs_no_approval_whether_it_waits_for_cancels_or_not() -> None:
    harness = a_harness(settings=Settings(approval="all"), deposits={"USDT": 1_000})
    harness.submit(a_limit_buy(1, 100))
    harness.run(m.ApproveOrder(order_id=an_id()), a_fill(1, 100))
    harness.run(m.ClosePosition(account="main", symbol="BTC/USDT", order_id=an_id(2)))
    assert harness.order(2).status is OrderStatus.SUBMITTED
