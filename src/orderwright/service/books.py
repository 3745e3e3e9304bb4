"""Which books there are, whose they are, and the accounts in them.

- Books come from the configuration, from the log, and, where nobody is configured, there is one: `main`, of the user
  `main`. A book has one owner; a user's default book is the one they are configured with, else their own.
- Where a user has no account, one is opened: a paper account on the simulated exchange, with
  `execution.simulation.deposits` in it. An account that the log knows keeps its money; it is given none again.
- In environment local a user who is not known is made when first named, with a book and a paper account. Who was made
  once is known again from the log: the accounts say whose they are.
- The operator, who runs the service, is a user as well, `operator`: the first key is theirs. Their orders go to the
  book `main`, else to the only one there is; among several they name one.
- `system` is a book too, of nobody: it holds users, keys and what belongs to no book, and never trades.

At the start every book is told what is configured: its settings, instruments, accounts. What it knows already is not
told again, so a start costs what is open and not what is configured.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, NoReturn

from msgspec import structs

from orderwright.config import mapping, owning
from orderwright.config.owning import OPERATOR, SIMULATED, SYSTEM
from orderwright.core import messages as m
from orderwright.core.model import Account, Instrument, Quote
from orderwright.core.state import State
from orderwright.driver import MAX_TURN
from orderwright.engine import Engine
from orderwright.errors import InputError, UnknownName
from orderwright.live.book import Answer, LiveBook
from orderwright.live.desk import Busy, Desk
from orderwright.market.symbols import parse_symbol
from orderwright.service.paper import Pair, PaperExchanges, usual_name
from orderwright.simulation.exchange import TRAITS, SimulatedExchange

if TYPE_CHECKING:
    from orderwright.config.schema import Configuration
    from orderwright.live.loop import LiveLoop
    from orderwright.ports import Clock

MAIN = "main"
MOST_BOOKS, MOST_SPELLINGS = 10_000, 10_000
_USER = re.compile(r"[A-Za-z0-9._@-]{1,64}")
Alert = Callable[[str, m.RaiseAlert], None]


class Books:
    """desk: where they are opened; its log is the one they are in. alert: takes what a book raises, once it is durable.
    `open` comes first; what makes books later needs the loop that runs the desk."""

    def __init__(self, desk: Desk, configuration: Configuration, clock: Clock, *, alert: Alert | None = None) -> None:
        self.desk, self.configuration, self.clock = desk, configuration, clock
        self.exchanges_on_paper = PaperExchanges(configuration)
        self.loop: LiveLoop | None = None
        self._alert = alert
        self._owners: dict[str, str] = {}
        self._defaults: dict[str, str] = {}
        self._making: dict[str, asyncio.Task[str]] = {}
        self._spellings: dict[tuple[str, str, str], str] = {}
        self._planned = mapping.accounts_of(configuration)

    # The start

    def open(self) -> None:
        """Open every book of the log and of the configuration, and make durable what they are told. Raises InputError
        for what does not fit the log, LogError where that cannot be written."""
        self._open(SYSTEM, "")
        logged = [name for name in self.desk.journal.books() if name != SYSTEM]
        configured = owning.books(self.configuration)
        for name in dict.fromkeys([*configured, *logged]) or [MAIN]:
            self._open(name, owning.owner_of(self.configuration, name) if name in configured else None)
        for book, owner in self._owners.items():
            self._defaults.setdefault(owner, book)
        for user in self.configuration.users:
            book = self._defaults[user] = owning.book_of_user(self.configuration, user)
            if self._owners[book] != user:
                message = f"the book {book} is {self._owners[book]}'s: name another"
                raise InputError(message, field=f"users.{user}.book", value=book)
        self._place_operator()
        moved = [(book, list(self._moved(book, owner))) for book, owner in self._owners.items()]
        for book, said in moved:
            self._ask(book, [*said, *self._news_of(book, self._owners[book])])
        self._turn()

    def _place_operator(self) -> None:
        """The book of the operator's orders that name none; none where several could be meant."""
        only = next(iter(self._owners)) if len(self._owners) == 1 else None
        found = MAIN if MAIN in self._owners else only
        if found is not None:
            self._defaults.setdefault(OPERATOR, found)

    def _open(self, name: str, owner: str | None) -> LiveBook:
        """owner: None where the log knows."""
        book = LiveBook(self._engine(name), ttl_us=mapping.cache_us_of(self.configuration), alert=self._alert)
        self.desk.open(book)
        if name != SYSTEM:
            self._owners[name] = owner if owner is not None else _owner_in(book.state)
        return book

    def _engine(self, book: str) -> Engine:
        """A book with its exchanges. What it has orders or money in stays there to be traded, though it is configured
        no more."""
        paper, journal = self.exchanges_on_paper, self.desk.journal
        exchanges = paper.opened() if book != SYSTEM else paper.empty()
        try:
            engine = Engine(book, journal, exchanges)
        except InputError as error:
            raise error.at(f"book {book}") from None
        missing = list(_missing(engine.state, exchanges))
        return Engine(book, journal, paper.opened(missing)) if missing and book != SYSTEM else engine

    def _news_of(self, book: str, owner: str) -> Iterator[m.Input]:
        """What a book is to be told that it does not know."""
        state = self.desk.books[book].state
        settings = mapping.settings_of(self.configuration, book)
        if state.settings != settings:
            yield m.Configure(settings=settings)
        for instrument in self._instruments_of(book):
            if state.instruments.get((instrument.exchange, instrument.symbol)) != instrument:
                yield m.DefineInstrument(instrument=instrument)
        planned = [one for one in self._planned if one.book == book]
        for one in planned:
            account = structs.replace(one.account, traits=TRAITS)
            self._check_owner(state, account)
            yield from _account_news(state, account, one.deposits)
        own = usual_name(owner, SIMULATED)
        known = {*state.accounts, *(one.account.account for one in planned)}
        if not known or known == {own}:
            yield from _account_news(state, *self.exchanges_on_paper.account(own, owner))

    def _moved(self, book: str, owner: str) -> Iterator[m.Input]:
        """The accounts of `main`, which were nobody's in particular, become those of its first named owner. Raises
        InputError where any other account of the log would change hands: its money is its user's."""
        for account in self.desk.books[book].state.accounts.values():
            user = account.user
            if user in ("", owner):
                continue
            if book != MAIN or user not in (MAIN, OPERATOR) or user in self.configuration.users:
                message = (
                    f"in the log its account {account.account} is {user}'s, and an account keeps its user: write "
                    f"books.{book}.user: {user} (with {user} under users), and for {owner} a book of another name"
                )
                raise InputError(message, field=f"books.{book}.user", value=owner, nearest=user)
            yield m.OpenAccount(account=structs.replace(account, user=owner))

    def _instruments_of(self, book: str) -> Iterator[Instrument]:
        """What the exchanges of a book trade."""
        for name, exchange in self.desk.books[book].engine.simulated.items():
            for symbol in exchange.symbols():
                yield self.exchanges_on_paper.feed(name, symbol).instrument

    def _check_owner(self, state: State, account: Account) -> None:
        """Raises InputError where the log has the account on another exchange: its money is there."""
        known = state.accounts.get(account.account)
        if known is not None and known.exchange != account.exchange:
            message = f"in the log this account is on {known.exchange}: give the new one another name"
            field = f"accounts.{account.account}.exchange"
            raise InputError(message, field=field, value=account.exchange, nearest=known.exchange)

    def _ask(self, book: str, commands: Iterable[m.Input]) -> None:
        """Before the loop runs: let commands wait, and decide them where they have become many."""
        for said in commands:
            self.desk.put(book, said, _refuse)
            if self.desk.waiting >= min(MAX_TURN, self.desk.most_waiting):
                self._turn()

    def _turn(self) -> None:
        """Decide and commit what waits, on this thread. Nobody else turns the desk yet."""
        desk = self.desk
        while desk.waiting or desk.has_decided:
            desk.decide(self.clock.now())
            desk.write()
            desk.commit()
            desk.perform()

    # Whose

    def all(self) -> list[str]:
        """Every book that trades, in the order in which they were opened."""
        return list(self._owners)

    def users(self) -> list[str]:
        """Everybody who has a book."""
        return list(self._defaults)

    @property
    def first_user(self) -> str:
        """Who is meant where nobody is named: the first configured user, else the owner of the first book."""
        return next(iter(self.configuration.users), None) or next(iter(self._owners.values()))

    def knows(self, user: str) -> bool:
        """Whether a user has a book."""
        return user in self._defaults

    def default_book(self, user: str) -> str:
        """The book of a user's orders that name none. Raises UnknownName for a user who has none."""
        found = self._defaults.get(user)
        return found if found is not None else self._unknown_user(user)

    def books_of(self, user: str) -> frozenset[str]:
        """The books that a user sees: those they own; a key of the operator with a smaller scope sees their default."""
        own = frozenset(book for book, owner in self._owners.items() if owner == user)
        return own or frozenset({self._defaults[user]}) if user == OPERATOR and user in self._defaults else own

    def ceiling_of(self, user: str) -> str:
        """The scope that keys of a user have at most: users.NAME.scope. Where users are configured and they are not
        one of them: trade for who was added while the service ran, and read for who is in the log alone, as somebody
        taken out of `users` is. Admin for the operator, and for everybody where nobody is configured."""
        users = self.configuration.users
        if user == OPERATOR or not users:
            return "admin"
        if user in users:
            return users[user].scope
        return "trade" if self.is_expected(user) else "read"

    def is_expected(self, user: str) -> bool:
        """Whether a user is configured, was added while the service ran, or runs it."""
        return user == OPERATOR or user in self.configuration.users or user in self.desk.books[SYSTEM].state.users

    def owner_of(self, book: str) -> str:
        """Whose a book is; nobody's ("") for `system`. Raises UnknownName."""
        if book == SYSTEM:
            return ""
        if book not in self._owners:
            raise UnknownName("book", book, self._owners, field="book")
        return self._owners[book]

    def _unknown_user(self, user: str) -> NoReturn:
        if user == OPERATOR:
            message = "the operator has no book of their own here: name the book, or the user_id"
            raise InputError(message, field="book", nearest=next(iter(self._owners), None))
        raise UnknownName("user", user, self._defaults, field="user_id")

    # New users

    async def ensure_user(self, user: str) -> str:
        """The default book of a user. One who is not known is made in environment local, with a book and a paper
        account, durable when this returns; elsewhere UnknownName is raised. Raises InputError for what is no name,
        Busy where nothing more is taken in now."""
        if user not in self._defaults and (user == OPERATOR or self.configuration.environment != "local"):
            self._unknown_user(user)
        return await self.add_user(user)

    async def add_user(self, user: str) -> str:
        """The same in any environment, for whoever may make users. Who is asked for twice is made once, and is known
        when the accounts are there."""
        found = self._defaults.get(user)
        if found is not None:
            return found
        making = self._making.get(user)
        if making is None:
            making = self._making[user] = asyncio.create_task(self._make(user))
            making.add_done_callback(lambda _: self._making.pop(user, None))
        return await asyncio.shield(making)

    async def _make(self, user: str) -> str:
        check_user_name(user)
        if len(self._owners) >= MOST_BOOKS:
            message = f"there are {MOST_BOOKS:,} books, which is as many as one service keeps"
            raise InputError(message, field="user_id", value=user)
        loop, desk = self.loop, self.desk
        assert loop is not None, "the loop that runs the desk is to be put in `loop` first"
        room = len(self.exchanges_on_paper.instruments()) + 2 + len(self.configuration.execution.simulation.deposits)
        if desk.waiting + room > desk.most_waiting:
            raise Busy(f"{desk.waiting} commands wait already; try again")
        book = self._free_name(user)
        self._open(book, user)
        for answer in await loop.ask_all(book, list(self._news_of(book, user))):
            _refuse(answer)
        self._defaults[user] = book
        return book

    def _free_name(self, user: str) -> str:
        """The user's own name, or that with a number where another's book is called so."""
        number, name = 1, user
        while name in self.desk.books:
            number += 1
            name = f"{user}.{number}"
        return name

    # Accounts, symbols, prices

    def account_of(self, book: str, user: str = "", exchange: str = "", account: str = "") -> Account:
        """An account of a book: the one that is named, else the user's default one on the exchange. Raises UnknownName,
        or InputError where an account is on another exchange than was said."""
        self.owner_of(book)
        accounts = self.desk.books[book].state.accounts
        wanted = self.exchanges_on_paper.exchange_of(exchange) if exchange else ""
        if account:
            found = accounts.get(account)
            if found is None:
                raise UnknownName("account", account, accounts, field="account")
            if wanted and found.exchange != wanted:
                message = f"{account} is an account on {found.exchange}"
                raise InputError(message, field="exchange", value=exchange, nearest=found.exchange)
            return found
        there = [one for one in accounts.values() if one.exchange == (wanted or one.exchange)]
        if not there:
            known = {one.exchange for one in accounts.values()}
            raise UnknownName(f"account of {user or book} on", wanted, known, field="exchange")
        preferred = self._preferred(user or self._owners.get(book, ""))
        return min(there, key=lambda one: (one.account != preferred, one.user != user, not _is_usual(one), one.account))

    def _preferred(self, user: str) -> str | None:
        keys = self.configuration.users.get(user)
        return None if keys is None else keys.account

    def exchanges(self) -> list[str]:
        """The names of the exchanges, the default one first."""
        return list(self.exchanges_on_paper.names)

    def symbols(self, exchange: str = "") -> list[str]:
        """What an exchange trades."""
        self.exchanges_on_paper.exchange_of(exchange)
        return list(self.exchanges_on_paper.symbols)

    def symbol_of(self, text: str, book: str = "", exchange: str = "") -> str:
        """A symbol in any spelling, as an exchange lists it, or as the book has it from before. Raises UnknownName with
        the nearest one: a misspelt symbol never becomes a market."""
        spelt = (text, book, exchange)
        symbol = self._spellings.get(spelt)
        if symbol is None:
            name = self.exchanges_on_paper.exchange_of(exchange)
            found = self.desk.books.get(book)
            here = found.engine.simulated.get(name) if found is not None else None
            symbol = parse_symbol(text, here.symbols() if here is not None else self.exchanges_on_paper.symbols)
            if len(self._spellings) >= MOST_SPELLINGS:
                self._spellings.clear()
            self._spellings[spelt] = symbol
        return symbol

    def quote(self, exchange: str, symbol: str, now: int) -> Quote | None:
        """The market at a time, microseconds; None for what is not traded there."""
        return self.exchanges_on_paper.quote(exchange, symbol, now)


def check_user_name(user: str) -> None:
    """Raises InputError for what cannot be a user's name."""
    if not _USER.fullmatch(user):
        message = "a user's name is of 1 to 64 letters, digits, '.', '_', '@' and '-'"
        raise InputError(message, field="user_id", value=user[:64])
    if user == SYSTEM:
        raise InputError(f"{SYSTEM} is the service's own", field="user_id", value=user)


def _refuse(answer: Answer | BaseException) -> None:
    """Raise what went wrong with a command that sets up a book."""
    if isinstance(answer, BaseException):
        raise answer
    refusal = answer.reply.refusal if answer.reply is not None else None
    if refusal is not None:
        place = f"book {answer.book}"
        raise InputError(
            refusal.rule, field=refusal.field or None, value=refusal.value, nearest=refusal.nearest, where=place
        )


def _owner_in(state: State) -> str:
    """Whose a book is that only the log knows: whose its accounts are, else that of its own name."""
    return next((one.user for one in state.accounts.values() if one.user), state.book)


def _account_news(state: State, account: Account, deposits: dict[str, Decimal]) -> Iterator[m.Input]:
    """Open an account, or change it; what it starts with, where it has had nothing of that asset yet. The reference
    keeps money from being given twice."""
    name = account.account
    if state.accounts.get(name) != account:
        yield m.OpenAccount(account=account)
    for asset, amount in deposits.items():
        if amount and (name, asset) not in state.balances:
            yield m.MoveCash(account=name, asset=asset, amount=amount, reference=f"paper|{name}|{asset}")


def _missing(state: State, exchanges: Mapping[str, SimulatedExchange]) -> Iterator[Pair]:
    """(exchange, symbol) of open orders, and of what is held, that the exchanges do not trade."""
    for (exchange, symbol), instrument in state.instruments.items():
        if exchange not in exchanges or symbol in exchanges[exchange].symbols():
            continue
        mine = [one.account for one in state.accounts.values() if one.exchange == exchange]
        balances = [state.balances.get((name, instrument.base)) for name in mine]
        held = any(balance is not None and balance.total for balance in balances)
        orders = [order.instruction for order in state.orders.values() if order.instruction.symbol == symbol]
        if held or any((name, symbol) in state.positions for name in mine) or any(o.account in mine for o in orders):
            yield exchange, symbol


def _is_usual(account: Account) -> bool:
    return account.account == usual_name(account.user, account.exchange)


__all__ = ["MAIN", "OPERATOR", "Books", "check_user_name"]
