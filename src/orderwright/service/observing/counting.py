"""What happens on the desk, counted for Prometheus.

A `Watcher` (live/desk.py): `seen` counts what was decided, before it is durable; that is never more than a commit
ahead, and if that commit fails the process ends. What is so at a time (open orders, equity, use of limits, the size of
the log) is looked up when it is asked for, not kept: see gauges.py.

Latencies, all in seconds:

    signal_decision     from the signal's own time to the decision
    decision_durable    from the decision to the end of the commit
    decision_sent       from the decision until the requests of the commit have been handed to the connector
    sent_ack            from the request's signing time to the acknowledgement being taken in
    sent_fill           from the request's signing time to the first fill being taken in
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry

from orderwright.core import messages as m
from orderwright.core.evolve import Changes
from orderwright.core.model import DONE, Order, OrderSide, OrderStatus
from orderwright.core.state import remember
from orderwright.ports import Clock
from orderwright.service.observing.figures import Counts, Spreads

FAST = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
SLOW = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
BPS = (-100.0, -50.0, -20.0, -10.0, -5.0, -2.0, -1.0, 0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
ROWS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
LATENCIES = {
    "signal_decision": SLOW,
    "decision_durable": FAST,
    "decision_sent": FAST,
    "sent_ack": FAST,
    "sent_fill": SLOW,
}
KEEP_ENDED = 10_000
_STATUSES = {status: status.value for status in OrderStatus}


class Counting:
    """registry: where the figures are kept. clock: the desk's. derived: whether slippage and fill ratios are kept
    (`order_params.track_execution_metrics`)."""

    def __init__(self, registry: CollectorRegistry, clock: Clock, *, derived: bool = True) -> None:
        self._clock, self._derived = clock, derived
        self._kinds: dict[type[Any], str] = {}
        self._events = Counts(registry, "orderwright_events", "Rows of the log.", ["kind"])
        self._orders = Counts(
            registry, "orderwright_orders", "Orders that came to a status, by the reason.", ["status", "reason"]
        )
        self._signals = Counts(registry, "orderwright_signals", "Signals by verdict.", ["verdict", "reason"])
        verdicts = ("accepted", "duplicate", "refused")
        self._alerts = Counts(registry, "orderwright_alerts", "Webhook alerts by verdict.", ["verdict"], verdicts)
        self._latency = {
            name: Spreads(registry, f"orderwright_{name}_seconds", f"{name.replace('_', ' to ')}.", bounds).one
            for name, bounds in LATENCIES.items()
        }
        self._rows = Spreads(registry, "orderwright_commit_rows", "Rows in a commit.", ROWS).one
        self._seconds = Spreads(registry, "orderwright_commit_seconds", "Writing and committing.", FAST).one
        what = "Average fill price against arrival, in bps; positive is a cost."
        self._slippage = Spreads(registry, "orderwright_slippage_bps", what, BPS, "side")
        what = "What has filled of an order, at its end."
        self._filled = Spreads(registry, "orderwright_fill_ratio", what, SHARES).one
        self._over: OrderedDict[str, None] = OrderedDict()
        self._undurable: list[int] = []
        self._unsent: list[int] = []

    # Watcher

    def seen(self, book: str, sequence: int, event: m.AnyEvent, changes: Changes) -> None:  # noqa: ARG002  # the port's
        kind = type(event)
        name = self._kinds.get(kind)
        if name is None:
            name = self._kinds[kind] = m.kind_of(event)
        self._events.add(name)
        handler = _HANDLERS.get(kind)
        if handler is not None:
            handler(self, event, changes.order)
        if changes.order is not None and changes.order.status in DONE:
            self._ended(event, changes.order)

    def committed(self, reached: dict[str, int], rows: int, seconds: float) -> None:  # noqa: ARG002  # the port's
        self._rows.observe(rows)
        self._seconds.observe(seconds)
        self._observe("decision_durable", self._undurable)
        self._unsent, self._undurable = self._undurable, []

    def acted(self) -> None:
        self._observe("decision_sent", self._unsent)
        self._unsent = []

    def _observe(self, name: str, decided: Iterable[int]) -> None:
        now, latency = self._clock.now(), self._latency[name]
        for time in decided:
            latency.observe(max(now - time, 0) / 1e6)

    # What happens to an order

    def _received(self, event: m.OrderReceived, order: Order | None) -> None:
        assert order is not None
        self._undurable.append(event.time)
        self._orders.add(_STATUSES[order.status], "")

    def _sent(self, event: m.RequestSubmitted, order: Order | None) -> None:
        if event.number == 0 and order is not None:
            self._undurable.append(event.time)
            self._orders.add(_STATUSES[order.status], "")

    def _accepted(self, event: m.OrderAccepted, order: Order | None) -> None:
        if order is not None and order.submitted_at is not None:
            self._latency["sent_ack"].observe(max(event.time - order.submitted_at, 0) / 1e6)
            if order.status not in DONE:
                self._orders.add(_STATUSES[order.status], "")

    def _fill(self, event: m.OrderFilled, order: Order | None) -> None:
        if order is not None and order.submitted_at is not None and order.first_fill_at == event.time:
            self._latency["sent_fill"].observe(max(event.time - order.submitted_at, 0) / 1e6)

    def _unknown(self, event: m.RequestUnknown, order: Order | None) -> None:  # noqa: ARG002  # one signature for all
        if order is not None:
            self._orders.add(_STATUSES[order.status], "no_answer")

    def _signal(self, event: m.SignalReceived, order: Order | None) -> None:  # noqa: ARG002  # one signature for all
        self._signals.add(event.verdict, event.reason.name.lower() if event.reason is not None else "")
        if event.signal.time:
            self._latency["signal_decision"].observe(max(event.time - event.signal.time, 0) / 1e6)

    def _alert(self, event: m.AlertReceived, order: Order | None) -> None:  # noqa: ARG002  # one signature for all
        self._alerts.add(event.verdict)

    def _ended(self, event: m.AnyEvent, order: Order) -> None:
        """Once an order: what happens to it after its end (a late fill) is not its end again."""
        if order.order_id in self._over:
            return
        remember(self._over, order.order_id, None, KEEP_ENDED)
        reason = event.reason.name.lower() if isinstance(event, m.OrderDenied | m.OrderWithdrawn) else ""
        if isinstance(event, m.OrderRejected):
            reason = event.code
        self._orders.add(_STATUSES[order.status], reason)
        if not self._derived or order.submitted_at is None:
            return
        if order.quantity:
            self._filled.observe(min(float(order.filled) / float(order.quantity), 1.0))
        if order.filled and order.arrival:
            paid = float(order.filled_quote) / float(order.filled) / float(order.arrival) - 1.0
            side = order.instruction.side
            self._slippage.of(side._value_).observe(10_000.0 * (paid if side is OrderSide.BUY else -paid))


_HANDLERS: dict[type[Any], Callable[[Counting, Any, Order | None], None]] = {
    m.OrderReceived: Counting._received,
    m.RequestSubmitted: Counting._sent,
    m.OrderAccepted: Counting._accepted,
    m.OrderFilled: Counting._fill,
    m.RequestUnknown: Counting._unknown,
    m.SignalReceived: Counting._signal,
    m.AlertReceived: Counting._alert,
}


__all__ = ["LATENCIES", "Counting"]
