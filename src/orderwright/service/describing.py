"""GET /openapi.json and /docs (GET / leads there): what can be asked, from the table of routes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from orderwright.service.parts import Call
from orderwright.service.routing import Route

_HOST = re.compile(r"[A-Za-z0-9.\-\[\]:]{1,200}")


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

    async def docs(call: Call[None, None]) -> Response:
        """A page for people."""
        from orderwright.service.docs_page import ADDRESS, POLICY, page

        if "docs" not in made:
            made["docs"] = page(table).encode()
        said = made["docs"].replace(ADDRESS.encode(), escape(_address_in(call.request)).encode())
        return Response(said, media_type="text/html", headers={"Content-Security-Policy": POLICY})

    async def home(call: Call[None, None]) -> Response:  # noqa: ARG001  # a handler's signature
        """To the page for people."""
        return Response(status_code=307, headers={"Location": "/docs"})

    common: dict[str, Any] = {"scope": None, "tag": "service"}
    return [
        Route("GET", "/openapi.json", openapi, summary="This description, as OpenAPI 3.1", **common),
        Route("GET", "/", home, summary="To /docs", answers={307: None}, **common),
        Route("GET", "/docs", docs, summary="This description, as a page", **common),
    ]


def _address_in(request: Request) -> str:
    """Where the caller has found this service, as far as it is an address."""
    host = request.headers.get("host", "")
    return f"{request.url.scheme}://{host if _HOST.fullmatch(host) else '127.0.0.1:8004'}"


__all__ = ["routes"]
