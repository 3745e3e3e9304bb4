"""GET /api/strategies: how far each strategy has got that the service runs."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from orderwright.service.parts import Call
from orderwright.service.routing import Route
from orderwright.service.strategy.records import Progress
from orderwright.service.views import iso_or_none


class StrategyView(Struct, frozen=True, kw_only=True):
    """state: waiting (for its first bar), running, stopped. bar: when the last bar that it was asked about closed.
    asked: about how many bars since the start; late: how many came too late to be asked about. problem: what has
    stopped it."""

    name: str
    book: str
    account: str
    symbol: str
    state: str
    bar: str | None
    asked: int
    late: int
    problem: str


class StrategiesView(Struct, frozen=True):
    """Those of the key's books."""

    strategies: list[StrategyView]


async def strategies(call: Call[Any, Any]) -> StrategiesView:
    """Those of the key's books, in the order of the configuration."""
    return StrategiesView([_view(one) for one in call.service.strategies.progress if call.principal.sees(one.book)])


def _view(one: Progress) -> StrategyView:
    return StrategyView(
        name=one.name,
        book=one.book,
        account=one.account,
        symbol=one.symbol,
        state=one.state,
        bar=iso_or_none(one.bar),
        asked=one.asked,
        late=one.late,
        problem=one.problem,
    )


ROUTES = [
    Route(
        "GET",
        "/api/strategies",
        strategies,
        answers={200: StrategiesView},
        summary="The strategies that the service runs",
        tag="strategies",
    )
]
