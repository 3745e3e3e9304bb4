"""The generic executor over an API of a user's own: what is asked of it, and what each answer becomes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orderwright.core.model import OrderStatus
from orderwright.errors import InputError, Refused, Unreachable
from orderwright.executors import (
    NOT_FOUND,
    Executor,
    GenericExecutor,
    MemoryCredentials,
    OrderNotFound,
    Status,
    Trade,
    UserCreds,
    UserInfo,
    Validation,
    new_ids,
)
from tests.builders import NOW, an_id, an_instrument
from tests.executors.builders import AnAPI

S = OrderStatus
ANN = UserCreds(user_id="ann", exchange="mine")


def an_executor(*answers: Any, validator: Validation | None = None) -> tuple[GenericExecutor, AnAPI]:
    api = AnAPI(*answers)
    return GenericExecutor(api, MemoryCredentials(ANN), validator, ids=lambda _: an_id()), api


def a_trade(**words: Any) -> Trade:
    return Trade("BTC", "USDT", "buy", 1, user_id="ann", exchange="mine", **words)


def test_a_trade_gets_its_order_id_before_it_is_sent() -> None:
    executor, api = an_executor()
    trade = a_trade()
    assert executor.submit(trade) == Status(order_id=an_id(), status=S.OPEN)
    assert (trade.order_id, api.asked) == (an_id(), [("submit", an_id())])


def test_a_second_submit_sends_nothing_and_asks_how_the_order_stands() -> None:
    executor, api = an_executor(Unreachable("timed out"), Status(order_id=an_id(), status=S.OPEN))
    trade = a_trade()
    assert executor.submit(trade).unknown
    assert executor.submit(trade).status is S.OPEN
    assert api.asked == [("submit", an_id()), ("status", an_id())]


def test_an_exchange_that_gives_ids_of_its_own_has_the_last_word() -> None:
    executor, api = an_executor(Status(order_id="theirs", status=S.OPEN), Status(status=S.FILLED))
    trade = a_trade()
    executor.submit(trade)
    assert executor.status(trade) == Status(order_id="theirs", status=S.FILLED)
    assert (trade.order_id, executor.get_api_key("theirs"), api.asked[-1]) == ("theirs", ANN, ("status", "theirs"))


def test_a_trade_that_does_not_pass_is_denied_and_never_sent() -> None:
    executor, api = an_executor(validator=Validation([an_instrument()]))
    trade = a_trade(order_type="limit", price="100.001")
    assert executor.submit(trade) == Status(
        status=S.DENIED,
        code="price_off_tick",
        error="price 100.001: not a multiple of the tick size 0.01 (nearest that passes: 100)",
        symbol="BTC/USDT",
        quantity=Decimal(1),
    )
    assert (api.asked, trade.is_order_id) == ([], False)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Refused("no money", "-2010"), Status(order_id=an_id(), status=S.REJECTED, code="-2010", error="no money")),
        (Unreachable("timed out"), Status(order_id=an_id(), status=S.UNKNOWN, error="timed out")),
        (TimeoutError(), Status(order_id=an_id(), status=S.UNKNOWN, error="TimeoutError")),
        (InputError("odd answer"), Status(order_id=an_id(), status=S.UNKNOWN, error="odd answer")),
        (KeyError("id"), Status(order_id=an_id(), status=S.UNKNOWN, error="'id'")),
    ],
)
def test_only_a_refusal_of_an_order_is_a_known_outcome(answer: Exception, expected: Status) -> None:
    executor, _ = an_executor(answer)
    assert executor.submit(a_trade()) == expected


def test_a_question_without_an_answer_is_unknown_and_one_about_no_order_says_so() -> None:
    trade = a_trade(order_id=an_id())
    assert an_executor(Unreachable("timed out"))[0].status(trade).unknown
    assert an_executor(OrderNotFound())[0].status(trade).code == NOT_FOUND


def test_an_answer_that_makes_no_sense_is_an_error() -> None:
    executor, _ = an_executor(Status(order_id=an_id(), status=S.OPEN), {"id": 1})
    executor.submit(a_trade())
    with pytest.raises(InputError, match="status: is missing"):
        executor.get_status(an_id())


def test_a_refused_cancel_gives_the_order_as_it_is_and_why() -> None:
    filled = Status(order_id=an_id(), status=S.FILLED)
    executor, _ = an_executor(Refused("already filled", "-2011"), filled)
    assert executor.cancel(a_trade(order_id=an_id())) == filled.to(code="-2011", error="already filled")


@pytest.mark.parametrize("answer", [Unreachable("timed out"), OSError("reset"), OrderNotFound()])
def test_a_cancel_without_an_answer_is_unknown(answer: Exception) -> None:
    executor, _ = an_executor(answer)
    assert executor.cancel(a_trade(order_id=an_id())).unknown


def test_a_status_by_id_alone_uses_the_credentials_the_order_was_sent_with() -> None:
    executor, api = an_executor(
        Status(order_id=an_id(), status=S.OPEN), {"clientOrderId": an_id() + "00", "status": "NEW", "origQty": "1"}
    )
    executor.submit(a_trade())
    assert executor.get_api_key(an_id()) == ANN
    assert executor.get_status(an_id()) == Status(
        order_id=an_id(), status=S.OPEN, quantity=Decimal(1), remaining=Decimal(1), filled_quote=Decimal(0)
    )
    assert api.asked[-1] == ("pull", an_id())


def test_after_a_restart_whose_order_it_is_can_be_told() -> None:
    executor, _ = an_executor({"id": 5, "status": "NEW"})
    executor.remember(an_id(), "ann", "mine")
    assert executor.get_status(an_id()).order_id == an_id()


def test_an_order_that_was_not_sent_from_here_is_named() -> None:
    with pytest.raises(InputError, match="order_id: no order 'x' was sent from here"):
        an_executor()[0].get_status("x")


def test_an_answer_about_another_order_is_refused() -> None:
    executor, _ = an_executor(Status(order_id=an_id(), status=S.OPEN), {"clientOrderId": an_id(2), "status": "NEW"})
    executor.submit(a_trade())
    with pytest.raises(InputError, match="the answer is about another order"):
        executor.get_status(an_id())


@pytest.mark.parametrize("verb", ["status", "cancel"])
def test_a_trade_without_an_order_id_cannot_be_asked_about(verb: str) -> None:
    executor, api = an_executor()
    with pytest.raises(InputError, match="never submitted"):
        getattr(executor, verb)(a_trade())
    assert api.asked == []


def test_a_users_orders_and_balances_are_asked_for_with_their_credentials() -> None:
    executor, api = an_executor(Status(order_id=an_id(), status=S.OPEN))
    ann = UserInfo(user_id="ann", exchange="mine")
    assert executor.orders(ann) == executor.opened(ann) == executor.openned(ann)
    assert executor.balance_history(ann) == [{"asset": "USDT", "user": "ann"}]
    assert api.asked == [("all", "ann"), ("open", "ann"), ("open", "ann")]


def test_the_interface_says_what_is_missing() -> None:
    class Mine(Executor):
        def submit(self, trade: Trade) -> Status:
            return Status()

        status = cancel = submit

    mine = Mine(AnAPI(), MemoryCredentials(), None)
    for ask in (mine.orders, mine.opened, mine.openned, mine.balance_history):
        with pytest.raises(NotImplementedError):
            ask(UserInfo())
    with pytest.raises(NotImplementedError):
        mine.get_status("1")
    with pytest.raises(NotImplementedError):
        mine.get_api_key("ann", "mine")
    with pytest.raises(TypeError, match="abstract"):
        Executor(AnAPI(), MemoryCredentials(), None)  # type: ignore[abstract]


def test_ids_are_all_different_and_begin_with_the_time() -> None:
    make = new_ids(lambda: NOW, "here")
    ids = [make(a_trade()) for _ in range(3)]
    assert len({*ids}) == 3
    assert all(len(one) == 30 and one.startswith(an_id()[:12]) for one in ids)
    assert [new_ids(lambda: NOW, "here")(a_trade())] == ids[:1]
    assert new_ids(lambda: NOW)(a_trade()) != new_ids(lambda: NOW)(a_trade())
