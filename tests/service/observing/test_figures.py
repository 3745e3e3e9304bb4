"""Our counters and histograms say what the Prometheus library's own would say."""

from __future__ import annotations

import random
from math import inf

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest

from orderwright.service.observing import figures
from orderwright.service.observing.figures import Counts, Spreads

BOUNDS = (-5.0, 0.0, 0.001, 0.5, 1, 2_000)


def said(registry: CollectorRegistry) -> list[str]:
    """The lines of the text format; when a series began is not kept."""
    return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]


def values() -> list[float]:
    draw = random.Random(3)
    return [draw.choice([draw.uniform(-10, 3_000), draw.random(), *BOUNDS, inf]) for _ in range(500)]


def test_a_histogram_without_labels_is_the_librarys() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    one, other = (
        Spreads(ours, "some_seconds", "How long.", BOUNDS).one,
        Histogram("some_seconds", "How long.", buckets=BOUNDS, registry=theirs),
    )
    assert said(ours) == said(theirs)
    for value in values():
        one.observe(value)
        other.observe(value)
    assert said(ours) == said(theirs)


def test_a_histogram_by_label_is_the_librarys() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    one = Spreads(ours, "slippage_bps", "What it cost.", BOUNDS, "side")
    other = Histogram("slippage_bps", "What it cost.", ["side"], buckets=BOUNDS, registry=theirs)
    for number, value in enumerate(values()):
        side = "buy" if number % 3 else 'se"ll\n'
        one.of(side).observe(value)
        other.labels(side).observe(value)
    assert said(ours) == said(theirs)


def test_a_counter_is_the_librarys() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    one = Counts(ours, "orders", "By status.", ["status", "reason"])
    other = Counter("orders", "By status.", ["status", "reason"], registry=theirs)
    for number in range(50):
        labels = (f"status {number % 3}", "" if number % 2 else "max\\value")
        one.add(*labels)
        other.labels(*labels).inc()
    assert said(ours) == said(theirs)


def test_a_counter_has_its_first_labels_at_nought_and_a_bounded_number_of_them() -> None:
    registry = CollectorRegistry()
    counts = Counts(registry, "alerts", "By verdict.", ["verdict"], ["accepted"])
    assert registry.get_sample_value("alerts_total", {"verdict": "accepted"}) == 0
    for number in range(figures.MOST_LABELS + 10):
        counts.add(f"word {number}")
    assert registry.get_sample_value("alerts_total", {"verdict": figures.OTHER}) == 11
    assert registry.get_sample_value("alerts_total", {"verdict": "word 7"}) == 1
    assert len(next(iter(counts.collect())).samples) == figures.MOST_LABELS + 1
