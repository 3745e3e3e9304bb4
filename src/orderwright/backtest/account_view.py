"""A strategy's account, and its numbers: what it holds, what that is worth, what a float means on an instrument."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext

from orderwright.core import messages as m
from orderwright.core.model import Account, Position, Quote
from orderwright.core.numbers import EXACT, ZERO, parse_decimal
from orderwright.core.placing import closable_of
from orderwright.core.risk import free_of
from orderwright.engine import Engine
from orderwright.errors import InputError

_SLACK = 1e-9


class AccountView(ABC):
    """account: by its name. symbols: those that count, each listed on the account's exchange. waiting: what was asked
    of the book and not yet decided on; what is free and what all is worth is said after that."""

    def __init__(self, engine: Engine, account: str, symbols: Sequence[str]) -> None:
        self.engine, self.state, self.session = engine, engine.state, engine.session
        self.account: Account = engine.state.accounts[account]
        self.symbols = tuple(symbols)
        self.instruments = {symbol: self.state.instruments[self.account.exchange, symbol] for symbol in symbols}
        self.quote_asset = next(iter(self.instruments.values())).quote
        self.feed = engine.session.looking.markets[self.account.exchange]
        self.positions = {symbol: float(self.position(symbol).size) for symbol in symbols}
        self.waiting: list[m.Input] = []
        self._grids = {symbol: (float(one.tick_size), float(one.step_size)) for symbol, one in self.instruments.items()}

    @property
    @abstractmethod
    def now(self) -> int:
        """Microseconds."""

    @abstractmethod
    def flush(self) -> None:
        """Let the book decide on what was asked so far."""

    def quantity(self, value: object, symbol: str) -> Decimal:
        """A float is floored to the step; what is exact is taken to the letter."""
        if type(value) is float:
            steps = value / self._grids[symbol][1]
            if not 0 <= steps < 2.0**62:
                raise InputError(f"{value!r} is no quantity", field="quantity", value=value)
            return int(steps + _SLACK) * self.instruments[symbol].step_size
        return Decimal(value) if type(value) is int else parse_decimal(_plain(value), "quantity")

    def price(self, value: object, symbol: str, field: str) -> Decimal:
        """A float is rounded to the nearest tick; what is exact is taken to the letter."""
        if type(value) is float:
            ticks = value / self._grids[symbol][0]
            if not 0 < ticks < 2.0**62:
                raise InputError(f"{value!r} is no price", field=field, value=value)
            return max(round(ticks), 1) * self.instruments[symbol].tick_size
        return parse_decimal(_plain(value), field)

    def position(self, symbol: str) -> Position:
        """What is held, exactly."""
        return self.state.positions.get((self.account.account, symbol)) or Position()

    def held(self, symbol: str) -> Decimal:
        """What is held and may be sold, as far as the account has it free; what is short, below zero."""
        return closable_of(self.state, self.account.account, symbol)

    def market(self, symbol: str) -> Quote:
        """The market as it is known now. Raises InputError before the first price."""
        found = self.feed.quote(symbol, self.now)
        if found is None:
            raise InputError("it has no price yet", field="symbol", value=symbol)
        return found

    def cash(self) -> Decimal:
        """The quote asset that is free."""
        if self.waiting:
            self.flush()
        with localcontext(EXACT):
            return free_of(self.state, self.account, self.quote_asset)

    def equity(self) -> Decimal:
        """What the account is worth now, in the quote asset."""
        if self.waiting:
            self.flush()
        return self.worth({symbol: self.market(symbol).mid for symbol in self.symbols if self._counts(symbol)})

    def _counts(self, symbol: str) -> bool:
        """Whether something is held of it; a deposit counts as soon as it has a price."""
        if self.positions[symbol]:
            return True
        return bool(self._base(symbol)) and self.feed.quote(symbol, self.now) is not None

    def _base(self, symbol: str) -> Decimal:
        """What the account has of a symbol's base asset, fees taken off; zero for a contract, which brings none."""
        instrument = self.instruments[symbol]
        balance = None if instrument.linear else self.state.balances.get((self.account.account, instrument.base))
        return balance.total if balance is not None else ZERO

    def worth(self, prices: Mapping[str, Decimal]) -> Decimal:
        """What the account is worth at these prices, in the quote asset; what has none is left out."""
        with localcontext(EXACT):
            balance = self.state.balances.get((self.account.account, self.quote_asset))
            total = balance.total if balance is not None else ZERO
            for symbol, price in prices.items():
                total += self._value(symbol, price)
            return total

    def _value(self, symbol: str, price: Decimal) -> Decimal:
        if not self.instruments[symbol].linear:
            return self._base(symbol) * price
        position = self.position(symbol)
        value = position.size * price
        return value - position.cost if position.size > 0 else value + position.cost


def _plain(value: object) -> object:
    """A NumPy scalar as the Python number that it is."""
    item = getattr(value, "item", None)
    return item() if callable(item) else value


__all__ = ["AccountView"]
