"""Orders found again, as trades: the read model says which, and each order's own events say how it stood then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from msgspec import structs

from orderwright.broker.arguments import bring_up_to_date
from orderwright.broker.query import Query
from orderwright.broker.times import Window
from orderwright.core.lifecycle import apply, received
from orderwright.core.messages import AnyOrderEvent, OrderReceived
from orderwright.core.model import Order
from orderwright.engine import Engine
from orderwright.errors import LogDamaged
from orderwright.executors import Trade
from orderwright.ports import Journal, Row

AT_ONCE = 500
"""Orders in one question: SQLite takes so many parameters and no more."""


def find_trades(journal: Journal, engine: Engine, asked: Query, window: Window, *, latest: bool) -> list[Trade]:
    """The newest of each order (oldest order first), or every row (in the order of the log)."""
    where = {**asked.where(), "book": engine.state.book}
    rows = _newest(journal, where, window) if latest else _history(journal, where, window)
    if asked.limit is not None:
        rows = rows[-asked.limit :]
    if not latest:
        return _as_they_stood(journal, engine, rows)
    return [_trade(_order(engine, row, window.end), row) for row in rows]


def _newest(journal: Journal, where: dict[str, object], window: Window) -> list[Row]:
    rows = journal.latest("orders", where=where, as_of=window.end)
    inside = [row for row in rows if window.start is None or row["time"] >= window.start]
    return sorted(inside, key=lambda row: (row["created_at"], row["id"]))


def _history(journal: Journal, where: dict[str, object], window: Window) -> list[Row]:
    return journal.history("orders", where=where, since=window.start, as_of=window.end)


def _order(engine: Engine, row: Row, end: int | None) -> Order:
    """The order of a row: as it stands, or as it stood at a time."""
    order_id = row["client_order_id"]
    if end is None or row["time"] >= engine.state.now:
        found = engine.order(order_id)
        if found is not None and found.updated_at == row["updated_at"]:
            return found
    return _folded(engine, order_id, lambda event: end is None or event.time <= end)


def _folded(engine: Engine, order_id: str, within: Callable[[AnyOrderEvent], bool]) -> Order:
    order: Order | None = None
    for event in engine.events_of(order_id):
        if not within(event):
            break
        order = _after(order, event)
    if order is None:
        raise LogDamaged(f"order {order_id} has a row and no events")
    return order


def _after(order: Order | None, event: AnyOrderEvent) -> Order:
    if order is None:
        assert isinstance(event, OrderReceived)
        return received(event)
    apply(order, event)
    return order


def _as_they_stood(journal: Journal, engine: Engine, rows: list[Row]) -> list[Trade]:
    """Each row as a trade: an order has as many rows as events, in the same order."""
    wanted: dict[int, list[Row]] = {}
    for row in rows:
        wanted.setdefault(row["id"], []).append(row)
    numbers, stood = list(wanted), dict[tuple[int, int], Trade]()
    for first in range(0, len(numbers), AT_ONCE):
        chunk = numbers[first : first + AT_ONCE]
        at: dict[int, list[int]] = {number: [] for number in chunk}
        for row in journal.history("orders", where={"id": chunk, "book": engine.state.book}):
            at[row["id"]].append(row["sequence"])
        for number in chunk:
            stood |= _states(engine, wanted[number], at[number])
    return [stood[row["id"], row["sequence"]] for row in rows]


def _states(engine: Engine, rows: list[Row], sequences: list[int]) -> dict[tuple[int, int], Trade]:
    """One order after each of the rows that were asked for."""
    wanted = {row["sequence"]: row for row in rows}
    found: dict[tuple[int, int], Trade] = {}
    for sequence, order in zip(sequences, _steps(engine, rows[0]["client_order_id"]), strict=True):
        if (row := wanted.get(sequence)) is not None:
            found[row["id"], sequence] = _trade(order, row)
    return found


def _steps(engine: Engine, order_id: str) -> Iterator[Order]:
    order: Order | None = None
    for event in engine.events_of(order_id):
        order = _after(order, event)
        yield order


def stood(row: Row, events: Iterable[tuple[int, AnyOrderEvent]]) -> Trade:
    """The trade of a row, from (sequence, event) of its order's, of which there may be newer ones."""
    order: Order | None = None
    for sequence, event in events:
        if sequence > row["sequence"]:
            break
        order = _after(order, event)
    if order is None:
        raise LogDamaged(f"order {row['client_order_id']} has a row and no events")
    return _trade(order, row)


def _trade(order: Order, row: Row) -> Trade:
    """The trade of an order, with the place of its row."""
    trade = bring_up_to_date(Trade.from_instruction(order.instruction), order)
    trade.state = structs.replace(
        trade.state, id=row["id"], book=row["book"], sequence=row["sequence"], event=row["event"]
    )
    return trade


__all__ = ["AT_ONCE", "find_trades", "stood"]
