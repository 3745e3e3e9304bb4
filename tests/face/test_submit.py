"""Orders into a broker: once each, refused as an answer, under ids that repeat and never collide."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orderwright import Broker, InputError, LogError, OrderStatus, Settings, Trade, UnknownName
from orderwright.core.evolve import evolve
from orderwright.core.messages import AccountOpened, OrderReceived
from orderwright.core.state import State
from orderwright.errors import CommitFailed
from orderwright.journal.memory import MemoryJournal
from orderwright.journal.sqlite import open_log
from tests.face.builders import SHOWN, a_broker, a_buy, a_limit
from tests.simulation.builders import MINUTE


def test_a_trade_comes_back_with_its_order_id_and_fills_as_the_market_goes_on() -> None:
    broker = a_broker()
    trade = a_buy("2")
    assert broker.submit(trade) is trade
    assert (trade.status, trade.account, trade.exchange) == (OrderStatus.OPEN, "simulated", "simulated")

    fills = broker.update()
    assert [(fill.order_id, fill.execution.price) for fill in fills] == [(trade.order_id, Decimal(100))]
    assert broker.update() == []
    broker.check_trade(trade)
    assert (trade.status, trade.filled_quantity, trade.average_price) == (
        OrderStatus.FILLED,
        Decimal(2),
        Decimal(100),
    )


def test_a_trade_that_was_submitted_is_not_submitted_again() -> None:
    broker = a_broker()
    trade = broker.submit(a_limit(90))
    rows = broker.state.sequence
    broker.submit(trade)
    broker.submit(broker.load()[0])
    assert (broker.state.sequence, trade.status) == (rows, OrderStatus.OPEN)


def test_a_retry_after_a_crash_finds_its_order_by_the_idempotency_key(tmp_path: Path) -> None:
    def attempt() -> Trade:
        with a_broker(log=tmp_path / "log.sqlite") as broker:
            return broker.submit(a_limit(90, idempotency_key="mine", execute_at="after_ms:5000"))

    first, second = attempt(), attempt()
    assert first == second
    with a_broker(log=tmp_path / "log.sqlite") as broker:
        assert len(broker.load()) == 1


def test_a_key_that_was_used_for_another_order_is_denied_and_changes_nothing() -> None:
    broker = a_broker()
    broker.submit(a_limit(90, idempotency_key="mine"))
    rows = broker.state.sequence
    other = broker.submit(a_limit(91, idempotency_key="mine"))
    assert (other.status, other.code, broker.state.sequence) == (OrderStatus.DENIED, "idempotency_conflict", rows)
    assert other.order_id == ""
    assert other.reason.startswith("idempotency_key mine: the key was used for another order")


def test_an_order_id_of_another_order_is_denied() -> None:
    broker = a_broker()
    trade = broker.submit(a_limit(90))
    other = broker.submit(a_limit(80, order_id=trade.order_id))
    assert (other.status, other.code) == (OrderStatus.DENIED, "duplicate_order_id")
    assert broker.load()[0].price == 90


@pytest.mark.parametrize(
    ("trade", "reason"),
    [
        (a_buy("200"), "quantity 200: needs 20000 USDT, 10000 is free (nearest that passes: 100)"),
        (a_buy("1.0005"), "quantity 1.0005: not a multiple of the step size 0.001 (nearest that passes: 1)"),
        (a_limit("90.001"), "price 90.001: not a multiple of the tick size 0.01 (nearest that passes: 90)"),
        (
            Trade("BTX", "USDT", "buy", 1),
            "symbol BTX/USDT: unknown symbol on simulated (nearest that passes: BTC/USDT)",
        ),
        (a_buy("1", account="simulate"), "account simulate: unknown account (nearest that passes: simulated)"),
    ],
)
def test_a_refusal_is_a_denied_trade_with_field_value_and_nearest(trade: Trade, reason: str) -> None:
    broker = a_broker()
    broker.open_account()
    broker.submit(trade)
    assert (trade.status, trade.reason) == (OrderStatus.DENIED, reason)
    assert broker.load(status="closed")[0].reason == reason


@pytest.mark.parametrize(
    ("trade", "field", "nearest"),
    [
        (a_buy(exchange="simulatd"), "exchange", "simulated"),
        (a_buy(account="alice@simulated", user_id="bob"), "user_id", "alice"),
        (a_buy(order_id="1"), "order_id", None),
        ("buy 1 BTC", "trade", None),
    ],
)
def test_what_can_be_no_order_here_raises_and_leaves_no_row(trade: Any, field: str, nearest: str | None) -> None:
    broker = a_broker()
    broker.open_account("alice")
    rows = broker.state.sequence
    with pytest.raises(InputError) as refused:
        broker.submit(trade)
    assert (refused.value.field, refused.value.nearest, broker.state.sequence) == (field, nearest, rows)


def test_find_params_fill_in_what_a_trade_does_not_say() -> None:
    broker = a_broker()
    broker.find_params(user_id="alice", strategy="trend", episode=7)
    filled_in = broker.submit(a_limit(90))
    own = broker.submit(a_limit(90, strategy="mean", user_id="bob"))
    assert (filled_in.user_id, filled_in.strategy, filled_in.episode) == ("alice", "trend", "7")
    assert (own.user_id, own.strategy, own.episode, own.account) == ("bob", "mean", "7", "bob@simulated")


def test_an_unknown_user_gets_a_paper_account_on_first_use_and_only_once() -> None:
    broker = a_broker(deposits={"usdt": "500", "BTC": 2})
    for _ in range(2):
        broker.submit(a_limit(90, user_id="alice"))
    broker.find_params(user_id="alice")
    assert [(row.account, row.asset, row.total) for row in broker.balances()] == [
        ("alice@simulated", "BTC", Decimal(2)),
        ("alice@simulated", "USDT", Decimal(500)),
    ]


def test_an_account_of_ones_own_is_the_default_if_it_was_opened_first() -> None:
    broker = a_broker()
    assert broker.open_account("alice", account="savings", deposits={"USDT": 50}) == "savings"
    assert broker.submit(a_limit(90, "0.1", user_id="alice")).account == "savings"
    with pytest.raises(InputError, match="is alice's on simulated"):
        broker.open_account("bob", account="savings")


def test_order_ids_repeat_from_run_to_run_and_never_within_one(tmp_path: Path) -> None:
    def ids(log: object) -> list[str]:
        with a_broker(log=log) as broker:
            return [broker.submit(a_limit(90)).order_id for _ in range(3)]

    first, second = ids(None), ids(tmp_path / "log.sqlite")
    again = ids(tmp_path / "log.sqlite")
    assert first == second
    assert len({*second, *again}) == 6


def test_cancel_and_replace_and_their_refusals() -> None:
    broker = a_broker()
    trade = broker.submit(a_limit(90))
    assert broker.replace(trade, price=91, quantity="2").status is OrderStatus.OPEN
    assert (broker.load()[0].price, broker.load()[0].quantity) == (Decimal(91), Decimal(2))
    assert broker.cancel(trade.order_id).status is OrderStatus.CANCELLED
    assert broker.cancel(trade).reason.endswith("the order is cancelled")
    assert broker.replace(trade, price=92).status is OrderStatus.CANCELLED


@pytest.mark.parametrize("call", [Broker.cancel, Broker.check_trade])
def test_an_order_that_the_book_does_not_have_is_named(call: Callable[..., object]) -> None:
    with pytest.raises(InputError, match="no order 'f") as refused:
        call(a_broker(), a_buy(order_id="f" * 30))
    assert refused.value.field == "order_id"


def test_a_broker_goes_on_in_its_log_where_it_stopped(tmp_path: Path) -> None:
    def run(log: object, *, stop: bool) -> list[object]:
        broker = a_broker((100, 100, 99, 98, 89, 95, 95), log=log)
        trade = broker.submit(a_limit(90))
        broker.update()
        if stop:
            broker.close()
            broker = a_broker((100, 100, 99, 98, 89, 95, 95), log=log)
        while not broker.done:
            broker.update()
        found = broker.load(order_id=trade.order_id)[0]
        broker.close()
        return [found.status, found.average_price, found.filled_at, broker.now]

    straight = run(None, stop=False)
    assert straight == [OrderStatus.FILLED, 89, SHOWN + 3 * MINUTE, SHOWN + 6 * MINUTE]
    assert run(tmp_path / "log.sqlite", stop=True) == straight


def test_a_market_that_is_over_stands_still() -> None:
    broker = a_broker((100, 100, 101))
    for _ in range(5):
        broker.update(60_000)
    assert (broker.done, broker.now) == (True, SHOWN + 2 * MINUTE)


def test_leaving_the_context_closes_the_log_that_was_opened_here(tmp_path: Path) -> None:
    with a_broker(log=tmp_path / "log.sqlite") as broker:
        broker.submit(a_limit(90))
    broker.close()
    for call in (lambda: broker.submit(a_buy()), broker.load, broker.update, broker.balances):
        with pytest.raises(LogError, match="the broker is closed"):
            call()


def test_a_journal_that_was_given_stays_open() -> None:
    journal = MemoryJournal()
    with a_broker(log=journal) as broker:
        broker.submit(a_limit(90))
    assert [type(event) for _, event in journal.events("main")].count(OrderReceived) == 1


def test_settings_are_told_once_and_kept_by_the_log(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    with a_broker(log=path, settings=Settings(bar_ms=30_000)) as broker:
        assert broker.state.settings.bar_ms == 30_000
    with a_broker(log=path) as broker:
        assert broker.state.settings.bar_ms == 30_000


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"deposits": {"USDT": 0}}, "deposits.USDT"),
        ({"deposits": {"US DT": 1}}, "deposits"),
        ({"deposits": 10_000}, "deposits"),
        ({"taker_fee": "1.5"}, "taker_fee"),
        ({"fee_in": "base"}, "fee_in"),
        ({"feeds": []}, "feeds"),
        ({"feeds": ["candles.csv"]}, "feeds"),
        ({"exchanges": {}, "feeds": None}, "exchanges"),
        ({"exchanges": {"binance": None}}, "feeds"),
        ({"exchange": "bin ance"}, "exchange"),
        ({"book": ""}, "book"),
        ({"settings": 5}, "settings"),
        ({"clock": 5}, "clock"),
        ({"executor": object(), "feeds": None}, "executor"),
        ({"executor": object()}, "feeds"),
        ({"log": 5}, "log"),
    ],
)
def test_what_a_broker_cannot_be_made_of_is_named(options: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as refused:
        a_broker(**options)
    assert refused.value.field == field


def test_a_bad_step_is_refused() -> None:
    with pytest.raises(InputError, match="milliseconds") as refused:
        a_broker().update(0)
    assert (refused.value.field, refused.value.nearest) == ("step_ms", 1)


def test_the_nearest_key_is_offered() -> None:
    broker = a_broker()
    with pytest.raises(InputError) as misspelt:
        broker.find_params(strategie="x")
    with pytest.raises(InputError) as another:
        broker.load(user="x")
    assert (misspelt.value.nearest, another.value.nearest) == ("strategy", "user_id")
    with pytest.raises(UnknownName):
        broker.find_params(exchange="simulatd")
    with pytest.raises(InputError, match="is not text"):
        broker.find_params(user_id=5)


def test_what_cannot_be_made_durable_is_never_sent_and_ends_the_broker() -> None:
    class Full(MemoryJournal):
        full = False

        def commit(self) -> None:
            if self.full:
                raise CommitFailed("no space left on device")

    journal = Full()
    with a_broker(log=journal) as broker:
        broker.open_account()
        journal.full = True
        trades = [a_buy(), a_buy()]
        for trade in trades:
            with pytest.raises(CommitFailed, match="no space left"):
                broker.submit(trade)
        assert [bool(trade.order_id) for trade in trades] == [True, False]  # the second was not even decided on
        journal.full = False
        with pytest.raises(CommitFailed, match="no space left"):
            broker.update()


@pytest.mark.parametrize("key", ["mine", ""])
@pytest.mark.parametrize("durable", [False, True])
def test_a_crash_while_submitting_and_the_same_trade_again_make_one_order(
    durable: bool, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a key it may be another process's trade; without one it is the very same."""
    journal, crashing = open_log(tmp_path / "log.sqlite"), list[bool]()
    commit = journal.commit

    def crash() -> None:
        if durable or not crashing:
            commit()
        if crashing:
            raise CommitFailed("the machine went down")

    monkeypatch.setattr(journal, "commit", crash)
    broker = a_broker(log=journal)
    broker.open_account()
    crashing.append(True)
    trade = a_buy("1", idempotency_key=key)
    with pytest.raises(CommitFailed):
        broker.submit(trade)
    journal.close()

    with a_broker(log=tmp_path / "log.sqlite") as broker:
        assert len(broker.load()) == int(durable)
        trade = broker.submit(a_buy("1", idempotency_key=key) if key else trade)
        broker.update()
        broker.update()
        assert [(one.order_id, one.status) for one in broker.load()] == [(trade.order_id, OrderStatus.FILLED)]
        assert [row.total for row in broker.balances()] == [Decimal(1), Decimal(9_900)]


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_an_account_whose_opening_was_cut_off_gets_its_deposits_once(rows: int) -> None:
    """The opening is one row, and one for each asset: the log ends after so many of them."""
    money = {"EUR": 5, "USDT": 7}
    whole, cut = MemoryJournal(), MemoryJournal()
    a_broker(log=whole, deposits=money).open_account("alice")
    events = [event for _, event in whole.events("main")]
    state, opened = State(book="main"), next(at for at, one in enumerate(events) if isinstance(one, AccountOpened))
    for sequence, event in enumerate(events[: opened + rows], start=1):
        cut.append("main", sequence, event, evolve(state, event))

    for _ in range(3):
        broker = a_broker(log=cut, deposits=money)
        broker.submit(a_limit(1, user_id="alice"))
        found = {row.asset: row.total for row in broker.balances()}
        assert found == {"EUR": Decimal(5), "USDT": Decimal(7)}


def test_an_account_that_was_opened_without_money_stays_without_it() -> None:
    journal = MemoryJournal()
    a_broker(log=journal).open_account("alice", deposits={})
    broker = a_broker(log=journal)
    broker.open_account("alice", deposits={})
    assert broker.submit(a_limit(1, user_id="alice")).status is OrderStatus.DENIED
    assert broker.balances() == []
