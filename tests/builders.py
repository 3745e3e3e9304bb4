"""Builders for every test: a book with money in it, instructions, reports, and the core driven in memory.

    harness = a_harness()
    harness.run(SubmitOrder(instruction=a_limit_buy(2, 100)))
    harness.run(a_fill(1, 100))
    assert harness.order().status is OrderStatus.PARTIALLY_FILLED

Without another word it is noon, the book "main" has the account "main" with 1,000,000 USDT on the exchange
"simulated", its day has begun, and BTC/USDT stands at 99.99 / 100.01. Numbers may be given as text or int.
"""

from __future__ import annotations

import decimal
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from orderwright.core import messages as m
from orderwright.core.deadlines import next_deadline
from orderwright.core.evolve import evolve
from orderwright.core.model import (
    DAY,
    SECOND,
    Account,
    Execution,
    Instruction,
    Instrument,
    Order,
    OrderSide,
    OrderType,
    Quote,
    Settings,
)
from orderwright.core.numbers import EXACT, ZERO
from orderwright.core.oms import decide
from orderwright.core.state import State

Number = str | int | Decimal

NOW = 1_767_614_400 * SECOND  # Monday, 5 January 2026, 12:00 UTC
MIDNIGHT = NOW - DAY // 2  # the first microsecond of that day
MINUTE, HOUR = 60 * SECOND, 3_600 * SECOND
SYMBOL = "BTC/USDT"


def an_id(number: int = 1) -> str:
    """The order id of the test's order number 1, 2, ..."""
    return f"{NOW // 1_000:012x}{number:018x}"


def an_instrument(symbol: str = SYMBOL, **changes: Any) -> Instrument:
    """Tick 0.01, step 0.00001, no other limits."""
    base, quote = symbol.split("/")
    words: dict[str, Any] = {"tick_size": Decimal("0.01"), "step_size": Decimal("0.00001")}
    return Instrument(symbol=symbol, base=base, quote=quote, **(words | changes))


def a_quote(bid: Number = "99.99", ask: Number = "100.01", *, time: int = NOW) -> Quote:
    """The market; the last trade was at the bid."""
    return Quote(last=Decimal(bid), time=time, bid=Decimal(bid), ask=Decimal(ask))


def opening(
    *,
    settings: Settings | None = None,
    accounts: Sequence[Account] = (Account(account="main"),),
    instruments: Sequence[Instrument] | None = None,
    deposits: Mapping[str, Number] | None = None,
    day: bool = True,
    now: int = NOW,
) -> list[m.AnyEvent]:
    """The events with which a book begins. deposits: by asset, into the first account (None: 1,000,000 USDT)."""
    events: list[m.AnyEvent] = [m.AccountOpened(time=now, account=account) for account in accounts]
    listed = instruments if instruments is not None else (an_instrument(),)
    events += [m.InstrumentDefined(time=now, instrument=instrument) for instrument in listed]
    if settings is not None:
        events.append(m.Configured(time=now, settings=settings))
    money = {asset: Decimal(amount) for asset, amount in (deposits or {}).items()}
    if deposits is None:
        money = {"USDT": Decimal(1_000_000)}
    events += [
        m.CashMoved(time=now, account=accounts[0].account, asset=asset, amount=amount, cause="deposit")
        for asset, amount in money.items()
    ]
    if day:
        equity = money.get("USDT", ZERO)
        unpriced = tuple(asset for asset in money if asset != "USDT")
        events.append(m.DayStarted(time=now, day=now // DAY * DAY, equity=equity, unpriced=unpriced))
    return events


def a_book(*, quote: Quote | None = None, **words: Any) -> State:
    """The state of a book as it stands after `opening(**words)`, with BTC/USDT at `quote`."""
    return _fold(opening(**words), quote if quote is not None else a_quote(time=words.get("now", NOW)))


def _fold(events: Sequence[m.AnyEvent], quote: Quote) -> State:
    state = State(book="main")
    with decimal.localcontext(EXACT):
        for event in events:
            evolve(state, event)
    state.market["simulated", SYMBOL] = quote
    return state


def an_instruction(number: int = 1, **changes: Any) -> Instruction:
    """Order `number` of the test: a limit order to buy 1 BTC at 100 USDT, unless changed."""
    words: dict[str, Any] = {
        "order_id": an_id(number),
        "account": "main",
        "symbol": SYMBOL,
        "side": OrderSide.BUY,
        "type": OrderType.LIMIT,
        "quantity": Decimal(1),
        "price": Decimal(100),
    }
    return Instruction(**(words | changes))


def a_limit_buy(quantity: Number = 1, price: Number = 100, number: int = 1, **changes: Any) -> Instruction:
    return an_instruction(number, quantity=Decimal(quantity), price=Decimal(price), **changes)


def a_limit_sell(quantity: Number = 1, price: Number = 100, number: int = 1, **changes: Any) -> Instruction:
    return a_limit_buy(quantity, price, number, side=OrderSide.SELL, **changes)


def a_market_buy(quantity: Number | None = 1, number: int = 1, **changes: Any) -> Instruction:
    """quantity None: say quote_quantity."""
    size = Decimal(quantity) if quantity is not None else None
    return an_instruction(number, type=OrderType.MARKET, quantity=size, price=None, **changes)


def a_market_sell(quantity: Number = 1, number: int = 1, **changes: Any) -> Instruction:
    return a_market_buy(quantity, number, side=OrderSide.SELL, **changes)


def an_execution(quantity: Number = 1, price: Number = 100, execution_id: str = "e1", **changes: Any) -> Execution:
    """A trade, free of fees unless told."""
    return Execution(execution_id=execution_id, quantity=Decimal(quantity), price=Decimal(price), **changes)


def a_fill(
    quantity: Number = 1, price: Number = 100, execution_id: str = "e1", number: int = 1, **changes: Any
) -> m.FillReport:
    """The venue's report of a trade of order `number`."""
    return m.FillReport(
        order_id=an_id(number), time=NOW, execution=an_execution(quantity, price, execution_id, **changes)
    )


class Harness:
    """The core in memory: decide, evolve, nothing else. It has the driver's order of things and none of its I/O.

    history: every event of the book; events and actions: those since the harness began. now: microseconds.
    """

    def __init__(self, history: list[m.AnyEvent], quote: Quote, now: int = NOW) -> None:
        self.state = _fold(history, quote)
        self.history = history
        self.actions: list[m.AnyAction] = []
        self.now = now
        self._began = len(history)

    @property
    def events(self) -> list[m.AnyEvent]:
        return self.history[self._began :]

    def run(self, *inputs: m.Input) -> tuple[list[m.AnyEvent], list[m.AnyAction]]:
        """Decide each input, evolve what it made, and return the events and actions of all of them."""
        made: list[m.AnyEvent] = []
        wanted: list[m.AnyAction] = []
        with decimal.localcontext(EXACT):
            for said in inputs:
                events, actions = decide(self.state, said, self.now)
                for event in events:
                    evolve(self.state, event)
                made += events
                wanted += actions
        self.history += made
        self.actions += wanted
        return made, wanted

    def wait(self, microseconds: int) -> tuple[list[m.AnyEvent], list[m.AnyAction]]:
        """Let time go by, deadline by deadline."""
        until = self.now + microseconds
        made: list[m.AnyEvent] = []
        wanted: list[m.AnyAction] = []
        while (deadline := next_deadline(self.state)) is not None and deadline <= until:
            self.now = max(self.now, deadline)
            before = self.state.sequence
            events, actions = self.run(m.TimePassed())
            assert self.state.sequence > before, f"deadline {deadline} is due, and nothing came of it"
            made += events
            wanted += actions
        self.now = until
        return made, wanted

    def quote(self, bid: Number, ask: Number) -> tuple[list[m.AnyEvent], list[m.AnyAction]]:
        """The market moves, now."""
        return self.run(m.QuoteSeen(exchange="simulated", symbol=SYMBOL, quote=a_quote(bid, ask, time=self.now)))

    def submit(self, *instructions: Instruction) -> tuple[list[m.AnyEvent], list[m.AnyAction]]:
        return self.run(*(m.SubmitOrder(instruction=instruction) for instruction in instructions))

    def order(self, number: int | str = 1) -> Order:
        """Order `number` of the test, or the one with this id."""
        order = self.state.find(number if isinstance(number, str) else an_id(number))
        assert order is not None, f"the book has no order {number}"
        return order


def a_harness(*, quote: Quote | None = None, **words: Any) -> Harness:
    """A book as `a_book` makes it, ready to be driven."""
    now = words.get("now", NOW)
    return Harness(opening(**words), quote if quote is not None else a_quote(time=now), now)
