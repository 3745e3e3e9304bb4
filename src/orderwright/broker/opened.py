"""The book behind a broker: its engine, its accounts, and the ids of its orders.

- An account is opened when it is first used: a user's own on an exchange, with the paper money that the broker was told
  to give. Its name follows from user and exchange, so that it is the same in every run. Where a log ends in the opening
  of an account, its money may not have got there: it is told once more, and what is there is not moved again.
- An order's id is made of the time, the book, the account and the number of the book's next row. No two orders of a
  book come at one row, so ids never collide, also not in a log that is opened again; and a run that is repeated from
  one seed has the same ids.
- Settings and instruments are told at the start; a log that has settings keeps them unless others are given.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from orderwright.broker.places import Market, account_name
from orderwright.core import messages as m
from orderwright.core.evolve import Changes
from orderwright.core.ids import order_id_of
from orderwright.core.model import Account, Execution, Instruction, Instrument, OrderSide, Settings
from orderwright.engine import Engine
from orderwright.errors import InputError, UnknownName
from orderwright.market.symbols import parse_symbol, split_symbol
from orderwright.ports import Clock, Connector, Feed, Journal
from orderwright.simulation.exchange import SimulatedExchange
from orderwright.simulation.models import Models

KEEP_ALERTS = 1_000
NOBODY = "main"
KEEP_FILLS = 100_000


class Fill(Struct, frozen=True):
    """A fill as it was booked: of which order, and the exchange's trade record."""

    order_id: str
    account: str
    symbol: str
    side: OrderSide
    execution: Execution


class Terms(Struct, frozen=True, kw_only=True):
    """On what terms accounts are opened, and what the book is told. Rates are fractions; deposits by asset."""

    deposits: Mapping[str, Decimal]
    maker_fee: Decimal
    taker_fee: Decimal
    fee_in: str
    slippage_bps: Decimal
    settings: Settings | None
    models: Models


class OpenedBook:
    """One book, ready. connectors: real exchanges, by name; else `markets`, which are simulated."""

    def __init__(
        self,
        book: str,
        journal: Journal,
        terms: Terms,
        markets: Sequence[Market],
        *,
        connectors: Mapping[str, Connector] | None = None,
        feeds: Mapping[str, Feed] | None = None,
        instruments: Iterable[Instrument] = (),
        any_symbol: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self.terms, self.journal, self.any_symbol = terms, journal, any_symbol
        self.replies: list[m.Reply] = []
        self.alerts: deque[m.RaiseAlert] = deque(maxlen=KEEP_ALERTS)
        self.step = min((market.step for market in markets), default=0)
        self.end = max((market.end for market in markets), default=None)
        start = max((market.start for market in markets), default=0)
        venues = connectors or {market.exchange: SimulatedExchange(market.feeds, terms.models) for market in markets}
        self.exchanges = list(venues)
        self.fills: deque[Fill] = deque(maxlen=KEEP_FILLS)
        heard = _Heard(journal, self.fills)
        self.engine = Engine(book, heard, venues, markets=feeds, clock=clock, start=start, handler=self._hear)
        self._traits = {name: venue.traits for name, venue in venues.items()}
        listed = [*instruments, *(instrument for market in markets for instrument in market.instruments)]
        self.own, self._cut_off = self._own_accounts(), self._opened_last()
        self.tell([*self._settings(), *(m.DefineInstrument(instrument=one) for one in listed)])
        self.engine.session.looking.again()

    # Words in, and what is answered

    def tell(self, commands: Iterable[m.Input]) -> None:
        """Raises InputError where the book refuses one."""
        self.replies.clear()
        self.engine.tell(commands)
        for reply in self.replies:
            if reply.refusal is not None:
                why = reply.refusal
                raise InputError(why.rule, field=why.field or None, value=why.value, nearest=why.nearest)

    def do(self, command: m.Input) -> m.Reply | None:
        """The reply to a command that did not become what it asked for."""
        self.replies.clear()
        self.engine.do(command)
        return self.replies[0] if self.replies else None

    def submit(self, instruction: Instruction) -> m.Reply | None:
        """The reply to an order that was refused, or that came before."""
        self.replies.clear()
        self.engine.submit(instruction)
        return self.replies[0] if self.replies else None

    def _hear(self, said: m.RaiseAlert | m.Reply) -> None:
        if isinstance(said, m.Reply):
            self.replies.append(said)
        else:
            self.alerts.append(said)

    def _settings(self) -> list[m.Input]:
        """Those given; else, for a new book, two steps of the market as the age up to which a price counts."""
        if self.terms.settings is not None:
            return [m.Configure(settings=self.terms.settings)]
        if self.engine.state.sequence or not self.step:
            return []
        bar_ms = max(self.step // 1_000, 1)
        return [m.Configure(settings=Settings(bar_ms=bar_ms, max_price_age_ms=max(2 * bar_ms, 60_000)))]

    # Accounts

    def account_of(self, user: str, exchange: str) -> str:
        """The user's account on an exchange, opened if there is none. Raises UnknownName for an unknown exchange."""
        exchange = self.exchange_of(exchange)
        if self.is_open(user, exchange):
            return self.own[user, exchange]
        return self.open_account(self.name_of(user, exchange), user, exchange)

    def is_open(self, user: str, exchange: str) -> bool:
        """Whether a user has an account of their own on an exchange, and its money has been told."""
        found = self.own.get((user, exchange))
        return found is not None and found != self._cut_off

    def name_of(self, user: str, exchange: str) -> str:
        """What a user's own account is called. An executor knows its users by their names alone."""
        if (user, exchange) in self.own:
            return self.own[user, exchange]
        plain = user or NOBODY
        known = self.engine.state.accounts.get(plain)
        if self.engine.clock is not None and (known is None or (known.user, known.exchange) == (user, exchange)):
            return plain
        return account_name(user, exchange)

    def exchange_of(self, exchange: str) -> str:
        """An exchange by name, in any case; the first one where none is named."""
        if not exchange:
            return self.exchanges[0]
        if exchange in self._traits:
            return exchange
        if exchange.lower() in self._traits:
            return exchange.lower()
        raise UnknownName("exchange", exchange, self.exchanges, field="exchange")

    def known_exchange(self, exchange: str) -> str:
        """An exchange that is there, or that the log knows of."""
        known = {account.exchange for account in self.engine.state.accounts.values()}
        return exchange if exchange in known else self.exchange_of(exchange)

    def open_account(
        self, account: str, user: str, exchange: str, deposits: Mapping[str, Decimal] | None = None
    ) -> str:
        """Open an account with money in it. Opening it again changes nothing; its own name is returned."""
        words = Account(
            account=account,
            exchange=exchange,
            user=user,
            maker_fee=self.terms.maker_fee,
            taker_fee=self.terms.taker_fee,
            fee_in=self.terms.fee_in,
            slippage_bps=self.terms.slippage_bps,
            traits=self._traits[exchange],
        )
        known = self.engine.state.accounts.get(account)
        if known is not None and (known.exchange, known.user) != (exchange, user):
            message = f"the account {account!r} is {known.user or 'nobody'}'s on {known.exchange}"
            raise InputError(message, field="account", value=account)
        money = self.terms.deposits if deposits is None else deposits
        cash = [
            m.MoveCash(account=account, asset=asset, amount=amount, reference=f"paper|{account}|{asset}")
            for asset, amount in money.items()
            if amount
        ]
        self.tell([m.OpenAccount(account=words), *cash])
        self.own.setdefault((user, exchange), account)
        if account == self._cut_off:
            self._cut_off = None
        return account

    def _opened_last(self) -> str | None:
        """The account that the log ends with the opening of, if it does."""
        state = self.engine.state
        first = max(state.sequence - 1 - len(self.terms.deposits), 0)
        for _, event in reversed(list(self.journal.events(state.book, first))):
            if isinstance(event, m.AccountOpened):
                return event.account.account
            if not isinstance(event, m.CashMoved):
                return None
        return None

    def _own_accounts(self) -> dict[tuple[str, str], str]:
        """By (user, exchange): the account under the usual name, else the first by name."""
        found: dict[tuple[str, str], str] = {}
        for name, account in sorted(self.engine.state.accounts.items()):
            found.setdefault((account.user, account.exchange), name)
            if name in (account_name(account.user, account.exchange), account.user or NOBODY):
                found[account.user, account.exchange] = name
        return found

    # Symbols and ids

    def define(self, symbol: str, exchange: str) -> None:
        """Where any symbol will do (a real exchange, and no list of instruments): take it in sizes so small that the
        exchange decides what fits."""
        if self.any_symbol and (exchange, symbol) not in self.engine.state.instruments:
            base, quote = split_symbol(symbol)
            grid = Decimal("0.00000001")
            instrument = Instrument(
                symbol=symbol, base=base, quote=quote, exchange=exchange, tick_size=grid, step_size=grid
            )
            self.tell([m.DefineInstrument(instrument=instrument)])

    def symbol_of(self, text: str) -> str:
        """A symbol in any spelling, as the book's exchanges list it; one that none lists as it is usually written."""
        listed = {symbol for _, symbol in self.engine.state.instruments}
        try:
            return parse_symbol(text, listed)
        except UnknownName:
            return parse_symbol(text)

    def new_order_id(self, account: str) -> str:
        """The id of the order that comes next."""
        state = self.engine.state
        return order_id_of(self.engine.now, state.book, account, str(state.sequence))


class _Heard:
    """A journal that notes each fill it is given."""

    def __init__(self, journal: Journal, fills: deque[Fill]) -> None:
        self._journal, self._append, self._fills = journal, journal.append, fills
        self.write, self.commit = journal.write, journal.commit

    def append(self, book: str, sequence: int, event: m.AnyEvent, changes: Changes) -> None:
        self._append(book, sequence, event, changes)
        if type(event) is m.OrderFilled and changes.order is not None:
            said = changes.order.instruction
            self._fills.append(Fill(event.order_id, said.account, said.symbol, said.side, event.execution))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


__all__ = ["Fill", "OpenedBook", "Terms"]
