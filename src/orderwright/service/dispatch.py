"""Finding a route by a look-up, before FastAPI would try its patterns one after the other, behind its own middleware.

What is not found here (another method, HEAD, OPTIONS, an address that is none) FastAPI answers.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

Holes = tuple[int, ...]
"""Where in a path the parameters stand."""


class Dispatch:
    """app: what answers the rest. routes: (method, path, what serves it); a path is words and `{parameters}`."""

    def __init__(self, app: ASGIApp, routes: Iterable[tuple[str, str, ASGIApp]]) -> None:
        self._app = app
        self._plain: dict[tuple[str, str], ASGIApp] = {}
        self._holes: dict[int, dict[Holes, None]] = {}
        self._open: dict[tuple[str, tuple[str, ...]], tuple[ASGIApp, list[str]]] = {}
        for method, path, served in routes:
            words = path.split("/")
            holes = tuple(at for at, word in enumerate(words) if word.startswith("{"))
            if holes:
                self._holes.setdefault(len(words), {})[holes] = None
                self._open[method, _without(words, holes)] = (served, [words[at][1:-1] for at in holes])
            else:
                self._plain[method, path] = served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        served = self._find(scope) if scope["type"] == "http" else None
        await (served or self._app)(scope, receive, send)

    def _find(self, scope: Scope) -> ASGIApp | None:
        """What serves a request; its parameters are put where Starlette puts them."""
        method, path = scope["method"], scope["path"]
        found = self._plain.get((method, path))
        if found is not None:
            return found
        words = path.split("/")
        for holes in self._holes.get(len(words), ()):
            one = self._open.get((method, _without(words, holes)))
            if one is not None and all(words[at] for at in holes):
                scope["path_params"] = {name: words[at] for name, at in zip(one[1], holes, strict=True)}
                return one[0]
        return None


def _without(words: list[str], holes: Holes) -> tuple[str, ...]:
    return tuple("" if at in holes else word for at, word in enumerate(words))


__all__ = ["Dispatch"]
