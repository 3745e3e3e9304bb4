"""Counters and histograms for Prometheus that cost an addition each.

The library's own take a lock at each step, for programs of many threads. These are changed and read on one thread, the
event loop's: several of them are touched for every row of the log.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.utils import floatToGoString

MOST_LABELS = 200
"""Combinations of labels that a counter keeps; from then on the last label of a new one is OTHER."""
OTHER = "(other)"


class Counts(Collector):
    """A counter by labels. begin: labels that are there with 0."""

    def __init__(
        self, registry: CollectorRegistry, name: str, what: str, labels: Sequence[str], begin: Sequence[str] = ()
    ) -> None:
        self._name, self._what, self._labels = name, what, labels
        self._found: dict[tuple[str, ...], int] = {(one,): 0 for one in begin}
        registry.register(self)

    def add(self, *labels: str) -> None:
        """One more."""
        found = self._found
        if labels not in found and len(found) >= MOST_LABELS:
            labels = (*labels[:-1], OTHER)
        found[labels] = found.get(labels, 0) + 1

    def describe(self) -> list[Metric]:
        return [CounterMetricFamily(self._name, self._what, labels=self._labels)]

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self._name, self._what, labels=self._labels)
        for labels, count in self._found.items():
            family.add_metric(labels, count)
        yield family


class Spread:
    """How often a value came to lie under each bound."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds, self._counts, self._sum = bounds, [0] * (len(bounds) + 1), 0.0

    def observe(self, value: float) -> None:
        """One value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def add_to(self, family: HistogramMetricFamily, labels: Sequence[str]) -> None:
        """Prometheus counts what lies under a bound with all that lies under those before it."""
        buckets, under = [], 0
        for bound, count in zip((*self._bounds, float("inf")), self._counts, strict=True):
            under += count
            buckets.append((floatToGoString(bound), under))  # type: ignore[no-untyped-call]
        family.add_metric(labels, buckets, self._sum)
        if self._bounds[0] < 0:  # then the family leaves out the count too, not only the sum
            family.add_sample(f"{family.name}_count", dict(zip(family._labelnames, labels, strict=True)), under)


class Spreads(Collector):
    """A histogram by one label, or by none: then `one` is all of it."""

    def __init__(
        self, registry: CollectorRegistry, name: str, what: str, bounds: Sequence[float], label: str | None = None
    ) -> None:
        self._name, self._what, self._bounds, self._label = name, what, bounds, label
        self._found: dict[str, Spread] = {}
        self.one = self.of("") if label is None else Spread(bounds)
        registry.register(self)

    def of(self, label: str) -> Spread:
        """That of a label."""
        found = self._found.get(label)
        if found is None:
            found = self._found[label] = Spread(self._bounds)
        return found

    def describe(self) -> list[Metric]:
        return [self._family()]

    def collect(self) -> Iterator[Metric]:
        family = self._family()
        for label, spread in self._found.items():
            spread.add_to(family, [label] if self._label is not None else [])
        yield family

    def _family(self) -> HistogramMetricFamily:
        return HistogramMetricFamily(self._name, self._what, labels=[self._label] if self._label is not None else None)


__all__ = ["MOST_LABELS", "OTHER", "Counts", "Spread", "Spreads"]
