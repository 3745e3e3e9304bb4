"""A log of about 10,000,000 rows with something in it for every report: a month of 1,000 users, made once and kept in
ORDERWRIGHT_BENCH_HOME (by default the temporary folder), some ten minutes' work in a process of its own.

- `user-0` ... `user-999` have an account each on the exchange `simulated`; every fourth has another on `second`.
- 4 symbols whose prices walk at random, 5 strategies, one book. Nobody sells what is not held.
- Orders come in steps; a step lasts a minute and its turns bring what venues say: acknowledgements, fills in up to
  three parts, refusals, cancels, replaces, expiries, a few answers that never come, a few trades that are busted.
- The same seed gives the same log, row for row. ROWS makes a smaller one, over the same 30 days.
"""

from __future__ import annotations

import os
import random
import sys
from decimal import Decimal
from pathlib import Path

from msgspec import Struct

from benchmarks.common import SINK, START, made_once
from orderwright.core import messages as m
from orderwright.core.ids import order_id_of
from orderwright.core.model import (
    DAY,
    SECOND,
    Account,
    Action,
    Execution,
    Instruction,
    Instrument,
    Liquidity,
    OrderSide,
    OrderStatus,
    OrderType,
    Quote,
    Settings,
    Signal,
    Source,
    TimeInForce,
)
from orderwright.driver import CommitOnThread, Driver
from orderwright.journal.sqlite import open_log

USERS, DAYS, SEED = 1_000, 30, 7
ORDERS_PER_STEP, ROWS_PER_STEP = 265, 990
STRATEGIES = ("trend", "reversal", "carry", "breakout", "maker")
FEES = {"simulated": Decimal("0.001"), "second": Decimal("0.0008")}
MARKETS = {  # symbol: (first price in ticks, tick, step)
    "BTC/USDT": (5_000_000, Decimal("0.01"), Decimal("0.00001")),
    "ETH/USDT": (250_000, Decimal("0.01"), Decimal("0.0001")),
    "SOL/USDT": (100_000, Decimal("0.001"), Decimal("0.001")),
    "BNB/USDT": (30_000, Decimal("0.01"), Decimal("0.001")),
}
FATES = {  # what becomes of an order, and how often in 10,000
    "filled": 4_300,
    "in two": 2_300,
    "in three": 700,
    "cancelled": 1_200,
    "partly": 600,
    "rejected": 220,
    "denied": 150,
    "expired": 300,
    "unknown": 70,
    "replaced": 150,
    "busted": 7,
    "rests": 3,
}
PARTS = {"in two": 2, "in three": 3, "partly": 2, "expired": 2, "busted": 2}
ACKED, ANSWERED, AT_ONCE, SOON, LATER, REPLACED, LAST, GONE = range(1, 9)
AFTER = (0, 35_000, 90_000, 200_000, 1_500_000, 12_000_000, 12_060_000, 45_000_000, 45_080_000)
QUOTED = (0, AT_ONCE, SOON, LATER, LAST)


class Deal(Struct):
    """An order of a step: what it says, and what will become of it. quantity in steps."""

    order_id: str
    account: Account
    symbol: str
    side: OrderSide
    kind: OrderType
    force: TimeInForce
    quantity: int
    price: Decimal
    fate: str


class Month:
    """Makes the inputs, step by step: `turns` gives what is said at each moment of a step."""

    def __init__(self) -> None:
        self.chance = random.Random(SEED)
        self.accounts = [
            Account(account=f"{user}-{exchange}", exchange=exchange, user=user, maker_fee=fee, taker_fee=fee)
            for user, exchanges in ((f"user-{n}", 2 if n % 4 == 0 else 1) for n in range(USERS))
            for exchange, fee in list(FEES.items())[:exchanges]
        ]
        self._ticks = {symbol: first for symbol, (first, _, _) in MARKETS.items()}
        self._held: dict[tuple[str, str], int] = {}
        self._executions = 0
        self._orders = 0

    def opening(self) -> list[m.Input]:
        """Two exchanges, the accounts, and a million in each."""
        inputs: list[m.Input] = [m.Configure(settings=Settings(price_every_ms=5_000))]
        for exchange in FEES:
            for symbol, (_, tick, step) in MARKETS.items():
                base, quote = symbol.split("/")
                instrument = Instrument(
                    symbol=symbol, base=base, quote=quote, exchange=exchange, tick_size=tick, step_size=step
                )
                inputs.append(m.DefineInstrument(instrument=instrument))
        inputs += [m.OpenAccount(account=account) for account in self.accounts]
        inputs += [
            m.MoveCash(account=account.account, asset="USDT", amount=Decimal(10**6), reference=account.account)
            for account in self.accounts
        ]
        return inputs

    def turns(self, now: int, orders: int) -> list[tuple[int, list[m.Input]]]:
        """The turns of a step of so many orders: (time, inputs), in order."""
        said: list[list[m.Input]] = [[] for _ in AFTER]
        quotes: dict[int, dict[str, int]] = {}
        for stage in QUOTED:
            quotes[stage] = self._move()
            said[stage] += self._quotes(now + AFTER[stage])
        for account in self.chance.sample(self.accounts, orders):
            deal = self._deal(account, quotes[0], now)
            said[0].append(self._submit(deal, now))
            if deal.fate != "denied":
                self._live(deal, said, quotes, now)
        return [(now + after, inputs) for after, inputs in zip(AFTER, said, strict=True)]

    def _move(self) -> dict[str, int]:
        for symbol, ticks in self._ticks.items():
            self._ticks[symbol] = max(1_000, ticks + round(ticks * self.chance.gauss(0, 0.0006)))
        return dict(self._ticks)

    def _quotes(self, time: int) -> list[m.Input]:
        made: list[m.Input] = []
        for exchange in FEES:
            for symbol, ticks in self._ticks.items():
                tick = MARKETS[symbol][1]
                bid, ask = (ticks - 1) * tick, (ticks + (1 if exchange == "simulated" else 3)) * tick
                quote = Quote(last=ticks * tick, time=time, bid=bid, ask=ask)
                made.append(m.QuoteSeen(exchange=exchange, symbol=symbol, quote=quote))
        return made

    def _deal(self, account: Account, ticks: dict[str, int], now: int) -> Deal:
        chance = self.chance
        symbol = chance.choices(tuple(MARKETS), (50, 25, 15, 10))[0]
        _, tick, step = MARKETS[symbol]
        held = self._held.get((account.account, symbol), 0)
        side = OrderSide.SELL if held > 3 and chance.random() < 0.55 else OrderSide.BUY
        value = chance.randint(60, 2_500)
        quantity = held if side is OrderSide.SELL else max(int(value / (ticks[symbol] * tick * step)), 4)
        fate = chance.choices(tuple(FATES), tuple(FATES.values()))[0]
        market = chance.random() < 0.35 and fate in ("filled", "in two", "rejected", "unknown")
        if fate == "rests":
            side, quantity = OrderSide.BUY, max(int(100 / (ticks[symbol] * tick * step)), 4)
        away = chance.randint(-40, 40) if fate != "rests" else -ticks[symbol] // 10
        self._orders += 1
        return Deal(
            order_id=order_id_of(now, str(self._orders)),
            account=account,
            symbol=symbol,
            side=side,
            kind=OrderType.MARKET if market else OrderType.LIMIT,
            force=TimeInForce.IOC if fate == "expired" else TimeInForce.GTC,
            quantity=quantity,
            price=(ticks[symbol] + away) * tick,
            fate=fate,
        )

    def _submit(self, deal: Deal, now: int) -> m.Input:
        chance, account, step = self.chance, deal.account, MARKETS[deal.symbol][2]
        strategy = STRATEGIES[int(account.user[5:]) % 7 % 5]
        if deal.kind is OrderType.MARKET and chance.random() < 0.06:
            signal = Signal(
                signal_id=deal.order_id[-12:],
                symbol=deal.symbol,
                action=Action(deal.side.value),
                account=account.account,
                source=Source.TRADINGVIEW,
                quantity=deal.quantity * step,
                strategy=strategy,
                user=account.user,
                time=now - chance.randint(0, 2_000_000),
            )
            return m.ReceiveSignal(signal=signal, order_id=deal.order_id)
        wrong = MARKETS[deal.symbol][1] / 2 if deal.fate == "denied" else 0
        instruction = Instruction(
            order_id=deal.order_id,
            account=account.account,
            symbol=deal.symbol,
            side=deal.side,
            type=deal.kind,
            quantity=deal.quantity * step,
            price=deal.price + wrong if deal.kind is OrderType.LIMIT else None,
            time_in_force=deal.force,
            user=account.user,
            strategy=strategy,
            source=Source.STRATEGY,
            decision_price=deal.price,
            decision_time=now - chance.randint(0, 900_000),
        )
        return m.SubmitOrder(instruction=instruction)

    def _live(self, deal: Deal, said: list[list[m.Input]], quotes: dict[int, dict[str, int]], now: int) -> None:
        """What the venue says of an order, put into the turns of the step."""
        order_id, fate = deal.order_id, deal.fate
        if fate == "rejected":
            code = self.chance.choice(("-2010", "-1013", "-2015"))
            told = m.RejectReport(order_id=order_id, time=now + AFTER[ANSWERED], code=code, message="refused")
            said[ANSWERED].append(told)
            return
        if fate == "unknown":
            said[ACKED].append(m.UnreachableReport(order_id=order_id, time=now + AFTER[ACKED], number=0))
        acked = SOON if fate == "unknown" else self.chance.choice((ACKED, ACKED, ANSWERED))
        told_id = f"x{self._orders}"
        said[acked].append(m.AckReport(order_id=order_id, time=now + AFTER[acked], exchange_order_id=told_id))
        if fate == "replaced":
            said[LATER].append(m.ReplaceOrder(order_id=order_id, price=deal.price + MARKETS[deal.symbol][1]))
            said[REPLACED].append(m.ReplacedReport(order_id=order_id, time=now + AFTER[REPLACED], number=1))
            deal.price += MARKETS[deal.symbol][1]
        if fate in ("cancelled", "partly", "busted"):
            said[LAST].append(m.CancelOrder(order_id=order_id, cause="it took too long"))
        filled = self._fills(deal, said, quotes, now) if fate not in ("cancelled", "rests") else 0
        if fate in ("cancelled", "partly", "expired", "busted"):
            stage = AT_ONCE if fate == "expired" else GONE
            status = OrderStatus.EXPIRED if fate == "expired" else OrderStatus.CANCELLED
            cumulative = filled * MARKETS[deal.symbol][2]
            ended = m.EndReport(order_id=order_id, time=now + AFTER[stage], status=status, cumulative=cumulative)
            said[stage].append(ended)

    def _fills(self, deal: Deal, said: list[list[m.Input]], quotes: dict[int, dict[str, int]], now: int) -> int:
        """The order's trades, put into the turns; returns the steps that stand."""
        parts = PARTS.get(deal.fate, 1)
        stages = {"replaced": [LAST], "expired": [AT_ONCE], "in three": [SOON, LATER, LAST]}.get(
            deal.fate, [SOON, LATER] if deal.kind is OrderType.LIMIT or deal.fate == "unknown" else [AT_ONCE, SOON]
        )
        cuts = [deal.quantity * part // parts for part in range(parts + 1)]
        if deal.fate in ("partly", "expired", "busted"):
            cuts = cuts[:-1]
        for stage, low, high in zip(stages, cuts, cuts[1:], strict=False):
            said[stage].append(self._fill(deal, high - low, quotes.get(stage, quotes[0]), now + AFTER[stage]))
        filled = cuts[-1]
        if deal.fate == "busted":
            bust = m.BustReport(order_id=deal.order_id, time=now + AFTER[LATER], execution_id=f"t{self._executions}")
            said[LATER].append(bust)
            filled = 0
        key = (deal.account.account, deal.symbol)
        self._held[key] = self._held.get(key, 0) + (filled if deal.side is OrderSide.BUY else -filled)
        return filled

    def _fill(self, deal: Deal, steps: int, ticks: dict[str, int], time: int) -> m.FillReport:
        _, tick, step = MARKETS[deal.symbol]
        price, liquidity = deal.price, Liquidity.MAKER
        if deal.kind is OrderType.MARKET:
            worse = self.chance.randint(1, 6)
            price = (ticks[deal.symbol] + (worse if deal.side is OrderSide.BUY else -worse)) * tick
            liquidity = Liquidity.TAKER
        self._executions += 1
        execution = Execution(
            execution_id=f"t{self._executions}",
            quantity=steps * step,
            price=price,
            fee=steps * step * price * FEES[deal.account.exchange],
            fee_asset="USDT",
            liquidity=liquidity,
            time=time,
        )
        return m.FillReport(order_id=deal.order_id, time=time, execution=execution)


def ten_million(rows: int | None = None) -> Path:
    """The log's path; it is made if it is not there. ROWS makes a smaller one."""
    rows = rows if rows is not None else int(os.environ.get("ROWS", "10000000"))
    return made_once(f"rows-{rows}", "benchmarks.ten_million", rows, "rows")


def _make(path: Path, rows: int) -> None:
    journal, committer, month = open_log(path), CommitOnThread(), Month()
    driver = Driver("bench", journal, dict.fromkeys(FEES, SINK), committer=committer)
    begin = START // DAY * DAY
    driver.turn(month.opening(), begin)
    steps = -(-rows // ROWS_PER_STEP)
    pause = max(DAYS * DAY // steps, 60 * SECOND)
    now = begin
    while driver.state.sequence < rows:
        now += pause
        for time, inputs in month.turns(now, ORDERS_PER_STEP):
            driver.turn(inputs, time)
    driver.flush()
    journal.close()
    committer.close()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        _make(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        ten_million()
