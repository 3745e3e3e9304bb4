"""The mock executor and the API over a connector: the engine behind the seeds' names, on a made-up market."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from orderwright.core.model import DONE, Account, OrderStatus, RiskLimits, Settings
from orderwright.errors import InputError
from orderwright.executors import (
    NOT_FOUND,
    ConnectorAPI,
    GenericExecutor,
    MemoryCredentials,
    MockExecutor,
    Status,
    Trade,
    UserCreds,
    UserInfo,
)
from orderwright.market.random_market import random_candles
from orderwright.simulation.exchange import TRAITS, SimulatedExchange
from orderwright.simulation.faults import NO_FAULTS, Faults
from tests.executors.builders import AnAPI
from tests.simulation.builders import START, an_instrument, flat, some_candles

S = OrderStatus


def quiet(**more: Any) -> MockExecutor:
    return MockExecutor(seed=1, faults=NO_FAULTS, **more)


def a_buy(**words: Any) -> Trade:
    return Trade("BTC", "USDT", "buy", "0.01", **words)


def test_a_market_order_is_open_and_then_filled() -> None:
    executor, trade = quiet(), a_buy()
    submitted, checked = executor.submit(trade), executor.status(trade)
    assert (submitted.status, checked.status, checked.filled_quantity) == (S.OPEN, S.FILLED, Decimal("0.01"))
    assert checked.filled_quote is not None
    assert checked.fees == {"USDT": checked.filled_quote * Decimal("0.001")}
    assert checked == executor.get_status(trade.order_id).to(time=checked.time)


def test_a_limit_order_rests_and_is_cancelled() -> None:
    executor, trade, user = quiet(), a_buy(order_type="limit", price=40_000), UserInfo()
    executor.submit(trade)
    assert [status.order_id for status in executor.openned(user)] == [trade.order_id]
    assert executor.cancel(trade).status is S.CANCELLED
    assert (executor.opened(user), [status.status for status in executor.orders(user)]) == ([], [S.CANCELLED])


def test_a_cancel_of_what_has_ended_says_why_not() -> None:
    executor, trade = quiet(), a_buy()
    executor.submit(trade)
    executor.status(trade)
    status = executor.cancel(trade)
    assert (status.status, status.code, status.ok) == (S.FILLED, "not_open", False)


def test_balances_have_a_history() -> None:
    executor, trade = quiet(deposits={"USDT": 1_000}), a_buy()
    executor.submit(trade)
    spent = executor.status(trade)
    history = executor.balance_history(UserInfo())
    assert spent.filled_quote is not None
    last = [row for row in history if row["asset"] == "USDT"][-1]
    assert history[0]["change"] == Decimal(1_000)
    assert last["total"] == 1_000 - spent.filled_quote - spent.fees["USDT"]


def test_each_user_has_an_account_and_sees_their_own_orders() -> None:
    executor, trade = quiet(), a_buy(user_id="ann")
    executor.submit(trade)
    assert len(executor.orders(UserInfo(user_id="ann"))) == 1
    assert executor.orders(UserInfo(user_id="bob")) == []
    stolen = a_buy(user_id="bob", order_id=trade.order_id)
    assert (executor.status(stolen).code, executor.cancel(stolen).code) == (NOT_FOUND, NOT_FOUND)


def test_the_users_own_limits_of_the_engine_hold() -> None:
    exchange = SimulatedExchange([some_candles(*flat(100, 100))])
    api = ConnectorAPI(
        exchange,
        [an_instrument()],
        deposits={"USDT": 1_000},
        settings=Settings(limits=RiskLimits(max_order_value=Decimal(50))),
        start=START + 60_000_000,
    )
    api.advance()
    status = GenericExecutor(api, MemoryCredentials(paper=True)).submit(Trade("BTC", "USDT", "buy", 1))
    assert (status.status, status.code) == (S.DENIED, "order_value")


def test_a_trade_of_another_account_than_the_credentials_name_is_denied() -> None:
    executor = quiet()
    executor.set_credentials(UserCreds(user_id="ann", account="anns"))
    status = executor.submit(a_buy(user_id="ann", account="bobs"))
    assert (status.status, status.error) == (S.DENIED, "the account is bobs, the credentials are for anns")
    assert executor.submit(a_buy(user_id="ann", account="anns")).status is S.OPEN


def test_a_trade_for_another_exchange_is_denied_and_the_made_up_one_may_have_any_name() -> None:
    status = quiet().submit(a_buy(exchange="binance"))
    assert (status.status, status.error) == (S.DENIED, "this is simulated, not binance")
    assert quiet(exchange="binance").submit(a_buy(exchange="Binance")).status is S.OPEN


def test_the_same_idempotency_key_is_the_same_order() -> None:
    executor = quiet()
    first, second = (a_buy(idempotency_key="k") for _ in range(2))
    assert executor.submit(first).order_id == executor.submit(second).order_id
    assert first.order_id == second.order_id
    assert executor.status(second).status is S.FILLED
    assert len(executor.orders(UserInfo())) == 1
    other = executor.submit(Trade("BTC", "USDT", "sell", 1, idempotency_key="k"))
    assert (other.status, other.code) == (S.DENIED, "idempotency_conflict")


def test_an_unlisted_pair_is_denied_before_anything_is_sent() -> None:
    status = quiet().submit(Trade("BTT", "USDT", "buy", 1))
    assert (status.status, status.code) == (S.DENIED, "unknown_symbol")


def test_a_lost_answer_is_seen_as_unknown_and_the_next_question_finds_the_order() -> None:
    executor, trade = (
        MockExecutor(seed=1, faults=Faults(lost_answer=1, lost_question=1, dropped=1, until=START + 119_000_000)),
        a_buy(),
    )
    status = executor.submit(trade)
    assert (status.unknown, status.error) == (True, "timed out waiting for the answer")
    assert executor.status(trade).status is S.FILLED
    assert len(executor.api.market._desk.finished) == 1  # type: ignore[attr-defined]


def test_what_never_reached_the_exchange_ends_rejected_and_not_before_the_exchange_has_said_so() -> None:
    executor, trade = MockExecutor(seed=1, faults=Faults(never_reached=1)), a_buy()
    assert executor.submit(trade).unknown
    assert executor.status(trade).status is S.REJECTED


def test_what_the_exchange_refuses_is_rejected_with_its_word() -> None:
    executor = MockExecutor(seed=1, faults=Faults(refused=1))
    status = executor.submit(a_buy())
    assert (status.status, status.code, status.error) == (
        S.REJECTED,
        "fault",
        "refused by chance: the exchange is busy",
    )


def test_a_cancel_that_the_exchange_refuses_leaves_the_order_as_it_is() -> None:
    executor, trade = quiet(), a_buy(order_type="limit", price=40_000)
    executor.submit(trade)
    executor.api.market.line.faults = Faults(refused=1)  # type: ignore[attr-defined]
    status = executor.cancel(trade)
    assert (status.status, status.code) == (S.OPEN, "fault")


def a_day(seed: int) -> list[tuple[str, Status]]:
    """Forty trades, each checked until it has ended or for five minutes."""
    executor, told = MockExecutor(seed=seed), []
    for number in range(40):
        trade = Trade("BTC", "USDT", ("buy", "sell")[number % 2], "0.01")
        status = executor.submit(trade)
        for _ in range(5):
            told.append((trade.order_id, status))
            if status.done:
                break
            status = executor.status(trade)
    return told


def test_one_seed_gives_one_day_and_another_seed_another() -> None:
    assert a_day(5) == a_day(5) != a_day(6)


@pytest.mark.parametrize("seed", range(5))
def test_on_a_bad_day_every_trade_ends_and_is_filled_once_or_not_at_all(seed: int) -> None:
    last = dict(a_day(seed))
    kinds = Counter(status.status for status in last.values())
    assert set(kinds) <= DONE
    assert kinds[S.FILLED] > 25
    assert all(status.filled_quantity == Decimal("0.01") for status in last.values() if status.status is S.FILLED)


def test_over_many_seeds_a_day_has_every_kind_of_trouble() -> None:
    seen = {status.status for seed in range(5) for _, status in a_day(seed)}
    assert {S.OPEN, S.UNKNOWN, S.REJECTED, S.FILLED} <= seen


def test_the_spread_is_paid_and_is_within_its_bounds() -> None:
    executor = quiet(spread_bps=(100, 100), fee_rate=0)
    trade = a_buy(decision_price=50_000)
    executor.submit(trade)
    price = executor.status(trade).average_price
    quote = executor.api.market.quote("BTC/USDT", executor.api.now)  # type: ignore[attr-defined]
    assert price is not None
    assert quote.ask - quote.bid > quote.last * Decimal("0.0099")
    assert price > quote.last * Decimal("1.002")


def test_its_three_parts_can_be_given() -> None:
    api, creds = AnAPI(Status(order_id="x", status=S.OPEN)), MemoryCredentials(UserCreds(user_id="ann"))
    executor = MockExecutor(api, creds, None)
    assert (executor.api, executor.credentials, executor.validation) == (api, creds, None)
    assert executor.submit(a_buy()).status is S.OPEN
    with pytest.raises(InputError, match="no time of its own"):
        executor.advance()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"minutes": 10}, "minutes: is for the made-up exchange"),
        ({"faults": NO_FAULTS}, "faults: is for the made-up exchange"),
    ],
)
def test_an_api_of_ones_own_takes_no_words_for_the_made_up_one(words: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        MockExecutor(AnAPI(), **words)


def test_a_spread_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(InputError, match="spread_bps: the narrowest spread, then the widest"):
        MockExecutor(spread_bps=(5, 1))


def test_a_real_exchange_needs_a_clock() -> None:
    class Wire:
        traits = TRAITS

        def send(self, action: object) -> None:
            raise AssertionError(action)

        def poll(self, limit: int) -> tuple[int, tuple[()]]:
            return limit, ()

    with pytest.raises(InputError, match="clock: a real exchange runs by a clock"):
        ConnectorAPI(Wire(), [an_instrument()])


def test_the_engine_behind_it_is_the_one_and_its_log_has_the_whole_story() -> None:
    feed = random_candles(3, 60, an_instrument(), start=START, start_price=Decimal(100))
    api = ConnectorAPI(
        SimulatedExchange([feed]),
        [an_instrument()],
        account=Account(account="x", taker_fee=Decimal("0.001"), traits=TRAITS),
        deposits={"USDT": 1_000},
        start=START + 60_000_000,
        pace_ms=60_000,
    )
    api.advance()
    executor, trade = GenericExecutor(api, MemoryCredentials(paper=True)), Trade("BTC", "USDT", "buy", 1)
    executor.submit(trade)
    executor.status(trade)
    events = [row["event"] for row in api.journal.history("orders")]
    assert events == ["order_received", "order_accepted", "order_filled"]
    assert Trade.from_row(api.journal.latest("orders")[0]).user_id == ""
