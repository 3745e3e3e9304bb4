"""Seed 004's RiskManager: would an order be allowed? Async, and it changes nothing.

    result = await RiskManager().check_order(order, db, current_price=50000)
    if not result.passed:
        print(result.reason)

- It asks the same guards that every order passes when it is submitted (core/validation.py, core/risk.py), on the state
  that the log gives: positions, working orders, the day's loss, what is free.
- Its limits are seed 004's five, unless others are given; an environment variable of that seed beats both. Limits of
  the book that the seed does not know (daily orders, orders a second, a symbol's position) hold as they are.
- `current_price` is the market; without it the log's last price is. The last logged price of every other symbol counts
  as its present one. Without a log, or in one that does not know the user, they have `deposits` and nothing else.
- It judges at the present moment: a Broker's own time; else the clock's, or the log's newest row if that is later. What
  the time since then brings (a new day, the end of a halt) is counted in, in memory alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator, Mapping
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from orderwright.broker import Broker, SystemClock
from orderwright.broker.arguments import deposits_of, price_of
from orderwright.broker.base import PAPER, SIMULATED
from orderwright.broker.places import account_name, journal_of, log_path
from orderwright.core import messages as m
from orderwright.core.deadlines import next_deadline
from orderwright.core.evolve import evolve
from orderwright.core.ids import order_id_of
from orderwright.core.model import Account, Instrument, Quote, RiskLimits
from orderwright.core.numbers import EXACT, parse_decimal
from orderwright.core.oms import decide
from orderwright.core.placing import check, fresh, market_of, shape
from orderwright.core.reasons import Refusal
from orderwright.core.recovery import restore
from orderwright.core.sizing import size
from orderwright.core.state import State
from orderwright.driver import TIME_PASSED
from orderwright.errors import InputError
from orderwright.executors import Trade
from orderwright.journal.sqlite import open_log
from orderwright.market.symbols import split_symbol
from orderwright.ports import Clock, Journal
from orderwright.trading_order import trade_of

SEED_LIMITS = RiskLimits(
    max_order_value=Decimal(10_000),
    max_position_value=Decimal(50_000),
    max_daily_loss=Decimal(5_000),
    max_open_orders_per_symbol=5,
    min_order_value=Decimal(10),
)
ENVIRONMENT = {
    "MAX_ORDER_SIZE_USD": "max_order_value",
    "MAX_POSITION_SIZE_USD": "max_position_value",
    "MAX_DAILY_LOSS_USD": "max_daily_loss",
    "MAX_OPEN_ORDERS_PER_SYMBOL": "max_open_orders_per_symbol",
    "MIN_ORDER_VALUE_USD": "min_order_value",
}
_ANY_SIZE = Decimal("0.00000001")


class RiskResult(Struct, frozen=True):
    """passed, or why not: `reason` names field, value and the nearest that would pass; code is its short name."""

    passed: bool
    reason: str = ""
    code: str = ""
    nearest: str | None = None

    def __bool__(self) -> bool:
        return self.passed


class RiskManager:
    """limits: instead of the seed's. environment: what beats them, the process's own unless given. book: whose state.
    clock: what time it is, but for a Broker. Raises InputError for a variable that is no limit."""

    def __init__(
        self,
        limits: RiskLimits | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        book: str = "main",
        deposits: Mapping[str, Any] | None = None,
        clock: Clock | None = None,
    ) -> None:
        given = os.environ if environment is None else environment
        self.limits = structs.replace(limits or SEED_LIMITS, **_from_environment(given))
        self.book, self._clock = book, clock or SystemClock()
        self._deposits = deposits_of(PAPER if deposits is None else deposits)

    async def check_order(self, order: Any, db: Any = None, current_price: Any = None) -> RiskResult:
        """Whether an order (a TradingOrder, a dict with its fields, a Trade) would be allowed now. db: a Broker, a
        Journal, a log's path or URL, or None. Raises InputError for what is no order, no log or no price."""
        return await asyncio.to_thread(self.check, order, db, current_price)

    def check(self, order: Any, db: Any = None, current_price: Any = None) -> RiskResult:
        """The same, without a loop."""
        trade = trade_of(order)
        price = None if current_price is None else price_of(current_price, "current_price")
        with _read(db, self.book) as (journal, book), localcontext(EXACT):
            state = State(book=book) if journal is None else restore(book, journal.open_state(book))
            now = max(state.now, db.now if isinstance(db, Broker) else self._clock.now())
            self._prepare(state, journal, now)
            _let_pass(state, now)
            refusal = self._refusal(state, trade, price, now)
        if refusal is None:
            return RiskResult(True)
        return RiskResult(False, str(refusal), refusal.code, refusal.nearest)

    def _prepare(self, state: State, journal: Journal | None, now: int) -> None:
        """The limits in force, and the log's last prices as those of now."""
        own = {name: value for name, value in structs.asdict(self.limits).items() if value is not None}
        state.settings = structs.replace(state.settings, limits=structs.replace(state.settings.limits, **own))
        for row in journal.latest("prices", where={"book": state.book}) if journal is not None else ():
            state.market[row["exchange"], row["symbol"]] = Quote(row["last"], now, row["bid"], row["ask"])

    def _refusal(self, state: State, trade: Trade, price: Decimal | None, now: int) -> Refusal | None:
        """The first guard that does not let it pass: the stages of core/placing.py, in their order."""
        account = self._account(state, trade, now)
        if price is not None:
            exchange = state.accounts[account].exchange if account in state.accounts else SIMULATED
            state.market[exchange, trade.symbol] = Quote(price, now)
        order = trade.instruction(order_id_of(now, state.book, "risk check"), now=now, account=account)
        found = market_of(state, account, trade.symbol)
        if isinstance(found, Refusal):
            return found
        opened, instrument, quote = found
        refusal = shape(state, order, now)
        if refusal is not None:
            return refusal
        quote = fresh(state, quote, now)
        sized = size(order, instrument, opened, quote)
        if isinstance(sized, Refusal):
            return sized
        return check(state, order, sized, opened, instrument, quote, now)

    def _account(self, state: State, trade: Trade, now: int) -> str:
        """The account that the order would go to. Who has none yet is looked at as if it were opened now."""
        if trade.account:
            return trade.account
        own = sorted(
            (account.account != account_name(trade.user_id, account.exchange), account.account)
            for account in state.accounts.values()
            if account.user == trade.user_id and trade.exchange in ("", account.exchange)
        )
        if own:
            return own[0][1]
        first = next((account.exchange for account in state.accounts.values()), SIMULATED)
        exchange = trade.exchange or first
        name = account_name(trade.user_id, exchange)
        evolve(state, m.AccountOpened(time=now, account=Account(account=name, exchange=exchange, user=trade.user_id)))
        for asset, amount in self._deposits.items():
            evolve(state, m.CashMoved(time=now, account=name, asset=asset, amount=amount, cause="deposit"))
        if not any(one == exchange for one, _ in state.instruments):
            evolve(state, m.InstrumentDefined(time=now, instrument=_any_size(trade.symbol, exchange)))
        return name


def _let_pass(state: State, now: int) -> None:
    """Fold what a driver would write first, at this moment: a new day, trading that goes on, waits that are over."""
    while (deadline := next_deadline(state)) is not None and deadline <= now:
        events, _ = decide(state, TIME_PASSED, now)
        if not events:
            return
        for event in events:
            evolve(state, event)


@contextlib.contextmanager
def _read(db: Any, book: str) -> Iterator[tuple[Journal | None, str]]:
    """(the log, the book in it), to be read; (None, book) where there is no log yet."""
    if isinstance(db, Broker):
        yield db.journal, db.book
    elif isinstance(db, str | Path):
        path = log_path(db)
        if path is None or not path.exists():
            yield None, book
            return
        with contextlib.closing(open_log(path, read_only=True)) as journal:
            yield (journal if book in journal.books() else None), book
    else:
        yield (None if db is None else journal_of(db)[0]), book


def _any_size(symbol: str, exchange: str) -> Instrument:
    """What an exchange that is not known lists: any size. What fits is the exchange's to say."""
    base, quote = split_symbol(symbol)
    return Instrument(
        symbol=symbol, base=base, quote=quote, exchange=exchange, tick_size=_ANY_SIZE, step_size=_ANY_SIZE
    )


def _from_environment(environment: Mapping[str, str]) -> dict[str, Decimal | int]:
    found: dict[str, Decimal | int] = {}
    for name, field in ENVIRONMENT.items():
        if not (value := environment.get(name, "").strip()):
            continue
        number = parse_decimal(value, name)
        whole = field == "max_open_orders_per_symbol"
        if number < 0 or (whole and number != int(number)):
            message = f"{value} is not a {'whole ' if whole else ''}number from 0 up"
            raise InputError(message, field=name, value=value, nearest=max(int(number), 0))
        found[field] = int(number) if whole else number
    return found


__all__ = ["ENVIRONMENT", "SEED_LIMITS", "RiskManager", "RiskResult"]
