"""The same input twice changes nothing, even 100,000 orders later: the journal brings back what left memory."""

from decimal import Decimal

from msgspec import structs

from orderwright.core import messages as m
from orderwright.core.model import (
    Account,
    Action,
    Execution,
    Instruction,
    OrderSide,
    OrderType,
    Quote,
    Signal,
    VenueTraits,
)
from orderwright.core.state import KEEP_FINISHED, KEEP_KEYS
from orderwright.driver import Driver
from orderwright.journal.memory import MemoryJournal
from tests.builders import NOW, SYMBOL, an_id, an_instrument

ORDERS, TURN = 100_001, 500
ONE, PRICE = Decimal(1), Decimal(100)


class Silence:
    """A venue that takes everything and says nothing: its reports are made by the test."""

    traits = VenueTraits()

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, action: m.VenueAction) -> None:
        if isinstance(action, m.SendOrder):
            self.sent.append(action.order_id)

    def poll(self, limit: int) -> tuple[int, tuple[m.AnyReport, ...]]:
        return limit, ()


def a_signal(number: int) -> m.ReceiveSignal:
    signal = Signal(
        signal_id="s", symbol=SYMBOL, action=Action.BUY, account="main", quantity=ONE, alert_id=f"bar {number}"
    )
    return m.ReceiveSignal(signal=signal, order_id=an_id(number))


def a_submit(number: int) -> m.SubmitOrder:
    return m.SubmitOrder(
        instruction=Instruction(
            order_id=an_id(number),
            account="main",
            symbol=SYMBOL,
            side=OrderSide.BUY,
            type=OrderType.LIMIT,
            quantity=ONE,
            price=PRICE,
            idempotency_key=f"key {number}",
        )
    )


def an_ack(number: int) -> m.AckReport:
    return m.AckReport(order_id=an_id(number), time=NOW, exchange_order_id=str(number))


def a_fill(number: int) -> m.FillReport:
    execution = Execution(execution_id=f"e{number}", quantity=ONE, price=PRICE, time=NOW)
    return m.FillReport(order_id=an_id(number), time=NOW, execution=execution)


def test_the_first_inputs_change_nothing_100_000_orders_later() -> None:
    venue, replies = Silence(), list[m.RaiseAlert | m.Reply]()
    driver = Driver("main", MemoryJournal(), {"simulated": venue}, handler=replies.append)
    first = m.MoveCash(account="main", asset="USDT", amount=Decimal(10**9), reference="first deposit")
    driver.turn(
        [
            m.DefineInstrument(instrument=an_instrument()),
            m.OpenAccount(account=Account(account="main")),
            first,
            m.QuoteSeen(exchange="simulated", symbol=SYMBOL, quote=Quote(PRICE, NOW)),
        ],
        NOW,
    )
    driver.turn([a_signal(1), an_ack(1), a_fill(1)], NOW)
    close = m.ClosePosition(account="main", symbol=SYMBOL, order_id=an_id(2))
    driver.turn([close, an_ack(2), a_fill(2)], NOW)
    for begin in range(3, ORDERS + 1, TURN):
        numbers = range(begin, min(begin + TURN, ORDERS + 1))
        driver.turn([a_submit(number) for number in numbers], NOW)
        driver.turn([said for number in numbers for said in (an_ack(number), a_fill(number))], NOW)
    state = driver.state
    assert venue.sent == [an_id(number) for number in range(1, ORDERS + 1)]
    assert state.positions["main", SYMBOL].size == ORDERS - 2
    assert len(state.finished) == KEEP_FINISHED
    assert len(state.keys) <= KEEP_KEYS
    sequence, balance = state.sequence, state.balances["main", "USDT"].total
    replies.clear()

    again: list[m.Input] = [first, a_signal(1), an_ack(1), a_fill(1), close, a_submit(3), an_ack(3), a_fill(3)]
    driver.turn(again, NOW)
    same_key = structs.replace(a_submit(3).instruction, order_id=an_id(ORDERS + 1))
    driver.turn([m.SubmitOrder(instruction=same_key), m.CancelOrder(order_id=an_id(3))], NOW)

    assert state.sequence == sequence
    assert state.balances["main", "USDT"].total == balance
    assert len(venue.sent) == ORDERS
    answers = [(reply.outcome, reply.order_id) for reply in replies if isinstance(reply, m.Reply)]
    assert answers == [
        ("duplicate", ""),
        ("duplicate", an_id(1)),
        ("duplicate", an_id(2)),
        ("duplicate", an_id(3)),
        ("duplicate", an_id(3)),
        ("refused", an_id(3)),
    ]
