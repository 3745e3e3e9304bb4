"""Traces by OpenTelemetry, where it is installed (`pip install orderwright[telemetry]`) and configured by its own
environment variables (OTEL_EXPORTER_OTLP_ENDPOINT and the rest).

One span an order, from the signal (or the decision) to its end, with an event for each step: decided, durable, sent,
acknowledged, filled. It is made when the order has ended, from the times that the log has, so an order that rests costs
nothing meanwhile.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from orderwright.core import messages as m
from orderwright.core.evolve import Changes
from orderwright.core.model import DONE, Order, OrderStatus
from orderwright.core.numbers import text
from orderwright.core.state import remember

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

KEEP_ENDED = 10_000
_FAILED = frozenset({OrderStatus.REJECTED, OrderStatus.DENIED})


def tracer_from_environment() -> tuple[Tracer, Any] | None:
    """(a tracer, its provider, to be shut down at the end); None where OpenTelemetry is not configured or installed."""
    if not (os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        return None
    provider = TracerProvider(resource=Resource.create({"service.name": "orderwright"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider.get_tracer("orderwright"), provider


class Tracing:
    """A `Watcher`: a span for each order that has ended."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._over: OrderedDict[str, None] = OrderedDict()
        self._waiting: list[dict[str, Any]] = []
        self._durable: list[dict[str, Any]] = []

    def seen(self, book: str, sequence: int, event: m.AnyEvent, changes: Changes) -> None:
        order = changes.order
        if order is None or order.status not in DONE or order.order_id in self._over:
            return
        remember(self._over, order.order_id, None, KEEP_ENDED)
        self._waiting.append(_span_of(book, sequence, event, order))

    def committed(self, reached: dict[str, int], rows: int, seconds: float) -> None:  # noqa: ARG002  # the port's
        self._durable, self._waiting = self._waiting, []

    def acted(self) -> None:
        from opentelemetry.trace import Status, StatusCode

        due, self._durable = self._durable, []
        for one in due:
            span = self._tracer.start_span("order", start_time=one["start"], attributes=one["attributes"])
            for name, time in one["steps"]:
                span.add_event(name, timestamp=time)
            if one["failed"]:
                span.set_status(Status(StatusCode.ERROR, one["attributes"]["orderwright.status"]))
            span.end(end_time=one["end"])


def _span_of(book: str, sequence: int, event: m.AnyEvent, order: Order) -> dict[str, Any]:
    """A span's record; OpenTelemetry's times are nanoseconds."""
    said = order.instruction
    signalled = said.decision_time if said.decision_time and said.decision_time <= order.created_at else None
    steps = [
        ("decided", order.created_at),
        ("sent", order.submitted_at),
        ("acknowledged", order.accepted_at),
        ("first fill", order.first_fill_at),
        ("last fill", order.last_fill_at),
    ]
    return {
        "start": 1_000 * (signalled or order.created_at),
        "end": 1_000 * event.time,
        "steps": [(name, 1_000 * time) for name, time in steps if time is not None],
        "failed": order.status in _FAILED,
        "attributes": {
            "orderwright.book": book,
            "orderwright.sequence": sequence,
            "orderwright.order": order.order_id,
            "orderwright.signal": said.signal_id,
            "orderwright.strategy": said.strategy,
            "orderwright.symbol": said.symbol,
            "orderwright.side": said.side.value,
            "orderwright.type": said.type.value,
            "orderwright.quantity": text(order.quantity),
            "orderwright.filled": text(order.filled),
            "orderwright.status": order.status.value,
        },
    }


__all__ = ["Tracing", "tracer_from_environment"]
