"""Checks that told nothing are run again, later each time: by `update`, on a schedule that follows from the order."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orderwright import Broker, OrderStatus, Status, UserCreds
from orderwright.broker.checks import ATTEMPTS, BASE, LONGEST, Checks, pause
from orderwright.errors import InputError, Unreachable
from tests.face.builders import a_broker, a_buy, a_limit

ORDERS = [f"{number:030x}" for number in range(200)]


def test_each_pause_is_twice_the_one_before_and_up_to_half_as_long_again() -> None:
    for attempt in range(20):
        plain = min(BASE * 2**attempt, LONGEST)
        pauses = [pause(order_id, attempt) for order_id in ORDERS]
        assert plain <= min(pauses) < 1.1 * plain < 1.4 * plain < max(pauses) <= 1.5 * plain
        assert pauses == [pause(order_id, attempt) for order_id in ORDERS]
        assert len(set(pauses)) == len(ORDERS)


def test_after_so_many_checks_in_vain_nobody_is_asked_any_more() -> None:
    checks, now = Checks(), 0
    for _ in range(ATTEMPTS):
        at = checks.schedule(ORDERS[0], now)
        assert at is not None
        assert at > now
        now = at
    assert checks.schedule(ORDERS[0], now) is None
    assert (len(checks), checks.due(now)) == (0, [])


def test_those_due_come_in_the_order_in_which_they_became_due() -> None:
    checks = Checks()
    times = {order_id: checks.schedule(order_id, now=0) or 0 for order_id in ORDERS[:9]}
    middle = sorted(times.values())[4]
    assert checks.due(middle) == [one for one in sorted(times, key=times.__getitem__) if times[one] <= middle]
    checks.forget(checks.due(middle)[0])
    assert len(checks.due(middle)) == 4


class Silent:
    """An executor that cannot be reached so many times, and then asks the one that can."""

    def __init__(self, broker: Broker, times: int) -> None:
        self.real, self.times, self.asked_at = broker.executor, times, list[int]()
        self.broker = broker

    def get_status(self, order_id: str) -> Status:
        self.asked_at.append(self.broker.now)
        if len(self.asked_at) <= self.times:
            raise Unreachable("no answer")
        return self.real.get_status(order_id)


def test_a_check_that_nobody_answers_is_run_again_by_later_updates() -> None:
    broker = a_broker()
    trade = broker.submit(a_limit(90))
    silent = broker.executor = Silent(broker, times=3)
    broker.check_trade(trade)
    assert trade.status is OrderStatus.OPEN

    began = broker.now
    for _ in range(60):
        broker.update(500)
    seconds = [(at - began) / 1_000_000 for at in silent.asked_at]
    assert len(seconds) == 4
    assert all(a <= b for a, b in zip((0, 1, 3, 7), seconds, strict=True))
    assert seconds[-1] <= 12


class Raising:
    """An executor with a fault of its own, which names the key that it signs with."""

    def __init__(self, answer: object) -> None:
        self.answer, self.asked = answer, 0

    def get_api_key(self, user_id: str, exchange: str | None = None) -> UserCreds:
        return UserCreds(user_id=user_id, exchange=exchange or "", api_key="SECRET")

    def get_status(self, order_id: str) -> Status:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer  # type: ignore[return-value]  # what a user's may answer


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (RuntimeError("timeout; key=SECRET"), "RuntimeError: timeout; key="),
        (Unreachable("no answer to SECRET"), "no answer to "),
        (InputError("what is this?"), "InputError: what is this?"),
        ({"status": "open"}, "the executor answered with dict"),
    ],
)
def test_whatever_a_check_raises_updates_go_on_and_hand_out_fills(answer: object, said: str) -> None:
    broker = a_broker((100, 100, 100, 89, 89, 89))
    trade = broker.submit(a_limit(90))
    raising = Raising(answer)
    broker.executor = raising
    broker.check_trade(trade)
    fills = [fill for _ in range(5) for fill in broker.update()]
    assert [fill.order_id for fill in fills] == [trade.order_id]
    assert 3 <= raising.asked <= ATTEMPTS
    assert said in broker.alerts[0]
    assert "SECRET" not in "".join(broker.alerts)


def test_of_an_error_whose_secrets_are_not_known_only_the_kind_is_told() -> None:
    broker = a_broker()
    trade = broker.submit(a_limit(90))

    class Keyless:
        def get_status(self, order_id: str) -> Status:
            raise KeyError("SECRET")

    broker.executor = Keyless()
    broker.check_trade(trade)
    assert broker.alerts == [f"order {trade.order_id} could not be checked: KeyError"]


def test_an_answer_under_the_exchanges_own_id_is_about_the_order_that_was_asked_about() -> None:
    broker = a_broker()
    trade = broker.submit(a_limit(90))
    broker.executor = Raising(Status(order_id="X-1", status=OrderStatus.UNKNOWN, filled_quantity=Decimal(1)))
    assert broker.check_trade(trade).status is OrderStatus.OPEN
    broker.update()
    assert broker.executor.asked == 2


def test_an_outcome_that_is_known_is_not_asked_about_again() -> None:
    broker = a_broker()
    trade = broker.submit(a_buy())
    unknown = Status(order_id=trade.order_id, status=OrderStatus.UNKNOWN, error="no answer")
    assert broker.manage_error(unknown) is not None
    assert broker.manage_error(Status(order_id=trade.order_id, status=OrderStatus.FILLED)) is None
    silent = broker.executor = Silent(broker, times=9)
    broker.update()
    assert silent.asked_at == []


def test_a_status_that_claims_fills_books_none_of_them_by_itself() -> None:
    broker = a_broker()
    trade = broker.submit(a_limit(90))
    claim = Status(order_id=trade.order_id, status=OrderStatus.FILLED, filled_quantity=Decimal(1))
    assert broker.is_different(claim, trade)
    broker.update_state(claim)
    assert broker.check_trade(trade).status is OrderStatus.OPEN


def test_a_trade_without_an_order_id_is_not_checked() -> None:
    broker = a_broker()
    rows = broker.state.sequence
    trade = a_buy()
    assert broker.check_trade(trade) is trade
    assert (trade.status, broker.state.sequence) == (None, rows)
    with pytest.raises(InputError, match="never submitted"):
        broker.cancel(trade)
