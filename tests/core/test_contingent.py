"""Orders that belong together, in the core: what goes wrong between them, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orderwright.core import messages as m
from orderwright.core.model import (
    RECANCEL,
    Account,
    Bracket,
    Instruction,
    LingerRule,
    OrderSide,
    OrderStatus,
    OrderType,
    Settings,
    TradingState,
    Trail,
)
from tests.builders import (
    MINUTE,
    NOW,
    SYMBOL,
    Harness,
    a_fill,
    a_harness,
    a_limit_buy,
    a_limit_sell,
    a_market_buy,
    a_market_sell,
    an_execution,
    an_id,
    an_instruction,
    an_instrument,
)
from tests.core.contingent import BOTH, NAMES, Exchange, a_pair, entered, shown

# What goes wrong


def alerts(harness: Harness) -> list[str]:
    return [action.text for action in harness.actions if isinstance(action, m.RaiseAlert) and action.topic == "group"]


def protected() -> Exchange:
    """A long of 2 at 100 with a stop at 98 and a take-profit at 104."""
    exchange = entered()
    exchange.fill(NAMES["entry"], "2", "100")
    return exchange


def test_two_exits_that_both_fill_before_the_cancel_arrives_both_count_and_somebody_is_told() -> None:
    harness = protected().harness
    for name, price in (("stop", "98"), ("target", "104")):
        fill = m.FillReport(order_id=NAMES[name], time=NOW, execution=an_execution(2, price, name))
        harness.run(fill)
    harness.wait(0)

    assert [harness.order(NAMES[name]).filled for name in ("stop", "target")] == [2, 2]
    assert alerts(harness) == [f"the orders of group {an_id()} filled 4, more than 2"]
    assert harness.state.groups == {}


def test_a_stop_that_the_exchange_refuses_is_replaced_by_a_market_order_and_somebody_is_told() -> None:
    exchange = entered()
    harness = exchange.harness
    harness.run(a_fill(2, 100))
    _, sent = harness.wait(0)
    harness.run(m.RejectReport(order_id=NAMES["stop"], time=NOW, message="would trigger immediately"))
    _, actions = harness.wait(0)

    assert [action.order_id for action in sent if isinstance(action, m.SendOrder)] == [NAMES["stop"], NAMES["target"]]
    (market,) = (action for action in actions if isinstance(action, m.SendOrder))
    said = market.instruction
    assert (market.order_id, said.type, said.side, market.quantity) == (
        NAMES["market"],
        OrderType.MARKET,
        OrderSide.SELL,
        Decimal(2),
    )
    assert alerts(harness) == [f"exit {NAMES['stop']} was refused by the exchange: would trigger immediately"]
    exchange.obey(actions)
    exchange.fill(NAMES["market"], "2", "97")
    assert (shown(harness, "target"), harness.state.groups) == ("cancelled 2 @104", {})


def test_a_market_exit_that_is_refused_too_is_not_sent_again() -> None:
    harness = entered(Bracket(stop_loss=Decimal(90))).harness
    harness.run(a_fill(2, 100))
    harness.wait(0)
    for name in ("stop", "market"):
        harness.run(m.RejectReport(order_id=NAMES[name], time=NOW, message="no"))
        harness.wait(0)

    assert harness.wait(10 * MINUTE)[1] == []
    assert len(alerts(harness)) == 2


def test_an_exit_that_the_exchange_ends_unasked_is_told() -> None:
    harness = protected().harness
    harness.run(m.EndReport(order_id=NAMES["stop"], time=NOW, status=OrderStatus.CANCELLED))
    harness.wait(0)

    assert alerts(harness) == [f"exit {NAMES['stop']} was ended by the exchange: cancelled"]
    assert shown(harness, "target") == "open 2 @104"


def test_what_is_too_small_to_protect_waits_for_more_and_is_told_when_no_more_comes() -> None:
    instrument = an_instrument(min_notional=Decimal(50))
    exchange = entered(instruments=[instrument])
    harness = exchange.harness
    exchange.fill(NAMES["entry"], "0.1", "100")
    assert [shown(harness, name) for name in ("stop", "target")] == ["pending 2", "pending 2"]
    exchange.obey(harness.run(m.CancelOrder(order_id=an_id()))[1])

    assert [harness.order(NAMES[name]).status for name in ("stop", "target")] == [OrderStatus.DENIED] * 2
    assert len(alerts(harness)) == 2
    assert "0.1 is not protected: its value 9.8 USDT is below the smallest, 50" in alerts(harness)[0]


def test_a_rest_that_is_too_small_to_stand_is_cancelled_and_told() -> None:
    exchange = entered(instruments=[an_instrument(min_notional=Decimal(50))])
    harness = exchange.harness
    exchange.fill(NAMES["entry"], "2", "100")
    exchange.fill(NAMES["target"], "1.9", "104")

    assert shown(harness, "stop") == "cancelled 2 @98"
    assert alerts(harness) == [f"order {NAMES['stop']}: 0.1 is too small to ask for, it is cancelled"]


def test_exits_wait_while_trading_is_halted_and_go_out_after_it() -> None:
    exchange = entered()
    harness = exchange.harness
    harness.run(m.SetTradingState(state=TradingState.HALTED))
    exchange.fill(NAMES["entry"], "2", "100")
    assert shown(harness, "stop") == "pending 2"
    harness.run(m.SetTradingState(state=TradingState.ACTIVE))
    exchange.obey(harness.wait(0)[1])

    assert shown(harness, "stop") == "open 2 @98"


def test_a_resize_that_the_exchange_refuses_is_asked_for_again_but_not_at_once() -> None:
    exchange = entered(Bracket(stop_loss=Decimal(90)))
    harness = exchange.harness
    exchange.fill(NAMES["entry"], "1", "100")
    harness.run(a_fill(1, 100, "late"))
    harness.wait(0)
    harness.run(m.RejectReport(order_id=NAMES["stop"], time=NOW, number=1, message="busy"))

    assert harness.wait(RECANCEL - 1)[1] == []
    (action,) = harness.wait(1)[1]
    assert isinstance(action, m.SendReplace)
    assert action.quantity == 2


def test_a_fee_that_is_taken_in_what_was_bought_is_not_sold() -> None:
    exchange = entered(Bracket(stop_loss=Decimal(90)))
    exchange.fill(NAMES["entry"], "2", "100", fee=Decimal("0.002005"), fee_asset="BTC")

    assert shown(exchange.harness, "stop") == "open 1.99799 @90"


def test_a_long_with_its_exits_locks_what_it_holds_once() -> None:
    harness = protected().harness
    balance, exposure = harness.state.balances["main", "BTC"], harness.state.exposures["main", SYMBOL]

    assert [balance.total, balance.locked] == [2, 2]
    assert [exposure.buy, exposure.sell, exposure.orders] == [0, 2, 2]


def test_a_short_has_its_stop_above_rounded_up_and_its_target_below_rounded_down() -> None:
    future = an_instrument(linear=True, tick_size=Decimal("0.1"))
    harness = a_harness(instruments=[future])
    exchange = Exchange(harness)
    exchange.obey(harness.submit(a_market_sell(2, bracket=BOTH))[1])
    exchange.fill(NAMES["entry"], "2", "100.3")

    assert [shown(harness, name) for name in ("stop", "target")] == ["open 2 @102.4", "open 2 @96.2"]
    assert harness.order(NAMES["stop"]).instruction.reduce_only
    assert harness.order(NAMES["stop"]).reserved == 0


def test_exits_of_a_contract_go_when_the_position_was_closed_otherwise() -> None:
    harness = a_harness(instruments=[an_instrument(linear=True)])
    exchange = Exchange(harness)
    exchange.obey(harness.submit(a_market_buy(2, bracket=BOTH))[1])
    exchange.fill(NAMES["entry"], "2", "100")
    exchange.obey(harness.submit(a_market_sell(2, 2, reduce_only=False))[1])
    exchange.fill(an_id(2), "2", "101")

    assert [shown(harness, name) for name in ("stop", "target")] == ["cancelled 2 @98", "cancelled 2 @104"]


def test_a_flip_protects_what_is_held_not_what_was_bought() -> None:
    harness = a_harness(instruments=[an_instrument(linear=True)])
    exchange = Exchange(harness)
    exchange.obey(harness.submit(a_market_sell(1, 2))[1])
    exchange.fill(an_id(2), "1", "100")
    exchange.obey(harness.submit(a_market_buy(3, bracket=BOTH))[1])
    exchange.fill(NAMES["entry"], "3", "100")

    assert shown(harness, "stop") == "open 2 @98"


def test_rules_for_orders_that_linger_leave_exits_alone() -> None:
    exchange = entered(settings=Settings(linger=(LingerRule(name="enough", after_ms=1_000),), max_price_age_ms=10**9))
    exchange.fill(NAMES["entry"], "2", "100")

    assert exchange.harness.wait(MINUTE)[1] == []


def test_a_late_fill_of_a_cancelled_entry_gets_its_exits_though_its_group_was_over() -> None:
    exchange = entered(Bracket(stop_loss=Decimal(90)))
    harness = exchange.harness
    exchange.obey(harness.run(m.CancelOrder(order_id=an_id()))[1])
    assert harness.state.groups == {}
    exchange.fill(NAMES["entry"], "1", "100")

    assert shown(harness, "stop 2") == "open 1 @90"


def test_orders_of_a_group_lock_what_the_largest_of_them_needs() -> None:
    harness = a_harness(deposits={"USDT": 300})
    harness.submit(a_limit_buy(3, 98, 1, group="x"), a_limit_buy(3, 97, 2, group="x"))

    assert [harness.order(number).status for number in (1, 2)] == [OrderStatus.SUBMITTED] * 2
    assert harness.state.balances["main", "USDT"].locked == 294
    assert harness.state.exposures["main", SYMBOL].buy == 3


# What is refused


def refused(order: Instruction, harness: Harness | None = None) -> tuple[str, str, str, str | None]:
    """(reason, field, value, nearest) of a refusal."""
    harness = harness or a_harness()
    reply = harness.submit(order)[1][-1]
    assert isinstance(reply, m.Reply)
    assert reply.refusal is not None
    assert harness.order(order.order_id).status is OrderStatus.DENIED
    return reply.refusal.code, reply.refusal.field, reply.refusal.value, reply.refusal.nearest


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ({"bracket": Bracket()}, ("bracket", "bracket", "", None)),
        ({"bracket": Bracket(stop_loss=Decimal(101))}, ("bracket", "bracket.stop_loss", "101", None)),
        ({"bracket": Bracket(take_profit=Decimal(99))}, ("bracket", "bracket.take_profit", "99", None)),
        ({"bracket": Bracket(stop_loss=Decimal("98.001"))}, ("bracket", "bracket.stop_loss", "98.001", "98")),
        (
            {"bracket": Bracket(stop_loss=Decimal(98), stop_loss_percent=Decimal(2))},
            ("bracket", "bracket.stop_loss", "98", None),
        ),
        ({"bracket": Bracket(stop_loss_percent=Decimal(100))}, ("bracket", "bracket.stop_loss_percent", "100", None)),
        ({"bracket": Bracket(take_profit_percent=Decimal(-1))}, ("bracket", "bracket.take_profit_percent", "-1", None)),
        ({"bracket": BOTH, "reduce_only": True}, ("bracket", "reduce_only", "true", None)),
        ({"bracket": BOTH, "side": OrderSide.SELL}, ("bracket", "side", "sell", "buy")),
        ({"bracket": Bracket(trail=Trail())}, ("bracket", "bracket.trail", "", None)),
        (
            {"bracket": Bracket(trail=Trail(percent=Decimal(1), activation_price=Decimal(120)))},
            ("bracket", "bracket.stop_loss", "", None),
        ),
        ({"trail": Trail(percent=Decimal(1))}, ("trail", "type", "limit", "stop_loss")),
        ({"group": an_id(7)}, ("group", "group", an_id(7), None)),
    ],
)
def test_what_could_not_hold_is_refused_where_it_comes_in(order: dict[str, Any], expected: tuple[Any, ...]) -> None:
    harness = a_harness(deposits={"USDT": 10_000, "BTC": 5})

    assert refused(an_instruction(1, **order), harness) == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ({"side": OrderSide.SELL}, ("group", "side", "sell", "buy")),
        ({"symbol": "ETH/USDT"}, ("group", "symbol", "ETH/USDT", SYMBOL)),
        ({"account": "other"}, ("group", "account", "other", "main")),
    ],
)
def test_orders_of_a_group_are_of_one_account_symbol_and_side(order: dict[str, Any], expected: tuple[Any, ...]) -> None:
    harness = a_harness(
        accounts=[Account(account="main"), Account(account="other")],
        instruments=[an_instrument(), an_instrument("ETH/USDT")],
    )
    harness.submit(a_limit_buy(1, 98, 1, group="x"))

    assert refused(an_instruction(2, group="x", **order), harness) == expected


def test_a_group_that_has_begun_to_fill_takes_nobody_in_and_its_name_is_free_when_it_is_over() -> None:
    exchange = a_pair()
    harness = exchange.harness
    exchange.fill(an_id(1), "1", "98")
    assert refused(a_limit_buy(3, 96, 3, group="x"), harness)[:2] == ("group", "group")

    exchange.fill(an_id(1), "2", "98")
    exchange.obey(harness.submit(a_limit_buy(3, 96, 4, group="x"))[1])
    assert harness.order(4).status is OrderStatus.OPEN


def test_what_an_order_of_a_group_asks_for_is_not_a_users_to_change() -> None:
    harness = protected().harness
    (reply,) = harness.run(m.ReplaceOrder(order_id=NAMES["stop"], quantity=Decimal(1)))[1]

    assert isinstance(reply, m.Reply)
    assert reply.refusal is not None
    assert (reply.refusal.code, reply.refusal.field, reply.refusal.nearest) == ("group", "quantity", "2")


def test_a_sell_of_a_group_is_checked_for_what_it_needs_beyond_the_others() -> None:
    harness = a_harness(deposits={"USDT": 0, "BTC": 2})
    harness.submit(a_limit_sell(2, 104, 1, group="x"))

    assert refused(a_limit_sell(3, 105, 2, group="x"), harness) == ("buying_power", "quantity", "3", "2")
    assert harness.run(m.SubmitOrder(instruction=a_limit_sell(2, 105, 3, group="x")))[1]
    assert harness.order(3).status is OrderStatus.SUBMITTED


def test_a_book_without_groups_keeps_nothing_of_them() -> None:
    harness = a_harness()
    harness.submit(a_limit_buy(1, 98))

    assert (harness.state.groups, harness.state.unsettled, harness.state.trailing) == ({}, {}, {})
