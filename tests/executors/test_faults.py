"""A bad line between engine and exchange: what each fault does, and that none of them costs an order or a fill."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from orderwright.core import messages as m
from orderwright.core.model import DONE, Account, Execution, Order, OrderSide, OrderStatus, OrderType
from orderwright.core.recovery import order_from
from orderwright.driver import Driver
from orderwright.errors import InputError, Refused, Unreachable
from orderwright.journal.memory import MemoryJournal
from orderwright.market.random_market import random_candles
from orderwright.simulation.exchange import TRAITS, SimulatedExchange
from orderwright.simulation.faults import BAD_DAY, Faults, FaultyConnector, FaultyExchange
from orderwright.simulation.models import Models
from orderwright.simulation.models.latency import UniformLatency
from orderwright.simulation.models.spread import RandomSpread
from orderwright.simulation.models.volume import VolumeShare
from orderwright.simulation.session import Session
from orderwright.simulation.several import SeveralExchanges
from orderwright.venues.executor import VenueExecutor
from tests.builders import a_limit_buy, an_id, an_instruction
from tests.simulation.builders import MINUTE, START, SYMBOL, an_instrument, an_order

COARSE = an_instrument(tick_size=Decimal("0.5"), step_size=Decimal("0.1"))
ACCOUNT = Account(account="main", maker_fee=Decimal("0.001"), taker_fee=Decimal("0.002"), traits=TRAITS)
DEPOSITS = {"USDT": Decimal(100_000), "BTC": Decimal(500)}
STORM = Faults(
    lost_answer=0.15,
    never_reached=0.15,
    refused=0.1,
    lost_question=0.2,
    delayed=0.25,
    repeated=0.2,
    dropped=0.2,
    delay_ms=60_000,
    until=START + 40 * MINUTE,
)


# What each fault does


class Wire:
    """A connector that keeps what it is sent and hands over what it is given."""

    traits = TRAITS

    def __init__(self, *reports: m.AnyReport) -> None:
        self.sent: list[m.VenueAction] = []
        self.reports = list(reports)

    def send(self, action: m.VenueAction) -> None:
        self.sent.append(action)

    def poll(self, limit: int) -> tuple[int, Sequence[m.AnyReport]]:
        reports, self.reports = self.reports, []
        return (min(limit, START), reports) if reports else (limit, ())


ACK = m.AckReport(order_id=an_id(), time=START, exchange_order_id="x")


def test_a_lost_answer_is_unreachable_though_the_order_is_live() -> None:
    wire = Wire()
    with pytest.raises(Unreachable):
        FaultyConnector(wire, Faults(lost_answer=1)).send(an_order())
    assert wire.sent == [an_order()]


def test_a_request_that_never_reached_is_unreachable_too_and_nobody_has_it() -> None:
    wire = Wire()
    with pytest.raises(Unreachable):
        FaultyConnector(wire, Faults(never_reached=1)).send(an_order())
    assert wire.sent == []


def test_a_refused_request_has_a_known_outcome() -> None:
    wire = Wire()
    with pytest.raises(Refused, match="refused by chance"):
        FaultyConnector(wire, Faults(refused=1)).send(an_order())
    assert wire.sent == []


def test_a_lost_question_reaches_nobody() -> None:
    wire = Wire()
    question = m.AskOrder(order_id=an_id(), account="main", exchange="simulated", symbol=SYMBOL, number=0)
    with pytest.raises(Unreachable):
        FaultyConnector(wire, Faults(lost_question=1)).send(question)
    assert wire.sent == []


def polled(line: FaultyConnector, until: int = START + MINUTE) -> list[tuple[int, Sequence[m.AnyReport]]]:
    """All that comes up to a time, poll by poll."""
    told = []
    while (poll := line.poll(until))[1]:
        told.append(poll)
    return told


def test_a_dropped_report_never_comes() -> None:
    assert polled(FaultyConnector(Wire(ACK), Faults(dropped=1))) == []


def test_a_repeated_report_comes_twice() -> None:
    told = polled(FaultyConnector(Wire(ACK), Faults(repeated=1)))
    assert [report for _, reports in told for report in reports] == [ACK, ACK]


def test_a_delayed_report_comes_late_once_and_never_later_than_the_longest_delay() -> None:
    ((time, reports),) = polled(FaultyConnector(Wire(ACK), Faults(delayed=1, delay_ms=5_000)))
    assert reports == [ACK]
    assert START < time <= START + 5_000_000


def test_after_the_storm_everything_comes_through() -> None:
    line = FaultyConnector(wire := Wire(), Faults(lost_answer=1, dropped=1, lost_question=1, until=START + MINUTE))
    line.poll(START + MINUTE)
    line.send(an_order())
    wire.reports.append(ACK)
    assert (wire.sent, polled(line, START + 2 * MINUTE)) == ([an_order()], [(START, [ACK])])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"dropped": 1.5}, "dropped: 1.5 is not a chance from 0 to 1"),
        ({"lost_answer": 0.6, "refused": 0.6}, "lost_answer: lost_answer, never_reached and refused are more than 1"),
        ({"delay_ms": -1}, "delay_ms: -1 is below 0"),
    ],
)
def test_chances_that_make_no_sense_are_refused(words: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Faults(**words)


# The engine behind the line


def market(seed: int, faults: Faults | None = None) -> SimulatedExchange:
    """A random market, wide and slow; with faults, behind a line that has them."""
    feed = random_candles(seed, 90, COARSE, start=START, start_price=Decimal(100), volatility=0.01, turnover=30_000)
    models = Models(
        spread=RandomSpread(seed, Decimal(10), Decimal(200)),
        latency=UniformLatency(seed=seed, least_us=0, most_us=2_000_000),
        volume=VolumeShare(Decimal("0.05")),
    )
    made = (
        SimulatedExchange([feed], models, [ACCOUNT])
        if faults is None
        else FaultyExchange([feed], models, [ACCOUNT], faults=faults, seed=seed)
    )
    for asset, amount in DEPOSITS.items():
        made.deposit("main", asset, amount)
    return made


def wishes(seed: int) -> Iterator[tuple[int, m.Input]]:
    """What a trader wants in 40 minutes: (time, command). Some of it is nonsense by the time it comes."""
    draw = random.Random(seed)
    ids: list[str] = []
    for minute in range(1, 40):
        time = START + minute * MINUTE + draw.randrange(MINUTE)
        if not ids or draw.random() < 0.6:
            kind = draw.choice(["market", "limit", "limit", "stop_loss"])
            words: dict[str, Any] = {"type": kind, "side": draw.choice(["buy", "sell"])}
            price = Decimal(draw.randrange(180, 220)) * COARSE.tick_size
            words["price"] = price if kind == "limit" else None
            words["stop_price"] = price if kind == "stop_loss" else None
            order_id = f"{time // 1_000:012x}{minute:018x}"
            ids.append(order_id)
            quantity = Decimal(draw.randrange(1, 200)) * COARSE.step_size
            yield time, m.SubmitOrder(instruction=order_of(order_id, quantity, words))
        elif draw.random() < 0.6:
            yield time, m.CancelOrder(order_id=draw.choice(ids))
        else:
            yield time, m.ReplaceOrder(order_id=draw.choice(ids), quantity=Decimal(draw.randrange(1, 300)) / 10)


def order_of(order_id: str, quantity: Decimal, words: dict[str, Any]) -> Any:
    words = {**words, "type": OrderType(words["type"]), "side": OrderSide(words["side"])}
    return an_instruction(order_id=order_id, quantity=quantity, **words)


def trade_through(seed: int, faults: Faults) -> tuple[Driver, SimulatedExchange]:
    """40 minutes of trading in a storm, then half an hour of calm in which every order is asked about."""
    exchange = market(seed)
    line = FaultyConnector(exchange, faults, seed)
    venue = VenueExecutor(line, lambda: exchange.now)
    driver = Driver("main", MemoryJournal(), {"simulated": venue})
    session = Session(driver, venue, exchange)
    cash = [m.MoveCash(account="main", asset=asset, amount=amount) for asset, amount in DEPOSITS.items()]
    session.deliver([m.DefineInstrument(instrument=COARSE), m.OpenAccount(account=ACCOUNT), *cash], START)
    session.run(wishes(seed), START + 45 * MINUTE)
    asked = [m.RefreshOrder(order_id=order_id) for order_id in orders_of(driver)]
    session.run([(START + 45 * MINUTE, question) for question in asked], START + 75 * MINUTE)
    return driver, exchange


def orders_of(driver: Driver) -> list[str]:
    events = [event for _, event in driver.journal.events("main")]
    return [event.order_id for event in events if isinstance(event, m.OrderReceived)]


@pytest.mark.parametrize("seed", range(60))
def test_when_all_is_quiet_our_orders_fills_and_balances_are_the_exchanges_own(seed: int) -> None:
    driver, exchange = trade_through(seed, STORM)
    ours: dict[str, Any] = {}
    theirs: dict[str, Any] = {}
    for order_id in orders_of(driver):
        order = order_from(driver.journal.recall_order("main", order_id))
        ours[order_id] = (order.status if order.status in DONE else None, executions_of(order))
        theirs[order_id] = ledger_of(exchange, order_id, order)
        assert not any(request.in_flight for request in order.requests)
    assert ours == theirs
    assert {key: balance.total for key, balance in driver.state.balances.items()} == {
        key: balance.total for key, balance in exchange.balances.items()
    }


def executions_of(order: Order) -> dict[str, Execution]:
    return {name: execution for name, execution in order.executions.items() if execution is not None}


def ledger_of(exchange: SimulatedExchange, order_id: str, order: Order) -> Any:
    """How an order stands in the exchange's own books: (status, None while it works, its executions)."""
    found = exchange._desk.find(order_id)
    if found is None:  # it never arrived: denied here, refused on the way, or proven to be lost
        assert order.status in (OrderStatus.REJECTED, OrderStatus.DENIED)
        return order.status, {}
    return found.status, {execution.execution_id: execution for execution in found.executions}


def test_one_seed_gives_one_history_and_another_seed_another() -> None:
    def log(seed: int) -> list[m.AnyEvent]:
        return [event for _, event in trade_through(seed, STORM)[0].journal.events("main")]

    assert log(3) == log(3) != log(4)


def told(venue: SimulatedExchange | FaultyConnector | SeveralExchanges) -> list[tuple[int, m.AnyReport]]:
    """All that a venue tells of a dozen orders that are sent at the start, whatever becomes of the sending."""
    for number in range(1, 13):
        try:
            venue.send(an_order(number, quantity="0.1", kind="limit" if number % 2 else "market", **price(number)))
        except (Refused, Unreachable):
            continue
    reports = []
    while (poll := venue.poll(START + 80 * MINUTE))[1]:
        reports += [(poll[0], report) for report in poll[1]]
    return reports


def price(number: int) -> dict[str, str]:
    return {"price": str(94 + number)} if number % 2 else {}


@pytest.mark.parametrize("seed", range(8))
def test_the_faulty_exchange_is_the_exchange_behind_the_line_alone_or_among_several(seed: int) -> None:
    faults = msgspec.structs.replace(STORM, until=START + 20 * MINUTE)
    behind = told(FaultyConnector(market(seed), faults, seed))
    alone = told(market(seed, faults))
    among = told(
        SeveralExchanges(
            {
                "simulated": market(seed, faults),
                "other": market(seed + 1),
            }
        )
    )
    assert behind == alone == among
    assert behind


def test_a_quiet_while_among_several_exchanges_brings_the_calm_too() -> None:
    several = SeveralExchanges({"simulated": market(1, Faults(refused=1, until=START + MINUTE)), "other": market(2)})
    assert several.poll(START + 2 * MINUTE) == (START + 2 * MINUTE, ())
    several.send(an_order())


def test_a_faulty_exchange_is_rebuilt_from_the_log_without_faults() -> None:
    exchange = market(1, Faults(never_reached=1))
    order = order_from(
        [
            m.OrderReceived(
                time=START,
                order_id=an_id(),
                instruction=a_limit_buy("1", "90"),
                exchange="simulated",
                quantity=Decimal(1),
                sign_at=START,
                lifetime_ms=5_000,
            )
        ]
    )
    exchange.restore([order], exchange.balances, START)
    reports = exchange.poll(START + MINUTE)[1]
    assert [type(report) for report in reports] == [m.AckReport]


def test_a_random_spread_is_within_its_bounds_and_follows_from_seed_and_price() -> None:
    model = RandomSpread(7, Decimal(10), Decimal(100))
    widths = {price: ask - bid for price in range(1_000_000, 1_000_100) for bid, ask in [model.around(price)]}
    assert widths == {price: ask - bid for price in widths for bid, ask in [model.around(price)]}
    assert all(999 <= width <= 10_002 for width in widths.values())
    assert len(set(widths.values())) > 50


def test_a_bad_day_has_some_of_everything() -> None:
    assert all(getattr(BAD_DAY, name) > 0 for name in Faults.__struct_fields__ if name != "until")
