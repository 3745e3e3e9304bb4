"""Logs, metrics, traces and alerts put together, as the configuration says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct
from prometheus_client import CollectorRegistry, disable_created_metrics

from orderwright.core import messages as m
from orderwright.live.desk import Desk, Watcher
from orderwright.ports import Clock
from orderwright.service.observing.counting import Counting
from orderwright.service.observing.gauges import Gauges
from orderwright.service.observing.logs import LogFormat, set_up
from orderwright.service.observing.notifying import Notifier, Send, by_apprise
from orderwright.service.observing.telling import Telling
from orderwright.service.observing.tracing import Tracing, tracer_from_environment


class Seen(Struct, frozen=True, kw_only=True):
    """What the service is observed with, in plain values. log_level and log_format: of the log lines. urls: of Apprise;
    topics: which alerts are told (empty: all). derived: whether slippage and fill ratios are counted. secrets: texts
    that are never logged."""

    log_format: LogFormat = "console"
    log_level: str = "INFO"
    urls: Sequence[str] = ()
    topics: Sequence[str] = ()
    derived: bool = True
    secrets: Sequence[str] = ()


class Observing:
    """Everything that watches a desk. `watchers` go to the desk, `alert` to its books; `tick` is called every second or
    so, `close` at the end."""

    def __init__(self, seen: Seen, clock: Clock, *, send: Send | None = None, stream: BinaryIO | None = None) -> None:
        self._end_logs = set_up(seen.log_format, seen.log_level, stream=stream, secrets=seen.secrets)
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each figure, which nobody asks for
        self.registry = CollectorRegistry()
        self.counting = Counting(self.registry, clock, derived=seen.derived)
        self._clock = clock
        urls = list(seen.urls)
        deliver = send or (by_apprise(urls) if urls else _nobody)
        self.notifier = Notifier(deliver, clock, seen.topics)
        self.watchers: list[Watcher] = [
            self.counting,
            Telling(seen.log_level),
            self.notifier,
        ]
        found = tracer_from_environment()
        self._provider = found[1] if found is not None else None
        if found is not None:
            self.watchers.append(Tracing(found[0]))

    def alert(self, book: str, alert: m.RaiseAlert) -> None:
        """What a book raises, once it is durable."""
        self.notifier.alert(book, alert)

    def look_at(self, desk: Desk, *, log: Path | None, ready: Callable[[], bool]) -> None:
        """Serve the gauges of a desk too."""
        self.registry.register(Gauges(desk, self._clock, log=log, ready=ready))

    def metrics(self) -> bytes:
        """All figures in Prometheus' text format."""
        from prometheus_client.exposition import generate_latest

        return generate_latest(self.registry)

    def tick(self) -> None:
        """Tell people what was gathered."""
        self.notifier.tick()

    def close(self) -> None:
        """Send what waits, and end the threads."""
        self.notifier.close()
        if self._provider is not None:
            self._provider.shutdown()
        self._end_logs()


def _nobody(title: str, body: str) -> bool:  # noqa: ARG001  # nobody is to be told; the log has it
    return True


__all__ = ["Observing", "Seen"]
