"""A trade: what is wanted, read strictly, and how it stands."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from orderwright.core import messages as m
from orderwright.core.model import (
    Bracket,
    Instruction,
    LingerRule,
    Liquidity,
    OrderSide,
    OrderStatus,
    OrderType,
    Source,
    TimeInForce,
    Trail,
)
from orderwright.driver import Driver
from orderwright.errors import InputError
from orderwright.executors import NEVER_SUBMITTED, Status, Trade, TradeState
from orderwright.journal.memory import MemoryJournal
from tests.builders import NOW, a_fill, a_harness, a_limit_buy, an_execution, an_id, an_instruction, opening

ID = an_id(1)


def test_a_trade_is_a_pair_a_side_and_a_quantity() -> None:
    trade = Trade("btc", "usdt", "BUY", 0.1)
    assert trade.instruction(ID, account="main") == Instruction(
        order_id=ID,
        account="main",
        symbol="BTC/USDT",
        side=OrderSide.BUY,
        type=OrderType.MARKET,
        quantity=Decimal("0.1"),
        source=Source.API,
    )


def test_every_word_of_a_trade_is_in_its_instruction() -> None:
    trade = Trade(
        "BTC",
        "USDT",
        "Sell",
        "1.50",
        order_type="Stop_Limit",
        price=100,
        stop_price="1e2",
        time_in_force="GTD",
        expire_at="2026-01-06T00:00:00Z",
        post_only=True,
        reduce_only=True,
        execute_at="after_ms:500",
        decision_price=99.5,
        decision_time=NOW,
        user_id="ann",
        exchange="simulated",
        account="main",
        strategy="trend",
        episode=3,
        idempotency_key="k",
        metadata={"why": "test", "n": 1},
        order_id=ID,
        source="strategy",
        signal_id="s",
        parent_id="p",
    )
    expected = Instruction(
        order_id=ID,
        account="main",
        symbol="BTC/USDT",
        side=OrderSide.SELL,
        type=OrderType.STOP_LOSS_LIMIT,
        quantity=Decimal("1.5"),
        price=Decimal(100),
        stop_price=Decimal(100),
        time_in_force=TimeInForce.GTD,
        expire_at=1_767_657_600_000_000,
        post_only=True,
        reduce_only=True,
        execute_at=NOW + 500_000,
        exchange="simulated",
        user="ann",
        strategy="trend",
        episode="3",
        source=Source.STRATEGY,
        signal_id="s",
        parent_id="p",
        idempotency_key="k",
        decision_price=Decimal("99.5"),
        decision_time=NOW,
        metadata={"why": "test", "n": "1"},
    )
    assert trade.instruction(now=NOW) == expected
    assert Trade.from_instruction(expected).instruction() == expected


def test_what_a_trade_leaves_open_is_filled_in_and_what_it_says_stays() -> None:
    mine = Trade("BTC", "USDT", "buy", 1, account="mine", user_id="ann")
    said = mine.instruction(ID, account="other", exchange="simulated", user_id="bob")
    assert (said.account, said.exchange, said.user) == ("mine", "simulated", "ann")


@pytest.mark.parametrize("missing", ["order_id", "account"])
def test_an_instruction_needs_an_id_and_an_account(missing: str) -> None:
    words: dict[str, Any] = {"order_id": ID, "account": "main"} | {missing: ""}
    with pytest.raises(InputError, match=f"{missing}: is missing"):
        Trade("BTC", "USDT", "buy", 1).instruction(**words)


@pytest.mark.parametrize("symbol", ["BTC/USDT", "BTCUSDT", "btc-usdt", "BINANCE:BTCUSDT"])
def test_any_spelling_of_a_symbol_is_one_trade(symbol: str) -> None:
    assert Trade.of(symbol, "buy", 1) == Trade("BTC", "USDT", "buy", 1)


def test_a_contract_keeps_the_third_part_of_its_symbol() -> None:
    trade = Trade.of("BTC/USDT:USDT", "buy", 1)
    assert (trade.base, trade.quote, trade.trade_asset, trade.symbol) == ("BTC", "USDT", "USDT", "BTC/USDT:USDT")
    assert trade.replaced(quantity=2).symbol == "BTC/USDT:USDT"


@pytest.mark.parametrize("time", ["2026-01-05T12:00:00Z", "2026-01-05T12:00:00", NOW, NOW // 1_000, NOW // 1_000_000])
def test_times_are_read_in_any_form(time: Any) -> None:
    assert Trade("BTC", "USDT", "buy", 1, expire_at=time).expire_at == NOW


def test_a_datetime_is_a_time_and_without_a_zone_it_is_utc() -> None:
    noon = dt.datetime(2026, 1, 5, 12)  # noqa: DTZ001  # that is the case
    assert Trade("BTC", "USDT", "buy", 1, execute_at=noon).execute_at == NOW
    east = dt.datetime(2026, 1, 5, 13, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    assert Trade("BTC", "USDT", "buy", 1, execute_at=east).execute_at == NOW


@pytest.mark.parametrize(("said", "meant"), [(None, None), ("now", None), ("next_open", "next_open")])
def test_an_order_goes_out_now_or_at_the_next_open(said: Any, meant: Any) -> None:
    assert Trade("BTC", "USDT", "buy", 1, execute_at=said).instruction(ID, account="a").execute_at == meant


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"side": "byu"}, r"side: unknown side 'byu'; known: buy, sell \(nearest: buy\)"),
        ({"order_type": "limitt"}, r"order_type: unknown order_type 'limitt'.*\(nearest: limit\)"),
        ({"time_in_force": "gtx"}, r"time_in_force: unknown time_in_force 'gtx'.*nearest: gt"),
        ({"source": "robot"}, "source: unknown source 'robot'"),
        ({"quantity": "many"}, "quantity: 'many' is not a number"),
        ({"quantity": float("nan")}, "quantity: nan is not a finite number"),
        ({"price": True}, "price: True is not a number"),
        ({"base": "BTC/USDT"}, r"base: 'BTC/USDT' is a pair: write Trade.of.*\(nearest: BTC\)"),
        ({"base": ""}, "base: '' is not an asset"),
        ({"quote": "BTC"}, "quote: BTC cannot be traded for itself"),
        ({"post_only": "yes"}, "post_only: 'yes' is neither True nor False"),
        ({"expire_at": "tomorrow"}, "expire_at: 'tomorrow' is not a time"),
        ({"expire_at": 1.5}, "expire_at: 1.5 is not a time"),
        ({"execute_at": "after_ms:-1"}, "execute_at: 'after_ms:-1' does not wait between 0 ms and a year"),
        ({"user_id": 7}, "user_id: 7 is not text"),
        ({"metadata": {"a": []}}, r"metadata.a: metadata maps text to text or a number"),
    ],
)
def test_a_wrong_word_is_refused_by_name(words: dict[str, Any], said: str) -> None:
    plain: dict[str, Any] = {"base": "BTC", "quote": "USDT", "side": "buy", "quantity": 1}
    with pytest.raises(InputError, match=said):
        Trade(**(plain | words))


def test_a_trade_that_was_never_submitted_has_nothing_to_check() -> None:
    trade = Trade("BTC", "USDT", "buy", 2)
    assert (trade.is_order_id, trade.is_trade, trade.executor_id, trade.status) == (False, False, "", None)
    assert (trade.state, trade.remaining_quantity, trade.is_done) == (NEVER_SUBMITTED, Decimal(2), False)


def test_a_trade_with_an_order_id_is_one_to_check() -> None:
    trade = Trade("BTC", "USDT", "buy", 2, order_id=ID)
    assert (trade.is_order_id, trade.is_trade, trade.order_id, trade.executor_id) == (True, True, ID, ID)


def test_a_replaced_trade_is_a_new_one() -> None:
    trade = Trade("BTC", "USDT", "buy", 2, order_id=ID, state=TradeState(status=OrderStatus.OPEN), metadata={"a": "b"})
    assert trade.replaced(quantity=3) == Trade("BTC", "USDT", "buy", 3, metadata={"a": "b"})


FILLED_HALF = Status(
    order_id=ID,
    status=OrderStatus.PARTIALLY_FILLED,
    filled_quantity=Decimal("0.5"),
    remaining=Decimal("0.5"),
    average_price=Decimal(100),
    filled_quote=Decimal(50),
    fills=(an_execution("0.5", 100, fee=Decimal("0.05")),),
    exchange_order_id="x1",
    time=NOW,
)


def test_a_trade_takes_what_a_status_says() -> None:
    trade = Trade("BTC", "USDT", "buy", 1)
    assert trade.is_different(FILLED_HALF)
    trade.take(FILLED_HALF)
    assert not trade.is_different(FILLED_HALF)
    assert trade.order_id == ID
    assert trade.state == TradeState(
        status=OrderStatus.PARTIALLY_FILLED,
        filled_quantity=Decimal("0.5"),
        filled_quote=Decimal(50),
        remaining_quantity=Decimal("0.5"),
        average_price=Decimal(100),
        fees={"USDT": Decimal("0.05")},
        fills=FILLED_HALF.fills,
        exchange_order_id="x1",
        updated_at=NOW,
    )


@pytest.mark.parametrize(
    "change",
    [
        {"status": OrderStatus.PENDING_CANCEL},
        {"filled_quantity": Decimal("0.6")},
        {"exchange_order_id": "x2"},
        {"error": "no answer"},
    ],
)
def test_a_status_with_news_is_different(change: dict[str, Any]) -> None:
    trade = Trade("BTC", "USDT", "buy", 1)
    trade.take(FILLED_HALF)
    assert trade.is_different(FILLED_HALF.to(**change))


def test_the_status_of_another_order_is_refused() -> None:
    with pytest.raises(InputError, match="order_id: the status is of another order"):
        Trade("BTC", "USDT", "buy", 1, order_id=an_id(2)).take(FILLED_HALF)


def a_log() -> MemoryJournal:
    """A log with one order of ours that is half filled."""
    journal = MemoryJournal()
    driver = Driver("main", journal, {"simulated": _Silence()})
    commands: list[m.Input] = [
        m.DefineInstrument(instrument=event.instrument) for event in opening() if isinstance(event, m.InstrumentDefined)
    ]
    commands += [m.OpenAccount(account=event.account) for event in opening() if isinstance(event, m.AccountOpened)]
    commands += [m.MoveCash(account="main", asset="USDT", amount=Decimal(1_000_000))]
    commands += [m.SubmitOrder(instruction=INSTRUCTION), m.AckReport(order_id=ID, time=NOW, exchange_order_id="x1")]
    driver.turn([*commands, a_fill("0.5", 100, fee=Decimal("0.05"), liquidity=Liquidity.MAKER)], NOW)
    return journal


INSTRUCTION = a_limit_buy(user="ann", strategy="trend", episode="1", metadata={"a": "b"}, post_only=True)


class _Silence:
    traits = opening()[0].account.traits  # type: ignore[union-attr]  # an account is opened first

    def send(self, action: m.VenueAction) -> None:
        return

    def poll(self, limit: int) -> tuple[int, tuple[()]]:
        return limit, ()


def test_a_trade_is_read_from_a_row_of_the_log() -> None:
    (row,) = a_log().latest("orders")
    trade = Trade.from_row(row, fees={"USDT": Decimal("0.05")})
    words: dict[str, Any] = {"order_type": "limit", "price": 100, "user_id": "ann", "strategy": "trend"}
    words |= {"exchange": "simulated", "account": "main", "metadata": {"a": "b"}, "source": "manual", "episode": 1}
    assert trade == Trade("BTC", "USDT", "buy", 1, **words, order_id=ID, state=trade.state)
    assert trade.state == TradeState(
        status=OrderStatus.PARTIALLY_FILLED,
        filled_quantity=Decimal("0.5"),
        filled_quote=Decimal(50),
        remaining_quantity=Decimal("0.5"),
        average_price=Decimal(100),
        fees={"USDT": Decimal("0.05")},
        exchange_order_id="x1",
        created_at=NOW,
        updated_at=NOW,
        filled_at=NOW,
        id=1,
        book="main",
        sequence=row["sequence"],
        event="order_filled",
    )


def test_a_row_with_its_instruction_gives_back_all_that_was_wanted() -> None:
    (row,) = a_log().latest("orders")
    trade = Trade.from_row(row, instruction=INSTRUCTION)
    assert trade.instruction(exchange="") == Instruction(
        **{name: getattr(INSTRUCTION, name) for name in INSTRUCTION.__struct_fields__} | {"exchange": "simulated"}
    )


def test_each_row_of_a_history_is_a_trade_of_its_own() -> None:
    trades = [Trade.from_row(row) for row in a_log().history("orders")]
    assert [(trade.event, trade.status, trade.filled_quantity) for trade in trades] == [
        ("order_received", OrderStatus.SUBMITTED, Decimal(0)),
        ("order_accepted", OrderStatus.OPEN, Decimal(0)),
        ("order_filled", OrderStatus.PARTIALLY_FILLED, Decimal("0.5")),
    ]


def test_a_trade_is_read_from_an_order_of_the_core() -> None:
    harness = a_harness()
    harness.submit(an_instruction(price=Decimal(100)))
    harness.run(a_fill("0.5", 100, fee=Decimal("0.05"), fee_asset="BNB"))
    trade = Trade.from_order(harness.order(), "simulated")
    assert (trade.exchange, trade.status, trade.arrival_price) == ("simulated", "partially_filled", Decimal(100))
    assert (trade.average_price, trade.fees, trade.fills) == (
        Decimal(100),
        {"BNB": Decimal("0.05")},
        (an_execution("0.5", 100, fee=Decimal("0.05"), fee_asset="BNB"),),
    )
    assert (trade.created_at, trade.updated_at, trade.filled_at) == (NOW, NOW, NOW)


def test_the_trade_of_a_replaced_order_has_the_orders_quantity_and_prices() -> None:
    harness = a_harness()
    harness.submit(an_instruction(price=Decimal(100)))
    order = harness.order()
    order.quantity, order.price, order.stop_price = Decimal("0.7"), Decimal(99), Decimal(98)
    trade = Trade.from_order(order)
    assert (trade.quantity, trade.price, trade.stop_price) == (Decimal("0.7"), Decimal(99), Decimal(98))


def test_a_trade_is_shown_in_a_line() -> None:
    trade = Trade("BTC", "USDT", "buy", "0.5", order_type="limit", price="100.0")
    assert repr(trade) == "<Trade buy 0.5 BTC/USDT limit at 100>"
    trade.take(FILLED_HALF)
    assert repr(trade) == f"<Trade buy 0.5 BTC/USDT limit at 100, partially_filled, 0.5 filled, order {ID}>"
    assert repr(Trade("BTC", "USDT", "buy", quote_quantity=50)) == "<Trade buy 50 USDT BTC/USDT market>"


def test_rules_for_when_it_lingers_are_records_or_what_is_written_in_settings() -> None:
    written = Trade("BTC", "USDT", "buy", 1, linger=[{"name": "gone", "moved_bps": "150", "do": "cancel"}])
    assert written.linger == (LingerRule(name="gone", moved_bps=Decimal(150)),)
    assert Trade("BTC", "USDT", "buy", 1, linger=written.linger).linger == written.linger


@pytest.mark.parametrize(
    ("rules", "field", "says"),
    [
        ("x", "linger", "is not a list of rules"),
        (LingerRule(name="x", after_ms=5), "linger", "is not a list of rules"),
        (None, "linger", "is not a list of rules"),
        ((1,), "linger", "is not a rule"),
        ([{"name": "x", "after": 5}], "linger.after", "unknown setting"),
        ([{"name": "x", "after_ms": "soon"}], "linger", "Expected `int | null`"),
        ([{"name": "x"}], "linger.x.when", "exactly one of"),
        ([LingerRule(name="x", after_ms=5, do="cancl")], "linger.x.do", "not one of"),  # type: ignore[arg-type]
    ],
)
def test_a_bad_rule_is_refused_when_the_trade_is_made(rules: Any, field: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as wrong:
        Trade("BTC", "USDT", "buy", 1, linger=rules)
    assert wrong.value.field == field


def test_what_belongs_together_is_written_as_records_or_as_their_fields() -> None:
    fields = {"stop_loss_percent": 2, "take_profit": "120", "arm": "full", "trail": {"percent": 1.5}}
    bracket = Bracket(
        stop_loss_percent=Decimal(2), take_profit=Decimal(120), trail=Trail(percent=Decimal("1.5")), arm="full"
    )
    entry = Trade("BTC", "USDT", "buy", 1, group="either", bracket=fields)
    stop = Trade("BTC", "USDT", "sell", 1, order_type="stop", trail={"amount": "5", "activation_price": 99})

    assert (entry.group, entry.bracket) == ("either", bracket)
    assert stop.trail == Trail(amount=Decimal(5), activation_price=Decimal(99))
    said = entry.instruction(ID, account="main")
    assert (said.group, said.bracket, said.trail) == ("either", bracket, None)
    assert Trade.from_instruction(said).bracket == bracket
    assert entry.replaced(group="other").bracket == bracket


@pytest.mark.parametrize(
    ("words", "field", "says"),
    [
        ({"bracket": 2}, "bracket", "is not a bracket"),
        ({"bracket": {"stop_los": 2}}, "bracket.stop_los", "stop_loss"),
        ({"bracket": {"stop_loss": "low"}}, "bracket.stop_loss", "is not a number"),
        ({"bracket": {"arm": "first"}}, "bracket.arm", "neither fill nor full"),
        ({"bracket": {"trail": {"percnt": 1}}}, "bracket.trail.percnt", "percent"),
        ({"trail": "2%"}, "trail", "is not a trail"),
        ({"group": 7}, "group", "is not text"),
    ],
)
def test_a_bad_bracket_is_refused_when_the_trade_is_made(words: Any, field: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as wrong:
        Trade("BTC", "USDT", "buy", 1, **words)
    assert wrong.value.field == field
