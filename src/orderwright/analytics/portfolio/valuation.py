"""What an asset was worth in a currency, by the prices that a book has logged.

- The price of a symbol is the middle of the market, as last logged up to the moment, whatever its age.
- An asset is converted by its market with the currency, directly or inverted, or over one or two assets in between.
  The shortest way counts; of equally short ones, the one that begins directly, then with the first of the parity
  assets, then by name. A way over the account's own exchange comes before any way over others.
- The assets of `Settings.parity` and the book's currency count one for one: they are one place on every way.
- Books are kept apart: each is valued by its own prices. A way is rounded to 18 places after each conversion.
- An asset from which no way leads has no price (None): whoever sums up names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from msgspec import Struct, field

from orderwright.core.model import Quote, Settings
from orderwright.core.numbers import ONE, canonical, divided, rounded
from orderwright.errors import UnknownName
from orderwright.ports import Journal

LONGEST = 3  # conversions on a way: two assets in between
PARITY = "="  # what stands for every asset that counts one for one

Key = tuple[str, str]
"""(exchange, symbol)"""


class Market(Struct, frozen=True):
    """A symbol on an exchange, as far as valuing needs it."""

    exchange: str
    symbol: str
    base: str
    quote: str
    linear: bool


class Markets(Struct, frozen=True):
    """What a book has ever priced. prices: the newest ones. used: those that were asked for, at any moment."""

    book: str
    parity: tuple[str, ...]
    listed: dict[Key, Market]
    prices: dict[Key, Quote]
    around: dict[str, list[Market]]
    used: set[Key] = field(default_factory=set)

    def place(self, asset: str) -> str:
        """The asset, or PARITY."""
        return PARITY if asset in self.parity else asset


def markets_of(journal: Journal, book: str) -> Markets:
    """The markets of a book that have ever been priced."""
    settings = next(iter(journal.latest("settings", where={"book": book})), None)
    currency, parity = (settings["currency"], settings["parity"]) if settings else (Settings().currency, None)
    parity = Settings().parity if parity is None else parity
    prices = {
        (row["exchange"], row["symbol"]): Quote(row["last"], row["quote_time"], row["bid"], row["ask"])
        for row in journal.latest("prices", where={"book": book})
    }
    listed = {
        (row["exchange"], row["symbol"]): Market(
            row["exchange"], row["symbol"], row["base"], row["quote"], row["linear"]
        )
        for row in journal.latest("instruments", where={"book": book})
    }
    markets = Markets(book, tuple(dict.fromkeys((currency, *parity))), listed, prices, {})
    for key in prices:
        market = listed.get(key)
        if market is not None and not market.linear:
            for asset in {markets.place(market.base), markets.place(market.quote)}:
                markets.around.setdefault(asset, []).append(market)
    return markets


def check_currency(journal: Journal, currency: str, several: Iterable[Markets]) -> None:
    """Raises UnknownName for a currency that is an asset of none of the books."""
    known: set[str] = set(Settings().parity)
    for markets in several:
        known |= {*markets.parity, *(asset for one in markets.listed.values() for asset in (one.base, one.quote))}
    if currency not in known:
        known |= {row["asset"] for row in journal.latest("balances")}
        known |= {row[side] for row in journal.latest("instruments") for side in ("base", "quote")}
    if currency not in known:
        raise UnknownName("currency", currency, known, field="currency")


class Valuer:
    """The rates of every book of a question, at any moment. Raises UnknownName for an unknown currency."""

    def __init__(self, journal: Journal, books: Iterable[str], currency: str) -> None:
        self._journal, self.currency = journal, currency
        self.markets = {book: markets_of(journal, book) for book in books}
        check_currency(journal, currency, self.markets.values())

    @property
    def has_futures(self) -> bool:
        """Whether there is anything that is not a balance."""
        return any(market.linear for markets in self.markets.values() for market in markets.listed.values())

    def at(self, as_of: int | None) -> dict[str, Rates]:
        """The rates as of a moment, by book."""
        return {book: Rates(self._journal, markets, self.currency, as_of) for book, markets in self.markets.items()}


class Rates:
    """What the assets of a book are worth in a currency as of a moment (microseconds; None: now)."""

    def __init__(self, journal: Journal, markets: Markets, currency: str, as_of: int | None) -> None:
        self._journal, self._markets, self._as_of = journal, markets, as_of
        self._target = markets.place(currency)
        self._quotes: dict[Key, Quote | None] = {}
        self._rates: dict[tuple[str, str], Decimal | None] = {}
        self._steps = _distances(markets, self._target)

    def rate(self, exchange: str, asset: str) -> Decimal | None:
        """One unit of an asset that is held on an exchange; None without a way from it to the currency."""
        place = self._markets.place(asset)
        if place == self._target:
            return ONE
        key = (exchange, place)
        if key not in self._rates:
            self._rates[key] = self._find(exchange, place, own=True) or self._find(exchange, place, own=False)
        return self._rates[key]

    def unit(self, exchange: str, symbol: str) -> Decimal | None:
        """One unit of a symbol's base, or one contract, at the middle of its own market."""
        price, market = self.price(exchange, symbol), self._markets.listed.get((exchange, symbol))
        if price is None or market is None:
            return None
        rate = self.rate(exchange, market.quote)
        return None if rate is None else price * rate

    def market(self, exchange: str, symbol: str) -> Market:
        """The market of a symbol that has been traded."""
        return self._markets.listed[exchange, symbol]

    def price(self, exchange: str, symbol: str) -> Decimal | None:
        """The middle of a symbol's market, in its quote asset."""
        quote = self._quote((exchange, symbol))
        return None if quote is None else canonical(quote.mid)

    def _find(self, exchange: str, asset: str, *, own: bool) -> Decimal | None:
        for length in range(1, LONGEST + 1):
            found = next(self._ways(exchange, asset, length, own, ONE), None)
            if found is not None:
                return found
        return None

    def _ways(self, exchange: str, asset: str, length: int, own: bool, value: Decimal) -> Iterator[Decimal]:
        """What `value` of an asset comes to over each way of just so many conversions, the preferred way first."""
        for market, other in self._onwards(exchange, asset, own):
            if self._steps.get(other, LONGEST) > length - 1 or (length == 1 and other != self._target):
                continue
            price = self.price(market.exchange, market.symbol)
            if not price:
                continue
            direct = self._markets.place(market.base) == asset
            converted = canonical(rounded(value * price) if direct else divided(value, price))
            if length == 1:
                yield converted
            elif other != self._target:
                yield from self._ways(exchange, other, length - 1, own, converted)

    def _onwards(self, exchange: str, asset: str, own: bool) -> list[tuple[Market, str]]:
        """The markets of an asset, each with the asset on its other side; the preferred ones first."""
        markets = self._markets
        found = []
        for market in markets.around.get(asset, ()):
            base, quote = markets.place(market.base), markets.place(market.quote)
            if base != quote and (not own or market.exchange == exchange):
                found.append((market, quote if base == asset else base))
        return sorted(found, key=lambda way: self._rank(exchange, asset, way[0]))

    def _rank(self, exchange: str, asset: str, market: Market) -> tuple[bool, bool, int, str, str]:
        parity = self._markets.parity
        inverted = self._markets.place(market.base) != asset
        other = market.base if inverted else market.quote
        first = parity.index(other) if other in parity else len(parity)
        return market.exchange != exchange, inverted, first, market.exchange, market.symbol

    def _quote(self, key: Key) -> Quote | None:
        markets = self._markets
        if self._as_of is None or key not in markets.prices:
            return markets.prices.get(key)
        if key not in self._quotes:
            markets.used.add(key)
            self._fetch([used for used in markets.used if used not in self._quotes])
        return self._quotes[key]

    def _fetch(self, keys: list[Key]) -> None:
        """The prices as of the moment of everything that was ever asked for, in one question."""
        exchanges, symbols = ({key[at] for key in keys} for at in (0, 1))
        where = {"book": self._markets.book, "exchange": exchanges, "symbol": symbols}
        self._quotes.update(dict.fromkeys(keys))
        for row in self._journal.latest("prices", where=where, as_of=self._as_of):
            self._quotes[row["exchange"], row["symbol"]] = Quote(row["last"], row["quote_time"], row["bid"], row["ask"])


def _distances(markets: Markets, target: str) -> dict[str, int]:
    """How many conversions at least lead from each asset to the target; those beyond LONGEST are left out."""
    found, edge = {target: 0}, [target]
    for distance in range(1, LONGEST):
        reached = [
            asset
            for place in edge
            for market in markets.around.get(place, ())
            for asset in (markets.place(market.base), markets.place(market.quote))
        ]
        edge = [asset for asset in dict.fromkeys(reached) if asset not in found]
        found.update(dict.fromkeys(edge, distance))
    return found
