"""The routes of all questions."""

from __future__ import annotations

from orderwright.service.routing import Route

ROUTES: list[Route] = []
