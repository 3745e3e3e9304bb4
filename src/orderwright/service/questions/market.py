"""The market as it is now, what can be traded where, and the caller's books and accounts. All from memory, and only
what is durable."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from orderwright.core.model import Instrument, Quote
from orderwright.core.state import State
from orderwright.service.door import SYSTEM
from orderwright.service.orders.listing import books_asked
from orderwright.service.parts import Call, Service
from orderwright.service.questions.asking import Rows, ask, scope_words
from orderwright.service.questions.asking import Scope as AskedScope
from orderwright.service.questions.asking import shown as as_rows
from orderwright.service.routing import Route
from orderwright.service.views import iso, plain, shown
from orderwright.service.wanted import Short


class AskPrices(AskedScope, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """symbol: one symbol. as_of: what was logged by then, of what was traded or held; without it, the market now."""

    symbol: Short = ""


class AskInstruments(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one exchange, one symbol; all where nothing is named."""

    exchange: Short = ""
    symbol: Short = ""


class AskBooks(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one user."""

    user_id: Short = ""
    book: Short = ""


class Prices(Struct, frozen=True, kw_only=True):
    """Prices in the quote asset."""

    prices: Rows


class ExchangeView(Struct, frozen=True, kw_only=True):
    """An exchange, and what it trades."""

    exchange: str
    simulated: bool
    symbols: list[str]


class Exchanges(Struct, frozen=True, kw_only=True):
    """The default one first."""

    exchanges: list[ExchangeView]


class Instruments(Struct, frozen=True, kw_only=True):
    """Tick, step and the least and most that an exchange takes."""

    instruments: Rows


class AccountView(Struct, frozen=True, kw_only=True):
    """An account on an exchange; fees are fractions of value."""

    account: str
    user_id: str
    exchange: str
    maker_fee: str
    taker_fee: str


class BookView(Struct, frozen=True, kw_only=True):
    """One owner's money, and how much of its log is durable (sequence)."""

    book: str
    user_id: str
    currency: str
    trading_state: str
    open_orders: int
    sequence: int
    accounts: list[AccountView]


class BookViews(Struct, frozen=True, kw_only=True):
    """The books that the key sees."""

    books: list[BookView]


async def prices(call: Call[None, AskPrices]) -> Prices:
    """Last, bid, ask and the middle."""
    asked, service = call.query, call.service
    if asked.as_of:
        from orderwright.analytics.portfolio import latest_prices

        words = scope_words(asked)
        found = as_rows(await ask(call, lambda journal: latest_prices(journal, **words)))
        wanted = service.door.books.symbol_of(asked.symbol, "", "") if asked.symbol else None
        return Prices(prices=[row for row in found if wanted in (None, row["symbol"])])
    books_asked(service, call.principal, asked.user_id, asked.book)
    now, books = service.door.clock.now(), service.door.books
    rows: Rows = []
    for exchange, symbol in _traded(service, asked.exchange, asked.symbol):
        quote = books.quote(exchange, symbol, now)
        if quote is not None:
            rows.append(_price(exchange, symbol, quote))
    return Prices(prices=rows)


def _price(exchange: str, symbol: str, quote: Quote) -> dict[str, str | None]:
    return {
        "exchange": exchange,
        "symbol": symbol,
        "last": shown(quote.last),
        "bid": shown(quote.bid),
        "ask": shown(quote.ask),
        "mid": shown(quote.mid),
        "time": iso(quote.time),
    }


def _traded(service: Service, exchange: str, symbol: str) -> Iterable[tuple[str, str]]:
    """(exchange, symbol) of what is named; of all where nothing is. Raises UnknownName."""
    books = service.door.books
    names = books.exchanges()
    if exchange:
        names = [name for name in names if name.lower() == exchange.strip().lower()] or [exchange]
    for name in names:
        known = books.symbols(name)
        wanted = books.symbol_of(symbol, "", name) if symbol else None
        yield from ((name, one) for one in known if wanted in (None, one))


async def exchanges(call: Call[None, None]) -> Exchanges:
    """Where orders go."""
    books = call.service.door.books
    simulated = {
        name for live in call.service.desk.books.values() if live.name != SYSTEM for name in live.engine.simulated
    }
    return Exchanges(
        exchanges=[
            ExchangeView(exchange=name, simulated=name in simulated, symbols=books.symbols(name))
            for name in books.exchanges()
        ]
    )


async def instruments(call: Call[None, AskInstruments]) -> Instruments:
    """What can be traded, and in which sizes."""
    asked, service = call.query, call.service
    known: dict[tuple[str, str], Instrument] = {}
    for live in service.desk.books.values():
        if call.principal.sees(live.name):
            known |= live.state.instruments
    found = [known[pair] for pair in _traded(service, asked.exchange, asked.symbol) if pair in known]
    await service.loop.settled()
    return Instruments(instruments=[plain(one) for one in found])


async def books(call: Call[None, AskBooks]) -> BookViews:
    """The caller's books, their accounts and how they stand."""
    service, asked = call.service, call.query
    seen = books_asked(service, call.principal, asked.user_id, asked.book)
    names = [name for name in service.door.books.all() if seen is None or name in seen]
    if asked.user_id:
        names = [name for name in names if service.door.books.owner_of(name) == asked.user_id]

    def look() -> list[BookView]:
        return [_book(service, name, service.desk.books[name].state) for name in names]

    return BookViews(books=await service.loop.read(look))


def _book(service: Service, name: str, state: State) -> BookView:
    return BookView(
        book=name,
        user_id=service.door.books.owner_of(name),
        currency=state.settings.currency,
        trading_state=state.controls.trading.value,
        open_orders=len(state.orders),
        sequence=state.sequence,
        accounts=[
            AccountView(
                account=one.account,
                user_id=one.user,
                exchange=one.exchange,
                maker_fee=shown(one.maker_fee) or "0",
                taker_fee=shown(one.taker_fee) or "0",
            )
            for one in state.accounts.values()
        ],
    )


ROUTES = [
    Route(
        "GET",
        "/api/prices",
        prices,
        query=AskPrices,
        answers={200: Prices, 403: None, 422: None, 503: None},
        summary="Prices now, or as they were logged by a moment",
        tag="market",
    ),
    Route("GET", "/api/exchanges", exchanges, answers={200: Exchanges}, summary="Exchanges and symbols", tag="market"),
    Route(
        "GET",
        "/api/instruments",
        instruments,
        query=AskInstruments,
        answers={200: Instruments, 422: None},
        summary="Tick, step and sizes of what can be traded",
        tag="market",
    ),
    Route(
        "GET",
        "/api/books",
        books,
        query=AskBooks,
        answers={200: BookViews, 403: None, 422: None},
        summary="Your books and accounts",
        tag="books",
    ),
]

__all__ = ["ROUTES"]
