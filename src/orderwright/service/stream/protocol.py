"""uvicorn's WebSocket protocol, with a way to drop a connection whose other side reads nothing: a close, and all that
waits before it, would stay in memory for as long as the network keeps the connection."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from orderwright.service.stream.words import MAX_FRAME


class StreamProtocol(WebSocketsSansIOProtocol):
    """Offers the extension `orderwright.drop`, which ends the connection at once."""

    async def run_asgi(self) -> None:
        self.scope["extensions"]["orderwright.drop"] = {"drop": self.transport.abort}
        await super().run_asgi()


UVICORN: dict[str, Any] = {"ws": StreamProtocol, "ws_max_size": MAX_FRAME, "ws_per_message_deflate": False}
"""For uvicorn.Config: frames up to MAX_FRAME (a larger one closes with 1009), and not compressed: that costs more time
than loopback and most networks save."""

__all__ = ["UVICORN", "StreamProtocol"]
