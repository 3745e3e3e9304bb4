"""Orders in the market of the live service."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest

from orderwright.core import messages as m
from orderwright.core.model import Account, OrderSide, OrderType
from orderwright.engine import Engine
from orderwright.errors import InputError
from orderwright.journal.memory import MemoryJournal
from orderwright.market.live_prices import LivePrices
from orderwright.simulation.exchange import SimulatedExchange
from orderwright.simulation.models import Models
from orderwright.simulation.models.slippage import SlippageBps
from tests.simulation.builders import MINUTE, RICH, SECOND, START, an_instrument, an_order, order_id

FAR, MONTH = 2**62, 30 * 1_440


def some_prices(tick_ms: int = 1_000) -> LivePrices:
    return LivePrices(an_instrument(), seed=7, spread_bps=Decimal(4), tick_ms=tick_ms)


class Desk:
    """An exchange by the minute, and what it says."""

    def __init__(self, prices: LivePrices | None = None, models: Models | None = None) -> None:
        self.prices = prices or some_prices()
        self.exchange = SimulatedExchange([self.prices], models)
        for asset in ("BTC", "USDT"):
            self.exchange.deposit("main", asset, RICH)
        self.exchange.poll(START)
        self.said: list[m.AnyReport] = []

    def place(self, number: int = 1, **order: object) -> Desk:
        self.exchange.send(an_order(number, sign_at=self.exchange.now, **order))  # type: ignore[arg-type]
        return self.run(0)

    def run(self, minutes: float) -> Desk:
        return self.run_to(self.exchange.now + round(minutes * MINUTE))

    def run_to(self, limit: int) -> Desk:
        while (answer := self.exchange.poll(limit))[1]:
            self.said += answer[1]
        return self

    def fills(self, number: int = 1) -> list[tuple[Decimal, int]]:
        told = [one for one in self.said if isinstance(one, m.FillReport) and one.order_id == order_id(number)]
        return [(one.execution.price, one.execution.time) for one in told]

    def rows(self, since: int, until: int) -> list[tuple[int, Decimal, Decimal]]:
        """(time, bid, ask) of each row, looked at one by one."""
        first, last = self.prices.row(since), self.prices.row(until)
        price = self.prices.instrument.price
        rows = ((row, *self.prices.at(row)) for row in range(first, last + 1))
        return [(row * self.prices.tick_us, price(bid), price(ask)) for row, bid, ask in rows]


def test_a_market_order_takes_the_quote_that_stands() -> None:
    desk = Desk().run(0.51).place(side="buy").place(2, side="sell")
    (_, bid, ask), now = desk.rows(desk.exchange.now, desk.exchange.now)[0], desk.exchange.now

    assert (desk.fills(), desk.fills(2)) == ([(ask, now)], [(bid, now)])


def test_slippage_comes_on_top() -> None:
    desk = Desk(models=Models(slippage=SlippageBps(Decimal(100)))).place(side="buy")
    ((_, _, ask),) = desk.rows(START, START)

    assert desk.fills() == [(ask + (ask / 100).quantize(Decimal("0.01"), "ROUND_UP"), START)]


@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize("away", ["0.0005", "0.003", "0.03"])
def test_a_resting_order_fills_at_its_limit_at_the_first_quote_that_crosses_it(side: str, away: str) -> None:
    """However far ahead that is, and however the time until then is cut up: nothing is missed, nothing comes early."""
    minutes = 720
    ((_, bid, _),) = Desk().rows(START, START)
    limit = (bid * (1 - Decimal(away) if side == "buy" else 1 + Decimal(away))).quantize(Decimal("0.01"))
    crossed = [
        time
        for time, low, high in Desk().rows(START + SECOND, START + minutes * MINUTE)
        if (high <= limit if side == "buy" else low >= limit)
    ]
    expected = [(limit, crossed[0])] if crossed else []

    at_once = Desk().place(side=side, kind="limit", price=str(limit)).run(minutes)
    by_the_minute = Desk().place(side=side, kind="limit", price=str(limit))
    for _ in range(minutes):
        by_the_minute.run(1)

    assert at_once.fills() == by_the_minute.fills() == expected
    assert at_once.exchange.balances == by_the_minute.exchange.balances


def test_a_stop_is_reached_by_the_quote_and_takes_it() -> None:
    ((_, _, ask),) = Desk().rows(START, START)
    stop = (ask * Decimal("1.002")).quantize(Decimal("0.01"))
    desk = Desk().place(side="buy", kind="stop_loss", stop_price=str(stop)).run(1_440)
    time, _, taken = next(row for row in desk.rows(START, START + 1_440 * MINUTE) if row[2] >= stop)

    assert desk.fills() == [(taken, time)]


def test_planning_ahead_costs_one_block_and_changes_nothing() -> None:
    desk = Desk().place(kind="limit", price="1000")
    planned = desk.exchange.next_moment(FAR)
    assert planned is not None

    assert START < planned[0] <= START + 256 * SECOND
    assert [desk.exchange.next_moment(FAR) for _ in range(3)] == [planned] * 3
    assert (desk.exchange.now, desk.fills()) == (START, [])


def test_the_plan_is_followed_to_the_fill() -> None:
    """Waking only when it was planned, as a live book does, finds the same fill as going on by the second."""
    ((_, bid, _),) = Desk().rows(START, START)
    limit = str((bid * Decimal("0.996")).quantize(Decimal("0.01")))
    planned, plain = Desk().place(kind="limit", price=limit), Desk().place(kind="limit", price=limit)
    wakes = 0
    while not planned.fills() and (moment := planned.exchange.next_moment(FAR)) is not None:
        planned.run_to(moment[0])
        wakes += 1
    plain.run_to(planned.exchange.now)

    assert planned.fills() == plain.fills() != []
    assert wakes < 60


def test_a_month_is_caught_up_in_few_looks() -> None:
    desk = Desk().place(kind="limit", price="1000")
    looks, step = [], desk.exchange._markets["BTC/USDT"].step

    def counted(time: int) -> None:
        looks.append(time)
        step(time)

    desk.exchange._markets["BTC/USDT"].step = counted  # type: ignore[method-assign]
    desk.run(MONTH)

    assert desk.fills() == []
    assert len(looks) < 20


def test_no_quote_shows_what_comes_later() -> None:
    exchange = Desk().exchange
    quotes = [exchange.quote("BTC/USDT", START + after) for after in (0, 999_999, SECOND)]

    assert [quote.time for quote in quotes if quote is not None] == [START, START, START + SECOND]


def test_a_symbol_can_be_added_while_it_runs_and_only_once() -> None:
    desk = Desk().run(1)
    more = LivePrices(an_instrument(symbol="ETH/USDT", base="ETH"), seed=7)
    desk.exchange.add(more)
    desk.exchange.deposit("main", "ETH", RICH)
    desk.place(symbol="ETH/USDT", side="sell")

    assert desk.fills() == [(more.quote(desk.exchange.now).bid, desk.exchange.now)]
    with pytest.raises(InputError, match="ETH/USDT has two feeds"):
        desk.exchange.add(more)


class Book:
    """A book on that market, which can be stopped and started."""

    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.engine = self._start()
        account = Account(account="main")
        self.engine.tell(
            [
                m.OpenAccount(account=account),
                m.DefineInstrument(instrument=an_instrument()),
                m.MoveCash(account="main", asset="USDT", amount=RICH),
            ]
        )
        self.engine.advance(START)

    def _start(self) -> Engine:
        return Engine("main", self.journal, {"simulated": SimulatedExchange([some_prices()])}, start=START)

    def restart(self) -> None:
        self.engine = self._start()

    def events(self) -> list[m.AnyEvent]:
        return [event for _, event in self.journal.events("main") if not isinstance(event, m.PriceSeen)]


def a_ladder(book: Book, rungs: int) -> None:
    """Limits to buy and to sell, further and further away."""
    quote = some_prices().quote(START)
    assert quote.bid is not None
    for rung in range(1, rungs + 1):
        price = (quote.bid * (1 - Decimal(rung) / 2_000)).quantize(Decimal("0.01"))
        said = an_order(rung, kind="limit", price=str(price)).instruction
        book.engine.submit(said)


@pytest.mark.parametrize("restarts", [[1], [0.5, 7, 180, 700]])
def test_a_restart_goes_on_in_the_same_market(restarts: list[float]) -> None:
    stopped, whole = Book(), Book()
    for book in (stopped, whole):
        a_ladder(book, 12)
    for minute in restarts:
        stopped.engine.advance(START + round(minute * MINUTE))
        stopped.restart()
    for book in (stopped, whole):
        book.engine.advance(START + 1_440 * MINUTE)

    assert stopped.events() == whole.events()
    assert sum(isinstance(event, m.OrderFilled) for event in whole.events()) >= 3


def test_a_position_is_bought_and_sold_at_prices_that_follow_on() -> None:
    book = Book()
    for number in range(1, 11):
        side = OrderSide.BUY if number % 2 else OrderSide.SELL
        book.engine.submit(an_order(number, side=side.value, kind=OrderType.MARKET.value).instruction)
        book.engine.advance(START + number * MINUTE)
    fills = [event.execution for event in book.events() if isinstance(event, m.OrderFilled)]

    assert len(fills) == 10
    assert all(abs(after.price / before.price - 1) < Decimal("0.02") for before, after in pairwise(fills))
