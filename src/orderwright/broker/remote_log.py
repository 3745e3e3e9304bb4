"""The log of a service, read from afar: what a broker's questions ask of a `Journal`, answered over REST.

A row comes back as it is in the log: money as Decimal, times as microseconds. So whatever is made of rows and events
here is made by the same code as beside the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from orderwright.broker.remote_service import ServiceClient
from orderwright.core import messages as m
from orderwright.journal.tables import table_of
from orderwright.ports import Row

AT_ONCE = 500
_PAGE = 500
_MOST = 100_000
_decode: Callable[[bytes], m.AnyEvent] = msgspec.json.Decoder(m.AnyEvent).decode
_DERIVED_MONEY = frozenset({"average_fill_price", "free"})


class RemoteLog:
    """The reading half of the `Journal` port."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    def latest(
        self,
        table: str,
        *,
        by: Sequence[str] | None = None,
        where: Mapping[str, object] | None = None,
        as_of: int | None = None,
    ) -> list[Row]:
        return self._rows(ask="latest", table=table, by=by, where=where, as_of=as_of)

    def history(
        self,
        table: str,
        *,
        where: Mapping[str, object] | None = None,
        limit: int | None = None,
        since: int | None = None,
        as_of: int | None = None,
    ) -> list[Row]:
        return self._rows(ask="history", table=table, where=where, limit=limit, since=since, as_of=as_of)

    def events(self, book: str, after: int = 0) -> Iterator[tuple[int, m.AnyEvent]]:
        """(sequence, event) of a book, in order, page by page."""
        for said in self.pages(book, after):
            yield said["sequence"], event_of(said)

    def pages(self, book: str, after: int = 0) -> Iterator[dict[str, Any]]:
        """Each row of a book after a sequence, as the stream sends it."""
        while True:
            page = self._client.get("/api/log/events", book=book, after=after, limit=_PAGE)
            yield from page["events"]
            after = page["next"]
            if after >= page["reached"]:
                return

    def recall_order(self, book: str, order_id: str) -> list[m.AnyOrderEvent]:
        """Every event of one order, oldest first."""
        return [event for _, event in self.orders(book, [order_id]).get(order_id, [])]

    def recall_key(self, book: str, key: str) -> str | None:
        """The order id that an idempotency key led to."""
        body = {"book": book, "idempotency_key": key.removeprefix("order|")}
        found = self._client.post("/api/log/orders", body)["orders"]
        return next(iter(found), None)

    def orders(self, book: str, order_ids: Iterable[str]) -> dict[str, list[tuple[int, m.AnyOrderEvent]]]:
        """(sequence, event) of everything that has happened to some orders, by order id."""
        wanted, found = list(order_ids), dict[str, list[tuple[int, m.AnyOrderEvent]]]()
        for first in range(0, len(wanted), AT_ONCE):
            chunk = wanted[first : first + AT_ONCE]
            told = self._client.post("/api/log/orders", {"book": book, "orders": chunk})["orders"]
            for order_id, rows in told.items():
                found[order_id] = [(sequence, _typed(event)) for sequence, event in rows]  # type: ignore[misc]
        return found

    def _rows(self, **asked: Any) -> list[Row]:
        """All of them: the service tells the newest first, where they are many."""
        said = {name: _listed(value) for name, value in asked.items() if value is not None}
        said["where"] = {name: _listed(value) for name, value in (asked["where"] or {}).items()}
        portions, left = list[list[Row]](), asked.get("limit")
        while left is None or left > 0:
            answer = self._client.post("/api/log/rows", said if left is None else said | {"limit": min(left, _MOST)})
            portions.append(answer["rows"])
            if answer.get("earlier") is None:
                break
            said["as_of"] = answer["earlier"]
            left = None if left is None else left - len(answer["rows"])
        return _typed_rows(asked["table"], [row for portion in reversed(portions) for row in portion])


def _typed_rows(name: str, rows: list[Row]) -> list[Row]:
    """Money as Decimal."""
    table = table_of(name)
    money = [name for name in table.names if name in table.money or name in _DERIVED_MONEY]
    for row in rows:
        for name in money:
            if row[name] is not None:
                row[name] = Decimal(row[name])
        if "parity" in row:
            row["parity"] = tuple(row["parity"])
    return rows


def event_of(said: Mapping[str, Any]) -> m.AnyEvent:
    """The event in a row of the stream."""
    return _typed(said["event"])


def _typed(event: object) -> m.AnyEvent:
    """Money in events is text, so nothing is lost on the way through JSON."""
    return _decode(msgspec.json.encode(event))


def _listed(value: object) -> object:
    if isinstance(value, set | frozenset | tuple):
        return sorted(value, key=str) if not isinstance(value, tuple) else list(value)
    return value


__all__ = ["RemoteLog", "event_of"]
