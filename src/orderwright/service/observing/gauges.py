"""What is so now, looked up when Prometheus asks: open orders, equity, exposure and use of limits by book; the queue;
the size of the log and of its WAL.

A book that cannot be valued (a price is missing) leaves out its money, not its orders. From MOST_BOOKS on only the sums
over all books are given, so that the answer stays bounded.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from orderwright.core.model import TradingState
from orderwright.core.numbers import EXACT
from orderwright.core.risk import NoPrice, daily_loss, equity, gross_value
from orderwright.live.book import LiveBook
from orderwright.live.desk import Desk
from orderwright.ports import Clock

if TYPE_CHECKING:
    from orderwright.core.state import State

MOST_BOOKS = 500
_TRADING = {TradingState.ACTIVE: 0, TradingState.REDUCING: 1, TradingState.HALTED: 2}


class Gauges(Collector):
    """desk: whose books. log: the path of the log, where it is a file. ready: whether the service takes input."""

    def __init__(self, desk: Desk, clock: Clock, *, log: Path | None = None, ready: Callable[[], bool]) -> None:
        self._desk, self._clock, self._log, self._ready = desk, clock, log, ready

    def describe(self) -> list[Metric]:
        """Nothing is looked up when this is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        desk, now = self._desk, self._clock.now()
        yield _one("orderwright_ready", "Whether input is accepted and made durable.", int(self._ready()))
        yield _one("orderwright_queue_depth", "Commands that wait to be decided.", desk.waiting)
        yield _one("orderwright_queue_limit", "How many may wait.", desk.most_waiting)
        yield _one("orderwright_books", "Books that are open.", len(desk.books))
        books = list(desk.books.values())
        yield _one("orderwright_open_orders_all", "Open orders of all books.", sum(len(b.state.orders) for b in books))
        if self._log is not None:
            wal = self._log.with_name(self._log.name + "-wal")
            yield _one("orderwright_log_bytes", "Size of the log.", _size(self._log))
            yield _one("orderwright_wal_bytes", "Size of its write-ahead log.", _size(wal))
        if len(books) <= MOST_BOOKS:
            yield from self._by_book(books, now)

    def _by_book(self, books: list[LiveBook], now: int) -> Iterator[Metric]:
        orders = GaugeMetricFamily("orderwright_open_orders", "Open orders.", labels=["book"])
        trading = GaugeMetricFamily("orderwright_trading_state", "0 active, 1 reducing, 2 halted.", labels=["book"])
        money = GaugeMetricFamily("orderwright_equity", "Equity in the book's currency.", labels=["book", "currency"])
        gross = GaugeMetricFamily(
            "orderwright_exposure", "Value of all positions with working orders.", labels=["book", "currency"]
        )
        use = GaugeMetricFamily(
            "orderwright_limit_use", "Share of a limit that is used; 1 is all of it.", labels=["book", "limit"]
        )
        for book in books:
            state = book.state
            orders.add_metric([book.name], len(state.orders))
            trading.add_metric([book.name], _TRADING[state.controls.trading])
            with decimal.localcontext(EXACT):
                worth = _value(lambda state=state: equity(state, now)[0])  # type: ignore[misc]
                exposed = _value(lambda state=state: gross_value(state, now))  # type: ignore[misc]
                uses = list(_uses(state, exposed, now))
            for family, value in ((money, worth), (gross, exposed)):
                if value is not None:
                    family.add_metric([book.name, state.settings.currency], float(value))
            for name, share in uses:
                use.add_metric([book.name, name], share)
        yield from (orders, trading, money, gross, use)


def _value(look: Callable[[], decimal.Decimal]) -> decimal.Decimal | None:
    try:
        return look()
    except NoPrice:
        return None


def _uses(state: State, exposed: decimal.Decimal | None, now: int) -> Iterator[tuple[str, float]]:
    """(limit, share of it that is used) of those that are set and can be told now."""
    limits = state.settings.limits
    if limits.max_position_value and exposed is not None:
        yield "max_position_value", float(exposed) / float(limits.max_position_value)
    if limits.max_daily_orders:
        yield "max_daily_orders", state.controls.orders_today / limits.max_daily_orders
    if limits.max_daily_loss and state.day is not None:
        loss = _value(lambda: daily_loss(state, now))
        if loss is not None:
            yield "max_daily_loss", max(float(loss), 0.0) / float(limits.max_daily_loss)
    if limits.max_open_orders_per_symbol:
        most: dict[str, int] = {}
        for (_, symbol), exposure in state.exposures.items():
            most[symbol] = most.get(symbol, 0) + exposure.orders
        yield "max_open_orders_per_symbol", max(most.values(), default=0) / limits.max_open_orders_per_symbol


def _one(name: str, what: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, what, value=value)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


__all__ = ["Gauges"]
