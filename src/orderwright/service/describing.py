"""GET /openapi.json and /docs: what can be asked, from the table of routes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from orderwright.service.parts import Call
from orderwright.service.routing import Route


def routes(table: Sequence[Route]) -> list[Route]:
    """The routes that describe the others. Both documents are made when they are first asked for."""
    made: dict[str, bytes] = {}

    async def openapi(call: Call[None, None]) -> Response:  # noqa: ARG001  # a handler's signature
        """The OpenAPI document."""
        if "openapi" not in made:
            import msgspec

            from orderwright.service.openapi import document

            made["openapi"] = msgspec.json.encode(document(table))
        return Response(made["openapi"], media_type="application/json")

    async def docs(call: Call[None, None]) -> Response:  # noqa: ARG001  # a handler's signature
        """A page for people."""
        from orderwright.service.docs_page import POLICY, page

        if "docs" not in made:
            made["docs"] = page(table).encode()
        return Response(made["docs"], media_type="text/html", headers={"Content-Security-Policy": POLICY})

    common: dict[str, Any] = {"scope": None, "tag": "service"}
    return [
        Route("GET", "/openapi.json", openapi, summary="This description, as OpenAPI 3.1", **common),
        Route("GET", "/docs", docs, summary="This description, as a page", **common),
    ]


__all__ = ["routes"]
