"""The service's HTTP server with nothing behind it, as a raw limit: every request is answered with an empty 204."""

from __future__ import annotations

from starlette.types import Receive, Scope, Send

from orderwright.service.serving import bind, runner, server_of


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Takes the body in, as a route does."""
    assert scope["type"] == "http"
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def main() -> None:
    listener = bind("127.0.0.1", 0)
    print(f"port {listener.getsockname()[1]}", flush=True)
    with runner() as running:
        running.run(server_of(nothing, stop_timeout_s=1, trusted_proxies=[]).serve([listener]))


if __name__ == "__main__":
    main()
