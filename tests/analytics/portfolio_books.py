"""A small book for the portfolio questions: two exchanges, two users, spot and futures, driven by the core.

trader = Trader(MemoryJournal())
trader.quote("binance", "BTC/USDT", 100)
trader.order(1, "ann-b", "BTC/USDT", "buy", 2, 100).fill(1, 2, 100)
"""

from __future__ import annotations

import decimal
from decimal import Decimal

from orderwright.core import messages as m
from orderwright.core.evolve import evolve
from orderwright.core.model import (
    Account,
    Execution,
    Instruction,
    Instrument,
    OrderSide,
    OrderStatus,
    OrderType,
    Quote,
    Settings,
)
from orderwright.core.numbers import EXACT
from orderwright.core.oms import decide
from orderwright.core.state import State
from orderwright.ports import Journal
from tests.builders import NOW, Number, an_id, an_instrument

FUTURE = "BTC/USDT:USDT"
ACCOUNTS = (
    Account(account="ann-b", exchange="binance", user="ann"),
    Account(account="ann-k", exchange="kraken", user="ann", leverage=Decimal(2)),
    Account(account="bob-b", exchange="binance", user="bob"),
)
INSTRUMENTS = (
    an_instrument("BTC/USDT", exchange="binance"),
    an_instrument("ETH/BTC", exchange="binance"),
    an_instrument("XYZ/USDT", exchange="binance"),
    an_instrument("BTC/USDT", exchange="kraken"),
    an_instrument("EUR/USDT", exchange="kraken"),
    Instrument(
        symbol=FUTURE,
        base="BTC",
        quote="USDT",
        exchange="kraken",
        tick_size=Decimal("0.01"),
        step_size=Decimal("0.00001"),
        linear=True,
    ),
)


class Trader:
    """The core's decisions, written into a journal. `log` is all that was appended; `now` moves only when told."""

    def __init__(self, journal: Journal, book: str = "main") -> None:
        self.journal, self.book, self.now = journal, book, NOW
        self.state = State(book=book)
        self.log: list[m.AnyEvent] = []
        self.executions = 0
        self.run(m.Configure(settings=Settings()))
        self.run(*(m.OpenAccount(account=account) for account in ACCOUNTS))
        self.run(*(m.DefineInstrument(instrument=instrument) for instrument in INSTRUMENTS))

    def run(self, *inputs: m.Input) -> Trader:
        with decimal.localcontext(EXACT):
            for said in inputs:
                for event in decide(self.state, said, self.now)[0]:
                    changes = evolve(self.state, event)
                    self.log.append(event)
                    self.journal.append(self.book, self.state.sequence, event, changes)
        self.journal.write()
        self.journal.commit()
        return self

    def wait(self, microseconds: int) -> Trader:
        self.now += microseconds
        return self

    def quote(self, exchange: str, symbol: str, price: Number) -> Trader:
        quote = Quote(last=Decimal(price), time=self.now, bid=Decimal(price), ask=Decimal(price))
        return self.run(m.QuoteSeen(exchange=exchange, symbol=symbol, quote=quote, log=True))

    def cash(self, account: str, asset: str, amount: Number) -> Trader:
        return self.run(m.MoveCash(account=account, asset=asset, amount=Decimal(amount)))

    def order(
        self, number: int, account: str, symbol: str, side: str, quantity: Number, price: Number, strategy: str = ""
    ) -> Trader:
        """A limit order that the venue takes."""
        said = Instruction(
            order_id=an_id(number),
            account=account,
            symbol=symbol,
            side=OrderSide(side),
            type=OrderType.LIMIT,
            quantity=Decimal(quantity),
            price=Decimal(price),
            strategy=strategy,
        )
        self.run(m.SubmitOrder(instruction=said))
        return self.run(m.AckReport(order_id=an_id(number), time=self.now))

    def fill(self, number: int, quantity: Number, price: Number, fee: Number = 0, fee_asset: str = "USDT") -> Trader:
        """A trade; they are called e1, e2, ..."""
        self.executions += 1
        trade = self._execution(f"e{self.executions}", quantity, price, fee, fee_asset)
        return self.run(m.FillReport(order_id=an_id(number), time=self.now, execution=trade))

    def correct(self, number: int, execution_id: str, quantity: Number, price: Number) -> Trader:
        self.executions += 1
        trade = self._execution(f"e{self.executions}", quantity, price, 0, "")
        corrected = m.CorrectReport(order_id=an_id(number), time=self.now, corrects=execution_id, execution=trade)
        return self.run(corrected)

    def bust(self, number: int, execution_id: str) -> Trader:
        return self.run(m.BustReport(order_id=an_id(number), time=self.now, execution_id=execution_id))

    def end(self, number: int) -> Trader:
        return self.run(m.EndReport(order_id=an_id(number), time=self.now, status=OrderStatus.CANCELLED))

    def _execution(self, name: str, quantity: Number, price: Number, fee: Number, fee_asset: str) -> Execution:
        return Execution(
            execution_id=name,
            quantity=Decimal(quantity),
            price=Decimal(price),
            fee=Decimal(fee),
            fee_asset=fee_asset if Decimal(fee) else "",
            time=self.now,
        )


def a_traded_book(journal: Journal) -> Trader:
    """Two days of ann and bob.

    The first: ann buys 2 and 1 BTC at 100 and 10 XYZ, which is never priced, at 3; she sells a future at 100. Bob
    brings 1 BTC and buys nothing. The second: the trade of 1 BTC is busted, BTC rises to 110 and the future to 108,
    and ann leaves an order to buy 1 BTC at 90.
    """
    trader = Trader(journal)
    trader.cash("ann-b", "USDT", 10_000).cash("ann-k", "USDT", 5_000).cash("bob-b", "BTC", 1)
    trader.quote("binance", "BTC/USDT", 100).quote("kraken", FUTURE, 100).quote("kraken", "EUR/USDT", "1.25")
    trader.order(1, "ann-b", "BTC/USDT", "buy", 3, 100, "trend").fill(1, 2, 100, 1).fill(1, 1, 100)
    trader.order(2, "ann-b", "XYZ/USDT", "buy", 10, 3, "carry").fill(2, 10, 3)
    trader.order(3, "ann-k", FUTURE, "sell", 1, 100, "trend").fill(3, 1, 100, "0.5")
    trader.wait(86_400_000_000)
    trader.bust(1, "e2").end(1)
    trader.quote("binance", "BTC/USDT", 110).quote("kraken", FUTURE, 108)
    return trader.order(4, "ann-b", "BTC/USDT", "buy", 1, 90, "trend")
