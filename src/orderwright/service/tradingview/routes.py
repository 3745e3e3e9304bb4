"""The webhook, the stored alerts, and playing one again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import structs

from orderwright.errors import InputError, UnknownName
from orderwright.service.parts import Call, Problem, Service
from orderwright.service.routing import Route
from orderwright.service.tradingview.guard import SIGNATURE, Seen, guard_of, sender_of
from orderwright.service.tradingview.intake import SYSTEM, AlertAnswer, Intake, Rules
from orderwright.service.tradingview.listing import AlertPage, AlertQuery, page, stored
from orderwright.service.tradingview.strategies import Strategy, strategies_of
from orderwright.service.volatility import with_volatility

if TYPE_CHECKING:
    from starlette.requests import Request

    from orderwright.config.schema import Configuration
    from orderwright.core.model import Signal
    from orderwright.service.books import Books

IDEMPOTENCY_KEY = "idempotency-key"
MOST_BYTES = 64 * 1024
"""TradingView's own messages are far shorter."""
_UNTRADED = frozenset(
    {"not_configured", "unknown_token", "bad_signature", "bad_secret", "address", "not_authenticated"}
)


async def webhook(call: Call[None, None]) -> AlertAnswer:
    """Take in one alert."""
    return await _intake(call.service).receive(*await _seen(call, None))


async def webhook_of_token(call: Call[None, None]) -> AlertAnswer:
    """Take in one alert of the strategy whose token stands in the path."""
    return await _intake(call.service).receive(*await _seen(call, call.path["token"]))


async def alerts(call: Call[None, AlertQuery]) -> AlertPage:
    """Alerts as they were received, with their verdicts, newest first."""
    query, principal = call.query, call.principal
    if query.book is not None and not principal.sees(query.book):
        raise Problem(404, "unknown_book", "there is no such book", field="book", value=query.book)
    tickers = _spellings(call.service.books, query.ticker) if query.ticker is not None else None
    found = page(call.service.desk.journal, query, principal.books, tickers=tickers)
    if query.strategy and not found.alerts and query.cursor is None:
        _check_strategy(call.service.config, query.strategy, principal.books)
    return found


def _spellings(books: Books, ticker: str) -> list[str]:
    """A symbol as alerts may have written it."""
    written = ticker.strip()
    found = {written, written.upper()}
    try:
        found.add(books.symbol_of(written))
    except InputError:
        pass
    pairs = {re.sub(r"[/_-]", sign, name) for name in found for sign in ("/", "-", "_", "")}
    return sorted({*found, *pairs, *(pair.lower() for pair in pairs)})


def _check_strategy(configuration: Configuration, name: str, books: frozenset[str] | None) -> None:
    """Raises UnknownName for a strategy that is not configured, of which there are no alerts either."""
    known = strategies_of(configuration)
    if name not in known:
        seen = [one.name for one in known.values() if books is None or one.book in books]
        raise UnknownName("strategy", name, seen, field="strategy")


async def replay(call: Call[None, None]) -> AlertAnswer:
    """Play a stored alert again: as a new one, with orders of its own; once under one Idempotency-Key, and without one
    once within the window in which the same text is a duplicate."""
    alert, key = call.path["alert"], _key_of(call.request.headers.get(IDEMPOTENCY_KEY))
    found = stored(call.service.desk.journal, alert, call.principal.books)
    if found is None:
        raise Problem(404, "unknown_alert", "there is no such alert", field="alert", value=alert[:60])
    record, book, view = found
    if book == SYSTEM or view.reason in _UNTRADED:
        raise Problem(409, "not_replayable", f"its sender proved nothing: {view.detail or view.reason}", field="alert")
    return await _intake(call.service).replay(record, book, key)


def _key_of(header: str | None) -> str:
    """The Idempotency-Key; "" where there is none. Raises InputError."""
    if header is None:
        return ""
    key = header.strip()
    if not key or len(key) > 128 or not key.isprintable():
        message = "the Idempotency-Key is text of 1 to 128 characters"
        raise InputError(message, field="Idempotency-Key", value=header[:140])
    return key


def _intake(service: Service) -> Intake:
    if service.intake is None:
        service.intake = intake_of(service, service.config)
    return service.intake


def intake_of(service: Service, configuration: Configuration) -> Intake:
    """The intake that is configured."""
    keys, books = configuration.tradingview, service.books
    rules = Rules(
        max_age_s=keys.max_age_s,
        dedupe_window_s=keys.dedupe_window_s,
        shorts={name: account.allow_short for name, account in configuration.accounts.items()},
    )

    def home(strategy: Strategy) -> Strategy:
        return _at_home(strategy, books)

    guard = guard_of(configuration)

    def measured(signal: Signal, exchange: str, now: int) -> Signal:
        return with_volatility(signal, configuration, service.books.exchanges_on_paper.feed, exchange, now)

    return Intake(service.loop, service.clock, guard, strategies_of(configuration), rules, home, measured)


def _at_home(strategy: Strategy, books: Books) -> Strategy:
    """A strategy with its user, book and accounts: the service's first user where none is named."""
    user = strategy.user or (books.owner_of(strategy.book) if strategy.book else books.first_user)
    book = strategy.book or books.default_book(user)
    accounts = strategy.accounts
    if not accounts:
        first = books.account_of(book, user).account
        state = books.desk.books[book].state
        accounts = (first, *(name for name, its in state.accounts.items() if its.user == user and name != first))
    return structs.replace(strategy, user=user, book=book, accounts=accounts)


async def _seen(call: Call[None, None], token: str | None) -> tuple[bytes, Seen]:
    request = call.request
    raw = await _body_of(request)
    peer = request.client.host if request.client is not None else ""
    proxies = call.service.config.service.trusted_proxies
    address = sender_of(peer, ",".join(request.headers.getlist("x-forwarded-for")), proxies)
    return raw, Seen(raw=raw, signature=request.headers.get(SIGNATURE), token=token, address=address)


async def _body_of(request: Request) -> bytes:
    """The body, which is not read further than an alert can be long."""
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MOST_BYTES:
            raise Problem(413, "too_large", f"an alert has at most {MOST_BYTES} bytes", field="body")
    if not raw.strip():
        raise Problem(400, "body_missing", "an alert needs a body", field="body")
    return bytes(raw)


_REFUSALS: dict[int, None] = dict.fromkeys((400, 401, 403, 413, 422, 429))
_EXAMPLE = {"ticker": "BTCUSDT", "action": "buy", "quantity": "0.001", "alert_id": "2026-11-20T10:00:00Z"}
ROUTES = [
    Route(
        "POST",
        "/api/tradingview/webhook",
        webhook,
        scope=None,
        raw=True,
        answers={200: AlertAnswer, **_REFUSALS},
        summary="An alert, proven by a signature or a secret in it",
        example=_EXAMPLE,
        tag="tradingview",
    ),
    Route(
        "POST",
        "/api/tradingview/webhook/{token}",
        webhook_of_token,
        scope=None,
        raw=True,
        answers={200: AlertAnswer, **_REFUSALS},
        summary="An alert, proven by the token in the path",
        example=_EXAMPLE,
        tag="tradingview",
    ),
    Route(
        "GET",
        "/api/tradingview/alerts",
        alerts,
        query=AlertQuery,
        answers={200: AlertPage},
        summary="Alerts as they were received, and their verdicts",
        tag="tradingview",
    ),
    Route(
        "POST",
        "/api/tradingview/alerts/{alert}/replay",
        replay,
        scope="trade",
        answers={200: AlertAnswer, 409: None},
        summary="Play a stored alert again, as a new one",
        tag="tradingview",
    ),
]

__all__ = ["ROUTES", "intake_of"]
