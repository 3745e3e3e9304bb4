"""What the service is made of, handed to every route: nothing here decides anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec import Struct

from orderwright.errors import OrderwrightError

if TYPE_CHECKING:
    from starlette.requests import Request

    from orderwright.config.schema import Configuration
    from orderwright.live.desk import Desk
    from orderwright.live.loop import LiveLoop
    from orderwright.ports import Clock
    from orderwright.service.books import Books
    from orderwright.service.door import Door
    from orderwright.service.keys import Keys
    from orderwright.service.observing.assembly import Observing
    from orderwright.service.questions.execution import Execution
    from orderwright.service.questions.reads import Reads
    from orderwright.service.strategies import Strategies
    from orderwright.service.tradingview.intake import Intake

SCOPES = ("read", "trade", "admin")
"""What a key may do; each holds those before it."""

B = TypeVar("B")
Q = TypeVar("Q")


class Principal(Struct, frozen=True, kw_only=True):
    """Who is asking. scope: the most it may do. books: those it sees (None: all, for an operator's key). key_id: of the
    key, for limits and logs; never the key itself."""

    user: str
    scope: str = "read"
    books: frozenset[str] | None = frozenset()
    key_id: str = ""

    def may(self, scope: str) -> bool:
        """Whether what needs a scope is allowed."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)

    def sees(self, book: str) -> bool:
        """Whether a book is one of theirs."""
        return self.books is None or book in self.books


class Problem(OrderwrightError):
    """What a route answers with instead: an RFC 9457 problem document (problems.py).

    status: of HTTP. code: the reason code, such as `max_order_value`, or a word of ours. detail: a sentence. field,
    value, nearest: where one of them is to blame.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        field: str | None = None,
        value: object = None,
        nearest: object = None,
        headers: dict[str, str] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        self.status, self.code, self.detail = status, code, detail
        self.field, self.value, self.nearest = field, value, nearest
        self.headers, self.extra = headers or {}, extra or {}
        super().__init__(detail)


class Call(Struct, Generic[B, Q], frozen=True, kw_only=True):
    """One request, read and allowed. body and query: records of the route's types. path: what stands in the path."""

    service: Service
    principal: Principal
    body: B
    query: Q
    path: dict[str, str]
    request: Request


class Result(Struct, frozen=True, kw_only=True):
    """An answer with a status or headers of its own; a plain record is a 200."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = {}


class Service:
    """Everything that runs. Parts that are not there yet are None; bootstrap puts them in."""

    def __init__(self, desk: Desk, loop: LiveLoop) -> None:
        self.desk, self.loop = desk, loop
        self.ready, self.stopping = False, False
        self.clock: Clock
        self.config: Configuration
        self.books: Books
        self.door: Door
        self.keys: Keys
        self.reads: Reads
        self.execution: Execution
        self.strategies: Strategies
        self.observing: Observing | None = None
        self.intake: Intake | None = None
