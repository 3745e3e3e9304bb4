"""What every journal does: one suite, run by the one in memory and the one on SQLite."""

from __future__ import annotations

import decimal
import tempfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwright.core import messages as m
from orderwright.core.evolve import Changes
from orderwright.core.model import Account, Action, Balance, Order, OrderStatus, Position, Settings, Signal
from orderwright.core.numbers import EXACT
from orderwright.core.recovery import restore
from orderwright.core.state import State
from orderwright.errors import InputError, LogError, LogFenced, UnknownName
from orderwright.journal import MemoryJournal, open_log
from orderwright.ports import Journal
from tests.builders import NOW, SYMBOL, a_limit_buy, a_quote, an_execution, an_id, opening
from tests.journal.desk import Desk, order_from, orders_of, replayed

OPEN = ["open", "partially_filled", "pending_cancel", "pending_replace"]
Make = Callable[[], Journal]


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    made: list[Journal] = []

    def one() -> Journal:
        path = tmp_path / f"{len(made)}.log"
        made.append(MemoryJournal() if request.param == "memory" else open_log(path))
        return made[-1]

    yield one
    for journal in made:
        journal.close()


@pytest.fixture
def journal(make: Make) -> Journal:
    return make()


def seen(rows: list[dict[str, Any]], *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in rows]


def test_an_empty_journal_has_an_empty_open_state(journal: Journal) -> None:
    state = journal.open_state("main")

    assert (state.sequence, state.time, state.orders, state.balances, state.positions) == (0, 0, [], {}, {})
    assert (state.controls, state.moved, state.last_order_id) == ([], {}, "")
    assert journal.latest("orders") == []
    assert list(journal.events("main")) == []


def test_events_come_back_equal_and_in_order(journal: Journal) -> None:
    desk = Desk(journal).trade(1).buy(2).end(2).commit()

    assert list(journal.events("main")) == list(enumerate(desk.log, start=1))
    assert list(journal.events("main", after=7)) == list(enumerate(desk.log, start=1))[7:]


def test_a_sequence_that_is_not_the_next_is_fenced(journal: Journal) -> None:
    Desk(journal).commit()

    with pytest.raises(LogFenced):
        journal.append("main", 4, m.Configured(time=NOW, settings=Settings()), Changes())
    with pytest.raises(LogFenced):
        journal.append("main", 6, m.Configured(time=NOW, settings=Settings()), Changes())


def test_an_order_that_is_received_twice_is_refused_and_the_log_goes_on(journal: Journal) -> None:
    desk = Desk(journal).buy(1)
    received, order = desk.log[-1], desk.state.find(an_id(1))
    for _ in range(2):  # while its first row waits, and when it is in the log
        with pytest.raises(LogError, match="was received before"):
            journal.append("main", len(desk.log) + 1, received, Changes(order))
        desk.commit()

    desk.accept(1).commit()
    assert list(journal.events("main")) == list(enumerate(desk.log, start=1))
    assert seen(journal.latest("orders"), "status") == [("open",)]


def test_an_order_is_recalled_with_all_its_events(journal: Journal) -> None:
    desk = Desk(journal).trade(1).buy(2).commit()

    expected = [event for event in desk.log if isinstance(event, m.OrderEvent) and event.order_id == an_id(1)]
    assert journal.recall_order("main", an_id(1)) == expected
    assert journal.recall_order("main", an_id(3)) == []
    assert journal.recall_order("other", an_id(1)) == []


def test_keys_of_signals_orders_and_cash_are_recalled(journal: Journal) -> None:
    desk = Desk(journal)
    signal = Signal(signal_id="s1", symbol=SYMBOL, action=Action.BUY, account="main", quantity=Decimal(1), alert_id="a")
    cash = m.MoveCash(account="main", asset="USDT", amount=Decimal(5), reference="ref")
    desk.run(m.ReceiveSignal(signal=signal, order_id=an_id(1)), cash)
    desk.run(m.SubmitOrder(instruction=a_limit_buy(1, 100, 2, idempotency_key="mine"))).commit()

    assert journal.recall_key("main", f"signal|{signal.key}") == an_id(1)
    assert journal.recall_key("main", "order|mine") == an_id(2)
    assert journal.recall_key("main", "cash|ref") == ""
    assert journal.recall_key("main", "cash|other") is None
    assert journal.recall_key("other", "cash|ref") is None


def test_the_open_state_restores_the_book(journal: Journal) -> None:
    desk = Desk(journal).trade(1).buy(2).accept(2).fill(2).buy(3)
    desk.run(m.MoveCash(account="main", asset="USDT", amount=Decimal(-7), kind="withdrawal")).commit()
    kept = journal.open_state("main")

    assert kept.sequence == len(desk.log)
    assert kept.time == desk.now
    assert [order_from(rows) for rows in kept.orders] == list(desk.state.orders.values())
    assert kept.balances == desk.state.balances
    assert kept.positions == desk.state.positions == {("main", SYMBOL): Position(Decimal(3), Decimal(300), Decimal(0))}
    assert kept.moved == {("main", "USDT"): Decimal(-7)}
    assert kept.last_order_id == an_id(3)
    assert kept.controls[:2] == opening()[:2]
    assert same(restore("main", kept), desk.state)


def same(one: State, other: State) -> bool:
    names = ("sequence", "now", "settings", "controls", "day", "accounts", "instruments", "orders", "balances")
    return all(getattr(one, name) == getattr(other, name) for name in (*names, "positions", "last_order_id"))


def test_the_latest_order_rows_have_the_seeds_columns_and_ours(journal: Journal) -> None:
    desk = Desk(journal).run(m.SubmitOrder(instruction=a_limit_buy(2, 100, user="u", metadata={"a": "b"})))
    desk.accept().pass_time(5).fill().commit()

    assert journal.latest("orders") == [
        {
            "id": 1,
            "user_id": "u",
            "exchange": "simulated",
            "exchange_order_id": "x1",
            "client_order_id": an_id(1),
            "symbol": SYMBOL,
            "side": "buy",
            "order_type": "limit",
            "quantity": Decimal(2),
            "price": Decimal(100),
            "stop_price": None,
            "status": "partially_filled",
            "filled_quantity": Decimal(1),
            "remaining_quantity": Decimal(1),
            "average_fill_price": Decimal(100),
            "source": "manual",
            "source_signal_id": None,
            "created_at": NOW,
            "updated_at": NOW + 5,
            "filled_at": NOW + 5,
            "risk_check_passed": "passed",
            "risk_check_reason": None,
            "metadata": {"a": "b"},
            "book": "main",
            "sequence": len(desk.log),
            "time": NOW + 5,
            "account": "main",
            "strategy": None,
            "episode": None,
            "parent_id": None,
            "idempotency_key": None,
            "time_in_force": "gtc",
            "arrival_price": Decimal(100),
            "filled_quote": Decimal(100),
            "error_code": None,
            "estimated_fee": Decimal(0),
            "estimated_cost": Decimal(200),
            "estimated_slippage": Decimal(0),
            "event": "order_filled",
        }
    ]


def test_a_denied_order_says_which_check_it_failed(journal: Journal) -> None:
    Desk(journal).buy(1, quantity=1_000_000).commit()

    (row,) = journal.latest("orders")
    assert (row["status"], row["risk_check_passed"], row["error_code"]) == ("denied", "failed", "buying_power")
    assert row["risk_check_reason"]


def test_an_order_that_was_open_and_has_filled_is_not_found_among_the_open(journal: Journal) -> None:
    desk = Desk(journal).buy(1).accept(1).buy(2).accept(2).pass_time(10)
    desk.fill(1).fill(1).commit()

    assert seen(journal.latest("orders", where={"status": OPEN}), "id") == [(2,)]
    assert seen(journal.latest("orders", where={"status": OPEN}, as_of=NOW), "id") == [(1,), (2,)]
    assert seen(journal.latest("orders", where={"status": "filled"}), "id") == [(1,)]
    assert seen(journal.latest("orders", where={"status": OrderStatus.FILLED, "account": "nobody"}), "id") == []


def test_the_latest_of_another_group_is_its_newest_row(journal: Journal) -> None:
    Desk(journal).buy(1).pass_time(1).buy(2).accept(2).accept(1).commit()

    assert seen(journal.latest("orders", by=["symbol"]), "symbol", "id", "status") == [(SYMBOL, 1, "open")]
    assert journal.latest("orders", by=["symbol"], where={"status": "submitted"}) == []
    assert seen(journal.latest("ledger", by=["account"]), "asset", "total") == [("USDT", Decimal(1_000_000))]


def test_history_is_oldest_first_and_a_limit_takes_the_newest(journal: Journal) -> None:
    Desk(journal).trade(1).commit()

    assert seen(journal.history("orders"), "event", "filled_quantity") == [
        ("order_received", Decimal(0)),
        ("order_accepted", Decimal(0)),
        ("order_filled", Decimal(1)),
        ("order_filled", Decimal(2)),
    ]
    assert seen(journal.history("orders", limit=2), "status") == [("partially_filled",), ("filled",)]
    assert journal.history("orders", limit=0) == []
    assert seen(journal.history("fills", where={"order_id": an_id(1)}), "execution_id") == [("e1",), ("e2",)]


def test_a_busted_and_a_corrected_fill_no_longer_stand(journal: Journal) -> None:
    desk = Desk(journal).buy(1).accept(1).fill(1).fill(1).pass_time(5)
    desk.run(m.BustReport(order_id=an_id(1), time=NOW, execution_id="e1"))
    better = an_execution(1, 90, "e3")
    desk.run(m.CorrectReport(order_id=an_id(1), time=NOW, corrects="e2", execution=better)).commit()
    columns = ("execution_id", "event", "standing", "price", "replaced_by")

    assert seen(journal.latest("fills"), *columns) == [
        ("e1", "fill_busted", False, None, None),
        ("e2", "fill_corrected", False, None, "e3"),
        ("e3", "fill_corrected", True, Decimal(90), None),
    ]
    assert seen(journal.latest("fills", where={"standing": True}), "execution_id") == [("e3",)]
    assert seen(journal.latest("fills", where={"standing": True}, as_of=NOW), "execution_id") == [("e1",), ("e2",)]
    assert len(journal.history("fills")) == 5


def test_the_ledger_has_every_change_and_the_balance_after_it(journal: Journal) -> None:
    Desk(journal).buy(1).fill(1).commit()
    columns = ("event", "order_id", "asset", "change", "total", "locked", "free")
    million = Decimal(1_000_000)

    assert seen(journal.history("ledger"), *columns) == [
        ("cash_moved", None, "USDT", million, million, Decimal(0), million),
        ("order_received", an_id(1), "USDT", Decimal(0), million, Decimal(200), million - 200),
        ("order_filled", an_id(1), "BTC", Decimal(1), Decimal(1), Decimal(0), Decimal(1)),
        ("order_filled", an_id(1), "USDT", Decimal("-100.1"), Decimal("999899.9"), Decimal(100), Decimal("999799.9")),
    ]
    assert seen(journal.latest("balances", where={"account": "main"}), "asset", "total") == [
        ("BTC", Decimal(1)),
        ("USDT", Decimal("999899.9")),
    ]


def test_signals_and_prices_are_read_models(journal: Journal) -> None:
    desk = Desk(journal)
    refused = Signal(signal_id="s1", symbol="NO/USDT", action=Action.BUY, account="main", strategy="trend")
    desk.run(m.ReceiveSignal(signal=refused, order_id=an_id(1)))
    for last in (100, 101):
        quote = a_quote(last, last, time=desk.now)
        desk.append(m.PriceSeen(time=desk.now, exchange="simulated", symbol=SYMBOL, quote=quote))
    desk.commit()

    (signal,) = journal.latest("signals", where={"strategy": "trend"})
    assert (signal["verdict"], signal["reason"], signal["order_id"]) == ("refused", "unknown_symbol", None)
    assert '"symbol":"NO/USDT"' in signal["raw"]
    assert seen(journal.latest("prices"), "symbol", "last", "bid") == [(SYMBOL, Decimal(101), Decimal(101))]
    assert len(journal.history("prices")) == 2


def test_an_unknown_table_or_column_names_the_nearest(journal: Journal) -> None:
    with pytest.raises(UnknownName) as table:
        journal.latest("order")
    with pytest.raises(UnknownName) as column:
        journal.history("orders", where={"acount": "main"})
    with pytest.raises(UnknownName):
        journal.latest("orders", by=["colour"])
    with pytest.raises(InputError):
        journal.latest("orders", where={"account": {"a": 1}})

    assert (table.value.nearest, column.value.nearest) == ("orders", "account")


def test_books_are_kept_apart(journal: Journal) -> None:
    main, other = Desk(journal), Desk(journal, "other")
    main.trade(1)
    other.buy(1, quantity=1).commit()

    assert list(journal.events("other")) == list(enumerate(other.log, start=1))
    assert journal.open_state("other").balances == other.state.balances
    assert seen(journal.latest("orders"), "book", "status") == [("main", "filled"), ("other", "submitted")]
    assert seen(journal.latest("orders", where={"book": "other"}), "book", "id") == [("other", 2)]
    assert seen(journal.latest("balances", where={"asset": "USDT"}), "book", "locked") == [
        ("main", Decimal(0)),
        ("other", Decimal(100)),
    ]


Step = tuple[str, str, int, int]
WORDS = (
    "buy",
    "buy",
    "accept",
    "fill",
    "fill",
    "cancel",
    "end",
    "replace",
    "replaced",
    "bust",
    "correct",
    "cash",
    "wait",
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "buy",
                "buy",
                "accept",
                "fill",
                "fill",
                "cancel",
                "end",
                "replace",
                "replaced",
                "bust",
                "correct",
                "cash",
                "wait",
            ]
        ),
        st.sampled_from(("main", "other")),
        st.integers(1, 3),
        st.integers(1, 3),
    ),
    max_size=40,
)


def take(desk: Desk, name: str, number: int, amount: int) -> None:
    order_id, now = an_id(number), desk.now
    inputs: dict[str, Callable[[], m.Input]] = {
        "cancel": lambda: m.CancelOrder(order_id=order_id),
        "replace": lambda: m.ReplaceOrder(order_id=order_id, quantity=Decimal(amount + 2)),
        "replaced": lambda: m.ReplacedReport(order_id=order_id, time=now, number=amount),
        "bust": lambda: m.BustReport(order_id=order_id, time=now, execution_id=f"e{amount}"),
        "correct": lambda: m.CorrectReport(
            order_id=order_id, time=now, corrects=f"e{amount}", execution=an_execution(1, 90, f"c{amount}")
        ),
        "cash": lambda: m.MoveCash(account="main", asset="USDT", amount=Decimal(amount)),
    }
    if name in inputs:
        desk.run(inputs[name]())
    elif name in ("accept", "end"):
        getattr(desk, name)(number)
    elif name == "wait":
        desk.pass_time(amount)
    else:
        getattr(desk, name)(number, amount)


@given(STEPS, st.integers(-1, 30))
def test_latest_as_of_any_moment_is_what_a_fold_up_to_it_gives(steps: list[Step], moment: int) -> None:
    as_of = NOW + moment
    with tempfile.TemporaryDirectory() as folder:
        agree((MemoryJournal(), open_log(Path(folder) / "log")), steps, as_of)


def agree(journals: tuple[Journal, ...], steps: list[Step], as_of: int) -> None:
    for journal in journals:
        desks = {book: Desk(journal, book) for book in ("main", "other")}
        for name, book, number, amount in steps:
            take(desks[book], name, number, amount)
        desks["main"].commit()
        for desk in desks.values():
            check(journal, desk, as_of)
        journal.close()


def check(journal: Journal, desk: Desk, as_of: int) -> None:
    past = [event for event in desk.log if event.time <= as_of]
    state, where = replayed(desk.book, past), {"book": desk.book}
    orders = {order_id: (at, fold(rows)) for order_id, (at, rows) in orders_of(past).items()}

    def expected(statuses: list[str] | None = None) -> list[tuple[Any, ...]]:
        found = [
            (at, order.order_id, order.status.value, order.quantity, order.filled, order.leaves, order.updated_at)
            for at, order in orders.values()
            if statuses is None or order.status.value in statuses
        ]
        return sorted(found)

    columns = ("sequence", "client_order_id", "status", "quantity", "filled_quantity", "remaining_quantity", "time")
    live = [status.value for status in OrderStatus if status.value not in ("filled", "cancelled", "rejected")]
    for statuses in (OPEN, ["filled", "cancelled"], live):
        picked = {**where, "account": "main", "status": statuses}
        assert seen(journal.latest("orders", where=picked, as_of=as_of), *columns) == expected(statuses)
    assert seen(journal.latest("orders", where=where, as_of=as_of), *columns) == expected()
    balances = journal.latest("balances", where=where, as_of=as_of)
    assert {(row["account"], row["asset"]): Balance(row["total"], row["locked"]) for row in balances} == state.balances
    positions = journal.latest("positions", where=where, as_of=as_of)
    touched = {key: position for key, position in state.positions.items() if position != Position()}
    assert {
        (row["account"], row["symbol"]): Position(row["size"], row["cost"], row["realised"])
        for row in positions
        if row["size"] or row["cost"] or row["realised"]
    } == touched
    fills = journal.latest("fills", where={**where, "standing": True}, as_of=as_of)
    standing = [(id_, e) for id_, (_, order) in orders.items() for e, trade in order.executions.items() if trade]
    assert sorted(seen(fills, "order_id", "execution_id")) == sorted(standing)
    newest = max((at for at, _ in orders.values()), default=None)
    rows = journal.latest("orders", by=["book", "account"], where=where, as_of=as_of)
    assert [row["sequence"] for row in rows] == ([] if newest is None else [newest])


def fold(rows: list[m.AnyOrderEvent]) -> Order:
    with decimal.localcontext(EXACT):
        return order_from(rows)


def test_accounts_instruments_and_settings_are_read_models(journal: Journal) -> None:
    account = Account(account="k", exchange="kraken", user="ann", taker_fee=Decimal("0.001"), leverage=Decimal(2))
    desk = Desk(journal).pass_time(5).run(m.OpenAccount(account=account)).commit()
    place = {"event": "account_opened", "book": "main", "sequence": len(desk.log), "time": NOW + 5}

    assert journal.latest("accounts", where={"user_id": "ann"}) == [
        {
            "account": "k",
            "exchange": "kraken",
            "user_id": "ann",
            "maker_fee": Decimal(0),
            "taker_fee": Decimal("0.001"),
            "slippage_bps": Decimal(0),
            "fee_in": "quote",
            "leverage": Decimal(2),
            **place,
        }
    ]
    assert journal.latest("instruments", where={"symbol": SYMBOL}) == [
        {
            "exchange": "simulated",
            "symbol": SYMBOL,
            "base": "BTC",
            "quote": "USDT",
            "tick_size": Decimal("0.01"),
            "step_size": Decimal("0.00001"),
            "min_quantity": Decimal(0),
            "min_notional": Decimal(0),
            "linear": False,
            "trading": True,
            "event": "instrument_defined",
            "book": "main",
            "sequence": 2,
            "time": NOW,
        }
    ]
    assert journal.latest("settings") == []
    desk.run(m.Configure(settings=Settings(currency="EUR", parity=("EUR", "EURC")))).commit()
    assert seen(journal.latest("settings"), "currency", "parity") == [("EUR", ("EUR", "EURC"))]


def test_a_definition_is_the_newest_one_now_and_the_one_that_held_as_of_a_moment(journal: Journal) -> None:
    desk, other = Desk(journal), Desk(journal, "other")
    for later, user in enumerate(("ann", "bob"), start=1):
        desk.pass_time(1).run(m.OpenAccount(account=Account(account="k", user=user)))
        other.pass_time(1)
        assert desk.now == NOW + later
    other.run(m.OpenAccount(account=Account(account="k", user="eve")))
    desk.run(m.Configure(settings=Settings(currency="EUR"))).commit()
    whose = ("book", "account", "user_id")

    assert seen(journal.latest("accounts", where={"account": "k"}), *whose) == [
        ("main", "k", "bob"),
        ("other", "k", "eve"),
    ]
    assert seen(journal.latest("accounts", where={"account": "k"}, as_of=NOW + 1), *whose) == [("main", "k", "ann")]
    assert seen(journal.latest("accounts", as_of=NOW), *whose) == [("main", "main", None), ("other", "main", None)]
    assert journal.latest("accounts", where={"user_id": "ann"}) == []
    assert journal.latest("settings", as_of=NOW + 1) == []
    assert seen(journal.history("accounts", where={"book": "main"}), "account", "user_id") == [
        ("main", None),
        ("k", "ann"),
        ("k", "bob"),
    ]
    assert seen(journal.latest("accounts", by=["exchange"], where={"book": "main"}), "user_id") == [("bob",)]


def test_history_is_bounded_by_times_both_included(journal: Journal) -> None:
    desk = Desk(journal).buy(1).accept(1)
    for _ in range(4):
        desk.pass_time(10).fill(1, 1) if desk.now < NOW + 20 else desk.pass_time(10)
    desk.commit()

    for table in ("orders", "fills", "moves", "ledger", "positions"):
        times = [row["time"] for row in journal.history(table)]
        for since, as_of in ((NOW + 10, None), (None, NOW + 10), (NOW + 1, NOW + 19), (NOW + 11, NOW + 19)):
            kept = [time for time in times if (since or 0) <= time <= (as_of or NOW + 99)]
            assert [row["time"] for row in journal.history(table, since=since, as_of=as_of)] == kept
    assert [row["time"] for row in journal.history("fills", as_of=NOW + 19, limit=1)] == [NOW + 10]


def test_the_fills_of_an_account_are_those_of_all_fills_that_are_its(journal: Journal) -> None:
    for desk in (Desk(journal), Desk(journal, "other")):
        desk.run(m.OpenAccount(account=Account(account="second")))
        desk.trade(1).buy(2).accept(2).fill(2).pass_time(5)
        desk.run(m.MoveCash(account="second", asset="USDT", amount=Decimal(500)))
        desk.run(m.SubmitOrder(instruction=a_limit_buy(2, 100, 3, account="second", strategy="trend"))).accept(3).fill(
            3
        )
        desk.run(m.BustReport(order_id=an_id(1), time=NOW, execution_id="e1"))
        desk.run(
            m.CorrectReport(order_id=an_id(3), time=NOW, corrects="e4", execution=an_execution(1, 90, "e9"))
        ).commit()

    for account in (["main"], ["second"], ["main", "second"], ["nobody"]):
        for where in ({}, {"symbol": SYMBOL}, {"book": "other"}, {"standing": True}, {"strategy": "trend"}):
            for ask in (journal.latest, journal.history):
                everything = [row for row in ask("fills", where=where) if row["account"] in account]
                assert ask("fills", where={**where, "account": account}) == everything
                names = ("id", "execution_id", "standing", "side", "quantity", "price", "fee", "time")
                assert seen(ask("moves", where={**where, "account": account}), *names) == seen(everything, *names)
    assert journal.latest("fills", where={"account": "main", "id": 1}) == journal.latest("fills", where={"id": 1})
