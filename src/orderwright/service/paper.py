"""The service's simulated exchanges: their names, what they trade, and their market, which all books share.

Each book has exchanges of its own, with its own orders and money, on the same prices: a function of the time
(market/live_prices.py), so that a restart goes on in the same market.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from orderwright.config import mapping
from orderwright.config.owning import SIMULATED
from orderwright.core.model import Account, Instrument, Quote
from orderwright.errors import InputError, UnknownName
from orderwright.market.live_prices import LivePrices, live_prices
from orderwright.market.symbols import parse_symbol
from orderwright.simulation.exchange import TRAITS, SimulatedExchange
from orderwright.simulation.models import Models
from orderwright.simulation.models.latency import ConstantLatency
from orderwright.simulation.models.slippage import NoSlippage, SlippageBps

if TYPE_CHECKING:
    from orderwright.config.schema import Configuration

Pair = tuple[str, str]


class PaperExchanges:
    """Raises InputError for a symbol that is none, or that is named twice."""

    def __init__(self, configuration: Configuration) -> None:
        self._keys = configuration.execution.simulation
        planned = [one.account.exchange for one in mapping.accounts_of(configuration)]
        self.names = list(dict.fromkeys([SIMULATED, *planned]))
        self.symbols = _symbols(self._keys.symbols)
        self._slippage_bps = mapping.slippage_bps_of(configuration)
        slippage = SlippageBps(self._slippage_bps) if self._slippage_bps else NoSlippage()
        self._models = Models(slippage=slippage, latency=ConstantLatency(1_000 * self._keys.delay_ms))
        self._feeds: dict[Pair, LivePrices] = {}
        self._check()

    def _check(self) -> None:
        """Make the markets, and raise InputError, by its key, for what cannot be."""
        lifetime = TRAITS.lifetime_ms
        if lifetime is not None and self._keys.delay_ms >= lifetime:
            message = f"a request is dead after {lifetime} ms: none would come in time"
            field = "execution.simulation.delay_ms"
            raise InputError(message, field=field, value=self._keys.delay_ms, nearest=lifetime - 1)
        for name in self.names:
            for symbol in self.symbols:
                try:
                    self.feed(name, symbol)
                except InputError as error:
                    field = f"execution.simulation.{error.field}"
                    raise InputError(error.message, field=field, value=error.value, nearest=error.nearest) from None

    def exchange_of(self, name: str) -> str:
        """An exchange by its name in any case; the first where none is named. Raises UnknownName."""
        if not name:
            return self.names[0]
        found = next((one for one in self.names if one.lower() == name.strip().lower()), None)
        if found is None:
            raise UnknownName("exchange", name, self.names, field="exchange")
        return found

    def opened(self, more: Iterable[Pair] = ()) -> dict[str, SimulatedExchange]:
        """The exchanges of one book, by name. more: (exchange, symbol) of what it trades beside what is configured."""
        wanted = dict.fromkeys([*((name, symbol) for name in self.names for symbol in self.symbols), *more])
        found: dict[str, SimulatedExchange] = {name: SimulatedExchange((), self._models) for name in self.names}
        for name, symbol in wanted:
            if name in found:
                found[name].add(self.feed(name, symbol))
        return found

    def empty(self) -> dict[str, SimulatedExchange]:
        """For a book that never trades: an exchange of no symbols."""
        return {SIMULATED: SimulatedExchange(())}

    def feed(self, exchange: str, symbol: str) -> LivePrices:
        """The market of a symbol on an exchange, begun when it is first asked for."""
        found = self._feeds.get((exchange, symbol))
        if found is None:
            found = self._feeds[exchange, symbol] = live_prices(
                symbol, exchange, seed=self._keys.seed, spread_bps=self._keys.spread_bps, tick_ms=self._keys.tick_ms
            )
        return found

    def instruments(self) -> list[Instrument]:
        """What is configured to be traded."""
        return [self.feed(name, symbol).instrument for name in self.names for symbol in self.symbols]

    def quote(self, exchange: str, symbol: str, now: int) -> Quote | None:
        """The market at a time, microseconds; None for what is not traded."""
        feed = self._feeds.get((exchange, symbol))
        return None if feed is None else feed.quote(now)

    def account(self, name: str, user: str, exchange: str = SIMULATED) -> tuple[Account, dict[str, Decimal]]:
        """A paper account on the usual terms, and what it starts with."""
        account = Account(
            account=name,
            exchange=exchange,
            user=user,
            maker_fee=self._keys.maker_fee,
            taker_fee=self._keys.taker_fee,
            slippage_bps=self._slippage_bps,
            traits=TRAITS,
        )
        return account, dict(self._keys.deposits)


def usual_name(user: str, exchange: str) -> str:
    """What a user's own account on an exchange is called, as a `Broker` calls it."""
    return f"{user}@{exchange}"


def _symbols(texts: Iterable[str]) -> list[str]:
    found: dict[str, None] = {}
    for number, text in enumerate(texts, start=1):
        field = f"execution.simulation.symbols.{number}"
        try:
            symbol = parse_symbol(text)
        except InputError as error:
            raise InputError(error.message, field=field, value=text, nearest=error.nearest) from None
        if symbol in found:
            raise InputError(f"{symbol} is named twice", field=field, value=text)
        found[symbol] = None
    return list(found)


__all__ = ["PaperExchanges", "usual_name"]
