"""The routes of all questions."""

from __future__ import annotations

from orderwright.service.questions import execution, market, portfolio, records, trading
from orderwright.service.routing import Route

ROUTES: list[Route] = [
    *records.ROUTES,
    *portfolio.ROUTES,
    *market.ROUTES,
    *trading.ROUTES,
    *execution.ROUTES,
]

__all__ = ["ROUTES"]
