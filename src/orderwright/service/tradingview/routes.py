"""The webhook, the stored alerts, and playing one again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from orderwright.service.parts import Call, Problem, Service
from orderwright.service.routing import Route
from orderwright.service.tradingview.guard import SIGNATURE, Seen, guard_of, sender_of
from orderwright.service.tradingview.intake import SYSTEM, AlertAnswer, Intake, Rules
from orderwright.service.tradingview.listing import AlertPage, AlertQuery, page, stored
from orderwright.service.tradingview.strategies import Strategy, strategies_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from orderwright.config.schema import Configuration
    from orderwright.service.books import Books

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
    journal = call.service.desk.journal
    return page(journal, query, principal.books)


async def replay(call: Call[None, None]) -> AlertAnswer:
    """Play a stored alert again: as a new one, with orders of its own."""
    alert = call.path["alert"]
    found = stored(call.service.desk.journal, alert, call.principal.books)
    if found is None:
        raise Problem(404, "unknown_alert", "there is no such alert", field="alert", value=alert[:60])
    record, book, view = found
    if book == SYSTEM or view.reason in _UNTRADED:
        raise Problem(409, "not_replayable", f"its sender proved nothing: {view.detail or view.reason}", field="alert")
    return await _intake(call.service).replay(record, book)


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
    return Intake(service.loop, service.clock, guard, strategies_of(configuration), rules, home)


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
