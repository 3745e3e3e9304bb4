"""The laws of the portfolio questions, on random histories of two users on two exchanges:

- what was answered at a moment is answered again as of that moment;
- profit adds up exactly, over any groups and over days, and is the change of equity less the cash that was moved;
- what orders lock is what balances say is locked; a total is the sum of its parts.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orderwright.analytics.portfolio import (
    balance_history,
    equity_curve,
    exposure,
    latest_balances,
    latest_prices,
    open_balances,
    profit,
    total_balance,
)
from orderwright.core.model import DAY
from orderwright.core.numbers import ZERO
from orderwright.journal import MemoryJournal
from orderwright.ports import Journal
from tests.analytics.portfolio_books import FUTURE, Trader
from tests.builders import HOUR, MIDNIGHT, NOW, an_id

PLACES = [("ann-b", "BTC/USDT"), ("ann-b", "ETH/BTC"), ("ann-k", "BTC/USDT"), ("ann-k", FUTURE), ("bob-b", "XYZ/USDT")]
QUOTED = [("binance", "BTC/USDT"), ("binance", "ETH/BTC"), ("kraken", "BTC/USDT"), ("kraken", FUTURE)]
WORDS = ("order", "order", "order", "fill", "fill", "fill", "fill", "bust", "correct", "quote", "quote", "end")
Step = tuple[str, int, int, int]


def history(seed: int) -> list[Step]:
    """(what, which one, how much, how long after) of each of 50 steps: some five days."""
    chance = random.Random(seed)
    pauses = (1, HOUR, 6 * HOUR)
    return [
        (chance.choice(WORDS), chance.randrange(100), chance.randint(1, 6), chance.choice(pauses)) for _ in range(50)
    ]


HISTORIES = st.integers(0, 10**6).map(history)
ASKED: list[Callable[..., object]] = [
    latest_prices,
    latest_balances,
    open_balances,
    total_balance,
    exposure,
    balance_history,
    lambda journal, user, as_of: total_balance(journal, user=user, as_of=as_of, currency="EUR").assets,
    lambda journal, user, as_of: profit(journal, ("day", "strategy", "symbol"), user=user, as_of=as_of),
]


def a_trader() -> Trader:
    """A book with money in it, in the currency and in BTC, and a price for it."""
    trader = Trader(MemoryJournal())
    trader.quote("binance", "BTC/USDT", 100).quote("kraken", "EUR/USDT", "1.25")
    trader.cash("ann-b", "USDT", 2_000).cash("ann-b", "BTC", 3).cash("ann-k", "USDT", 2_000).cash("bob-b", "USDT", 500)
    return trader


def take(trader: Trader, step: Step, number: int) -> None:
    """One step of a random history; one that makes no sense changes nothing."""
    name, place, amount, pause = step
    trader.wait(pause)
    account, symbol = PLACES[place % len(PLACES)]
    price = Decimal("0.05") * amount if symbol == "ETH/BTC" else Decimal(90 + 7 * amount)
    orders = [order for order in range(1, number) if trader.state.find(an_id(order)) is not None]
    if name == "order":
        side = "sell" if amount % 3 == 0 else "buy"
        trader.order(number, account, symbol, side, 1 + amount % 2, price, f"s{amount % 2}")
    elif name == "quote":
        exchange, quoted = QUOTED[place % 4]
        trader.quote(exchange, quoted, Decimal("0.05") * amount if quoted == "ETH/BTC" else Decimal(90 + 7 * amount))
    elif orders:
        _on(trader, name, orders[place % len(orders)], amount)


def _on(trader: Trader, name: str, number: int, amount: int) -> None:
    order = trader.state.find(an_id(number))
    assert order is not None
    standing = [execution for execution, trade in order.executions.items() if trade is not None]
    price = order.price or ZERO
    if name == "fill" and order.leaves > ZERO and not order.reason:
        trader.fill(number, Decimal("0.5"), price, Decimal("0.01") * (amount % 3), "BTC" if amount % 2 else "USDT")
    elif name == "bust" and standing:
        trader.bust(number, standing[0])
    elif name == "correct" and standing:
        trader.correct(number, standing[-1], Decimal("0.25"), price)
    elif name == "end" and order.requests:
        trader.end(number)


def ask_all(journal: Journal, as_of: int | None) -> list[object]:
    return [ask(journal, user="ann", as_of=as_of) for ask in ASKED]


@settings(max_examples=25)
@given(HISTORIES, st.integers(1, 49))
def test_what_was_answered_at_a_moment_is_answered_again_as_of_it(steps: list[Step], until: int) -> None:
    trader = a_trader()
    for number, step in enumerate(steps[:until], start=1):
        take(trader, step, number)
    then, moment = _without_moment(ask_all(trader.journal, None)), trader.log[-1].time
    for number, step in enumerate(steps[until:], start=until + 1):
        take(trader.wait(1), step, number)

    assert _without_moment(ask_all(trader.journal, moment)) == then


def _without_moment(answers: list[Any]) -> list[object]:
    """An answer says as of when it is."""
    return [{**_fields(one), "as_of": None} if hasattr(one, "as_of") else one for one in answers]


def _fields(record: Any) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


@settings(max_examples=30)
@given(HISTORIES)
def test_profit_adds_up_over_groups_and_days_and_is_what_equity_gained(steps: list[Step]) -> None:
    trader = a_trader()
    for number, step in enumerate(steps, start=1):
        take(trader, step, number)
    journal, end = trader.journal, (trader.now // DAY + 1) * DAY
    days = [MIDNIGHT, *range(MIDNIGHT + DAY, end + 1, DAY)]

    for period in ({}, {"start": days[0], "end": days[-1]}, {"start": NOW + 3 * HOUR}):
        (whole,) = profit(journal, (), user="ann", **period)
        for by in ("strategy", "symbol", "day", "exchange", "day,account", "day,strategy,symbol"):
            lines = profit(journal, by, user="ann", **period)
            assert sum((line.profit for line in lines), ZERO) == whole.profit
            assert sum(line.fills for line in lines) == whole.fills
            assert all(line.profit == line.brought + line.inventory - line.fees for line in lines)
    for start, stop in pairwise(days):
        (line,) = profit(journal, (), user="ann", exchange="binance", start=start, end=stop)
        before, after = (
            equity_curve(journal, user="ann", exchange="binance", start=time - 1, end=time - 1)[0].equity
            for time in (start, stop)
        )
        assert line.profit == after - before - cash_gain(journal, start, stop)


def cash_gain(journal: Journal, start: int, end: int) -> Decimal:
    """What ann's deposits on binance were worth more at the end of a period than when it began: 1,000 USDT and 3 BTC,
    paid in at noon of the first day."""
    gains = []
    for time in (start, end):
        prices = {
            price.symbol: price.mid for price in latest_prices(journal, user="ann", exchange="binance", as_of=time - 1)
        }
        gains.append(2_000 + 3 * prices["BTC/USDT"] if time > NOW else ZERO)
    return gains[1] - gains[0]


@settings(max_examples=30)
@given(HISTORIES)
def test_what_orders_lock_is_locked_and_totals_are_the_sums_of_their_parts(
    steps: list[Step],
) -> None:
    trader = a_trader()
    for number, step in enumerate(steps, start=1):
        take(trader, step, number)
    journal = trader.journal

    locked: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for order in open_balances(journal).orders:
        locked[order.account, order.asset] += order.locked
    balances = {(one.account, one.asset): one.locked for one in latest_balances(journal) if one.locked}
    assert {key: amount for key, amount in locked.items() if amount} == balances
    total = total_balance(journal, currency="EUR")
    assert total.total == total.available + total.in_orders + total.in_positions == added(total.exchanges)
    assert total.total == added(total_balance(journal, user=user, currency="EUR") for user in ("ann", "bob"))
    worth = sum((one.value for one in total.assets if one.value is not None), ZERO)
    assert total.total == worth + total.unrealised
    staked = exposure(journal, ("account", "symbol"))
    (whole,) = exposure(journal, ())
    assert whole.gross == sum((one.gross for one in staked), ZERO)
    assert whole.net == whole.long - whole.short
    assert all(one.worst >= abs(one.net) for one in staked)


def added(parts: Iterable[Any]) -> Decimal:
    return sum((part.total for part in parts), ZERO)
