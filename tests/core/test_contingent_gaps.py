"""What leaves a position without its stop: refusals, HALTED, used-up requests, denials, cancels that cross fills."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from orderwright.core import messages as m
from orderwright.core.groups import AGAIN, HEIR, STOP, TARGET, exit_id
from orderwright.core.model import (
    MAX_REQUESTS,
    RECANCEL,
    SECOND,
    Bracket,
    LingerRule,
    OrderStatus,
    OrderType,
    Settings,
    TradingState,
    Trail,
)
from tests.builders import (
    MINUTE,
    SYMBOL,
    Harness,
    a_fill,
    a_harness,
    a_limit_buy,
    a_market_buy,
    an_execution,
    an_id,
    an_instrument,
)
from tests.core.contingent import BOTH, NAMES, Exchange, a_pair, entered, shown
from tests.core.test_contingent import alerts

STOP_ONLY = Bracket(stop_loss=Decimal(90))
HALTED = m.SetTradingState(state=TradingState.HALTED)
ACTIVE = m.SetTradingState(state=TradingState.ACTIVE)


@dataclass
class Late:
    """What happens before the exchange's answers are heard."""

    exchange: Exchange
    fills: int = 0

    def fill(self, order_id: str, quantity: str, price: str) -> None:
        self.fills += 1
        harness = self.exchange.harness
        execution = an_execution(quantity, price, f"late {self.fills}")
        harness.run(m.FillReport(order_id=order_id, time=harness.now, execution=execution))


def status(harness: Harness, order_id: str) -> tuple[OrderStatus, object]:
    order = harness.order(order_id)
    return order.status, order.quantity


def test_a_percent_stop_that_has_triggered_is_brought_to_what_fills_further_at_the_price_it_had() -> None:
    exchange = entered(Bracket(stop_loss_percent=Decimal(2)))
    harness = exchange.harness
    exchange.fill(NAMES["entry"], "1", "100")
    harness.run(m.TriggerReport(order_id=NAMES["stop"], time=harness.now))
    harness.run(a_fill(1, 90, "more"))
    (replace,) = harness.wait(0)[1]

    assert isinstance(replace, m.SendReplace)
    assert (replace.quantity, replace.stop_price) == (Decimal(2), None)


def test_a_resize_that_the_exchange_refuses_is_told_once() -> None:
    exchange = entered(STOP_ONLY)
    harness = exchange.harness
    exchange.fill(NAMES["entry"], "1", "100")
    harness.run(a_fill(1, 100, "more"))
    for number in (1, 2):
        harness.wait(RECANCEL)
        harness.run(m.RejectReport(order_id=NAMES["stop"], time=harness.now, number=number, message="busy"))

    assert alerts(harness) == [f"order {NAMES['stop']} was not brought to 2: the exchange refused it: busy"]


def test_an_entry_that_fills_in_many_parts_is_protected_to_the_last() -> None:
    exchange = entered(Bracket(stop_loss=Decimal(90), take_profit=Decimal(120)), quantity=300)
    for _ in range(300):
        exchange.fill(NAMES["entry"], "1", "100")
    harness = exchange.harness

    for name in ("stop", "target"):
        assert status(harness, exit_id(NAMES[name], HEIR)) == (OrderStatus.OPEN, 300)
        assert harness.order(NAMES[name]).status is OrderStatus.CANCELLED
        assert len(harness.order(NAMES[name]).requests) < MAX_REQUESTS


def test_the_heir_of_an_exit_that_a_user_moved_stands_where_he_moved_it() -> None:
    exchange = entered(STOP_ONLY, quantity=300)
    exchange.fill(NAMES["entry"], "1", "100")
    exchange.obey(exchange.harness.run(m.ReplaceOrder(order_id=NAMES["stop"], stop_price=Decimal(95)))[1])
    for _ in range(299):
        exchange.fill(NAMES["entry"], "1", "100")
    heir = exchange.harness.order(exit_id(NAMES["stop"], HEIR))

    assert (heir.status, heir.quantity, heir.stop_price) == (OrderStatus.OPEN, Decimal(300), Decimal(95))


def trailing(settings: Settings | None = None) -> tuple[Exchange, Decimal]:
    """A long of 2 whose trailing stop has used up its requests but those that are kept; and the price by then."""
    harness = a_harness(settings=settings or Settings(max_price_age_ms=10**9))
    exchange, price = Exchange(harness), Decimal(100)
    exchange.obey(harness.submit(a_market_buy(2, bracket=Bracket(trail=Trail(amount=Decimal(2)))))[1])
    exchange.fill(an_id(), "2", "100")
    while len(harness.order(NAMES["stop"]).requests) < MAX_REQUESTS - 8:
        price += Decimal("0.05")
        harness.now += SECOND
        exchange.obey(harness.quote(price, price)[1])
    return exchange, price


def test_a_trailing_stop_is_not_passed_on_while_trading_is_halted() -> None:
    exchange, price = trailing()
    harness = exchange.harness
    harness.run(HALTED)
    harness.now += SECOND
    exchange.obey(harness.quote(price + 1, price + 1)[1])
    assert status(harness, NAMES["stop"]) == (OrderStatus.OPEN, 2)
    harness.run(ACTIVE)
    harness.now += SECOND
    exchange.obey(harness.quote(price + 2, price + 2)[1])

    assert status(harness, exit_id(NAMES["stop"], HEIR)) == (OrderStatus.OPEN, 2)


def test_an_heir_whose_wait_ends_while_trading_is_halted_goes_out_after_it() -> None:
    exchange, price = trailing()
    harness, heir = exchange.harness, exit_id(NAMES["stop"], HEIR)
    harness.now += SECOND
    sent = harness.quote(price + 1, price + 1)[1]
    harness.run(HALTED)
    exchange.obey(sent)
    assert harness.wait(RECANCEL)[1] == []
    assert harness.order(heir).status is OrderStatus.PENDING
    harness.run(ACTIVE)
    exchange.obey(harness.wait(0)[1])

    assert status(harness, heir) == (OrderStatus.OPEN, 2)


def test_a_close_under_halted_leaves_the_exits_where_they_are() -> None:
    exchange = entered(BOTH)
    harness = exchange.harness
    exchange.fill(NAMES["entry"], "2", "100")
    harness.run(HALTED)
    events, (reply,) = harness.run(m.ClosePosition(account="main", symbol=SYMBOL, order_id=an_id(9)))

    assert events == []
    assert isinstance(reply, m.Reply)
    assert reply.refusal is not None
    assert reply.refusal.code == "halted"


def test_a_close_whose_cancels_end_while_trading_is_halted_waits_for_its_end() -> None:
    exchange = entered(BOTH)
    harness = exchange.harness
    exchange.fill(NAMES["entry"], "2", "100")
    sent = harness.run(m.ClosePosition(account="main", symbol=SYMBOL, order_id=an_id(9)))[1]
    harness.run(HALTED)
    exchange.obey(sent)
    harness.wait(RECANCEL)
    assert harness.order(9).status is OrderStatus.PENDING
    harness.run(ACTIVE)
    exchange.obey(harness.wait(0)[1])

    assert status(harness, an_id(9)) == (OrderStatus.OPEN, 2)


def test_after_a_market_exit_has_filled_the_rest_of_the_entry_gets_a_stop() -> None:
    exchange = entered(STOP_ONLY)
    harness = exchange.harness
    harness.run(a_fill(1, 100))
    harness.wait(0)
    harness.run(m.RejectReport(order_id=NAMES["stop"], time=harness.now, message="would trigger"))
    exchange.obey(harness.wait(0)[1])
    exchange.fill(NAMES["market"], "1", "89")
    exchange.fill(NAMES["entry"], "1", "95")

    assert status(harness, exit_id(NAMES["market"], AGAIN)) == (OrderStatus.OPEN, 1)


def test_an_exit_that_a_check_refuses_waits_and_is_tried_again_and_is_told_once() -> None:
    exchange = entered(STOP_ONLY, settings=Settings(execution_enabled=True))
    harness = exchange.harness
    harness.run(m.Configure(settings=Settings(execution_enabled=False)))
    exchange.fill(NAMES["entry"], "2", "100")
    harness.wait(2 * RECANCEL)
    assert shown(harness, "stop") == "pending 2 @90"
    assert len(alerts(harness)) == 1
    assert "2 is not protected: execution is switched off" in alerts(harness)[0]
    harness.run(m.Configure(settings=Settings()))
    exchange.obey(harness.wait(10 * MINUTE)[1])

    assert shown(harness, "stop") == "open 2 @90"


def test_an_exit_that_was_denied_as_too_small_comes_again_when_the_entry_fills_on() -> None:
    exchange = entered(STOP_ONLY, instruments=[an_instrument(min_notional=Decimal(50))])
    harness = exchange.harness
    exchange.fill(NAMES["entry"], "0.1", "100")
    exchange.obey(harness.run(m.CancelOrder(order_id=an_id()))[1])
    assert harness.order(NAMES["stop"]).status is OrderStatus.DENIED
    exchange.fill(NAMES["entry"], "1.9", "100")

    assert status(harness, exit_id(NAMES["stop"], AGAIN)) == (OrderStatus.OPEN, 2)


def test_what_one_of_a_group_fills_is_not_locked_for_the_others_any_more() -> None:
    harness = a_harness()
    exchange = Exchange(harness)
    exchange.obey(harness.submit(a_market_buy(1, 1, bracket=BOTH), a_market_buy(1, 2, bracket=STOP_ONLY))[1])
    exchange.fill(an_id(1), "1", "100")
    Late(exchange).fill(exit_id(an_id(1), TARGET), "0.6", "104")
    balance, exposure = harness.state.balances["main", "BTC"], harness.state.exposures["main", SYMBOL]
    assert (balance.total, balance.locked, exposure.sell) == (Decimal("0.4"), Decimal("0.4"), Decimal("0.4"))
    exchange.fill(an_id(2), "1", "100")

    assert status(harness, exit_id(an_id(2), STOP)) == (OrderStatus.OPEN, 1)
    assert alerts(harness) == []


def test_a_market_order_in_the_place_of_one_of_a_group_asks_for_what_is_left_of_the_group() -> None:
    rule = LingerRule(name="now", do="market", after_ms=60_000)
    harness = a_harness()
    exchange = Exchange(harness)
    exchange.obey(harness.submit(a_limit_buy(3, 98, 1, group="x", linger=(rule,)), a_limit_buy(3, 97, 2, group="x"))[1])
    cancel = harness.wait(MINUTE)[1]
    Late(exchange).fill(an_id(2), "2", "97")
    exchange.obey(cancel)
    (market,) = (order for order in harness.state.orders.values() if order.instruction.type is OrderType.MARKET)

    assert (market.status, market.quantity) == (OrderStatus.OPEN, Decimal(1))


def test_an_entry_that_fills_before_its_cancel_arrives_keeps_its_exits() -> None:
    harness = a_harness()
    exchange = Exchange(harness)
    exchange.obey(harness.submit(a_limit_buy(2, 100, bracket=BOTH))[1])
    harness.run(m.CancelAll(account="main", symbol=SYMBOL))
    exchange.fill(NAMES["entry"], "2", "100")

    assert [shown(harness, name) for name in ("stop", "target")] == ["open 2 @98", "open 2 @104"]


def test_an_entry_that_fills_while_it_is_closed_is_closed_and_gets_no_exits() -> None:
    harness = a_harness()
    exchange = Exchange(harness)
    exchange.obey(harness.submit(a_limit_buy(2, 100, bracket=BOTH))[1])
    harness.run(m.ClosePosition(account="main", symbol=SYMBOL, order_id=an_id(9)))
    exchange.fill(NAMES["entry"], "2", "100")
    harness.run(m.RejectReport(order_id=NAMES["entry"], time=harness.now, number=1, message="it has filled"))
    exchange.obey(harness.wait(0)[1])
    exchange.fill(an_id(9), "2", "100")

    assert [shown(harness, name).split()[0] for name in ("stop", "target")] == ["cancelled", "cancelled"]
    assert (harness.order(9).status, harness.state.orders) == (OrderStatus.FILLED, {})


def test_a_groups_name_is_free_in_the_turn_in_which_the_group_ends() -> None:
    exchange = a_pair()
    harness = exchange.harness
    exchange.obey(harness.run(m.CancelOrder(order_id=an_id(2)))[1])
    fill = m.FillReport(order_id=an_id(1), time=harness.now, execution=an_execution(3, 98, "whole"))
    harness.run(fill, m.SubmitOrder(instruction=a_limit_buy(1, 98, 3, group="x")))
    exchange.obey(harness.wait(0)[1])

    assert harness.order(3).status is OrderStatus.SUBMITTED


def test_an_exit_is_what_the_core_made_whatever_parent_an_order_names() -> None:
    harness = a_harness(settings=Settings(collar_bps=Decimal(10)))
    said: dict[str, Any] = {"group": an_id(77), "parent_id": an_id(77)}
    harness.submit(a_limit_buy(1, 200, **said))

    assert (harness.order().status, harness.order().code) == (OrderStatus.DENIED, "group")
